// SPDX-License-Identifier: GPL-2.0
/*
 * Where an operation spends its instructions. The software clock event of the
 * kernel takes the samples, so no PMU is needed. Code that runs with interrupts
 * off is charged to the function that turns them on again.
 */
#include <err.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define BUFFER_PAGES	4096UL
#define PERIOD		20000	/* ns = instructions; the kernel rounds less than 10000 up */
#define SHOWN		40

struct symbol {
	uint64_t address;
	double instructions;
	char name[64];
};

static struct symbol *symbols;
static size_t nr_symbols;
static int event;
static uint64_t switched_on;
static struct perf_event_mmap_page *buffer;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int by_cost(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->instructions < y->instructions ? 1 : x->instructions > y->instructions ? -1 : 0;
}

static void read_symbols(void)
{
	char line[512], type;
	FILE *f;

	write_file("/proc/sys/kernel/kptr_restrict", "0");
	f = fopen("/proc/kallsyms", "re");
	if (!f)
		err(1, "/proc/kallsyms");
	symbols = malloc(400000 * sizeof(*symbols));
	if (!symbols)
		err(1, "malloc");
	while (nr_symbols < 400000 && fgets(line, sizeof(line), f)) {
		struct symbol *symbol = &symbols[nr_symbols];

		if (sscanf(line, "%lx %c %63s", &symbol->address, &type, symbol->name) == 3 &&
		    strchr("tTwW", type)) {
			symbol->instructions = 0;
			nr_symbols++;
		}
	}
	fclose(f);
	qsort(symbols, nr_symbols, sizeof(*symbols), by_address);
}

static void charge(uint64_t ip, uint64_t instructions)
{
	size_t low = 0, high = nr_symbols - 1;

	while (low < high) {
		size_t mid = low + (high - low + 1) / 2;

		if (symbols[mid].address <= ip)
			low = mid;
		else
			high = mid - 1;
	}
	symbols[low].instructions += instructions;
}

static void profile_start(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TIME,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.disabled = 1,
	};

	read_symbols();
	write_file("/proc/sys/kernel/perf_cpu_time_max_percent", "0");
	event = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		err(1, "perf_event_open");
	buffer = mmap(NULL, (BUFFER_PAGES + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, event,
		      0);
	if (buffer == MAP_FAILED)
		err(1, "mmap of the samples");
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

static void profile_on(void)
{
	switched_on = clock_ns();
	ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
}

/* Read the @nr'th 64-bit word of the record at @tail, which may wrap around. */
static uint64_t record_word(uint64_t tail, unsigned int nr)
{
	char *ring = (char *)buffer + PAGE;

	return *(uint64_t *)(ring + (tail + nr * sizeof(uint64_t)) % (BUFFER_PAGES * PAGE));
}

/*
 * Stop and collect the samples. Each is charged with everything since the sample
 * before, so that time with interrupts off counts in full.
 */
static void profile_off(void)
{
	uint64_t tail = buffer->data_tail, head, word, before = switched_on;

	ioctl(event, PERF_EVENT_IOC_DISABLE, 0);
	head = __atomic_load_n(&buffer->data_head, __ATOMIC_ACQUIRE);
	while (tail < head) {
		word = record_word(tail, 0);
		struct perf_event_header *header = (void *)&word;

		if (header->type == PERF_RECORD_LOST)
			errx(1, "the buffer of the profiler is too small");
		if (header->type == PERF_RECORD_SAMPLE) {
			charge(record_word(tail, 1), record_word(tail, 2) - before);
			before = record_word(tail, 2);
		}
		tail += header->size;
	}
	__atomic_store_n(&buffer->data_tail, head, __ATOMIC_RELEASE);
}

/* @per: number of operations that were profiled */
static void profile_end(const char *what, const char *kind, double per)
{
	double total = 0;

	for (size_t i = 0; i < nr_symbols; i++)
		total += symbols[i].instructions;
	printf("# profile of %s %s: %.0f instructions per operation, including the sampling\n",
	       what, kind, total / per);
	qsort(symbols, nr_symbols, sizeof(*symbols), by_cost);
	for (size_t i = 0; i < SHOWN && symbols[i].instructions; i++)
		printf("# %5.1f %% %12.0f  %s\n", 100.0 * symbols[i].instructions / total,
		       symbols[i].instructions / per, symbols[i].name);
	munmap(buffer, (BUFFER_PAGES + 1) * PAGE);
	close(event);
	free(symbols);
	nr_symbols = 0;
}

enum { MAP, UNMAP, UNMAP_ALL };

/* Repeat map, unmap, unmap all of @count mappings, with the profiler on during @what. */
static void profile_row(int what, const char *row, const char *kind, char *va,
			unsigned int count, size_t size, unsigned int repeats)
{
	profile_start();
	for (unsigned int r = 0; r < repeats; r++) {
		if (what == MAP)
			profile_on();
		for (unsigned int i = 0; i < count; i++)
			iommufd_engine.map(va + i * size, size, IOVA_BASE + i * size);
		profile_off();
		if (what == UNMAP_ALL) {
			profile_on();
			iommufd_engine.unmap_all(count * size);
			profile_off();
			continue;
		}
		if (what == UNMAP)
			profile_on();
		for (unsigned int i = 0; i < count; i++)
			iommufd_engine.unmap(IOVA_BASE + i * size, size);
		profile_off();
	}
	profile_end(row, kind, (double)count * repeats);
}

static void profile_large(const struct memory_kind *kind, size_t length, unsigned int repeats)
{
	void *va = memory_create(kind, length);

	iommufd_engine.map(va, length, IOVA_BASE);
	iommufd_engine.unmap(IOVA_BASE, length);
	profile_row(MAP, "map", kind->name, va, 1, length, repeats);
	profile_row(UNMAP, "unmap", kind->name, va, 1, length, repeats);
	memory_destroy(kind, va, length);
}

static void profile_small(const struct memory_kind *kind, unsigned int count)
{
	void *va = memory_create(kind, count * PAGE);

	profile_row(MAP, "map", "4K", va, count, PAGE, 2);
	profile_row(UNMAP, "unmap", "4K", va, count, PAGE, 2);
	profile_row(UNMAP_ALL, "unmap all", "4K", va, count, PAGE, 2);
	memory_destroy(kind, va, count * PAGE);
}

/**
 * profile_rows() - where operations of iommufd spend their instructions
 * @wanted: groups of rows, as for bench_rows(). Only the groups with one large
 *          mapping and "small" have a profile.
 * @scale: sizes and numbers of mappings
 */
void profile_rows(const char *wanted, const struct scale *scale)
{
	static const struct {
		const char *name;
		const struct memory_kind *kind;
		unsigned int repeats;	/* short operations need more for enough samples */
	} large[] = {
		{ "anon", &anon_4k, 1 },
		{ "random", &random_4k, 1 },
		{ "thp", &thp, 20 },
		{ "hugetlb", &hugetlb, 20 },
		{ "memfd", &memfd_4k, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(large); i++) {
		if (is_listed(wanted, large[i].name))
			profile_large(large[i].kind, scale->large, large[i].repeats);
	}
	if (is_listed(wanted, "small"))
		profile_small(&anon_4k, scale->small);
}
