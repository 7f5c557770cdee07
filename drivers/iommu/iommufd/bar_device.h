/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_BAR_DEVICE_H
#define _IOMMUFD_BAR_DEVICE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/types.h>

/**
 * struct iommufd_bar_device - a device whose BARs are memory
 * @users: references
 * @data: argument of iommufd_bar_provider.is_reachable()
 * @gone: number of BARs in BAR_GONE: most of the time there is none to look for
 * @lock: guards the members below; nests outside of umem_bar.sem
 * @bars: struct umem_bar: all BARs
 * @holds: number of iommufd_bar_hold() in effect; also read under umem_bar.sem
 * @stops: number of iommufd_bar_stop() in effect
 * @looking: number of workers that look for a BAR
 */
struct iommufd_bar_device {
	refcount_t users;
	void *data;
	atomic_t gone;
	struct mutex lock;
	struct list_head bars;
	unsigned int holds;
	unsigned int stops;
	unsigned int looking;
};

void bar_device_add(struct iommufd_bar_device *device, struct list_head *entry);
void bar_device_remove(struct iommufd_bar_device *device,
		       struct list_head *entry);
bool bar_device_look_begin(struct iommufd_bar_device *device);
void bar_device_look_end(struct iommufd_bar_device *device);

#endif
