// SPDX-License-Identifier: GPL-2.0
/*
 * mmap() of /dev/iommu: registers of a vIOMMU, which a process may reach
 *
 * Each memory area that maps a region is a user of the vIOMMU, so that this
 * cannot be destroyed. The area also keeps the file, and with it the context.
 * The vIOMMU frees its regions when it is destroyed.
 */
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "context.h"
#include "object.h"
#include "viommu_mmap.h"

/* The upper half of an offset is the number of the region, the lower half 0. */
#define REGION_SHIFT 32

/**
 * struct viommu_region - memory that a process may map
 * @owner: vIOMMU that it belongs to
 * @phys: physical address, at the start of a page
 * @length: bytes, whole pages
 */
struct viommu_region {
	struct iommufd_viommu *owner;
	phys_addr_t phys;
	size_t length;
};

/**
 * iommufd_viommu_alloc_mmap() - let processes map a region
 * @viommu: vIOMMU that the region belongs to
 * @phys: physical address of the region, at the start of a page
 * @length: bytes, whole pages, less than 4 GiB
 * @offset: set to the offset with which mmap() finds the region, never 0
 *
 * Memory that is not RAM is mapped uncached.
 *
 * Return: 0, -EINVAL for what is not whole pages, -ENOMEM, -EBUSY without a
 * free offset.
 */
int iommufd_viommu_alloc_mmap(struct iommufd_viommu *viommu, phys_addr_t phys,
			      size_t length, unsigned long *offset)
{
	struct viommu_region *region;
	u32 number;
	int rc;

	if (!length || !PAGE_ALIGNED(length) || !PAGE_ALIGNED(phys) ||
	    length >= 1UL << REGION_SHIFT)
		return -EINVAL;
	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return -ENOMEM;
	region->owner = viommu;
	region->phys = phys;
	region->length = length;

	rc = xa_alloc(&viommu->ictx->mmaps, &number, region, xa_limit_31b,
		      GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(region);
		return rc;
	}
	*offset = (unsigned long)number << REGION_SHIFT;
	return 0;
}
EXPORT_SYMBOL_GPL(iommufd_viommu_alloc_mmap);

/**
 * iommufd_viommu_destroy_mmap() - undo iommufd_viommu_alloc_mmap()
 * @viommu: vIOMMU without users, or one that was never finished
 * @offset: offset of the region
 */
void iommufd_viommu_destroy_mmap(struct iommufd_viommu *viommu,
				 unsigned long offset)
{
	struct viommu_region *region;

	region = xa_erase(&viommu->ictx->mmaps, offset >> REGION_SHIFT);
	if (!WARN_ON(!region))
		kfree(region);
}
EXPORT_SYMBOL_GPL(iommufd_viommu_destroy_mmap);

static void viommu_vma_open(struct vm_area_struct *vma)
{
	struct viommu_region *region = vma->vm_private_data;
	struct iommufd_viommu *viommu = region->owner;

	/* The area that this one is a copy of is a user. */
	WARN_ON(iommufd_object_use(viommu->ictx, &viommu->obj));
}

static void viommu_vma_close(struct vm_area_struct *vma)
{
	struct viommu_region *region = vma->vm_private_data;
	struct iommufd_viommu *viommu = region->owner;

	iommufd_object_unuse(viommu->ictx, &viommu->obj, 1);
}

/* A region is mapped as a whole, and goes as a whole. */
static int viommu_vma_may_split(struct vm_area_struct *vma, unsigned long addr)
{
	return -EINVAL;
}

static const struct vm_operations_struct viommu_vm_ops = {
	.open = viommu_vma_open,
	.close = viommu_vma_close,
	.may_split = viommu_vma_may_split,
};

/* Find the region of a memory area, which becomes a user of its vIOMMU. */
static struct viommu_region *get_region(struct iommufd_ctx *ictx,
					const struct vm_area_struct *vma)
{
	u64 offset = PFN_PHYS((u64)vma->vm_pgoff);
	struct viommu_region *region = NULL;

	if (offset & U32_MAX)
		return NULL;
	/* While the region is there its owner is there. */
	xa_lock(&ictx->mmaps);
	region = xa_load(&ictx->mmaps, offset >> REGION_SHIFT);
	if (region &&
	    (region->length != vma->vm_end - vma->vm_start ||
	     iommufd_object_use_published(ictx, &region->owner->obj)))
		region = NULL;
	xa_unlock(&ictx->mmaps);
	return region;
}

/**
 * iommufd_viommu_mmap() - mmap() of /dev/iommu
 * @ictx: context
 * @vma: memory area that is being made
 *
 * Return: 0, -EINVAL without MAP_SHARED, -EPERM with PROT_EXEC, -ENXIO if
 * offset and length are not those of a region, -ENOMEM.
 */
int iommufd_viommu_mmap(struct iommufd_ctx *ictx, struct vm_area_struct *vma)
{
	struct viommu_region *region;
	unsigned long pfn;
	int rc;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	region = get_region(ictx, vma);
	if (!region)
		return -ENXIO;

	vm_flags_clear(vma, VM_MAYEXEC);
	pfn = PHYS_PFN(region->phys);
	/* RAM is mapped as the kernel has it mapped. */
	if (!pfn_valid(pfn))
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	rc = remap_pfn_range(vma, vma->vm_start, pfn, region->length,
			     vma->vm_page_prot);
	if (rc) {
		iommufd_object_unuse(ictx, &region->owner->obj, 1);
		return rc;
	}
	vma->vm_private_data = region;
	vma->vm_ops = &viommu_vm_ops;
	return 0;
}
