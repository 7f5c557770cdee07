/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_HWPT_H
#define _IOMMUFD_HWPT_H

#include <linux/atomic.h>
#include <linux/iommu.h>
#include <linux/list.h>

#include "iova_space.h"
#include "object.h"

struct device;
struct iommufd_ctx;
struct iommufd_fault;
struct iommufd_hwpt_paging;
struct iommufd_ioas;
struct iommufd_iommu_ops;
struct iommufd_viommu;

/**
 * struct iommufd_hwpt - a hardware page table, which devices attach to
 * @obj: object; each attached group is a user of it
 * @ictx: context
 * @ops: how to deal with its IOMMU
 * @domain: the page table as the IOMMU API has it
 * @paging: the HWPT with the mappings of an IOAS that DMA goes through at last:
 *          this one, or the parent of a nested one
 * @fault: queue for the page faults of attached devices, of which the HWPT is a
 *         user, or NULL
 * @pasid: made with IOMMU_HWPT_ALLOC_PASID
 * @nr_devices: devices that are attached to it
 */
struct iommufd_hwpt {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	const struct iommufd_iommu_ops *ops;
	struct iommu_domain *domain;
	struct iommufd_hwpt_paging *paging;
	struct iommufd_fault *fault;
	bool pasid;
	atomic_t nr_devices;
};

/**
 * struct iommufd_hwpt_paging - a HWPT that has the mappings of an IOAS
 * @common: what all HWPTs have; of type IOMMUFD_OBJ_HWPT
 * @ioas: IOAS whose mappings it has; the HWPT is a user of it
 * @pgt: its entry in the IOVA space
 * @auto_entry: place in iommufd_ioas.auto_hwpts, empty if not automatic
 * @automatic: made by attaching, destroyed with its last user
 * @enforces_coherency: DMA is coherent even if the device asks for no snooping
 * @nest_parent: made with IOMMU_HWPT_ALLOC_NEST_PARENT
 * @dirty_tracking: made with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 */
struct iommufd_hwpt_paging {
	struct iommufd_hwpt common;
	struct iommufd_ioas *ioas;
	struct iova_pgtable pgt;
	struct list_head auto_entry;
	bool automatic;
	bool enforces_coherency;
	bool nest_parent;
	bool dirty_tracking;
};

/**
 * struct iommufd_hwpt_nested - a HWPT whose page table belongs to user space
 * @common: what all HWPTs have; of type IOMMUFD_OBJ_HWPT_NESTED. It is a user
 *          of its parent, or of @viommu
 * @viommu: vIOMMU that it was made on, or NULL
 */
struct iommufd_hwpt_nested {
	struct iommufd_hwpt common;
	struct iommufd_viommu *viommu;
};

static inline struct iommufd_hwpt *
to_iommufd_hwpt(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_hwpt, obj);
}

/* The IO page table that DMA through the HWPT goes through at last */
static inline struct iommufd_pgtable *
iommufd_hwpt_pgtable(struct iommufd_hwpt *hwpt)
{
	return &hwpt->paging->pgt.table;
}

static inline struct iommufd_hwpt_paging *
to_iommufd_hwpt_paging(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_hwpt_paging, common.obj);
}

/* Was it made by attaching to an IOAS? */
static inline bool iommufd_hwpt_is_automatic(const struct iommufd_hwpt *hwpt)
{
	return hwpt->paging->automatic && &hwpt->paging->common == hwpt;
}

struct iommufd_hwpt_paging *iommufd_get_hwpt_paging(struct iommufd_ctx *ictx,
						    u32 id);
static inline void iommufd_put_hwpt(struct iommufd_hwpt *hwpt)
{
	iommufd_object_put(hwpt->ictx, &hwpt->obj);
}

struct iommufd_hwpt_paging *
iommufd_hwpt_paging_create(struct iommufd_ioas *ioas,
			   const struct iommufd_iommu_ops *ops,
			   struct device *dev, struct iommu_domain *domain,
			   bool enforces_coherency);
struct iommufd_hwpt *
iommufd_hwpt_nested_create(struct iommufd_hwpt_paging *parent,
			   struct iommufd_viommu *viommu,
			   struct iommu_domain *domain);
void iommufd_hwpt_abort(struct iommufd_hwpt *hwpt);
void iommufd_hwpt_put_user(struct iommufd_hwpt *hwpt);
struct iommufd_hwpt *iommufd_hwpt_next_auto(struct iommufd_ioas *ioas,
					    struct iommufd_hwpt *hwpt);
void iommufd_hwpt_publish_auto(struct iommufd_hwpt *hwpt);

#endif
