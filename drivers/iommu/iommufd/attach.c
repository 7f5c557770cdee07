// SPDX-License-Identifier: GPL-2.0
/*
 * Which HWPT a device is attached to. User space gives the id of a HWPT, or of
 * an IOAS, for which an automatic HWPT is found or made. A PASID of a device
 * needs a HWPT.
 */
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>

#include "context.h"
#include "device.h"
#include "hwpt.h"
#include "hwpt_alloc.h"
#include "ioas.h"
#include "pasid.h"
#include "stats.h"
#include "trace.h"

typedef int (*attach_fn)(struct iommufd_device *idev, ioasid_t pasid,
			 struct iommufd_hwpt *hwpt, struct iommufd_hwpt **old);

static int attach_hwpt(struct iommufd_device *idev, ioasid_t pasid,
		       struct iommufd_hwpt *hwpt, struct iommufd_hwpt **old)
{
	if (pasid != IOMMU_NO_PASID)
		return iommufd_pasid_attach(idev, pasid, hwpt);
	return iommufd_group_attach(idev, hwpt, old);
}

static int replace_hwpt(struct iommufd_device *idev, ioasid_t pasid,
			struct iommufd_hwpt *hwpt, struct iommufd_hwpt **old)
{
	if (pasid != IOMMU_NO_PASID)
		return iommufd_pasid_replace(idev, pasid, hwpt, old);
	return iommufd_group_replace(idev, hwpt, old);
}

/* Try the automatic HWPTs. On success the caller is a user of *hwpt. */
static int attach_existing(struct iommufd_device *idev,
			   struct iommufd_ioas *ioas, attach_fn attach,
			   struct iommufd_hwpt **hwpt,
			   struct iommufd_hwpt **old)
{
	struct iommufd_hwpt *next;
	int rc = -EINVAL;

	for (*hwpt = iommufd_hwpt_next_auto(ioas, NULL); *hwpt; *hwpt = next) {
		rc = attach(idev, IOMMU_NO_PASID, *hwpt, old);
		if (!rc)
			break;
		/* -EINVAL says that device and domain do not fit together. */
		next = rc == -EINVAL ? iommufd_hwpt_next_auto(ioas, *hwpt) :
				       NULL;
		iommufd_hwpt_put_user(*hwpt);
	}
	return rc;
}

/* Make an automatic HWPT. On success the caller is a user of *out. */
static int attach_new(struct iommufd_device *idev, struct iommufd_ioas *ioas,
		      attach_fn attach, struct iommufd_hwpt **out,
		      struct iommufd_hwpt **old)
{
	struct iommufd_hwpt_paging *paging;
	struct iommufd_hwpt *hwpt;
	int rc;

	paging = iommufd_device_create_hwpt(idev, ioas, 0, NULL);
	if (IS_ERR(paging))
		return PTR_ERR(paging);
	paging->automatic = true;
	hwpt = &paging->common;
	hwpt->obj.users = 1;

	rc = attach(idev, IOMMU_NO_PASID, hwpt, old);
	if (rc) {
		hwpt->obj.users = 0;
		iommufd_hwpt_abort(hwpt);
		return rc;
	}

	*out = hwpt;
	iommufd_hwpt_publish_auto(hwpt);
	return 0;
}

static int attach_auto(struct iommufd_device *idev, struct iommufd_ioas *ioas,
		       attach_fn attach, u32 *pt_id)
{
	struct iommufd_hwpt *hwpt, *old = NULL;
	int rc;

	mutex_lock(&ioas->auto_lock);
	rc = attach_existing(idev, ioas, attach, &hwpt, &old);
	/* A group that is attached elsewhere cannot attach to a new HWPT. */
	if (rc == -EINVAL && (attach == replace_hwpt ||
			      !iommufd_group_is_attached(idev->igroup)))
		rc = attach_new(idev, ioas, attach, &hwpt, &old);
	mutex_unlock(&ioas->auto_lock);
	if (rc)
		return rc;

	*pt_id = hwpt->obj.id;
	iommufd_hwpt_put_user(hwpt);
	if (old)
		iommufd_hwpt_put_user(old);
	return 0;
}

/*
 * Puts the HWPT that the caller has looked up before it drops a user: an
 * automatic HWPT is destroyed with its last user, which waits until no thread
 * has it looked up.
 */
static int attach_explicit(struct iommufd_device *idev, ioasid_t pasid,
			   struct iommufd_hwpt *hwpt, attach_fn attach)
{
	struct iommufd_hwpt *old = NULL;
	int rc;

