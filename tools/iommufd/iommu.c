// SPDX-License-Identifier: GPL-2.0
/* The IOMMUs of the machine and what each can do, from their registers */
#include <stdio.h>
#include <string.h>

#include "iommu.h"
#include "platform.h"
#include "sysfs.h"

#define BIT(n)		(1ULL << (n))
#define FIELD(v, h, l)	((v) >> (l) & (BIT((h) - (l) + 1) - 1))

const struct iommu_ability_name iommu_ability_names[IOMMU_ABILITIES] = {
	[IOMMU_SNOOP] = { "enforce_snoop", "snoop control" },
	[IOMMU_DIRTY] = { "dirty_tracking", "dirty tracking" },
	[IOMMU_PASID] = { "pasid", "PASID" },
	[IOMMU_NESTED] = { "nested", "nested translation" },
	[IOMMU_PRI] = { "page_requests", "page requests" },
	[IOMMU_ATS] = { "device_tlb", "device TLB" },
	[IOMMU_REMAP] = { "interrupt_remapping", "interrupt remapping" },
	[IOMMU_COHERENT] = { "coherent_walk", "coherent tables" },
};

/* Set an ability that the IOMMU tells of. */
static void tell(struct iommu *iommu, enum iommu_ability ability, bool has)
{
	iommu->known |= BIT(ability);
	if (has)
		iommu->abilities |= BIT(ability);
}

/* Widest of the tables: SAGAW has bit 1 for 39 bits, 2 for 48, 3 for 57. */
static unsigned int intel_width(u64 cap)
{
	unsigned int tables = FIELD(cap, 12, 8);
	unsigned int widest = FIELD(cap, 21, 16) + 1;	/* MGAW */
	unsigned int width = tables & BIT(3) ? 57 : tables & BIT(2) ? 48 : 39;

	return widest < width ? widest : width;
}

/*
 * The bits are from the VT-d specification: capability register (11.4.2) and
 * extended capability register (11.4.3).
 */
static void decode_intel(struct iommu *iommu, u64 cap, u64 ecap)
{
	iommu->width = intel_width(cap);
	iommu->page_sizes = BIT(12) | (cap & BIT(34) ? BIT(21) : 0) |
			    (cap & BIT(35) ? BIT(30) : 0);	/* SSLPS */
	if (ecap & BIT(40))
		iommu->pasid_width = FIELD(ecap, 39, 35) + 1;	/* PSS */
	tell(iommu, IOMMU_SNOOP, ecap & BIT(7));	/* SC */
	tell(iommu, IOMMU_DIRTY, ecap & BIT(45));	/* SSADS */
	tell(iommu, IOMMU_PASID, ecap & BIT(40));
	tell(iommu, IOMMU_NESTED, ecap & BIT(26));	/* NEST */
	tell(iommu, IOMMU_PRI, ecap & BIT(29));		/* PRS */
	tell(iommu, IOMMU_ATS, ecap & BIT(2));		/* DT */
	tell(iommu, IOMMU_REMAP, ecap & BIT(3));	/* IR */
	tell(iommu, IOMMU_COHERENT, ecap & BIT(0));	/* C */
	iommu->decoded = true;
}

/*
 * The bits are from AMD's IOMMU specification, the extended feature register.
 * Interrupts are remapped by every one of these IOMMUs.
 */
static void decode_amd(struct iommu *iommu, u64 features)
{
	static const unsigned char widths[] = { 48, 57, 64, 64 };

	iommu->width = widths[FIELD(features, 11, 10)];		/* HATS */
	iommu->page_sizes = BIT(12) | BIT(21) | BIT(30);
	if (features & BIT(4))
		iommu->pasid_width = FIELD(features, 36, 32) + 1;
	tell(iommu, IOMMU_DIRTY, features & BIT(52));	/* HDSup */
	tell(iommu, IOMMU_PASID, features & BIT(4));	/* GTSup */
	tell(iommu, IOMMU_NESTED, features & BIT(4));
	tell(iommu, IOMMU_PRI, features & BIT(1));	/* PPRSup */
	tell(iommu, IOMMU_REMAP, true);
	iommu->decoded = true;
}

/* Before 6.7 the register that is decoded is the second of the two. */
static bool is_second_first(void)
{
	unsigned int major, minor;

	return sscanf(platform_release(), "%u.%u", &major, &minor) == 2 &&
	       (major < 6 || (major == 6 && minor < 7));
}

/* The file has both feature registers, with a colon between. */
static bool read_amd(u64 *features, const char *name)
{
	char text[64];
	u64 second;
	int count;

	if (sysfs_text(text, sizeof(text),
		       "/sys/class/iommu/%s/amd-iommu/features", name))
		return false;
	count = sscanf(text, "%llx:%llx", features, &second);
	if (count == 2 && is_second_first())
		*features = second;
	return count > 0;
}

static const char *type_of(const char *name)
{
	if (!strncmp(name, "dmar", 4))
		return "intel";
	if (!strncmp(name, "ivhd", 4))
		return "amd";
	if (!strncmp(name, "smmu", 4))
		return "smmu";
	/* Linux names it by the device that it is, on PCI or on virtio. */
	return strchr(name, ':') || !strncmp(name, "virtio", 6) ? "virtio" :
								  "unknown";
}

void iommu_list(struct names *names)
{
	sysfs_list(names, "/sys/class/iommu");
}

/**
 * iommu_read() - read what an IOMMU tells of itself
 * @iommu: filled
 * @name: its name in /sys/class/iommu
 */
void iommu_read(struct iommu *iommu, const char *name)
{
	u64 cap, more;

	*iommu = (struct iommu){ .type = type_of(name) };
	copy_text(iommu->name, sizeof(iommu->name), name);
	if (!sysfs_number(&cap, 16, "/sys/class/iommu/%s/intel-iommu/cap",
			  name) &&
	    !sysfs_number(&more, 16, "/sys/class/iommu/%s/intel-iommu/ecap",
			  name))
		decode_intel(iommu, cap, more);
	else if (read_amd(&more, name))
		decode_amd(iommu, more);
}
