// SPDX-License-Identifier: GPL-2.0
/*
 * BIND, ATTACH and DETACH: which iommufd, and which of its IO address spaces,
 * the DMA of a device goes to.
 *
 * The file that binds a device owns it. Until that file is closed, no other
 * file of the cdev can bind the device and its group cannot be opened.
 */
#include <linux/err.h>
#include <linux/iommufd.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/uuid.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "cdev.h"

/*
 * Devices behind an IOMMU that are bound: struct vfio_device * -> struct
 * iommufd_device *. Changed under dev_set->lock of the device, which a hot reset
 * holds when it asks.
 */
static DEFINE_XARRAY(vfio_cdev_idevs);

/**
 * vfio_cdev_find_idev() - the iommufd device of a vfio device
 * @vdev: device; the caller holds the lock of its dev_set
 *
 * Return: the device, or NULL when no cdev has bound @vdev.
 */
struct iommufd_device *vfio_cdev_find_idev(struct vfio_device *vdev)
{
	lockdep_assert_held(&vdev->dev_set->lock);

	return xa_load(&vfio_cdev_idevs, (unsigned long)vdev);
}
EXPORT_SYMBOL_GPL(vfio_cdev_find_idev);

/*
 * While user space uses a PF, only programs that know its token may use the VFs
 * of that PF. The driver checks that for the user of a group, so ask it here.
 */
static int vfio_cdev_check_token(struct vfio_cdev *dev,
				 const struct vfio_device_bind_iommufd *bind)
{
	uuid_t token;

	if (!(bind->flags & VFIO_DEVICE_BIND_FLAG_TOKEN))
		return vfio_match_token_uuid(dev->vdev, NULL);
	if (copy_from_user(&token, u64_to_user_ptr(bind->token_uuid_ptr),
			   sizeof(token)))
		return -EFAULT;
	return vfio_match_token_uuid(dev->vdev, &token);
}

/* Call the driver's open_device(), which a device need not have. */
static int vfio_cdev_open_device(struct vfio_cdev_file *file)
{
	struct vfio_device *vdev = file->dev->vdev;
	int rc = 0;

	vfio_cdev_kvm_get(file);
	vdev->open_count++;
	if (vdev->ops->open_device)
		rc = vdev->ops->open_device(vdev);
	if (rc) {
		vdev->open_count--;
		vfio_cdev_kvm_put(file->dev);
	}
	return rc;
}

/*
 * vfio's own open path cannot be called from here. Keep its open_count in its
 * place: vfio-pci-core reads it at the close of a device, and resets the bus
 * only when no other device on it is open.
 */
static int vfio_cdev_enable(struct vfio_cdev_file *file)
{
	struct vfio_cdev *dev = file->dev;
	struct vfio_device *vdev = dev->vdev;
	int rc = -EBUSY;

	lockdep_assert_held(&dev->lock);

	mutex_lock(&vdev->dev_set->lock);
	/*
	 * The group has no other user, but for one case: on some kernels nothing
	 * tells that the group of an emulated device had a container of vfio.ko
	 * before this module was loaded.
	 */
	if (vdev->open_count)
		goto out_unlock;
	rc = xa_err(xa_store(&vfio_cdev_idevs, (unsigned long)vdev, dev->idev,
			     GFP_KERNEL_ACCOUNT));
	if (rc)
		goto out_unlock;
	rc = vfio_cdev_open_device(file);
	if (rc)
		xa_erase(&vfio_cdev_idevs, (unsigned long)vdev);
out_unlock:
	mutex_unlock(&vdev->dev_set->lock);
	return rc;
}

static void vfio_cdev_disable(struct vfio_cdev *dev)
{
	struct vfio_device *vdev = dev->vdev;

	lockdep_assert_held(&dev->lock);

	mutex_lock(&vdev->dev_set->lock);
	if (vdev->ops->close_device)
		vdev->ops->close_device(vdev);
	vfio_set_precopy_info_v2(vdev, false);
	vdev->open_count--;
	vfio_cdev_kvm_put(dev);
	xa_erase(&vfio_cdev_idevs, (unsigned long)vdev);
	mutex_unlock(&vdev->dev_set->lock);
}

/* Bind the device to @ictx, which returns its id in @devid, and enable it. */
static int vfio_cdev_start(struct vfio_cdev_file *file,
			   struct iommufd_ctx *ictx, u32 *devid)
{
	int rc;

	rc = vfio_dma_bind(file->dev, ictx, devid);
	if (rc)
		return rc;
	rc = vfio_cdev_enable(file);
	if (rc)
		vfio_dma_unbind(file->dev);
	return rc;
}

/*
 * Stop the device before it loses its mappings: close_device() ends bus
 * mastering and resets the device. Otherwise DMA that is still running could
 * reach memory that is mapped in place of the old one.
 */
static void vfio_cdev_stop(struct vfio_cdev *dev)
{
	vfio_cdev_disable(dev);
	vfio_dma_unbind(dev);
}

