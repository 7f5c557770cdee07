// SPDX-License-Identifier: GPL-2.0
/*
 * What start, length and page offset of areas are a multiple of, and how large
 * IO pages may be
 */
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "iova_align.h"
#include "iova_space.h"

/**
 * __iova_space_calc_alignment() - what domains, accesses and options ask for
 * @space: space, locked
 *
 * Return: what start and length of mappings must be a multiple of.
 */
unsigned long __iova_space_calc_alignment(struct iova_space *space)
{
	unsigned long alignment = space->small_pages ? PAGE_SIZE : 1;
	struct iova_access *access;
	struct iova_pgtable *pgt;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(pgt, &space->pgtables, entry)
		alignment =
			max(alignment, iommufd_pgtable_alignment(&pgt->table));
	list_for_each_entry(access, &space->accesses, entry) {
		if (access->pins)
			alignment = PAGE_SIZE;
	}
	return alignment;
}

/**
 * __iova_space_raise_alignment() - ask for a coarser alignment
 * @space: space, locked
 * @alignment: power of two
 *
 * Return: 0, -EADDRINUSE if there is an area that does not have it.
 */
int __iova_space_raise_alignment(struct iova_space *space,
				 unsigned long alignment)
{
	unsigned int order;

	for (order = 0; order < ilog2(alignment); order++) {
		if (space->nr_order[order])
			return -EADDRINUSE;
	}
	space->alignment = max(space->alignment, alignment);
	return 0;
}

/**
 * iova_space_page_sizes() - which IO pages mappings can consist of
 * @space: space
 *
 * Return: bitmap of the sizes that all domains have. Those below PAGE_SIZE count
 * as PAGE_SIZE, as no memory is managed in less.
 */
unsigned long iova_space_page_sizes(struct iova_space *space)
{
	unsigned long sizes = PAGE_MASK;
	struct iova_pgtable *pgt;

	mutex_lock(&space->lock);
	list_for_each_entry(pgt, &space->pgtables, entry)
		sizes &= pgt->table.domain->pgsize_bitmap;
	mutex_unlock(&space->lock);
	return sizes | PAGE_SIZE;
}

/**
 * iova_space_huge_pages() - may IO pages be larger than PAGE_SIZE
 * @space: space
 *
 * Return: true if they may.
 */
bool iova_space_huge_pages(struct iova_space *space)
{
	return !READ_ONCE(space->small_pages);
}

/**
 * iova_space_set_huge_pages() - choose whether IO pages may be large
 * @space: space
 * @enable: they may
 *
 * Return: 0; to disable -EINVAL with both a domain and a mapping, -EADDRINUSE
 * if a mapping is not page aligned.
 */
int iova_space_set_huge_pages(struct iova_space *space, bool enable)
{
	int rc = 0;

	mutex_lock(&space->lock);
	if (enable) {
		space->small_pages = false;
		space->alignment = __iova_space_calc_alignment(space);
	} else if (!space->small_pages) {
		if (!list_empty(&space->pgtables) &&
		    !iova_tree_empty(&space->areas))
			rc = -EINVAL;
		else
			rc = __iova_space_raise_alignment(space, PAGE_SIZE);
		if (!rc)
			space->small_pages = true;
	}
	mutex_unlock(&space->lock);
	return rc;
}
