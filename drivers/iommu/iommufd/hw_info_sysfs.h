/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HW_INFO_SYSFS_H
#define _IOMMUFD_HW_INFO_SYSFS_H

struct device;

char *iommufd_iommu_attr(struct device *dev, const char *group,
			 const char *name);

#endif
