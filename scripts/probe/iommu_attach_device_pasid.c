// SPDX-License-Identifier: GPL-2.0
/*
 * Can a domain be attached to a PASID with a handle? Since 6.11. From 6.2 to 6.10
 * there is no handle.
 */
#include <linux/iommu.h>

int probe(struct iommu_domain *domain, struct device *dev, struct iommu_attach_handle *handle)
{
	int rc = iommu_attach_device_pasid(domain, dev, 1, handle);

	iommu_detach_device_pasid(domain, dev, 1);
	return rc;
}
