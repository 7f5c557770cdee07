/* SPDX-License-Identifier: GPL-2.0 */
/* Memory with page frames in a known order, and functions that read the order */
#ifndef SELFTEST_LIB_MEM_FRAMES_H
#define SELFTEST_LIB_MEM_FRAMES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Memory of short runs of pages. mem_scattered() is shared memory, whose pages
 * the kernel may allocate in any order; mem_shuffled_thp() consists of parts of
 * huge pages, so the runs are certain.
 */
void *mem_scattered(size_t pages);
void *mem_shuffled_thp(size_t length);
/*
 * As mem_scattered(), but the pages have only been read: they are clean, and
 * the page tables allow writes without a fault that would make them dirty.
 */
void *mem_scattered_clean(size_t pages);

/*
 * The number of runs of contiguous frames in present pages; 0 if the kernel
 * hides the frames.
 */
size_t mem_runs(const void *mem, size_t pages);

/* The number of dirty pages among present pages; -1 if the kernel hides it */
int mem_dirty(const void *mem, size_t pages);

/* One zone: its node and frames, and how many of these the kernel manages */
struct frame_zone {
	int node;
	uint64_t start;
	uint64_t spanned;
	uint64_t managed;
};

/* The zones for movable pages that have any; the number of them is returned. */
size_t movable_zones(struct frame_zone *zones, size_t max);

/*
 * The number of present pages that are in ZONE_MOVABLE; -1 if the kernel hides
 * it
 */
int mem_movable(const void *mem, size_t pages);

#endif
