/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_PGTABLE_H
#define _IOMMUFD_PGTABLE_H

#include <linux/iommu.h>

#include "iova_space.h"

/**
 * struct pgtable_unmap - what one thread takes away from one domain
 * @pgt: domain
 * @gather: what the IOTLB may still hold
 * @start: first IOVA that is still to be unmapped
 * @length: bytes of it
 * @failed: the driver did not unmap something
 */
struct pgtable_unmap {
	struct iova_pgtable *pgt;
	struct iommu_iotlb_gather gather;
	unsigned long start;
	unsigned long length;
	bool failed;
};

void iommufd_pgtable_unmap_begin(struct pgtable_unmap *unmap,
				 struct iova_pgtable *pgt);
void iommufd_pgtable_unmap_add(struct pgtable_unmap *unmap, unsigned long start,
			       unsigned long length);
bool iommufd_pgtable_unmap_end(struct pgtable_unmap *unmap);

int iommufd_pgtable_map(struct iova_pgtable *pgt, struct iova_area *area,
			bool small_pages);

#endif
