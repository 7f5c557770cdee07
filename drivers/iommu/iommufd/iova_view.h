/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_VIEW_H
#define _IOMMUFD_IOVA_VIEW_H

#include <linux/types.h>

struct iova_space;

/* Letters of iova_view.flags and the NUL */
#define IOVA_VIEW_FLAGS 8

/**
 * struct iova_view - what can be said about an area
 * @start: first IOVA
 * @last: last IOVA
 * @runs: physically contiguous runs of its memory, 0 if that is not pinned
 * @age_ms: time since its MAP or COPY, in milliseconds
 * @flags: letters: r and w for the rights of devices; p if a page table or an
 *         access has the memory pinned; f, b, d if it is a file, a BAR or a
 *         dma-buf; c while it is made or removed. "-" if there is none.
 */
struct iova_view {
	unsigned long start;
	unsigned long last;
	unsigned long runs;
	unsigned long age_ms;
	char flags[IOVA_VIEW_FLAGS];
};

unsigned int iova_space_view(struct iova_space *space, unsigned long from,
			     struct iova_view *views, unsigned int room);
unsigned long iova_space_count_areas(const struct iova_space *space);

#endif
