// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: domains of an IOVA space
 *
 * "Domain" here is the page table of an IOMMU domain, struct iova_pgtable.
 *
 * Each domain has the areas that start below its @filled mark, and no others.
 * Attaching a domain moves the mark up over all areas, detaching moves it down
 * again. For each step the area at the mark is marked AREA_MOVING, so MAP and
 * UNMAP of all other areas go on meanwhile. A new area below the mark is mapped
 * by its MAP, one above it by the mark when it arrives. On the way down a step
 * takes several areas, and the mark is below all but the lowest of them before
 * they leave: a new area between them stays out.
 *
 * The mark never passes an area that another thread works on. That is why the
 * set of domains that a busy area belongs to does not change, why a domain in
 * this set stays on the list, and why a thread with a busy area can go through
 * the list without holding the lock in between.
 *
 * An area becomes a user of its pages when it enters its first domain, and
 * unpins them after it has left the last one. UNMAP takes it out of all domains
 * and flushes the IOTLBs. From a domain that goes it may depart without being
 * unmapped: no device is attached any more, so none can reach the pages, and
 * iommu_domain_free() frees the IO pages with the table. Until then nothing may
 * be mapped in their place. They are all at or above the mark, so an area below
 * it is harmless, and an area across the mark moves it down and stays out.
 */
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "iova_align.h"
#include "iova_area.h"
#include "iova_pgtable.h"
#include "iova_ranges.h"
#include "stats.h"

/* Bytes of areas that are unpinned without a break, unless one has more */
#define DRAIN_AT_ONCE SZ_16M

/* Step to the next domain with the busy area at @start; there must be one. */
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

/*
 * Begin to go through the domains of a busy area. @iter->pgt is NULL if the
 * area belongs to none.
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
 * __iova_pgtables_lift_marks() - move marks off the border in a split area
 * @space: space, locked
 * @start: first IOVA of the first half
 * @border: first IOVA of the second half
 *
 * A domain that had the whole area has both halves, so its mark must be above
 * the start of both. It may lie between the two starts, because the area may
 * have been mapped over the place of the mark. No other area starts there, so
 * the mark can move up. In a domain that goes, what has left it lies behind the
 * whole area.
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
 * __iova_pgtables_lower_marks() - keep a new area out of what goes
 * @space: space, locked
 * @area: new area, in the tree
 *
 * If it lies across the mark of a domain that goes, there may be IO pages of
 * older areas in its place. No other area starts below the mark and above the
 * start of this one, so the mark can move down.
 */
void __iova_pgtables_lower_marks(struct iova_space *space,
				 const struct iova_area *area)
{
	struct iova_pgtable *pgt;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(pgt, &space->pgtables, entry) {
		if (unlikely(pgt->goes) && pgt->filled > area->node.start &&
		    pgt->filled <= area->node.last)
			pgt->filled = area->node.start;
	}
}

/* Unpin the pages of a busy area that is in no domain. */
void iova_area_unpin(struct iova_area *area)
{
	if (!area->pinned)
		return;
	area->pinned = false;
	iommufd_umem_unpin(iova_area_umem(area), iova_area_first_page(area),
			   iova_area_last_page(area));
}

static int iova_area_pin(struct iova_area *area)
{
	struct iommufd_umem *umem = iova_area_umem(area);
	unsigned long first = iova_area_first_page(area);
	unsigned long last = iova_area_last_page(area);
	int rc;

	/* An area in AREA_CREATING is neither copied nor used by an access. */
	if (area->state == AREA_CREATING && iommufd_umem_is_new(umem))
		rc = iommufd_umem_pin_new(umem, first, last);
	else
		rc = iommufd_umem_pin(umem, first, last);
	area->pinned = !rc;
	return rc;
}

/* Map a busy area in a domain. */
static int fill_area(struct iova_space *space, struct iova_pgtable *pgt,
		     struct iova_area *area)
{
	struct iommufd_umem *umem = iova_area_umem(area);
	struct pgtable_range range = {
		.umem = umem,
		.offset = area->offset,
		.iova = area->node.start,
		.length = iova_area_length(area),
		.prot = area->prot,
	};
	int rc;

