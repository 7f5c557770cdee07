/* SPDX-License-Identifier: GPL-2.0 */
/* Names of PCI IDs, from pci.ids */
#ifndef IOMMUFD_TOOL_IDS_H
#define IOMMUFD_TOOL_IDS_H

#include <stddef.h>

void ids_device(unsigned int vendor, unsigned int device, char *name,
		size_t size);
void ids_class(unsigned int class, char *name, size_t size);
void ids_end(void);

#endif
