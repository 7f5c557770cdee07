/* SPDX-License-Identifier: GPL-2.0 */
/* Finds the PCI devices that tests use, by their ids and not by addresses. */
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
extern const struct pci_id pci_virtio_rng;

/* Where a device must be */
enum pci_place {
	PCI_ON_ROOT_BUS,	/* alone in its group, on the root bus */
	PCI_BEHIND_PORT,	/* alone in its group, behind a root port */
	PCI_SHARED_GROUP,	/* in a group with another device of its id */
	PCI_ANYWHERE,
};

struct pci_device {
	char bdf[16];
	char cdev[64];		/* /dev/vfio/devices/vfioN */
	int group;
	enum pci_place place;
};

/*
 * Find the @nth device (from 0) of this id and place that has a VFIO cdev, in
 * the order of addresses.
 */
bool pci_find(const struct pci_id *id, enum pci_place place, unsigned int nth,
	      struct pci_device *found);

/*
 * The driver that a device is bound to. Root can unbind and bind it by sysfs;
 * the functions return false on failure. pci_unbind() returns when the driver's
 * remove() is done, which may wait until the device has no users.
 */
struct pci_driver {
	char name[32];
};

bool pci_driver_of(const char *bdf, struct pci_driver *driver);
bool pci_unbind(const char *bdf);
bool pci_bind(const char *bdf, const struct pci_driver *driver);
/* Remove a device from the bus, and rescan the bus. */
bool pci_remove(const char *bdf);
bool pci_rescan(void);

/* Write @text to a file of a device in sysfs. */
bool pci_write(const char *bdf, const char *file, const char *text);
/* Does the kernel have runtime power management for the device? */
bool pci_may_sleep(const char *bdf);
/* False if the device is suspended */
bool pci_is_awake(const char *bdf);
/* Fill in @found for one device; its cdev is empty if it has none. */
bool pci_look_up(const char *bdf, const struct pci_id *id,
		 struct pci_device *found);

/* What a skipped test lacks: "no edu (1234:11e8) #1 alone in its group ..." */
const char *pci_describe(const struct pci_id *id, enum pci_place place,
			 unsigned int nth);

/* Is the device on a bus that can be reset? */
bool pci_behind_bridge(const char *bdf);

/* The IOMMU of the machine */
bool pci_iommu_is_vtd(void);
bool pci_iommu_is_amd(void);
/* The extended capability register of VT-d; 0 for another IOMMU */
uint64_t pci_vtd_ecap(void);

#endif
