// SPDX-License-Identifier: GPL-2.0
/*
 * Reset of a whole slot or bus, for users of cdevs.
 *
 * A user of the group proves the right to all devices that such a reset affects
 * by passing the files of their groups. A user of the cdev passes nothing: the
 * devices must belong to the iommufd that the calling device is bound to.
 */
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cdev.h"
#include "pci.h"

/**
 * struct vfio_pci_affected_device - a device that a reset affects
 * @pdev: the PCI device, counted
 * @core: the device of vfio-pci-core, of whatever driver; NULL if there is none
 * @devid: what the user is told about it, see struct vfio_pci_dependent_device
 * @bars: its BARs as memory of an iommufd, counted, or NULL; during the reset
 */
struct vfio_pci_affected_device {
	struct pci_dev *pdev;
	struct vfio_pci_core_device *core;
	u32 devid;
	struct iommufd_bar_device *bars;
};

/**
 * struct vfio_pci_affected - all devices that are reset together
 * @slot: the slot that is reset; NULL when the whole bus is
 * @room: size of @devices
 * @count: number of devices found, which may be more than @room
 * @devices: the devices
 */
struct vfio_pci_affected {
	struct pci_slot *slot;
	unsigned int room;
	unsigned int count;
	struct vfio_pci_affected_device *devices;
};

/* Is the device in the slot, or behind a bridge in the slot? */
static bool vfio_pci_affected_in_slot(struct pci_dev *pdev,
				      struct pci_slot *slot)
{
	while (pdev && pdev->bus != slot->bus)
		pdev = pdev->bus->self;
	return pdev && pdev->slot == slot;
}

/* pci_walk_bus() callback: count all devices and store as many as fit. */
static int vfio_pci_affected_add(struct pci_dev *pdev, void *data)
{
	struct vfio_pci_affected *affected = data;

	if (affected->slot && !vfio_pci_affected_in_slot(pdev, affected->slot))
		return 0;
	if (affected->count < affected->room)
		affected->devices[affected->count].pdev = pci_dev_get(pdev);
	affected->count++;
	return 0;
}

static void vfio_pci_affected_free(struct vfio_pci_affected *affected)
{
	unsigned int i;

	for (i = 0; i < min(affected->count, affected->room); i++)
		pci_dev_put(affected->devices[i].pdev);
	kfree(affected->devices);
}

/*
 * The vfio device of a PCI device, or NULL. The caller holds dev_set->lock. A
 * device whose registration has ended stays listed until its kobject is freed.
 */
static struct vfio_device *
vfio_pci_affected_vdev(struct vfio_device_set *dev_set, struct pci_dev *pdev)
{
	struct vfio_device *vdev;

	list_for_each_entry(vdev, &dev_set->device_list, dev_set_list)
		if (vdev->dev == &pdev->dev && refcount_read(&vdev->refcount))
			return vdev;
	return NULL;
}

static bool vfio_pci_affected_group_owned(struct iommufd_ctx *ictx,
					  struct pci_dev *pdev)
{
	struct iommu_group *group = iommu_group_get(&pdev->dev);
	bool owned;

	if (!group)
		return false;
	owned = iommufd_ctx_has_group(ictx, group);
	iommu_group_put(group);
	return owned;
}

/* What a user of @ictx is told about a device. Under dev_set->lock. */
static u32 vfio_pci_affected_devid(struct iommufd_ctx *ictx,
				   struct vfio_device *vdev,
				   struct pci_dev *pdev)
{
	struct iommufd_device *idev;

	if (!vdev)
		return VFIO_PCI_DEVID_NOT_OWNED;
	idev = vfio_cdev_find_idev(vdev);
	if (idev && iommufd_device_to_ictx(idev) == ictx)
		return iommufd_device_to_id(idev);
	if (vfio_pci_affected_group_owned(ictx, pdev))
		return VFIO_PCI_DEVID_OWNED;
	return VFIO_PCI_DEVID_NOT_OWNED;
}

static int vfio_pci_affected_find(struct vfio_cdev *dev,
				  struct vfio_pci_affected *affected)
{
	struct pci_dev *pdev = to_pci_dev(dev->vdev->dev);

	if (!pci_probe_reset_slot(pdev->slot))
		affected->slot = pdev->slot;
	else if (pci_probe_reset_bus(pdev->bus))
		return -ENODEV;

	pci_walk_bus(pdev->bus, vfio_pci_affected_add, affected);
	affected->devices = kcalloc(affected->count, sizeof(*affected->devices),
				    GFP_KERNEL_ACCOUNT);
	if (!affected->devices)
		return -ENOMEM;
	affected->room = affected->count;
	affected->count = 0;
	pci_walk_bus(pdev->bus, vfio_pci_affected_add, affected);
	/* More devices than before were found in the second walk. */
	return affected->count > affected->room ? -EAGAIN : 0;
}

