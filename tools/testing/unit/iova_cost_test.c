// SPDX-License-Identifier: GPL-2.0
/*
 * Compare the cost of the IOVA tree with a million mappings and with a thousand:
 * log2 of the former is twice that of the latter. Cost is counted in basic blocks
 * of the tree and of the rbtree below it, so that the result does not vary.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "iova_alloc.h"
#include "iova_cost_test.h"
#include "iova_oracle.h"
#include "unit.h"

#define PAGE 4096UL
#define FEW 1000UL
#define MANY 1000000UL
#define SAMPLES 200UL
/* Twice the work is O(log n), four times would be O(log^2 n). */
#define FACTOR 3

/**
 * struct bench - a tree that only grows
 * @tree: tree
 * @nodes: room for all its nodes
 * @nr: number of nodes
 */
struct bench {
	struct iova_tree tree;
	struct iova_node *nodes;
	unsigned long nr;
};

/* Basic blocks of @samples operations in total, and of the @worst operation. */
struct cost {
	unsigned long blocks;
	unsigned long worst;
	unsigned long samples;
};

static void cost_add(struct cost *cost, unsigned long blocks)
{
	cost->blocks += blocks;
	cost->samples++;
	if (blocks > cost->worst)
		cost->worst = blocks;
}

static double cost_mean(const struct cost *cost)
{
	expect(cost->blocks, "nothing was counted");
	return (double)cost->blocks / cost->samples;
}

static void compare(const char *what, const struct cost *few,
		    const struct cost *many)
{
	double factor = cost_mean(many) / cost_mean(few);

	unit_note("%s: %.0f basic blocks at %lu, %.0f at %lu: factor %.2f, worst %lu",
		  what, cost_mean(few), FEW, cost_mean(many), MANY, factor,
		  many->worst);
	expect(factor <= FACTOR, "%s: factor %.2f", what, factor);
	expect(many->worst <= 2 * FACTOR * cost_mean(few),
	       "%s: %lu blocks, on average %.0f", what, many->worst,
	       cost_mean(many));
}

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){};
	bench->nodes = unit_alloc(MANY * sizeof(*bench->nodes));
}

static void insert(struct bench *bench, struct iova_node *node,
		   unsigned long start)
{
	*node = (struct iova_node){ .start = start, .last = start + PAGE - 1 };
	expect(iova_tree_insert(&bench->tree, node), "%#lx", start);
}

/* Choose an IOVA for one page, and map it there. */
static void place(struct bench *bench, struct iova_node *node, struct cost *cost)
{
	const struct iova_want want = { .length = PAGE, .align = PAGE };
	unsigned long before = unit_blocks, start;

	expect(place_in_steps(&bench->tree, PAGE, ULONG_MAX, &want,
			      IOVA_PLACE_PROBES, &start),
	       "no room");
	insert(bench, node, start);
	cost_add(cost, unit_blocks - before);
}

static void place_until(struct bench *bench, unsigned long nr,
			struct cost *cost)
{
	struct cost ignored = {};

	while (bench->nr < nr) {
		bool sample = nr - bench->nr <= SAMPLES;

		place(bench, &bench->nodes[bench->nr++],
		      sample ? cost : &ignored);
	}
	expect(bench->nodes[nr - 1].start == nr * PAGE, "%#lx",
	       bench->nodes[nr - 1].start);
}

/* Unmap a page and map another, which must go to the same hole. */
static void replace_some(struct bench *bench, struct cost *removal,
			 struct cost *placement)
{
	unsigned long i, before, start;

	for (i = 0; i < SAMPLES; i++) {
		struct iova_node *node = &bench->nodes[unit_below(bench->nr)];

		start = node->start;
		before = unit_blocks;
		iova_tree_remove(&bench->tree, node, node);
		cost_add(removal, unit_blocks - before);
		place(bench, node, placement);
		expect(node->start == start, "%#lx, not %#lx", node->start,
		       start);
	}
}

void iova_cost_dense(void)
{
	struct cost grown_few = {}, removed_few = {}, placed_few = {};
	struct cost grown = {}, removed = {}, placed = {};
	struct bench bench;

	bench_init(&bench);
	place_until(&bench, FEW, &grown_few);
	replace_some(&bench, &removed_few, &placed_few);
	place_until(&bench, MANY, &grown);
	replace_some(&bench, &removed, &placed);
	compare("mapping behind the others", &grown_few, &grown);
	compare("unmapping", &removed_few, &removed);
	compare("mapping into the only hole", &placed_few, &placed);
	free(bench.nodes);
}

/* Every second page is mapped. */
static void every_second_page(struct bench *bench, unsigned long nr)
{
	for (; bench->nr < nr; bench->nr++)
		insert(bench, &bench->nodes[bench->nr],
		       (2 * bench->nr + 1) * PAGE);
}

/* Choose an IOVA for two pages, which do not fit between two mappings. */
static void place_pair(struct bench *bench, unsigned long expected,
		       struct cost *cost)
{
	const struct iova_want want = { .length = 2 * PAGE, .align = PAGE };
	unsigned long before = unit_blocks, start;

	expect(place_in_steps(&bench->tree, PAGE, ULONG_MAX, &want,
			      IOVA_PLACE_PROBES, &start),
	       "no room");
	cost_add(cost, unit_blocks - before);
	expect(start == expected, "%#lx, not %#lx", start, expected);
}

