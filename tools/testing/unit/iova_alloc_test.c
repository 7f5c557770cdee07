// SPDX-License-Identifier: GPL-2.0
/*
 * Compare the IOVA tree with an oracle. Every step does the same to both, compares
 * the answers, and then compares the whole tree with the oracle's array.
 */
#include <limits.h>
#include <stdlib.h>

#include <linux/kernel.h>

#include "iova_cost_test.h"
#include "iova_oracle.h"
#include "unit.h"

#define MAX_NODES 1500
/* Up to this width, bounds are also searched address by address. */
#define TRIAL_LIMIT 1024

/**
 * struct world - a tree under test, its oracle, and a source of random input
 * @tree: tree under test
 * @oracle: what the tree should hold and answer
 * @most: maximum number of nodes
 * @address: returns an IOVA
 * @length: returns a length, at least 1
 * @align: returns an alignment, a power of two
 */
struct world {
	struct iova_tree tree;
	struct iova_oracle oracle;
	unsigned int most;
	unsigned long (*address)(struct world *world);
	unsigned long (*length)(struct world *world);
	unsigned long (*align)(struct world *world);
};

static unsigned long at_least_1(unsigned long n)
{
	return n ? n : 1;
}

static struct iova_node *any_node(struct world *world)
{
	struct iova_oracle *oracle = &world->oracle;

	return oracle->nr ? oracle->nodes[unit_below(oracle->nr)] : NULL;
}

/* An IOVA at, or next to, the start or the end of a node. */
static unsigned long edge(struct world *world)
{
	struct iova_node *node = any_node(world);

	if (!node)
		return unit_chance(50) ? 0 : ULONG_MAX;
	return (unit_chance(50) ? node->start : node->last) +
	       unit_below(5) - 2;
}

static struct iova_node *new_node(unsigned long start, unsigned long last)
{
	struct iova_node *node = unit_alloc(sizeof(*node));

	*node = (struct iova_node){ .start = start, .last = last };
	return node;
}

/* Insert into both if the oracle says that the range is free. */
static void insert(struct world *world, unsigned long start, unsigned long last)
{
	struct iova_node *node = new_node(start, last);
	bool free_there = oracle_free(&world->oracle, start, last);

	expect(iova_tree_insert(&world->tree, node) == free_there,
	       "[%#lx, %#lx]", start, last);
	if (free_there)
		oracle_insert(&world->oracle, node);
	else
		free(node);
}

static void do_insert(struct world *world)
{
	unsigned long start = world->address(world), last;

	if (__builtin_add_overflow(start, world->length(world) - 1, &last))
		last = ULONG_MAX;
	insert(world, start, last);
}

static void do_remove(struct world *world)
{
	struct iova_node *first = any_node(world), *last = first, *next;

	if (!first)
		return;
	/* One node, or several consecutive ones */
	while (unit_chance(40) && iova_node_next(last))
		last = iova_node_next(last);
	iova_tree_remove(&world->tree, first, last);
	for (;; first = next) {
		oracle_remove(&world->oracle, first);
		next = oracle_first(&world->oracle, first->last, ULONG_MAX);
		if (first == last)
			break;
		free(first);
	}
	free(last);
}

static void do_look_up(struct world *world)
{
	unsigned long a = unit_chance(50) ? edge(world) : world->address(world);
	unsigned long b = unit_chance(50) ? edge(world) : world->address(world);
	unsigned long start = a < b ? a : b, last = a < b ? b : a;

	if (unit_chance(30))
		last = start;
	expect(iova_tree_first(&world->tree, start, last) ==
	       oracle_first(&world->oracle, start, last), "[%#lx, %#lx]",
	       start, last);
	expect(iova_tree_before(&world->tree, start) ==
	       oracle_before(&world->oracle, start), "%#lx", start);
}

static void choose_want(struct world *world, struct iova_want *want)
{
	struct iova_node *node = any_node(world);

	want->length = world->length(world);
	/* A length that just fits, or that just does not. */
	if (node && unit_chance(30))
		want->length = at_least_1(node->gap + unit_below(3) - 1);

	want->align = world->align(world);
	switch (unit_below(4)) {
	case 0:
		want->offset = 0;
		break;
	case 1:
		want->offset = want->align - 1;
		break;
	case 2:
		want->offset = unit_random();
		break;
	case 3:
		want->offset = edge(world);
		break;
	}
	want->offset &= want->align - 1;
}

