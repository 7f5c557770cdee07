/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_DIRTY_BISECT_H
#define _IOMMUFD_DIRTY_BISECT_H

#include <linux/types.h>

/**
 * struct dirty_span - the least range that has all dirty IO pages of another
 * @start: first IOVA; an IO page begins there, unless the other range begins
 *         there; ULONG_MAX if no IO page is dirty
 * @last: last IOVA; may lie behind the other range
 */
struct dirty_span {
	unsigned long start;
	unsigned long last;
};

/**
 * struct dirty_walker - a page table that does not say where it is dirty
 * @granule: bytes of the smallest IO page
 * @block: look at no more bytes at once, a power of two
 * @gather: find the span of the dirty IO pages of a range. With @clear they
 *          become clean. Steps from IO page to IO page, beginning at @iova: if
 *          that is inside of an IO page, each step ends inside of one.
 * @add: takes each dirty IO page, or the part of it that is in the range
 *
 * Return of @gather: 0 or errno.
 */
struct dirty_walker {
	unsigned long granule;
	unsigned long block;
	int (*gather)(struct dirty_walker *walker, unsigned long iova,
		      unsigned long length, bool clear,
		      struct dirty_span *span);
	void (*add)(struct dirty_walker *walker, unsigned long start,
		    unsigned long last);
};

int dirty_bisect_read(struct dirty_walker *walker, unsigned long start,
		      unsigned long last);
int dirty_bisect_clear(struct dirty_walker *walker, unsigned long start,
		       unsigned long last, unsigned long from);

#endif
