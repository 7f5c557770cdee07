// SPDX-License-Identifier: GPL-2.0
/*
 * How an access uses the pages of a memory: it gets those it has pinned, or has
 * bytes copied from and to any.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "gup_batch.h"
#include "umem.h"
#include "umem_rw.h"

/**
 * iommufd_umem_pages() - the pages of a range
 * @umem: memory
 * @first: index of the first page
 * @last: index of the last page
 * @pages: receives them
 *
 * The caller has pinned the range.
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
	}
}

static void umem_rw_copy(struct page *page, unsigned long offset,
			 unsigned long length, bool write, void *data)
{
	if (write)
		memcpy_to_page(page, offset, data, length);
	else
		memcpy_from_page(data, page, offset, length);
}

/* Copy within one page, which is pinned for as long as that takes. */
static int umem_rw_page(struct iommufd_umem *umem, unsigned long index,
			unsigned long offset, unsigned long length, bool write,
			void *data)
{
	struct page *page;
	long rc;

	rc = gup_remote(umem->payer->mm, umem->uva + index * PAGE_SIZE, 1,
			write ? FOLL_WRITE : 0, &page);
	if (rc < 0)
		return rc;
	umem_rw_copy(page, offset, length, write, data);
	unpin_user_pages_dirty_lock(&page, 1, write);
	return 0;
}

/* As umem_rw_page(); pages that are pinned already need no look at the mm. */
static int umem_rw_index(struct iommufd_umem *umem, unsigned long index,
			 unsigned long offset, unsigned long length, bool write,
			 void *data)
{
	unsigned long pfn;

	if (mutex_lock_killable(&umem->lock))
		return -EINTR;
	if (!__iommufd_umem_pfn(umem, index, &pfn)) {
		mutex_unlock(&umem->lock);
		return umem_rw_page(umem, index, offset, length, write, data);
	}
	umem_rw_copy(pfn_to_page(pfn), offset, length, write, data);
	mutex_unlock(&umem->lock);
	return 0;
}

/**
 * iommufd_umem_rw() - copy between a buffer and memory
 * @umem: memory
 * @offset: first byte of the memory
 * @length: bytes
 * @write: to the memory, which is writable, not from it
 * @data: buffer of the kernel
 *
 * Nothing is charged, as no page stays pinned.
 *
 * Return: 0 or what gup says; a part may have been copied then.
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
