// SPDX-License-Identifier: GPL-2.0
/* The rows of the benchmark, in groups. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "floor/floor.h"

/* Measure one mapping of all the memory. */
void measure_large(const struct engine *engine, const char *kind, void *va, size_t length)
{
	uint64_t start, mapped, unmapped;

	start = now();
	engine->map(va, length, IOVA_BASE);
	mapped = now();
	engine->unmap(IOVA_BASE, length);
	unmapped = now();
	record("map", kind, INSTRUCTIONS, engine->name, mapped - start);
	record("unmap", kind, INSTRUCTIONS, engine->name, unmapped - mapped);
}

static void measure_parts(const char *kind, void *va, size_t length)
{
	struct floor_cost cost = floor_map(va, length, IOVA_BASE, 0);

	record("part runs", kind, "runs", "floor", cost.runs);
	record("part pin", kind, INSTRUCTIONS, "floor", cost.pin);
	record("part iommu_map", kind, INSTRUCTIONS, "floor", cost.map);
	cost = floor_unmap(IOVA_BASE, length, FLOOR_KEEP_PINNED);
	record("part iommu_unmap", kind, INSTRUCTIONS, "floor", cost.map);
	cost = floor_map(va, length, IOVA_BASE, FLOOR_MAP_SG | FLOOR_KEEP_PINNED);
	record("part iommu_map_sg", kind, INSTRUCTIONS, "floor", cost.map);
	cost = floor_unmap(IOVA_BASE, length, 0);
	record("part unpin", kind, INSTRUCTIONS, "floor", cost.pin);
	floor_map(va, length, IOVA_BASE, 0);
	cost = floor_unmap(IOVA_BASE, length, FLOOR_UNPIN_RANGES);
	record("part unpin by ranges", kind, INSTRUCTIONS, "floor", cost.pin);
}

/*
 * Create memory and let every engine map and unmap it twice. The first pin and
 * unpin of a page costs more, since it makes the page dirty. On Linux 6.1 the way
 * in which type1 pins also ages the page, and makes it active the second time.
 */
void *create_used(const struct memory_kind *kind, size_t length)
{
	void *va = memory_create(kind, length);

	for (size_t e = 0; e < 2 * nr_engines; e++) {
		engines[e / 2]->map(va, length, IOVA_BASE);
		engines[e / 2]->unmap(IOVA_BASE, length);
	}
	return va;
}

static void bench_large(const struct memory_kind *kind, const struct scale *scale)
{
	size_t length = scale->large;
	void *va = create_used(kind, length);

	for (int i = 0; i < REPEATS; i++) {
		for (size_t e = 0; e < nr_engines; e++)
			measure_large(engines[e], kind->name, va, length);
		if (engine_wanted(&floor_engine))
			measure_parts(kind->name, va, length);
	}
	memory_destroy(kind, va, length);
}

void map_each(const struct engine *engine, char *va, unsigned int count, size_t size)
{
	for (unsigned int i = 0; i < count; i++)
		engine->map(va + i * size, size, IOVA_BASE + i * size);
}

/* Measure many mappings side by side. Values are per mapping. */
void measure_many(const struct engine *engine, const char *what, char *va, unsigned int count,
		  size_t size)
{
	uint64_t start, mapped, unmapped;

	start = now();
	map_each(engine, va, count, size);
	mapped = now();
	for (unsigned int i = 0; i < count; i++)
		engine->unmap(IOVA_BASE + i * size, size);
	unmapped = now();
	record(what, "map", INSTRUCTIONS, engine->name, (double)(mapped - start) / count);
	record(what, "unmap", INSTRUCTIONS, engine->name, (double)(unmapped - mapped) / count);

	map_each(engine, va, count, size);
	start = now();
	engine->unmap_all(count * size);
	unmapped = now();
	record(what, "unmap all", INSTRUCTIONS, engine->name, (double)(unmapped - start) / count);
}

