// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: virtual IOMMUs
 *
 * A vIOMMU is what one guest gets of an IOMMU. What it translates goes through
 * a paging HWPT. Objects hold each other in one direction, so that closing the
 * file can destroy users before what they use:
 *
 *	nested HWPT, vdevice, veventq, hardware queue, mmap -> vIOMMU
 *	vIOMMU -> paging HWPT -> IOAS
 *	hardware queue -> hardware queue, if the driver says so
 *
 * No object holds a device. A device that is unbound takes its vdevice along.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <uapi/linux/iommufd.h>

#include "device.h"
#include "hwpt.h"
#include "ioctl.h"
#include "iommu_ops.h"
#include "viommu.h"

/* The caller must put it with iommufd_put_viommu(); ERR_PTR(-ENOENT) without. */
struct iommufd_viommu *iommufd_get_viommu(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_VIOMMU);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return to_iommufd_viommu(obj);
}

bool iommufd_viommu_suits(const struct iommufd_viommu *viommu,
			  const struct iommufd_device *idev)
{
	return viommu->iommu == idev->igroup->ops;
}

/* The vIOMMU has no users any more. */
static void viommu_fini(struct iommufd_object *obj)
{
	struct iommufd_viommu *viommu = to_iommufd_viommu(obj);

	if (viommu->ops->destroy)
		viommu->ops->destroy(viommu);
	WARN_ON(!xa_empty(&viommu->vdevs));
	WARN_ON(!list_empty(&viommu->veventqs));
	xa_destroy(&viommu->vdevs);
	iommufd_object_unuse(viommu->ictx, &viommu->hwpt->common.obj, 1);
}

static const struct iommufd_object_ops viommu_ops = {
	.fini = viommu_fini,
};

/* Make a vIOMMU on top of a HWPT that the caller has looked up. */
static struct iommufd_viommu *
viommu_create(struct iommufd_device *idev, struct iommufd_hwpt_paging *hwpt,
	      size_t size, u32 type, const struct iommu_user_data *user_data)
{
	const struct iommufd_iommu_ops *iommu = idev->igroup->ops;
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_viommu *viommu;
	struct iommufd_object *obj;
	int rc;

	if (WARN_ON_ONCE(size < sizeof(*viommu)))
		return ERR_PTR(-EOPNOTSUPP);
	obj = __iommufd_object_alloc(ictx, size, IOMMUFD_OBJ_VIOMMU,
				     &viommu_ops);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	viommu = to_iommufd_viommu(obj);
	viommu->ictx = ictx;
	viommu->iommu = iommu;
	viommu->hwpt = hwpt;
	viommu->type = type;
	xa_init_flags(&viommu->vdevs, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&viommu->veventqs);
	init_rwsem(&viommu->veventqs_lock);

	rc = iommufd_object_use(ictx, &hwpt->common.obj);
	if (rc)
		goto out_abort;
	rc = iommu->viommu_init(viommu, hwpt->common.domain, user_data);
	if (rc)
		goto out_unuse;
	return viommu;

out_unuse:
	iommufd_object_unuse(ictx, &hwpt->common.obj, 1);
out_abort:
	iommufd_object_abort(ictx, obj);
	return ERR_PTR(rc);
}

static struct iommufd_viommu *
viommu_alloc(struct iommufd_device *idev, struct iommu_viommu_alloc *cmd)
{
	const struct iommufd_iommu_ops *iommu = idev->igroup->ops;
	const struct iommu_user_data user_data = {
		.type = cmd->type,
		.uptr = u64_to_user_ptr(cmd->data_uptr),
		.len = cmd->data_len,
	};
	struct iommufd_hwpt_paging *hwpt;
	struct iommufd_viommu *viommu;
	size_t size = 0;

	if (iommu->get_viommu_size)
		size = iommu->get_viommu_size(idev->dev, cmd->type);
	if (!size)
		return ERR_PTR(-EOPNOTSUPP);

	hwpt = iommufd_get_hwpt_paging(idev->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return ERR_CAST(hwpt);
	if (hwpt->nest_parent && hwpt->common.ops == iommu)
		viommu = viommu_create(idev, hwpt, size, cmd->type,
				       user_data.len ? &user_data : NULL);
	else
		viommu = ERR_PTR(-EINVAL);
	iommufd_put_hwpt(&hwpt->common);
	return viommu;
}

/* IOMMU_VIOMMU_ALLOC */
int iommufd_viommu_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_viommu_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;
	int rc;

	if (cmd->flags || cmd->type == IOMMU_VIOMMU_TYPE_DEFAULT)
		return -EOPNOTSUPP;

	idev = iommufd_get_device(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	viommu = viommu_alloc(idev, cmd);
	iommufd_put_device(idev);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);

	cmd->out_viommu_id = viommu->obj.id;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc) {
		viommu_fini(&viommu->obj);
		iommufd_object_abort(ucmd->ictx, &viommu->obj);
		return rc;
	}
	iommufd_object_publish(ucmd->ictx, &viommu->obj);
	return 0;
}
