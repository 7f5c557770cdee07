// SPDX-License-Identifier: GPL-2.0
/* Steps on an IOAS: its mappings, ranges and options. */
#include <string.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

void do_ioas_alloc(struct world *w, struct context *ctx,
		   const struct step *step)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_IOAS_ALLOC, cmd, 12);
	struct ioas *ioas = free_ioas(ctx);

	if (!ioas) {
		skip(w);
		return;
	}
	cmd.flags = faulty_bits(w, FAULT_FLAG, UINT32_MAX);
	if (cmd.flags)
		errs_add(&call.errs, EOPNOTSUPP);
	if (!call_issue(w, &call))
		return;
	check_new_id(w, ctx, cmd.out_ioas_id);
	*ioas = (struct ioas){
		.used = true, .id = cmd.out_ioas_id, .huge = true,
	};
	model_take_id(ctx, ioas->id);
}

/* An object of the type that arg[0] chooses */
static uint32_t pick_any(struct context *ctx, const struct step *step)
{
	struct access *access = pick_access(ctx, step->arg[1]);

	/* With several threads the id of an access is not known. */
	if (step->arg[0] % 16 == 0 && access && ctx->ids_exact)
		return access->id;
	return pick_id(ctx, step->arg[0]);
}

void do_destroy(struct world *w, struct context *ctx, const struct step *step)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_DESTROY, cmd, 8);

	cmd.id = faulty_id(w, ctx, pick_any(ctx, step));
	model_predict_destroy(ctx, cmd.id, &call.errs);
	if (call_issue(w, &call))
		model_destroy(ctx, cmd.id);
}

static uint32_t ioas_id(struct ioas *ioas)
{
	return ioas ? ioas->id : 0;
}

static bool has_room(const struct ioas *ioas, unsigned int n)
{
	return !ioas || ioas->nareas + n < MAX_AREAS - 4;
}

void do_map(struct world *w, struct context *ctx, const struct step *step)
{
	struct iommu_ioas_map cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_IOAS_MAP, cmd, 40);
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	struct map_call map = {
		.va = step->arg[1], .length = step->arg[2],
		.flags = step->arg[3] | faulty_bits(w, FAULT_FLAG, ~7U),
		.iova = step->arg[4],
	};
	uint64_t asked = map.iova;

	if (map.va < ARENA_BYTES)
		map.va = arena_va(w, map.va);
	cmd.ioas_id = faulty_id(w, ctx, ioas_id(ioas));
	ioas = model_find_ioas(ctx, cmd.ioas_id);
	if (!has_room(ioas, 1)) {
		skip(w);
		return;
	}
	cmd.flags = map.flags;
	cmd.user_va = map.va;
	cmd.length = map.length;
	cmd.iova = map.iova;
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
	if (cmd.__reserved)
		errs_add(&call.errs, EOPNOTSUPP);
	model_predict_map(ctx, ioas, &map, &call.errs);
	if (!call_issue(w, &call))
		return;
	map.iova = cmd.iova;
	if (map.flags & MAP_FIXED_IOVA) {
		DIFFER_UNLESS(w, asked, cmd.iova, "the fixed IOVA");
	} else {
		uint64_t want = 0;

		model_place(ioas, map.va, map.length, &want);
		DIFFER_UNLESS(w, want, cmd.iova, "the chosen IOVA");
	}
	model_map(ctx, ioas, &map);
}

