// SPDX-License-Identifier: GPL-2.0
/*
 * dma-bufs of the mock: kernel memory in the place of a BAR. As with vfio-pci
 * only iommufd can use them, and the memory can be taken away.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "mock.h"

#define MAX_PAGES 512

/**
 * struct mock_dmabuf - what a buffer has
 * @memory: its memory, contiguous and page aligned
 * @length: bytes
 * @revoked: importers must not use it; guarded by the reservation lock
 */
struct mock_dmabuf {
	void *memory;
	size_t length;
	bool revoked;
};

/*
 * Domains take only memory that is pinned, or that the kernel does not manage.
 * These pages pass for the latter.
 */
static void mark_pages(struct mock_dmabuf *buf, bool reserved)
{
	size_t done;

	for (done = 0; done < buf->length; done += PAGE_SIZE) {
		struct page *page = virt_to_page(buf->memory + done);

		if (reserved)
			SetPageReserved(page);
		else
			ClearPageReserved(page);
	}
}

static int mock_dmabuf_pin(struct dma_buf_attachment *attach)
{
	return 0;
}

static void mock_dmabuf_unpin(struct dma_buf_attachment *attach)
{
}

static struct sg_table *mock_dmabuf_map_dma(struct dma_buf_attachment *attach,
					    enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static void mock_dmabuf_unmap_dma(struct dma_buf_attachment *attach,
				  struct sg_table *table,
				  enum dma_data_direction dir)
{
}

/* So that a program can give the check of a map an address to compare with */
static int mock_dmabuf_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct mock_dmabuf *buf = dmabuf->priv;
	void *memory = buf->memory + (vma->vm_pgoff << PAGE_SHIFT);
	unsigned long addr;
	int rc = 0;

	for (addr = vma->vm_start; !rc && addr != vma->vm_end;
	     addr += PAGE_SIZE, memory += PAGE_SIZE)
		rc = vm_insert_page(vma, addr, virt_to_page(memory));
	return rc;
}

static void mock_dmabuf_free(struct mock_dmabuf *buf)
{
	mark_pages(buf, false);
	free_pages_exact(buf->memory, buf->length);
	kfree(buf);
}

static void mock_dmabuf_release(struct dma_buf *dmabuf)
{
	mock_dmabuf_free(dmabuf->priv);
}

static const struct dma_buf_ops mock_dmabuf_ops = {
	.pin = mock_dmabuf_pin,
	.unpin = mock_dmabuf_unpin,
	.map_dma_buf = mock_dmabuf_map_dma,
	.unmap_dma_buf = mock_dmabuf_unmap_dma,
	.mmap = mock_dmabuf_mmap,
	.release = mock_dmabuf_release,
};

/* iommufd_test_ops.dmabuf_map */
int mock_dmabuf_map(struct dma_buf_attachment *attach, struct phys_vec *phys)
{
	struct mock_dmabuf *buf = attach->dmabuf->priv;

	if (attach->dmabuf->ops != &mock_dmabuf_ops)
		return -EOPNOTSUPP;
	dma_resv_assert_held(attach->dmabuf->resv);
	if (buf->revoked)
		return -ENODEV;
	phys->paddr = virt_to_phys(buf->memory);
	phys->len = buf->length;
	return 0;
}

static struct mock_dmabuf *mock_dmabuf_create(size_t length)
{
	struct mock_dmabuf *buf;

	buf = kzalloc(sizeof(*buf), GFP_KERNEL_ACCOUNT);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	buf->length = length;
	buf->memory = alloc_pages_exact(length, GFP_KERNEL_ACCOUNT |
						   __GFP_ZERO | __GFP_NOWARN);
	if (!buf->memory) {
		kfree(buf);
		return ERR_PTR(-ENOMEM);
	}
	mark_pages(buf, true);
	return buf;
}

static int mock_dmabuf_export(struct mock_dmabuf *buf, u32 open_flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct dma_buf *dmabuf;
	int fd;

	info.ops = &mock_dmabuf_ops;
	info.size = buf->length;
	info.priv = buf;
	/* Test programs that give no access mode want to read and write. */
	info.flags = open_flags & O_ACCMODE ?: O_RDWR;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		mock_dmabuf_free(buf);
		return PTR_ERR(dmabuf);
	}
	fd = dma_buf_fd(dmabuf, open_flags & O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

/* IOMMU_TEST_OP_DMABUF_GET returns the descriptor */
int mock_dmabuf_get_cmd(struct mock_ucmd *ucmd)
{
	u32 length = ucmd->cmd.dmabuf_get.length;
	struct mock_dmabuf *buf;

	if (!length || length > MAX_PAGES * PAGE_SIZE)
		return -EINVAL;
	buf = mock_dmabuf_create(PAGE_ALIGN(length));
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	return mock_dmabuf_export(buf, ucmd->cmd.dmabuf_get.open_flags);
}

/* IOMMU_TEST_OP_DMABUF_REVOKE */
int mock_dmabuf_revoke_cmd(struct mock_ucmd *ucmd)
{
	bool revoked = ucmd->cmd.dmabuf_revoke.revoked;
	struct mock_dmabuf *buf;
	struct dma_buf *dmabuf;
	int rc = 0;

	dmabuf = dma_buf_get(ucmd->cmd.dmabuf_revoke.dmabuf_fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (dmabuf->ops != &mock_dmabuf_ops) {
		rc = -EOPNOTSUPP;
		goto out_put;
	}
	buf = dmabuf->priv;
	dma_resv_lock(dmabuf->resv, NULL);
	if (buf->revoked != revoked) {
		buf->revoked = revoked;
		dma_buf_invalidate_mappings(dmabuf);
	}
	dma_resv_unlock(dmabuf->resv);
out_put:
	dma_buf_put(dmabuf);
	return rc;
}

MODULE_IMPORT_NS("DMA_BUF");
