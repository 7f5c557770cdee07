// SPDX-License-Identifier: GPL-2.0
/*
 * Compare dirty_bisect_read() and dirty_bisect_clear() with a plain array of IO
 * pages. The page table behind them walks as IOMMU drivers do: from where a call
 * begins it steps by the size of the IO page that it finds, records from where
 * it stands, and may reach beyond the end.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "dirty_bisect.h"
#include "unit.h"

#define GRANULE 4096UL
#define MAX_ORDER 8
#define MAX_GRANULES (1UL << 10)

/**
 * struct table - a mapping, and the IO pages in it
 * @walker: what is tested
 * @base: first IOVA
 * @nr: number of granules
 * @first: for each granule the number of the first one of its IO page
 * @order: for each granule the order of its IO page
 * @dirty: for the first granule of an IO page: it is dirty
 * @reported: the same: it was reported
 * @start: range of the call that is tested, in bytes from @base
 * @last: last byte of it
 * @next: nothing may be reported below this byte
 * @writes: devices write meanwhile, in so many percent of calls
 * @calls: calls of gather()
 * @steps: IO pages that the calls looked at
 */
struct table {
	struct dirty_walker walker;
	unsigned long base;
	unsigned long nr;
	unsigned long first[MAX_GRANULES];
	unsigned int order[MAX_GRANULES];
	bool dirty[MAX_GRANULES];
	bool reported[MAX_GRANULES];
	unsigned long start;
	unsigned long last;
	unsigned long next;
	unsigned int writes;
	unsigned long calls;
	unsigned long steps;
};

static struct table *to_table(struct dirty_walker *walker)
{
	return container_of(walker, struct table, walker);
}

static unsigned long page_length(const struct table *table, unsigned long i)
{
	return GRANULE << table->order[i];
}

/* The step of the drivers: they do not look where the IO page begins. */
static int gather(struct dirty_walker *walker, unsigned long iova,
		  unsigned long length, bool clear, struct dirty_span *span)
{
	struct table *table = to_table(walker);
	unsigned long end = iova + length - 1;

	expect(length && iova % GRANULE == 0, "%#lx + %#lx", iova, length);
	expect(iova >= table->base &&
	       end - table->base < table->nr * GRANULE,
	       "%#lx + %#lx is not in the mapping", iova, length);
	table->calls++;
	span->start = ~0UL;
	span->last = 0;
	do {
		unsigned long i = (iova - table->base) / GRANULE, size;

		if (i >= table->nr)
			break;
		table->steps++;
		size = page_length(table, i);
		i = table->first[i];
		if (table->dirty[i]) {
			if (span->start > iova)
				span->start = iova;
			span->last = iova + size - 1;
			if (clear)
				table->dirty[i] = false;
		}
		iova += size;
	} while (iova && iova < end);
	/* A device writes between two calls. */
	if (unit_chance(table->writes))
		table->dirty[table->first[unit_below(table->nr)]] = true;
	return 0;
}

static void add(struct dirty_walker *walker, unsigned long start,
		unsigned long last)
{
	struct table *table = to_table(walker);
	unsigned long i, from, to;

	start -= table->base;
	last -= table->base;
	expect(start <= last && start >= table->next && last <= table->last,
	       "%#lx..%#lx", start, last);
	table->next = last + 1;
	i = table->first[start / GRANULE];
	from = i * GRANULE;
	to = from + page_length(table, i) - 1;
	expect(start == max(from, table->start) &&
	       last == min(to, table->last),
	       "%#lx..%#lx is not the IO page %#lx..%#lx", start, last, from,
	       to);
	expect(table->dirty[i], "%#lx is clean", start);
	table->reported[i] = true;
}

/* Fill the mapping with IO pages of random sizes, aligned to their size. */
static void choose_pages(struct table *table)
{
	unsigned int largest = unit_below(MAX_ORDER + 1);
	unsigned long i, n, k;

	table->nr = 1 + unit_below(unit_chance(20) ? MAX_GRANULES : 100);
	/* Now and then the end of the 64-bit space, or the start */
	table->base = unit_any_size() & -GRANULE;
	if (unit_chance(20) || table->base > -(table->nr * GRANULE))
		table->base = unit_chance(50) ? 0 : -(table->nr * GRANULE);
	for (i = 0; i < table->nr; i += n) {
		unsigned int order = unit_below(largest + 1);

		while (table->nr - i < 1UL << order ||
		       (table->base + i * GRANULE) &
		       ((GRANULE << order) - 1))
			order--;
		n = 1UL << order;
		for (k = i; k < i + n; k++) {
			table->first[k] = i;
			table->order[k] = order;
		}
	}
}

static void write_some(struct table *table)
{
	unsigned int percent = unit_chance(30) ? 100 : unit_below(101);
	unsigned long i;

	for (i = 0; i < table->nr; i++)
		table->dirty[i] = table->first[i] == i && unit_chance(percent);
	memset(table->reported, 0, sizeof(table->reported));
}

static void choose_range(struct table *table)
{
	unsigned long first = unit_chance(30) ? 0 : unit_below(table->nr);
	unsigned long n = unit_chance(30) ? table->nr - first :
					    1 + unit_below(table->nr - first);

	table->start = first * GRANULE;
	table->last = (first + n) * GRANULE - 1;
	table->next = table->start;
	table->walker = (struct dirty_walker){
		.granule = GRANULE,
		.block = GRANULE << unit_below(12),
		.gather = gather,
		.add = add,
	};
}

