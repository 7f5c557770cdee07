// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_GET_HW_INFO: what the IOMMU behind a device says about itself
 */
#include <linux/iommu.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "iommufd_private.h"

/* Ask the IOMMU driver, where the kernel has a question for it. */
static int driver_hw_info(struct device *dev, struct iommufd_hw_info *info)
{
	info->data = compat_iommu_hw_info(dev, &info->length, &info->type);
	return PTR_ERR_OR_ZERO(info->data);
}

/* In order of preference */
static const iommufd_hw_info_provider providers[] = {
	driver_hw_info,
	iommufd_intel_hw_info,
};

/**
 * iommufd_iommu_hw_info() - ask the IOMMU of a device about itself
 * @dev: device
 * @info: the answer; type NONE and no data if no provider knows the IOMMU
 *
 * Return: 0 or errno.
 */
int iommufd_iommu_hw_info(struct device *dev, struct iommufd_hw_info *info)
{
	unsigned int i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(providers); i++) {
		rc = providers[i](dev, info);
		if (rc != -ENODEV)
			return rc;
	}
	*info = (struct iommufd_hw_info){ .type = IOMMU_HW_INFO_TYPE_NONE };
	return 0;
}

/* IOMMU_GET_HW_INFO */
int iommufd_get_hw_info_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hw_info *cmd = ucmd->cmd;
	void __user *buffer = u64_to_user_ptr(cmd->data_uptr);
	struct iommufd_hw_info info;
	struct iommufd_device *idev;
	u32 copy;
	int rc;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;

	idev = iommufd_get_device(ucmd->ictx, cmd->dev_id);
	if (IS_ERR(idev))
		return PTR_ERR(idev);
	rc = idev->igroup->ops->hw_info(idev->dev, &info);
	iommufd_put_device(idev);
	if (rc)
		return rc;

	copy = min(cmd->data_len, info.length);
	if (copy_to_user(buffer, info.data, copy) ||
	    clear_user(buffer + copy, cmd->data_len - copy)) {
		rc = -EFAULT;
		goto out_free;
	}
	cmd->data_len = info.length;
	cmd->out_data_type = info.type;
	rc = iommufd_ucmd_respond(ucmd, sizeof(*cmd));
out_free:
	kfree(info.data);
	return rc;
}
