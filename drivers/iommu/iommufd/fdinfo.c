// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/PID/fdinfo/FD tells of a context. Everything is counted where it
 * changes, so this looks at objects but not at their mappings, and takes no
 * lock that a mapping needs. procfs asks for the right to trace the process.
 */
#include <linux/device.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>
#include <uapi/linux/iommufd.h>

#include "context.h"
#include "fdinfo.h"
#include "group.h"
#include "hwpt.h"
#include "ioas.h"
#include "iova_view.h"

/* The text must fit into memory: so many objects have a line of their own. */
#define MAX_LINES 1024

static void show_ioas(struct seq_file *seq, struct iommufd_object *obj)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);
	struct iova_space *space = &ioas->space;
	unsigned long mapped = READ_ONCE(space->mapped);

	/* What is mapped in a page table is pinned. */
	seq_printf(seq,
		   "iommufd-ioas:\t%u areas=%lu mapped=%lu pinned=%lu hwpts=%d devices=%d accesses=%d\n",
		   obj->id, iova_space_count_areas(space),
		   mapped,
		   iova_space_has_pgtables(space) ? mapped : 0,
		   atomic_read(&ioas->nr_hwpts), atomic_read(&ioas->nr_devices),
		   atomic_read(&ioas->nr_accesses));
}

static u32 hwpt_flags(const struct iommufd_hwpt *hwpt)
{
	bool paging = &hwpt->paging->common == hwpt;
	u32 flags = 0;

	if (paging && hwpt->paging->nest_parent)
		flags |= IOMMU_HWPT_ALLOC_NEST_PARENT;
	if (paging && hwpt->paging->dirty_tracking)
		flags |= IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	if (hwpt->fault)
		flags |= IOMMU_HWPT_FAULT_ID_VALID;
	if (hwpt->pasid)
		flags |= IOMMU_HWPT_ALLOC_PASID;
	return flags;
}

static const char *hwpt_kind(const struct iommufd_hwpt *hwpt)
{
	if (iommufd_hwpt_is_automatic(hwpt))
		return "auto";
	return hwpt->obj.type == IOMMUFD_OBJ_HWPT ? "paging" : "nested";
}

static void show_hwpt(struct seq_file *seq, struct iommufd_object *obj)
{
	struct iommufd_hwpt *hwpt = to_iommufd_hwpt(obj);

	seq_printf(seq,
		   "iommufd-hwpt:\t%u ioas=%u kind=%s flags=0x%x devices=%d",
		   obj->id, hwpt->paging->ioas->obj.id, hwpt_kind(hwpt),
		   hwpt_flags(hwpt), atomic_read(&hwpt->nr_devices));
	if (obj->type == IOMMUFD_OBJ_HWPT)
		seq_printf(seq, " mapped=%ld",
			   atomic_long_read(&hwpt->paging->pgt.table.mapped));
	seq_putc(seq, '\n');
}

static void show_device(struct seq_file *seq, struct iommufd_object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);

	seq_printf(seq, "iommufd-device:\t%u name=%s hwpt=%u\n", obj->id,
		   dev_name(idev->dev), iommufd_device_hwpt_id(idev));
}

static const char *type_name(enum iommufd_object_type type)
{
	switch (type) {
	case IOMMUFD_OBJ_ACCESS:
		return "access";
	case IOMMUFD_OBJ_FAULT:
		return "fault";
	case IOMMUFD_OBJ_VIOMMU:
		return "viommu";
	case IOMMUFD_OBJ_VDEVICE:
		return "vdevice";
	case IOMMUFD_OBJ_VEVENTQ:
		return "veventq";
	case IOMMUFD_OBJ_HW_QUEUE:
		return "hw_queue";
	default:
		return "other";
	}
}

static void show_object(struct seq_file *seq, struct iommufd_object *obj)
{
	switch (obj->type) {
	case IOMMUFD_OBJ_IOAS:
		show_ioas(seq, obj);
		break;
	case IOMMUFD_OBJ_HWPT:
	case IOMMUFD_OBJ_HWPT_NESTED:
		show_hwpt(seq, obj);
		break;
	case IOMMUFD_OBJ_DEVICE:
		show_device(seq, obj);
		break;
	default:
		seq_printf(seq, "iommufd-object:\t%u type=%s\n", obj->id,
			   type_name(obj->type));
	}
}