	/*
	 * small_pages cannot be set while the space has both a domain and an
	 * area, which is the case here. Clearing it is always safe.
	 */
	range.small_pages = READ_ONCE(space->small_pages);
	if (umem->ops->map) {
		rc = umem->ops->map(umem, &pgt->table, &range,
				    area->state == AREA_CREATING);
		if (!rc)
			area->nr_pgtables++;
		return rc;
	}
	if (!area->pinned) {
		rc = iova_area_pin(area);
		if (rc)
			return rc;
	}
	rc = iommufd_pgtable_map(&pgt->table, &range);
	if (!rc)
		area->nr_pgtables++;
	else if (!area->nr_pgtables)
		iova_area_unpin(area);
	return rc;
}

/*
 * Never unpin the pages: a device may still reach them. Memory without pins has
 * none, and must not be kept: the kernel would go on to call its notifiers.
 */
static void leak_areas(struct iova_area *areas, unsigned long filled)
{
	for (; areas && areas->node.start < filled; areas = areas->next) {
		if (!iova_area_umem(areas)->ops->unmap)
			iommufd_umem_leak(iova_area_umem(areas));
	}
}

/* As drain_areas(), for those areas whose memory is not pinned */
static void drain_unpinned_areas(struct iova_pgtable *pgt,
				 struct iova_area *areas, unsigned long filled)
{
	for (; areas && areas->node.start < filled; areas = areas->next) {
		struct iommufd_umem *umem = iova_area_umem(areas);

		if (!areas->nr_pgtables || !umem->ops->unmap)
			continue;
		umem->ops->unmap(umem, &pgt->table, areas->node.start);
		areas->nr_pgtables--;
	}
}

/* Unmap several busy areas that start below @filled from a domain. */
static noinline void drain_area_list(struct iova_pgtable *pgt,
				     struct iova_area *areas,
				     unsigned long filled)
{
	struct pgtable_unmap unmap __uninitialized;
	struct iova_area *area;
	bool unpinned = false;

	iommufd_pgtable_unmap_begin(&unmap, &pgt->table);
	for (area = areas; area && area->node.start < filled;
	     area = area->next) {
		/* Mapping it failed before it came to this domain. */
		if (!area->nr_pgtables)
			continue;
		if (iova_area_umem(area)->ops->unmap) {
			unpinned = true;
			continue;
		}
		iommufd_pgtable_unmap_add(&unmap, area->node.start,
					  iova_area_length(area));
		area->nr_pgtables--;
	}
	if (!iommufd_pgtable_unmap_end(&unmap))
		leak_areas(areas, filled);
	if (unpinned)
		drain_unpinned_areas(pgt, areas, filled);
}

/* Unmap busy areas from a domain, which has the first of them. */
static void drain_areas(struct iova_pgtable *pgt, struct iova_area *areas,
			unsigned long filled)
{
	struct iommufd_umem *umem = iova_area_umem(areas);

	if (areas->next || !areas->nr_pgtables || umem->ops->unmap) {
		drain_area_list(pgt, areas, filled);
		return;
	}
	if (!iommufd_pgtable_unmap(&pgt->table, areas->node.start,
				   iova_area_length(areas)))
		iommufd_umem_leak(umem);
	areas->nr_pgtables--;
}

static __always_inline int fill_pgtables(struct iova_space *space,
					 struct iova_area *area,
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
 * iova_areas_fill() - map new areas in all domains that they belong to
 * @space: space
 * @areas: list of areas in state AREA_CREATING
 * @iter: from __iova_pgtables_of() for the first of them
 *
 * Return: 0 or errno. On failure some areas may be in some domains; the caller
 * must call iova_areas_drain().
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
		iommufd_advance(space->stats, IOMMUFD_CALL_COPY,
				iova_area_length(areas));
	}
	return rc;
}

/*
 * As iova_area_unpin(), for an area in AREA_CREATING or AREA_REMOVING: no other
 * thread gets a reference to its umem from it.
 */
