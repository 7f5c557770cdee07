/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/iommu.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_IOMMU_H
#define _COMPAT_LINUX_IOMMU_H

#include_next <linux/iommu.h>
#include <linux/err.h>
#include <linux/irqdomain.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <uapi/linux/iommufd.h>
#include <generated/features.h>

#ifndef HAVE_IOMMU_USER_DATA
/* Until 6.7 a driver gets no data of user space. The mock IOMMU does. */
struct iommu_user_data {
	unsigned int type;
	void __user *uptr;
	size_t len;
};

struct iommu_user_data_array {
	unsigned int type;
	void __user *uptr;
	size_t entry_len;
	u32 entry_num;
};

#define IOMMU_DOMAIN_NESTED (1U << 6)
#endif

#ifndef HAVE_IOMMU_PAGING_DOMAIN_ALLOC
/* Until 6.10 a domain is made for a bus, and every failure is NULL. */
static inline struct iommu_domain *iommu_paging_domain_alloc(struct device *dev)
{
	struct iommu_domain *domain;

	if (!device_iommu_mapped(dev))
		return ERR_PTR(-ENODEV);
	domain = iommu_domain_alloc(dev->bus);
	return domain ?: ERR_PTR(-ENOMEM);
}
#endif

#ifndef HAVE_IOMMU_MAP_GFP
/*
 * Until 6.2 the driver chooses the gfp flags for the pages of an IO page table,
 * and those of the caller are dropped. Both functions may always sleep.
 */
static inline int compat_iommu_map(struct iommu_domain *domain, unsigned long iova,
				   phys_addr_t paddr, size_t size, int prot, gfp_t gfp)
{
	return iommu_map(domain, iova, paddr, size, prot);
}

static inline ssize_t compat_iommu_map_sg(struct iommu_domain *domain, unsigned long iova,
					  struct scatterlist *sg, unsigned int nents, int prot,
					  gfp_t gfp)
{
	return iommu_map_sg(domain, iova, sg, nents, prot);
}

#define iommu_map compat_iommu_map
#define iommu_map_sg compat_iommu_map_sg
#endif

/*
 * Let the hardware see what map_pages() of the domain has mapped; iommu_map()
 * does it itself. None of the supported kernels exports this step.
 */
static inline int compat_iommu_sync_map(struct iommu_domain *domain, unsigned long iova,
					size_t size)
{
	if (!domain->ops->iotlb_sync_map)
		return 0;
#ifdef HAVE_IOTLB_SYNC_MAP_INT
	return domain->ops->iotlb_sync_map(domain, iova, size);
#else
	/* Until 6.9 it cannot fail. */
	domain->ops->iotlb_sync_map(domain, iova, size);
	return 0;
#endif
}

#define iommu_sync_map compat_iommu_sync_map

#ifndef HAVE_IOMMU_GET_RESV_REGIONS
/* 6.1 does not export this function, but the op behind it is public. */
static inline void compat_iommu_get_resv_regions(struct device *dev, struct list_head *list)
{
	const struct iommu_ops *ops = dev_iommu_ops(dev);

	if (ops->get_resv_regions)
		ops->get_resv_regions(dev, list);
}

#define iommu_get_resv_regions compat_iommu_get_resv_regions
#endif

#ifndef HAVE_IOMMU_DEVICE_CLAIM_DMA_OWNER
/*
 * Until 6.1 a group is claimed as a whole, and once: a second claim is -EPERM
 * even for the same owner. Claim for the first device of a group only.
 */
static inline int iommu_device_claim_dma_owner(struct device *dev, void *owner)
{
	struct iommu_group *group = iommu_group_get(dev);
	int rc;

	if (!group)
		return -ENODEV;
	rc = iommu_group_claim_dma_owner(group, owner);
	iommu_group_put(group);
	return rc;
}

static inline void iommu_device_release_dma_owner(struct device *dev)
{
	struct iommu_group *group = iommu_group_get(dev);

	iommu_group_release_dma_owner(group);
	iommu_group_put(group);
}
#endif

