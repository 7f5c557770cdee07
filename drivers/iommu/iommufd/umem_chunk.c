// SPDX-License-Identifier: GPL-2.0
/*
 * A tree of disjoint intervals of page indices. As they are disjoint, their
 * order alone finds what overlaps a range: an interval tree would keep more in
 * each node, and every small mapping has a node.
 */
#include "umem_chunk.h"

/**
 * umem_chunks_first() - find the lowest chunk that has pages of a range
 * @chunks: tree
 * @first: index of the first page
 * @last: index of the last page
 *
 * Return: the chunk, or NULL.
 */
struct umem_chunk *umem_chunks_first(const struct rb_root *chunks,
				     unsigned long first, unsigned long last)
{
	struct rb_node *rb = chunks->rb_node;
	struct umem_chunk *lowest = NULL;

	while (rb) {
		struct umem_chunk *chunk = to_umem_chunk(rb);

		if (chunk->last < first) {
			rb = rb->rb_right;
			continue;
		}
		lowest = chunk;
		/* The chunks are disjoint, so no lower one has @first. */
		if (umem_chunk_first(chunk) <= first)
			break;
		rb = rb->rb_left;
	}
	return lowest && umem_chunk_first(lowest) <= last ? lowest : NULL;
}

/**
 * umem_chunks_insert() - put a chunk into the tree
 * @chunks: tree, which has none of its pages
 * @chunk: chunk with its first and last page
 */
void umem_chunks_insert(struct rb_root *chunks, struct umem_chunk *chunk)
{
	struct rb_node **link = &chunks->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = umem_chunk_first(chunk) <
				       umem_chunk_first(to_umem_chunk(parent)) ?
			       &parent->rb_left :
			       &parent->rb_right;
	}
	rb_link_node(&chunk->rb, parent, link);
	rb_insert_color(&chunk->rb, chunks);
}
