// SPDX-License-Identifier: GPL-2.0
/* Can a driver tell how much data the stop of a migration will carry? Since 6.2. */
#include <linux/vfio.h>

int probe(struct vfio_device *device, unsigned long *length)
{
	return device->mig_ops->migration_get_data_size(device, length);
}
