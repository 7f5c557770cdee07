// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: pinned memory
 *
 * A memory is a range of one process's addresses that mappings refer to. MAP
 * creates it, COPY shares it, its last area ends it. Nothing is pinned until
 * somebody needs pages: an area whose IOAS has an HWPT, or an access.
 *
 * What is pinned is kept as chunks: disjoint intervals of page indices in an
 * interval tree, each with the physical runs of its pages and a count of its
 * users. Pinning a range counts up the chunks that are there already and pins
 * what is missing; at the ends of the range chunks are split, so that later
 * each user gives back exactly what he took. A page is therefore pinned and
 * charged once however many HWPTs, copies and accesses use it, and unpinning
 * neither allocates nor fails.
 *
 * The runs answer every later question about the pages. No IO page table is
 * ever asked for them: not by unmap, not for a second HWPT, not by an access.
 *
 * A run takes 16 bytes, a chunk at most one page. The memory holds its first
 * chunk itself, so that a mapping of contiguous pages allocates none.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "memory.h"
#include "prefault.h"

#define CHUNK_MAX_RUNS \
	((PAGE_SIZE - sizeof(struct pin_chunk)) / sizeof(struct pfn_run))
#define SMALL_BATCH 8
#define UNPIN_LIST 64

/* Bytes at most of each scratch buffer of a pin operation */
#define MAX_SCRATCH SZ_64K
static unsigned int scratch_bytes = MAX_SCRATCH;

/**
 * struct pin_batch - work space of one pin operation
 *
 * Kernels that zero what is on the stack would spend more on that than on a page,
 * so it is not: nothing is read that has not been written before.
 *
 * @pages: what gup returned
 * @max_pages: room in @pages
 * @runs: runs that are not in a chunk yet
 * @max_runs: room in @runs
 * @nr_runs: number of runs
 * @first: index of the first page in @runs
 * @next: index after the last page in @runs
 * @prefault: touches what is still to be pinned, or NULL
 * @small_pages: @pages of a short range
 * @small_runs: @runs of a short range
 */
struct pin_batch {
	struct page **pages;
	unsigned int max_pages;
	struct pfn_run *runs;
	unsigned int max_runs;
	unsigned int nr_runs;
	unsigned long first;
	unsigned long next;
	struct prefault *prefault;
	struct page *small_pages[SMALL_BATCH];
	struct pfn_run small_runs[SMALL_BATCH];
};

static struct pin_chunk *to_chunk(struct interval_tree_node *node)
{
	return node ? container_of(node, struct pin_chunk, node) : NULL;
}

static struct pin_chunk *first_chunk(struct iommufd_memory *memory,
				     unsigned long first, unsigned long last)
{
	lockdep_assert_held(&memory->lock);
	return to_chunk(interval_tree_iter_first(&memory->chunks, first, last));
}

static struct pin_chunk *next_chunk(struct pin_chunk *chunk,
				    unsigned long first, unsigned long last)
{
	return to_chunk(interval_tree_iter_next(&chunk->node, first, last));
}

/**
 * iommufd_memory_init() - describe user memory without touching it
 * @memory: memory, zeroed, with room for one run behind it; gets one reference
 * @payer: whose memory; the memory takes over the caller's reference
 * @mode: counter to charge when pages get pinned
 * @uva: user address, page aligned
 * @npages: number of pages, at least 1
 * @writable: devices may write to it
 */
void iommufd_memory_init(struct iommufd_memory *memory,
			 struct iommufd_payer *payer,
			 enum iommufd_account_mode mode, unsigned long uva,
			 unsigned long npages, bool writable)
{
	refcount_set(&memory->refs, 1);
	memory->writable = writable;
	memory->mode = mode;
	memory->npages = npages;
	memory->uva = uva;
	memory->payer = payer;
	mutex_init(&memory->lock);
	memory->chunks = RB_ROOT_CACHED;
}

/**
 * iommufd_memory_put() - drop a reference
 * @memory: memory; nobody who pinned pages may go without unpinning them
 *
 * Return: true if it was the last one: the memory is over, and the caller frees
 * what it lies in.
 */
bool iommufd_memory_put(struct iommufd_memory *memory)
{
	if (!refcount_dec_and_test(&memory->refs))
		return false;
	/* A device may still reach pages that are stuck, so those stay. */
	if (memory->stuck)
		return false;
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&memory->chunks.rb_root));
	mutex_destroy(&memory->lock);
	iommufd_payer_put(memory->payer);
	return true;
}