/**
 * struct fdinfo_sum - what all objects of a context have together
 * @objects: number of objects
 * @mapped: bytes of all areas; stays at the maximum
 */
struct fdinfo_sum {
	unsigned long objects;
	unsigned long mapped;
};

static void sum_object(struct iommufd_object *obj, struct fdinfo_sum *sum)
{
	struct iommufd_ioas *ioas = container_of(obj, struct iommufd_ioas, obj);
	unsigned long mapped;

	sum->objects++;
	if (obj->type != IOMMUFD_OBJ_IOAS)
		return;
	mapped = READ_ONCE(ioas->space.mapped);
	if (check_add_overflow(sum->mapped, mapped, &sum->mapped))
		sum->mapped = ULONG_MAX;
}

static void show_payer(struct seq_file *seq, struct iommufd_ctx *ictx)
{
	struct iommufd_payer *payer;

	spin_lock(&ictx->payer_lock);
	payer = ictx->payer ?: ictx->file_payer;
	if (payer && iommufd_may_count(refcount_read(&payer->refs)))
		refcount_inc(&payer->refs);
	else
		payer = NULL;
	spin_unlock(&ictx->payer_lock);
	if (!payer)
		return;
	seq_printf(seq, "iommufd-payer-uid:\t%u\n",
		   iommufd_payer_uid(payer, seq_user_ns(seq)));
	iommufd_payer_put(payer);
}

static void show_sum(struct seq_file *seq, struct iommufd_ctx *ictx,
		     const struct fdinfo_sum *sum)
{
	const atomic_long_t *pages = ictx->stats.pages;
	unsigned long user = atomic_long_read(&pages[IOMMUFD_ACCOUNT_USER]);
	unsigned long mm = atomic_long_read(&pages[IOMMUFD_ACCOUNT_MM]);
	unsigned long none = atomic_long_read(&pages[IOMMUFD_ACCOUNT_NONE]);

	seq_printf(seq, "iommufd-context:\t%u\n", ictx->stats.serial);
	seq_printf(seq, "iommufd-objects:\t%lu\n", sum->objects);
	seq_printf(seq, "iommufd-accounting:\t%s\n",
		   ictx->account_mode == IOMMUFD_ACCOUNT_MM ? "process" :
							      "user");
	seq_printf(seq, "iommufd-mapped:\t%lu\n", sum->mapped);
	seq_printf(seq, "iommufd-pinned:\t%lu\n",
		   (user + mm + none) << PAGE_SHIFT);
	seq_printf(seq, "iommufd-charged:\t%lu\n", (user + mm) << PAGE_SHIFT);
	show_payer(seq, ictx);
}

/* Go through all objects, and show the first ones if there is a @seq. */
static void for_all_objects(struct iommufd_ctx *ictx, struct fdinfo_sum *sum,
			    struct seq_file *seq)
{
	struct iommufd_object *obj;
	unsigned long id = 0;

	memset(sum, 0, sizeof(*sum));
	while (!fatal_signal_pending(current) &&
	       (obj = iommufd_object_get_next(ictx, &id))) {
		sum_object(obj, sum);
		if (seq)
			show_object(seq, obj);
		iommufd_object_put(ictx, obj);
		/* A text that is too long is made again, with more room. */
		if (seq && (sum->objects == MAX_LINES ||
			    seq_has_overflowed(seq)))
			break;
		id++;
		cond_resched();
	}
}

/* The keys and their meanings are in visibility.rst. */
void iommufd_show_fdinfo(struct seq_file *seq, struct iommufd_ctx *ictx)
{
	struct fdinfo_sum sum, shown;

	for_all_objects(ictx, &sum, NULL);
	show_sum(seq, ictx, &sum);
	iommufd_stats_show_calls(&ictx->stats, seq);
	for_all_objects(ictx, &shown, seq);
	if (sum.objects > MAX_LINES)
		seq_printf(seq, "iommufd-unlisted:\t%lu\n",
			   sum.objects - MAX_LINES);
}
