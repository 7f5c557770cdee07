// SPDX-License-Identifier: GPL-2.0
/*
 * VFIO_DEVICE_GET_REGION_INFO: what a region of a device is. The driver fills in
 * the description and a chain of capabilities; this file copies them to the user.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "cdev.h"

/* Say where the capabilities are, or how large @arg has to be for them. */
static int vfio_region_copy_caps(struct vfio_region_info *info,
				 struct vfio_info_cap *caps,
				 struct vfio_region_info __user *arg)
{
	const size_t size = sizeof(*info) + caps->size;

	info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
	info->cap_offset = 0;
	if (info->argsz < size) {
		info->argsz = size;
		return 0;
	}
	/* The links of the chain count from the start of @arg. */
	vfio_info_cap_shift(caps, sizeof(*info));
	if (copy_to_user(arg + 1, caps->buf, caps->size))
		return -EFAULT;
	info->cap_offset = sizeof(*info);
	return 0;
}

/**
 * vfio_cdev_region_info_ioctl() - VFIO_DEVICE_GET_REGION_INFO
 * @vdev: bound device
 * @arg: argument of the ioctl
 *
 * Return: 0; EINVAL for a bad argument or when the driver has no regions,
 * EFAULT, or an error of the driver.
 */
long vfio_cdev_region_info_ioctl(struct vfio_device *vdev,
				 struct vfio_region_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};
	int rc;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	rc = vfio_get_region_info_caps(vdev, &info, &caps);
	if (!rc && caps.size)
		rc = vfio_region_copy_caps(&info, &caps, arg);
	/* The driver may have left some of them behind when it failed. */
	kfree(caps.buf);
	if (!rc && copy_to_user(arg, &info, minsz))
		rc = -EFAULT;
	return rc;
}