static struct pin_chunk *alloc_chunk(struct iommufd_memory *memory,
				     unsigned int nr_runs)
{
	struct pin_chunk *chunk = &memory->first_chunk;

	if (nr_runs == 1 && !chunk->users)
		return chunk;
	return kmalloc(struct_size(chunk, runs, nr_runs), GFP_KERNEL_ACCOUNT);
}

static void free_chunk(struct iommufd_memory *memory, struct pin_chunk *chunk)
{
	chunk->users = 0;
	if (chunk != &memory->first_chunk)
		kfree(chunk);
}

static void insert_chunk(struct iommufd_memory *memory, struct pin_chunk *chunk,
			 unsigned long first, unsigned long last,
			 unsigned int users)
{
	chunk->node.start = first;
	chunk->node.last = last;
	chunk->users = users;
	interval_tree_insert(&chunk->node, &memory->chunks);
}

/* Make sure that no chunk has pages on both sides of the border at @index. */
static int split_chunk(struct iommufd_memory *memory, unsigned long index)
{
	struct pin_chunk *chunk = first_chunk(memory, index, index), *tail;
	unsigned long last;
	unsigned int nr;

	if (!chunk || chunk->node.start == index)
		return 0;

	nr = pfn_runs_tail(chunk->runs, chunk->nr_runs, index, NULL);
	tail = alloc_chunk(memory, nr);
	if (!tail)
		return -ENOMEM;
	tail->nr_runs = pfn_runs_tail(chunk->runs, chunk->nr_runs, index,
				      tail->runs);

	last = chunk->node.last;
	interval_tree_remove(&chunk->node, &memory->chunks);
	chunk->nr_runs = pfn_runs_find(chunk->runs, chunk->nr_runs,
				       index - 1) + 1;
	insert_chunk(memory, chunk, chunk->node.start, index - 1, chunk->users);
	insert_chunk(memory, tail, index, last, chunk->users);
	return 0;
}

/* Gup has a way for ranges; for single pages that lie apart a list is cheaper. */
static void unpin_many_runs(struct iommufd_memory *memory,
			    const struct pfn_run *runs, unsigned int nr,
			    unsigned long last)
{
	struct page *list[UNPIN_LIST] __uninitialized;
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++) {
		struct page *page = pfn_to_page(runs[i].pfn);
		unsigned long npages = pfn_run_last(runs, nr, i, last) -
				       runs[i].index + 1;

		if (npages > 1) {
			unpin_user_page_range_dirty_lock(page, npages,
							 memory->writable);
			cond_resched();
			continue;
		}
		list[n++] = page;
		if (n == UNPIN_LIST) {
			unpin_user_pages_dirty_lock(list, n, memory->writable);
			n = 0;
			cond_resched();
		}
	}
	unpin_user_pages_dirty_lock(list, n, memory->writable);
}

static void unpin_runs(struct iommufd_memory *memory,
		       const struct pfn_run *runs, unsigned int nr,
		       unsigned long last)
{
	if (nr == 1)
		unpin_user_page_range_dirty_lock(pfn_to_page(runs->pfn),
						 last - runs->index + 1,
						 memory->writable);
	else if (nr)
		unpin_many_runs(memory, runs, nr, last);
}

/**
 * iommufd_memory_set_scratch() - limit the scratch buffers of pinning
 * @bytes: limit of each buffer; with little room every path that needs several
 *         batches is taken by a few pages
 */
void iommufd_memory_set_scratch(unsigned int bytes)
{
	WRITE_ONCE(scratch_bytes, clamp(bytes, 1U, (unsigned int)MAX_SCRATCH));
}

