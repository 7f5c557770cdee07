/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_SPACE_H
#define _IOMMUFD_IOVA_SPACE_H

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/wait.h>
#include <uapi/linux/iommufd.h>

#include "account.h"
#include "iova_alloc.h"
#include "pgtable.h"

struct file;
struct iommufd_bar_range;
struct iova_area;

/**
 * struct iova_space - areas, and the IOVA where no area may be
 * @lock: guards all members, and the members of other structs that say so. Held
 *        for tree operations only, never while pages are pinned, an IO page
 *        table changes or user memory is accessed.
 * @areas: struct iova_area
 * @reserved: IOVA that the hardware cannot use; the ranges may overlap
 * @allowed: if not empty, automatic IOVA must lie in it
 * @pgtables: page tables that get the areas, struct iova_pgtable
 * @accesses: drivers that use the areas, struct iova_access
 * @idle: wait queue for areas that another thread works on
 * @nr_order: number of areas for each order of alignment, see iova_area_order()
 * @mapped: bytes of all areas; also read without the lock
 * @stats: of the context
 * @alignment: start, length and page offset of areas must be multiples of it
 * @small_pages: no IO page may be larger than PAGE_SIZE
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
	unsigned long mapped;
	struct iommufd_stats *stats;
	unsigned long alignment;
	bool small_pages;
};

/**
 * struct iova_pgtable - a page table that follows an IOVA space
 * @entry: place in iova_space.pgtables
 * @table: the page table
 * @filled: areas that start below this IOVA are mapped, others are not.
 *          ULONG_MAX when all are mapped; no area starts there, as IO pages
 *          need a coarser alignment
 * @goes: the domain is about to be freed, so @filled moves down. The table may
 *        have IO pages of areas that have left it, at and above @filled.
 *
 * @filled and @goes are guarded by the lock of the space.
 */
struct iova_pgtable {
	struct list_head entry;
	struct iommufd_pgtable table;
	unsigned long filled;
	bool goes;
};

/**
 * struct iova_access_ops - what a space calls on an access
 * @get: take a reference to the owner; called under the lock of the space
 * @unmap: the owner must unpin a range; called with no lock held
 * @put: undo @get; called under the lock of the space. The owner may be freed
 *       afterwards.
 */
struct iova_access_ops {
	void (*get)(void *owner);
	void (*unmap)(void *owner, unsigned long iova, unsigned long length);
	void (*put)(void *owner);
};

/**
 * struct iova_access - a driver that uses an IOVA space
 * @entry: place in iova_space.accesses, where it stays while @running
 * @pins: the driver pins pages, so areas must be page aligned; false after the
 *        access has left the space
 * @active: its pins belong to this space. While false, they belong to the space
 *          that the driver is about to leave. Set before the first pin here, so
 *          a thread that sees a pin under the lock of the space sees @active
 *          too.
 * @running: number of unmap callbacks that run; the last one frees an access
 *           that has left
 * @ops: callbacks
 * @owner: argument of the callbacks
 *
 * The lock of the space guards @entry, @pins and @running.
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
 * struct iova_free_ranges - a snapshot of what is not reserved
 * @ranges: the ranges, lowest first; the caller frees them with kvfree()
 * @nr: number of @ranges
 * @alignment: iova_space.alignment at the same time
 */
struct iova_free_ranges {
	struct iommu_iova_range *ranges;
	u32 nr;
	unsigned long alignment;
};

/* iova_space_map(): do not choose an IOVA */
#define IOVA_MAP_FIXED (1U << 0)

void iova_space_init(struct iova_space *space, struct iommufd_stats *stats);
void iova_space_destroy(struct iova_space *space);
bool iova_space_nth_area(struct iova_space *space, unsigned int n,
			 unsigned long *start);

/* Areas that have no place yet */
struct iova_area *iova_area_create(struct iommufd_payer *payer,
				   enum iommufd_account_mode mode,
				   unsigned long uva, unsigned long length,
				   int prot);
struct iova_area *iova_area_create_file(struct iommufd_payer *payer,
					enum iommufd_account_mode mode,
					struct file *file, unsigned long start,
					unsigned long length, int prot);
struct iova_area *iova_area_create_dmabuf(struct iommufd_payer *payer, int fd,
					  unsigned long start,
					  unsigned long length, int prot);
struct iova_area *iova_area_create_bar(struct iommufd_payer *payer,
				       const struct iommufd_bar_range *range,
				       unsigned long uva, unsigned long length);
bool iova_area_has_pgtables(const struct iova_area *area);
int iova_areas_check_rights(const struct iova_area *areas);
unsigned long iova_areas_count_runs(const struct iova_area *areas);
void iova_areas_free(struct iova_area *areas);

/* MAP, COPY, UNMAP */
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
int iova_space_collect_payers(struct iova_space *space,
			      struct iommufd_payer **list);
int iova_space_split(struct iova_space *space, unsigned long iova);

/* Reserved and allowed ranges */
int iova_space_reserve(struct iova_space *space, unsigned long start,
		       unsigned long last, const void *owner);
void iova_space_unreserve(struct iova_space *space, const void *owner);
int iova_allowed_add(struct rb_root_cached *allowed, unsigned long start,
		     unsigned long last);
int iova_space_allow(struct iova_space *space, struct rb_root_cached *allowed);
void iova_ranges_free(struct rb_root_cached *ranges);
int iova_space_free_ranges(struct iova_space *space,
			   struct iova_free_ranges *free);
bool iova_space_next_range(struct iova_space *space,
			   struct rb_root_cached *ranges, unsigned long *start,
			   unsigned long *last);

/* Page tables */
int iova_space_add_pgtable(struct iova_space *space, struct iova_pgtable *pgt);
void iova_space_remove_pgtable(struct iova_space *space,
			       struct iova_pgtable *pgt);
bool iova_space_has_pgtables(struct iova_space *space);
unsigned long iova_space_page_sizes(struct iova_space *space);
int iova_space_set_huge_pages(struct iova_space *space, bool enable);
bool iova_space_huge_pages(struct iova_space *space);

int iova_space_phys(struct iova_space *space, unsigned long iova,
		    bool (*known)(const struct iommu_domain *domain),
		    unsigned long *length, phys_addr_t *phys);

/* Accesses */
int iova_space_add_access(struct iova_space *space, struct iova_access *access);
void iova_space_remove_access(struct iova_space *space,
			      struct iova_access *access);
int iova_space_pin(struct iova_space *space, unsigned long start,
		   unsigned long last, bool write, struct page **pages);
void iova_space_unpin(struct iova_space *space, unsigned long start,
		      unsigned long last);
int iova_space_hold(struct iova_space *space, unsigned long start,
		    unsigned long last, phys_addr_t *phys);
void iova_space_unhold(struct iova_space *space, unsigned long start,
		       unsigned long last);
int iova_space_rw(struct iova_space *space, unsigned long start,
		  unsigned long last, bool write, void *data);

#endif
