// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: pinned memory
 *
 * A umem is memory that mappings refer to: a range of one process's addresses,
 * or another kind that struct umem_ops describes. MAP creates it, COPY shares
 * it, its last area ends it. Nothing is pinned until pages are needed: by an
 * area whose IOAS has an HWPT, or by an access.
 *
 * What is pinned is kept as chunks: disjoint intervals of page indices in a
 * tree, each with the physical runs of its pages and a count of its users.
 * Pinning a range counts up the chunks that are there already and pins what is
 * missing; at the ends of the range chunks are split, so that later each user
 * gives back exactly what it took. A page is therefore pinned and charged once
 * however many HWPTs, copies and accesses use it, and unpinning neither
 * allocates nor fails.
 *
 * Getting user memory can take as long as its process likes, so no lock is held
 * meanwhile. A thread that pins what is missing puts a chunk without pages into
 * the tree, which marks the hole as being pinned, and replaces it by chunks
 * with pages step by step. Other threads that need these pages wait for that,
 * can be killed, and look again afterwards. Unpinning meets only chunks that
 * its own user holds, so it never waits for more than the lock. A MAP whose
 * umem no other thread can reach yet needs neither the lock nor the mark.
 *
 * The runs answer every later question about the pages. No IO page table is
 * ever asked for them: not by unmap, not for a second HWPT, not by an access.
 *
 * A run takes 16 bytes, a chunk at most one page. The umem holds its first
 * chunk itself, so that a mapping of contiguous pages allocates none.
 */
#include <linux/indirect_call_wrapper.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "stats.h"
#include "umem.h"
#include "umem_batch.h"
#include "umem_user.h"

#define CHUNK_MAX_RUNS \
	((PAGE_SIZE - sizeof(struct umem_chunk)) / sizeof(struct pfn_run))
static_assert(CHUNK_MAX_RUNS <= U16_MAX);

/* Value of umem_chunk.users while a thread is pinning the pages */
#define BEING_PINNED UINT_MAX

/* Chunks to visit, and to detach, before the lock is dropped */
#define CHUNKS_AT_ONCE 256
#define DETACH_AT_ONCE 8

/**
 * struct umem_pin - state of one pin operation, on the stack and not zeroed
 * @hole: chunk that marks the hole, or NULL if no other thread can see it
 * @spare: chunk for a part of a split one, or NULL; its @nr_runs is its room
 * @batch: pages that are not in a chunk yet
 * @own_hole: may become @hole
 * @own_hole_head: the same
 * @own_hole_run: room for its only run
 */
struct umem_pin {
	struct umem_chunk *hole;
	struct umem_chunk *spare;
	struct umem_batch batch;
	union {
		struct umem_chunk own_hole;
		struct {
			u8 own_hole_head[sizeof(struct umem_chunk)];
			struct pfn_run own_hole_run;
		};
	};
};

static struct umem_chunk *umem_first_chunk(struct iommufd_umem *umem,
					   unsigned long first,
					   unsigned long last)
{
	lockdep_assert_held(&umem->lock);
	return umem_chunks_first(&umem->chunks, first, last);
}

/**
 * iommufd_umem_init() - describe memory without touching it
 * @umem: with room for one run and the kind's data behind it; gets one
 *        reference. The caller has set @flags.
 * @ops: kind of memory
 * @payer: process that the memory belongs to; takes over the caller's reference
 * @mode: counter to charge for pinned pages
 * @writable: devices may write to the memory
 */
void iommufd_umem_init(struct iommufd_umem *umem, const struct umem_ops *ops,
		       struct iommufd_payer *payer,
		       enum iommufd_account_mode mode, bool writable)
{
	refcount_set(&umem->refs, 1);
	umem->writable = writable;
	umem->readable = true;
	umem->mode = mode;
	umem->ops = ops;
	umem->payer = payer;
	spin_lock_init(&umem->lock);
	umem->chunks = RB_ROOT;
	umem->first_chunk.users = 0;
}

