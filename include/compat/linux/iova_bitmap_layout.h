/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The struct that iova_bitmap_set() of vfio.ko works with, until 6.6. It is
 * private to vfio.ko, but MODVERSIONS computes the version of the symbol from
 * it: scripts/probe/iova_bitmap_layout.c compares the version with that of this
 * struct, and the kernel compares it again when it loads a module that uses the
 * symbol.
 *
 * It is a macro because a struct counts differently in a header.
 */
#ifndef _COMPAT_LINUX_IOVA_BITMAP_LAYOUT_H
#define _COMPAT_LINUX_IOVA_BITMAP_LAYOUT_H

/* "mapped" is the part of the bitmap that is pinned; pgoff is in bytes. */
#define DEFINE_IOVA_BITMAP                        \
	struct iova_bitmap_map {                  \
		unsigned long iova;               \
		unsigned long pgshift;            \
		unsigned long pgoff;              \
		unsigned long npages;             \
		struct page **pages;              \
	};                                        \
	struct iova_bitmap {                      \
		struct iova_bitmap_map mapped;    \
		u8 __user *bitmap;                \
		unsigned long mapped_base_index;  \
		unsigned long mapped_total_index; \
		unsigned long iova;               \
		size_t length;                    \
	}

#endif
