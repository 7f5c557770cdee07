// SPDX-License-Identifier: GPL-2.0
/* PCI devices and their groups */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci.h"
#include "sysfs.h"

#define DEVICES		"/sys/bus/pci/devices/"
#define CLASS_BRIDGE	0x06

/**
 * pci_address() - complete a PCI address that a user has written
 * @text: with or without the domain
 * @bdf: set to the address with the domain
 * @size: room there
 */
bool pci_address(const char *text, char *bdf, size_t size)
{
	unsigned int domain = 0, bus, slot, function;
	int end = 0;

	if (sscanf(text, "%x:%x:%x.%x%n", &domain, &bus, &slot, &function,
		   &end) != 4 || text[end]) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%x:%x.%x%n", &bus, &slot, &function, &end) !=
		    3 || text[end])
			return false;
	}
	if (bus > 0xff || slot > 0x1f || function > 7)
		return false;
	snprintf(bdf, size, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return true;
}

/*
 * A VFIO driver's device has the directory vfio-dev/vfioN. The cdev is that
 * device itself, or a child of it, by whoever made it.
 */
static void read_vfio(struct pci_function *function)
{
	struct names devices = { }, children = { };
	const char *bdf = function->bdf;

	sysfs_list(&devices, DEVICES "%s/vfio-dev", bdf);
	function->vfio = devices.count;
	for (size_t i = 0; i < devices.count; i++) {
		const char *name = devices.name[i];

		if (sysfs_exists(DEVICES "%s/vfio-dev/%s/dev", bdf, name))
			copy_text(function->cdev, sizeof(function->cdev), name);
		sysfs_list(&children, DEVICES "%s/vfio-dev/%s", bdf, name);
		for (size_t k = 0; k < children.count; k++)
			if (sysfs_exists(DEVICES "%s/vfio-dev/%s/%s/dev", bdf,
					 name, children.name[k]))
				copy_text(function->cdev,
					  sizeof(function->cdev),
					  children.name[k]);
		names_free(&children);
	}
	names_free(&devices);
}

/**
 * pci_function_read() - read what sysfs tells of a device
 * @function: filled
 * @bdf: its address
 *
 * Return: is there such a device?
 */
bool pci_function_read(struct pci_function *function, const char *bdf)
{
	u64 vendor = 0, device = 0, class = 0;
	char group[32];

	*function = (struct pci_function){ .group = -1 };
	copy_text(function->bdf, sizeof(function->bdf), bdf);
	if (sysfs_number(&vendor, 16, DEVICES "%s/vendor", bdf))
		return false;
	sysfs_number(&device, 16, DEVICES "%s/device", bdf);
	sysfs_number(&class, 16, DEVICES "%s/class", bdf);
	function->vendor = vendor;
	function->device = device;
	function->class = class >> 8;
	if (!sysfs_link(group, sizeof(group), DEVICES "%s/iommu_group", bdf))
		function->group = atoi(group);
	sysfs_link(function->driver, sizeof(function->driver),
		   DEVICES "%s/driver", bdf);
	read_vfio(function);
	return true;
}

bool pci_function_is_bridge(const struct pci_function *function)
{
	return function->class >> 8 == CLASS_BRIDGE;
}

int pci_group_members(int group, struct names *members)
{
	return sysfs_list(members, "/sys/kernel/iommu_groups/%d/devices",
			  group);
}

/* Type of the domain that the kernel's own drivers have, or "" */
struct text pci_group_type(int group)
{
	struct text type = { };

	sysfs_text(type.s, sizeof(type.s), "/sys/kernel/iommu_groups/%d/type",
		   group);
	return type;
}
