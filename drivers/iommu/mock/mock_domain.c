// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: domains of the mock IOMMU
 *
 * An xarray is both the IO page table and the IOTLB. Its index is the number of
 * the IO page; its value has the address and marks. Unmapping marks an IO page
 * STALE, and the next flush removes it: every IOTLB entry lives as long as it
 * can on hardware. For dirty bits see mock_dirty.c.
 *
 * The mock WARNs when the core does one of these:
 *
 * * map an IO page that is mapped or not flushed;
 * * map a page that is not pinned, or flush one that has been unpinned: the
 *   page may have another user by then;
 * * unmap an IO page that is not mapped;
 * * unmap a part of what one map call has mapped: hardware would have to split
 *   a large IO page;
 * * map RAM without IOMMU_CACHE or anything else without IOMMU_MMIO, or with
 *   neither IOMMU_READ nor IOMMU_WRITE;
 * * detach the last device from a domain that has an IO page of a page which
 *   is not pinned;
 * * free a domain that a device is attached to, or with IO pages that were not
 *   flushed. The others may go with the domain, but not with one that was made
 *   for a device with MOCK_DEVICE_HUGE_IOVA;
 * * attach what is attached, or detach it from another domain.
 */
#include <linux/limits.h>
#include <linux/log2.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "mock.h"
#include "mock_domain.h"

static unsigned int fail_map;
module_param(fail_map, uint, 0600);
MODULE_PARM_DESC(fail_map,
		 "Fail the nth map call from now with ENOMEM; 0 fails none");

static bool wide_aperture;
module_param(wide_aperture, bool, 0600);
MODULE_PARM_DESC(wide_aperture, "Give new domains an aperture of all 64 bits");

/* Guards the countdown of fail_map. */
static DEFINE_SPINLOCK(fail_lock);

/* May the page be mapped? Only RAM has to be pinned for that. */
static bool is_safe(phys_addr_t phys, unsigned long mmio)
{
	struct page *page;

	if (!pfn_valid(PHYS_PFN(phys)))
		return mmio;
	page = pfn_to_page(PHYS_PFN(phys));
	/* The kernel has struct pages for some of the holes between RAM. */
	if (mmio)
		return PageReserved(page);
	return folio_maybe_dma_pinned(page_folio(page));
}

static bool mock_map_must_fail(void)
{
	bool fail;

	spin_lock(&fail_lock);
	fail = fail_map && !--fail_map;
	spin_unlock(&fail_lock);
	return fail;
}

/* Number of IO pages that are handled in one hold of the xarray lock */
#define BATCH 512UL

/**
 * struct mock_map_call - a map call
 * @first: number of the first IO page
 * @n: number of IO pages
 * @order: IO pages are dirty in units of 1 << @order, or ORDER_ANY
 * @mmio: MARK_MMIO or 0
 */
struct mock_map_call {
	unsigned long first;
	unsigned long n;
	unsigned int order;
	unsigned long mmio;
};

/* The unit is the largest that is aligned to its size and fits into the call. */
#define ORDER_ANY UINT_MAX

/* The unit of the IO page with this number in the call */
static unsigned int call_order(const struct mock_map_call *call,
			       unsigned long i)
{
	unsigned int order;

	if (call->order != ORDER_ANY)
		return call->order;
	for (order = 0; order < ORDER_MAX; order++) {
		unsigned long size = 2UL << order;
		unsigned long start = round_down(call->first + i, size);

		if (start < call->first ||
		    start - call->first + size > call->n)
			break;
	}
	return order;
}

/*
 * Store the IO pages [*done, end) of a map call. *done becomes the first one
 * that has not been stored.
 */
