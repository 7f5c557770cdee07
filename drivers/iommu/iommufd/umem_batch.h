/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_BATCH_H
#define _IOMMUFD_UMEM_BATCH_H

#include <linux/compiler.h>
#include <linux/sizes.h>

#include "pfn_runs.h"

struct folio;
struct iommufd_umem;
struct page;
struct prefault;

/* Number of pages up to which a batch needs no buffers */
#define UMEM_BATCH_SMALL 8

#define UMEM_BATCH_MAX_SCRATCH SZ_64K
extern unsigned int umem_batch_scratch;

/**
 * struct umem_batch - pages of a umem that are pinned but not in a chunk yet
 *
 * A batch is on the stack. It is not zeroed, which would cost more than pinning
 * a page: no member is read before it is written.
 *
 * @umem: umem that the pages belong to
 * @pages: pages that the kernel returned; NULL before umem_batch_begin()
 * @folios: the same array, if the kind has folios instead
 * @max_pages: room in @pages
 * @nr_pages: number of @pages; all of them are charged
 * @taken: number of @pages, from the first on, that are in @runs already
 * @runs: runs of pinned pages
 * @max_runs: room in @runs
 * @nr_runs: number of @runs
 * @first: index of the first page in @runs
 * @next: index after the last page in @runs
 * @prefault: workers that touch the rest of the range, or NULL
 * @skip: number of pages of the first of @folios that are not in the range
 * @held: index after the last page of @folios that is charged
 * @small_pages: @pages of a short range
 * @small_runs: @runs of a short range
 */
struct umem_batch {
	struct iommufd_umem *umem;
	union {
		struct page **pages;
		struct folio **folios;
	};
	unsigned int max_pages;
	unsigned int nr_pages;
	unsigned int taken;
	struct pfn_run *runs;
	unsigned int max_runs;
	unsigned int nr_runs;
	unsigned long first;
	unsigned long next;
	struct prefault *prefault;
	unsigned long skip;
	unsigned long held;
	struct page *small_pages[UMEM_BATCH_SMALL];
	struct pfn_run small_runs[UMEM_BATCH_SMALL];
};

int umem_batch_begin_large(struct umem_batch *batch, unsigned long first,
			   unsigned long npages, unsigned int max_runs);
void umem_batch_end_large(struct umem_batch *batch);

/**
 * umem_batch_begin() - prepare for pinning a range
 * @batch: batch; the caller has set @umem
 * @first: index of the first page
 * @last: index of the last page
 * @max_runs: number of runs that the caller can take at once
 *
 * Return: 0 or -ENOMEM. The caller may call umem_batch_end() in both cases.
 */
static inline int umem_batch_begin(struct umem_batch *batch,
				   unsigned long first, unsigned long last,
				   unsigned int max_runs)
{
	unsigned long npages = last - first + 1;

	batch->nr_pages = 0;
	batch->taken = 0;
	batch->nr_runs = 0;
	if (npages > UMEM_BATCH_SMALL ||
	    READ_ONCE(umem_batch_scratch) != UMEM_BATCH_MAX_SCRATCH)
		return umem_batch_begin_large(batch, first, npages, max_runs);
	batch->pages = batch->small_pages;
	batch->max_pages = UMEM_BATCH_SMALL;
	batch->runs = batch->small_runs;
	batch->max_runs = UMEM_BATCH_SMALL;
	batch->prefault = NULL;
	return 0;
}

/**
 * umem_batch_end() - undo umem_batch_begin()
 * @batch: batch without pages; or not begun, with @pages NULL
 *
 * Context: as prefault_end().
 */
static inline void umem_batch_end(struct umem_batch *batch)
{
	if (batch->pages && batch->pages != batch->small_pages)
		umem_batch_end_large(batch);
}

void umem_batch_unpin(struct umem_batch *batch);
unsigned long umem_batch_room(const struct umem_batch *batch,
			      unsigned long npages);
void umem_batch_set_scratch(unsigned int bytes);

void umem_unpin_pages(struct iommufd_umem *umem, const struct pfn_run *runs,
		      unsigned int nr, unsigned long last);

#endif
