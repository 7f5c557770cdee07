// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's tracepoints, in an instance of the tool's own
 *
 * An instance has its own buffers and switches, so that the tool disturbs no
 * other user of the tracepoints. It is removed at the end, also by a signal;
 * one of a tool that was killed is removed by the next.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "sysfs.h"
#include "tracefs.h"

#define PREFIX	"iommufd-tool-"

static volatile sig_atomic_t got_signal;

static void note_signal(int number)
{
	(void)number;
	got_signal = 1;
}

/* Let signals that end the tool end it at the next stopped(). */
void stop_on_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note_signal };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaction(ends[i], &action, NULL);
	/* A reader that has gone shows as an error of the output. */
	signal(SIGPIPE, SIG_IGN);
}

bool stopped(void)
{
	return got_signal;
}

static const char *top_directory(void)
{
	return sysfs_exists("/sys/kernel/tracing/instances") ?
		       "/sys/kernel/tracing" :
		       "/sys/kernel/debug/tracing";
}

/* The name of an instance ends with the process that it is of. */
static void remove_old(const char *top)
{
	struct names names = { };

	sysfs_list(&names, "%s/instances", top);
	for (size_t i = 0; i < names.count; i++) {
		const char *dash = strrchr(names.name[i], '-');
		u64 pid;

		if (!strncmp(names.name[i], PREFIX, strlen(PREFIX)) && dash &&
		    number_parse(dash + 1, &pid) &&
		    !sysfs_exists("/proc/%llu", pid))
			sysfs_remove("%s/instances/%s", top, names.name[i]);
	}
	names_free(&names);
}

static int explain(int rc, const char *top)
{
	if (rc == -EACCES || rc == -EPERM)
		return fail(CMD_FAILED,
			    "only root may use tracepoints; run this with sudo");
	if (rc == -ENOENT)
		return fail(CMD_FAILED,
			    "there is no %s; mount it (mount -t tracefs none /sys/kernel/tracing)",
			    top);
	return fail(CMD_FAILED, "%s/instances: %s", top, strerror(-rc));
}

/**
 * instance_make() - make an instance
 * @instance: filled; free it with instance_remove()
 * @purpose: becomes part of its name
 *
 * Return: an enum exit_code.
 */
int instance_make(struct instance *instance, const char *purpose)
{
	const char *top = top_directory();
	int rc;

	remove_old(top);
	snprintf(instance->path, sizeof(instance->path),
		 "%s/instances/" PREFIX "%s-%d", top, purpose, getpid());
	rc = sysfs_make("%s", instance->path);
	if (rc)
		return explain(rc, top);
	if (sysfs_exists("%s/events/iommufd", instance->path))
		return CMD_OK;
	instance_remove(instance);
	return fail(CMD_FAILED,
		    "the kernel has no tracepoints of iommufd; load an iommufd that has them (modprobe iommufd)");
}

void instance_remove(const struct instance *instance)
{
	int rc = sysfs_remove("%s", instance->path);

	if (rc)
		warn_user("%s stays: %s", instance->path, strerror(-rc));
}

/* The tracepoints of iommufd */
int instance_events(const struct instance *instance, struct names *events)
{
	struct names all = { };
	int rc = sysfs_list(&all, "%s/events/iommufd", instance->path);

	for (size_t i = 0; i < all.count; i++)
		if (sysfs_exists("%s/events/iommufd/%s/enable", instance->path,
				 all.name[i]))
			names_add(events, "%s", all.name[i]);
	names_free(&all);
	return rc;
}

int instance_write(const struct instance *instance, const char *file,
		   const char *value)
{
	return sysfs_write(value, "%s/%s", instance->path, file);
}

/* Open the pipe that gives each event once. Return: a descriptor or -errno. */
int instance_open(const struct instance *instance)
{
	FILE *file = sysfs_open("%s/trace_pipe", instance->path);
	int fd;

	if (!file)
		return -errno;
	fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	fclose(file);
	return fd;
}

/* How often an event has happened, by its histogram; UNKNOWN without one */
u64 instance_hits(const struct instance *instance, const char *event)
{
	FILE *file = sysfs_open("%s/events/%s/hist", instance->path, event);
	u64 hits = UNKNOWN;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		sscanf(line, " Hits: %llu", &hits);
	if (file)
		fclose(file);
	return hits;
}
