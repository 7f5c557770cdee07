// SPDX-License-Identifier: GPL-2.0
/*
 * Does a VFIO device have an inode whose mapping its files must share, so that
 * one unmap_mapping_range() finds every mmap of a BAR? Since 6.10.
 */
#include <linux/vfio.h>

struct address_space *probe(struct vfio_device *device)
{
	return device->inode->i_mapping;
}
