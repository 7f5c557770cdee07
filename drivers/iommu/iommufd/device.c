// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that a driver binds to a context, which then owns the DMA of the
 * device's group.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "context.h"
#include "device.h"
#include "ioctl.h"
#include "iommu_ops.h"
#include "pasid.h"
#include "stats.h"
#include "trace.h"

static void device_fini(struct iommufd_object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);

	WARN_ON(!list_empty(&idev->attached_entry));
	WARN_ON(!xa_empty(&idev->pasids));
	/* No thread has the device looked up, so it gets no other vdevice. */
	iommufd_object_bury(idev->ictx, &idev->vdev);
	iommufd_group_leave(idev);
}

static const struct iommufd_object_ops device_ops = {
	.fini = device_fini,
	.driver_owned = true,
};

static struct iommufd_device *device_new(struct iommufd_ctx *ictx,
					 struct device *dev,
					 const struct iommufd_iommu_ops *ops)
{
	struct iommufd_device *idev;
	int rc;

	idev = iommufd_object_alloc(ictx, idev, IOMMUFD_OBJ_DEVICE,
				    &device_ops);
	if (IS_ERR(idev))
		return idev;
	idev->ictx = ictx;
	idev->dev = dev;
	INIT_LIST_HEAD(&idev->attached_entry);
	xa_init_flags(&idev->pasids, XA_FLAGS_ACCOUNT);

	rc = iommufd_group_join(idev, ops);
	if (rc) {
		iommufd_object_abort(ictx, &idev->obj);
		return ERR_PTR(rc);
	}
	return idev;
}

/**
 * iommufd_device_create() - bind a device, but do not publish it
 * @ictx: context
 * @dev: device
 * @ops: how to deal with its IOMMU
 *
 * Return: as iommufd_device_bind().
 */
struct iommufd_device *iommufd_device_create(struct iommufd_ctx *ictx,
					     struct device *dev,
					     const struct iommufd_iommu_ops *ops)
{
	u64 start = trace_bind_enabled() ? ktime_get_ns() : 0;
	struct iommufd_device *idev = device_new(ictx, dev, ops);

	if (start)
		trace_bind(ictx->stats.serial,
			   IS_ERR(idev) ? 0 : idev->obj.id, dev_name(dev),
			   PTR_ERR_OR_ZERO(idev), ktime_get_ns() - start);
	return idev;
}

/* As iommufd_device_bind(), with the functions that deal with the IOMMU */
struct iommufd_device *
iommufd_device_bind_with(struct iommufd_ctx *ictx, struct device *dev,
			 const struct iommufd_iommu_ops *ops, u32 *id)
{
	struct iommufd_device *idev;

	idev = iommufd_device_create(ictx, dev, ops);
	if (IS_ERR(idev))
		return idev;
	iommufd_ctx_get(ictx);
	idev->keeps_ctx = true;
	*id = idev->obj.id;
	iommufd_object_publish(ictx, &idev->obj);
	return idev;
}

/**
 * iommufd_device_bind() - give a context control of the DMA of a device
 * @ictx: context; the device takes a reference
 * @dev: device, whose driver calls this and has .driver_managed_dma
 * @id: id of the device in the context
 *
 * On success the device's group cannot do DMA until it is attached, and belongs
 * to the context until its last device is unbound.
 *
 * Context: process context; may sleep.
 * Return: the device for iommufd_device_unbind(); ERR_PTR of -EINVAL if DMA of
 * the device is not cache coherent, -ENODEV without a group, -EPERM if its
 * interrupts are not isolated and allow_unsafe_interrupts is not set, -EBUSY if
 * the group is in use otherwise or the device is bound already, -ENOMEM.
 */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ictx,
					   struct device *dev, u32 *id)
{
	return iommufd_device_bind_with(ictx, dev, &iommufd_iommu_ops, id);
}
EXPORT_SYMBOL_GPL(iommufd_device_bind);

