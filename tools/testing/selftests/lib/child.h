/* SPDX-License-Identifier: GPL-2.0 */
/* A child process that calls a function, reports its result and stays alive */
#ifndef SELFTEST_LIB_CHILD_H
#define SELFTEST_LIB_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;
	int report;	/* to read the child's result from */
	int leash;	/* the child exits when this is closed */
};

/* Fork; the child calls @fn(@arg). Returns false if that fails. */
bool child_start(struct child *child, int (*fn)(void *arg), void *arg);
/* Wait for the result of @fn; -1 if the child died first. */
int child_result(struct child *child);
/* Let the child exit, or kill it, and wait for its exit. */
void child_end(struct child *child);
void child_kill(struct child *child);

/* child_start(), child_result() and child_end() */
int child_run(int (*fn)(void *arg), void *arg);

/*
 * Wait up to @ms for the exit of a child of fork(). Returns its exit code, 128
 * if it was killed, -1 if it still runs.
 */
int child_ended(pid_t pid, unsigned int ms);

/*
 * To be called by @fn: exec the program again in the same process. The new
 * image reports @result in place of @fn. Does not return on success.
 */
int child_exec(int result);

#endif
