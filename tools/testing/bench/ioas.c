// SPDX-License-Identifier: GPL-2.0
/* The cost of what only /dev/iommu has: IOASes, and IOVAs that the kernel chooses. */
#include <stdio.h>

#include "bench.h"

#define AUTO_WINDOW	1000
#define AUTO_LAST	1000000

static void map_anywhere(uint32_t ioas, unsigned int count)
{
	/* Without a device the kernel does not access the memory. */
	while (count--)
		ioas_map_anywhere(ioas, (void *)0x10000000, PAGE);
}

/* Measure AUTO_WINDOW mappings around the @nth. Values are per mapping. */
static void measure_auto(uint32_t ioas, unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	for (int i = 0; i < REPEATS; i++) {
		uint64_t start = now(), iova;
		double used;

		iova = ioas_map_anywhere(ioas, (void *)0x10000000, PAGE);
		map_anywhere(ioas, AUTO_WINDOW - 1);
		used = now() - start;
		record("automatic IOVA, mapping", text, INSTRUCTIONS, "iommufd", used / AUTO_WINDOW);
		ioas_unmap(ioas, iova, AUTO_WINDOW * PAGE);
	}
}

/* Does an IOAS with many mappings need more time to choose an IOVA? */
void bench_auto(const struct memory_kind *kind, const struct scale *scale)
{
	uint32_t ioas = ioas_alloc();

	(void)kind;
	(void)scale;
	map_anywhere(ioas, 1000 - AUTO_WINDOW / 2);
	measure_auto(ioas, 1000);
	map_anywhere(ioas, AUTO_LAST - 1000);
	measure_auto(ioas, AUTO_LAST);
	iommufd_destroy(ioas);
}

void bench_ioas(const struct memory_kind *kind, const struct scale *scale)
{
	(void)kind;
	(void)scale;
	for (int i = 0; i < REPEATS; i++) {
		uint64_t start = now();

		for (int n = 0; n < 1000; n++)
			iommufd_destroy(ioas_alloc());
		record("IOAS_ALLOC", "and DESTROY", INSTRUCTIONS, "iommufd",
		       (double)(now() - start) / 1000);
	}
}
