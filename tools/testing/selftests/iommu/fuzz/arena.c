// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest.h>

#include "arena.h"
#include "vfio.h"

int arena_bar = -1;

enum kind {
	KIND_ANON,
	KIND_FILE_SHARED,
	KIND_FILE_SHARED_READ,
	KIND_FILE_PRIVATE,
	KIND_ANON_READ,
	KIND_NONE,
	KIND_HOLE,
	KIND_THP,
	KIND_HUGETLB,
	KIND_BAR,
};

#define FILE_FIRST	64
#define FILE_PAGES	32

/* Offsets in the file, and in the arena */
const struct arena_range arena_file = { FILE_FIRST * PAGE, FILE_PAGES * PAGE };

static const struct region {
	enum kind kind;
	unsigned int first, pages;
} regions[] = {
	{ KIND_ANON, 0, ARENA_ANON_PAGES },
	{ KIND_FILE_SHARED, FILE_FIRST, FILE_PAGES },
	{ KIND_ANON, 96, 32 },
	{ KIND_ANON_READ, 128, 16 },
	{ KIND_NONE, 144, 8 },
	{ KIND_ANON, 152, 8 },
	{ KIND_HOLE, 160, 8 },
	{ KIND_FILE_PRIVATE, 168, 24 },
	{ KIND_FILE_SHARED_READ, 192, 16 },
	{ KIND_ANON, 208, 48 },
	{ KIND_BAR, ARENA_BAR, ARENA_BAR_PAGES },
	{ KIND_THP, ARENA_HUGE, 512 },
	{ KIND_HUGETLB, ARENA_HUGE + 512, 512 },
};

/* Without a huge page, small ones are used. */
static bool region_make_huge(const struct region *region, uint8_t *va)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	int prot = PROT_READ | PROT_WRITE;

	if (region->kind == KIND_HUGETLB &&
	    mmap(va, HUGE, prot, flags | MAP_HUGETLB, -1, 0) == va) {
		*va = 1;
		return true;
	}
	if (mmap(va, HUGE, prot, flags, -1, 0) != va)
		return false;
	madvise(va, HUGE, MADV_HUGEPAGE);
	*va = 1;
	return true;
}

/* A program may have been killed while decoding was off. */
static bool region_make_bar(uint8_t *va, size_t length)
{
	struct vfio_region_info info;

	if (arena_bar < 0)
		return true;
	return !vfio_enable_memory(arena_bar, true) &&
	       !_test_vfio_region_info(arena_bar, VFIO_PCI_BAR0_REGION_INDEX,
				       &info) &&
	       mmap(va, length, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, arena_bar,
		    info.offset) == va;
}

static bool region_make(struct arena *arena, const struct region *region)
{
	uint8_t *va = arena->start + region->first * PAGE;
	size_t length = region->pages * PAGE;
	int anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	int fd = -1, flags = anon;
	off_t offset = 0;
	void *got;

	if (region->kind == KIND_HOLE)
		return true;
	if (region->kind == KIND_THP || region->kind == KIND_HUGETLB)
		return region_make_huge(region, va);
	if (region->kind == KIND_BAR)
		return region_make_bar(va, length);
	if (region->kind == KIND_FILE_SHARED ||
	    region->kind == KIND_FILE_SHARED_READ)
		flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
	if (region->kind == KIND_FILE_PRIVATE)
		flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
	/* The offset has the alignment of the address. */
	if (region->kind == KIND_FILE_SHARED)
		offset = region->first * PAGE;
	if (!(flags & MAP_ANONYMOUS))
		fd = mem_fd("arena", offset + length, 0);
	got = mmap(va, length, PROT_READ | PROT_WRITE, flags, fd, offset);
	if (region->kind == KIND_FILE_SHARED)
		arena->file = fd;
	else if (fd >= 0)
		close(fd);
	if (got != va)
		return false;
	madvise(va, length, MADV_NOHUGEPAGE);
	/* Private file pages stay untouched: the kernel copies them. */
	if (region->kind != KIND_FILE_PRIVATE)
		for (unsigned int i = 0; i < region->pages; i++)
			memset(va + i * PAGE, region->first + i, PAGE);
	if (region->kind == KIND_NONE)
		return !mprotect(va, length, PROT_NONE);
	if (region->kind == KIND_ANON_READ ||
	    region->kind == KIND_FILE_SHARED_READ)
		return !mprotect(va, length, PROT_READ);
	return true;
}

static void region_note(struct arena *arena, const struct region *region)
{
	for (unsigned int i = 0; i < region->pages; i++) {
		struct arena_page *page = &arena->pages[region->first + i];

		page->device = region->kind == KIND_BAR && arena_bar >= 0;
		page->readable = region->kind != KIND_NONE &&
				 region->kind != KIND_HOLE &&
				 region->kind != KIND_BAR;
		page->writable = page->readable &&
				 region->kind != KIND_ANON_READ &&
				 region->kind != KIND_FILE_SHARED_READ;
		page->shared = region->kind == KIND_FILE_SHARED ||
			       region->kind == KIND_FILE_SHARED_READ;
		page->gen = page->readable ? ++arena->last_gen : 0;
	}
}

bool arena_make(struct arena *arena, unsigned int nth)
{
	memset(arena, 0, sizeof(*arena));
	arena->start = (uint8_t *)(ARENA_START + nth * ARENA_STRIDE);
	for (unsigned int i = 0; i < ARRAY_SIZE(regions); i++) {
		if (!region_make(arena, &regions[i]))
			return false;
		region_note(arena, &regions[i]);
	}
	return true;
}

struct arena_page *arena_at(struct arena *arena, uint64_t va)
{
	uint64_t offset = va - (uintptr_t)arena->start;

	return offset < ARENA_BYTES ? &arena->pages[offset / PAGE] : NULL;
}

bool arena_remap(struct arena *arena, unsigned int index, bool there)
{
	struct arena_page *page = &arena->pages[index];
	uint8_t *va = arena->start + index * PAGE;

	if (there) {
		if (mmap(va, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != va)
			return false;
		madvise(va, PAGE, MADV_NOHUGEPAGE);
		memset(va, index ^ 0x5a, PAGE);
	} else if (munmap(va, PAGE)) {
		return false;
	}
	page->readable = there;
	page->writable = there;
	page->gen = there ? ++arena->last_gen : 0;
	return true;
}

void *arena_read_only_page(void)
{
	static __thread void *page;

	if (!page)
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page;
}

void *arena_no_page(void)
{
	return (void *)NOWHERE_START;
}

void *arena_last_bytes(size_t bytes)
{
	static __thread uint8_t *page;

	if (!page) {
		page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mprotect(page + PAGE, PAGE, PROT_NONE);
	}
	return page + PAGE - bytes;
}
