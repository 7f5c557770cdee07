// SPDX-License-Identifier: GPL-2.0
/*
 * A VFIO device without hardware and without an IOMMU, as mediated devices are:
 * its driver reads, writes and pins the user's memory through the calls that
 * vfio has for such drivers. Its user drives it through the one region;
 * emulated_abi.h has the layout.
 */
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "emulated_abi.h"

/**
 * struct emulated - the device
 * @vdev: what vfio works with
 * @io: held while a read or write of the region runs; protects @buffer
 * @lock: protects the members below. Taken inside @io, and by the callback
 *        dma_unmap(), which may come while a command runs.
 * @status: what the user reads
 * @pins: IOVAs of the pages that are pinned
 * @buffer: between the user and its memory
 */
struct emulated {
	struct vfio_device vdev;
	struct mutex io;
	struct mutex lock;
	struct emulated_status status;
	dma_addr_t pins[EMULATED_MAX_PINS];
	u8 buffer[EMULATED_BUFFER_SIZE];
};

static struct emulated *to_emulated(struct vfio_device *vdev)
{
	return container_of(vdev, struct emulated, vdev);
}

static int emulated_init_device(struct vfio_device *vdev)
{
	mutex_init(&to_emulated(vdev)->io);
	mutex_init(&to_emulated(vdev)->lock);
	return 0;
}

static void emulated_release_device(struct vfio_device *vdev)
{
	mutex_destroy(&to_emulated(vdev)->lock);
	mutex_destroy(&to_emulated(vdev)->io);
	/* On some kernels this frees the device, so it comes last. */
	vfio_free_device(vdev);
}

/* The caller holds @lock. */
static void unpin_nth(struct emulated *dev, u32 n)
{
	vfio_unpin_pages(&dev->vdev, dev->pins[n], 1);
	dev->pins[n] = dev->pins[--dev->status.pinned];
}

/* Give the pages of a range back one by one. The caller holds @lock. */
static void unpin_range(struct emulated *dev, u64 iova, u64 length)
{
	u32 n = 0;

	while (n < dev->status.pinned) {
		if (dev->pins[n] - iova < length)
			unpin_nth(dev, n);
		else
			n++;
	}
}

static int emulated_open_device(struct vfio_device *vdev)
{
	struct emulated *dev = to_emulated(vdev);

	mutex_lock(&dev->lock);
	dev->status = (struct emulated_status){
		.opens = dev->status.opens + 1,
	};
	memset(dev->buffer, 0, sizeof(dev->buffer));
	mutex_unlock(&dev->lock);
	return 0;
}

static void emulated_close_device(struct vfio_device *vdev)
{
	struct emulated *dev = to_emulated(vdev);

	mutex_lock(&dev->lock);
	while (dev->status.pinned)
		unpin_nth(dev, 0);
	mutex_unlock(&dev->lock);
}

/* vfio is about to unmap the range: pages in it must not stay pinned. */
static void emulated_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct emulated *dev = to_emulated(vdev);

	mutex_lock(&dev->lock);
	dev->status.unmaps++;
	dev->status.unmap_iova = iova;
	dev->status.unmap_length = length;
	unpin_range(dev, iova, length);
	mutex_unlock(&dev->lock);
}

static int emulated_dma(struct emulated *dev,
			const struct emulated_command *cmd)
{
	if (cmd->length > EMULATED_BUFFER_SIZE)
		return -EINVAL;
	return vfio_dma_rw(&dev->vdev, cmd->iova, dev->buffer, cmd->length,
			   cmd->op == EMULATED_WRITE);
}

/* The caller holds @lock. */
static int pin_pages(struct emulated *dev, u64 iova, u32 length)
{
	struct page *pages[EMULATED_MAX_PINS];
	int npages;

	if (length > EMULATED_MAX_PINS - dev->status.pinned)
		return -ENOSPC;
	npages = vfio_pin_pages(&dev->vdev, iova, length,
				IOMMU_READ | IOMMU_WRITE, pages);
	for (int i = 0; i < npages; i++)
		dev->pins[dev->status.pinned++] = iova + i * PAGE_SIZE;
	return npages < 0 ? npages : 0;
}

/* @lock is held over the calls: dma_unmap() has to see the new pins. */
static int emulated_pin(struct emulated *dev,
			const struct emulated_command *cmd)
{
	u64 iova = cmd->iova & PAGE_MASK;
	int rc = 0;

	mutex_lock(&dev->lock);
	if (cmd->op == EMULATED_PIN)
		rc = pin_pages(dev, iova, cmd->length);
	else
		for (u32 i = 0; !rc && i < cmd->length; i++)
			rc = pin_pages(dev, iova + i * PAGE_SIZE, 1);
	mutex_unlock(&dev->lock);
	return rc;
}

/* Forget a page that is about to be given back. The caller holds @lock. */
static bool forget_page(struct emulated *dev, u64 iova)
{
	for (u32 n = 0; n < dev->status.pinned; n++) {
		if (dev->pins[n] != iova)
			continue;
		dev->pins[n] = dev->pins[--dev->status.pinned];
		return true;
	}
	return false;
}

/* All pages up to the first that is not pinned */
static int emulated_unpin(struct emulated *dev,
			  const struct emulated_command *cmd)
{
	u64 iova = cmd->iova & PAGE_MASK;
	u32 npages = 0;

	mutex_lock(&dev->lock);
	while (npages < cmd->length &&
	       forget_page(dev, iova + npages * PAGE_SIZE))
		npages++;
	if (npages)
		vfio_unpin_pages(&dev->vdev, iova, npages);
	mutex_unlock(&dev->lock);
	return npages == cmd->length ? 0 : -ENOENT;
}

