// SPDX-License-Identifier: GPL-2.0
/*
 * Choice of the IOVA of a mapping: a tree of occupied IOVA with its gaps.
 * Pure computation: no locks, no allocation; tools/testing/unit builds this
 * file in user space.
 *
 * All intervals are inclusive at both ends, so that the last byte of the
 * 64-bit space needs no special case. A gap is at most ULONG_MAX bytes: the
 * tree stores gaps only in front of nodes.
 */
#include <linux/errno.h>
#include <linux/overflow.h>
#include <linux/rbtree_augmented.h>

#include "iova_alloc.h"

#define to_node(ptr) rb_entry(ptr, struct iova_node, rb)

static inline unsigned long iova_node_gap(struct iova_node *node)
{
	return node->gap;
}

RB_DECLARE_CALLBACKS_MAX(static, iova_callbacks, struct iova_node, rb,
			 unsigned long, max_gap, iova_node_gap)

static struct iova_node *node_or_null(struct rb_node *rb)
{
	return rb ? to_node(rb) : NULL;
}

/* Return: the node with the next higher IOVA, or NULL. */
struct iova_node *iova_node_next(struct iova_node *node)
{
	return node_or_null(rb_next(&node->rb));
}

/* Return: the node with the next lower IOVA, or NULL. */
struct iova_node *iova_node_prev(struct iova_node *node)
{
	return node_or_null(rb_prev(&node->rb));
}

static void set_gap(struct iova_node *node, unsigned long gap)
{
	node->gap = gap;
	iova_callbacks_propagate(&node->rb, NULL);
}

/* A gap that grows can only raise the max_gap of the nodes above it. */
static void grow_gap(struct iova_node *node, unsigned long gap)
{
	struct rb_node *rb;

	node->gap = gap;
	for (rb = &node->rb; rb && to_node(rb)->max_gap < gap;
	     rb = rb_parent(rb))
		to_node(rb)->max_gap = gap;
}

/*
 * Find the place of a new node. Return: the link to set, or NULL if the
 * interval is not free. *parent is the node that has the link, *prev and *next
 * are the neighbours.
 */
static struct rb_node **find_link(struct iova_tree *tree,
				  const struct iova_node *node,
				  struct rb_node **parent,
				  struct iova_node **prev,
				  struct iova_node **next)
{
	struct rb_node **link = &tree->root.rb_node;

	/* Mapping in ascending order needs no search. */
	if (tree->highest && node->start > tree->highest->last) {
		*prev = tree->highest;
		*parent = &tree->highest->rb;
		return &tree->highest->rb.rb_right;
	}

	while (*link) {
		struct iova_node *here = to_node(*link);

		*parent = *link;
		if (node->last < here->start) {
			*next = here;
			link = &here->rb.rb_left;
		} else if (node->start > here->last) {
			*prev = here;
			link = &here->rb.rb_right;
		} else {
			return NULL;
		}
	}
	return link;
}

/**
 * iova_tree_insert() - occupy an interval
 * @tree: tree
 * @node: node with start <= last
 *
 * Return: false, with the tree unchanged, if the interval is not free.
 */
bool iova_tree_insert(struct iova_tree *tree, struct iova_node *node)
{
	struct iova_node *prev = NULL, *next = NULL;
	struct rb_node **link, *parent = NULL;

	link = find_link(tree, node, &parent, &prev, &next);
	if (!link)
		return false;

	node->gap = prev ? node->start - prev->last - 1 : node->start;
	node->max_gap = node->gap;
	rb_link_node(&node->rb, parent, link);
	iova_callbacks_propagate(parent, NULL);
	rb_insert_augmented(&node->rb, &tree->root, &iova_callbacks);
	if (next)
		set_gap(next, next->start - node->last - 1);
	else
		tree->highest = node;
	return true;
}

/**
 * iova_tree_remove() - free intervals that follow each other
 * @tree: tree
 * @first: lowest of the nodes
 * @last: highest of the nodes; all nodes between the two are removed as well
 *
 * The gap behind the nodes is updated once, before they are erased. It is
 * larger than their gaps, so that erasing them changes few max_gap above them.
 */
void iova_tree_remove(struct iova_tree *tree, struct iova_node *first,
		      struct iova_node *last)
{
	struct iova_node *behind = iova_node_next(last), *node = first, *next;

	if (behind)
		grow_gap(behind, behind->start - (first->start - first->gap));
	else
		tree->highest = iova_node_prev(first);
	tree->behind = behind;
	for (;; node = next) {
		next = node == last ? NULL : iova_node_next(node);
		rb_erase_augmented(&node->rb, &tree->root, &iova_callbacks);
		if (!next)
			break;
	}
}

/**
 * iova_tree_first() - find the lowest occupied interval in a range
 * @tree: tree
 * @start: first IOVA of the range
 * @last: last IOVA of the range
 *
 * Return: the lowest node that has at least one IOVA in the range, or NULL.
 */
