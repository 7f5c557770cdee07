// SPDX-License-Identifier: GPL-2.0
/* Is iommu_domain_ops.attach_dev() told which domain the device leaves? Since 6.19. */
#include <linux/iommu.h>

int probe(struct iommu_domain *domain, struct device *dev, struct iommu_domain *old)
{
	return domain->ops->attach_dev(domain, dev, old);
}
