// SPDX-License-Identifier: GPL-2.0
/*
 * The minimum that every driver has to do to map memory for a device:
 * pin_user_pages_fast(), iommu_map() of the contiguous runs, iommu_unmap() of
 * the range, unpin. There is no accounting, no search and no contended lock. The
 * benchmark compares other drivers with this one, and measures the cost of each
 * part.
 *
 * There is a slot for each page. A run is stored in the slot of its first page.
 */
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "floor.h"

#define BATCH (PAGE_SIZE / sizeof(struct page *))

struct floor_run {
	unsigned long pfn;
	unsigned long npages;
};

struct floor {
	struct mutex lock; /* one ioctl at a time */
	struct device *dev;
	struct iommu_group *group;
	struct iommu_domain *domain;
	struct floor_run *runs;
	struct page *pages[BATCH];
	struct scatterlist sgl[BATCH];
};

/*
 * Count the pages of the batch that follow each other in memory, from the @i'th
 * on. If the end of a large folio is in the batch where it should be, all of the
 * folio is: the program does not rearrange its memory.
 */
static unsigned long floor_run_length(struct page **pages, unsigned long i,
				      unsigned long npages)
{
	struct page *page = pages[i];
	struct folio *folio = page_folio(page);
	unsigned long n = 1;

	if (folio_test_large(folio))
		n = min_t(unsigned long, npages - i, folio_nr_pages(folio) -
			  folio_page_idx(folio, page));
	if (pages[i + n - 1] != page + n - 1)
		n = 1;
	while (i + n < npages && pages[i + n] == page + n)
		n++;
	return n;
}

/* Fill slots from @slot on. The pages may continue @run, if it is not NULL. */
static struct floor_run *floor_add_runs(struct floor *floor, unsigned long slot,
					unsigned long npages,
					struct floor_run *run, u64 *nr_runs)
{
	unsigned long i, n;

	for (i = 0; i < npages; i += n) {
		unsigned long pfn = page_to_pfn(floor->pages[i]);

		n = floor_run_length(floor->pages, i, npages);
		if (run && run->pfn + run->npages == pfn) {
			run->npages += n;
			continue;
		}
		run = &floor->runs[slot + i];
		run->pfn = pfn;
		run->npages = n;
		++*nr_runs;
	}
	return run;
}

static int floor_pin(struct floor *floor, struct floor_range *range)
{
	unsigned long npages = range->length >> PAGE_SHIFT, done = 0;
	unsigned long batch = range->flags & FLOOR_GAPS ? 1 : BATCH;
	struct floor_run *run = NULL;

	range->nr_runs = 0;
	while (done < npages) {
		int got = pin_user_pages_fast(range->va + (done << PAGE_SHIFT),
					      min(npages - done, batch),
					      FOLL_WRITE | FOLL_LONGTERM,
					      floor->pages);

		if (got <= 0)
			return got ?: -EFAULT;
		if (range->flags & FLOOR_GAPS)
			run = NULL;
		run = floor_add_runs(floor, range->first + done, got, run,
				     &range->nr_runs);
		done += got;
		cond_resched();
	}
	return 0;
}

static void floor_unpin(struct floor *floor, struct floor_range *range)
{
	unsigned long slot = range->first, listed = 0;
	unsigned long end = slot + (range->length >> PAGE_SHIFT);

	while (slot < end) {
		struct floor_run *run = &floor->runs[slot];
		struct page *page = pfn_to_page(run->pfn);

		if (run->npages > 1 || range->flags & FLOOR_UNPIN_RANGES)
			unpin_user_page_range_dirty_lock(page, run->npages, true);
		else
			floor->pages[listed++] = page;
		slot += run->npages;
		run->npages = 0;
		if (listed == BATCH || (listed && slot >= end)) {
			unpin_user_pages_dirty_lock(floor->pages, listed, true);
			listed = 0;
			cond_resched();
		}
	}
}

