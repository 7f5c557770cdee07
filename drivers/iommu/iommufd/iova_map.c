// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: IOVA space
 *
 * The IOVA space of an IOAS holds areas. An area maps a part of a user memory.
 * The mutex of the space protects the trees. It is held for a bounded number of
 * steps, and never while pages are pinned or an IO page table changes. A thread
 * that needs to do that for an area marks the area as its own under the lock,
 * works without the lock, and takes the lock again to end the mark. So two MAPs
 * in one space exclude each other for the tree operations only.
 *
 * A marked area stays in the tree, so its IOVA stays occupied. If an area is
 * being made or removed, UNMAP fails with -EBUSY, COPY and accesses with
 * -ENOENT. If an area is only moved into or out of a page table, or split,
 * threads that have to mark it wait; COPY and accesses use it meanwhile.
 *
 * Conventions: start and last are inclusive, so the end of the 64-bit space is
 * no special case. A list of areas is linked by iova_area.next in order of
 * IOVA. The thread that holds the list has marked all areas of it.
 */
#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "iova_area.h"
#include "iova_pgtable.h"
#include "iova_pin.h"
#include "iova_ranges.h"
#include "stats.h"

/* Largest alignment of an automatic IOVA: a common huge IO page */
#define MAX_ALIGNMENT ((unsigned long)SZ_2M)

void iova_space_init(struct iova_space *space, struct iommufd_stats *stats)
{
	space->stats = stats;
	mutex_init(&space->lock);
	space->areas.root = RB_ROOT;
	space->reserved = RB_ROOT_CACHED;
	space->allowed = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&space->pgtables);
	INIT_LIST_HEAD(&space->accesses);
	init_waitqueue_head(&space->idle);
	space->alignment = 1;
}

/* A bug left a user of the areas, so a device may still reach their pages. */
static void leak_all_areas(struct iova_space *space)
{
	struct iova_area *area = to_iova_area(
		iova_tree_first(&space->areas, 0, ULONG_MAX));

	for (; area; area = to_iova_area(iova_node_next(&area->node))) {
		if (!iova_area_umem(area)->ops->unmap)
			iommufd_umem_leak(iova_area_umem(area));
		cond_resched();
	}
}

/*
 * Free a space with all its areas. It has no page tables and no accesses, and
 * no other thread can reach it.
 */
void iova_space_destroy(struct iova_space *space)
{
	struct iova_pgtable *pgt, *next_pgt;
	struct iova_area *area, *next, *areas = NULL;

	if (WARN_ON(!list_empty(&space->pgtables) ||
		    !list_empty(&space->accesses)))
		leak_all_areas(space);
	list_for_each_entry_safe(pgt, next_pgt, &space->pgtables, entry)
		iova_space_remove_pgtable(space, pgt);

	iommufd_count(mapped, -space->mapped);
	/* No thread uses the tree any more, so it is not rebalanced. */
	rbtree_postorder_for_each_entry_safe(area, next, &space->areas.root,
					     node.rb) {
		/* A bug left it pinned; that alone must not leak its pages. */
		if (WARN_ON_ONCE(area->pinned))
			iova_area_unpin(area);
		area->next = areas;
		areas = area;
		cond_resched();
	}
	iova_areas_free(areas);
	iova_ranges_free(&space->reserved);
	iova_ranges_free(&space->allowed);
	mutex_destroy(&space->lock);
}

/*
 * Find the first IOVA of the area number @n, where 0 is the lowest.
 * Return: false if there are no more than @n areas.
 */
bool iova_space_nth_area(struct iova_space *space, unsigned int n,
			 unsigned long *start)
{
	struct iova_area *area;

	mutex_lock(&space->lock);
	area = __iova_space_first(space, 0, ULONG_MAX);
	while (area && n--)
		area = to_iova_area(iova_node_next(&area->node));
	if (area)
		*start = area->node.start;
	mutex_unlock(&space->lock);
	return area;
}

/*
 * Called between two steps under the lock. A thread that spins for the lock
 * does not notice that it was free for an instant, so leave it free for longer.
 * Return: 0, or -EINTR when killed.
 */
