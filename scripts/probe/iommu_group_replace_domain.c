// SPDX-License-Identifier: GPL-2.0
/*
 * Can a group go from one domain to another without a gap and without a handle?
 * From 6.6 to 6.12. The prototype is in a header that is not installed.
 * Namespace: IOMMUFD_INTERNAL
 */
#include <linux/iommu.h>

typeof(int (struct iommu_group *, struct iommu_domain *)) iommu_group_replace_domain;

int probe(struct iommu_group *group, struct iommu_domain *domain)
{
	return iommu_group_replace_domain(group, domain);
}
