// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "proc.h"

#define AFTER_EXEC "SELFTEST_AFTER_EXEC"

/* In the child: its ends of the two pipes */
static int child_report_fd = -1;
static int child_leash_fd = -1;

static void child_report_and_stay(int result)
{
	char byte;

	if (write(child_report_fd, &result, sizeof(result)) == sizeof(result))
		while (read(child_leash_fd, &byte, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

/* child_exec() continues here, before main(), which is not called. */
static void __attribute__((constructor)) child_after_exec(void)
{
	const char *env = getenv(AFTER_EXEC);
	int result;

	if (!env)
		return;
	if (sscanf(env, "%d %d %d", &result, &child_report_fd,
		   &child_leash_fd) == 3)
		child_report_and_stay(result);
	_exit(1);
}

int child_exec(int result)
{
	char env[80];

	snprintf(env, sizeof(env), "%d %d %d", result, child_report_fd,
		 child_leash_fd);
	setenv(AFTER_EXEC, env, true);
	fcntl(child_report_fd, F_SETFD, 0);
	fcntl(child_leash_fd, F_SETFD, 0);
	execl("/proc/self/exe", "child", NULL);
	return -1;
}

bool child_start(struct child *child, int (*fn)(void *arg), void *arg)
{
	int report[2], leash[2];

	if (pipe2(report, O_CLOEXEC))
		return false;
	if (pipe2(leash, O_CLOEXEC)) {
		close(report[0]);
		close(report[1]);
		return false;
	}
	child->report = report[0];
	child->leash = leash[1];
	child->pid = fork();
	if (!child->pid) {
		close(report[0]);
		close(leash[1]);
		child_report_fd = report[1];
		child_leash_fd = leash[0];
		child_report_and_stay(fn(arg));
	}
	close(report[1]);
	close(leash[0]);
	return child->pid > 0;
}

int child_result(struct child *child)
{
	int result;

	if (read(child->report, &result, sizeof(result)) != sizeof(result))
		return -1;
	return result;
}

void child_end(struct child *child)
{
	close(child->leash);
	close(child->report);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void child_kill(struct child *child)
{
	kill(child->pid, SIGKILL);
	child_end(child);
}

int child_run(int (*fn)(void *arg), void *arg)
{
	struct child child;
	int result;

	if (!child_start(&child, fn, arg))
		return -1;
	result = child_result(&child);
	child_end(&child);
	return result;
}

int child_ended(pid_t pid, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	int status;

	do {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
		sleep_ms(10);
	} while (now_ms() < end);
	return -1;
}
