// SPDX-License-Identifier: GPL-2.0
/*
 * The address space of an IOAS, divided into the cells of a picture
 *
 * An address space is so large that most of it cannot be drawn: 256 TiB of
 * which a few GiB are mapped. So what is mapped or reserved is gathered into
 * at most LAYOUT_PIECES pieces, whose scale is the same, and the addresses
 * between these become a mark. The ranges are read twice, first for the pieces
 * and then for the cells, so that their number costs no memory.
 */
#include <stdlib.h>
#include <string.h>

#include "layout.h"

#define SMALLEST_GAP	(64ULL << 10)
/* A larger reserved range is the end of the space; it is not drawn. */
#define LARGEST_RESERVED (1ULL << 36)

static void remove_piece(struct layout *layout, size_t at)
{
	layout->pieces--;
	memmove(&layout->piece[at], &layout->piece[at + 1],
		(layout->pieces - at) * sizeof(*layout->piece));
}

/* Join all pieces that no gap larger than the largest one separates. */
static void join_pieces(struct layout *layout)
{
	for (size_t i = 0; i + 1 < layout->pieces;) {
		struct piece *a = &layout->piece[i], *b = a + 1;

		if (b->start > a->last &&
		    b->start - a->last - 1 > layout->largest_gap) {
			i++;
			continue;
		}
		if (b->last > a->last)
			a->last = b->last;
		remove_piece(layout, i + 1);
	}
}

static void add_piece(struct layout *layout, u64 start, u64 last)
{
	size_t at = layout->pieces;

	while (at && layout->piece[at - 1].start > start)
		at--;
	memmove(&layout->piece[at + 1], &layout->piece[at],
		(layout->pieces - at) * sizeof(*layout->piece));
	layout->piece[at] = (struct piece){ .start = start, .last = last };
	layout->pieces++;
	join_pieces(layout);
	while (layout->pieces > LAYOUT_PIECES) {
		layout->largest_gap *= 2;
		join_pieces(layout);
	}
}

static void gather(const struct range *range, void *data)
{
	if (range->kind == RANGE_AREA ||
	    (range->kind == RANGE_RESERVED &&
	     range_bytes(range) < LARGEST_RESERVED))
		add_piece(data, range->start, range->last);
}

static u64 piece_bytes(const struct piece *piece)
{
	u64 bytes = piece->last - piece->start + 1;

	return bytes ? bytes : UNKNOWN;
}

static double drawn_bytes(const struct layout *layout)
{
	double bytes = 0;

	for (size_t i = 0; i < layout->pieces; i++)
		bytes += piece_bytes(&layout->piece[i]);
	return bytes;
}

/* What is small next to the whole picture need not be a gap. */
static void close_small_gaps(struct layout *layout)
{
	double small = drawn_bytes(layout) / LAYOUT_PIECES;

	if (small > layout->largest_gap && small < 1e18)
		layout->largest_gap = small;
	join_pieces(layout);
}

static void add_cells(struct layout *layout, const struct piece *piece,
		      size_t count)
{
	u64 bytes = piece_bytes(piece), step, start = piece->start;

	if (count > bytes)
		count = bytes;
	step = bytes / count;
	for (size_t i = 0; i < count; i++) {
		struct cell *cell = &layout->cell[layout->count++];

		cell->start = start;
		cell->last = i + 1 < count ? start + step - 1 : piece->last;
		start = cell->last + 1;
	}
}

/* Each piece has a cell at least, and one more for each share of the rest. */
static void divide(struct layout *layout, size_t width)
{
	size_t marks = layout->pieces ? layout->pieces - 1 : 0;
	size_t rest = width > layout->pieces + marks ?
			      width - layout->pieces - marks :
			      0;
	double all = drawn_bytes(layout);

	layout->cell = xalloc((layout->pieces + marks + rest + 1) *
			      sizeof(*layout->cell));
	for (size_t i = 0; i < layout->pieces; i++) {
		if (i)
			layout->cell[layout->count++].gap = true;
		add_cells(layout, &layout->piece[i],
			  1 + rest * (piece_bytes(&layout->piece[i]) / all));
	}
}

/* The first cell that has addresses behind @start, or the number of cells */
static size_t first_cell(const struct layout *layout, u64 start)
{
	size_t low = 0, high = layout->count;

	while (low < high) {
		size_t middle = (low + high) / 2, look = middle;

		/* A mark has no addresses; those of the next cell count. */
		if (layout->cell[look].gap)
			look++;
		if (layout->cell[look].last < start)
			low = look + 1;
		else
			high = middle;
	}
	return low;
}

static void fill_cell(struct cell *cell, const struct range *range)
{
	u64 start = range->start > cell->start ? range->start : cell->start;
	u64 last = range->last < cell->last ? range->last : cell->last;
	double bytes = (double)(last - start) + 1;

	if (range->kind == RANGE_RESERVED) {
		cell->reserved += bytes;
		return;
	}
	cell->mapped += bytes;
	if (range->runs) {
		cell->pinned += bytes;
		cell->runs += range->runs * (bytes / range_bytes(range));
	}
	if (range->age != UNKNOWN) {
		cell->aged += bytes;
		cell->age += bytes * range->age;
	}
}

static void fill(const struct range *range, void *data)
{
	struct layout *layout = data;

	if (range->kind == RANGE_ALLOWED)
		return;
	for (size_t i = first_cell(layout, range->start); i < layout->count;
	     i++) {
		struct cell *cell = &layout->cell[i];

		if (cell->gap)
			continue;
		if (cell->start > range->last)
			break;
		fill_cell(cell, range);
	}
}

/**
 * layout_make() - divide the address space of an IOAS
 * @layout: filled; free it with layout_free()
 * @directory: of the context in debugfs
 * @ioas: id of the IOAS
 * @width: number of cells, which is exceeded only if it is tiny
 *
 * Return: 0 or a negative errno.
 */
int layout_make(struct layout *layout, const char *directory, const char *ioas,
		size_t width)
{
	int rc;

	*layout = (struct layout){ .largest_gap = SMALLEST_GAP };
	rc = areas_read(directory, ioas, gather, layout);
	if (rc)
		return rc;
	close_small_gaps(layout);
	divide(layout, width);
	return areas_read(directory, ioas, fill, layout);
}

void layout_free(struct layout *layout)
{
	free(layout->cell);
	layout->cell = NULL;
}

/* The part of the cell that is mapped, from 0 to 1 */
double cell_filled(const struct cell *cell)
{
	double part = cell->mapped / ((double)(cell->last - cell->start) + 1);

	return part > 1 ? 1 : part;
}

/* Mean bytes of a run, 0 if nothing is pinned */
double cell_mean_run(const struct cell *cell)
{
	return cell->runs > 0 ? cell->pinned / cell->runs : 0;
}

/* Mean age in ms, -1 if it is not known */
double cell_mean_age(const struct cell *cell)
{
	return cell->aged > 0 ? cell->age / cell->aged : -1;
}
