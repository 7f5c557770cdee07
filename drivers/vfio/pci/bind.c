// SPDX-License-Identifier: GPL-2.0
/*
 * Which iommufd, and which of its IO address spaces, a device's DMA goes to.
 *
 * A file that bound the device owns it: no other file of the cdev can bind it
 * and nobody can open its group until that file is closed.
 */
#include <linux/err.h>
#include <linux/iommufd.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>
#include <linux/vfio.h>

#include "cdev.h"

/* With the text form of a group user's VFIO_GROUP_GET_DEVICE_FD */
static char *
vfio_pci_cdev_match_name(struct vfio_pci_cdev *dev,
			 const struct vfio_device_bind_iommufd *bind)
{
	const char *name = pci_name(dev->core.pdev);
	uuid_t token;

	if (!(bind->flags & VFIO_DEVICE_BIND_FLAG_TOKEN))
		return kstrdup(name, GFP_KERNEL);
	if (copy_from_user(&token, u64_to_user_ptr(bind->token_uuid_ptr),
			   sizeof(token)))
		return ERR_PTR(-EFAULT);
	return kasprintf(GFP_KERNEL, "%s vf_token=%pUb", name, &token);
}

/*
 * A VF whose PF is in the hands of a user is for those only who know the token
 * of that PF. vfio-pci-core checks it where it matches the name a group's user
 * asked for, so the cdev's user is matched as well.
 */
static int
vfio_pci_cdev_check_token(struct vfio_pci_cdev *dev,
			  const struct vfio_device_bind_iommufd *bind)
{
	char *name;
	int rc;

	name = vfio_pci_cdev_match_name(dev, bind);
	if (IS_ERR_OR_NULL(name))
		return name ? PTR_ERR(name) : -ENOMEM;
	rc = vfio_pci_core_match(&dev->core.vdev, name);
	kfree(name);
	if (rc < 0)
		return rc;
	return rc ? 0 : -ENODEV;
}

/*
 * vfio's own open path is not there to be called. Its count is kept all the
 * same, for vfio-pci-core resets a bus at the close of a device only when no
 * other device on it is open.
 */
static int vfio_pci_cdev_enable(struct vfio_pci_cdev *dev,
				struct iommufd_device *idev)
{
	struct vfio_device *vdev = &dev->core.vdev;
	int rc = -EBUSY;

	lockdep_assert_held(&dev->lock);

	mutex_lock(&vdev->dev_set->lock);
	/* With the group held off and its DMA ours, nobody can have it open. */
	if (WARN_ON_ONCE(vdev->open_count))
		goto out_unlock;
	vdev->open_count++;
	rc = vdev->ops->open_device(vdev);
	if (rc)
		vdev->open_count--;
	else
		dev->idev = idev;
out_unlock:
	mutex_unlock(&vdev->dev_set->lock);
	return rc;
}

static void vfio_pci_cdev_disable(struct vfio_pci_cdev *dev)
{
	struct vfio_device *vdev = &dev->core.vdev;

	lockdep_assert_held(&dev->lock);

	mutex_lock(&vdev->dev_set->lock);
	vdev->ops->close_device(vdev);
	vdev->open_count--;
	dev->idev = NULL;
	mutex_unlock(&vdev->dev_set->lock);
}

/* Give the device to @ictx and switch it on; the device's id there in @devid. */
static int vfio_pci_cdev_start(struct vfio_pci_cdev *dev,
			       struct iommufd_ctx *ictx, u32 *devid)
{
	struct iommufd_device *idev;
	int rc;

	idev = iommufd_device_bind(ictx, &dev->core.pdev->dev, devid);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = vfio_pci_cdev_enable(dev, idev);
	if (rc)
		iommufd_device_unbind(idev);
	return rc;
}

/*
 * The device is stopped before it loses its mappings: closing it ends bus
 * mastering and resets it, so that no DMA of its last user can hit what takes
 * their place.
 */
static void vfio_pci_cdev_stop(struct vfio_pci_cdev *dev)
{
	struct iommufd_device *idev = dev->idev;

	vfio_pci_cdev_disable(dev);
	if (dev->attached)
		iommufd_device_detach(idev);
	dev->attached = false;
	iommufd_device_unbind(idev);
}

/* The device's lock is held and nobody has bound it. */
static int __vfio_pci_cdev_bind(struct vfio_pci_cdev *dev,
				struct iommufd_ctx *ictx,
				struct vfio_device_bind_iommufd *bind,
				struct vfio_device_bind_iommufd __user *arg)
{
	int rc;

	dev->hold = vfio_group_hold_get(&dev->core.vdev);
	if (IS_ERR(dev->hold))
		return PTR_ERR(dev->hold);
	rc = vfio_pci_cdev_check_token(dev, bind);
	if (rc)
		goto out_hold_put;
	rc = vfio_pci_cdev_start(dev, ictx, &bind->out_devid);
	if (rc)
		goto out_hold_put;
	if (put_user(bind->out_devid, &arg->out_devid)) {
		rc = -EFAULT;
		goto out_stop;
	}
	return 0;

out_stop:
	vfio_pci_cdev_stop(dev);
out_hold_put:
	vfio_group_hold_put(dev->hold);
	return rc;
}

static int vfio_pci_cdev_bind_copy(struct vfio_device_bind_iommufd *bind,
				   struct vfio_device_bind_iommufd __user *arg)
{
	size_t minsz = offsetofend(struct vfio_device_bind_iommufd, out_devid);

