/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_VIOMMU_H
#define _IOMMUFD_VIOMMU_H

#include <linux/iommufd.h>
#include <linux/types.h>

#include "object.h"

struct iommufd_device;

static inline struct iommufd_viommu *
to_iommufd_viommu(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_viommu, obj);
}

/* Is the IOMMU of the device the one that the vIOMMU is a part of? */
bool iommufd_viommu_suits(const struct iommufd_viommu *viommu,
			  const struct iommufd_device *idev);

struct iommufd_viommu *iommufd_get_viommu(struct iommufd_ctx *ictx, u32 id);
static inline void iommufd_put_viommu(struct iommufd_viommu *viommu)
{
	iommufd_object_put(viommu->ictx, &viommu->obj);
}

#endif
