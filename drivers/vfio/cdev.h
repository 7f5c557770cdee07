/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device that a driver of the distribution has registered with vfio.ko, and
 * the character device that this module puts beside the device's group.
 */
#ifndef _VFIO_CDEV_H
#define _VFIO_CDEV_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

struct file;
struct iommu_group;
struct iommufd_access;
struct iommufd_bar_device;
struct iommufd_ctx;
struct iommufd_device;
struct kvm;
struct module;
struct seq_file;
struct vfio_group_hold;
struct vm_area_struct;

/**
 * struct vfio_cdev - the character device of a vfio device
 * @device: the node's device, a child of @vdev's; its release frees this struct
 * @cdev: pins @device
 * @vdev: vfio's device. Not counted, because a reference to its kobject could
 *        run the driver's release function after the driver's module is gone:
 *        use @vdev only as a user of the registration, or under @gate while
 *        @removed is not set.
 * @dev_attr: the file "dev" in the directory of @vdev's device
 * @enforces_coherency: the IOMMU makes DMA coherent even if the device asks for
 *                      no snooping
 * @noiommu: nothing translates the DMA of the device; constant
 * @bars: its BARs as memory, counted, or NULL if it has none; constant
 * @gate: orders open() and the setting of @removed
 * @removed: set when the driver or this module lets go of the device; open()
 *           then fails
 * @lock: orders BIND, ATTACH, DETACH and the release of the bound file. Held
 *        while a HWPT is filled, which can take long. dev_set->lock must not be
 *        held for so long, since all devices of a bus share it.
 *        Order: @lock, the lock of @hold, dev_set->lock, locks of iommufd.
 * @user: the file that is bound, or NULL. Written under @lock. Readers without
 *        @lock call vfio_cdev_bound(): its acquire pairs with the release in
 *        vfio_cdev_bind_ioctl(), so the reader sees all that BIND has set up.
 *        Only the release of that file clears it, when no operation on the
 *        file is running any more.
 * @driver: module of @vdev's driver, counted while bound; under @lock
 * @hold: keeps the legacy group closed while bound; NULL when the user of the
 *        group has bound the device; under @lock
 * @attached: the device is attached to a HWPT; under @lock
 * @pasids: those that are attached; under @lock
 * @idev: the device in its iommufd, or NULL when not bound; under @lock
 * @access: the same for a device that its driver emulates
 * @ictx: the iommufd of @idev, or NULL; written under @lock, read without it by
 *        a reader that only compares it
 * @devid: id of @idev or @access in the iommufd; constant while bound
 * @ioas_id: IOAS that @access is attached to, or 0; written under @lock
 * @put_kvm: releases @vdev->kvm, or NULL if that is not set; under @lock
 */
struct vfio_cdev {
	struct device device;
	struct cdev cdev;
	struct vfio_device *vdev;
	struct device_attribute dev_attr;
	bool enforces_coherency;
	bool noiommu;
	struct iommufd_bar_device *bars;
	spinlock_t gate;
	bool removed;

	struct mutex lock;
	struct vfio_cdev_file *user;
	struct module *driver;
	struct vfio_group_hold *hold;
	bool attached;
	struct xarray pasids;
	struct iommufd_device *idev;
	struct iommufd_access *access;
	const struct iommufd_ctx *ictx;
	u32 devid;
	u32 ioas_id;
	void (*put_kvm)(struct kvm *kvm);
};

/**
 * struct vfio_cdev_file - an open file of a character device
 * @dev: the device. The file is a user of its registration.
 * @of_group: a user of the group has opened the device, and this stands for all
 *            its files of the device
 * @kvm_lock: guards @kvm
 * @kvm: the virtual machine the file was added to, or NULL. KVM clears it
 *       before the virtual machine goes.
 * @kvm_module: the module that lets KVM reach this file, counted; NULL before
 *              the first VM
 */
struct vfio_cdev_file {
	struct vfio_cdev *dev;
	bool of_group;
	spinlock_t kvm_lock;
	struct kvm *kvm;
	struct module *kvm_module;
};

/* Only the file that has bound the device may operate it. */
static inline bool vfio_cdev_bound(struct vfio_cdev_file *file)
{
	/* Pairs with the release in vfio_cdev_bind_ioctl(). */
	return smp_load_acquire(&file->dev->user) == file;
}

/* cdev.c: the character device */
extern const struct file_operations vfio_cdev_fops;
long vfio_cdev_fops_ioctl(struct file *filep, unsigned int cmd,
			  unsigned long arg);
ssize_t vfio_cdev_fops_read(struct file *filep, char __user *buf, size_t count,
			    loff_t *ppos);
ssize_t vfio_cdev_fops_write(struct file *filep, const char __user *buf,
			     size_t count, loff_t *ppos);
