/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HOST_PASID_H
#define _IOMMUFD_HOST_PASID_H

#include <linux/iommu.h>

struct device;

int host_attach_pasid(struct device *dev, struct iommu_domain *domain,
		      ioasid_t pasid, struct iommu_attach_handle *handle);
int host_replace_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid, struct iommu_attach_handle *handle);
void host_detach_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid);

#endif
