/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs for a device on vfio-pci-core, whichever its driver is
 */
#ifndef _VFIO_CDEV_PCI_H
#define _VFIO_CDEV_PCI_H

#include <linux/container_of.h>
#include <linux/device.h>
#include <linux/lockdep.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

/*
 * The device of vfio-pci-core that @vdev is part of, or NULL. vfio-pci-core
 * makes each of its drivers have that struct as driver data. The pointers are
 * compared before anything is read: another driver's struct may be smaller.
 */
static inline struct vfio_pci_core_device *
vfio_cdev_pci_core(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core =
		container_of(vdev, struct vfio_pci_core_device, vdev);

	if (!dev_is_pci(vdev->dev) || dev_get_drvdata(vdev->dev) != core)
		return NULL;
	return core;
}

/* Set a feature that has no data, as a user would; not under memory_lock. */
static inline int vfio_cdev_pci_set_feature(struct vfio_pci_core_device *core,
					    u32 feature)
{
	return core->vdev.ops->device_feature(
		&core->vdev, VFIO_DEVICE_FEATURE_SET | feature, NULL, 0);
}

/*
 * Does the device decode memory? vfio-pci-core lets no process use a BAR, and
 * keeps all dma-bufs revoked, while it does not. It exports a function for this
 * question, but this module must not depend on that one. Under memory_lock.
 */
static inline bool
vfio_cdev_pci_decodes_memory(struct vfio_pci_core_device *core)
{
	struct pci_dev *pdev = core->pdev;
	__le16 *command = (__le16 *)&core->vconfig[PCI_COMMAND];

	lockdep_assert_held(&core->memory_lock);

	return pdev->current_state != PCI_D3hot &&
	       pdev->current_state != PCI_D3cold &&
	       (pdev->no_command_memory ||
		(le16_to_cpu(*command) & PCI_COMMAND_MEMORY));
}

#endif
