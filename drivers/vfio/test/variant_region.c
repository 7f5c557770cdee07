// SPDX-License-Identifier: GPL-2.0
/* The driver's own region: some memory, and a place that takes DMA. */
#include <linux/pci.h>
#include <linux/uaccess.h>

#include "variant.h"

static int region_memory(struct variant_device *dev, char __user *buf,
			 size_t count, loff_t pos, bool iswrite)
{
	unsigned long left;

	if (pos + count > VARIANT_REGION_MEMORY)
		return -EINVAL;
	variant_lock(dev);
	if (iswrite)
		left = copy_from_user(dev->memory + pos, buf, count);
	else
		left = copy_to_user(buf, dev->memory + pos, count);
	variant_unlock(dev);
	return left ? -EFAULT : 0;
}

static int region_dma(struct variant_device *dev, char __user *buf,
		      size_t count, bool iswrite)
{
	struct variant_dma dma;

	if (!iswrite || count != sizeof(dma))
		return -EINVAL;
	if (copy_from_user(&dma, buf, sizeof(dma)))
		return -EFAULT;
	return variant_logging_dma(dev, &dma);
}

static ssize_t region_rw(struct vfio_pci_core_device *core, char __user *buf,
			 size_t count, loff_t *ppos, bool iswrite)
{
	struct variant_device *dev = to_variant(&core->vdev);
	loff_t pos = *ppos & VFIO_PCI_OFFSET_MASK;
	int rc;

	if (pos >= VARIANT_REGION_SIZE || count > VARIANT_REGION_SIZE - pos)
		return -EINVAL;
	if (pos == VARIANT_REGION_DMA)
		rc = region_dma(dev, buf, count, iswrite);
	else
		rc = region_memory(dev, buf, count, pos, iswrite);
	if (rc)
		return rc;
	*ppos += count;
	return count;
}

static void region_release(struct vfio_pci_core_device *core,
			   struct vfio_pci_region *region)
{
}

static const struct vfio_pci_regops region_ops = {
	.rw = region_rw,
	.release = region_release,
};

/* vfio-pci-core removes the region when it disables the device. */
int variant_region_add(struct variant_device *dev)
{
	memset(dev->memory, 0, sizeof(dev->memory));
	return vfio_pci_core_register_dev_region(
		&dev->core,
		VFIO_REGION_TYPE_PCI_VENDOR_TYPE | VARIANT_REGION_TYPE,
		VARIANT_REGION_SUBTYPE, &region_ops, VARIANT_REGION_SIZE,
		VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE, NULL);
}