static int floor_map_runs(struct floor *floor, struct floor_range *range)
{
	unsigned long slot = range->first, iova = range->iova;
	unsigned long end = slot + (range->length >> PAGE_SHIFT);

	while (slot < end) {
		struct floor_run *run = &floor->runs[slot];
		unsigned long length = run->npages << PAGE_SHIFT;
		int rc = iommu_map(floor->domain, iova, PFN_PHYS(run->pfn),
				   length, IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
				   GFP_KERNEL_ACCOUNT);

		if (rc)
			return rc;
		iova += range->flags & FLOOR_GAPS ? 2 * length : length;
		slot += run->npages;
	}
	return 0;
}

static int floor_map_sg(struct floor *floor, struct floor_range *range)
{
	unsigned long slot = range->first, iova = range->iova;
	unsigned long end = slot + (range->length >> PAGE_SHIFT);

	while (slot < end) {
		unsigned int n = 0;
		ssize_t mapped;

		sg_init_table(floor->sgl, BATCH);
		while (slot < end && n < BATCH) {
			struct floor_run *run = &floor->runs[slot];

			sg_set_page(&floor->sgl[n++], pfn_to_page(run->pfn),
				    run->npages << PAGE_SHIFT, 0);
			slot += run->npages;
		}
		mapped = iommu_map_sg(floor->domain, iova, floor->sgl, n,
				      IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
				      GFP_KERNEL_ACCOUNT);
		if (mapped < 0)
			return mapped;
		iova += mapped;
	}
	return 0;
}

static int floor_map(struct floor *floor, struct floor_range *range)
{
	u64 start = get_cycles(), pinned;
	int rc = 0;

	if (!(range->flags & FLOOR_KEEP_PINNED))
		rc = floor_pin(floor, range);
	if (rc)
		return rc;
	pinned = get_cycles();
	if (range->flags & FLOOR_MAP_SG)
		rc = floor_map_sg(floor, range);
	else if (!(range->flags & FLOOR_PIN_ONLY))
		rc = floor_map_runs(floor, range);
	range->pin_cycles = pinned - start;
	range->map_cycles = get_cycles() - pinned;
	return rc;
}

static bool floor_unmap_iova(struct floor *floor, struct floor_range *range)
{
	unsigned long iova = range->iova, done;

	if (!(range->flags & FLOOR_GAPS))
		return iommu_unmap(floor->domain, iova, range->length) ==
		       range->length;
	for (done = 0; done < range->length; done += PAGE_SIZE) {
		if (iommu_unmap(floor->domain, iova, PAGE_SIZE) != PAGE_SIZE)
			return false;
		iova += 2 * PAGE_SIZE;
		cond_resched();
	}
	return true;
}

static int floor_unmap(struct floor *floor, struct floor_range *range)
{
	u64 start = get_cycles(), unmapped;

	if (!(range->flags & FLOOR_PIN_ONLY) && !floor_unmap_iova(floor, range))
		return -EIO;
	unmapped = get_cycles();
	if (!(range->flags & FLOOR_KEEP_PINNED))
		floor_unpin(floor, range);
	range->map_cycles = unmapped - start;
	range->pin_cycles = get_cycles() - unmapped;
	return 0;
}

static long floor_move(struct floor *floor, unsigned int cmd, void __user *arg)
{
	struct floor_range range;
	int rc;

	if (!floor->domain)
		return -ENODEV;
	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;
	if (!range.length || (range.va | range.iova | range.length) & ~PAGE_MASK ||
	    range.first >= FLOOR_MAX_PAGES ||
	    range.length >> PAGE_SHIFT > FLOOR_MAX_PAGES - range.first)
		return -EINVAL;

	rc = cmd == FLOOR_MAP ? floor_map(floor, &range) :
				floor_unmap(floor, &range);
	if (rc)
		return rc;
	return copy_to_user(arg, &range, sizeof(range)) ? -EFAULT : 0;
}

