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

#define PIECE_SIZE SZ_1G

/* Runs to map before looking whether anybody waits or we are killed */
#define RUNS_AT_ONCE 64

/**
 * struct pgtable_map - an area on its way into a domain
 * @pgt: domain
 * @area: area
 * @walk: its next run
 * @mapped: bytes of the area that are in the page table
 * @tried: where the driver was last asked to map up to, in the same way
 * @piece_size: what no IO page may cross a multiple of
 * @shift: IO pages of short runs have 1 << @shift bytes
 * @large: size from which on a run is not short
 */
struct pgtable_map {
	struct iova_pgtable *pgt;
	struct iova_area *area;
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

/* Between two pieces of work on a page table */
static void let_groups_through(struct iova_pgtable *pgt)
{
	if (rwsem_is_contended(&pgt->groups)) {
		up_read(&pgt->groups);
		down_read(&pgt->groups);
	}
	cond_resched();
}

/* Unmap a range without large IO pages. Return: false if that failed. */
static bool unmap_short(struct iommu_domain *domain, unsigned long start,
			unsigned long length, struct iommu_iotlb_gather *gather)
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

static void unmap_flush(struct pgtable_unmap *unmap)
{
	struct iommu_domain *domain = unmap->pgt->domain;

	atomic_long_sub(unmap->length, &unmap->pgt->mapped);
	if (unmap->length && unmap->length < large_io_page(domain)) {
		if (!unmap_short(domain, unmap->start, unmap->length,
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
		let_groups_through(unmap->pgt);
	}
}

/**
 * iommufd_pgtable_unmap_begin() - prepare to unmap
 * @unmap: filled in
 * @pgt: domain; no group is attached to it or detached until iommufd_pgtable_unmap_end()
 */
void iommufd_pgtable_unmap_begin(struct pgtable_unmap *unmap,
				 struct iova_pgtable *pgt)
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
		unmap_flush(unmap);
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
	unmap_flush(unmap);
	iommu_iotlb_sync(unmap->pgt->domain, &unmap->gather);
	up_read(&unmap->pgt->groups);
	WARN_ONCE(unmap->failed, "iommufd: the IOMMU driver did not unmap\n");
	return !unmap->failed;
}

/* Map a run without room for a large IO page; others see it after a sync. */
static int map_short(struct pgtable_map *map, unsigned long iova,
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
			map->area->prot, GFP_KERNEL_ACCOUNT, &bytes);
		map->mapped += bytes;
		if (rc)
			return rc;
		iova += bytes;
		phys += bytes;
		length -= bytes;
	}
	return 0;
}

static int map_long(struct pgtable_map *map, unsigned long iova,
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
			       map->area->prot, GFP_KERNEL_ACCOUNT);
		if (rc)
			return rc;
		iova += piece;
		phys += piece;
		length -= piece;
		map->mapped += piece;
		let_groups_through(map->pgt);
	}
	return 0;
}

/* Map up to RUNS_AT_ONCE runs from where the area is not mapped yet. */
static int map_some_runs(struct pgtable_map *map)
{
	unsigned long length = iova_area_length(map->area);
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < RUNS_AT_ONCE && map->mapped < length; i++) {
		unsigned long offset = map->area->offset + map->mapped;
		unsigned long iova = map->area->node.start + map->mapped;
		unsigned long bytes, pfn;
		phys_addr_t phys;

		bytes = iommufd_umem_walk_pfns(&map->walk, offset >> PAGE_SHIFT,
					       &pfn)
			<< PAGE_SHIFT;
		bytes = min(bytes - offset_in_page(offset),
			    length - map->mapped);
		phys = PFN_PHYS(pfn) + offset_in_page(offset);
		if (bytes < map->large)
			rc = map_short(map, iova, phys, bytes);
		else
			rc = map_long(map, iova, phys, bytes);
	}
	return rc;
}

/* Make visible to the hardware what has been mapped from @from on. */
static int sync_map(struct pgtable_map *map, unsigned long from)
{
	if (map->mapped == from)
		return 0;
	return iommu_sync_map(map->pgt->domain, map->area->node.start + from,
			      map->mapped - from);
}

static int map_runs(struct pgtable_map *map)
{
	unsigned long length = iova_area_length(map->area);

	for (;;) {
		unsigned long from = map->mapped;
		int rc = map_some_runs(map);

		if (!rc)
			rc = sync_map(map, from);
		if (rc || map->mapped == length)
			return rc;
		if (fatal_signal_pending(current))
			return -EINTR;
		let_groups_through(map->pgt);
	}
}

/*
 * VT-d leaves in the page table what it has mapped when it runs out of memory,
 * and does not say how much that is; iommu_map() takes back only what came
 * before. So look at all that the driver was asked for. Return: false if that
 * failed.
 */
static bool unmap_leftover(struct pgtable_map *map)
{
	struct iommu_domain *domain = map->pgt->domain;
	unsigned long offset;
	size_t bytes;

	for (offset = map->mapped; offset < map->tried; offset += bytes) {
		unsigned long iova = map->area->node.start + offset;

		bytes = 1UL << map->shift;
		if (iommu_iova_to_phys(domain, iova))
			bytes = iommu_unmap(domain, iova, bytes);
		if (!bytes)
			return false;
		let_groups_through(map->pgt);
	}
	return true;
}

/* Return: false if the domain may still have a part of the area. */
static bool undo_map(struct pgtable_map *map)
{
	struct pgtable_unmap undo;

	iommufd_pgtable_unmap_begin(&undo, map->pgt);
	undo.failed = !unmap_leftover(map);
	/* It was not counted yet, and is not in the end. */
	atomic_long_add(map->mapped, &map->pgt->mapped);
	if (map->mapped)
		iommufd_pgtable_unmap_add(&undo, map->area->node.start,
					  map->mapped);
	return iommufd_pgtable_unmap_end(&undo);
}

/**
 * iommufd_pgtable_map() - map all runs of an area in a domain
 * @pgt: domain
 * @area: busy area, its pages pinned
 * @small_pages: use no large IO pages, so that it can be unmapped in parts
 *
 * Return: 0, -EINTR when killed, or what the IOMMU driver says. Nothing is
 * mapped on failure, or else the memory is never unpinned.
 */
int iommufd_pgtable_map(struct iova_pgtable *pgt, struct iova_area *area,
			bool small_pages)
{
	struct pgtable_map map = {
		.pgt = pgt,
		.area = area,
		.walk.umem = area->umem,
		.piece_size = small_pages ? PAGE_SIZE : PIECE_SIZE,
		.shift = small_io_page_shift(pgt->domain),
		.large = large_io_page(pgt->domain),
	};
	int rc;

	down_read(&pgt->groups);
	rc = map_runs(&map);
	up_read(&pgt->groups);
	if (rc && !undo_map(&map))
		iommufd_umem_leak(area->umem);
	return rc;
}
