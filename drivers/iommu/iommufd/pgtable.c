// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: IO pages
 *
 * How the runs of an area get into the page table of a domain, and out again.
 *
 * No IO page is mapped across a multiple of PIECE_SIZE, so an unmap may stop
 * at any such multiple and a large IO page is never cut.
 *
 * A range without room for a large IO page leaves nothing to choose, so it goes
 * to the driver directly: for scattered memory that is a third of the whole
 * cost, and the driver is told once for many runs to make them visible.
 */
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "pgtable.h"
#include "umem.h"

#define PIECE_SIZE SZ_1G

/* Runs to map before looking whether anybody waits or we are killed */
#define RUNS_AT_ONCE 64

/**
 * struct pgtable_map - a range on its way into a page table
 * @pgt: page table
 * @range: range
 * @walk: its next run
 * @mapped: bytes of the range that are in the page table
 * @tried: where the driver was last asked to map up to, in the same way
 * @piece_size: what no IO page may cross a multiple of
 * @shift: IO pages of short runs have 1 << @shift bytes
 * @large: size from which on a run is not short
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

/* Of the largest IO page that every page of memory has room for */
static unsigned int small_io_page_shift(const struct iommu_domain *domain)
{
	return __fls(domain->pgsize_bitmap & (2 * PAGE_SIZE - 1));
}

/*
 * The next larger IO page, or what is too much for one call; 0 if the driver
 * cannot be asked directly.
 */
static unsigned long large_io_page(const struct iommu_domain *domain)
{
	unsigned long sizes = domain->pgsize_bitmap & ~(2 * PAGE_SIZE - 1);

	if (!domain->ops->map_pages || !domain->ops->unmap_pages)
		return 0;
	return sizes ? 1UL << __ffs(sizes) : SZ_2M;
}

/**
 * iommufd_pgtable_init() - begin to use a page table
 * @pgt: page table; its @domain is set and has nothing mapped
 */
void iommufd_pgtable_init(struct iommufd_pgtable *pgt)
{
	atomic_long_set(&pgt->mapped, 0);
	init_rwsem(&pgt->groups);
}

/**
 * iommufd_pgtable_fini() - WARN if something is still mapped
 * @pgt: page table; its @domain is about to be freed
 */
void iommufd_pgtable_fini(struct iommufd_pgtable *pgt)
{
	WARN_ONCE(atomic_long_read(&pgt->mapped),
		  "iommufd: a domain goes with %ld bytes mapped in it\n",
		  atomic_long_read(&pgt->mapped));
}

/**
 * iommufd_pgtable_lock_groups() - prepare to attach or detach a group
 * @pgt: page table; it does not change until iommufd_pgtable_unlock_groups()
 */
void iommufd_pgtable_lock_groups(struct iommufd_pgtable *pgt)
{
	down_write(&pgt->groups);
}

/**
 * iommufd_pgtable_unlock_groups() - undo iommufd_pgtable_lock_groups()
 * @pgt: page table
 */
void iommufd_pgtable_unlock_groups(struct iommufd_pgtable *pgt)
{
	up_write(&pgt->groups);
}

/**
 * iommufd_pgtable_lock_replace() - prepare to move a group
 * @from: page table that the group leaves
 * @to: another page table, which the group is attached to
 */
void iommufd_pgtable_lock_replace(struct iommufd_pgtable *from,
				  struct iommufd_pgtable *to)
{
	down_write(&min(from, to)->groups);
	down_write_nested(&max(from, to)->groups, SINGLE_DEPTH_NESTING);
}

/**
 * iommufd_pgtable_unlock_replace() - undo iommufd_pgtable_lock_replace()
 * @from: page table
 * @to: page table
 */
void iommufd_pgtable_unlock_replace(struct iommufd_pgtable *from,
				    struct iommufd_pgtable *to)
{
	up_write(&from->groups);
	up_write(&to->groups);
}

