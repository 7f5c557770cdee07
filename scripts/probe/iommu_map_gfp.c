// SPDX-License-Identifier: GPL-2.0
/*
 * Do iommu_map() and iommu_map_sg() take gfp flags? Since 6.3, when the _atomic
 * variants went.
 */
#include <linux/iommu.h>

int probe(struct iommu_domain *domain, phys_addr_t phys)
{
	return iommu_map(domain, 0, phys, PAGE_SIZE, IOMMU_READ, GFP_KERNEL_ACCOUNT);
}
