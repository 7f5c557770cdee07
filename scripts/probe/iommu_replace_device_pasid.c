// SPDX-License-Identifier: GPL-2.0
/*
 * Can a PASID go from one domain to another without a gap? Since 6.15. The
 * prototype is in a header that is not installed.
 * Namespace: IOMMUFD_INTERNAL
 */
#include <linux/iommu.h>

typeof(int (struct iommu_domain *, struct device *, ioasid_t, struct iommu_attach_handle *))
	iommu_replace_device_pasid;

int probe(struct iommu_domain *domain, struct device *dev, struct iommu_attach_handle *handle)
{
	return iommu_replace_device_pasid(domain, dev, 1, handle);
}
