// SPDX-License-Identifier: GPL-2.0
/*
 * A walk through the areas of an IOVA space, for a thread that looks into page
 * tables. The areas are marked meanwhile, so no other thread changes the IO
 * pages that the walk looks at.
 */
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "iova_area.h"
#include "iova_walk.h"

/* How many areas are looked at before the lock is released for a moment */
#define AREAS_AT_ONCE 512

/* Bytes between two checks for a fatal signal; no IO page crosses a multiple */
#define WALK_PIECE ((unsigned long)SZ_1G)

/**
 * struct iova_walk - state of a walk
 * @space: space
 * @next: first IOVA that is still to be visited
 * @last: last one
 * @areas: list of areas that the walk has marked
 * @done: there is nothing to visit behind @areas
 */
struct iova_walk {
	struct iova_space *space;
	unsigned long next;
	unsigned long last;
	struct iova_area *areas;
	bool done;
};

/**
 * iova_space_find() - find the next IOVA of an area
 * @space: space
 * @start: first IOVA; raised to the first one that is in an area
 * @last: last IOVA
 *
 * Return: false if no area has an IOVA in the range.
 */
bool iova_space_find(struct iova_space *space, unsigned long *start,
		     unsigned long last)
{
	struct iova_area *area;

	mutex_lock(&space->lock);
	area = __iova_space_first(space, *start, last);
	if (area)
		*start = max(*start, area->node.start);
	mutex_unlock(&space->lock);
	return area;
}

/*
 * An area that is being made is not mapped yet, and one that is being removed
 * not any more. Memory that is mapped without pins may go at any time, also
 * while the area is marked.
 */
static bool is_visited(const struct iova_area *area)
{
	return area->state == AREA_IDLE && !iova_area_umem(area)->ops->map;
}

/*
 * Mark the next areas. If the first one is moved by another thread, wait, and
 * mark none: no thread waits while it has marked areas.
 */
static int take_areas(struct iova_walk *walk)
{
	struct iova_area *area, **tail = &walk->areas;
	struct iova_space *space = walk->space;
	unsigned int nr = 0;
	int rc = 0;

	mutex_lock(&space->lock);
	for (area = __iova_space_first(space, walk->next, walk->last);
	     area && area->node.start <= walk->last;
	     area = to_iova_area(iova_node_next(&area->node))) {
		if (area->state == AREA_MOVING || nr++ == AREAS_AT_ONCE)
			break;
		if (!is_visited(area))
			continue;
		area->state = AREA_MOVING;
		*tail = area;
		tail = &area->next;
	}
	*tail = NULL;
	walk->done = !area || area->node.start > walk->last;
	if (!walk->done)
		walk->next = max(walk->next, area->node.start);
	if (!walk->done && !walk->areas && area->state == AREA_MOVING)
		rc = __iova_space_wait(space, TASK_KILLABLE,
				       MAX_SCHEDULE_TIMEOUT);
	mutex_unlock(&space->lock);
	return rc;
}

static void give_areas_back(struct iova_walk *walk)
{
	if (!walk->areas)
		return;
	mutex_lock(&walk->space->lock);
	__iova_areas_idle(walk->space, walk->areas);
	mutex_unlock(&walk->space->lock);
}

static int visit_range(unsigned long start, unsigned long last,
		       iova_visit_fn visit, void *arg)
{
	for (;;) {
		unsigned long end = min(last, start | (WALK_PIECE - 1));
		int rc;

		if (fatal_signal_pending(current))
			return -EINTR;
		rc = visit(arg, start, end);
		if (rc || end == last)
			return rc;
		start = end + 1;
		cond_resched();
	}
}

/**
 * iova_space_walk() - visit what is mapped in a range
 * @space: space
 * @start: first IOVA
 * @last: last IOVA
 * @visit: called in order of IOVA, for ranges that lie in one area and cross no
 *         multiple of 1 GiB. No lock is held, but no area of the range that
 *         user space sees as mapped changes meanwhile.
 * @arg: argument of @visit
 *
 * Mappings whose memory is not pinned, such as BARs, are left out.
 *
 * Context: process context; a fatal signal ends it.
 * Return: 0, -EINTR when killed, or what @visit returns.
 */
int iova_space_walk(struct iova_space *space, unsigned long start,
		    unsigned long last, iova_visit_fn visit, void *arg)
{
	struct iova_walk walk = {
		.space = space,
		.next = start,
		.last = last,
	};
	struct iova_area *area;
	int rc;

	do {
		rc = take_areas(&walk);
		for (area = walk.areas; !rc && area; area = area->next)
			rc = visit_range(max(area->node.start, start),
					 min(area->node.last, last), visit,
					 arg);
		give_areas_back(&walk);
		/* Areas that are not visited take time as well. */
		if (!rc && fatal_signal_pending(current))
			rc = -EINTR;
		cond_resched();
	} while (!rc && !walk.done);
	return rc;
}