static int emulated_run(struct emulated *dev, const char __user *buf,
			size_t count)
{
	struct emulated_command cmd;

	if (count != sizeof(cmd))
		return -EINVAL;
	if (copy_from_user(&cmd, buf, sizeof(cmd)))
		return -EFAULT;
	switch (cmd.op) {
	case EMULATED_READ:
	case EMULATED_WRITE:
		return emulated_dma(dev, &cmd);
	case EMULATED_PIN:
	case EMULATED_PIN_EACH:
		return emulated_pin(dev, &cmd);
	case EMULATED_UNPIN:
		return emulated_unpin(dev, &cmd);
	default:
		return -EINVAL;
	}
}

static ssize_t emulated_read(struct vfio_device *vdev, char __user *buf,
			     size_t count, loff_t *ppos)
{
	struct emulated *dev = to_emulated(vdev);
	struct emulated_status status;
	const void *from = NULL;
	ssize_t rc = count;

	mutex_lock(&dev->io);
	if (*ppos == EMULATED_STATUS && count == sizeof(status)) {
		mutex_lock(&dev->lock);
		status = dev->status;
		mutex_unlock(&dev->lock);
		from = &status;
	} else if (*ppos < EMULATED_BUFFER_SIZE &&
		   count <= EMULATED_BUFFER_SIZE - *ppos) {
		from = dev->buffer + *ppos;
	}
	if (!from)
		rc = -EINVAL;
	else if (copy_to_user(buf, from, count))
		rc = -EFAULT;
	else
		*ppos += count;
	mutex_unlock(&dev->io);
	return rc;
}

static ssize_t emulated_write(struct vfio_device *vdev, const char __user *buf,
			      size_t count, loff_t *ppos)
{
	struct emulated *dev = to_emulated(vdev);
	ssize_t rc = -EINVAL;

	mutex_lock(&dev->io);
	if (*ppos == EMULATED_COMMAND)
		rc = emulated_run(dev, buf, count);
	else if (*ppos < EMULATED_BUFFER_SIZE &&
		 count <= EMULATED_BUFFER_SIZE - *ppos)
		rc = copy_from_user(dev->buffer + *ppos, buf, count) ?
			     -EFAULT : 0;
	mutex_unlock(&dev->io);
	if (rc)
		return rc;
	*ppos += count;
	return count;
}

static long emulated_get_info(void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = 0;
	info.num_regions = 1;
	info.num_irqs = 0;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static int emulated_get_region_info(struct vfio_device *vdev,
				    struct vfio_region_info *info,
				    struct vfio_info_cap *caps)
{
	if (info->index)
		return -EINVAL;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	info->cap_offset = 0;
	info->size = EMULATED_REGION_SIZE;
	info->offset = 0;
	return 0;
}

/* On kernels where a driver has no op for it */
static long emulated_region_info_ioctl(struct vfio_device *vdev,
				       void __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_info info;
	int rc;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	rc = emulated_get_region_info(vdev, &info, NULL);
	if (rc)
		return rc;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long emulated_ioctl(struct vfio_device *vdev, unsigned int cmd,
			   unsigned long arg)
{
	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return emulated_get_info((void __user *)arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return emulated_region_info_ioctl(vdev, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct vfio_device_ops emulated_ops = {
	.name = EMULATED_NAME,
	.init = emulated_init_device,
	.release = emulated_release_device,
	.open_device = emulated_open_device,
	.close_device = emulated_close_device,
	.read = emulated_read,
	.write = emulated_write,
	.ioctl = emulated_ioctl,
	VFIO_GET_REGION_INFO_CAPS(emulated_get_region_info)
	.dma_unmap = emulated_dma_unmap,
};

static void emulated_unregister(void *data)
{
	struct emulated *dev = data;

	vfio_unregister_group_dev(&dev->vdev);
	vfio_put_device(&dev->vdev);
}

static int emulated_probe(struct platform_device *pdev)
{
	struct emulated *dev;
	int rc;

	dev = vfio_alloc_device(emulated, vdev, &pdev->dev, &emulated_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	rc = vfio_register_emulated_iommu_dev(&dev->vdev);
	if (rc) {
		vfio_put_device(&dev->vdev);
		return rc;
	}
	return devm_add_action_or_reset(&pdev->dev, emulated_unregister, dev);
}

/*
 * vfio holds the module of the parent's driver while the device is open. The
 * group that vfio makes up must not count as one with a domain for the kernel's
 * own DMA.
 */
static struct platform_driver emulated_driver = {
	.driver.name = EMULATED_NAME,
	.probe = emulated_probe,
	.driver_managed_dma = true,
};

static struct platform_device *emulated_parent;

static int __init emulated_init(void)
{
	int rc;

	rc = platform_driver_register(&emulated_driver);
	if (rc)
		return rc;
	emulated_parent = platform_device_register_simple(
		EMULATED_NAME, PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(emulated_parent)) {
		platform_driver_unregister(&emulated_driver);
		return PTR_ERR(emulated_parent);
	}
	return 0;
}
module_init(emulated_init);

static void __exit emulated_exit(void)
{
	platform_device_unregister(emulated_parent);
	platform_driver_unregister(&emulated_driver);
}
module_exit(emulated_exit);

MODULE_DESCRIPTION("Emulated VFIO device for tests");
MODULE_LICENSE("GPL");
