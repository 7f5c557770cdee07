// SPDX-License-Identifier: GPL-2.0
/*
 * Flags and data of HWPT_ALLOC, and nested HWPTs, which keep their parent. A
 * nested HWPT has no mappings: its devices use the reservations of the parent.
 */
#include <string.h>

#include "mock.h"
#include "model.h"

#define FLAGS_PAGING	(IOMMU_HWPT_ALLOC_NEST_PARENT |			\
			 IOMMU_HWPT_ALLOC_DIRTY_TRACKING |		\
			 IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID)
#define FLAGS_NESTED	(IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID)
#define DATA_MIN	4
#define DATA_MAX	8

static enum table table_of(const struct hwpt_call *call)
{
	if (!call->cmd->data_len)
		return TABLE_PLAIN;
	return call->data.pagetable_type == MOCK_IOMMUPT_HUGE ? TABLE_HUGE :
								TABLE_DATA;
}

static void predict_data(const struct hwpt_call *call, struct errs *e)
{
	const struct iommu_hwpt_alloc *cmd = call->cmd;

	if (!cmd->data_len)
		return;
	if (cmd->data_type != IOMMU_HWPT_DATA_SELFTEST)
		errs_add(e, EOPNOTSUPP);
	if (cmd->data_len < DATA_MIN || cmd->data_len > DATA_MAX)
		errs_add(e, EINVAL);
	if (!call->readable)
		errs_add(e, EFAULT);
}

static void predict_paging(struct context *ctx, const struct dev *dev,
			   struct ioas *ioas, const struct hwpt_call *call,
			   struct errs *e)
{
	uint32_t flags = call->cmd->flags;

	if ((flags & ~FLAGS_PAGING) ||
	    ((flags & IOMMU_HWPT_FAULT_ID_VALID) &&
	     (flags & IOMMU_HWPT_ALLOC_NEST_PARENT)))
		errs_add(e, EOPNOTSUPP);
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    dev && (dev->flags & MOCK_DEVICE_NO_DIRTY))
		errs_add(e, EOPNOTSUPP);
	predict_data(call, e);
	if (call->cmd->data_len && call->data.pagetable_type > MOCK_IOMMUPT_HUGE)
		errs_add(e, EOPNOTSUPP);
	model_predict_new_hwpt(ctx, ioas, table_of(call), e);
}

/* @parent is NULL on a vIOMMU. */
static void predict_nested(const struct hwpt *parent,
			   const struct hwpt_call *call, struct errs *e)
{
	if ((call->cmd->flags & ~FLAGS_NESTED) || !call->cmd->data_len)
		errs_add(e, EOPNOTSUPP);
	if (parent && (parent->automatic ||
		       !(parent->flags & IOMMU_HWPT_ALLOC_NEST_PARENT)))
		errs_add(e, EINVAL);
	predict_data(call, e);
}

/* The queue of page faults; NULL if there is none or it does not exist */
static struct queue *queue_of(struct context *ctx,
			      const struct iommu_hwpt_alloc *cmd)
{
	struct queue *queue = model_find_queue(ctx, cmd->fault_id);

	return (cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) && queue &&
	       !queue->viommu ? queue : NULL;
}

void model_predict_hwpt(struct context *ctx, const struct hwpt_call *call,
			struct errs *e)
{
	const struct iommu_hwpt_alloc *cmd = call->cmd;
	struct dev *dev = model_find_idev(ctx, cmd->dev_id);
	struct ioas *ioas = model_find_ioas(ctx, cmd->pt_id);
	struct hwpt *parent = model_find_hwpt(ctx, cmd->pt_id);

	if (cmd->__reserved)
		errs_add(e, EOPNOTSUPP);
	if ((cmd->data_type == IOMMU_HWPT_DATA_NONE) != !cmd->data_len)
		errs_add(e, EINVAL);
	if (!dev)
		errs_add(e, ENOENT);
	if (ioas)
		predict_paging(ctx, dev, ioas, call, e);
	else if (model_find_viommu(ctx, cmd->pt_id))
		predict_nested(NULL, call, e);
	else if (parent && !parent->parent)
		predict_nested(parent, call, e);
	else
		errs_add(e, EINVAL);
	if ((cmd->flags & IOMMU_HWPT_FAULT_ID_VALID) && !queue_of(ctx, cmd))
		errs_add(e, ENOENT);
}

static struct hwpt *new_nested(struct context *ctx,
			       const struct hwpt_call *call)
{
	struct viommu *viommu = model_find_viommu(ctx, call->cmd->pt_id);
	struct hwpt *parent = viommu ? viommu->parent :
			      model_find_hwpt(ctx, call->cmd->pt_id);
	struct hwpt *hwpt = ctx->hwpt;

	while (hwpt->used)
		hwpt++;
	*hwpt = (struct hwpt){
		.used = true, .id = call->cmd->out_hwpt_id,
		.ioas = parent->ioas, .parent = parent, .viommu = viommu,
	};
	for (unsigned int i = 0; i < IOTLB_WORDS; i++)
		hwpt->iotlb[i] = call->data.iotlb;
	++*(viommu ? &viommu->nusers : &parent->nusers);
	model_take_id(ctx, hwpt->id);
	return hwpt;
}

struct hwpt *model_alloc_hwpt(struct context *ctx,
			      const struct hwpt_call *call)
{
	const struct iommu_hwpt_alloc *cmd = call->cmd;
	struct dev *dev = model_find_idev(ctx, cmd->dev_id);
	struct ioas *ioas = model_find_ioas(ctx, cmd->pt_id);
	struct hwpt *hwpt;

	if (ioas)
		hwpt = model_new_hwpt(ctx, ioas, table_of(call),
				      cmd->out_hwpt_id);
	else
		hwpt = new_nested(ctx, call);
	hwpt->flags = cmd->flags;
	hwpt->queue = queue_of(ctx, cmd);
	if (hwpt->queue)
		hwpt->queue->nhwpts++;
	hwpt->exact = hwpt->table == TABLE_PLAIN && !hwpt->parent &&
		      !(dev->flags & MOCK_DEVICE_HUGE_IOVA);
	return hwpt;
}
