/* SPDX-License-Identifier: GPL-2.0 */
/* A control group (v2) for one test, below the root of the hierarchy. */
#ifndef SELFTEST_LIB_CGROUP_H
#define SELFTEST_LIB_CGROUP_H

#include <stdbool.h>

/* Mount, make the group. Returns NULL, or what the kernel lacks. */
const char *cgroup_setup(void);
/* The group must be empty. */
void cgroup_remove(void);
/* The calling process joins the group. */
bool cgroup_enter(void);

/* Files of the group. */
bool cgroup_write(const char *file, const char *text);
long cgroup_read(const char *file, const char *key);

/*
 * CPU time in microseconds: of the group, and of all tasks of the machine (-1 if
 * the kernel does not tell). Both come from the scheduler; what clock ticks count
 * is much too little on a guest that loses some.
 */
long cgroup_cpu_us(void);
long machine_cpu_us(void);

#endif
