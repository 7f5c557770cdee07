/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of /proc, the kernel log, and functions that change the user, the
 * capabilities and the limits of the process.
 */
#ifndef SELFTEST_LIB_PROC_H
#define SELFTEST_LIB_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A line of a status file ("VmPin:"), in KiB; -1 if there is none */
long proc_status_kb(const char *key);
long proc_pid_status_kb(pid_t pid, const char *key);
long proc_meminfo_kb(const char *key);

/* A counter of /proc/vmstat; @key is its name and a space. -1 if there is none */
long proc_vmstat(const char *key);

/* Is the running kernel older than @major.@minor? */
bool kernel_older_than(unsigned int major, unsigned int minor);

/* The number of pinned pages, of all processes */
long proc_pages_pinned(void);

/* The number after @key in the first line that begins with @key; -1 if none */
long file_read_key(const char *path, const char *key);
/* The number in a file such as a sysctl; -1 if it cannot be read */
long file_read_long(const char *path);
bool file_write(const char *path, const char *text);
bool file_write_long(const char *path, long value);

/*
 * Change from root to @uid, without capabilities, with a limit of @memlock
 * bytes of locked memory. The process cannot become root again.
 */
bool become_user(uid_t uid, size_t memlock);
bool set_memlock(size_t bytes);

/* Drop one capability for good; the user does not change. */
bool drop_capability(int cap);
/* Make a permitted capability effective again, such as after setuid(). */
bool raise_capability(int cap);

/*
 * Numbers from the environment; in a VM they come from the kernel's command
 * line. SELFTEST_SLOWNESS: how many times slower this kernel is than a stock
 * kernel. Tests that take long repeat less often on a slow kernel.
 * SELFTEST_PATIENCE: how many times slower the load makes the machine. Both
 * default to 1, and every time limit is multiplied by both.
 * SELFTEST_RACE_SECONDS: how long the race of all operations lasts; by default
 * 15.
 */
unsigned int kernel_slowness(void);
unsigned int slowness(void);
unsigned int race_seconds(void);

uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

/*
 * The kernel log, from now on. kmsg_wait() waits up to @ms for a line that has
 * all @texts, a list that ends with NULL; false if there was none.
 * kmsg_wait_fault() waits for VT-d to log that a write (or a read) to the page
 * of @iova was blocked.
 */
int kmsg_open(void);
bool kmsg_wait(int kmsg, const char * const *texts, unsigned int ms);
bool kmsg_wait_fault(int kmsg, bool write, uint64_t iova, unsigned int ms);

#endif
