/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a process can learn about itself and the kernel, and ways to become
 * somebody else: counters of /proc, the kernel log, users and limits.
 */
#ifndef SELFTEST_LIB_PROC_H
#define SELFTEST_LIB_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A line of a status file ("VmPin:"), in KiB; -1 when there is none. */
long proc_status_kb(const char *key);
long proc_pid_status_kb(pid_t pid, const char *key);
long proc_meminfo_kb(const char *key);

/* A counter of /proc/vmstat, by its name and a space; -1 if there is none. */
long proc_vmstat(const char *key);

/* Pages that are pinned, by all processes together */
long proc_pages_pinned(void);

/* The number behind @key in a file of such lines; -1 if there is none. */
long file_read_key(const char *path, const char *key);
/* One number in a file such as a sysctl; -1 when it cannot be read. */
long file_read_long(const char *path);
bool file_write(const char *path, const char *text);
bool file_write_long(const char *path, long value);

/*
 * Give up root for @uid, with no capability left, and allow @memlock bytes of
 * locked memory. There is no way back for this process.
 */
bool become_user(uid_t uid, size_t memlock);
bool set_memlock(size_t bytes);

/* Give up one capability for good, and stay the user one is. */
bool drop_capability(int cap);
/* Use one that is permitted but, as after setuid(), not in effect. */
bool raise_capability(int cap);

/*
 * Numbers of the environment, which a program in a VM gets from the kernel's
 * command line. SELFTEST_SLOWNESS: how many times slower than a stock kernel this
 * one may be; what takes long is done less often by it. SELFTEST_PATIENCE: how many
 * times slower the load makes the machine. Both are 1 if not given, and every limit
 * on time is multiplied by both. SELFTEST_RACE_SECONDS: how long the race of all
 * against all lasts, 15 if not given.
 */
unsigned int kernel_slowness(void);
unsigned int slowness(void);
unsigned int race_seconds(void);

uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

/*
 * The kernel log from now on. kmsg_wait_fault() waits for VT-d's word that
 * @write (or a read) at @iova's page was refused and returns whether it came.
 */
int kmsg_open(void);
bool kmsg_wait_fault(int kmsg, bool write, uint64_t iova, unsigned int ms);

#endif