	if (copy_from_user(bind, arg, minsz))
		return -EFAULT;
	if (bind->argsz < minsz || bind->flags & ~VFIO_DEVICE_BIND_FLAG_TOKEN)
		return -EINVAL;
	if (bind->iommufd < 0)
		return -EINVAL;
	if (!(bind->flags & VFIO_DEVICE_BIND_FLAG_TOKEN))
		return 0;

	minsz = offsetofend(struct vfio_device_bind_iommufd, token_uuid_ptr);
	if (bind->argsz < minsz)
		return -EINVAL;
	return get_user(bind->token_uuid_ptr, &arg->token_uuid_ptr);
}

/**
 * vfio_pci_cdev_bind_ioctl - VFIO_DEVICE_BIND_IOMMUFD
 * @dev: device
 * @filep: the file that shall own it
 * @arg: the ioctl's argument
 *
 * Return: 0; EINVAL for a bad argument or when a file has bound the device
 * already, EBADF and EBADFD for what is not an iommufd, EBUSY while the group
 * is in use, EINTR when killed while waiting for the group, EACCES when a VF's
 * token is missing or wrong, and what iommufd_device_bind() or enabling the
 * device say.
 */
long vfio_pci_cdev_bind_ioctl(struct vfio_pci_cdev *dev, struct file *filep,
			      struct vfio_device_bind_iommufd __user *arg)
{
	struct vfio_device_bind_iommufd bind = {};
	struct iommufd_ctx *ictx;
	int rc;

	rc = vfio_pci_cdev_bind_copy(&bind, arg);
	if (rc)
		return rc;
	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	if (dev->user) {
		rc = -EINVAL;
		goto out_unlock;
	}
	ictx = iommufd_ctx_from_fd(bind.iommufd);
	if (IS_ERR(ictx)) {
		rc = PTR_ERR(ictx);
		goto out_unlock;
	}
	rc = __vfio_pci_cdev_bind(dev, ictx, &bind, arg);
	/* The bound device has a reference of its own. */
	iommufd_ctx_put(ictx);
	if (!rc)
		/* Publish; pairs with vfio_pci_cdev_bound(). */
		smp_store_release(&dev->user, filep);
out_unlock:
	mutex_unlock(&dev->lock);
	return rc;
}

/**
 * vfio_pci_cdev_unbind - the bound file is being released
 * @dev: device
 *
 * When it returns, the group and the cdev can be used by others.
 */
void vfio_pci_cdev_unbind(struct vfio_pci_cdev *dev)
{
	mutex_lock(&dev->lock);
	vfio_pci_cdev_stop(dev);
	vfio_group_hold_put(dev->hold);
	WRITE_ONCE(dev->user, NULL);
	mutex_unlock(&dev->lock);
}

/* Attach, or move to another place what is attached. The lock is held. */
static int vfio_pci_cdev_set_pt(struct vfio_pci_cdev *dev, u32 *pt_id)
{
	int rc;

	if (dev->attached)
		return iommufd_device_replace(dev->idev, pt_id);
	rc = iommufd_device_attach(dev->idev, pt_id);
	if (!rc)
		dev->attached = true;
	return rc;
}

static void __vfio_pci_cdev_detach(struct vfio_pci_cdev *dev)
{
	if (!dev->attached)
		return;
	iommufd_device_detach(dev->idev);
	dev->attached = false;
}

/**
 * vfio_pci_cdev_attach_ioctl - VFIO_DEVICE_ATTACH_IOMMUFD_PT
 * @dev: bound device
 * @arg: the ioctl's argument
 *
 * An answer that cannot be delivered undoes a first attach. After a move the
 * old place may be gone, so the device stays in the new one.
 *
 * Return: 0, EINVAL for a bad argument, EFAULT, and what
 * iommufd_device_attach() or iommufd_device_replace() say.
 */
long
vfio_pci_cdev_attach_ioctl(struct vfio_pci_cdev *dev,
			   struct vfio_device_attach_iommufd_pt __user *arg)
{
	const size_t minsz =
		offsetofend(struct vfio_device_attach_iommufd_pt, pt_id);
	struct vfio_device_attach_iommufd_pt attach;
	bool was_attached;
	int rc;

	if (copy_from_user(&attach, arg, minsz))
		return -EFAULT;
	if (attach.argsz < minsz || attach.flags)
		return -EINVAL;

	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	was_attached = dev->attached;
	rc = vfio_pci_cdev_set_pt(dev, &attach.pt_id);
	if (!rc && put_user(attach.pt_id, &arg->pt_id)) {
		rc = -EFAULT;
		if (!was_attached)
			__vfio_pci_cdev_detach(dev);
	}
	mutex_unlock(&dev->lock);
	return rc;
}

/**
 * vfio_pci_cdev_detach_ioctl - VFIO_DEVICE_DETACH_IOMMUFD_PT
 * @dev: bound device
 * @arg: the ioctl's argument
 *
 * Return: 0, also when it was not attached; EINVAL for a bad argument, EFAULT.
 */
long
vfio_pci_cdev_detach_ioctl(struct vfio_pci_cdev *dev,
			   struct vfio_device_detach_iommufd_pt __user *arg)
{
	const size_t minsz =
		offsetofend(struct vfio_device_detach_iommufd_pt, flags);
	struct vfio_device_detach_iommufd_pt detach;

	if (copy_from_user(&detach, arg, minsz))
		return -EFAULT;
	if (detach.argsz < minsz || detach.flags)
		return -EINVAL;

	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	__vfio_pci_cdev_detach(dev);
	mutex_unlock(&dev->lock);
	return 0;
}
