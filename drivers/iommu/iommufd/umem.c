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
 * Getting user memory can take as long as its process likes, so no lock is held
 * meanwhile. A thread that pins what is missing puts a chunk without pages into
 * the tree, which marks the hole as being pinned, and replaces it by chunks with
 * pages step by step. Other threads that need these pages wait for that, can be
 * killed, and look again afterwards. Unpinning meets only chunks that its own
 * user holds, so it never waits for more than the lock. A MAP whose memory no
 * other thread can reach yet needs neither the lock nor the mark.
 *
 * The runs answer every later question about the pages. No IO page table is
 * ever asked for them: not by unmap, not for a second HWPT, not by an access.
 *
 * A run takes 16 bytes, a chunk at most one page. The memory holds its first
 * chunk itself, so that a mapping of contiguous pages allocates none.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "gup_batch.h"
#include "umem.h"

#define CHUNK_MAX_RUNS \
	((PAGE_SIZE - sizeof(struct umem_chunk)) / sizeof(struct pfn_run))

/* In place of the number of users: the pages are being pinned */
#define BEING_PINNED ULONG_MAX

/* Chunks to go through, and to take away, before others get the lock */
#define CHUNKS_AT_ONCE 256
#define DETACH_AT_ONCE 8

/**
 * struct umem_pin - work space of one pin operation
 * @hole: the chunk that marks the hole, or NULL if no other thread can see it
 * @spare: a chunk to split with, or NULL; its @nr_runs is its room
 * @batch: pages that are not in a chunk yet; on the stack and not zeroed, as is
 *         the rest
 * @own_hole: may become @hole; it must come last
 */
struct umem_pin {
	struct umem_chunk *hole;
	struct umem_chunk *spare;
	struct gup_batch batch;
	struct umem_chunk own_hole;
};

static struct umem_chunk *umem_to_chunk(struct interval_tree_node *node)
{
	return node ? container_of(node, struct umem_chunk, node) : NULL;
}

static struct umem_chunk *umem_first_chunk(struct iommufd_umem *umem,
					   unsigned long first,
					   unsigned long last)
{
	lockdep_assert_held(&umem->lock);
	return umem_to_chunk(
		interval_tree_iter_first(&umem->chunks, first, last));
}

static struct umem_chunk *umem_next_chunk(struct umem_chunk *chunk,
					  unsigned long first,
					  unsigned long last)
{
	return umem_to_chunk(
		interval_tree_iter_next(&chunk->node, first, last));
}

/**
 * iommufd_umem_init() - describe user memory without touching it
 * @umem: memory, zeroed, with room for one run behind it; gets one reference
 * @payer: whose memory; the memory takes over the caller's reference
 * @mode: counter to charge when pages get pinned
 * @uva: user address, page aligned
 * @npages: number of pages, at least 1
 * @writable: devices may write to it
 */
void iommufd_umem_init(struct iommufd_umem *umem, struct iommufd_payer *payer,
		       enum iommufd_account_mode mode, unsigned long uva,
		       unsigned long npages, bool writable)
{
	refcount_set(&umem->refs, 1);
	umem->writable = writable;
	umem->mode = mode;
	umem->npages = npages;
	umem->uva = uva;
	umem->payer = payer;
	mutex_init(&umem->lock);
	umem->chunks = RB_ROOT_CACHED;
}

/* No domain can reach what is left: without an area there is none. */
static void umem_unpin_leftovers(struct iommufd_umem *umem)
{
	while (!RB_EMPTY_ROOT(&umem->chunks.rb_root)) {
		struct interval_tree_node *node;

		mutex_lock(&umem->lock);
		node = &umem_first_chunk(umem, 0, ULONG_MAX)->node;
		mutex_unlock(&umem->lock);
		iommufd_umem_unpin(umem, node->start, node->last);
	}
}

