// SPDX-License-Identifier: GPL-2.0
/*
 * Queues of the events of a vIOMMU
 *
 * A queue holds a limited number of events. Those that do not fit are dropped;
 * the numbers of the events show it. While the last ones are missing, a header
 * without event stands at the end of the queue. It takes no place of an event
 * and belongs to the queue, so it is always there to be queued.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "eventq.h"
#include "ioctl.h"
#include "veventq.h"
#include "viommu.h"

/* Most events that a queue holds */
#define VEVENTQ_MAX_DEPTH (1U << 19)

/* Number of the first event of a new queue; tests change it. */
static u32 veventq_first;

/**
 * struct iommufd_vevent - an event, or the header that says that some are lost
 * @node: place in iommufd_eventq.queued
 * @header: what user space reads first
 * @length: bytes of @data
 * @data: the event as the driver has reported it
 */
struct iommufd_vevent {
	struct list_head node;
	struct iommufd_vevent_header header;
	size_t length;
	u8 data[] __counted_by(length);
};

/**
 * struct iommufd_veventq - a queue of the events of one type
 * @common: what all queues have; its lock guards the members below but @entry
 * @viommu: vIOMMU; the queue is a user of it
 * @entry: place in iommufd_viommu.veventqs
 * @type: of enum iommu_veventq_type
 * @depth: number of events that fit
 * @nr: number of events in the queue, without @lost
 * @sequence: number of the next event
 * @read_lock: held by the thread that reads, so that an event that cannot be
 *             copied goes back to its place
 * @lost: the header for lost events, last in the queue or not queued
 */
struct iommufd_veventq {
	struct iommufd_eventq common;
	struct iommufd_viommu *viommu;
	struct list_head entry;
	u32 type;
	u32 depth;
	u32 nr;
	u32 sequence;
	struct mutex read_lock;
	struct iommufd_vevent lost;
};

static struct iommufd_veventq *to_veventq(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_veventq, common.obj);
}

/* No thread reads the queue or reports to it any more. */
static void veventq_fini(struct iommufd_object *obj)
{
	struct iommufd_veventq *queue = to_veventq(obj);
	struct iommufd_viommu *viommu = queue->viommu;
	struct iommufd_vevent *event, *next;

	down_write(&viommu->veventqs_lock);
	list_del(&queue->entry);
	up_write(&viommu->veventqs_lock);
	list_for_each_entry_safe(event, next, &queue->common.queued, node) {
		if (event != &queue->lost)
			kfree(event);
	}
	mutex_destroy(&queue->read_lock);
	iommufd_object_unuse(viommu->ictx, &viommu->obj, 1);
}

static const struct iommufd_object_ops veventq_ops = {
	.fini = veventq_fini,
};

/* Take the first event out of the queue if it fits, but not out of the count. */
static struct iommufd_vevent *veventq_take(struct iommufd_veventq *queue,
					   size_t room,
					   struct iommufd_vevent_header *header)
{
	struct iommufd_eventq *common = &queue->common;
	struct iommufd_vevent *event;

	spin_lock(&common->lock);
	event = list_first_entry_or_null(&common->queued,
					 struct iommufd_vevent, node);
	if (event && room < sizeof(*header) + event->length) {
		event = ERR_PTR(-EINVAL);
	} else if (event) {
		*header = event->header;
		list_del_init(&event->node);
	}
	spin_unlock(&common->lock);
	return event;
}

/* The event was read. */
static void veventq_drop(struct iommufd_veventq *queue,
			 struct iommufd_vevent *event)
{
	if (event == &queue->lost)
		return;
	spin_lock(&queue->common.lock);
	queue->nr--;
	spin_unlock(&queue->common.lock);
	kfree(event);
}

/* The event could not be read. */
static void veventq_put_back(struct iommufd_veventq *queue,
			     struct iommufd_vevent *event)
{
	struct iommufd_eventq *common = &queue->common;

	spin_lock(&common->lock);
	/* What was queued meanwhile shows the loss by its number. */
	if (event != &queue->lost || list_empty(&common->queued))
		list_add(&event->node, &common->queued);
	spin_unlock(&common->lock);
}

static int vevent_copy(const struct iommufd_vevent *event,
		       const struct iommufd_vevent_header *header,
		       char __user *buffer)
{
	if (copy_to_user(buffer, header, sizeof(*header)) ||
	    copy_to_user(buffer + sizeof(*header), event->data, event->length))
		return -EFAULT;
	return 0;
}

static ssize_t veventq_fops_read(struct file *file, char __user *buffer,
				 size_t count, loff_t *pos)
{
	struct iommufd_eventq *common = file->private_data;
	struct iommufd_veventq *queue = to_veventq(&common->obj);
	struct iommufd_vevent_header header;
	struct iommufd_vevent *event;
	size_t done = 0;
	int rc = 0;

	if (count < sizeof(header))
		return -EINVAL;
	if (mutex_lock_interruptible(&queue->read_lock))
		return -ERESTARTSYS;
	while ((event = veventq_take(queue, count - done, &header))) {
		size_t size;

		rc = PTR_ERR_OR_ZERO(event);
		if (rc)
			break;
		size = sizeof(header) + event->length;
		rc = vevent_copy(event, &header, buffer + done);
		if (rc) {
			veventq_put_back(queue, event);
			break;
		}
		veventq_drop(queue, event);
		done += size;
		cond_resched();
	}
	mutex_unlock(&queue->read_lock);
	return done ?: rc;
}

static const struct file_operations veventq_fops = {
	.owner = THIS_MODULE,
	.read = veventq_fops_read,
	.poll = iommufd_eventq_poll,
	.release = iommufd_eventq_release,
};

