// SPDX-License-Identifier: GPL-2.0
/*
 * Areas of an IOVA space: how they are made and freed, and how threads wait for
 * each other's areas.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "iova_area.h"
#include "umem_bar.h"
#include "umem_dmabuf.h"
#include "umem_file.h"
#include "umem_user.h"

/* Allocations of areas that are freed together */
#define FREE_AT_ONCE 32

/* Check each area that becomes idle */
#define IOVA_CHECKS \
	(IS_ENABLED(CONFIG_IOMMUFD_CHECKS) || IS_ENABLED(CONFIG_PROVE_LOCKING))

/*
 * Set every member but those of @node that the tree sets. As @node.start is 0,
 * the caller tells the length by @node.last.
 */
static __always_inline void iova_area_init(struct iova_area *area, int prot)
{
	area->node.start = 0;
	area->next = NULL;
	area->offset = 0;
	area->nr_pgtables = 0;
	area->prot = prot | IOMMU_CACHE;
	area->in_umem = false;
	area->state = AREA_CREATING;
	area->pinned = false;
	area->no_pins = false;
	area->nr_pins = 0;
	area->nr_pinning = 0;
	area->nr_holds = 0;
	area->made = iova_area_now();
}

/* The size is constant where this is inlined, which makes kmalloc() cheap. */
static __always_inline struct iova_umem *iova_umem_alloc(size_t private,
							 gfp_t flags)
{
	struct iova_umem *owner;

	return kmalloc(struct_size(owner, umem.first_chunk.runs, 1) + private,
		       GFP_KERNEL_ACCOUNT | flags);
}

/* The area that MAP makes of a new umem; @start is that of its memory. */
static __always_inline struct iova_area *
iova_first_area(struct iova_umem *owner, unsigned long start,
		unsigned long length, int prot)
{
	struct iova_area *area = &owner->first_area;

	iova_area_init(area, prot);
	area->in_umem = true;
	area->offset = start;
	area->node.last = length - 1;
	return area;
}

/**
 * iova_area_create() - make an area of user memory; it has no place yet
 * @payer: owner of the memory; on success the area takes over the caller's
 *         reference
 * @mode: counter to charge when pages are pinned
 * @uva: user address
 * @length: bytes
 * @prot: IOMMU_READ and IOMMU_WRITE
 *
 * Return: the area, or NULL if kernel memory is short.
 */
struct iova_area *iova_area_create(struct iommufd_payer *payer,
				   enum iommufd_account_mode mode,
				   unsigned long uva, unsigned long length,
				   int prot)
{
	struct iova_umem *owner = iova_umem_alloc(0, 0);

	/* Every small mapping has one, so do not let it grow unnoticed. */
	BUILD_BUG_ON(!IS_ENABLED(CONFIG_PREEMPT_RT) &&
		     !IS_ENABLED(CONFIG_DEBUG_SPINLOCK) &&
		     struct_size(owner, umem.first_chunk.runs, 1) > 192);
	if (!owner)
		return NULL;
	owner->umem.flags = 0;
	iommufd_umem_init(&owner->umem, &umem_user_ops, payer, mode,
			  prot & IOMMU_WRITE);
	return iova_first_area(owner, uva, length, prot);
}

/**
 * iova_area_create_file() - make an area of a file; it has no place yet
 * @payer: process to charge; on success the area takes over the caller's
 *         reference
 * @mode: counter to charge when pages are pinned
 * @file: file; the area gets a reference of its own
 * @start: offset in the file
 * @length: bytes; @start + @length must not wrap
 * @prot: IOMMU_READ and IOMMU_WRITE
 *
 * Return: the area, ERR_PTR(-ENOMEM), or the errors of umem_file_init().
 */