/* No device can reach these pages: the umem has no area any more. */
static void umem_unpin_leftovers(struct iommufd_umem *umem)
{
	while (!RB_EMPTY_ROOT(&umem->chunks)) {
		struct umem_chunk *chunk;

		spin_lock(&umem->lock);
		chunk = umem_first_chunk(umem, 0, ULONG_MAX);
		spin_unlock(&umem->lock);
		iommufd_umem_unpin(umem, umem_chunk_first(chunk), chunk->last);
	}
}

/* No area has the umem any more, so its pages cannot change. */
static void umem_count_stuck(struct iommufd_umem *umem)
{
	struct rb_node *node;

	for (node = rb_first(&umem->chunks); node; node = rb_next(node)) {
		iommufd_count(stuck, umem_chunk_npages(to_umem_chunk(node)));
		cond_resched();
	}
}

/* Return: false if the umem must stay. */
static noinline bool umem_release(struct iommufd_umem *umem)
{
	/* A device may still reach leaked pages, so they stay pinned. */
	if (umem->flags & UMEM_LEAKED) {
		umem_count_stuck(umem);
		return false;
	}
	if (umem->flags & UMEM_RELEASE)
		umem->ops->release(umem);
	return true;
}

/**
 * iommufd_umem_put() - drop a reference
 * @umem: umem of which the caller has unpinned all pages that it had pinned
 *
 * Return: true if it was the last reference. The caller then frees the
 * allocation that holds the umem. A leaked umem is never freed.
 */
bool iommufd_umem_put(struct iommufd_umem *umem)
{
	if (!refcount_dec_and_test(&umem->refs))
		return false;
	if (unlikely(umem->flags) && !umem_release(umem))
		return false;
	if (WARN_ON_ONCE(!RB_EMPTY_ROOT(&umem->chunks)))
		umem_unpin_leftovers(umem);
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
	else /* Pairs with umem_first_chunk_is_free(); the lock is not held. */
		smp_store_release(&chunk->users, 0);
}

static void umem_insert_chunk(struct iommufd_umem *umem,
			      struct umem_chunk *chunk, unsigned long first,
			      unsigned long last, unsigned int users)
{
	chunk->runs[0].index = first;
	chunk->skip = 0;
	chunk->last = last;
	chunk->users = users;
	umem_chunks_insert(&umem->chunks, chunk);
}

/*
 * Return: a chunk for a part of a split one; or NULL after the lock was dropped
 * to allocate one, which is in *spare for the next attempt (NULL without
 * memory).
 */
static struct umem_chunk *umem_take_spare(struct iommufd_umem *umem,
					  unsigned int nr_runs,
					  struct umem_chunk **spare)
	__must_hold(&umem->lock)
{
	struct umem_chunk *chunk = *spare;

	if (nr_runs == 1 && umem_first_chunk_is_free(umem))
		return &umem->first_chunk;
	*spare = NULL;
	if (chunk && chunk->nr_runs >= nr_runs)
		return chunk;

	spin_unlock(&umem->lock);
	kfree(chunk);
	*spare = umem_alloc_chunk(nr_runs);
	if (*spare)
		(*spare)->nr_runs = nr_runs;
	spin_lock(&umem->lock);
	return NULL;
}

/* Move the pages of a chunk below @index, where a run begins, to @head. */
static void umem_split_head(struct iommufd_umem *umem, struct umem_chunk *chunk,
			    unsigned long index, struct umem_chunk *head,
			    unsigned int nr)
{
	const struct pfn_run *runs = umem_chunk_runs(chunk);

	memcpy(head->runs, runs, nr * sizeof(*runs));
	head->nr_runs = nr;
	/* No other chunk has these pages, so its place stays right. */
	chunk->skip += nr;
	chunk->nr_runs -= nr;
	umem_insert_chunk(umem, head, head->runs[0].index, index - 1,
			  chunk->users);
}