static int mock_store_io_pages(struct xa_state *xas, phys_addr_t phys,
			       unsigned long *done, unsigned long end,
			       const struct mock_map_call *call, gfp_t gfp)
{
	unsigned long n = call->n, mmio = call->mmio;

	do {
		xas_lock(xas);
		for (; *done < end; ++*done, xas_next(xas)) {
			phys_addr_t page = phys + (*done << MOCK_IO_PAGE_SHIFT);
			void *old;

			WARN_ONCE(!is_safe(page, mmio),
				  "mock: mapped a page that is not pinned\n");
			old = xas_store(
				xas,
				make_entry(page, call_order(call, *done),
					   (*done == 0 ? MARK_START : 0) |
						   (*done == n - 1 ? MARK_LAST :
								     0) |
						   mmio));
			if (xas_error(xas))
				break;
			WARN_ONCE(
				old,
				"mock: mapped over an IO page that is mapped or not flushed\n");
		}
		xas_unlock(xas);
	} while (xas_nomem(xas, gfp));
	return xas_error(xas);
}

static int mock_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t phys, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct mock_domain *mock = to_mock_domain(domain);
	unsigned long first = iova >> MOCK_IO_PAGE_SHIFT;
	unsigned long n = pgsize * pgcount >> MOCK_IO_PAGE_SHIFT, i = 0;
	struct mock_map_call call = {
		.first = first,
		.n = n,
		.order = mock->any_order ? ORDER_ANY :
					   ilog2(pgsize / MOCK_IO_PAGE_SIZE),
		.mmio = prot & IOMMU_MMIO ? MARK_MMIO : 0,
	};
	int rc = 0;

	WARN_ONCE(!(prot & IOMMU_CACHE) == !(prot & IOMMU_MMIO),
		  "mock: mapping is not coherent\n");
	WARN_ONCE(!(prot & (IOMMU_READ | IOMMU_WRITE)),
		  "mock: mapping is useless\n");
	WARN_ONCE(iova < domain->geometry.aperture_start ||
			  iova + pgsize * pgcount - 1 >
				  domain->geometry.aperture_end,
		  "mock: mapped outside the aperture\n");
	if (mock_map_must_fail())
		return -ENOMEM;

	while (!rc && i < n) {
		XA_STATE(xas, &mock->pages, first + i);

		rc = mock_store_io_pages(&xas, phys, &i, min(n, i + BATCH),
					 &call, gfp);
		cond_resched();
	}
	if (!rc)
		*mapped = pgsize * pgcount;
	/* No device has used these IO pages, so no flush is needed. */
	while (rc && i--)
		xa_erase(&mock->pages, first + i);
	return rc;
}

/*
 * An unmap of the core must begin at the start and end at the end of a map
 * call. If the domain has several page sizes, iommu_unmap() may split an unmap
 * into several calls. gather->pgsize, which the kernel leaves to drivers, is
 * where the next call must continue, or 0 between two unmaps.
 *
 * The range in the gather stays empty, so that the core has to make sure that
 * iommu_iotlb_sync() does not skip the flush.
 */
static void mock_check_unmap(struct iommu_domain *domain, unsigned long iova,
			     unsigned long end, bool starts, bool ends,
			     struct iommu_iotlb_gather *gather)
{
	WARN_ONCE(gather->pgsize ? gather->pgsize != iova : !starts,
		  "mock: unmap cuts a mapping at its start\n");
	gather->pgsize = ends ? 0 : end;
	WARN_ONCE(!ends && is_power_of_2(domain->pgsize_bitmap),
		  "mock: unmap cuts a mapping at its end\n");
}

/* The IO pages that an unmap call has found */
struct mock_unmap {
	unsigned long n;
	bool starts;
	bool ends;
};

/* Make @n IO pages stale; stop at one that is not mapped. */
static void mock_unmap_io_pages(struct xa_state *xas, unsigned long n,
				struct mock_unmap *unmap)
{
	void *entry;

	xas_lock(xas);
	for (entry = xas_load(xas); n; n--, entry = xas_next(xas)) {
		if (WARN_ONCE(!entry || has_mark(entry, MARK_STALE),
			      "mock: unmapped what is not mapped\n"))
			break;
		if (!unmap->n++)
			unmap->starts = has_mark(entry, MARK_START);
		unmap->ends = has_mark(entry, MARK_LAST);
		xas_store(xas, make_entry(entry_phys(entry), 0,
					  MARK_STALE | (xa_to_value(entry) &
							MARK_MMIO)));
		xas_set_mark(xas, XA_STALE);
		xas_clear_mark(xas, XA_DIRTY);
		xas_clear_mark(xas, XA_CACHED);
	}
	xas_unlock(xas);
}