static int floor_attach_domain(struct floor *floor, struct device *dev)
{
	struct iommu_domain *domain;
	bool coherent;
	int rc;

	rc = iommu_device_claim_dma_owner(dev, floor);
	if (rc)
		return rc;
	domain = compat_user_domain_alloc(dev, NULL, 0, NULL, &coherent);
	if (IS_ERR(domain)) {
		rc = PTR_ERR(domain);
		goto out_release;
	}
	rc = iommu_attach_group(domain, floor->group);
	if (rc)
		goto out_free;
	floor->domain = domain;
	return 0;

out_free:
	iommu_domain_free(domain);
out_release:
	iommu_device_release_dma_owner(dev);
	return rc;
}

static long floor_attach(struct floor *floor, void __user *arg)
{
	struct floor_attach attach;
	struct pci_dev *pdev;
	int rc = -ENODEV;

	if (copy_from_user(&attach, arg, sizeof(attach)))
		return -EFAULT;
	if (floor->domain)
		return -EBUSY;
	pdev = pci_get_domain_bus_and_slot(attach.segment, attach.bus,
					   attach.devfn);
	if (!pdev)
		return -ENODEV;
	floor->group = iommu_group_get(&pdev->dev);
	if (!floor->group)
		goto out_put_device;
	rc = floor_attach_domain(floor, &pdev->dev);
	if (rc)
		goto out_put_group;
	floor->dev = &pdev->dev;
	return 0;

out_put_group:
	iommu_group_put(floor->group);
out_put_device:
	pci_dev_put(pdev);
	return rc;
}

static void floor_detach(struct floor *floor)
{
	iommu_detach_group(floor->domain, floor->group);
	iommu_domain_free(floor->domain);
	iommu_device_release_dma_owner(floor->dev);
	iommu_group_put(floor->group);
	pci_dev_put(to_pci_dev(floor->dev));
}

static long floor_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct floor *floor = file->private_data;
	void __user *uarg = (void __user *)arg;
	long rc = -ENOTTY;

	mutex_lock(&floor->lock);
	if (cmd == FLOOR_ATTACH)
		rc = floor_attach(floor, uarg);
	else if (cmd == FLOOR_MAP || cmd == FLOOR_UNMAP)
		rc = floor_move(floor, cmd, uarg);
	mutex_unlock(&floor->lock);
	return rc;
}

static int floor_open(struct inode *inode, struct file *file)
{
	struct floor *floor = kzalloc(sizeof(*floor), GFP_KERNEL);

	if (!floor)
		return -ENOMEM;
	floor->runs = vcalloc(FLOOR_MAX_PAGES, sizeof(*floor->runs));
	if (!floor->runs) {
		kfree(floor);
		return -ENOMEM;
	}
	mutex_init(&floor->lock);
	file->private_data = floor;
	return 0;
}

static int floor_release(struct inode *inode, struct file *file)
{
	struct floor *floor = file->private_data;
	unsigned long i;

	if (floor->domain)
		floor_detach(floor);
	/* Unpin what the program left mapped. The domain is already gone. */
	for (i = 0; i < FLOOR_MAX_PAGES; i++) {
		struct floor_run *run = &floor->runs[i];

		if (run->npages)
			unpin_user_page_range_dirty_lock(pfn_to_page(run->pfn),
							 run->npages, true);
	}
	vfree(floor->runs);
	kfree(floor);
	return 0;
}

static const struct file_operations floor_fops = {
	.owner = THIS_MODULE,
	.open = floor_open,
	.release = floor_release,
	.unlocked_ioctl = floor_ioctl,
};

static struct miscdevice floor_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iommu-floor",
	.fops = &floor_fops,
	.mode = 0600,
};
module_misc_device(floor_misc);

MODULE_DESCRIPTION("Benchmark: the minimum cost of mapping memory for a device");
MODULE_LICENSE("GPL");
