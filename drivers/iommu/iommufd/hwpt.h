/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HWPT_H
#define _IOMMUFD_HWPT_H

#include <linux/iommu.h>
#include <linux/list.h>

#include "iova_space.h"
#include "object.h"

struct iommufd_ioas;

/**
 * struct iommufd_hwpt - a hardware page table
 * @obj: object; each attached group is a user of it
 * @ioas: IOAS whose mappings it has; the HWPT is a user of it
 * @pgt: the page table
 * @auto_entry: place in iommufd_ioas.auto_hwpts, empty if not automatic
 * @automatic: made by attaching, destroyed with its last user
 * @enforces_coherency: DMA is coherent even if the device asks for no snooping
 */
struct iommufd_hwpt {
	struct iommufd_object obj;
	struct iommufd_ioas *ioas;
	struct iova_pgtable pgt;
	struct list_head auto_entry;
	bool automatic;
	bool enforces_coherency;
};

struct iommufd_hwpt *iommufd_hwpt_create(struct iommufd_ioas *ioas,
					 struct iommu_domain *domain,
					 bool enforces_coherency);
void iommufd_hwpt_abort(struct iommufd_hwpt *hwpt);
void iommufd_hwpt_put_user(struct iommufd_hwpt *hwpt);
struct iommufd_hwpt *iommufd_hwpt_next_auto(struct iommufd_ioas *ioas,
					    struct iommufd_hwpt *hwpt);
void iommufd_hwpt_publish_auto(struct iommufd_hwpt *hwpt);

#endif
