// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: dirty bits of the mock IOMMU
 *
 * Devices mark IO pages in units, as large as the IO pages of hardware would be.
 * The first IO page of a unit has two marks. DIRTY is the dirty bit in the IO
 * page table. CACHED is the dirty bit in the IOTLB: as long as it is set, a
 * device that writes does not look at the IO page table. So if the core makes a
 * unit clean and does not flush the IOTLB, later writes are lost, as on
 * hardware.
 */
#include <linux/bitmap.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mock.h"
#include "mock_domain.h"

/* Most bits of IOMMU_TEST_OP_DIRTY */
#define MOCK_DIRTY_BITS_MAX BIT(27)

/* A unit that is dirty: the numbers of its IO pages */
struct mock_unit {
	unsigned long first;
	unsigned long last;
};

/* The unit of an IO page, whatever its marks are */
static struct mock_unit unit_of(unsigned long index, void *entry)
{
	unsigned long size = 1UL << entry_order(entry);
	unsigned long first = round_down(index, size);

	return (struct mock_unit){ .first = first, .last = first + size - 1 };
}

static unsigned long io_page_iova(unsigned long index)
{
	return index << MOCK_IO_PAGE_SHIFT;
}

static unsigned long io_page_last(unsigned long index)
{
	return io_page_iova(index) + MOCK_IO_PAGE_SIZE - 1;
}

/* Called now and then with the lock of the xarray held */
static void let_others_through(struct xa_state *xas, unsigned int *n)
{
	if (++*n % XA_CHECK_SCHED)
		return;
	xas_pause(xas);
	xas_unlock(xas);
	cond_resched();
	xas_lock(xas);
}

/*
 * Call @visit, under the lock of the xarray, for all units with DIRTY that have
 * an IOVA in [start, last].
 */
static void visit_dirty_units(struct mock_domain *mock, unsigned long start,
			      unsigned long last,
			      void (*visit)(struct mock_domain *mock,
					    struct mock_unit unit, void *arg),
			      void *arg)
{
	XA_STATE(xas, &mock->pages, start >> MOCK_IO_PAGE_SHIFT);
	unsigned long first = xas.xa_index;
	unsigned int n = 0;
	struct mock_unit unit;
	void *entry;

	xas_lock(&xas);
	entry = xas_load(&xas);
	WARN_ONCE(!entry || has_mark(entry, MARK_STALE),
		  "mock: looked for dirty pages where nothing is mapped\n");
	/* The first unit may begin before the range. */
	if (entry) {
		unit = unit_of(first, entry);
		if (unit.first < first &&
		    xa_get_mark(&mock->pages, unit.first, XA_DIRTY))
			visit(mock, unit, arg);
	}
	xas_set(&xas, first);
	xas_for_each_marked(&xas, entry, last >> MOCK_IO_PAGE_SHIFT, XA_DIRTY) {
		visit(mock, unit_of(xas.xa_index, entry), arg);
		let_others_through(&xas, &n);
	}
	xas_unlock(&xas);
}

static void report_unit(struct mock_domain *mock, struct mock_unit unit,
			void *arg)
{
	struct iommufd_dirty_sink *sink = arg;

	sink->add(sink, io_page_iova(unit.first), io_page_last(unit.last));
}

/* iommufd_iommu_ops.read_dirty */
int mock_read_dirty(struct iommu_domain *domain, unsigned long start,
		    unsigned long last, struct iommufd_dirty_sink *sink)
{
	visit_dirty_units(to_mock_domain(domain), start, last, report_unit,
			  sink);
	return 0;
}

static void clear_unit(struct mock_domain *mock, struct mock_unit unit,
		       void *arg)
{
	unsigned long start = io_page_iova(unit.first);
	const struct iommufd_dirty_clear *clear = arg;
	unsigned long last = io_page_last(unit.last);

	if (start < clear->start || last > clear->last)
		return;
	__xa_clear_mark(&mock->pages, unit.first, XA_DIRTY);
	iommu_iotlb_gather_add_range(clear->gather, start, last - start + 1);
}

/* iommufd_iommu_ops.clear_dirty */
int mock_clear_dirty(struct iommu_domain *domain,
		     const struct iommufd_dirty_clear *clear)
{
	visit_dirty_units(to_mock_domain(domain), clear->from, clear->last,
			  clear_unit, (void *)clear);
	return 0;
}

/* The IOTLB forgets which units in [start, last] are dirty. */
void mock_dirty_flush(struct mock_domain *mock, unsigned long start,
		      unsigned long last)
{
	XA_STATE(xas, &mock->pages, start >> MOCK_IO_PAGE_SHIFT);
	unsigned int n = 0;
	void *entry;

	if (start > last)
		return;
	xas_lock(&xas);
	xas_for_each_marked(&xas, entry, last >> MOCK_IO_PAGE_SHIFT,
			    XA_CACHED) {
		xas_clear_mark(&xas, XA_CACHED);
		let_others_through(&xas, &n);
	}
	xas_unlock(&xas);
}