static struct table *new_table(void)
{
	struct table *table = unit_alloc(sizeof(*table));

	memset(table, 0, sizeof(*table));
	return table;
}

static bool overlaps(const struct table *table, unsigned long i)
{
	return i * GRANULE <= table->last &&
	       i * GRANULE + page_length(table, i) > table->start;
}

/* What was dirty before the call is reported; nothing becomes clean. */
static void reading(void)
{
	struct table *table = new_table();
	bool before[MAX_GRANULES];
	unsigned long i;

	while (unit_next_step()) {
		choose_pages(table);
		write_some(table);
		choose_range(table);
		table->writes = unit_chance(50) ? unit_below(50) : 0;
		memcpy(before, table->dirty, sizeof(before));
		expect(!dirty_bisect_read(&table->walker,
					  table->base + table->start,
					  table->base + table->last), "");
		for (i = 0; i < table->nr; i++) {
			if (table->first[i] != i)
				continue;
			expect(!before[i] || table->dirty[i], "%lu", i);
			expect(!before[i] || !overlaps(table, i) ||
			       table->reported[i], "%lu is missing", i);
		}
	}
	free(table);
}

/* Exactly the IO pages that lie in the range and end in its part become clean. */
static void clearing(void)
{
	struct table *table = new_table();
	bool before[MAX_GRANULES];
	unsigned long i, from;

	while (unit_next_step()) {
		choose_pages(table);
		write_some(table);
		choose_range(table);
		table->writes = 0;
		from = table->start +
		       unit_below((table->last + 1 - table->start) / GRANULE) *
		       GRANULE;
		memcpy(before, table->dirty, sizeof(before));
		expect(!dirty_bisect_clear(&table->walker,
					   table->base + table->start,
					   table->base + table->last,
					   table->base + from), "");
		for (i = 0; i < table->nr; i++) {
			unsigned long start = i * GRANULE;
			unsigned long last = start + page_length(table, i) - 1;
			bool in;

			if (table->first[i] != i)
				continue;
			in = start >= table->start && last <= table->last &&
			     last >= from;
			expect(table->dirty[i] == (before[i] && !in),
			       "%#lx..%#lx, call for %#lx..%#lx from %#lx",
			       start, last, table->start, table->last, from);
		}
	}
	free(table);
}

/* Devices write meanwhile. No IO page outside becomes clean. */
static void clearing_while_devices_write(void)
{
	struct table *table = new_table();
	bool before[MAX_GRANULES];
	unsigned long i;

	while (unit_next_step()) {
		choose_pages(table);
		write_some(table);
		choose_range(table);
		table->writes = 1 + unit_below(90);
		memcpy(before, table->dirty, sizeof(before));
		expect(!dirty_bisect_clear(&table->walker,
					   table->base + table->start,
					   table->base + table->last,
					   table->base + table->start), "");
		for (i = 0; i < table->nr; i++) {
			unsigned long start = i * GRANULE;
			unsigned long last = start + page_length(table, i) - 1;

			if (table->first[i] != i || !before[i] ||
			    (start >= table->start && last <= table->last))
				continue;
			expect(table->dirty[i], "%#lx..%#lx", start, last);
		}
	}
	free(table);
}

/* Return: calls for one read of @nr small IO pages, each @gap-th of them dirty */
static unsigned long cost(struct table *table, unsigned long nr,
			  unsigned long gap, unsigned long *steps)
{
	unsigned long i;

	memset(table, 0, sizeof(*table));
	table->nr = nr;
	for (i = 0; i < nr; i++) {
		table->first[i] = i;
		table->dirty[i] = gap && i % gap == gap - 1;
	}
	table->last = nr * GRANULE - 1;
	table->walker = (struct dirty_walker){
		.granule = GRANULE,
		.block = nr * GRANULE,
		.gather = gather,
		.add = add,
	};
	expect(!dirty_bisect_read(&table->walker, 0, table->last), "");
	*steps = table->steps;
	return table->calls;
}

/* Clean memory is one look; dirty IO pages do not make it quadratic. */
static void cost_of_reading(void)
{
	const unsigned long nr = MAX_GRANULES, log = 10;
	struct table *table = new_table();
	unsigned long gap, calls, steps;

	calls = cost(table, nr, 0, &steps);
	expect(calls <= 2 && steps <= nr + 1, "%lu, %lu", calls, steps);
	calls = cost(table, nr, 1, &steps);
	expect(calls <= nr + 1 && steps <= nr + 1, "%lu, %lu", calls, steps);
	for (gap = 2; gap <= nr; gap *= 2) {
		calls = cost(table, nr, gap, &steps);
		unit_note("each %luth of %lu dirty: %lu calls, %lu steps", gap,
			  nr, calls, steps);
		expect(calls <= nr / gap * (2 * log + 4), "%lu calls", calls);
		expect(steps <= nr * (log + 4), "%lu steps", steps);
	}
	free(table);
}

static const struct unit_test tests[] = {
	{ "reading", reading, 20000 },
	{ "clearing", clearing, 20000 },
	{ "clearing while devices write", clearing_while_devices_write, 20000 },
	{ "cost of reading", cost_of_reading, 0 },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
