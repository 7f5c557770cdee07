// SPDX-License-Identifier: GPL-2.0
/*
 * Can a group go from one domain to another without a gap? The functions for
 * that, which take a handle, are exported since 6.11. Their prototypes are in a
 * header that is not installed.
 * Namespace: IOMMUFD_INTERNAL
 */
#include <linux/iommu.h>

struct iommu_attach_handle;

typeof(int (struct iommu_domain *, struct iommu_group *, struct iommu_attach_handle *))
	iommu_attach_group_handle;
typeof(void (struct iommu_domain *, struct iommu_group *)) iommu_detach_group_handle;
typeof(int (struct iommu_group *, struct iommu_domain *, struct iommu_attach_handle *))
	iommu_replace_group_handle;

int probe(struct iommu_domain *domain, struct iommu_group *group,
	  struct iommu_attach_handle *handle)
{
	int rc = iommu_attach_group_handle(domain, group, handle);

	if (!rc)
		rc = iommu_replace_group_handle(group, domain, handle);
	iommu_detach_group_handle(domain, group);
	return rc;
}
