/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOVA_ORACLE_H
#define _IOVA_ORACLE_H

#include "iova_alloc.h"

/*
 * The simplest implementation of what the IOVA tree does: a sorted array that is
 * searched from its beginning to its end.
 */
struct iova_oracle {
	struct iova_node **nodes;
	unsigned int nr;
	unsigned int room;
};

void oracle_init(struct iova_oracle *oracle, unsigned int room);
void oracle_destroy(struct iova_oracle *oracle);

bool oracle_free(const struct iova_oracle *oracle, unsigned long start,
		 unsigned long last);
void oracle_insert(struct iova_oracle *oracle, struct iova_node *node);
void oracle_remove(struct iova_oracle *oracle, struct iova_node *node);
struct iova_node *oracle_first(const struct iova_oracle *oracle,
			       unsigned long start, unsigned long last);
struct iova_node *oracle_before(const struct iova_oracle *oracle,
				unsigned long start);
bool oracle_place(const struct iova_oracle *oracle, unsigned long low,
		  unsigned long high, const struct iova_want *want,
		  unsigned long *start, unsigned int *misses);
/* Tries one IOVA after the other, without gaps. For narrow bounds. */
bool oracle_place_by_trial(const struct iova_oracle *oracle, unsigned long low,
			   unsigned long high, const struct iova_want *want,
			   unsigned long *start);

/*
 * Call iova_tree_place() from @low on with @probes for each step, until it has an
 * answer. No step may go back to what an earlier step has searched.
 */
bool place_in_steps(const struct iova_tree *tree, unsigned long low,
		    unsigned long high, const struct iova_want *want,
		    unsigned int probes, unsigned long *start);

/* Expect the tree to have the oracle's nodes, with correct gaps and links. */
void oracle_verify(const struct iova_oracle *oracle,
		   const struct iova_tree *tree);

#endif
