/* SPDX-License-Identifier: GPL-2.0 */
/* Devices change between the host's drivers and vfio-pci. */
#ifndef IOMMUFD_TOOL_HANDOVER_H
#define IOMMUFD_TOOL_HANDOVER_H

#include "pci.h"

/**
 * struct handover - what changes for the devices of whole groups
 * @bdfs: the devices
 * @dry: print what would be written, and write nothing
 */
struct handover {
	struct names bdfs;
	bool dry;
};

int handover_add(struct handover *handover, const char *word);
int handover_to_vfio(const struct handover *handover);
int handover_to_host(const struct handover *handover);

#endif
