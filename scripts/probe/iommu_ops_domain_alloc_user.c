// SPDX-License-Identifier: GPL-2.0
/*
 * Does an IOMMU driver allocate domains from what user space asked for? Since
 * 6.7; split into domain_alloc_paging_flags and domain_alloc_nested in 6.14.
 */
#include <linux/iommu.h>

bool probe(const struct iommu_ops *ops)
{
	return ops->domain_alloc_user;
}