/* As long as a device is bound, the module of its driver cannot be unloaded. */
static int vfio_cdev_hold_driver(struct vfio_cdev *dev)
{
	struct device_driver *driver = dev->vdev->dev->driver;

	dev->driver = driver ? driver->owner : NULL;
	return try_module_get(dev->driver) ? 0 : -ENODEV;
}

/* The caller keeps the group closed, and has checked the token. */
static int vfio_cdev_bind_to(struct vfio_cdev_file *file, int iommufd,
			     struct vfio_device_bind_iommufd __user *arg)
{
	struct iommufd_ctx *ictx = iommufd_ctx_from_fd(iommufd);
	u32 devid;
	int rc;

	if (IS_ERR(ictx))
		return PTR_ERR(ictx);
	rc = vfio_cdev_start(file, ictx, &devid);
	/* The bound device has a reference of its own. */
	iommufd_ctx_put(ictx);
	if (rc)
		return rc;
	if (put_user(devid, &arg->out_devid)) {
		vfio_cdev_stop(file->dev);
		return -EFAULT;
	}
	return 0;
}

/* The caller holds dev->lock, and the device is not bound. */
static int __vfio_cdev_bind(struct vfio_cdev_file *file,
			    const struct vfio_device_bind_iommufd *bind,
			    struct vfio_device_bind_iommufd __user *arg)
{
	struct vfio_cdev *dev = file->dev;
	int rc;

	rc = vfio_cdev_hold_driver(dev);
	if (rc)
		return rc;
	dev->hold = vfio_group_hold_get(dev->vdev);
	if (IS_ERR(dev->hold)) {
		rc = PTR_ERR(dev->hold);
		goto out_driver_put;
	}
	rc = vfio_cdev_check_token(dev, bind);
	if (rc)
		goto out_hold_put;
	rc = vfio_cdev_bind_to(file, bind->iommufd, arg);
	if (rc)
		goto out_hold_put;
	return 0;

out_hold_put:
	vfio_group_hold_put(dev->hold);
out_driver_put:
	module_put(dev->driver);
	return rc;
}

static int vfio_cdev_bind_copy(struct vfio_device_bind_iommufd *bind,
			       struct vfio_device_bind_iommufd __user *arg)
{
	const size_t minsz =
		offsetofend(struct vfio_device_bind_iommufd, out_devid);
	u32 argsz;
	int rc;

	if (get_user(argsz, &arg->argsz))
		return -EFAULT;
	if (argsz < minsz)
		return -EINVAL;
	/* What follows the known members is read to its end. */
	if (argsz > PAGE_SIZE)
		return -E2BIG;
	rc = copy_struct_from_user(bind, sizeof(*bind), arg, argsz);
	if (rc)
		return rc;
	if (bind->flags & ~VFIO_DEVICE_BIND_FLAG_TOKEN || bind->iommufd < 0)
		return -EINVAL;
	return 0;
}

/**
 * vfio_cdev_bind_ioctl() - VFIO_DEVICE_BIND_IOMMUFD
 * @file: file that becomes the owner of the device
 * @arg: argument of the ioctl
 *
 * Return: 0; EINVAL for a bad argument or when a file has already bound the
 * device, E2BIG for an argument with unknown members that are not zero or one
 * larger than a page, EBUSY while the group is in use, EINTR when the task was
 * killed while it waited for the group, EACCES when the token of a VF or of a
 * PF whose VFs are in use is missing or wrong, EBADF or EBADFD when the
 * descriptor is not an iommufd, EFAULT, or an error of vfio_dma_bind() or of the
 * driver's open_device(). Programs rely on the order of these checks.
 */
long vfio_cdev_bind_ioctl(struct vfio_cdev_file *file,
			  struct vfio_device_bind_iommufd __user *arg)
{
	struct vfio_cdev *dev = file->dev;
	struct vfio_device_bind_iommufd bind;
	int rc;

	rc = vfio_cdev_bind_copy(&bind, arg);
	if (rc)
		return rc;
	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	if (dev->user)
		rc = dev->user->of_group ? -EBUSY : -EINVAL;
	else
		rc = __vfio_cdev_bind(file, &bind, arg);
	if (!rc)
		/* Publish; pairs with vfio_cdev_bound(). */
		smp_store_release(&dev->user, file);
	mutex_unlock(&dev->lock);
	return rc;
}

/* The caller holds dev->lock, and the device is not bound. */
static int __vfio_cdev_bind_of_group(struct vfio_cdev_file *file,
				     struct iommufd_ctx *ictx, u32 ioas_id)
{
	struct vfio_cdev *dev = file->dev;
	u32 devid;
	int rc;

	rc = vfio_cdev_hold_driver(dev);
	if (rc)
		return rc;
	rc = vfio_cdev_start(file, ictx, &devid);
	if (rc)
		goto out_driver_put;
	rc = vfio_dma_attach(dev, &ioas_id);
	if (rc)
		goto out_stop;
	dev->hold = NULL;
	return 0;

out_stop:
	vfio_cdev_stop(dev);
out_driver_put:
	module_put(dev->driver);
	return rc;
}

