// SPDX-License-Identifier: GPL-2.0
/* Rows of iommufd that are small enough for every test run. */
#include <unistd.h>

#include "bench.h"

#define LARGE	(64 * MIB)
#define SMALL	8192
#define PINS	64

/* An access that pins pages which a device has pinned already. Values are per page. */
static void guard_access(void *va)
{
	int access = access_open(main_ioas);
	uint64_t start, pinned = 0, unpinned = 0;

	ioas_map(main_ioas, va, LARGE, IOVA_BASE);
	for (unsigned int i = 0; i < PINS; i++) {
		uint32_t pin;

		start = now();
		pin = access_pin(access, IOVA_BASE + i * PAGE, PAGE);
		pinned += now() - start;
		start = now();
		access_unpin(access, pin);
		unpinned += now() - start;
	}
	ioas_unmap(main_ioas, IOVA_BASE, LARGE);
	close(access);
	record("access, pinned: pin 1 page", random_4k.name, INSTRUCTIONS, "iommufd",
	       (double)pinned / PINS);
	record("access, pinned: unpin 1 page", random_4k.name, INSTRUCTIONS, "iommufd",
	       (double)unpinned / PINS);
}

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
		guard_access(scattered);
	}
	memory_destroy(&random_4k, scattered, LARGE);
	memory_destroy(&thp, huge, LARGE);
}
