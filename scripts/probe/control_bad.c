// SPDX-License-Identifier: GPL-2.0
/* The control that must not compile: a call no kernel has. */
#include <linux/iommu.h>

void probe(struct iommu_domain *domain)
{
	iommu_domain_no_kernel_has_this(domain);
}