/**
 * iommufd_umem_put() - drop a reference
 * @umem: memory; nobody who pinned pages may go without unpinning them
 *
 * Return: true if it was the last one: the memory is over, and the caller frees
 * what it lies in.
 */
bool iommufd_umem_put(struct iommufd_umem *umem)
{
	if (!refcount_dec_and_test(&umem->refs))
		return false;
	/* A device may still reach pages that are stuck, so those stay. */
	if (umem->leaked)
		return false;
	if (WARN_ON_ONCE(!RB_EMPTY_ROOT(&umem->chunks.rb_root)))
		umem_unpin_leftovers(umem);
	mutex_destroy(&umem->lock);
	iommufd_payer_put(umem->payer);
	return true;
}

static bool umem_first_chunk_is_free(struct iommufd_umem *umem)
{
	/* Pairs with umem_free_chunk(). */
	return !smp_load_acquire(&umem->first_chunk.users);
}

static struct umem_chunk *umem_alloc_chunk(unsigned int nr_runs)
{
	struct umem_chunk *chunk;

	return kmalloc(struct_size(chunk, runs, nr_runs), GFP_KERNEL_ACCOUNT);
}

static void umem_free_chunk(struct iommufd_umem *umem, struct umem_chunk *chunk)
{
	if (chunk != &umem->first_chunk)
		kfree(chunk);
	else /* Pairs with umem_first_chunk_is_free(); there is no lock here. */
		smp_store_release(&chunk->users, 0);
}

static void umem_insert_chunk(struct iommufd_umem *umem,
			      struct umem_chunk *chunk, unsigned long first,
			      unsigned long last, unsigned long users)
{
	chunk->node.start = first;
	chunk->node.last = last;
	chunk->users = users;
	interval_tree_insert(&chunk->node, &umem->chunks);
}

/*
 * A chunk for the tail of one that is split: what is there already, or else a
 * new one in *spare for the next time, and NULL. The lock is dropped for that.
 */
static struct umem_chunk *umem_take_spare(struct iommufd_umem *umem,
					  unsigned int nr_runs,
					  struct umem_chunk **spare)
{
	struct umem_chunk *chunk = *spare;

	if (nr_runs == 1 && umem_first_chunk_is_free(umem))
		return &umem->first_chunk;
	*spare = NULL;
	if (chunk && chunk->nr_runs >= nr_runs)
		return chunk;

	mutex_unlock(&umem->lock);
	kfree(chunk);
	*spare = umem_alloc_chunk(nr_runs);
	if (*spare)
		(*spare)->nr_runs = nr_runs;
	mutex_lock(&umem->lock);
	return NULL;
}

/*
 * Split a chunk with pages on both sides of the border at @index. The lock may
 * have been dropped and the chunk not be split yet, so the caller looks again.
 */
static int umem_split_chunk(struct iommufd_umem *umem, struct umem_chunk *chunk,
			    unsigned long index, struct umem_chunk **spare)
{
	unsigned int nr =
		pfn_runs_tail(chunk->runs, chunk->nr_runs, index, NULL);
	struct umem_chunk *tail = umem_take_spare(umem, nr, spare);
	unsigned long last;

	if (!tail)
		return *spare ? 0 : -ENOMEM;
	tail->nr_runs =
		pfn_runs_tail(chunk->runs, chunk->nr_runs, index, tail->runs);

	last = chunk->node.last;
	interval_tree_remove(&chunk->node, &umem->chunks);
	/* The runs themselves stay: iommufd_umem_walk() may be reading them. */
	chunk->nr_runs =
		pfn_runs_find(chunk->runs, chunk->nr_runs, index - 1) + 1;
	umem_insert_chunk(umem, chunk, chunk->node.start, index - 1,
			  chunk->users);
	umem_insert_chunk(umem, tail, index, last, chunk->users);
	return 0;
}