/* The caller holds viommu->veventqs_lock. */
static struct iommufd_veventq *viommu_find_veventq(struct iommufd_viommu *viommu,
						   u32 type)
{
	struct iommufd_veventq *queue;

	lockdep_assert_held(&viommu->veventqs_lock);
	list_for_each_entry(queue, &viommu->veventqs, entry) {
		if (queue->type == type)
			return queue;
	}
	return NULL;
}

/* Make an empty queue that is not published. The caller has looked up @viommu. */
static struct iommufd_veventq *veventq_create(struct iommufd_viommu *viommu,
					      u32 type, u32 depth)
{
	struct iommufd_ctx *ictx = viommu->ictx;
	struct iommufd_veventq *queue;
	int rc;

	lockdep_assert_held_write(&viommu->veventqs_lock);
	if (viommu_find_veventq(viommu, type))
		return ERR_PTR(-EEXIST);
	queue = iommufd_eventq_alloc(ictx, queue, common, IOMMUFD_OBJ_VEVENTQ,
				     &veventq_ops);
	if (IS_ERR(queue))
		return queue;
	queue->viommu = viommu;
	queue->type = type;
	queue->depth = depth;
	queue->sequence = READ_ONCE(veventq_first);
	queue->lost.header.flags = IOMMU_VEVENTQ_FLAG_LOST_EVENTS;
	INIT_LIST_HEAD(&queue->lost.node);

	rc = iommufd_object_use(ictx, &viommu->obj);
	if (rc)
		goto out_abort;
	rc = iommufd_eventq_init(&queue->common, ictx, "[iommufd-veventq]",
				 &veventq_fops);
	if (rc)
		goto out_unuse;
	mutex_init(&queue->read_lock);
	list_add_tail(&queue->entry, &viommu->veventqs);
	return queue;

out_unuse:
	iommufd_object_unuse(ictx, &viommu->obj, 1);
out_abort:
	iommufd_object_abort(ictx, &queue->common.obj);
	return ERR_PTR(rc);
}

/* IOMMU_VEVENTQ_ALLOC */
int iommufd_veventq_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_veventq_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu;
	struct iommufd_veventq *queue;
	int rc;

	if (cmd->flags || cmd->__reserved ||
	    cmd->type == IOMMU_VEVENTQ_TYPE_DEFAULT)
		return -EOPNOTSUPP;
	if (!cmd->veventq_depth || cmd->veventq_depth > VEVENTQ_MAX_DEPTH)
		return -EINVAL;

	viommu = iommufd_get_viommu(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	down_write(&viommu->veventqs_lock);
	queue = veventq_create(viommu, cmd->type, cmd->veventq_depth);
	up_write(&viommu->veventqs_lock);
	iommufd_put_viommu(viommu);
	if (IS_ERR(queue))
		return PTR_ERR(queue);

	cmd->out_veventq_id = queue->common.obj.id;
	cmd->out_veventq_fd = queue->common.fd;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc) {
		veventq_fini(&queue->common.obj);
		iommufd_eventq_abort(&queue->common);
		return rc;
	}
	iommufd_eventq_publish(&queue->common);
	return 0;
}

/* Queue an event, or count it as lost if there is none or no room for it. */
static void veventq_add(struct iommufd_veventq *queue,
			struct iommufd_vevent *event)
{
	struct iommufd_eventq *common = &queue->common;
	u32 sequence;

	spin_lock(&common->lock);
	sequence = queue->sequence;
	queue->sequence = (sequence + 1) & INT_MAX;
	if (event && queue->nr < queue->depth) {
		list_del_init(&queue->lost.node);
		queue->nr++;
	} else {
		kfree(event);
		event = &queue->lost;
		list_del_init(&event->node);
	}
	event->header.sequence = sequence;
	list_add_tail(&event->node, &common->queued);
	spin_unlock(&common->lock);
	wake_up_interruptible_poll(&common->wait, EPOLLIN | EPOLLRDNORM);
}

/* Let new queues begin with another number than 0. */
void iommufd_veventq_set_first(u32 sequence)
{
	WRITE_ONCE(veventq_first, sequence & INT_MAX);
}

/* Nothing is allocated for a queue that is full. */
static struct iommufd_vevent *vevent_alloc(struct iommufd_veventq *queue,
					   const void *data, size_t length)
{
	struct iommufd_vevent *event;

	if (READ_ONCE(queue->nr) >= queue->depth)
		return NULL;
	event = kzalloc(struct_size(event, data, length), GFP_KERNEL_ACCOUNT);
	if (!event)
		return NULL;
	event->length = length;
	memcpy(event->data, data, length);
	return event;
}

/**
 * iommufd_viommu_report_event() - report an event of a vIOMMU to user space
 * @viommu: vIOMMU
 * @type: of enum iommu_veventq_type
 * @data: the event, a struct of that type
 * @length: bytes of @data
 *
 * When the queue is full, or memory is short, the event is dropped, and user
 * space is told.
 *
 * Context: process context, may sleep.
 * Return: 0, -EOPNOTSUPP if @viommu has no queue for events of the type.
 */
int iommufd_viommu_report_event(struct iommufd_viommu *viommu, u32 type,
				const void *data, size_t length)
{
	struct iommufd_veventq *queue;
	int rc = 0;

	down_read(&viommu->veventqs_lock);
	queue = viommu_find_veventq(viommu, type);
	if (queue)
		veventq_add(queue, vevent_alloc(queue, data, length));
	else
		rc = -EOPNOTSUPP;
	up_read(&viommu->veventqs_lock);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_viommu_report_event);
