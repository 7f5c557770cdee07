// SPDX-License-Identifier: GPL-2.0
/* PASIDs of a device, each attached to a HWPT that was made for it */
#include <string.h>

#include "model.h"

#define PASID_BITS	20

struct pasid *model_find_pasid(struct dev *dev, uint32_t pasid)
{
	for (unsigned int i = 0; i < MAX_PASID; i++)
		if (dev->pasids[i].hwpt && dev->pasids[i].pasid == pasid)
			return &dev->pasids[i];
	return NULL;
}

struct pasid *model_free_pasid(struct dev *dev)
{
	for (unsigned int i = 0; i < MAX_PASID; i++)
		if (!dev->pasids[i].hwpt)
			return &dev->pasids[i];
	return NULL;
}

bool model_has_pasids(const struct dev *dev)
{
	for (unsigned int i = 0; i < MAX_PASID; i++)
		if (dev->pasids[i].hwpt)
			return true;
	return false;
}

void model_predict_pasid(struct context *ctx, struct dev *dev, uint32_t pasid,
			 uint32_t pt, bool replace, struct errs *e)
{
	struct ioas *ioas = model_find_ioas(ctx, pt);
	struct hwpt *hwpt = model_find_hwpt(ctx, pt);

	if (!dev) {
		errs_add(e, ENOENT);
	} else {
		if (!(dev->flags & MOCK_DEVICE_PASID) || pasid >> PASID_BITS)
			errs_add(e, EINVAL);
		if (!(dev->hwpt->flags & IOMMU_HWPT_ALLOC_PASID))
			errs_add(e, EINVAL);
		if (replace && !model_find_pasid(dev, pasid))
			errs_add(e, EINVAL);
		if (!replace && model_find_pasid(dev, pasid))
			errs_add(e, EBUSY);
	}
	model_predict_attach(ctx, dev, pt, e);
	/* An automatic HWPT is not made for PASIDs. */
	if (ioas || (hwpt && !(hwpt->flags & IOMMU_HWPT_ALLOC_PASID)))
		errs_add(e, EINVAL);
	/* Only for the device itself the ABI asks for a virtual device. */
	if (hwpt && hwpt->viommu && e->n == 1 && errs_allow(e, ENOENT))
		e->or_success = true;
}

void model_attach_pasid(struct context *ctx, struct dev *dev, uint32_t pasid,
			struct hwpt *hwpt)
{
	struct pasid *attached = model_find_pasid(dev, pasid);

	if (!attached) {
		attached = model_free_pasid(dev);
		attached->pasid = pasid;
	}
	if (attached->hwpt == hwpt)
		return;
	hwpt->ndevs++;
	if (attached->hwpt) {
		model_drop_groups(attached->hwpt, dev->idev, pasid);
		attached->hwpt->ndevs--;
	}
	attached->hwpt = hwpt;
}

void model_detach_pasid(struct dev *dev, struct pasid *attached)
{
	model_drop_groups(attached->hwpt, dev->idev, attached->pasid);
	attached->hwpt->ndevs--;
	attached->hwpt = NULL;
}

void model_detach_pasids(struct dev *dev)
{
	for (unsigned int i = 0; i < MAX_PASID; i++)
		if (dev->pasids[i].hwpt)
			model_detach_pasid(dev, &dev->pasids[i]);
}
