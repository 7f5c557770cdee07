// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: domains of an IOVA space
 *
 * Each domain has the areas that start below its @filled mark, and no others.
 * Attaching a domain moves the mark up over all areas, detaching moves it down
 * again; for each step the area at the mark is marked AREA_MOVING, so MAP and
 * UNMAP of all other areas go on meanwhile. A new area below the mark is mapped
 * by its MAP, one above it by the mark when it arrives.
 *
 * The mark never passes an area that somebody else works on. That is why the
 * set of domains that a busy area belongs to does not change, why a domain in
 * this set stays on the list, and why a thread with a busy area can go through
 * the list without holding the lock in between.
 *
 * An area becomes a user of its pages when it enters its first domain, and
 * unpins them after it has left the last one and the IOTLB has been flushed.
 *
 * An attach or detach of a group and a change of the page table exclude each
 * other. VT-d drivers before Linux 6.11 find the IOTLBs to flush in a list that
 * attach and detach change, and have no lock for it. Long work lets groups
 * through after every piece.
 */
#include <linux/sched/signal.h>

#include "iova_align.h"
#include "iova_area.h"
#include "iova_pgtable.h"
#include "iova_ranges.h"

/* Step to the next domain that has the busy area at @start, if one is left. */
static void __next_pgtable(struct iova_space *space, struct iova_pgtables *iter,
			   unsigned long start)
{
	struct iova_pgtable *pgt =
		list_prepare_entry(iter->pgt, &space->pgtables, entry);

	list_for_each_entry_continue(pgt, &space->pgtables, entry) {
		if (start < pgt->filled)
			break;
	}
	iter->pgt = pgt;
	iter->filled = pgt->filled;
	iter->left--;
}

static void next_pgtable(struct iova_space *space, struct iova_pgtables *iter,
			 unsigned long start)
{
	if (!iter->left) {
		iter->pgt = NULL;
		return;
	}
	mutex_lock(&space->lock);
	__next_pgtable(space, iter, start);
	mutex_unlock(&space->lock);
}

/**
 * __iova_pgtables_of() - begin to go through the domains of an area
 * @space: space, locked
 * @area: busy area
 * @iter: filled in; its @pgt is NULL if the area belongs to no domain
 */
void __iova_pgtables_of(struct iova_space *space, const struct iova_area *area,
			struct iova_pgtables *iter)
{
	struct iova_pgtable *pgt;

	lockdep_assert_held(&space->lock);
	iter->pgt = NULL;
	iter->left = 0;
	list_for_each_entry(pgt, &space->pgtables, entry) {
		if (area->node.start < pgt->filled)
			iter->left++;
	}
	if (iter->left)
		__next_pgtable(space, iter, area->node.start);
}

/**
 * __iova_pgtables_lift_marks() - let no mark lie between the halves of an area
 * @space: space, locked
 * @start: first IOVA of the first half
 * @border: first IOVA of the second half
 *
 * A domain that has the whole has both halves, so its mark must not lie between
 * where they start. It can, because an area may have been mapped over the place
 * where the mark was; then no other area starts there.
 */
void __iova_pgtables_lift_marks(struct iova_space *space, unsigned long start,
				unsigned long border)
{
	struct iova_pgtable *pgt;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(pgt, &space->pgtables, entry) {
		if (pgt->filled > start && pgt->filled <= border)
			pgt->filled = border + 1;
	}
}

/**
 * iova_area_unpin() - the area is no user of its pages any more
 * @area: busy area that is in no domain
 */
void iova_area_unpin(struct iova_area *area)
{
	if (!area->pinned)
		return;
	area->pinned = false;
	iommufd_umem_unpin(area->umem, iova_area_first_page(area),
			   iova_area_last_page(area));
}

static int iova_area_pin(struct iova_area *area)
{
	unsigned long first = iova_area_first_page(area);
	unsigned long last = iova_area_last_page(area);
	int rc;

	/* What a MAP is making can be neither copied nor used by an access. */
	if (area->state == AREA_CREATING && iommufd_umem_is_new(area->umem))
		rc = iommufd_umem_pin_new(area->umem, first, last);
	else
		rc = iommufd_umem_pin(area->umem, first, last);
	area->pinned = !rc;
	return rc;
}

/* Let a busy area enter a domain. */
static int fill_area(struct iova_space *space, struct iova_pgtable *pgt,
		     struct iova_area *area)
{
	struct pgtable_range range = {
		.umem = area->umem,
		.offset = area->offset,
		.iova = area->node.start,
		.length = iova_area_length(area),
		.prot = area->prot,
	};
	int rc;