/* iommufd_iommu_ops.set_dirty_tracking */
int mock_set_dirty_tracking(struct iommu_domain *domain, bool enable)
{
	struct mock_domain *mock = to_mock_domain(domain);

	xa_lock(&mock->pages);
	mock->tracks_dirty = enable;
	xa_unlock(&mock->pages);
	return 0;
}

/* A device writes. Return: whether something is mapped there. */
static bool mock_write(struct mock_domain *mock, unsigned long iova)
{
	unsigned long index = iova >> MOCK_IO_PAGE_SHIFT;
	struct mock_unit unit;
	void *entry;

	entry = xa_load(&mock->pages, index);
	if (!entry || has_mark(entry, MARK_STALE))
		return false;
	unit = unit_of(index, entry);
	if (!xa_get_mark(&mock->pages, unit.first, XA_CACHED)) {
		__xa_set_mark(&mock->pages, unit.first, XA_CACHED);
		__xa_set_mark(&mock->pages, unit.first, XA_DIRTY);
	}
	return true;
}

/* A device writes to the start of each page of @size bytes whose bit is set. */
static unsigned int mock_write_pages(struct mock_domain *mock,
				     unsigned long iova, unsigned long size,
				     const unsigned long *bits,
				     unsigned int nbits)
{
	unsigned int bit, hits = 0;

	xa_lock(&mock->pages);
	for_each_set_bit(bit, bits, nbits)
		hits += mock_write(mock, iova + bit * size);
	xa_unlock(&mock->pages);
	return hits;
}

/* Number of bits that are copied at once */
#define MOCK_DIRTY_BITS BIT(12)

static int mock_dirty(struct mock_domain *mock, struct mock_ucmd *ucmd)
{
	unsigned long size = ucmd->cmd.dirty.page_size;
	unsigned long nbits = ucmd->cmd.dirty.length / size;
	u8 __user *uptr = u64_to_user_ptr(ucmd->cmd.dirty.uptr);
	unsigned long iova = ucmd->cmd.dirty.iova;
	DECLARE_BITMAP(bits, MOCK_DIRTY_BITS) = {};
	unsigned long bit;

	ucmd->cmd.dirty.out_nr_dirty = 0;
	for (bit = 0; bit < nbits; bit += MOCK_DIRTY_BITS) {
		unsigned int n = min(nbits - bit, MOCK_DIRTY_BITS);

		if (fatal_signal_pending(current))
			return -EINTR;
		if (copy_from_user(bits, uptr + bit / BITS_PER_BYTE,
				   DIV_ROUND_UP(n, BITS_PER_BYTE)))
			return -EFAULT;
		ucmd->cmd.dirty.out_nr_dirty += mock_write_pages(
			mock, iova + bit * size, size, bits, n);
		cond_resched();
	}
	return mock_respond(ucmd);
}

static int mock_check_dirty(struct iommu_domain *domain,
			    const struct iommu_test_cmd *cmd)
{
	bool tracks;

	if (!cmd->dirty.page_size || !cmd->dirty.length || !cmd->dirty.uptr ||
	    cmd->dirty.iova % cmd->dirty.page_size ||
	    cmd->dirty.length % cmd->dirty.page_size)
		return -EINVAL;
	if (cmd->dirty.length / cmd->dirty.page_size > MOCK_DIRTY_BITS_MAX)
		return -EOVERFLOW;
	if (!is_mock_domain(domain))
		return -EINVAL;
	xa_lock(&to_mock_domain(domain)->pages);
	tracks = to_mock_domain(domain)->tracks_dirty;
	xa_unlock(&to_mock_domain(domain)->pages);
	return tracks ? 0 : -EINVAL;
}

/* IOMMU_TEST_OP_DIRTY */
int mock_dirty_cmd(struct mock_ucmd *ucmd)
{
	struct iommufd_object *obj;
	struct iommu_domain *domain;
	int rc;

	obj = test_core->object_get(ucmd->ictx, ucmd->cmd.id, IOMMUFD_OBJ_HWPT);
	if (IS_ERR(obj))
		return PTR_ERR(obj);
	domain = to_iommufd_hwpt(obj)->domain;
	rc = mock_check_dirty(domain, &ucmd->cmd);
	if (!rc)
		rc = mock_dirty(to_mock_domain(domain), ucmd);
	test_core->object_put(ucmd->ictx, obj);
	return rc;
}
