// SPDX-License-Identifier: GPL-2.0
/*
 * Binds devices of the mock IOMMU. One test command creates a device, binds it
 * to a context and attaches it; destroying one object undoes all of it.
 */
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "mock.h"

static bool noiommu;
module_param(noiommu, bool, 0600);
MODULE_PARM_DESC(noiommu, "New devices have no IOMMU");

/* The caller must put it with mock_put_binding(). */
struct mock_binding *mock_get_binding(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = test_core->object_get(ictx, id, IOMMUFD_OBJ_SELFTEST);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct mock_binding, obj);
}

void mock_put_binding(struct iommufd_ctx *ictx, struct mock_binding *binding)
{
	test_core->object_put(ictx, &binding->obj);
}

static int mock_bind_and_attach(struct iommufd_ctx *ictx,
				struct mock_binding *binding, u32 *pt_id)
{
	struct iommufd_device *idev;
	int rc;

	idev = test_core->device_create(ictx, &binding->mdev->dev,
					noiommu ? test_core->noiommu_ops :
						  &mock_iommu_ops);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	test_core->object_publish(ictx, &idev->obj);

	rc = iommufd_device_attach(idev, IOMMU_NO_PASID, pt_id);
	if (rc)
		iommufd_device_unbind(idev);
	else
		binding->idev = idev;
	return rc;
}

/* The object is no longer in the xarray of the context. */
static void mock_binding_fini(struct iommufd_object *obj)
{
	struct mock_binding *binding =
		container_of(obj, struct mock_binding, obj);

	iommufd_device_detach(binding->idev, IOMMU_NO_PASID);
	iommufd_device_unbind(binding->idev);
	mock_device_destroy(binding->mdev);
	mutex_destroy(&binding->lock);
}

static const struct iommufd_object_ops mock_binding_ops = {
	.fini = mock_binding_fini,
};

static int mock_bind(struct mock_ucmd *ucmd, u32 dev_flags)
{
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct mock_binding *binding;
	struct iommufd_object *obj;
	u32 pt_id = ucmd->cmd.id;
	int rc;

	obj = test_core->object_alloc(ictx, sizeof(*binding),
				      IOMMUFD_OBJ_SELFTEST, &mock_binding_ops);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	binding = container_of(obj, struct mock_binding, obj);
	mutex_init(&binding->lock);

	binding->mdev = mock_device_create(dev_flags);
	if (IS_ERR(binding->mdev)) {
		rc = PTR_ERR(binding->mdev);
		goto out_abort;
	}
	rc = mock_bind_and_attach(ictx, binding, &pt_id);
	if (rc)
		goto out_destroy;

	ucmd->cmd.mock_domain.out_stdev_id = obj->id;
	ucmd->cmd.mock_domain.out_hwpt_id = pt_id;
	ucmd->cmd.mock_domain.out_idev_id = iommufd_device_to_id(binding->idev);
	rc = mock_respond(ucmd);
	if (rc)
		goto out_unbind;
	test_core->object_publish(ictx, obj);
	return 0;

out_unbind:
	iommufd_device_detach(binding->idev, IOMMU_NO_PASID);
	iommufd_device_unbind(binding->idev);
out_destroy:
	mock_device_destroy(binding->mdev);
out_abort:
	test_core->object_abort(ictx, obj);
	return rc;
}

/* IOMMU_TEST_OP_MOCK_DOMAIN */
int mock_bind_cmd(struct mock_ucmd *ucmd)
{
	return mock_bind(ucmd, 0);
}

/* IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS */
int mock_bind_flags_cmd(struct mock_ucmd *ucmd)
{
	u32 flags = ucmd->cmd.mock_domain.dev_flags;

	if (flags & ~(MOCK_DEVICE_NO_DIRTY | MOCK_DEVICE_HUGE_IOVA |
		      MOCK_DEVICE_PASID))
		return -EINVAL;
	return mock_bind(ucmd, flags);
}

/* IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE */
int mock_replace_cmd(struct mock_ucmd *ucmd)
{
	u32 *pt_id = &ucmd->cmd.mock_domain_replace.pt_id;
	struct mock_binding *binding;
	int rc;

	binding = mock_get_binding(ucmd->ictx, ucmd->cmd.id);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	mutex_lock(&binding->lock);
	rc = iommufd_device_replace(binding->idev, IOMMU_NO_PASID, pt_id);
	mutex_unlock(&binding->lock);
	mock_put_binding(ucmd->ictx, binding);
	return rc ?: mock_respond(ucmd);
}
