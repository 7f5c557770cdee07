// SPDX-License-Identifier: GPL-2.0
/*
 * The file operations that vfio.ko has for groups, which it does not export.
 *
 * Every open file of a group has a pointer to them. Opening the group of a
 * device of the user's for that would make it busy for the user for a moment.
 * So a device of this module's own is registered with vfio.ko for as long as it
 * takes to open its group. It works before there is any other group and while
 * all others are in use.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "cdev.h"
#include "group_container.h"

/* Set once, while this module is being loaded */
const struct file_operations *vfio_group_stock;

/* The device has no name: none of its files can be opened through the group. */
static int vfio_group_stock_match(struct vfio_device *vdev, char *name)
{
	return -ENODEV;
}

static const struct vfio_device_ops vfio_group_stock_device_ops = {
	.name = KBUILD_MODNAME,
	.match = vfio_group_stock_match,
	.release = vfio_free_device,
};

/* Work of vfio_group_stock_look() */
struct vfio_group_stock_work {
	struct work_struct work;
	struct iommu_group *group;
};

static void vfio_group_stock_work(struct work_struct *work)
{
	struct vfio_group_stock_work *look =
		container_of(work, struct vfio_group_stock_work, work);
	struct file *file = vfio_group_open(look->group);

	if (IS_ERR_OR_NULL(file))
		return;
	if (vfio_file_is_group(file))
		vfio_group_stock = file->f_op;
	__fput_sync(file);
}

/*
 * A worker opens the group: it has root's rights, and its __fput_sync() lets go
 * of the group at once.
 */
static int vfio_group_stock_look(struct device *device)
{
	struct vfio_group_stock_work look;

	look.group = iommu_group_get(device);
	if (!look.group)
		return -ENODEV;
	INIT_WORK_ONSTACK(&look.work, vfio_group_stock_work);
	schedule_work(&look.work);
	flush_work(&look.work);
	destroy_work_on_stack(&look.work);
	iommu_group_put(look.group);
	return vfio_group_stock && vfio_group_stock->unlocked_ioctl &&
			       vfio_group_stock->release ?
		       0 :
		       -ENOENT;
}

/* vfio.ko makes a group for a device that is said to be emulated. */
static int vfio_group_stock_register(struct device *device)
{
	struct vfio_device *vdev;
	int rc;

	vdev = _vfio_alloc_device(sizeof(*vdev), device,
				  &vfio_group_stock_device_ops);
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);
	rc = vfio_register_emulated_iommu_dev(vdev);
	if (!rc) {
		rc = vfio_group_stock_look(device);
		vfio_unregister_group_dev(vdev);
	}
	vfio_put_device(vdev);
	return rc;
}

/**
 * vfio_group_stock_find() - find the file operations of groups
 *
 * On success they are in vfio_group_stock. They exist as long as vfio.ko, which
 * this module keeps loaded.
 *
 * Return: 0, ENOENT when the group could not be opened, or an error of the
 * kernel.
 */
int vfio_group_stock_find(void)
{
	struct device *device = root_device_register(KBUILD_MODNAME);
	int rc;

	if (IS_ERR(device))
		return PTR_ERR(device);
	rc = vfio_group_stock_register(device);
	root_device_unregister(device);
	return rc;
}

/*
 * The two functions below must be what the functions of vfio.ko return to:
 * calls that come from this module are recognised by that, and are not sent
 * back to it. With the barrier after the call it is no tail call.
 */
long vfio_group_stock_ioctl(struct file *filep, unsigned int cmd,
			    unsigned long arg)
{
	long rc = vfio_group_stock->unlocked_ioctl(filep, cmd, arg);

	barrier();
	return rc;
}

int vfio_group_stock_release(struct inode *inode, struct file *filep)
{
	int rc = vfio_group_stock->release(inode, filep);

	barrier();
	return rc;
}
