// SPDX-License-Identifier: GPL-2.0
/*
 * Device files of a group whose container is an iommufd: the answer to
 * VFIO_GROUP_GET_DEVICE_FD.
 *
 * Such a file is a bound file of the device's cdev, with the operations that
 * vfio-cdev has for that, but it was not opened through the node, and the
 * device is attached from the start. All files of one device share it: the
 * first one binds the device, the release of the last one stops it.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio.h>

#include "cdev.h"
#include "group_container.h"

/**
 * struct vfio_group_device - an open device of a group
 * @file: stands for all files of the device, which have it as private data
 * @container: the container of the group
 * @group: the group's file, counted by each file: the release of one file may
 *         still be unlocking @container when that of another ends it
 * @entry: in @container's devices
 * @users: the number of files; under @container's lock
 */
struct vfio_group_device {
	struct vfio_cdev_file file;
	struct vfio_group_container *container;
	struct file *group;
	struct list_head entry;
	unsigned int users;
};

static int vfio_group_device_match(struct vfio_device *vdev, char *name)
{
	if (vdev->ops->match)
		return vdev->ops->match(vdev, name);
	return !strcmp(dev_name(vdev->dev), name);
}

/* The caller becomes a user of the device that is returned. */
static struct vfio_cdev *vfio_group_device_find(struct file *group, char *name)
{
	struct vfio_cdev *dev;
	unsigned long index = 0;
	int rc;

	while ((dev = vfio_cdev_next_in_group(group, &index))) {
		rc = vfio_group_device_match(dev->vdev, name);
		if (rc > 0)
			return dev;
		vfio_cdev_leave(dev);
		if (rc < 0)
			return ERR_PTR(rc);
	}
	return ERR_PTR(-ENODEV);
}

static struct vfio_group_device *
vfio_group_device_shared(struct vfio_group_container *container,
			 struct vfio_cdev *dev)
{
	struct vfio_group_device *device;

	list_for_each_entry(device, &container->devices, entry)
		if (device->file.dev == dev)
			return device;
	return NULL;
}

/* On success the use of @dev is moved to the result. */
static struct vfio_group_device *
vfio_group_device_open(struct vfio_group_container *container,
		       struct file *group, struct vfio_cdev *dev)
{
	struct vfio_group_device *device;
	int rc;

	device = kzalloc(sizeof(*device), GFP_KERNEL_ACCOUNT);
	if (!device)
		return ERR_PTR(-ENOMEM);
	device->file.dev = dev;
	device->file.of_group = true;
	spin_lock_init(&device->file.kvm_lock);
	rc = vfio_cdev_bind_of_group(&device->file, container->ictx);
	if (rc) {
		kfree(device);
		return ERR_PTR(rc);
	}
	device->container = container;
	device->group = group;
	list_add(&device->entry, &container->devices);
	return device;
}

/* Open the device of this name, or become one more user of it. */
static struct vfio_group_device *
vfio_group_device_get(struct vfio_group_container *container,
		      struct file *group, char *name)
{
	struct vfio_group_device *device;
	struct vfio_cdev *dev;

	lockdep_assert_held(&container->lock);

	dev = vfio_group_device_find(group, name);
	if (IS_ERR(dev))
		return ERR_CAST(dev);
	device = vfio_group_device_shared(container, dev);
	if (device) {
		vfio_cdev_leave(dev);
	} else {
		device = vfio_group_device_open(container, group, dev);
		if (IS_ERR(device)) {
			vfio_cdev_leave(dev);
			return device;
		}
	}
	device->users++;
	get_file(group);
	return device;
}

/* The caller then puts the group's file, without the lock. */
static void vfio_group_device_put(struct vfio_group_device *device)
{
	struct vfio_cdev *dev = device->file.dev;

	lockdep_assert_held(&device->container->lock);

	if (--device->users)
		return;
	list_del(&device->entry);
	vfio_cdev_unbind(dev);
	vfio_cdev_leave(dev);
	kfree(device);
}

static int vfio_group_device_release(struct inode *inode, struct file *filep)
{
	struct vfio_cdev_file *file = filep->private_data;
	struct vfio_group_device *device =
		container_of(file, struct vfio_group_device, file);
	struct vfio_group_container *container = device->container;
	struct file *group = device->group;

	mutex_lock(&container->lock);
	vfio_group_device_put(device);
	mutex_unlock(&container->lock);
	/* The release of the group frees the container. */
	fput(group);
	return 0;
}

static const struct file_operations vfio_group_device_fops = {
	.owner = THIS_MODULE,
	.release = vfio_group_device_release,
	.read = vfio_cdev_fops_read,
	.write = vfio_cdev_fops_write,
	.unlocked_ioctl = vfio_cdev_fops_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vfio_cdev_fops_mmap,
	.show_fdinfo = vfio_cdev_fops_show_fdinfo,
};

static struct file *vfio_group_device_file(struct vfio_group_device *device)
{
	struct file *filep;

	filep = anon_inode_getfile("[vfio-device]", &vfio_group_device_fops,
				   &device->file, O_RDWR);
	if (IS_ERR(filep))
		return filep;
	filep->f_mode |= FMODE_PREAD | FMODE_PWRITE;
	vfio_file_share_mapping(filep, device->file.dev->vdev);
	return filep;
}

/**
 * vfio_group_device_fd() - open a device of a group
 * @container: container of the group, an iommufd; the caller holds its lock
 * @group: the group's file
 * @name: what VFIO_GROUP_GET_DEVICE_FD was given
 *
 * Return: a file descriptor; ENODEV when no device of the group has this name
 * or the iommufd has lost the IOAS that stands for the container, EBUSY when
 * another user has the DMA of the group, EACCES when the token of a VF is
 * missing or wrong, EMFILE, ENOMEM, or an error of iommufd_device_bind(),
 * iommufd_device_attach() or of the driver.
 */
int vfio_group_device_fd(struct vfio_group_container *container,
			 struct file *group, char *name)
{
	struct vfio_group_device *device;
	struct file *filep;
	int fd, rc;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	device = vfio_group_device_get(container, group, name);
	if (IS_ERR(device)) {
		rc = PTR_ERR(device);
		goto out_put_fd;
	}
	filep = vfio_group_device_file(device);
	if (IS_ERR(filep)) {
		rc = PTR_ERR(filep);
		goto out_put_device;
	}
	fd_install(fd, filep);
	return fd;

out_put_device:
	vfio_group_device_put(device);
	/* Not the last one: the ioctl that runs has the file. */
	fput(group);
out_put_fd:
	put_unused_fd(fd);
	return rc;
}
