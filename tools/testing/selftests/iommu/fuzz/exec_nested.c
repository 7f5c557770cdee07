// SPDX-License-Identifier: GPL-2.0
/* HWPT_INVALIDATE, and the words of the mock that show what it has done */
#include <string.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

#define MAX_ENTRIES	8
#define MOST_ENTRIES	(1U << 19)	/* of a call */

/* An invalidation and its entries */
struct invalidation {
	struct iommu_hwpt_invalidate cmd;
	unsigned int words;	/* u32 in an entry */
	unsigned int there;	/* entries in memory; behind them is none */
	uint32_t entry[MAX_ENTRIES][3];
};

/* Most entries are good ones. */
static void make_entries(const struct step *step, struct invalidation *inv)
{
	struct rng rng = { step->arg[2] };
	unsigned int words = inv->words;
	uint32_t *at = arena_last_bytes(inv->there * words * 4);

	for (unsigned int i = 0; i < inv->there; i++) {
		uint32_t *entry = inv->entry[i];

		memset(entry, 0, sizeof(inv->entry[i]));
		/* On a vIOMMU: the virtual device; these numbers are few. */
		if (words == 3)
			entry[1] = rng_below(&rng, 4);
		entry[0] = rng_one_in(&rng, 6);
		entry[words - 1] = rng_below(&rng, IOTLB_WORDS);
		if (rng_one_in(&rng, 16))
			entry[0] |= 2 << rng_below(&rng, 31);
		if (rng_one_in(&rng, 16))
			entry[words - 1] += 1 << (2 + rng_below(&rng, 30));
		memcpy(&at[i * words], entry, words * 4);
	}
	inv->cmd.data_uptr = (uintptr_t)at;
}

static void make_invalidation(struct world *w, struct invalidation *inv)
{
	const uint64_t *arg = w->step->arg;
	struct iommu_hwpt_invalidate *cmd = &inv->cmd;

	inv->there = arg[1] % 4;
	make_entries(w->step, inv);
	cmd->size = sizeof(*cmd);
	cmd->data_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST;
	cmd->entry_len = inv->words * 4;
	cmd->entry_num = inv->there;
	switch (arg[3] % 24) {
	case 0:
		cmd->entry_len = arg[4] % 14;
		break;
	case 1:
		cmd->data_type = arg[4] % 2 ? 0 : 0xdadbeef;
		break;
	case 2:
		cmd->entry_num += arg[4] % 3;
		break;
	case 3:
		cmd->data_uptr = arg[4] % 2 ? 0 : (uintptr_t)arena_no_page();
		inv->there = 0;
		break;
	case 4:
		cmd->entry_num = MOST_ENTRIES + arg[4] % 2;
		break;
	case 5:
		cmd->entry_len = PAGE + arg[4] % 2;
		break;
	}
	cmd->__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
}

/* Errnos that come before the first entry */
static void predict_early(const struct iommu_hwpt_invalidate *cmd,
			  unsigned int words, struct errs *e)
{
	if (cmd->__reserved)
		errs_add(e, EOPNOTSUPP);
	if (cmd->entry_num &&
	    (!cmd->data_uptr || cmd->entry_len != words * 4 ||
	     cmd->entry_num > MOST_ENTRIES))
		errs_add(e, EINVAL);
	if (cmd->data_type != IOMMU_HWPT_INVALIDATE_DATA_SELFTEST)
		errs_add(e, EINVAL);
}

/* Zero one of four words, or all. */
static void zero(uint32_t *words, uint32_t flags, uint32_t index)
{
	if (flags)
		memset(words, 0, 4 * sizeof(*words));
	else
		words[index] = 0;
}

/* The entry's errno; changes the words of the HWPT or device if it is 0. */
static int invalidate(struct context *ctx, struct hwpt *hwpt,
		      struct viommu *viommu, const uint32_t *entry)
{
	struct vdevice *vdevice = NULL;
	uint32_t index = viommu ? entry[2] : entry[1];

