// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware queues: memory of a guest that the hardware reads by its physical
 * address. The memory is held in the IOAS of the vIOMMU's parent, which stays
 * as long as the queue: queue -> vIOMMU -> HWPT -> IOAS.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <uapi/linux/iommufd.h>

#include "hwpt.h"
#include "ioas.h"
#include "ioctl.h"
#include "viommu.h"

static struct iommufd_hw_queue *to_hw_queue(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_hw_queue, obj);
}

static struct iova_space *queue_space(const struct iommufd_hw_queue *queue)
{
	return &queue->viommu->hwpt->ioas->space;
}

static u64 queue_last(const struct iommufd_hw_queue *queue)
{
	return queue->base_addr + queue->length - 1;
}

static void hw_queue_fini(struct iommufd_object *obj)
{
	struct iommufd_hw_queue *queue = to_hw_queue(obj);
	struct iommufd_viommu *viommu = queue->viommu;

	if (queue->destroy)
		queue->destroy(queue);
	iova_space_unhold(queue_space(queue), queue->base_addr,
			  queue_last(queue));
	iommufd_object_unuse(viommu->ictx, &viommu->obj, 1);
}

static const struct iommufd_object_ops hw_queue_ops = {
	.fini = hw_queue_fini,
};

/* Hold the memory and let the driver start the queue. */
static int hw_queue_start(struct iommufd_hw_queue *queue, u32 index)
{
	struct iommufd_viommu *viommu = queue->viommu;
	phys_addr_t phys;
	int rc;

	rc = iommufd_object_use(viommu->ictx, &viommu->obj);
	if (rc)
		return rc;
	rc = iova_space_hold(queue_space(queue), queue->base_addr,
			     queue_last(queue), &phys);
	if (rc)
		goto out_unuse;
	rc = viommu->ops->hw_queue_init_phys(queue, index, phys);
	if (!rc)
		return 0;
	iova_space_unhold(queue_space(queue), queue->base_addr,
			  queue_last(queue));
out_unuse:
	iommufd_object_unuse(viommu->ictx, &viommu->obj, 1);
	return rc;
}

/* Make a queue of a vIOMMU that the caller has looked up. */
static struct iommufd_hw_queue *
hw_queue_create(struct iommufd_viommu *viommu,
		const struct iommu_hw_queue_alloc *cmd)
{
	const struct iommufd_viommu_ops *ops = viommu->ops;
	struct iommufd_hw_queue *queue;
	struct iommufd_object *obj;
	size_t size = 0;
	int rc;

	if (ops->get_hw_queue_size && ops->hw_queue_init_phys)
		size = ops->get_hw_queue_size(viommu, cmd->type);
	if (!size)
		return ERR_PTR(-EOPNOTSUPP);
	if (WARN_ON_ONCE(size < sizeof(*queue)))
		return ERR_PTR(-EOPNOTSUPP);
	obj = __iommufd_object_alloc(viommu->ictx, size, IOMMUFD_OBJ_HW_QUEUE,
				     &hw_queue_ops);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	queue = to_hw_queue(obj);
	queue->viommu = viommu;
	queue->type = cmd->type;
	queue->base_addr = cmd->nesting_parent_iova;
	queue->length = cmd->length;

	rc = hw_queue_start(queue, cmd->index);
	if (rc) {
		iommufd_object_abort(viommu->ictx, obj);
		return ERR_PTR(rc);
	}
	return queue;
}

/* IOMMU_HW_QUEUE_ALLOC */
int iommufd_hw_queue_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_queue_alloc *cmd = ucmd->cmd;
	struct iommufd_hw_queue *queue;
	struct iommufd_viommu *viommu;
	u64 last;
	int rc;

	if (cmd->flags || cmd->type == IOMMU_HW_QUEUE_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	rc = iommufd_check_range(cmd->nesting_parent_iova, cmd->length, &last);
	if (rc)
		return rc;

	viommu = iommufd_get_viommu(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	queue = hw_queue_create(viommu, cmd);
	iommufd_put_viommu(viommu);
	if (IS_ERR(queue))
		return PTR_ERR(queue);

	cmd->out_hw_queue_id = queue->obj.id;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc) {
		hw_queue_fini(&queue->obj);
		iommufd_object_abort(ucmd->ictx, &queue->obj);
		return rc;
	}
	iommufd_object_publish(ucmd->ictx, &queue->obj);
	return 0;
}

/**
 * iommufd_hw_queue_depend() - let a queue need another one
 * @queue: queue
 * @on: queue of the same vIOMMU, which the caller keeps from being freed; user
 *      space cannot destroy it until iommufd_hw_queue_undepend()
 *
 * Return: 0; -EINVAL for a queue of another vIOMMU; -ENOENT if @on is still
 * being made or is being destroyed.
 */
int iommufd_hw_queue_depend(struct iommufd_hw_queue *queue,
			    struct iommufd_hw_queue *on)
{
	if (WARN_ON_ONCE(queue->viommu != on->viommu))
		return -EINVAL;
	return iommufd_object_use_published(on->viommu->ictx, &on->obj);
}
EXPORT_SYMBOL_GPL(iommufd_hw_queue_depend);

/**
 * iommufd_hw_queue_undepend() - undo iommufd_hw_queue_depend()
 * @queue: queue
 * @on: the queue that it needed; may be destroyed at once
 */
void iommufd_hw_queue_undepend(struct iommufd_hw_queue *queue,
			       struct iommufd_hw_queue *on)
{
	if (WARN_ON_ONCE(queue->viommu != on->viommu))
		return;
	iommufd_object_unuse(on->viommu->ictx, &on->obj, 1);
}
EXPORT_SYMBOL_GPL(iommufd_hw_queue_undepend);
