// SPDX-License-Identifier: GPL-2.0
/*
 * What a mock device is attached to, itself and with its PASIDs. The mock keeps
 * a record of its own, to see whether the core detaches what it has attached.
 */
#include <linux/iommufd.h>
#include <linux/mutex.h>

#include "../iommufd/pasid.h"
#include "mock.h"

/* Guards mock_uses. */
static DEFINE_MUTEX(mock_uses_lock);

/* Address of a domain to the number of attachments, an xarray value */
static DEFINE_XARRAY_FLAGS(mock_uses, XA_FLAGS_ACCOUNT);

static int mock_use_domain(struct iommu_domain *domain, int change)
{
	unsigned long index = (unsigned long)domain;
	void *entry;
	long uses;
	int rc = 0;

	mutex_lock(&mock_uses_lock);
	entry = xa_load(&mock_uses, index);
	uses = (entry ? xa_to_value(entry) : 0) + change;
	if (WARN_ONCE(uses < 0, "mock: detached from an unused domain\n"))
		uses = 0;
	if (uses)
		rc = xa_err(xa_store(&mock_uses, index, xa_mk_value(uses),
				     GFP_KERNEL_ACCOUNT));
	else
		xa_erase(&mock_uses, index);
	mutex_unlock(&mock_uses_lock);
	if (!uses)
		mock_domain_check_pinned(mock_nested_parent(domain));
	return rc;
}

/* Called before a domain is freed */
void mock_check_unused(struct iommu_domain *domain)
{
	WARN_ONCE(xa_load(&mock_uses, (unsigned long)domain),
		  "mock: freed a domain that a device is attached to\n");
}

/**
 * mock_set_attached() - record that a device has been attached
 * @mdev: device
 * @pasid: PASID, or IOMMU_NO_PASID for the device itself
 * @attachment: where page requests go from now on
 * @replace: something else is attached now, and gets no more page requests when
 *           this returns
 *
 * Return: 0, or -ENOMEM, which changes nothing.
 */
int mock_set_attached(struct mock_device *mdev, ioasid_t pasid,
		      struct iommu_attach_handle *attachment, bool replace)
{
	struct iommufd_attach_handle *old = xa_load(&mdev->attached, pasid);
	struct iommufd_attach_handle *handle = container_of(
		attachment, struct iommufd_attach_handle, handle);
	struct iommu_domain *domain = handle->hwpt->domain;
	int rc;

	WARN_ONCE(!old == replace, "mock: %s\n",
		  replace ? "replaced what is not attached" :
			    "attached what is attached");
	rc = mock_use_domain(domain, 1);
	if (rc)
		return rc;
	mutex_lock(&mdev->fault_lock);
	rc = xa_err(xa_store(&mdev->attached, pasid, handle,
			     GFP_KERNEL_ACCOUNT));
	mutex_unlock(&mdev->fault_lock);
	if (rc)
		mock_use_domain(domain, -1);
	else if (old)
		mock_use_domain(old->hwpt->domain, -1);
	return rc;
}

/* Undo mock_set_attached(). */
void mock_clear_attached(struct mock_device *mdev, ioasid_t pasid,
			 struct iommu_domain *domain)
{
	struct iommufd_attach_handle *old;

	mutex_lock(&mdev->fault_lock);
	old = xa_erase(&mdev->attached, pasid);
	mutex_unlock(&mdev->fault_lock);
	WARN_ONCE(!old || old->hwpt->domain != domain,
		  "mock: detached from another domain\n");
	if (old)
		mock_use_domain(domain, -1);
}

/* iommufd_iommu_ops.max_pasids. 1 means that there is only PASID 0. */
u32 mock_max_pasids(struct device *dev)
{
	return to_mock_device(dev)->flags & MOCK_DEVICE_PASID ?
		       1U << MOCK_PASID_WIDTH :
		       1;
}

static int mock_set_pasid(struct device *dev, struct iommu_domain *domain,
			  ioasid_t pasid, struct iommu_attach_handle *handle,
			  bool replace)
{
	struct mock_device *mdev = to_mock_device(dev);

	WARN_ONCE(pasid == IOMMU_NO_PASID || pasid >= mock_max_pasids(dev),
		  "mock: not a PASID of the device\n");
	WARN_ONCE(!handle, "mock: PASID without a handle\n");
	if (!is_mock_domain(domain) && !is_mock_nested_domain(domain))
		return -EINVAL;
	if (mock_attach_must_fail())
		return -ENOMEM;
	if (pasid == MOCK_PASID_FAILS) {
		mdev->pasid_fails = !mdev->pasid_fails;
		if (!mdev->pasid_fails)
			return -ENOMEM;
	}
	return mock_set_attached(mdev, pasid, handle, replace);
}