/* As do_map(), but by the file that has the memory, not by its address */
void do_map_file(struct world *w, struct context *ctx, const struct step *step)
{
	struct iommu_ioas_map_file cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_IOAS_MAP_FILE, cmd, 40);
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	uint64_t start = step->arg[1] % arena_file.length;
	struct map_call map = {
		.length = step->arg[2],
		.flags = step->arg[3] | faulty_bits(w, FAULT_FLAG, ~7U),
		.iova = step->arg[4],
		.by_file = true,
	};

	/* Behind the end of the file the model knows other memory. */
	if (map.length > arena_file.length - start)
		map.length = arena_file.length - start;
	cmd.start = arena_file.start + start;
	map.va = arena_va(w, cmd.start);
	cmd.ioas_id = faulty_id(w, ctx, ioas_id(ioas));
	ioas = model_find_ioas(ctx, cmd.ioas_id);
	if (!has_room(ioas, 1)) {
		skip(w);
		return;
	}
	cmd.fd = ctx->arena->file;
	if (step->arg[5] % 40 == 0) {
		cmd.fd = step->arg[5] % 3 ? -1 : ctx->fd;
		errs_add(&call.errs, step->arg[5] % 3 ? EBADF : EINVAL);
	}
	cmd.flags = map.flags;
	cmd.length = map.length;
	cmd.iova = map.iova;
	model_predict_map(ctx, ioas, &map, &call.errs);
	if (!call_issue(w, &call))
		return;
	if (map.flags & MAP_FIXED_IOVA)
		DIFFER_UNLESS(w, map.iova, cmd.iova, "the fixed IOVA");
	map.iova = cmd.iova;
	if (!(map.flags & MAP_FIXED_IOVA)) {
		uint64_t want = 0;

		model_place(ioas, map.va, map.length, &want);
		DIFFER_UNLESS(w, want, cmd.iova, "the chosen IOVA");
	}
	model_map(ctx, ioas, &map);
}

/*
 * arg[1] chooses an area, arg[2] the position of the range relative to it,
 * arg[3] and arg[4] are distances.
 */
bool pick_range(struct world *w, struct ioas *ioas, struct range *range)
{
	const uint64_t *arg = w->step->arg;
	struct area *area = pick_area(ioas, arg[1]), *other;
	uint64_t start, last, length;

	if (!area) {
		*range = (struct range){ arg[3] * PAGE,
					 arg[3] * PAGE + arg[4] % 65536 };
		return true;
	}
	start = area->start;
	last = area->last;
	length = last - start + 1;
	switch (arg[2] % 8) {
	case 0:
	case 1:
		break;
	case 2:			/* each end moved by up to a byte */
		start += arg[3] % 4 == 0 && length > 1;
		start -= arg[3] % 4 == 1 && start;
		last -= arg[4] % 4 == 0 && last > start;
		last += arg[4] % 4 == 1;
		break;
	case 3:			/* a part of it */
		start += arg[3] % length;
		last -= arg[4] % (last - start + 1);
		break;
	case 4:			/* some of its pages */
		if (length > PAGE)
			start += arg[3] % (length / PAGE) * PAGE;
		if (last - start >= PAGE)
			last -= arg[4] % ((last - start) / PAGE + 1) * PAGE;
		break;
	case 5:
	case 6:			/* up to the end of another area */
		other = pick_area(ioas, arg[1] + arg[3] % 4);
		if (other->last > last)
			last = other->last;
		break;
	default:		/* wider than it */
		start = start > arg[3] % 4 * PAGE ? start - arg[3] % 4 * PAGE
						  : start;
		last += arg[4] % 4 * PAGE;
		break;
	}
	range->start = start;
	range->last = last;
	return last >= start;
}

static void predict_unmap(struct ioas *ioas, uint64_t iova, uint64_t length,
			  struct errs *e)
{
	if (!ioas)
		errs_add(e, ENOENT);
	if (iova == 0 && length == U64_MAX)
		return;
	if (iova >= U64_MAX || length >= U64_MAX ||
	    (length && iova + length - 1 < iova))
		errs_add(e, EOVERFLOW);
	if (!length)
		errs_add(e, EINVAL);
}

