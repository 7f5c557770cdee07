// SPDX-License-Identifier: GPL-2.0
/* Steps with the ioctls of a VFIO type1 container, and VFIO_IOAS. */
#include <string.h>
#include <sys/ioctl.h>
#include <linux/vfio.h>

#include "exec.h"
#include "ioctls.h"

void do_vfio_ioas(struct world *w, struct context *ctx,
		  const struct step *step)
{
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd), .op = step->arg[1],
	};
	struct call call = CALL(ctx, IOMMU_VFIO_IOAS, cmd, 12);

	if (w->threaded) {
		skip(w);
		return;
	}
	cmd.ioas_id = faulty_id(w, ctx, ioas ? ioas->id : 0);
	ioas = model_find_ioas(ctx, cmd.ioas_id);
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT16_MAX);
	if (cmd.__reserved || cmd.op > IOMMU_VFIO_IOAS_CLEAR)
		errs_add(&call.errs, EOPNOTSUPP);
	else if (cmd.op == IOMMU_VFIO_IOAS_GET && !ctx->compat)
		errs_add(&call.errs, ENODEV);
	else if (cmd.op == IOMMU_VFIO_IOAS_SET && !ioas)
		errs_add(&call.errs, ENOENT);
	if (!call_issue(w, &call))
		return;
	if (cmd.op == IOMMU_VFIO_IOAS_GET)
		DIFFER_UNLESS(w, ctx->compat->id, cmd.ioas_id, "the IOAS");
	else if (cmd.op == IOMMU_VFIO_IOAS_SET)
		ctx->compat = ioas;
	else
		ctx->compat = NULL;
}

/* Too small an argsz is EINVAL; the kernel ignores what a larger one adds. */
static bool argsz_is_bad(struct world *w, uint32_t *argsz, struct errs *e)
{
	if (!has_fault(w, FAULT_SIZE_SMALL))
		return false;
	*argsz = w->step->arg[5] % *argsz;
	*e = (struct errs){ .n = 1, .rc = { EINVAL } };
	return true;
}

void do_type1_map(struct world *w, struct context *ctx, const struct step *step)
{
	struct map_call map = {
		.va = step->arg[1], .length = step->arg[2],
		.iova = step->arg[4], .flags = MAP_FIXED_IOVA,
		.type1 = true,
	};
	struct vfio_iommu_type1_dma_map cmd = {
		.argsz = sizeof(cmd),
		.flags = step->arg[3] % 4 | faulty_bits(w, FAULT_FLAG, ~3U),
	}, before;
	struct errs errs = { };

	if (map.va < ARENA_BYTES)
		map.va = arena_va(w, map.va);
	if (w->threaded || (ctx->compat && ctx->compat->nareas > MAX_AREAS - 6)) {
		skip(w);
		return;
	}
	cmd.vaddr = map.va;
	cmd.iova = map.iova;
	cmd.size = map.length;
	if (cmd.flags & VFIO_DMA_MAP_FLAG_READ)
		map.flags |= MAP_READ;
	if (cmd.flags & VFIO_DMA_MAP_FLAG_WRITE)
		map.flags |= MAP_WRITE;
	if (cmd.flags & ~3U)
		errs_add(&errs, EINVAL);
	else if (!argsz_is_bad(w, &cmd.argsz, &errs)) {
		if (ctx->compat)
			model_predict_map(ctx, ctx->compat, &map, &errs);
		else
			errs_add(&errs, ENODEV);
	}
	/* The kernel may check the rights before it looks for the IOAS. */
	if (!ctx->compat && !(cmd.flags & 3))
		errs_add(&errs, EINVAL);
	before = cmd;
	if (call_expect(w, &errs, call_plain(w, ctx->fd, VFIO_IOMMU_MAP_DMA,
					     &cmd)))
		model_map(ctx, ctx->compat, &map);
	if (memcmp(&before, &cmd, sizeof(cmd)))
		differ(w, "has written to its struct");
}

/*
 * Does the ABI say what a split at @iova does? Not if an access pins the area.
 */
