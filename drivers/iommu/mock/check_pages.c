// SPDX-License-Identifier: GPL-2.0
/*
 * Checks that need kernel access: which page frame an IO page maps, and how
 * many pins a page has.
 */
#include <linux/align.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>

#include "mock.h"

/* The caller must release the page with put_page(). */
static struct page *mock_get_user_page(unsigned long uptr)
{
	struct page *page;
	int rc;

	if (fatal_signal_pending(current))
		return ERR_PTR(-EINTR);
	cond_resched();
	rc = get_user_pages_fast(uptr & PAGE_MASK, 1, 0, &page);
	if (rc < 0)
		return ERR_PTR(rc);
	return rc ? page : ERR_PTR(-EFAULT);
}

/* Compare IO pages with a range that lies within one user page. */
static int mock_check_io_pages(struct iommu_domain *domain, unsigned long iova,
			       unsigned long uptr, unsigned long length)
{
	struct page *page = mock_get_user_page(uptr);
	phys_addr_t phys;
	int rc = 0;

	if (IS_ERR(page))
		return PTR_ERR(page);
	phys = page_to_phys(page) + offset_in_page(uptr);
	for (; length; length -= MOCK_IO_PAGE_SIZE) {
		if (!mock_domain_maps(domain, iova, phys))
			rc = -EINVAL;
		iova += MOCK_IO_PAGE_SIZE;
		phys += MOCK_IO_PAGE_SIZE;
	}
	put_page(page);
	return rc;
}

static int mock_check_map(struct iommu_domain *domain, unsigned long iova,
			  unsigned long length, unsigned long uptr)
{
	if (!is_mock_domain(domain) ||
	    !IS_ALIGNED(iova | length | uptr, MOCK_IO_PAGE_SIZE))
		return -EINVAL;

	while (length) {
		unsigned long part =
			min(length, PAGE_SIZE - offset_in_page(uptr));
		int rc = mock_check_io_pages(domain, iova, uptr, part);

		if (rc)
			return rc;
		iova += part;
		uptr += part;
		length -= part;
	}
	return 0;
}

/* IOMMU_TEST_OP_MD_CHECK_MAP */
int mock_check_map_cmd(struct mock_ucmd *ucmd)
{
	struct iommufd_object *obj;
	struct iommufd_hwpt *hwpt;
	int rc;

	obj = test_core->object_get(ucmd->ictx, ucmd->cmd.id, IOMMUFD_OBJ_HWPT);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	hwpt = to_iommufd_hwpt(obj);
	rc = mock_check_map(hwpt->domain, ucmd->cmd.check_map.iova,
			    ucmd->cmd.check_map.length,
			    ucmd->cmd.check_map.uptr);
	test_core->object_put(ucmd->ictx, obj);
	return rc;
}

/* A compound page has one count for all of its pages, so it is not checked. */
static int mock_check_page_refs(unsigned long uptr, unsigned int refs)
{
	struct page *page = mock_get_user_page(uptr);
	int rc = 0;

	if (IS_ERR(page))
		return PTR_ERR(page);
	if (!PageCompound(page) &&
	    page_ref_count(page) / GUP_PIN_COUNTING_BIAS != refs)
		rc = -EIO;
	put_page(page);
	return rc;
}

/* IOMMU_TEST_OP_MD_CHECK_REFS */
int mock_check_refs_cmd(struct mock_ucmd *ucmd)
{
	unsigned long length = ucmd->cmd.check_refs.length;
	unsigned long uptr = ucmd->cmd.check_refs.uptr;
	unsigned long end;
	int rc = 0;

	if (!PAGE_ALIGNED(length | uptr) ||
	    check_add_overflow(uptr, length, &end))
		return -EINVAL;
	for (; !rc && uptr != end; uptr += PAGE_SIZE)
		rc = mock_check_page_refs(uptr, ucmd->cmd.check_refs.refs);
	return rc;
}

/**
 * mock_check_pages() - compare pages with the pages of a user address range
 * @uptr: first user address, page aligned
 * @pages: pages to compare; they may have been unpinned and freed
 * @npages: number of pages
 *
 * Return: 0, -EBADE if a page differs, or the errno of get_user_pages_fast().
 */
int mock_check_pages(unsigned long uptr, struct page **pages,
		     unsigned long npages)
{
	for (; npages; npages--, pages++, uptr += PAGE_SIZE) {
		struct page *page = mock_get_user_page(uptr);

		if (IS_ERR(page))
			return PTR_ERR(page);
		put_page(page);
		if (page != *pages)
			return -EBADE;
	}
	return 0;
}