	if (!area->pinned) {
		rc = iova_area_pin(area);
		if (rc)
			return rc;
	}
	/*
	 * Small pages cannot become the rule while the space has a domain and
	 * an area, and has both. Clearing it is harmless at any time.
	 */
	range.small_pages = READ_ONCE(space->small_pages);
	rc = iommufd_pgtable_map(&pgt->table, &range);
	if (!rc)
		area->nr_pgtables++;
	else if (!area->nr_pgtables)
		iova_area_unpin(area);
	return rc;
}

/* Pages that a device may still reach are never unpinned. */
static void leak_areas(struct iova_area *areas, unsigned long filled)
{
	for (; areas && areas->node.start < filled; areas = areas->next)
		iommufd_umem_leak(areas->umem);
}

/* Let busy areas that start below @filled leave a domain. */
static void drain_areas(struct iova_pgtable *pgt, struct iova_area *areas,
			unsigned long filled)
{
	struct pgtable_unmap unmap __uninitialized;
	struct iova_area *area;

	iommufd_pgtable_unmap_begin(&unmap, &pgt->table);
	for (area = areas; area && area->node.start < filled;
	     area = area->next) {
		/* Filling it failed before it came to this domain. */
		if (!area->nr_pgtables)
			continue;
		iommufd_pgtable_unmap_add(&unmap, area->node.start,
					  iova_area_length(area));
		area->nr_pgtables--;
	}
	if (!iommufd_pgtable_unmap_end(&unmap))
		leak_areas(areas, filled);
}

static int fill_pgtables(struct iova_space *space, struct iova_area *area,
			 struct iova_pgtables *iter)
{
	int rc = 0;

	while (!rc && iter->pgt) {
		rc = fill_area(space, iter->pgt, area);
		next_pgtable(space, iter, area->node.start);
	}
	return rc;
}

/**
 * iova_areas_fill() - map new areas in all the domains they belong to
 * @space: space
 * @areas: list of areas in state AREA_CREATING
 * @iter: __iova_pgtables_of() the first of them
 *
 * Return: 0 or errno; then some areas may be in some domains, which is for
 * iova_areas_drain().
 */
int iova_areas_fill(struct iova_space *space, struct iova_area *areas,
		    struct iova_pgtables *iter)
{
	int rc;

	rc = fill_pgtables(space, areas, iter);
	while (!rc && (areas = areas->next)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		mutex_lock(&space->lock);
		__iova_pgtables_of(space, areas, iter);
		mutex_unlock(&space->lock);
		rc = fill_pgtables(space, areas, iter);
	}
	return rc;
}

/**
 * iova_areas_drain() - unmap areas from all domains and unpin their pages
 * @space: space
 * @areas: list of areas in state AREA_CREATING or AREA_REMOVING
 * @iter: __iova_pgtables_of() the first of them
 *
 * One IOTLB flush a domain serves all of them, and comes before the first page
 * is unpinned.
 */
void iova_areas_drain(struct iova_space *space, struct iova_area *areas,
		      struct iova_pgtables *iter)
{
	for (; iter->pgt; next_pgtable(space, iter, areas->node.start))
		drain_areas(iter->pgt, areas, iter->filled);
	for (; areas; areas = areas->next)
		iova_area_unpin(areas);
}

/* The lowest area that is not in a domain whose mark moves up. */
static struct iova_area *next_area_to_fill(struct iova_space *space,
					   struct iova_pgtable *pgt)
{
	struct iova_area *area;

	area = __iova_space_first(space, pgt->filled, ULONG_MAX);
	/*
	 * Across the mark lies the area that has moved it there, or one that
	 * its own MAP has put into the domain.
	 */
	if (area && area->node.start < pgt->filled)
		area = to_iova_area(iova_node_next(&area->node));
	return area;
}

/*
 * Move the mark of a domain above the next area. Return: 1 when there is none,
 * 0 to go on, or errno.
 */
static int fill_next_area(struct iova_space *space, struct iova_pgtable *pgt)
{
	struct iova_area *area;
	int rc = 0;

	mutex_lock(&space->lock);
	area = next_area_to_fill(space, pgt);
	if (!area) {
		pgt->filled = ULONG_MAX;
		rc = 1;
	} else if (area->state != AREA_IDLE) {
		rc = __iova_space_wait(space, TASK_KILLABLE,
				       MAX_SCHEDULE_TIMEOUT);
		area = NULL;
	} else {
		area->state = AREA_MOVING;
		area->next = NULL;
		/* What is mapped below it from now on is its MAP's to fill. */
		pgt->filled = area->node.start;
	}
	mutex_unlock(&space->lock);
	if (!area)
		return rc;

	rc = fill_area(space, pgt, area);

	mutex_lock(&space->lock);
	/* One above the start cannot wrap: the start of an area is aligned. */
	if (!rc)
		pgt->filled = area->node.start + 1;
	__iova_areas_idle(space, area);
	mutex_unlock(&space->lock);
	return rc;
}

