// SPDX-License-Identifier: GPL-2.0
/*
 * Queues of page faults: which groups wait in them, in the order in which they
 * came, and which of these were read and have a cookie.
 */
#include <string.h>

#include "model.h"

struct queue *model_new_queue(struct context *ctx, uint32_t id, int fd)
{
	struct queue *queue = ctx->queue;

	while (queue->used)
		queue++;
	*queue = (struct queue){ .used = true, .id = id, .fd = fd };
	model_take_id(ctx, id);
	return queue;
}

void model_drop_queue(struct context *ctx, struct queue *queue)
{
	if (queue->viommu)
		queue->viommu->nusers--;
	model_drop_id(ctx, queue->id);
	memset(queue, 0, sizeof(*queue));
}

/* The queue that hears of a page request; NULL if nobody takes it */
struct queue *model_fault_queue(struct dev *dev, uint32_t pasid,
				uint32_t *attachment)
{
	struct pasid *attached = pasid ? model_find_pasid(dev, pasid) : NULL;

	*attachment = attached ? pasid : 0;
	if (attached)
		return attached->hwpt->queue;
	if (pasid && !dev->hwpt->parent)
		return NULL;
	return dev->hwpt->queue;
}

static void remove_group(struct queue *queue, unsigned int i)
{
	memmove(&queue->groups[i], &queue->groups[i + 1],
		(--queue->ngroups - i) * sizeof(*queue->groups));
}

/* A detach answers the groups of the attachment, read or not. */
void model_drop_groups(struct hwpt *hwpt, uint32_t idev, uint32_t attachment)
{
	struct queue *queue = hwpt->queue;

	for (unsigned int i = 0; queue && i < queue->ngroups;)
		if (queue->groups[i].fault.dev_id == idev &&
		    queue->groups[i].attachment == attachment)
			remove_group(queue, i);
		else
			i++;
}

static struct request *find_cookie(struct queue *queue, uint32_t cookie)
{
	for (unsigned int i = 0; i < queue->ngroups; i++)
		if (queue->groups[i].fault.cookie == cookie && cookie)
			return &queue->groups[i];
	return NULL;
}

/* The oldest group that was not read; NULL if there is none */
struct request *model_unread_group(struct queue *queue)
{
	for (unsigned int i = 0; i < queue->ngroups; i++)
		if (!queue->groups[i].fault.cookie)
			return &queue->groups[i];
	return NULL;
}

void model_read_group(struct queue *queue, struct request *group)
{
	uint32_t cookie = 1;

	while (find_cookie(queue, cookie))
		cookie++;
	group->fault.cookie = cookie;
}

int model_respond(struct queue *queue,
		  const struct iommu_hwpt_page_response *response)
{
	struct request *group = find_cookie(queue, response->cookie);

	if (response->code > IOMMUFD_PAGE_RESP_INVALID || !group)
		return EINVAL;
	remove_group(queue, group - queue->groups);
	return 0;
}
