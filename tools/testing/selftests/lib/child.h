/* SPDX-License-Identifier: GPL-2.0 */
/* A second process that does one thing, says how it went, and stays. */
#ifndef SELFTEST_LIB_CHILD_H
#define SELFTEST_LIB_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int report;	/* the child's result comes here */
	int leash;	/* the child ends when this is closed */
};

/* Fork; the child calls @fn(@arg). Returns false when that is impossible. */
bool child_start(struct child *child, int (*fn)(void *arg), void *arg);
/* What @fn returned, -1 if the child died first. The child stays. */
int child_result(struct child *child);
/* Let the child exit, or kill it, and wait until it is gone. */
void child_end(struct child *child);
void child_kill(struct child *child);

/* Start, result and end in one. */
int child_run(int (*fn)(void *arg), void *arg);

/*
 * Wait so long for the end of a process that fork() made. Returns its exit code, 128
 * if it was killed, -1 if it still runs.
 */
int child_ended(pid_t pid, unsigned int ms);

/*
 * For @fn: become another program image of the same process, which reports
 * @result in its place. Does not return on success.
 */
int child_exec(int result);

#endif
