// SPDX-License-Identifier: GPL-2.0
/* iommufd context: who uses /dev/iommu, and for what */
#include <stdio.h>
#include <string.h>

#include "areas.h"
#include "cmd.h"
#include "ctx.h"
#include "output.h"
#include "sysfs.h"

/* How the owner of a context is shown: in a row of a table, or in a line */
struct owner_format {
	const char *pid;
	const char *comm;
	const char *user;
	const char *fd;
};

static const struct owner_format in_row = { "%-8llu ", "%-16s ", "%-12s ",
					    "%-4llu " };
static const struct owner_format in_line = { "process %llu", " (%s)",
					     " of user %s", ", fd %llu\n" };

static void show_owner(const struct ctx *ctx, const struct owner_format *format)
{
	out_num("pid", format->pid, ctx->process.pid);
	out_str("comm", format->comm, ctx->process.comm);
	out_num("uid", NULL, ctx->process.uid);
	out_str("user", format->user, user_text(ctx->process.uid).s);
	out_num("fd", format->fd, ctx->fd);
	out_num("serial", NULL, ctx->serial);
}

static void show_text_size(u64 bytes)
{
	out_text("%-10s ", bytes == UNKNOWN ? "-" : size_text(bytes).s);
}

static void show_row(const struct ctx *ctx)
{
	out_object(NULL);
	show_owner(ctx, &in_row);
	out_num("objects", NULL, ctx->objects);
	out_size("mapped", NULL, ctx->mapped);
	out_size("pinned", NULL, ctx->pinned);
	out_size("charged", NULL, ctx->charged);
	show_text_size(ctx->mapped);
	show_text_size(ctx->pinned);
	show_text_size(ctx->charged);
	out_array("devices");
	for (size_t i = 0; i < ctx->device_count; i++)
		out_str(NULL, i ? ",%s" : "%s", ctx->device[i].name);
	out_close();
	out_text("\n");
	out_close();
}

static int context_list(int argc, char **argv)
{
	int rc = arg_done(argc, argv, 0, 0, "iommufd context list");
	struct ctx_list list;

	if (rc)
		return rc;
	ctx_list_all(&list);
	out_begin();
	if (list.count)
		out_text("PID      COMMAND          USER         FD   MAPPED     PINNED     CHARGED    DEVICES\n");
	out_array("contexts");
	for (size_t i = 0; i < list.count; i++)
		show_row(&list.ctx[i]);
	out_close();
	out_num("hidden_processes", NULL, list.hidden);
	if (list.hidden)
		out_text("%u processes of other users are not looked into; root sees them\n",
			 list.hidden);
	else if (!list.count)
		out_text("no process has /dev/iommu open\n");
	ctx_list_free(&list);
	return out_end() ? CMD_FAILED : CMD_OK;
}

static void show_charge(const struct ctx *ctx)
{
	u64 limit = ctx->process.memlock;

	if (ctx->charged != UNKNOWN) {
		out_size("charged", "  charged   %s", ctx->charged);
		if (limit == UNKNOWN)
			out_text(" of unlimited");
		out_size("limit", " of %s", limit);
	}
	if (ctx->payer != UNKNOWN) {
		out_num("payer_uid", NULL, ctx->payer);
		out_str("payer", ", paid by user %s",
			user_text(ctx->payer).s);
	}
	if (*ctx->accounting)
		out_str("accounting", ", counted for each %s", ctx->accounting);
	out_text("\n");
}

static void show_work(const struct ctx *ctx)
{
	out_array("in_progress");
	for (size_t i = 0; i < ctx->work_count; i++) {
		const struct ctx_work *work = &ctx->work[i];

		out_object(NULL);
		out_str("kind", "  running   %s: ", work->kind);
		out_size("done", "%s", work->done);
		out_size("total", " of %s", work->total);
		if (work->total)
			out_text(" (%.0f %%)",
				 100.0 * work->done / work->total);
		out_text("\n");
		out_close();
	}
	out_close();
}

static void count_runs(const struct range *range, void *data)
{
	u64 *runs = data;

	if (range->kind == RANGE_AREA)
		*runs += range->runs;
}

/* Only root sees runs; without them the rest is worth showing. */
static u64 runs_of(const char *directory, u64 ioas)
{
	char id[24];
	u64 runs = 0;

	snprintf(id, sizeof(id), "%llu", ioas);
	if (!*directory || areas_read(directory, id, count_runs, &runs))
		return UNKNOWN;
	return runs;
}

