// SPDX-License-Identifier: GPL-2.0
/*
 * Does KVM ask vfio_file_is_valid() about a file? Since 6.6, before that
 * vfio_file_is_group().
 */
#include <linux/fs.h>
#include <linux/vfio.h>

bool probe(struct file *filep)
{
	return vfio_file_is_valid(filep);
}