/*
 * Fill in the ids of the devices; true if all of them are owned. The answer is
 * valid as long as the caller holds dev_set->lock. A device outside the set is
 * not on vfio and cannot be owned. One of a driver without vfio-pci-core can be,
 * but nothing takes it away from its user for a reset.
 */
static bool vfio_pci_affected_owned(struct vfio_cdev *dev,
				    struct vfio_pci_affected *affected)
{
	struct vfio_device_set *dev_set = dev->vdev->dev_set;
	struct iommufd_ctx *ictx = iommufd_device_to_ictx(dev->idev);
	bool owned = true;
	unsigned int i;

	lockdep_assert_held(&dev_set->lock);

	for (i = 0; i < affected->count; i++) {
		struct vfio_pci_affected_device *device = &affected->devices[i];
		struct vfio_device *vdev =
			vfio_pci_affected_vdev(dev_set, device->pdev);

		if (vdev)
			device->core = vfio_cdev_pci_core(vdev);
		device->devid =
			vfio_pci_affected_devid(ictx, vdev, device->pdev);
		owned &= device->core &&
			 device->devid != (u32)VFIO_PCI_DEVID_NOT_OWNED;
	}
	return owned;
}

static int vfio_pci_affected_copy(struct vfio_pci_affected *affected,
				  struct vfio_pci_dependent_device __user *out)
{
	unsigned int i;

	for (i = 0; i < affected->count; i++) {
		struct pci_dev *pdev = affected->devices[i].pdev;
		struct vfio_pci_dependent_device device = {
			.devid = affected->devices[i].devid,
			.segment = pci_domain_nr(pdev->bus),
			.bus = pdev->bus->number,
			.devfn = pdev->devfn,
		};

		if (copy_to_user(&out[i], &device, sizeof(device)))
			return -EFAULT;
	}
	return 0;
}

/**
 * vfio_cdev_hot_reset_info_ioctl() - VFIO_DEVICE_GET_PCI_HOT_RESET_INFO
 * @dev: bound device
 * @arg: argument of the ioctl
 *
 * Return: 0; EINVAL for a bad argument, EFAULT, ENODEV when neither the slot
 * nor the bus of the device can be reset, ENOSPC and the count when the array
 * is too short, EAGAIN when a device was plugged meanwhile, ENOMEM.
 */
long vfio_cdev_hot_reset_info_ioctl(struct vfio_cdev *dev,
				    struct vfio_pci_hot_reset_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset_info, count);
	struct vfio_device_set *dev_set = dev->vdev->dev_set;
	struct vfio_pci_affected affected = {};
	struct vfio_pci_hot_reset_info info;
	int rc;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	rc = vfio_pci_affected_find(dev, &affected);
	if (rc)
		goto out_free;
	info.flags = VFIO_PCI_HOT_RESET_FLAG_DEV_ID;
	info.count = affected.count;
	mutex_lock(&dev_set->lock);
	if (vfio_pci_affected_owned(dev, &affected))
		info.flags |= VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED;
	mutex_unlock(&dev_set->lock);

	if (info.argsz < minsz + affected.count * sizeof(arg->devices[0]))
		rc = -ENOSPC;
	else
		rc = vfio_pci_affected_copy(&affected, arg->devices);
	if (copy_to_user(arg, &info, minsz))
		rc = -EFAULT;
out_free:
	vfio_pci_affected_free(&affected);
	return rc;
}

/*
 * The user may have put the device into D3 through its config space. If a
 * device loses its state in D3, vfio-pci-core saves the state before, and it
 * must be restored on the way to D0: a reset alone would lose it.
 */
static void vfio_pci_affected_wake(struct vfio_pci_core_device *core)
{
	struct pci_dev *pdev = core->pdev;
	bool forgot = core->needs_pm_restore &&
		      (pdev->current_state == PCI_D3hot ||
		       pdev->current_state == PCI_D3cold);

	lockdep_assert_held_write(&core->memory_lock);

	if (pci_set_power_state(pdev, PCI_D0) || !forgot)
		return;
	pci_load_and_free_saved_state(pdev, &core->pm_save);
	pci_restore_state(pdev);
}

/*
 * Take the memory of a device away from processes and other devices, and keep
 * its memory_lock. The zap is for processes. vfio-pci-core keeps the dma-bufs
 * revoked of a device that does not decode memory. Otherwise only it can revoke
 * dma-bufs, and the one call that does no more than that is the entry to low
 * power. It drops memory_lock, and until a reset holds it a process that
 * accesses a BAR gets SIGBUS. So the user has to revoke them before the reset,
 * by switching memory decoding off.
 */
