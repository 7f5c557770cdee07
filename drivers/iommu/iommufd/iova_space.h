/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_SPACE_H
#define _IOMMUFD_IOVA_SPACE_H

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/wait.h>
#include <uapi/linux/iommufd.h>

#include "iova_alloc.h"
#include "pgtable.h"
#include "umem.h"

/**
 * struct iova_space - what is mapped where, and where nothing may be
 * @lock: guards everything here and what the members below say it guards. Held
 *        for tree operations only, never while pages are pinned, an IO page
 *        table is changed or user memory is touched.
 * @areas: mappings
 * @reserved: IOVA that the hardware cannot use; may overlap each other
 * @allowed: if not empty, where automatic IOVA must lie
 * @pgtables: page tables that get the mappings, struct iova_pgtable
 * @accesses: drivers that use the mappings, struct iova_access
 * @idle: wakes who waits for an area that somebody works on
 * @nr_order: number of areas for each order of alignment, see iova_area_order()
 * @alignment: what start, length and page offset of areas must be a multiple of
 * @small_pages: no IO page is larger than PAGE_SIZE
 */
struct iova_space {
	struct mutex lock;
	struct iova_tree areas;
	struct rb_root_cached reserved;
	struct rb_root_cached allowed;
	struct list_head pgtables;
	struct list_head accesses;
	wait_queue_head_t idle;
	unsigned long nr_order[PAGE_SHIFT + 1];
	unsigned long alignment;
	bool small_pages;
};

/**
 * enum iova_area_state - who may change an area
 * @AREA_IDLE: whoever takes it, under the lock of the space
 * @AREA_CREATING: its MAP or COPY, which has not finished
 * @AREA_MOVING: a domain that is being filled or drained, or a cut
 * @AREA_REMOVING: an UNMAP
 */
enum iova_area_state {
	AREA_IDLE,
	AREA_CREATING,
	AREA_MOVING,
	AREA_REMOVING,
};

/**
 * struct iova_area - a mapping
 * @node: its IOVA, a node of iova_space.areas
 * @next: links areas that one thread works on, in order of their IOVA
 * @umem: what is mapped; the area holds a reference
 * @offset: byte of @umem where the area begins
 * @nr_pgtables: number of domains that it is mapped in
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @in_umem: the area is iova_umem.first_area of @umem and is freed with it
 * @state: enum iova_area_state, guarded by the lock of the space
 * @pinned: the area is a user of its pages
 * @no_pins: an UNMAP waits for @nr_pins to become 0; no new ones
 * @nr_pins: pins of accesses, which keep the area from being removed
 * @nr_pinning: how many of these are still being made, so that their access
 *              cannot end them yet
 *
 * @no_pins, @nr_pins and @nr_pinning are guarded by the lock of the space.
 *
 * While @state is not AREA_IDLE the area stays in the tree, the set of domains
 * it belongs to stays as it is, and @next, @nr_pgtables and @pinned belong to
 * the thread that set the state.
 */
struct iova_area {
	struct iova_node node;
	struct iova_area *next;
	struct iommufd_umem *umem;
	unsigned long offset;
	unsigned int nr_pgtables;
	u8 prot : 7;
	bool in_umem : 1;
	u8 state;
	bool pinned;
	bool no_pins;
	unsigned int nr_pins;
	unsigned int nr_pinning;
};

/**
 * struct iova_umem - user memory, and room for the area that MAP makes of it
 * @first_area: that area; unused once it is unmapped, while copies of it still
 *              refer to @umem
 * @umem: user memory; its last reference frees the struct. It must come last.
 */
struct iova_umem {
	struct iova_area first_area;
	struct iommufd_umem umem;
};

/**
 * struct iova_pgtable - a page table that follows an IOVA space
 * @entry: place in iova_space.pgtables
 * @table: the page table
 * @filled: areas that start below this IOVA are mapped, others are not;
 *          ULONG_MAX when the domain is complete. No area starts there, as a
 *          domain asks for a coarser alignment. Guarded by the lock of the
 *          space.
 */
