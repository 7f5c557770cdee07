// SPDX-License-Identifier: GPL-2.0
/*
 * Does a VFIO driver check a token by itself? Since 6.17; before that only while
 * it matches the name of a device.
 */
#include <linux/vfio.h>

int probe(struct vfio_device *device, const uuid_t *uuid)
{
	return device->ops->match_token_uuid(device, uuid);
}
