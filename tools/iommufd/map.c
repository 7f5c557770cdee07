// SPDX-License-Identifier: GPL-2.0
/* iommufd map: the mappings of a process */
#include <string.h>

#include "areas.h"
#include "cmd.h"
#include "output.h"

static void show_age(u64 age)
{
	if (age == UNKNOWN) {
		out_text("%-12s", "-");
		return;
	}
	out_num("age_ms", NULL, age);
	out_text("%llu.%llu s", age / 1000, age % 1000 / 100);
}

static void show_range(const struct range *range, void *data)
{
	static const char *const kinds[] = { "reserved", "allowed", "area" };

	(void)data;
	out_object(NULL);
	out_str("kind", "  %-8s ", kinds[range->kind]);
	out_hex("start", "%18s", range->start);
	out_hex("last", " - %-18s", range->last);
	out_size("bytes", " %-10s", range_bytes(range));
	if (range->kind == RANGE_AREA) {
		out_str("flags", " %-5s", range->flags);
		out_num("runs", " %5llu runs ", range->runs);
		show_age(range->age);
	}
	out_text("\n");
	out_close();
}

static int show_ioas(const char *directory, const char *id)
{
	u64 number = 0;
	int rc;

	number_parse(id, &number);
	out_object(NULL);
	out_num("id", "IOAS %llu\n", number);
	out_array("ranges");
	rc = areas_read(directory, id, show_range, NULL);
	out_close();
	out_close();
	return rc;
}

/* Return: how many IOASes were shown, or a negative number. */
static int show_context(const struct ctx_list *list, const struct ctx *ctx,
			const char *wanted)
{
	struct names ids = { };
	char directory[64];
	int shown = 0;

	if (areas_find(list, ctx, directory, sizeof(directory)))
		return -1;
	out_object(NULL);
	out_num("pid", "process %llu, ", ctx->process.pid);
	out_num("fd", "fd %llu\n", ctx->fd);
	out_array("ioases");
	areas_ioases(directory, &ids);
	for (size_t i = 0; i < ids.count; i++)
		if (!wanted || !strcmp(wanted, ids.name[i]))
			shown += !show_ioas(directory, ids.name[i]);
	out_close();
	out_close();
	names_free(&ids);
	return shown;
}

static int show_all(const struct ctx_list *list, const char *wanted)
{
	int shown = 0, one = 0;

	out_begin();
	out_array("contexts");
	for (size_t i = 0; i < list->count && one >= 0; i++) {
		one = show_context(list, &list->ctx[i], wanted);
		shown += one;
	}
	out_close();
	if (out_end() || one < 0)
		return CMD_FAILED;
	if (wanted && !shown)
		return fail(CMD_FAILED,
			    "the process has no IOAS %s; iommufd context show lists them",
			    wanted);
	return CMD_OK;
}

int cmd_map(int argc, char **argv)
{
	int rc = arg_done(argc, argv, 1, 2, "iommufd map PID [IOAS]");
	struct ctx_list list;

	if (rc)
		return rc;
	rc = ctx_list_process(&list, argv[0]);
	if (!rc)
		rc = show_all(&list, argc > 1 ? argv[1] : NULL);
	ctx_list_free(&list);
	return rc;
}
