// SPDX-License-Identifier: GPL-2.0
/*
 * What "iommufd trace" makes of the lines of trace_pipe
 *
 * Reads the lines from the standard input and prints them as the command does;
 * with an argument as JSON. Needs no tracefs.
 */
#include "../trace.c"

int main(int argc, char **argv)
{
	struct tracer tracer = { };
	char line[1024];

	(void)argv;
	if (argc > 1)
		out_use_json(false);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (show(&tracer, line))
			return 1;
	}
	return 0;
}
