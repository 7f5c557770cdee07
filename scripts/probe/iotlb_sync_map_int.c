// SPDX-License-Identifier: GPL-2.0
/* Can iommu_domain_ops.iotlb_sync_map fail? Since 6.10. */
#include <linux/iommu.h>

int probe(struct iommu_domain *domain)
{
	return domain->ops->iotlb_sync_map(domain, 0, PAGE_SIZE);
}
