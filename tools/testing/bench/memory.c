// SPDX-License-Identifier: GPL-2.0
/*
 * Memory to map, touched always in the same order, where it is touched. How contiguous
 * 4 KiB pages are depends on what the guest did before; pages touched in random
 * order are scattered in any case.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

static void *map_memory(size_t length, int flags, int fd)
{
	void *va = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (va == MAP_FAILED)
		err(1, "mmap of %zu MiB", length / MIB);
	return va;
}

/* @length bytes at a multiple of 2 MiB; the rest of the reservation stays unused. */
static void *map_anonymous(size_t length, int advice)
{
	char *va = map_memory(length + HUGE_PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	char *start = (char *)(((uintptr_t)va + HUGE_PAGE - 1) & -HUGE_PAGE);

	munmap(va, start - va);
	munmap(start + length, va + HUGE_PAGE - start);
	if (madvise(start, length, advice))
		err(1, "madvise");
	return start;
}

static void touch(char *va, size_t length, size_t step)
{
	for (size_t i = 0; i < length; i += step)
		va[i] = 1;
}

static void *create_anon_4k(size_t length)
{
	char *va = map_anonymous(length, MADV_NOHUGEPAGE);

	touch(va, length, PAGE);
	return va;
}

/* xorshift64; the seed makes the order, so it stays as it is. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void *create_random_4k(size_t length)
{
	char *va = map_anonymous(length, MADV_NOHUGEPAGE);
	size_t npages = length / PAGE;
	uint32_t *order = malloc(npages * sizeof(*order));
	uint64_t state = 88172645463325252UL;

	if (!order)
		err(1, "malloc");
	for (size_t i = 0; i < npages; i++)
		order[i] = i;
	for (size_t i = npages - 1; i > 0; i--) {
		size_t other = next_random(&state) % (i + 1);
		uint32_t page = order[i];

		order[i] = order[other];
		order[other] = page;
	}
	for (size_t i = 0; i < npages; i++)
		va[order[i] * PAGE] = 1;
	free(order);
	return va;
}

static void *create_untouched_4k(size_t length)
{
	return map_anonymous(length, MADV_NOHUGEPAGE);
}

static void *create_untouched_thp(size_t length)
{
	return map_anonymous(length, MADV_HUGEPAGE);
}

static void *create_thp(size_t length)
{
	uint64_t before = read_counter("/proc/meminfo", "AnonHugePages");
	char *va = map_anonymous(length, MADV_HUGEPAGE);
	uint64_t kib;

	touch(va, length, PAGE);
	kib = read_counter("/proc/meminfo", "AnonHugePages") - before;
	if (kib * 1024 < length)
		errx(1, "only %lu of %zu KiB are in huge pages", kib, length / 1024);
	return va;
}

static void set_pool(size_t pages)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", pages);
	write_file("/proc/sys/vm/nr_hugepages", text);
	if (read_counter("/proc/meminfo", "HugePages_Total") < pages)
		errx(1, "the kernel has no %zu huge pages; give the guest more memory", pages);
}

static void *create_untouched_hugetlb(size_t length)
{
	set_pool(length / HUGE_PAGE);
	return map_memory(length, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1);
}

static void *create_hugetlb(size_t length)
{
	void *va;

	set_pool(length / HUGE_PAGE);
	va = map_memory(length, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	touch(va, length, HUGE_PAGE);
	return va;
}

static void *map_memfd(size_t length, int *fd)
{
	*fd = memfd_create("bench", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, length))
		err(1, "memfd");
	return map_memory(length, MAP_SHARED, *fd);
}

static void *create_untouched_memfd(size_t length)
{
	int fd;
	void *va = map_memfd(length, &fd);

	close(fd);
	return va;
}

static void *create_memfd_4k(size_t length)
{
	void *va = create_untouched_memfd(length);

	touch(va, length, PAGE);
	return va;
}

const struct memory_kind anon_4k = { "anonymous 4K", create_anon_4k };
const struct memory_kind random_4k = { "random order", create_random_4k };
const struct memory_kind thp = { "THP", create_thp };
const struct memory_kind hugetlb = { "hugetlb 2M", create_hugetlb };
const struct memory_kind memfd_4k = { "memfd 4K", create_memfd_4k };
const struct memory_kind untouched_4k = { "untouched 4K", create_untouched_4k };
const struct memory_kind untouched_thp = { "untouched THP", create_untouched_thp };
const struct memory_kind untouched_memfd = { "untouched memfd", create_untouched_memfd };
const struct memory_kind untouched_hugetlb = { "untouched hugetlb", create_untouched_hugetlb };

/* As the kind memfd_4k, with the descriptor, which the caller closes. */
void *memory_create_memfd(size_t length, int *fd)
{
	void *va = map_memfd(length, fd);

	touch(va, length, PAGE);
	return va;
}

void *memory_create(const struct memory_kind *kind, size_t length)
{
	return kind->create(length);
}

void memory_destroy(const struct memory_kind *kind, void *va, size_t length)
{
	if (munmap(va, length))
		err(1, "munmap");
	if (kind == &hugetlb || kind == &untouched_hugetlb)
		set_pool(0);
}
