// SPDX-License-Identifier: GPL-2.0
/*
 * Feature registers of the AMD IOMMU behind a device
 *
 * AMD's driver has iommu_ops.hw_info only with CONFIG_IOMMUFD, which no kernel
 * of this module has. It has both registers in sysfs: group amd-iommu,
 * attribute features.
 */
#include <linux/amd-iommu.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "hw_info_amd.h"
#include "hw_info_sysfs.h"
#include "iommu_ops.h"

/**
 * iommufd_hw_info_amd() - read the feature registers behind a device
 * @dev: device
 * @info: filled with a struct iommu_hw_info_amd
 *
 * AMD I/O Virtualization Technology specification (48882), MMIO offsets 0030h
 * (Extended Feature Register) and 01A0h (Extended Feature 2 Register).
 *
 * Return: 0, -ENODEV if the IOMMU is not AMD's or has no such registers,
 * -ENOMEM.
 */
int iommufd_hw_info_amd(struct device *dev, struct iommufd_hw_info *info)
{
	char *text = iommufd_iommu_attr(dev, "amd-iommu", "features");
	struct iommu_hw_info_amd *amd;
	u64 efr, efr2;
	int rc;

	if (IS_ERR(text))
		return PTR_ERR(text);
	rc = compat_amd_parse_features(text, &efr, &efr2);
	free_page((unsigned long)text);
	if (rc)
		return rc;

	amd = kzalloc(sizeof(*amd), GFP_KERNEL_ACCOUNT);
	if (!amd)
		return -ENOMEM;
	amd->efr = efr;
	amd->efr2 = efr2;
	info->type = IOMMU_HW_INFO_TYPE_AMD;
	info->length = sizeof(*amd);
	info->data = amd;
	return 0;
}