static size_t mock_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct mock_domain *mock = to_mock_domain(domain);
	unsigned long first = iova >> MOCK_IO_PAGE_SHIFT;
	unsigned long n = pgsize * pgcount >> MOCK_IO_PAGE_SHIFT, i;
	struct mock_unmap unmap = {};

	for (i = 0; i < n && unmap.n == i; i += min(n - i, BATCH)) {
		XA_STATE(xas, &mock->pages, first + i);

		mock_unmap_io_pages(&xas, min(n - i, BATCH), &unmap);
		cond_resched();
	}
	if (unmap.n)
		mock_check_unmap(domain, iova,
				 iova + (unmap.n << MOCK_IO_PAGE_SHIFT),
				 unmap.starts, unmap.ends, gather);
	return unmap.n << MOCK_IO_PAGE_SHIFT;
}

/*
 * Also flush what other threads have unmapped, as hardware may. Such a thread
 * may unpin a page as soon as its own flush does not find the entry any more.
 * So the check of the page and the removal of the entry must be under one lock.
 */
static void mock_iotlb_sync(struct iommu_domain *domain,
			    struct iommu_iotlb_gather *gather)
{
	XA_STATE(xas, &to_mock_domain(domain)->pages, 0);
	unsigned int n = 0;
	void *entry;

	WARN_ONCE(gather->pgsize, "mock: unmap cuts a mapping at its end\n");
	WARN_ONCE(gather->end && gather->end - gather->start >= 8 * SZ_1T,
		  "mock: a flush spans more than VT-d drivers can count\n");
	mock_dirty_flush(to_mock_domain(domain), gather->start, gather->end);
	xas_lock(&xas);
	xas_for_each_marked(&xas, entry, ULONG_MAX, XA_STALE) {
		WARN_ONCE(
			!is_safe(entry_phys(entry),
				 xa_to_value(entry) & MARK_MMIO),
			"mock: a page was unpinned before the IOTLB was flushed\n");
		xas_store(&xas, NULL);
		if (++n % XA_CHECK_SCHED)
			continue;
		/*
		 * Not xas_pause(): the store may have freed the node of @xas.
		 */
		xas_set(&xas, xas.xa_index + 1);
		xas_unlock(&xas);
		cond_resched();
		xas_lock(&xas);
	}
	xas_unlock(&xas);
}

/* Called when no device can reach the pages of the domain any more */
void mock_domain_check_pinned(struct iommu_domain *domain)
{
	XA_STATE(xas, &to_mock_domain(domain)->pages, 0);
	unsigned int n = 0;
	void *entry;

	xas_lock(&xas);
	xas_for_each(&xas, entry, ULONG_MAX) {
		WARN_ONCE(!is_safe(entry_phys(entry),
				   xa_to_value(entry) & MARK_MMIO),
			  "mock: a device could reach an unpinned page\n");
		if (++n % XA_CHECK_SCHED)
			continue;
		xas_pause(&xas);
		xas_unlock(&xas);
		cond_resched();
		xas_lock(&xas);
	}
	xas_unlock(&xas);
}

static phys_addr_t mock_iova_to_phys(struct iommu_domain *domain,
				     dma_addr_t iova)
{
	void *entry = xa_load(&to_mock_domain(domain)->pages,
			      iova >> MOCK_IO_PAGE_SHIFT);

	if (!entry || has_mark(entry, MARK_STALE))
		return 0;
	return entry_phys(entry) + iova % MOCK_IO_PAGE_SIZE;
}

/* The kernel cannot attach a device of the machine to a mock domain. */
static int mock_attach_dev(IOMMU_ATTACH_DEV_PARAMS(domain, dev, old))
{
	return -EINVAL;
}

/* Pages go with the domain, memory of devices has been unmapped. */
static void mock_check_abandoned(struct mock_domain *mock)
{
	unsigned long index;
	void *entry;

	xa_for_each(&mock->pages, index, entry) {
		WARN_ONCE(xa_to_value(entry) & MARK_MMIO,
			  "mock: freed a domain with memory of a device\n");
		cond_resched();
	}
}

