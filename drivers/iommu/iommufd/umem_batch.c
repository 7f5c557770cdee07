// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: pinning in batches
 *
 * A batch has the kind of its umem pin pages, charge them and collect them as
 * runs. The caller takes the runs over whenever there is no room for another
 * one.
 *
 * Pages are charged after they have been pinned, batch by batch. So a missing
 * page is reported as such even if the limit is lower than the range is long. A
 * batch has no more pages than the limit has room for, but at least one. So for
 * a moment one page may be over the limit; or one batch of each thread, if
 * several threads charge the same counter at the same time.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "prefault.h"
#include "umem.h"
#include "umem_batch.h"

#define UNPIN_LIST 64

/* Size in bytes of each of the two buffers of a batch */
unsigned int umem_batch_scratch = UMEM_BATCH_MAX_SCRATCH;

/**
 * umem_batch_set_scratch() - limit the buffers of a batch
 * @bytes: limit of each buffer; with small buffers a test reaches the paths
 *         that need several batches with a few pages
 */
void umem_batch_set_scratch(unsigned int bytes)
{
	WRITE_ONCE(umem_batch_scratch,
		   clamp_t(unsigned int, bytes, 1, UMEM_BATCH_MAX_SCRATCH));
}

static int umem_batch_alloc(struct umem_batch *batch, unsigned long npages,
			    unsigned int max_runs)
{
	unsigned int room = READ_ONCE(umem_batch_scratch);

	batch->max_pages = clamp(room / sizeof(*batch->pages), 1UL, npages);
	batch->max_runs =
		clamp_t(unsigned int, room / sizeof(*batch->runs), 1, max_runs);
	batch->pages = kvmalloc_array(batch->max_pages, sizeof(*batch->pages),
				      GFP_KERNEL_ACCOUNT);
	batch->runs = kmalloc_array(batch->max_runs, sizeof(*batch->runs),
				    GFP_KERNEL_ACCOUNT);
	if (batch->pages && batch->runs)
		return 0;
	kvfree(batch->pages);
	kfree(batch->runs);
	batch->pages = NULL;
	return -ENOMEM;
}

/* umem_batch_begin() for ranges that need buffers */
int umem_batch_begin_large(struct umem_batch *batch, unsigned long first,
			   unsigned long npages, unsigned int max_runs)
{
	struct iommufd_umem *umem = batch->umem;
	int rc = umem_batch_alloc(batch, npages, max_runs);

	batch->prefault = NULL;
	if (!rc && umem->ops->prefault)
		batch->prefault = umem->ops->prefault(umem, first, npages);
	return rc;
}

/* umem_batch_end() after umem_batch_begin_large() */
void umem_batch_end_large(struct umem_batch *batch)
{
	if (batch->prefault)
		prefault_end(batch->prefault);
	kvfree(batch->pages);
	kfree(batch->runs);
}

/**
 * umem_batch_room() - limit a number of pages to what can be charged
 * @batch: batch
 * @npages: number of pages to pin next
 *
 * Return: number of pages to pin at once. It is 1 even at the limit: a missing
 * page is to be reported as such.
 */
unsigned long umem_batch_room(const struct umem_batch *batch,
			      unsigned long npages)
{
	const struct iommufd_umem *umem = batch->umem;

	if (npages == 1 || umem->mode == IOMMUFD_ACCOUNT_NONE)
		return npages;
	return clamp(iommufd_payer_room(umem->payer, umem->mode), 1UL, npages);
}

/**
 * umem_batch_unpin() - unpin and uncharge all pages that the batch still has
 * @batch: batch
 */
void umem_batch_unpin(struct umem_batch *batch)
{
	struct iommufd_umem *umem = batch->umem;
	unsigned long rest = umem->ops->drop(batch);

	umem->ops->unpin(umem, batch->runs, batch->nr_runs, batch->next - 1);
	iommufd_payer_uncharge(umem->payer, umem->mode,
			       batch->next - batch->first + rest);
}

/*
 * Unpin long runs as ranges, and scattered pages as a list, which is cheaper.
 */
static void unpin_many_runs(const struct pfn_run *runs, unsigned int nr,
			    unsigned long last, bool dirty)
{
	struct page *list[UNPIN_LIST] __uninitialized;
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++) {
		struct page *page = pfn_to_page(runs[i].pfn);
		unsigned long npages =
			pfn_run_last(runs, nr, i, last) - runs[i].index + 1;

		if (npages > 1) {
			unpin_user_page_range_dirty_lock(page, npages, dirty);
			cond_resched();
			continue;
		}
		list[n++] = page;
		if (n == UNPIN_LIST) {
			unpin_user_pages_dirty_lock(list, n, dirty);
			n = 0;
			cond_resched();
		}
	}
	unpin_user_pages_dirty_lock(list, n, dirty);
}

/**
 * umem_unpin_pages() - umem_ops.unpin of memory whose pages have a pin each
 * @umem: umem; the pages may have been written to if it is writable
 * @runs: runs of the pages
 * @nr: number of runs
 * @last: index of the last page
 */
void umem_unpin_pages(struct iommufd_umem *umem, const struct pfn_run *runs,
		      unsigned int nr, unsigned long last)
{
	bool dirty = umem->writable;

	if (nr == 1)
		unpin_user_page_range_dirty_lock(pfn_to_page(runs->pfn),
						 last - runs->index + 1, dirty);
	else if (nr)
		unpin_many_runs(runs, nr, last, dirty);
}