#ifndef HAVE_IOMMU_GROUP_HAS_ISOLATED_MSI
static inline int compat_no_intr_remap(struct device *dev, void *unused)
{
	return !device_iommu_capable(dev, IOMMU_CAP_INTR_REMAP);
}

/* Until 6.2 either the MSI domain isolates or the IOMMU remaps interrupts. */
static inline bool iommu_group_has_isolated_msi(struct iommu_group *group)
{
	return irq_domain_check_msi_remap() ||
	       !iommu_group_for_each_dev(group, NULL, compat_no_intr_remap);
}
#endif

/* The kernel's own dev_iommu_ops() moved to a header that is not installed in 6.4. */
static inline const struct iommu_ops *compat_dev_iommu_ops(struct device *dev)
{
	return dev->iommu->iommu_dev->ops;
}

#ifdef HAVE_IOMMU_OPS_HW_INFO
/*
 * Call iommu_ops.hw_info. *@type says which type is wanted, which drivers read since
 * 6.17. Return: data for kfree(), or ERR_PTR(-ENODEV) without that op.
 */
static inline void *compat_iommu_hw_info(struct device *dev, u32 *length, u32 *type)
{
	const struct iommu_ops *ops = compat_dev_iommu_ops(dev);

	return ops->hw_info ? ops->hw_info(dev, length, type) : ERR_PTR(-ENODEV);
}
#else
/* Until 6.5 there is no such op. */
static inline void *compat_iommu_hw_info(struct device *dev, u32 *length, u32 *type)
{
	return ERR_PTR(-ENODEV);
}
#endif

/* Make DMA coherent even if the device asks for no snooping. Return: the hardware can. */
static inline bool compat_enforce_cache_coherency(struct iommu_domain *domain)
{
	return domain->ops->enforce_cache_coherency &&
	       domain->ops->enforce_cache_coherency(domain);
}

/* Is compat_enforce_cache_coherency() of the domains of @dev likely to succeed? */
static inline bool device_can_enforce_coherency(struct device *dev)
{
#ifdef HAVE_IOMMU_CAP_ENFORCE_CACHE_COHERENCY
	return device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY);
#else
	/*
	 * Until 6.1 only a domain that is attached can be asked. AMD's driver always
	 * succeeds; VT-d's has the op for all hardware, so the caller must know that
	 * the hardware can.
	 */
	return device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY) &&
	       compat_dev_iommu_ops(dev)->default_domain_ops->enforce_cache_coherency;
#endif
}

#if defined(HAVE_IOMMU_OPS_DOMAIN_ALLOC_PAGING_FLAGS) || \
	defined(HAVE_IOMMU_OPS_DOMAIN_ALLOC_USER)

#ifdef HAVE_IOMMU_OPS_DOMAIN_ALLOC_PAGING_FLAGS
static inline struct iommu_domain *
compat_domain_for_device(struct device *dev, struct iommu_domain *current_domain, u32 flags,
			 const struct iommu_user_data *user_data)
{
	/* No driver of the kernel takes data for a domain with a page table of its own. */
	if (user_data)
		return ERR_PTR(-EOPNOTSUPP);
	return iommu_paging_domain_alloc_flags(dev, flags);
}
#else
/*
 * virtio-iommu until 6.13 makes domains for no device: the first attach sets the
 * aperture and which mappings are possible, and a flush before that is a NULL
 * dereference. So attach the empty domain to the group for a moment. The caller
 * must prevent changes of @current_domain, the one that the group is attached to:
 * the driver maps its pages again. DMA is blocked meanwhile.
 */
static inline struct iommu_domain *compat_domain_by_attach(struct device *dev,
							   struct iommu_domain *current_domain)
{
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);
	int rc;

	if (IS_ERR(domain) || compat_dev_iommu_ops(dev)->domain_alloc_paging)
		return domain;
	if (current_domain)
		iommu_detach_group(current_domain, dev->iommu_group);
	rc = iommu_attach_group(domain, dev->iommu_group);
	if (!rc)
		iommu_detach_group(domain, dev->iommu_group);
	/*
	 * If that fails, the driver may have mapped a part of the pages for the
	 * device, and forgets it. The empty domain takes them away again.
	 */
	if (current_domain && iommu_attach_group(current_domain, dev->iommu_group)) {
		dev_err(dev, "cannot be attached again, its DMA is blocked\n");
		if (!iommu_attach_group(domain, dev->iommu_group))
			iommu_detach_group(domain, dev->iommu_group);
	}
	if (!rc)
		return domain;
	iommu_domain_free(domain);
	return ERR_PTR(rc);
}

