/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_DEVICE_H
#define _IOMMUFD_DEVICE_H

#include <linux/types.h>

#include "group.h"

struct iommufd_device *
iommufd_device_create(struct iommufd_ctx *ictx, struct device *dev,
		      const struct iommufd_iommu_ops *ops);
struct iommufd_device *
iommufd_device_bind_with(struct iommufd_ctx *ictx, struct device *dev,
			 const struct iommufd_iommu_ops *ops, u32 *id);
struct iommufd_device *iommufd_get_device(struct iommufd_ctx *ictx, u32 id);
static inline void iommufd_put_device(struct iommufd_device *idev)
{
	iommufd_object_put(idev->ictx, &idev->obj);
}

#endif
