/* SPDX-License-Identifier: GPL-2.0 */
/* The IOMMUs of the machine and what each can do */
#ifndef IOMMUFD_TOOL_IOMMU_H
#define IOMMUFD_TOOL_IOMMU_H

#include "names.h"

/**
 * enum iommu_ability - what an IOMMU may be able to do
 * @IOMMU_SNOOP: make DMA coherent even if a device asks for no snooping
 * @IOMMU_DIRTY: track what devices have written
 * @IOMMU_PASID: have more than one address space for a device
 * @IOMMU_NESTED: translate twice, the first time by a guest's table
 * @IOMMU_PRI: let a device ask for a page that is not mapped
 * @IOMMU_ATS: let a device keep translations
 * @IOMMU_REMAP: remap interrupts
 * @IOMMU_COHERENT: read its tables through the caches
 * @IOMMU_ABILITIES: how many there are
 */
enum iommu_ability {
	IOMMU_SNOOP,
	IOMMU_DIRTY,
	IOMMU_PASID,
	IOMMU_NESTED,
	IOMMU_PRI,
	IOMMU_ATS,
	IOMMU_REMAP,
	IOMMU_COHERENT,
	IOMMU_ABILITIES,
};

/**
 * struct iommu_ability_name - words for an ability
 * @key: in JSON
 * @text: for people
 */
struct iommu_ability_name {
	const char *key;
	const char *text;
};

extern const struct iommu_ability_name iommu_ability_names[IOMMU_ABILITIES];

/**
 * struct iommu - an IOMMU
 * @name: its name in /sys/class/iommu
 * @type: intel, amd, virtio, smmu or unknown
 * @decoded: does it tell what it can do? Without that the rest is not set
 * @width: bits of an IOVA
 * @page_sizes: a bit for each size
 * @pasid_width: bits of a PASID, 0 without PASIDs
 * @known: a bit for each ability that it tells of
 * @abilities: a bit for each ability that it has
 */
struct iommu {
	char name[64];
	const char *type;
	bool decoded;
	unsigned int width;
	u64 page_sizes;
	unsigned int pasid_width;
	unsigned int known;
	unsigned int abilities;
};

void iommu_list(struct names *names);
void iommu_read(struct iommu *iommu, const char *name);

#endif