/*
 * Until 6.13 only the op domain_alloc_user makes a domain that suits the device:
 * iommu_paging_domain_alloc() of the same kernel makes VT-d domains of 57 bits
 * for any hardware.
 */
static inline struct iommu_domain *
compat_domain_for_device(struct device *dev, struct iommu_domain *current_domain, u32 flags,
			 const struct iommu_user_data *user_data)
{
	const struct iommu_ops *ops = compat_dev_iommu_ops(dev);
	struct iommu_domain *domain;

	/* Drivers do not know this flag; any domain of theirs can be attached to PASIDs. */
	flags &= ~IOMMU_HWPT_ALLOC_PASID;
	if (!ops->domain_alloc_user) {
		if (flags || user_data)
			return ERR_PTR(-EOPNOTSUPP);
		return compat_domain_by_attach(dev, current_domain);
	}
	domain = ops->domain_alloc_user(dev, flags, NULL, user_data);
	if (IS_ERR(domain))
		return domain;
	domain->owner = ops;
	/*
	 * AMD's walk for dirty IO pages wraps at the end of the address space and
	 * goes on for ever. Keep the last page out.
	 */
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    domain->geometry.aperture_end == ULONG_MAX)
		domain->geometry.aperture_end -= PAGE_SIZE;
	return domain;
}
#endif

/*
 * Allocate a domain for user space that suits @dev. Coherency is enforced if the
 * hardware can, and *@coherent says so; that has to happen before anything is
 * mapped.
 */
static inline struct iommu_domain *
compat_user_domain_alloc(struct device *dev, struct iommu_domain *current_domain, u32 flags,
			 const struct iommu_user_data *user_data, bool *coherent)
{
	struct iommu_domain *domain = compat_domain_for_device(dev, current_domain, flags,
							       user_data);

	*coherent = !IS_ERR(domain) &&
		    device_iommu_capable(dev, IOMMU_CAP_ENFORCE_CACHE_COHERENCY) &&
		    compat_enforce_cache_coherency(domain);
	return domain;
}
#else
/*
 * Until 6.6 the first attach of a VT-d domain sets its aperture, its page sizes
 * and whether coherency can be enforced. So attach the empty domain to the group
 * for a moment, unless another domain is attached: DMA of the group is blocked
 * before, meanwhile and after. If another domain is attached, take its aperture,
 * and enforce coherency if it does; then the IO pages stay small.
 */
static inline struct iommu_domain *
compat_user_domain_alloc(struct device *dev, struct iommu_domain *current_domain, u32 flags,
			 const struct iommu_user_data *user_data, bool *coherent)
{
	struct iommu_domain *domain;
	int rc;

	if (flags || user_data)
		return ERR_PTR(-EOPNOTSUPP);
	domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(domain))
		return domain;
	if (current_domain) {
		domain->geometry = current_domain->geometry;
		*coherent = *coherent && compat_enforce_cache_coherency(domain);
		return domain;
	}
	rc = iommu_attach_group(domain, dev->iommu_group);
	if (rc) {
		iommu_domain_free(domain);
		return ERR_PTR(rc);
	}
	*coherent = compat_enforce_cache_coherency(domain);
	iommu_detach_group(domain, dev->iommu_group);
	return domain;
}
#endif

/* Has the driver a function for domains whose page table belongs to user space? */
static inline bool compat_can_nest(struct device *dev)
{
#if defined(HAVE_IOMMU_OPS_DOMAIN_ALLOC_NESTED)
	return compat_dev_iommu_ops(dev)->domain_alloc_nested;
#elif defined(HAVE_IOMMU_OPS_DOMAIN_ALLOC_USER)
	/* Until 6.13 the op for domains with a page table of the driver does it. */
	return compat_dev_iommu_ops(dev)->domain_alloc_user;
#else
	return false;
#endif
}

