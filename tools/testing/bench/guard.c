// SPDX-License-Identifier: GPL-2.0
/* Rows of iommufd that are small enough for every test run. */
#include "bench.h"

#define LARGE	(64 * MIB)
#define SMALL	8192

/**
 * bench_guard() - rows of the guard
 *
 * Their cost does not depend on what the guest did before: the pages are in
 * random order, or huge, or mapped one by one.
 */
void bench_guard(void)
{
	void *scattered = memory_create(&random_4k, LARGE), *huge = memory_create(&thp, LARGE);

	/* The first unpinning makes the pages dirty. */
	iommufd_engine.map(scattered, LARGE, IOVA_BASE);
	iommufd_engine.unmap(IOVA_BASE, LARGE);
	for (int i = 0; i < REPEATS; i++) {
		measure_large(&iommufd_engine, random_4k.name, scattered, LARGE);
		measure_large(&iommufd_engine, thp.name, huge, LARGE);
		measure_many(&iommufd_engine, "4K each:", scattered, SMALL, PAGE);
		measure_gaps(&iommufd_engine, "4K, gaps:", scattered, SMALL, PAGE);
		measure_gaps(&iommufd_engine, "2M, gaps:", huge, LARGE / HUGE_PAGE, HUGE_PAGE);
		copy_iommufd(random_4k.name, scattered, LARGE);
		attach_iommufd(random_4k.name, scattered, LARGE);
		measure_pinned_access(&random_4k, scattered, "1 page", PAGE);
	}
	memory_destroy(&random_4k, scattered, LARGE);
	memory_destroy(&thp, huge, LARGE);
}