static void place_pairs(struct bench *bench, struct cost *behind,
			struct cost *between)
{
	unsigned long i;

	for (i = 0; i < SAMPLES; i++) {
		/* Not the first: the page before it is out of bounds. */
		unsigned long n = 1 + unit_below(bench->nr - 1);
		struct iova_node *node = &bench->nodes[n];
		unsigned long start = node->start;

		place_pair(bench, 2 * bench->nr * PAGE, behind);
		iova_tree_remove(&bench->tree, node, node);
		place_pair(bench, start - PAGE, between);
		insert(bench, node, start);
	}
}

void iova_cost_holes(void)
{
	struct cost behind_few = {}, between_few = {};
	struct cost behind = {}, between = {};
	struct bench bench;

	bench_init(&bench);
	every_second_page(&bench, FEW);
	place_pairs(&bench, &behind_few, &between_few);
	every_second_page(&bench, MANY);
	place_pairs(&bench, &behind, &between);
	compare("no hole is large enough", &behind_few, &behind);
	compare("one hole is large enough", &between_few, &between);
	free(bench.nodes);
}

/* The first of every four pages is mapped. */
static void every_fourth_page(struct bench *bench, unsigned long nr)
{
	for (; bench->nr < nr; bench->nr++)
		insert(bench, &bench->nodes[bench->nr],
		       4 * (bench->nr + 1) * PAGE);
}

/* Choose IOVAs for three pages, which only misalignment keeps out of the holes. */
static void place_aligned(struct bench *bench, struct cost *cost)
{
	const struct iova_want want = { .length = 3 * PAGE, .align = 4 * PAGE };
	unsigned long before, start, i;

	for (i = 0; i < SAMPLES; i++) {
		before = unit_blocks;
		expect(place_in_steps(&bench->tree, 5 * PAGE, ULONG_MAX,
				      &want, IOVA_PLACE_PROBES, &start), "no room");
		cost_add(cost, unit_blocks - before);
		expect(start > bench->nodes[bench->nr - 1].start, "%#lx",
		       start);
	}
}

void iova_cost_misaligned(void)
{
	struct cost few = {}, many = {};
	struct bench bench;

	bench_init(&bench);
	every_fourth_page(&bench, FEW);
	place_aligned(&bench, &few);
	every_fourth_page(&bench, MANY);
	place_aligned(&bench, &many);
	compare("every hole is misaligned", &few, &many);
	free(bench.nodes);
}

/*
 * The window ends below the only hole that fits, so the search has to visit all
 * misaligned holes. Every step must visit a bounded number of them.
 */
static void step_through(struct bench *bench, struct cost *cost)
{
	const struct iova_want want = { .length = 3 * PAGE, .align = 4 * PAGE };
	unsigned long high = bench->nodes[bench->nr - 1].last, before;
	struct iova_search search = { .low = 5 * PAGE };
	int rc;

	do {
		before = unit_blocks;
		search.probes = IOVA_PLACE_PROBES;
		rc = iova_tree_place(&bench->tree, &search, high, &want);
		cost_add(cost, unit_blocks - before);
	} while (rc == -EAGAIN);
	expect(rc == -ENOSPC, "%d, %#lx", rc, search.start);
	expect(cost->samples == 1 + (bench->nr - 1) / IOVA_PLACE_PROBES,
	       "%lu steps for %lu mappings", cost->samples, bench->nr);
}

void iova_cost_step(void)
{
	struct cost few = {}, many = {};
	struct bench bench;

	bench_init(&bench);
	every_fourth_page(&bench, 2 * IOVA_PLACE_PROBES);
	step_through(&bench, &few);
	every_fourth_page(&bench, MANY);
	step_through(&bench, &many);
	unit_note("%d gaps of %lu: at most %lu basic blocks a step, of %lu: %lu",
		  IOVA_PLACE_PROBES, 2UL * IOVA_PLACE_PROBES, few.worst, MANY,
		  many.worst);
	expect(many.worst <= FACTOR * few.worst, "%lu", many.worst);
	free(bench.nodes);
}

static void look_up(struct bench *bench, struct cost *first,
		    struct cost *before)
{
	unsigned long i;

	for (i = 0; i < SAMPLES; i++) {
		unsigned long n = unit_below(bench->nr);
		struct iova_node *node = &bench->nodes[n];
		unsigned long blocks = unit_blocks;

		expect(iova_tree_first(&bench->tree, node->last, ULONG_MAX) ==
		       node, "%#lx", node->last);
		cost_add(first, unit_blocks - blocks);

		blocks = unit_blocks;
		expect(iova_tree_before(&bench->tree, node->start + 1) == node,
		       "%#lx", node->start);
		cost_add(before, unit_blocks - blocks);
	}
}

void iova_cost_lookups(void)
{
	struct cost first_few = {}, before_few = {};
	struct cost first = {}, before = {};
	struct bench bench;

	bench_init(&bench);
	every_second_page(&bench, FEW);
	look_up(&bench, &first_few, &before_few);
	every_second_page(&bench, MANY);
	look_up(&bench, &first, &before);
	compare("first mapping in a range", &first_few, &first);
	compare("last mapping before an IOVA", &before_few, &before);
	free(bench.nodes);
}
