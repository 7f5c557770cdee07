// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: dirty tracking
 *
 * The IOMMU marks the IO pages through which devices write as dirty.
 * HWPT_GET_DIRTY_BITMAP goes through the range in windows, each with as many
 * bits as fit into one page of kernel memory:
 *
 * 1. Collect the dirty IO pages of the window in the kernel's bits. They stay
 *    dirty.
 * 2. Copy the bits to user space. No area is marked meanwhile, so user memory
 *    may take as long as it likes. If this fails nothing is lost, because
 *    nothing has been made clean.
 * 3. Make the IO pages clean that have been reported: those of which all bits
 *    are set. What a device has written before is part of this report, since
 *    user space looks at the memory after the ioctl.
 *
 * The IOTLB is flushed at the end, on failure too, and before that only for
 * what is far away. Until then a device may write to a page that was made
 * clean, and the IOMMU need not notice. The same ioctl reports those pages.
 *
 * An IO page may be larger than a window. Then its bits are set in several
 * windows, and it is made clean in the last one, if the others had them set. An
 * IO page that goes beyond the range of the ioctl stays dirty: its other bits
 * have not been reported.
 *
 * The alignment of an IO page is its size, and so is that of what a bit stands
 * for. So one of the two contains the other, or they do not overlap.
 */
#include <linux/align.h>
#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <uapi/linux/iommufd.h>

#include "dirty.h"
#include "hwpt.h"
#include "ioas.h"
#include "ioctl.h"
#include "iommu_ops.h"
#include "iova_walk.h"
#include "pgtable.h"

#define WINDOW_BITS (PAGE_SIZE * BITS_PER_BYTE)

/**
 * struct dirty_report - a report of dirty pages that is being made
 * @sink: gets the dirty IO pages of the window
 * @hwpt: HWPT
 * @shift: a bit stands for 1 << @shift bytes
 * @bits: bits of the window
 * @nbits: number of them
 * @start: first IOVA of the window
 * @last: last one
 * @run: first IOVA of the bits that are set without a gap up to the end of the
 *       window before; @start if there are none
 * @gather: IO pages that were made clean
 */
struct dirty_report {
	struct iommufd_dirty_sink sink;
	struct iommufd_hwpt_paging *hwpt;
	unsigned int shift;
	unsigned long *bits;
	unsigned int nbits;
	unsigned long start;
	unsigned long last;
	unsigned long run;
	struct iommu_iotlb_gather gather;
};

/* An operation of the IOMMU driver on dirty IO pages */
static int dirty_read(struct iommufd_hwpt_paging *hwpt, unsigned long start,
		      unsigned long last, struct iommufd_dirty_sink *sink)
{
	int rc;

	down_read(&hwpt->pgt.table.groups);
	rc = hwpt->common.ops->read_dirty(hwpt->common.domain, start, last,
					  sink);
	up_read(&hwpt->pgt.table.groups);
	return rc;
}

/* From here on the IOMMU notices each write to what was made clean. */
static void dirty_flush(struct iommufd_hwpt_paging *hwpt,
			struct iommu_iotlb_gather *gather)
{
	if (gather->start > gather->end)
		return;
	down_read(&hwpt->pgt.table.groups);
	iommu_iotlb_sync(hwpt->common.domain, gather);
	up_read(&hwpt->pgt.table.groups);
}

/*
 * Make IO pages clean. The callers go from low to high IOVAs. What is far from
 * the IO pages that were made clean before is not flushed with them.
 */
static int dirty_clear(struct iommufd_hwpt_paging *hwpt,
		       const struct iommufd_dirty_clear *clear)
{
	int rc;

	if (pgtable_is_far(clear->gather, clear->last))
		dirty_flush(hwpt, clear->gather);
	down_read(&hwpt->pgt.table.groups);
	rc = hwpt->common.ops->clear_dirty(hwpt->common.domain, clear);
	up_read(&hwpt->pgt.table.groups);
	return rc;
}

static unsigned int report_bit(const struct dirty_report *report,
			       unsigned long iova)
{
	return (iova - report->start) >> report->shift;
}

/* First IOVA that bit @bit of the window stands for */
static unsigned long report_iova(const struct dirty_report *report,
				 unsigned int bit)
{
	return report->start + ((unsigned long)bit << report->shift);
}

/* iommufd_dirty_sink.add: the IO page may go beyond the window. */
static void report_add(struct iommufd_dirty_sink *sink, unsigned long start,
		       unsigned long last)
{
	struct dirty_report *report =
		container_of(sink, struct dirty_report, sink);
	unsigned int first;

	start = max(start, report->start);
	last = min(last, report->last);
	if (start > last)
		return;
	first = report_bit(report, start);
	bitmap_set(report->bits, first, report_bit(report, last) - first + 1);
}

