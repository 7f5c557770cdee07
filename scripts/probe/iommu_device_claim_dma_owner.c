// SPDX-License-Identifier: GPL-2.0
/*
 * Is DMA ownership claimed by device, counted per owner? Since 6.2; before that
 * by group, and once.
 * Exported: iommu_device_claim_dma_owner
 * Exported: iommu_device_release_dma_owner
 */
#include <linux/iommu.h>

int probe(struct device *dev, void *owner)
{
	return iommu_device_claim_dma_owner(dev, owner);
}
