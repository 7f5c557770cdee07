// SPDX-License-Identifier: GPL-2.0
/*
 * May a module walk the holes of an interval tree? Declared since 6.2, where the
 * kernel is built with the code; exported on none we know.
 * Exported: interval_tree_span_iter_first
 * Exported: interval_tree_span_iter_next
 */
#include <linux/interval_tree.h>

void probe(struct interval_tree_span_iter *iter, struct rb_root_cached *root)
{
	interval_tree_span_iter_first(iter, root, 0, ULONG_MAX);
}
