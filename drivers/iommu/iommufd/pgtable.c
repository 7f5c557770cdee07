// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: IO pages
 *
 * How the runs of user memory are mapped in the page table of an IOMMU domain,
 * and unmapped.
 *
 * No IO page is mapped across a multiple of PIECE_SIZE, so an unmap may stop
 * at any such multiple and never splits a large IO page.
 *
 * If a run has no room for a large IO page, the core of the IOMMU subsystem has
 * no page size to choose. Such a run goes to the driver directly, and the
 * driver is told once for many runs to make them visible. For scattered memory
 * that saves a third of the whole cost.
 *
 * An attach or detach of a group and a change of the page table exclude each
 * other. VT-d drivers before Linux 6.11 find the IOTLBs to flush in a list that
 * attach and detach change, and have no lock for it. Long work lets groups
 * through after every piece.
 */
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "pgtable.h"
#include "umem.h"

#define PIECE_SIZE SZ_1G

/*
 * A VT-d driver flushes the IOTLB before each range that does not follow the
 * last one. From so many gaps on it is told not to, and one flush of the whole
 * domain comes before the pages are unpinned. What that costs the DMA to other
 * mappings is less than so many flushes.
 */
#define GAPS_TO_FLUSH_ALL 8

/* Runs to map before checking for waiters of the lock and for a fatal signal */
#define RUNS_AT_ONCE 64

/**
 * struct pgtable_map - state of mapping a range
 * @pgt: page table
 * @range: range
 * @walk: its next run
 * @mapped: bytes of the range that are in the page table
 * @tried: bytes of the range up to which the driver was last asked to map
 * @piece_size: no IO page may cross a multiple of it
 * @shift: IO pages of short runs have 1 << @shift bytes
 * @large: runs below this length are short
 */
struct pgtable_map {
	struct iommufd_pgtable *pgt;
	const struct pgtable_range *range;
	struct umem_walk walk;
	unsigned long mapped;
	unsigned long tried;
	unsigned long piece_size;
	unsigned int shift;
	unsigned long large;
};

/* log2 of the largest IO page that fits into a page of memory */
static unsigned int small_io_page_shift(const struct iommu_domain *domain)
{
	return __fls(domain->pgsize_bitmap & (2 * PAGE_SIZE - 1));
}

/*
 * Runs below this length are short: the next larger IO page does not fit into
 * them, and one call can map them. 0 if the driver cannot be called directly.
 */
static unsigned long large_io_page(const struct iommu_domain *domain)
{
	unsigned long sizes = domain->pgsize_bitmap & ~(2 * PAGE_SIZE - 1);

	if (!domain->ops->map_pages || !domain->ops->unmap_pages)
		return 0;
	return sizes ? 1UL << __ffs(sizes) : SZ_2M;
}

/* @pgt->domain is set and has nothing mapped. */
void iommufd_pgtable_init(struct iommufd_pgtable *pgt)
{
	atomic_long_set(&pgt->mapped, 0);
	init_rwsem(&pgt->groups);
}

/* Called before @pgt->domain is freed. All ranges are unmapped or abandoned. */
void iommufd_pgtable_fini(struct iommufd_pgtable *pgt)
{
	WARN_ONCE(atomic_long_read(&pgt->mapped),
		  "iommufd: a domain goes with %ld bytes mapped in it\n",
		  atomic_long_read(&pgt->mapped));
}

/*
 * A group has not been attached, and is locked. Not every kernel takes the first
 * devices of a group back when a later one fails, so one may be left: unmap
 * everything before it is unpinned.
 */
void iommufd_pgtable_attach_failed(struct iommufd_pgtable *pgt)
{
	lockdep_assert_held_write(&pgt->groups);
	pgt->goes_whole = false;
}

/*
 * Leave @length bytes in a page table that goes as a whole. No device is
 * attached to it, and nothing is mapped there any more. Freeing the domain costs
 * a small part of unmapping every range.
 */
void iommufd_pgtable_abandon(struct iommufd_pgtable *pgt, unsigned long length)
{
	atomic_long_sub(length, &pgt->mapped);
}

/* Keep the page table from changing while a group is attached or detached. */
void iommufd_pgtable_lock_groups(struct iommufd_pgtable *pgt)
{
	down_write(&pgt->groups);
}

