// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for PCI devices that no IOMMU translates for. vfio.ko of the
 * distribution is built without the no-IOMMU mode and refuses them.
 *
 * Everything is that of vfio-pci-core, but the registration: vfio-pci-core asks
 * vfio.ko to register a device behind an IOMMU. That call is redirected to the
 * function for devices that a driver emulates, which need no IOMMU.
 *
 * A user of the group could not tell that nothing translates: for vfio.ko it is
 * a group as any other, with a container of type1. So only the cdev can be
 * used, whose name says so.
 */
#include <linux/errno.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/pci.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>

#include "cdev.h"
#include "redirect.h"

static int vfio_noiommu_open_device(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core =
		container_of(vdev, struct vfio_pci_core_device, vdev);
	int rc;

	/* The caller holds the lock of the dev_set. */
	if (!vfio_cdev_find_idev(vdev))
		return -EPERM;
	rc = vfio_pci_core_enable(core);
	if (!rc)
		vfio_pci_core_finish_enable(core);
	return rc;
}

static const struct vfio_device_ops vfio_noiommu_ops = {
	.name = VFIO_NOIOMMU_DRIVER,
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = vfio_noiommu_open_device,
	.close_device = vfio_pci_core_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	VFIO_MATCH_TOKEN_UUID(vfio_pci_core_match_token_uuid)
	VFIO_GET_REGION_INFO_CAPS(vfio_pci_ioctl_get_region_info)
};

static bool notrace vfio_noiommu_matches(unsigned long arg0, unsigned long arg1,
					 unsigned long caller)
{
	return ((struct vfio_device *)arg0)->ops == &vfio_noiommu_ops;
}

static int vfio_noiommu_register(struct vfio_device *vdev)
{
	return vfio_register_emulated_iommu_dev(vdev);
}

static struct vfio_redirect vfio_noiommu_functions[] = {
	{
		.from = vfio_register_group_dev,
		.to = vfio_noiommu_register,
		.matches = vfio_noiommu_matches,
	},
};

static struct vfio_redirects vfio_noiommu_redirects = {
	.functions = vfio_noiommu_functions,
	.num = ARRAY_SIZE(vfio_noiommu_functions),
};

static int vfio_noiommu_probe(struct pci_dev *pdev,
			      const struct pci_device_id *id)
{
	struct vfio_pci_core_device *core;
	int rc;

	if (!iommufd_noiommu_enabled())
		return -EINVAL;
	/* vfio-pci takes it. */
	if (pdev->dev.iommu_group)
		return -EINVAL;
	core = vfio_alloc_device(vfio_pci_core_device, vdev, &pdev->dev,
				 &vfio_noiommu_ops);
	if (IS_ERR(core))
		return PTR_ERR(core);
	/* vfio-pci-core expects its own struct there. */
	dev_set_drvdata(&pdev->dev, core);
	rc = vfio_pci_core_register_device(core);
	if (rc) {
		vfio_put_device(&core->vdev);
		return rc;
	}
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	pci_warn(pdev,
		 "no IOMMU: the user of the device can read and write all memory; the kernel is tainted\n");
	return 0;
}

static void vfio_noiommu_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

static const struct pci_device_id vfio_noiommu_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};

static struct pci_driver vfio_noiommu_driver = {
	.name = VFIO_NOIOMMU_DRIVER,
	.id_table = vfio_noiommu_table,
	.probe = vfio_noiommu_probe,
	.remove = vfio_noiommu_remove,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};

static int __init vfio_noiommu_init(void)
{
	int rc;

	rc = vfio_redirects_start(&vfio_noiommu_redirects);
	if (rc) {
		pr_err("vfio-noiommu: calls of vfio.ko cannot be redirected, error %d\n",
		       rc);
		return rc;
	}
	rc = pci_register_driver(&vfio_noiommu_driver);
	if (rc)
		vfio_redirects_stop(&vfio_noiommu_redirects);
	return rc;
}
module_init(vfio_noiommu_init);

static void __exit vfio_noiommu_exit(void)
{
	pci_unregister_driver(&vfio_noiommu_driver);
	vfio_redirects_stop(&vfio_noiommu_redirects);
}
module_exit(vfio_noiommu_exit);

MODULE_DESCRIPTION("VFIO driver for PCI devices without an IOMMU");
MODULE_VERSION(IOMMUFD_VERSION);
MODULE_LICENSE("GPL");
