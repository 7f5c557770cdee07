/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI device on vfio-pci-core that can be opened in two ways: through its
 * IOMMU group as ever, and through a character device of its own.
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
 * struct vfio_pci_cdev - one PCI device and its character device
 * @core: the device as VFIO knows it; must be first (vfio_alloc_device())
 * @cdev: the character device; pins @core's kobject, hence all of this
 * @minor: its minor number, from probe to release
 * @registered: completed when the fate of @core's registration is known, so
 *	that who opens the node on its uevent is not told ENODEV
 * @removed: set when the driver lets go of the device; nobody may come anew
 * @lock: orders BIND, ATTACH, DETACH and the close of the bound file. Held
 *	while a HWPT is filled, which can take long; therefore it is not
 *	dev_set->lock, which all devices of a bus share.
 *	Outermost: lock > the hold on the group > dev_set->lock > iommufd's own.
 * @user: the file that is bound. Written under @lock. Read without: the
 *	release in vfio_pci_cdev_bind_ioctl() pairs with the acquire in
 *	vfio_pci_cdev_bound(), and what was set up before is seen after it. It
 *	stays until that very file is released, when no operation on it is
 *	under way any more.
 * @hold: keeps the legacy group out while bound; under @lock
 * @attached: the device is attached to a HWPT; under @lock
 * @idev: the device in the iommufd it is bound to, else NULL. Written under
 *	@lock and dev_set->lock, either is enough to read: a hot reset asks it of
 *	every device of the set.
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

/* Does this file have the right to touch the device? */
static inline bool vfio_pci_cdev_bound(struct vfio_pci_cdev *dev,
				       struct file *filep)
{
	/* Pairs with the release in vfio_pci_cdev_bind_ioctl(). */
	return smp_load_acquire(&dev->user) == filep;
}

/* main.c */
extern const struct vfio_device_ops vfio_pci_cdev_ops;

/* cdev.c: the node */
int vfio_pci_cdev_node_init(struct vfio_pci_cdev *dev);
void vfio_pci_cdev_node_fini(struct vfio_pci_cdev *dev);
int vfio_pci_cdev_register(struct vfio_pci_cdev *dev);
void vfio_pci_cdev_unregister(struct vfio_pci_cdev *dev);
int vfio_pci_cdev_chrdev_init(void);
void vfio_pci_cdev_chrdev_exit(void);

/* bind.c: the iommufd behind it */
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

/* group.c: keeping the legacy group out */
struct vfio_group_hold *vfio_group_hold_get(struct vfio_device *vdev);
void vfio_group_hold_put(struct vfio_group_hold *hold);
int vfio_group_opener_init(void);
void vfio_group_opener_exit(void);

/* hot_reset.c */
struct vfio_pci_hot_reset;
struct vfio_pci_hot_reset_info;

long
vfio_pci_cdev_hot_reset_info_ioctl(struct vfio_pci_cdev *dev,
				   struct vfio_pci_hot_reset_info __user *arg);
long vfio_pci_cdev_hot_reset_ioctl(struct vfio_pci_cdev *dev,
				   struct vfio_pci_hot_reset __user *arg);

#endif
