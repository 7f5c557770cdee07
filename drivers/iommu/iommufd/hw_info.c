// SPDX-License-Identifier: GPL-2.0
/*
 * What the IOMMU behind a device says about itself
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "hw_info.h"
#include "hw_info_amd.h"
#include "hw_info_vtd.h"
#include "iommu_ops.h"

static int driver_hw_info(struct device *dev, struct iommufd_hw_info *info)
{
	info->data = compat_iommu_hw_info(dev, &info->length,
					  &info->type);
	return PTR_ERR_OR_ZERO(info->data);
}

/*
 * In order of preference. A provider returns 0, -ENODEV if it does not know the
 * IOMMU of the device, or another errno.
 */
static int (*const hw_info_providers[])(struct device *dev,
					struct iommufd_hw_info *info) = {
	driver_hw_info,
	iommufd_hw_info_vtd,
	iommufd_hw_info_amd,
};

/**
 * iommufd_iommu_hw_info() - ask the IOMMU of a device about itself
 * @dev: device
 * @info: in: the type of information that is asked for; out: the answer, with
 *        type NONE and no data if no provider knows the IOMMU
 *
 * Return: 0, -EOPNOTSUPP if the IOMMU has information of another type only, or
 * another errno.
 */
int iommufd_iommu_hw_info(struct device *dev, struct iommufd_hw_info *info)
{
	u32 wanted = info->type;
	unsigned int i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(hw_info_providers); i++) {
		rc = hw_info_providers[i](dev, info);
		if (!rc && wanted != IOMMU_HW_INFO_TYPE_DEFAULT &&
		    info->type != wanted) {
			kfree(info->data);
			return -EOPNOTSUPP;
		}
		if (rc != -ENODEV)
			return rc;
	}
	*info = (struct iommufd_hw_info){ .type = IOMMU_HW_INFO_TYPE_NONE };
	return 0;
}
