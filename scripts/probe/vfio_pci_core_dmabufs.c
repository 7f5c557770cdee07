// SPDX-License-Identifier: GPL-2.0
/*
 * Does vfio-pci-core make dma-bufs of BARs, and list them in the device? Since 6.19.
 */
#include <linux/list.h>
#include <linux/vfio_pci_core.h>

bool probe(struct vfio_pci_core_device *core)
{
	return list_empty(&core->dmabufs);
}
