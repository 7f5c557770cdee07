// SPDX-License-Identifier: GPL-2.0
/*
 * Does this tree know all operations with which a VFIO driver migrates a device?
 * Members: vfio_migration_ops migration_set_state migration_get_state
 * Members: vfio_migration_ops migration_get_data_size
 */
#include <linux/vfio.h>

struct vfio_migration_ops probe;
