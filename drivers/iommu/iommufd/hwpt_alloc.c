// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_HWPT_ALLOC: an explicit HWPT for a device, with the mappings of an IOAS
 * or on top of another HWPT or of a vIOMMU
 */
#include <linux/err.h>
#include <linux/iommu.h>
#include <uapi/linux/iommufd.h>

#include "device.h"
#include "fault.h"
#include "hwpt.h"
#include "hwpt_alloc.h"
#include "ioas.h"
#include "ioctl.h"
#include "iommu_ops.h"
#include "viommu.h"

/* Flags that only concern what is attached, so that no driver is told */
#define HWPT_CORE_FLAGS IOMMU_HWPT_FAULT_ID_VALID

#define HWPT_PAGING_FLAGS                                                \
	(IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING | \
	 IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID)

#define HWPT_NESTED_FLAGS (IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID)

/**
 * iommufd_device_create_hwpt() - make a HWPT that suits a device
 * @idev: device
 * @ioas: IOAS whose mappings the HWPT gets
 * @flags: of enum iommufd_hwpt_alloc_flags
 * @user_data: data of user space for the driver, or NULL
 *
 * Return: an unpublished HWPT; -EOPNOTSUPP if the IOMMU cannot do what @flags
 * and @user_data ask for; as iommufd_hwpt_paging_create().
 */
struct iommufd_hwpt_paging *
iommufd_device_create_hwpt(struct iommufd_device *idev,
			   struct iommufd_ioas *ioas, u32 flags,
			   const struct iommu_user_data *user_data)
{
	const struct iommufd_iommu_ops *ops = idev->igroup->ops;
	struct iommufd_hwpt_paging *hwpt;
	struct iommu_domain *domain;
	bool coherent;

	domain = iommufd_group_alloc_domain(idev, flags & ~HWPT_CORE_FLAGS,
					    user_data, &coherent);
	if (IS_ERR(domain))
		return ERR_CAST(domain);
	hwpt = iommufd_hwpt_paging_create(ioas, ops, idev->dev, domain,
					  coherent);
	if (IS_ERR(hwpt)) {
		iommu_domain_free(domain);
		return hwpt;
	}
	hwpt->nest_parent = flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
	hwpt->dirty_tracking = flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	hwpt->common.pasid = flags & IOMMU_HWPT_ALLOC_PASID;
	return hwpt;
}

static struct iommufd_hwpt *
hwpt_alloc_paging(struct iommufd_device *idev, struct iommufd_ioas *ioas,
		  u32 flags, const struct iommu_user_data *user_data)
{
	struct iommufd_hwpt_paging *hwpt;

	if (flags & ~HWPT_PAGING_FLAGS)
		return ERR_PTR(-EOPNOTSUPP);
	if ((flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) &&
	    !idev->igroup->ops->can_track_dirty(idev->dev))
		return ERR_PTR(-EOPNOTSUPP);
	if ((flags & IOMMU_HWPT_FAULT_ID_VALID) &&
	    ((flags & IOMMU_HWPT_ALLOC_NEST_PARENT) ||
	     !idev->igroup->ops->can_fault(idev->dev)))
		return ERR_PTR(-EOPNOTSUPP);

	hwpt = iommufd_device_create_hwpt(idev, ioas, flags, user_data);
	return IS_ERR(hwpt) ? ERR_CAST(hwpt) : &hwpt->common;
}

/* Make a HWPT of a domain, which is freed on failure. */
static struct iommufd_hwpt *
hwpt_finish_nested(struct iommufd_hwpt_paging *parent,
		   struct iommufd_viommu *viommu, struct iommu_domain *domain,
		   u32 flags)
{
	struct iommufd_hwpt *hwpt;

	hwpt = iommufd_hwpt_nested_create(parent, viommu, domain);
	if (IS_ERR(hwpt)) {
		iommu_domain_free(domain);
		return hwpt;
	}
	hwpt->pasid = flags & IOMMU_HWPT_ALLOC_PASID;
	return hwpt;
}