/* iova_visit_fn */
static int report_read(void *arg, unsigned long start, unsigned long last)
{
	struct dirty_report *report = arg;

	return dirty_read(report->hwpt, start, last, &report->sink);
}

/*
 * Make clean what lies in [start, last] and has been reported. No IO page
 * crosses @start, unless the window begins there.
 */
static int report_clear(void *arg, unsigned long start, unsigned long last)
{
	struct dirty_report *report = arg;
	unsigned int end = report_bit(report, last) + 1;
	unsigned int first, next;
	int rc = 0;

	first = find_next_bit(report->bits, end, report_bit(report, start));
	for (; !rc && first < end; first = find_next_bit(report->bits, end,
							 next)) {
		struct iommufd_dirty_clear clear = {
			.gather = &report->gather,
		};

		next = find_next_zero_bit(report->bits, end, first);
		clear.from = max(report_iova(report, first), start);
		clear.start = first ? clear.from : report->run;
		clear.last = next == end ? last :
					   report_iova(report, next) - 1;
		rc = dirty_clear(report->hwpt, &clear);
	}
	return rc;
}

/* Bits that are merged with those of user space at once */
#define MERGE_LONGS 16

/* Set the bits of the window in the bitmap of user space, and change no other. */
static int report_write(const struct dirty_report *report, u8 __user *data)
{
	size_t size = DIV_ROUND_UP(report->nbits, BITS_PER_BYTE);
	unsigned long old[MERGE_LONGS] = {};
	unsigned int bit = 0;

	for (;;) {
		const unsigned long *bits;
		size_t offset, bytes;
		unsigned int i;

		bit = find_next_bit(report->bits, report->nbits, bit);
		if (bit >= report->nbits)
			return 0;
		bits = report->bits + BIT_WORD(bit);
		offset = BIT_WORD(bit) * sizeof(*bits);
		bytes = min(size - offset, sizeof(old));
		if (copy_from_user(old, data + offset, bytes))
			return -EFAULT;
		for (i = 0; i < DIV_ROUND_UP(bytes, sizeof(*bits)); i++)
			old[i] |= bits[i];
		if (copy_to_user(data + offset, old, bytes))
			return -EFAULT;
		bit = (offset + bytes) * BITS_PER_BYTE;
	}
}

/* Where does the gapless run of set bits begin that ends with the window? */
static unsigned long report_last_run(const struct dirty_report *report)
{
	unsigned int bit = report->nbits;

	while (bit && test_bit(bit - 1, report->bits)) {
		/* Skip whole words. */
		if (bit % BITS_PER_LONG == 0 &&
		    !~report->bits[BIT_WORD(bit) - 1])
			bit -= BITS_PER_LONG;
		else
			bit--;
	}
	return bit ? report_iova(report, bit) : report->run;
}

static int report_window(struct dirty_report *report, u8 __user *data,
			 bool clear)
{
	struct iova_space *space = &report->hwpt->ioas->space;
	int rc;

	bitmap_zero(report->bits, report->nbits);
	rc = iova_space_walk(space, report->start, report->last, report_read,
			     report);
	if (rc)
		return rc;
	if (bitmap_empty(report->bits, report->nbits)) {
		report->run = report->last + 1;
		return 0;
	}
	rc = report_write(report, data);
	if (!rc && clear)
		rc = iova_space_walk(space, report->start, report->last,
				     report_clear, report);
	report->run = report_last_run(report);
	return rc;
}

/*
 * Move to the window with @iova of the range [start, last], whose bitmap is
 * @data. Return: where the bits of the window are.
 */
static u8 __user *report_move(struct dirty_report *report, unsigned long iova,
			      unsigned long start, unsigned long last,
			      u8 __user *data)
{
	unsigned long bit = round_down((iova - start) >> report->shift,
				       WINDOW_BITS);
	unsigned long window = start + (bit << report->shift);

	/* Without an area in between no IO page reaches from one to the other. */
	if (!bit || window != report->last + 1)
		report->run = window;
	report->start = window;
	if ((last - window) >> report->shift < WINDOW_BITS)
		report->last = last;
	else
		report->last = window + (WINDOW_BITS << report->shift) - 1;
	report->nbits = report_bit(report, report->last) + 1;
	return data + bit / BITS_PER_BYTE;
}

