// SPDX-License-Identifier: GPL-2.0
/*
 * Is a paging domain allocated for a device? Since 6.11, as a function or inline;
 * before that iommu_domain_alloc(bus), which went after 6.12.
 */
#include <linux/iommu.h>

struct iommu_domain *probe(struct device *dev)
{
	return iommu_paging_domain_alloc(dev);
}
