/* SPDX-License-Identifier: GPL-2.0 */
/* Finds the PCI devices that tests drive; nothing here knows an address. */
#ifndef SELFTEST_LIB_PCI_H
#define SELFTEST_LIB_PCI_H

#include <stdbool.h>
#include <stdint.h>

struct pci_id {
	uint16_t vendor;
	uint16_t device;
	const char *name;
};

extern const struct pci_id pci_edu;
extern const struct pci_id pci_nvme;
extern const struct pci_id pci_ivshmem;

/* Where a device must sit. */
enum pci_place {
	PCI_ON_ROOT_BUS,	/* alone in its group, on the root bus */
	PCI_BEHIND_PORT,	/* alone in its group, behind a root port */
	PCI_SHARED_GROUP,	/* with another of its kind in the group */
	PCI_ANYWHERE,
};

struct pci_device {
	char bdf[16];
	char cdev[64];		/* /dev/vfio/devices/vfioN */
	int group;
	enum pci_place place;
};

/*
 * The @nth (from 0) device of that kind and place that has a VFIO cdev, by
 * ascending address.
 */
bool pci_find(const struct pci_id *id, enum pci_place place, unsigned int nth,
	      struct pci_device *found);

/* "edu (1234:11e8) number 1 alone in its IOMMU group ...", for skip lines. */
const char *pci_describe(const struct pci_id *id, enum pci_place place,
			 unsigned int nth);

/* Does Intel's VT-d translate what the devices do? */
bool pci_iommu_is_vtd(void);

#endif
