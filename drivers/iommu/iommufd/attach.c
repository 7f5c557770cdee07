// SPDX-License-Identifier: GPL-2.0
/*
 * Which HWPT a device is attached to. User space gives the id of a HWPT, or of
 * an IOAS, for which an automatic HWPT is found or made.
 */
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>

#include "device.h"
#include "hwpt.h"
#include "hwpt_alloc.h"
#include "ioas.h"

typedef int (*attach_fn)(struct iommufd_device *idev, struct iommufd_hwpt *hwpt,
			 struct iommufd_hwpt **old);

/* Try the automatic HWPTs. On success the caller is a user of *hwpt. */
static int attach_existing(struct iommufd_device *idev,
			   struct iommufd_ioas *ioas, attach_fn attach,
			   struct iommufd_hwpt **hwpt,
			   struct iommufd_hwpt **old)
{
	struct iommufd_hwpt *next;
	int rc = -EINVAL;

	for (*hwpt = iommufd_hwpt_next_auto(ioas, NULL); *hwpt; *hwpt = next) {
		rc = attach(idev, *hwpt, old);
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

	rc = attach(idev, hwpt, old);
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
	if (rc == -EINVAL && (attach == iommufd_group_replace ||
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
static int attach_explicit(struct iommufd_device *idev,
			   struct iommufd_hwpt *hwpt, attach_fn attach)
{
	struct iommufd_hwpt *old = NULL;
	int rc;

	rc = iommufd_object_use(idev->ictx, &hwpt->obj);
	iommufd_object_put(idev->ictx, &hwpt->obj);
	if (rc)
		return rc;
	rc = attach(idev, hwpt, &old);
	iommufd_hwpt_put_user(hwpt);
	if (old)
		iommufd_hwpt_put_user(old);
	return rc;
}

static int attach_pt(struct iommufd_device *idev, u32 *pt_id, attach_fn attach)
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
		return attach_explicit(idev, to_iommufd_hwpt(obj), attach);
	case IOMMUFD_OBJ_IOAS:
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
 * @idev: device that is not attached
 * @pt_id: id of a HWPT, or of an IOAS, for which a HWPT is found or made;
 *         returns the id of the HWPT
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: 0; -ENOENT for an unknown id; -EINVAL if it is neither, if the group
 * is attached elsewhere, or if the HWPT does not suit the device; -EADDRINUSE
 * if a mapping or an allowed range does not suit the hardware; -EBUSY if the
 * device is attached; or an errno of the IOMMU driver or of pinning.
 */
int iommufd_device_attach(struct iommufd_device *idev, u32 *pt_id)
{
	return attach_pt(idev, pt_id, iommufd_group_attach);
}
EXPORT_SYMBOL_GPL(iommufd_device_attach);

/**
 * iommufd_device_replace() - move an attached device to another page table
 * @idev: device; the other attached devices of its group move with it
 * @pt_id: as for iommufd_device_attach()
 *
 * On kernels that can, there is no moment without translation. A failed replace
 * changes nothing.
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: as iommufd_device_attach(); -EINVAL if the device is not attached.
 */
int iommufd_device_replace(struct iommufd_device *idev, u32 *pt_id)
{
	return attach_pt(idev, pt_id, iommufd_group_replace);
}
EXPORT_SYMBOL_GPL(iommufd_device_replace);

/**
 * iommufd_device_detach() - detach a device from its page table
 * @idev: attached device
 *
 * DMA of the group is blocked when its last device is detached.
 *
 * Context: process context; may take long.
 */
void iommufd_device_detach(struct iommufd_device *idev)
{
	struct iommufd_hwpt *spare = iommufd_group_detach(idev);

	if (spare)
		iommufd_hwpt_put_user(spare);
}
EXPORT_SYMBOL_GPL(iommufd_device_detach);
