/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_FILE_H
#define _IOMMUFD_UMEM_FILE_H

#include <linux/types.h>

struct file;
struct iommufd_umem;
struct umem_ops;

/**
 * struct umem_file - what the kind of files keeps for a umem
 * @file: the file, with a reference
 * @end: offset in the file behind the last byte of the memory
 */
struct umem_file {
	struct file *file;
	u64 end;
};

/* Files: umem_ops of memory that is in a file */
extern const struct umem_ops umem_file_ops;

int umem_file_init(struct iommufd_umem *umem, struct file *file, u64 end,
		   int prot);

#endif
