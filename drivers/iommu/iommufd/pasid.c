// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: PASIDs
 *
 * A device may tag its DMA with a PASID, and each PASID has a page table of its
 * own. Attaching a PASID is independent of attaching the device itself, which
 * is DMA without a PASID, with one exception: all HWPTs that a device with
 * PASIDs uses must have been made with IOMMU_HWPT_ALLOC_PASID. An automatic
 * HWPT is not, so PASIDs need explicit ones.
 *
 * Each attachment has a handle, which is new: the kernel finds the HWPT by it
 * when the device requests a page, and a replace has two of them for a moment.
 * Each attachment is also a user of its HWPT.
 *
 * No regions of IOVA are reserved for a PASID. They belong to DMA without one.
 *
 * The kernel has one page table for a PASID of a group, whatever device of the
 * group uses it. So one device of a group at a time can have a PASID attached,
 * and all of them count for the HWPT of the group.
 */
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/slab.h>

#include "fault.h"
#include "hwpt.h"
#include "iommu_ops.h"
#include "pasid.h"

static bool pasid_suits(struct iommufd_device *idev, ioasid_t pasid,
			struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;

	lockdep_assert_held(&igroup->lock);
	if (pasid >= igroup->ops->max_pasids(idev->dev))
		return false;
	if (!hwpt->pasid || hwpt->ops != igroup->ops)
		return false;
	if (igroup->hwpt && !igroup->hwpt->pasid)
		return false;
	return iommufd_group_suits(idev, hwpt);
}

static struct iommufd_attach_handle *
pasid_alloc_handle(struct iommufd_device *idev, struct iommufd_hwpt *hwpt)
{
	struct iommufd_attach_handle *handle;

	handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	if (!handle)
		return ERR_PTR(-ENOMEM);
	handle->idev = idev;
	handle->hwpt = hwpt;
	return handle;
}

/* The attachment becomes a user of the HWPT; the caller is one too. */
static void pasid_use_hwpt(struct iommufd_hwpt *hwpt)
{
	WARN_ON(iommufd_object_use(hwpt->ictx, &hwpt->obj));
}

static int __pasid_attach(struct iommufd_device *idev, ioasid_t pasid,
			  struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *handle;
	int rc;

	lockdep_assert_held(&igroup->lock);
	if (!pasid_suits(idev, pasid, hwpt))
		return -EINVAL;
	handle = pasid_alloc_handle(idev, hwpt);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	rc = xa_insert(&idev->pasids, pasid, handle, GFP_KERNEL_ACCOUNT);
	if (rc)
		goto out_free;
	rc = iommufd_fault_open(handle);
	if (rc)
		goto out_erase;

	iommufd_pgtable_lock_groups(iommufd_hwpt_pgtable(hwpt));
	rc = igroup->ops->attach_pasid(idev->dev, hwpt->domain, pasid,
				       &handle->handle);
	iommufd_pgtable_unlock_groups(iommufd_hwpt_pgtable(hwpt));
	if (rc)
		goto out_close;
	pasid_use_hwpt(hwpt);
	igroup->nr_pasids++;
	return 0;

out_close:
	iommufd_fault_close(handle);
out_erase:
	xa_erase(&idev->pasids, pasid);
out_free:
	kfree(handle);
	return rc;
}

/**
 * iommufd_pasid_attach() - attach a PASID of a device
 * @idev: device, attached itself or not
 * @pasid: PASID, not IOMMU_NO_PASID
 * @hwpt: HWPT of which the caller is a user
 *
 * Return: 0; -EBUSY if the PASID is attached, by this device or by another one
 * of its group; -EINVAL if the device does not have that PASID, or if @hwpt or
 * the HWPT of the device itself was not made for PASIDs; -ENOMEM; or an errno
 * of the IOMMU driver.
 */
int iommufd_pasid_attach(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	int rc;

	mutex_lock(&igroup->lock);
	if (iommufd_pasid_find_handle(idev, pasid))
		rc = -EBUSY;
	else
		rc = __pasid_attach(idev, pasid, hwpt);
	mutex_unlock(&igroup->lock);
	return rc;
}

