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
	if (rc)
		goto out_destroy;
	rc = vfio_bars_add(dev);
	if (!rc)
		return 0;
	xa_erase(&vfio_cdevs, (unsigned long)vdev);
out_destroy:
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

	if (!dev)
		return;
	vfio_bars_remove(dev);
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
	rc = vfio_bars_init();
	if (rc)
		goto out_nodes_exit;
	rc = vfio_class_watch(&vfio_cdev_interface);
	if (rc)
		goto out_bars_exit;
	return 0;

out_bars_exit:
	vfio_bars_exit();
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
	vfio_bars_exit();
	vfio_dma_exit();
	vfio_cdev_nodes_exit();
	vfio_group_opener_exit();
}
module_exit(vfio_cdev_module_exit);

MODULE_DESCRIPTION(
	"VFIO character devices on iommufd for the devices of all VFIO drivers");
MODULE_VERSION(IOMMUFD_VERSION);
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("post: vfio-cdev-kvm vfio-cdev-group");
