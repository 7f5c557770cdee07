// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts: what fdinfo tells of every open /dev/iommu
 *
 * Who may see them follows procfs: a user sees the contexts of the processes
 * that the user may trace. Keys that the kernel does not give stay UNKNOWN, and
 * keys that the tool does not know are passed over.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "ctx.h"
#include "sysfs.h"

/* The number of " key=number" in a line */
static u64 word_number(const char *line, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = line; (at = strstr(at, key)); at += length) {
		if ((at == line || at[-1] == ' ') && at[length] == '=')
			return strtoull(at + length + 1, NULL, 0);
	}
	return UNKNOWN;
}

static void word_text(const char *line, const char *key, char *text,
		      size_t size)
{
	const char *at = strstr(line, key);

	text[0] = '\0';
	if (!at)
		return;
	at += strlen(key);
	copy_text(text, size, at);
	text[strcspn(text, " ")] = '\0';
}

static void read_ioas(struct ctx *ctx, const char *value)
{
	ctx->ioas = xgrow(ctx->ioas, ctx->ioas_count, sizeof(*ctx->ioas));
	ctx->ioas[ctx->ioas_count++] = (struct ctx_ioas){
		.id = strtoull(value, NULL, 0),
		.areas = word_number(value, "areas"),
		.mapped = word_number(value, "mapped"),
		.pinned = word_number(value, "pinned"),
		.hwpts = word_number(value, "hwpts"),
		.devices = word_number(value, "devices"),
		.accesses = word_number(value, "accesses"),
	};
}

static void read_hwpt(struct ctx *ctx, const char *value)
{
	struct ctx_hwpt hwpt = {
		.id = strtoull(value, NULL, 0),
		.ioas = word_number(value, "ioas"),
		.flags = word_number(value, "flags"),
		.devices = word_number(value, "devices"),
		.mapped = word_number(value, "mapped"),
	};

	word_text(value, "kind=", hwpt.kind, sizeof(hwpt.kind));
	ctx->hwpt = xgrow(ctx->hwpt, ctx->hwpt_count, sizeof(*ctx->hwpt));
	ctx->hwpt[ctx->hwpt_count++] = hwpt;
}

static void read_device(struct ctx *ctx, const char *value)
{
	struct ctx_device device = {
		.id = strtoull(value, NULL, 0),
		.hwpt = word_number(value, "hwpt"),
	};

	word_text(value, "name=", device.name, sizeof(device.name));
	ctx->device = xgrow(ctx->device, ctx->device_count,
			    sizeof(*ctx->device));
	ctx->device[ctx->device_count++] = device;
}

static void read_object(struct ctx *ctx, const char *value)
{
	struct ctx_object object = { .id = strtoull(value, NULL, 0) };

	word_text(value, "type=", object.type, sizeof(object.type));
	ctx->object = xgrow(ctx->object, ctx->object_count,
			    sizeof(*ctx->object));
	ctx->object[ctx->object_count++] = object;
}

static void read_work(struct ctx *ctx, const char *value)
{
	struct ctx_work work = { };

	if (sscanf(value, "%15s %llu %llu", work.kind, &work.done,
		   &work.total) != 3)
		return;
	ctx->work = xgrow(ctx->work, ctx->work_count, sizeof(*ctx->work));
	ctx->work[ctx->work_count++] = work;
}

static void read_accounting(struct ctx *ctx, const char *value)
{
	copy_text(ctx->accounting, sizeof(ctx->accounting), value);
}

/* Keys whose value is more than a number */
static const struct {
	const char *key;
	void (*read)(struct ctx *ctx, const char *value);
} readers[] = {
	{ "iommufd-ioas", read_ioas },
	{ "iommufd-hwpt", read_hwpt },
	{ "iommufd-device", read_device },
	{ "iommufd-object", read_object },
	{ "iommufd-in-progress", read_work },
	{ "iommufd-accounting", read_accounting },
};