/* Mark a hole as being pinned. The first chunk is good for all of one run. */
static void umem_mark_hole(struct iommufd_umem *umem, struct umem_pin *pin,
			   unsigned long first, unsigned long last)
{
	pin->hole = umem_first_chunk_is_free(umem) ? &umem->first_chunk :
						     &pin->own_hole;
	pin->hole->nr_runs = 0;
	umem_insert_chunk(umem, pin->hole, first, last, BEING_PINNED);
}

/* Wake the threads that wait for pages of the hole. */
static void umem_wake_waiters(struct iommufd_umem *umem,
			      struct umem_chunk *hole)
{
	lockdep_assert_held(&umem->lock);
	/* They queue under the lock, so no barrier is needed to see them. */
	if (hole->nr_runs)
		wake_up_var(umem);
	hole->nr_runs = 0;
}

/* The rest of a hole is not pinned after all. */
static void umem_forget_hole(struct iommufd_umem *umem, struct umem_pin *pin)
{
	if (!pin->hole)
		return;
	mutex_lock(&umem->lock);
	interval_tree_remove(&pin->hole->node, &umem->chunks);
	umem_wake_waiters(umem, pin->hole);
	pin->hole->users = 0;
	mutex_unlock(&umem->lock);
}

/* Take the pages before @next, all or the first ones, out of a hole. */
static void umem_shrink_hole(struct iommufd_umem *umem, struct umem_pin *pin)
{
	struct umem_chunk *hole = pin->hole;

	interval_tree_remove(&hole->node, &umem->chunks);
	if (pin->batch.next - 1 == hole->node.last)
		hole->users = 0;
	else
		umem_insert_chunk(umem, hole, pin->batch.next, hole->node.last,
				  BEING_PINNED);
}

/* Can the chunk that marks the hole become the one that has the pages? */
static bool umem_hole_has_room(struct iommufd_umem *umem,
			       const struct umem_pin *pin)
{
	return pin->hole == &umem->first_chunk && pin->batch.nr_runs == 1 &&
	       pin->batch.next - 1 == pin->hole->node.last;
}

/* What is pinned by a thread that has the memory for itself needs no lock. */
static struct umem_chunk *umem_chunk_for_batch(struct iommufd_umem *umem,
					       const struct umem_pin *pin)
{
	if (pin->hole ?
		    umem_hole_has_room(umem, pin) :
		    pin->batch.nr_runs == 1 && umem_first_chunk_is_free(umem))
		return &umem->first_chunk;
	return umem_alloc_chunk(pin->batch.nr_runs);
}

/* Move the runs of the batch to a chunk. They stay in the batch on failure. */
static int umem_flush_batch(struct iommufd_umem *umem, struct umem_pin *pin)
{
	struct gup_batch *batch = &pin->batch;
	struct umem_chunk *chunk;

	chunk = umem_chunk_for_batch(umem, pin);
	if (!chunk)
		return -ENOMEM;
	memcpy(chunk->runs, batch->runs, batch->nr_runs * sizeof(*batch->runs));
	if (pin->hole) {
		mutex_lock(&umem->lock);
		umem_wake_waiters(umem, pin->hole);
	}
	chunk->nr_runs = batch->nr_runs;
	if (pin->hole == chunk) {
		chunk->users = 1;
	} else {
		if (pin->hole)
			umem_shrink_hole(umem, pin);
		umem_insert_chunk(umem, chunk, batch->first, batch->next - 1,
				  1);
	}
	if (pin->hole)
		mutex_unlock(&umem->lock);
	batch->nr_runs = 0;
	batch->first = batch->next;
	return 0;
}

/*
 * Pin the pages [*index, last], none of which is pinned, and which are marked
 * unless no other thread can see them. *index becomes the first page that is not
 * in a chunk when this returns, also on failure.
 */