struct iova_pgtable {
	struct list_head entry;
	struct iommufd_pgtable table;
	unsigned long filled;
};

/**
 * struct iova_pgtables - going through the domains that a busy area belongs to
 * @pgt: the current one, NULL at the end
 * @filled: its mark
 * @left: how many come after it; counted once, as the set cannot change
 */
struct iova_pgtables {
	struct iova_pgtable *pgt;
	unsigned long filled;
	unsigned int left;
};

/**
 * struct iova_access_ops - the access as the space sees it
 * @get: keep the owner, under the lock of the space
 * @unmap: the owner unpins a range; called with no lock held
 * @put: undo @get, maybe the last that is done with the owner
 */
struct iova_access_ops {
	void (*get)(void *owner);
	void (*unmap)(void *owner, unsigned long iova, unsigned long length);
	void (*put)(void *owner);
};

/**
 * struct iova_access - a driver that uses an IOVA space
 * @entry: place in iova_space.accesses, where it stays while @running
 * @pins: it pins pages, so mappings must be page aligned; false once it has
 *        left the space
 * @active: what it pins belongs to this space; until then it has pins in the
 *          space that it is about to leave. Set before its first pin here, so
 *          whoever sees one under the lock of the space sees this too.
 * @running: unmap callbacks that run; the last one frees an access that has left
 * @ops: callbacks
 * @owner: argument of the callbacks
 *
 * All but @active, @ops and @owner is guarded by the lock of the space.
 */
struct iova_access {
	struct list_head entry;
	bool pins;
	bool active;
	unsigned int running;
	const struct iova_access_ops *ops;
	void *owner;
};

/**
 * struct iova_revoke - an area that an UNMAP waits for
 * @start: first IOVA of the area
 * @last: last IOVA of the area
 * @rounds: how often its pins were asked to end
 */
struct iova_revoke {
	unsigned long start;
	unsigned long last;
	unsigned int rounds;
};

/**
 * struct iova_range - a reserved or allowed range
 * @node: its IOVA, in iova_space.reserved or iova_space.allowed
 * @owner: who needs it reserved
 */
struct iova_range {
	struct interval_tree_node node;
	const void *owner;
};

/**
 * struct iova_free_ranges - what was not reserved at one moment
 * @ranges: the ranges, lowest first, to be freed with kvfree()
 * @nr: how many there are
 * @alignment: iova_space.alignment of that moment
 */
struct iova_free_ranges {
	struct iommu_iova_range *ranges;
	u32 nr;
	unsigned long alignment;
};

/* How to place areas */
#define IOVA_MAP_FIXED (1U << 0)

void iova_space_init(struct iova_space *space);
void iova_space_destroy(struct iova_space *space);
bool iova_space_nth_area(struct iova_space *space, unsigned int n,
			 unsigned long *start);

struct iova_area *iova_area_create(struct iommufd_payer *payer,
				   enum iommufd_account_mode mode,
				   unsigned long uva, unsigned long length,
				   int prot);
struct iova_area *iova_area_create_copy(int prot);
int iova_areas_check_rights(const struct iova_area *areas);
void iova_areas_free(struct iova_area *areas);
void iova_umem_put(struct iommufd_umem *umem);

int iova_space_map(struct iova_space *space, struct iova_area *areas,
		   unsigned int flags, unsigned long *iova);
void iova_space_abort(struct iova_space *space, struct iova_area *areas);
void iova_space_commit(struct iova_space *space, struct iova_area *areas);
int iova_space_share(struct iova_space *space, unsigned long start,
		     unsigned long last, int prot, struct iova_area **areas);
int iova_space_unmap(struct iova_space *space, unsigned long start,
		     unsigned long last, unsigned long *unmapped);