/* Between two pieces of work on a page table */
static void pgtable_let_groups_through(struct iommufd_pgtable *pgt)
{
	if (rwsem_is_contended(&pgt->groups)) {
		up_read(&pgt->groups);
		down_read(&pgt->groups);
	}
	cond_resched();
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
		if (!pgtable_unmap_short(domain, unmap->start, unmap->length,
					 &unmap->gather))
			unmap->failed = true;
		unmap->length = 0;
	}
	while (unmap->length) {
		unsigned long piece = min(
			unmap->length, PIECE_SIZE - unmap->start % PIECE_SIZE);

		if (iommu_unmap_fast(domain, unmap->start, piece,
				     &unmap->gather) != piece)
			unmap->failed = true;
		unmap->start += piece;
		unmap->length -= piece;
		pgtable_let_groups_through(unmap->pgt);
	}
}

/**
 * iommufd_pgtable_unmap_begin() - prepare to unmap
 * @unmap: filled in
 * @pgt: domain; no group is attached to it or detached until iommufd_pgtable_unmap_end()
 */
void iommufd_pgtable_unmap_begin(struct pgtable_unmap *unmap,
				 struct iommufd_pgtable *pgt)
{
	down_read(&pgt->groups);
	unmap->pgt = pgt;
	unmap->start = 0;
	unmap->length = 0;
	unmap->failed = false;
	iommu_iotlb_gather_init(&unmap->gather);
}

/**
 * iommufd_pgtable_unmap_add() - take a range away, together with what was given just below
 * @unmap: unmap
 * @start: first IOVA of one or several areas
 * @length: bytes
 */
void iommufd_pgtable_unmap_add(struct pgtable_unmap *unmap, unsigned long start,
			       unsigned long length)
{
	if (unmap->start + unmap->length != start) {
		pgtable_unmap_flush(unmap);
		unmap->start = start;
	}
	unmap->length += length;
}

/**
 * iommufd_pgtable_unmap_end() - finish what was given to iommufd_pgtable_unmap_add()
 * @unmap: unmap
 *
 * Return: true if neither IO page table nor IOTLB has the ranges any more.
 */
bool iommufd_pgtable_unmap_end(struct pgtable_unmap *unmap)
{
	pgtable_unmap_flush(unmap);
	iommu_iotlb_sync(unmap->pgt->domain, &unmap->gather);
	up_read(&unmap->pgt->groups);
	WARN_ONCE(unmap->failed, "iommufd: the IOMMU driver did not unmap\n");
	return !unmap->failed;
}

/* Map a run without room for a large IO page; others see it after a sync. */
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

/* Map up to RUNS_AT_ONCE runs from where the range is not mapped yet. */
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

/* Make visible to the hardware what has been mapped from @from on. */
static int pgtable_map_sync(struct pgtable_map *map, unsigned long from)
{
	if (map->mapped == from)
		return 0;
	return compat_iotlb_sync_map(map->pgt->domain, map->range->iova + from,
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
 * VT-d leaves in the page table what it has mapped when it runs out of memory,
 * and does not say how much that is; iommu_map() takes back only what came
 * before. So look at all that the driver was asked for. Return: false if that
 * failed.
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
	/* It was not counted yet, and is not in the end. */
	atomic_long_add(map->mapped, &map->pgt->mapped);
	if (map->mapped)
		iommufd_pgtable_unmap_add(&undo, map->range->iova, map->mapped);
	return iommufd_pgtable_unmap_end(&undo);
}

/**
 * iommufd_pgtable_map() - map all runs of a range
 * @pgt: page table
 * @range: range; its pages are pinned
 *
 * Return: 0, -EINTR when killed, or what the IOMMU driver says. Nothing is
 * mapped on failure, or else the memory is never unpinned.
 */
int iommufd_pgtable_map(struct iommufd_pgtable *pgt,
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
	if (!rc)
		atomic_long_add(range->length, &pgt->mapped);
	else if (!pgtable_map_undo(&map))
		iommufd_umem_leak(range->umem);
	return rc;
}