static int umem_pin_hole(struct iommufd_umem *umem, struct umem_pin *pin,
			 unsigned long *index, unsigned long last)
{
	struct gup_batch *batch = &pin->batch;
	int rc;

	batch->first = *index;
	batch->next = *index;
	do {
		rc = gup_batch_pin(batch, last);
		if (!rc)
			rc = umem_flush_batch(umem, pin);
	} while (!rc && batch->next - 1 != last);
	if (rc) {
		gup_batch_unpin(batch);
		umem_forget_hole(umem, pin);
	}
	*index = batch->first;
	return rc;
}

/*
 * Wait until some of the pages that another thread pins are pinned, or are not
 * going to be. What the caller knew of the chunks is void. Unlocks.
 */
static int umem_wait_for_hole(struct iommufd_umem *umem,
			      struct umem_chunk *hole)
{
	struct wait_queue_head *queue = __var_waitqueue(umem);
	struct wait_bit_queue_entry wait;

	hole->nr_runs = 1;
	init_wait_var_entry(&wait, umem, 0);
	prepare_to_wait(queue, &wait.wq_entry, TASK_KILLABLE);
	mutex_unlock(&umem->lock);
	if (!fatal_signal_pending(current))
		schedule();
	finish_wait(queue, &wait.wq_entry);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Add a user to the chunk at *index, or to several chunks from there on. */
static void umem_use_chunks(struct iommufd_umem *umem, struct umem_chunk *chunk,
			    unsigned long *index, unsigned long last)
{
	unsigned int n;

	for (n = 0; n < CHUNKS_AT_ONCE && chunk; n++) {
		if (chunk->node.start != *index || chunk->node.last > last ||
		    chunk->users == BEING_PINNED)
			break;
		chunk->users++;
		*index = chunk->node.last + 1;
		if (chunk->node.last == last)
			break;
		chunk = umem_next_chunk(chunk, *index, last);
	}
}

/* Where the pin operation gets pages from; the batch begins with the first hole. */
static int umem_begin_pin(struct iommufd_umem *umem, struct umem_pin *pin,
			  unsigned long first, unsigned long last)
{
	pin->batch.payer = umem->payer;
	pin->batch.uva = umem->uva;
	pin->batch.mode = umem->mode;
	pin->batch.writable = umem->writable;
	return gup_batch_begin(&pin->batch, first, last, CHUNK_MAX_RUNS);
}

/* Pin a hole that the caller has marked. */
static int umem_pin_marked(struct iommufd_umem *umem, struct umem_pin *pin,
			   unsigned long *index, unsigned long last)
{
	unsigned long hole_last = pin->hole->node.last;
	int rc = 0;

	if (!pin->batch.pages)
		rc = umem_begin_pin(umem, pin, *index, last);
	if (!rc)
		return umem_pin_hole(umem, pin, index, hole_last);
	umem_forget_hole(umem, pin);
	return rc;
}

/*
 * Add a user to the next pages of the range; chunks end where the range does.
 * *index becomes the first page without the new user.
 */
static int umem_pin_next(struct iommufd_umem *umem, struct umem_pin *pin,
			 unsigned long *index, unsigned long last)
{
	struct umem_chunk *chunk;
	int rc = 0;

	if (mutex_lock_killable(&umem->lock))
		return -EINTR;
	chunk = umem_first_chunk(umem, *index, last);
	if (!chunk || chunk->node.start > *index) {
		umem_mark_hole(umem, pin, *index,
			       chunk ? chunk->node.start - 1 : last);
		mutex_unlock(&umem->lock);
		return umem_pin_marked(umem, pin, index, last);
	}
	if (chunk->users == BEING_PINNED)
		return umem_wait_for_hole(umem, chunk);
	if (chunk->node.start < *index)
		rc = umem_split_chunk(umem, chunk, *index, &pin->spare);
	else if (chunk->node.last > last)
		rc = umem_split_chunk(umem, chunk, last + 1, &pin->spare);
	else
		umem_use_chunks(umem, chunk, index, last);
	mutex_unlock(&umem->lock);
	return rc;
}

/**
 * iommufd_umem_pin() - pin pages, or add a user to those pinned already
 * @umem: memory
 * @first: index of the first page
 * @last: index of the last page
 *
 * Context: process context; may sleep, fault pages in and take long, also as
 * long as another thread takes that pins some of the pages. A fatal signal ends
 * it. The caller holds no lock that a thread needs to unpin pages.
 * Return: 0; -ENOMEM without memory or over RLIMIT_MEMLOCK, -EFAULT if the
 * memory is not there or may not be pinned, -EOPNOTSUPP for DAX, -EINTR when
 * killed. Nothing is pinned or charged on failure.
 */
int iommufd_umem_pin(struct iommufd_umem *umem, unsigned long first,
		     unsigned long last)
{
	struct umem_pin pin __uninitialized;
	unsigned long index = first;
	int rc;

	pin.batch.pages = NULL;
	pin.spare = NULL;
	do {
		rc = umem_pin_next(umem, &pin, &index, last);
	} while (!rc && index - 1 != last);
	gup_batch_end(&pin.batch);
	kfree(pin.spare);
	if (rc && index != first)
		iommufd_umem_unpin(umem, first, index - 1);
	return rc;
}

/**
 * iommufd_umem_pin_new() - pin pages of memory that no other thread can reach
 * @umem: memory of which no page is pinned; the caller has the only reference
 *          and nobody can get another one before this returns
 * @first: index of the first page
 * @last: index of the last page
 *
 * Context: as iommufd_umem_pin().
 * Return: as iommufd_umem_pin().
 */
int iommufd_umem_pin_new(struct iommufd_umem *umem, unsigned long first,
			 unsigned long last)
{
	struct umem_pin pin __uninitialized;
	unsigned long index = first;
	int rc;

	lockdep_assert(iommufd_umem_is_new(umem));
	rc = umem_begin_pin(umem, &pin, first, last);
	if (rc)
		return rc;
	pin.hole = NULL;
	rc = umem_pin_hole(umem, &pin, &index, last);
	gup_batch_end(&pin.batch);
	if (rc && index != first)
		iommufd_umem_unpin(umem, first, index - 1);
	return rc;
}

/*
 * Drop one user of chunks from *index on, and take those without one out of the
 * tree: at most DETACH_AT_ONCE. *index becomes the first page that still has the
 * user. Return: how many chunks were taken out.
 */
static unsigned int umem_detach_chunks(struct iommufd_umem *umem,
				       unsigned long *index, unsigned long last,
				       struct umem_chunk **detached)
{
	struct umem_chunk *chunk = umem_first_chunk(umem, *index, last), *next;
	unsigned int i, nr = 0;