static int pin_batch_init(struct pin_batch *batch, unsigned long npages)
{
	unsigned int room = READ_ONCE(scratch_bytes);

	if (npages <= SMALL_BATCH && room == MAX_SCRATCH) {
		batch->pages = batch->small_pages;
		batch->max_pages = SMALL_BATCH;
		batch->runs = batch->small_runs;
		batch->max_runs = SMALL_BATCH;
		return 0;
	}

	batch->max_pages = clamp(room / sizeof(*batch->pages), 1UL, npages);
	batch->max_runs = clamp(room / sizeof(*batch->runs), 1UL,
				CHUNK_MAX_RUNS);
	batch->pages = kvmalloc_array(batch->max_pages, sizeof(*batch->pages),
				      GFP_KERNEL_ACCOUNT);
	batch->runs = kmalloc_array(batch->max_runs, sizeof(*batch->runs),
				    GFP_KERNEL_ACCOUNT);
	if (batch->pages && batch->runs)
		return 0;
	kvfree(batch->pages);
	kfree(batch->runs);
	return -ENOMEM;
}

static void pin_batch_destroy(struct pin_batch *batch)
{
	if (batch->pages == batch->small_pages)
		return;
	kvfree(batch->pages);
	kfree(batch->runs);
}

/* Put the runs of the batch into a chunk. They stay the batch's on failure. */
static int pin_batch_flush(struct iommufd_memory *memory,
			   struct pin_batch *batch)
{
	struct pin_chunk *chunk;

	if (!batch->nr_runs)
		return 0;

	chunk = alloc_chunk(memory, batch->nr_runs);
	if (!chunk)
		return -ENOMEM;
	memcpy(chunk->runs, batch->runs,
	       batch->nr_runs * sizeof(*batch->runs));
	chunk->nr_runs = batch->nr_runs;
	insert_chunk(memory, chunk, batch->first, batch->next - 1, 1);
	batch->nr_runs = 0;
	batch->first = batch->next;
	return 0;
}

/*
 * How many pages follow each other in memory, as far as they lie in huge pages
 * of hugetlbfs. Such a page is mapped as a whole or not at all, so gup takes
 * all it wants of it at once.
 */
static unsigned int count_hugetlb(struct page **pages, unsigned int npages)
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
static inline bool eight_follow(struct page **pages, struct page *page)
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
static unsigned int count_contiguous(struct page **pages, unsigned int npages)
{
	struct page *first = pages[0];
	unsigned int n = 1;

	/* Neighbours in memory are neighbours in the map of it, and only they. */
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_SPARSEMEM_VMEMMAP));
	if (npages >= 9 && eight_follow(pages + 1, first + 1)) {
		n = max(9U, count_hugetlb(pages, npages));
		while (n + 8 <= npages && eight_follow(pages + n, first + n))
			n += 8;
	}
	while (n < npages && pages[n] == first + n)
		n++;
	return n;
}

/* Add gup's pages to the runs. Pages not taken over remain the caller's. */
static int pin_batch_add(struct iommufd_memory *memory, struct pin_batch *batch,
			 unsigned int npages, unsigned int *taken)
{
	unsigned int i = 0;

	while (i < npages) {
		unsigned long pfn = page_to_pfn(batch->pages[i]);
		unsigned int n = count_contiguous(&batch->pages[i],
						  npages - i);

		if (!pfn_runs_append(batch->runs, &batch->nr_runs,
				     batch->max_runs, batch->next, pfn)) {
			int rc = pin_batch_flush(memory, batch);

			if (rc) {
				*taken = i;
				return rc;
			}
			continue;
		}
		batch->next += n;
		i += n;
	}
	*taken = npages;
	return 0;
}

/* No page is no memory, and so is the last page of all addresses: EOVERFLOW. */
static long gup_result(long rc)
{
	return rc && rc != -EOVERFLOW ? rc : -EFAULT;
}

/**
 * iommufd_memory_gup() - pin user pages, whosever they are
 * @memory: memory they belong to
 * @index: index of the first page
 * @npages: number of pages
 * @gup_flags: as for pin_user_pages_remote()
 * @pages: receives them
 *
 * Return: how many are pinned, at least 1, or errno. They are not charged.
 */
