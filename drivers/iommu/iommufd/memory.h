/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_MEMORY_H
#define _IOMMUFD_MEMORY_H

#include <linux/interval_tree.h>
#include <linux/mutex.h>
#include <linux/refcount.h>

#include "account.h"
#include "pfn_runs.h"

/**
 * struct pin_chunk - pinned neighbouring pages of a memory
 * @node: place in the memory's tree; start and last are page indices
 * @users: who needs these pages pinned; at least 1 while in the tree. User space
 *         drives it, by COPY and by pins of accesses, so it has 64 bits.
 * @nr_runs: number of @runs
 * @runs: which frames the pages have
 *
 * All members are guarded by the lock of the memory.
 */
struct pin_chunk {
	struct interval_tree_node node;
	unsigned long users;
	unsigned int nr_runs;
	struct pfn_run runs[];
};

/**
 * struct iommufd_memory - user memory that mappings refer to
 * @refs: one per area, and one while an access copies
 * @writable: pages are pinned for writing
 * @mode: which counter pays
 * @stuck: an IO page could not be taken away: never unpin again
 * @npages: number of pages
 * @uva: user address of the first page
 * @payer: whose memory it is
 * @lock: guards @chunks and @stuck; held while pages are pinned and while their
 *        runs are read
 * @chunks: what is pinned, disjoint, in order of the page index
 * @first_chunk: room for a chunk of one run; it must come last
 *
 * @writable, @mode, @npages, @uva and @payer are constant.
 */
struct iommufd_memory {
	refcount_t refs;
	bool writable;
	u8 mode;
	bool stuck;
	unsigned long npages;
	unsigned long uva;
	struct iommufd_payer *payer;
	struct mutex lock;
	struct rb_root_cached chunks;
	struct pin_chunk first_chunk;
};

void iommufd_memory_init(struct iommufd_memory *memory,
			 struct iommufd_payer *payer,
			 enum iommufd_account_mode mode, unsigned long uva,
			 unsigned long npages, bool writable);
bool iommufd_memory_put(struct iommufd_memory *memory);

/*
 * Where counts of 32 bits that user space drives stop: references to a memory,
 * pins of an area. Threads that look at the same time may overshoot, but there
 * are not 2^30 of them.
 */
#define IOMMUFD_MAX_USERS (1U << 30)
extern unsigned int iommufd_max_users;

static inline bool iommufd_may_count(unsigned int users)
{
	return users < READ_ONCE(iommufd_max_users);
}

/* False if there are too many references already. */
static inline bool iommufd_memory_get(struct iommufd_memory *memory)
{
	if (!iommufd_may_count(refcount_read(&memory->refs)))
		return false;
	refcount_inc(&memory->refs);
	return true;
}

int __iommufd_memory_pin(struct iommufd_memory *memory, unsigned long first,
			 unsigned long last);
int iommufd_memory_pin(struct iommufd_memory *memory, unsigned long first,
		       unsigned long last);
void iommufd_memory_unpin(struct iommufd_memory *memory, unsigned long first,
			  unsigned long last);
int iommufd_memory_split(struct iommufd_memory *memory, unsigned long index);
long iommufd_memory_gup(struct iommufd_memory *memory, unsigned long index,
			unsigned long npages, unsigned int gup_flags,
			struct page **pages);
void iommufd_memory_set_scratch(unsigned int bytes);
void iommufd_memory_set_max_users(unsigned int users);
void __iommufd_memory_keep(struct iommufd_memory *memory);

/* memory_access.c */
void iommufd_memory_pages(struct iommufd_memory *memory, unsigned long first,
			  unsigned long last, struct page **pages);
int iommufd_memory_rw(struct iommufd_memory *memory, unsigned long offset,
		      unsigned long length, bool write, void *data);

/**
 * struct memory_walk - a position in the runs of a memory
 * @chunk: chunk of the current run
 * @run: position of the run in it
 */
struct memory_walk {
	struct pin_chunk *chunk;
	unsigned int run;
};

bool iommufd_memory_walk(struct iommufd_memory *memory,
			 struct memory_walk *walk, unsigned long index);
void iommufd_memory_walk_chunk(struct memory_walk *walk);

/**
 * iommufd_memory_walk_pfns() - read a run and step to the next
 * @walk: position, at the run that holds @index
 * @index: index of a page
 * @pfn: frame of that page
 *
 * Return: number of contiguous pages from @index on. They may lie beyond what
 * the caller has pinned, but are pinned by somebody.
 */
static inline unsigned long iommufd_memory_walk_pfns(struct memory_walk *walk,
						     unsigned long index,
						     unsigned long *pfn)
{
	const struct pin_chunk *chunk = walk->chunk;
	unsigned long last = pfn_run_last(chunk->runs, chunk->nr_runs,
					  walk->run, chunk->node.last);

	*pfn = pfn_run_pfn(&chunk->runs[walk->run], index);
	if (++walk->run == chunk->nr_runs)
		iommufd_memory_walk_chunk(walk);
	return last - index + 1;
}

#endif