void do_unmap(struct world *w, struct context *ctx, const struct step *step)
{
	struct iommu_ioas_unmap cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_IOAS_UNMAP, cmd, 24);
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	uint64_t bytes = 0;
	bool works, busy = false;
	struct range range;

	cmd.ioas_id = faulty_id(w, ctx, ioas_id(ioas));
	ioas = model_find_ioas(ctx, cmd.ioas_id);
	if (step->arg[2] == 100) {	/* a range from make_unmap() */
		cmd.iova = step->arg[3];
		cmd.length = step->arg[4];
	} else if (ioas && pick_range(w, ioas, &range)) {
		cmd.iova = range.start;
		cmd.length = range.last - range.start + 1;
	}
	predict_unmap(ioas, cmd.iova, cmd.length, &call.errs);
	range.start = cmd.iova;
	range.last = cmd.iova + cmd.length - 1;
	if (cmd.length == U64_MAX)
		range.last = U64_MAX;
	if (!call.errs.n && !model_unmap_is_known(ctx, ioas, range, &busy)) {
		skip(w);
		return;
	}
	if (busy)
		errs_add(&call.errs, EBUSY);
	works = !call.errs.n && step->fault != FAULT_SIZE_SMALL &&
		step->fault != FAULT_TAIL && step->fault != FAULT_POINTER;
	if (works) {
		if (model_unmap(ctx, ioas, range, &bytes) &&
		    cmd.length != U64_MAX)
			errs_add(&call.errs, ENOENT);
	}
	if (call_issue(w, &call))
		DIFFER_UNLESS(w, bytes, cmd.length, "the unmapped length");
}

void do_copy(struct world *w, struct context *ctx, const struct step *step)
{
	struct iommu_ioas_copy cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_IOAS_COPY, cmd, 40);
	struct ioas *src = pick_ioas(ctx, step->arg[0]);
	struct ioas *dst = pick_ioas(ctx, step->arg[0] >> 8);
	struct range range = { };
	struct map_call map;
	struct area *area;

	if (!src || !pick_range(w, src, &range)) {
		skip(w);
		return;
	}
	cmd.flags = (step->arg[5] >> 56) | faulty_bits(w, FAULT_FLAG, ~7U);
	cmd.src_ioas_id = src->id;
	cmd.dst_ioas_id = faulty_id(w, ctx, dst->id);
	dst = model_find_ioas(ctx, cmd.dst_ioas_id);
	cmd.src_iova = range.start;
	cmd.length = range.last - range.start + 1;
	cmd.dst_iova = step->arg[5] & 0xffffffffffff;
	if (!has_room(dst, model_cover(src, range, &area)) ||
	    !model_copy_is_known(ctx, src, range)) {
		skip(w);
		return;
	}
	map = (struct map_call){
		.va = cmd.src_iova, .length = cmd.length, .iova = cmd.dst_iova,
		.flags = cmd.flags,
	};
	model_predict_copy(ctx, dst, src, &map, &call.errs);
	if (!call_issue(w, &call))
		return;
	map.iova = cmd.dst_iova;
	if (!(map.flags & MAP_FIXED_IOVA))
		model_place(dst, model_copy_va(src, map.va), map.length,
			    &map.iova);
	DIFFER_UNLESS(w, map.iova, cmd.dst_iova, "the IOVA of the copy");
	model_copy(ctx, dst, src, &map);
}

void do_iova_ranges(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct range got[MAX_RANGES + 2], want[MAX_RANGES + 2];
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.allowed_iovas = (uintptr_t)got,
		.num_iovas = step->arg[1] % 3 ? MAX_RANGES : step->arg[2] % 4,
	};
	struct call call = CALL(ctx, IOMMU_IOAS_IOVA_RANGES, cmd, 32);
	unsigned int n = 0, room = cmd.num_iovas;

	cmd.ioas_id = faulty_id(w, ctx, ioas_id(ioas));
	ioas = model_find_ioas(ctx, cmd.ioas_id);
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
	if (cmd.__reserved)
		errs_add(&call.errs, EOPNOTSUPP);
	memset(got, 0xee, sizeof(got));
	if (ioas)
		n = model_free_ranges(ioas, want);
	else
		errs_add(&call.errs, ENOENT);
	if (n > room)
		errs_add(&call.errs, EMSGSIZE);
	call_issue(w, &call);
	if (call.rc && call.rc != EMSGSIZE)
		return;
	DIFFER_UNLESS(w, n, cmd.num_iovas, "the number of ranges");
	DIFFER_UNLESS(w, model_alignment(ioas), cmd.out_iova_alignment,
		      "the alignment");
	for (unsigned int i = 0; i < n && i < room; i++) {
		DIFFER_UNLESS(w, want[i].start, got[i].start, "a range's start");
		DIFFER_UNLESS(w, want[i].last, got[i].last, "a range's last");
	}
	if (n < room && got[n].start != 0xeeeeeeeeeeeeeeee)
		differ(w, "has written more ranges than there are");
}

