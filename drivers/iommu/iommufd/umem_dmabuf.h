/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_DMABUF_H
#define _IOMMUFD_UMEM_DMABUF_H

#include <linux/list.h>
#include <linux/types.h>

struct device;
struct dma_buf_attachment;
struct iommufd_umem;
struct phys_vec;
struct umem_ops;

/**
 * struct umem_dmabuf - what the kind of dma-bufs keeps for a umem
 * @attach: attachment to the buffer, which it holds
 * @phys: bus address of the first byte of the buffer
 * @revoked: the exporter has taken the memory away for good
 * @places: struct umem_place: where the memory is to be mapped
 *
 * The reservation lock of the buffer guards @revoked, @places and the IO pages.
 */
struct umem_dmabuf {
	struct dma_buf_attachment *attach;
	phys_addr_t phys;
	bool revoked;
	struct list_head places;
};

/* Buffers: umem_ops of memory that is in a dma-buf */
extern const struct umem_ops umem_dmabuf_ops;

int umem_dmabuf_init(struct iommufd_umem *umem, int fd, u64 end, int prot);
void umem_dmabuf_set_importer(struct device *dev);
void umem_dmabuf_set_test_exporter(int (*map)(struct dma_buf_attachment *attach,
					      struct phys_vec *phys));

#endif