/*
 * Allocate a domain whose page table belongs to user space, on top of @parent, for a
 * device that compat_can_nest(). Return: -EOPNOTSUPP if the driver cannot.
 */
static inline struct iommu_domain *
compat_nested_domain_alloc(struct device *dev, struct iommu_domain *parent, u32 flags,
			   const struct iommu_user_data *user_data)
{
#if defined(HAVE_IOMMU_OPS_DOMAIN_ALLOC_NESTED)
	const struct iommu_ops *ops = compat_dev_iommu_ops(dev);
	struct iommu_domain *domain = ops->domain_alloc_nested(dev, parent, flags, user_data);

	if (!IS_ERR(domain))
		domain->owner = ops;
	return domain;
#elif defined(HAVE_IOMMU_OPS_DOMAIN_ALLOC_USER)
	const struct iommu_ops *ops = compat_dev_iommu_ops(dev);
	struct iommu_domain *domain;

	if (flags)
		return ERR_PTR(-EOPNOTSUPP);
	domain = ops->domain_alloc_user(dev, 0, parent, user_data);
	if (!IS_ERR(domain))
		domain->owner = ops;
	return domain;
#else
	return ERR_PTR(-EOPNOTSUPP);
#endif
}

/* Flush what the IOMMU has cached of a table of user space. */
static inline int compat_cache_invalidate_user(struct iommu_domain *domain,
					       struct iommu_user_data_array *array)
{
#ifdef HAVE_IOMMU_USER_DATA
	if (domain->ops->cache_invalidate_user)
		return domain->ops->cache_invalidate_user(domain, array);
#endif
	array->entry_num = 0;
	return -EOPNOTSUPP;
}

/*
 * Until 6.7 no driver tracks what is dirty. Later ones report to struct iova_bitmap,
 * which only CONFIG_IOMMUFD_DRIVER provides, and widen a gather over all dirty IO pages.
 */
static inline bool compat_device_can_track_dirty(struct device *dev)
{
#ifdef HAVE_IOMMU_DIRTY_OPS
	return device_iommu_capable(dev, IOMMU_CAP_DIRTY_TRACKING);
#else
	return false;
#endif
}

static inline int compat_set_dirty_tracking(struct iommu_domain *domain, bool enable)
{
#ifdef HAVE_IOMMU_DIRTY_OPS
	if (domain->dirty_ops)
		return domain->dirty_ops->set_dirty_tracking(domain, enable);
#endif
	return -EOPNOTSUPP;
}

/* Sets @gather to the range of the dirty IO pages; it is empty if all are clean. */
static inline int compat_read_dirty(struct iommu_domain *domain, unsigned long iova,
				    size_t length, bool clear, struct iommu_iotlb_gather *gather)
{
#ifdef HAVE_IOMMU_DIRTY_OPS
	struct iommu_dirty_bitmap dirty;

	iommu_dirty_bitmap_init(&dirty, NULL, gather);
	if (domain->dirty_ops)
		return domain->dirty_ops->read_and_clear_dirty(
			domain, iova, length, clear ? 0 : IOMMU_DIRTY_NO_CLEAR, &dirty);
#endif
	return -EOPNOTSUPP;
}

/* Number of PASIDs of a device, 0 for none. Until 6.2 the core of the IOMMU API has none. */
static inline u32 compat_max_pasids(struct device *dev)
{
#ifdef HAVE_IOMMU_DEV_FEAT_IOPF
	/*
	 * Drivers of these kernels use ATS only while the device itself is attached.
	 * What a PASID is attached to before has no invalidation of the device's
	 * TLB, so the device would reach memory that is unmapped.
	 */
	if (dev_is_pci(dev) && pci_ats_supported(to_pci_dev(dev)))
		return 0;
#endif
#ifdef HAVE_DEV_IOMMU_MAX_PASIDS
	return dev->iommu ? dev->iommu->max_pasids : 0;
#else
	return 0;
#endif
}