static bool cut_is_known(struct context *ctx, struct ioas *ioas, uint64_t iova)
{
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		struct area *area = &ioas->areas[i];

		if (area->start >= iova || area->last < iova)
			continue;
		for (unsigned int a = 0; a < MAX_ACCESS; a++)
			for (unsigned int p = 0; p < MAX_PINS; p++) {
				struct pin *pin = &ctx->access[a].pins[p];

				if (ctx->access[a].ioas == ioas && pin->used &&
				    pin->iovas.start <= area->last &&
				    area->start <= pin->iovas.last)
					return false;
			}
	}
	return ioas->nareas < MAX_AREAS - 6;
}

static bool would_cut(struct ioas *ioas, uint64_t iova)
{
	for (unsigned int i = 0; i < ioas->nareas; i++)
		if (ioas->areas[i].start < iova && ioas->areas[i].last >= iova)
			return true;
	return false;
}

/* Version 1 splits at both ends first; false if that is refused. */
static bool cut_ends(struct ioas *ioas, struct range range)
{
	return model_cut(ioas, range.start) &&
	       (range.last == U64_MAX || model_cut(ioas, range.last + 1));
}

static int unmap_chosen(struct context *ctx, struct range range, uint64_t *bytes)
{
	struct ioas *ioas = ctx->compat;
	int rc;

	*bytes = 0;
	if (!ioas->huge && !cut_ends(ioas, range))
		return EINVAL;
	if (!model_hits_area(ioas, range))
		return 0;
	rc = model_unmap(ctx, ioas, range, bytes);
	return rc;
}

/* The ABI does not say what is left when only one of two splits is possible. */
static bool unmap_is_known(struct context *ctx, struct range range)
{
	struct ioas *ioas = ctx->compat;
	uint64_t end = range.last + 1;
	bool odd;

	if (ioas->huge)
		return true;
	/*
	 * Nor does it say which comes first: the check of pins or of alignment.
	 */
	if (!cut_is_known(ctx, ioas, range.start) ||
	    !cut_is_known(ctx, ioas, end))
		return false;
	odd = model_denies_cut(ioas, range.start) ||
	      model_denies_cut(ioas, end);
	if (odd && would_cut(ioas, range.start) != would_cut(ioas, end))
		return true;
	return !odd || (model_denies_cut(ioas, range.start) &&
			model_denies_cut(ioas, end));
}

void do_type1_unmap(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.flags = faulty_bits(w, FAULT_FLAG, ~2U),
	};
	struct errs errs = { };
	struct range range = { step->arg[3] * PAGE, step->arg[3] * PAGE + PAGE };
	uint64_t bytes = 0, asked;
	bool all = step->arg[0] % 8 == 0;
	int rc;

	if (w->threaded) {
		skip(w);
		return;
	}
	if (ctx->compat && !pick_range(w, ctx->compat, &range)) {
		skip(w);
		return;
	}
	if (all) {
		cmd.flags |= VFIO_DMA_UNMAP_FLAG_ALL;
		range = (struct range){ 0, U64_MAX };
	} else {
		cmd.iova = range.start;
		cmd.size = range.last - range.start + 1;
	}
	if (ctx->compat && (!unmap_is_known(ctx, range) ||
			    model_hits_hwq(ctx, ctx->compat,
					   (struct range){ 0, U64_MAX }))) {
		skip(w);
		return;
	}
	if (cmd.flags & ~2U)
		errs_add(&errs, EINVAL);
	else if (!argsz_is_bad(w, &cmd.argsz, &errs)) {
		rc = ctx->compat ? unmap_chosen(ctx, range, &bytes) : ENODEV;
		if (rc)
			errs_add(&errs, rc);
	}
	asked = cmd.size;
	rc = call_plain(w, ctx->fd, VFIO_IOMMU_UNMAP_DMA, &cmd);
	call_expect(w, &errs, rc);
	DIFFER_UNLESS(w, rc ? asked : bytes, cmd.size, "the unmapped size");
}

void do_type1_set(struct world *w, struct context *ctx, const struct step *step)
{
	unsigned long type = step->arg[0] % 8 ? VFIO_TYPE1v2_IOMMU - 2 *
			     (step->arg[0] % 2) : step->arg[1] % 12;
	bool v1 = type == VFIO_TYPE1_IOMMU;
	struct errs errs = { };
	int rc;

	if (w->threaded) {
		skip(w);
		return;
	}
	if (!v1 && type != VFIO_TYPE1v2_IOMMU)
		errs_add(&errs, EINVAL);
	else if (!ctx->compat)
		errs_add(&errs, ENODEV);
	else if (v1 && ctx->compat->nareas && ctx->compat->nhwpts) {
		errs_add(&errs, EINVAL);
		errs.or_success = !ctx->compat->huge;
	}
	if (!errs.n && v1 && !model_suits(ctx->compat, NULL, 0, PAGE))
		errs_add(&errs, EADDRINUSE);
	rc = ioctl(ctx->fd, VFIO_SET_IOMMU, type) < 0 ? errno : 0;
	if (call_expect(w, &errs, rc) && v1)
		ctx->compat->huge = false;
}