long iommufd_memory_gup(struct iommufd_memory *memory, unsigned long index,
			unsigned long npages, unsigned int gup_flags,
			struct page **pages)
{
	unsigned long uva = memory->uva + index * PAGE_SIZE;
	struct mm_struct *mm = memory->payer->mm;
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

/* Pin what fits into the batch from @index on. Return: pages pinned, or errno. */
static long pin_some(struct iommufd_memory *memory, struct pin_batch *batch,
		     unsigned long index, unsigned long last)
{
	unsigned long npages = min_t(unsigned long, last - index + 1,
				     batch->max_pages);
	unsigned int gup_flags = FOLL_LONGTERM;
	long rc;

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();

	if (memory->writable)
		gup_flags |= FOLL_WRITE;
	if (memory->payer->mm != current->mm)
		return iommufd_memory_gup(memory, index, npages, gup_flags,
					  batch->pages);
	rc = pin_user_pages_fast(memory->uva + index * PAGE_SIZE, npages,
				 gup_flags, batch->pages);
	return gup_result(rc);
}

/*
 * Pin the pages [*index, last], none of which is pinned. *index becomes the
 * first page that is not in a chunk when this returns, also on failure.
 */
static int pin_hole(struct iommufd_memory *memory, struct pin_batch *batch,
		    unsigned long *index, unsigned long last)
{
	unsigned int taken;
	int rc = 0;

	batch->nr_runs = 0;
	batch->first = *index;
	batch->next = *index;
	while (!rc && batch->next - 1 != last) {
		long npages = pin_some(memory, batch, batch->next, last);

		if (npages < 0) {
			rc = npages;
			break;
		}
		rc = pin_batch_add(memory, batch, npages, &taken);
		if (rc)
			unpin_user_pages(batch->pages + taken, npages - taken);
		if (batch->prefault)
			prefault_pinned(batch->prefault, memory->uva +
					batch->next * PAGE_SIZE);
	}
	if (!rc)
		rc = pin_batch_flush(memory, batch);
	if (rc)
		unpin_runs(memory, batch->runs, batch->nr_runs,
			   batch->next - 1);
	*index = batch->first;
	return rc;
}

/* Drop one user of every chunk in the range. Return: how many pages went. */
static unsigned long drop_chunks(struct iommufd_memory *memory,
				 unsigned long first, unsigned long last)
{
	struct pin_chunk *chunk = first_chunk(memory, first, last), *next;
	unsigned long npages = 0;

	for (; chunk; chunk = next) {
		next = next_chunk(chunk, first, last);
		if (--chunk->users)
			continue;
		interval_tree_remove(&chunk->node, &memory->chunks);
		unpin_runs(memory, chunk->runs, chunk->nr_runs,
			   chunk->node.last);
		npages += chunk->node.last - chunk->node.start + 1;
		free_chunk(memory, chunk);
	}
	return npages;
}

/* How many pages of the range no chunk has. */
static unsigned long count_holes(struct iommufd_memory *memory,
				 unsigned long first, unsigned long last)
{
	struct pin_chunk *chunk = first_chunk(memory, first, last);
	unsigned long npages = last - first + 1;

	for (; chunk; chunk = next_chunk(chunk, first, last))
		npages -= chunk->node.last - chunk->node.start + 1;
	return npages;
}

/*
 * Add a user to every page of the range; chunks end where the range does.
 * *index becomes the first page without the new user.
 */
static int pin_range(struct iommufd_memory *memory, struct pin_batch *batch,
		     unsigned long *index, unsigned long last)
{
	int rc = 0;

	while (!rc && *index - 1 != last) {
		struct pin_chunk *chunk = first_chunk(memory, *index, last);

		if (chunk && chunk->node.start == *index) {
			chunk->users++;
			*index = chunk->node.last + 1;
			continue;
		}
		rc = pin_hole(memory, batch, index,
			      chunk ? chunk->node.start - 1 : last);
	}
	return rc;
}

/* Have memory touched from its other end on, if that is worth it. */
static struct prefault *begin_prefault(struct iommufd_memory *memory,
				       unsigned long first, unsigned long last)
{
	unsigned long npages = last - first + 1;

	if (npages < PREFAULT_MIN / PAGE_SIZE || !memory->writable ||
	    memory->payer->mm != current->mm)
		return NULL;
	return prefault_begin(memory->uva + first * PAGE_SIZE,
			      npages * PAGE_SIZE);
}

/**
 * __iommufd_memory_pin() - pin pages, or add a user to those pinned already
 * @memory: memory, locked
 * @first: index of the first page
 * @last: index of the last page
 *
 * Context: process context; may sleep, fault pages in and take long. A fatal
 * signal ends it.
 * Return: 0; -ENOMEM without memory or over RLIMIT_MEMLOCK, -EFAULT if the
 * memory is not there or may not be pinned, -EOPNOTSUPP for DAX, -EINTR when
 * killed. Nothing is pinned or charged on failure.
 */
int __iommufd_memory_pin(struct iommufd_memory *memory, unsigned long first,
			 unsigned long last)
{
	unsigned long index = first, charge = last - first + 1;
	struct pin_batch batch __uninitialized;
	int rc;

	if (!RB_EMPTY_ROOT(&memory->chunks.rb_root)) {
		rc = split_chunk(memory, first);
		if (!rc)
			rc = split_chunk(memory, last + 1);
		if (rc)
			return rc;
		charge = count_holes(memory, first, last);
	}

	rc = iommufd_charge(memory->payer, memory->mode, charge);
	if (rc)
		return rc;

	rc = pin_batch_init(&batch, charge);
	if (rc)
		goto out_uncharge;
	batch.prefault = begin_prefault(memory, first, last);
	rc = pin_range(memory, &batch, &index, last);
	if (batch.prefault)
		prefault_end(batch.prefault);
	pin_batch_destroy(&batch);
	if (!rc)
		return 0;

	if (index != first)
		drop_chunks(memory, first, index - 1);
out_uncharge:
	iommufd_uncharge(memory->payer, memory->mode, charge);
	return rc;
}

/**
 * iommufd_memory_pin() - pin pages, or add a user to those pinned already
 * @memory: memory
 * @first: index of the first page
 * @last: index of the last page
 *
 * Context: as __iommufd_memory_pin().
 * Return: as __iommufd_memory_pin(), and -EINTR when killed before.
 */
int iommufd_memory_pin(struct iommufd_memory *memory, unsigned long first,
		       unsigned long last)
{
	int rc;

	if (mutex_lock_killable(&memory->lock))
		return -EINTR;
	rc = __iommufd_memory_pin(memory, first, last);
	mutex_unlock(&memory->lock);
	return rc;
}

/**
 * iommufd_memory_unpin() - take a user off pages; unpin those without one
 * @memory: memory
 * @first: @first of the iommufd_memory_pin() this undoes
 * @last: @last of it
 *
 * No IO page and no IOTLB may hold the pages for this user any more.
 */
void iommufd_memory_unpin(struct iommufd_memory *memory, unsigned long first,
			  unsigned long last)
{
	mutex_lock(&memory->lock);
	if (!memory->stuck)
		iommufd_uncharge(memory->payer, memory->mode,
				 drop_chunks(memory, first, last));
	mutex_unlock(&memory->lock);
}

/**
 * iommufd_memory_split() - let pages that were pinned at once go in two parts
 * @memory: memory
 * @index: index of the second part's first page
 *
 * From now on [first, index - 1] and [index, last] can be unpinned in place of
 * [first, last].
 *
 * Return: 0, -ENOMEM, -EINTR when killed.
 */
int iommufd_memory_split(struct iommufd_memory *memory, unsigned long index)
{
	int rc;

	if (mutex_lock_killable(&memory->lock))
		return -EINTR;
	rc = split_chunk(memory, index);
	mutex_unlock(&memory->lock);
	return rc;
}

/**
 * __iommufd_memory_keep() - never unpin again
 * @memory: memory, locked, of which an IO page could not be taken away
 *
 * Losing the pages for good is better than handing them to somebody else while
 * a device can write to them.
 */
void __iommufd_memory_keep(struct iommufd_memory *memory)
{
	lockdep_assert_held(&memory->lock);
	memory->stuck = true;
}

/**
 * iommufd_memory_walk() - start to read the runs
 * @memory: memory, locked
 * @walk: position to set
 * @index: index of a page
 *
 * Return: false if nobody has pinned that page.
 */
bool iommufd_memory_walk(struct iommufd_memory *memory,
			 struct memory_walk *walk, unsigned long index)
{
	walk->chunk = first_chunk(memory, index, index);
	if (!walk->chunk)
		return false;
	walk->run = pfn_runs_find(walk->chunk->runs, walk->chunk->nr_runs,
				  index);
	return true;
}

/**
 * iommufd_memory_walk_chunk() - step to the first run of the next chunk
 * @walk: position behind the last run of a chunk; void if there is none
 */
void iommufd_memory_walk_chunk(struct memory_walk *walk)
{
	walk->chunk = next_chunk(walk->chunk, walk->chunk->node.last + 1,
				 ULONG_MAX);
	walk->run = 0;
}
