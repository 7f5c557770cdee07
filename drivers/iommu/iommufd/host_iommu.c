// SPDX-License-Identifier: GPL-2.0
/*
 * The IOMMU of the machine, through the kernel's API for groups and domains
 */
#include <linux/bits.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "host_dirty.h"
#include "host_iopf.h"
#include "host_pasid.h"
#include "hw_info.h"
#include "hw_info_sysfs.h"
#include "iommu_ops.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(
	allow_unsafe_interrupts,
	"Allow devices whose interrupts the platform does not isolate; such a device can forge interrupts of the host");

static int host_check_interrupts(struct device *dev)
{
	if (iommu_group_has_isolated_msi(dev->iommu_group))
		return 0;
	if (!allow_unsafe_interrupts)
		return -EPERM;
	dev_warn(
		dev,
		"interrupts are not isolated, but allow_unsafe_interrupts is set\n");
	return 0;
}

static int host_claim(struct device *dev, void *owner)
{
	int rc;

	/* User space cannot flush caches around DMA. */
	if (!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return -EINVAL;
	if (!dev->iommu_group)
		return -ENODEV;
	rc = host_check_interrupts(dev);
	if (rc)
		return rc;

	/* The kernel returns -EPERM if the group has an owner already. */
	rc = iommu_device_claim_dma_owner(dev, owner);
	return rc == -EPERM ? -EBUSY : rc;
}

static int host_attach(struct device *dev, struct iommu_domain *domain,
		       struct iommu_attach_handle *handle)
{
	return iommu_attach_group_handle(domain, dev->iommu_group, handle);
}

static void host_detach(struct device *dev, struct iommu_domain *domain)
{
	iommu_detach_group_handle(domain, dev->iommu_group);
}

static int host_replace(struct device *dev, struct iommu_domain *domain,
			struct iommu_attach_handle *handle)
{
	return iommu_replace_group_handle(dev->iommu_group, domain, handle);
}

/* Snoop control, VT-d specification 11.4.3 (Extended Capability Register) */
#define VTD_ECAP_SC BIT_ULL(7)

/* Can the hardware make DMA snoop? Only some VT-d hardware is known not to. */
static bool host_can_snoop(struct device *dev)
{
	struct iommufd_hw_info info = { .type = IOMMU_HW_INFO_TYPE_DEFAULT };
	struct iommu_hw_info_vtd *vtd;
	bool can = true;

	if (iommufd_iommu_hw_info(dev, &info))
		return false;
	vtd = info.data;
	if (info.type == IOMMU_HW_INFO_TYPE_INTEL_VTD)
		can = vtd->ecap_reg & VTD_ECAP_SC;
	kfree(info.data);
	return can;
}

/**
 * iommufd_can_enforce_coherency() - is all DMA of a device coherent?
 * @dev: device, bound or not
 *
 * The answer is the same for as long as the device exists. It is what a HWPT of
 * an IOAS does that is made for the device.
 *
 * Return: whether the DMA of the device will be coherent with the caches of the
 * CPUs even if the device asks for no snooping. False if the device has no
 * IOMMU, or when there was no memory to find it out.
 */
bool iommufd_can_enforce_coherency(struct device *dev)
{
	return device_can_enforce_coherency(dev) && host_can_snoop(dev);
}
EXPORT_SYMBOL_GPL(iommufd_can_enforce_coherency);

/* PCIe specification, 7.8.9.2 (PASID Capability Register) */
static u64 host_pasid_flags(struct pci_dev *pdev)
{
	u64 flags = 0;
	int features;

	if (!pdev->pasid_enabled)
		return 0;
	features = pci_pasid_features(pdev);
	if (features < 0)
		return 0;
	if (features & PCI_PASID_CAP_EXEC)
		flags |= IOMMU_HW_CAP_PCI_PASID_EXEC;
	if (features & PCI_PASID_CAP_PRIV)
		flags |= IOMMU_HW_CAP_PCI_PASID_PRIV;
	return flags;
}

static void host_get_caps(struct device *dev, struct iommufd_iommu_caps *caps)
{
	struct pci_dev *pdev = dev_is_pci(dev) ? to_pci_dev(dev) : NULL;
	u32 max_pasids = compat_max_pasids(dev);

	if (max_pasids) {
		caps->max_pasid_log2 = ilog2(max_pasids);
		if (pdev)
			caps->flags |= host_pasid_flags(pdev);
	}
	if (!pdev || !pci_ats_supported(pdev))
		caps->flags |= IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED;
	if (iommufd_host_can_track_dirty(dev))
		caps->flags |= IOMMU_HW_CAP_DIRTY_TRACKING;
}

/*
 * The drivers of VT-d and AMD's IOMMU collect the pages of the table. virtio's
 * goes through all mappings with interrupts off.
 */
static bool host_frees_table(struct device *dev)
{
	return iommufd_iommu_has_attrs(dev, "intel-iommu") ||
	       iommufd_iommu_has_attrs(dev, "amd-iommu");
}

const struct iommufd_iommu_ops iommufd_iommu_ops = {
	.claim = host_claim,
	.release = iommu_device_release_dma_owner,
	.domain_alloc = compat_user_domain_alloc,
	.frees_table = host_frees_table,
	.can_nest = compat_can_nest,
	.domain_alloc_nested = compat_nested_domain_alloc,
	.cache_invalidate = compat_cache_invalidate_user,
	.attach = host_attach,
	.detach = host_detach,
	.replace = host_replace,
	.max_pasids = compat_max_pasids,
	.attach_pasid = host_attach_pasid,
	.replace_pasid = host_replace_pasid,
	.detach_pasid = host_detach_pasid,
	.get_resv_regions = iommu_get_resv_regions,
	.can_enforce = iommufd_can_enforce_coherency,
	.hw_info = iommufd_iommu_hw_info,
	.get_caps = host_get_caps,
	.can_track_dirty = iommufd_host_can_track_dirty,
	.set_dirty_tracking = compat_set_dirty_tracking,
	.read_dirty = iommufd_host_read_dirty,
	.clear_dirty = iommufd_host_clear_dirty,
	.can_fault = host_can_fault,
	.fault_domain = host_fault_domain,
	.fault_enable = host_fault_enable,
	.fault_disable = host_fault_disable,
};
