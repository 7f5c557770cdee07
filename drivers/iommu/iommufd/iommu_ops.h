/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOMMU_OPS_H
#define _IOMMUFD_IOMMU_OPS_H

#include <linux/types.h>

struct device;
struct iommu_attach_handle;
struct iommu_domain;
struct list_head;

/**
 * struct iommufd_hw_info - what an IOMMU says about itself
 * @type: one of enum iommu_hw_info_type
 * @length: bytes of @data
 * @data: struct for user space of that type, to be freed with kfree()
 */
struct iommufd_hw_info {
	u32 type;
	u32 length;
	void *data;
};

/**
 * struct iommufd_iommu_ops - what a context does with the IOMMU of a device
 * @claim: make @owner the owner of the DMA of the device's group; -EBUSY if the
 *         group has another owner, or another errno of iommufd_device_bind()
 * @release: undo @claim; any device of the group will do
 * @domain_alloc: allocate a domain with its final aperture and page sizes.
 *                @current_domain is what the group is attached to, or NULL.
 *                *@coherent says whether that enforces coherency, and is set to
 *                whether the new domain does.
 * @attach: attach to a domain, which ends the blocking of DMA; -EINVAL if
 *          device and domain do not fit together
 * @detach: block DMA again
 * @replace: move to another domain; a failure changes nothing
 * @get_resv_regions: list the regions of IOVA that the platform uses, as struct
 *                    iommu_resv_region, for iommu_put_resv_regions()
 * @can_enforce: a domain can make all DMA of the device coherent
 * @hw_info: ask the IOMMU about itself
 *
 * @attach, @detach and @replace concern the whole group of the device. The
 * kernel knows an attachment by its handle, which must exist until @detach, or
 * until a @replace, which needs another handle.
 */
struct iommufd_iommu_ops {
	int (*claim)(struct device *dev, void *owner);
	void (*release)(struct device *dev);
	struct iommu_domain *(*domain_alloc)(struct device *dev,
					     struct iommu_domain *current_domain,
					     bool *coherent);
	int (*attach)(struct device *dev, struct iommu_domain *domain,
		      struct iommu_attach_handle *handle);
	void (*detach)(struct device *dev, struct iommu_domain *domain);
	int (*replace)(struct device *dev, struct iommu_domain *domain,
		       struct iommu_attach_handle *handle);
	void (*get_resv_regions)(struct device *dev, struct list_head *regions);
	bool (*can_enforce)(struct device *dev);
	int (*hw_info)(struct device *dev, struct iommufd_hw_info *info);
};

/* host_iommu.c: the IOMMU of the machine */
extern const struct iommufd_iommu_ops iommufd_iommu_ops;

#endif
