// SPDX-License-Identifier: GPL-2.0
/*
 * Can a group go from one domain to another without a gap? Since 6.6, gone
 * after 6.12 in favour of the handle variant. Its prototype is in a header
 * that is not installed, so only the export can be asked for.
 * Exported: iommu_group_replace_domain IOMMUFD_INTERNAL
 */
#include <linux/iommu.h>