static void mock_domain_free(struct iommu_domain *domain)
{
	struct mock_domain *mock = to_mock_domain(domain);

	mock_check_unused(domain);
	WARN_ONCE(!mock->frees_table && !xa_empty(&mock->pages),
		  "mock: freed a domain that is not empty\n");
	mock_check_abandoned(mock);
	WARN_ONCE(xa_marked(&mock->pages, XA_STALE),
		  "mock: freed a domain before the IOTLB was flushed\n");
	xa_destroy(&mock->pages);
	kfree(mock);
}

static const struct iommu_domain_ops mock_domain_ops = {
	.attach_dev = mock_attach_dev,
	.map_pages = mock_map_pages,
	.unmap_pages = mock_unmap_pages,
	.iotlb_sync = mock_iotlb_sync,
	.iova_to_phys = mock_iova_to_phys,
	.free = mock_domain_free,
};

/* The page table that user space asks for, of enum MOCK_IOMMUPT_ */
static int mock_pagetable_type(const struct iommu_user_data *user_data)
{
	struct iommu_hwpt_selftest data;
	int rc;

	if (!user_data)
		return MOCK_IOMMUPT_DEFAULT;
	rc = mock_copy_user_data(&data, sizeof(data), sizeof(data.iotlb),
				 user_data, IOMMU_HWPT_DATA_SELFTEST);
	if (rc)
		return rc;
	if (data.pagetable_type > MOCK_IOMMUPT_HUGE)
		return -EOPNOTSUPP;
	return data.pagetable_type;
}

/**
 * mock_domain_create() - allocate a domain with a page table of the mock
 * @mdev: device that determines the IOMMU
 * @flags: of enum iommufd_hwpt_alloc_flags
 * @user_data: a struct iommu_hwpt_selftest, or NULL
 *
 * Return: the domain, which iommu_domain_free() frees, or ERR_PTR() of -ENOMEM
 * or of an errno for what the mock does not have.
 */
struct iommu_domain *
mock_domain_create(struct mock_device *mdev, u32 flags,
		   const struct iommu_user_data *user_data)
{
	bool wide = READ_ONCE(wide_aperture);
	struct mock_domain *mock;
	int type;

	type = mock_pagetable_type(user_data);
	if (type < 0)
		return ERR_PTR(type);
	mock = kzalloc(sizeof(*mock), GFP_KERNEL_ACCOUNT);
	if (!mock)
		return ERR_PTR(-ENOMEM);
	xa_init_flags(&mock->pages, XA_FLAGS_ACCOUNT);
	mock->domain.type = IOMMU_DOMAIN_UNMANAGED;
	mock->domain.ops = &mock_domain_ops;
	mock->domain.pgsize_bitmap = MOCK_IO_PAGE_SIZE;
	/* Linux 6.12 had other tests than 7.3, which give data. */
	mock->any_order = user_data && type == MOCK_IOMMUPT_DEFAULT;
	mock->frees_table = mock_frees_table(&mdev->dev);
	if (mdev->flags & MOCK_DEVICE_HUGE_IOVA)
		mock->domain.pgsize_bitmap |= MOCK_HUGE_IO_PAGE_SIZE;
	if (type == MOCK_IOMMUPT_HUGE) {
		mock->domain.pgsize_bitmap = SZ_4K | MOCK_HUGE_IO_PAGE_SIZE;
		wide = true;
	}
	/* Either all 64 bits, as with AMD's IOMMU, or limited at both ends */
	mock->domain.geometry = (struct iommu_domain_geometry){
		.aperture_start = wide ? 0 : MOCK_APERTURE_START,
		.aperture_end = wide ? ULONG_MAX : MOCK_APERTURE_LAST,
		.force_aperture = true,
	};
	return &mock->domain;
}

bool is_mock_domain(const struct iommu_domain *domain)
{
	return domain->ops == &mock_domain_ops;
}

/* Is @phys what @iova translates to? */
bool mock_domain_maps(struct iommu_domain *domain, unsigned long iova,
		      phys_addr_t phys)
{
	return mock_iova_to_phys(domain, iova) == phys;
}
