// SPDX-License-Identifier: GPL-2.0
/*
 * Cdevs and the legacy group exclude each other.
 *
 * vfio allows one open file of a group's character device, and keeps it alive
 * while a device file made from it is open. So a group belongs to cdevs while
 * they have that file open. While a user of the group has it, BIND fails with
 * EBUSY. Nothing else about a group changes by being open, and its file may
 * outlive its devices.
 *
 * The file is opened by name, in a mount of devtmpfs that only this module
 * sees: what a container or an administrator has on /dev makes no difference.
 * If the node itself is missing, there is no such exclusion; the claim that
 * iommufd puts on the group's DMA still keeps the two apart.
 *
 * vfio's open() waits for the lock of its group, unkillably, and a thread of
 * the group's user may keep that lock behind a long MAP_DMA. So a worker opens:
 * the BIND that waits for it can be killed, and holds up BINDs of the same
 * group only.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mount.h>
#include <linux/mutex.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "cdev.h"

/**
 * struct vfio_group_hold - a group that is kept from being opened
 * @entry: in vfio_group_holds
 * @group: the group, counted
 * @refs: bound cdevs of the group and BINDs that wait for it; under
 *        vfio_group_holds_lock
 * @lock: orders opening and closing of @file. Held only briefly while there are
 *        users. A semaphore, because the worker releases it for a killed BIND.
 * @users: bound cdevs of the group; under @lock
 * @file: open file of the group, or NULL when the group has no node. Written
 *        under @lock, constant while there are users.
 * @open: opens the group; the BIND that waits for it holds @lock
 * @opened: completed when @file is the result of vfio_group_open()
 * @abandoned: the BIND was killed before @opened and left @lock and its
 *             reference to the worker; under vfio_group_holds_lock
 */
struct vfio_group_hold {
	struct list_head entry;
	struct iommu_group *group;
	unsigned int refs;
	struct semaphore lock;
	unsigned int users;
	struct file *file;
	struct work_struct open;
	struct completion opened;
	bool abandoned;
};

/* Guards the list and the counts, and is held only briefly. */
static DEFINE_MUTEX(vfio_group_holds_lock);
static LIST_HEAD(vfio_group_holds);

static struct vfsmount *vfio_group_devtmpfs;
static struct workqueue_struct *vfio_group_openers;

/* Work of vfio_group_close() */
struct vfio_group_close {
	struct work_struct work;
	struct file *file;
};

static void vfio_group_close_work(struct work_struct *work)
{
	__fput_sync(container_of(work, struct vfio_group_close, work)->file);
}

/*
 * Drop the last reference to a file and wait for its release. fput() would
 * defer the release until the task returns to user space, and until then other
 * tasks would find the group busy although the cdev is free. Only a kernel
 * thread may release a file at once.
 */
static void vfio_group_close(struct file *file)
{
	struct vfio_group_close close = { .file = file };

	INIT_WORK_ONSTACK(&close.work, vfio_group_close_work);
	schedule_work(&close.work);
	flush_work(&close.work);
	destroy_work_on_stack(&close.work);
}

/**
 * vfio_group_open() - open a group
 * @group: the group
 *
 * Context: a worker, which has root's rights: the user of a cdev needs no
 * permission for the node of the group.
 * Return: the file, NULL when the group has no node, ERR_PTR(-EBUSY) when it is
 * open, or another ERR_PTR.
 */
struct file *vfio_group_open(struct iommu_group *group)
{
	const struct path root = {
		.mnt = vfio_group_devtmpfs,
		.dentry = vfio_group_devtmpfs->mnt_root,
	};
	struct file *file;
	char name[24];

	snprintf(name, sizeof(name), "vfio/%d", iommu_group_id(group));
	file = file_open_root(&root, name, O_RDWR | O_NONBLOCK | O_NOFOLLOW, 0);
	return PTR_ERR_OR_ZERO(file) == -ENOENT ? NULL : file;
}
EXPORT_SYMBOL_GPL(vfio_group_open);

/* Drop a reference; the last one frees the hold. */
static void vfio_group_hold_leave(struct vfio_group_hold *hold)
{
	bool last;

	mutex_lock(&vfio_group_holds_lock);
	last = !--hold->refs;
	if (last)
		list_del(&hold->entry);
	mutex_unlock(&vfio_group_holds_lock);
	if (!last)
		return;
	iommu_group_put(hold->group);
	kfree(hold);
}

static void vfio_group_hold_open_work(struct work_struct *work)
{
	struct vfio_group_hold *hold =
		container_of(work, struct vfio_group_hold, open);
	struct file *file = vfio_group_open(hold->group);
	bool abandoned;

	mutex_lock(&vfio_group_holds_lock);
	abandoned = hold->abandoned;
	if (!abandoned) {
		hold->file = file;
		complete(&hold->opened);
	}
	mutex_unlock(&vfio_group_holds_lock);
	if (!abandoned)
		return;

	if (!IS_ERR_OR_NULL(file))
		__fput_sync(file);
	up(&hold->lock);
	vfio_group_hold_leave(hold);
}

/* Leave the cleanup to the worker; false if the worker has already answered. */
static bool vfio_group_hold_abandon(struct vfio_group_hold *hold)
{
	mutex_lock(&vfio_group_holds_lock);
	hold->abandoned = !completion_done(&hold->opened);
	mutex_unlock(&vfio_group_holds_lock);
	return hold->abandoned;
}