struct iova_area *iova_area_create_file(struct iommufd_payer *payer,
					enum iommufd_account_mode mode,
					struct file *file, unsigned long start,
					unsigned long length, int prot)
{
	struct iova_umem *owner = iova_umem_alloc(sizeof(struct umem_file),
						  __GFP_ZERO);
	int rc;

	if (!owner)
		return ERR_PTR(-ENOMEM);
	rc = umem_file_init(&owner->umem, file, start + length, prot);
	if (rc) {
		kfree(owner);
		return ERR_PTR(rc);
	}
	iommufd_umem_init(&owner->umem, &umem_file_ops, payer, mode,
			  prot & IOMMU_WRITE);
	return iova_first_area(owner, start, length, prot);
}

/**
 * iova_area_create_dmabuf() - make an area of a dma-buf; it has no place yet
 * @payer: current process; on success the area takes over the caller's reference
 * @fd: descriptor of the buffer
 * @start: offset in the buffer
 * @length: bytes; @start + @length must not wrap
 * @prot: IOMMU_READ and IOMMU_WRITE
 *
 * Return: the area, ERR_PTR(-ENOMEM), or the errors of umem_dmabuf_init().
 */
struct iova_area *iova_area_create_dmabuf(struct iommufd_payer *payer, int fd,
					  unsigned long start,
					  unsigned long length, int prot)
{
	struct iova_umem *umem = iova_umem_alloc(sizeof(struct umem_dmabuf),
						 __GFP_ZERO);
	int rc;

	if (!umem)
		return ERR_PTR(-ENOMEM);
	rc = umem_dmabuf_init(&umem->umem, fd, start + length, prot);
	if (rc) {
		kfree(umem);
		return ERR_PTR(rc);
	}
	iommufd_umem_init(&umem->umem, &umem_dmabuf_ops, payer,
			  IOMMUFD_ACCOUNT_NONE, prot & IOMMU_WRITE);
	return iova_first_area(umem, start, length, prot);
}

/**
 * iova_area_create_bar() - make an area of a BAR; it has no place yet
 * @payer: current process; on success the area takes over the caller's reference
 * @range: pages at which the process has the BAR
 * @uva: first address, in the first page of @range
 * @length: bytes; @uva + @length is in the last page of @range
 *
 * Return: the area, ERR_PTR(-ENOMEM), or ERR_PTR(-EINTR).
 */
struct iova_area *iova_area_create_bar(struct iommufd_payer *payer,
				       const struct iommufd_bar_range *range,
				       unsigned long uva, unsigned long length)
{
	struct iova_umem *umem = iova_umem_alloc(sizeof(struct umem_bar),
						 __GFP_ZERO);
	int rc;

	if (!umem)
		return ERR_PTR(-ENOMEM);
	rc = umem_bar_init(&umem->umem, range);
	if (rc) {
		kfree(umem);
		return ERR_PTR(rc);
	}
	iommufd_umem_init(&umem->umem, &umem_bar_ops, payer,
			  IOMMUFD_ACCOUNT_NONE, range->prot & IOMMU_WRITE);
	umem->umem.readable = range->prot & IOMMU_READ;
	return iova_first_area(umem, uva, length, range->prot);
}

/*
 * Make an area that shares the memory of another one. The caller sets that with
 * iova_copy_set_umem().
 */
struct iova_area *iova_area_create_copy(int prot)
{
	struct iova_copy *copy = kmalloc(sizeof(*copy), GFP_KERNEL_ACCOUNT);

	if (!copy)
		return NULL;
	iova_area_init(&copy->area, prot);
	return &copy->area;
}

static struct iova_umem *to_iova_umem(struct iommufd_umem *umem)
{
	return container_of(umem, struct iova_umem, umem);
}

void iova_umem_put(struct iommufd_umem *umem)
{
	if (iommufd_umem_put(umem))
		kfree(to_iova_umem(umem));
}

/* Is the area in a page table? The caller is mapping it. */
bool iova_area_has_pgtables(const struct iova_area *area)
{
	return area->nr_pgtables;
}