#ifndef IOMMU_NO_PASID
/* Until 6.3 it has no name. */
#define IOMMU_NO_PASID 0U
#endif

#ifndef HAVE_IOMMU_REPLACE_GROUP_HANDLE
/* Until 6.10 the kernel has no handles. */
struct iommu_attach_handle {
};
#endif

#ifndef HAVE_IOMMU_ATTACH_DEVICE_PASID
/* Until 6.10 an attachment of a PASID has no handle, until 6.1 there is none. */
static inline int compat_iommu_attach_device_pasid(struct iommu_domain *domain,
						   struct device *dev, ioasid_t pasid,
						   struct iommu_attach_handle *handle)
{
	return -EOPNOTSUPP;
}

static inline void compat_iommu_detach_device_pasid(struct iommu_domain *domain,
						    struct device *dev, ioasid_t pasid)
{
}

#define iommu_attach_device_pasid compat_iommu_attach_device_pasid
#define iommu_detach_device_pasid compat_iommu_detach_device_pasid
#endif

#ifdef HAVE_IOMMU_REPLACE_DEVICE_PASID
/* Exported, but declared in a header that is not installed */
int iommu_replace_device_pasid(struct iommu_domain *domain, struct device *dev, ioasid_t pasid,
			       struct iommu_attach_handle *handle);
#else
/*
 * Until 6.14 a PASID has to be detached first. That could leave it without its
 * old domain, as the driver needs memory to attach it again.
 */
static inline int iommu_replace_device_pasid(struct iommu_domain *domain, struct device *dev,
					     ioasid_t pasid, struct iommu_attach_handle *handle)
{
	return -EOPNOTSUPP;
}
#endif

#ifdef HAVE_IOMMU_REPLACE_GROUP_HANDLE
/* Exported, but declared in a header that is not installed */
int iommu_attach_group_handle(struct iommu_domain *domain, struct iommu_group *group,
			      struct iommu_attach_handle *handle);
void iommu_detach_group_handle(struct iommu_domain *domain, struct iommu_group *group);
int iommu_replace_group_handle(struct iommu_group *group, struct iommu_domain *new_domain,
			       struct iommu_attach_handle *handle);
#endif

#if defined(HAVE_IOMMU_GROUP_REPLACE_DOMAIN)
/* Exported, but declared in a header that is not installed */
int iommu_group_replace_domain(struct iommu_group *group, struct iommu_domain *new_domain);

/*
 * Until 6.12 a group can do without a handle. With one, the kernel's handler of
 * page requests would find the domain, and use it while a detach frees it. So
 * only an attachment to a domain that wants page requests has one.
 */
static inline int compat_attach_group(struct iommu_domain *domain, struct iommu_group *group,
				      struct iommu_attach_handle *handle)
{
#if defined(HAVE_IOPF_GROUP) && defined(HAVE_IOMMU_REPLACE_GROUP_HANDLE)
	if (domain->iopf_handler)
		return iommu_attach_group_handle(domain, group, handle);
#endif
	return iommu_attach_group(domain, group);
}

static inline void compat_detach_group(struct iommu_domain *domain, struct iommu_group *group)
{
#if defined(HAVE_IOPF_GROUP) && defined(HAVE_IOMMU_REPLACE_GROUP_HANDLE)
	if (domain->iopf_handler) {
		iommu_detach_group_handle(domain, group);
		return;
	}
#endif
	iommu_detach_group(domain, group);
}

static inline int compat_replace_group(struct iommu_group *group,
				       struct iommu_domain *new_domain,
				       struct iommu_attach_handle *handle)
{
#if defined(HAVE_IOPF_GROUP) && defined(HAVE_IOMMU_REPLACE_GROUP_HANDLE)
	/* The old domain may have a handle, which NULL takes away. */
	return iommu_replace_group_handle(group, new_domain,
					  new_domain->iopf_handler ? handle : NULL);
#else
	return iommu_group_replace_domain(group, new_domain);
#endif
}

