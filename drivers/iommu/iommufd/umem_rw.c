// SPDX-License-Identifier: GPL-2.0
/*
 * What an access does with the pages of a umem: get the struct pages that it
 * has pinned, or copy bytes from and to any page.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "umem.h"
#include "umem_rw.h"

/**
 * iommufd_umem_pages() - get the struct pages of a range
 * @umem: umem
 * @first: index of the first page; the caller has pinned the range
 * @last: index of the last page
 * @pages: receives the pages
 */
void iommufd_umem_pages(struct iommufd_umem *umem, unsigned long first,
			unsigned long last, struct page **pages)
{
	unsigned long index = first;
	struct umem_walk walk = { .umem = umem };

	while (index - 1 != last) {
		unsigned long npages, pfn;

		npages = iommufd_umem_walk_pfns(&walk, index, &pfn);
		npages = min(npages, last - index + 1);
		for (index += npages; npages; npages--)
			*pages++ = pfn_to_page(pfn++);
		cond_resched();
	}
}

/**
 * iommufd_umem_is_contiguous() - is a range contiguous in physical memory?
 * @umem: umem
 * @first: index of the first page; the caller has pinned the range
 * @last: index of the last page
 * @pfn: set to the frame of the first page
 *
 * Return: whether it is.
 */
bool iommufd_umem_is_contiguous(struct iommufd_umem *umem, unsigned long first,
				unsigned long last, unsigned long *pfn)
{
	struct umem_walk walk = { .umem = umem };
	unsigned long index = first;

	while (index - 1 != last) {
		unsigned long npages, run;

		npages = iommufd_umem_walk_pfns(&walk, index, &run);
		if (index == first)
			*pfn = run;
		else if (run != *pfn + (index - first))
			return false;
		index += min(npages, last - index + 1);
		cond_resched();
	}
	return true;
}

static void umem_rw_copy(struct page *page, unsigned long offset,
			 unsigned long length, bool write, void *data)
{
	if (write)
		memcpy_to_page(page, offset, data, length);
	else
		memcpy_from_page(data, page, offset, length);
}

/* Copy from or to one page, which is pinned for as long as that takes. */
static int umem_rw_page(struct iommufd_umem *umem, unsigned long index,
			unsigned long offset, unsigned long length, bool write,
			void *data)
{
	struct page *page;
	int rc;

	rc = umem->ops->get_page(umem, index, write, &page);
	if (rc)
		return rc;
	umem_rw_copy(page, offset, length, write, data);
	unpin_user_pages_dirty_lock(&page, 1, write);
	return 0;
}

/* As umem_rw_page(), but use a page that is pinned already. */
static int umem_rw_index(struct iommufd_umem *umem, unsigned long index,
			 unsigned long offset, unsigned long length, bool write,
			 void *data)
{
	unsigned long pfn;

	if (fatal_signal_pending(current))
		return -EINTR;
	spin_lock(&umem->lock);
	if (!__iommufd_umem_pfn(umem, index, &pfn)) {
		spin_unlock(&umem->lock);
		return umem_rw_page(umem, index, offset, length, write, data);
	}
	umem_rw_copy(pfn_to_page(pfn), offset, length, write, data);
	spin_unlock(&umem->lock);
	return 0;
}

/**
 * iommufd_umem_rw() - copy between a kernel buffer and a umem
 * @umem: umem
 * @offset: offset in the umem, in bytes
 * @length: number of bytes
 * @write: copy to the umem, which must be writable, instead of from it
 * @data: kernel buffer
 *
 * Nothing is charged, because no page stays pinned.
 *
 * Return: 0, -EINTR when killed, or an errno of the kind of memory; then a part
 * may have been copied.
 */
int iommufd_umem_rw(struct iommufd_umem *umem, unsigned long offset,
		    unsigned long length, bool write, void *data)
{
	while (length) {
		unsigned long in_page = offset_in_page(offset);
		unsigned long bytes = min(length, PAGE_SIZE - in_page);
		int rc;

		rc = umem_rw_index(umem, offset >> PAGE_SHIFT, in_page, bytes,
				   write, data);
		if (rc)
			return rc;
		offset += bytes;
		length -= bytes;
		data += bytes;
		cond_resched();
	}
	return 0;
}
