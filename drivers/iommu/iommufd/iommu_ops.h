/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOMMU_OPS_H
#define _IOMMUFD_IOMMU_OPS_H

#include <linux/iommu.h>
#include <linux/types.h>

struct device;
struct iommu_attach_handle;
struct iommu_domain;
struct iommu_iotlb_gather;
struct list_head;

struct iommu_user_data;
struct iommu_user_data_array;
struct iommufd_viommu;

/**
 * struct iommufd_hw_info - what an IOMMU says about itself
 * @type: in: type that is asked for, or IOMMU_HW_INFO_TYPE_DEFAULT; out: of enum
 *        iommu_hw_info_type
 * @length: bytes of @data
 * @data: struct for user space of that type, to be freed with kfree()
 */
struct iommufd_hw_info {
	u32 type;
	u32 length;
	void *data;
};

/**
 * struct iommufd_iommu_caps - what an IOMMU can do for a device
 * @flags: of enum iommufd_hw_capabilities
 * @max_pasid_log2: log2 of the number of PASIDs of the device, 0 for none
 */
struct iommufd_iommu_caps {
	u64 flags;
	u8 max_pasid_log2;
};

/**
 * struct iommufd_dirty_sink - takes the dirty IO pages of a range
 * @add: called for each of them, in order, with its first and its last IOVA or
 *       with the part of it that is in the range; must not sleep
 */
struct iommufd_dirty_sink {
	void (*add)(struct iommufd_dirty_sink *sink, unsigned long start,
		    unsigned long last);
};

/**
 * struct iommufd_dirty_clear - which IO pages become clean
 * @start: no IO page that begins below this IOVA
 * @last: no IO page that ends above this IOVA
 * @from: no IO page that ends below this IOVA; not below @start
 * @gather: gets what the IOTLB has to forget
 */
struct iommufd_dirty_clear {
	unsigned long start;
	unsigned long last;
	unsigned long from;
	struct iommu_iotlb_gather *gather;
};

/**
 * struct iommufd_iommu_ops - what a context does with the IOMMU of a device
 * @claim: make @owner the owner of the DMA of the device's group; -EBUSY if the
 *         group has another owner, or another errno of iommufd_device_bind()
 * @release: undo @claim; any device of the group will do
 * @domain_alloc: allocate a domain with its final aperture and page sizes.
 *                @current_domain is what the group is attached to, or NULL.
 *                *@coherent says whether that enforces coherency, and is set to
 *                whether the new domain does. @flags are of enum
 *                iommufd_hwpt_alloc_flags, without IOMMU_HWPT_FAULT_ID_VALID;
 *                @user_data may be NULL. -EOPNOTSUPP if the driver cannot do
 *                what they ask for.
 * @frees_table: iommu_domain_free() of a domain that @domain_alloc made for the
 *               device may be called with mappings, and costs the pages of the
 *               page table. False if it takes long for many mappings, or if that
 *               is not known.
 * @can_nest: @domain_alloc_nested can succeed for the device
 * @domain_alloc_nested: allocate a domain whose page table belongs to user space
 *                       and whose output @parent translates, one that
 *                       @domain_alloc made with IOMMU_HWPT_ALLOC_NEST_PARENT
 * @cache_invalidate: user space has changed the page table of a nested domain.
 *                    Handles the entries of the array in order up to the first
 *                    bad one, and sets entry_num to the entries done. NULL if
 *                    there are no nested domains.
 * @attach: attach to a domain, which ends the blocking of DMA; -EINVAL if
 *          device and domain do not fit together
 * @detach: block DMA again
 * @replace: move to another domain; a failure changes nothing
 * @max_pasids: number of PASIDs that the device can use, with PASID 0, which is
 *              no PASID; 0 or 1 if it has none
 * @attach_pasid: as @attach, for one PASID of the device
 * @replace_pasid: as @replace, for one PASID; -EOPNOTSUPP if that cannot be done
 *                 without a gap
 * @detach_pasid: block DMA with this PASID again
 * @get_resv_regions: list the regions of IOVA that the platform uses, as struct
 *                    iommu_resv_region, for iommu_put_resv_regions()
 * @can_enforce: a domain can make all DMA of the device coherent
 * @hw_info: ask the IOMMU about itself; -EOPNOTSUPP if it has no information of
 *           the type that is asked for
 * @get_caps: what the IOMMU can do for the device
 * @can_track_dirty: domains of the device can be made with
 *                   IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @set_dirty_tracking: start or stop to mark IO pages that are written to
 * @read_dirty: report the dirty IO pages that have an IOVA in [start, last].
 *              They stay dirty. The range lies in one mapping and crosses no
 *              multiple of 1 GiB; IO pages do neither.
 * @clear_dirty: make IO pages clean; [from, last] is as in @read_dirty
 * @can_fault: the device can ask for pages, and the IOMMU passes that on
 * @fault_domain: send the page faults of what is attached to this domain to
 *                iommufd_fault_deliver(). Called before anything is attached.
 * @fault_enable: let the device ask for pages, before its first attachment to
 *                such a domain; -EINVAL if it must not
 * @fault_disable: undo @fault_enable, after the last one
 * @get_viommu_size: bytes of the driver's struct that begins with struct
 *                   iommufd_viommu; 0 if there are no vIOMMUs of the type. NULL
 *                   without vIOMMUs.
 * @viommu_init: the driver's part of making a vIOMMU on top of @parent, which
 *               was made with IOMMU_HWPT_ALLOC_NEST_PARENT; sets ops.
 *               @user_data may be NULL, and may be written to.
 *
 * @set_dirty_tracking, @read_dirty and @clear_dirty are for domains with
 * IOMMU_HWPT_ALLOC_DIRTY_TRACKING. The caller keeps the range mapped, and no
 * other thread clears in it.
 *
 * @attach, @detach and @replace concern the whole group of the device. The
 * kernel knows an attachment by its handle, which must exist until @detach, or
 * until a @replace, which needs another handle. The same is true of a PASID.
 */