static void choose_bounds(struct world *world, unsigned long *low,
			  unsigned long *high)
{
	*low = 0;
	*high = ULONG_MAX;
	if (unit_chance(60))
		*low = unit_chance(50) ? edge(world) : world->address(world);
	if (unit_chance(60))
		*high = unit_chance(50) ? edge(world) : world->address(world);
}

static void do_place(struct world *world)
{
	unsigned long low, high, start = 0, expected = 0;
	unsigned int misses = 0, probes;
	struct iova_want want;
	bool found;

	choose_want(world, &want);
	choose_bounds(world, &low, &high);

	found = oracle_place(&world->oracle, low, high, &want, &expected,
			     &misses);
	if (low <= high && high - low < TRIAL_LIMIT) {
		expect(oracle_place_by_trial(&world->oracle, low, high, &want,
					     &start) == found &&
		       (!found || start == expected), "the oracle is wrong");
	}

	probes = unit_chance(50) ? IOVA_PLACE_PROBES : 1 + unit_below(4);
	expect(place_in_steps(&world->tree, low, high, &want, probes,
			      &start) == found,
	       "[%#lx, %#lx] length %#lx align %#lx offset %#lx: %#lx",
	       low, high, want.length, want.align, want.offset,
	       found ? expected : start);
	if (!found)
		return;
	/* After many misses the place may be a higher one, but must be a valid one. */
	expect(start == expected ||
	       (misses > IOVA_PLACE_MISSES && start > expected &&
		start % want.align == want.offset && start <= high &&
		want.length - 1 <= high - start &&
		oracle_free(&world->oracle, start, start + want.length - 1)),
	       "%#lx, not %#lx; [%#lx, %#lx] length %#lx align %#lx offset %#lx",
	       start, expected, low, high, want.length, want.align,
	       want.offset);

	if (unit_chance(70) && world->oracle.nr < world->most) {
		insert(world, start, start + want.length - 1);
		expect(iova_tree_first(&world->tree, start, start), "%#lx",
		       start);
	}
}

/* Grow and shrink in turns, so that all sizes from 0 on occur. */
static bool choose_growth(struct world *world, bool growing)
{
	if (!world->oracle.nr)
		return true;
	if (world->oracle.nr >= world->most)
		return false;
	return unit_below(world->most * 4) ? growing : !growing;
}

static void run_world(struct world *world)
{
	unsigned int largest = 0, i;
	bool growing = true;

	oracle_init(&world->oracle, MAX_NODES);
	while (unit_next_step()) {
		unsigned int remove = growing ? 10 : 45;
		unsigned long dice = unit_below(100);

		if (dice < remove)
			do_remove(world);
		else if (dice < remove + 15)
			do_look_up(world);
		else if (dice < remove + 45 || world->oracle.nr >= world->most)
			do_place(world);
		else
			do_insert(world);

		oracle_verify(&world->oracle, &world->tree);
		growing = choose_growth(world, growing);
		if (world->oracle.nr > largest)
			largest = world->oracle.nr;
	}
	unit_note("up to %u mappings", largest);
	for (i = 0; i < world->oracle.nr; i++)
		free(world->oracle.nodes[i]);
	oracle_destroy(&world->oracle);
}

/* Only 256 addresses, so that most ranges overlap. */

static unsigned long small_address(struct world *world)
{
	(void)world;
	return unit_below(256);
}

static unsigned long small_length(struct world *world)
{
	(void)world;
	return 1 + unit_below(unit_chance(70) ? 6 : 80);
}

static unsigned long small_align(struct world *world)
{
	(void)world;
	return 1UL << unit_below(unit_chance(90) ? 7 : 64);
}

static void small(void)
{
	struct world world = {
		.most = 80,
		.address = small_address,
		.length = small_length,
		.align = small_align,
	};

	run_world(&world);
}

/* The same at the end of the address space. */

static unsigned long top_address(struct world *world)
{
	(void)world;
	return ULONG_MAX - unit_below(256);
}

static void small_at_the_top(void)
{
	struct world world = {
		.most = 80,
		.address = top_address,
		.length = small_length,
		.align = small_align,
	};

	run_world(&world);
}

/* All of the address space; its ends and powers of two are more likely. */

