/* SPDX-License-Identifier: GPL-2.0 */
/* What debugfs tells of the addresses of an IOAS */
#ifndef IOMMUFD_TOOL_AREAS_H
#define IOMMUFD_TOOL_AREAS_H

#include "ctx.h"

/* What a range of addresses is */
enum range_kind {
	RANGE_RESERVED,
	RANGE_ALLOWED,
	RANGE_AREA,
};

/**
 * struct range - a range of addresses
 * @kind: what it is
 * @start: first address
 * @last: last address
 * @runs: physically contiguous runs of an area; 0 if it is not pinned
 * @age: ms since it was mapped; UNKNOWN if the kernel does not tell
 * @flags: letters: r(ead), w(rite), p(inned); f(ile), b(ar), d(ma-buf);
 *         c(hanging); or a hyphen
 */
struct range {
	enum range_kind kind;
	u64 start;
	u64 last;
	u64 runs;
	u64 age;
	char flags[8];
};

/**
 * typedef areas_visit - called for each range, in the order of the file
 * @range: the range
 * @data: of the caller
 */
typedef void areas_visit(const struct range *range, void *data);

int areas_find(const struct ctx_list *list, const struct ctx *ctx,
	       char *directory, size_t size);
int areas_ioases(const char *directory, struct names *ids);
int areas_read(const char *directory, const char *ioas, areas_visit *visit,
	       void *data);

u64 range_bytes(const struct range *range);

#endif
