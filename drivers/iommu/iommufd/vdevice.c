// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual devices: the id by which a guest knows a device
 *
 * A vdevice is destroyed by user space, or with the binding of its device,
 * whichever comes first: see iommufd_object_bury(). iommufd_viommu.vdevs has
 * the vdevice while the driver may find it; the device is bound as long as the
 * lock of that is held.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/minmax.h>
#include <uapi/linux/iommufd.h>

#include "device.h"
#include "ioctl.h"
#include "viommu.h"

static struct iommufd_vdevice *to_vdevice(struct iommufd_object *obj)
{
	return container_of(obj, struct iommufd_vdevice, obj);
}

static void vdevice_fini(struct iommufd_object *obj)
{
	struct iommufd_vdevice *vdev = to_vdevice(obj);
	struct iommufd_viommu *viommu = vdev->viommu;

	xa_erase(&viommu->vdevs, vdev->virt_id);
	if (vdev->destroy)
		vdev->destroy(vdev);
	/* The device may be unbound now. */
	iommufd_object_unlink(viommu->ictx, &vdev->idev->vdev);
	iommufd_object_unuse(viommu->ictx, &viommu->obj, 1);
}

static const struct iommufd_object_ops vdevice_ops = {
	.fini = vdevice_fini,
};

/* Let the vdevice have its device and its id. */
static int vdevice_register(struct iommufd_vdevice *vdev)
{
	struct iommufd_viommu *viommu = vdev->viommu;
	struct iommufd_ctx *ictx = viommu->ictx;
	int rc;

	rc = iommufd_object_link(ictx, &vdev->idev->vdev, &vdev->obj);
	if (rc)
		return rc;
	rc = iommufd_object_use(ictx, &viommu->obj);
	if (rc)
		goto out_unlink;
	/* NULL reserves the id. */
	rc = xa_insert(&viommu->vdevs, vdev->virt_id, NULL, GFP_KERNEL_ACCOUNT);
	if (!rc)
		return 0;
	if (rc == -EBUSY)
		rc = -EEXIST;
	iommufd_object_unuse(ictx, &viommu->obj, 1);
out_unlink:
	iommufd_object_unlink(ictx, &vdev->idev->vdev);
	return rc;
}

/*
 * Make a vdevice that is not published. The caller has looked up both: while a
 * device is looked up it is not unbound.
 */
static struct iommufd_vdevice *vdevice_create(struct iommufd_viommu *viommu,
					      struct iommufd_device *idev,
					      u64 virt_id)
{
	const struct iommufd_viommu_ops *ops = viommu->ops;
	struct iommufd_vdevice *vdev;
	struct iommufd_object *obj;
	int rc;

	if (!iommufd_viommu_suits(viommu, idev) || virt_id > ULONG_MAX)
		return ERR_PTR(-EINVAL);
	obj = __iommufd_object_alloc(viommu->ictx,
				     max(ops->vdevice_size, sizeof(*vdev)),
				     IOMMUFD_OBJ_VDEVICE, &vdevice_ops);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	vdev = to_vdevice(obj);
	vdev->viommu = viommu;
	vdev->dev = idev->dev;
	vdev->idev = idev;
	vdev->virt_id = virt_id;

	rc = vdevice_register(vdev);
	if (rc)
		goto out_abort;
	rc = ops->vdevice_init ? ops->vdevice_init(vdev) : 0;
	if (rc)
		goto out_fini;
	return vdev;

out_fini:
	vdev->destroy = NULL;
	vdevice_fini(obj);
out_abort:
	iommufd_object_abort(viommu->ictx, obj);
	return ERR_PTR(rc);
}

static int vdevice_alloc(struct iommufd_ucmd *ucmd,
			 struct iommufd_viommu *viommu,
			 struct iommufd_device *idev)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_vdevice *vdev;
	int rc;

	vdev = vdevice_create(viommu, idev, cmd->virt_id);
	if (IS_ERR(vdev))
		return PTR_ERR(vdev);
	cmd->out_vdevice_id = vdev->obj.id;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	if (rc) {
		vdevice_fini(&vdev->obj);
		iommufd_object_abort(viommu->ictx, &vdev->obj);
		return rc;
	}
	/* The id is reserved, so this needs no memory. */
	xa_store(&viommu->vdevs, vdev->virt_id, vdev, GFP_KERNEL);
	iommufd_object_publish(viommu->ictx, &vdev->obj);
	return 0;
}

/* IOMMU_VDEVICE_ALLOC */
int iommufd_vdevice_alloc_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_vdevice_alloc *cmd = ucmd->cmd;
	struct iommufd_viommu *viommu;
	struct iommufd_device *idev;
	int rc;

	viommu = iommufd_get_viommu(ucmd->ictx, cmd->viommu_id);
	if (IS_ERR(viommu))
		return PTR_ERR(viommu);
	idev = iommufd_get_device(ucmd->ictx, cmd->dev_id);
	rc = PTR_ERR_OR_ZERO(idev);
	if (!rc) {
		rc = vdevice_alloc(ucmd, viommu, idev);
		iommufd_put_device(idev);
	}
	iommufd_put_viommu(viommu);
	return rc;
}

/**
 * iommufd_viommu_find_dev() - the device that a guest knows by an id
 * @viommu: vIOMMU
 * @vdev_id: id of the device at the vIOMMU
 *
 * Context: the caller holds the lock of @viommu->vdevs with xa_lock(), and the
 * device remains bound until it drops that.
 * Return: the device, or NULL if no virtual device has the id.
 */
struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id)
{
	struct iommufd_vdevice *vdev;

	lockdep_assert_held(&viommu->vdevs.xa_lock);
	vdev = xa_load(&viommu->vdevs, vdev_id);
	return vdev ? vdev->dev : NULL;
}
EXPORT_SYMBOL_GPL(iommufd_viommu_find_dev);

/**
 * iommufd_viommu_get_vdev_id() - the id by which a guest knows a device
 * @viommu: vIOMMU
 * @dev: device
 * @vdev_id: set to the id
 *
 * Return: 0, -ENOENT if the device has no virtual device at @viommu.
 */
int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id)
{
	struct iommufd_vdevice *vdev;
	unsigned long index;
	int rc = -ENOENT;

	xa_lock(&viommu->vdevs);
	xa_for_each(&viommu->vdevs, index, vdev) {
		if (vdev->dev == dev) {
			*vdev_id = index;
			rc = 0;
			break;
		}
	}
	xa_unlock(&viommu->vdevs);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_viommu_get_vdev_id);
