// SPDX-License-Identifier: GPL-2.0
/* Processes and what they have open */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "procfs.h"
#include "sysfs.h"

static u64 read_memlock(unsigned int pid)
{
	FILE *file = sysfs_open("/proc/%u/limits", pid);
	u64 limit = UNKNOWN;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Max locked memory %llu", &limit) == 1)
			break;
	if (file)
		fclose(file);
	return limit;
}

/**
 * procfs_process() - read what /proc tells of a process
 * @pid: its number
 * @process: filled
 *
 * Return: is there such a process?
 */
bool procfs_process(unsigned int pid, struct process *process)
{
	FILE *file = sysfs_open("/proc/%u/status", pid);
	char line[256];

	*process = (struct process){ .pid = pid };
	if (!file)
		return false;
	sysfs_text(process->comm, sizeof(process->comm), "/proc/%u/comm", pid);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Uid: %u", &process->uid) == 1)
			break;
	fclose(file);
	process->memlock = read_memlock(pid);
	return true;
}

/**
 * procfs_descriptors() - visit the descriptors of a process
 * @pid: its number
 * @visit: called for each
 * @data: for the visitor
 *
 * Return: 0, or a negative errno if they cannot be seen.
 */
int procfs_descriptors(unsigned int pid, procfs_visit *visit, void *data)
{
	struct names fds = { };
	char target[PATH_MAX];
	int rc;

	rc = sysfs_list(&fds, "/proc/%u/fd", pid);
	for (size_t i = 0; i < fds.count; i++) {
		u64 fd;

		if (number_parse(fds.name[i], &fd) &&
		    !sysfs_target(target, sizeof(target), "/proc/%u/fd/%llu",
				  pid, fd))
			visit(pid, fd, target, data);
	}
	names_free(&fds);
	return rc;
}

/**
 * procfs_all_descriptors() - visit the descriptors of every process
 * @visit: called for each
 * @data: for the visitor
 *
 * Return: how many processes do not let this one see theirs.
 */
unsigned int procfs_all_descriptors(procfs_visit *visit, void *data)
{
	struct names pids = { };
	unsigned int hidden = 0;

	sysfs_list(&pids, "/proc");
	for (size_t i = 0; i < pids.count; i++) {
		u64 pid;

		if (number_parse(pids.name[i], &pid) &&
		    procfs_descriptors(pid, visit, data) == -EACCES)
			hidden++;
	}
	names_free(&pids);
	return hidden;
}

/**
 * procfs_is_node() - is a descriptor of a device node?
 * @pid: whose it is
 * @fd: its number
 * @target: what it is of, as procfs_visit() has it
 * @path: the node
 *
 * A node that was removed has " (deleted)" behind its name, and one of a
 * container has another path; the number of the device is the same.
 */
bool procfs_is_node(unsigned int pid, unsigned int fd, const char *target,
		    const char *path)
{
	size_t length = strlen(path);
	struct stat node, open;

	if (!strncmp(target, path, length) &&
	    (!target[length] || !strcmp(target + length, " (deleted)")))
		return true;
	/* Files elsewhere may be on a server that does not answer. */
	return sysfs_live() && strstr(target, "/dev/") &&
	       !sysfs_stat(&node, "%s", path) &&
	       !sysfs_stat(&open, "/proc/%u/fd/%u", pid, fd) &&
	       S_ISCHR(node.st_mode) && S_ISCHR(open.st_mode) &&
	       node.st_rdev == open.st_rdev;
}

/* What procfs_openers() looks for, and what it finds */
struct search {
	const char *path;
	struct names *openers;
};

static void compare_target(unsigned int pid, unsigned int fd,
			   const char *target, void *data)
{
	struct search *search = data;
	struct process process;
	char opener[256];

	if (!procfs_is_node(pid, fd, target, search->path) ||
	    !procfs_process(pid, &process))
		return;
	snprintf(opener, sizeof(opener), "process %u (%s) has %s open", pid,
		 process.comm, search->path);
	if (!names_have(search->openers, opener))
		names_add(search->openers, "%s", opener);
}

/**
 * procfs_openers() - find the processes that have a file open
 * @path: the file
 * @openers: gets a clause for each process
 */
void procfs_openers(const char *path, struct names *openers)
{
	struct search search = { .path = path, .openers = openers };

	procfs_all_descriptors(compare_target, &search);
}
