// SPDX-License-Identifier: GPL-2.0
/*
 * Driver and registers of an IOMMU, from the attributes of its sysfs device
 *
 * The structs of IOMMU drivers are private, but some drivers have registers as
 * attributes of the IOMMU's sysfs device.
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/iommu.h>
#include <linux/string.h>

#include "hw_info_sysfs.h"

static const struct attribute_group *find_group(const struct device *iommu,
						const char *name)
{
	const struct attribute_group **group;

	for (group = iommu->groups; group && *group; group++) {
		if ((*group)->name && !strcmp((*group)->name, name))
			return *group;
	}
	return NULL;
}

static struct device_attribute *find_attr(const struct attribute_group *group,
					  const char *name)
{
	struct attribute **attr;

	for (attr = group->attrs; attr && *attr; attr++) {
		if (!strcmp((*attr)->name, name))
			return container_of(*attr, struct device_attribute,
					    attr);
	}
	return NULL;
}

static struct device *iommu_sysfs_device(const struct device *dev)
{
	const struct dev_iommu *param = dev->iommu;

	return param && param->iommu_dev ? param->iommu_dev->dev : NULL;
}

/**
 * iommufd_iommu_has_attrs() - find out the driver of the IOMMU behind a device
 * @dev: device
 * @group: name of the group of attributes, which names the IOMMU's driver
 *
 * Return: whether the IOMMU has such a group.
 */
bool iommufd_iommu_has_attrs(const struct device *dev, const char *group)
{
	const struct device *iommu = iommu_sysfs_device(dev);

	return iommu && find_group(iommu, group);
}

/**
 * iommufd_iommu_attr() - read a sysfs attribute of the IOMMU behind a device
 * @dev: device
 * @group: name of the group of attributes, which names the IOMMU's driver
 * @name: name of the attribute
 *
 * Return: a page with the text, for free_page(), or ERR_PTR: -ENODEV if the
 * IOMMU has no such attribute, -ENOMEM.
 */
char *iommufd_iommu_attr(struct device *dev, const char *group,
			 const char *name)
{
	struct device *iommu = iommu_sysfs_device(dev);
	const struct attribute_group *attrs;
	struct device_attribute *attr;
	char *page;

	if (!iommu)
		return ERR_PTR(-ENODEV);
	attrs = find_group(iommu, group);
	attr = attrs ? find_attr(attrs, name) : NULL;
	if (!attr || !attr->show)
		return ERR_PTR(-ENODEV);

	page = (char *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return ERR_PTR(-ENOMEM);
	if (attr->show(iommu, attr, page) <= 0) {
		free_page((unsigned long)page);
		return ERR_PTR(-ENODEV);
	}
	return page;
}
