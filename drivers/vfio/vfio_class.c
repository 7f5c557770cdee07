// SPDX-License-Identifier: GPL-2.0
/*
 * The class of vfio.ko's devices, which vfio.ko does not export.
 *
 * Every struct vfio_device has a pointer to it, from its allocation on. So a
 * device is allocated that is never registered. It also shows whether vfio.ko
 * has the structs that this module was compiled with. A kernel without
 * MODVERSIONS does not check that when it loads a module.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/platform_device.h>
#include <linux/printk.h>
#include <linux/refcount.h>
#include <linux/string.h>
#include <linux/vfio.h>

#include "vfio_class.h"

/* Room for members that this module does not know */
#define VFIO_CLASS_MARGIN 1024

static const struct vfio_device_ops vfio_class_ops = {
	.name = "vfio-cdev",
	.release = vfio_free_device,
};

static bool vfio_class_set_is_known(struct vfio_device *vdev)
{
	struct vfio_device_set *dev_set = vdev->dev_set;

	return dev_set && dev_set->set_id == vdev &&
	       dev_set->device_count == 1 &&
	       dev_set->device_list.next == &vdev->dev_set_list &&
	       dev_set->device_list.prev == &vdev->dev_set_list;
}

/*
 * Are the members where vfio.ko has put them? Members are checked in the order
 * in which they prove that the next one can be read.
 */
static bool vfio_class_device_is_known(struct vfio_device *vdev)
{
	const struct list_head *waiters = &vdev->comp.wait.task_list;

	return vdev->dev == &platform_bus && vdev->ops == &vfio_class_ops &&
	       vdev->device.parent == &platform_bus && vdev->device.class &&
	       vdev->device.class->name &&
	       !strcmp(vdev->device.class->name, "vfio-dev") &&
	       waiters->next == waiters && waiters->prev == waiters &&
	       !refcount_read(&vdev->refcount) && !vdev->open_count &&
	       !vdev->kvm && vfio_device_inode_is_known(vdev) &&
	       vfio_class_set_is_known(vdev);
}

/**
 * vfio_class_watch() - watch the devices of vfio.ko
 * @interface: callbacks for devices that are added and removed. Until
 *             class_interface_unregister() its add_dev() is called for each
 *             device that is registered with vfio.ko or is being registered.
 *
 * Return: 0, EINVAL when vfio.ko's structs are not those of the build, or an
 * error of the kernel.
 */
int vfio_class_watch(struct class_interface *interface)
{
	struct vfio_device *vdev;
	int rc;

	vdev = _vfio_alloc_device(sizeof(*vdev) + VFIO_CLASS_MARGIN,
				  &platform_bus, &vfio_class_ops);
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);
	rc = vfio_assign_device_set(vdev, vdev);
	if (rc)
		goto out_put;
	if (!vfio_class_device_is_known(vdev)) {
		pr_err("vfio-cdev: vfio.ko is not the one that this module was built for; rebuild it for this kernel\n");
		/* It cannot be freed without knowing where its kobject is. */
		return -EINVAL;
	}
	interface->class = vdev->device.class;
	rc = class_interface_register(interface);
out_put:
	vfio_put_device(vdev);
	return rc;
}