#define iommu_attach_group_handle compat_attach_group
#define iommu_detach_group_handle compat_detach_group
#define iommu_replace_group_handle compat_replace_group
#elif !defined(HAVE_IOMMU_REPLACE_GROUP_HANDLE)
/*
 * A domain that does not suit the group is -EINVAL. VT-d of 6.1 says -EOPNOTSUPP
 * or -EFAULT for coherency and for mappings that are too high.
 */
static inline int iommu_attach_group_handle(struct iommu_domain *domain,
					    struct iommu_group *group,
					    struct iommu_attach_handle *handle)
{
	int rc = iommu_attach_group(domain, group);

	return rc == -EOPNOTSUPP || rc == -EFAULT ? -EINVAL : rc;
}

static inline void iommu_detach_group_handle(struct iommu_domain *domain,
					     struct iommu_group *group)
{
	iommu_detach_group(domain, group);
}

static inline int compat_get_domain(struct device *dev, void *domain)
{
	*(struct iommu_domain **)domain = iommu_get_domain_for_dev(dev);
	return 1;
}

/* A group has to be detached first; DMA is blocked in between. */
static inline int iommu_replace_group_handle(struct iommu_group *group,
					     struct iommu_domain *new_domain,
					     struct iommu_attach_handle *handle)
{
	struct iommu_domain *old_domain = NULL;
	int rc;

	iommu_group_for_each_dev(group, &old_domain, compat_get_domain);
	iommu_detach_group(old_domain, group);
	rc = iommu_attach_group_handle(new_domain, group, handle);
	/* It was attached a moment ago, so nothing new has to be allocated. */
	if (rc)
		WARN_ON(iommu_attach_group(old_domain, group));
	return rc;
}
#endif

#ifdef HAVE_IOPF_GROUP
/* Can the IOMMU pass on page requests of the device? */
static inline bool compat_can_iopf(struct device *dev)
{
	return IS_ENABLED(CONFIG_IOMMU_IOPF) && compat_dev_iommu_ops(dev)->page_response;
}

static inline void compat_set_iopf_handler(struct iommu_domain *domain,
					   int (*handler)(struct iopf_group *group))
{
	domain->iopf_handler = handler;
}
#else
/* Until 6.10 page requests do not come in groups, and not to a domain. */
struct iopf_fault {
	struct iommu_fault fault;
	struct list_head list;
};

struct iopf_group {
	struct list_head faults;
	size_t fault_count;
	struct iommu_attach_handle *attach_handle;
};

static inline void iopf_group_response(struct iopf_group *group,
				       enum iommu_page_response_code status)
{
}

static inline void iopf_free_group(struct iopf_group *group)
{
}

static inline bool compat_can_iopf(struct device *dev)
{
	return false;
}

static inline void compat_set_iopf_handler(struct iommu_domain *domain,
					   int (*handler)(struct iopf_group *group))
{
}
#endif

/* Let the device send page requests; the caller counts. Since 6.15 the driver does it. */
static inline int compat_iopf_enable(struct device *dev)
{
#if defined(HAVE_IOPF_GROUP) && defined(HAVE_IOMMU_DEV_FEAT_IOPF)
	return iommu_dev_enable_feature(dev, IOMMU_DEV_FEAT_IOPF);
#else
	return 0;
#endif
}

static inline void compat_iopf_disable(struct device *dev)
{
#if defined(HAVE_IOPF_GROUP) && defined(HAVE_IOMMU_DEV_FEAT_IOPF)
	iommu_dev_disable_feature(dev, IOMMU_DEV_FEAT_IOPF);
#endif
}

/*
 * The parameters of iommu_domain_ops.attach_dev(). Until 6.18 it does not get the
 * domain that the device leaves, so only newer kernels have @_old.
 */
#ifdef HAVE_IOMMU_ATTACH_DEV_OLD
#define IOMMU_ATTACH_DEV_PARAMS(_domain, _dev, _old) \
	struct iommu_domain *_domain, struct device *_dev, struct iommu_domain *_old
#else
#define IOMMU_ATTACH_DEV_PARAMS(_domain, _dev, ...) \
	struct iommu_domain *_domain, struct device *_dev
#endif

#endif
