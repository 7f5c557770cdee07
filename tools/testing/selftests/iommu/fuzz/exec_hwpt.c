// SPDX-License-Identifier: GPL-2.0
/* HWPT_ALLOC with all its flags and data, and what it can be asked for */
#include <string.h>

#include <kselftest.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

/* What IOMMU_HWPT_ALLOC had in Linux 6.6; the rest is 0 then. */
#define OLD_BYTES	24

/* Mostly valid ones */
static uint32_t make_flags(uint64_t pick)
{
	static const uint32_t flags[] = {
		0, 0, 0, 0, IOMMU_HWPT_ALLOC_NEST_PARENT,
		IOMMU_HWPT_ALLOC_NEST_PARENT, IOMMU_HWPT_ALLOC_NEST_PARENT,
		IOMMU_HWPT_ALLOC_PASID, IOMMU_HWPT_ALLOC_PASID,
		IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
			IOMMU_HWPT_ALLOC_NEST_PARENT,
		IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_PASID,
		IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_PASID,
	};

	return flags[pick % ARRAY_SIZE(flags)];
}

/* The data: mostly the right one, of either length */
static void make_data(struct world *w, struct iommu_hwpt_alloc *cmd,
		      struct hwpt_call *call, bool nested)
{
	const uint64_t *arg = w->step->arg;
	uint64_t pick = arg[4] >> 8;
	size_t bytes;
	void *at;

	call->readable = true;
	if (!nested && pick % 3)
		return;
	cmd->data_type = IOMMU_HWPT_DATA_SELFTEST;
	cmd->data_len = pick % 2 ? 8 : 4;
	call->data.iotlb = arg[4] % 16 ? IOMMU_TEST_IOTLB_DEFAULT : arg[4];
	if (cmd->data_len == 8 && !nested)
		call->data.pagetable_type = arg[4] % 32 ? arg[4] % 2 : 2;
	switch (pick / 8 % 32) {
	case 0:
		cmd->data_len = arg[4] % 12;
		break;
	case 1:
		cmd->data_type = arg[4] % 4;
		break;
	case 2:
		call->readable = false;
		break;
	case 3:
		cmd->data_type = IOMMU_HWPT_DATA_NONE;
		cmd->data_len = 0;
		break;
	}
	/* What the kernel does not get is 0 for it. */
	bytes = cmd->data_len < sizeof(call->data) ? cmd->data_len :
						     sizeof(call->data);
	at = arena_last_bytes(cmd->data_len);
	memcpy(at, &call->data, bytes);
	memset((uint8_t *)&call->data + bytes, 0, sizeof(call->data) - bytes);
	if (!call->readable)
		at = arena_no_page();
	cmd->data_uptr = (uintptr_t)at;
}

/* What the HWPT is to be on: an IOAS, another HWPT, or a vIOMMU */
static uint32_t pick_base(struct context *ctx, uint64_t pick, bool *nested)
{
	struct hwpt *parent = pick_parent(ctx, pick >> 8);
	struct viommu *viommu = pick_viommu(ctx, pick >> 8);
	struct ioas *ioas = pick_ioas(ctx, pick >> 8);

	*nested = true;
	if (viommu && pick % 4 == 0)
		return viommu->id;
	if (parent && pick % 2)
		return parent->id;
	*nested = false;
	return ioas ? ioas->id : 0;
}

static bool is_fault_queue(const struct queue *queue)
{
	return !queue->viommu;
}

/* A queue that exists, in most cases */
static void make_queue(struct context *ctx, const struct step *step,
		       struct iommu_hwpt_alloc *cmd, bool nested)
{
	uint64_t pick = step->arg[2] >> 8;
	struct queue *queue = pick_queue_if(ctx, pick / 4, is_fault_queue);

	cmd->fault_id = queue && step->arg[5] % 16 ? queue->id : pick;
	if (!queue || pick % 4 > 1)
		return;
	cmd->flags |= IOMMU_HWPT_FAULT_ID_VALID;
	if (!nested && step->arg[5] % 16 != 1)
		cmd->flags &= ~IOMMU_HWPT_ALLOC_NEST_PARENT;
}

/* The fault is about the size. */
static bool is_sized(struct world *w)
{
	return has_fault(w, FAULT_TAIL) || has_fault(w, FAULT_TAIL_ZERO) ||
	       has_fault(w, FAULT_SIZE_SMALL);
}

