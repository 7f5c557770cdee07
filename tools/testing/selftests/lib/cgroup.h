/* SPDX-License-Identifier: GPL-2.0 */
/* A cgroup (v2) for one test, below the root of the hierarchy. */
#ifndef SELFTEST_LIB_CGROUP_H
#define SELFTEST_LIB_CGROUP_H

#include <stdbool.h>

/*
 * Mount the hierarchy and create the cgroup. Returns NULL, or a description of
 * what the kernel lacks.
 */
const char *cgroup_setup(void);
/* The cgroup must be empty. */
void cgroup_remove(void);
/* Move the calling process to the cgroup. */
bool cgroup_enter(void);

/* Files of the cgroup */
bool cgroup_write(const char *file, const char *text);
long cgroup_read(const char *file, const char *key);

/*
 * CPU time in microseconds: of the cgroup, and of all tasks of the machine (-1
 * if the kernel does not have it). Both come from the scheduler. A count of
 * clock ticks would be much too low on a guest that loses ticks.
 */
long cgroup_cpu_us(void);
long machine_cpu_us(void);

#endif
