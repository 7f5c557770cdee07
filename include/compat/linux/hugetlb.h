/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/hugetlb.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_HUGETLB_H
#define _COMPAT_LINUX_HUGETLB_H

#include_next <linux/hugetlb.h>
#include <generated/features.h>

#ifndef HAVE_IS_FILE_HUGEPAGES
#include <uapi/linux/magic.h>

/* Until 6.10 it compares with operations that are not exported. */
static inline bool compat_is_file_hugepages(const struct file *file)
{
	const struct inode *inode = file_inode(file);

	return S_ISREG(inode->i_mode) && inode->i_sb->s_magic == HUGETLBFS_MAGIC;
}

#define is_file_hugepages compat_is_file_hugepages
#endif

#endif