	rc = iommufd_object_use(idev->ictx, &hwpt->obj);
	iommufd_object_put(idev->ictx, &hwpt->obj);
	if (rc)
		return rc;
	rc = attach(idev, pasid, hwpt, &old);
	iommufd_hwpt_put_user(hwpt);
	if (old)
		iommufd_hwpt_put_user(old);
	return rc;
}

static int attach_pt(struct iommufd_device *idev, ioasid_t pasid, u32 *pt_id,
		     attach_fn attach)
{
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_get(ictx, *pt_id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj))
		return PTR_ERR(obj);

	switch (obj->type) {
	case IOMMUFD_OBJ_HWPT:
	case IOMMUFD_OBJ_HWPT_NESTED:
		return attach_explicit(idev, pasid, to_iommufd_hwpt(obj),
				       attach);
	case IOMMUFD_OBJ_IOAS:
		/* No automatic HWPT is made for PASIDs. */
		rc = -EINVAL;
		if (pasid != IOMMU_NO_PASID)
			break;
		rc = attach_auto(idev,
				 container_of(obj, struct iommufd_ioas, obj),
				 attach, pt_id);
		break;
	default:
		rc = -EINVAL;
	}
	iommufd_object_put(ictx, obj);
	return rc;
}

/**
 * iommufd_device_attach() - attach a device to a page table
 * @idev: device
 * @pasid: PASID that is not attached, or IOMMU_NO_PASID for a device that is not
 *         attached itself
 * @pt_id: id of a HWPT, or of an IOAS, for which a HWPT is found or made;
 *         returns the id of the HWPT
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: 0; -ENOENT for an unknown id; -EINVAL if it is neither, if the group
 * is attached elsewhere, or if the HWPT does not suit the device; -EADDRINUSE
 * if a mapping or an allowed range does not suit the hardware; -EBUSY if the
 * device is attached; or an errno of the IOMMU driver or of pinning. For a PASID
 * as iommufd_pasid_attach(), and -EINVAL for an IOAS.
 */
int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
			  u32 *pt_id)
{
	u64 start = trace_attach_enabled() ? ktime_get_ns() : 0;
	int rc = attach_pt(idev, pasid, pt_id, attach_hwpt);

	if (start)
		trace_attach(idev->ictx->stats.serial, idev->obj.id, *pt_id,
			     pasid, rc, ktime_get_ns() - start);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_device_attach);

/**
 * iommufd_device_replace() - move an attached device to another page table
 * @idev: device; the other attached devices of its group move with it
 * @pasid: PASID, which moves alone, or IOMMU_NO_PASID for the device itself
 * @pt_id: as for iommufd_device_attach()
 *
 * On kernels that can, there is no moment without translation; on others a PASID
 * cannot be moved. A failed replace changes nothing, but page requests that were
 * pending in a fault queue may have been answered: invalid.
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: as iommufd_device_attach(); -EINVAL if the device or the PASID is not
 * attached; -EOPNOTSUPP for a PASID that the kernel cannot move.
 */
int iommufd_device_replace(struct iommufd_device *idev, ioasid_t pasid,
			   u32 *pt_id)
{
	u64 start = trace_replace_enabled() ? ktime_get_ns() : 0;
	int rc = attach_pt(idev, pasid, pt_id, replace_hwpt);

	if (start)
		trace_replace(idev->ictx->stats.serial, idev->obj.id, *pt_id,
			      pasid, rc, ktime_get_ns() - start);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_device_replace);

/**
 * iommufd_device_detach() - detach a device from its page table
 * @idev: device
 * @pasid: PASID, attached or not, or IOMMU_NO_PASID for a device that is
 *         attached itself
 *
 * DMA of the group is blocked when its last device is detached. PASIDs stay
 * attached when the device itself is detached.
 *
 * Context: process context; may take long.
 */
void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid)
{
	u64 start = trace_detach_enabled() ? ktime_get_ns() : 0;
	struct iommufd_hwpt *spare;
	u32 hwpt_id = 0;

	if (pasid != IOMMU_NO_PASID) {
		spare = iommufd_pasid_detach(idev, pasid);
	} else {
		hwpt_id = iommufd_device_hwpt_id(idev);
		spare = iommufd_group_detach(idev);
	}
	if (spare) {
		hwpt_id = spare->obj.id;
		iommufd_hwpt_put_user(spare);
	}
	if (start)
		trace_detach(idev->ictx->stats.serial, idev->obj.id, hwpt_id,
			     pasid, 0, ktime_get_ns() - start);
}
EXPORT_SYMBOL_GPL(iommufd_device_detach);