/* Up to four ranges that do not touch; some lists are wrong. */
static unsigned int make_list(const struct step *step, struct range *list)
{
	struct rng rng = { step->arg[1] };
	unsigned int n = step->arg[2] % 5;
	uint64_t at = step->arg[3];

	for (unsigned int i = 0; i < n; i++) {
		uint64_t length = (1 + rng_below(&rng, 40)) * PAGE;

		list[i] = (struct range){ at, at + length - 1 };
		at += length + (1 + rng_below(&rng, 30)) * PAGE;
	}
	switch (n ? step->arg[4] % 16 : 99) {
	case 0:
		list[n - 1].last = list[n - 1].start;
		break;
	case 1:
		list[n - 1].last = list[n - 1].start - 1;
		break;
	case 2:
		list[0].last = list[n - 1].start;
		break;
	case 3:
		list[n - 1] = (struct range){ 1UL << 60, U64_MAX };
		break;
	}
	if (n > 1 && step->arg[4] % 3 == 0) {
		struct range swap = list[0];

		list[0] = list[n - 1];
		list[n - 1] = swap;
	}
	return n;
}

static void predict_allow(const struct ioas *ioas, const struct range *list,
			  unsigned int n, struct errs *e)
{
	for (unsigned int i = 0; i < n; i++) {
		if (list[i].start >= list[i].last)
			errs_add(e, EINVAL);
		for (unsigned int j = 0; j < i; j++)
			if (list[i].start <= list[j].last &&
			    list[j].start <= list[i].last)
				errs_add(e, EINVAL);
		if (ioas && model_hits_reserved(ioas, list[i]))
			errs_add(e, EADDRINUSE);
	}
	if (!ioas)
		errs_add(e, ENOENT);
}

void do_allow_iovas(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct range list[8] = { };
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd), .allowed_iovas = (uintptr_t)list,
	};
	struct call call = CALL(ctx, IOMMU_IOAS_ALLOW_IOVAS, cmd, 24);
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);

	cmd.ioas_id = faulty_id(w, ctx, ioas_id(ioas));
	ioas = model_find_ioas(ctx, cmd.ioas_id);
	cmd.num_iovas = make_list(step, list);
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
	if (cmd.__reserved)
		errs_add(&call.errs, EOPNOTSUPP);
	predict_allow(ioas, list, cmd.num_iovas, &call.errs);
	if (cmd.num_iovas && step->arg[4] % 32 == 17) {
		cmd.allowed_iovas = (uintptr_t)arena_no_page();
		errs_add(&call.errs, EFAULT);
	}
	if (!call_issue(w, &call))
		return;
	memcpy(ioas->allowed, list, sizeof(list));
	ioas->nallowed = cmd.num_iovas;
}

static void predict_mode(struct context *ctx, const struct iommu_option *cmd,
			 struct errs *e)
{
	if (cmd->object_id) {
		errs_add(e, EOPNOTSUPP);
	} else if (cmd->op == IOMMU_OPTION_OP_SET) {
		/* The ABI fixes the order of these checks. */
		if (!ctx->account->may_set_mode)
			errs_add(e, EPERM);
		else if (!model_is_empty(ctx))
			errs_add(e, EBUSY);
		else if (cmd->val64 > 1)
			errs_add(e, EINVAL);
		/* Nor does it say whether an id without an object counts. */
		if (!e->n && ctx->ntombs) {
			errs_add(e, EBUSY);
			e->or_success = true;
		}
	}
}

