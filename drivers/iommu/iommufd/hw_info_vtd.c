// SPDX-License-Identifier: GPL-2.0
/*
 * VT-d capability registers of the IOMMU behind a device
 *
 * Kernels that have iommu_ops.hw_info do not need this file. On older ones the
 * structs of the VT-d driver are private, but the driver has the registers as
 * attributes of the IOMMU's sysfs device: group intel-iommu, attributes cap and
 * ecap, in hex.
 */
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <uapi/linux/iommufd.h>

#include "hw_info_vtd.h"
#include "iommu_ops.h"

static const struct attribute_group *vtd_find_group(const struct device *dev)
{
	const struct attribute_group **group;

	for (group = dev->groups; group && *group; group++) {
		if ((*group)->name && !strcmp((*group)->name, "intel-iommu"))
			return *group;
	}
	return NULL;
}

/* Read a register through its sysfs attribute. */
static int vtd_read_register(struct device *dev,
			     const struct attribute_group *group,
			     const char *name, u64 *value)
{
	struct device_attribute *dev_attr;
	struct attribute **attr;
	int rc = -ENODEV;
	char *page;

	for (attr = group->attrs; *attr; attr++) {
		if (!strcmp((*attr)->name, name))
			break;
	}
	if (!*attr)
		return -ENODEV;
	dev_attr = container_of(*attr, struct device_attribute, attr);

	page = (char *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -ENOMEM;
	if (dev_attr->show && dev_attr->show(dev, dev_attr, page) > 0)
		rc = kstrtou64(strim(page), 16, value);
	free_page((unsigned long)page);
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
	struct dev_iommu *param = dev->iommu;
	const struct attribute_group *group;
	struct iommu_hw_info_vtd *vtd;
	struct device *iommu;
	int rc;

	if (!param || !param->iommu_dev || !param->iommu_dev->dev)
		return -ENODEV;
	iommu = param->iommu_dev->dev;
	group = vtd_find_group(iommu);
	if (!group)
		return -ENODEV;

	vtd = kzalloc(sizeof(*vtd), GFP_KERNEL_ACCOUNT);
	if (!vtd)
		return -ENOMEM;
	rc = vtd_read_register(iommu, group, "cap", &vtd->cap_reg);
	if (!rc)
		rc = vtd_read_register(iommu, group, "ecap", &vtd->ecap_reg);
	if (rc) {
		kfree(vtd);
		return rc;
	}

	info->type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	info->length = sizeof(*vtd);
	info->data = vtd;
	return 0;
}
