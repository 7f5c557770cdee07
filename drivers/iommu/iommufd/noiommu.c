// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: devices without IOMMU
 *
 * The DMA of such a device reaches all memory, so whoever controls the device
 * controls the machine. That takes the module parameter
 * enable_unsafe_noiommu_mode and CAP_SYS_RAWIO, and taints the kernel.
 *
 * Nothing translates. Still the device is attached to a HWPT, whose domain keeps
 * nothing: the HWPT makes the core pin what is mapped. User space asks where
 * that is with IOMMU_IOAS_NOIOMMU_GET_PA, and programs the device with it.
 */
#include <linux/capability.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "device.h"
#include "ioas.h"
#include "ioctl.h"
#include "iommu_ops.h"

static bool enable_unsafe_noiommu_mode;
module_param(enable_unsafe_noiommu_mode, bool, 0644);
MODULE_PARM_DESC(
	enable_unsafe_noiommu_mode,
	"Allow devices that no IOMMU translates for; such a device can read and write all memory");

/**
 * iommufd_noiommu_enabled() - may devices without IOMMU be bound?
 *
 * Return: the parameter enable_unsafe_noiommu_mode.
 */
bool iommufd_noiommu_enabled(void)
{
	return READ_ONCE(enable_unsafe_noiommu_mode);
}
EXPORT_SYMBOL_GPL(iommufd_noiommu_enabled);

static int noiommu_map_pages(struct iommu_domain *domain, unsigned long iova,
			     phys_addr_t phys, size_t pgsize, size_t pgcount,
			     int prot, gfp_t gfp, size_t *mapped)
{
	*mapped = pgsize * pgcount;
	return 0;
}

static size_t noiommu_unmap_pages(struct iommu_domain *domain,
				  unsigned long iova, size_t pgsize,
				  size_t pgcount,
				  struct iommu_iotlb_gather *gather)
{
	return pgsize * pgcount;
}

static phys_addr_t noiommu_iova_to_phys(struct iommu_domain *domain,
					dma_addr_t iova)
{
	return 0;
}

/* The kernel cannot attach a device that has an IOMMU. */
static int noiommu_attach_dev(IOMMU_ATTACH_DEV_PARAMS(domain, dev, old))
{
	return -EINVAL;
}

static void noiommu_domain_free(struct iommu_domain *domain)
{
	kfree(domain);
}

static const struct iommu_domain_ops noiommu_domain_ops = {
	.attach_dev = noiommu_attach_dev,
	.map_pages = noiommu_map_pages,
	.unmap_pages = noiommu_unmap_pages,
	.iova_to_phys = noiommu_iova_to_phys,
	.free = noiommu_domain_free,
};

static bool is_noiommu_domain(const struct iommu_domain *domain)
{
	return domain->ops == &noiommu_domain_ops;
}

static int noiommu_claim(struct device *dev, void *owner)
{
	if (!iommufd_noiommu_enabled())
		return -ENODEV;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	dev_warn(dev, "no IOMMU limits the DMA of this device, which user space controls now\n");
	return 0;
}

static void noiommu_release(struct device *dev)
{
}

static struct iommu_domain *
noiommu_domain_alloc(struct device *dev, struct iommu_domain *current_domain,
		     u32 flags, const struct iommu_user_data *user_data,
		     bool *coherent)
{
	struct iommu_domain *domain;

	*coherent = false;
	if (flags || user_data)
		return ERR_PTR(-EOPNOTSUPP);
	domain = kzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	domain->type = IOMMU_DOMAIN_UNMANAGED;
	domain->ops = &noiommu_domain_ops;
	/* Any size from a page on: then a run takes few calls. */
	domain->pgsize_bitmap = PAGE_MASK;
	domain->geometry = (struct iommu_domain_geometry){
		.aperture_end = ULONG_MAX,
		.force_aperture = true,
	};
	return domain;
}

static int noiommu_attach(struct device *dev, struct iommu_domain *domain,
			  struct iommu_attach_handle *handle)
{
	return is_noiommu_domain(domain) ? 0 : -EINVAL;
}

static void noiommu_detach(struct device *dev, struct iommu_domain *domain)
{
}

static void noiommu_get_resv_regions(struct device *dev,
				     struct list_head *regions)
{
}

/* Also for questions that only an IOMMU could be asked */
static bool noiommu_cannot(struct device *dev)
{
	return false;
}

static int noiommu_hw_info(struct device *dev, struct iommufd_hw_info *info)
{
	return -EOPNOTSUPP;
}

/* Not called, as noiommu_hw_info() fails */
static void noiommu_get_caps(struct device *dev,
			     struct iommufd_iommu_caps *caps)
{
}

static u32 noiommu_max_pasids(struct device *dev)
{
	return 0;
}

const struct iommufd_iommu_ops iommufd_noiommu_ops = {
	.claim = noiommu_claim,
	.release = noiommu_release,
	.domain_alloc = noiommu_domain_alloc,
	.frees_table = noiommu_cannot,
	.can_nest = noiommu_cannot,
	.attach = noiommu_attach,
	.detach = noiommu_detach,
	.replace = noiommu_attach,
	.get_resv_regions = noiommu_get_resv_regions,
	.can_enforce = noiommu_cannot,
	.hw_info = noiommu_hw_info,
	.get_caps = noiommu_get_caps,
	.can_track_dirty = noiommu_cannot,
	.can_fault = noiommu_cannot,
	.max_pasids = noiommu_max_pasids,
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
 * behind an IOMMU, -ENODEV unless iommufd_noiommu_enabled(), -EPERM without
 * CAP_SYS_RAWIO, -ENOMEM.
 */
struct iommufd_device *iommufd_device_bind_no_iommu(struct iommufd_ctx *ictx,
						    struct device *dev, u32 *id)
{
	if (device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return ERR_PTR(-EINVAL);
	return iommufd_device_bind_with(ictx, dev, &iommufd_noiommu_ops, id);
}
EXPORT_SYMBOL_GPL(iommufd_device_bind_no_iommu);

/* IOMMU_IOAS_NOIOMMU_GET_PA */
int iommufd_ioas_noiommu_get_pa_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_noiommu_get_pa *cmd = ucmd->cmd;
	unsigned long length = cmd->length;
	struct iommufd_ioas *ioas;
	phys_addr_t phys;
	int rc;

	if (!iommufd_noiommu_enabled())
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	if (!length)
		return -EINVAL;
	if (cmd->iova >= ULONG_MAX)
		return -EOVERFLOW;

	ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	rc = iova_space_phys(&ioas->space, cmd->iova, is_noiommu_domain,
			     &length, &phys);
	iommufd_put_ioas(ioas);
	if (rc)
		return rc;
	cmd->length = length;
	cmd->out_phys = phys;
	return iommufd_ucmd_respond(ucmd, sizeof(*cmd));
}
