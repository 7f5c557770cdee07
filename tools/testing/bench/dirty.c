// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of reading which pages devices have written. The IO page table is that
 * of the mock IOMMU, as no IOMMU of QEMU tracks dirty pages.
 */
#include <stdlib.h>
#include <string.h>
#include <err.h>

#include "bench.h"

/* In the aperture of the mock, and 1 MiB aligned */
#define DIRTY_IOVA	0x10000000UL

struct dirty_bench {
	uint32_t hwpt;
	size_t length;
	uint64_t io_page;
	char *bits;
	char *ones;
};

static uint64_t time_get(struct dirty_bench *bench)
{
	uint64_t start = now();

	dirty_get(bench->hwpt, DIRTY_IOVA, bench->length, bench->bits);
	return now() - start;
}

/* Let a device write to every IO page, or to every @nth one. */
static void write_each(struct dirty_bench *bench, unsigned int nth)
{
	dirty_write(bench->hwpt, DIRTY_IOVA, bench->length, nth * bench->io_page, bench->ones);
	memset(bench->bits, 0, bench->length / PAGE / 8);
}

static void measure_dirty(struct dirty_bench *bench, const char *kind)
{
	uint64_t pages = bench->length / bench->io_page, clean, start;

	dirty_get(bench->hwpt, DIRTY_IOVA, bench->length, bench->bits);
	clean = time_get(bench);
	record("dirty: read 1 GiB, clean", kind, INSTRUCTIONS, "iommufd",
	       (double)clean * GIB / bench->length);
	write_each(bench, 1);
	record("dirty: read and clear 1 GiB, all dirty", kind, INSTRUCTIONS, "iommufd",
	       (double)time_get(bench) * GIB / bench->length);
	write_each(bench, 64);
	record("dirty: per dirty IO page, each 64th", kind, INSTRUCTIONS, "iommufd",
	       (double)(time_get(bench) - clean) / (pages / 64));
	start = now();
	dirty_enable(bench->hwpt);
	record("dirty: enable with 1 GiB", kind, INSTRUCTIONS, "iommufd",
	       (double)(now() - start) * GIB / bench->length);
}

/* IO pages of 4 KiB, or of 1 MiB where memory is contiguous */
void bench_dirty(const struct memory_kind *kind, const struct scale *scale)
{
	bool large = kind == &thp;
	struct dirty_bench bench = {
		.length = scale->large,
		.io_page = large ? MIB : PAGE,
		.bits = calloc(1, scale->large / PAGE / 8),
		.ones = malloc(scale->large / PAGE / 8),
	};
	void *va = memory_create(kind, scale->large);
	uint32_t ioas = ioas_alloc(), device;

	if (!bench.bits || !bench.ones)
		err(1, "bitmaps");
	memset(bench.ones, 0xff, scale->large / PAGE / 8);
	bench.hwpt = dirty_open(ioas, large, &device);
	ioas_map(ioas, va, scale->large, DIRTY_IOVA);
	dirty_enable(bench.hwpt);
	write_each(&bench, 1);
	for (int i = 0; i < REPEATS; i++)
		measure_dirty(&bench, kind->name);
	ioas_unmap(ioas, DIRTY_IOVA, scale->large);
	iommufd_destroy(bench.hwpt);
	iommufd_destroy(device);
	iommufd_destroy(ioas);
	memory_destroy(kind, va, scale->large);
	free(bench.ones);
	free(bench.bits);
}
