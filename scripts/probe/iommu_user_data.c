// SPDX-License-Identifier: GPL-2.0
/* Do IOMMU drivers take data of user space, and arrays of it? Since 6.8. */
#include <linux/iommu.h>

int probe(struct iommu_domain *domain, struct iommu_user_data *data,
	  struct iommu_user_data_array *array)
{
	array->uptr = data->uptr;
	return domain->ops->cache_invalidate_user(domain, array);
}
