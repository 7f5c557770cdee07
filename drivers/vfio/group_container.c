// SPDX-License-Identifier: GPL-2.0
/*
 * vfio-cdev-group: an iommufd as the container of a VFIO group
 *
 * User space may pass an iommufd to VFIO_GROUP_SET_CONTAINER in place of an open
 * /dev/vfio/vfio, and go on with the ioctls of a type1 container on the
 * iommufd. vfio.ko does not know iommufds. So the calls of two of its functions
 * are redirected, the ioctl and the release of a group's file:
 *
 *  - every VFIO_GROUP_SET_CONTAINER, because only a function that may sleep can
 *    find out what kind of file it gets. What is no iommufd goes on in vfio.ko.
 *  - the other ioctls and the release, of files that were given a container
 *    since this module was loaded.
 *
 * For vfio.ko such a group is open and has no container. That keeps other
 * openers of the group, and BIND of its devices' cdevs, out. Its file still is a
 * file of vfio.ko and proves the right to devices, for example in a hot reset.
 *
 * KVM stores a virtual machine in the group, where this module cannot read it:
 * vdev->kvm is not set for drivers that look at it. Before 6.2, and without
 * vfio-cdev-kvm, vfio.ko tells KVM that DMA of such a group is coherent.
 *
 * Each redirected call holds this module, from the callback of ftrace to the end
 * of vfio_group_ioctl() or vfio_group_release(), and so does each group whose
 * container is an iommufd. What a call does after it has let go is waited for
 * with synchronize_rcu_tasks(): it does not sleep there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "cdev.h"
#include "group_container.h"
#include "redirect.h"

static struct vfio_group_container *vfio_group_container(struct file *filep)
{
	return xa_load(&vfio_cdev_group_files, (unsigned long)filep);
}

/* Only the release of the file ends it, and the caller keeps the file open. */
static struct vfio_group_container *
vfio_group_container_create(struct file *filep)
{
	struct vfio_group_container *container, *other;

	container = kzalloc(sizeof(*container), GFP_KERNEL_ACCOUNT);
	if (!container)
		return ERR_PTR(-ENOMEM);
	mutex_init(&container->lock);
	INIT_LIST_HEAD(&container->devices);
	other = xa_cmpxchg(&vfio_cdev_group_files, (unsigned long)filep, NULL,
			   container, GFP_KERNEL_ACCOUNT);
	if (!other)
		return container;
	kfree(container);
	return xa_is_err(other) ? ERR_PTR(xa_err(other)) : other;
}

static bool vfio_group_is_claimed(struct device *device)
{
	struct iommu_group *group = iommu_group_get(device);
	bool claimed;

	if (!group)
		return false;
	claimed = iommu_group_dma_owner_claimed(group);
	iommu_group_put(group);
	return claimed;
}

/*
 * vfio.ko has refused an iommufd with the error @rc: only because it is none of
 * its containers, and has the group a device that can be served?
 *
 * EBADFD says that the group has no container. Until 6.1 the error is EINVAL,
 * also for a group that has one. One that was set before this module was loaded
 * shows in the ownership of the group's DMA, which a driver of the host may
 * have as well; such a group is of no use for anything.
 */
static bool vfio_group_is_free(struct vfio_group_container *container,
			       struct file *filep, long rc)
{
	unsigned long index = 0;
	struct vfio_cdev *dev;
	bool claimed;

	if (container->stock || (rc != -EBADFD && rc != -EINVAL))
		return false;
	dev = vfio_cdev_next_in_group(filep, &index);
	if (!dev)
		return false;
	claimed = vfio_group_is_claimed(dev->vdev->dev);
	vfio_cdev_leave(dev);
	return rc == -EBADFD || !claimed;
}

/* @ictx is an error if the user passes something else than an iommufd. */
static long __vfio_group_set(struct vfio_group_container *container,
			     struct file *filep, struct iommufd_ctx *ictx,
			     unsigned long arg)
{
	long rc;

	lockdep_assert_held(&container->lock);

	if (container->ictx)
		return PTR_ERR_OR_ZERO(ictx) == -EBADF ? -EBADF : -EINVAL;
	rc = vfio_group_stock_ioctl(filep, VFIO_GROUP_SET_CONTAINER, arg);
	if (!rc)
		container->stock = true;
	if (IS_ERR(ictx) || !vfio_group_is_free(container, filep, rc))
		return rc;
	rc = iommufd_vfio_compat_ioas_create(ictx);
	if (rc)
		return rc;
	iommufd_ctx_get(ictx);
	WRITE_ONCE(container->ictx, ictx);
	xa_set_mark(&vfio_cdev_group_files, (unsigned long)filep,
		    VFIO_CDEV_HAS_IOMMUFD);
	__module_get(THIS_MODULE);
	return 0;
}

