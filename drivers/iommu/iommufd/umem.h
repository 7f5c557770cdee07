/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_H
#define _IOMMUFD_UMEM_H

#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>

#include "account.h"
#include "umem_chunk.h"

struct iommufd_pgtable;
struct iommufd_umem;
struct page;
struct pgtable_range;
struct prefault;
struct umem_batch;

/**
 * struct umem_ops - a kind of memory: how its pages are had and given back
 * @pin: pin and charge the pages of a batch from its @next on, up to @last, and
 *       add them to its runs. Returns 0 when @last is reached or the runs are
 *       full; the caller then takes the runs over, and calls again if @next is
 *       not behind @last. Returns -EINTR when killed, -ENOMEM at the limit, or
 *       an errno of the kind. May take as long as user space likes.
 * @drop: give back the pages that a batch holds in addition to its runs, and
 *        return their number. They stay charged.
 * @unpin: give back the pages of @nr runs, the last of which ends with the page
 *         @last. Cannot fail. No device can reach the pages any more.
 * @get_page: get one page, which stays uncharged, for a copy. The caller gives
 *            it back with unpin_user_pages_dirty_lock().
 * @prefault: start workers that make pages ahead of @pin, or return NULL. Is
 *            NULL for a kind that has none.
 * @map: map a part of the memory in a page table. A kind whose memory may go and
 *       come back has this instead of pages that are pinned: @pin and @get_page
 *       then fail. If the memory is away, it is mapped when it comes back. With
 *       @new the memory must be there the first time. Else NULL.
 * @unmap: undo @map of the range that begins at @iova. Cannot fail. The caller
 *         must not hold iommufd_pgtable.groups. NULL if @map is.
 * @phys: tell where a byte of the memory is; all that follows is contiguous.
 *        Returns 0, -EINVAL if the memory is away. NULL if @map is.
 * @letter: what debugfs calls the kind, or 0
 * @release: free what the kind keeps for a umem; no page is pinned any more.
 *           For a umem with UMEM_RELEASE only.
 *
 * What a kind charges is a matter of its @pin and of iommufd_umem.mode. All
 * other code works with runs of page frames and knows no kind.
 */
struct umem_ops {
	int (*pin)(struct umem_batch *batch, unsigned long last);
	unsigned long (*drop)(struct umem_batch *batch);
	void (*unpin)(struct iommufd_umem *umem, const struct pfn_run *runs,
		      unsigned int nr, unsigned long last);
	int (*get_page)(struct iommufd_umem *umem, unsigned long index,
			bool write, struct page **page);
	struct prefault *(*prefault)(struct iommufd_umem *umem,
				     unsigned long first, unsigned long npages);
	int (*map)(struct iommufd_umem *umem, struct iommufd_pgtable *pgt,
		   const struct pgtable_range *range, bool new);
	void (*unmap)(struct iommufd_umem *umem, struct iommufd_pgtable *pgt,
		      unsigned long iova);
	int (*phys)(struct iommufd_umem *umem, unsigned long offset,
		    phys_addr_t *phys);
	void (*release)(struct iommufd_umem *umem);
	char letter;
};

/* iommufd_umem.flags; one test finds both. */
/* An IO page could not be unmapped, so no page is ever unpinned again. */
#define UMEM_LEAKED (1 << 0)
/* umem_ops.release has to be called; set before the umem is shared. */
#define UMEM_RELEASE (1 << 1)

/**
 * struct iommufd_umem - memory that mappings refer to
 * @refs: one per area, and one for each thread that looks at the pages without
 *        an area: a copy of an access, debugfs
 * @lock: guards @chunks and @flags. It is held for a few steps, or while bytes of
 *        one page are copied. No page is pinned or unpinned meanwhile, and no IO
 *        page table is changed.
 * @writable: pages are pinned for writing
 * @readable: mappings may be for reading. Pages can always be read; a process
 *            may have a BAR for writing alone.
 * @mode: counter to charge
 * @flags: UMEM_LEAKED and UMEM_RELEASE
 * @ops: kind of memory
 * @payer: process that has mapped the memory and that is charged
 * @chunks: pages that are pinned or being pinned; disjoint, sorted by page
 *          index
 * @first_chunk: room for a chunk of one run; must come last. Behind that run is
 *               what the kind keeps, iommufd_umem_private().
 *
 * @writable, @readable, @mode, @ops and @payer are constant.
 *
 * Bytes and pages are counted from where the kind counts: from user address 0,
 * or from the beginning of a file or buffer.
 */
struct iommufd_umem {
	refcount_t refs;
	spinlock_t lock;
	bool writable;
	bool readable;
	u8 mode;
	u8 flags;
	const struct umem_ops *ops;
	struct iommufd_payer *payer;
	struct rb_root chunks;
	struct umem_chunk first_chunk;
};

void iommufd_umem_init(struct iommufd_umem *umem, const struct umem_ops *ops,
		       struct iommufd_payer *payer,
		       enum iommufd_account_mode mode, bool writable);
bool iommufd_umem_put(struct iommufd_umem *umem);

/* What a kind keeps for a umem; the allocation has room for it. */
static inline void *iommufd_umem_private(struct iommufd_umem *umem)
{
	return &umem->first_chunk.runs[1];
}

/* Return: false if there are too many references already. */
static inline bool iommufd_umem_get(struct iommufd_umem *umem)
{
	if (!iommufd_may_count(refcount_read(&umem->refs)))
		return false;
	refcount_inc(&umem->refs);
	return true;
}

/* Is the caller's reference the only one? */
static inline bool iommufd_umem_is_alone(struct iommufd_umem *umem)
{
	if (refcount_read(&umem->refs) != 1)
		return false;
	/* Pairs with refcount_dec_and_test() of former users. */
	smp_acquire__after_ctrl_dep();
	return true;
}

/* Is the caller the only user, and is no page pinned? */
static inline bool iommufd_umem_is_new(struct iommufd_umem *umem)
{
	return iommufd_umem_is_alone(umem) &&
	       RB_EMPTY_ROOT(&umem->chunks);
}

int iommufd_umem_pin_new(struct iommufd_umem *umem, unsigned long first,
			 unsigned long last);
int iommufd_umem_pin(struct iommufd_umem *umem, unsigned long first,
		     unsigned long last);
void iommufd_umem_unpin(struct iommufd_umem *umem, unsigned long first,
			unsigned long last);
void iommufd_umem_unpin_alone(struct iommufd_umem *umem, unsigned long first,
			      unsigned long last);
int iommufd_umem_split(struct iommufd_umem *umem, unsigned long index);
void iommufd_umem_leak(struct iommufd_umem *umem);
unsigned long iommufd_umem_count_runs(struct iommufd_umem *umem,
				      unsigned long first, unsigned long last);
unsigned long iommufd_umem_run(struct iommufd_umem *umem, unsigned long index,
			       unsigned long last, unsigned long *pfn);
bool __iommufd_umem_pfn(struct iommufd_umem *umem, unsigned long index,
			unsigned long *pfn);

/**
 * struct umem_walk - position in the runs of pages that the caller has pinned
 * @umem: umem to read
 * @runs: runs of the current chunk
 * @nr_runs: number of @runs
 * @run: index of the current run in @runs; @nr_runs after the last one
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
 * iommufd_umem_walk_pfns() - read a run and step to the next one
 * @walk: position: the run that holds @index, or the end of the run before it
 * @index: index of a page that the caller has pinned
 * @pfn: receives the frame of that page
 *
 * Return: number of contiguous pages from @index on. The caller has pinned all
 * of them.
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