static void read_key(struct ctx *ctx, const char *key, const char *value)
{
	const struct {
		const char *key;
		u64 *number;
	} numbers[] = {
		{ "iommufd-context", &ctx->serial },
		{ "iommufd-objects", &ctx->objects },
		{ "iommufd-unlisted", &ctx->unlisted },
		{ "iommufd-mapped", &ctx->mapped },
		{ "iommufd-pinned", &ctx->pinned },
		{ "iommufd-charged", &ctx->charged },
		{ "iommufd-payer-uid", &ctx->payer },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(key, numbers[i].key))
			*numbers[i].number = strtoull(value, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (!strcmp(key, readers[i].key))
			readers[i].read(ctx, value);
}

/* Split a line into its key and its value; NULL if it is none. */
static char *split(char *line)
{
	char *value = strchr(line, ':');

	if (!value)
		return NULL;
	*value++ = '\0';
	value += strspn(value, " \t");
	value[strcspn(value, "\n")] = '\0';
	return value;
}

static void read_fdinfo(struct ctx *ctx)
{
	FILE *file = sysfs_open("/proc/%u/fdinfo/%u", ctx->process.pid,
				ctx->fd);
	char line[1024], *value;

	while (file && fgets(line, sizeof(line), file)) {
		value = split(line);
		if (value)
			read_key(ctx, line, value);
	}
	if (file)
		fclose(file);
}

static void add_ctx(unsigned int pid, unsigned int fd, const char *target,
		    void *data)
{
	struct ctx_list *list = data;
	struct ctx ctx = {
		.fd = fd,
		.serial = UNKNOWN,
		.objects = UNKNOWN,
		.unlisted = UNKNOWN,
		.mapped = UNKNOWN,
		.pinned = UNKNOWN,
		.charged = UNKNOWN,
		.payer = UNKNOWN,
	};

	if (!procfs_is_node(pid, fd, target, "/dev/iommu") ||
	    !procfs_process(pid, &ctx.process))
		return;
	read_fdinfo(&ctx);
	list->ctx = xgrow(list->ctx, list->count, sizeof(*list->ctx));
	list->ctx[list->count++] = ctx;
}

static void add_cdev(unsigned int pid, unsigned int fd, const char *target,
		     void *data)
{
	struct ctx_cdev cdev = {
		.fd = fd, .id = UNKNOWN, .page_table = UNKNOWN
	};
	struct ctx_list *list = data;
	char line[1024], *value;
	FILE *file;

	if (strncmp(target, "/dev/vfio/devices/", 18))
		return;
	file = sysfs_open("/proc/%u/fdinfo/%u", pid, fd);
	while (file && fgets(line, sizeof(line), file)) {
		value = split(line);
		if (!value)
			continue;
		if (!strcmp(line, "vfio-device-syspath"))
			copy_text(cdev.bdf, sizeof(cdev.bdf),
				  strrchr(value, '/') ? strrchr(value, '/') + 1 :
							value);
		else if (!strcmp(line, "vfio-device-iommufd-id"))
			cdev.id = strtoull(value, NULL, 0);
		else if (!strcmp(line, "vfio-device-pt-id"))
			cdev.page_table = strtoull(value, NULL, 0);
	}
	if (file)
		fclose(file);
	list->cdev = xgrow(list->cdev, list->cdev_count, sizeof(*list->cdev));
	list->cdev[list->cdev_count++] = cdev;
}

static void add_both(unsigned int pid, unsigned int fd, const char *target,
		     void *data)
{
	add_ctx(pid, fd, target, data);
	add_cdev(pid, fd, target, data);
}

/**
 * ctx_list_all() - read the contexts of all processes that can be seen
 * @list: filled; free it with ctx_list_free()
 */
void ctx_list_all(struct ctx_list *list)
{
	*list = (struct ctx_list){ };
	list->hidden = procfs_all_descriptors(add_ctx, list);
}

/**
 * ctx_list_process() - read the contexts and the cdevs of a process
 * @list: filled; free it with ctx_list_free()
 * @word: number of the process, as a user has written it
 *
 * Return: an enum exit_code; there is a context if it is CMD_OK.
 */
int ctx_list_process(struct ctx_list *list, const char *word)
{
	struct process process;
	u64 pid;
	int rc;

	*list = (struct ctx_list){ };
	if (!number_parse(word, &pid) || pid > INT_MAX)
		return fail(CMD_USAGE,
			    "'%s' is not the number of a process; iommufd context list shows those that use /dev/iommu",
			    word);
	if (!procfs_process(pid, &process))
		return fail(CMD_FAILED,
			    "there is no process %llu; iommufd context list shows those that use /dev/iommu",
			    pid);
	rc = procfs_descriptors(pid, add_both, list);
	if (rc == -EACCES || rc == -EPERM)
		return fail(CMD_FAILED,
			    "process %llu belongs to %s and does not show what it has open; run this as that user or as root",
			    pid, user_text(process.uid).s);
	if (!list->count)
		return fail(CMD_FAILED,
			    "process %llu (%s) does not have /dev/iommu open; iommufd context list shows those that do",
			    pid, process.comm);
	return CMD_OK;
}

void ctx_list_free(struct ctx_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->ctx[i].ioas);
		free(list->ctx[i].hwpt);
		free(list->ctx[i].device);
		free(list->ctx[i].object);
		free(list->ctx[i].work);
	}
	free(list->ctx);
	free(list->cdev);
	*list = (struct ctx_list){ };
}
