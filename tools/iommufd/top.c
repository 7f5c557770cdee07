// SPDX-License-Identifier: GPL-2.0
/*
 * iommufd top: mappings, pins and faults per second, refreshed
 *
 * Rates are differences of what histograms of the tracepoints have counted,
 * which takes root; the sizes are those of fdinfo.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "ctx.h"
#include "output.h"
#include "sysfs.h"
#include "tracefs.h"

/* What is counted, with the field by which the kernel sorts it */
static const struct rate {
	const char *name;
	const char *event;
	const char *trigger;
} rates[] = {
	{ "map", "iommufd/map", "hist:keys=rc" },
	{ "unmap", "iommufd/unmap", "hist:keys=rc" },
	{ "copy", "iommufd/copy", "hist:keys=rc" },
	{ "pin", "iommufd/pin", "hist:keys=rc" },
	{ "unpin", "iommufd/unpin", "hist:keys=rc" },
	{ "charge_fail", "iommufd/charge_fail", "hist:keys=uid" },
	{ "fault", "iommu/io_page_fault", "hist:keys=flags" },
};

/**
 * struct top - what is asked for, and what was seen last
 * @instance: of tracefs
 * @traced: is there an instance?
 * @delay: seconds between two refreshes
 * @hits: how often each event had happened
 * @seen: contexts and their sizes
 * @when: when that was, in seconds
 */
struct top {
	struct instance instance;
	bool traced;
	double delay;
	u64 hits[ARRAY_SIZE(rates)];
	struct ctx_list seen;
	double when;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void start_counting(struct top *top)
{
	char file[128];

	if (geteuid() && sysfs_live())
		return;
	top->traced = !instance_make(&top->instance, "top");
	for (size_t i = 0; i < ARRAY_SIZE(rates) && top->traced; i++) {
		snprintf(file, sizeof(file), "events/%s/trigger",
			 rates[i].event);
		instance_write(&top->instance, file, rates[i].trigger);
	}
}

static void take_sample(struct top *top)
{
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		top->hits[i] = top->traced ? instance_hits(&top->instance,
							   rates[i].event) :
					     UNKNOWN;
	ctx_list_all(&top->seen);
	top->when = now();
}

static void show_rates(const struct top *top, const struct top *before)
{
	double seconds = top->when - before->when;

	out_object("per_second");
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		if (top->hits[i] == UNKNOWN || before->hits[i] == UNKNOWN)
			continue;
		out_text("%s %.0f/s   ", rates[i].name,
			 (top->hits[i] - before->hits[i]) / seconds);
		out_num(rates[i].name, NULL,
			(top->hits[i] - before->hits[i]) / seconds + 0.5);
	}
	out_close();
	out_text(top->traced ? "\n" :
			       "no rates per second: they come from tracepoints, which take root and an iommufd that has them\n");
}

static const struct ctx *same_context(const struct ctx_list *list,
				      const struct ctx *ctx)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->ctx[i].process.pid == ctx->process.pid &&
		    list->ctx[i].fd == ctx->fd)
			return &list->ctx[i];
	return NULL;
}

static void show_change(u64 value, u64 before)
{
	if (value == UNKNOWN || before == UNKNOWN || value == before)
		out_text("%-12s ", "");
	else if (value > before)
		out_text("+%-11s ", size_text(value - before).s);
	else
		out_text("-%-11s ", size_text(before - value).s);
}

static void show_work(const struct ctx *ctx)
{
	out_array("in_progress");
	for (size_t i = 0; i < ctx->work_count; i++) {
		const struct ctx_work *work = &ctx->work[i];

		out_object(NULL);
		out_str("kind", " %s", work->kind);
		out_size("done", " %s", work->done);
		out_size("total", " of %s", work->total);
		out_close();
	}
	out_close();
}

static void show_size(const char *name, u64 bytes)
{
	out_text("%-11s ", bytes == UNKNOWN ? "-" : size_text(bytes).s);
	out_size(name, NULL, bytes);
}

static void show_context(const struct ctx *ctx, const struct ctx *before)
{
	out_object(NULL);
	out_num("pid", "%-8llu ", ctx->process.pid);
	out_num("fd", "%-4llu ", ctx->fd);
	out_str("user", "%-12s ", user_text(ctx->process.uid).s);
	out_str("comm", "%-16s ", ctx->process.comm);
	show_size("mapped", ctx->mapped);
	show_change(ctx->mapped, before ? before->mapped : UNKNOWN);
	show_size("pinned", ctx->pinned);
	show_change(ctx->pinned, before ? before->pinned : UNKNOWN);
	show_work(ctx);
	out_text("\n");
	out_close();
}

static int show(const struct top *top, const struct top *before)
{
	bool clear = isatty(STDOUT_FILENO);

	out_begin();
	out_text(clear ? "\033[H\033[2J" : "");
	show_rates(top, before);
	out_text("PID      FD   USER         COMMAND          MAPPED      CHANGE       PINNED      CHANGE       RUNNING\n");
	out_array("contexts");
	for (size_t i = 0; i < top->seen.count; i++)
		show_context(&top->seen.ctx[i],
			     same_context(&before->seen, &top->seen.ctx[i]));
	out_close();
	return out_end();
}

static void wait_for(double seconds)
{
	struct timespec time = { .tv_sec = seconds };

	time.tv_nsec = (seconds - time.tv_sec) * 1e9;
	nanosleep(&time, NULL);
}

static int run(struct top *top, u64 count)
{
	struct top before;
	int rc = 0;

	stop_on_signals();
	start_counting(top);
	take_sample(top);
	for (u64 i = 0; (!count || i < count) && !stopped() && !rc; i++) {
		wait_for(top->delay);
		before = *top;
		take_sample(top);
		rc = show(top, &before);
		ctx_list_free(&before.seen);
	}
	ctx_list_free(&top->seen);
	if (top->traced)
		instance_remove(&top->instance);
	return rc ? CMD_FAILED : CMD_OK;
}

int cmd_top(int argc, char **argv)
{
	const char *delay = "1", *count = NULL;
	struct top top = { };
	u64 rounds = 0;
	char *end;
	int rc;

	rc = arg_value(&argc, argv, "--delay", &delay);
	if (!rc)
		rc = arg_value(&argc, argv, "--count", &count);
	if (!rc)
		rc = arg_done(argc, argv, 0, 0,
			      "iommufd top [--delay SECONDS] [--count N]");
	if (rc)
		return rc;
	top.delay = strtod(delay, &end);
	if (*end || !(top.delay >= 0.01 && top.delay <= 86400))
		return fail(CMD_USAGE,
			    "'%s' is not a time; write seconds, for example 0.5",
			    delay);
	if (count && !number_parse(count, &rounds))
		return fail(CMD_USAGE, "'%s' is not a number of refreshes",
			    count);
	return run(&top, rounds);
}
