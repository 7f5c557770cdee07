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
 *
 * vfio's open() waits for the lock of its group, unkillably, and a thread of the
 * group's user may keep that lock behind a long MAP_DMA. So a worker opens: the
 * BIND that waits for it can be killed, and holds up BINDs of the same group only.
 */
#include <linux/completion.h>
#include <linux/err.h>
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
 *	vfio_group_holds_lock
 * @lock: orders opening and closing of @file. Free or soon free while there are
 *	users. A semaphore, since the worker releases what a killed BIND has taken.
 * @users: bound cdevs of the group; under @lock
 * @file: the open file of the group, or NULL when it has no node; written under
 *	@lock, and stays while there are users
 * @open: opens the group, with @lock taken by the BIND that waits for it
 * @opened: @file is the answer of vfio_group_open()
 * @abandoned: the BIND was killed before @opened and left @lock and its
 *	reference to the worker; under vfio_group_holds_lock
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

/* Nothing sleeps for long under it: it is taken for the list and for counts. */
static DEFINE_MUTEX(vfio_group_holds_lock);
static LIST_HEAD(vfio_group_holds);

static struct vfsmount *vfio_group_devtmpfs;
static struct workqueue_struct *vfio_group_openers;

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

/*
 * The file, NULL when the group has no node, EBUSY when it is open. A worker has
 * root's rights: the user of a cdev need not have a right to the group's node.
 */
static struct file *vfio_group_open(struct iommu_group *group)
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

/* Leave the hold to those that still have a reference. */
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

/* Is the answer there? If not, it becomes the worker's to clean up after it. */
static bool vfio_group_hold_abandon(struct vfio_group_hold *hold)
{
	mutex_lock(&vfio_group_holds_lock);
	hold->abandoned = !completion_done(&hold->opened);
	mutex_unlock(&vfio_group_holds_lock);
	return hold->abandoned;
}

/*
 * Become a user; hold->lock is taken, and released in any case. The caller's
 * reference is gone on failure.
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

/* The hold takes over the caller's reference to the group; NULL without memory. */
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

/* The hold of a group, with a reference more, or NULL without memory. */
static struct vfio_group_hold *vfio_group_hold_join(struct iommu_group *group)
{
	struct vfio_group_hold *hold;

	mutex_lock(&vfio_group_holds_lock);
	hold = vfio_group_hold_find(group);
	/* All references to a hold share one to the group. */
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
 * vfio_group_hold_get - keep the group of a device from being opened
 * @vdev: a registered device. Its dev_set's lock must not be held: vfio takes
 *	it inside the group's lock on some kernels.
 *
 * Devices of one group share the hold. Waits, until it is killed, for those that
 * are opening, closing or using this very group.
 *
 * Return: the hold, to be given to vfio_group_hold_put(), or an ERR_PTR: EBUSY
 * when the group is open, EINTR when the task is being killed, ENODEV without a
 * group, ENOMEM.
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

/**
 * vfio_group_hold_put - let go of a group
 * @hold: from vfio_group_hold_get()
 *
 * When this was the last user, the group can be opened as soon as it returns.
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
	/* devtmpfs is never a module, so there is no reference to give back. */
	struct file_system_type *type = get_fs_type("devtmpfs");

	if (!type)
		return -ENODEV;
	/* Unbound: one that waits in vfio's open() keeps no CPU's others. */
	vfio_group_openers = alloc_workqueue("vfio-pci-cdev", WQ_UNBOUND, 0);
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
	/* A killed BIND keeps no module; what it has left to a worker ends here. */
	destroy_workqueue(vfio_group_openers);
	kern_unmount(vfio_group_devtmpfs);
}
