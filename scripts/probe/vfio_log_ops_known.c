// SPDX-License-Identifier: GPL-2.0
/*
 * Does this tree know all operations with which a VFIO driver logs DMA?
 * Members: vfio_log_ops log_start log_stop log_read_and_clear
 */
#include <linux/vfio.h>

struct vfio_log_ops probe;
