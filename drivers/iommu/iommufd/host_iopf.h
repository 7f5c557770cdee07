/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HOST_IOPF_H
#define _IOMMUFD_HOST_IOPF_H

#include <linux/types.h>

struct device;
struct iommu_domain;

/* Of struct iommufd_iommu_ops */
bool host_can_fault(struct device *dev);
void host_fault_domain(struct iommu_domain *domain);
int host_fault_enable(struct device *dev);
void host_fault_disable(struct device *dev);

#endif
