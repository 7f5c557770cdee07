/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_AREA_H
#define _IOMMUFD_IOVA_AREA_H

#include <linux/jiffies.h>

#include "iova_space.h"
#include "umem.h"

/* How many areas a thread works on before it releases the lock for a moment */
#define AREAS_AT_ONCE 512

/**
 * enum iova_area_state - which thread may change an area
 * @AREA_IDLE: any thread, after it has set another state under the lock of the
 *             space
 * @AREA_CREATING: the MAP or COPY that makes it
 * @AREA_MOVING: the thread that fills or drains a page table, or splits the
 *               area
 * @AREA_REMOVING: the UNMAP that removes it
 */
enum iova_area_state {
	AREA_IDLE,
	AREA_CREATING,
	AREA_MOVING,
	AREA_REMOVING,
};

/**
 * struct iova_area - a range of IOVA that maps a part of a user memory
 * @node: its IOVA, a node of iova_space.areas
 * @next: next area of a list that one thread works on, in order of IOVA
 * @offset: byte of its memory where the area begins
 * @nr_pgtables: number of page tables that it is mapped in
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @in_umem: it is iova_umem.first_area of its memory; otherwise iova_copy.area
 * @state: enum iova_area_state, guarded by the lock of the space
 * @pinned: the area is a user of its pages
 * @no_pins: new pins fail, as an UNMAP waits for @nr_pins to become 0
 * @nr_pins: pins of accesses; the area cannot be removed while there are any
 * @nr_pinning: how many of @nr_pins are still being made; their accesses cannot
 *              unpin them yet
 * @nr_holds: how many of @nr_pins belong to no access, so that no callback ends
 *            them
 * @made: when it was made, see iova_area_now(); constant
 *
 * @no_pins, @nr_pins, @nr_pinning and @nr_holds are guarded by the lock of the
 * space.
 *
 * While @state is not AREA_IDLE the area stays in the tree, the set of page
 * tables that it belongs to does not change, and only the thread that has set
 * the state may use @next, @nr_pgtables and @pinned.
 */
struct iova_area {
	struct iova_node node;
	struct iova_area *next;
	unsigned long offset;
	unsigned int nr_pgtables;
	u8 prot : 7;
	bool in_umem : 1;
	u8 state;
	bool pinned;
	bool no_pins;
	unsigned int nr_pins;
	unsigned int nr_pinning;
	unsigned int nr_holds;
	u32 made;
};

/**
 * struct iova_umem - user memory, and room for the area that MAP makes of it
 * @first_area: that area. It is unused after its UNMAP, while copies of the
 *              area still refer to @umem.
 * @umem: user memory; its last reference frees the struct. It must come last.
 */
struct iova_umem {
	struct iova_area first_area;
	struct iommufd_umem umem;
};

/**
 * struct iova_copy - an area that shares the memory of another one
 * @area: the area; it must come first
 * @umem: user memory; the area holds a reference
 */
struct iova_copy {
	struct iova_area area;
	struct iommufd_umem *umem;
};

/* The memory of an area, which holds a reference to it */
static inline struct iommufd_umem *iova_area_umem(const struct iova_area *area)
{
	if (area->in_umem)
		return &container_of(area, struct iova_umem, first_area)->umem;
	return container_of(area, struct iova_copy, area)->umem;
}

/* Takes over the caller's reference to the memory. */
static inline void iova_copy_set_umem(struct iova_area *copy,
				      struct iommufd_umem *umem)
{
	container_of(copy, struct iova_copy, area)->umem = umem;
}

struct iova_area *iova_area_create_copy(int prot);
void iova_umem_put(struct iommufd_umem *umem);

int __iova_space_wait(struct iova_space *space, unsigned int state,
		      long timeout);
void __iova_areas_idle(struct iova_space *space, struct iova_area *areas);

static inline struct iova_area *to_iova_area(struct iova_node *node)
{
	return node ? container_of(node, struct iova_area, node) : NULL;
}

/* Jiffies: a quarter of a second with the HZ of Debian, 250 */
#define IOVA_AREA_TICK 64

/* A coarse clock, which fits into what was padding and wraps after years */
static inline u32 iova_area_now(void)
{
	return jiffies / IOVA_AREA_TICK;
}

/* The lowest area that has an IOVA in the range. */
static inline struct iova_area *__iova_space_first(struct iova_space *space,
						   unsigned long start,
						   unsigned long last)
{
	lockdep_assert_held(&space->lock);
	return to_iova_area(iova_tree_first(&space->areas, start, last));
}

static inline unsigned long iova_area_length(const struct iova_area *area)
{
	return area->node.last - area->node.start + 1;
}

static inline unsigned long iova_area_first_page(const struct iova_area *area)
{
	return area->offset >> PAGE_SHIFT;
}

static inline unsigned long iova_area_last_page(const struct iova_area *area)
{
	return (area->offset + iova_area_length(area) - 1) >> PAGE_SHIFT;
}

/*
 * The alignment of an area that has a place. Return: log2 of the largest IO
 * page, up to PAGE_SIZE, that divides start, length and offset in the first
 * page.
 */
static inline unsigned int iova_area_order(const struct iova_area *area)
{
	return __ffs(area->node.start | iova_area_length(area) | area->offset |
		     PAGE_SIZE);
}

/* Wake all threads in __iova_space_wait(). */
static inline void __iova_space_wake(struct iova_space *space)
{
	lockdep_assert_held(&space->lock);
	/* Waiters queue under the lock, so no barrier is needed to see them. */
	if (waitqueue_active(&space->idle))
		wake_up_all(&space->idle);
}

#endif
