// SPDX-License-Identifier: GPL-2.0
/*
 * The areas of a space for people who look from outside. The lock is held for a
 * few areas at a time, and not while the runs of their memory are counted.
 */
#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "iova_area.h"
#include "iova_view.h"

/* Areas to look at before the lock is dropped */
#define VIEW_AT_ONCE 16U

/**
 * struct view_memory - the memory of an area that is looked at
 * @umem: memory, with a reference; NULL if it must not be touched
 * @first: index of its first page in the area
 * @last: index of its last page in the area
 */
struct view_memory {
	struct iommufd_umem *umem;
	unsigned long first;
	unsigned long last;
};

static void write_flags(const struct iova_area *area, char *flag)
{
	/* What stands for a list of areas has no memory. */
	const struct iommufd_umem *umem = iova_area_umem(area);
	char kind = umem ? umem->ops->letter : 0;
	char *first = flag;

	if (area->prot & IOMMU_READ)
		*flag++ = 'r';
	if (area->prot & IOMMU_WRITE)
		*flag++ = 'w';
	if (area->pinned || area->nr_pins)
		*flag++ = 'p';
	if (kind)
		*flag++ = kind;
	if (area->state == AREA_CREATING || area->state == AREA_REMOVING)
		*flag++ = 'c';
	if (flag == first)
		*flag++ = '-';
	*flag = 0;
}

/*
 * The memory of an area that comes or goes must not be touched: its MAP or UNMAP
 * relies on being alone with it.
 */
static void view_area(const struct iova_area *area, struct iova_view *view,
		      struct view_memory *memory)
{
	u32 ticks = iova_area_now() - area->made;

	view->start = area->node.start;
	view->last = area->node.last;
	view->runs = 0;
	view->age_ms = jiffies_to_msecs((unsigned long)ticks * IOVA_AREA_TICK);
	write_flags(area, view->flags);
	memory->umem = NULL;
	if (area->state == AREA_CREATING || area->state == AREA_REMOVING ||
	    !iommufd_umem_get(iova_area_umem(area)))
		return;
	memory->umem = iova_area_umem(area);
	memory->first = iova_area_first_page(area);
	memory->last = iova_area_last_page(area);
}

static unsigned int view_some(struct iova_space *space, unsigned long from,
			      struct iova_view *views, unsigned int room)
{
	struct view_memory memory[VIEW_AT_ONCE];
	struct iova_area *area;
	unsigned int i, nr = 0;

	mutex_lock(&space->lock);
	area = __iova_space_first(space, from, ULONG_MAX);
	/* It has come since the last look, across what was looked at. */
	if (area && area->node.start < from)
		area = to_iova_area(iova_node_next(&area->node));
	for (; area && nr < room; nr++) {
		view_area(area, &views[nr], &memory[nr]);
		area = to_iova_area(iova_node_next(&area->node));
	}
	mutex_unlock(&space->lock);
	for (i = 0; i < nr; i++) {
		if (!memory[i].umem)
			continue;
		views[i].runs = iommufd_umem_count_runs(memory[i].umem,
							memory[i].first,
							memory[i].last);
		iova_umem_put(memory[i].umem);
	}
	return nr;
}

/**
 * iova_space_view() - look at areas
 * @space: space
 * @from: lowest first IOVA that matters
 * @views: receives what can be said about the areas, in order of IOVA
 * @room: number of areas that matter
 *
 * Context: may sleep. The areas may change meanwhile and afterwards.
 * Return: number of @views, less than @room if there are no more areas.
 */
unsigned int iova_space_view(struct iova_space *space, unsigned long from,
			     struct iova_view *views, unsigned int room)
{
	unsigned int nr = 0, more;

	while (nr < room) {
		more = view_some(space, from, &views[nr],
				 min(room - nr, VIEW_AT_ONCE));
		nr += more;
		if (!more || views[nr - 1].last == ULONG_MAX)
			break;
		if (fatal_signal_pending(current))
			break;
		from = views[nr - 1].last + 1;
		cond_resched();
	}
	return nr;
}

/* Number of areas, not exact while they come and go; needs no lock */
unsigned long iova_space_count_areas(const struct iova_space *space)
{
	unsigned long nr = 0;
	unsigned int order;

	for (order = 0; order < ARRAY_SIZE(space->nr_order); order++)
		nr += READ_ONCE(space->nr_order[order]);
	return nr;
}
