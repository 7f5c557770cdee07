// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: dma-bufs as memory
 *
 * The kind of memory that is a dma-buf of vfio-pci: a range of a BAR. Its
 * function for iommufd tells the bus address. Nothing is pinned or charged. The
 * mock IOMMU has buffers, too.
 *
 * vfio-pci revokes the buffer when it takes the BAR away from user space. (In
 * low power vfio-cdev helps, see vfio_bars_revoke_in_low_power().) The
 * callback takes the IO pages out of all page tables, and flushes the IOTLBs,
 * before it returns. They do not come back, also if the BAR does: the program has
 * to map the buffer again.
 *
 * The callback runs under the reservation lock of the buffer. All else that
 * changes the IO pages takes that lock. The groups lock of a page table nests in
 * it; allocations may be made under it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vfio_pci_core.h>

#include "umem.h"
#include "umem_dmabuf.h"
#include "umem_place.h"

/*
 * The device that imports all buffers, as the interface wants one. User space
 * may be here before it is known.
 */
static struct device *dmabuf_importer;

void umem_dmabuf_set_importer(struct device *dev)
{
	WRITE_ONCE(dmabuf_importer, dev);
}

static struct umem_dmabuf *to_umem_dmabuf(struct iommufd_umem *umem)
{
	return iommufd_umem_private(umem);
}

static void dmabuf_lock(struct umem_dmabuf *mem)
{
	dma_resv_lock(mem->attach->dmabuf->resv, NULL);
}

static void dmabuf_unlock(struct umem_dmabuf *mem)
{
	dma_resv_unlock(mem->attach->dmabuf->resv);
}

/* The buffer is revoked; under the reservation lock. */
static void dmabuf_invalidate(struct dma_buf_attachment *attach)
{
	struct umem_dmabuf *mem = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (mem->revoked)
		return;
	umem_places_drain(&mem->places);
	mem->revoked = true;
}

static const struct dma_buf_attach_ops dmabuf_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = dmabuf_invalidate,
};

/* How to ask the mock IOMMU, if it is loaded; under the lock */
static DEFINE_MUTEX(test_exporter_lock);
static int (*test_exporter)(struct dma_buf_attachment *attach,
			    struct phys_vec *phys);

/**
 * umem_dmabuf_set_test_exporter() - know the exporter of a module for tests
 * @map: function of the module that tells the bus address of an attachment's
 *       buffer: 0, -EOPNOTSUPP if it is not one of the module, -ENODEV if it is
 *       revoked; called under the reservation lock. Or NULL before the module
 *       goes.
 */
void umem_dmabuf_set_test_exporter(int (*map)(struct dma_buf_attachment *attach,
					      struct phys_vec *phys))
{
	mutex_lock(&test_exporter_lock);
	test_exporter = map;
	mutex_unlock(&test_exporter_lock);
}

static int dmabuf_ask_test(struct dma_buf_attachment *attach,
			   struct phys_vec *phys)
{
	int rc = -EOPNOTSUPP;

	mutex_lock(&test_exporter_lock);
	if (test_exporter)
		rc = test_exporter(attach, phys);
	mutex_unlock(&test_exporter_lock);
	return rc;
}

/* Ask vfio-pci for the bus address, if it is the exporter. */
static int dmabuf_ask_vfio(struct dma_buf_attachment *attach,
			   struct phys_vec *phys)
{
	int (*map)(struct dma_buf_attachment *attach, struct phys_vec *phys);
	int rc;

	/* Not loaded: then it is not the exporter. */
	map = symbol_get(vfio_pci_dma_buf_iommufd_map);
	if (!map)
		return -EOPNOTSUPP;
	rc = map(attach, phys);
	symbol_put(vfio_pci_dma_buf_iommufd_map);
	return rc;
}

/*
 * Ask the exporter for the bus address of the buffer, of which @end bytes are
 * needed.
 */
static int dmabuf_find(struct dma_buf_attachment *attach, u64 end,
		       struct phys_vec *phys)
{
	struct umem_dmabuf *mem = attach->importer_priv;
	int rc;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	rc = dmabuf_ask_test(attach, phys);
	if (rc == -EOPNOTSUPP)
		rc = dmabuf_ask_vfio(attach, phys);
	if (!rc && end > phys->len)
		rc = -EINVAL;
	if (!rc)
		rc = dma_buf_pin(attach);
	/* A revocation since it was attached is over. */
	if (!rc)
		mem->revoked = false;
	dma_resv_unlock(attach->dmabuf->resv);
	return rc;
}

/*
 * The rights of a descriptor can be less than those of the program that has
 * made the buffer. They are those that a shared mmap needs, as with other files.
 */
