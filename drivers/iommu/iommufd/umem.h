/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_H
#define _IOMMUFD_UMEM_H

#include <linux/interval_tree.h>
#include <linux/mutex.h>
#include <linux/refcount.h>

#include "account.h"
#include "pfn_runs.h"

/**
 * struct umem_chunk - pinned neighbouring pages of a memory
 * @node: place in the memory's tree; start and last are page indices
 * @users: how many users need these pages pinned; at least 1 while in the tree.
 *         A mark says that the pages are being pinned, and there are no @runs.
 *         User space drives it, by COPY and by pins of accesses, so it has 64 bits.
 * @nr_runs: number of @runs; with that mark, 1 if other threads wait for it
 * @runs: which frames the pages have
 *
 * All members are guarded by the lock of the memory, but @runs do not change
 * while the chunk has a user.
 */
struct umem_chunk {
	struct interval_tree_node node;
	unsigned long users;
	unsigned int nr_runs;
	struct pfn_run runs[];
};

/**
 * struct iommufd_umem - user memory that mappings refer to
 * @refs: one per area, and one while an access copies
 * @writable: pages are pinned for writing
 * @mode: which counter pays
 * @leaked: an IO page could not be taken away: never unpin again
 * @npages: number of pages
 * @uva: user address of the first page
 * @payer: whose memory it is
 * @lock: guards @chunks and @leaked; held for a few steps only, never while pages
 *        are pinned or unpinned, memory is allocated or charged, or an IO page
 *        table is changed
 * @chunks: what is pinned or being pinned, disjoint, in order of the page index
 * @first_chunk: room for a chunk of one run; it must come last
 *
 * @writable, @mode, @npages, @uva and @payer are constant.
 */
struct iommufd_umem {
	refcount_t refs;
	bool writable;
	u8 mode;
	bool leaked;
	unsigned long npages;
	unsigned long uva;
	struct iommufd_payer *payer;
	struct mutex lock;
	struct rb_root_cached chunks;
	struct umem_chunk first_chunk;
};

void iommufd_umem_init(struct iommufd_umem *umem, struct iommufd_payer *payer,
		       enum iommufd_account_mode mode, unsigned long uva,
		       unsigned long npages, bool writable);
bool iommufd_umem_put(struct iommufd_umem *umem);

/* False if there are too many references already. */
static inline bool iommufd_umem_get(struct iommufd_umem *umem)
{
	if (!iommufd_may_count(refcount_read(&umem->refs)))
		return false;
	refcount_inc(&umem->refs);
	return true;
}

/* Does the caller alone have the memory, and is nothing of it pinned? */
static inline bool iommufd_umem_is_new(struct iommufd_umem *umem)
{
	if (refcount_read(&umem->refs) != 1)
		return false;
	/* Pairs with refcount_dec_and_test() of those that had it before. */
	smp_acquire__after_ctrl_dep();
	return RB_EMPTY_ROOT(&umem->chunks.rb_root);
}

int iommufd_umem_pin_new(struct iommufd_umem *umem, unsigned long first,
			 unsigned long last);
int iommufd_umem_pin(struct iommufd_umem *umem, unsigned long first,
		     unsigned long last);
void iommufd_umem_unpin(struct iommufd_umem *umem, unsigned long first,
			unsigned long last);
int iommufd_umem_split(struct iommufd_umem *umem, unsigned long index);
void iommufd_umem_leak(struct iommufd_umem *umem);
bool __iommufd_umem_pfn(struct iommufd_umem *umem, unsigned long index,
			unsigned long *pfn);

/**
 * struct umem_walk - a position in the runs of pages that the caller has pinned
 * @umem: memory
 * @runs: runs of the current chunk
 * @nr_runs: number of @runs
 * @run: position of the current run in @runs; @nr_runs behind the last one
 * @last: index of the last page of the chunk
 */
struct umem_walk {
	struct iommufd_umem *umem;
	const struct pfn_run *runs;
	unsigned int nr_runs;
	unsigned int run;
	unsigned long last;
};

void iommufd_umem_walk(struct umem_walk *walk, unsigned long index);

/**
 * iommufd_umem_walk_pfns() - read a run and step to the next
 * @walk: position, at the run that holds @index or behind the one before it
 * @index: index of a page that the caller has pinned
 * @pfn: frame of that page
 *
 * Return: number of contiguous pages from @index on. They do not lie beyond what
 * the caller has pinned.
 */
static inline unsigned long iommufd_umem_walk_pfns(struct umem_walk *walk,
						   unsigned long index,
						   unsigned long *pfn)
{
	unsigned long last;

	if (walk->run == walk->nr_runs)
		iommufd_umem_walk(walk, index);
	last = pfn_run_last(walk->runs, walk->nr_runs, walk->run, walk->last);
	*pfn = pfn_run_pfn(&walk->runs[walk->run++], index);
	return last - index + 1;
}

#endif
