// SPDX-License-Identifier: GPL-2.0
/* The control that must compile: a header and a call every kernel has. */
#include <linux/iommu.h>

void probe(struct iommu_domain *domain)
{
	iommu_domain_free(domain);
}
