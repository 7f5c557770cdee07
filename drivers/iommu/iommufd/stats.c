// SPDX-License-Identifier: GPL-2.0
/*
 * Counters. Those of a context are summed where the number is needed. Those of
 * the module are counted by each CPU for itself, and sysfs shows the sums in
 * /sys/module/iommufd/counters/.
 *
 * A call that handles much memory is in a list of its context, so that fdinfo
 * can tell how far it is. The layers below do not know the call that they work
 * for; it is the one that the current thread makes.
 */
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>

#include "stats.h"

/* So many long calls of a context are listed; the list is searched. */
#define MAX_CALLS 64

DEFINE_PER_CPU(struct iommufd_totals, iommufd_totals);

static atomic_t last_serial;

void iommufd_stats_init(struct iommufd_stats *stats)
{
	stats->serial = atomic_inc_return(&last_serial);
	spin_lock_init(&stats->calls_lock);
	INIT_LIST_HEAD(&stats->calls);
}

void iommufd_call_list(struct iommufd_call *call, struct iommufd_stats *stats,
		       enum iommufd_call_kind kind, unsigned long total)
{
	call->stats = stats;
	call->kind = kind;
	call->task = current;
	call->total = total;
	call->done = 0;
	spin_lock(&stats->calls_lock);
	if (stats->nr_calls < MAX_CALLS) {
		list_add_tail(&call->entry, &stats->calls);
		WRITE_ONCE(stats->nr_calls, stats->nr_calls + 1);
		call->listed = true;
	}
	spin_unlock(&stats->calls_lock);
}

void iommufd_call_unlist(struct iommufd_call *call)
{
	struct iommufd_stats *stats = call->stats;

	spin_lock(&stats->calls_lock);
	list_del(&call->entry);
	WRITE_ONCE(stats->nr_calls, stats->nr_calls - 1);
	spin_unlock(&stats->calls_lock);
}

/* The call that this thread makes, if it is listed and of that kind */
static struct iommufd_call *find_call(struct iommufd_stats *stats,
				      enum iommufd_call_kind kind)
{
	struct iommufd_call *call;

	lockdep_assert_held(&stats->calls_lock);
	list_for_each_entry(call, &stats->calls, entry) {
		if (call->task == current)
			return call->kind == kind ? call : NULL;
	}
	return NULL;
}

/* See iommufd_advance(). */
void iommufd_calls_advance(struct iommufd_stats *stats,
			   enum iommufd_call_kind kind, unsigned long bytes)
{
	struct iommufd_call *call;

	spin_lock(&stats->calls_lock);
	call = find_call(stats, kind);
	if (call)
		call->done = min(call->done + bytes, call->total);
	spin_unlock(&stats->calls_lock);
}

/* As iommufd_advance(), with all bytes that the call has handled so far */
void __iommufd_calls_reach(struct iommufd_stats *stats,
			 enum iommufd_call_kind kind, unsigned long bytes)
{
	struct iommufd_call *call;

	spin_lock(&stats->calls_lock);
	call = find_call(stats, kind);
	if (call)
		call->done = min(bytes, call->total);
	spin_unlock(&stats->calls_lock);
}

/* One line for each long call, for fdinfo */
void iommufd_stats_show_calls(struct iommufd_stats *stats, struct seq_file *seq)
{
	static const char *const kinds[] = {
		[IOMMUFD_CALL_MAP] = "map",
		[IOMMUFD_CALL_COPY] = "copy",
		[IOMMUFD_CALL_UNMAP] = "unmap",
	};
	struct iommufd_call *call;

	spin_lock(&stats->calls_lock);
	list_for_each_entry(call, &stats->calls, entry)
		seq_printf(seq, "iommufd-in-progress:\t%s %lu %lu\n",
			   kinds[call->kind], call->done, call->total);
	spin_unlock(&stats->calls_lock);
}

/**
 * struct counter - a file that shows a member of iommufd_totals
 * @attr: file
 * @offset: of the member
 * @shift: log2 of what it counts, in the unit of the file
 */
struct counter {
	struct kobj_attribute attr;
	size_t offset;
	unsigned int shift;
};

/* The sum over all CPUs, also over those that are gone */
static ssize_t counter_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	const struct counter *counter =
		container_of(attr, struct counter, attr);
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const void *totals = per_cpu_ptr(&iommufd_totals, cpu);
		const unsigned long *count = totals + counter->offset;

		sum += READ_ONCE(*count);
	}
	return sysfs_emit(buf, "%lu\n", sum << counter->shift);
}

/* For root: from a sum, a user could tell what the others have. */
#define COUNTER(_name, _what, _shift)					\
	static struct counter _name = {					\
		.attr = __ATTR(_name, 0400, counter_show, NULL),	\
		.offset = offsetof(struct iommufd_totals, _what),	\
		.shift = _shift,					\
	}

COUNTER(mapped_bytes, mapped, 0);
COUNTER(pinned_bytes, pinned, PAGE_SHIFT);
COUNTER(map_failures, failures, 0);
COUNTER(stuck_bytes, stuck, PAGE_SHIFT);

static const struct attribute *counters[] = {
	&mapped_bytes.attr.attr,
	&pinned_bytes.attr.attr,
	&map_failures.attr.attr,
	&stuck_bytes.attr.attr,
	NULL,
};

static struct kobject *counters_kobject;

int iommufd_counters_init(void)
{
	int rc;

	counters_kobject = kobject_create_and_add("counters",
						  &THIS_MODULE->mkobj.kobj);
	if (!counters_kobject)
		return -ENOMEM;
	rc = sysfs_create_files(counters_kobject, counters);
	if (rc)
		kobject_put(counters_kobject);
	return rc;
}

void iommufd_counters_exit(void)
{
	kobject_put(counters_kobject);
}
