// SPDX-License-Identifier: GPL-2.0
/* The cost of accesses: kernel drivers that use the memory of an IOAS. */
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "floor/floor.h"

#define ACCESS_MEMORY	(64 * MIB)
#define ACCESS_PINS	64

struct access_cost {
	uint64_t pin;
	uint64_t unpin;
};

/* Pin and unpin each piece of a mapping in @ioas once, and count the instructions. */
static struct access_cost time_access(uint32_t ioas, void *va, size_t size)
{
	struct access_cost cost = { };
	int access = access_open(ioas);

	ioas_map(ioas, va, ACCESS_MEMORY, IOVA_BASE);
	for (unsigned int i = 0; i < ACCESS_PINS; i++) {
		uint64_t start = now(), middle;
		uint32_t pin = access_pin(access, IOVA_BASE + i * size, size);

		middle = now();
		access_unpin(access, pin);
		cost.unpin += now() - middle;
		cost.pin += middle - start;
	}
	ioas_unmap(ioas, IOVA_BASE, ACCESS_MEMORY);
	close(access);
	return cost;
}

/* Values are per piece. */
static void record_access(const char *what, const char *size_name, const char *kind,
			  const char *engine, struct access_cost cost)
{
	char row[64];

	snprintf(row, sizeof(row), "access%s: pin %s", what, size_name);
	record(row, kind, INSTRUCTIONS, engine, (double)cost.pin / ACCESS_PINS);
	snprintf(row, sizeof(row), "access%s: unpin %s", what, size_name);
	record(row, kind, INSTRUCTIONS, engine, (double)cost.unpin / ACCESS_PINS);
}

/**
 * measure_pinned_access() - measure accesses to pages that a device has pinned
 * @kind: of the memory
 * @va: 64 MiB
 * @size_name: name of @size
 * @size: bytes of each access
 */
void measure_pinned_access(const struct memory_kind *kind, void *va, const char *size_name,
			   size_t size)
{
	record_access(", pinned", size_name, kind->name, "iommufd",
		      time_access(main_ioas, va, size));
}

static struct access_cost time_floor(char *va, size_t size)
{
	struct access_cost cost = { };

	for (unsigned int i = 0; i < ACCESS_PINS; i++) {
		uint64_t start = now(), middle;

		floor_map(va + i * size, size, IOVA_BASE, FLOOR_PIN_ONLY);
		middle = now();
		floor_unmap(IOVA_BASE, size, FLOOR_PIN_ONLY);
		cost.unpin += now() - middle;
		cost.pin += middle - start;
	}
	return cost;
}

/*
 * Measure in an IOAS without a device, where the access has to pin, and in
 * main_ioas, where everything is pinned.
 */
void bench_access(const struct memory_kind *kind, const struct scale *scale)
{
	static const struct { const char *name; size_t size; } sizes[] = {
		{ "1 page", PAGE }, { "1 MiB", MIB },
	};
	char *va = create_used(kind, ACCESS_MEMORY);
	uint32_t ioas = ioas_alloc();

	(void)scale;
	/* The first use fills the slabs. */
	time_access(ioas, va, MIB);
	time_access(main_ioas, va, MIB);
	for (int i = 0; i < REPEATS; i++) {
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			size_t size = sizes[s].size;

			record_access("", sizes[s].name, kind->name, "iommufd",
				      time_access(ioas, va, size));
			measure_pinned_access(kind, va, sizes[s].name, size);
			if (engine_wanted(&floor_engine))
				record_access("", sizes[s].name, kind->name, "floor",
					      time_floor(va, size));
		}
	}
	iommufd_destroy(ioas);
	memory_destroy(kind, va, ACCESS_MEMORY);
}
