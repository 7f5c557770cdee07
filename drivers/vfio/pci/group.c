// SPDX-License-Identifier: GPL-2.0
/*
 * Cdevs and the legacy group exclude each other.
 *
 * vfio allows one open file of a group's character device, and keeps it alive
 * while a device file made from it is. So a group belongs to cdevs while they
 * have that file open, and belongs to its user, EBUSY for us, when he has.
 * Nothing else about a group changes by being open, and its file may outlive
 * its devices.
 *
 * The file is opened by name, in a mount of devtmpfs that only this module
 * sees: what a container or an administrator has on /dev is of no consequence.
 * Should the node itself be missing, there is no such exclusion; the claim that
 * iommufd puts on the group's DMA still keeps the two apart.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mount.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "cdev.h"

/**
 * struct vfio_group_hold - a group that is kept from being opened
 * @entry: in vfio_group_holds
 * @group: the group, counted
 * @file: the open file of the group, or NULL when it has no node
 * @users: bound cdevs of the group
 *
 * All under vfio_group_holds_lock, which ranks above the group's own lock.
 */
struct vfio_group_hold {
	struct list_head entry;
	struct iommu_group *group;
	struct file *file;
	unsigned int users;
};

static LIST_HEAD(vfio_group_holds);
static DEFINE_MUTEX(vfio_group_holds_lock);

static struct vfsmount *vfio_group_devtmpfs;
static const struct cred *vfio_group_cred;

/* The last reference to a file that is to be gone at once */
struct vfio_group_close {
	struct work_struct work;
	struct file *file;
};

static void vfio_group_close_work(struct work_struct *work)
{
	__fput_sync(container_of(work, struct vfio_group_close, work)->file);
}

/*
 * fput() would leave the close to the moment our task returns to user space.
 * Another task could then find the group busy although the cdev is free. Only
 * kernel threads may close on the spot.
 */
static void vfio_group_close(struct file *file)
{
	struct vfio_group_close close = { .file = file };

	INIT_WORK_ONSTACK(&close.work, vfio_group_close_work);
	schedule_work(&close.work);
	flush_work(&close.work);
	destroy_work_on_stack(&close.work);
}

/* The file, NULL when the group has no node, EBUSY when it is open. */
static struct file *vfio_group_open(struct vfio_device *vdev, struct iommu_group *group)
{
	const struct path root = {
		.mnt = vfio_group_devtmpfs,
		.dentry = vfio_group_devtmpfs->mnt_root,
	};
	const struct cred *user;
	struct file *file;
	char name[24];

	snprintf(name, sizeof(name), "vfio/%d", iommu_group_id(group));
	/* Who may open the cdev need not have a right to the group's node. */
	user = override_creds(vfio_group_cred);
	file = file_open_root(&root, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW, 0);
	revert_creds(user);

	if (IS_ERR(file))
		return PTR_ERR(file) == -ENOENT ? NULL : file;
	if (!vfio_file_has_dev(file, vdev)) {
		dev_warn(vdev->dev, "/dev/%s is not the node of the device's group\n", name);
		vfio_group_close(file);
		return ERR_PTR(-ENODEV);
	}
	return file;
}

static struct vfio_group_hold *vfio_group_hold_find(struct iommu_group *group)
{
	struct vfio_group_hold *hold;

	list_for_each_entry(hold, &vfio_group_holds, entry)
		if (hold->group == group)
			return hold;
	return NULL;
}

/* The hold takes over the caller's reference to the group. */
static struct vfio_group_hold *
vfio_group_hold_create(struct vfio_device *vdev, struct iommu_group *group)
{
	struct vfio_group_hold *hold;
	struct file *file;

	hold = kzalloc(sizeof(*hold), GFP_KERNEL_ACCOUNT);
	if (!hold)
		return ERR_PTR(-ENOMEM);
	file = vfio_group_open(vdev, group);
	if (IS_ERR(file)) {
		kfree(hold);
		return ERR_CAST(file);
	}
	hold->group = group;
	hold->file = file;
	hold->users = 1;
	list_add(&hold->entry, &vfio_group_holds);
	return hold;
}

/**
 * vfio_group_hold_get - keep the group of a device from being opened
 * @vdev: a registered device. Its dev_set's lock must not be held: vfio takes
 *	it inside the group's lock on some kernels.
 *
 * Devices of one group share the hold.
 *
 * Return: the hold, to be given to vfio_group_hold_put(), or an ERR_PTR: EBUSY
 * when the group is open, ENODEV without a group, ENOMEM.
 */
struct vfio_group_hold *vfio_group_hold_get(struct vfio_device *vdev)
{
	struct vfio_group_hold *hold;
	struct iommu_group *group;

	group = iommu_group_get(vdev->dev);
	if (!group)
		return ERR_PTR(-ENODEV);

	mutex_lock(&vfio_group_holds_lock);
	hold = vfio_group_hold_find(group);
	if (hold) {
		hold->users++;
		/* hold->users share one reference to the group. */
		iommu_group_put(group);
	} else {
		hold = vfio_group_hold_create(vdev, group);
		if (IS_ERR(hold))
			iommu_group_put(group);
	}
	mutex_unlock(&vfio_group_holds_lock);
	return hold;
}

/**
 * vfio_group_hold_put - let go of a group
 * @hold: from vfio_group_hold_get()
 *
 * When this was the last user, the group can be opened as soon as it returns.
 */
void vfio_group_hold_put(struct vfio_group_hold *hold)
{
	mutex_lock(&vfio_group_holds_lock);
	if (!--hold->users) {
		list_del(&hold->entry);
		if (hold->file)
			vfio_group_close(hold->file);
		iommu_group_put(hold->group);
		kfree(hold);
	}
	mutex_unlock(&vfio_group_holds_lock);
}

int vfio_group_hold_init(void)
{
	/* devtmpfs is never a module, so there is no reference to give back. */
	struct file_system_type *type = get_fs_type("devtmpfs");
	int rc;

	if (!type)
		return -ENODEV;
	vfio_group_cred = prepare_kernel_cred(&init_task);
	if (!vfio_group_cred)
		return -ENOMEM;
	vfio_group_devtmpfs = kern_mount(type);
	if (IS_ERR(vfio_group_devtmpfs)) {
		rc = PTR_ERR(vfio_group_devtmpfs);
		put_cred(vfio_group_cred);
		return rc;
	}
	return 0;
}

void vfio_group_hold_exit(void)
{
	kern_unmount(vfio_group_devtmpfs);
	put_cred(vfio_group_cred);
}
