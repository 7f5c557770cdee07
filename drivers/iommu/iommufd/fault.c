// SPDX-License-Identifier: GPL-2.0
/*
 * Fault queues: page faults of devices, for user space to read and to answer
 *
 * A fault is not alone: a device sends a group of them, which is delivered, read
 * and answered as a whole. From its delivery to its answer a group is in the
 * list of its attachment, and also either in the queue or, once read, under its
 * cookie. All of that changes together, under the lock of the queue. No lock is
 * held while data is copied from or to user space, or while a device gets an
 * answer: user space can make a copy last for ever, and a detach must not wait
 * for that. Hence the references that readers have.
 *
 * Before a device leaves a HWPT with a queue, all its groups are answered, so
 * that a HWPT without attachments has none, and neither has a queue without
 * HWPTs.
 *
 * Locks, outermost first: iommufd_group.lock; iommufd_eventq.lock; xa_lock of
 * iommufd_fault.cookies, and the lock of iommufd_fault.answered.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "fault.h"
#include "group.h"
#include "hwpt.h"
#include "ioctl.h"
#include "iommu_ops.h"

static struct iommufd_fault *to_fault(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_fault, eventq.obj);
}

static struct iommufd_fault *handle_fault(struct iommufd_attach_handle *handle)
{
	return handle->hwpt->fault;
}

/**
 * iommufd_fault_group_alloc() - allocate a group
 * @nr_faults: number of faults, at least 1
 *
 * The caller sets respond and priv, and flags, pasid, grpid, perm and addr of
 * each fault.
 *
 * Context: may sleep.
 * Return: a group for iommufd_fault_deliver(), NULL without memory.
 */
struct iommufd_fault_group *iommufd_fault_group_alloc(unsigned int nr_faults)
{
	struct iommufd_fault_group *group;

	group = kzalloc(struct_size(group, faults, nr_faults),
			GFP_KERNEL_ACCOUNT);
	if (!group)
		return NULL;
	refcount_set(&group->refs, 1);
	INIT_LIST_HEAD(&group->entry);
	INIT_LIST_HEAD(&group->handle_entry);
	group->nr_faults = nr_faults;
	return group;
}

static void fault_group_put(struct iommufd_fault_group *group)
{
	if (refcount_dec_and_test(&group->refs))
		kfree(group);
}

/* Answer a group that this thread took out of the list of its attachment. */
static void fault_group_answer(struct iommufd_fault *fault,
			       struct iommufd_fault_group *group,
			       enum iommufd_page_response_code code)
{
	struct iommufd_attach_handle *handle = group->handle;

	group->respond(group, code);
	fault_group_put(group);

	spin_lock(&fault->eventq.lock);
	/* Then the attachment may go. */
	if (!--handle->nr_groups)
		wake_up_all(&fault->answered);
	spin_unlock(&fault->eventq.lock);
}

/* Make this thread the one that answers the group. */
static void fault_group_take(struct iommufd_fault *fault,
			     struct iommufd_fault_group *group,
			     struct list_head *taken)
{
	lockdep_assert_held(&fault->eventq.lock);
	if (group->cookie)
		xa_erase(&fault->cookies, group->cookie);
	else
		list_del_init(&group->entry);
	list_move_tail(&group->handle_entry, taken);
}

static void fault_refuse_all(struct iommufd_fault *fault,
			     struct list_head *taken)
{
	struct iommufd_fault_group *group, *next;

	list_for_each_entry_safe(group, next, taken, handle_entry) {
		list_del_init(&group->handle_entry);
		fault_group_answer(fault, group, IOMMUFD_PAGE_RESP_INVALID);
	}
}

/**
 * iommufd_fault_deliver() - queue a group for user space
 * @handle: attachment, to a HWPT with a fault queue, that it comes from
 * @group: complete group; not the caller's any more, and may be gone on return
 *
 * A group that no thread can answer any more is answered at once.
 *
 * Context: process context; may sleep. The caller guarantees that @handle does
 * not go meanwhile.
 */
void iommufd_fault_deliver(struct iommufd_attach_handle *handle,
			   struct iommufd_fault_group *group)
{
	struct iommufd_fault *fault = handle_fault(handle);
	unsigned int i, last = group->nr_faults - 1;
	bool accepted;

