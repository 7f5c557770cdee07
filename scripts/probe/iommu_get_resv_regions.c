// SPDX-License-Identifier: GPL-2.0
/*
 * May a module ask for a device's reserved regions? Always declared, not
 * exported in 6.1.
 */
#include <linux/iommu.h>

void probe(struct device *dev, struct list_head *list)
{
	iommu_get_resv_regions(dev, list);
}