/* iommufd_iommu_ops.attach_pasid */
int mock_attach_pasid(struct device *dev, struct iommu_domain *domain,
		      ioasid_t pasid, struct iommu_attach_handle *handle)
{
	return mock_set_pasid(dev, domain, pasid, handle, false);
}

/* iommufd_iommu_ops.replace_pasid */
int mock_replace_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid, struct iommu_attach_handle *handle)
{
	return mock_set_pasid(dev, domain, pasid, handle, true);
}

/* iommufd_iommu_ops.detach_pasid */
void mock_detach_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid)
{
	struct mock_device *mdev = to_mock_device(dev);

	if (pasid == MOCK_PASID_FAILS)
		mdev->pasid_fails = false;
	mock_clear_attached(mdev, pasid, domain);
}

/* IOMMU_TEST_OP_PASID_ATTACH */
int mock_pasid_attach_cmd(struct mock_ucmd *ucmd)
{
	u32 pasid = ucmd->cmd.pasid_attach.pasid;
	struct mock_binding *binding;
	int rc;

	/* A driver has to keep its own attachment out of user space's PASIDs. */
	if (pasid == IOMMU_NO_PASID)
		return -EINVAL;
	binding = mock_get_binding(ucmd->ictx, ucmd->cmd.id);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	mutex_lock(&binding->lock);
	rc = iommufd_device_attach(binding->idev, pasid,
				   &ucmd->cmd.pasid_attach.pt_id);
	if (!rc) {
		rc = mock_respond(ucmd);
		if (rc)
			iommufd_device_detach(binding->idev, pasid);
	}
	mutex_unlock(&binding->lock);
	mock_put_binding(ucmd->ictx, binding);
	return rc;
}

/* IOMMU_TEST_OP_PASID_REPLACE */
int mock_pasid_replace_cmd(struct mock_ucmd *ucmd)
{
	u32 pasid = ucmd->cmd.pasid_replace.pasid;
	struct mock_binding *binding;
	int rc;

	if (pasid == IOMMU_NO_PASID)
		return -EINVAL;
	binding = mock_get_binding(ucmd->ictx, ucmd->cmd.id);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	mutex_lock(&binding->lock);
	rc = iommufd_device_replace(binding->idev, pasid,
				    &ucmd->cmd.pasid_replace.pt_id);
	mutex_unlock(&binding->lock);
	mock_put_binding(ucmd->ictx, binding);
	return rc ?: mock_respond(ucmd);
}

/* IOMMU_TEST_OP_PASID_DETACH */
int mock_pasid_detach_cmd(struct mock_ucmd *ucmd)
{
	u32 pasid = ucmd->cmd.pasid_detach.pasid;
	struct mock_binding *binding;

	binding = mock_get_binding(ucmd->ictx, ucmd->cmd.id);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	mutex_lock(&binding->lock);
	if (pasid != IOMMU_NO_PASID)
		iommufd_device_detach(binding->idev, pasid);
	mutex_unlock(&binding->lock);
	mock_put_binding(ucmd->ictx, binding);
	return 0;
}

/* What the core says that a PASID, or the device itself, is attached to */
static struct iommufd_hwpt *mock_attached_hwpt(struct iommufd_device *idev,
					       ioasid_t pasid)
{
	struct iommufd_attach_handle *handle;

	if (pasid == IOMMU_NO_PASID)
		return idev->igroup->hwpt;
	handle = iommufd_pasid_find_handle(idev, pasid);
	return handle ? handle->hwpt : NULL;
}

/* IOMMU_TEST_OP_PASID_CHECK_HWPT */
int mock_pasid_check_cmd(struct mock_ucmd *ucmd)
{
	u32 pasid = ucmd->cmd.pasid_check.pasid;
	struct iommufd_attach_handle *handle;
	struct mock_binding *binding;
	struct iommufd_hwpt *hwpt;
	int rc = 0;

	binding = mock_get_binding(ucmd->ictx, ucmd->cmd.id);
	if (IS_ERR(binding))
		return PTR_ERR(binding);
	mutex_lock(&binding->idev->igroup->lock);
	hwpt = mock_attached_hwpt(binding->idev, pasid);
	/* The mock knows nothing of a device without an IOMMU. */
	if (binding->idev->igroup->ops != &mock_iommu_ops) {
		rc = -EINVAL;
		goto out_unlock;
	}
	handle = xa_load(&binding->mdev->attached, pasid);
	WARN_ONCE((handle ? handle->hwpt : NULL) != hwpt,
		  "mock: core and device do not agree about a PASID\n");
	if (ucmd->cmd.pasid_check.hwpt_id != (hwpt ? hwpt->obj.id : 0))
		rc = -EINVAL;
out_unlock:
	mutex_unlock(&binding->idev->igroup->lock);
	mock_put_binding(ucmd->ictx, binding);
	return rc;
}
