// SPDX-License-Identifier: GPL-2.0
/*
 * Reserved and allowed ranges of an IOVA space
 *
 * Reserved ranges come from the hardware: what lies outside the aperture of a
 * page table, and the reserved regions of each device. Each range has an owner,
 * which removes only its own ranges. Ranges may overlap. No area lies in one.
 *
 * Allowed ranges come from user space: automatic IOVA must lie in them, and no
 * part of them may become reserved.
 */
#include <linux/interval_tree.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "iova_area.h"
#include "iova_ranges.h"

/* Automatic IOVA never is 0, and its end does not wrap. */
#define AUTO_FIRST PAGE_SIZE
#define AUTO_LAST (ULONG_MAX - PAGE_SIZE)

/**
 * struct iova_range - a reserved or allowed range
 * @node: its IOVA, in iova_space.reserved or iova_space.allowed
 * @owner: key of iova_space_unreserve(); unused in iova_space.allowed
 */
struct iova_range {
	struct interval_tree_node node;
	const void *owner;
};

static struct iova_range *to_range(struct interval_tree_node *node)
{
	return node ? container_of(node, struct iova_range, node) : NULL;
}

static struct iova_range *first_range(struct rb_root_cached *ranges,
				      unsigned long start, unsigned long last)
{
	return to_range(interval_tree_iter_first(ranges, start, last));
}

/* Free all ranges of a tree that no other thread can reach. */
void iova_ranges_free(struct rb_root_cached *ranges)
{
	struct iova_range *range, *next;

	rbtree_postorder_for_each_entry_safe(range, next, &ranges->rb_root,
					     node.rb) {
		kfree(range);
		cond_resched();
	}
	*ranges = RB_ROOT_CACHED;
}

/* Return: true if any IOVA of the range is reserved. */
bool __iova_space_is_reserved(struct iova_space *space, unsigned long start,
			      unsigned long last)
{
	lockdep_assert_held(&space->lock);
	return first_range(&space->reserved, start, last);
}

/*
 * Reserve a range until iova_space_unreserve() of the same @owner.
 * Return: 0, -EADDRINUSE if a part of the range is mapped or allowed, -ENOMEM.
 */
int iova_space_reserve(struct iova_space *space, unsigned long start,
		       unsigned long last, const void *owner)
{
	struct iova_range *range;
	int rc = 0;

	range = kzalloc(sizeof(*range), GFP_KERNEL_ACCOUNT);
	if (!range)
		return -ENOMEM;
	range->node.start = start;
	range->node.last = last;
	range->owner = owner;

	mutex_lock(&space->lock);
	if (__iova_space_first(space, start, last) ||
	    first_range(&space->allowed, start, last))
		rc = -EADDRINUSE;
	else
		interval_tree_insert(&range->node, &space->reserved);
	mutex_unlock(&space->lock);
	if (rc)
		kfree(range);
	return rc;
}

/* Remove all reserved ranges of an owner. */
void __iova_space_unreserve(struct iova_space *space, const void *owner)
{
	struct iova_range *range, *next;

	lockdep_assert_held(&space->lock);
	for (range = first_range(&space->reserved, 0, ULONG_MAX); range;
	     range = next) {
		next = to_range(interval_tree_iter_next(&range->node, 0,
							ULONG_MAX));
		if (range->owner != owner)
			continue;
		interval_tree_remove(&range->node, &space->reserved);
		kfree(range);
	}
}

void iova_space_unreserve(struct iova_space *space, const void *owner)
{
	mutex_lock(&space->lock);
	__iova_space_unreserve(space, owner);
	mutex_unlock(&space->lock);
}

/*
 * Add a range to a tree for iova_space_allow(). Return: 0, -EINVAL if the range
 * is empty, one byte long, or overlaps another, -ENOMEM.
 */
int iova_allowed_add(struct rb_root_cached *allowed, unsigned long start,
		     unsigned long last)
{
	struct iova_range *range;

	if (start >= last || first_range(allowed, start, last))
		return -EINVAL;

	range = kzalloc(sizeof(*range), GFP_KERNEL_ACCOUNT);
	if (!range)
		return -ENOMEM;
	range->node.start = start;
	range->node.last = last;
	interval_tree_insert(&range->node, allowed);
	return 0;
}

/*
 * Exchange the allowed ranges of the space and @allowed, which may be empty.
 * The caller frees what is in @allowed afterwards.
 * Return: 0, -EADDRINUSE if a part of the new ranges is reserved.
 */
int iova_space_allow(struct iova_space *space, struct rb_root_cached *allowed)
{
	struct iova_range *range;
	int rc = 0;

	mutex_lock(&space->lock);
	/* Reserved ranges are few, but there may be many allowed ones. */
	for (range = first_range(&space->reserved, 0, ULONG_MAX); range;
	     range = to_range(interval_tree_iter_next(&range->node, 0,
						      ULONG_MAX))) {
		if (first_range(allowed, range->node.start, range->node.last)) {
			rc = -EADDRINUSE;
			break;
		}
	}
	if (!rc)
		swap(space->allowed, *allowed);
	mutex_unlock(&space->lock);
	return rc;
}

/*
 * Find the first range that is not reserved, from @from on.
 * Return: false if there is none.
 */
