// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_OPTION: settings of a context or an IOAS
 */
#include <linux/capability.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "account.h"
#include "context.h"
#include "ioas.h"
#include "ioctl.h"

static int set_rlimit_mode(struct iommufd_ctx *ictx, u64 value)
{
	int rc = 0;

	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;

	/* Mapping needs an object, whose id is allocated under this lock. */
	xa_lock(&ictx->objects);
	if (!xa_empty(&ictx->objects))
		rc = -EBUSY;
	else if (value > 1)
		rc = -EINVAL;
	else
		ictx->account_mode = value ? IOMMUFD_ACCOUNT_MM :
					     IOMMUFD_ACCOUNT_USER;
	xa_unlock(&ictx->objects);
	return rc;
}

static int option_rlimit_mode(struct iommufd_ctx *ictx,
			      struct iommu_option *cmd)
{
	if (cmd->object_id)
		return -EOPNOTSUPP;

	switch (cmd->op) {
	case IOMMU_OPTION_OP_GET:
		cmd->val64 = ictx->account_mode == IOMMUFD_ACCOUNT_MM;
		return 0;
	case IOMMU_OPTION_OP_SET:
		return set_rlimit_mode(ictx, cmd->val64);
	default:
		return -EOPNOTSUPP;
	}
}

static int option_huge_pages(struct iommufd_ctx *ictx, struct iommu_option *cmd)
{
	struct iommufd_ioas *ioas;
	int rc = 0;

	ioas = iommufd_get_ioas(ictx, cmd->object_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	switch (cmd->op) {
	case IOMMU_OPTION_OP_GET:
		cmd->val64 = iova_space_huge_pages(&ioas->space);
		break;
	case IOMMU_OPTION_OP_SET:
		if (cmd->val64 > 1)
			rc = -EINVAL;
		else
			rc = iova_space_set_huge_pages(&ioas->space,
						       cmd->val64);
		break;
	default:
		rc = -EOPNOTSUPP;
	}
	iommufd_put_ioas(ioas);
	return rc;
}

/* IOMMU_OPTION */
int iommufd_option_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_option *cmd = ucmd->cmd;
	struct iommu_option __user *ubuffer = ucmd->ubuffer;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;

	switch (cmd->option_id) {
	case IOMMU_OPTION_RLIMIT_MODE:
		rc = option_rlimit_mode(ucmd->ictx, cmd);
		break;
	case IOMMU_OPTION_HUGE_PAGES:
		rc = option_huge_pages(ucmd->ictx, cmd);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (rc)
		return rc;
	return put_user(cmd->val64, &ubuffer->val64);
}
