// SPDX-License-Identifier: GPL-2.0
/*
 * HWPTs: explicit ones stay, automatic ones exist as long as they have devices.
 */
#include <string.h>

#include "mock.h"
#include "model.h"

/* Outside of the aperture of the mock, unless it has all 64 bits */
static const struct range outside[] = {
	{ 0, MOCK_APERTURE_START - 1 },
	{ MOCK_APERTURE_LAST + 1, U64_MAX },
};

static unsigned int noutside(enum table table)
{
	return fuzz_wide || table == TABLE_HUGE ? 0 : 2;
}

void model_predict_new_hwpt(struct context *ctx, struct ioas *ioas,
			    enum table table, struct errs *e)
{
	if (!model_suits(ioas, outside, noutside(table),
			 table == TABLE_HUGE ? PAGE : MOCK_PAGE))
		errs_add(e, EADDRINUSE);
	model_predict_pin_areas(ctx, ioas, e);
}

struct hwpt *model_new_hwpt(struct context *ctx, struct ioas *ioas,
			    enum table table, uint32_t id)
{
	struct hwpt *hwpt = ctx->hwpt;

	while (hwpt->used)
		hwpt++;
	*hwpt = (struct hwpt){
		.used = true, .id = id, .ioas = ioas, .table = table,
	};
	model_take_id(ctx, id);
	if (!ioas->nhwpts++)
		model_pin_areas(ctx, ioas);
	ioas->nhuge += table == TABLE_HUGE;
	for (unsigned int i = 0; i < noutside(table); i++)
		ioas->reserved[ioas->nreserved++] = outside[i];
	return hwpt;
}

/* Equal reservations cannot be told apart: any one with this range will do. */
static void unreserve(struct ioas *ioas, struct range range)
{
	for (unsigned int i = 0; i < ioas->nreserved; i++) {
		if (ioas->reserved[i].start != range.start ||
		    ioas->reserved[i].last != range.last)
			continue;
		ioas->reserved[i] = ioas->reserved[--ioas->nreserved];
		return;
	}
}

static void drop_table(struct context *ctx, struct hwpt *hwpt)
{
	struct ioas *ioas = hwpt->ioas;

	if (ioas->nhwpts == 1)
		model_unpin_areas(ctx, ioas);
	ioas->nhwpts--;
	ioas->nhuge -= hwpt->table == TABLE_HUGE;
	for (unsigned int i = 0; i < noutside(hwpt->table); i++)
		unreserve(ioas, outside[i]);
}

void model_drop_hwpt(struct context *ctx, struct hwpt *hwpt)
{
	if (hwpt->queue)
		hwpt->queue->nhwpts--;
	if (hwpt->viommu)
		hwpt->viommu->nusers--;
	else if (hwpt->parent)
		hwpt->parent->nusers--;
	else
		drop_table(ctx, hwpt);
	model_drop_id(ctx, hwpt->id);
	memset(hwpt, 0, sizeof(*hwpt));
}

struct hwpt *model_automatic_hwpt(struct context *ctx, struct ioas *ioas)
{
	for (unsigned int i = 0; i < MAX_HWPT; i++)
		if (ctx->hwpt[i].used && ctx->hwpt[i].automatic &&
		    ctx->hwpt[i].ioas == ioas)
			return &ctx->hwpt[i];
	return NULL;
}

/* The HWPT with the mappings */
static const struct hwpt *table_of(const struct hwpt *hwpt)
{
	return hwpt->parent ? hwpt->parent : hwpt;
}

/* Can the device use this HWPT? */
static void predict_fit(struct context *ctx, const struct dev *dev,
			const struct hwpt *hwpt, struct errs *e)
{
	struct vdevice *vdevice = model_vdevice_of(ctx, dev);

	if (hwpt->viommu && (!vdevice || vdevice->viommu != hwpt->viommu)) {
		/* It may be there already. */
		e->or_success |= !e->n && hwpt == dev->hwpt;
		errs_add(e, ENOENT);
	}
	if ((table_of(hwpt)->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    (dev->flags & MOCK_DEVICE_NO_DIRTY))
		errs_add(e, EINVAL);
}

void model_predict_attach(struct context *ctx, const struct dev *dev,
			  uint32_t pt, struct errs *e)
{
	struct ioas *ioas = model_find_ioas(ctx, pt);
	struct hwpt *hwpt = model_find_hwpt(ctx, pt);

	if (!model_is_id(ctx, pt))
		errs_add(e, ENOENT);
	else if (ioas && !model_automatic_hwpt(ctx, ioas))
		model_predict_new_hwpt(ctx, ioas, TABLE_PLAIN, e);
	else if (!ioas && !hwpt)
		errs_add(e, EINVAL);
	if (dev && hwpt)
		predict_fit(ctx, dev, hwpt, e);
}

static void put_hwpt(struct context *ctx, struct hwpt *hwpt)
{
	if (!--hwpt->ndevs && hwpt->automatic)
		model_drop_hwpt(ctx, hwpt);
}

void model_attach(struct context *ctx, struct dev *dev, struct hwpt *hwpt)
{
	struct hwpt *old = dev->hwpt;

	if (hwpt == old)
		return;
	hwpt->ndevs++;
	dev->hwpt = hwpt;
	dev->virt_id = hwpt->viommu ? model_vdevice_of(ctx, dev)->virt_id : 0;
	if (!old)
		return;
	model_drop_groups(old, dev->idev, 0);
	put_hwpt(ctx, old);
}

void model_detach(struct context *ctx, struct dev *dev)
{
	struct hwpt *hwpt = dev->hwpt;

	dev->hwpt = NULL;
	model_drop_groups(hwpt, dev->idev, 0);
	put_hwpt(ctx, hwpt);
}