static struct iommufd_hwpt *
hwpt_alloc_nested(struct iommufd_device *idev,
		  struct iommufd_hwpt_paging *parent, u32 flags,
		  const struct iommu_user_data *user_data)
{
	const struct iommufd_iommu_ops *ops = idev->igroup->ops;
	struct iommu_domain *domain;

	if ((flags & ~HWPT_NESTED_FLAGS) || !user_data ||
	    !ops->can_nest(idev->dev))
		return ERR_PTR(-EOPNOTSUPP);
	if ((flags & IOMMU_HWPT_FAULT_ID_VALID) && !ops->can_fault(idev->dev))
		return ERR_PTR(-EOPNOTSUPP);
	if (parent->automatic || !parent->nest_parent ||
	    parent->common.ops != ops)
		return ERR_PTR(-EINVAL);

	domain = ops->domain_alloc_nested(idev->dev, parent->common.domain,
					  flags & ~HWPT_CORE_FLAGS, user_data);
	if (IS_ERR(domain))
		return ERR_CAST(domain);
	return hwpt_finish_nested(parent, NULL, domain, flags);
}

/* The guest's table on top of a vIOMMU that the caller has looked up */
static struct iommufd_hwpt *
hwpt_alloc_viommu(struct iommufd_device *idev, struct iommufd_viommu *viommu,
		  u32 flags, const struct iommu_user_data *user_data)
{
	struct iommu_domain *domain;

	if (!iommufd_viommu_suits(viommu, idev))
		return ERR_PTR(-EINVAL);
	if ((flags & ~HWPT_NESTED_FLAGS) || !user_data ||
	    !viommu->ops->alloc_domain_nested)
		return ERR_PTR(-EOPNOTSUPP);
	if ((flags & IOMMU_HWPT_FAULT_ID_VALID) &&
	    !idev->igroup->ops->can_fault(idev->dev))
		return ERR_PTR(-EOPNOTSUPP);

	domain = viommu->ops->alloc_domain_nested(
		viommu, flags & ~HWPT_CORE_FLAGS, user_data);
	if (IS_ERR(domain))
		return ERR_CAST(domain);
	return hwpt_finish_nested(viommu->hwpt, viommu, domain, flags);
}

/* Make a HWPT under the object that the caller has looked up. */
static struct iommufd_hwpt *
hwpt_alloc_under(struct iommufd_device *idev, struct iommufd_object *obj,
		 u32 flags, const struct iommu_user_data *user_data)
{
	switch (obj->type) {
	case IOMMUFD_OBJ_IOAS:
		return hwpt_alloc_paging(
			idev, container_of(obj, struct iommufd_ioas, obj),
			flags, user_data);
	case IOMMUFD_OBJ_HWPT:
		return hwpt_alloc_nested(idev, to_iommufd_hwpt_paging(obj),
					 flags, user_data);
	case IOMMUFD_OBJ_VIOMMU:
		return hwpt_alloc_viommu(idev, to_iommufd_viommu(obj), flags,
					 user_data);
	default:
		return ERR_PTR(-EINVAL);
	}
}

/* IOMMU_HWPT_ALLOC */
int iommufd_hwpt_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_alloc *cmd = ucmd->cmd;
	const struct iommu_user_data user_data = {
		.type = cmd->data_type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.len = cmd->data_len,
	};
	struct iommufd_device *idev;
	struct iommufd_object *obj;
	struct iommufd_hwpt *hwpt;
	int rc = 0;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if ((cmd->data_type == IOMMU_HWPT_DATA_NONE) != !cmd->data_len)
		return -EINVAL;

	idev = iommufd_get_device(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);

	obj = iommufd_object_get(ucmd->ictx, cmd->pt_id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj)) {
		rc = -EINVAL;
		goto out_put_device;
	}

	hwpt = hwpt_alloc_under(idev, obj, cmd->flags,
				user_data.len ? &user_data : NULL);
	if (IS_ERR(hwpt)) {
		rc = PTR_ERR(hwpt);
		goto out_put_object;
	}

	if (cmd->flags & IOMMU_HWPT_FAULT_ID_VALID)
		rc = iommufd_hwpt_set_fault(hwpt, cmd->fault_id);
	cmd->out_hwpt_id = hwpt->obj.id;
	if (!rc)
		rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc)
		iommufd_hwpt_abort(hwpt);
	else
		iommufd_object_publish(ucmd->ictx, &hwpt->obj);
out_put_object:
	iommufd_object_put(ucmd->ictx, obj);
out_put_device:
	iommufd_put_device(idev);
	return rc;
}
