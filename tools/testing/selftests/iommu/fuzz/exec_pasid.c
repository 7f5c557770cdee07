// SPDX-License-Identifier: GPL-2.0
/* Steps on the PASIDs of mock devices */
#include <kselftest.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"

/* The mock fails every second attach or replace of this one. */
#define PASID_FAILS	1024

/* 0 is the device itself. */
static uint32_t make_pasid(uint64_t pick)
{
	static const uint32_t pasids[] = {
		1, 1, 1, 2, 2, 3, 5, PASID_FAILS, PASID_FAILS, PASID_FAILS,
		(1U << 20) - 1, 1U << 20, UINT32_MAX,
	};

	return pasids[pick % ARRAY_SIZE(pasids)];
}

static bool has_pasids(const struct dev *dev)
{
	return dev->flags & MOCK_DEVICE_PASID;
}

static bool takes_pasids(const struct hwpt *hwpt)
{
	return hwpt->flags & IOMMU_HWPT_ALLOC_PASID;
}

static uint32_t pick_target(struct context *ctx, uint64_t pick)
{
	struct hwpt *hwpt = pick_hwpt_if(ctx, pick >> 8, takes_pasids);
	struct ioas *ioas = pick_ioas(ctx, pick >> 8);

	if (pick % 8 == 0)
		return ioas ? ioas->id : 0;
	if (pick % 8 == 1 || !hwpt)
		hwpt = pick_hwpt(ctx, pick >> 8);
	return hwpt ? hwpt->id : 0;
}

/* Is the errno of the mock's own failure known? Adds it to the others. */
static bool predict_failure(struct world *w, struct dev *dev, uint32_t pasid,
			    struct hwpt *hwpt, struct errs *e)
{
	struct pasid *attached;

	if (!dev || pasid != PASID_FAILS)
		return true;
	attached = model_find_pasid(dev, pasid);
	/* The mock may or may not see the call. */
	if (e->n || !has_fault(w, FAULT_NONE) ||
	    (attached && attached->hwpt == hwpt))
		return false;
	if (dev->npasid_calls++ % 2)
		errs_add(e, ENOMEM);
	return true;
}

void do_pasid_attach(struct world *w, struct context *ctx,
		     const struct step *step)
{
	struct dev *dev = pick_dev_if(ctx, step->arg[0], has_pasids);
	bool replace = step->arg[3] % 3 == 0;
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = replace ? IOMMU_TEST_OP_PASID_REPLACE :
				IOMMU_TEST_OP_PASID_ATTACH,
		.id = dev ? dev->stdev : 0,
		.pasid_attach.pasid = make_pasid(step->arg[1]),
		.pasid_attach.pt_id = pick_target(ctx, step->arg[2]),
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct pasid *attached;
	struct hwpt *hwpt;

	if (step->arg[4] % 8 == 0)
		cmd.id = faulty_id(w, ctx, cmd.id);
	else
		cmd.pasid_attach.pt_id = faulty_id(w, ctx,
						   cmd.pasid_attach.pt_id);
	dev = model_find_stdev(ctx, cmd.id);
	hwpt = model_find_hwpt(ctx, cmd.pasid_attach.pt_id);
	model_predict_pasid(ctx, dev, cmd.pasid_attach.pasid,
			    cmd.pasid_attach.pt_id, replace, &call.errs);
	/*
	 * The ABI does not say whether page requests were answered when a replace
	 * fails.
	 */
	attached = dev ? model_find_pasid(dev, cmd.pasid_attach.pasid) : NULL;
	if ((replace && attached && attached->hwpt->queue &&
	     attached->hwpt->queue->ngroups &&
	     (call.errs.n || attached->pasid == PASID_FAILS)) ||
	    (dev && !model_free_pasid(dev)) ||
	    !predict_failure(w, dev, cmd.pasid_attach.pasid, hwpt, &call.errs)) {
		skip(w);
		return;
	}
	if (!call_issue(w, &call))
		return;
	DIFFER_UNLESS(w, hwpt->id, cmd.pasid_attach.pt_id, "the HWPT");
	model_attach_pasid(ctx, dev, cmd.pasid_attach.pasid, hwpt);
}

void do_pasid_detach(struct world *w, struct context *ctx,
		     const struct step *step)
{
	struct dev *dev = pick_dev_if(ctx, step->arg[0], model_has_pasids);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_PASID_DETACH,
		.id = faulty_id(w, ctx, dev ? dev->stdev : 0),
		.pasid_detach.pasid = make_pasid(step->arg[1]),
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct pasid *attached;

	dev = model_find_stdev(ctx, cmd.id);
	if (!dev)
		errs_add(&call.errs, ENOENT);
	if (!call_issue(w, &call))
		return;
	attached = model_find_pasid(dev, cmd.pasid_detach.pasid);
	if (attached)
		model_detach_pasid(dev, attached);
	if (attached && cmd.pasid_detach.pasid == PASID_FAILS)
		dev->npasid_calls = 0;
}

void do_pasid_check(struct world *w, struct context *ctx,
		    const struct step *step)
{
	struct dev *dev = pick_dev_if(ctx, step->arg[0], model_has_pasids);
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_PASID_CHECK_HWPT,
		.id = faulty_id(w, ctx, dev ? dev->stdev : 0),
		.pasid_check.pasid = make_pasid(step->arg[1] % 10),
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);
	struct pasid *attached = NULL;

	dev = model_find_stdev(ctx, cmd.id);
	if (dev)
		attached = model_find_pasid(dev, cmd.pasid_check.pasid);
	else
		errs_add(&call.errs, ENOENT);
	cmd.pasid_check.hwpt_id = attached ? attached->hwpt->id : 0;
	if (step->arg[2] % 16 == 0) {
		cmd.pasid_check.hwpt_id = pick_target(ctx, step->arg[3]);
		if (cmd.pasid_check.hwpt_id !=
		    (attached ? attached->hwpt->id : 0))
			errs_add(&call.errs, EINVAL);
		if (!model_find_hwpt(ctx, cmd.pasid_check.hwpt_id) && call.errs.n)
			errs_add(&call.errs, ENOENT);
	}
	call_issue(w, &call);
}
