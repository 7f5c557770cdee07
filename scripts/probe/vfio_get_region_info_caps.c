// SPDX-License-Identifier: GPL-2.0
/*
 * Does the caller of a VFIO driver copy what the driver says about a region?
 * Since 6.19; before that the driver's ioctl() does it.
 */
#include <linux/vfio.h>

int probe(struct vfio_device *device, struct vfio_region_info *info, struct vfio_info_cap *caps)
{
	return device->ops->get_region_info_caps(device, info, caps);
}
