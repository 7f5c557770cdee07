// SPDX-License-Identifier: GPL-2.0
/*
 * Where mapped memory is, for user space that programs a device without IOMMU.
 * The runs of pinned pages tell; no page table is asked.
 */
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>

#include "iova_area.h"

/* Is the area mapped in a page table whose domain is @known? */
static bool area_is_known(struct iova_space *space, struct iova_area *area,
			  bool (*known)(const struct iommu_domain *domain))
{
	struct iova_pgtable *pgt;

	lockdep_assert_held(&space->lock);
	list_for_each_entry(pgt, &space->pgtables, entry) {
		if (known(pgt->table.domain) && area->node.start < pgt->filled)
			return true;
	}
	return false;
}

/*
 * Find the memory at @iova. *offset is the byte there, *length becomes at most
 * what is mapped. On success the caller has a reference to *umem.
 */
static int find_memory(struct iova_space *space, unsigned long iova,
		       bool (*known)(const struct iommu_domain *domain),
		       struct iommufd_umem **umem, unsigned long *offset,
		       unsigned long *length)
{
	struct iova_area *area;
	int rc = 0;

	mutex_lock(&space->lock);
	area = __iova_space_first(space, iova, iova);
	if (!area || area->state == AREA_CREATING ||
	    area->state == AREA_REMOVING)
		rc = -ENOENT;
	else if (!area_is_known(space, area, known))
		rc = -EOPNOTSUPP;
	else if (!iommufd_umem_get(iova_area_umem(area)))
		rc = -EOVERFLOW;
	if (!rc) {
		*umem = iova_area_umem(area);
		*offset = area->offset + (iova - area->node.start);
		*length = min(*length, area->node.last - iova + 1);
	}
	mutex_unlock(&space->lock);
	return rc;
}

/* As iova_space_phys(), for memory that consists of pinned pages */
static int pages_phys(struct iommufd_umem *umem, unsigned long offset,
		      unsigned long *length, phys_addr_t *phys)
{
	unsigned long first = offset >> PAGE_SHIFT, n = 0, more, pfn, next;
	unsigned long last = (offset + *length - 1) >> PAGE_SHIFT;

	do {
		more = iommufd_umem_run(umem, first + n, last, &next);
		if (!n)
			pfn = next;
		if (!more || next != pfn + n)
			break;
		n += more;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	} while (first + n <= last);
	/* The HWPT has gone since. */
	if (!n)
		return -EOPNOTSUPP;
	*phys = PFN_PHYS(pfn) + offset_in_page(offset);
	*length = min(*length, (n << PAGE_SHIFT) - offset_in_page(offset));
	return 0;
}

/**
 * iova_space_phys() - find the memory behind an IOVA
 * @space: space
 * @iova: IOVA
 * @known: tells the domains that count
 * @length: bytes that matter, not 0; becomes the number of bytes from @iova on
 *          that are contiguous in one area, at most as many
 * @phys: receives the physical address, or the bus address of device memory
 *
 * The answer may be outdated when this returns, unless the caller knows that the
 * area and the page table stay.
 *
 * Return: 0; -ENOENT if nothing is mapped there, -EOPNOTSUPP if no page table of
 * a known domain has the area, -EINVAL if device memory is away, -EOVERFLOW if
 * the memory has too many references, -EINTR when killed.
 */
int iova_space_phys(struct iova_space *space, unsigned long iova,
		    bool (*known)(const struct iommu_domain *domain),
		    unsigned long *length, phys_addr_t *phys)
{
	struct iommufd_umem *umem;
	unsigned long offset;
	int rc;

	rc = find_memory(space, iova, known, &umem, &offset, length);
	if (rc)
		return rc;
	if (umem->ops->phys)
		rc = umem->ops->phys(umem, offset, phys);
	else
		rc = pages_phys(umem, offset, length, phys);
	iova_umem_put(umem);
	return rc;
}