/*
 * Become a user of the hold. The caller has taken hold->lock, and it is
 * released in any case. On failure the caller's reference is dropped as well.
 */
static int vfio_group_hold_use(struct vfio_group_hold *hold)
{
	int rc = 0;

	if (!hold->users) {
		hold->abandoned = false;
		reinit_completion(&hold->opened);
		queue_work(vfio_group_openers, &hold->open);
		if (wait_for_completion_killable(&hold->opened) &&
		    vfio_group_hold_abandon(hold))
			return -EINTR;
		rc = PTR_ERR_OR_ZERO(hold->file);
	}
	if (!rc)
		hold->users++;
	up(&hold->lock);
	if (rc)
		vfio_group_hold_leave(hold);
	return rc;
}

static struct vfio_group_hold *vfio_group_hold_find(struct iommu_group *group)
{
	struct vfio_group_hold *hold;

	list_for_each_entry(hold, &vfio_group_holds, entry)
		if (hold->group == group)
			return hold;
	return NULL;
}

/* The hold takes over the reference to the group. NULL if out of memory. */
static struct vfio_group_hold *vfio_group_hold_create(struct iommu_group *group)
{
	struct vfio_group_hold *hold;

	hold = kzalloc(sizeof(*hold), GFP_KERNEL_ACCOUNT);
	if (!hold)
		return NULL;
	hold->group = group;
	sema_init(&hold->lock, 1);
	INIT_WORK(&hold->open, vfio_group_hold_open_work);
	init_completion(&hold->opened);
	list_add(&hold->entry, &vfio_group_holds);
	return hold;
}

/*
 * Find or create the hold of a group and take a reference. The caller's
 * reference to the group is gone in any case. NULL if out of memory.
 */
static struct vfio_group_hold *vfio_group_hold_join(struct iommu_group *group)
{
	struct vfio_group_hold *hold;

	mutex_lock(&vfio_group_holds_lock);
	hold = vfio_group_hold_find(group);
	/* The hold has a reference to the group, one is enough. */
	if (hold)
		iommu_group_put(group);
	else
		hold = vfio_group_hold_create(group);
	if (hold)
		hold->refs++;
	else
		iommu_group_put(group);
	mutex_unlock(&vfio_group_holds_lock);
	return hold;
}

/**
 * vfio_group_hold_get() - keep the group of a device from being opened
 * @vdev: a registered device. The caller must not hold the lock of its dev_set:
 *        on some kernels vfio takes it inside the lock of the group.
 *
 * Devices of one group share the hold. The function waits for threads that
 * open, close or use the same group; a fatal signal ends the wait.
 *
 * Return: the hold, to be released with vfio_group_hold_put(), or an ERR_PTR:
 * EBUSY when the group is open, EINTR when the task was killed, ENODEV when the
 * device has no group or the node of the group belongs to another one, ENOMEM.
 */
struct vfio_group_hold *vfio_group_hold_get(struct vfio_device *vdev)
{
	struct vfio_group_hold *hold;
	struct iommu_group *group;
	int rc;

	group = iommu_group_get(vdev->dev);
	if (!group)
		return ERR_PTR(-ENODEV);
	hold = vfio_group_hold_join(group);
	if (!hold)
		return ERR_PTR(-ENOMEM);
	if (down_killable(&hold->lock)) {
		vfio_group_hold_leave(hold);
		return ERR_PTR(-EINTR);
	}
	rc = vfio_group_hold_use(hold);
	if (rc)
		return ERR_PTR(rc);
	if (hold->file && !vfio_file_has_dev(hold->file, vdev)) {
		dev_warn(vdev->dev,
			 "/dev/vfio/%d is not the node of the device's group\n",
			 iommu_group_id(hold->group));
		vfio_group_hold_put(hold);
		return ERR_PTR(-ENODEV);
	}
	return hold;
}

/*
 * Undo vfio_group_hold_get(). After the last user is gone, the group can be
 * opened as soon as this returns.
 */
void vfio_group_hold_put(struct vfio_group_hold *hold)
{
	down(&hold->lock);
	if (!--hold->users && hold->file)
		vfio_group_close(hold->file);
	up(&hold->lock);
	vfio_group_hold_leave(hold);
}

int vfio_group_opener_init(void)
{
	/* devtmpfs is never a module, so there is no reference to drop. */
	struct file_system_type *type = get_fs_type("devtmpfs");

	if (!type)
		return -ENODEV;
	/* Unbound, so that workers waiting in vfio's open() block no CPU. */
	vfio_group_openers = alloc_workqueue("vfio-cdev", WQ_UNBOUND, 0);
	if (!vfio_group_openers)
		return -ENOMEM;
	vfio_group_devtmpfs = kern_mount(type);
	if (IS_ERR(vfio_group_devtmpfs)) {
		destroy_workqueue(vfio_group_openers);
		return PTR_ERR(vfio_group_devtmpfs);
	}
	return 0;
}

void vfio_group_opener_exit(void)
{
	/* A killed BIND does not pin the module; wait for its worker. */
	destroy_workqueue(vfio_group_openers);
	kern_unmount(vfio_group_devtmpfs);
}