/**
 * iommufd_device_unbind() - undo iommufd_device_bind()
 * @idev: device, not attached; gone when this returns. PASIDs are detached.
 *
 * Context: process context; waits for ioctls that use the device.
 */
void iommufd_device_unbind(struct iommufd_device *idev)
{
	u64 start = trace_unbind_enabled() ? ktime_get_ns() : 0;
	struct iommufd_ctx *ictx = idev->ictx;
	bool keeps_ctx = idev->keeps_ctx;
	struct device *dev = idev->dev;
	u32 id = idev->obj.id;

	iommufd_pasid_detach_all(idev);
	iommufd_object_remove(ictx, &idev->obj);
	if (start)
		trace_unbind(ictx->stats.serial, id, dev_name(dev), 0,
			     ktime_get_ns() - start);
	if (keeps_ctx)
		iommufd_ctx_put(ictx);
}
EXPORT_SYMBOL_GPL(iommufd_device_unbind);

/* Return: the device for iommufd_put_device(), or ERR_PTR(-ENOENT). */
struct iommufd_device *iommufd_get_device(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_device, obj);
}

/**
 * iommufd_device_to_ictx() - the context of a device
 * @idev: device
 *
 * Return: the context, without a reference of its own.
 */
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev)
{
	return idev->ictx;
}
EXPORT_SYMBOL_GPL(iommufd_device_to_ictx);

/**
 * iommufd_device_to_id() - the id of a device
 * @idev: device
 *
 * Return: the id.
 */
u32 iommufd_device_to_id(struct iommufd_device *idev)
{
	return idev->obj.id;
}
EXPORT_SYMBOL_GPL(iommufd_device_to_id);

/**
 * iommufd_device_hwpt_id() - the HWPT that a device is attached to
 * @idev: device
 *
 * Takes no lock, so the answer may be old while the device is being attached or
 * detached.
 *
 * Return: the id of the HWPT, 0 if the device is not attached.
 */
u32 iommufd_device_hwpt_id(struct iommufd_device *idev)
{
	if (list_empty(&idev->attached_entry))
		return 0;
	return READ_ONCE(idev->igroup->hwpt_id);
}
EXPORT_SYMBOL_GPL(iommufd_device_hwpt_id);

/* Copy the data of the IOMMU to user space and fill the rest of the buffer. */
static int hw_info_copy(struct iommu_hw_info *cmd,
			const struct iommufd_hw_info *info)
{
	void __user *buffer = u64_to_user_ptr(cmd->data_uptr);
	u32 copy = min(cmd->data_len, info->length);

	if (copy_to_user(buffer, info->data, copy) ||
	    clear_user(buffer + copy, cmd->data_len - copy))
		return -EFAULT;
	cmd->data_len = info->length;
	cmd->out_data_type = info->type;
	return 0;
}

/* IOMMU_GET_HW_INFO */
int iommufd_get_hw_info_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_info *cmd = ucmd->cmd;
	struct iommufd_hw_info info = { .type = IOMMU_HW_INFO_TYPE_DEFAULT };
	struct iommufd_iommu_caps caps = {};
	struct iommufd_device *idev;
	int rc;

	if (cmd->flags & ~IOMMU_HW_INFO_FLAG_INPUT_TYPE)
		return -EOPNOTSUPP;
	if (memchr_inv(cmd->__reserved, 0, sizeof(cmd->__reserved)))
		return -EOPNOTSUPP;
	if (cmd->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE)
		info.type = cmd->in_data_type;

	idev = iommufd_get_device(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = idev->igroup->ops->hw_info(idev->dev, &info);
	if (!rc)
		idev->igroup->ops->get_caps(idev->dev, &caps);
	iommufd_put_device(idev);
	if (rc)
		return rc;

	cmd->out_capabilities = caps.flags;
	cmd->out_max_pasid_log2 = caps.max_pasid_log2;
	rc = hw_info_copy(cmd, &info);
	if (!rc)
		rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	kfree(info.data);
	return rc;
}
