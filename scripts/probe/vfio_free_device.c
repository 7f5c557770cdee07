// SPDX-License-Identifier: GPL-2.0
/*
 * Does a driver free a VFIO device at the end of its release()? Until 6.2.
 * Exported: vfio_free_device
 */
#include <linux/vfio.h>

void probe(struct vfio_device *device)
{
	vfio_free_device(device);
}