int iova_space_unmap_any(struct iova_space *space, unsigned long start,
			 unsigned long last, unsigned long *unmapped);
int iova_space_unmap_all(struct iova_space *space, unsigned long *unmapped);

/* iova_split.c */
int iova_space_split(struct iova_space *space, unsigned long iova);

/* iova_ranges.c */
int iova_space_reserve(struct iova_space *space, unsigned long start,
		       unsigned long last, const void *owner);
int __iova_space_reserve(struct iova_space *space, struct iova_range *range);
void iova_space_unreserve(struct iova_space *space, const void *owner);
void __iova_space_unreserve(struct iova_space *space, const void *owner);
bool __iova_space_is_reserved(struct iova_space *space, unsigned long start,
			      unsigned long last);
int iova_allowed_add(struct rb_root_cached *allowed, unsigned long start,
		     unsigned long last);
int iova_space_allow(struct iova_space *space, struct rb_root_cached *allowed);
void iova_ranges_free(struct rb_root_cached *ranges);
int iova_space_free_ranges(struct iova_space *space,
			   struct iova_free_ranges *free);
int __iova_space_place(struct iova_space *space, struct iova_search *search,
		       const struct iova_want *want);

/* iova_pgtable.c */
int iova_space_add_pgtable(struct iova_space *space, struct iova_pgtable *pgt);
void iova_space_remove_pgtable(struct iova_space *space,
			       struct iova_pgtable *pgt);
void __iova_pgtables_lift_marks(struct iova_space *space, unsigned long start,
				unsigned long border);
void iova_area_unpin(struct iova_area *area);
void __iova_pgtables_of(struct iova_space *space, const struct iova_area *area,
			struct iova_pgtables *iter);
int iova_areas_fill(struct iova_space *space, struct iova_area *areas,
		    struct iova_pgtables *iter);
void iova_areas_drain(struct iova_space *space, struct iova_area *areas,
		      struct iova_pgtables *iter);
unsigned long iova_space_alignment(struct iova_space *space);
unsigned long iova_space_page_sizes(struct iova_space *space);
int iova_space_set_huge_pages(struct iova_space *space, bool enable);
bool iova_space_huge_pages(struct iova_space *space);

unsigned long __iova_space_calc_alignment(struct iova_space *space);
int __iova_space_raise_alignment(struct iova_space *space,
				 unsigned long alignment);

/* iova_pin.c */
int iova_space_add_access(struct iova_space *space, struct iova_access *access);
void iova_space_remove_access(struct iova_space *space,
			      struct iova_access *access);
int iova_space_pin(struct iova_space *space, unsigned long start,
		   unsigned long last, bool write, struct page **pages);
void iova_space_unpin(struct iova_space *space, unsigned long start,
		      unsigned long last);
int iova_space_rw(struct iova_space *space, unsigned long start,
		  unsigned long last, bool write, void *data);
int iova_space_revoke(struct iova_space *space, struct iova_revoke *revoke);
void iova_space_unrevoke(struct iova_space *space,
			 const struct iova_revoke *revoke);
void __iova_space_unrevoke(struct iova_space *space,
			   const struct iova_revoke *revoke);

/* For the other files of the IOVA space */
#define IOVA_CHECKS (IS_ENABLED(CONFIG_IOMMUFD_CHECKS) || \
		     IS_ENABLED(CONFIG_PROVE_LOCKING))
void __iova_area_check(struct iova_space *space, const struct iova_area *area);
int __iova_space_wait(struct iova_space *space, unsigned int state,
		      long timeout);
void __iova_space_wake(struct iova_space *space);
void __iova_areas_idle(struct iova_space *space, struct iova_area *areas);
unsigned int iova_area_order(const struct iova_area *area);

static inline struct iova_area *to_iova_area(struct iova_node *node)
{
	return node ? container_of(node, struct iova_area, node) : NULL;
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

#endif
