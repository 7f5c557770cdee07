// SPDX-License-Identifier: GPL-2.0
/*
 * The alignment of areas in an IOVA space, and whether their IO pages may be
 * larger than PAGE_SIZE
 */
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "iova_align.h"
#include "iova_space.h"

/* Return: the alignment that page tables, accesses and options ask for. */
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

/*
 * Ask for a coarser alignment, a power of two.
 * Return: 0, -EADDRINUSE if an area does not have it.
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

/*
 * Return: bitmap of the IO page sizes that all page tables have. Sizes below
 * PAGE_SIZE count as PAGE_SIZE, as memory is managed in whole pages.
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

/* Return: true if IO pages may be larger than PAGE_SIZE. */
bool iova_space_huge_pages(struct iova_space *space)
{
	return !READ_ONCE(space->small_pages);
}

/*
 * Set whether IO pages may be larger than PAGE_SIZE. Enabling never fails.
 * Return: 0; -EINVAL to disable if the space has both a page table and an area,
 * -EADDRINUSE to disable if an area is not page aligned.
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