static __always_inline void unpin_lonely_area(struct iova_area *area)
{
	struct iommufd_umem *umem = iova_area_umem(area);

	if (!area->pinned)
		return;
	if (!iommufd_umem_is_alone(umem)) {
		iova_area_unpin(area);
		return;
	}
	area->pinned = false;
	iommufd_umem_unpin_alone(umem, iova_area_first_page(area),
				 iova_area_last_page(area));
}

/**
 * iova_areas_drain() - unmap areas from all domains and unpin their pages
 * @space: space
 * @areas: list of areas in state AREA_CREATING or AREA_REMOVING
 * @iter: from __iova_pgtables_of() for the first of them
 *
 * The IOTLB is flushed once for each domain, before the first page is unpinned.
 */
void iova_areas_drain(struct iova_space *space, struct iova_area *areas,
		      struct iova_pgtables *iter)
{
	for (; iter->pgt; next_pgtable(space, iter, areas->node.start))
		drain_areas(iter->pgt, areas, iter->filled);
	for (; areas; areas = areas->next) {
		unpin_lonely_area(areas);
		/* One small area is not worth it. */
		if (areas->next)
			cond_resched();
	}
}

/* The lowest area that is not yet in a domain whose mark moves up */
static struct iova_area *next_area_to_fill(struct iova_space *space,
					   struct iova_pgtable *pgt)
{
	struct iova_area *area;

	area = __iova_space_first(space, pgt->filled, ULONG_MAX);
	/*
	 * An area across the mark is in the domain already: it is the last one
	 * that was filled, or its own MAP has mapped it there.
	 */
	if (area && area->node.start < pgt->filled)
		area = to_iova_area(iova_node_next(&area->node));
	return area;
}

/*
 * Map all areas in a domain, one after the other, and move its mark above each.
 * Return: 0, -EINTR when killed, or the error of an area.
 */
static int fill_pgtable(struct iova_space *space, struct iova_pgtable *pgt)
{
	struct iova_area *area;
	int rc = 0;

	mutex_lock(&space->lock);
	area = next_area_to_fill(space, pgt);
	while (!rc && area) {
		if (area->state != AREA_IDLE) {
			rc = __iova_space_wait(space, TASK_KILLABLE,
					       MAX_SCHEDULE_TIMEOUT);
			area = next_area_to_fill(space, pgt);
			continue;
		}
		area->state = AREA_MOVING;
		area->next = NULL;
		/* The MAP of a new area below it fills this domain. */
		pgt->filled = area->node.start;
		mutex_unlock(&space->lock);

		cond_resched();
		rc = fatal_signal_pending(current) ?
			     -EINTR :
			     fill_area(space, pgt, area);

		mutex_lock(&space->lock);
		/* This cannot wrap, as the start of an area is aligned. */
		if (!rc)
			pgt->filled = area->node.start + 1;
		__iova_areas_idle(space, area);
		area = to_iova_area(iova_node_next(&area->node));
	}
	if (!rc)
		pgt->filled = ULONG_MAX;
	mutex_unlock(&space->lock);
	return rc;
}

/*
 * Mark idle areas, from @area down to lower ones, but not so many that others
 * wait long for them. Return: list of them, NULL if @area is busy.
 */
static struct iova_area *__take_areas_to_drain(struct iova_space *space,
					       struct iova_area *area)
{
	struct iova_area *areas = NULL;
	unsigned long bytes = 0;
	unsigned int nr;

	lockdep_assert_held(&space->lock);
	for (nr = 0; nr < AREAS_AT_ONCE && bytes < DRAIN_AT_ONCE; nr++) {
		if (!area || area->state != AREA_IDLE)
			break;
		area->state = AREA_MOVING;
		area->next = areas;
		areas = area;
		bytes += iova_area_length(area);
		area = to_iova_area(iova_node_prev(&area->node));
	}
	return areas;
}

/*
 * Leave the IO pages of busy areas in a domain that goes, if the pages are
 * pinned. Other memory is unmapped: its places must not refer to the domain.
 */
