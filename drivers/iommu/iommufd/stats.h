/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a context uses, what the module uses, and the calls that run for long.
 * The files that count know only this; fdinfo.c and debugfs.c show it.
 */
#ifndef _IOMMUFD_STATS_H
#define _IOMMUFD_STATS_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct seq_file;
struct task_struct;

/* A call that handles so many bytes is listed while it runs. */
#define IOMMUFD_LONG_CALL SZ_64M

/* The values of enum iommufd_account_mode */
#define IOMMUFD_ACCOUNT_MODES 3

/**
 * struct iommufd_stats - what a context uses
 * @serial: number of the context, by which tracepoints and debugfs call it
 * @pages: pinned pages for each enum iommufd_account_mode; a page that several
 *         users have pinned counts once
 * @calls_lock: guards @calls and @nr_calls
 * @nr_calls: number of @calls; also read without the lock
 * @calls: long calls that run, struct iommufd_call
 */
struct iommufd_stats {
	u32 serial;
	unsigned int nr_calls;
	atomic_long_t pages[IOMMUFD_ACCOUNT_MODES];
	spinlock_t calls_lock;
	struct list_head calls;
};

/**
 * struct iommufd_totals - what one CPU has counted for the module
 * @mapped: bytes of areas
 * @pinned: pages
 * @failures: MAPs and COPYs that failed
 * @stuck: pages that stay pinned for good, as an IO page could not be unmapped
 *
 * Only sums over all CPUs have a meaning.
 */
struct iommufd_totals {
	unsigned long mapped;
	unsigned long pinned;
	unsigned long failures;
	unsigned long stuck;
};

DECLARE_PER_CPU(struct iommufd_totals, iommufd_totals);

#define iommufd_count(_what, _by) this_cpu_add(iommufd_totals._what, _by)

enum iommufd_call_kind {
	IOMMUFD_CALL_MAP,
	IOMMUFD_CALL_COPY,
	IOMMUFD_CALL_UNMAP,
};

/**
 * struct iommufd_call - a MAP, COPY or UNMAP that runs; on the stack, not zero
 * @start: when it began, in ns, if its tracepoint is enabled; otherwise 0
 * @iova: for the tracepoint
 * @runs: for the tracepoint
 * @listed: it is in @entry; only then the members below are set
 * @kind: enum iommufd_call_kind
 * @stats: of its context
 * @task: thread that makes it
 * @total: bytes that it handles
 * @done: bytes that it has handled
 * @entry: place in iommufd_stats.calls
 */
struct iommufd_call {
	u64 start;
	u64 iova;
	unsigned long runs;
	bool listed;
	u8 kind;
	struct iommufd_stats *stats;
	struct task_struct *task;
	unsigned long total;
	unsigned long done;
	struct list_head entry;
};

void iommufd_stats_init(struct iommufd_stats *stats);
void iommufd_stats_show_calls(struct iommufd_stats *stats,
			      struct seq_file *seq);

void iommufd_call_list(struct iommufd_call *call, struct iommufd_stats *stats,
		       enum iommufd_call_kind kind, unsigned long total);
void iommufd_call_unlist(struct iommufd_call *call);
void iommufd_calls_advance(struct iommufd_stats *stats,
			   enum iommufd_call_kind kind, unsigned long bytes);
void __iommufd_calls_reach(struct iommufd_stats *stats,
			 enum iommufd_call_kind kind, unsigned long bytes);

/* Is a call told of in the long list, or by its tracepoint? */
static __always_inline bool iommufd_call_is_watched(unsigned long total,
						    bool traced)
{
	return unlikely(total >= IOMMUFD_LONG_CALL || traced);
}

/* The clock is read only if the caller says that the call is traced. */
static __always_inline void iommufd_call_begin(struct iommufd_call *call,
					       struct iommufd_stats *stats,
					       enum iommufd_call_kind kind,
					       unsigned long total, bool traced)
{
	call->start = 0;
	if (unlikely(traced)) {
		call->start = ktime_get_ns();
		call->iova = 0;
		call->runs = 0;
	}
	call->listed = false;
	if (unlikely(total >= IOMMUFD_LONG_CALL))
		iommufd_call_list(call, stats, kind, total);
}

static __always_inline void iommufd_call_end(struct iommufd_call *call)
{
	if (unlikely(call->listed))
		iommufd_call_unlist(call);
}

/* Return: how long a traced call has taken. */
static inline u64 iommufd_call_ns(const struct iommufd_call *call)
{
	return ktime_get_ns() - call->start;
}

/* This thread has handled some bytes, if it makes a long call of that kind. */
static __always_inline void iommufd_advance(struct iommufd_stats *stats,
					    enum iommufd_call_kind kind,
					    unsigned long bytes)
{
	if (unlikely(READ_ONCE(stats->nr_calls)))
		iommufd_calls_advance(stats, kind, bytes);
}

/* It has handled so many bytes so far. */
static __always_inline void iommufd_calls_reach(struct iommufd_stats *stats,
						enum iommufd_call_kind kind,
						unsigned long bytes)
{
	if (unlikely(READ_ONCE(stats->nr_calls)))
		__iommufd_calls_reach(stats, kind, bytes);
}

int iommufd_counters_init(void);
void iommufd_counters_exit(void);

#endif
