// SPDX-License-Identifier: GPL-2.0
/*
 * Does vfio-pci-core tell iommufd where a dma-buf of a BAR is? Since 6.19. The
 * importer's callback has its name since 7.0.
 * Namespace: module:iommufd
 */
#include <linux/dma-buf.h>
#include <linux/vfio_pci_core.h>

static void invalidate(struct dma_buf_attachment *attach)
{
}

const struct dma_buf_attach_ops ops = {
	.invalidate_mappings = invalidate,
};

int probe(struct dma_buf_attachment *attach, struct phys_vec *phys)
{
	return vfio_pci_dma_buf_iommufd_map(attach, phys);
}
