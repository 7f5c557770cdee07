// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_HWPT_INVALIDATE: user space has changed a page table of its own
 */
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <uapi/linux/iommufd.h>

#include "hwpt.h"
#include "ioctl.h"
#include "iommu_ops.h"
#include "object.h"
#include "viommu.h"

/* Most entries that one ioctl takes */
#define INVALIDATE_MAX_ENTRIES (1U << 19)

/* Tell the driver. It sets @array->entry_num to the entries done. */
static int invalidate_object(struct iommufd_object *obj,
			     struct iommu_user_data_array *array)
{
	struct iommufd_viommu *viommu;
	struct iommufd_hwpt *hwpt;

	switch (obj->type) {
	case IOMMUFD_OBJ_HWPT_NESTED:
		hwpt = to_iommufd_hwpt(obj);
		if (!hwpt->ops->cache_invalidate)
			break;
		return hwpt->ops->cache_invalidate(hwpt->domain, array);
	case IOMMUFD_OBJ_VIOMMU:
		viommu = to_iommufd_viommu(obj);
		if (!viommu->ops->cache_invalidate)
			break;
		return viommu->ops->cache_invalidate(viommu, array);
	default:
		array->entry_num = 0;
		return -EINVAL;
	}
	array->entry_num = 0;
	return -EOPNOTSUPP;
}

static int invalidate(struct iommufd_ucmd *ucmd,
		      struct iommu_user_data_array *array)
{
	struct iommu_hwpt_invalidate *cmd = ucmd->cmd;
	struct iommufd_object *obj;
	int rc = 0;

	if (cmd->__reserved)
		rc = -EOPNOTSUPP;
	else if (cmd->entry_num &&
		 (!cmd->data_uptr || !cmd->entry_len ||
		  cmd->entry_len > PAGE_SIZE ||
		  cmd->entry_num > INVALIDATE_MAX_ENTRIES))
		rc = -EINVAL;
	if (!rc) {
		obj = iommufd_object_get(ucmd->ictx, cmd->hwpt_id,
					 IOMMUFD_OBJ_ANY);
		rc = PTR_ERR_OR_ZERO(obj);
	}
	if (rc) {
		array->entry_num = 0;
		return rc;
	}
	rc = invalidate_object(obj, array);
	iommufd_object_put(ucmd->ictx, obj);
	return rc;
}

/* IOMMU_HWPT_INVALIDATE writes the entries done back, also on failure. */
int iommufd_hwpt_invalidate_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_invalidate *cmd = ucmd->cmd;
	struct iommu_user_data_array array = {
		.type = cmd->data_type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.entry_len = cmd->entry_len,
		.entry_num = cmd->entry_num,
	};
	int rc = invalidate(ucmd, &array);

	cmd->entry_num = array.entry_num;
	return iommufd_ucmd_respond(ucmd, sizeof(*cmd)) ?: rc;
}
