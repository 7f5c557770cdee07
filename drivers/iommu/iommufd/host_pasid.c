// SPDX-License-Identifier: GPL-2.0
/*
 * PASIDs behind the IOMMU of the machine. The kernel has one page table for a
 * PASID of a group: a second device of the group that attaches the same PASID
 * gets -EBUSY.
 */
#include <linux/iommu.h>

#include "host_pasid.h"

/* iommufd_iommu_ops.attach_pasid; -EOPNOTSUPP if the driver knows no PASIDs */
int host_attach_pasid(struct device *dev, struct iommu_domain *domain,
		      ioasid_t pasid, struct iommu_attach_handle *handle)
{
	return iommu_attach_device_pasid(domain, dev, pasid, handle);
}

/* iommufd_iommu_ops.replace_pasid */
int host_replace_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid, struct iommu_attach_handle *handle)
{
	return iommu_replace_device_pasid(domain, dev, pasid, handle);
}

/* iommufd_iommu_ops.detach_pasid */
void host_detach_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid)
{
	iommu_detach_device_pasid(domain, dev, pasid);
}
