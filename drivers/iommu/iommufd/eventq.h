/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_EVENTQ_H
#define _IOMMUFD_EVENTQ_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "object.h"

struct iommufd_ctx;

/**
 * struct iommufd_eventq - a queue that user space reads through its own file
 * @obj: object; the open file is a user of it
 * @ictx: context; the open file has a reference to it
 * @lock: guards @queued and what the type says; may be taken by code that must
 *        not sleep, but not by interrupts
 * @queued: what is there to be read, oldest first
 * @wait: threads in poll()
 * @file: the file, until it is published
 * @fd: its descriptor, until it is published
 *
 * The struct of a type begins with this one.
 */
struct iommufd_eventq {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	spinlock_t lock;
	struct list_head queued;
	wait_queue_head_t wait;
	struct file *file;
	int fd;
};

/* Allocate a @ptr whose @member, the first of its struct, is the queue. */
#define iommufd_eventq_alloc(ictx, ptr, member, type, ops)                    \
	iommufd_object_alloc_member(ictx, ptr, member.obj, type, ops)

int iommufd_eventq_init(struct iommufd_eventq *eventq, struct iommufd_ctx *ictx,
			const char *name, const struct file_operations *fops);
void iommufd_eventq_abort(struct iommufd_eventq *eventq);
void iommufd_eventq_publish(struct iommufd_eventq *eventq);

/* For the file_operations of a type */
int iommufd_eventq_release(struct inode *inode, struct file *file);
__poll_t iommufd_eventq_poll(struct file *file, struct poll_table_struct *wait);

#endif
