/* SPDX-License-Identifier: GPL-2.0 */
/* What drivers/ needs to know of AMD's IOMMU driver, on all kernels */
#ifndef _COMPAT_LINUX_AMD_IOMMU_H
#define _COMPAT_LINUX_AMD_IOMMU_H

/* Not all kernels' <linux/amd-iommu.h> includes what it uses. */
#include <linux/errno.h>
#include <linux/types.h>
#include_next <linux/amd-iommu.h>
#include <generated/features.h>

#include <linux/kernel.h>
#include <linux/minmax.h>

/*
 * The sysfs attribute "features" of an AMD IOMMU is "EFR:EFR2", in hex. Until 6.6
 * EFR2 comes first.
 */
static inline int compat_amd_parse_features(const char *text, u64 *efr, u64 *efr2)
{
	if (sscanf(text, "%llx:%llx", efr, efr2) != 2)
		return -ENODEV;
#ifdef HAVE_AMD_IOMMU_V2
	swap(*efr, *efr2);
#endif
	/* The IOMMU has no such registers. */
	return *efr ? 0 : -ENODEV;
}

#endif
