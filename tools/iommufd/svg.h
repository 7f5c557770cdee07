/* SPDX-License-Identifier: GPL-2.0 */
/* Pictures of address spaces in a file */
#ifndef IOMMUFD_TOOL_SVG_H
#define IOMMUFD_TOOL_SVG_H

#include <stdio.h>

#include "layout.h"

/* So many cells are beside each other. */
#define SVG_CELLS	320

/**
 * struct svg - a picture that is being written
 * @file: where to
 * @y: where the next row begins
 */
struct svg {
	FILE *file;
	double y;
};

void svg_begin(struct svg *svg, size_t rows);
void svg_row(struct svg *svg, const struct ctx *ctx, const char *ioas,
	     const struct layout *layout);
void svg_end(struct svg *svg);

#endif
