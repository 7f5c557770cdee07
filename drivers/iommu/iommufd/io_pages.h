/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IO_PAGES_H
#define _IOMMUFD_IO_PAGES_H

#include <linux/iommu.h>

#include "iova_space.h"

/**
 * struct io_unmap - what one thread takes away from one domain
 * @dom: domain
 * @gather: what the IOTLB may still hold
 * @start: first IOVA that is still to be unmapped
 * @length: bytes of it
 * @failed: the driver did not unmap something
 */
struct io_unmap {
	struct iova_domain *dom;
	struct iommu_iotlb_gather gather;
	unsigned long start;
	unsigned long length;
	bool failed;
};

void io_unmap_begin(struct io_unmap *unmap, struct iova_domain *dom);
void io_unmap_add(struct io_unmap *unmap, unsigned long start,
		  unsigned long length);
bool io_unmap_end(struct io_unmap *unmap);

int io_map_area(struct iova_domain *dom, struct iova_area *area,
		bool small_pages);

#endif
