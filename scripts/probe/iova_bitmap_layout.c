// SPDX-License-Identifier: GPL-2.0
/*
 * Does vfio.ko's iova_bitmap_set() take the struct that include/compat knows?
 * Until 6.6, and only if the kernel has versions of symbols. The version of the
 * function below is computed from its prototype with all structs in it, so it
 * is that of vfio.ko's if they are the same.
 * Same version: iova_bitmap_set
 */
#include <linux/iova_bitmap.h>
#include <linux/mm.h>
#include <linux/highmem.h>
#include <linux/export.h>
#include "../include/compat/linux/iova_bitmap_layout.h"

DEFINE_IOVA_BITMAP;

void iova_bitmap_set(struct iova_bitmap *bitmap, unsigned long iova,
		     size_t length)
{
}
EXPORT_SYMBOL_GPL(iova_bitmap_set);
