/* SPDX-License-Identifier: GPL-2.0 */
/*
 * <linux/dma-buf.h> as drivers/iommu/ knows it, on kernels where vfio-pci-core
 * does not export BARs to iommufd. There no dma-buf can be imported or exported:
 * dma_buf_get() and dma_buf_export() say so, and the other functions are never
 * called.
 */
#ifndef _COMPAT_LINUX_DMA_BUF_H
#define _COMPAT_LINUX_DMA_BUF_H

#include_next <linux/dma-buf.h>
#include <generated/features.h>

#ifndef HAVE_VFIO_PCI_DMA_BUF_IOMMUFD_MAP

#include <linux/dma-resv.h>
#include <linux/err.h>

#define invalidate_mappings move_notify

struct phys_vec {
	phys_addr_t paddr;
	size_t len;
};

static inline struct dma_buf *compat_dma_buf_get(int fd)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline struct dma_buf_attachment *
compat_dma_buf_dynamic_attach(struct dma_buf *dmabuf, struct device *dev,
			      const struct dma_buf_attach_ops *ops, void *priv)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline struct dma_buf *compat_dma_buf_export(const struct dma_buf_export_info *info)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline int compat_dma_buf_fd(struct dma_buf *dmabuf, int flags)
{
	return -EOPNOTSUPP;
}

static inline int compat_dma_buf_pin(struct dma_buf_attachment *attach)
{
	return -EOPNOTSUPP;
}

static inline int
compat_vfio_pci_dma_buf_iommufd_map(struct dma_buf_attachment *attach,
				    struct phys_vec *phys)
{
	return -EOPNOTSUPP;
}

#define dma_buf_get compat_dma_buf_get
#define dma_buf_export compat_dma_buf_export
#define dma_buf_fd compat_dma_buf_fd
#define dma_buf_invalidate_mappings(dmabuf) ((void)(dmabuf))
#define dma_buf_put(dmabuf) ((void)(dmabuf))
#define dma_buf_dynamic_attach compat_dma_buf_dynamic_attach
#define dma_buf_detach(dmabuf, attach) ((void)(dmabuf), (void)(attach))
#define dma_buf_pin compat_dma_buf_pin
#define dma_buf_unpin(attach) ((void)(attach))
/*
 * With lock debugging these need a function of dma-buf, which may not be built
 * in.
 */
#define dma_resv_lock(resv, ctx) ((void)(resv), (void)(ctx))
#define dma_resv_unlock(resv) ((void)(resv))
#undef symbol_get
#undef symbol_put
#define symbol_get(name) (&compat_##name)
#define symbol_put(name) ((void)&compat_##name)

#endif

#endif
