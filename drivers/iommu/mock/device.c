// SPDX-License-Identifier: GPL-2.0
/*
 * Devices behind the mock IOMMU, bound and attached by one test command and
 * undone by destroying one object.
 */
#include <linux/iommufd.h>
#include <linux/mutex.h>

#include "mock.h"

/**
 * struct selftest_device - a mock device and the driver it would have
 * @obj: object; destroying it undoes all
 * @lock: serializes what a driver would
 * @mdev: device
 * @idev: device in the eyes of the context, attached
 */
struct selftest_device {
	struct iommufd_object obj;
	struct mutex lock;
	struct mock_device *mdev;
	struct iommufd_device *idev;
};

static int bind_and_attach(struct iommufd_ctx *ictx,
			   struct selftest_device *stdev, u32 *pt_id)
{
	struct iommufd_device *idev;
	int rc;

	idev = selftest_core->device_create(ictx, &stdev->mdev->dev,
					    &mock_iommu_ops);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	selftest_core->object_publish(ictx, &idev->obj);

	rc = iommufd_device_attach(idev, pt_id);
	if (rc)
		iommufd_device_unbind(idev);
	else
		stdev->idev = idev;
	return rc;
}

/* The object is gone from its context. */
static void selftest_device_fini(struct iommufd_object *obj)
{
	struct selftest_device *stdev =
		container_of(obj, struct selftest_device, obj);

	iommufd_device_detach(stdev->idev);
	iommufd_device_unbind(stdev->idev);
	mock_device_destroy(stdev->mdev);
	mutex_destroy(&stdev->lock);
}

static const struct iommufd_object_ops selftest_device_ops = {
	.fini = selftest_device_fini,
};

static int mock_domain(struct selftest_ucmd *ucmd, unsigned int dev_flags)
{
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct selftest_device *stdev;
	struct iommufd_object *obj;
	u32 pt_id = ucmd->cmd.id;
	int rc;

	obj = selftest_core->object_alloc(ictx, sizeof(*stdev),
					  IOMMUFD_OBJ_SELFTEST,
					  &selftest_device_ops);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	stdev = container_of(obj, struct selftest_device, obj);
	mutex_init(&stdev->lock);

	stdev->mdev = mock_device_create(dev_flags & MOCK_DEVICE_HUGE_IOVA);
	if (IS_ERR(stdev->mdev)) {
		rc = PTR_ERR(stdev->mdev);
		goto out_abort;
	}
	rc = bind_and_attach(ictx, stdev, &pt_id);
	if (rc)
		goto out_destroy;

	ucmd->cmd.mock_domain.out_stdev_id = obj->id;
	ucmd->cmd.mock_domain.out_hwpt_id = pt_id;
	ucmd->cmd.mock_domain.out_idev_id = iommufd_device_to_id(stdev->idev);
	rc = selftest_respond(ucmd);
	if (rc)
		goto out_unbind;
	selftest_core->object_publish(ictx, obj);
	return 0;

out_unbind:
	iommufd_device_detach(stdev->idev);
	iommufd_device_unbind(stdev->idev);
out_destroy:
	mock_device_destroy(stdev->mdev);
out_abort:
	selftest_core->object_abort(ictx, obj);
	return rc;
}

/* IOMMU_TEST_OP_MOCK_DOMAIN */
int selftest_mock_domain(struct selftest_ucmd *ucmd)
{
	return mock_domain(ucmd, 0);
}

/* IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS */
int selftest_mock_domain_flags(struct selftest_ucmd *ucmd)
{
	u32 flags = ucmd->cmd.mock_domain.dev_flags;

	/* The mock does not track dirty pages anyhow. */
	if (flags & ~(MOCK_DEVICE_NO_DIRTY | MOCK_DEVICE_HUGE_IOVA))
		return -EOPNOTSUPP;
	return mock_domain(ucmd, flags);
}

/* IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE */
int selftest_mock_domain_replace(struct selftest_ucmd *ucmd)
{
	u32 *pt_id = &ucmd->cmd.mock_domain_replace.pt_id;
	struct selftest_device *stdev;
	struct iommufd_object *obj;
	int rc;

	obj = selftest_core->object_get(ucmd->ictx, ucmd->cmd.id,
					IOMMUFD_OBJ_SELFTEST);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	stdev = container_of(obj, struct selftest_device, obj);

	mutex_lock(&stdev->lock);
	rc = iommufd_device_replace(stdev->idev, pt_id);
	mutex_unlock(&stdev->lock);
	selftest_core->object_put(ucmd->ictx, obj);
	return rc ?: selftest_respond(ucmd);
}
