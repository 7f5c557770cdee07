// SPDX-License-Identifier: GPL-2.0
/*
 * Does the user of a device have to enable page requests? Until 6.15; since then
 * the driver does it when a domain with a handler is attached.
 */
#include <linux/iommu.h>

int probe(struct device *dev)
{
	int rc = iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);

	if (!rc)
		rc = iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
	return rc;
}
