/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_PFN_RUNS_H
#define _IOMMUFD_PFN_RUNS_H

#include <linux/types.h>

/**
 * struct pfn_run - physically contiguous pages of a memory
 * @index: index in the memory of the run's first page
 * @pfn: page frame number of that page
 *
 * Runs are kept in arrays sorted by @index without holes, so a run ends where
 * the next one begins and the last one ends with the array's owner.
 */
struct pfn_run {
	unsigned long index;
	unsigned long pfn;
};

unsigned int pfn_runs_find(const struct pfn_run *runs, unsigned int nr,
			   unsigned long index);
unsigned int pfn_runs_tail(const struct pfn_run *runs, unsigned int nr,
			   unsigned long index, struct pfn_run *tail);

/* The index of the last page of run @i; @last is the array's last page. */
static inline unsigned long pfn_run_last(const struct pfn_run *runs,
					 unsigned int nr, unsigned int i,
					 unsigned long last)
{
	return i + 1 < nr ? runs[i + 1].index - 1 : last;
}

/* The frame of page @index, which lies in @run or would continue it. */
static inline unsigned long pfn_run_pfn(const struct pfn_run *run,
					unsigned long index)
{
	return run->pfn + (index - run->index);
}

/**
 * pfn_runs_append() - add the pages from @index on, which start at @pfn
 * @runs: array being filled; its pages end just before @index
 * @nr: number of runs in use; updated
 * @room: number of runs that fit into the array
 * @index: index of the first new page
 * @pfn: frame of the first new page
 *
 * The caller knows how many pages the new run has; the array learns it from
 * the index of the run that follows. Pages that continue the last run join it.
 *
 * Return: false when a new run is needed and the array is full.
 */
static inline bool pfn_runs_append(struct pfn_run *runs, unsigned int *nr,
				   unsigned int room, unsigned long index,
				   unsigned long pfn)
{
	if (*nr && pfn_run_pfn(&runs[*nr - 1], index) == pfn)
		return true;
	if (*nr == room)
		return false;
	runs[*nr].index = index;
	runs[*nr].pfn = pfn;
	++*nr;
	return true;
}

#endif
