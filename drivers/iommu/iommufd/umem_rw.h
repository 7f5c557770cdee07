/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_RW_H
#define _IOMMUFD_UMEM_RW_H

#include <linux/types.h>

struct iommufd_umem;
struct page;

void iommufd_umem_pages(struct iommufd_umem *umem, unsigned long first,
			unsigned long last, struct page **pages);
bool iommufd_umem_is_contiguous(struct iommufd_umem *umem, unsigned long first,
				unsigned long last, unsigned long *pfn);
int iommufd_umem_rw(struct iommufd_umem *umem, unsigned long offset,
		    unsigned long length, bool write, void *data);

#endif
