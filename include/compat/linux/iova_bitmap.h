/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/iova_bitmap.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_IOVA_BITMAP_H
#define _COMPAT_LINUX_IOVA_BITMAP_H

#include <linux/err.h>
#include_next <linux/iova_bitmap.h>
#include <generated/features.h>

#ifndef HAVE_IOVA_BITMAP_FOR_EACH
/* Until 6.6 only vfio.ko itself can make a bitmap that drivers write to. */
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

#define iova_bitmap_alloc compat_iova_bitmap_alloc
#define iova_bitmap_free compat_iova_bitmap_free
#define iova_bitmap_for_each compat_iova_bitmap_for_each
#endif

#endif
