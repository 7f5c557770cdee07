// SPDX-License-Identifier: GPL-2.0
/*
 * Are domains attached and replaced with a handle? Since 6.11, and the only way
 * to replace one since iommu_group_replace_domain() went. The prototypes are in
 * a header that is not installed.
 * Exported: iommu_attach_group_handle IOMMUFD_INTERNAL
 * Exported: iommu_detach_group_handle IOMMUFD_INTERNAL
 * Exported: iommu_replace_group_handle IOMMUFD_INTERNAL
 */
#include <linux/iommu.h>

struct iommu_domain *probe(struct iommu_attach_handle *handle)
{
	return handle->domain;
}
