/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory that programs map: pages of several kinds, always at the same
 * address. The generation of a page changes when another page takes its place,
 * and is 0 without a page. It tells whether a pin still has the page at an
 * address.
 */
#ifndef FUZZ_ARENA_H
#define FUZZ_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem.h"

#define ARENA_PAGES	1536UL
/* Small pages first, huge pages from 2 MiB on */
#define ARENA_SMALL	256UL
#define ARENA_HUGE	512UL
/* Between them: the BAR of a device, if there is one */
#define ARENA_BAR	ARENA_SMALL
#define ARENA_BAR_PAGES	(ARENA_HUGE - ARENA_BAR)
#define ARENA_BYTES	(ARENA_PAGES * PAGE)
#define ARENA_START	0x200000000UL
#define ARENA_STRIDE	(16UL << 20)	/* between the arenas of two threads */
/* A range in which nothing is ever mapped */
#define NOWHERE_START	0x600000000UL
#define NOWHERE_BYTES	(4UL << 30)

struct arena_page {
	uint32_t gen;
	bool readable;
	bool writable;
	bool shared;	/* a child has the same page */
	bool device;	/* of the BAR: neither readable nor writable by pins */
};

struct arena {
	uint8_t *start;
	int file;		/* the pages of arena_file are at their offset */
	uint32_t last_gen;
	bool bar_is_off;	/* memory decoding is switched off */
	struct arena_page pages[ARENA_PAGES];
};

/* Where the file of the arena is mapped; its pages are always there. */
struct arena_range { uint64_t start, length; };
extern const struct arena_range arena_file;

/*
 * The device with the BAR, bound to an iommufd that no program uses; -1 if there
 * is none. All arenas of a process have the same.
 */
extern int arena_bar;

bool arena_make(struct arena *arena, unsigned int nth);
/* The page at an address, NULL outside. */
struct arena_page *arena_at(struct arena *arena, uint64_t va);
/*
 * Replace an anonymous page by a new one, or unmap it. Returns false if the
 * kernel refuses.
 */
bool arena_remap(struct arena *arena, unsigned int index, bool there);
/* arena_remap() accepts an index below this. */
#define ARENA_ANON_PAGES	64U

/*
 * For structs: a page for the caller to make read-only, and an address without
 * one
 */
void *arena_read_only_page(void);
void *arena_no_page(void);
/* An address with @bytes of memory, at most a page, and none behind them */
void *arena_last_bytes(size_t bytes);

#endif
