// SPDX-License-Identifier: GPL-2.0
/* The kernel memory that mappings use. */
#include "bench.h"

/*
 * Bytes of kernel memory: slabs and vmalloc; and minus the free memory, as only
 * differences matter. MemFree lacks the free pages in the lists of the CPUs, which
 * zoneinfo counts.
 */
struct kernel_memory kernel_memory(void)
{
	struct kernel_memory memory;

	write_file("/proc/sys/vm/stat_refresh", "1");
	memory.slab = 1024.0 * (read_counter("/proc/meminfo", "Slab") +
				read_counter("/proc/meminfo", "VmallocUsed"));
	memory.used = -1024.0 * read_counter("/proc/meminfo", "MemFree") -
		      (double)PAGE * read_counter("/proc/zoneinfo", "count");
	return memory;
}

static void measure_memory(const struct engine *engine, const char *what, char *va,
			   unsigned int count, size_t size, double per)
{
	struct kernel_memory before = kernel_memory(), after;

	map_each(engine, va, count, size);
	after = kernel_memory();
	record("slab per", what, "bytes", engine->name, (after.slab - before.slab) / per);
	record("RAM per", what, "bytes", engine->name, (after.used - before.used) / per);
	engine->unmap_all(count * size);
}

static void measure_engines(const char *what, void *va, unsigned int count, size_t size, double per)
{
	for (int i = 0; i < REPEATS; i++) {
		for (size_t e = 0; e < nr_engines; e++)
			measure_memory(engines[e], what, va, count, size, per);
	}
}

/* Measure the bytes for each of many small mappings. */
void bench_mapping_memory(const struct memory_kind *kind, const struct scale *scale)
{
	void *va = memory_create(kind, scale->small * PAGE);

	measure_engines("4K mapping", va, scale->small, PAGE, scale->small);
	memory_destroy(kind, va, scale->small * PAGE);
}

/*
 * Measure the bytes for each run of one large mapping. Memory in random order has
 * a run for each page.
 */
void bench_run_memory(const struct memory_kind *kind, const struct scale *scale)
{
	size_t length = scale->large / 2;
	void *va = memory_create(kind, length);

	measure_engines("run", va, 1, length, length / PAGE);
	memory_destroy(kind, va, length);
}
