// SPDX-License-Identifier: GPL-2.0
/* Dirty tracking: the mock marks IO pages, GET_DIRTY_BITMAP must report them. */
#include <string.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

#define MAX_BITS	4096	/* of a bitmap */
#define MAX_MARKS	64	/* bits that one step marks */

static bool tracks(const struct hwpt *hwpt)
{
	return hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
}

static bool has_tracking_on(const struct hwpt *hwpt)
{
	return hwpt->tracking;
}

static struct hwpt *pick_tracker(struct context *ctx, uint64_t pick)
{
	struct hwpt *hwpt = pick_hwpt_if(ctx, pick >> 4,
					 pick % 4 ? has_tracking_on : tracks);

	return hwpt && pick % 16 ? hwpt : pick_hwpt(ctx, pick >> 4);
}

void do_dirty_set(struct world *w, struct context *ctx, const struct step *step)
{
	struct hwpt *hwpt = pick_hwpt_if(ctx, step->arg[0], tracks);
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd), .__reserved = step->arg[2],
	};
	struct call call = CALL(ctx, IOMMU_HWPT_SET_DIRTY_TRACKING, cmd, 16);

	if (!hwpt || step->arg[1] % 16 == 0)
		hwpt = pick_hwpt(ctx, step->arg[0]);
	cmd.hwpt_id = faulty_id(w, ctx, hwpt ? hwpt->id : 0);
	hwpt = model_find_hwpt(ctx, cmd.hwpt_id);
	cmd.flags = step->arg[1] % 4 != 1;
	cmd.flags |= faulty_bits(w, FAULT_FLAG, ~1U);
	if (cmd.flags & ~1U)
		errs_add(&call.errs, EOPNOTSUPP);
	if (!hwpt || hwpt->parent)
		errs_add(&call.errs, ENOENT);
	else if (!tracks(hwpt))
		errs_add(&call.errs, EOPNOTSUPP);
	if (!call_issue(w, &call))
		return;
	hwpt->stale |= !cmd.flags;
	hwpt->tracking = cmd.flags;
	if (!cmd.flags)
		return;
	hwpt->stale = false;
	hwpt->ndirty = 0;
}

/* arg[1] to arg[4] give a range of mappings; pages and bitmap are here. */
static bool make_call(struct world *w, struct hwpt *hwpt, uint64_t size,
		      struct dirty_call *call)
{
	uint64_t pick = w->step->arg[5];
	struct range range;

	if (!pick_range(w, hwpt->ioas, &range))
		return false;
	call->page_size = size;
	call->iova = range.start;
	call->length = range.last - range.start + 1;
	if (pick % 16 && size && !(size & (size - 1))) {
		call->iova &= -size;
		call->length = ((range.last - call->iova) & -size) + size;
	}
	call->nbits = 0;
	if (!size || !call->length)
		return true;
	if ((call->length - 1) / size >= MAX_BITS)
		return false;
	call->nbits = (call->length - 1) / size + 1;
	return true;
}

static uint64_t make_size(uint64_t pick)
{
	static const uint64_t sizes[] = {
		MOCK_PAGE, MOCK_PAGE, PAGE, PAGE, PAGE, 4 * PAGE, 16 * PAGE,
		MOCK_PAGE / 2, MOCK_PAGE / 16, 1 << 20, 1UL << 40,
	};
	static const uint64_t odd[] = { 0, 3, 3 * PAGE, 1, 1UL << 63 };

	return pick % 16 < 11 ? sizes[pick % 16] :
	       pick / 16 % 8 ? PAGE : odd[pick / 128 % 5];
}

/* Marks what is mapped of the bits that are set. Returns how many are. */
static unsigned int mark(struct hwpt *hwpt, const struct dirty_call *call,
			 const uint8_t *bitmap, unsigned int *set)
{
	unsigned int hit = 0;
	struct area *area;

	*set = 0;
	for (unsigned int bit = 0; bit < call->nbits; bit++) {
		uint64_t iova = call->iova + bit * call->page_size;
		bool any = false;

		if (!(bitmap[bit / 8] & 1 << bit % 8))
			continue;
		++*set;
		for (uint64_t i = 0; i < call->page_size; i += MOCK_PAGE) {
			struct range one = { iova + i, iova + i };

			if (!model_cover(hwpt->ioas, one, &area))
				continue;
			any = true;
			/* What is in a BAR is not tracked. */
			if (area->memory->device)
				continue;
			if (!model_mark(hwpt, iova + i))
				hwpt->exact = false;
		}
		hit += any;
	}
	return hit;
}

