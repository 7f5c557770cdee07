// SPDX-License-Identifier: GPL-2.0
/* Can IOMMU drivers track dirty IO pages? Since 6.7. */
#include <linux/iommu.h>

int probe(struct iommu_domain *domain, struct device *dev, struct iommu_dirty_bitmap *dirty)
{
	iommu_dirty_bitmap_init(dirty, NULL, dirty->gather);
	return device_iommu_capable(dev, IOMMU_CAP_DIRTY_TRACKING) &&
	       domain->dirty_ops->set_dirty_tracking(domain, true) &&
	       domain->dirty_ops->read_and_clear_dirty(domain, 0, 1, IOMMU_DIRTY_NO_CLEAR, dirty);
}
