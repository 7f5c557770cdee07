// SPDX-License-Identifier: GPL-2.0
/*
 * Does the kernel hand groups of page requests to the handler of a domain? Since
 * 6.10; before, handlers belong to devices, and see single requests.
 */
#include <linux/iommu.h>

void probe(struct iommu_domain *domain, int (*handler)(struct iopf_group *),
	   struct iopf_group *group)
{
	domain->iopf_handler = handler;
	iopf_group_response(group, group->fault_count && group->attach_handle ?
					   IOMMU_PAGE_RESP_SUCCESS :
					   IOMMU_PAGE_RESP_INVALID);
	iopf_free_group(group);
}
