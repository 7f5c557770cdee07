// SPDX-License-Identifier: GPL-2.0
/*
 * Does this tree know all operations of an IO page table? The mock IOMMU makes
 * such tables, and the kernel calls their operations.
 * Members: iommu_domain_ops attach_dev map_pages unmap_pages flush_iotlb_all
 * Members: iommu_domain_ops iotlb_sync_map iotlb_sync iova_to_phys
 * Members: iommu_domain_ops enforce_cache_coherency set_pgtable_quirks free
 * Members: iommu_domain_ops detach_dev map unmap enable_nesting
 * Members: iommu_domain_ops set_dev_pasid cache_invalidate_user
 */
#include <linux/iommu.h>

struct iommu_domain_ops probe;
