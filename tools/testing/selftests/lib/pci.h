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

/*
 * The driver a device is bound to, taken from it and given back to it by root
 * through sysfs; false when that did not work. pci_unbind() returns when the
 * driver has let go, which may take as long as the device has users.
 */
struct pci_driver {
	char name[32];
};

bool pci_driver_of(const char *bdf, struct pci_driver *driver);
bool pci_unbind(const char *bdf);
bool pci_bind(const char *bdf, const struct pci_driver *driver);
/* Take a device off the bus, and look for what is there. */
bool pci_remove(const char *bdf);
bool pci_rescan(void);

/* Any file of a device in sysfs: @text goes there. */
bool pci_write(const char *bdf, const char *file, const char *text);
/* Does the kernel have states of low power for the device? */
bool pci_may_sleep(const char *bdf);
/* False when the device is in a state of low power. */
bool pci_is_awake(const char *bdf);
/* The cdev of a device, empty when it has none. Fills in group and place, too. */
bool pci_look_up(const char *bdf, const struct pci_id *id,
		 struct pci_device *found);

/* "edu (1234:11e8) number 1 alone in its IOMMU group ...", for skip lines. */
const char *pci_describe(const struct pci_id *id, enum pci_place place,
			 unsigned int nth);

/* Does Intel's VT-d translate what the devices do? */
bool pci_iommu_is_vtd(void);

#endif