/* Move the mark of a domain below the next area. Return: false at the end. */
static bool drain_next_area(struct iova_space *space, struct iova_pgtable *pgt)
{
	struct iova_area *area;
	bool wait = false;

	mutex_lock(&space->lock);
	area = to_iova_area(iova_tree_before(&space->areas, pgt->filled));
	if (area && area->state != AREA_IDLE) {
		/* What is mapped above it meanwhile stays out: no more waits. */
		pgt->filled = area->node.start + 1;
		/*
		 * Not killable, as nobody could go on in our place. Who works
		 * on the area can be killed, and is not waiting for us.
		 */
		__iova_space_wait(space, TASK_IDLE, MAX_SCHEDULE_TIMEOUT);
		wait = true;
	} else if (area) {
		area->state = AREA_MOVING;
		area->next = NULL;
		/* What is mapped above it from now on stays out. */
		pgt->filled = area->node.start + 1;
	} else {
		/* The same goes for all that is mapped before we return. */
		pgt->filled = 0;
	}
	mutex_unlock(&space->lock);
	if (wait || !area)
		return wait;

	drain_areas(pgt, area, ULONG_MAX);
	if (!area->nr_pgtables)
		iova_area_unpin(area);

	mutex_lock(&space->lock);
	pgt->filled = area->node.start;
	__iova_areas_idle(space, area);
	mutex_unlock(&space->lock);
	cond_resched();
	return true;
}

/* Reserve what lies outside the aperture. */
static int reserve_outside_aperture(struct iova_space *space,
				    struct iova_pgtable *pgt)
{
	struct iommu_domain_geometry *geometry = &pgt->table.domain->geometry;
	int rc = 0;

	if (!geometry->force_aperture)
		return 0;
	if (geometry->aperture_start)
		rc = iova_space_reserve(space, 0, geometry->aperture_start - 1,
					pgt);
	if (!rc && geometry->aperture_end < ULONG_MAX)
		rc = iova_space_reserve(space, geometry->aperture_end + 1,
					ULONG_MAX, pgt);
	return rc;
}

/**
 * iova_space_add_pgtable() - map everything into a new domain, and keep it so
 * @space: space
 * @pgt: domain with an empty page table
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: 0; -EADDRINUSE if a mapping is too finely aligned, or a mapping or an
 * allowed range lies outside the aperture; -EINVAL if the IO pages are larger
 * than PAGE_SIZE; or what iommufd_umem_pin() and iommu_map() say.
 */
int iova_space_add_pgtable(struct iova_space *space, struct iova_pgtable *pgt)
{
	int rc;

	if (iommufd_pgtable_alignment(&pgt->table) > PAGE_SIZE)
		return -EINVAL;

	pgt->filled = 0;
	iommufd_pgtable_init(&pgt->table);
	rc = reserve_outside_aperture(space, pgt);
	if (rc)
		goto out_unreserve;

	mutex_lock(&space->lock);
	rc = __iova_space_raise_alignment(
		space, iommufd_pgtable_alignment(&pgt->table));
	if (!rc)
		list_add_tail(&pgt->entry, &space->pgtables);
	mutex_unlock(&space->lock);
	if (rc)
		goto out_unreserve;

	do {
		rc = fatal_signal_pending(current) ? -EINTR :
						     fill_next_area(space, pgt);
		cond_resched();
	} while (!rc);
	if (rc > 0)
		return 0;
	iova_space_remove_pgtable(space, pgt);
	return rc;

out_unreserve:
	iova_space_unreserve(space, pgt);
	return rc;
}

/**
 * iova_space_remove_pgtable() - unmap everything from a domain and forget it
 * @space: space
 * @pgt: domain that iova_space_add_pgtable() added
 *
 * Context: process context; may take long.
 */
void iova_space_remove_pgtable(struct iova_space *space,
			       struct iova_pgtable *pgt)
{
	/*
	 * While the mark moves down new areas above it do not go into this
	 * domain; those below it do, and are waited for.
	 */
	while (drain_next_area(space, pgt))
		;
	iommufd_pgtable_fini(&pgt->table);

	mutex_lock(&space->lock);
	list_del(&pgt->entry);
	space->alignment = __iova_space_calc_alignment(space);
	__iova_space_unreserve(space, pgt);
	mutex_unlock(&space->lock);
}
