// SPDX-License-Identifier: GPL-2.0
/*
 * Page requests of mock devices. IOMMU_TEST_OP_TRIGGER_IOPF makes a device send
 * a group of them; the device counts the answers.
 */
#include <linux/atomic.h>
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/mutex.h>

#include "mock.h"

/* How many groups a device may have sent that were not answered */
#define MAX_REQUESTS 512

#define MAX_GROUP_SIZE 64

static unsigned int iopf_pages = 1;
module_param(iopf_pages, uint, 0600);
MODULE_PARM_DESC(
	iopf_pages,
	"Number of pages that a page request asks for, one after the other, 1 to 64");

static atomic_t nr_successes = ATOMIC_INIT(0);
module_param_named(iopf_success, nr_successes.counter, int, 0400);
MODULE_PARM_DESC(iopf_success,
		 "Number of page requests that were answered with success");

static atomic_t nr_refusals = ATOMIC_INIT(0);
module_param_named(iopf_invalid, nr_refusals.counter, int, 0400);
MODULE_PARM_DESC(
	iopf_invalid,
	"Number of page requests that were refused, or that no attachment wanted");

/* The hardware sends no requests before @fault_enable. */
int mock_fault_enable(struct device *dev)
{
	struct mock_device *mdev = to_mock_device(dev);

	mutex_lock(&mdev->fault_lock);
	WARN_ON(mdev->can_request);
	mdev->can_request = true;
	mutex_unlock(&mdev->fault_lock);
	return 0;
}

void mock_fault_disable(struct device *dev)
{
	struct mock_device *mdev = to_mock_device(dev);

	mutex_lock(&mdev->fault_lock);
	WARN_ON(!mdev->can_request);
	/* A kernel frees such groups, though the core still has them. */
	WARN_ON(atomic_read(&mdev->nr_requests));
	mdev->can_request = false;
	mutex_unlock(&mdev->fault_lock);
}

bool mock_can_fault(struct device *dev)
{
	return true;
}

void mock_fault_domain(struct iommu_domain *domain)
{
}

static void mock_fault_respond(struct iommufd_fault_group *group,
			       enum iommufd_page_response_code code)
{
	struct mock_device *mdev = group->priv;

	atomic_inc(code == IOMMUFD_PAGE_RESP_SUCCESS ? &nr_successes :
						       &nr_refusals);
	atomic_dec(&mdev->nr_requests);
}

/*
 * Find the attachment whose page table translates for a PASID, 0 for none. A
 * PASID without one uses that of the device, if user space has the PASID table.
 */
static struct iommufd_attach_handle *
mock_find_attachment(struct mock_device *mdev, u32 pasid)
{
	struct iommufd_attach_handle *handle;

	lockdep_assert_held(&mdev->fault_lock);
	handle = xa_load(&mdev->attached, pasid);
	if (handle || !pasid)
		return handle;
	handle = xa_load(&mdev->attached, IOMMU_NO_PASID);
	if (handle && handle->hwpt->obj.type != IOMMUFD_OBJ_HWPT_NESTED)
		return NULL;
	return handle;
}

static struct iommufd_fault_group *
mock_fault_create(struct mock_device *mdev, const struct iommu_test_cmd *cmd)
{
	unsigned int i, npages = clamp(iopf_pages, 1U, MAX_GROUP_SIZE);
	struct iommufd_fault_group *group;

	group = test_core->fault_group_alloc(npages);
	if (!group)
		return NULL;
	group->respond = mock_fault_respond;
	group->priv = mdev;
	for (i = 0; i < npages; i++) {
		struct iommu_hwpt_pgfault *fault = &group->faults[i];

		if (cmd->trigger_iopf.pasid)
			fault->flags = IOMMU_PGFAULT_FLAGS_PASID_VALID;
		fault->pasid = cmd->trigger_iopf.pasid;
		fault->grpid = cmd->trigger_iopf.grpid;
		fault->perm = cmd->trigger_iopf.perm;
		fault->addr = cmd->trigger_iopf.addr + i * PAGE_SIZE;
	}
	return group;
}

static int mock_fault_send(struct mock_device *mdev,
			   const struct iommu_test_cmd *cmd)
{
	struct iommufd_attach_handle *handle;
	struct iommufd_fault_group *group;

	lockdep_assert_held(&mdev->fault_lock);
	handle = mock_find_attachment(mdev, cmd->trigger_iopf.pasid);
	if (!handle || !handle->hwpt->fault) {
		atomic_inc(&nr_refusals);
		return 0;
	}
	if (WARN_ON(!mdev->can_request))
		return 0;
	if (atomic_read(&mdev->nr_requests) >= MAX_REQUESTS)
		return -EBUSY;
	group = mock_fault_create(mdev, cmd);
	if (!group)
		return -ENOMEM;
	atomic_inc(&mdev->nr_requests);
	test_core->fault_deliver(handle, group);
	return 0;
}

/* IOMMU_TEST_OP_TRIGGER_IOPF */
int mock_trigger_iopf_cmd(struct mock_ucmd *ucmd)
{
	struct iommufd_device *idev;
	struct iommufd_object *obj;
	struct mock_device *mdev;
	int rc = -EINVAL;

	obj = test_core->object_get(ucmd->ictx, ucmd->cmd.trigger_iopf.dev_id,
				    IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	idev = container_of(obj, struct iommufd_device, obj);
	if (idev->igroup->ops == &mock_iommu_ops) {
		mdev = to_mock_device(idev->dev);
		mutex_lock(&mdev->fault_lock);
		rc = mock_fault_send(mdev, &ucmd->cmd);
		mutex_unlock(&mdev->fault_lock);
	}
	test_core->object_put(ucmd->ictx, obj);
	return rc;
}
