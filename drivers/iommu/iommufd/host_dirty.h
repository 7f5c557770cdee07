/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HOST_DIRTY_H
#define _IOMMUFD_HOST_DIRTY_H

#include <linux/types.h>

struct device;
struct iommu_domain;
struct iommufd_dirty_clear;
struct iommufd_dirty_sink;

bool iommufd_host_can_track_dirty(struct device *dev);
int iommufd_host_read_dirty(struct iommu_domain *domain, unsigned long start,
			    unsigned long last,
			    struct iommufd_dirty_sink *sink);
int iommufd_host_clear_dirty(struct iommu_domain *domain,
			     const struct iommufd_dirty_clear *clear);

#endif
