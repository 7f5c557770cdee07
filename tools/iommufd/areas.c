// SPDX-License-Identifier: GPL-2.0
/*
 * What debugfs tells of the addresses of an IOAS
 *
 * The directory of a context is TGID-SERIAL. fdinfo has the serial number; a
 * kernel whose fdinfo has none gives them in the order in which the process has
 * opened its contexts, which is that of the descriptors if none was closed.
 * The file "areas" there has a line for each IOAS, then one for each of its
 * ranges. There may be millions of areas, so they are visited and not kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "areas.h"
#include "cmd.h"
#include "sysfs.h"

#define DEBUG	"/sys/kernel/debug/iommufd"

static bool has_serial(const char *name, u64 serial)
{
	const char *dash = strchr(name, '-');
	u64 number;

	return dash && number_parse(dash + 1, &number) && number == serial;
}

/* Which of the process's contexts is it, by its descriptors? */
static size_t place_of(const struct ctx_list *list, const struct ctx *ctx)
{
	size_t place = 0;

	for (size_t i = 0; i < list->count && &list->ctx[i] != ctx; i++)
		place += list->ctx[i].process.pid == ctx->process.pid;
	return place;
}

static const char *find_name(const struct names *names,
			     const struct ctx_list *list, const struct ctx *ctx)
{
	size_t place = place_of(list, ctx);
	char prefix[24];

	snprintf(prefix, sizeof(prefix), "%u-", ctx->process.pid);
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->name[i];

		if (ctx->serial != UNKNOWN) {
			if (has_serial(name, ctx->serial))
				return name;
		} else if (!strncmp(name, prefix, strlen(prefix)) && !place--) {
			return name;
		}
	}
	return NULL;
}

static int explain(int rc, const struct ctx *ctx)
{
	if (rc == -EACCES || rc == -EPERM)
		return fail(CMD_FAILED,
			    "only root sees the mappings, in " DEBUG
			    "; run this with sudo");
	if (rc)
		return fail(CMD_FAILED,
			    "there is no " DEBUG
			    "; mount debugfs (mount -t debugfs none /sys/kernel/debug), and load an iommufd that has it");
	return fail(CMD_FAILED,
		    DEBUG " has no context of process %u; it may just have ended",
		    ctx->process.pid);
}

/**
 * areas_find() - find the directory of a context
 * @list: the contexts of its process
 * @ctx: one of them
 * @directory: set to the name
 * @size: room there
 *
 * Return: an enum exit_code.
 */
int areas_find(const struct ctx_list *list, const struct ctx *ctx,
	       char *directory, size_t size)
{
	struct names names = { };
	int rc = sysfs_list(&names, DEBUG);
	const char *name = rc ? NULL : find_name(&names, list, ctx);

	if (name)
		copy_text(directory, size, name);
	names_free(&names);
	return name ? CMD_OK : explain(rc, ctx);
}

/**
 * areas_ioases() - list the IOASes of a context
 * @directory: of the context
 * @ids: gets their ids
 *
 * Return: 0 or a negative errno.
 */
int areas_ioases(const char *directory, struct names *ids)
{
	FILE *file = sysfs_open(DEBUG "/%s/areas", directory);
	char line[256];
	u64 id;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "ioas %llu", &id) == 1)
			names_add(ids, "%llu", id);
	fclose(file);
	return 0;
}

static bool parse(const char *line, struct range *range)
{
	u64 bytes;

	*range = (struct range){ .kind = RANGE_AREA, .age = UNKNOWN };
	if (sscanf(line, "reserved %llx %llx", &range->start, &range->last) ==
	    2)
		range->kind = RANGE_RESERVED;
	else if (sscanf(line, "allowed %llx %llx", &range->start,
			&range->last) == 2)
		range->kind = RANGE_ALLOWED;
	else if (sscanf(line, "%llx %llx %llu %llu %7s %llu", &range->start,
			&range->last, &bytes, &range->runs, range->flags,
			&range->age) < 5)
		return false;
	if (range->kind == RANGE_AREA && !range->age)
		range->age = UNKNOWN;
	return range->start <= range->last;
}

/* Go to the lines of the IOAS; its first line has the id. */
static bool find_ioas(FILE *file, const char *ioas)
{
	char line[256], id[32];

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "ioas %31s", id) == 1 && !strcmp(id, ioas))
			return true;
	return false;
}

/**
 * areas_read() - visit the ranges of an IOAS
 * @directory: of the context
 * @ioas: id of the IOAS
 * @visit: called for each range
 * @data: for the visitor
 *
 * Return: 0 or a negative errno.
 */
int areas_read(const char *directory, const char *ioas, areas_visit *visit,
	       void *data)
{
	FILE *file = sysfs_open(DEBUG "/%s/areas", directory);
	struct range range;
	char line[256];
	int rc = 0;

	if (!file)
		return -errno;
	if (!find_ioas(file, ioas))
		rc = -ENOENT;
	while (!rc && fgets(line, sizeof(line), file) &&
	       strncmp(line, "ioas ", 5))
		if (parse(line, &range))
			visit(&range, data);
	fclose(file);
	return rc;
}

/* Bytes of a range; all 2^64 of them are one byte too many to count. */
u64 range_bytes(const struct range *range)
{
	u64 bytes = range->last - range->start + 1;

	return bytes ? bytes : UNKNOWN - 1;
}
