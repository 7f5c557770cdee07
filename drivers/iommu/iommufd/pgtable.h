/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_PGTABLE_H
#define _IOMMUFD_PGTABLE_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/iommu.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>
#include <linux/types.h>

struct iommufd_umem;

/**
 * struct iommufd_pgtable - an IO page table
 * @domain: the page table as the IOMMU API has it; the owner of the struct sets
 *          it and frees it
 * @mapped: bytes that are mapped and not abandoned
 * @goes_whole: iommu_domain_free() frees the IO pages with the table, at the
 *              price of the table's pages; set by the owner as well. Cleared
 *              under @groups when an attach fails; read when none can come.
 * @groups: held for writing while a group is attached, detached or replaced,
 *          for reading while the page table changes or the IOTLB is flushed
 */
struct iommufd_pgtable {
	struct iommu_domain *domain;
	atomic_long_t mapped;
	bool goes_whole;
	struct rw_semaphore groups;
};

/**
 * struct pgtable_range - what is mapped in one go
 * @umem: user memory whose pages the caller has pinned; not used by
 *        iommufd_pgtable_map_phys()
 * @offset: byte of @umem where the range begins
 * @iova: first IOVA
 * @length: bytes
 * @prot: IOMMU_READ, IOMMU_WRITE, IOMMU_CACHE
 * @small_pages: use no large IO pages, so that parts can be unmapped
 */
struct pgtable_range {
	struct iommufd_umem *umem;
	unsigned long offset;
	unsigned long iova;
	unsigned long length;
	int prot;
	bool small_pages;
};

/*
 * A flush must not span more: the VT-d driver of Linux 6.1 keeps the number of
 * pages, rounded up to a power of two, in 32 bits.
 */
#define PGTABLE_MAX_FLUSH SZ_1T

/* Must @gather be flushed before it takes IO pages that end with IOVA @last? */
static inline bool pgtable_is_far(const struct iommu_iotlb_gather *gather,
				  unsigned long last)
{
	return gather->end && last - gather->start >= PGTABLE_MAX_FLUSH;
}

/**
 * struct pgtable_unmap - state of an unmap from one page table by one thread
 * @pgt: page table
 * @gather: what the IOTLB may still hold
 * @start: first IOVA that is still to be unmapped
 * @length: bytes of it
 * @nr_gaps: how often a range did not begin where the one before ended
 * @failed: the driver did not unmap something
 */
struct pgtable_unmap {
	struct iommufd_pgtable *pgt;
	struct iommu_iotlb_gather gather;
	unsigned long start;
	unsigned long length;
	unsigned int nr_gaps;
	bool failed;
};

void iommufd_pgtable_init(struct iommufd_pgtable *pgt);
void iommufd_pgtable_fini(struct iommufd_pgtable *pgt);
void iommufd_pgtable_attach_failed(struct iommufd_pgtable *pgt);
void iommufd_pgtable_abandon(struct iommufd_pgtable *pgt, unsigned long length);

void iommufd_pgtable_lock_groups(struct iommufd_pgtable *pgt);
void iommufd_pgtable_unlock_groups(struct iommufd_pgtable *pgt);
void iommufd_pgtable_lock_replace(struct iommufd_pgtable *from,
				  struct iommufd_pgtable *to);
void iommufd_pgtable_unlock_replace(struct iommufd_pgtable *from,
				    struct iommufd_pgtable *to);

int iommufd_pgtable_map(struct iommufd_pgtable *pgt,
			const struct pgtable_range *range);

int iommufd_pgtable_map_phys(struct iommufd_pgtable *pgt,
			     const struct pgtable_range *range,
			     phys_addr_t phys);
void iommufd_pgtable_unmap_phys(struct iommufd_pgtable *pgt, unsigned long iova,
				unsigned long length);

void iommufd_pgtable_unmap_begin(struct pgtable_unmap *unmap,
				 struct iommufd_pgtable *pgt);
void iommufd_pgtable_unmap_add(struct pgtable_unmap *unmap, unsigned long start,
			       unsigned long length);
bool iommufd_pgtable_unmap(struct iommufd_pgtable *pgt, unsigned long start,
			   unsigned long length);
bool iommufd_pgtable_unmap_end(struct pgtable_unmap *unmap);

/* Bytes of the smallest IO page */
static inline unsigned long
iommufd_pgtable_alignment(const struct iommufd_pgtable *pgt)
{
	return 1UL << __ffs(pgt->domain->pgsize_bitmap);
}

#endif
