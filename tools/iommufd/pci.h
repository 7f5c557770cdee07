/* SPDX-License-Identifier: GPL-2.0 */
/* PCI devices and their groups */
#ifndef IOMMUFD_TOOL_PCI_H
#define IOMMUFD_TOOL_PCI_H

#include "names.h"

/**
 * struct pci_function - a PCI device as sysfs shows it
 * @bdf: its address, with the domain
 * @vendor: vendor ID
 * @device: device ID
 * @class: class code, 16 bits
 * @group: number of its IOMMU group, -1 without one
 * @driver: name of its driver, or ""
 * @vfio: is it on a VFIO driver?
 * @cdev: name of its cdev in /dev/vfio/devices, or ""
 */
struct pci_function {
	char bdf[32];
	unsigned int vendor;
	unsigned int device;
	unsigned int class;
	int group;
	char driver[64];
	bool vfio;
	char cdev[64];
};

bool pci_address(const char *text, char *bdf, size_t size);
bool pci_function_read(struct pci_function *function, const char *bdf);
bool pci_function_is_bridge(const struct pci_function *function);
int pci_group_members(int group, struct names *members);
struct text pci_group_type(int group);

#endif