/*
 * Return: 0; EINVAL when the group has a container, EFAULT, EBADF, EBADFD (until
 * 6.1 EINVAL) for a file that is no container, ENODEV when the group has lost
 * its devices, ENOMEM, or an error of vfio.ko for a container of its own.
 */
static long vfio_group_set(struct file *filep, unsigned long arg)
{
	struct vfio_group_container *container;
	struct iommufd_ctx *ictx;
	long rc;
	int fd;

	if (get_user(fd, (int __user *)arg))
		return -EFAULT;
	container = vfio_group_container_create(filep);
	if (IS_ERR(container))
		return PTR_ERR(container);
	ictx = iommufd_ctx_from_fd(fd);
	if (mutex_lock_interruptible(&container->lock)) {
		rc = -ERESTARTSYS;
		goto out_put;
	}
	rc = __vfio_group_set(container, filep, ictx, arg);
	mutex_unlock(&container->lock);
out_put:
	if (!IS_ERR(ictx))
		iommufd_ctx_put(ictx);
	return rc;
}

/* The group has no device file open. The caller puts the result. */
static struct iommufd_ctx *
vfio_group_container_clear(struct vfio_group_container *container)
{
	struct iommufd_ctx *ictx = container->ictx;

	if (!ictx)
		return NULL;
	WRITE_ONCE(container->ictx, NULL);
	/* The call that runs holds the module, too. */
	module_put(THIS_MODULE);
	return ictx;
}

/*
 * Return: 0; EINVAL when the group has no container, EBUSY when a device file is
 * open.
 */
static long vfio_group_unset(struct vfio_group_container *container,
			     struct file *filep, unsigned long arg)
{
	struct iommufd_ctx *ictx = NULL;
	long rc = 0;

	if (mutex_lock_interruptible(&container->lock))
		return -ERESTARTSYS;
	if (!container->ictx) {
		rc = vfio_group_stock_ioctl(filep, VFIO_GROUP_UNSET_CONTAINER,
					    arg);
		if (!rc)
			container->stock = false;
	} else if (!list_empty(&container->devices)) {
		rc = -EBUSY;
	} else {
		xa_clear_mark(&vfio_cdev_group_files, (unsigned long)filep,
			      VFIO_CDEV_HAS_IOMMUFD);
		ictx = vfio_group_container_clear(container);
	}
	mutex_unlock(&container->lock);
	if (ictx)
		iommufd_ctx_put(ictx);
	return rc;
}

/* Let vfio.ko answer, and correct what it does not know. */
static long vfio_group_get_status(struct vfio_group_container *container,
				  struct file *filep, unsigned long arg)
{
	struct vfio_group_status __user *status = (void __user *)arg;
	long rc;

	rc = vfio_group_stock_ioctl(filep, VFIO_GROUP_GET_STATUS, arg);
	if (!rc && READ_ONCE(container->ictx) &&
	    put_user(VFIO_GROUP_FLAGS_CONTAINER_SET | VFIO_GROUP_FLAGS_VIABLE,
		     &status->flags))
		rc = -EFAULT;
	return rc;
}

static long vfio_group_get_device_fd(struct vfio_group_container *container,
				     struct file *filep, unsigned long arg)
{
	char *name;
	long rc;

	name = strndup_user((const char __user *)arg, PAGE_SIZE);
	if (IS_ERR(name))
		return PTR_ERR(name);
	if (mutex_lock_interruptible(&container->lock)) {
		rc = -ERESTARTSYS;
		goto out_free;
	}
	if (container->ictx) {
		rc = vfio_group_device_fd(container, filep, name);
		mutex_unlock(&container->lock);
	} else {
		mutex_unlock(&container->lock);
		rc = vfio_group_stock_ioctl(filep, VFIO_GROUP_GET_DEVICE_FD,
					    arg);
	}
out_free:
	kfree(name);
	return rc;
}

static long vfio_group_dispatch(struct file *filep, unsigned int cmd,
				unsigned long arg)
{
	struct vfio_group_container *container = vfio_group_container(filep);

	switch (cmd) {
	case VFIO_GROUP_SET_CONTAINER:
		return vfio_group_set(filep, arg);
	case VFIO_GROUP_UNSET_CONTAINER:
		return vfio_group_unset(container, filep, arg);
	case VFIO_GROUP_GET_STATUS:
		return vfio_group_get_status(container, filep, arg);
	case VFIO_GROUP_GET_DEVICE_FD:
		return vfio_group_get_device_fd(container, filep, arg);
	}
	return vfio_group_stock_ioctl(filep, cmd, arg);
}

