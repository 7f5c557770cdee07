// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: splitting an area
 *
 * Version 1 of VFIO's type1 lets user space unmap a part of a mapping. For that
 * the area is split in two at an IOVA. Both halves refer to the memory of the
 * whole area, each is a user of its part of the pages, and both are in the page
 * tables that the whole area was in. No IO page table changes. The halves can
 * be unmapped one by one because no IO page is larger than PAGE_SIZE while
 * version 1 is in use.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "iova_area.h"
#include "iova_pgtable.h"

/*
 * Return: true if @iova lies between two pages of the memory, and between two
 * IO pages of the page tables that the area is in.
 */
static bool can_split_area(struct iova_space *space,
			   const struct iova_area *area, unsigned long iova)
{
	unsigned long offset = area->offset + (iova - area->node.start);

	/* A kind that maps its areas itself unmaps them as a whole. */
	if (area->nr_pgtables && iova_area_umem(area)->ops->map)
		return false;
	/* An access that has pinned the area will unpin it as a whole. */
	if (area->nr_pins || (area->nr_pgtables && !space->small_pages))
		return false;
	return !offset_in_page(offset) && !offset_in_page(iova);
}

/* Mark the area to split at @iova; *area is NULL if none has to be. */
static int take_area_to_split(struct iova_space *space, unsigned long iova,
			      struct iova_area **area)
{
	for (;;) {
		int rc;

		*area = __iova_space_first(space, iova, iova);
		if (!*area || (*area)->node.start == iova) {
			*area = NULL;
			return 0;
		}
		if ((*area)->state == AREA_CREATING ||
		    (*area)->state == AREA_REMOVING)
			return -EBUSY;
		if ((*area)->state == AREA_IDLE)
			break;
		rc = __iova_space_wait(space, TASK_KILLABLE,
				       MAX_SCHEDULE_TIMEOUT);
		if (rc)
			return rc;
	}

	if (!can_split_area(space, *area, iova))
		return -EINVAL;
	(*area)->state = AREA_MOVING;
	(*area)->next = NULL;
	return 0;
}

/*
 * Split an area that the caller has marked. @tail becomes the second half, is
 * linked behind the first one and gets the caller's reference to the memory.
 */
static void split_area(struct iova_space *space, struct iova_area *area,
		       unsigned long iova, struct iova_area *tail)
{
	iova_copy_set_umem(tail, iova_area_umem(area));
	tail->offset = area->offset + (iova - area->node.start);
	tail->node.start = iova;
	tail->node.last = area->node.last;
	tail->nr_pgtables = area->nr_pgtables;
	tail->prot = area->prot;
	tail->pinned = area->pinned;
	tail->made = area->made;

	space->nr_order[iova_area_order(area)]--;
	iova_tree_remove(&space->areas, &area->node, &area->node);
	area->node.last = iova - 1;
	area->next = tail;
	for (; area; area = area->next) {
		iova_tree_insert(&space->areas, &area->node);
		space->nr_order[iova_area_order(area)]++;
	}
}

/* Allow the pages of the area to be unpinned in two parts. */
static int split_umem(const struct iova_area *area, unsigned long iova)
{
	unsigned long offset = area->offset + (iova - area->node.start);

	if (!area->pinned)
		return 0;
	return iommufd_umem_split(iova_area_umem(area), offset >> PAGE_SHIFT);
}

/**
 * iova_space_split() - split the area that lies across a border
 * @space: space
 * @iova: first IOVA behind the border
 *
 * Context: process context; may wait for another thread that moves the area, a
 * fatal signal ends the wait.
 * Return: 0, also if no area lies across the border; -EINVAL if the border does
 * not lie between two pages, the area may have larger IO pages, or an access
 * has pinned it; -EBUSY if it is being made or removed; -EOVERFLOW if the
 * memory has IOMMUFD_MAX_USERS; -ENOMEM, -EINTR. Nothing has changed on
 * failure.
 */
int iova_space_split(struct iova_space *space, unsigned long iova)
{
	struct iova_area *area, *tail;
	int rc;

	tail = iova_area_create_copy(0);
	if (!tail)
		return -ENOMEM;

	mutex_lock(&space->lock);
	rc = take_area_to_split(space, iova, &area);
	mutex_unlock(&space->lock);
	if (rc || !area)
		goto out_free;

	rc = split_umem(area, iova);

	mutex_lock(&space->lock);
	/* An access may have pinned the area meanwhile. */
	if (!rc && area->nr_pins)
		rc = -EINVAL;
	if (!rc && !iommufd_umem_get(iova_area_umem(area)))
		rc = -EOVERFLOW;
	if (!rc) {
		split_area(space, area, iova, tail);
		__iova_pgtables_lift_marks(space, area->node.start, iova);
	}
	__iova_areas_idle(space, area);
	mutex_unlock(&space->lock);
	if (!rc)
		return 0;
out_free:
	kfree(tail);
	return rc;
}
