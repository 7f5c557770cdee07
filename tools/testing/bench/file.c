// SPDX-License-Identifier: GPL-2.0
/* The cost of memory in a file: /dev/iommu maps the descriptor, the others the address. */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"

/* Time after the mapping; *unmapped becomes the time after its end. */
static uint64_t map_and_unmap(const struct engine *engine, void *va, int fd, size_t length,
			      uint64_t *unmapped)
{
	uint64_t mapped;

	if (engine == &iommufd_engine)
		ioas_map_file(main_ioas, fd, length, IOVA_BASE);
	else
		engine->map(va, length, IOVA_BASE);
	mapped = now();
	engine->unmap(IOVA_BASE, length);
	*unmapped = now();
	return mapped;
}

/* The first two mappings cost more, see create_used(). */
void bench_file(const struct memory_kind *kind, const struct scale *scale)
{
	static const char name[] = "memfd 4K by file";
	size_t length = scale->large;
	int fd;
	void *va = memory_create_memfd(length, &fd);

	for (int i = -2; i < REPEATS; i++) {
		for (size_t e = 0; e < nr_engines; e++) {
			uint64_t start = now(), unmapped;
			uint64_t mapped = map_and_unmap(engines[e], va, fd, length, &unmapped);

			if (i < 0)
				continue;
			record("map", name, INSTRUCTIONS, engines[e]->name, mapped - start);
			record("unmap", name, INSTRUCTIONS, engines[e]->name, unmapped - mapped);
		}
	}
	memory_destroy(kind, va, length);
	close(fd);
}
