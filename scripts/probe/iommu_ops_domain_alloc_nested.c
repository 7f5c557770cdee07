// SPDX-License-Identifier: GPL-2.0
/* Is there an op of its own for nested domains? Since 6.14. */
#include <linux/iommu.h>

struct iommu_domain *probe(const struct iommu_ops *ops, struct device *dev,
			   struct iommu_domain *parent,
			   const struct iommu_user_data *data)
{
	return ops->domain_alloc_nested(dev, parent, 0, data);
}