/* Without an end of one mapping that is the beginning of another. Values are per mapping. */
void measure_gaps(const struct engine *engine, const char *what, char *va, unsigned int count,
		  size_t size)
{
	/* The floor knows no mappings, so each is removed by a call, wherever it is. */
	bool floor = engine == &floor_engine;
	size_t step = floor ? size : 2 * size;
	uint64_t start;

	for (unsigned int i = 0; i < count; i++)
		engine->map(va + i * size, size, IOVA_BASE + i * step);
	start = now();
	for (unsigned int i = 0; floor && i < count; i++)
		engine->unmap(IOVA_BASE + i * step, size);
	if (!floor)
		engine->unmap_all(count * step);
	record(what, "unmap all", INSTRUCTIONS, engine->name, (double)(now() - start) / count);
}

/* Measure many mappings with every engine; @measure is one of the two above. */
static void bench_many(const char *what, const struct memory_kind *kind, unsigned int count,
		       size_t size,
		       void (*measure)(const struct engine *engine, const char *what, char *va,
				       unsigned int count, size_t size))
{
	void *va = create_used(kind, count * size);

	for (int i = 0; i < REPEATS; i++) {
		for (size_t e = 0; e < nr_engines; e++)
			measure(engines[e], what, va, count, size);
	}
	memory_destroy(kind, va, count * size);
}

static void bench_small(const struct memory_kind *kind, const struct scale *scale)
{
	bench_many("4K each:", kind, scale->small, PAGE, measure_many);
}

static void bench_medium(const struct memory_kind *kind, const struct scale *scale)
{
	bench_many("2M each:", kind, scale->large / HUGE_PAGE, HUGE_PAGE, measure_many);
}

static void bench_small_gaps(const struct memory_kind *kind, const struct scale *scale)
{
	bench_many("4K, gaps:", kind, scale->small, PAGE, measure_gaps);
}

static void bench_medium_gaps(const struct memory_kind *kind, const struct scale *scale)
{
	bench_many("2M, gaps:", kind, scale->large / HUGE_PAGE, HUGE_PAGE, measure_gaps);
}

/* Rows for a machine of their own, so "all" does not include them */
#define WIDE "tera"

/* In the order of measurement. Several entries may have the same name. */
static const struct {
	const char *name;
	void (*measure)(const struct memory_kind *kind, const struct scale *scale);
	const struct memory_kind *kind;
} groups[] = {
	{ "anon", bench_large, &anon_4k },
	{ "random", bench_large, &random_4k },
	{ "thp", bench_large, &thp },
	{ "hugetlb", bench_large, &hugetlb },
	{ "memfd", bench_large, &memfd_4k },
	{ "file", bench_file, NULL },
	{ "bar", bench_bar, NULL },
	{ "small", bench_small, &anon_4k },
	{ "medium", bench_medium, &thp },
	{ "gaps", bench_small_gaps, &anon_4k },
	{ "gaps", bench_medium_gaps, &thp },
	{ "second", bench_second_device, &anon_4k },
	{ "second", bench_second_device, &thp },
	{ "auto", bench_auto, NULL },
	{ "ioas", bench_ioas, NULL },
	{ "access", bench_access, &random_4k },
	{ "access", bench_access, &thp },
	{ "dirty", bench_dirty, &anon_4k },
	{ "dirty", bench_dirty, &thp },
	{ "threads", bench_together, &random_4k },
	{ "attach", bench_attach, &random_4k },
	{ WIDE, bench_tera, NULL },
	{ "memory", bench_mapping_memory, &anon_4k },
	{ "memory", bench_run_memory, &random_4k },
};

/**
 * bench_rows() - measure groups of rows
 * @wanted: their names, separated by commas; or "all" of the usual machine
 * @scale: sizes and numbers of mappings
 */
void bench_rows(const char *wanted, const struct scale *scale)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		bool usual = strcmp(groups[i].name, WIDE);

		if (is_listed(wanted, groups[i].name) && (usual || strcmp(wanted, "all")))
			groups[i].measure(groups[i].kind, scale);
	}
}

/* Print the names of the groups, one a line. */
void list_groups(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (!i || strcmp(groups[i].name, groups[i - 1].name))
			puts(groups[i].name);
	}
}
