// SPDX-License-Identifier: GPL-2.0
/* Can a VFIO driver tell how much data a migration takes? Since 6.2. */
#include <linux/vfio.h>

int probe(struct vfio_device *device, unsigned long *length)
{
	return device->mig_ops->migration_get_data_size(device, length);
}
