/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose page frames are in a known order, and what order they have.
 */
#ifndef SELFTEST_LIB_MEM_FRAMES_H
#define SELFTEST_LIB_MEM_FRAMES_H

#include <stddef.h>

/*
 * Neighbours alternate with pages that are not: of shared memory in single
 * pages, or of huge pages, which makes it certain.
 */
void *mem_scattered(size_t pages);
void *mem_shuffled_thp(size_t length);
/*
 * As mem_scattered(), but the pages are only read: they are clean, and can be
 * written to without a fault that would make them dirty.
 */
void *mem_scattered_clean(size_t pages);

/*
 * How many runs of contiguous frames these present pages have; 0 when the
 * kernel does not tell.
 */
size_t mem_runs(const void *mem, size_t pages);

/* How many of these present pages are dirty; -1 when the kernel does not tell. */
int mem_dirty(const void *mem, size_t pages);

#endif