static void show_ioas(const struct ctx_ioas *ioas, const char *directory)
{
	u64 runs = runs_of(directory, ioas->id);

	out_object(NULL);
	out_num("id", "  IOAS %-4llu", ioas->id);
	out_num("areas", " %llu areas,", ioas->areas);
	out_size("mapped", " %s mapped,", ioas->mapped);
	out_size("pinned", " %s pinned,", ioas->pinned);
	out_num("hwpts", " %llu HWPTs,", ioas->hwpts);
	out_num("devices", " %llu devices,", ioas->devices);
	out_num("accesses", " %llu accesses", ioas->accesses);
	out_num("runs", ", %llu runs", runs);
	if (runs != UNKNOWN && runs && ioas->pinned != UNKNOWN)
		out_size("mean_run", " of %s on average", ioas->pinned / runs);
	out_text("\n");
	out_close();
}

static void show_hwpt(const struct ctx_hwpt *hwpt)
{
	out_object(NULL);
	out_num("id", "  HWPT %-4llu", hwpt->id);
	out_str("kind", " %s", hwpt->kind);
	out_num("ioas", " of IOAS %llu", hwpt->ioas);
	out_num("devices", ", %llu devices", hwpt->devices);
	if (hwpt->flags != UNKNOWN)
		out_hex("flags", ", flags %s", hwpt->flags);
	out_size("mapped", ", %s mapped", hwpt->mapped);
	out_text("\n");
	out_close();
}

static void show_device(const struct ctx_device *device)
{
	out_object(NULL);
	out_num("id", "  device %-2llu", device->id);
	out_str("name", " %s", device->name);
	if (device->hwpt)
		out_num("hwpt", ", attached to HWPT %llu", device->hwpt);
	else
		out_text(", not attached");
	out_text("\n");
	out_close();
}

static void show_objects(const struct ctx *ctx, const char *directory)
{
	out_array("ioases");
	for (size_t i = 0; i < ctx->ioas_count; i++)
		show_ioas(&ctx->ioas[i], directory);
	out_close();
	out_array("hwpts");
	for (size_t i = 0; i < ctx->hwpt_count; i++)
		show_hwpt(&ctx->hwpt[i]);
	out_close();
	out_array("devices");
	for (size_t i = 0; i < ctx->device_count; i++)
		show_device(&ctx->device[i]);
	out_close();
	out_array("others");
	for (size_t i = 0; i < ctx->object_count; i++) {
		out_object(NULL);
		out_num("id", "  object %-2llu", ctx->object[i].id);
		out_str("type", " %s\n", ctx->object[i].type);
		out_close();
	}
	out_close();
}

static void show_context(const struct ctx_list *list, const struct ctx *ctx)
{
	char directory[64] = "";

	if (sysfs_exists("/sys/kernel/debug/iommufd/."))
		areas_find(list, ctx, directory, sizeof(directory));
	out_object(NULL);
	show_owner(ctx, &in_line);
	out_num("objects", "  objects   %llu\n", ctx->objects);
	if (ctx->mapped != UNKNOWN) {
		out_size("mapped", "  mapped    %s", ctx->mapped);
		out_size("pinned", ", pinned %s", ctx->pinned);
		out_text("\n");
	} else {
		out_text("  this iommufd tells nothing in fdinfo; a newer version does\n");
	}
	show_charge(ctx);
	show_work(ctx);
	show_objects(ctx, directory);
	out_num("unlisted", "  %llu more objects are not listed\n",
		ctx->unlisted);
	out_close();
}

static void show_cdevs(const struct ctx_list *list)
{
	out_array("cdevs");
	for (size_t i = 0; i < list->cdev_count; i++) {
		const struct ctx_cdev *cdev = &list->cdev[i];

		out_object(NULL);
		out_str("name", "cdev %s", cdev->bdf);
		out_num("fd", ", fd %llu", cdev->fd);
		if (cdev->id == UNKNOWN)
			out_text(", not bound");
		out_num("device", ", device %llu", cdev->id);
		out_num("hwpt", ", attached to %llu", cdev->page_table);
		out_text("\n");
		out_close();
	}
	out_close();
}

static int context_show(int argc, char **argv)
{
	int rc = arg_done(argc, argv, 1, 1, "iommufd context show PID");
	struct ctx_list list;

	if (rc)
		return rc;
	rc = ctx_list_process(&list, argv[0]);
	if (!rc) {
		out_begin();
		out_array("contexts");
		for (size_t i = 0; i < list.count; i++)
			show_context(&list, &list.ctx[i]);
		out_close();
		show_cdevs(&list);
		if (out_end())
			rc = CMD_FAILED;
	}
	ctx_list_free(&list);
	return rc;
}

const struct command context_commands[] = {
	{ "list", context_list, "", "the processes that have /dev/iommu open" },
	{ "show", context_show, "PID",
	  "objects, memory and devices of a process" },
};

const size_t context_count = ARRAY_SIZE(context_commands);
