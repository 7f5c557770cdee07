// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI driver: a feature and an ioctl of its own, everything else from
 * vfio-pci-core or from the other files.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio_pci_core.h>

#include "variant.h"

static int variant_init_device(struct vfio_device *vdev)
{
	struct variant_device *dev = to_variant(vdev);

	mutex_init(&dev->lock);
	variant_migration_init(dev);
	variant_logging_init(dev);
	return vfio_pci_core_init_dev(vdev);
}

static void variant_release_device(struct vfio_device *vdev)
{
	mutex_destroy(&to_variant(vdev)->lock);
	/* On some kernels this frees the device, so it comes last. */
	vfio_pci_core_release_dev(vdev);
}

static int variant_open_device(struct vfio_device *vdev)
{
	struct variant_device *dev = to_variant(vdev);
	int rc;

	rc = vfio_pci_core_enable(&dev->core);
	if (rc)
		return rc;
	rc = variant_region_add(dev);
	if (rc) {
		vfio_pci_core_disable(&dev->core);
		return rc;
	}
	variant_lock(dev);
	dev->enables++;
	dev->value = 0;
	dev->last_asked = 0;
	dev->state = VFIO_DEVICE_STATE_RUNNING;
	variant_unlock(dev);
	vfio_pci_core_finish_enable(&dev->core);
	return 0;
}

static void variant_close_device(struct vfio_device *vdev)
{
	struct variant_device *dev = to_variant(vdev);

	variant_lock(dev);
	variant_migration_stop(dev);
	variant_logging_stop(dev);
	variant_unlock(dev);
	vfio_pci_core_close_device(vdev);
}

static void variant_feature_get(struct variant_device *dev,
				struct variant_feature *feature)
{
	variant_lock(dev);
	feature->value = dev->value;
	feature->page_size = dev->page_size;
	feature->log_bytes = variant_logging_bytes(dev);
	feature->num_ranges = dev->num_ranges;
	feature->data_files = variant_data_files();
	feature->enables = dev->enables;
	feature->last_asked = dev->last_asked;
	variant_unlock(dev);
}

static int variant_feature(struct variant_device *dev, u32 flags,
			   void __user *arg, size_t argsz)
{
	struct variant_feature feature;
	int rc;

	rc = vfio_check_feature(flags, argsz,
				VFIO_DEVICE_FEATURE_GET |
					VFIO_DEVICE_FEATURE_SET,
				sizeof(feature));
	if (rc != 1)
		return rc;
	if (flags & VFIO_DEVICE_FEATURE_GET) {
		variant_feature_get(dev, &feature);
		return copy_to_user(arg, &feature, sizeof(feature)) ? -EFAULT :
								      0;
	}
	if (copy_from_user(&feature, arg, sizeof(feature)))
		return -EFAULT;
	variant_lock(dev);
	dev->value = feature.value;
	variant_unlock(dev);
	return 0;
}

static int variant_device_feature(struct vfio_device *vdev, u32 flags,
				  void __user *arg, size_t argsz)
{
	struct variant_device *dev = to_variant(vdev);
	u32 number = flags & VFIO_DEVICE_FEATURE_MASK;

	if (number == VARIANT_FEATURE)
		return variant_feature(dev, flags, arg, argsz);
	variant_lock(dev);
	dev->last_asked = number;
	variant_unlock(dev);
	return vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);
}

static long variant_ioctl(struct vfio_device *vdev, unsigned int cmd,
			  unsigned long arg)
{
	if (cmd == VARIANT_ADD_ONE)
		return arg < INT_MAX ? arg + 1 : -EINVAL;
	return vfio_pci_core_ioctl(vdev, cmd, arg);
}

static const struct vfio_device_ops variant_ops = {
	.name = VARIANT_DRIVER,
	.init = variant_init_device,
	.release = variant_release_device,
	.open_device = variant_open_device,
	.close_device = variant_close_device,
	.ioctl = variant_ioctl,
	.device_feature = variant_device_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	VFIO_MATCH_TOKEN_UUID(vfio_pci_core_match_token_uuid)
	VFIO_GET_REGION_INFO_CAPS(vfio_pci_ioctl_get_region_info)
};

static int variant_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct variant_device *dev;
	int rc;

	dev = vfio_alloc_device(variant_device, core.vdev, &pdev->dev,
				&variant_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	/* vfio-pci-core expects its own struct there. */
	dev_set_drvdata(&pdev->dev, &dev->core);
	rc = vfio_pci_core_register_device(&dev->core);
	if (rc)
		vfio_put_device(&dev->core.vdev);
	return rc;
}

static void variant_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

static void variant_pci_reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	variant_reset_done(to_variant(&core->vdev));
}

static const struct pci_error_handlers variant_err_handlers = {
	.reset_done = variant_pci_reset_done,
	.error_detected = vfio_pci_core_aer_err_detected,
};

static const struct pci_device_id variant_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};

static struct pci_driver variant_driver = {
	.name = VARIANT_DRIVER,
	.id_table = variant_table,
	.probe = variant_probe,
	.remove = variant_remove,
	.err_handler = &variant_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(variant_driver);

MODULE_DESCRIPTION("VFIO variant driver for tests");
MODULE_LICENSE("GPL");
