// SPDX-License-Identifier: GPL-2.0
/* Does a device's IOMMU say whether it can enforce coherency? Since 6.2. */
#include <linux/iommu.h>

bool probe(struct device *dev)
{
	return device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY);
}
