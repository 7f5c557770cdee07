// SPDX-License-Identifier: GPL-2.0
/*
 * Ids, lowest free first, and the users that keep an object from being
 * destroyed.
 */
#include <string.h>

#include <kselftest.h>

#include "model.h"

void errs_add(struct errs *errs, int rc)
{
	if (!errs_allow(errs, rc) && errs->n < sizeof(errs->rc) / sizeof(int))
		errs->rc[errs->n++] = rc;
}

bool errs_allow(const struct errs *errs, int rc)
{
	if (!rc)
		return !errs->n || errs->or_success;
	for (unsigned int i = 0; i < errs->n; i++)
		if (errs->rc[i] == rc)
			return true;
	return false;
}

/* The lowest free id above @after. */
uint32_t model_next_id(const struct context *ctx, uint32_t after)
{
	for (uint32_t id = after + 1; id < MAX_IDS; id++)
		if (!ctx->taken[id])
			return id;
	return 0;
}

void model_take_id(struct context *ctx, uint32_t id)
{
	if (id < MAX_IDS)
		ctx->taken[id] = true;
}

void model_drop_id(struct context *ctx, uint32_t id)
{
	if (id < MAX_IDS)
		ctx->taken[id] = false;
}

#define FIND(_array, _field, _id)					\
	({								\
		__typeof__(&(_array)[0]) __found = NULL;		\
									\
		for (unsigned int __i = 0; __i < ARRAY_SIZE(_array); __i++) \
			if ((_array)[__i].used &&			\
			    (_array)[__i]._field == (_id))		\
				__found = &(_array)[__i];		\
		__found;						\
	})

struct ioas *model_find_ioas(struct context *ctx, uint32_t id)
{
	return FIND(ctx->ioas, id, id);
}

struct hwpt *model_find_hwpt(struct context *ctx, uint32_t id)
{
	return FIND(ctx->hwpt, id, id);
}

struct dev *model_find_stdev(struct context *ctx, uint32_t id)
{
	return FIND(ctx->dev, stdev, id);
}

struct dev *model_find_idev(struct context *ctx, uint32_t id)
{
	return FIND(ctx->dev, idev, id);
}

struct queue *model_find_queue(struct context *ctx, uint32_t id)
{
	return FIND(ctx->queue, id, id);
}

struct viommu *model_find_viommu(struct context *ctx, uint32_t id)
{
	return FIND(ctx->viommu, id, id);
}

struct vdevice *model_find_vdevice(struct context *ctx, uint32_t id)
{
	return FIND(ctx->vdevice, id, id);
}

struct hwq *model_find_hwq(struct context *ctx, uint32_t id)
{
	return FIND(ctx->hwq, id, id);
}

static struct access *find_access(struct context *ctx, uint32_t id)
{
	return FIND(ctx->access, id, id);
}

bool model_is_id(struct context *ctx, uint32_t id)
{
	return model_find_ioas(ctx, id) || model_find_hwpt(ctx, id) ||
	       model_find_stdev(ctx, id) || model_find_idev(ctx, id) ||
	       model_find_queue(ctx, id) || model_find_viommu(ctx, id) ||
	       model_find_vdevice(ctx, id) || model_find_hwq(ctx, id) ||
	       find_access(ctx, id);
}

bool model_is_empty(const struct context *ctx)
{
	unsigned int taken = 0;

	for (uint32_t id = 0; id < MAX_IDS; id++)
		taken += ctx->taken[id];
	return taken == ctx->ntombs;
}

/* Does an object, a descriptor or a VMA keep the object with this id? */
static bool is_kept(struct context *ctx, uint32_t id)
{
	struct ioas *ioas = model_find_ioas(ctx, id);
	struct hwpt *hwpt = model_find_hwpt(ctx, id);
	struct queue *queue = model_find_queue(ctx, id);
	struct viommu *viommu = model_find_viommu(ctx, id);
	struct hwq *hwq = model_find_hwq(ctx, id);

	if (ioas)
		return ioas->nhwpts || ioas->naccesses;
	if (hwpt)
		return hwpt->ndevs || hwpt->nusers;
	if (queue)
		return queue->fd >= 0 || queue->nhwpts;
	if (viommu)
		return viommu->nusers;
	if (hwq)
		return model_hwq_is_busy(ctx, hwq);
	/* Bound devices and accesses are destroyed in another way. */
	return !model_find_stdev(ctx, id) && !model_find_vdevice(ctx, id);
}