	group->handle = handle;
	for (i = 0; i <= last; i++) {
		group->faults[i].dev_id = handle->idev->obj.id;
		group->faults[i].flags &= ~IOMMU_PGFAULT_FLAGS_LAST_PAGE;
	}
	group->faults[last].flags |= IOMMU_PGFAULT_FLAGS_LAST_PAGE;

	spin_lock(&fault->eventq.lock);
	handle->nr_groups++;
	accepted = handle->accepts && !fault->closed;
	if (accepted) {
		list_add_tail(&group->entry, &fault->eventq.queued);
		list_add_tail(&group->handle_entry, &handle->groups);
		wake_up_interruptible(&fault->eventq.wait);
	}
	spin_unlock(&fault->eventq.lock);
	if (!accepted)
		fault_group_answer(fault, group, IOMMUFD_PAGE_RESP_INVALID);
}

/* Give the oldest group to the thread that reads, if it has this much room. */
static struct iommufd_fault_group *fault_read_begin(struct iommufd_fault *fault,
						    size_t room, u32 cookie)
{
	struct iommufd_fault_group *group;

	spin_lock(&fault->eventq.lock);
	group = list_first_entry_or_null(&fault->eventq.queued,
					 struct iommufd_fault_group, entry);
	if (!group)
		goto out_unlock;
	if (group->nr_faults > room / sizeof(group->faults[0])) {
		group = ERR_PTR(-EINVAL);
		goto out_unlock;
	}
	list_del_init(&group->entry);
	group->cookie = cookie;
	refcount_inc(&group->refs);
	/* Cannot fail, the entry is reserved. */
	xa_store(&fault->cookies, cookie, group, GFP_NOWAIT);
out_unlock:
	spin_unlock(&fault->eventq.lock);
	return group;
}

/* The group could not be copied: put it back, unless it was answered already. */
static void fault_read_undo(struct iommufd_fault *fault,
			    struct iommufd_fault_group *group, u32 cookie)
{
	spin_lock(&fault->eventq.lock);
	if (xa_load(&fault->cookies, cookie) == group) {
		xa_erase(&fault->cookies, cookie);
		group->cookie = 0;
		list_add(&group->entry, &fault->eventq.queued);
		wake_up_interruptible(&fault->eventq.wait);
	}
	spin_unlock(&fault->eventq.lock);
}

/* Return: bytes of a group, 0 if there is none, or errno */
static ssize_t fault_read_group(struct iommufd_fault *fault, char __user *buf,
				size_t room)
{
	struct iommufd_fault_group *group;
	unsigned int i;
	ssize_t rc;
	u32 cookie;

	rc = xa_alloc(&fault->cookies, &cookie, NULL, xa_limit_32b,
		      GFP_KERNEL_ACCOUNT);
	if (rc)
		return rc;
	group = fault_read_begin(fault, room, cookie);
	if (IS_ERR_OR_NULL(group)) {
		xa_erase(&fault->cookies, cookie);
		return PTR_ERR_OR_ZERO(group);
	}

	/* Only this thread reads the group, until it is put back. */
	for (i = 0; i < group->nr_faults; i++)
		group->faults[i].cookie = cookie;
	rc = group->nr_faults * sizeof(group->faults[0]);
	if (copy_to_user(buf, group->faults, rc)) {
		fault_read_undo(fault, group, cookie);
		rc = -EFAULT;
	}
	fault_group_put(group);
	return rc;
}

static ssize_t fault_fops_read(struct file *file, char __user *buf,
			       size_t count, loff_t *ppos)
{
	struct iommufd_fault *fault = file->private_data;
	size_t done = 0;
	ssize_t rc;

	if (count % sizeof(struct iommu_hwpt_pgfault))
		return -ESPIPE;
	do {
		rc = fault_read_group(fault, buf + done, count - done);
		if (rc > 0)
			done += rc;
		cond_resched();
	} while (rc > 0 && done < count);
	return done ?: rc;
}