	for (i = 0; i < CHUNKS_AT_ONCE && nr < DETACH_AT_ONCE; i++) {
		/* A driver that unpins what it has not pinned */
		if (WARN_ON_ONCE(!chunk || chunk->users == BEING_PINNED)) {
			*index = last + 1;
			break;
		}
		*index = min(chunk->node.last, last) + 1;
		next = *index - 1 == last ?
			       NULL :
			       umem_next_chunk(chunk, *index, last);
		if (!--chunk->users) {
			interval_tree_remove(&chunk->node, &umem->chunks);
			/* The first chunk is not free while it is read. */
			chunk->users = 1;
			detached[nr++] = chunk;
		}
		if (*index - 1 == last)
			break;
		chunk = next;
	}
	return nr;
}

/* Return: how many pages went. */
static unsigned long umem_unpin_chunk(struct iommufd_umem *umem,
				      struct umem_chunk *chunk)
{
	unsigned long npages = chunk->node.last - chunk->node.start + 1;

	gup_unpin_runs(chunk->runs, chunk->nr_runs, chunk->node.last,
		       umem->writable);
	umem_free_chunk(umem, chunk);
	return npages;
}

/**
 * iommufd_umem_unpin() - take a user off pages; unpin those without one
 * @umem: memory
 * @first: @first of the iommufd_umem_pin() this undoes
 * @last: @last of it
 *
 * No IO page and no IOTLB may hold the pages for this user any more.
 *
 * Context: may sleep; waits for no other pin or unpin.
 */
void iommufd_umem_unpin(struct iommufd_umem *umem, unsigned long first,
			unsigned long last)
{
	struct umem_chunk *detached[DETACH_AT_ONCE] __uninitialized;
	unsigned long index = first, npages = 0;
	unsigned int i, nr;

	do {
		mutex_lock(&umem->lock);
		if (umem->leaked) {
			mutex_unlock(&umem->lock);
			break;
		}
		nr = umem_detach_chunks(umem, &index, last, detached);
		mutex_unlock(&umem->lock);
		for (i = 0; i < nr; i++)
			npages += umem_unpin_chunk(umem, detached[i]);
	} while (index - 1 != last);
	iommufd_payer_uncharge(umem->payer, umem->mode, npages);
}

/**
 * iommufd_umem_split() - let pages that were pinned at once go in two parts
 * @umem: memory
 * @index: index of the second part's first page
 *
 * From now on [first, index - 1] and [index, last] can be unpinned in place of
 * [first, last].
 *
 * Return: 0, -ENOMEM, -EINTR when killed.
 */
int iommufd_umem_split(struct iommufd_umem *umem, unsigned long index)
{
	struct umem_chunk *spare = NULL, *chunk;
	int rc = 0;

	if (mutex_lock_killable(&umem->lock))
		return -EINTR;
	while (!rc && (chunk = umem_first_chunk(umem, index, index)) &&
	       chunk->node.start != index)
		rc = umem_split_chunk(umem, chunk, index, &spare);
	mutex_unlock(&umem->lock);
	kfree(spare);
	return rc;
}

/**
 * iommufd_umem_leak() - never unpin again
 * @umem: memory of which an IO page could not be taken away
 *
 * Losing the pages for good is better than handing them to somebody else while
 * a device can write to them.
 */
void iommufd_umem_leak(struct iommufd_umem *umem)
{
	mutex_lock(&umem->lock);
	umem->leaked = true;
	mutex_unlock(&umem->lock);
}

/**
 * __iommufd_umem_pfn() - the frame of a page, if it is pinned
 * @umem: memory, locked
 * @index: index of the page
 * @pfn: receives the frame, which stays as long as the lock is held
 *
 * Return: false if the page is not pinned, or not yet.
 */
bool __iommufd_umem_pfn(struct iommufd_umem *umem, unsigned long index,
			unsigned long *pfn)
{
	struct umem_chunk *chunk = umem_first_chunk(umem, index, index);

	if (!chunk || chunk->users == BEING_PINNED)
		return false;
	*pfn = pfn_run_pfn(
		&chunk->runs[pfn_runs_find(chunk->runs, chunk->nr_runs, index)],
		index);
	return true;
}

/**
 * iommufd_umem_walk() - go to a page to read the runs from there on
 * @walk: position to set; its @umem is set
 * @index: index of a page that the caller has pinned
 *
 * A chunk of which the caller is a user can be split meanwhile, but its runs are
 * not freed or changed: no lock is needed to read them. Only the way from one
 * chunk to the next leads through the tree.
 */
void iommufd_umem_walk(struct umem_walk *walk, unsigned long index)
{
	struct iommufd_umem *umem = walk->umem;
	struct umem_chunk *chunk;

	mutex_lock(&umem->lock);
	chunk = umem_first_chunk(umem, index, index);
	walk->runs = chunk->runs;
	walk->nr_runs = chunk->nr_runs;
	walk->last = chunk->node.last;
	mutex_unlock(&umem->lock);
	walk->run = walk->runs->index == index ?
			    0 :
			    pfn_runs_find(walk->runs, walk->nr_runs, index);
}
