/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_BAR_DEVICE_H
#define _IOMMUFD_BAR_DEVICE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct umem_bar;

/**
 * struct iommufd_bar_device - a device whose BARs are memory
 * @users: references
 * @gone: number of BARs in BAR_GONE: most of the time there is none to look for
 * @lock: guards @bars; nests outside of umem_bar.sem
 * @bars: struct umem_bar: all BARs
 */
struct iommufd_bar_device {
	refcount_t users;
	atomic_t gone;
	struct mutex lock;
	struct list_head bars;
};

void bar_device_add(struct iommufd_bar_device *device, struct umem_bar *bar);
void bar_device_remove(struct iommufd_bar_device *device, struct umem_bar *bar);

#endif