static int fault_respond(struct iommufd_fault *fault,
			 const struct iommu_hwpt_page_response *response)
{
	struct iommufd_fault_group *group;
	LIST_HEAD(taken);

	if (response->code > IOMMUFD_PAGE_RESP_INVALID)
		return -EINVAL;

	spin_lock(&fault->eventq.lock);
	group = xa_load(&fault->cookies, response->cookie);
	if (group)
		fault_group_take(fault, group, &taken);
	spin_unlock(&fault->eventq.lock);
	if (!group)
		return -EINVAL;
	list_del_init(&group->handle_entry);
	fault_group_answer(fault, group, response->code);
	return 0;
}

static ssize_t fault_fops_write(struct file *file, const char __user *buf,
				size_t count, loff_t *ppos)
{
	struct iommufd_fault *fault = file->private_data;
	struct iommu_hwpt_page_response response;
	size_t done = 0;
	int rc = 0;

	if (count % sizeof(response))
		return -ESPIPE;
	while (!rc && done < count) {
		if (copy_from_user(&response, buf + done, sizeof(response)))
			rc = -EFAULT;
		else
			rc = fault_respond(fault, &response);
		if (!rc)
			done += sizeof(response);
		cond_resched();
	}
	return done ?: rc;
}

static __poll_t fault_fops_poll(struct file *file,
				struct poll_table_struct *wait)
{
	return EPOLLOUT | EPOLLWRNORM | iommufd_eventq_poll(file, wait);
}

/* No thread can answer any more, so devices must not wait for that. */
static int fault_fops_release(struct inode *inode, struct file *file)
{
	struct iommufd_fault *fault = file->private_data;
	struct iommufd_fault_group *group, *next;
	unsigned long cookie;
	LIST_HEAD(taken);

	/* The file of an ioctl that has failed */
	if (!fault)
		return 0;
	spin_lock(&fault->eventq.lock);
	fault->closed = true;
	xa_for_each(&fault->cookies, cookie, group)
		fault_group_take(fault, group, &taken);
	list_for_each_entry_safe(group, next, &fault->eventq.queued, entry)
		fault_group_take(fault, group, &taken);
	spin_unlock(&fault->eventq.lock);
	fault_refuse_all(fault, &taken);
	return iommufd_eventq_release(inode, file);
}

static const struct file_operations fault_fops = {
	.owner = THIS_MODULE,
	.read = fault_fops_read,
	.write = fault_fops_write,
	.poll = fault_fops_poll,
	.release = fault_fops_release,
};

/* No HWPT uses the queue any more, and its file is closed. */
static void fault_fini(struct iommufd_object *obj)
{
	struct iommufd_fault *fault = to_fault(obj);

	WARN_ON(!list_empty(&fault->eventq.queued));
	WARN_ON(!xa_empty(&fault->cookies));
	xa_destroy(&fault->cookies);
}

static const struct iommufd_object_ops fault_ops = {
	.fini = fault_fini,
};

/* IOMMU_FAULT_QUEUE_ALLOC */
int iommufd_fault_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_fault_alloc *cmd = ucmd->cmd;
	struct iommufd_fault *fault;
	int rc;

	if (cmd->flags)
		return -EOPNOTSUPP;
	fault = iommufd_eventq_alloc(ucmd->ictx, fault, eventq,
				     IOMMUFD_OBJ_FAULT, &fault_ops);
	if (IS_ERR(fault))
		return PTR_ERR(fault);
	xa_init_flags(&fault->cookies, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	init_waitqueue_head(&fault->answered);

	rc = iommufd_eventq_init(&fault->eventq, ucmd->ictx,
				 "[iommufd-fault]", &fault_fops);
	if (rc) {
		iommufd_object_abort(ucmd->ictx, &fault->eventq.obj);
		return rc;
	}
	cmd->out_fault_id = fault->eventq.obj.id;
	cmd->out_fault_fd = fault->eventq.fd;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc)
		iommufd_eventq_abort(&fault->eventq);
	else
		iommufd_eventq_publish(&fault->eventq);
	return rc;
}

/**
 * iommufd_hwpt_set_fault() - connect a HWPT with a fault queue
 * @hwpt: HWPT that is not published; becomes a user of the queue
 * @fault_id: id of the queue
 *
 * Return: 0, -ENOENT.
 */
