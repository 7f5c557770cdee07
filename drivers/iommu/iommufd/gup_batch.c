// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: pinning user pages in batches
 *
 * A batch pins user pages, charges them, and turns them into runs. It knows
 * nothing of the memory that the runs are for.
 *
 * Pages are charged after they have been pinned, batch by batch, so memory that
 * is not there is reported as such even where the limit is lower than the range.
 * A batch has no more pages than the limit has room for, but at least one. What
 * is over the limit for a moment is that page, or, where several threads pin for
 * one counter at the same time, at most one batch of each.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "gup_batch.h"
#include "prefault.h"

#define UNPIN_LIST 64

/* Bytes at most of each scratch buffer of a pin operation */
#define MAX_SCRATCH SZ_64K
static unsigned int scratch_bytes = MAX_SCRATCH;

/* Gup has a way for ranges; for single pages that lie apart a list is cheaper. */
static void gup_unpin_many_runs(const struct pfn_run *runs, unsigned int nr,
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
 * gup_unpin_runs() - unpin pages
 * @runs: runs of the pages
 * @nr: number of runs
 * @last: index of the last page
 * @dirty: the pages may have been written to
 */
void gup_unpin_runs(const struct pfn_run *runs, unsigned int nr,
		    unsigned long last, bool dirty)
{
	if (nr == 1)
		unpin_user_page_range_dirty_lock(pfn_to_page(runs->pfn),
						 last - runs->index + 1, dirty);
	else if (nr)
		gup_unpin_many_runs(runs, nr, last, dirty);
}

/**
 * gup_batch_set_scratch() - limit the scratch buffers of pinning
 * @bytes: limit of each buffer; with little room every path that needs several
 *         batches is taken by a few pages
 */
void gup_batch_set_scratch(unsigned int bytes)
{
	WRITE_ONCE(scratch_bytes, clamp(bytes, 1U, (unsigned int)MAX_SCRATCH));
}

static int gup_batch_alloc(struct gup_batch *batch, unsigned long npages,
			   unsigned int max_runs)
{
	unsigned int room = READ_ONCE(scratch_bytes);

	if (npages <= GUP_BATCH_SMALL && room == MAX_SCRATCH) {
		batch->pages = batch->small_pages;
		batch->max_pages = GUP_BATCH_SMALL;
		batch->runs = batch->small_runs;
		batch->max_runs = GUP_BATCH_SMALL;
		return 0;
	}

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

/* Have memory touched from its other end on, if that is worth it. */
static struct prefault *gup_batch_prefault(struct gup_batch *batch,
					   unsigned long first,
					   unsigned long npages)
{
	if (npages < PREFAULT_MIN / PAGE_SIZE || !batch->writable ||
	    batch->payer->mm != current->mm)
		return NULL;
	/* What ends at the limit must not populate memory behind it. */
	if (batch->mode != IOMMUFD_ACCOUNT_NONE &&
	    iommufd_payer_room(batch->payer, batch->mode) < npages)
		return NULL;
	return prefault_begin(batch->uva + first * PAGE_SIZE,
			      npages * PAGE_SIZE);
}

/**
 * gup_batch_begin() - prepare for pinning a range
 * @batch: batch; its @payer, @uva, @mode and @writable are set
 * @first: index of the first page
 * @last: index of the last page
 * @max_runs: how many runs the caller can take at once
 *
 * Return: 0 or -ENOMEM; gup_batch_end() may follow in both cases.
 */
int gup_batch_begin(struct gup_batch *batch, unsigned long first,
		    unsigned long last, unsigned int max_runs)
{
	unsigned long npages = last - first + 1;
	int rc = gup_batch_alloc(batch, npages, max_runs);

	if (rc)
		return rc;
	batch->nr_pages = 0;
	batch->taken = 0;
	batch->nr_runs = 0;
	batch->prefault = gup_batch_prefault(batch, first, npages);
	return 0;
}

/**
 * gup_batch_end() - free what gup_batch_begin() has allocated
 * @batch: batch without pages, or one that has not begun
 */
void gup_batch_end(struct gup_batch *batch)
{
	if (!batch->pages)
		return;
	if (batch->prefault)
		prefault_end(batch->prefault);
	if (batch->pages == batch->small_pages)
		return;
	kvfree(batch->pages);
	kfree(batch->runs);
}

/*
 * How many pages follow each other in memory, as far as they lie in huge pages
 * of hugetlbfs. Such a page is mapped as a whole or not at all, so gup takes
 * all it wants of it at once.
 */
static unsigned int gup_count_hugetlb(struct page **pages, unsigned int npages)
{
	struct page *first = pages[0];
	unsigned long n = 0;

	while (n < npages && pages[n] == first + n) {
		struct folio *folio = page_folio(pages[n]);

		if (!folio_test_hugetlb(folio))
			break;
		n += folio_nr_pages(folio) - folio_page_idx(folio, pages[n]);
	}
	return min_t(unsigned long, n, npages);
}

/* Are these eight pages neighbours in memory, the first of them @page? */
static inline bool gup_eight_follow(struct page **pages, struct page *page)
{
	return pages[0] == page && pages[1] == page + 1 &&
	       pages[2] == page + 2 && pages[3] == page + 3 &&
	       pages[4] == page + 4 && pages[5] == page + 5 &&
	       pages[6] == page + 6 && pages[7] == page + 7;
}

/*
 * How many pages follow each other in memory. Each has to be looked at: even
 * between the first and the last page of one folio a process can have others,
 * unless it is one of hugetlbfs. Scattered memory does not pay for that question.
 */
static unsigned int gup_count_contiguous(struct page **pages,
					 unsigned int npages)
{
	struct page *first = pages[0];
	unsigned int n = 1;

	/* Neighbours in memory are neighbours in the map of it, and only they. */
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP));
	if (npages >= 9 && gup_eight_follow(pages + 1, first + 1)) {
		n = max(9U, gup_count_hugetlb(pages, npages));
		while (n + 8 <= npages &&
		       gup_eight_follow(pages + n, first + n))
			n += 8;
	}
	while (n < npages && pages[n] == first + n)
		n++;
	return n;
}

