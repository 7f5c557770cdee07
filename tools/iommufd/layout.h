/* SPDX-License-Identifier: GPL-2.0 */
/* The address space of an IOAS, divided into the cells of a picture */
#ifndef IOMMUFD_TOOL_LAYOUT_H
#define IOMMUFD_TOOL_LAYOUT_H

#include "areas.h"

#define LAYOUT_PIECES	16

/**
 * struct cell - what is in one cell of a picture
 * @start: first address
 * @last: last address
 * @gap: only a mark for addresses that are left out; nothing below is set
 * @mapped: mapped bytes
 * @reserved: reserved bytes
 * @pinned: those of @mapped that are pinned
 * @runs: physically contiguous runs
 * @aged: those of @mapped whose age is known
 * @age: their age in ms, times their bytes
 */
struct cell {
	u64 start;
	u64 last;
	bool gap;
	double mapped;
	double reserved;
	double pinned;
	double runs;
	double aged;
	double age;
};

/**
 * struct piece - addresses that are drawn without a gap
 * @start: first address
 * @last: last address
 */
struct piece {
	u64 start;
	u64 last;
};

/**
 * struct layout - a picture of an IOAS
 * @cell: its cells
 * @count: how many
 * @piece: what is drawn, in the order of the addresses
 * @pieces: how many
 * @largest_gap: addresses between pieces that would be joined
 */
struct layout {
	struct cell *cell;
	size_t count;
	struct piece piece[LAYOUT_PIECES + 1];
	size_t pieces;
	u64 largest_gap;
};

int layout_make(struct layout *layout, const char *directory, const char *ioas,
		size_t width);
void layout_free(struct layout *layout);

double cell_filled(const struct cell *cell);
double cell_mean_run(const struct cell *cell);
double cell_mean_age(const struct cell *cell);

#endif
