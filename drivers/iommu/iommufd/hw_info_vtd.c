// SPDX-License-Identifier: GPL-2.0
/*
 * VT-d capability registers of the IOMMU behind a device
 *
 * Kernels that have iommu_ops.hw_info do not need this file. On older ones the
 * driver has the registers in sysfs: group intel-iommu, attributes cap and
 * ecap, in hex.
 */
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/iommufd.h>

#include "hw_info_sysfs.h"
#include "hw_info_vtd.h"
#include "iommu_ops.h"

static int vtd_read_register(struct device *dev, const char *name, u64 *value)
{
	char *text = iommufd_iommu_attr(dev, "intel-iommu", name);
	int rc;

	if (IS_ERR(text))
		return PTR_ERR(text);
	rc = kstrtou64(strim(text), 16, value);
	free_page((unsigned long)text);
	return rc;
}

/**
 * iommufd_hw_info_vtd() - read the VT-d registers behind a device
 * @dev: device
 * @info: filled with a struct iommu_hw_info_vtd
 *
 * VT-d specification 11.4.2 (Capability Register) and 11.4.3 (Extended
 * Capability Register).
 *
 * Return: 0, -ENODEV if the IOMMU is not VT-d, -ENOMEM.
 */
int iommufd_hw_info_vtd(struct device *dev, struct iommufd_hw_info *info)
{
	struct iommu_hw_info_vtd *vtd;
	u64 cap, ecap;
	int rc;

	rc = vtd_read_register(dev, "cap", &cap);
	if (!rc)
		rc = vtd_read_register(dev, "ecap", &ecap);
	if (rc)
		return rc;

	vtd = kzalloc(sizeof(*vtd), GFP_KERNEL_ACCOUNT);
	if (!vtd)
		return -ENOMEM;
	vtd->cap_reg = cap;
	vtd->ecap_reg = ecap;
	info->type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	info->length = sizeof(*vtd);
	info->data = vtd;
	return 0;
}