/**
 * vfio_cdev_bind_of_group() - bind and attach a device for a user of its group
 * @file: becomes the owner of the device, until vfio_cdev_unbind()
 * @ictx: iommufd that is the container of the group
 *
 * The device is attached to the IOAS that stands for a container. The caller
 * keeps the group open, so no cdev of the group is bound.
 *
 * Return: 0; EBUSY when a file of the cdev has bound the device after all,
 * because the group has no node, ENODEV when @ictx has no such IOAS, EPERM for a
 * device without an IOMMU,
 * ERESTARTSYS, or an error of vfio_dma_bind(), vfio_dma_attach() or of the
 * driver's open_device().
 */
int vfio_cdev_bind_of_group(struct vfio_cdev_file *file,
			    struct iommufd_ctx *ictx)
{
	struct vfio_cdev *dev = file->dev;
	u32 ioas_id;
	int rc;

	/* The user of a group expects that an IOMMU translates. */
	if (dev->noiommu)
		return -EPERM;
	rc = iommufd_vfio_compat_ioas_get_id(ictx, &ioas_id);
	if (rc)
		return rc;
	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	rc = dev->user ? -EBUSY :
			 __vfio_cdev_bind_of_group(file, ictx, ioas_id);
	if (!rc)
		/* Publish; pairs with vfio_cdev_bound(). */
		smp_store_release(&dev->user, file);
	mutex_unlock(&dev->lock);
	return rc;
}
EXPORT_SYMBOL_GPL(vfio_cdev_bind_of_group);

/**
 * vfio_cdev_unbind() - undo BIND or vfio_cdev_bind_of_group()
 * @dev: bound device. The file that has bound it is being released.
 *
 * On return the cdev can be bound and the group can be opened, if the user of
 * the group did not bind the device.
 */
void vfio_cdev_unbind(struct vfio_cdev *dev)
{
	mutex_lock(&dev->lock);
	vfio_cdev_stop(dev);
	if (dev->hold)
		vfio_group_hold_put(dev->hold);
	module_put(dev->driver);
	WRITE_ONCE(dev->user, NULL);
	mutex_unlock(&dev->lock);
}
EXPORT_SYMBOL_GPL(vfio_cdev_unbind);

/**
 * vfio_cdev_attach_ioctl() - VFIO_DEVICE_ATTACH_IOMMUFD_PT
 * @dev: bound device
 * @arg: argument of the ioctl
 *
 * If the answer cannot be written, a first attach is undone. A move is not,
 * since the old page table may be gone: the device stays on the new one.
 *
 * Return: 0, EINVAL for a bad argument, EFAULT, or an error of
 * vfio_dma_attach() or vfio_pasid_attach_ioctl().
 */
long vfio_cdev_attach_ioctl(struct vfio_cdev *dev,
			    struct vfio_device_attach_iommufd_pt __user *arg)
{
	const size_t minsz =
		offsetofend(struct vfio_device_attach_iommufd_pt, pt_id);
	struct vfio_device_attach_iommufd_pt attach;
	bool was_attached;
	int rc;

	if (copy_from_user(&attach, arg, minsz))
		return -EFAULT;
	if (attach.argsz < minsz || attach.flags & ~VFIO_DEVICE_ATTACH_PASID)
		return -EINVAL;
	if (attach.flags & VFIO_DEVICE_ATTACH_PASID)
		return vfio_pasid_attach_ioctl(dev, attach.argsz, arg);

	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	was_attached = dev->attached;
	rc = vfio_dma_attach(dev, &attach.pt_id);
	if (!rc && put_user(attach.pt_id, &arg->pt_id)) {
		rc = -EFAULT;
		if (!was_attached)
			vfio_dma_detach(dev);
	}
	mutex_unlock(&dev->lock);
	return rc;
}

/**
 * vfio_cdev_detach_ioctl() - VFIO_DEVICE_DETACH_IOMMUFD_PT
 * @dev: bound device
 * @arg: argument of the ioctl
 *
 * Return: 0, also when the device was not attached; EINVAL for a bad argument,
 * EFAULT, or an error of vfio_pasid_detach_ioctl().
 */
long vfio_cdev_detach_ioctl(struct vfio_cdev *dev,
			    struct vfio_device_detach_iommufd_pt __user *arg)
{
	const size_t minsz =
		offsetofend(struct vfio_device_detach_iommufd_pt, flags);
	struct vfio_device_detach_iommufd_pt detach;

	if (copy_from_user(&detach, arg, minsz))
		return -EFAULT;
	if (detach.argsz < minsz || detach.flags & ~VFIO_DEVICE_DETACH_PASID)
		return -EINVAL;
	if (detach.flags & VFIO_DEVICE_DETACH_PASID)
		return vfio_pasid_detach_ioctl(dev, detach.argsz, arg);

	if (mutex_lock_interruptible(&dev->lock))
		return -ERESTARTSYS;
	vfio_dma_detach(dev);
	mutex_unlock(&dev->lock);
	return 0;
}