/* In the place of the ioctl of vfio.ko's groups */
static long vfio_group_ioctl(struct file *filep, unsigned int cmd,
			     unsigned long arg)
{
	long rc = vfio_group_dispatch(filep, cmd, arg);

	/* Taken by vfio_group_ioctl_matches() */
	module_put(THIS_MODULE);
	return rc;
}

static bool notrace vfio_group_ioctl_matches(unsigned long arg0,
					     unsigned long arg1,
					     unsigned long caller)
{
	if (within_module(caller, THIS_MODULE))
		return false;
	if ((unsigned int)arg1 != VFIO_GROUP_SET_CONTAINER &&
	    !vfio_group_container((struct file *)arg0))
		return false;
	return try_module_get(THIS_MODULE);
}

static void vfio_group_container_free(struct vfio_group_container *container)
{
	mutex_destroy(&container->lock);
	kfree(container);
}

/* In the place of the release of vfio.ko's groups: no file of a device is open. */
static int vfio_group_release(struct inode *inode, struct file *filep)
{
	struct vfio_group_container *container =
		xa_erase(&vfio_cdev_group_files, (unsigned long)filep);
	struct iommufd_ctx *ictx = vfio_group_container_clear(container);
	int rc;

	if (ictx)
		iommufd_ctx_put(ictx);
	vfio_group_container_free(container);
	rc = vfio_group_stock_release(inode, filep);
	/* Taken by vfio_group_release_matches() */
	module_put(THIS_MODULE);
	return rc;
}

static bool notrace vfio_group_release_matches(unsigned long arg0,
					       unsigned long arg1,
					       unsigned long caller)
{
	return !within_module(caller, THIS_MODULE) &&
	       vfio_group_container((struct file *)arg1) &&
	       try_module_get(THIS_MODULE);
}

enum { VFIO_GROUP_RELEASE, VFIO_GROUP_IOCTL };

/* The functions of vfio.ko are found when this module is loaded. */
static struct vfio_redirect vfio_group_functions[] = {
	[VFIO_GROUP_RELEASE] = {
		.to = vfio_group_release,
		.matches = vfio_group_release_matches,
	},
	[VFIO_GROUP_IOCTL] = {
		.to = vfio_group_ioctl,
		.matches = vfio_group_ioctl_matches,
	},
};

static struct vfio_redirects vfio_group_redirects = {
	.functions = vfio_group_functions,
	.num = ARRAY_SIZE(vfio_group_functions),
};

static int vfio_group_redirect(void)
{
	vfio_group_functions[VFIO_GROUP_RELEASE].from =
		vfio_group_stock->release;
	vfio_group_functions[VFIO_GROUP_IOCTL].from =
		vfio_group_stock->unlocked_ioctl;
	return vfio_redirects_start(&vfio_group_redirects);
}

static void vfio_group_say_why(int rc)
{
	if (rc == -EOPNOTSUPP)
		pr_warn("groups take no iommufd as container: ftrace of this kernel cannot redirect calls\n");
	else if (rc == -EBUSY)
		pr_warn("groups take no iommufd as container: their functions in vfio.ko are patched already, as by a livepatch, or kernel.ftrace_enabled is 0\n");
	else
		pr_warn("groups take no iommufd as container: error %d\n", rc);
}

static int __init vfio_cdev_group_init(void)
{
	int rc;

	rc = vfio_group_stock_find();
	if (!rc)
		rc = vfio_group_redirect();
	if (rc)
		vfio_group_say_why(rc);
	return rc;
}
module_init(vfio_cdev_group_init);

/* No group has an iommufd as container, and no redirected call holds us. */
static void __exit vfio_cdev_group_exit(void)
{
	struct vfio_group_container *container;
	unsigned long index;

	vfio_redirects_stop(&vfio_group_redirects);
	synchronize_rcu_tasks();
	xa_for_each(&vfio_cdev_group_files, index, container)
		vfio_group_container_free(container);
	xa_destroy(&vfio_cdev_group_files);
}
module_exit(vfio_cdev_group_exit);

MODULE_DESCRIPTION("VFIO groups with an iommufd as container");
MODULE_VERSION(IOMMUFD_VERSION);
MODULE_LICENSE("GPL");
