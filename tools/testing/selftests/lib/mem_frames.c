// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kernel-page-flags.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem.h"
#include "mem_frames.h"

/* More nodes than any machine of the tests has */
#define MAX_ZONES 8

/*
 * The i-th entry is the page of the file (or of the huge page) that becomes the
 * i-th page of the memory. One to four neighbours form a group, and the groups
 * are in descending order.
 */
static size_t *scattered_order(size_t pages)
{
	size_t *order = calloc(pages, sizeof(*order));
	size_t done = 0, left = pages;

	if (!order)
		return NULL;
	for (size_t n = 1; left; n = n % 4 + 1) {
		if (n > left)
			n = left;
		for (size_t i = 0; i < n; i++)
			order[done++] = left - n + i;
		left -= n;
	}
	return order;
}

/* The number of pages, from the i-th, that are neighbours in @order */
static size_t neighbours(const size_t *order, size_t i, size_t pages)
{
	size_t n = 1;

	while (i + n < pages && order[i + n] == order[i] + n)
		n++;
	return n;
}

/* Fault in pages of a file: by reading, which leaves them clean, or by writing. */
static void touch_pages(volatile uint8_t *file, size_t pages, bool dirty)
{
	for (size_t i = 0; i < pages * PAGE; i += PAGE) {
		if (dirty)
			file[i] = 1;
		else
			(void)file[i];
	}
}

static void *mem_scattered_pages(size_t pages, bool dirty)
{
	size_t *order = scattered_order(pages);
	int fd = mem_fd("scattered", pages * PAGE, 0);
	uint8_t *mem = mem_reserve(pages * PAGE);
	uint8_t *file = fd >= 0 ? mem_file(fd, pages * PAGE,
					   PROT_READ | PROT_WRITE, MAP_SHARED) :
				  NULL;

	if (file)
		touch_pages(file, pages, dirty);
	for (size_t i = 0, n; mem && file && order && i < pages; i += n) {
		uint8_t *page = mem + i * PAGE;

		n = neighbours(order, i, pages);
		if (mmap(page, n * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
			 order[i] * PAGE) != page)
			mem = NULL;
	}
	if (file)
		munmap(file, pages * PAGE);
	close(fd);
	free(order);
	return order && file ? mem : NULL;
}

void *mem_scattered(size_t pages)
{
	return mem_scattered_pages(pages, true);
}

void *mem_scattered_clean(size_t pages)
{
	return mem_scattered_pages(pages, false);
}

void *mem_shuffled_thp(size_t length)
{
	size_t pages = length / PAGE, *order = scattered_order(HUGE / PAGE);
	uint8_t *thp = mem_thp(length);
	uint8_t *mem = mem_reserve(length);

	for (size_t i = 0, n; mem && thp && order && i < pages; i += n) {
		size_t huge = i * PAGE / HUGE * HUGE, in_huge = i % (HUGE / PAGE);
		uint8_t *to = mem + i * PAGE;
		uint8_t *from = thp + huge + order[in_huge] * PAGE;

		n = neighbours(order, in_huge, HUGE / PAGE);
		if (mremap(from, n * PAGE, n * PAGE,
			   MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
			mem = NULL;
	}
	if (thp)
		munmap(thp, length);
	free(order);
	return order && thp ? mem : NULL;
}

/* The page frame of a present page, or 0 if pagemap hides it */
static uint64_t page_frame(int pagemap, const void *page)
{
	off_t at = (uintptr_t)page / PAGE * sizeof(uint64_t);
	uint64_t entry;

	if (pread(pagemap, &entry, sizeof(entry), at) != sizeof(entry) ||
	    !(entry >> 63))
		return 0;
	return entry & ((1ULL << 55) - 1);
}

size_t mem_runs(const void *mem, size_t pages)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t last = 0;
	size_t runs = 0;

	for (size_t i = 0; i < pages; i++) {
		uint64_t pfn = page_frame(fd, mem + i * PAGE);

		if (!pfn) {
			runs = 0;
			break;
		}
		runs += pfn != last + 1;
		last = pfn;
	}
	close(fd);
	return runs;
}

int mem_dirty(const void *mem, size_t pages)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	int dirty = 0;

	for (size_t i = 0; i < pages && dirty >= 0; i++) {
		uint64_t pfn = page_frame(pagemap, mem + i * PAGE), flags;

		if (pfn && pread(kpageflags, &flags, sizeof(flags),
				 pfn * sizeof(flags)) == sizeof(flags))
			dirty += flags >> KPF_DIRTY & 1;
		else
			dirty = -1;
	}
	close(pagemap);
	close(kpageflags);
	return dirty;
}

size_t movable_zones(struct frame_zone *zones, size_t max)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	struct frame_zone zone = {};
	bool movable = false;
	char line[256];
	size_t nr = 0;

	while (f && nr < max && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d", &zone.node) == 1)
			movable = strstr(line, "Movable");
		if (!movable)
			continue;
		if (sscanf(line, " spanned %" SCNu64, &zone.spanned) == 1 ||
		    sscanf(line, " managed %" SCNu64, &zone.managed) == 1)
			continue;
		/* The last line of a zone that has pages */
		if (sscanf(line, " start_pfn: %" SCNu64, &zone.start) == 1)
			zones[nr++] = zone;
	}
	if (f)
		fclose(f);
	return nr;
}

int mem_movable(const void *mem, size_t pages)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	struct frame_zone zones[MAX_ZONES];
	size_t nr = movable_zones(zones, MAX_ZONES);
	int movable = 0;

	for (size_t i = 0; i < pages; i++) {
		uint64_t pfn = page_frame(pagemap, mem + i * PAGE);

		if (!pfn) {
			movable = -1;
			break;
		}
		for (size_t z = 0; z < nr; z++)
			movable += pfn - zones[z].start < zones[z].spanned;
	}
	close(pagemap);
	return movable;
}
