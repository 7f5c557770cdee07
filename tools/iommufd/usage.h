/* SPDX-License-Identifier: GPL-2.0 */
/* What a device is in use for */
#ifndef IOMMUFD_TOOL_USAGE_H
#define IOMMUFD_TOOL_USAGE_H

#include "pci.h"

void usage_by_host(const char *bdf, struct names *reasons);
void usage_by_vfio(const struct pci_function *function, struct names *reasons);

#endif