/* Move the pages of a chunk from @index on, in run @pos, to @tail. */
static void umem_split_tail(struct iommufd_umem *umem, struct umem_chunk *chunk,
			    unsigned long index, struct umem_chunk *tail,
			    unsigned int pos)
{
	const struct pfn_run *runs = umem_chunk_runs(chunk);

	tail->nr_runs = pfn_runs_tail(runs, chunk->nr_runs, pos, index,
				      tail->runs);
	/* A run with pages on both sides of @index is in both. */
	chunk->nr_runs = runs[pos].index == index ? pos : pos + 1;
	umem_insert_chunk(umem, tail, index, chunk->last, chunk->users);
	chunk->last = index - 1;
}

/*
 * Split a chunk that has pages on both sides of @index. The larger part keeps
 * the chunk, and its runs stay in place: another thread may be reading them. On
 * success the chunk may still be whole, because the lock was dropped, so the
 * caller looks again.
 */
static int umem_split_chunk(struct iommufd_umem *umem, struct umem_chunk *chunk,
			    unsigned long index, struct umem_chunk **spare)
{
	unsigned int pos = umem_chunk_find(chunk, index);
	unsigned int nr_tail = chunk->nr_runs - pos;
	bool head = umem_chunk_runs(chunk)[pos].index == index && pos < nr_tail;
	struct umem_chunk *part = umem_take_spare(umem, head ? pos : nr_tail,
						  spare);

	if (!part)
		return *spare ? 0 : -ENOMEM;
	if (head)
		umem_split_head(umem, chunk, index, part, pos);
	else
		umem_split_tail(umem, chunk, index, part, pos);
	return 0;
}

/*
 * Mark a hole as being pinned. If the first chunk marks it and the pages turn
 * out to be one run, that chunk takes them.
 */
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
	/* Waiters queue under the lock, so no barrier is needed to see them. */
	if (hole->nr_runs)
		wake_up_var(umem);
	hole->nr_runs = 0;
}

/* Pinning has failed: remove the mark from the rest of the hole. */
static void umem_forget_hole(struct iommufd_umem *umem, struct umem_pin *pin)
{
	if (!pin->hole)
		return;
	spin_lock(&umem->lock);
	rb_erase(&pin->hole->rb, &umem->chunks);
	umem_wake_waiters(umem, pin->hole);
	pin->hole->users = 0;
	spin_unlock(&umem->lock);
}

/* Remove the pages before @next from the hole; these may be all of it. */
static void umem_shrink_hole(struct iommufd_umem *umem, struct umem_pin *pin)
{
	struct umem_chunk *hole = pin->hole;

	if (pin->batch.next - 1 == hole->last) {
		rb_erase(&hole->rb, &umem->chunks);
		hole->users = 0;
	} else {
		/* No other chunk has these pages, so its place stays right. */
		hole->runs[0].index = pin->batch.next;
	}
}

/* Can the chunk that marks the hole become the one that has the pages? */
static bool umem_hole_has_room(struct iommufd_umem *umem,
			       const struct umem_pin *pin)
{
	return pin->hole == &umem->first_chunk && pin->batch.nr_runs == 1 &&
	       pin->batch.next - 1 == pin->hole->last;
}

/* Without a hole no other thread can see the umem, so no lock is needed. */
static struct umem_chunk *umem_chunk_for_batch(struct iommufd_umem *umem,
					       const struct umem_pin *pin)
{
	if (pin->hole ?
		    umem_hole_has_room(umem, pin) :
		    pin->batch.nr_runs == 1 && umem_first_chunk_is_free(umem))
		return &umem->first_chunk;
	return umem_alloc_chunk(pin->batch.nr_runs);
}

/* Put the pages of the batch, which @chunk has, in the place of the hole. */
static void umem_fill_hole(struct iommufd_umem *umem, struct umem_pin *pin,
			   struct umem_chunk *chunk)
{
	struct umem_batch *batch = &pin->batch;

