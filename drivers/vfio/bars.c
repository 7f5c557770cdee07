// SPDX-License-Identifier: GPL-2.0
/*
 * BARs of devices of vfio-pci-core as memory that an iommufd maps for DMA of
 * other devices: how they are recognised, and when they go and come.
 */
#include <linux/iommufd.h>
#include <linux/ioport.h>
#include <linux/mm_types.h>
#include <linux/pci.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "cdev.h"
#include "pci.h"

/*
 * struct vfio_device * -> struct vfio_cdev *, of devices of vfio-pci-core. While
 * an entry is here, the cdev is not destroyed.
 */
static DEFINE_XARRAY(vfio_bars_cdevs);

/* Let processes give the BARs of the device to others. Return: 0 or -ENOMEM. */
int vfio_bars_add(struct vfio_cdev *dev)
{
	if (!dev->bars)
		return 0;
	return xa_err(xa_store(&vfio_bars_cdevs, (unsigned long)dev->vdev, dev,
			       GFP_KERNEL));
}

/* Undo vfio_bars_add(). */
void vfio_bars_remove(struct vfio_cdev *dev)
{
	xa_erase(&vfio_bars_cdevs, (unsigned long)dev->vdev);
}

/* The driver may take the BARs away from user space after this. */
void vfio_bars_hold(struct iommufd_bar_device *bars)
{
	if (bars && vfio_pci_core_zap_misses_exiting())
		iommufd_bar_hold(bars);
}

/*
 * vfio-pci-core revokes the dma-bufs of a device that enters low power, but not
 * those that are made later, and a reset or a write of the command register lets
 * them be used again. The device sleeps as soon as no call is running. So they
 * are revoked again after each call. The caller has a runtime reference.
 *
 * A second entry to low power does that. If it is the first, another thread has
 * just left low power, and it is undone; threads that race in this way may find
 * a dma-buf revoked, or their own entry refused.
 */
void vfio_bars_revoke_in_low_power(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core = vfio_cdev_pci_core(vdev);

	if (core && vfio_pci_core_has_dma_bufs(core) &&
	    READ_ONCE(core->pm_runtime_engaged) &&
	    !vfio_cdev_pci_set_feature(core,
				       VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY))
		vfio_cdev_pci_set_feature(core,
					  VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
}

/* The user may have got the BARs back: after a reset, or by a config write. */
void vfio_bars_release(struct iommufd_bar_device *bars)
{
	if (!bars)
		return;
	if (vfio_pci_core_zap_misses_exiting())
		iommufd_bar_unhold(bars);
	iommufd_bar_retry(bars);
}

/*
 * Do these bus addresses lie in one BAR? A BAR that ends within a page has the
 * page: vfio-pci-core lets user space mmap it only if nothing else is there.
 */
static bool vfio_bars_contain(struct pci_dev *pdev, phys_addr_t phys,
			      u64 length)
{
	struct resource range = DEFINE_RES_MEM(phys, length);
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		struct resource bar = pdev->resource[i];

		bar.end |= PAGE_SIZE - 1;
		if (resource_contains(&bar, &range))
			return true;
	}
	return false;
}

/* The BARs of a device that is registered, with a reference, or NULL */
struct iommufd_bar_device *vfio_bars_get(struct vfio_device *vdev)
{
	struct iommufd_bar_device *bars = NULL;
	struct vfio_cdev *dev;

	xa_lock(&vfio_bars_cdevs);
	dev = xa_load(&vfio_bars_cdevs, (unsigned long)vdev);
	if (dev)
		bars = iommufd_bar_device_get(dev->bars);
	xa_unlock(&vfio_bars_cdevs);
	return bars;
}

/*
 * iommufd_bar_provider.device. vfio-pci-core's mmap() leaves its device in the
 * VMA of a BAR, whichever file of the device user space has, so that this also
 * recognises BARs that users of the stock group have. The pointer is looked up
 * before it is used. vfio-pci-core may keep other memory in regions of its own,
 * and a driver on top of it too: that is no BAR.
 */
static struct iommufd_bar_device *
vfio_bars_device(const struct vm_area_struct *vma, phys_addr_t phys, u64 length,
		 const struct iommufd_ctx **bound)
{
	struct vfio_pci_core_device *core = vma->vm_private_data;
	struct iommufd_bar_device *device = NULL;
	struct vfio_cdev *dev;

	*bound = NULL;
	if (!core)
		return NULL;
	/* The VMA keeps the device open. */
	xa_lock(&vfio_bars_cdevs);
	dev = xa_load(&vfio_bars_cdevs, (unsigned long)&core->vdev);
	if (dev && (!length || vfio_bars_contain(core->pdev, phys, length))) {
		device = iommufd_bar_device_get(dev->bars);
		*bound = READ_ONCE(dev->ictx);
	}
	xa_unlock(&vfio_bars_cdevs);
	if (device && length && !vfio_pci_vma_is_watched(core, vma)) {
		iommufd_bar_device_put(device);
		return NULL;
	}
	return device;
}

/*
 * iommufd_bar_provider.is_reachable: what vfio-pci-core asks before it lets a
 * fault through. It holds memory_lock for writing during a reset.
 */
static bool vfio_bars_are_reachable(void *data)
{
	struct vfio_pci_core_device *core = data;
	bool is;

	if (!down_read_trylock(&core->memory_lock))
		return false;
	is = !core->pm_runtime_engaged && vfio_cdev_pci_decodes_memory(core);
	up_read(&core->memory_lock);
	return is;
}

static const struct iommufd_bar_provider vfio_bars_provider = {
	.device = vfio_bars_device,
	.is_reachable = vfio_bars_are_reachable,
};

int vfio_bars_init(void)
{
	return iommufd_bar_provider_register(&vfio_bars_provider);
}

/* No device is left here. */
void vfio_bars_exit(void)
{
	iommufd_bar_provider_unregister();
}
