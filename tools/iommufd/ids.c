// SPDX-License-Identifier: GPL-2.0
/*
 * Names of PCI IDs, from pci.ids
 *
 * A name that is not there is not looked up in udev's database: the library
 * leaks memory then, and that database is made from pci.ids, too.
 *
 * libpci has a u64 that is not the one of util.h, so this file does without
 * that header.
 */
#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>

#include "ids.h"

static struct pci_access *list;

static void quiet(char *fmt, ...)
{
	(void)fmt;
}

static void __attribute__((noreturn)) dead(char *fmt, ...)
{
	fprintf(stderr, "iommufd: libpci cannot be used: %s\n", fmt);
	exit(1);
}

/*
 * Only the names are wanted, so the library need not find the bus; pci_init()
 * would, and would give up where there is none.
 */
static struct pci_access *open_list(void)
{
	if (list)
		return list;
	list = pci_alloc();
	list->error = dead;
	list->warning = quiet;
	list->debug = quiet;
	return list;
}

/* Vendor and device */
void ids_device(unsigned int vendor, unsigned int device, char *name,
		size_t size)
{
	name[0] = '\0';
	pci_lookup_name(open_list(), name, size,
			PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE |
				PCI_LOOKUP_NO_HWDB,
			vendor, device);
}

void ids_class(unsigned int class, char *name, size_t size)
{
	name[0] = '\0';
	pci_lookup_name(open_list(), name, size,
			PCI_LOOKUP_CLASS | PCI_LOOKUP_NO_HWDB, class);
}

/* Free the list. */
void ids_end(void)
{
	if (list)
		pci_cleanup(list);
	list = NULL;
}
