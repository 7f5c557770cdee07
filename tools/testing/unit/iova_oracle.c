// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "iova_oracle.h"
#include "unit.h"

void oracle_init(struct iova_oracle *oracle, unsigned int room)
{
	oracle->nodes = unit_alloc(room * sizeof(*oracle->nodes));
	oracle->nr = 0;
	oracle->room = room;
}

void oracle_destroy(struct iova_oracle *oracle)
{
	free(oracle->nodes);
}

struct iova_node *oracle_first(const struct iova_oracle *oracle,
			       unsigned long start, unsigned long last)
{
	unsigned int i;

	for (i = 0; i < oracle->nr; i++) {
		struct iova_node *node = oracle->nodes[i];

		if (node->start <= last && start <= node->last)
			return node;
	}
	return NULL;
}

struct iova_node *oracle_before(const struct iova_oracle *oracle,
				unsigned long start)
{
	struct iova_node *found = NULL;
	unsigned int i;

	for (i = 0; i < oracle->nr; i++) {
		if (oracle->nodes[i]->start < start)
			found = oracle->nodes[i];
	}
	return found;
}

bool oracle_free(const struct iova_oracle *oracle, unsigned long start,
		 unsigned long last)
{
	return !oracle_first(oracle, start, last);
}

void oracle_insert(struct iova_oracle *oracle, struct iova_node *node)
{
	unsigned int i = oracle->nr++;

	expect(i < oracle->room, "the test inserts too much");
	for (; i && oracle->nodes[i - 1]->start > node->start; i--)
		oracle->nodes[i] = oracle->nodes[i - 1];
	oracle->nodes[i] = node;
}

void oracle_remove(struct iova_oracle *oracle, struct iova_node *node)
{
	unsigned int i;

	for (i = 0; oracle->nodes[i] != node; i++)
		;
	oracle->nr--;
	memmove(&oracle->nodes[i], &oracle->nodes[i + 1],
		(oracle->nr - i) * sizeof(*oracle->nodes));
}

/* Place into [low, end), all of which is free. 128 bits do not overflow. */
static bool place_in_hole(unsigned __int128 low, unsigned __int128 end,
			  const struct iova_want *want, unsigned long *start)
{
	unsigned __int128 at = low - low % want->align + want->offset;

	if (at < low)
		at += want->align;
	*start = at;
	return at + want->length <= end;
}

bool oracle_place(const struct iova_oracle *oracle, unsigned long low,
		  unsigned long high, const struct iova_want *want,
		  unsigned long *start, unsigned int *misses)
{
	/* The hole before each node, and then the hole after the last node. */
	unsigned __int128 hole = 0, end;
	unsigned int i;

	for (i = 0; i <= oracle->nr; i++) {
		end = i < oracle->nr ? oracle->nodes[i]->start :
				       (unsigned __int128)ULONG_MAX + 1;
		if (end > high)
			end = (unsigned __int128)high + 1;
		if (hole < low)
			hole = low;
		if (hole < end && place_in_hole(hole, end, want, start))
			return true;
		if (hole < end && end - hole >= want->length)
			++*misses;
		if (i < oracle->nr)
			hole = (unsigned __int128)oracle->nodes[i]->last + 1;
	}
	return false;
}

bool oracle_place_by_trial(const struct iova_oracle *oracle, unsigned long low,
			   unsigned long high, const struct iova_want *want,
			   unsigned long *start)
{
	unsigned __int128 at;

	for (at = low; at + want->length <= (unsigned __int128)high + 1; at++) {
		*start = at;
		if (at % want->align == want->offset &&
		    oracle_free(oracle, at, at + want->length - 1))
			return true;
	}
	return false;
}

bool place_in_steps(const struct iova_tree *tree, unsigned long low,
		    unsigned long high, const struct iova_want *want,
		    unsigned int probes, unsigned long *start)
{
	struct iova_search search = { .low = low };
	int rc;

	for (;;) {
		search.probes = probes;
		rc = iova_tree_place(tree, &search, high, want);
		*start = search.start;
		if (rc != -EAGAIN)
			break;
		expect(!search.probes && search.low > low, "%u probes, %#lx",
		       search.probes, search.low);
		low = search.low;
	}
	expect(!rc || rc == -ENOSPC, "%d", rc);
	return !rc;
}

/* What verify_subtree() has found. */
struct subtree {
	unsigned long max_gap;
	unsigned int black_height;
};

static struct iova_node *to_node(struct rb_node *rb)
{
	return rb_entry(rb, struct iova_node, rb);
}

/* Compare a node of the tree with the oracle's node at @position. */
static void verify_node(const struct iova_oracle *oracle, unsigned int position,
			struct iova_node *node)
{
	unsigned long gap = node->start;

	expect(position < oracle->nr, "%u nodes", oracle->nr);
	expect(node == oracle->nodes[position], "at %u is %#lx, not %#lx",
	       position, node->start, oracle->nodes[position]->start);
	if (position)
		gap -= oracle->nodes[position - 1]->last + 1;
	expect(node->gap == gap, "%#lx has %#lx, not %#lx", node->start,
	       node->gap, gap);
	expect(iova_node_next(node) == (position + 1 < oracle->nr ?
					oracle->nodes[position + 1] : NULL),
	       "after %#lx", node->start);
}

static struct subtree verify_subtree(const struct iova_oracle *oracle,
				     unsigned int *position, struct rb_node *rb,
				     struct rb_node *parent)
{
	struct subtree left, right, whole = {};
	struct iova_node *node;

	if (!rb)
		return whole;

	node = to_node(rb);
	expect(rb_parent(rb) == parent, "%#lx", node->start);
	left = verify_subtree(oracle, position, rb->rb_left, rb);
	verify_node(oracle, (*position)++, node);
	right = verify_subtree(oracle, position, rb->rb_right, rb);

	whole.max_gap = node->gap;
	if (left.max_gap > whole.max_gap)
		whole.max_gap = left.max_gap;
	if (right.max_gap > whole.max_gap)
		whole.max_gap = right.max_gap;
	expect(node->max_gap == whole.max_gap, "%#lx has %#lx, not %#lx",
	       node->start, node->max_gap, whole.max_gap);

	expect(left.black_height == right.black_height, "below %#lx",
	       node->start);
	/* The lowest bit is the colour, 1 is black. */
	whole.black_height = left.black_height + (rb->__rb_parent_color & 1);
	return whole;
}

void oracle_verify(const struct iova_oracle *oracle,
		   const struct iova_tree *tree)
{
	unsigned int position = 0;

	verify_subtree(oracle, &position, tree->root.rb_node, NULL);
	expect(position == oracle->nr, "%u nodes, not %u", position,
	       oracle->nr);
	expect(iova_tree_empty(tree) == !oracle->nr, "%u nodes", oracle->nr);
}
