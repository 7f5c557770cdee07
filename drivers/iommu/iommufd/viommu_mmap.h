/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_VIOMMU_MMAP_H
#define _IOMMUFD_VIOMMU_MMAP_H

struct iommufd_ctx;
struct vm_area_struct;

int iommufd_viommu_mmap(struct iommufd_ctx *ictx, struct vm_area_struct *vma);

#endif
