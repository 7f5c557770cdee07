/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/iova_bitmap.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_IOVA_BITMAP_H
#define _COMPAT_LINUX_IOVA_BITMAP_H

#include <linux/err.h>
#include_next <linux/iova_bitmap.h>
#include <generated/features.h>

#if !defined(HAVE_IOVA_BITMAP_FOR_EACH) && defined(HAVE_IOVA_BITMAP_LAYOUT)
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/iova_bitmap_layout.h>

DEFINE_IOVA_BITMAP;

/*
 * Until 6.6 the functions are in vfio.ko, which exports only iova_bitmap_set()
 * for drivers. Make the struct that it takes. This reference makes the kernel
 * refuse the module if vfio.ko's struct is another one.
 */
static void (*const __used compat_iova_bitmap_set)(
	struct iova_bitmap *bitmap, unsigned long iova,
	size_t length) = iova_bitmap_set;

/* Pages that are pinned at once; their pointers have room in one page. */
#define COMPAT_IOVA_BITMAP_PAGES (PAGE_SIZE / sizeof(struct page *))

static inline struct iova_bitmap *
compat_iova_bitmap_alloc(unsigned long iova, size_t length,
			 unsigned long page_size, u64 __user *data)
{
	struct iova_bitmap *bitmap = kzalloc(sizeof(*bitmap), GFP_KERNEL);

	if (!bitmap)
		return ERR_PTR(-ENOMEM);
	bitmap->mapped.pages = (struct page **)__get_free_page(GFP_KERNEL);
	if (!bitmap->mapped.pages) {
		kfree(bitmap);
		return ERR_PTR(-ENOMEM);
	}
	bitmap->mapped.pgshift = ilog2(page_size);
	bitmap->bitmap = (u8 __user *)data;
	bitmap->iova = iova;
	bitmap->length = length;
	return bitmap;
}

static inline void compat_iova_bitmap_free(struct iova_bitmap *bitmap)
{
	free_page((unsigned long)bitmap->mapped.pages);
	kfree(bitmap);
}

/*
 * Pin pages of the bitmap from byte @index on, for at most @nbits bits. Returns
 * the number of bits that are pinned, or EFAULT.
 */
static inline long compat_iova_bitmap_pin(struct iova_bitmap *bitmap,
					  unsigned long index,
					  unsigned long nbits)
{
	unsigned long start = (unsigned long)bitmap->bitmap + index;
	unsigned long room =
		COMPAT_IOVA_BITMAP_PAGES * PAGE_SIZE - offset_in_page(start);
	unsigned long nbytes = min(room, DIV_ROUND_UP(nbits, 8));
	int npages;

	npages = pin_user_pages_fast(
		start, DIV_ROUND_UP(offset_in_page(start) + nbytes, PAGE_SIZE),
		FOLL_WRITE, bitmap->mapped.pages);
	if (npages <= 0)
		return -EFAULT;
	bitmap->mapped.npages = npages;
	bitmap->mapped.pgoff = offset_in_page(start);
	nbytes = npages * PAGE_SIZE - offset_in_page(start);
	return min(nbits, nbytes * 8);
}

/* As many calls of @function as it takes to pin the bitmap part by part */
static inline int compat_iova_bitmap_for_each(struct iova_bitmap *bitmap,
					      void *data,
					      iova_bitmap_fn_t function)
{
	struct iova_bitmap_map *mapped = &bitmap->mapped;
	unsigned long last = bitmap->iova + bitmap->length - 1;
	unsigned long start = bitmap->iova, index = 0, nbits, end;
	long pinned;
	int rc;

	do {
		/* Nothing, unless the range begins at 0: then it is all. */
		nbits = last < start ? 1 :
				       ((last - start) >> mapped->pgshift) + 1;
		pinned = compat_iova_bitmap_pin(bitmap, index, nbits);
		if (pinned < 0)
			return pinned;
		mapped->iova = start;
		end = pinned == nbits ? last :
					start + (pinned << mapped->pgshift) - 1;
		rc = function(bitmap, start, end - start + 1, data);
		unpin_user_pages_dirty_lock(mapped->pages, mapped->npages,
					    true);
		index += pinned / 8;
		start = end + 1;
	} while (!rc && end != last);
	return rc;
}

#elif !defined(HAVE_IOVA_BITMAP_FOR_EACH)
/* vfio.ko's bitmaps are not known here, and nothing else can make one. */
static inline struct iova_bitmap *
compat_iova_bitmap_alloc(unsigned long iova, size_t length,
			 unsigned long page_size, u64 __user *data)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void compat_iova_bitmap_free(struct iova_bitmap *bitmap)
{
}

static inline int compat_iova_bitmap_for_each(struct iova_bitmap *bitmap,
					      void *data,
					      iova_bitmap_fn_t function)
{
	return -EOPNOTSUPP;
}

#endif

#ifndef HAVE_IOVA_BITMAP_FOR_EACH
#define iova_bitmap_alloc compat_iova_bitmap_alloc
#define iova_bitmap_free compat_iova_bitmap_free
#define iova_bitmap_for_each compat_iova_bitmap_for_each
#endif

#endif
