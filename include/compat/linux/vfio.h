/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/vfio.h> as drivers/ knows it */
#ifndef _COMPAT_LINUX_VFIO_H
#define _COMPAT_LINUX_VFIO_H

#include_next <linux/vfio.h>
#include <generated/features.h>

/*
 * An initializer of struct vfio_migration_ops, with its comma. Until 6.2 the
 * struct has no such operation, and the function must be __maybe_unused.
 */
#ifdef HAVE_VFIO_MIGRATION_DATA_SIZE
#define VFIO_MIGRATION_GET_DATA_SIZE(_fn) .migration_get_data_size = (_fn),
#else
#define VFIO_MIGRATION_GET_DATA_SIZE(...)
#endif

/*
 * The last call of a driver's release(), with which it gives the memory of a
 * device back. Since 6.2 vfio frees it after release().
 */
static inline void vfio_device_released(struct vfio_device *device)
{
#ifdef HAVE_VFIO_FREE_DEVICE
	vfio_free_device(device);
#endif
}

#endif
