/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VFIO_KNOWN_OPS_H
#define _VFIO_KNOWN_OPS_H

#include <linux/types.h>

struct vfio_device;

int vfio_known_ops_check(void);
bool vfio_known_ops_are_in_place(const struct vfio_device *vdev);

#endif
