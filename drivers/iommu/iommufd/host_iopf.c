// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults of the machine's devices: the kernel hands over a group of page
 * requests (struct iopf_group), and gets one answer to it.
 */
#include <linux/build_bug.h>
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/pci-ats.h>
#include <uapi/linux/iommufd.h>

#include "fault.h"
#include "group.h"
#include "host_iopf.h"

/* The bits of user space are those of the kernel. */
static_assert((unsigned int)IOMMU_PGFAULT_FLAGS_PASID_VALID ==
	      IOMMU_FAULT_PAGE_REQUEST_PASID_VALID);
static_assert((unsigned int)IOMMU_PGFAULT_PERM_READ == IOMMU_FAULT_PERM_READ);
static_assert((unsigned int)IOMMU_PGFAULT_PERM_WRITE == IOMMU_FAULT_PERM_WRITE);
static_assert((unsigned int)IOMMU_PGFAULT_PERM_EXEC == IOMMU_FAULT_PERM_EXEC);
static_assert((unsigned int)IOMMU_PGFAULT_PERM_PRIV == IOMMU_FAULT_PERM_PRIV);

static void host_respond(struct iommufd_fault_group *group,
			 enum iommufd_page_response_code code)
{
	struct iopf_group *iopf_group = group->priv;

	iopf_group_response(iopf_group, code == IOMMUFD_PAGE_RESP_SUCCESS ?
						IOMMU_PAGE_RESP_SUCCESS :
						IOMMU_PAGE_RESP_INVALID);
	iopf_free_group(iopf_group);
}

static void host_convert_fault(struct iommu_hwpt_pgfault *fault,
			       const struct iommu_fault_page_request *request)
{
	fault->flags = request->flags & IOMMU_PGFAULT_FLAGS_PASID_VALID;
	if (fault->flags)
		fault->pasid = request->pasid;
	fault->grpid = request->grpid;
	fault->perm = request->perm;
	fault->addr = request->addr;
}

/* iommu_domain.iopf_handler. After an errno the kernel answers and frees. */
static int host_iopf_handler(struct iopf_group *iopf_group)
{
	struct iommufd_attach_handle *handle =
		container_of(iopf_group->attach_handle,
			     struct iommufd_attach_handle, handle);
	struct iommufd_fault_group *group;
	struct iopf_fault *iopf;
	unsigned int i = 0;

	group = iommufd_fault_group_alloc(iopf_group->fault_count);
	if (!group)
		return -ENOMEM;
	group->respond = host_respond;
	group->priv = iopf_group;
	list_for_each_entry(iopf, &iopf_group->faults, list) {
		if (WARN_ON(i == group->nr_faults))
			break;
		host_convert_fault(&group->faults[i++], &iopf->fault.prm);
	}
	iommufd_fault_deliver(handle, group);
	return 0;
}

bool host_can_fault(struct device *dev)
{
	if (dev_is_pci(dev) && !pci_pri_supported(to_pci_dev(dev)))
		return false;
	return compat_can_iopf(dev);
}

void host_fault_domain(struct iommu_domain *domain)
{
	compat_set_iopf_handler(domain, host_iopf_handler);
}

int host_fault_enable(struct device *dev)
{
	/*
	 * A VF uses the page request interface of its PF. An answer that says
	 * that the interface failed would concern them all.
	 */
	if (dev_is_pci(dev) && to_pci_dev(dev)->is_virtfn)
		return -EINVAL;
	return compat_iopf_enable(dev);
}

void host_fault_disable(struct device *dev)
{
	compat_iopf_disable(dev);
}