void model_predict_destroy(struct context *ctx, uint32_t id, struct errs *e)
{
	if (!model_is_id(ctx, id))
		errs_add(e, ENOENT);
	else if (is_kept(ctx, id))
		errs_add(e, EBUSY);
}

static void destroy_ioas(struct context *ctx, struct ioas *ioas)
{
	uint64_t bytes;

	model_unmap_all(ctx, ioas, &bytes);
	if (ctx->compat == ioas)
		ctx->compat = NULL;
	model_drop_id(ctx, ioas->id);
	memset(ioas, 0, sizeof(*ioas));
}

static void destroy_dev(struct context *ctx, struct dev *dev)
{
	model_detach_pasids(dev);
	model_detach(ctx, dev);
	model_unbind(ctx, dev);
	model_drop_id(ctx, dev->stdev);
	model_drop_id(ctx, dev->idev);
	memset(dev, 0, sizeof(*dev));
}

static void destroy_virtual(struct context *ctx, uint32_t id)
{
	struct queue *queue = model_find_queue(ctx, id);
	struct viommu *viommu = model_find_viommu(ctx, id);
	struct vdevice *vdevice = model_find_vdevice(ctx, id);
	struct hwq *hwq = model_find_hwq(ctx, id);

	if (queue)
		model_drop_queue(ctx, queue);
	if (viommu)
		model_drop_viommu(ctx, viommu);
	if (vdevice)
		model_drop_vdevice(ctx, vdevice);
	if (hwq)
		model_drop_hwq(ctx, hwq);
}

/* What DESTROY does when it succeeds. */
void model_destroy(struct context *ctx, uint32_t id)
{
	struct ioas *ioas = model_find_ioas(ctx, id);
	struct hwpt *hwpt = model_find_hwpt(ctx, id);
	struct dev *dev = model_find_stdev(ctx, id);

	if (ioas)
		destroy_ioas(ctx, ioas);
	if (hwpt)
		model_drop_hwpt(ctx, hwpt);
	if (dev)
		destroy_dev(ctx, dev);
	destroy_virtual(ctx, id);
}

/* Devices, and with them virtual devices, are gone already. */
static void clear_virtual(struct context *ctx)
{
	for (unsigned int i = 0; i < MAX_HWQ; i++)
		if (ctx->hwq[i].used)
			model_drop_hwq(ctx, &ctx->hwq[i]);
	for (unsigned int i = 0; i < MAX_QUEUE; i++)
		if (ctx->queue[i].used && ctx->queue[i].viommu)
			model_drop_queue(ctx, &ctx->queue[i]);
	for (unsigned int i = 0; i < MAX_VIOMMU; i++)
		if (ctx->viommu[i].used)
			model_drop_viommu(ctx, &ctx->viommu[i]);
}

/* What close of the file does; accesses have to be closed before. */
void model_clear(struct context *ctx)
{
	for (unsigned int i = 0; i < MAX_DEV; i++)
		if (ctx->dev[i].used)
			destroy_dev(ctx, &ctx->dev[i]);
	for (unsigned int i = 0; i < MAX_HWPT; i++)
		if (ctx->hwpt[i].used && ctx->hwpt[i].parent)
			model_drop_hwpt(ctx, &ctx->hwpt[i]);
	clear_virtual(ctx);
	for (unsigned int i = 0; i < MAX_HWPT; i++)
		if (ctx->hwpt[i].used)
			model_drop_hwpt(ctx, &ctx->hwpt[i]);
	for (unsigned int i = 0; i < MAX_QUEUE; i++)
		if (ctx->queue[i].used)
			model_drop_queue(ctx, &ctx->queue[i]);
	for (unsigned int i = 0; i < MAX_IOAS; i++)
		if (ctx->ioas[i].used)
			destroy_ioas(ctx, &ctx->ioas[i]);
	ctx->mode = 0;
	ctx->ntombs = 0;
	memset(ctx->taken, 0, sizeof(ctx->taken));
}
