// SPDX-License-Identifier: GPL-2.0
/* Does the core of the IOMMU API know how many PASIDs a device has? Since 6.2. */
#include <linux/iommu.h>

u32 probe(struct dev_iommu *param)
{
	return param->max_pasids;
}
