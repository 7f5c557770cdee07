// SPDX-License-Identifier: GPL-2.0
/*
 * Pictures of address spaces in a file
 *
 * A row is an IOAS. It has two bands: the upper one is coloured by the size of
 * the physical runs, so that fragmentation is seen; the lower one by age. How
 * high a cell is filled is how much of it is mapped.
 */
#include "svg.h"

#define LEFT		16.0
#define CELL		3.0
#define BAND		36.0
#define ROW		150.0
#define LEGEND		70.0

/* A class of cells: at least so many bytes of a run, or ms of age */
struct shade {
	double from;
	const char *colour;
	const char *text;
};

static const struct shade run_shades[] = {
	{ 1 << 30, "#1b7837", "runs of 1 GiB" },
	{ 2 << 20, "#5aae61", "2 MiB" },
	{ 64 << 10, "#f1a340", "64 KiB" },
	{ 1, "#d73027", "less" },
	{ 0, "#9e9e9e", "not pinned" },
};

static const struct shade age_shades[] = {
	{ 3600e3, "#08306b", "mapped 1 h ago" },
	{ 60e3, "#2171b5", "1 min" },
	{ 1e3, "#6baed6", "1 s" },
	{ 0, "#c6dbef", "less" },
	{ -1, "#e0e0e0", "not known" },
};

static const struct shade *shade_of(const struct shade *shades, double value)
{
	while (value < shades->from)
		shades++;
	return shades;
}

static void put_text(struct svg *svg, double x, double y, const char *s)
{
	fprintf(svg->file, "<text x=\"%.0f\" y=\"%.0f\">", x, y);
	for (; *s; s++) {
		if (*s == '&' || *s == '<' || *s == '>' || *s == '"')
			fprintf(svg->file, "&#%d;", *s);
		else
			fputc(*s >= ' ' && *s < 0x7f ? *s : '?', svg->file);
	}
	fputs("</text>\n", svg->file);
}

static void box(struct svg *svg, double x, double y, double width,
		double height, const char *fill)
{
	fprintf(svg->file,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
		x, y, width, height, fill);
}

static double legend(struct svg *svg, double x, double y,
		     const struct shade *shades)
{
	for (size_t i = 0; i < 5; i++) {
		box(svg, x, y - 10, 12, 12, shades[i].colour);
		put_text(svg, x + 16, y, shades[i].text);
		x += 130;
	}
	return x;
}

/**
 * svg_begin() - start a picture
 * @svg: with the file set
 * @rows: how many rows it will have
 */
void svg_begin(struct svg *svg, size_t rows)
{
	double width = 2 * LEFT + SVG_CELLS * CELL;
	double x;

	fprintf(svg->file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" font-size=\"12\">\n"
		"<defs><pattern id=\"reserved\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 6L6 0\" stroke=\"#555\"/></pattern></defs>\n",
		width, rows * ROW + LEGEND);
	box(svg, 0, 0, width, rows * ROW + LEGEND, "white");
	x = legend(svg, LEFT, 22, run_shades);
	box(svg, x, 12, 12, 12, "url(#reserved)");
	put_text(svg, x + 16, 22, "reserved");
	x = legend(svg, LEFT, 44, age_shades);
	box(svg, x, 34, 12, 12, "#f5f5f5");
	put_text(svg, x + 16, 44, "allowed, not mapped");
	svg->y = LEGEND;
}

static void draw_cell(struct svg *svg, double x, const struct cell *cell)
{
	const char *by_run = shade_of(run_shades, cell_mean_run(cell))->colour;
	const char *by_age = shade_of(age_shades, cell_mean_age(cell))->colour;
	double height = cell_filled(cell) * BAND;
	double y = svg->y + 24;

	if (cell->gap) {
		put_text(svg, x, y + BAND / 2, ":");
		return;
	}
	box(svg, x, y, CELL, 2 * BAND + 6, "#f5f5f5");
	if (cell->reserved > 0)
		box(svg, x, y, CELL, 2 * BAND + 6, "url(#reserved)");
	if (cell->mapped <= 0)
		return;
	if (height < 1)
		height = 1;
	box(svg, x, y + BAND - height, CELL, height, by_run);
	box(svg, x, y + 2 * BAND + 6 - height, CELL, height, by_age);
}

static void draw_addresses(struct svg *svg, const struct layout *layout)
{
	double y = svg->y + 24 + 2 * BAND + 22, x = LEFT, free_from = 0;
	double rightmost = LEFT + SVG_CELLS * CELL - 110;
	char address[24];

	for (size_t i = 0; i < layout->count; i++, x += CELL) {
		if (layout->cell[i].gap ||
		    (i && !layout->cell[i - 1].gap) || free_from > x ||
		    free_from > rightmost)
			continue;
		snprintf(address, sizeof(address), "0x%llx",
			 layout->cell[i].start);
		put_text(svg, x < rightmost ? x : rightmost, y, address);
		free_from = x + 120;
	}
}

/**
 * svg_row() - draw an IOAS
 * @svg: the picture
 * @ctx: context of the IOAS
 * @ioas: its id
 * @layout: what it has
 */
void svg_row(struct svg *svg, const struct ctx *ctx, const char *ioas,
	     const struct layout *layout)
{
	char title[256];

	snprintf(title, sizeof(title), "process %u (%s), fd %u, IOAS %s",
		 ctx->process.pid, ctx->process.comm, ctx->fd, ioas);
	put_text(svg, LEFT, svg->y + 14, title);
	for (size_t i = 0; i < layout->count; i++)
		draw_cell(svg, LEFT + i * CELL, &layout->cell[i]);
	draw_addresses(svg, layout);
	svg->y += ROW;
}

void svg_end(struct svg *svg)
{
	fputs("</svg>\n", svg->file);
}
