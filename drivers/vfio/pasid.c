// SPDX-License-Identifier: GPL-2.0
/*
 * ATTACH and DETACH of a PASID: the part of a device's DMA that the device marks
 * with it, which can go to an IO address space of its own.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

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

/**
 * vfio_pasid_attach_ioctl() - ATTACH with VFIO_DEVICE_ATTACH_PASID
 * @dev: bound device
 * @argsz: size of @arg, in which all members before the PASID are
 * @arg: argument of the ioctl
 *
 * Return: EOPNOTSUPP for a device that its driver emulates, EINVAL for a bad
 * argument, EFAULT; EOPNOTSUPP, because iommufd attaches whole devices only.
 */
long vfio_pasid_attach_ioctl(struct vfio_cdev *dev, u32 argsz,
			     struct vfio_device_attach_iommufd_pt __user *arg)
{
	u32 pasid;
	int rc;

	/* Constant while the device is bound */
	if (dev->access)
		return -EOPNOTSUPP;
	rc = vfio_pasid_copy(
		&pasid, &arg->pasid,
		offsetofend(struct vfio_device_attach_iommufd_pt, pasid),
		argsz);
	return rc ?: -EOPNOTSUPP;
}

/**
 * vfio_pasid_detach_ioctl() - DETACH with VFIO_DEVICE_DETACH_PASID
 * @dev: bound device
 * @argsz: size of @arg, in which all members before the PASID are
 * @arg: argument of the ioctl
 *
 * Return: as vfio_pasid_attach_ioctl().
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
	return rc ?: -EOPNOTSUPP;
}