static void predict_huge_pages(struct ioas *ioas, uint16_t op, uint64_t value,
			       struct errs *e)
{
	if (!ioas) {
		errs_add(e, ENOENT);
		return;
	}
	if (op == IOMMU_OPTION_OP_GET)
		return;
	if (value > 1)
		errs_add(e, EINVAL);
	if (value)
		return;
	/*
	 * The kernel may refuse to clear the option when it is clear already.
	 */
	if (ioas->nhwpts && ioas->nareas) {
		errs_add(e, EINVAL);
		e->or_success = !ioas->huge;
	}
	if (!model_suits(ioas, NULL, 0, PAGE))
		errs_add(e, EADDRINUSE);
}

static uint64_t option_value(struct context *ctx, struct ioas *ioas,
			     uint32_t option)
{
	return option == IOMMU_OPTION_RLIMIT_MODE ? ctx->mode : ioas->huge;
}

void do_option(struct world *w, struct context *ctx, const struct step *step)
{
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	struct iommu_option cmd = {
		.size = sizeof(cmd), .option_id = step->arg[1],
		.op = step->arg[2], .val64 = step->arg[3],
	}, before;
	struct call call = CALL(ctx, IOMMU_OPTION, cmd, 24);

	if (step->arg[1] == IOMMU_OPTION_RLIMIT_MODE && w->threaded) {
		skip(w);
		return;
	}
	if (step->arg[1] != IOMMU_OPTION_RLIMIT_MODE || step->arg[4] % 8 == 0)
		cmd.object_id = faulty_id(w, ctx, ioas_id(ioas));
	ioas = model_find_ioas(ctx, cmd.object_id);
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT16_MAX);
	if (cmd.__reserved || cmd.op > IOMMU_OPTION_OP_GET ||
	    cmd.option_id > IOMMU_OPTION_HUGE_PAGES)
		errs_add(&call.errs, EOPNOTSUPP);
	if (cmd.option_id == IOMMU_OPTION_HUGE_PAGES && !ioas)
		errs_add(&call.errs, ENOENT);
	if (call.errs.n)
		;
	else if (cmd.option_id == IOMMU_OPTION_RLIMIT_MODE)
		predict_mode(ctx, &cmd, &call.errs);
	else
		predict_huge_pages(ioas, cmd.op, cmd.val64, &call.errs);
	before = cmd;
	if (!call_issue(w, &call))
		return;
	if (cmd.op == IOMMU_OPTION_OP_GET)
		before.val64 = option_value(ctx, ioas, cmd.option_id);
	else if (cmd.option_id == IOMMU_OPTION_RLIMIT_MODE)
		ctx->mode = cmd.val64;
	else
		ioas->huge = cmd.val64;
	DIFFER_UNLESS(w, before.val64, cmd.val64, "the option");
	if (memcmp(&cmd, &before, sizeof(cmd)))
		differ(w, "has written more than the value");
}

void do_reserve(struct world *w, struct context *ctx, const struct step *step)
{
	struct ioas *ioas = pick_ioas(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_ADD_RESERVED,
		.add_reserved = {
			.start = step->arg[1], .length = step->arg[2],
		},
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct range range = {
		step->arg[1], step->arg[1] + step->arg[2] - 1
	};

	cmd.id = faulty_id(w, ctx, ioas_id(ioas));
	ioas = model_find_ioas(ctx, cmd.id);
	if (ioas && ioas->nreserved >= MAX_RANGES - 4) {
		skip(w);
		return;
	}
	if (!ioas)
		errs_add(&call.errs, ENOENT);
	if (!step->arg[2])
		errs_add(&call.errs, EINVAL);
	else if (range.last < range.start)
		errs_add(&call.errs, EOVERFLOW);
	else if (ioas && (model_hits_area(ioas, range) ||
			  model_hits_allowed(ioas, range)))
		errs_add(&call.errs, EADDRINUSE);
	if (call_issue(w, &call))
		ioas->reserved[ioas->nreserved++] = range;
}