static bool dmabuf_permits(const struct file *file, int prot)
{
	return (file->f_mode & FMODE_READ) &&
	       (!(prot & IOMMU_WRITE) || (file->f_mode & FMODE_WRITE));
}

/**
 * umem_dmabuf_init() - take a dma-buf as the memory of a umem
 * @umem: umem with room for struct umem_dmabuf
 * @fd: descriptor of the buffer
 * @end: offset behind the last byte
 * @prot: IOMMU_READ and IOMMU_WRITE
 *
 * Return: 0; -EBADF, -EINVAL if it is no buffer; -EPERM if @fd is not open for
 * reading, or for what @prot says; -EINVAL if it ends before @end; -EOPNOTSUPP
 * if its exporter is not vfio-pci or the memory is not contiguous; -ENODEV if
 * it is revoked; -ENOMEM.
 */
int umem_dmabuf_init(struct iommufd_umem *umem, int fd, u64 end, int prot)
{
	struct umem_dmabuf *mem = to_umem_dmabuf(umem);
	struct device *importer = READ_ONCE(dmabuf_importer);
	struct dma_buf_attachment *attach;
	struct phys_vec phys = {};
	struct dma_buf *dmabuf;
	int rc = -EINVAL;

	if (!importer)
		return -EOPNOTSUPP;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (!dmabuf_permits(dmabuf->file, prot)) {
		rc = -EPERM;
		goto out_put;
	}
	if (end > dmabuf->size)
		goto out_put;
	INIT_LIST_HEAD(&mem->places);
	attach = dma_buf_dynamic_attach(dmabuf, importer, &dmabuf_attach_ops,
					mem);
	if (IS_ERR(attach)) {
		rc = PTR_ERR(attach);
		goto out_put;
	}
	rc = dmabuf_find(attach, end, &phys);
	if (rc)
		goto out_detach;
	mem->attach = attach;
	mem->phys = phys.paddr;
	umem->flags |= UMEM_RELEASE;
	return 0;

out_detach:
	dma_buf_detach(dmabuf, attach);
out_put:
	dma_buf_put(dmabuf);
	return rc;
}

/* No place is left. */
static void dmabuf_release(struct iommufd_umem *umem)
{
	struct umem_dmabuf *mem = to_umem_dmabuf(umem);
	struct dma_buf *dmabuf = mem->attach->dmabuf;

	WARN_ON_ONCE(!list_empty(&mem->places));
	dmabuf_lock(mem);
	dma_buf_unpin(mem->attach);
	dmabuf_unlock(mem);
	dma_buf_detach(dmabuf, mem->attach);
	dma_buf_put(dmabuf);
}

/* umem_ops.map. Once revoked, the memory is in no page table any more. */
static int dmabuf_map(struct iommufd_umem *umem, struct iommufd_pgtable *pgt,
		      const struct pgtable_range *range, bool new)
{
	struct umem_place *place = umem_place_create(pgt, range);
	struct umem_dmabuf *mem = to_umem_dmabuf(umem);
	int rc;

	if (!place)
		return -ENOMEM;
	dmabuf_lock(mem);
	rc = umem_place_add(&mem->places, place, mem->phys, !mem->revoked);
	dmabuf_unlock(mem);
	if (rc)
		kfree(place);
	return rc;
}

/* umem_ops.unmap */
static void dmabuf_unmap(struct iommufd_umem *umem, struct iommufd_pgtable *pgt,
			 unsigned long iova)
{
	struct umem_dmabuf *mem = to_umem_dmabuf(umem);

	dmabuf_lock(mem);
	umem_place_remove(&mem->places, pgt, iova, !mem->revoked);
	dmabuf_unlock(mem);
}

/* umem_ops.phys */
static int dmabuf_phys(struct iommufd_umem *umem, unsigned long offset,
		       phys_addr_t *phys)
{
	struct umem_dmabuf *mem = to_umem_dmabuf(umem);
	int rc = -EINVAL;

	dmabuf_lock(mem);
	if (!mem->revoked) {
		*phys = mem->phys + offset;
		rc = 0;
	}
	dmabuf_unlock(mem);
	return rc;
}

const struct umem_ops umem_dmabuf_ops = {
	.letter = 'd',
	.pin = umem_no_pin,
	.drop = umem_no_drop,
	.unpin = umem_no_unpin,
	.get_page = umem_no_page,
	.map = dmabuf_map,
	.unmap = dmabuf_unmap,
	.phys = dmabuf_phys,
	.release = dmabuf_release,
};

MODULE_IMPORT_NS("DMA_BUF");
