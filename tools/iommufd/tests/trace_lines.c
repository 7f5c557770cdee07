// SPDX-License-Identifier: GPL-2.0
/*
 * What "iommufd trace" makes of the lines of trace_pipe
 *
 * Reads the lines from the standard input and prints them as the command does;
 * with the argument json as JSON. Needs no tracefs.
 *
 * With the argument follow it waits for them as the command does, and a signal
 * comes at the worst time: after the tool has looked for one, before it waits.
 */
#include <poll.h>
#include <signal.h>

static int poll_late(struct pollfd *fds, nfds_t count, int timeout)
{
	raise(SIGTERM);
	return poll(fds, count, timeout);
}

#define poll poll_late
#include "../trace.c"

int main(int argc, char **argv)
{
	struct tracer tracer = { };
	char line[1024];

	if (argc > 1 && !strcmp(argv[1], "follow")) {
		stop_on_signals();
		return follow(&tracer, STDIN_FILENO);
	}
	if (argc > 1)
		out_use_json(false);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (show(&tracer, line))
			return 1;
	}
	return 0;
}