/* Physically contiguous runs of pinned areas. The caller is mapping them. */
unsigned long iova_areas_count_runs(const struct iova_area *areas)
{
	unsigned long runs = 0;

	for (; areas; areas = areas->next) {
		if (areas->pinned)
			runs += iommufd_umem_count_runs(
				iova_area_umem(areas),
				iova_area_first_page(areas),
				iova_area_last_page(areas));
	}
	return runs;
}

/* Return: 0, -EPERM if an area has a right that its memory does not give. */
int iova_areas_check_rights(const struct iova_area *areas)
{
	for (; areas; areas = areas->next) {
		const struct iommufd_umem *umem = iova_area_umem(areas);

		if (((areas->prot & IOMMU_WRITE) && !umem->writable) ||
		    ((areas->prot & IOMMU_READ) && !umem->readable))
			return -EPERM;
	}
	return 0;
}

/* Free @nr allocations; what is adjacent in a slab costs less together. */
static void free_together(void **garbage, unsigned int nr)
{
	if (nr == 1)
		kfree(garbage[0]);
	else if (nr)
		kfree_bulk(nr, garbage);
}

/* Free a list of areas, in any order, that are in no tree; it may be NULL. */
void iova_areas_free(struct iova_area *areas)
{
	void *garbage[FREE_AT_ONCE] __uninitialized;
	struct iova_area *next;
	unsigned int nr = 0;

	for (; areas; areas = next) {
		struct iommufd_umem *umem = iova_area_umem(areas);

		next = areas->next;
		if (!areas->in_umem)
			garbage[nr++] = areas;
		if (iommufd_umem_put(umem))
			garbage[nr++] = to_iova_umem(umem);
		/* The next area may have two allocations. */
		if (nr + 2 > FREE_AT_ONCE) {
			free_together(garbage, nr);
			nr = 0;
		}
		cond_resched();
	}
	free_together(garbage, nr);
}

/**
 * __iova_space_wait() - wait until any area becomes idle or is removed
 * @space: space, locked; unlocked while waiting
 * @state: TASK_KILLABLE or TASK_IDLE
 * @timeout: jiffies to wait at most, or MAX_SCHEDULE_TIMEOUT
 *
 * The caller must look up its areas again afterwards.
 *
 * Return: 0, or -EINTR when killed.
 */
int __iova_space_wait(struct iova_space *space, unsigned int state,
		      long timeout)
{
	DEFINE_WAIT(wait);

	prepare_to_wait(&space->idle, &wait, state);
	mutex_unlock(&space->lock);
	if (!signal_pending_state(state, current))
		schedule_timeout(timeout);
	finish_wait(&space->idle, &wait);
	mutex_lock(&space->lock);
	return signal_pending_state(state, current) ? -EINTR : 0;
}

/*
 * The number of page tables that an area is in follows from their filled marks,
 * and is stored in the area. WARN if the two differ.
 */
static void __iova_area_check(struct iova_space *space,
			      const struct iova_area *area)
{
	unsigned int nr_pgtables = 0;
	struct iova_pgtable *pgt;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(pgt, &space->pgtables, entry) {
		if (area->node.start < pgt->filled)
			nr_pgtables++;
	}
	WARN_ONCE(area->nr_pgtables != nr_pgtables,
		  "iommufd: %#lx is in %u domains, by their marks in %u\n",
		  area->node.start, area->nr_pgtables, nr_pgtables);
	WARN_ONCE(area->pinned !=
			  (nr_pgtables > 0 && !iova_area_umem(area)->ops->map),
		  "iommufd: %#lx is in %u domains and pinned=%d\n",
		  area->node.start, nr_pgtables, area->pinned);
}

/* End the mark of areas. The caller must not use the list any more. */
void __iova_areas_idle(struct iova_space *space, struct iova_area *areas)
{
	for (; areas; areas = areas->next) {
		if (IOVA_CHECKS)
			__iova_area_check(space, areas);
		areas->state = AREA_IDLE;
	}
	__iova_space_wake(space);
}
