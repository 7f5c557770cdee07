/* SPDX-License-Identifier: GPL-2.0 */
/* Processes and what they have open */
#ifndef IOMMUFD_TOOL_PROCFS_H
#define IOMMUFD_TOOL_PROCFS_H

#include "names.h"

/**
 * struct process - what /proc tells of a process
 * @pid: its number
 * @comm: its name
 * @uid: its user
 * @memlock: its soft limit of locked memory in bytes; UNKNOWN if it has none
 */
struct process {
	unsigned int pid;
	char comm[64];
	unsigned int uid;
	u64 memlock;
};

bool procfs_process(unsigned int pid, struct process *process);

/**
 * typedef procfs_visit - called for each descriptor
 * @pid: whose it is
 * @fd: its number
 * @target: what it is of
 * @data: of the caller
 */
typedef void procfs_visit(unsigned int pid, unsigned int fd, const char *target,
			  void *data);

bool procfs_is_node(unsigned int pid, unsigned int fd, const char *target,
		    const char *path);
int procfs_descriptors(unsigned int pid, procfs_visit *visit, void *data);
unsigned int procfs_all_descriptors(procfs_visit *visit, void *data);
void procfs_openers(const char *path, struct names *openers);

#endif
