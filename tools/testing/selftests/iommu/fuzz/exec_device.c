// SPDX-License-Identifier: GPL-2.0
/* Steps on mock devices. */
#include <string.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

/* All flags of a mock device */
#define MOCK_DEVICE_FLAGS	8U

/* An IOAS or HWPT to attach to */
static uint32_t pick_pt(struct world *w, struct context *ctx, uint64_t pick)
{
	struct ioas *ioas = pick_ioas(ctx, pick >> 8);
	struct hwpt *hwpt = pick % 2 ? pick_nested(ctx, pick >> 8) :
				       pick_hwpt(ctx, pick >> 8);

	if (hwpt && pick % 5 < 3)
		return faulty_id(w, ctx, hwpt->id);
	return faulty_id(w, ctx, ioas ? ioas->id : 0);
}

static bool room_for_hwpt(struct context *ctx, uint32_t pt)
{
	struct ioas *ioas = model_find_ioas(ctx, pt);

	return free_hwpt(ctx) &&
	       (!ioas || ioas->nreserved < MAX_RANGES - 4);
}

/* The HWPT that a device is attached to now; a new automatic HWPT has @id. */
static struct hwpt *resolve(struct context *ctx, uint32_t pt, uint32_t id)
{
	struct ioas *ioas = model_find_ioas(ctx, pt);
	struct hwpt *hwpt;

	if (!ioas)
		return model_find_hwpt(ctx, pt);
	hwpt = model_automatic_hwpt(ctx, ioas);
	if (!hwpt) {
		hwpt = model_new_hwpt(ctx, ioas, TABLE_PLAIN, id);
		hwpt->automatic = true;
	}
	return hwpt;
}

/* The HWPT that an attach to @pt uses; NULL if it makes a new one. */
static struct hwpt *existing(struct context *ctx, uint32_t pt)
{
	struct ioas *ioas = model_find_ioas(ctx, pt);

	return ioas ? model_automatic_hwpt(ctx, ioas) :
		      model_find_hwpt(ctx, pt);
}

/* Two or three new objects get the lowest free ids, in any order. */
static void check_attach_ids(struct world *w, struct context *ctx,
			     const struct iommu_test_cmd *cmd, bool new_hwpt)
{
	uint32_t ids[3] = {
		cmd->mock_domain.out_stdev_id, cmd->mock_domain.out_idev_id,
		cmd->mock_domain.out_hwpt_id,
	};
	uint32_t id = 0;

	for (int i = 0; i < 2 + new_hwpt && ctx->ids_exact; i++) {
		id = model_next_id(ctx, id);
		if (ids[0] != id && ids[1] != id && (!new_hwpt || ids[2] != id))
			differ(w, "ids %u, %u, %u; free was %u", ids[0],
			       ids[1], ids[2], id);
	}
}

void do_attach(struct world *w, struct context *ctx, const struct step *step)
{
	bool flags = step->arg[1] % 4 == 0;
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = flags ? IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS :
			      IOMMU_TEST_OP_MOCK_DOMAIN,
		.id = pick_pt(w, ctx, step->arg[0]),
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct dev *dev = free_dev(ctx);
	struct hwpt *hwpt = existing(ctx, cmd.id);
	struct dev new = {
		.used = true,
		.cache = { CACHE_WORD, CACHE_WORD, CACHE_WORD, CACHE_WORD },
	};

	if (!dev || !room_for_hwpt(ctx, cmd.id)) {
		skip(w);
		return;
	}
	if (flags) {
		new.flags = step->arg[2] % MOCK_DEVICE_FLAGS;
		cmd.mock_domain.dev_flags = new.flags |
			faulty_bits(w, FAULT_FLAG, -MOCK_DEVICE_FLAGS);
		if (cmd.mock_domain.dev_flags >= MOCK_DEVICE_FLAGS) {
			errs_add(&call.errs, EOPNOTSUPP);
			errs_add(&call.errs, EINVAL);
		}
	}
	model_predict_attach(ctx, &new, cmd.id, &call.errs);
	/* The id may be that of the new device itself. */
	if (!model_is_id(ctx, cmd.id))
		errs_add(&call.errs, EINVAL);
	if (!call_issue(w, &call))
		return;
	check_attach_ids(w, ctx, &cmd, !hwpt);
	*dev = new;
	dev->stdev = cmd.mock_domain.out_stdev_id;
	dev->idev = cmd.mock_domain.out_idev_id;
	if (hwpt)
		DIFFER_UNLESS(w, hwpt->id, cmd.mock_domain.out_hwpt_id,
			      "the HWPT");
	model_attach(ctx, dev,
		     resolve(ctx, cmd.id, cmd.mock_domain.out_hwpt_id));
	model_take_id(ctx, dev->stdev);
	model_take_id(ctx, dev->idev);
}

