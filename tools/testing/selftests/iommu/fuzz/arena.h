/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory that programs map: pages of several kinds, always at the same
 * address. Each page has a generation that changes when another page takes its
 * place, and 0 when there is none: that tells what a pin holds.
 */
#ifndef FUZZ_ARENA_H
#define FUZZ_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#include "mem.h"

#define ARENA_PAGES	1536UL
/* Those in front are small pages; huge ones are behind, from 2 MiB on. */
#define ARENA_SMALL	256UL
#define ARENA_HUGE	512UL
#define ARENA_BYTES	(ARENA_PAGES * PAGE)
#define ARENA_START	0x200000000UL
#define ARENA_STRIDE	(16UL << 20)	/* from one thread's to the next's */
/* Nothing is ever mapped from here on for so many bytes. */
#define NOWHERE_START	0x600000000UL
#define NOWHERE_BYTES	(4UL << 30)

struct arena_page {
	uint32_t gen;
	bool readable;
	bool writable;
	bool shared;	/* a child has the same page */
};

struct arena {
	uint8_t *start;
	uint32_t last_gen;
	struct arena_page pages[ARENA_PAGES];
};

bool arena_make(struct arena *arena, unsigned int nth);
/* The page at an address, NULL outside. */
struct arena_page *arena_at(struct arena *arena, uint64_t va);
/*
 * Put a new page where one of the anonymous ones is, or take it away. Returns
 * false if the kernel refuses.
 */
bool arena_remap(struct arena *arena, unsigned int index, bool there);
/* A number below this is the index of a page arena_remap() accepts. */
#define ARENA_ANON_PAGES	64U

/* Where a struct can be read but not written, and where not even that */
void *arena_read_only_page(void);
void *arena_no_page(void);

#endif
