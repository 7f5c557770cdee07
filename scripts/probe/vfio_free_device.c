// SPDX-License-Identifier: GPL-2.0
/*
 * Does the release op of a VFIO device free it? Until 6.1.
 */
#include <linux/vfio.h>

void probe(struct vfio_device *device)
{
	vfio_free_device(device);
}
