// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that no IOMMU translates for: the device uses physical addresses, and
 * nothing stops it from using any.
 *
 * Their domain translates nothing either. It is there so that an attached IOAS
 * pins its memory, as long as the device may use it.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "device.h"
#include "iommu_ops.h"

/* A device behind an IOMMU cannot be attached to the domain. */
static int no_iommu_attach_dev(IOMMU_ATTACH_DEV_PARAMS(domain, dev, old))
{
	return -EINVAL;
}

static int no_iommu_map_pages(struct iommu_domain *domain, unsigned long iova,
			      phys_addr_t phys, size_t pgsize, size_t pgcount,
			      int prot, gfp_t gfp, size_t *mapped)
{
	*mapped = pgsize * pgcount;
	return 0;
}

static size_t no_iommu_unmap_pages(struct iommu_domain *domain,
				   unsigned long iova, size_t pgsize,
				   size_t pgcount,
				   struct iommu_iotlb_gather *gather)
{
	return pgsize * pgcount;
}

static phys_addr_t no_iommu_iova_to_phys(struct iommu_domain *domain,
					 dma_addr_t iova)
{
	return 0;
}

static void no_iommu_domain_free(struct iommu_domain *domain)
{
	kfree(domain);
}

static const struct iommu_domain_ops no_iommu_domain_ops = {
	.attach_dev = no_iommu_attach_dev,
	.map_pages = no_iommu_map_pages,
	.unmap_pages = no_iommu_unmap_pages,
	.iova_to_phys = no_iommu_iova_to_phys,
	.free = no_iommu_domain_free,
};

/* The group has one device, whose driver lets one user have it. */
static int no_iommu_claim(struct device *dev, void *owner)
{
	return 0;
}

static void no_iommu_release(struct device *dev)
{
}

static struct iommu_domain *
no_iommu_domain_alloc(struct device *dev, struct iommu_domain *current_domain,
		      u32 flags, const struct iommu_user_data *user_data,
		      bool *coherent)
{
	struct iommu_domain *domain;

	if (flags || user_data)
		return ERR_PTR(-EOPNOTSUPP);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	domain->ops = &no_iommu_domain_ops;
	/* Every size, so that a run of pages takes few calls */
	domain->pgsize_bitmap = PAGE_MASK;
	domain->geometry.aperture_end = ULONG_MAX;
	domain->geometry.force_aperture = true;
	*coherent = false;
	return domain;
}

static int no_iommu_attach(struct device *dev, struct iommu_domain *domain,
			   struct iommu_attach_handle *handle)
{
	return domain->ops == &no_iommu_domain_ops ? 0 : -EINVAL;
}

static void no_iommu_detach(struct device *dev, struct iommu_domain *domain)
{
}

static void no_iommu_get_resv_regions(struct device *dev,
				      struct list_head *regions)
{
}

static int no_iommu_hw_info(struct device *dev, struct iommufd_hw_info *info)
{
	return -EOPNOTSUPP;
}

static void no_iommu_get_caps(struct device *dev,
			      struct iommufd_iommu_caps *caps)
{
}

static u32 no_iommu_max_pasids(struct device *dev)
{
	return 0;
}

/* Also for all else that only an IOMMU can do */
static bool no_iommu_cannot(struct device *dev)
{
	return false;
}

static const struct iommufd_iommu_ops no_iommu_ops = {
	.claim = no_iommu_claim,
	.release = no_iommu_release,
	.domain_alloc = no_iommu_domain_alloc,
	.attach = no_iommu_attach,
	.detach = no_iommu_detach,
	.replace = no_iommu_attach,
	.get_resv_regions = no_iommu_get_resv_regions,
	.can_enforce = no_iommu_cannot,
	.hw_info = no_iommu_hw_info,
	.get_caps = no_iommu_get_caps,
	.can_track_dirty = no_iommu_cannot,
	.can_fault = no_iommu_cannot,
	.max_pasids = no_iommu_max_pasids,
};

/**
 * iommufd_device_bind_no_iommu() - let a context have a device without an IOMMU
 * @ictx: context; the device takes a reference
 * @dev: device, alone in its group and not behind an IOMMU. The caller lets only
 *       one user have it, who is trusted as the kernel is.
 * @id: id of the device in the context
 *
 * The context does not control the DMA of the device. It pins what is mapped
 * while the device is attached.
 *
 * Context: process context; may sleep.
 * Return: the device for iommufd_device_unbind(); ERR_PTR of -EINVAL when it is
 * behind an IOMMU, -ENOMEM.
 */
struct iommufd_device *iommufd_device_bind_no_iommu(struct iommufd_ctx *ictx,
						    struct device *dev, u32 *id)
{
	if (device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return ERR_PTR(-EINVAL);
	return iommufd_device_bind_with(ictx, dev, &no_iommu_ops, id);
}
EXPORT_SYMBOL_GPL(iommufd_device_bind_no_iommu);
