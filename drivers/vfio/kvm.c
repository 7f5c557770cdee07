// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual machine that the file of a cdev is added to
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

#if IS_ENABLED(CONFIG_KVM)
/* Set vdev->kvm, with file->kvm_lock held, under which KVM keeps @kvm. */
static void vfio_cdev_kvm_hold(struct vfio_cdev *dev, struct kvm *kvm)
{
	bool (*get)(struct kvm * kvm);
	void (*put)(struct kvm * kvm);

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
