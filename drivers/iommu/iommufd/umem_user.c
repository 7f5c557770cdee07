// SPDX-License-Identifier: GPL-2.0
/*
 * The kind of memory that is a process's own: a range of its addresses. Pages
 * are had from gup, which faults them in, migrates them out of zones where they
 * must not stay, and takes one pin of each.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>

#include "prefault.h"
#include "stats.h"
#include "umem.h"
#include "umem_batch.h"
#include "umem_user.h"

/* Start workers that touch the range from its end on, if that is worth it. */
static struct prefault *user_prefault(struct iommufd_umem *umem,
				      unsigned long first, unsigned long npages)
{
	if (npages < PREFAULT_MIN / PAGE_SIZE || !umem->writable ||
	    umem->payer->mm != current->mm)
		return NULL;
	/* A pin that fails at the limit must not populate memory behind it. */
	if (umem->mode != IOMMUFD_ACCOUNT_NONE &&
	    iommufd_payer_room(umem->payer, umem->mode) < npages)
		return NULL;
	return prefault_begin(first * PAGE_SIZE, npages * PAGE_SIZE);
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
static bool user_add(struct umem_batch *batch)
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

/*
 * Pin pages of any process, without charging them.
 * Return: number of pinned pages, at least 1; -EFAULT also if the process has
 * exited, -EINTR when killed, or another errno of gup.
 */
static long gup_remote(struct mm_struct *mm, unsigned long uva,
		       unsigned long npages, unsigned int gup_flags,
		       struct page **pages)
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

/* Pin pages from @index on. Return: number of pages, at least 1, or errno. */
static long user_gup(struct iommufd_umem *umem, unsigned long index,
		     unsigned long npages, struct page **pages)
{
	unsigned long uva = index * PAGE_SIZE;
	unsigned int gup_flags = FOLL_LONGTERM;

	if (umem->writable)
		gup_flags |= FOLL_WRITE;
	if (umem->payer->mm != current->mm)
		return gup_remote(umem->payer->mm, uva, npages, gup_flags,
				  pages);
	return gup_result(pin_user_pages_fast(uva, npages, gup_flags, pages));
}

/* Pin and charge the next pages; all old ones are in the runs. */
static int user_refill(struct umem_batch *batch, unsigned long last)
{
	struct iommufd_umem *umem = batch->umem;
	unsigned long room =
		min_t(unsigned long, last - batch->next + 1, batch->max_pages);
	long npages;
	int rc;

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();

	/* A call with one batch is not long. */
	if (unlikely(batch->nr_pages))
		iommufd_advance(umem->payer->stats, IOMMUFD_CALL_MAP,
				(unsigned long)batch->nr_pages << PAGE_SHIFT);
	if (room > 1)
		room = umem_batch_room(batch, room);
	npages = user_gup(umem, batch->next, room, batch->pages);
	if (npages < 0)
		return npages;
	rc = iommufd_payer_charge(umem->payer, umem->mode, npages);
	if (rc) {
		unpin_user_pages(batch->pages, npages);
		return rc;
	}
	batch->nr_pages = npages;
	batch->taken = 0;
	return 0;
}

/**
 * umem_user_pin_page() - pin and charge one page, which needs no batch
 * @umem: umem of this kind
 * @index: index of the page
 * @pfn: receives its frame
 *
 * Return: 0 or the errors of umem_ops.pin.
 */
int umem_user_pin_page(struct iommufd_umem *umem, unsigned long index,
		       unsigned long *pfn)
{
	struct page *page;
	long rc;

	if (fatal_signal_pending(current))
		return -EINTR;
	rc = user_gup(umem, index, 1, &page);
	if (rc < 0)
		return rc;
	rc = iommufd_payer_charge(umem->payer, umem->mode, 1);
	if (rc)
		unpin_user_page(page);
	else
		*pfn = page_to_pfn(page);
	return rc;
}

/* umem_ops.pin; an errno may also be one of gup. */
int umem_user_pin(struct umem_batch *batch, unsigned long last)
{
	bool room;

	do {
		if (batch->taken == batch->nr_pages) {
			int rc = user_refill(batch, last);

			if (rc)
				return rc;
		}
		room = user_add(batch);
		if (batch->prefault)
			prefault_pinned(batch->prefault,
					batch->next * PAGE_SIZE);
	} while (room && batch->next - 1 != last);
	return 0;
}

static unsigned long user_drop(struct umem_batch *batch)
{
	unsigned int rest = batch->nr_pages - batch->taken;

	unpin_user_pages(batch->pages + batch->taken, rest);
	return rest;
}

static int user_get_page(struct iommufd_umem *umem, unsigned long index,
			 bool write, struct page **page)
{
	long rc;

	rc = gup_remote(umem->payer->mm, index * PAGE_SIZE, 1,
			write ? FOLL_WRITE : 0, page);
	return rc < 0 ? rc : 0;
}

const struct umem_ops umem_user_ops = {
	.pin = umem_user_pin,
	.drop = user_drop,
	.unpin = umem_unpin_pages,
	.get_page = user_get_page,
	.prefault = user_prefault,
};
