// SPDX-License-Identifier: GPL-2.0
/*
 * Does iommu_paging_domain_alloc() make a domain that suits the device? Since
 * 6.14, when this op took the place of domain_alloc_user.
 */
#include <linux/iommu.h>

bool probe(const struct iommu_ops *ops)
{
	return ops->domain_alloc_paging_flags;
}
