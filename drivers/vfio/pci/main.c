// SPDX-License-Identifier: GPL-2.0
/*
 * PCI driver: hands devices to user space through vfio-pci-core, with a
 * character device for iommufd beside the legacy group.
 *
 * A device comes here through driver_override alone. Users of the group find
 * what the distribution's vfio-pci would give them, except for the extra regions
 * of Intel graphics, whose code is not in vfio-pci-core.
 *
 * There are no options here. Those that vfio-pci-core keeps (nointxmask,
 * disable_vga, disable_idle_d3) are set by vfio-pci's parameters of that name and
 * hold for all devices. Those that vfio-pci itself keeps have no counterpart:
 * there is no disable_denylist and no ids, and SR-IOV needs no enable_sriov, so
 * root can always enable the VFs of a PF that is bound here.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "cdev.h"

#define VFIO_PCI_CDEV_DRIVER "vfio-pci-iommufd"

static int vfio_pci_cdev_vdev_init(struct vfio_device *vdev)
{
	int rc;

	rc = vfio_pci_cdev_node_init(to_vfio_pci_cdev(vdev));
	if (rc)
		return rc;
	rc = vfio_pci_core_init_dev(vdev);
	if (rc)
		vfio_pci_cdev_node_fini(to_vfio_pci_cdev(vdev));
	return rc;
}

static void vfio_pci_cdev_vdev_release(struct vfio_device *vdev)
{
	vfio_pci_cdev_node_fini(to_vfio_pci_cdev(vdev));
	/* On some kernels this frees the device, so it comes last. */
	vfio_pci_core_release_dev(vdev);
}

/* The first file of a device is being opened; dev_set->lock is held. */
static int vfio_pci_cdev_vdev_open(struct vfio_device *vdev)
{
	struct vfio_pci_cdev *dev = to_vfio_pci_cdev(vdev);
	int rc;

	rc = vfio_pci_core_enable(&dev->core);
	if (rc)
		return rc;
	vfio_pci_core_finish_enable(&dev->core);
	return 0;
}

/*
 * The group's path of vfio calls these by itself, the cdev's in bind.c and
 * cdev.c. The name must be the driver's: vfio-pci-core writes it into the
 * driver_override of VFs, so that they come to us when their PF did.
 */
const struct vfio_device_ops vfio_pci_cdev_ops = {
	.name = VFIO_PCI_CDEV_DRIVER,
	.init = vfio_pci_cdev_vdev_init,
	.release = vfio_pci_cdev_vdev_release,
	.open_device = vfio_pci_cdev_vdev_open,
	.close_device = vfio_pci_core_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
};

/*
 * Devices which a user can turn against the host in spite of the IOMMU, by
 * errata. vfio-pci refuses the same.
 */
static const struct pci_device_id vfio_pci_cdev_unsafe[] = {
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC_VF) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_DSA_SPR0) },
	{ PCI_VDEVICE(INTEL, PCI_DEVICE_ID_INTEL_IAX_SPR0) },
	{}
};

static int vfio_pci_cdev_probe(struct pci_dev *pdev,
			       const struct pci_device_id *id)
{
	struct vfio_pci_cdev *dev;
	int rc;

	if (pci_match_id(vfio_pci_cdev_unsafe, pdev)) {
		pci_warn(pdev,
			 "has errata that make it unsafe in the hands of a user, not taken\n");
		return -EINVAL;
	}

	dev = vfio_alloc_device(vfio_pci_cdev, core.vdev, &pdev->dev,
				&vfio_pci_cdev_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);

	/* vfio-pci-core looks for its own struct there. */
	dev_set_drvdata(&pdev->dev, &dev->core);
	rc = vfio_pci_cdev_register(dev);
	if (rc)
		vfio_put_device(&dev->core.vdev);
	return rc;
}

static void vfio_pci_cdev_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vfio_pci_cdev_unregister(to_vfio_pci_cdev(&core->vdev));
	vfio_put_device(&core->vdev);
}

static int vfio_pci_cdev_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	return vfio_pci_core_sriov_configure(dev_get_drvdata(&pdev->dev),
					     nr_virtfn);
}

static const struct pci_device_id vfio_pci_cdev_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, vfio_pci_cdev_table);

/* vfio-pci-core sets .driver.pm at the first registration. */
static struct pci_driver vfio_pci_cdev_driver = {
	.name = VFIO_PCI_CDEV_DRIVER,
	.id_table = vfio_pci_cdev_table,
	.probe = vfio_pci_cdev_probe,
	.remove = vfio_pci_cdev_remove,
	.sriov_configure = vfio_pci_cdev_sriov_configure,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};

static int __init vfio_pci_cdev_driver_init(void)
{
	int rc;

	rc = vfio_group_opener_init();
	if (rc)
		return rc;
	rc = vfio_pci_cdev_chrdev_init();
	if (rc)
		goto out_opener_exit;
	rc = pci_register_driver(&vfio_pci_cdev_driver);
	if (rc)
		goto out_chrdev_exit;
	return 0;

out_chrdev_exit:
	vfio_pci_cdev_chrdev_exit();
out_opener_exit:
	vfio_group_opener_exit();
	return rc;
}
module_init(vfio_pci_cdev_driver_init);

static void __exit vfio_pci_cdev_driver_exit(void)
{
	pci_unregister_driver(&vfio_pci_cdev_driver);
	vfio_pci_cdev_chrdev_exit();
	vfio_group_opener_exit();
}
module_exit(vfio_pci_cdev_driver_exit);

MODULE_DESCRIPTION("PCI devices for user space, as VFIO character devices on iommufd");
MODULE_LICENSE("GPL");
