/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_DIRTY_H
#define _IOMMUFD_DIRTY_H

#include <linux/types.h>

struct device;
struct iommufd_hwpt;
struct iommufd_iommu_ops;

bool iommufd_hwpt_suits_dirty(const struct iommufd_hwpt *hwpt,
			      const struct iommufd_iommu_ops *ops,
			      struct device *dev);

#endif