struct iommufd_iommu_ops {
	int (*claim)(struct device *dev, void *owner);
	void (*release)(struct device *dev);
	struct iommu_domain *(*domain_alloc)(struct device *dev,
					     struct iommu_domain *current_domain,
					     u32 flags,
					     const struct iommu_user_data *user_data,
					     bool *coherent);
	bool (*frees_table)(struct device *dev);
	bool (*can_nest)(struct device *dev);
	struct iommu_domain *(*domain_alloc_nested)(
		struct device *dev, struct iommu_domain *parent, u32 flags,
		const struct iommu_user_data *user_data);
	int (*cache_invalidate)(struct iommu_domain *domain,
				struct iommu_user_data_array *array);
	int (*attach)(struct device *dev, struct iommu_domain *domain,
		      struct iommu_attach_handle *handle);
	void (*detach)(struct device *dev, struct iommu_domain *domain);
	int (*replace)(struct device *dev, struct iommu_domain *domain,
		       struct iommu_attach_handle *handle);
	u32 (*max_pasids)(struct device *dev);
	int (*attach_pasid)(struct device *dev, struct iommu_domain *domain,
			    ioasid_t pasid, struct iommu_attach_handle *handle);
	int (*replace_pasid)(struct device *dev, struct iommu_domain *domain,
			     ioasid_t pasid,
			     struct iommu_attach_handle *handle);
	void (*detach_pasid)(struct device *dev, struct iommu_domain *domain,
			     ioasid_t pasid);
	void (*get_resv_regions)(struct device *dev, struct list_head *regions);
	bool (*can_enforce)(struct device *dev);
	int (*hw_info)(struct device *dev, struct iommufd_hw_info *info);
	void (*get_caps)(struct device *dev, struct iommufd_iommu_caps *caps);
	bool (*can_track_dirty)(struct device *dev);
	int (*set_dirty_tracking)(struct iommu_domain *domain, bool enable);
	int (*read_dirty)(struct iommu_domain *domain, unsigned long start,
			  unsigned long last, struct iommufd_dirty_sink *sink);
	int (*clear_dirty)(struct iommu_domain *domain,
			   const struct iommufd_dirty_clear *clear);
	bool (*can_fault)(struct device *dev);
	void (*fault_domain)(struct iommu_domain *domain);
	int (*fault_enable)(struct device *dev);
	void (*fault_disable)(struct device *dev);
	size_t (*get_viommu_size)(struct device *dev, u32 type);
	int (*viommu_init)(struct iommufd_viommu *viommu,
			   struct iommu_domain *parent,
			   const struct iommu_user_data *user_data);
};

/* host_iommu.c: the IOMMU of the machine */
extern const struct iommufd_iommu_ops iommufd_iommu_ops;

/* noiommu.c: for devices that no IOMMU translates for */
extern const struct iommufd_iommu_ops iommufd_noiommu_ops;

#endif