/* Put gup's pages into the runs. Return: false if a new run has no room. */
static bool gup_batch_add(struct gup_batch *batch)
{
	unsigned int i = batch->taken, nr = batch->nr_pages;
	bool room = true;

	while (i < nr) {
		unsigned long pfn = page_to_pfn(batch->pages[i]);
		unsigned int n;

		room = pfn_runs_append(batch->runs, &batch->nr_runs,
				       batch->max_runs, batch->next, pfn);
		if (!room)
			break;
		n = gup_count_contiguous(&batch->pages[i], nr - i);
		batch->next += n;
		i += n;
	}
	batch->taken = i;
	return room;
}

/* No page is no memory, and so is the last page of all addresses: EOVERFLOW. */
static long gup_result(long rc)
{
	return rc && rc != -EOVERFLOW ? rc : -EFAULT;
}

/**
 * gup_remote() - pin pages of any process
 * @mm: its address space
 * @uva: user address of the first page
 * @npages: number of pages
 * @gup_flags: as for pin_user_pages_remote()
 * @pages: receives them
 *
 * Return: how many are pinned, at least 1, or errno. They are not charged.
 */
long gup_remote(struct mm_struct *mm, unsigned long uva, unsigned long npages,
		unsigned int gup_flags, struct page **pages)
{
	int locked = 1;
	long rc;

	/* The memory of a process that is gone cannot be had any more. */
	if (!mmget_not_zero(mm))
		return -EFAULT;
	if (mmap_read_lock_killable(mm)) {
		mmput(mm);
		return -EINTR;
	}
	rc = pin_user_pages_remote(mm, uva, npages, gup_flags, pages, &locked);
	if (locked)
		mmap_read_unlock(mm);
	mmput(mm);
	return gup_result(rc);
}

/* Pin what fits into the batch from @next on. Return: pages pinned, or errno. */
static long gup_batch_gup(struct gup_batch *batch, unsigned long npages)
{
	unsigned long uva = batch->uva + batch->next * PAGE_SIZE;
	unsigned int gup_flags = FOLL_LONGTERM;

	if (batch->writable)
		gup_flags |= FOLL_WRITE;
	if (batch->payer->mm != current->mm)
		return gup_remote(batch->payer->mm, uva, npages, gup_flags,
				  batch->pages);
	return gup_result(
		pin_user_pages_fast(uva, npages, gup_flags, batch->pages));
}

/* Replace the pages, which are in the runs, by the next ones, and charge those. */
static int gup_batch_refill(struct gup_batch *batch, unsigned long last)
{
	unsigned long room =
		min_t(unsigned long, last - batch->next + 1, batch->max_pages);
	long npages;
	int rc;

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();

	/* One page over the limit says whether that or the memory is at fault. */
	if (room > 1 && batch->mode != IOMMUFD_ACCOUNT_NONE)
		room = clamp(iommufd_payer_room(batch->payer, batch->mode), 1UL,
			     room);
	npages = gup_batch_gup(batch, room);
	if (npages < 0)
		return npages;
	rc = iommufd_payer_charge(batch->payer, batch->mode, npages);
	if (rc) {
		unpin_user_pages(batch->pages, npages);
		return rc;
	}
	batch->nr_pages = npages;
	batch->taken = 0;
	return 0;
}

/**
 * gup_batch_pin() - pin and charge pages from @next on, and put them into runs
 * @batch: batch
 * @last: index of the last page
 *
 * Return: 0 when all pages are in the runs, or those that there is room for; the
 * caller takes the runs over, and calls again if @next is not behind @last. -EINTR
 * when killed; or what gup and iommufd_payer_charge() say.
 */
int gup_batch_pin(struct gup_batch *batch, unsigned long last)
{
	bool room;

	do {
		if (batch->taken == batch->nr_pages) {
			int rc = gup_batch_refill(batch, last);

			if (rc)
				return rc;
		}
		room = gup_batch_add(batch);
		if (batch->prefault)
			prefault_pinned(batch->prefault,
					batch->uva + batch->next * PAGE_SIZE);
	} while (room && batch->next - 1 != last);
	return 0;
}

/**
 * gup_batch_unpin() - unpin and uncharge all pages that the batch still has
 * @batch: batch
 */
void gup_batch_unpin(struct gup_batch *batch)
{
	unsigned int rest = batch->nr_pages - batch->taken;

	unpin_user_pages(batch->pages + batch->taken, rest);
	gup_unpin_runs(batch->runs, batch->nr_runs, batch->next - 1,
		       batch->writable);
	iommufd_payer_uncharge(batch->payer, batch->mode,
			       batch->next - batch->first + rest);
}
