// SPDX-License-Identifier: GPL-2.0
/*
 * Which devices get a character device: every device that a driver registers
 * with vfio.ko and that an iommufd can control, whichever the driver and the bus
 * are, from before or after this module is loaded.
 *
 * vfio.ko adds each of its devices to its class vfio-dev. An interface of the
 * class sees them come and go.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/ioport.h>
#include <linux/mm_types.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "cdev.h"
#include "known_ops.h"
#include "pci.h"
#include "vfio_class.h"

/*
 * struct vfio_device * -> struct vfio_cdev *. Changed under the lock of the
 * class; vfio_cdev_next_in_group() reads under xa_lock.
 */
static DEFINE_XARRAY(vfio_cdevs);

/* A struct of another size would be misread from here on. */
static bool vfio_cdev_pci_core_is_known(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core = vfio_cdev_pci_core(vdev);

	return !core || (core->pdev == to_pci_dev(vdev->dev) &&
			 vfio_known_ops_are_in_place(vdev));
}

static int vfio_cdev_add_dev(struct device *device)
{
	struct vfio_device *vdev =
		container_of(device, struct vfio_device, device);
	struct vfio_cdev *dev;
	int rc;

	/* A device of no use, such as that with which vfio-cdev-group starts */
	if (!vdev->ops->ioctl || !vfio_dma_can_bind(vdev))
		return 0;
	if (!vfio_cdev_pci_core_is_known(vdev)) {
		dev_warn(
			vdev->dev,
			"no VFIO cdev: vfio-pci-core is not the one that vfio-cdev was built for\n");
		return 0;
	}
	dev = vfio_cdev_create(vdev);
	if (IS_ERR(dev)) {
		rc = PTR_ERR(dev);
		goto out_warn;
	}
	rc = xa_err(
		xa_store(&vfio_cdevs, (unsigned long)vdev, dev, GFP_KERNEL));
	if (!rc)
		return 0;
	vfio_cdev_destroy(dev);
out_warn:
	dev_warn(vdev->dev, "no VFIO cdev: error %d\n", rc);
	return rc;
}

static void vfio_cdev_remove_dev(struct device *device)
{
	struct vfio_device *vdev =
		container_of(device, struct vfio_device, device);
	struct vfio_cdev *dev = xa_erase(&vfio_cdevs, (unsigned long)vdev);

	if (dev)
		vfio_cdev_destroy(dev);
}

/**
 * vfio_cdev_next_in_group() - go through the devices of a group
 * @group: file of the group
 * @index: where to start, 0 for the first one; out: where to go on
 *
 * Return: the next device of the group, of which the caller becomes a user until
 * vfio_cdev_leave(), or NULL after the last one.
 */
struct vfio_cdev *vfio_cdev_next_in_group(struct file *group,
					  unsigned long *index)
{
	struct vfio_cdev *dev;

	/* While an entry is here, the device is not destroyed. */
	xa_lock(&vfio_cdevs);
	xa_for_each_start(&vfio_cdevs, *index, dev, *index)
		if (vfio_cdev_join_in_group(dev, group))
			break;
	xa_unlock(&vfio_cdevs);
	++*index;
	return dev;
}
EXPORT_SYMBOL_GPL(vfio_cdev_next_in_group);

/*
 * Do these bus addresses lie in one BAR? A BAR that ends within a page has the
 * page: vfio-pci-core lets user space mmap it only if nothing else is there.
 */
static bool vfio_cdev_has_bar(struct pci_dev *pdev, phys_addr_t phys,
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
struct iommufd_bar_device *vfio_cdev_get_bars(struct vfio_device *vdev)
{
	struct iommufd_bar_device *bars = NULL;
	struct vfio_cdev *dev;

	xa_lock(&vfio_cdevs);
	dev = xa_load(&vfio_cdevs, (unsigned long)vdev);
	if (dev && dev->bars)
		bars = iommufd_bar_device_get(dev->bars);
	xa_unlock(&vfio_cdevs);
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
vfio_cdev_bar_device(const struct vm_area_struct *vma, phys_addr_t phys,
		     u64 length, const struct iommufd_ctx **bound)
{
	struct vfio_pci_core_device *core = vma->vm_private_data;
	struct iommufd_bar_device *device = NULL;
	struct vfio_cdev *dev;

	*bound = NULL;
	if (!core)
		return NULL;
	/* The VMA keeps the device open. */
	xa_lock(&vfio_cdevs);
	dev = xa_load(&vfio_cdevs, (unsigned long)&core->vdev);
	if (dev && dev->bars && vfio_cdev_pci_core(dev->vdev) == core &&
	    (!length || vfio_cdev_has_bar(core->pdev, phys, length))) {
		device = iommufd_bar_device_get(dev->bars);
		*bound = READ_ONCE(dev->ictx);
	}
	xa_unlock(&vfio_cdevs);
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
static bool vfio_cdev_bar_is_reachable(void *data)
{
	struct vfio_pci_core_device *core = data;
	struct pci_dev *pdev = core->pdev;
	u16 command;
	bool is;

	if (!down_read_trylock(&core->memory_lock))
		return false;
	command = le16_to_cpup((__le16 *)&core->vconfig[PCI_COMMAND]);
	is = !core->pm_runtime_engaged && pdev->current_state < PCI_D3hot &&
	     (pdev->no_command_memory || (command & PCI_COMMAND_MEMORY));
	up_read(&core->memory_lock);
	return is;
}

static const struct iommufd_bar_provider vfio_cdev_bars = {
	.device = vfio_cdev_bar_device,
	.is_reachable = vfio_cdev_bar_is_reachable,
};

static struct class_interface vfio_cdev_interface = {
	.add_dev = vfio_cdev_add_dev,
	.remove_dev = vfio_cdev_remove_dev,
};

static int __init vfio_cdev_module_init(void)
{
	int rc;

	rc = vfio_known_ops_check() ?: vfio_group_opener_init();
	if (rc)
		return rc;
	rc = vfio_cdev_nodes_init();
	if (rc)
		goto out_opener_exit;
	rc = iommufd_bar_provider_register(&vfio_cdev_bars);
	if (rc)
		goto out_nodes_exit;
	rc = vfio_class_watch(&vfio_cdev_interface);
	if (rc)
		goto out_unregister;
	return 0;

out_unregister:
	iommufd_bar_provider_unregister();
out_nodes_exit:
	vfio_dma_exit();
	vfio_cdev_nodes_exit();
out_opener_exit:
	vfio_group_opener_exit();
	return rc;
}
module_init(vfio_cdev_module_init);

static void __exit vfio_cdev_module_exit(void)
{
	class_interface_unregister(&vfio_cdev_interface);
	iommufd_bar_provider_unregister();
	vfio_dma_exit();
	vfio_cdev_nodes_exit();
	vfio_group_opener_exit();
}
module_exit(vfio_cdev_module_exit);

MODULE_DESCRIPTION(
	"VFIO character devices on iommufd for the devices of all VFIO drivers");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("post: vfio-cdev-kvm vfio-cdev-group");