static int __let_others_through(struct iova_space *space)
{
	mutex_unlock(&space->lock);
	usleep_range(10, 50);
	mutex_lock(&space->lock);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* The last of the areas that may be worked on without a break. */
static struct iova_area *last_at_once(struct iova_area *areas)
{
	unsigned int nr;

	for (nr = 1; areas->next && nr < AREAS_AT_ONCE; nr++)
		areas = areas->next;
	return areas;
}

/* Areas with so many bytes came into the tree; a negative number left it. */
static __always_inline void __count_mapped(struct iova_space *space, long bytes)
{
	lockdep_assert_held(&space->lock);
	space->mapped += bytes;
	iommufd_count(mapped, bytes);
}

static unsigned long sum_lengths(const struct iova_area *areas)
{
	unsigned long bytes = 0;

	for (; areas; areas = areas->next)
		bytes += iova_area_length(areas);
	return bytes;
}

/* Is @next, which comes later, the next one in the tree? */
static bool __is_next_area(struct iova_area *area, struct iova_area *next)
{
	return next->node.start == area->node.last + 1 ||
	       iova_node_next(&area->node) == &next->node;
}

/* Take at most AREAS_AT_ONCE areas, of @bytes together, out of the tree. */
static void remove_areas(struct iova_space *space, struct iova_area *areas,
			 unsigned long bytes)
{
	struct iova_area *first, *last, *next;

	mutex_lock(&space->lock);
	for (first = areas; first; first = next) {
		/* New areas may have come between those of the list. */
		for (last = first;; last = next) {
			space->nr_order[iova_area_order(last)]--;
			next = last->next;
			if (!next || !__is_next_area(last, next))
				break;
		}
		iova_tree_remove(&space->areas, &first->node, &last->node);
	}
	__count_mapped(space, -bytes);
	__iova_space_wake(space);
	mutex_unlock(&space->lock);
}

/* Find the alignment of an IOVA that makes huge IO pages possible. */
static int choose_alignment(struct iova_space *space, unsigned long uva,
			    struct iova_want *want)
{
	if (want->length >= ULONG_MAX / 2)
		return -EOVERFLOW;

	/* A larger alignment does not help the page tables. */
	want->align = min(roundup_pow_of_two(want->length), MAX_ALIGNMENT);
	if (uva)
		want->align = min(want->align, 1UL << __ffs(uva));
	if (want->align < space->alignment)
		return -EINVAL;

	/* An automatic IOVA has the same offset in the page as the memory. */
	want->align = max(want->align, PAGE_SIZE);
	want->offset = offset_in_page(uva);
	return 0;
}

static int find_free_iova(struct iova_space *space, unsigned long uva,
			  unsigned long length, unsigned long *iova)
{
	struct iova_search search = { .low = 1 };
	struct iova_want want = { .length = length };
	int rc;

	for (;;) {
		/* The alignment of the space may change between two steps. */
		rc = choose_alignment(space, uva, &want);
		if (rc)
			return rc;
		search.probes = IOVA_PLACE_PROBES;
		rc = __iova_space_place(space, &search, &want);
		if (rc != -EAGAIN)
			break;
		rc = __let_others_through(space);
		if (rc)
			return rc;
	}
	*iova = search.start;
	return rc;
}

/**
 * struct new_areas - a list of areas that needs a place
 * @memory: user address of the first byte, or its offset in a file
 * @length: bytes of all of them
 * @order: smallest iova_area_order() that one of them will have
 */
struct new_areas {
	unsigned long memory;
	unsigned long length;
	unsigned int order;
};

/*
 * Compute length and order before the areas have a place. The order depends on
 * the place by its offset in the page only. An automatic IOVA has the offset of
 * the memory.
 */
static __always_inline void measure_areas(const struct iova_area *areas,
					  unsigned int flags,
					  unsigned long iova,
					  struct new_areas *new)
{
	unsigned long bits = PAGE_SIZE;

	new->memory = areas->offset;
	new->length = 0;
	if (!(flags & IOVA_MAP_FIXED))
		iova = offset_in_page(new->memory);
	for (;;) {
		unsigned long length = iova_area_length(areas);

		bits |= (iova + new->length) | length | areas->offset;
		new->length += length;
		areas = areas->next;
		if (!areas)
			break;
		cond_resched();
	}
	new->order = __ffs(bits);
}

/* Insert one area, which stands for all the new ones, at their place. */
static __always_inline int occupy_place(struct iova_space *space,
					struct iova_area *area,
					const struct new_areas *new,
					unsigned int flags, unsigned long *iova)
{
	bool fixed = flags & IOVA_MAP_FIXED;
	int rc = 0;

	if (!fixed)
		rc = find_free_iova(space, new->memory, new->length, iova);
	if (rc)
		return rc;
	area->node.start = *iova;
	area->node.last = *iova + new->length - 1;
	if (new->order < ilog2(space->alignment) ||
	    (fixed && __iova_space_is_reserved(space, area->node.start,
					       area->node.last)))
		return -EINVAL;
	if (!iova_tree_insert(&space->areas, &area->node))
		return -EEXIST;
	__iova_pgtables_lower_marks(space, area);
	space->nr_order[new->order]++;
	__count_mapped(space, new->length);
	return 0;
}

static int place_one_area(struct iova_space *space, struct iova_area *area,
			  unsigned int flags, unsigned long *iova,
			  struct iova_pgtables *iter)
{
	struct new_areas new;
	int rc;

	/* Tell the compiler that measure_areas() has nothing to loop over. */
	area->next = NULL;
	measure_areas(area, flags, *iova, &new);
	mutex_lock(&space->lock);
	rc = occupy_place(space, area, &new, flags, iova);
	if (!rc)
		__iova_pgtables_of(space, area, iter);
	mutex_unlock(&space->lock);
	return rc;
}

/*
 * Insert the next areas in place of a part of @whole.
 * Return: the last of them.
 */
static struct iova_area *__place_some_areas(struct iova_space *space,
					    struct iova_area *areas,
					    struct iova_node *whole)
{
	unsigned long start = whole->start;
	struct iova_area *area = areas;
	unsigned int nr;

	iova_tree_remove(&space->areas, whole, whole);
	for (nr = 1;; nr++) {
		area->node.last += start;
		area->node.start = start;
		iova_tree_insert(&space->areas, &area->node);
		space->nr_order[iova_area_order(area)]++;
		if (!area->next || nr == AREAS_AT_ONCE)
			break;
		start = area->node.last + 1;
		area = area->next;
	}
	if (area->next) {
		whole->start = area->node.last + 1;
		iova_tree_insert(&space->areas, whole);
	}
	return area;
}

/*
 * A list of areas first occupies its place as one area in AREA_CREATING, and
 * then replaces it step by step. Other threads see no difference: they do not
 * look into such an area, and the filled mark of a page table does not pass it.
 * If the mark lies within the place already, this thread maps each area below
 * the mark, as if the area had been there from the beginning.
 */
static noinline int place_area_list(struct iova_space *space,
				    struct iova_area *areas, unsigned int flags,
				    unsigned long *iova,
				    struct iova_pgtables *iter)
{
	/* It has no memory. */
	struct iova_copy whole = {
		.area.state = AREA_CREATING,
		.area.made = iova_area_now(),
	};
	struct iova_area *last = NULL, *rest;
	struct new_areas new;
	int rc;

	measure_areas(areas, flags, *iova, &new);
	mutex_lock(&space->lock);
	rc = occupy_place(space, &whole.area, &new, flags, iova);
	if (rc)
		goto out_unlock;
	for (rest = areas; rest; rest = last->next) {
		if (last)
			rc = __let_others_through(space);
		if (rc)
			break;
		last = __place_some_areas(space, rest, &whole.area.node);
	}
	if (rest) {
		iova_tree_remove(&space->areas, &whole.area.node,
				 &whole.area.node);
		__count_mapped(space, -iova_area_length(&whole.area));
	}
	space->nr_order[new.order]--;
	if (!rc)
		__iova_pgtables_of(space, areas, iter);
out_unlock:
	mutex_unlock(&space->lock);
	if (rc && last) {
		last->next = NULL;
		iova_space_abort(space, areas);
		last->next = rest;
	}
	return rc;
}

/**
 * iova_space_map() - map areas, one after the other
 * @space: space
 * @areas: list of new areas; still owned by the caller on failure. The sum of
 *         their lengths must not wrap.
 * @flags: IOVA_MAP_FIXED, or 0 to choose an IOVA
 * @iova: IOVA of the first area. With IOVA_MAP_FIXED the caller sets it, and
 *        must have checked that the areas end within 64 bits.
 *
 * Devices can use the areas when this returns. For all other purposes the areas
 * are still being made until iova_space_commit(); iova_space_abort() undoes it.
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: 0; -EINVAL if misaligned or reserved, -EEXIST if occupied, -ENOSPC
 * and -EOVERFLOW if no IOVA can be chosen, -EINTR, or the errors of
 * iommufd_umem_pin() and iommu_map(). Nothing is mapped on failure.
 */
int iova_space_map(struct iova_space *space, struct iova_area *areas,
		   unsigned int flags, unsigned long *iova)
{
	struct iova_pgtables iter;
	int rc;

	if (areas->next)
		rc = place_area_list(space, areas, flags, iova, &iter);
	else
		rc = place_one_area(space, areas, flags, iova, &iter);
	if (rc)
		return rc;

	rc = iova_areas_fill(space, areas, &iter);
	if (rc)
		iova_space_abort(space, areas);
	return rc;
}

/* Undo iova_space_map(). The caller owns the list again. */
void iova_space_abort(struct iova_space *space, struct iova_area *areas)
{
	struct iova_area *last, *rest;
	struct iova_pgtables iter;

	for (; areas; areas = rest) {
		last = last_at_once(areas);
		rest = last->next;
		last->next = NULL;
		mutex_lock(&space->lock);
		__iova_pgtables_of(space, areas, &iter);
		mutex_unlock(&space->lock);
		iova_areas_drain(space, areas, &iter);
		remove_areas(space, areas, sum_lengths(areas));
		last->next = rest;
		cond_resched();
	}
}

/*
 * Finish iova_space_map(): the space owns the areas now. A long list becomes
 * visible in steps, so another thread may have removed the first areas before
 * this returns.
 */
void iova_space_commit(struct iova_space *space, struct iova_area *areas)
{
	struct iova_area *last, *rest;

	for (;;) {
		last = last_at_once(areas);
		rest = last->next;
		last->next = NULL;
		mutex_lock(&space->lock);
		__iova_areas_idle(space, areas);
		mutex_unlock(&space->lock);
		if (!rest)
			return;
		areas = rest;
		cond_resched();
	}
}

/* Copy what is mapped at *start: the part of one area, at most up to @last. */
static int share_area(struct iova_space *space, unsigned long *start,
		      unsigned long last, struct iova_area *copy)
{
	struct iova_area *area = __iova_space_first(space, *start, *start);

	if (!area || area->state == AREA_CREATING ||
	    area->state == AREA_REMOVING)
		return -ENOENT;
	if (!iommufd_umem_get(iova_area_umem(area)))
		return -EOVERFLOW;

	iova_copy_set_umem(copy, iova_area_umem(area));
	copy->offset = area->offset + (*start - area->node.start);
	copy->node.last = min(area->node.last, last) - *start;
	*start += copy->node.last;
	return 0;
}

/**
 * iova_space_share() - make areas for what is mapped in a range
 * @space: space
 * @start: first IOVA
 * @last: last IOVA
 * @prot: IOMMU_READ and IOMMU_WRITE of the new areas. The caller checks with
 *        iova_areas_check_rights() that the memory allows them.
 * @areas: the list of new areas, which have no place
 *
 * Return: 0, -ENOENT if a part of the range is not mapped, -EOVERFLOW if a
 * memory has IOMMUFD_MAX_USERS, -ENOMEM, -EINTR.
 */
int iova_space_share(struct iova_space *space, unsigned long start,
		     unsigned long last, int prot, struct iova_area **areas)
{
	struct iova_area **link = areas;
	int rc;

	*areas = NULL;
	for (;; start++) {
		struct iova_area *copy = iova_area_create_copy(prot);

		if (!copy) {
			rc = -ENOMEM;
			break;
		}
		mutex_lock(&space->lock);
		rc = share_area(space, &start, last, copy);
		mutex_unlock(&space->lock);
		if (!rc && fatal_signal_pending(current)) {
			iova_umem_put(iova_area_umem(copy));
			rc = -EINTR;
		}
		if (rc) {
			kfree(copy);
			break;
		}
		*link = copy;
		link = &copy->next;
		if (start == last)
			return 0;
	}
	iova_areas_free(*areas);
	*areas = NULL;
	return rc;
}

/**
 * struct iova_unmap - state of an UNMAP
 * @space: space
 * @start: first IOVA that is still to be unmapped
 * @last: last IOVA
 * @areas: areas that are being removed
 * @pgtables: page tables of the first of them
 * @more: there may be more areas above @areas
 * @revoking: the next area has pins, which must end first
 * @revoke: the area whose pins must end
 */
struct iova_unmap {
	struct iova_space *space;
	unsigned long start;
	unsigned long last;
	struct iova_area *areas;
	struct iova_pgtables pgtables;
	bool more;
	bool revoking;
	struct iova_revoke revoke;
};

/**
 * enum unmap_verdict - what UNMAP does about an area
 * @UNMAP_TAKE: remove it
 * @UNMAP_WAIT: wait until it is idle; another thread moves it
 * @UNMAP_REVOKE: ask all accesses to unpin it
 * @UNMAP_CROSSES: fail, as it lies on both sides of @start or @last
 * @UNMAP_BUSY: fail, as another thread makes or removes it, or hardware uses it
 *              for as long as user space wants
 */
enum unmap_verdict {
	UNMAP_TAKE,
	UNMAP_WAIT,
	UNMAP_REVOKE,
	UNMAP_CROSSES,
	UNMAP_BUSY,
};

/* Refuse new pins of the area; then accesses are asked to unpin it. */
static void unmap_begin_revoke(struct iova_unmap *unmap, struct iova_area *area)
{
	struct iova_revoke *revoke = &unmap->revoke;

	if (revoke->start != area->node.start ||
	    revoke->last != area->node.last) {
		/* A new area has appeared below the one that was revoked. */
		if (revoke->rounds)
			__iova_space_unrevoke(unmap->space, revoke);
		revoke->start = area->node.start;
		revoke->last = area->node.last;
		revoke->rounds = 0;
	}
	area->no_pins = true;
	unmap->revoking = true;
}

static enum unmap_verdict unmap_judge_area(const struct iova_unmap *unmap,
					   const struct iova_area *area)
{
	if (area->node.start < unmap->start || area->node.last > unmap->last)
		return UNMAP_CROSSES;
	if (area->state == AREA_CREATING || area->state == AREA_REMOVING ||
	    area->nr_holds)
		return UNMAP_BUSY;
	if (area->state == AREA_MOVING)
		return UNMAP_WAIT;
	return area->nr_pins ? UNMAP_REVOKE : UNMAP_TAKE;
}

/*
 * Mark the next areas for removal, at most AREAS_AT_ONCE. The caller must
 * remove them even on failure: the error is about the area behind them.
 */
static int unmap_take_areas(struct iova_unmap *unmap)
{
	struct iova_space *space = unmap->space;
	struct iova_area **link = &unmap->areas, *area;
	unsigned int nr;

	unmap->areas = NULL;
	unmap->more = true;
	unmap->revoking = false;
	area = __iova_space_first(space, unmap->start, unmap->last);
	for (nr = 0; nr < AREAS_AT_ONCE; nr++) {
		if (!area || area->node.start > unmap->last) {
			unmap->more = false;
			break;
		}
		switch (unmap_judge_area(unmap, area)) {
		case UNMAP_TAKE:
			break;
		case UNMAP_WAIT:
			if (nr)
				return 0;
			return __iova_space_wait(space, TASK_KILLABLE,
						 MAX_SCHEDULE_TIMEOUT);
		case UNMAP_REVOKE:
			if (!nr)
				unmap_begin_revoke(unmap, area);
			return 0;
		case UNMAP_CROSSES:
			return -ENOENT;
		case UNMAP_BUSY:
			return -EBUSY;
		}
		area->state = AREA_REMOVING;
		area->next = NULL;
		*link = area;
		link = &area->next;
		if (area->node.last == unmap->last) {
			unmap->more = false;
			break;
		}
		unmap->start = area->node.last + 1;
		area = to_iova_area(iova_node_next(&area->node));
	}
	return 0;
}

/*
 * Remove what unmap_take_areas() took; @before bytes were removed before that.
 * Return: its length in bytes.
 */
static unsigned long unmap_remove_areas(struct iova_unmap *unmap,
					unsigned long before)
{
	unsigned long bytes;

	if (!unmap->areas)
		return 0;
	bytes = sum_lengths(unmap->areas);
	iova_areas_drain(unmap->space, unmap->areas, &unmap->pgtables);
	remove_areas(unmap->space, unmap->areas, bytes);
	iova_areas_free(unmap->areas);
	if (unmap->more)
		iommufd_calls_reach(unmap->space->stats, IOMMUFD_CALL_UNMAP,
				    before + bytes);
	return bytes;
}

/**
 * iova_space_unmap_any() - unmap whole areas, if there are any
 * @space: space
 * @start: first IOVA
 * @last: last IOVA
 * @unmapped: bytes of the areas that were removed, also on failure
 *
 * Areas are removed in ascending order, until one cannot be.
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: 0, -ENOENT if @start or @last lies within an area, -EBUSY if an area
 * is being made or removed or is held, -EDEADLOCK if an access does not unpin, -EINTR.
 */
int iova_space_unmap_any(struct iova_space *space, unsigned long start,
			 unsigned long last, unsigned long *unmapped)
{
	struct iova_unmap unmap = {
		.space = space,
		.start = start,
		.last = last,
	};
	int rc;

	*unmapped = 0;
	do {
		mutex_lock(&space->lock);
		rc = unmap_take_areas(&unmap);
		if (unmap.areas)
			__iova_pgtables_of(space, unmap.areas, &unmap.pgtables);
		mutex_unlock(&space->lock);

		*unmapped += unmap_remove_areas(&unmap, *unmapped);
		if (!rc && unmap.revoking)
			rc = iova_space_revoke(space, &unmap.revoke);
		if (!rc && unmap.more && fatal_signal_pending(current))
			rc = -EINTR;
	} while (!rc && unmap.more);

	if (rc && unmap.revoke.rounds)
		iova_space_unrevoke(space, &unmap.revoke);
	return rc;
}

/* As iova_space_unmap_any(), but -ENOENT if there are no areas */
int iova_space_unmap(struct iova_space *space, unsigned long start,
		     unsigned long last, unsigned long *unmapped)
{
	int rc = iova_space_unmap_any(space, start, last, unmapped);

	return !rc && !*unmapped ? -ENOENT : rc;
}

int iova_space_unmap_all(struct iova_space *space, unsigned long *unmapped)
{
	return iova_space_unmap_any(space, 0, ULONG_MAX, unmapped);
}

/**
 * iova_space_collect_payers() - list the processes that pay for a space
 * @space: space
 * @list: list for iommufd_payer_list(); gets the payers that are not in it
 *
 * Return: 0, -EBUSY if an area is being made or removed, -EINVAL if the payer
 * of an area cannot change, -EINTR.
 */
int iova_space_collect_payers(struct iova_space *space,
			      struct iommufd_payer **list)
{
	unsigned int nr = AREAS_AT_ONCE;
	struct iova_area *area;
	unsigned long last;
	int rc = 0;

	mutex_lock(&space->lock);
	area = __iova_space_first(space, 0, ULONG_MAX);
	while (!rc && area) {
		last = area->node.last;
		if (area->state == AREA_CREATING ||
		    area->state == AREA_REMOVING)
			rc = -EBUSY;
		else
			rc = iommufd_payer_list(iova_area_umem(area)->payer,
						list);
		if (rc || last == ULONG_MAX)
			break;
		area = to_iova_area(iova_node_next(&area->node));
		if (area && !--nr) {
			nr = AREAS_AT_ONCE;
			rc = __let_others_through(space);
			area = __iova_space_first(space, last + 1, ULONG_MAX);
		}
	}
	mutex_unlock(&space->lock);
	return rc;
}