void iommufd_pgtable_unlock_groups(struct iommufd_pgtable *pgt)
{
	up_write(&pgt->groups);
}

/* The same for a group that moves from one page table to another */
void iommufd_pgtable_lock_replace(struct iommufd_pgtable *from,
				  struct iommufd_pgtable *to)
{
	down_write(&min(from, to)->groups);
	if (from != to)
		down_write_nested(&max(from, to)->groups, SINGLE_DEPTH_NESTING);
}

void iommufd_pgtable_unlock_replace(struct iommufd_pgtable *from,
				    struct iommufd_pgtable *to)
{
	up_write(&from->groups);
	if (from != to)
		up_write(&to->groups);
}

/* Called between two pieces of work on a page table */
static void pgtable_let_groups_through(struct iommufd_pgtable *pgt)
{
	if (rwsem_is_contended(&pgt->groups)) {
		up_read(&pgt->groups);
		down_read(&pgt->groups);
	}
	cond_resched();
}

/* Flush what was unmapped. The sync also frees the pages of the page table. */
static void pgtable_unmap_sync(struct pgtable_unmap *unmap)
{
	struct iommu_domain *domain = unmap->pgt->domain;

	if (unmap->nr_gaps >= GAPS_TO_FLUSH_ALL)
		iommu_flush_iotlb_all(domain);
	iommu_iotlb_sync(domain, &unmap->gather);
}

/* Called before the driver unmaps some bytes. */
static void pgtable_unmap_bound(struct pgtable_unmap *unmap,
				unsigned long bytes)
{
	if (!pgtable_is_far(&unmap->gather, unmap->start + bytes - 1))
		return;
	pgtable_unmap_sync(unmap);
	unmap->gather.queued = unmap->nr_gaps >= GAPS_TO_FLUSH_ALL;
}

/* Unmap a range without large IO pages. Return: false if that failed. */
static bool pgtable_unmap_short(struct iommu_domain *domain,
				unsigned long start, unsigned long length,
				struct iommu_iotlb_gather *gather)
{
	unsigned int shift = small_io_page_shift(domain);
	size_t bytes;

	while (length) {
		bytes = domain->ops->unmap_pages(domain, start, 1UL << shift,
						 length >> shift, gather);
		if (!bytes || bytes > length)
			return false;
		/* Not every driver does it, and an empty range is not flushed. */
		iommu_iotlb_gather_add_range(gather, start, bytes);
		start += bytes;
		length -= bytes;
	}
	return true;
}

static void pgtable_unmap_flush(struct pgtable_unmap *unmap)
{
	struct iommu_domain *domain = unmap->pgt->domain;

	atomic_long_sub(unmap->length, &unmap->pgt->mapped);
	if (unmap->length && unmap->length < large_io_page(domain)) {
		pgtable_unmap_bound(unmap, unmap->length);
		if (!pgtable_unmap_short(domain, unmap->start, unmap->length,
					 &unmap->gather))
			unmap->failed = true;
		unmap->length = 0;
	}
	while (unmap->length) {
		unsigned long piece = min(
			unmap->length, PIECE_SIZE - unmap->start % PIECE_SIZE);

		pgtable_unmap_bound(unmap, piece);
		if (iommu_unmap_fast(domain, unmap->start, piece,
				     &unmap->gather) != piece)
			unmap->failed = true;
		iommu_iotlb_gather_add_range(&unmap->gather, unmap->start,
					     piece);
		unmap->start += piece;
		unmap->length -= piece;
		pgtable_let_groups_through(unmap->pgt);
	}
}

/*
 * Prepare to unmap. No group is attached or detached until
 * iommufd_pgtable_unmap_end(), except between two pieces of work.
 */
void iommufd_pgtable_unmap_begin(struct pgtable_unmap *unmap,
				 struct iommufd_pgtable *pgt)
{
	down_read(&pgt->groups);
	unmap->pgt = pgt;
	unmap->start = 0;
	unmap->length = 0;
	unmap->nr_gaps = 0;
	unmap->failed = false;
	iommu_iotlb_gather_init(&unmap->gather);
}

/*
 * Unmap a range that was mapped by one or several calls, together with the
 * range of the call before if that ends at @start.
 */