void do_type1_ask(struct world *w, struct context *ctx, const struct step *step)
{
	unsigned long extension = step->arg[0] % 12;
	struct errs errs = { };
	int want = 0, rc;

	if (w->threaded) {
		skip(w);
		return;
	}
	if (step->arg[1] % 8 == 0) {
		rc = ioctl(ctx->fd, VFIO_GET_API_VERSION);
	} else {
		rc = ioctl(ctx->fd, VFIO_CHECK_EXTENSION, extension);
		want = extension == VFIO_TYPE1_IOMMU ||
		       extension == VFIO_TYPE1v2_IOMMU ||
		       extension == VFIO_UNMAP_ALL;
		if (extension == VFIO_DMA_CC_IOMMU) {
			if (!ctx->compat)
				errs_add(&errs, ENODEV);
			want = ctx->compat && !ctx->compat->nhwpts;
		}
	}
	if (call_expect(w, &errs, rc < 0 ? errno : 0))
		DIFFER_UNLESS(w, want, rc, "the answer");
}

struct info {
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_dma_avail avail;
	uint32_t pad;
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct range ranges[MAX_RANGES + 2];
};

static void check_info(struct world *w, struct context *ctx,
		       const struct info *got, uint32_t argsz)
{
	struct range want[MAX_RANGES + 2];
	unsigned int n = model_free_ranges(ctx->compat, want);
	uint32_t need = 56 + n * sizeof(*want);

	DIFFER_UNLESS(w, need, got->info.argsz, "argsz");
	DIFFER_UNLESS(w, VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
		      got->info.flags, "flags");
	if (argsz >= 20)
		DIFFER_UNLESS(w, argsz >= need ? 24 : 0, got->info.cap_offset,
			      "cap_offset");
	for (uint32_t i = argsz < need ? argsz : need; i < sizeof(*got); i++)
		if (((const uint8_t *)got)[i] != 0xa5)
			differ(w, "byte %u was written, argsz is %u", i, argsz);
	if (argsz < need)
		return;
	DIFFER_UNLESS(w, n, got->cap.nr_iovas, "the number of ranges");
	if (memcmp(want, got->ranges, n * sizeof(*want)))
		differ(w, "the ranges are wrong");
}

void do_type1_info(struct world *w, struct context *ctx,
		   const struct step *step)
{
	struct errs errs = { };
	struct info info;
	uint32_t argsz = step->arg[0] % 3 ? sizeof(info) : step->arg[1] % 120;

	if (w->threaded) {
		skip(w);
		return;
	}
	memset(&info, 0xa5, sizeof(info));
	info.info.argsz = argsz;
	if (argsz < 16)
		errs_add(&errs, EINVAL);
	else if (!ctx->compat)
		errs_add(&errs, ENODEV);
	if (call_expect(w, &errs, call_plain(w, ctx->fd, VFIO_IOMMU_GET_INFO,
					     &info)))
		check_info(w, ctx, &info, argsz);
}

/* Numbers without an ioctl, next to numbers with one */
void do_unknown(struct world *w, struct context *ctx, const struct step *step)
{
	static const unsigned long numbers[] = {
		_IO(';', 0x7f), _IO(';', 0x9f), _IO(';', 0xa1), _IO(';', 0xff),
		VFIO_IOMMU_DIRTY_PAGES, VFIO_IOMMU_ENABLE,
		VFIO_GROUP_GET_STATUS, _IO('<', VFIO_BASE), 0, 0xffffffff,
		_IO(';', VFIO_BASE + 60), _IO(';', VFIO_BASE + 90),
	};
	uint32_t raw[64] = { sizeof(raw) };
	struct errs errs = { .n = 1, .rc = { ENOTTY } };

	call_expect(w, &errs, call_plain(w, ctx->fd,
					 numbers[step->arg[0] % 10], raw));
}
