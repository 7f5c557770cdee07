// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual machine that the file of a cdev is added to
 *
 * KVM asks vfio.ko about each file that is added to a KVM device of type
 * KVM_DEV_TYPE_VFIO. vfio.ko knows its own files only. So the module
 * vfio-cdev-kvm sends those calls to the functions vfio_cdev_file_*() of this
 * module, which an open file keeps loaded: KVM has a reference to the file.
 *
 * A driver may look at vdev->kvm from open_device() to close_device(). The
 * virtual machine exists for so long because of a reference, whose functions
 * are looked up: this module must not make kvm.ko load.
 */
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

#include "cdev.h"

/*
 * Files of groups that vfio-cdev-group watches, each with its struct
 * vfio_group_container. The mark VFIO_CDEV_HAS_IOMMUFD tells that the container
 * is an iommufd: vfio-cdev-kvm has to know, and neither module needs the other
 * one.
 */
struct xarray vfio_cdev_group_files = XARRAY_INIT(vfio_cdev_group_files, 0);
EXPORT_SYMBOL_GPL(vfio_cdev_group_files);

#if IS_ENABLED(CONFIG_KVM)
/* Set vdev->kvm, with file->kvm_lock held, under which KVM keeps @kvm. */
static void vfio_cdev_kvm_hold(struct vfio_cdev *dev, struct kvm *kvm)
{
	bool (*get)(struct kvm *kvm);
	void (*put)(struct kvm *kvm);

	put = symbol_get(kvm_put_kvm);
	if (!put)
		return;
	get = symbol_get(kvm_get_kvm_safe);
	if (get && get(kvm)) {
		dev->vdev->kvm = kvm;
		dev->put_kvm = put;
	} else {
		symbol_put(kvm_put_kvm);
	}
	if (get)
		symbol_put(kvm_get_kvm_safe);
}

/* Called before open_device(). */
void vfio_cdev_kvm_get(struct vfio_cdev_file *file)
{
	spin_lock(&file->kvm_lock);
	if (file->kvm)
		vfio_cdev_kvm_hold(file->dev, file->kvm);
	spin_unlock(&file->kvm_lock);
}

/* Called after close_device(). */
void vfio_cdev_kvm_put(struct vfio_cdev *dev)
{
	if (!dev->put_kvm)
		return;
	dev->put_kvm(dev->vdev->kvm);
	dev->vdev->kvm = NULL;
	dev->put_kvm = NULL;
	symbol_put(kvm_put_kvm);
}
#else
void vfio_cdev_kvm_get(struct vfio_cdev_file *file)
{
}

void vfio_cdev_kvm_put(struct vfio_cdev *dev)
{
}
#endif

/* Called when the file is released, hence no longer in a virtual machine. */
void vfio_cdev_kvm_release(struct vfio_cdev_file *file)
{
	module_put(file->kvm_module);
}

/**
 * vfio_cdev_file_is_valid() - in the place of vfio_file_is_valid()
 * @filep: file of a cdev
 *
 * Return: true, KVM may use the other two functions on the file.
 */
bool vfio_cdev_file_is_valid(struct file *filep)
{
	return true;
}
EXPORT_SYMBOL_GPL(vfio_cdev_file_is_valid);

/**
 * vfio_cdev_file_enforced_coherent() - in the place of
 * vfio_file_enforced_coherent()
 * @filep: file of a cdev
 *
 * Return: whether all DMA of the device is coherent. If it is not, KVM lets the
 * guest flush caches.
 */
bool vfio_cdev_file_enforced_coherent(struct file *filep)
{
	struct vfio_cdev_file *file = filep->private_data;

	return file->dev->enforces_coherency;
}
EXPORT_SYMBOL_GPL(vfio_cdev_file_enforced_coherent);

/**
 * vfio_cdev_file_set_kvm() - in the place of vfio_file_set_kvm()
 * @filep: file of a cdev
 * @kvm: the virtual machine that the file is in from now on, or NULL
 *
 * A driver sees it in vdev->kvm if the device is bound after this call.
 */
void vfio_cdev_file_set_kvm(struct file *filep, struct kvm *kvm)
{
	struct vfio_cdev_file *file = filep->private_data;

	spin_lock(&file->kvm_lock);
	file->kvm = kvm;
	spin_unlock(&file->kvm_lock);
}
EXPORT_SYMBOL_GPL(vfio_cdev_file_set_kvm);
