/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HW_INFO_AMD_H
#define _IOMMUFD_HW_INFO_AMD_H

struct device;
struct iommufd_hw_info;

int iommufd_hw_info_amd(struct device *dev, struct iommufd_hw_info *info);

#endif
