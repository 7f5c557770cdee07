// SPDX-License-Identifier: GPL-2.0
/*
 * Physical runs: which page frames a pinned memory has, as sorted arrays of
 * (first page, first frame). Pure computation: no locks, no allocation, no mm;
 * tools/testing/unit builds this file in user space.
 */
#include "pfn_runs.h"

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
bool pfn_runs_append(struct pfn_run *runs, unsigned int *nr, unsigned int room,
		     unsigned long index, unsigned long pfn)
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

/**
 * pfn_runs_find() - which run holds a page
 * @runs: array of at least one run
 * @nr: number of runs
 * @index: index of the page, not below the first run's
 *
 * Return: the position of the run in the array; O(log @nr).
 */
unsigned int pfn_runs_find(const struct pfn_run *runs, unsigned int nr,
			   unsigned long index)
{
	unsigned int low = 0, high = nr - 1;

	while (low < high) {
		unsigned int mid = low + (high - low + 1) / 2;

		if (runs[mid].index <= index)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/**
 * pfn_runs_tail() - copy the runs from a page on
 * @runs: array of at least one run
 * @nr: number of runs
 * @index: index of the first page wanted
 * @tail: receives the runs, or NULL to learn only how many there are
 *
 * The first copied run begins at @index even if it begins earlier in @runs.
 *
 * Return: number of runs from @index on.
 */
unsigned int pfn_runs_tail(const struct pfn_run *runs, unsigned int nr,
			   unsigned long index, struct pfn_run *tail)
{
	unsigned int first = pfn_runs_find(runs, nr, index);
	unsigned int i;

	if (!tail)
		return nr - first;

	tail[0].index = index;
	tail[0].pfn = pfn_run_pfn(&runs[first], index);
	for (i = first + 1; i < nr; i++)
		tail[i - first] = runs[i];
	return nr - first;
}