void do_replace(struct world *w, struct context *ctx, const struct step *step)
{
	struct dev *dev = pick_dev(ctx, step->arg[1]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE,
		.id = dev ? dev->stdev : 0,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct hwpt *hwpt;
	uint32_t pt = pick_pt(w, ctx, step->arg[0]);

	if (step->arg[2] % 8 == 0)
		cmd.id = faulty_id(w, ctx, cmd.id);
	dev = model_find_stdev(ctx, cmd.id);
	if (!room_for_hwpt(ctx, pt)) {
		skip(w);
		return;
	}
	hwpt = existing(ctx, pt);
	cmd.mock_domain_replace.pt_id = pt;
	if (!dev)
		errs_add(&call.errs, ENOENT);
	model_predict_attach(ctx, dev, pt, &call.errs);
	/* While it has PASIDs, its HWPT must be one for them. */
	if (dev && model_has_pasids(dev) &&
	    (!model_find_hwpt(ctx, pt) ||
	     !(model_find_hwpt(ctx, pt)->flags & IOMMU_HWPT_ALLOC_PASID)))
		errs_add(&call.errs, EINVAL);
	/*
	 * The ABI does not say whether page requests were answered when the
	 * driver refuses to replace.
	 */
	if (dev && hwpt && hwpt->viommu && call.errs.n && dev->hwpt->queue &&
	    dev->hwpt->queue->ngroups) {
		skip(w);
		return;
	}
	if (!call_issue(w, &call))
		return;
	if (hwpt)
		DIFFER_UNLESS(w, hwpt->id, cmd.mock_domain_replace.pt_id,
			      "the HWPT");
	else
		check_new_id(w, ctx, cmd.mock_domain_replace.pt_id);
	model_attach(ctx, dev,
		     resolve(ctx, pt, cmd.mock_domain_replace.pt_id));
}

/* Has the page table at @iova the page that is at @va now? */
static bool holds(struct context *ctx, struct hwpt *hwpt, uint64_t iova,
		  uint64_t va)
{
	struct range range = { iova, iova + MOCK_PAGE - 1 };
	struct piece piece;
	struct area *area;

	if (model_cover(hwpt->ioas, range, &area) != 1 ||
	    model_copy_va(hwpt->ioas, iova) != va)
		return false;
	piece = model_piece(area, range);
	return piece.npages && model_is_current(ctx, piece.memory, piece.first);
}

void do_check_map(struct world *w, struct context *ctx,
		  const struct step *step)
{
	struct hwpt *hwpt = pick_hwpt(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_MD_CHECK_MAP,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct range range;
	uint64_t va;

	if (!hwpt || !hwpt->ioas->nareas || !pick_range(w, hwpt->ioas, &range)) {
		skip(w);
		return;
	}
	cmd.id = faulty_id(w, ctx, hwpt->id);
	va = model_copy_va(hwpt->ioas, range.start);
	if (!va)
		va = arena_va(w, range.start % PAGE);
	va ^= step->arg[5] % 16 == 0 ? PAGE : 0;
	cmd.check_map.iova = range.start;
	cmd.check_map.length = range.last - range.start + 1;
	cmd.check_map.uptr = va;
	hwpt = model_find_hwpt(ctx, cmd.id);
	if (!hwpt)
		errs_add(&call.errs, ENOENT);
	if (hwpt && hwpt->parent) {
		errs_add(&call.errs, ENOENT);
		errs_add(&call.errs, EINVAL);
	}
	if ((cmd.check_map.iova | cmd.check_map.length | va) % MOCK_PAGE)
		errs_add(&call.errs, EINVAL);
	for (uint64_t i = 0; hwpt && !call.errs.n && i < cmd.check_map.length;
	     i += MOCK_PAGE) {
		if (holds(ctx, hwpt, range.start + i, va + i))
			continue;
		errs_add(&call.errs, EINVAL);
		errs_add(&call.errs, EFAULT);
	}
	call_issue(w, &call);
}

/* Does @memory pin the page that is at @va now? */
static bool pins_page(struct context *ctx, const struct memory *memory,
		      uint64_t va)
{
	uint64_t page = va / PAGE - memory->va / PAGE;

	return !memory->nowhere && page < memory->npages &&
	       (memory->domains[page] || memory->accesses[page]) &&
	       model_is_current(ctx, memory, page);
}

/*
 * How many memories of an IOAS pin the page, not counting those with the mark
 */
static unsigned int refs_in(struct context *ctx, struct ioas *ioas,
			    uint64_t va, unsigned int mark)
{
	unsigned int refs = 0;

	for (unsigned int i = 0; i < ioas->nareas; i++) {
		struct memory *memory = ioas->areas[i].memory;

		if (memory->mark != mark)
			refs += pins_page(ctx, memory, va);
		memory->mark = mark;
	}
	return refs;
}

static unsigned int refs_of(struct world *w, uint64_t va)
{
	unsigned int refs = 0;

	w->mark++;
	for (unsigned int c = 0; c < w->nctxs; c++)
		for (unsigned int i = 0; i < MAX_IOAS; i++)
			refs += refs_in(w->ctx[c], &w->ctx[c]->ioas[i], va,
					w->mark);
	return refs;
}

void do_check_refs(struct world *w, struct context *ctx,
		   const struct step *step)
{
	uint64_t page = step->arg[0] % ARENA_SMALL;
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_MD_CHECK_REFS,
		.check_refs = {
			.length = PAGE, .uptr = arena_va(w, page * PAGE),
		},
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);

	if (!w->arena->pages[page].readable) {
		errs_add(&call.errs, EFAULT);
	} else {
		cmd.check_refs.refs = refs_of(w, cmd.check_refs.uptr);
		if (step->arg[1] % 8 == 0) {
			cmd.check_refs.refs += 1 + step->arg[1] / 8 % 3;
			errs_add(&call.errs, EIO);
		}
	}
	call_issue(w, &call);
}
