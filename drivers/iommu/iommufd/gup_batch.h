/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_GUP_BATCH_H
#define _IOMMUFD_GUP_BATCH_H

#include <linux/compiler.h>
#include <linux/sizes.h>

#include "account.h"
#include "pfn_runs.h"

struct page;
struct prefault;

/* Number of pages up to which a batch needs no buffers */
#define GUP_BATCH_SMALL 8

#define GUP_BATCH_MAX_SCRATCH SZ_64K
extern unsigned int gup_batch_scratch;

/**
 * struct gup_batch - user pages that are pinned but not in a chunk yet
 *
 * A batch is on the stack. It is not zeroed, which would cost more than pinning
 * a page: no member is read before it is written.
 *
 * @payer: process that the memory belongs to and that is charged
 * @uva: user address of the page with index 0
 * @mode: counter to charge
 * @writable: pages are pinned for writing
 * @pages: pages that gup returned; NULL before gup_batch_begin()
 * @max_pages: room in @pages
 * @nr_pages: number of @pages; all of them are charged
 * @taken: number of @pages, from the first on, that are in @runs already
 * @runs: runs of pinned pages
 * @max_runs: room in @runs
 * @nr_runs: number of @runs
 * @first: index of the first page in @runs
 * @next: index after the last page in @runs
 * @prefault: workers that touch the rest of the range, or NULL
 * @small_pages: @pages of a short range
 * @small_runs: @runs of a short range
 */
struct gup_batch {
	struct iommufd_payer *payer;
	unsigned long uva;
	u8 mode;
	bool writable;
	struct page **pages;
	unsigned int max_pages;
	unsigned int nr_pages;
	unsigned int taken;
	struct pfn_run *runs;
	unsigned int max_runs;
	unsigned int nr_runs;
	unsigned long first;
	unsigned long next;
	struct prefault *prefault;
	struct page *small_pages[GUP_BATCH_SMALL];
	struct pfn_run small_runs[GUP_BATCH_SMALL];
};

int gup_batch_begin_large(struct gup_batch *batch, unsigned long first,
			  unsigned long npages, unsigned int max_runs);
void gup_batch_end_large(struct gup_batch *batch);

/**
 * gup_batch_begin() - prepare for pinning a range
 * @batch: batch; the caller has set @payer, @uva, @mode and @writable
 * @first: index of the first page
 * @last: index of the last page
 * @max_runs: number of runs that the caller can take at once
 *
 * Return: 0 or -ENOMEM. The caller may call gup_batch_end() in both cases.
 */
static inline int gup_batch_begin(struct gup_batch *batch, unsigned long first,
				  unsigned long last, unsigned int max_runs)
{
	unsigned long npages = last - first + 1;

	batch->nr_pages = 0;
	batch->taken = 0;
	batch->nr_runs = 0;
	if (npages > GUP_BATCH_SMALL ||
	    READ_ONCE(gup_batch_scratch) != GUP_BATCH_MAX_SCRATCH)
		return gup_batch_begin_large(batch, first, npages, max_runs);
	batch->pages = batch->small_pages;
	batch->max_pages = GUP_BATCH_SMALL;
	batch->runs = batch->small_runs;
	batch->max_runs = GUP_BATCH_SMALL;
	batch->prefault = NULL;
	return 0;
}

/**
 * gup_batch_end() - undo gup_batch_begin()
 * @batch: batch without pages; or not begun, with @pages NULL
 *
 * Context: as prefault_end().
 */
static inline void gup_batch_end(struct gup_batch *batch)
{
	if (batch->pages && batch->pages != batch->small_pages)
		gup_batch_end_large(batch);
}

int gup_batch_pin(struct gup_batch *batch, unsigned long last);
void gup_batch_unpin(struct gup_batch *batch);
void gup_unpin_runs(const struct pfn_run *runs, unsigned int nr,
		    unsigned long last, bool dirty);
long gup_remote(struct mm_struct *mm, unsigned long uva, unsigned long npages,
		unsigned int gup_flags, struct page **pages);
void gup_batch_set_scratch(unsigned int bytes);

#endif
