// SPDX-License-Identifier: GPL-2.0
/*
 * What 1 TiB in huge pages costs, simulated: one huge page of 2 MiB appears again and
 * again in a range of 64 GiB, and that range is mapped at IOVAs 16 times.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define PARTS		16
#define PART		(64 * GIB)
#define PART_PAGES	(PART / HUGE_PAGE)
#define PAGES		(PARTS * PART_PAGES)

/* Neighbours are the same page, so each is a run of its own. */
static char *create_part(void)
{
	int fd = memfd_create("tera", MFD_HUGETLB | MFD_CLOEXEC);
	char *va = mmap(NULL, PART + HUGE_PAGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	write_file("/proc/sys/vm/nr_hugepages", "1");
	write_file("/proc/sys/vm/max_map_count", "100000");
	if (fd < 0 || ftruncate(fd, HUGE_PAGE) || va == MAP_FAILED)
		err(1, "a huge page, and room for %lu", PART_PAGES);
	va = (char *)(((uintptr_t)va + HUGE_PAGE - 1) & -HUGE_PAGE);
	for (uint64_t done = 0; done < PART; done += HUGE_PAGE) {
		if (mmap(va + done, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 0) == MAP_FAILED)
			err(1, "mmap of the huge page");
		va[done] = 1;
	}
	close(fd);
	return va;
}

/* Map the part with the number @nr, in mappings of @size. Return: instructions. */
static uint64_t map_part(uint32_t ioas, char *va, unsigned int nr, size_t size)
{
	uint64_t start = now();

	for (uint64_t done = 0; done < PART; done += size)
		ioas_map(ioas, va + done, size, IOVA_BASE + nr * PART + done);
	return now() - start;
}

/* Values of instructions are per huge page, those of memory for all of it. */
static void measure_tera(const char *row, uint32_t ioas, char *va, size_t size)
{
	struct kernel_memory before = kernel_memory(), after;
	uint64_t used, first = 0, last = 0, start;

	for (unsigned int nr = 0; nr < PARTS; nr++) {
		used = map_part(ioas, va, nr, size);
		if (!nr)
			first = used;
		last = used;
	}
	after = kernel_memory();
	start = now();
	ioas_unmap(ioas, 0, UINT64_MAX);
	used = now() - start;
	record(row, "map, first 64 GiB", INSTRUCTIONS, "iommufd", (double)first / PART_PAGES);
	record(row, "map, last 64 GiB", INSTRUCTIONS, "iommufd", (double)last / PART_PAGES);
	record(row, "unmap all", INSTRUCTIONS, "iommufd", (double)used / PAGES);
	record(row, "slab", "bytes", "iommufd", after.slab - before.slab);
	record(row, "RAM", "bytes", "iommufd", after.used - before.used);
}

/**
 * bench_tera() - rows of 1 TiB
 * @kind: not used
 * @scale: not used
 *
 * The IOMMU needs more than 39 bits of IOVA.
 */
void bench_tera(const struct memory_kind *kind, const struct scale *scale)
{
	char *va = create_part();

	(void)kind;
	(void)scale;
	/* The first use fills the slabs and makes pages dirty. */
	map_part(main_ioas, va, 0, PART);
	ioas_unmap(main_ioas, 0, UINT64_MAX);
	measure_tera("1 TiB, mappings of 64 GiB:", main_ioas, va, PART);
	measure_tera("1 TiB, mappings of 2 MiB:", main_ioas, va, HUGE_PAGE);
	if (munmap(va, PART))
		err(1, "munmap");
	write_file("/proc/sys/vm/nr_hugepages", "0");
}