	spin_lock(&umem->lock);
	umem_wake_waiters(umem, pin->hole);
	chunk->nr_runs = batch->nr_runs;
	if (pin->hole == chunk) {
		chunk->users = 1;
	} else {
		umem_shrink_hole(umem, pin);
		umem_insert_chunk(umem, chunk, batch->first, batch->next - 1,
				  1);
	}
	spin_unlock(&umem->lock);
}

/* Move the runs of the batch to a chunk. They stay in the batch on failure. */
static int umem_flush_batch(struct iommufd_umem *umem, struct umem_pin *pin)
{
	struct umem_batch *batch = &pin->batch;
	struct umem_chunk *chunk;

	chunk = umem_chunk_for_batch(umem, pin);
	if (!chunk)
		return -ENOMEM;
	/* Other threads see a hole, but of its run they read the index only. */
	if (chunk == pin->hole)
		chunk->runs[0].pfn = batch->runs[0].pfn;
	else
		memcpy(chunk->runs, batch->runs,
		       batch->nr_runs * sizeof(*batch->runs));
	if (pin->hole) {
		umem_fill_hole(umem, pin, chunk);
	} else {
		chunk->nr_runs = batch->nr_runs;
		umem_insert_chunk(umem, chunk, batch->first, batch->next - 1,
				  1);
	}
	batch->nr_runs = 0;
	batch->first = batch->next;
	return 0;
}

/*
 * Pin the pages [*index, last]. None of them is pinned, and pin->hole marks
 * them unless no other thread can see the umem. *index becomes the first page
 * that is not in a chunk when this returns, also on failure.
 */
static int umem_pin_hole(struct iommufd_umem *umem, struct umem_pin *pin,
			 unsigned long *index, unsigned long last)
{
	struct umem_batch *batch = &pin->batch;
	int rc;

	batch->first = *index;
	batch->next = *index;
	do {
		rc = INDIRECT_CALL_1(umem->ops->pin, umem_user_pin, batch,
				     last);
		if (!rc)
			rc = umem_flush_batch(umem, pin);
	} while (!rc && batch->next - 1 != last);
	if (rc) {
		umem_batch_unpin(batch);
		umem_forget_hole(umem, pin);
	}
	*index = batch->first;
	return rc;
}

/*
 * Wait until another thread has pinned some pages of the hole or has failed to.
 * Drops the lock, so the caller has to look up the chunks again.
 */