int iommufd_hwpt_set_fault(struct iommufd_hwpt *hwpt, u32 fault_id)
{
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_get(hwpt->ictx, fault_id, IOMMUFD_OBJ_FAULT);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	rc = iommufd_object_use(hwpt->ictx, obj);
	if (!rc) {
		hwpt->fault = to_fault(obj);
		hwpt->ops->fault_domain(hwpt->domain);
	}
	iommufd_object_put(hwpt->ictx, obj);
	return rc;
}

/* Undo iommufd_hwpt_set_fault(), if it was called. */
void iommufd_hwpt_clear_fault(struct iommufd_hwpt *hwpt)
{
	if (hwpt->fault)
		iommufd_object_unuse(hwpt->ictx, &hwpt->fault->eventq.obj, 1);
}

/**
 * iommufd_fault_open() - prepare for faults before an attach or a replace
 * @handle: new attachment, with idev and hwpt
 *
 * The device may fault as soon as it is attached. Does nothing if the HWPT has
 * no queue, and so do the other functions of attachments.
 *
 * Return: 0; -EINVAL if the device must not or cannot ask for pages, or an errno
 * of the IOMMU driver.
 */
int iommufd_fault_open(struct iommufd_attach_handle *handle)
{
	struct iommufd_device *idev = handle->idev;
	const struct iommufd_iommu_ops *ops = idev->igroup->ops;
	int rc;

	lockdep_assert_held(&idev->igroup->lock);
	INIT_LIST_HEAD(&handle->groups);
	if (!handle->hwpt->fault)
		return 0;
	if (!ops->can_fault(idev->dev))
		return -EINVAL;
	if (!idev->nr_faulting) {
		rc = ops->fault_enable(idev->dev);
		if (rc)
			return rc;
	}
	idev->nr_faulting++;
	handle->accepts = true;
	return 0;
}

static bool fault_all_answered(struct iommufd_attach_handle *handle)
{
	struct iommufd_fault *fault = handle_fault(handle);
	bool done;

	spin_lock(&fault->eventq.lock);
	done = !handle->nr_groups;
	spin_unlock(&fault->eventq.lock);
	return done;
}

/**
 * iommufd_fault_stop() - answer all groups before a detach or a replace
 * @handle: attachment that ends
 *
 * From here on groups are answered at once. Kernels free the groups that a
 * device has left when the device is detached, so it would be too late then.
 */
void iommufd_fault_stop(struct iommufd_attach_handle *handle)
{
	struct iommufd_fault *fault = handle_fault(handle);
	struct iommufd_fault_group *group, *next;
	LIST_HEAD(taken);

	if (!fault)
		return;
	spin_lock(&fault->eventq.lock);
	handle->accepts = false;
	list_for_each_entry_safe(group, next, &handle->groups, handle_entry)
		fault_group_take(fault, group, &taken);
	spin_unlock(&fault->eventq.lock);
	fault_refuse_all(fault, &taken);
	/* A write() may be giving an answer to the device right now. */
	wait_event(fault->answered, fault_all_answered(handle));
}

/**
 * iommufd_fault_resume() - undo iommufd_fault_stop() after a failed replace
 * @handle: attachment that goes on
 */
void iommufd_fault_resume(struct iommufd_attach_handle *handle)
{
	struct iommufd_fault *fault = handle_fault(handle);

	if (!fault)
		return;
	spin_lock(&fault->eventq.lock);
	handle->accepts = true;
	spin_unlock(&fault->eventq.lock);
}

/**
 * iommufd_fault_close() - undo iommufd_fault_open() after the attachment
 * @handle: attachment that has ended, or that has failed
 */
void iommufd_fault_close(struct iommufd_attach_handle *handle)
{
	struct iommufd_device *idev = handle->idev;

	/* Without a queue, another device of the group may have gone first. */
	if (!handle->hwpt->fault)
		return;
	lockdep_assert_held(&idev->igroup->lock);
	iommufd_fault_stop(handle);
	if (!--idev->nr_faulting)
		idev->igroup->ops->fault_disable(idev->dev);
}
