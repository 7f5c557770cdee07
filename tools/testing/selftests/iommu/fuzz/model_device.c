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

static unsigned int noutside(void)
{
	return fuzz_wide ? 0 : 2;
}

void model_predict_new_hwpt(struct context *ctx, struct ioas *ioas,
			    struct errs *e)
{
	if (!model_suits(ioas, outside, noutside(), MOCK_PAGE))
		errs_add(e, EADDRINUSE);
	model_predict_pin_areas(ctx, ioas, e);
}

struct hwpt *model_new_hwpt(struct context *ctx, struct ioas *ioas,
			    uint32_t id, bool automatic)
{
	struct hwpt *hwpt = ctx->hwpt;

	while (hwpt->used)
		hwpt++;
	*hwpt = (struct hwpt){
		.used = true, .id = id, .automatic = automatic, .ioas = ioas,
	};
	model_take_id(ctx, id);
	if (!ioas->nhwpts++)
		model_pin_areas(ctx, ioas);
	for (unsigned int i = 0; i < noutside(); i++)
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

void model_drop_hwpt(struct context *ctx, struct hwpt *hwpt)
{
	struct ioas *ioas = hwpt->ioas;

	if (ioas->nhwpts == 1)
		model_unpin_areas(ctx, ioas);
	ioas->nhwpts--;
	for (unsigned int i = 0; i < noutside(); i++)
		unreserve(ioas, outside[i]);
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

/* Attach to the IOAS or HWPT with this id, or replace by it */
void model_predict_attach(struct context *ctx, uint32_t pt, struct errs *e)
{
	struct ioas *ioas = model_find_ioas(ctx, pt);

	if (!model_is_id(ctx, pt))
		errs_add(e, ENOENT);
	else if (ioas && !model_automatic_hwpt(ctx, ioas))
		model_predict_new_hwpt(ctx, ioas, e);
	else if (!ioas && !model_find_hwpt(ctx, pt))
		errs_add(e, EINVAL);
}

void model_detach(struct context *ctx, struct dev *dev)
{
	struct hwpt *hwpt = dev->hwpt;

	dev->hwpt = NULL;
	if (!--hwpt->ndevs && hwpt->automatic)
		model_drop_hwpt(ctx, hwpt);
}