void do_dirty_mark(struct world *w, struct context *ctx,
		   const struct step *step)
{
	struct hwpt *hwpt = pick_tracker(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_DIRTY,
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct rng rng = { step->arg[5] };
	uint8_t bitmap[MAX_MARKS / 8] = { };
	struct dirty_call dirty;
	unsigned int hit, set;

	if (!hwpt ||
	    !make_call(w, hwpt, step->arg[5] % 32 ? MOCK_PAGE : 0, &dirty)) {
		skip(w);
		return;
	}
	if (dirty.nbits > MAX_MARKS) {
		dirty.nbits = MAX_MARKS;
		dirty.length = MAX_MARKS * dirty.page_size;
	}
	for (unsigned int bit = 0; bit < dirty.nbits; bit++)
		bitmap[bit / 8] |= rng_one_in(&rng, 4) << bit % 8;
	cmd.id = faulty_id(w, ctx, hwpt->id);
	hwpt = model_find_hwpt(ctx, cmd.id);
	cmd.dirty.iova = dirty.iova;
	cmd.dirty.length = dirty.length;
	cmd.dirty.page_size = dirty.page_size;
	cmd.dirty.uptr = (uintptr_t)bitmap;
	if (!hwpt || hwpt->parent) {
		errs_add(&call.errs, ENOENT);
		if (model_is_id(ctx, cmd.id))
			errs_add(&call.errs, EINVAL);
	} else if (!hwpt->tracking) {
		errs_add(&call.errs, EINVAL);
	}
	if (!dirty.page_size || !dirty.length ||
	    dirty.iova % dirty.page_size || dirty.length % dirty.page_size)
		errs_add(&call.errs, EINVAL);
	if (!call_issue(w, &call))
		return;
	hit = mark(hwpt, &dirty, bitmap, &set);
	/* The ABI does not say whether bits on nothing count. */
	if (cmd.dirty.out_nr_dirty < hit || cmd.dirty.out_nr_dirty > set)
		differ(w, "%llu pages were marked, should be %u to %u",
		       (unsigned long long)cmd.dirty.out_nr_dirty, hit, set);
}

/* The bitmap had a pattern before; bits are only ever set. */
static void check_bitmap(struct world *w, struct hwpt *hwpt,
			 const struct dirty_call *call, const uint8_t *bitmap,
			 uint8_t pattern)
{
	for (unsigned int bit = 0; bit < call->nbits; bit++) {
		bool before = pattern & 1 << bit % 8;
		bool got = bitmap[bit / 8] & 1 << bit % 8;
		bool want = before || model_is_dirty(hwpt, call, bit);

		if (got == want || (!got && !before && hwpt->stale))
			continue;
		differ(w, "bit %u of %u is %u, should be %u", bit, call->nbits,
		       got, want);
	}
}

static void make_get(struct world *w, struct context *ctx, struct hwpt *hwpt,
		     struct iommu_hwpt_get_dirty_bitmap *cmd,
		     const struct dirty_call *dirty)
{
	cmd->size = sizeof(*cmd);
	cmd->hwpt_id = faulty_id(w, ctx, hwpt->id);
	cmd->flags = w->step->arg[5] / 16 % 2 | faulty_bits(w, FAULT_FLAG, ~1U);
	cmd->__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
	cmd->iova = dirty->iova;
	cmd->length = dirty->length;
	cmd->page_size = dirty->page_size;
}

/* Does the kernel have to write to the bitmap? */
static bool has_dirt(const struct hwpt *hwpt, const struct dirty_call *dirty)
{
	for (unsigned int bit = 0; bit < dirty->nbits; bit++)
		if (model_is_dirty(hwpt, dirty, bit))
			return true;
	return false;
}

void do_dirty_get(struct world *w, struct context *ctx, const struct step *step)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = { };
	struct call call = CALL(ctx, IOMMU_HWPT_GET_DIRTY_BITMAP, cmd, 48);
	struct hwpt *hwpt = pick_tracker(ctx, step->arg[0]);
	uint8_t pattern = step->arg[5] % 3 ? 0 : 0x88;
	bool unwritable = step->arg[5] / 64 % 16 == 0;
	struct dirty_call dirty;
	size_t bytes;
	void *bitmap;

	if (!hwpt ||
	    !make_call(w, hwpt, make_size(step->arg[5] >> 10), &dirty)) {
		skip(w);
		return;
	}
	make_get(w, ctx, hwpt, &cmd, &dirty);
	bytes = (dirty.nbits + 7) / 8;
	/* Its last byte is the last one of a page. */
	bitmap = arena_last_bytes(bytes);
	memset(bitmap, pattern, bytes);
	cmd.data = (uintptr_t)(unwritable ? arena_no_page() : bitmap);
	hwpt = model_find_hwpt(ctx, cmd.hwpt_id);
	if (cmd.flags & ~1U || cmd.__reserved)
		errs_add(&call.errs, EOPNOTSUPP);
	model_predict_dirty(hwpt, &dirty, &call.errs);
	if (unwritable) {
		if (!call.errs.n)
			call.errs.or_success = !has_dirt(hwpt, &dirty) ||
					       hwpt->stale || !hwpt->exact;
		errs_add(&call.errs, EFAULT);
	}
	if (!call_issue(w, &call) || !hwpt->exact)
		return;
	if (!unwritable)
		check_bitmap(w, hwpt, &dirty, bitmap, pattern);
	if (!(cmd.flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) &&
	    !hwpt->stale)
		model_clean(hwpt, (struct range){
			dirty.iova, dirty.iova + dirty.length - 1 });
}