struct iova_node *iova_tree_first(const struct iova_tree *tree,
				  unsigned long start, unsigned long last)
{
	struct rb_node *rb = tree->root.rb_node;
	struct iova_node *found = NULL;

	if (tree->behind && tree->behind->start == start)
		return tree->behind;
	while (rb) {
		struct iova_node *node = to_node(rb);

		if (node->last >= start) {
			found = node;
			rb = rb->rb_left;
		} else {
			rb = rb->rb_right;
		}
	}
	return found && found->start <= last ? found : NULL;
}

/**
 * iova_tree_before() - find the highest occupied interval below an IOVA
 * @tree: tree
 * @start: IOVA
 *
 * Return: the highest node that begins below @start, or NULL.
 */
struct iova_node *iova_tree_before(const struct iova_tree *tree,
				   unsigned long start)
{
	struct rb_node *rb = tree->root.rb_node;
	struct iova_node *found = NULL;

	while (rb) {
		struct iova_node *node = to_node(rb);

		if (node->start < start) {
			found = node;
			rb = rb->rb_right;
		} else {
			rb = rb->rb_left;
		}
	}
	return found;
}

/* The lowest node with a gap of @length bytes in a subtree that has one */
static struct iova_node *lowest_gap(struct rb_node *rb, unsigned long length)
{
	for (;;) {
		if (rb->rb_left && to_node(rb->rb_left)->max_gap >= length) {
			rb = rb->rb_left;
			continue;
		}
		if (to_node(rb)->gap >= length)
			return to_node(rb);
		rb = rb->rb_right;
	}
}

/* The first node above @node with a gap of at least @length bytes. */
static struct iova_node *next_gap(struct iova_node *node, unsigned long length)
{
	struct rb_node *rb = &node->rb, *parent;

	if (rb->rb_right && to_node(rb->rb_right)->max_gap >= length)
		return lowest_gap(rb->rb_right, length);

	for (; (parent = rb_parent(rb)); rb = parent) {
		if (rb == parent->rb_right)
			continue;
		if (to_node(parent)->gap >= length)
			return to_node(parent);
		if (parent->rb_right &&
		    to_node(parent->rb_right)->max_gap >= length)
			return lowest_gap(parent->rb_right, length);
	}
	return NULL;
}

/* Round @low up to the alignment in @want. Return: false if that wraps. */
static bool first_aligned(unsigned long low, const struct iova_want *want,
			  unsigned long *start)
{
	unsigned long base = low & ~(want->align - 1);

	if (base + want->offset >= low) {
		*start = base + want->offset;
		return true;
	}
	return !check_add_overflow(base, want->align + want->offset, start);
}

/* The lowest IOVA above @node behind a gap of at least @length bytes. */
static bool low_of_next_gap(const struct iova_tree *tree,
			    struct iova_node *node, unsigned long length,
			    unsigned long *low)
{
	struct iova_node *next = next_gap(node, length);

	if (next) {
		*low = next->start - next->gap;
		return true;
	}
	/* The tree does not store the gap behind the last node. */
	return !check_add_overflow(tree->highest->last, 1UL, low);
}

/* Find a place above @node in a gap that is large enough for any alignment. */
static bool place_roomy(const struct iova_tree *tree, struct iova_node *node,
			unsigned long high, const struct iova_want *want,
			unsigned long *start)
{
	unsigned long room, low, last;

	return !check_add_overflow(want->length, want->align - 1, &room) &&
	       low_of_next_gap(tree, node, room, &low) &&
	       first_aligned(low, want, start) &&
	       !check_add_overflow(*start, want->length - 1, &last) &&
	       last <= high;
}

/**
 * iova_tree_place() - find a low place for a mapping
 * @tree: tree
 * @search: the search; the place on success
 * @high: highest IOVA allowed, inclusive
 * @want: length and alignment
 *
 * The search looks only at gaps of at least the wanted length, in O(log n) for
 * each, and takes the lowest place. A gap of at least length + align - 1 bytes
 * always has a place; a smaller one may be misaligned. After IOVA_PLACE_MISSES
 * misaligned gaps the search takes the lowest place in a gap of that size, if
 * there is one below @high. If there is none, it must look at all smaller gaps
 * below @high, @search->probes of them in one call.
 *
 * Return: 0; -ENOSPC if there is no room; -EAGAIN if the caller must continue
 * @search.
 */
int iova_tree_place(const struct iova_tree *tree, struct iova_search *search,
		    unsigned long high, const struct iova_want *want)
{
	unsigned int misses = 0;
	unsigned long last;

	while (first_aligned(search->low, want, &search->start) &&
	       !check_add_overflow(search->start, want->length - 1, &last) &&
	       last <= high) {
		struct iova_node *node = iova_tree_first(tree, search->start,
							 last);

		if (!node)
			return 0;
		if (misses++ == IOVA_PLACE_MISSES &&
		    place_roomy(tree, node, high, want, &search->start))
			return 0;
		if (!low_of_next_gap(tree, node, want->length, &search->low))
			return -ENOSPC;
		if (!--search->probes)
			return -EAGAIN;
	}
	return -ENOSPC;
}
