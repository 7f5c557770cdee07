// SPDX-License-Identifier: GPL-2.0
/*
 * Page frames of pinned memory, as sorted arrays of (first page, first frame).
 * Pure computation: no locks, no allocation, no mm. tools/testing/unit builds
 * this file in user space.
 */
#include "pfn_runs.h"

/**
 * pfn_runs_find() - find the run that holds a page
 * @runs: array of at least one run
 * @nr: number of runs
 * @index: index of the page, at least that of the first run
 *
 * Return: position of the run in the array. Takes O(log @nr).
 */
unsigned int pfn_runs_find(const struct pfn_run *runs, unsigned int nr,
			   unsigned long index)
{
	const struct pfn_run *low = runs;

	/* One of the @nr runs from @low on has the page. */
	while (nr > 1) {
		unsigned int half = nr / 2;

		if (low[half].index <= index)
			low += half;
		nr -= half;
	}
	return low - runs;
}

/**
 * pfn_runs_tail() - copy the runs from a page on
 * @runs: array of at least one run
 * @nr: number of runs
 * @pos: position of the run that holds the page
 * @index: index of the page
 * @tail: receives @nr - @pos runs
 *
 * The first copy begins at @index even if its run begins earlier in @runs.
 *
 * Return: number of runs in @tail.
 */
unsigned int pfn_runs_tail(const struct pfn_run *runs, unsigned int nr,
			   unsigned int pos, unsigned long index,
			   struct pfn_run *tail)
{
	unsigned int i;

	tail[0].index = index;
	tail[0].pfn = pfn_run_pfn(&runs[pos], index);
	for (i = pos + 1; i < nr; i++)
		tail[i - pos] = runs[i];
	return nr - pos;
}
