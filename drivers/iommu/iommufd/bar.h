/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_BAR_H
#define _IOMMUFD_BAR_H

#include <linux/types.h>

struct iommufd_bar_device;
struct iommufd_ctx;
struct mm_struct;

/**
 * struct iommufd_bar_range - user addresses at which a process maps a BAR
 * @mm: address space of the process
 * @start: first address, page aligned
 * @npages: number of pages, at least 1
 * @prot: IOMMU_READ and IOMMU_WRITE: what the process must be allowed itself
 * @device: the device, counted
 * @ictx: context that the device must be bound to, for comparison only; NULL if
 *        the policy allows all
 */
struct iommufd_bar_range {
	struct mm_struct *mm;
	unsigned long start;
	unsigned long npages;
	int prot;
	struct iommufd_bar_device *device;
	const struct iommufd_ctx *ictx;
};

bool iommufd_bar_recognise(struct iommufd_bar_range *range,
			   const struct iommufd_ctx *ictx);
bool iommufd_bar_is_reachable(struct iommufd_bar_device *device);
int iommufd_bar_find(const struct iommufd_bar_range *range, bool wait,
		     phys_addr_t *phys);

#endif