void iommufd_pgtable_unmap_add(struct pgtable_unmap *unmap, unsigned long start,
			       unsigned long length)
{
	if (unmap->start + unmap->length != start) {
		pgtable_unmap_flush(unmap);
		unmap->start = start;
		unmap->gather.queued = ++unmap->nr_gaps >= GAPS_TO_FLUSH_ALL;
	}
	unmap->length += length;
}

/*
 * Finish the unmap and flush the IOTLB. Return: true if neither the page table
 * nor the IOTLB has the ranges any more.
 */
bool iommufd_pgtable_unmap_end(struct pgtable_unmap *unmap)
{
	pgtable_unmap_flush(unmap);
	pgtable_unmap_sync(unmap);
	up_read(&unmap->pgt->groups);
	WARN_ONCE(unmap->failed, "iommufd: the IOMMU driver did not unmap\n");
	return !unmap->failed;
}

static noinline bool pgtable_unmap_range(struct iommufd_pgtable *pgt,
					 unsigned long start,
					 unsigned long length)
{
	struct pgtable_unmap unmap __uninitialized;

	iommufd_pgtable_unmap_begin(&unmap, pgt);
	iommufd_pgtable_unmap_add(&unmap, start, length);
	return iommufd_pgtable_unmap_end(&unmap);
}

/*
 * Unmap one range that was mapped by one or several calls, and flush the IOTLB.
 * Return: as iommufd_pgtable_unmap_end().
 */
bool iommufd_pgtable_unmap(struct iommufd_pgtable *pgt, unsigned long start,
			   unsigned long length)
{
	struct iommu_iotlb_gather gather __uninitialized;
	struct iommu_domain *domain = pgt->domain;
	bool done;

	if (length >= large_io_page(domain))
		return pgtable_unmap_range(pgt, start, length);
	iommu_iotlb_gather_init(&gather);
	down_read(&pgt->groups);
	done = pgtable_unmap_short(domain, start, length, &gather);
	iommu_iotlb_sync(domain, &gather);
	up_read(&pgt->groups);
	atomic_long_sub(length, &pgt->mapped);
	WARN_ONCE(!done, "iommufd: the IOMMU driver did not unmap\n");
	return done;
}

/* Map a short run. The hardware sees it after pgtable_map_sync(). */
static int pgtable_map_short(struct pgtable_map *map, unsigned long iova,
			     phys_addr_t phys, unsigned long length)
{
	struct iommu_domain *domain = map->pgt->domain;

	map->tried = map->mapped + length;
	while (length) {
		size_t bytes = 0;
		int rc;

		rc = domain->ops->map_pages(
			domain, iova, phys, 1UL << map->shift,
			min(length, map->piece_size) >> map->shift,
			map->range->prot, GFP_KERNEL_ACCOUNT, &bytes);
		map->mapped += bytes;
		if (rc)
			return rc;
		iova += bytes;
		phys += bytes;
		length -= bytes;
	}
	return 0;
}

static int pgtable_map_long(struct pgtable_map *map, unsigned long iova,
			    phys_addr_t phys, unsigned long length)
{
	while (length) {
		unsigned long piece =
			min(length, map->piece_size - iova % map->piece_size);
		int rc;

		if (fatal_signal_pending(current))
			return -EINTR;
		map->tried = map->mapped + piece;
		rc = iommu_map(map->pgt->domain, iova, phys, piece,
			       map->range->prot, GFP_KERNEL_ACCOUNT);
		if (rc)
			return rc;
		iova += piece;
		phys += piece;
		length -= piece;
		map->mapped += piece;
		pgtable_let_groups_through(map->pgt);
	}
	return 0;
}

/* Map the next RUNS_AT_ONCE runs of the range. */
static int pgtable_map_some_runs(struct pgtable_map *map)
{
	unsigned long length = map->range->length;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < RUNS_AT_ONCE && map->mapped < length; i++) {
		unsigned long offset = map->range->offset + map->mapped;
		unsigned long iova = map->range->iova + map->mapped;
		unsigned long bytes, pfn;
		phys_addr_t phys;

		bytes = iommufd_umem_walk_pfns(&map->walk, offset >> PAGE_SHIFT,
					       &pfn)
			<< PAGE_SHIFT;
		bytes = min(bytes - offset_in_page(offset),
			    length - map->mapped);
		phys = PFN_PHYS(pfn) + offset_in_page(offset);
		if (bytes < map->large)
			rc = pgtable_map_short(map, iova, phys, bytes);
		else
			rc = pgtable_map_long(map, iova, phys, bytes);
	}
	return rc;
}

