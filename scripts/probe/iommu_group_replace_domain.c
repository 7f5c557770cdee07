// SPDX-License-Identifier: GPL-2.0
/*
 * Can a group go from one domain to another without a gap? Since 6.6, gone
 * after 6.12 in favour of the handle variant. Its prototype is in a header
 * that is not installed.
 * Namespace: IOMMUFD_INTERNAL
 */
#include <linux/iommu.h>

int iommu_group_replace_domain(struct iommu_group *group, struct iommu_domain *new_domain);

int probe(struct iommu_group *group, struct iommu_domain *domain)
{
	return iommu_group_replace_domain(group, domain);
}
