// SPDX-License-Identifier: GPL-2.0
/*
 * PCI driver on top of vfio-pci-core. It gives each device a character device
 * for iommufd beside the legacy group.
 *
 * A device binds to this driver only through driver_override. Its group works
 * as with the distribution's vfio-pci. Only the extra regions of Intel graphics
 * are missing: their code is not in vfio-pci-core.
 *
 * The driver has no module parameters. nointxmask, disable_vga and
 * disable_idle_d3 belong to vfio-pci-core: vfio-pci's parameters of these names
 * set them for the devices of all drivers. The parameters of vfio-pci itself
 * have no counterpart here. There are no disable_denylist and ids, and SR-IOV
 * needs no enable_sriov: root can always enable the VFs of a PF on this driver.
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

/* Called for the first open file of a device, with dev_set->lock held. */
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
 * vfio calls these for users of the group, bind.c and cdev.c for users of the
 * cdev. The name must be that of the PCI driver: vfio-pci-core writes it into
 * the driver_override of the VFs of a PF on this driver.
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
 * Devices with errata that let a user attack the host in spite of the IOMMU.
 * vfio-pci refuses the same ones.
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
			 "not bound: errata make it unsafe for user space\n");
		return -EINVAL;
	}

	dev = vfio_alloc_device(vfio_pci_cdev, core.vdev, &pdev->dev,
				&vfio_pci_cdev_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);

	/* vfio-pci-core expects its own struct there. */
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

MODULE_DESCRIPTION("VFIO PCI driver with character devices for iommufd");
MODULE_LICENSE("GPL");