static void abandon_areas(struct iova_pgtable *pgt, struct iova_area *areas)
{
	for (; areas; areas = areas->next) {
		struct iommufd_umem *umem = iova_area_umem(areas);

		if (umem->ops->unmap)
			umem->ops->unmap(umem, &pgt->table, areas->node.start);
		else
			iommufd_pgtable_abandon(&pgt->table,
						iova_area_length(areas));
		areas->nr_pgtables--;
	}
}

/* Take busy areas out of a domain that goes; unpin those that are in no other. */
static void leave_pgtable(struct iova_pgtable *pgt, struct iova_area *areas)
{
	if (pgt->table.goes_whole)
		abandon_areas(pgt, areas);
	else
		drain_areas(pgt, areas, ULONG_MAX);
	for (; areas; areas = areas->next) {
		if (!areas->nr_pgtables)
			iova_area_unpin(areas);
	}
}

/*
 * Let the next areas leave a domain that goes, and move its mark below them.
 * Return: false when no area is left.
 */
static bool drain_next_areas(struct iova_space *space, struct iova_pgtable *pgt)
{
	struct iova_area *highest, *areas = NULL;

	mutex_lock(&space->lock);
	pgt->goes = true;
	highest = to_iova_area(iova_tree_before(&space->areas, pgt->filled));
	if (highest)
		areas = __take_areas_to_drain(space, highest);
	if (areas) {
		/* New areas above the lowest stay out of the domain. */
		pgt->filled = areas->node.start + 1;
	} else if (highest) {
		/* New areas above it stay out; this need not wait for them. */
		pgt->filled = highest->node.start + 1;
		/*
		 * Not killable, as no other thread would finish the work. The
		 * thread that works on the area can be killed, and does not
		 * wait for this one.
		 */
		__iova_space_wait(space, TASK_IDLE, MAX_SCHEDULE_TIMEOUT);
	} else {
		/* All new areas stay out of the domain. */
		pgt->filled = 0;
	}
	mutex_unlock(&space->lock);
	if (!areas)
		return highest;

	leave_pgtable(pgt, areas);

	mutex_lock(&space->lock);
	pgt->filled = areas->node.start;
	__iova_areas_idle(space, areas);
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

/* Without the lock, so the answer may be old: it is good for a hint. */
bool iova_space_has_pgtables(struct iova_space *space)
{
	return !list_empty(&space->pgtables);
}

/**
 * iova_space_add_pgtable() - map all areas in a domain, and future ones as well
 * @space: space
 * @pgt: domain with an empty page table, to which no device is attached. On
 *       failure the table is not empty any more, and the caller can only free
 *       it.
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: 0; -EADDRINUSE if an area is too finely aligned, or an area or an
 * allowed range lies outside the aperture; -EINVAL if the IO pages are larger
 * than PAGE_SIZE; -EINTR; or the errors of iommufd_umem_pin() and iommu_map().
 */
int iova_space_add_pgtable(struct iova_space *space, struct iova_pgtable *pgt)
{
	int rc;

	if (iommufd_pgtable_alignment(&pgt->table) > PAGE_SIZE)
		return -EINVAL;

	pgt->filled = 0;
	pgt->goes = false;
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

	rc = fill_pgtable(space, pgt);
	if (rc)
		iova_space_remove_pgtable(space, pgt);
	return rc;

out_unreserve:
	iova_space_unreserve(space, pgt);
	return rc;
}

/*
 * Undo iova_space_add_pgtable(). No device is attached to the domain, and the
 * caller frees it without using its page table again. May take long and cannot
 * be killed.
 */
void iova_space_remove_pgtable(struct iova_space *space,
			       struct iova_pgtable *pgt)
{
	/*
	 * While the mark moves down, new areas above it are not mapped in this
	 * domain. New areas below it are, and the loop waits for them.
	 */
	while (drain_next_areas(space, pgt))
		;
	iommufd_pgtable_fini(&pgt->table);

	mutex_lock(&space->lock);
	list_del(&pgt->entry);
	space->alignment = __iova_space_calc_alignment(space);
	__iova_space_unreserve(space, pgt);
	mutex_unlock(&space->lock);
}