	if (entry[0] & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return EOPNOTSUPP;
	if (index >= IOTLB_WORDS)
		return EINVAL;
	if (viommu) {
		vdevice = model_virtual(ctx, viommu, entry[1]);
		if (!vdevice)
			return EINVAL;
	}
	zero(viommu ? vdevice->dev->cache : hwpt->iotlb, entry[0], index);
	return 0;
}

/* Returns the number of entries that are done. */
static uint32_t invalidate_all(struct context *ctx, struct hwpt *hwpt,
			       struct viommu *viommu,
			       const struct invalidation *inv, struct errs *e)
{
	for (uint32_t i = 0; i < inv->cmd.entry_num; i++) {
		int rc = i < inv->there ?
			 invalidate(ctx, hwpt, viommu, inv->entry[i]) : EFAULT;

		if (!rc)
			continue;
		errs_add(e, rc);
		return i;
	}
	return inv->cmd.entry_num;
}

/* A fault that keeps the call from being looked at */
static bool is_unread(struct world *w)
{
	return has_fault(w, FAULT_SIZE_SMALL) || has_fault(w, FAULT_TAIL) ||
	       has_fault(w, FAULT_POINTER);
}

void do_invalidate(struct world *w, struct context *ctx,
		   const struct step *step)
{
	struct invalidation inv = { .words = 2 };
	struct call call = CALL(ctx, IOMMU_HWPT_INVALIDATE, inv.cmd, 32);
	struct hwpt *hwpt = pick_nested(ctx, step->arg[0]);
	struct viommu *viommu = pick_viommu(ctx, step->arg[0]);
	uint32_t done = 0, id = hwpt ? hwpt->id : 0;

	if (viommu && step->arg[5] % 2)
		id = viommu->id;
	id = faulty_id(w, ctx, id);
	hwpt = model_find_hwpt(ctx, id);
	viommu = model_find_viommu(ctx, id);
	inv.words = viommu ? 3 : 2;
	make_invalidation(w, &inv);
	inv.cmd.hwpt_id = id;
	call.answers = true;
	if (!model_is_id(ctx, id))
		errs_add(&call.errs, ENOENT);
	else if (!viommu && (!hwpt || !hwpt->parent))
		errs_add(&call.errs, EINVAL);
	predict_early(&inv.cmd, inv.words, &call.errs);
	if (is_unread(w))
		done = inv.cmd.entry_num;
	else if (!call.errs.n)
		done = invalidate_all(ctx, hwpt, viommu, &inv, &call.errs);
	/* The number of entries cannot be seen if it cannot be written. */
	if (has_fault(w, FAULT_READ_ONLY)) {
		call.errs = (struct errs){ .n = 1, .rc = { EFAULT } };
		done = inv.cmd.entry_num;
	}
	call_issue(w, &call);
	DIFFER_UNLESS(w, done, inv.cmd.entry_num, "the entries done");
}

void do_check_iotlb(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct hwpt *hwpt = pick_nested(ctx, step->arg[0]);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_MD_CHECK_IOTLB,
		.id = faulty_id(w, ctx, hwpt ? hwpt->id : 0),
		.check_iotlb.id = step->arg[1] % 32 ? step->arg[2] % 4 :
						      step->arg[2],
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);

	hwpt = model_find_hwpt(ctx, cmd.id);
	if (!hwpt || !hwpt->parent) {
		errs_add(&call.errs, ENOENT);
		if (model_is_id(ctx, cmd.id))
			errs_add(&call.errs, EINVAL);
	}
	if (cmd.check_iotlb.id >= IOTLB_WORDS)
		errs_add(&call.errs, EINVAL);
	else if (hwpt && hwpt->parent)
		cmd.check_iotlb.iotlb = hwpt->iotlb[cmd.check_iotlb.id];
	if (step->arg[1] % 32 == 1) {
		cmd.check_iotlb.iotlb ^= 1;
		errs_add(&call.errs, EINVAL);
	}
	call_issue(w, &call);
}
