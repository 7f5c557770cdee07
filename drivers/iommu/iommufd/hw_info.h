/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HW_INFO_H
#define _IOMMUFD_HW_INFO_H

#include <linux/types.h>

struct device;

/**
 * struct iommufd_hw_info - what an IOMMU says about itself
 * @type: one of enum iommu_hw_info_type
 * @length: bytes of @data
 * @data: struct for user space of that type, to be freed with kfree()
 */
struct iommufd_hw_info {
	u32 type;
	u32 length;
	void *data;
};

int iommufd_iommu_hw_info(struct device *dev, struct iommufd_hw_info *info);
int iommufd_hw_info_vtd(struct device *dev, struct iommufd_hw_info *info);

#endif
