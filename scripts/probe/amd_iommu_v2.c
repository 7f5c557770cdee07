// SPDX-License-Identifier: GPL-2.0
/*
 * Has AMD's IOMMU driver its own interface for PASIDs? 6.7 removed it. The same series
 * changed the order of the two registers in the sysfs attribute "features", which no
 * header shows.
 */
#include <linux/types.h>
#include <linux/amd-iommu.h>

amd_iommu_invalid_ppr_cb probe;