static bool vfio_pci_affected_lock(struct vfio_pci_core_device *core)
{
	if (!vfio_pci_core_zap_trylock(core))
		return false;
	if (!vfio_pci_core_has_dma_bufs(core) ||
	    !vfio_cdev_pci_decodes_memory(core))
		return true;
	up_write(&core->memory_lock);
	return false;
}

/* Reset while nothing can access the memory of any of the devices. */
static int vfio_pci_affected_reset_locked(struct vfio_cdev *dev,
					  struct vfio_pci_affected *affected)
{
	unsigned int locked, i;
	int rc = -EBUSY;

	for (locked = 0; locked < affected->count; locked++)
		if (!vfio_pci_affected_lock(affected->devices[locked].core))
			goto out_unlock;
	for (i = 0; i < affected->count; i++)
		vfio_pci_affected_wake(affected->devices[i].core);
	rc = pci_reset_bus(to_pci_dev(dev->vdev->dev));
out_unlock:
	while (locked--)
		up_write(&affected->devices[locked].core->memory_lock);
	return rc;
}

/* A worker of iommufd that looks for a BAR must not be in the way. */
static void vfio_pci_affected_stop_bars(struct vfio_pci_affected *affected)
{
	unsigned int i;

	for (i = 0; i < affected->count; i++) {
		struct vfio_pci_affected_device *device = &affected->devices[i];

		device->bars = vfio_bars_get(&device->core->vdev);
		if (!device->bars)
			continue;
		vfio_bars_hold(device->bars);
		iommufd_bar_stop(device->bars);
	}
}

static void vfio_pci_affected_start_bars(struct vfio_pci_affected *affected)
{
	unsigned int i;

	for (i = 0; i < affected->count; i++) {
		struct iommufd_bar_device *bars = affected->devices[i].bars;

		if (!bars)
			continue;
		iommufd_bar_start(bars);
		vfio_bars_release(bars);
		iommufd_bar_device_put(bars);
	}
}

/*
 * The device may have been in D3, which the reset has ended. Let its dma-bufs
 * be used again if memory decoding is on. The exit from low power does that; it
 * is left to the user of a device that is in low power.
 */
static void vfio_pci_affected_restore(struct vfio_pci_core_device *core)
{
	if (vfio_pci_core_has_dma_bufs(core) &&
	    !READ_ONCE(core->pm_runtime_engaged))
		vfio_cdev_pci_set_feature(core,
					  VFIO_DEVICE_FEATURE_LOW_POWER_EXIT);
}

/* Wake and reset the devices, all of which are owned. Under dev_set->lock. */
static int vfio_pci_affected_reset(struct vfio_cdev *dev,
				   struct vfio_pci_affected *affected)
{
	unsigned int awake, i;
	int rc = 0;

	for (awake = 0; awake < affected->count; awake++) {
		rc = pm_runtime_resume_and_get(
			&affected->devices[awake].pdev->dev);
		if (rc)
			goto out_put;
	}
	vfio_pci_affected_stop_bars(affected);
	rc = vfio_pci_affected_reset_locked(dev, affected);
	for (i = 0; !rc && i < affected->count; i++)
		vfio_pci_affected_restore(affected->devices[i].core);
	vfio_pci_affected_start_bars(affected);
out_put:
	while (awake--)
		pm_runtime_put(&affected->devices[awake].pdev->dev);
	return rc;
}

/**
 * vfio_cdev_hot_reset_ioctl() - VFIO_DEVICE_PCI_HOT_RESET
 * @dev: bound device
 * @arg: argument of the ioctl, with an empty array
 *
 * Return: 0; EINVAL for a bad argument, when not all devices are owned, or one
 * is not on vfio-pci-core; EFAULT, ENODEV when neither the slot nor the bus of
 * the device can be reset, EBUSY or EAGAIN when another thread is using one of the devices, EBUSY also
 * if a dma-buf of one that decodes memory exists, ENOMEM.
 */
long vfio_cdev_hot_reset_ioctl(struct vfio_cdev *dev,
			       struct vfio_pci_hot_reset __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_pci_hot_reset, count);
	struct vfio_device_set *dev_set = dev->vdev->dev_set;
	struct vfio_pci_affected affected = {};
	struct vfio_pci_hot_reset reset;
	int rc;

	if (copy_from_user(&reset, arg, minsz))
		return -EFAULT;
	if (reset.argsz < minsz || reset.flags || reset.count)
		return -EINVAL;

	rc = vfio_pci_affected_find(dev, &affected);
	if (rc)
		goto out_free;
	mutex_lock(&dev_set->lock);
	if (vfio_pci_affected_owned(dev, &affected))
		rc = vfio_pci_affected_reset(dev, &affected);
	else
		rc = -EINVAL;
	mutex_unlock(&dev_set->lock);
out_free:
	vfio_pci_affected_free(&affected);
	return rc;
}
