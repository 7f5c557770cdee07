/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HW_INFO_SYSFS_H
#define _IOMMUFD_HW_INFO_SYSFS_H

#include <linux/types.h>

struct device;

bool iommufd_iommu_has_attrs(const struct device *dev, const char *group);
char *iommufd_iommu_attr(struct device *dev, const char *group,
			 const char *name);

#endif
