// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: pinning user pages in batches
 *
 * A batch pins user pages, charges them and collects them as runs. The caller
 * takes the runs over whenever there is no room for another one.
 *
 * Pages are charged after they have been pinned, batch by batch. So a missing
 * page is reported as -EFAULT even if the limit is lower than the range is
 * long. A batch has no more pages than the limit has room for, but at least
 * one. So for a moment one page may be over the limit; or one batch of each
 * thread, if several threads charge the same counter at the same time.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "gup_batch.h"
#include "prefault.h"

#define UNPIN_LIST 64

/* Size in bytes of each of the two buffers of a batch */
unsigned int gup_batch_scratch = GUP_BATCH_MAX_SCRATCH;

/*
 * Unpin long runs as ranges, and scattered pages as a list, which is cheaper.
 */
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
 * gup_batch_set_scratch() - limit the buffers of a batch
 * @bytes: limit of each buffer; with small buffers a test reaches the paths
 *         that need several batches with a few pages
 */
void gup_batch_set_scratch(unsigned int bytes)
{
	WRITE_ONCE(gup_batch_scratch,
		   clamp_t(unsigned int, bytes, 1, GUP_BATCH_MAX_SCRATCH));
}

static int gup_batch_alloc(struct gup_batch *batch, unsigned long npages,
			   unsigned int max_runs)
{
	unsigned int room = READ_ONCE(gup_batch_scratch);

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

/* Start workers that touch the range from its end on, if that is worth it. */
static struct prefault *gup_batch_prefault(struct gup_batch *batch,
					   unsigned long first,
					   unsigned long npages)
{
	if (npages < PREFAULT_MIN / PAGE_SIZE || !batch->writable ||
	    batch->payer->mm != current->mm)
		return NULL;
	/* A pin that fails at the limit must not populate memory behind it. */
	if (batch->mode != IOMMUFD_ACCOUNT_NONE &&
	    iommufd_payer_room(batch->payer, batch->mode) < npages)
		return NULL;
	return prefault_begin(batch->uva + first * PAGE_SIZE,
			      npages * PAGE_SIZE);
}

/* gup_batch_begin() for ranges that need buffers */
int gup_batch_begin_large(struct gup_batch *batch, unsigned long first,
			  unsigned long npages, unsigned int max_runs)
{
	int rc = gup_batch_alloc(batch, npages, max_runs);

	if (!rc)
		batch->prefault = gup_batch_prefault(batch, first, npages);
	return rc;
}

/* gup_batch_end() after gup_batch_begin_large() */
void gup_batch_end_large(struct gup_batch *batch)
{
	if (batch->prefault)
		prefault_end(batch->prefault);
	kvfree(batch->pages);
	kfree(batch->runs);
}

/*
 * Return: number of contiguous pages from pages[0] on, as far as they belong to
 * hugetlbfs. Such a folio is mapped as a whole, so gup returns all of its pages
 * that are in the range, and only the first of them has to be looked at.
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

/* Are these eight pages contiguous, and is @page the first of them? */
static inline bool gup_eight_follow(struct page **pages, struct page *page)
{
	return pages[0] == page && pages[1] == page + 1 &&
	       pages[2] == page + 2 && pages[3] == page + 3 &&
	       pages[4] == page + 4 && pages[5] == page + 5 &&
	       pages[6] == page + 6 && pages[7] == page + 7;
}

/* Return: number of groups of eight contiguous pages from @page on. */
static inline unsigned int gup_count_eights(struct page **pages,
					    struct page *page,
					    unsigned int npages)
{
	unsigned int n = 0;

	for (; n < npages / 8 && gup_eight_follow(pages, page); n++) {
		pages += 8;
		page += 8;
	}
	return n;
}

/*
 * Return: number of contiguous pages from pages[0] on. Every page has to be
 * looked at: between the first and the last page of a folio a process can have
 * mapped other pages, except in hugetlbfs. Scattered pages skip the test for
 * hugetlbfs.
 */
static unsigned int gup_count_contiguous(struct page **pages,
					 unsigned int npages)
{
	struct page *first = pages[0];
	unsigned int n = 1;

	/* With vmemmap, contiguous pages have contiguous struct pages. */
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP));
	if (npages >= 9 && gup_eight_follow(pages + 1, first + 1)) {
		n = max(9U, gup_count_hugetlb(pages, npages));
		n += 8 * gup_count_eights(pages + n, first + n, npages - n);
	}
	while (n < npages && pages[n] == first + n)
		n++;
	return n;
}

/*
 * Add the pages to the runs. Return: false if there is no room for a new run.
 */
static bool gup_batch_add(struct gup_batch *batch)
{
	struct page **pages = batch->pages;
	unsigned int i = batch->taken, nr = batch->nr_pages;
	unsigned long next = batch->next;
	bool room = true;

	while (i < nr) {
		unsigned int n;

		room = pfn_runs_append(batch->runs, &batch->nr_runs,
				       batch->max_runs, next,
				       page_to_pfn(pages[i]));
		if (!room)
			break;
		n = gup_count_contiguous(&pages[i], nr - i);
		next += n;
		i += n;
	}
	batch->taken = i;
	batch->next = next;
	return room;
}

/*
 * gup says 0 if it stopped before the first page, and -EOVERFLOW for the last
 * page of all addresses. Both mean that the memory is missing.
 */
static long gup_result(long rc)
{
	return rc && rc != -EOVERFLOW ? rc : -EFAULT;
}

/**
 * gup_remote() - pin pages of any process, without charging them
 * @mm: address space of the process
 * @uva: user address of the first page
 * @npages: number of pages
 * @gup_flags: as for pin_user_pages_remote()
 * @pages: receives the pages
 *
 * Return: number of pinned pages, at least 1; -EFAULT also if the process has
 * exited, -EINTR when killed, or another errno of gup.
 */
long gup_remote(struct mm_struct *mm, unsigned long uva, unsigned long npages,
		unsigned int gup_flags, struct page **pages)
{
	int locked = 1;
	long rc;

	/* The process has exited, and its memory is gone. */
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

/* Pin pages from @next on. Return: number of pages, at least 1, or errno. */
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

/* Pin and charge the next pages; all old ones are in the runs. */
static int gup_batch_refill(struct gup_batch *batch, unsigned long last)
{
	unsigned long room =
		min_t(unsigned long, last - batch->next + 1, batch->max_pages);
	long npages;
	int rc;

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();

	/* Try one page even at the limit: a missing page is -EFAULT. */
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
 * gup_batch_pin() - pin and charge pages from @next on, and add them to @runs
 * @batch: batch
 * @last: index of the last page
 *
 * Return: 0 when @last is reached or @runs are full. The caller then takes the
 * runs over, and calls again if @next is not behind @last. Otherwise -EINTR
 * when killed, or an errno of gup or iommufd_payer_charge().
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
