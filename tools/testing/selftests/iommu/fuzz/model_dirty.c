// SPDX-License-Identifier: GPL-2.0
/*
 * Which IO pages of a HWPT are dirty. Exact only for a HWPT with IO pages of
 * MOCK_PAGE, each with a bit of its own.
 */
#include "mock.h"
#include "model.h"

void model_predict_dirty(struct hwpt *hwpt, const struct dirty_call *call,
			 struct errs *e)
{
	uint64_t end = call->iova + call->length, size = call->page_size;

	if (!call->length || !size || (size & (size - 1)))
		errs_add(e, EINVAL);
	if (call->length && end - 1 < call->iova)
		errs_add(e, EOVERFLOW);
	if (size && ((call->iova | end) & (size - 1)))
		errs_add(e, EINVAL);
	if (!hwpt || hwpt->parent) {
		errs_add(e, ENOENT);
		return;
	}
	if ((call->iova | end) & (model_alignment(hwpt->ioas) - 1))
		errs_add(e, EINVAL);
	if (!(hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING))
		errs_add(e, EOPNOTSUPP);
}

/* Is a dirty IO page in this part of the range? */
bool model_is_dirty(const struct hwpt *hwpt, const struct dirty_call *call,
		    unsigned int bit)
{
	uint64_t start = call->iova + bit * call->page_size;
	uint64_t last = start + call->page_size - 1;

	for (unsigned int i = 0; i < hwpt->ndirty; i++)
		if (hwpt->dirty[i] <= last &&
		    start <= hwpt->dirty[i] + MOCK_PAGE - 1)
			return true;
	return false;
}

void model_clean(struct hwpt *hwpt, struct range range)
{
	for (unsigned int i = 0; i < hwpt->ndirty;)
		if (hwpt->dirty[i] <= range.last &&
		    range.start <= hwpt->dirty[i] + MOCK_PAGE - 1)
			hwpt->dirty[i] = hwpt->dirty[--hwpt->ndirty];
		else
			i++;
}

void model_clean_area(struct context *ctx, struct ioas *ioas,
		      struct range range)
{
	for (unsigned int i = 0; i < MAX_HWPT; i++)
		if (ctx->hwpt[i].used && ctx->hwpt[i].ioas == ioas)
			model_clean(&ctx->hwpt[i], range);
}

bool model_mark(struct hwpt *hwpt, uint64_t iova)
{
	for (unsigned int i = 0; i < hwpt->ndirty; i++)
		if (hwpt->dirty[i] == iova)
			return true;
	if (hwpt->ndirty == MAX_DIRTY)
		return false;
	hwpt->dirty[hwpt->ndirty++] = iova;
	return true;
}
