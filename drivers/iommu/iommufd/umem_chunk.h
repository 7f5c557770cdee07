/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_CHUNK_H
#define _IOMMUFD_UMEM_CHUNK_H

#include <linux/rbtree.h>

#include "pfn_runs.h"

/**
 * struct umem_chunk - consecutive pages of a umem that are pinned
 * @rb: node in the tree of the umem
 * @last: index of the last page
 * @users: number of users that need these pages pinned, at least 1 while the
 *         chunk is in the tree. BEING_PINNED marks pages that a thread is still
 *         pinning; such a chunk has no frames.
 * @nr_runs: number of runs; with BEING_PINNED, 1 if other threads wait
 * @skip: number of @runs before those of the chunk; they went to a chunk of
 *        lower pages
 * @runs: page frames of the pages. The index of the first run after @skip is
 *        that of the first page, also with BEING_PINNED, so there is always room
 *        for one.
 *
 * The lock of the umem guards all members. @runs do not change while the chunk
 * has a user; a thread that has one for all of the pages may read them without
 * the lock, and after another thread has split the chunk.
 */
struct umem_chunk {
	struct rb_node rb;
	unsigned long last;
	unsigned int users;
	u16 nr_runs;
	u16 skip;
	struct pfn_run runs[];
};

static inline struct umem_chunk *to_umem_chunk(struct rb_node *rb)
{
	return rb_entry_safe(rb, struct umem_chunk, rb);
}

/* Return: the first of its runs. */
static inline const struct pfn_run *
umem_chunk_runs(const struct umem_chunk *chunk)
{
	return &chunk->runs[chunk->skip];
}

/* Return: index of the first page. */
static inline unsigned long umem_chunk_first(const struct umem_chunk *chunk)
{
	return umem_chunk_runs(chunk)->index;
}

/* Return: position of the run of a page of the chunk in umem_chunk_runs(). */
static inline unsigned int umem_chunk_find(const struct umem_chunk *chunk,
					   unsigned long index)
{
	return pfn_runs_find(umem_chunk_runs(chunk), chunk->nr_runs, index);
}

static inline unsigned long umem_chunk_npages(const struct umem_chunk *chunk)
{
	return chunk->last - umem_chunk_first(chunk) + 1;
}

struct umem_chunk *umem_chunks_first(const struct rb_root *chunks,
				     unsigned long first, unsigned long last);
void umem_chunks_insert(struct rb_root *chunks, struct umem_chunk *chunk);

/* The chunk behind @chunk, or NULL if all its pages are behind @last. */
static inline struct umem_chunk *umem_chunk_next(struct umem_chunk *chunk,
						 unsigned long last)
{
	chunk = to_umem_chunk(rb_next(&chunk->rb));
	return chunk && umem_chunk_first(chunk) <= last ? chunk : NULL;
}

#endif