int vfio_cdev_fops_mmap(struct file *filep, struct vm_area_struct *vma);
void vfio_cdev_fops_show_fdinfo(struct seq_file *seq, struct file *filep);
struct vfio_cdev *vfio_cdev_create(struct vfio_device *vdev);
void vfio_cdev_destroy(struct vfio_cdev *dev);
bool vfio_cdev_join_in_group(struct vfio_cdev *dev, struct file *group);
void vfio_cdev_leave(struct vfio_cdev *dev);
int vfio_cdev_nodes_init(void);
void vfio_cdev_nodes_exit(void);

/* bars.c: BARs as memory of an iommufd */
int vfio_bars_add(struct vfio_cdev *dev);
void vfio_bars_remove(struct vfio_cdev *dev);
struct iommufd_bar_device *vfio_bars_get(struct vfio_device *vdev);
void vfio_bars_hold(struct iommufd_bar_device *bars);
void vfio_bars_release(struct iommufd_bar_device *bars);
void vfio_bars_revoke_in_low_power(struct vfio_device *vdev);
int vfio_bars_init(void);
void vfio_bars_exit(void);

/* bind.c: binding and attaching to an iommufd */
struct vfio_device_attach_iommufd_pt;
struct vfio_device_bind_iommufd;
struct vfio_device_detach_iommufd_pt;

long vfio_cdev_bind_ioctl(struct vfio_cdev_file *file,
			  struct vfio_device_bind_iommufd __user *arg);
int vfio_cdev_bind_of_group(struct vfio_cdev_file *file,
			    struct iommufd_ctx *ictx);
void vfio_cdev_unbind(struct vfio_cdev *dev);
long vfio_cdev_attach_ioctl(struct vfio_cdev *dev,
			    struct vfio_device_attach_iommufd_pt __user *arg);
long vfio_cdev_detach_ioctl(struct vfio_cdev *dev,
			    struct vfio_device_detach_iommufd_pt __user *arg);
struct iommufd_device *vfio_cdev_find_idev(struct vfio_device *vdev);

/* dma.c: what an iommufd controls of a device */
/* The driver of noiommu.c */
#define VFIO_NOIOMMU_DRIVER "vfio-noiommu"
bool vfio_dma_is_noiommu(struct vfio_device *vdev);
bool vfio_dma_can_bind(struct vfio_device *vdev);
int vfio_dma_bind(struct vfio_cdev *dev, struct iommufd_ctx *ictx, u32 *devid);
void vfio_dma_unbind(struct vfio_cdev *dev);
int vfio_dma_attach(struct vfio_cdev *dev, u32 *pt_id);
void vfio_dma_detach(struct vfio_cdev *dev);
u32 vfio_dma_pt_id(struct vfio_cdev *dev);
void vfio_dma_exit(void);

/* pasid.c: attaching a PASID of a device */
long vfio_pasid_attach_ioctl(struct vfio_cdev *dev, u32 argsz,
			     struct vfio_device_attach_iommufd_pt __user *arg);
long vfio_pasid_detach_ioctl(struct vfio_cdev *dev, u32 argsz,
			     struct vfio_device_detach_iommufd_pt __user *arg);

void vfio_pasid_detach_all(struct vfio_cdev *dev);

/* feature.c: optional features of a device */
struct vfio_device_feature;

long vfio_cdev_feature_ioctl(struct vfio_device *vdev,
			     struct vfio_device_feature __user *arg);

/* region.c: description of a region */
struct vfio_region_info;

long vfio_cdev_region_info_ioctl(struct vfio_device *vdev,
				 struct vfio_region_info __user *arg);

/* group.c: keeping the legacy group closed */
struct vfio_group_hold *vfio_group_hold_get(struct vfio_device *vdev);
void vfio_group_hold_put(struct vfio_group_hold *hold);
struct file *vfio_group_open(struct iommu_group *group);
int vfio_group_opener_init(void);
void vfio_group_opener_exit(void);

/* kvm.c: the virtual machine that a file is added to */
#define VFIO_CDEV_HAS_IOMMUFD XA_MARK_0
extern struct xarray vfio_cdev_group_files;
void vfio_cdev_kvm_get(struct vfio_cdev_file *file);
void vfio_cdev_kvm_put(struct vfio_cdev *dev);
void vfio_cdev_kvm_release(struct vfio_cdev_file *file);
bool vfio_cdev_file_is_valid(struct file *filep);
bool vfio_cdev_file_enforced_coherent(struct file *filep);
void vfio_cdev_file_set_kvm(struct file *filep, struct kvm *kvm);

/* pci_hot_reset.c: reset of a slot or bus */
struct vfio_pci_core_device;
struct vfio_pci_hot_reset;
struct vfio_pci_hot_reset_info;

long vfio_cdev_hot_reset_info_ioctl(struct vfio_cdev *dev,
				    struct vfio_pci_hot_reset_info __user *arg);
long vfio_cdev_hot_reset_ioctl(struct vfio_cdev *dev,
			       struct vfio_pci_hot_reset __user *arg);

/* main.c: all character devices */
struct vfio_cdev *vfio_cdev_next_in_group(struct file *group,
					  unsigned long *index);

#endif