static int report_range(struct dirty_report *report,
			const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	bool clear = !(cmd->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
	unsigned long last = cmd->iova + cmd->length - 1;
	u8 __user *data = u64_to_user_ptr(cmd->data);
	unsigned long iova = cmd->iova;
	int rc = 0;

	iommu_iotlb_gather_init(&report->gather);
	while (iova_space_find(&report->hwpt->ioas->space, &iova, last)) {
		rc = report_window(report,
				   report_move(report, iova, cmd->iova, last,
					       data),
				   clear);
		if (rc || report->last == last)
			break;
		iova = report->last + 1;
	}
	dirty_flush(report->hwpt, &report->gather);
	return rc;
}

static int report_dirty(struct iommufd_hwpt_paging *hwpt,
			const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	struct dirty_report report = {
		.sink.add = report_add,
		.hwpt = hwpt,
		.shift = ilog2(cmd->page_size),
	};
	u64 nbits = cmd->length >> report.shift;
	int rc;

	report.bits = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!report.bits)
		return -ENOMEM;
	if (access_ok(u64_to_user_ptr(cmd->data),
		      DIV_ROUND_UP(nbits, BITS_PER_BYTE)))
		rc = report_range(&report, cmd);
	else
		rc = -EFAULT;
	free_page((unsigned long)report.bits);
	return rc;
}

/* In the order that user space may rely on */
static int check_report(const struct iommufd_hwpt_paging *hwpt,
			const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	unsigned long alignment = READ_ONCE(hwpt->ioas->space.alignment);
	u64 range = cmd->iova | cmd->length;
	u64 last;

	if (!cmd->length)
		return -EINVAL;
	if (check_add_overflow(cmd->iova, cmd->length - 1, &last))
		return -EOVERFLOW;
	if (!IS_ALIGNED(range, alignment))
		return -EINVAL;
	if (!is_power_of_2(cmd->page_size) ||
	    !IS_ALIGNED(range, cmd->page_size))
		return -EINVAL;
	return hwpt->dirty_tracking ? 0 : -EOPNOTSUPP;
}

/* IOMMU_HWPT_GET_DIRTY_BITMAP */
int iommufd_hwpt_get_dirty_bitmap_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_get_dirty_bitmap *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	if ((cmd->flags & ~IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) ||
	    cmd->__reserved)
		return -EOPNOTSUPP;
	hwpt = iommufd_get_hwpt_paging(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	rc = check_report(hwpt, cmd);
	if (!rc)
		rc = report_dirty(hwpt, cmd);
	iommufd_put_hwpt(&hwpt->common);
	return rc;
}

/* What clear_all() works on */
struct dirty_clear_all {
	struct iommufd_hwpt_paging *hwpt;
	struct iommu_iotlb_gather gather;
};

/* iova_visit_fn */
static int clear_visit(void *arg, unsigned long start, unsigned long last)
{
	struct dirty_clear_all *all = arg;
	struct iommufd_dirty_clear clear = {
		.start = start,
		.last = last,
		.from = start,
		.gather = &all->gather,
	};

	return dirty_clear(all->hwpt, &clear);
}

/* Make everything clean that is mapped. */
static int clear_all(struct iommufd_hwpt_paging *hwpt)
{
	struct dirty_clear_all all = { .hwpt = hwpt };
	int rc;

	iommu_iotlb_gather_init(&all.gather);
	rc = iova_space_walk(&hwpt->ioas->space, 0, ULONG_MAX, clear_visit,
			     &all);
	dirty_flush(hwpt, &all.gather);
	return rc;
}

static int set_tracking(struct iommufd_hwpt_paging *hwpt, bool enable)
{
	int rc = enable ? clear_all(hwpt) : 0;

	if (rc)
		return rc;
	/* The driver tells the IOMMUs of all groups that are attached. */
	iommufd_pgtable_lock_groups(&hwpt->pgt.table);
	rc = hwpt->common.ops->set_dirty_tracking(hwpt->common.domain, enable);
	iommufd_pgtable_unlock_groups(&hwpt->pgt.table);
	return rc;
}

/* IOMMU_HWPT_SET_DIRTY_TRACKING */
int iommufd_hwpt_set_dirty_tracking_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_hwpt_set_dirty_tracking *cmd = ucmd->cmd;
	struct iommufd_hwpt_paging *hwpt;
	int rc = -EOPNOTSUPP;

	if (cmd->flags & ~IOMMU_HWPT_DIRTY_TRACKING_ENABLE)
		return -EOPNOTSUPP;
	hwpt = iommufd_get_hwpt_paging(ucmd->ictx, cmd->hwpt_id);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	if (hwpt->dirty_tracking)
		rc = set_tracking(hwpt,
				  cmd->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
	iommufd_put_hwpt(&hwpt->common);
	return rc;
}

/**
 * iommufd_hwpt_suits_dirty() - may a device be attached to a HWPT?
 * @hwpt: HWPT
 * @ops: how to deal with the IOMMU of the device
 * @dev: device
 *
 * Return: false if the HWPT tracks what is dirty and the IOMMU of the device
 * cannot do that. The device, or one of its PASIDs, must not be attached then.
 */
bool iommufd_hwpt_suits_dirty(const struct iommufd_hwpt *hwpt,
			      const struct iommufd_iommu_ops *ops,
			      struct device *dev)
{
	return !hwpt->paging->dirty_tracking || ops->can_track_dirty(dev);
}
