// SPDX-License-Identifier: GPL-2.0
/* Programs of the system that the tool starts */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"
#include "util.h"

/**
 * run_program() - run a program without a shell, and wait for it
 * @argv: its name, looked up in PATH, and its arguments
 *
 * Return: its exit code; 127 if it cannot be run, 128 if a signal ended it.
 */
int run_program(char *const argv[])
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return fail(127, "%s: %s", argv[0], strerror(errno));
	if (!pid) {
		execvp(argv[0], argv);
		_exit(fail(127, "%s: %s", argv[0], strerror(errno)));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