void do_hwpt_alloc(struct world *w, struct context *ctx,
		   const struct step *step)
{
	struct iommu_hwpt_alloc cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_HWPT_ALLOC, cmd, OLD_BYTES);
	struct dev *dev = pick_dev(ctx, step->arg[0]);
	struct hwpt_call hwpt = { .cmd = &cmd };
	struct ioas *ioas;
	bool nested;

	cmd.pt_id = pick_base(ctx, step->arg[1], &nested);
	cmd.dev_id = dev ? dev->idev : 0;
	/* The fault is in one of the two ids. */
	if (step->arg[2] % 2)
		cmd.dev_id = faulty_id(w, ctx, cmd.dev_id);
	else
		cmd.pt_id = faulty_id(w, ctx, cmd.pt_id);
	ioas = model_find_ioas(ctx, cmd.pt_id);
	if (!free_hwpt(ctx) || (ioas && ioas->nreserved >= MAX_RANGES - 4)) {
		skip(w);
		return;
	}
	cmd.flags = make_flags(step->arg[3]);
	if (nested && step->arg[3] % 4)
		cmd.flags &= IOMMU_HWPT_ALLOC_PASID;
	make_queue(ctx, step, &cmd, nested);
	cmd.flags |= faulty_bits(w, FAULT_FLAG, ~0xfU);
	make_data(w, &cmd, &hwpt, nested);
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
	cmd.__reserved2 = step->arg[2] >> 8;
	if (!cmd.data_len && !cmd.data_type && step->arg[2] % 4 == 0 &&
	    !(cmd.flags & IOMMU_HWPT_FAULT_ID_VALID) && !is_sized(w)) {
		cmd.data_uptr = 0;
		cmd.fault_id = 0;
		cmd.__reserved2 = 0;
		cmd.size = call.size = OLD_BYTES;
	}
	model_predict_hwpt(ctx, &hwpt, &call.errs);
	if (!call_issue(w, &call))
		return;
	check_new_id(w, ctx, cmd.out_hwpt_id);
	model_alloc_hwpt(ctx, &hwpt);
}

static const uint8_t mock_info[8] = { 0, 0, 0, 0, 0xef, 0xbe, 0xad, 0xde };

static uint64_t capabilities(const struct dev *dev)
{
	bool dirty = !(dev->flags & MOCK_DEVICE_NO_DIRTY);

	return IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED |
	       (dirty ? IOMMU_HW_CAP_DIRTY_TRACKING : 0);
}

void do_hw_info(struct world *w, struct context *ctx, const struct step *step)
{
	uint8_t data[64], want[64];
	struct dev *dev = pick_dev(ctx, step->arg[0]);
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd), .data_uptr = (uintptr_t)data,
		.data_len = step->arg[1] % 33,
	};
	struct call call = CALL(ctx, IOMMU_GET_HW_INFO, cmd, 32);
	uint32_t length = cmd.data_len;

	if (step->arg[4] % 4 == 0 && !is_sized(w))
		cmd.size = call.size = 32;
	cmd.dev_id = faulty_id(w, ctx, dev ? dev->idev : 0);
	dev = model_find_idev(ctx, cmd.dev_id);
	if (!dev)
		errs_add(&call.errs, ENOENT);
	cmd.flags = step->arg[4] / 4 % 2;
	cmd.in_data_type = step->arg[4] / 8 % 3 == 0 ? 0 :
			   step->arg[4] / 8 % 3 == 1 ?
			   IOMMU_HW_INFO_TYPE_SELFTEST : step->arg[4] / 24 % 6;
	if (cmd.flags && cmd.in_data_type &&
	    cmd.in_data_type != IOMMU_HW_INFO_TYPE_SELFTEST)
		errs_add(&call.errs, EOPNOTSUPP);
	cmd.flags |= faulty_bits(w, FAULT_FLAG, UINT32_MAX & ~1U);
	cmd.__reserved[step->arg[3] % 3] =
		faulty_bits(w, FAULT_RESERVED, UINT8_MAX);
	if (cmd.flags & ~1U || cmd.__reserved[step->arg[3] % 3])
		errs_add(&call.errs, EOPNOTSUPP);
	if (step->arg[2] % 16 == 0 && length) {
		cmd.data_uptr = (uintptr_t)arena_no_page();
		errs_add(&call.errs, EFAULT);
	}
	memset(data, 0xee, sizeof(data));
	memset(want, 0xee, sizeof(want));
	memset(want, 0, length);
	memcpy(want, mock_info, length < 8 ? length : 8);
	if (!call_issue(w, &call))
		return;
	DIFFER_UNLESS(w, sizeof(mock_info), cmd.data_len, "the data's length");
	DIFFER_UNLESS(w, IOMMU_HW_INFO_TYPE_SELFTEST, cmd.out_data_type,
		      "the type");
	DIFFER_UNLESS(w, dev->flags & MOCK_DEVICE_PASID ? 20 : 0,
		      cmd.out_max_pasid_log2, "the PASID bits");
	if (call.size > 32)
		DIFFER_UNLESS(w, capabilities(dev), cmd.out_capabilities,
			      "the capabilities");
	if (memcmp(want, data, sizeof(data)))
		differ(w, "the data is not that of the mock");
}
