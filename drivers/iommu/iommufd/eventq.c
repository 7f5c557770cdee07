// SPDX-License-Identifier: GPL-2.0
/*
 * Event queues: what fault queues and the queues of virtual IOMMUs share, an
 * object with a file of its own.
 *
 * The file is a user of the object and has a reference to the context. So the
 * object, and all that it needs, outlives the file, and a context whose
 * /dev/iommu is closed lives until its queues are closed, too.
 */
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>

#include "eventq.h"

/**
 * iommufd_eventq_init() - prepare a queue and its file
 * @eventq: what iommufd_eventq_alloc() returned
 * @ictx: context
 * @name: of the file, for people
 * @fops: of the file, with iommufd_eventq_release() or a function that calls it
 *
 * On success the caller may report iommufd_eventq.fd and the object's id to user
 * space, which cannot use them yet. On failure only the object is left to be
 * aborted.
 *
 * Return: 0; -EMFILE, -ENFILE, -ENOMEM.
 */
int iommufd_eventq_init(struct iommufd_eventq *eventq, struct iommufd_ctx *ictx,
			const char *name, const struct file_operations *fops)
{
	eventq->ictx = ictx;
	spin_lock_init(&eventq->lock);
	INIT_LIST_HEAD(&eventq->queued);
	init_waitqueue_head(&eventq->wait);

	/* The file has no queue until nothing can fail, see release. */
	eventq->file = anon_inode_getfile(name, fops, NULL, O_RDWR);
	if (IS_ERR(eventq->file))
		return PTR_ERR(eventq->file);
	/* Not seekable; a read does not wait for a write that sleeps. */
	stream_open(file_inode(eventq->file), eventq->file);

	eventq->fd = get_unused_fd_flags(O_CLOEXEC);
	if (eventq->fd < 0) {
		fput(eventq->file);
		return eventq->fd;
	}
	return 0;
}

/**
 * iommufd_eventq_abort() - free a queue that was never published
 * @eventq: queue that iommufd_eventq_init() prepared, with nothing of its type
 *          left to undo; gone when this returns
 */
void iommufd_eventq_abort(struct iommufd_eventq *eventq)
{
	put_unused_fd(eventq->fd);
	/* The file may be released later than the object is freed. */
	fput(eventq->file);
	iommufd_object_abort(eventq->ictx, &eventq->obj);
}

/**
 * iommufd_eventq_publish() - let user space use a queue and its file
 * @eventq: complete queue that iommufd_eventq_init() prepared
 *
 * From here on another thread may close the file and destroy the object.
 */
void iommufd_eventq_publish(struct iommufd_eventq *eventq)
{
	struct file *file = eventq->file;
	int fd = eventq->fd;

	/* Both for the file; iommufd_eventq_release() gives them back. */
	iommufd_ctx_get(eventq->ictx);
	eventq->obj.users = 1;
	file->private_data = eventq;
	eventq->file = NULL;

	iommufd_object_publish(eventq->ictx, &eventq->obj);
	fd_install(fd, file);
}

/* file_operations.release */
int iommufd_eventq_release(struct inode *inode, struct file *file)
{
	struct iommufd_eventq *eventq = file->private_data;
	struct iommufd_ctx *ictx;

	if (!eventq)
		return 0;
	ictx = eventq->ictx;
	iommufd_object_unuse(ictx, &eventq->obj, 1);
	iommufd_ctx_put(ictx);
	return 0;
}

/* file_operations.poll: readable while something is queued */
__poll_t iommufd_eventq_poll(struct file *file, struct poll_table_struct *wait)
{
	struct iommufd_eventq *eventq = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &eventq->wait, wait);
	spin_lock(&eventq->lock);
	if (!list_empty(&eventq->queued))
		events = EPOLLIN | EPOLLRDNORM;
	spin_unlock(&eventq->lock);
	return events;
}
