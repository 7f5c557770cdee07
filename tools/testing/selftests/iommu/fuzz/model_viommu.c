// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual IOMMUs and what is on them: virtual devices, queues of events and of
 * the hardware. Each keeps its vIOMMU, which keeps the HWPT it is on.
 */
#include <string.h>

#include <kselftest.h>

#include "model.h"

#define SEQUENCES	0x80000000U

#define NEW(_array)							\
	({								\
		__typeof__(&(_array)[0]) __new = (_array);		\
									\
		while (__new->used)					\
			__new++;					\
		__new->used = true;					\
		__new;							\
	})

struct viommu *model_new_viommu(struct context *ctx, uint32_t id,
				struct hwpt *parent)
{
	struct viommu *viommu = NEW(ctx->viommu);

	viommu->id = id;
	viommu->parent = parent;
	parent->nusers++;
	model_take_id(ctx, id);
	return viommu;
}

void model_drop_viommu(struct context *ctx, struct viommu *viommu)
{
	viommu->parent->nusers--;
	model_drop_id(ctx, viommu->id);
	memset(viommu, 0, sizeof(*viommu));
}

struct vdevice *model_vdevice_of(struct context *ctx, const struct dev *dev)
{
	for (unsigned int i = 0; i < MAX_VDEVICE; i++)
		if (ctx->vdevice[i].used && ctx->vdevice[i].dev == dev)
			return &ctx->vdevice[i];
	return NULL;
}

struct vdevice *model_virtual(struct context *ctx, const struct viommu *viommu,
			      uint64_t virt_id)
{
	for (unsigned int i = 0; i < MAX_VDEVICE; i++)
		if (ctx->vdevice[i].used && ctx->vdevice[i].viommu == viommu &&
		    ctx->vdevice[i].virt_id == virt_id)
			return &ctx->vdevice[i];
	return NULL;
}

void model_new_vdevice(struct context *ctx, uint32_t id, struct viommu *viommu,
		       struct dev *dev, uint64_t virt_id)
{
	struct vdevice *vdevice = NEW(ctx->vdevice);

	vdevice->id = id;
	vdevice->viommu = viommu;
	vdevice->dev = dev;
	vdevice->virt_id = virt_id;
	viommu->nusers++;
	model_take_id(ctx, id);
}

void model_drop_vdevice(struct context *ctx, struct vdevice *vdevice)
{
	vdevice->viommu->nusers--;
	model_drop_id(ctx, vdevice->id);
	memset(vdevice, 0, sizeof(*vdevice));
}

/* The id of the virtual device is not used again until the context is closed. */
void model_unbind(struct context *ctx, struct dev *dev)
{
	struct vdevice *vdevice = model_vdevice_of(ctx, dev);

	if (!vdevice)
		return;
	vdevice->viommu->nusers--;
	ctx->ntombs++;
	memset(vdevice, 0, sizeof(*vdevice));
}

struct queue *model_event_queue(struct context *ctx,
				const struct viommu *viommu, uint32_t type)
{
	for (unsigned int i = 0; i < MAX_QUEUE; i++)
		if (ctx->queue[i].used && ctx->queue[i].viommu == viommu &&
		    ctx->queue[i].type == type)
			return &ctx->queue[i];
	return NULL;
}

/* What is lost takes numbers, too. */
void model_event(struct queue *queue, uint32_t virt_id)
{
	uint32_t sequence = queue->sequence++ % SEQUENCES;

	queue->lost = queue->nevents == queue->depth;
	if (queue->lost)
		queue->lost_sequence = sequence;
	else
		queue->events[queue->nevents++] = (struct event){
			.sequence = sequence, .virt_id = virt_id,
		};
}

struct hwq *model_hwq_at(struct context *ctx, const struct viommu *viommu,
			 uint32_t index)
{
	for (unsigned int i = 0; i < MAX_HWQ; i++)
		if (ctx->hwq[i].used && ctx->hwq[i].viommu == viommu &&
		    ctx->hwq[i].index == index)
			return &ctx->hwq[i];
	return NULL;
}

void model_new_hwq(struct context *ctx, uint32_t id, struct viommu *viommu,
		   uint32_t index, struct range range)
{
	struct hwq *hwq = NEW(ctx->hwq);

	hwq->id = id;
	hwq->viommu = viommu;
	hwq->index = index;
	hwq->range = range;
	viommu->nusers++;
	model_take_id(ctx, id);
}

void model_drop_hwq(struct context *ctx, struct hwq *hwq)
{
	hwq->viommu->nusers--;
	model_drop_id(ctx, hwq->id);
	memset(hwq, 0, sizeof(*hwq));
}

/* The first keeps its place as long as the second exists. */
bool model_hwq_is_busy(struct context *ctx, const struct hwq *hwq)
{
	return !hwq->index && model_hwq_at(ctx, hwq->viommu, 1);
}

bool model_hits_hwq(struct context *ctx, const struct ioas *ioas,
		    struct range range)
{
	for (unsigned int i = 0; i < MAX_HWQ; i++) {
		const struct hwq *hwq = &ctx->hwq[i];

		if (hwq->used && hwq->viommu->parent->ioas == ioas &&
		    hwq->range.start <= range.last &&
		    range.start <= hwq->range.last)
			return true;
	}
	return false;
}

/*
 * Is known what UNMAP of the range does? Where a hardware queue is in it, only
 * if that is all there is.
 */
bool model_unmap_is_known(struct context *ctx, struct ioas *ioas,
			  struct range range, bool *busy)
{
	struct area *area;

	*busy = false;
	for (unsigned int i = 0; i < ioas->nareas; i++) {
		struct range all = { ioas->areas[i].start, ioas->areas[i].last };

		if (all.start <= range.last && range.start <= all.last)
			*busy |= model_hits_hwq(ctx, ioas, all);
	}
	if (!*busy)
		return true;
	for (unsigned int a = 0; a < MAX_ACCESS; a++)
		for (unsigned int i = 0; i < MAX_PINS; i++)
			if (ctx->access[a].used && ctx->access[a].ioas == ioas &&
			    ctx->access[a].pins[i].used)
				return false;
	return model_cover(ioas, range, &area) == 1 &&
	       area->start == range.start && area->last == range.last;
}