/* Make visible to the hardware what is mapped from byte @from on. */
static int pgtable_map_sync(struct pgtable_map *map, unsigned long from)
{
	/* iommu_map() has done it if the driver is never called directly. */
	if (map->mapped == from || !map->large)
		return 0;
	return iommu_sync_map(map->pgt->domain, map->range->iova + from,
			      map->mapped - from);
}

static int pgtable_map_runs(struct pgtable_map *map)
{
	unsigned long length = map->range->length;

	for (;;) {
		unsigned long from = map->mapped;
		int rc = pgtable_map_some_runs(map);

		if (!rc)
			rc = pgtable_map_sync(map, from);
		if (rc || map->mapped == length)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		pgtable_let_groups_through(map->pgt);
	}
}

/*
 * When VT-d runs out of memory it leaves what it has mapped in the page table,
 * and does not report how much that is; iommu_map() unmaps only what earlier
 * calls of the driver have mapped. So look at everything it was asked to map.
 * Return: false if the driver did not unmap.
 */
static bool pgtable_unmap_leftover(struct pgtable_map *map)
{
	struct iommu_domain *domain = map->pgt->domain;
	unsigned long offset;
	size_t bytes;

	for (offset = map->mapped; offset < map->tried; offset += bytes) {
		unsigned long iova = map->range->iova + offset;

		bytes = 1UL << map->shift;
		if (iommu_iova_to_phys(domain, iova))
			bytes = iommu_unmap(domain, iova, bytes);
		if (!bytes)
			return false;
		pgtable_let_groups_through(map->pgt);
	}
	return true;
}

/* Return: false if the page table may still have a part of the range. */
static bool pgtable_map_undo(struct pgtable_map *map)
{
	struct pgtable_unmap undo;

	iommufd_pgtable_unmap_begin(&undo, map->pgt);
	undo.failed = !pgtable_unmap_leftover(map);
	/* The unmap subtracts what was not added yet. */
	atomic_long_add(map->mapped, &map->pgt->mapped);
	if (map->mapped)
		iommufd_pgtable_unmap_add(&undo, map->range->iova, map->mapped);
	return iommufd_pgtable_unmap_end(&undo);
}

/* Undo a map that failed with @rc. If that fails, the memory is leaked. */
static noinline int pgtable_map_failed(struct pgtable_map *map, int rc)
{
	if (!pgtable_map_undo(map))
		iommufd_umem_leak(map->range->umem);
	return rc;
}

static noinline int pgtable_map_range(struct iommufd_pgtable *pgt,
				      const struct pgtable_range *range)
{
	struct pgtable_map map = {
		.pgt = pgt,
		.range = range,
		.walk.umem = range->umem,
		.piece_size = range->small_pages ? PAGE_SIZE : PIECE_SIZE,
		.shift = small_io_page_shift(pgt->domain),
		.large = large_io_page(pgt->domain),
	};
	int rc;

	down_read(&pgt->groups);
	rc = pgtable_map_runs(&map);
	up_read(&pgt->groups);
	if (rc)
		return pgtable_map_failed(&map, rc);
	atomic_long_add(range->length, &pgt->mapped);
	return 0;
}

/* Is a range one short run? Then @phys is set to where it is. */
static __always_inline bool
pgtable_is_short_run(const struct iommufd_pgtable *pgt,
		     const struct pgtable_range *range, phys_addr_t *phys)
{
	unsigned long first = range->offset >> PAGE_SHIFT;
	unsigned long last = (range->offset + range->length - 1) >> PAGE_SHIFT;
	unsigned long pfn;

	if (range->length >= large_io_page(pgt->domain) || range->small_pages ||
	    iommufd_umem_run(range->umem, first, last, &pfn) <= last - first)
		return false;
	*phys = PFN_PHYS(pfn) + offset_in_page(range->offset);
	return true;
}

