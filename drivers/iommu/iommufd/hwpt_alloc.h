/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HWPT_ALLOC_H
#define _IOMMUFD_HWPT_ALLOC_H

#include <linux/types.h>

struct iommu_user_data;
struct iommufd_device;
struct iommufd_hwpt_paging;
struct iommufd_ioas;

struct iommufd_hwpt_paging *
iommufd_device_create_hwpt(struct iommufd_device *idev,
			   struct iommufd_ioas *ioas, u32 flags,
			   const struct iommu_user_data *user_data);

#endif
