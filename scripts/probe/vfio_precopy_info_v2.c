// SPDX-License-Identifier: GPL-2.0
/*
 * Can the user of a VFIO device ask for flags in the answer of
 * VFIO_MIG_GET_PRECOPY_INFO? Not in 6.12.
 */
#include <linux/vfio.h>

void probe(struct vfio_device *device)
{
	device->precopy_info_v2 = 1;
}
