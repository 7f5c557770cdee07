/* SPDX-License-Identifier: GPL-2.0 */
/* The page table of a mock domain, for the files that look into it */
#ifndef _IOMMUFD_MOCK_DOMAIN_H
#define _IOMMUFD_MOCK_DOMAIN_H

#include <linux/bits.h>
#include <linux/iommu.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "test_abi.h"

#define MOCK_IO_PAGE_SHIFT 11
static_assert(1UL << MOCK_IO_PAGE_SHIFT == MOCK_IO_PAGE_SIZE);

/*
 * An xarray value is the physical address in IO pages, the order of the unit
 * that the IO page is dirty with, and marks.
 */
#define MARK_START BIT(0)
#define MARK_LAST BIT(1)
#define MARK_STALE BIT(2)
#define MARK_MMIO BIT(3)
#define MARK_BITS 4
#define ORDER_BITS 5
#define PHYS_SHIFT (MARK_BITS + ORDER_BITS)

/* No unit is larger than 1 GiB. */
#define ORDER_MAX (30 - MOCK_IO_PAGE_SHIFT)

/* Set on the entries that have MARK_STALE, so that a flush finds them fast. */
#define XA_STALE XA_MARK_0
/* On the first entry of a dirty unit, see mock_dirty.c */
#define XA_DIRTY XA_MARK_1
#define XA_CACHED XA_MARK_2

/**
 * struct mock_domain - a domain of the mock IOMMU
 * @domain: what the IOMMU API knows
 * @pages: the IO page table
 * @any_order: an IO page is as large as a map call allows, but for dirty bits
 *             only
 * @frees_table: it may be freed with IO pages
 * @tracks_dirty: devices mark what they write; guarded by the lock of @pages
 */
struct mock_domain {
	struct iommu_domain domain;
	struct xarray pages;
	bool any_order;
	bool frees_table;
	bool tracks_dirty;
};

static inline struct mock_domain *to_mock_domain(struct iommu_domain *domain)
{
	return container_of(domain, struct mock_domain, domain);
}

static inline void *make_entry(phys_addr_t phys, unsigned long order,
			       unsigned long marks)
{
	return xa_mk_value(phys >> MOCK_IO_PAGE_SHIFT << PHYS_SHIFT |
			   order << MARK_BITS | marks);
}

static inline bool has_mark(void *entry, unsigned long mark)
{
	return xa_to_value(entry) & mark;
}

static inline unsigned int entry_order(void *entry)
{
	return xa_to_value(entry) >> MARK_BITS & (BIT(ORDER_BITS) - 1);
}

static inline phys_addr_t entry_phys(void *entry)
{
	return (phys_addr_t)(xa_to_value(entry) >> PHYS_SHIFT)
	       << MOCK_IO_PAGE_SHIFT;
}

/* mock_dirty.c */
void mock_dirty_flush(struct mock_domain *mock, unsigned long start,
		      unsigned long last);

#endif
