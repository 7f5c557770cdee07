// SPDX-License-Identifier: GPL-2.0
/*
 * Does the kernel itself say whether a group's interrupts are isolated? Since
 * 6.3; before that from irq_domain_check_msi_remap() and IOMMU_CAP_INTR_REMAP.
 */
#include <linux/iommu.h>

bool probe(struct iommu_group *group)
{
	return iommu_group_has_isolated_msi(group);
}