static unsigned long extreme_address(struct world *world)
{
	unsigned long near = unit_below(600) - 300;

	switch (unit_below(6)) {
	case 0:
		return near;
	case 1:
		return (1UL << unit_below(64)) + near;
	case 2:
		return unit_any_size();
	case 3:
		return ~unit_any_size();
	case 4:
		return unit_random();
	default:
		return edge(world);
	}
}

static unsigned long extreme_length(struct world *world)
{
	(void)world;
	switch (unit_below(10)) {
	case 0:
		return at_least_1(unit_any_size());
	case 1:
		return at_least_1((1UL << unit_below(64)) + unit_below(3) - 1);
	case 2:
		return ULONG_MAX - unit_below(3);
	case 3:
		return (1UL << 63) + unit_below(5) - 2;
	default:
		return 1 + (unit_any_size() >> 20);
	}
}

static unsigned long extreme_align(struct world *world)
{
	(void)world;
	return 1UL << unit_below(64);
}

static void extremes(void)
{
	struct world world = {
		.most = 60,
		.address = extreme_address,
		.length = extreme_length,
		.align = extreme_align,
	};

	run_world(&world);
}

/* As in real use: many mappings of whole pages, aligned. */

static unsigned long page_address(struct world *world)
{
	(void)world;
	return unit_below(1UL << 16) << 12;
}

static unsigned long page_length(struct world *world)
{
	(void)world;
	return (1 + unit_below(unit_chance(80) ? 4 : 512)) << 12;
}

static unsigned long page_align(struct world *world)
{
	(void)world;
	return 1UL << (12 + unit_below(10));
}

static void pages(void)
{
	struct world world = {
		.most = 1000,
		.address = page_address,
		.length = page_length,
		.align = page_align,
	};

	run_world(&world);
}

static bool place(const struct iova_tree *tree, unsigned long low,
		  unsigned long high, const struct iova_want *want,
		  unsigned long *start)
{
	return place_in_steps(tree, low, high, want, 1, start);
}

/* The answers of an empty tree, and of a tree without a free address. */
static void empty_and_full(void)
{
	const struct iova_want page = { 4096, 4096, 0 }, byte = { 1, 1, 0 };
	const struct iova_want all_but_one = { ULONG_MAX, 1, 0 };
	struct iova_node all = { .start = 0, .last = ULONG_MAX };
	struct iova_node one = { .start = 7, .last = 7 };
	struct iova_tree tree = {};
	unsigned long start;

	expect(iova_tree_empty(&tree), "");
	expect(!iova_tree_first(&tree, 0, ULONG_MAX), "");
	expect(!iova_tree_before(&tree, ULONG_MAX), "");
	expect(place(&tree, 1, ULONG_MAX, &page, &start) &&
	       start == 4096, "%#lx", start);
	expect(place(&tree, 1, ULONG_MAX, &all_but_one, &start) &&
	       start == 1, "%#lx", start);
	expect(!place(&tree, 2, ULONG_MAX, &all_but_one, &start), "");
	expect(!place(&tree, 1, ULONG_MAX - 1, &all_but_one, &start),
	       "");

	expect(iova_tree_insert(&tree, &all), "");
	expect(!iova_tree_empty(&tree), "");
	expect(!iova_tree_insert(&tree, &one), "");
	expect(iova_tree_first(&tree, 5, 5) == &all, "");
	expect(!iova_tree_before(&tree, 0), "");
	expect(iova_tree_before(&tree, 1) == &all, "");
	expect(!iova_node_next(&all), "");
	expect(!place(&tree, 0, ULONG_MAX, &byte, &start), "");

	iova_tree_remove(&tree, &all, &all);
	expect(iova_tree_empty(&tree), "");
}

static const struct unit_test tests[] = {
	{ "empty tree and full tree", empty_and_full, 0 },
	{ "256 addresses from 0 on", small, 100000 },
	{ "256 addresses at the top", small_at_the_top, 100000 },
	{ "whole address space", extremes, 150000 },
	{ "up to 1000 mappings of pages", pages, 20000 },
	{ "cost of placing in a dense space", iova_cost_dense, 0 },
	{ "cost of placing among holes too small", iova_cost_holes, 0 },
	{ "cost of placing among misaligned holes", iova_cost_misaligned, 0 },
	{ "cost of a step among misaligned holes", iova_cost_step, 0 },
	{ "cost of lookups", iova_cost_lookups, 0 },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