static bool next_free_range(struct iova_space *space, unsigned long from,
			    unsigned long *start, unsigned long *last)
{
	struct iova_range *range;

	while ((range = first_range(&space->reserved, from, ULONG_MAX)) &&
	       range->node.start <= from) {
		if (range->node.last == ULONG_MAX)
			return false;
		from = range->node.last + 1;
	}
	*start = from;
	*last = range ? range->node.start - 1 : ULONG_MAX;
	return true;
}

/* Ranges that overlap or touch and are shown as one, at most */
#define JOIN_AT_MOST 64

/**
 * iova_space_next_range() - go through the reserved or the allowed ranges
 * @space: space
 * @ranges: &iova_space.reserved or &iova_space.allowed of it
 * @start: lowest IOVA that matters; set to the first IOVA of the range
 * @last: set to the last IOVA of the range
 *
 * Return: false if there is none.
 */
bool iova_space_next_range(struct iova_space *space,
			   struct rb_root_cached *ranges, unsigned long *start,
			   unsigned long *last)
{
	struct iova_range *range;
	unsigned int n;
	bool found;

	mutex_lock(&space->lock);
	range = first_range(ranges, *start, ULONG_MAX);
	found = range;
	if (found) {
		*start = max(*start, range->node.start);
		*last = range->node.last;
	}
	for (n = 0; range && n < JOIN_AT_MOST && *last != ULONG_MAX; n++) {
		range = first_range(ranges, *last + 1, *last + 1);
		if (range)
			*last = range->node.last;
	}
	mutex_unlock(&space->lock);
	return found;
}

/* Write the first @room free ranges. Return: the number of all free ranges. */
static u32 list_free_ranges(struct iova_space *space,
			    struct iommu_iova_range *ranges, u32 room)
{
	unsigned long start = 0, last;
	u32 nr = 0;

	while (next_free_range(space, start, &start, &last)) {
		if (nr < room)
			ranges[nr] = (struct iommu_iova_range){ start, last };
		nr++;
		if (last == ULONG_MAX)
			break;
		start = last + 1;
	}
	return nr;
}

/* List what is not reserved. Return: 0, -ENOMEM. */
int iova_space_free_ranges(struct iova_space *space,
			   struct iova_free_ranges *free)
{
	u32 room = 0;

	free->ranges = NULL;
	for (;;) {
		mutex_lock(&space->lock);
		free->nr = list_free_ranges(space, free->ranges, room);
		free->alignment = space->alignment;
		mutex_unlock(&space->lock);
		if (free->nr <= room)
			return 0;

		kvfree(free->ranges);
		room = free->nr;
		free->ranges = kvmalloc_array(room, sizeof(*free->ranges),
					      GFP_KERNEL_ACCOUNT);
		if (!free->ranges)
			return -ENOMEM;
	}
}

/* Look for room up to @high, between the reserved ranges. */
static int place_within(struct iova_space *space, struct iova_search *search,
			unsigned long high, const struct iova_want *want)
{
	unsigned long last;

	while (search->low <= high &&
	       next_free_range(space, search->low, &search->low, &last) &&
	       search->low <= high) {
		int rc;

		last = min(last, high);
		rc = iova_tree_place(&space->areas, search, last, want);
		if (rc != -ENOSPC)
			return rc;
		if (last == high)
			break;
		search->low = max(search->low, last + 1);
		if (!--search->probes)
			return -EAGAIN;
	}
	return -ENOSPC;
}

/* The next allowed range that does not end below @low */
static struct iova_range *next_allowed_range(struct iova_space *space,
					     struct iova_range *range,
					     unsigned long low)
{
	struct iova_range *next;

	next = to_range(interval_tree_iter_next(&range->node, 0, ULONG_MAX));
	if (next && next->node.last < low)
		next = first_range(&space->allowed, low, ULONG_MAX);
	return next;
}

/**
 * __iova_space_place() - choose an IOVA outside the first and the last page
 * @space: space, locked
 * @search: the search; see iova_tree_place()
 * @want: length and alignment
 *
 * Return: 0; -ENOSPC if there is no room; -EAGAIN if the caller must continue
 * @search, and may release the lock before that.
 */
int __iova_space_place(struct iova_space *space, struct iova_search *search,
		       const struct iova_want *want)
{
	struct iova_range *range;

	lockdep_assert_held(&space->lock);
	search->low = max(search->low, AUTO_FIRST);
	if (RB_EMPTY_ROOT(&space->allowed.rb_root))
		return place_within(space, search, AUTO_LAST, want);

	range = first_range(&space->allowed, search->low, AUTO_LAST);
	for (; range; range = next_allowed_range(space, range, search->low)) {
		unsigned long high = min(range->node.last, AUTO_LAST);
		int rc;

		search->low = max(search->low, range->node.start);
		if (search->low > high)
			break;
		/* Of very many ranges most are too short for a long mapping. */
		if (high - search->low >= want->length - 1) {
			rc = place_within(space, search, high, want);
			if (rc != -ENOSPC)
				return rc;
		}
		if (high == AUTO_LAST)
			break;
		/* @low may be higher: no gap below it is large enough. */
		search->low = max(search->low, range->node.last + 1);
		if (!--search->probes)
			return -EAGAIN;
	}
	return -ENOSPC;
}
