// SPDX-License-Identifier: GPL-2.0
/* Does an IOMMU driver describe its hardware through its ops? Since 6.6. */
#include <linux/iommu.h>

void *probe(const struct iommu_ops *ops, struct device *dev, u32 *length, u32 *type)
{
	return ops->hw_info(dev, length, type);
}