/* Move a PASID; on success @old, its present handle, is freed. */
static int __pasid_replace(struct iommufd_device *idev, ioasid_t pasid,
			   struct iommufd_hwpt *hwpt,
			   struct iommufd_attach_handle *old)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *handle;
	int rc;

	lockdep_assert_held(&igroup->lock);
	if (!pasid_suits(idev, pasid, hwpt))
		return -EINVAL;
	handle = pasid_alloc_handle(idev, hwpt);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	rc = iommufd_fault_open(handle);
	if (rc)
		goto out_free;

	iommufd_fault_stop(old);
	iommufd_pgtable_lock_replace(iommufd_hwpt_pgtable(old->hwpt),
				     iommufd_hwpt_pgtable(hwpt));
	rc = igroup->ops->replace_pasid(idev->dev, hwpt->domain, pasid,
					&handle->handle);
	iommufd_pgtable_unlock_replace(iommufd_hwpt_pgtable(old->hwpt),
				       iommufd_hwpt_pgtable(hwpt));
	if (rc)
		goto out_resume;
	pasid_use_hwpt(hwpt);
	/* The entry exists, so nothing has to be allocated. */
	WARN_ON(xa_store(&idev->pasids, pasid, handle, 0) != old);
	iommufd_fault_close(old);
	kfree(old);
	return 0;

out_resume:
	iommufd_fault_resume(old);
	iommufd_fault_close(handle);
out_free:
	kfree(handle);
	return rc;
}

/**
 * iommufd_pasid_replace() - move a PASID of a device to another HWPT
 * @idev: device
 * @pasid: PASID that is attached
 * @hwpt: HWPT of which the caller is a user
 * @old: set to the HWPT that the PASID has left, if it moved; for
 *       iommufd_hwpt_put_user() when no lock of a group is held
 *
 * Return: as iommufd_pasid_attach(); -EINVAL if the PASID is not attached;
 * -EOPNOTSUPP if the kernel cannot do it. A failure changes nothing.
 */
int iommufd_pasid_replace(struct iommufd_device *idev, ioasid_t pasid,
			  struct iommufd_hwpt *hwpt, struct iommufd_hwpt **old)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *handle;
	int rc = 0;

	mutex_lock(&igroup->lock);
	handle = iommufd_pasid_find_handle(idev, pasid);
	if (!handle) {
		rc = -EINVAL;
	} else if (handle->hwpt != hwpt) {
		struct iommufd_hwpt *left = handle->hwpt;

		rc = __pasid_replace(idev, pasid, hwpt, handle);
		if (!rc)
			*old = left;
	}
	mutex_unlock(&igroup->lock);
	return rc;
}

/**
 * iommufd_pasid_detach() - detach a PASID of a device
 * @idev: device
 * @pasid: PASID
 *
 * Return: the HWPT that the PASID has left, for iommufd_hwpt_put_user(), or
 * NULL if the PASID was not attached.
 */
struct iommufd_hwpt *iommufd_pasid_detach(struct iommufd_device *idev,
					  ioasid_t pasid)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *handle;
	struct iommufd_hwpt *hwpt = NULL;

	mutex_lock(&igroup->lock);
	handle = xa_erase(&idev->pasids, pasid);
	if (handle) {
		hwpt = handle->hwpt;
		iommufd_fault_stop(handle);
		iommufd_pgtable_lock_groups(iommufd_hwpt_pgtable(hwpt));
		igroup->ops->detach_pasid(idev->dev, hwpt->domain, pasid);
		iommufd_pgtable_unlock_groups(iommufd_hwpt_pgtable(hwpt));
		igroup->nr_pasids--;
		iommufd_fault_close(handle);
		kfree(handle);
	}
	mutex_unlock(&igroup->lock);
	return hwpt;
}

/**
 * iommufd_pasid_detach_all() - detach all PASIDs of a device
 * @idev: device whose driver does not attach it any more
 */
void iommufd_pasid_detach_all(struct iommufd_device *idev)
{
	struct iommufd_attach_handle *handle;
	unsigned long pasid;

	xa_for_each(&idev->pasids, pasid, handle) {
		iommufd_hwpt_put_user(iommufd_pasid_detach(idev, pasid));
		cond_resched();
	}
}

/**
 * iommufd_device_has_pasids() - can PASIDs of a device be attached?
 * @idev: device
 *
 * Return: true if the device, its IOMMU and the kernel have them.
 */
bool iommufd_device_has_pasids(struct iommufd_device *idev)
{
	return idev->igroup->ops->max_pasids(idev->dev) > 1;
}
EXPORT_SYMBOL_GPL(iommufd_device_has_pasids);
