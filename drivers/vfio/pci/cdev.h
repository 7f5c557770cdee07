/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI device on vfio-pci-core that can be opened through its IOMMU group and
 * through a character device of its own.
 */
#ifndef _VFIO_PCI_CDEV_H
#define _VFIO_PCI_CDEV_H

#include <linux/cdev.h>
#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/vfio_pci_core.h>

struct file;
struct iommufd_device;
struct vfio_group_hold;

/**
 * struct vfio_pci_cdev - a PCI device and its character device
 * @core: the device of vfio-pci-core; must be first (vfio_alloc_device())
 * @cdev: the character device; pins the kobject of @core, hence this struct
 * @minor: its minor number, from probe to release
 * @registered: completed when the registration of @core has succeeded or
 *              failed. An open() that the uevent of the node triggers waits for
 *              it instead of failing with ENODEV.
 * @removed: set when the driver lets go of the device; open() then fails
 * @lock: orders BIND, ATTACH, DETACH and the release of the bound file. Held
 *        while a HWPT is filled, which can take long. dev_set->lock must not be
 *        held for so long, since all devices of a bus share it.
 *        Order: @lock, the lock of @hold, dev_set->lock, locks of iommufd.
 * @user: the file that is bound, or NULL. Written under @lock. Readers without
 *        @lock call vfio_pci_cdev_bound(): its acquire pairs with the release
 *        in vfio_pci_cdev_bind_ioctl(), so the reader sees all that BIND has
 *        set up. Only the release of that file clears it, when no operation on
 *        the file is running any more.
 * @hold: keeps the legacy group closed while bound; under @lock
 * @attached: the device is attached to a HWPT; under @lock
 * @idev: the device in its iommufd, or NULL when not bound. Written under both
 *        @lock and dev_set->lock; either is enough to read. A hot reset reads
 *        it of every device of the set.
 */
struct vfio_pci_cdev {
	struct vfio_pci_core_device core;
	struct cdev cdev;
	int minor;
	struct completion registered;
	bool removed;

	struct mutex lock;
	struct file *user;
	struct vfio_group_hold *hold;
	bool attached;
	struct iommufd_device *idev;
};

static inline struct vfio_pci_cdev *to_vfio_pci_cdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_pci_cdev, core.vdev);
}

/* Only the file that has bound the device may operate it. */
static inline bool vfio_pci_cdev_bound(struct vfio_pci_cdev *dev,
				       struct file *filep)
{
	/* Pairs with the release in vfio_pci_cdev_bind_ioctl(). */
	return smp_load_acquire(&dev->user) == filep;
}

/* main.c */
extern const struct vfio_device_ops vfio_pci_cdev_ops;

/* cdev.c: the character device */
int vfio_pci_cdev_node_init(struct vfio_pci_cdev *dev);
void vfio_pci_cdev_node_fini(struct vfio_pci_cdev *dev);
int vfio_pci_cdev_register(struct vfio_pci_cdev *dev);
void vfio_pci_cdev_unregister(struct vfio_pci_cdev *dev);
int vfio_pci_cdev_chrdev_init(void);
void vfio_pci_cdev_chrdev_exit(void);

/* bind.c: binding and attaching to an iommufd */
struct vfio_device_attach_iommufd_pt;
struct vfio_device_bind_iommufd;
struct vfio_device_detach_iommufd_pt;

long vfio_pci_cdev_bind_ioctl(struct vfio_pci_cdev *dev, struct file *filep,
			      struct vfio_device_bind_iommufd __user *arg);
void vfio_pci_cdev_unbind(struct vfio_pci_cdev *dev);
long
vfio_pci_cdev_attach_ioctl(struct vfio_pci_cdev *dev,
			   struct vfio_device_attach_iommufd_pt __user *arg);
long
vfio_pci_cdev_detach_ioctl(struct vfio_pci_cdev *dev,
			   struct vfio_device_detach_iommufd_pt __user *arg);

/* group.c: keeping the legacy group closed */
struct vfio_group_hold *vfio_group_hold_get(struct vfio_device *vdev);
void vfio_group_hold_put(struct vfio_group_hold *hold);
int vfio_group_opener_init(void);
void vfio_group_opener_exit(void);

/* hot_reset.c: reset of a slot or bus */
struct vfio_pci_hot_reset;
struct vfio_pci_hot_reset_info;

long
vfio_pci_cdev_hot_reset_info_ioctl(struct vfio_pci_cdev *dev,
				   struct vfio_pci_hot_reset_info __user *arg);
long vfio_pci_cdev_hot_reset_ioctl(struct vfio_pci_cdev *dev,
				   struct vfio_pci_hot_reset __user *arg);

#endif
