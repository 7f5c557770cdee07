/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_ALLOC_H
#define _IOMMUFD_IOVA_ALLOC_H

#include <linux/rbtree.h>
#include <linux/types.h>

/**
 * struct iova_node - an occupied interval of an IOVA tree
 * @rb: place in the tree
 * @start: first IOVA
 * @last: last IOVA, inclusive
 * @gap: free bytes directly before @start
 * @max_gap: largest @gap in the subtree of this node
 *
 * The caller sets @start and @last before insertion; they must not change while
 * the node is in the tree. The tree owns the other members.
 */
struct iova_node {
	struct rb_node rb;
	unsigned long start;
	unsigned long last;
	unsigned long gap;
	unsigned long max_gap;
};

/**
 * struct iova_tree - disjoint occupied intervals, and the gaps between them
 * @root: nodes in order of their IOVA
 * @highest: the highest node, NULL if there is none
 * @behind: the node behind those that were removed last, or NULL. What is
 *          mapped side by side is often unmapped in this order.
 */
struct iova_tree {
	struct rb_root root;
	struct iova_node *highest;
	struct iova_node *behind;
};

/**
 * struct iova_want - requirements of a mapping for its place
 * @length: bytes, at least 1
 * @align: power of two
 * @offset: the IOVA modulo @align
 */
struct iova_want {
	unsigned long length;
	unsigned long align;
	unsigned long offset;
};

/**
 * struct iova_search - a search for a place, which may take several steps
 * @low: no IOVA below is possible; the next step continues here
 * @probes: gaps and ranges that this step may still look at, at least 1
 * @start: the place found
 */
struct iova_search {
	unsigned long low;
	unsigned int probes;
	unsigned long start;
};

/* Misaligned gaps after which iova_tree_place() looks for a larger one */
#define IOVA_PLACE_MISSES 128

/* Probes of one step: it takes less than a millisecond and more than a break */
#define IOVA_PLACE_PROBES 4096

bool iova_tree_insert(struct iova_tree *tree, struct iova_node *node);
void iova_tree_remove(struct iova_tree *tree, struct iova_node *first,
		      struct iova_node *last);
struct iova_node *iova_tree_first(const struct iova_tree *tree,
				  unsigned long start, unsigned long last);
struct iova_node *iova_tree_before(const struct iova_tree *tree,
				   unsigned long start);
struct iova_node *iova_node_next(struct iova_node *node);
struct iova_node *iova_node_prev(struct iova_node *node);
int iova_tree_place(const struct iova_tree *tree, struct iova_search *search,
		    unsigned long high, const struct iova_want *want);

static inline bool iova_tree_empty(const struct iova_tree *tree)
{
	return RB_EMPTY_ROOT(&tree->root);
}

#endif
