// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_CHANGE_PROCESS: the calling process takes over the charges for the
 * files that a context has mapped, such as after it has executed itself anew.
 *
 * All umems of files that one process has mapped share a payer, and so a change
 * of the payer is a change for all of them at once. A MAP, COPY, UNMAP or
 * attach that runs at the same time charges the payer before the change or
 * after it.
 */
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <uapi/linux/iommufd.h>

#include "account.h"
#include "context.h"
#include "ioas.h"
#include "ioctl.h"

/* Add the payers of all IOAS to a list. */
static int collect_payers(struct iommufd_ctx *ictx, struct iommufd_payer **list)
{
	struct iommufd_object *obj;
	unsigned long id;
	int rc = 0;

	xa_for_each(&ictx->objects, id, obj) {
		struct iommufd_ioas *ioas = iommufd_get_ioas(ictx, id);

		/* The number of objects is up to user space. */
		cond_resched();
		if (IS_ERR(ioas))
			continue;
		rc = iova_space_collect_payers(&ioas->space, list);
		iommufd_put_ioas(ioas);
		if (rc)
			break;
	}
	return rc;
}

/* IOMMU_IOAS_CHANGE_PROCESS */
int iommufd_ioas_change_process_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_ioas_change_process *cmd = ucmd->cmd;
	struct iommufd_ctx *ictx = ucmd->ictx;
	struct iommufd_payer *list = NULL;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (mutex_lock_killable(&ictx->change_lock))
		return -EINTR;
	rc = collect_payers(ictx, &list);
	if (!rc)
		rc = iommufd_payers_change(list, &ictx->account_mode,
					   &ictx->change_lock);
	iommufd_payers_put(list);
	mutex_unlock(&ictx->change_lock);
	return rc;
}
