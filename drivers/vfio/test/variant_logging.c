// SPDX-License-Identifier: GPL-2.0
/*
 * The log of DMA. vfio has checked that the ranges are aligned and do not
 * overlap; everything else is the driver's to check.
 */
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "variant.h"

struct variant_range {
	unsigned long start;
	unsigned long last;
};

/* The caller holds dev->lock. */
u64 variant_logging_bytes(struct variant_device *dev)
{
	u64 sum = 0;

	for (u32 i = 0; i < dev->num_ranges; i++)
		sum += dev->ranges[i].last - dev->ranges[i].start + 1;
	return sum;
}

/* The caller holds dev->lock. */
void variant_logging_stop(struct variant_device *dev)
{
	xa_destroy(&dev->dirty);
	kfree(dev->ranges);
	dev->ranges = NULL;
	dev->num_ranges = 0;
	dev->page_size = 0;
}

static struct variant_range *copy_ranges(struct rb_root_cached *root,
					 u32 nnodes)
{
	struct interval_tree_node *node;
	struct variant_range *ranges;
	u32 i = 0;

	ranges = kcalloc(nnodes, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return NULL;
	for (node = interval_tree_iter_first(root, 0, ULONG_MAX);
	     node && i < nnodes;
	     node = interval_tree_iter_next(node, 0, ULONG_MAX))
		ranges[i++] = (struct variant_range){ node->start, node->last };
	return ranges;
}

/* The driver logs whole pages of 4 KiB or more, and says so in @page_size. */
static int variant_log_start(struct vfio_device *vdev,
			     struct rb_root_cached *root, u32 nnodes,
			     u64 *page_size)
{
	struct variant_device *dev = to_variant(vdev);
	struct variant_range *ranges;
	int rc = 0;

	if (!is_power_of_2(*page_size) || *page_size > SZ_1G)
		return -EINVAL;
	ranges = copy_ranges(root, nnodes);
	if (!ranges)
		return -ENOMEM;
	variant_lock(dev);
	if (dev->page_size) {
		kfree(ranges);
		rc = -EBUSY;
	} else {
		*page_size = max_t(u64, *page_size, SZ_4K);
		dev->page_size = *page_size;
		dev->ranges = ranges;
		dev->num_ranges = nnodes;
	}
	variant_unlock(dev);
	return rc;
}

static int variant_log_stop(struct vfio_device *vdev)
{
	struct variant_device *dev = to_variant(vdev);
	int rc = 0;

	variant_lock(dev);
	if (!dev->page_size)
		rc = -ENOENT;
	variant_logging_stop(dev);
	variant_unlock(dev);
	return rc;
}

/* The caller holds dev->lock. */
static bool is_logged(struct variant_device *dev, unsigned long iova)
{
	for (u32 i = 0; i < dev->num_ranges; i++) {
		if (iova >= dev->ranges[i].start && iova <= dev->ranges[i].last)
			return true;
	}
	return false;
}

/* Remember the pages that DMA has written, as far as they are logged. */
int variant_logging_dma(struct variant_device *dev,
			const struct variant_dma *dma)
{
	unsigned long page, last;
	int rc = 0;

	if (!dma->length || dma->length > VARIANT_MAX_DMA ||
	    dma->iova + dma->length - 1 < dma->iova)
		return -EINVAL;
	variant_lock(dev);
	last = (dma->iova + dma->length - 1) / SZ_4K;
	for (page = dma->iova / SZ_4K; !rc && page <= last; page++) {
		if (is_logged(dev, page * SZ_4K))
			rc = xa_err(xa_store(&dev->dirty, page, xa_mk_value(1),
					     GFP_KERNEL));
	}
	variant_unlock(dev);
	return rc;
}

/* Take a run of dirty pages that begins with @page out of the log. */
static unsigned long take_run(struct variant_device *dev, unsigned long page,
			      unsigned long last)
{
	unsigned long npages = 0;

	while (page + npages <= last && xa_erase(&dev->dirty, page + npages))
		npages++;
	return npages;
}

/* vfio calls this for each part of the bitmap that it has pinned. */
static int variant_log_read_and_clear(struct vfio_device *vdev,
				      unsigned long iova, unsigned long length,
				      struct iova_bitmap *bitmap)
{
	struct variant_device *dev = to_variant(vdev);
	unsigned long page = iova / SZ_4K;
	unsigned long last = (iova + length - 1) / SZ_4K;
	int rc = 0;

	variant_lock(dev);
	if (!dev->page_size) {
		rc = -ENOENT;
		goto out_unlock;
	}
	while (length && xa_find(&dev->dirty, &page, last, XA_PRESENT)) {
		unsigned long npages = take_run(dev, page, last);

		iova_bitmap_set(bitmap, page * SZ_4K, npages * SZ_4K);
		page += npages;
	}
out_unlock:
	variant_unlock(dev);
	return rc;
}

static const struct vfio_log_ops variant_log_ops = {
	.log_start = variant_log_start,
	.log_stop = variant_log_stop,
	.log_read_and_clear = variant_log_read_and_clear,
};

void variant_logging_init(struct variant_device *dev)
{
	xa_init(&dev->dirty);
	dev->core.vdev.log_ops = &variant_log_ops;
}