static int umem_wait_for_hole(struct iommufd_umem *umem,
			      struct umem_chunk *hole)
	__releases(&umem->lock)
{
	struct wait_queue_head *queue = __var_waitqueue(umem);
	struct wait_bit_queue_entry wait;

	hole->nr_runs = 1;
	init_wait_var_entry(&wait, umem, 0);
	prepare_to_wait(queue, &wait.wq_entry, TASK_KILLABLE);
	spin_unlock(&umem->lock);
	if (!fatal_signal_pending(current))
		schedule();
	finish_wait(queue, &wait.wq_entry);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/*
 * Add a user to the chunk at *index, or to several chunks from there on. Users
 * are areas and pins of accesses. Each of the two is limited elsewhere, so a
 * chunk may have twice as many users.
 */
static int umem_use_chunks(struct umem_chunk *chunk, unsigned long *index,
			   unsigned long last)
{
	unsigned int n;

	for (n = 0; n < CHUNKS_AT_ONCE && chunk; n++) {
		if (umem_chunk_first(chunk) != *index || chunk->last > last ||
		    chunk->users == BEING_PINNED)
			break;
		if (!iommufd_may_count(chunk->users / 2))
			return -EOVERFLOW;
		chunk->users++;
		*index = chunk->last + 1;
		if (chunk->last == last)
			break;
		chunk = umem_chunk_next(chunk, last);
	}
	return 0;
}

/* Begin the batch of a pin operation, once there is a hole to pin. */
static int umem_begin_pin(struct iommufd_umem *umem, struct umem_pin *pin,
			  unsigned long first, unsigned long last)
{
	pin->batch.umem = umem;
	return umem_batch_begin(&pin->batch, first, last, CHUNK_MAX_RUNS);
}

/* Pin a hole that the caller has marked. */
static int umem_pin_marked(struct iommufd_umem *umem, struct umem_pin *pin,
			   unsigned long *index, unsigned long last)
{
	unsigned long hole_last = pin->hole->last;
	int rc = 0;

	if (!pin->batch.pages)
		rc = umem_begin_pin(umem, pin, *index, last);
	if (!rc)
		return umem_pin_hole(umem, pin, index, hole_last);
	umem_forget_hole(umem, pin);
	return rc;
}

/*
 * Add a user to the next pages of the range, and split chunks at the ends of
 * the range. *index becomes the first page that does not have the new user yet.
 */
static int umem_pin_next(struct iommufd_umem *umem, struct umem_pin *pin,
			 unsigned long *index, unsigned long last)
{
	struct umem_chunk *chunk;
	unsigned long border;
	int rc;

	if (fatal_signal_pending(current))
		return -EINTR;
	spin_lock(&umem->lock);
	do {
		chunk = umem_first_chunk(umem, *index, last);
		if (!chunk || umem_chunk_first(chunk) > *index) {
			umem_mark_hole(umem, pin, *index,
				       chunk ? umem_chunk_first(chunk) - 1 :
					       last);
			spin_unlock(&umem->lock);
			return umem_pin_marked(umem, pin, index, last);
		}
		if (chunk->users == BEING_PINNED)
			return umem_wait_for_hole(umem, chunk);
		if (umem_chunk_first(chunk) < *index) {
			border = *index;
		} else if (chunk->last > last) {
			border = last + 1;
		} else {
			rc = umem_use_chunks(chunk, index, last);
			break;
		}
		rc = umem_split_chunk(umem, chunk, border, &pin->spare);
	} while (!rc);
	spin_unlock(&umem->lock);
	return rc;
}

/* iommufd_umem_pin_new() for the least that there is, one page of a process */
static int umem_pin_new_page(struct iommufd_umem *umem, unsigned long index)
{
	struct umem_chunk *chunk = &umem->first_chunk;
	int rc = umem_user_pin_page(umem, index, &chunk->runs[0].pfn);

	if (rc)
		return rc;
	chunk->nr_runs = 1;
	umem_insert_chunk(umem, chunk, index, index, 1);
	return 0;
}

/*
 * The same for iommufd_umem_pin(), if no page of the umem is pinned. Other
 * threads see the first chunk as a hole meanwhile.
 * Return: false if there are chunks already; *rc is not set then.
 */
static bool umem_pin_first_page(struct iommufd_umem *umem, unsigned long index,
				int *rc)
{
	struct umem_chunk *chunk = &umem->first_chunk;
	bool empty;

	spin_lock(&umem->lock);
	empty = RB_EMPTY_ROOT(&umem->chunks) && umem_first_chunk_is_free(umem);
	if (empty) {
		chunk->nr_runs = 0;
		umem_insert_chunk(umem, chunk, index, index, BEING_PINNED);
	}
	spin_unlock(&umem->lock);
	if (!empty)
		return false;

	*rc = umem_user_pin_page(umem, index, &chunk->runs[0].pfn);
	spin_lock(&umem->lock);
	umem_wake_waiters(umem, chunk);
	if (*rc) {
		rb_erase(&chunk->rb, &umem->chunks);
		chunk->users = 0;
	} else {
		chunk->nr_runs = 1;
		chunk->users = 1;
	}
	spin_unlock(&umem->lock);
	return true;
}

static bool umem_is_one_page(const struct iommufd_umem *umem,
			     unsigned long first, unsigned long last)
{
	return first == last && umem->ops == &umem_user_ops;
}

/**
 * iommufd_umem_pin() - pin pages, or add a user to pages that are pinned
 * @umem: umem
 * @first: index of the first page
 * @last: index of the last page
 *
 * Context: process context. May sleep, fault pages in and take long, also
 * because another thread pins some of the pages. A fatal signal ends it. The
 * caller must not hold a lock that another thread needs to unpin pages.
 * Return: 0; -ENOMEM if memory is short or RLIMIT_MEMLOCK is exceeded, -EINTR
 * when killed, -EOVERFLOW if the pages have too many users, or an errno of the
 * kind of memory: for user addresses -EFAULT if pages are missing or may not be
 * pinned, -EOPNOTSUPP for DAX; for files -EINVAL if the file is too short, -EIO.
 * Nothing is pinned or charged on failure.
 */
int iommufd_umem_pin(struct iommufd_umem *umem, unsigned long first,
		     unsigned long last)
{
	struct umem_pin pin __uninitialized;
	unsigned long index = first;
	int rc;

	if (umem_is_one_page(umem, first, last) &&
	    umem_pin_first_page(umem, first, &rc))
		return rc;
	pin.batch.pages = NULL;
	pin.spare = NULL;
	for (;;) {
		rc = umem_pin_next(umem, &pin, &index, last);
		if (rc || index - 1 == last)
			break;
		cond_resched();
	}
	umem_batch_end(&pin.batch);
	kfree(pin.spare);
	if (rc && index != first)
		iommufd_umem_unpin(umem, first, index - 1);
	return rc;
}

/**
 * iommufd_umem_pin_new() - pin pages of a umem that no other thread can reach
 * @umem: umem without a pinned page. The caller has the only reference, and no
 *        other thread can get one before this returns.
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
	if (umem_is_one_page(umem, first, last))
		return umem_pin_new_page(umem, first);
	rc = umem_begin_pin(umem, &pin, first, last);
	if (rc)
		return rc;
	pin.hole = NULL;
	rc = umem_pin_hole(umem, &pin, &index, last);
	umem_batch_end(&pin.batch);
	if (rc && index != first)
		iommufd_umem_unpin(umem, first, index - 1);
	return rc;
}

/*
 * Drop a user of the chunks from *index on, and remove chunks without a user
 * from the tree, at most DETACH_AT_ONCE of them. *index becomes the first page
 * that still has the user. Return: number of removed chunks.
 */
static unsigned int umem_detach_chunks(struct iommufd_umem *umem,
				       unsigned long *index, unsigned long last,
				       struct umem_chunk **detached)
{
	struct umem_chunk *chunk = umem_first_chunk(umem, *index, last), *next;
	unsigned int i, nr = 0;

	for (i = 0; i < CHUNKS_AT_ONCE && nr < DETACH_AT_ONCE; i++) {
		/* A driver unpins pages that it has not pinned. */
		if (WARN_ON_ONCE(!chunk || chunk->users == BEING_PINNED)) {
			*index = last + 1;
			break;
		}
		*index = min(chunk->last, last) + 1;
		next = *index - 1 == last ?
			       NULL :
			       umem_chunk_next(chunk, last);
		if (!--chunk->users) {
			rb_erase(&chunk->rb, &umem->chunks);
			/* umem_first_chunk_is_free() must not see 0 yet. */
			chunk->users = 1;
			detached[nr++] = chunk;
		}
		if (*index - 1 == last)
			break;
		chunk = next;
	}
	return nr;
}

/* Return: number of pages unpinned. */
static unsigned long umem_unpin_chunk(struct iommufd_umem *umem,
				      struct umem_chunk *chunk)
{
	unsigned long npages = umem_chunk_npages(chunk);

	INDIRECT_CALL_1(umem->ops->unpin, umem_unpin_pages, umem,
			umem_chunk_runs(chunk), chunk->nr_runs, chunk->last);
	umem_free_chunk(umem, chunk);
	return npages;
}

/**
 * iommufd_umem_unpin() - drop a user of pages; unpin pages without a user
 * @umem: umem
 * @first: @first of the iommufd_umem_pin() that this undoes
 * @last: @last of that iommufd_umem_pin()
 *
 * No device can reach the pages for this user any more.
 *
 * Context: may sleep; does not wait for other threads that pin or unpin.
 */
void iommufd_umem_unpin(struct iommufd_umem *umem, unsigned long first,
			unsigned long last)
{
	struct umem_chunk *detached[DETACH_AT_ONCE] __uninitialized;
	unsigned long index = first, npages = 0, freed;
	unsigned int i, nr;

	for (;;) {
		spin_lock(&umem->lock);
		if (umem->flags & UMEM_LEAKED) {
			spin_unlock(&umem->lock);
			break;
		}
		nr = umem_detach_chunks(umem, &index, last, detached);
		spin_unlock(&umem->lock);
		for (i = 0, freed = 0; i < nr; i++)
			freed += umem_unpin_chunk(umem, detached[i]);
		npages += freed;
		if (index - 1 == last)
			break;
		iommufd_advance(umem->payer->stats, IOMMUFD_CALL_UNMAP,
				freed << PAGE_SHIFT);
		cond_resched();
	}
	iommufd_payer_uncharge(umem->payer, umem->mode, npages);
}

/**
 * iommufd_umem_unpin_alone() - unpin pages of a umem that no other thread can
 *                              reach
 * @umem: umem. The caller has the only reference, and no other thread can get
 *        one before this returns.
 * @first: as for iommufd_umem_unpin()
 * @last: as for iommufd_umem_unpin()
 *
 * Cheap if the pages are one chunk, as those of a small mapping are.
 *
 * Context: as iommufd_umem_unpin().
 */
void iommufd_umem_unpin_alone(struct iommufd_umem *umem, unsigned long first,
			      unsigned long last)
{
	struct rb_node *root = umem->chunks.rb_node;
	struct umem_chunk *chunk;

	lockdep_assert(iommufd_umem_is_alone(umem));
	if (!root || root->rb_left || root->rb_right ||
	    unlikely(umem->flags & UMEM_LEAKED))
		goto slow;
	chunk = to_umem_chunk(root);
	if (chunk->users != 1 || umem_chunk_first(chunk) != first ||
	    chunk->last != last)
		goto slow;
	umem->chunks = RB_ROOT;
	iommufd_payer_uncharge(umem->payer, umem->mode,
			       umem_unpin_chunk(umem, chunk));
	return;
slow:
	iommufd_umem_unpin(umem, first, last);
}

/**
 * iommufd_umem_split() - let a pinned range be unpinned in two parts
 * @umem: umem
 * @index: index of the first page of the second part
 *
 * Afterwards a caller that pinned [first, last] may unpin [first, index - 1]
 * and [index, last].
 *
 * Return: 0, -ENOMEM, -EINTR when killed.
 */
int iommufd_umem_split(struct iommufd_umem *umem, unsigned long index)
{
	struct umem_chunk *spare = NULL, *chunk;
	int rc = 0;

	if (fatal_signal_pending(current))
		return -EINTR;
	spin_lock(&umem->lock);
	while (!rc && (chunk = umem_first_chunk(umem, index, index)) &&
	       umem_chunk_first(chunk) != index)
		rc = umem_split_chunk(umem, chunk, index, &spare);
	spin_unlock(&umem->lock);
	kfree(spare);
	return rc;
}

/**
 * iommufd_umem_leak() - never unpin a page of this umem again
 * @umem: umem of which an IO page could not be unmapped
 *
 * It is better to lose the pages for good than to let the kernel reuse them
 * while a device can write to them.
 */
void iommufd_umem_leak(struct iommufd_umem *umem)
{
	spin_lock(&umem->lock);
	umem->flags |= UMEM_LEAKED;
	spin_unlock(&umem->lock);
}

/* Runs of a chunk that have pages in the range, without those that go on. */
static unsigned long umem_count_chunk(const struct umem_chunk *chunk,
				      unsigned long first, unsigned long last,
				      unsigned long *next_pfn)
{
	const struct pfn_run *runs = umem_chunk_runs(chunk);
	unsigned int from, to;
	bool goes_on;

	if (chunk->users == BEING_PINNED) {
		*next_pfn = 0;
		return 0;
	}
	last = min(last, chunk->last);
	from = umem_chunk_find(chunk, max(first, umem_chunk_first(chunk)));
	to = umem_chunk_find(chunk, last);
	goes_on = umem_chunk_first(chunk) <= first &&
		  pfn_run_pfn(&runs[from], first) == *next_pfn;
	*next_pfn = pfn_run_pfn(&runs[to], last) + 1;
	return to - from + !goes_on;
}

/**
 * iommufd_umem_count_runs() - count the runs of the pages that are pinned
 * @umem: umem
 * @first: index of the first page
 * @last: index of the last page
 *
 * Context: may sleep; drops the lock now and then, so if other threads pin or
 * unpin meanwhile the number is that of no moment.
 * Return: number of physically contiguous runs, 0 if no page is pinned.
 */
unsigned long iommufd_umem_count_runs(struct iommufd_umem *umem,
				      unsigned long first, unsigned long last)
{
	unsigned long runs = 0, next_pfn = 0;
	struct umem_chunk *chunk;
	unsigned int n;

	do {
		spin_lock(&umem->lock);
		chunk = umem_first_chunk(umem, first, last);
		for (n = 0; n < CHUNKS_AT_ONCE && chunk; n++) {
			runs += umem_count_chunk(chunk, first, last, &next_pfn);
			if (chunk->last >= last) {
				chunk = NULL;
				break;
			}
			first = chunk->last + 1;
			chunk = umem_chunk_next(chunk, last);
		}
		spin_unlock(&umem->lock);
		cond_resched();
	} while (chunk && !fatal_signal_pending(current));
	return runs;
}

/**
 * iommufd_umem_run() - look at pages that may be pinned
 * @umem: umem
 * @index: index of the first page
 * @last: index of the last page that matters, not below @index
 * @pfn: receives the frame of the first page
 *
 * Another user may unpin the pages at once.
 *
 * Return: number of pages up to @last that are pinned, and contiguous with the
 * first; there may be more. 0 if that is not pinned, or not yet.
 */
unsigned long iommufd_umem_run(struct iommufd_umem *umem, unsigned long index,
			       unsigned long last, unsigned long *pfn)
{
	struct umem_chunk *chunk;
	unsigned long npages = 0;
	unsigned int i;

	spin_lock(&umem->lock);
	chunk = umem_first_chunk(umem, index, index);
	if (chunk && chunk->users != BEING_PINNED) {
		const struct pfn_run *runs = umem_chunk_runs(chunk);

		i = umem_chunk_find(chunk, index);
		*pfn = pfn_run_pfn(&runs[i], index);
		npages = min(last, pfn_run_last(runs, chunk->nr_runs, i,
						chunk->last)) -
			 index + 1;
	}
	spin_unlock(&umem->lock);
	return npages;
}

/**
 * __iommufd_umem_pfn() - get the frame of a page if it is pinned
 * @umem: umem; the caller holds its lock
 * @index: index of the page
 * @pfn: receives the frame, which stays pinned while the lock is held
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
		&umem_chunk_runs(chunk)[umem_chunk_find(chunk, index)], index);
	return true;
}

/**
 * iommufd_umem_walk() - go to a page and read runs from there
 * @walk: position; the caller has set its @umem
 * @index: index of a page that the caller has pinned
 *
 * Another thread may split a chunk of which the caller is a user, but the runs
 * are neither freed nor changed, so reading them needs no lock. Only finding
 * the next chunk goes through the tree.
 */
void iommufd_umem_walk(struct umem_walk *walk, unsigned long index)
{
	struct iommufd_umem *umem = walk->umem;
	struct umem_chunk *chunk;

	spin_lock(&umem->lock);
	chunk = umem_first_chunk(umem, index, index);
	walk->runs = umem_chunk_runs(chunk);
	walk->nr_runs = chunk->nr_runs;
	walk->last = chunk->last;
	spin_unlock(&umem->lock);
	walk->run = walk->runs->index == index ?
			    0 :
			    pfn_runs_find(walk->runs, walk->nr_runs, index);
}