/* As pgtable_map_range(), for a short run, as nearly all small mappings are */
static __always_inline int
pgtable_map_short_run(struct iommufd_pgtable *pgt,
		      const struct pgtable_range *range, phys_addr_t phys)
{
	unsigned int shift = small_io_page_shift(pgt->domain);
	struct iommu_domain *domain = pgt->domain;
	unsigned long length = range->length;
	unsigned long done = 0;
	int rc;

	down_read(&pgt->groups);
	do {
		size_t bytes = 0;

		rc = domain->ops->map_pages(
			domain, range->iova + done, phys + done, 1UL << shift,
			(length - done) >> shift, range->prot,
			GFP_KERNEL_ACCOUNT, &bytes);
		done += bytes;
	} while (!rc && done < length);
	if (!rc)
		rc = iommu_sync_map(domain, range->iova, length);
	up_read(&pgt->groups);
	if (unlikely(rc)) {
		struct pgtable_map map = {
			.pgt = pgt,
			.range = range,
			.mapped = done,
			.tried = length,
			.shift = shift,
		};

		return pgtable_map_failed(&map, rc);
	}
	atomic_long_add(length, &pgt->mapped);
	return 0;
}

/*
 * Map all runs of a range. Return: 0, -EINTR when killed, or the error of the
 * IOMMU driver. On failure nothing is mapped; if the driver does not unmap, the
 * memory is leaked, that is, never unpinned.
 */
int iommufd_pgtable_map(struct iommufd_pgtable *pgt,
			const struct pgtable_range *range)
{
	phys_addr_t phys;

	if (pgtable_is_short_run(pgt, range, &phys))
		return pgtable_map_short_run(pgt, range, phys);
	return pgtable_map_range(pgt, range);
}

/*
 * Map contiguous addresses that need no pin, from @phys on, as @range says. The
 * caller makes sure that they stay what they are until they are unmapped again.
 * Return: as iommufd_pgtable_map().
 */
int iommufd_pgtable_map_phys(struct iommufd_pgtable *pgt,
			     const struct pgtable_range *range,
			     phys_addr_t phys)
{
	struct pgtable_map map = {
		.pgt = pgt,
		.range = range,
		.piece_size = range->small_pages ? PAGE_SIZE : PIECE_SIZE,
		.shift = small_io_page_shift(pgt->domain),
	};
	int rc;

	down_read(&pgt->groups);
	rc = pgtable_map_long(&map, range->iova, phys, range->length);
	up_read(&pgt->groups);
	if (!rc)
		atomic_long_add(range->length, &pgt->mapped);
	else
		pgtable_map_undo(&map);
	return rc;
}

/*
 * Undo iommufd_pgtable_map_phys(), also in an MMU notifier. Neither the page
 * table nor the IOTLB has the range any more when this returns.
 *
 * If the driver does not unmap, which no driver should do, devices still reach
 * the addresses. A pinned page would then be kept for good; here is nothing to
 * keep, as the addresses are those of a device whose driver cannot be made to
 * wait. The kernel warns.
 *
 * Memory is allocated under the groups lock, which may call MMU notifiers, but
 * never one that calls this function: see "BARs as memory". lockdep cannot know
 * that, so it is not told who holds the lock here.
 */
void iommufd_pgtable_unmap_phys(struct iommufd_pgtable *pgt, unsigned long iova,
				unsigned long length)
{
	struct iommu_domain *domain = pgt->domain;
	struct iommu_iotlb_gather gather;
	unsigned long start, piece;
	bool failed = false;

	iommu_iotlb_gather_init(&gather);
	down_read_non_owner(&pgt->groups);
	for (start = 0; start < length; start += piece) {
		piece = min(length - start,
			    PIECE_SIZE - (iova + start) % PIECE_SIZE);
		if (iommu_unmap_fast(domain, iova + start, piece, &gather) !=
		    piece)
			failed = true;
		cond_resched();
	}
	iommu_iotlb_sync(domain, &gather);
	up_read_non_owner(&pgt->groups);
	atomic_long_sub(length, &pgt->mapped);
	WARN_ONCE(failed, "iommufd: the IOMMU driver did not unmap a BAR\n");
}
