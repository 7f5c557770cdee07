/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_PFN_RUNS_H
#define _IOMMUFD_PFN_RUNS_H

#include <linux/types.h>

/**
 * struct pfn_run - physically contiguous pages of a umem
 * @index: index of the run's first page in the umem
 * @pfn: page frame number of that page
 *
 * An array of runs is sorted by @index and has no holes. So a run ends where
 * the next one begins; the owner of the array knows where the last one ends.
 */
struct pfn_run {
	unsigned long index;
	unsigned long pfn;
};

unsigned int pfn_runs_find(const struct pfn_run *runs, unsigned int nr,
			   unsigned long index);
unsigned int pfn_runs_tail(const struct pfn_run *runs, unsigned int nr,
			   unsigned int pos, unsigned long index,
			   struct pfn_run *tail);

/* Return: index of the last page of run @i; @last is that of the last run. */
static inline unsigned long pfn_run_last(const struct pfn_run *runs,
					 unsigned int nr, unsigned int i,
					 unsigned long last)
{
	return i + 1 < nr ? runs[i + 1].index - 1 : last;
}

/* Return: frame of page @index, which is in @run or would continue it. */
static inline unsigned long pfn_run_pfn(const struct pfn_run *run,
					unsigned long index)
{
	return run->pfn + (index - run->index);
}

/**
 * pfn_runs_append() - append contiguous pages
 * @runs: array; its last page is @index - 1
 * @nr: number of runs in the array; updated
 * @room: number of runs that fit into the array
 * @index: index of the first new page
 * @pfn: frame of the first new page
 *
 * Pages that continue the last run join it. The number of new pages is not
 * needed: the index of the next run will tell.
 *
 * Return: false if a new run is needed and the array is full.
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
