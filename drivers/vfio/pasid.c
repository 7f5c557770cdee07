// SPDX-License-Identifier: GPL-2.0
/*
 * ATTACH and DETACH of a PASID: the part of a device's DMA that the device marks
 * with it, which can go to an IO address space of its own.
 */
#include <linux/errno.h>
#include <linux/iommufd.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "cdev.h"

/* Copy a PASID that ends at @end of a struct of @argsz bytes. */
static int vfio_pasid_copy(u32 *pasid, const u32 __user *upasid, size_t end,
			   u32 argsz)
{
	if (argsz < end)
		return -EINVAL;
	if (get_user(*pasid, upasid))
		return -EFAULT;
	/* 0 is DMA without a PASID, which is attached without the flag. */
	return *pasid ? 0 : -EINVAL;
}

/* Attach the PASID, or move it if it is attached. */
static int vfio_pasid_attach(struct vfio_cdev *dev, u32 pasid, u32 *pt_id)
{
	int rc;

	lockdep_assert_held(&dev->lock);

	if (xa_load(&dev->pasids, pasid))
		return iommufd_device_replace(dev->idev, pasid, pt_id);
	rc = xa_insert(&dev->pasids, pasid, xa_mk_value(0), GFP_KERNEL_ACCOUNT);
	if (rc)
		return rc;
	rc = iommufd_device_attach(dev->idev, pasid, pt_id);
	if (rc)
		xa_erase(&dev->pasids, pasid);
	return rc;
}

static void vfio_pasid_detach(struct vfio_cdev *dev, u32 pasid)
{
	lockdep_assert_held(&dev->lock);

	if (xa_erase(&dev->pasids, pasid))
		iommufd_device_detach(dev->idev, pasid);
}

/* The device is stopped and is going to be unbound. */
void vfio_pasid_detach_all(struct vfio_cdev *dev)
{
	unsigned long pasid;
	void *entry;

	xa_for_each(&dev->pasids, pasid, entry)
		vfio_pasid_detach(dev, pasid);
}

/**
 * vfio_pasid_attach_ioctl() - ATTACH with VFIO_DEVICE_ATTACH_PASID
 * @dev: bound device
 * @argsz: size of @arg, in which all members before the PASID are
 * @arg: argument of the ioctl
 *
 * If the answer cannot be written, a first attach is undone. A move is not.
 *
 * Return: 0; EOPNOTSUPP for a device that its driver emulates, and for one
 * without PASIDs or whose IOMMU or kernel has none; EINVAL for a bad
 * argument, EFAULT, ENOMEM, or an error of iommufd_device_attach() or
 * iommufd_device_replace().
 */
long vfio_pasid_attach_ioctl(struct vfio_cdev *dev, u32 argsz,
			     struct vfio_device_attach_iommufd_pt __user *arg)
{
	bool was_attached;
	u32 pasid, pt_id;
	int rc;

	/* Constant while the device is bound */
	if (dev->access)
		return -EOPNOTSUPP;
	rc = vfio_pasid_copy(
		&pasid, &arg->pasid,
		offsetofend(struct vfio_device_attach_iommufd_pt, pasid),
		argsz);
	if (rc)
		return rc;
	if (!iommufd_device_has_pasids(dev->idev))
		return -EOPNOTSUPP;
	if (get_user(pt_id, &arg->pt_id))
		return -EFAULT;
	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	was_attached = xa_load(&dev->pasids, pasid);
	rc = vfio_pasid_attach(dev, pasid, &pt_id);
	if (!rc && put_user(pt_id, &arg->pt_id)) {
		rc = -EFAULT;
		if (!was_attached)
			vfio_pasid_detach(dev, pasid);
	}
	mutex_unlock(&dev->lock);
	return rc;
}

/**
 * vfio_pasid_detach_ioctl() - DETACH with VFIO_DEVICE_DETACH_PASID
 * @dev: bound device
 * @argsz: size of @arg, in which all members before the PASID are
 * @arg: argument of the ioctl
 *
 * Return: 0, also when the PASID was not attached; EOPNOTSUPP for a device that
 * its driver emulates, EINVAL for a bad argument, EFAULT.
 */
long vfio_pasid_detach_ioctl(struct vfio_cdev *dev, u32 argsz,
			     struct vfio_device_detach_iommufd_pt __user *arg)
{
	u32 pasid;
	int rc;

	if (dev->access)
		return -EOPNOTSUPP;
	rc = vfio_pasid_copy(
		&pasid, &arg->pasid,
		offsetofend(struct vfio_device_detach_iommufd_pt, pasid),
		argsz);
	if (rc)
		return rc;
	if (!iommufd_device_has_pasids(dev->idev))
		return -EOPNOTSUPP;
	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	vfio_pasid_detach(dev, pasid);
	mutex_unlock(&dev->lock);
	return 0;
}
