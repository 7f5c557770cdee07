// SPDX-License-Identifier: GPL-2.0
/*
 * Is DMA ownership claimed by device, counted per owner? Since 6.2; before that
 * by group, and once.
 */
#include <linux/iommu.h>

int probe(struct device *dev, void *owner)
{
	int rc = iommu_device_claim_dma_owner(dev, owner);

	iommu_device_release_dma_owner(dev);
	return rc;
}
