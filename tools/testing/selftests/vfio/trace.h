/* SPDX-License-Identifier: GPL-2.0 */
/* The function tracers of the kernel, and who else uses ftrace */
#ifndef SELFTEST_VFIO_TRACE_H
#define SELFTEST_VFIO_TRACE_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>

#include "common.h"

#define TRACING		"/sys/kernel/tracing/"

static inline void tracefs_mount(void)
{
	if (access(TRACING "trace", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
}

/* How many lines of @path have @text, without comments; -1: not known */
static inline int trace_lines(const char *path, const char *text)
{
	char line[512];
	int n = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		n += line[0] != '#' && strstr(line, text);
	fclose(f);
	return n;
}

static inline bool trace_is_possible(void)
{
	return !access(TRACING "set_ftrace_filter", W_OK);
}

/* Trace the functions of @patterns, each with a space at its end, up to NULL. */
static inline bool trace_start(const char *tracer, const char *const *patterns)
{
	int fd = open(TRACING "set_ftrace_filter",
		      O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool ok = fd >= 0;

	/* One call of write() for each pattern */
	for (; ok && *patterns; patterns++)
		ok = write(fd, *patterns, strlen(*patterns)) > 0;
	if (fd >= 0)
		close(fd);
	return ok && file_write(TRACING "current_tracer", tracer);
}

static inline bool trace_end(void)
{
	return file_write(TRACING "current_tracer", "nop") &&
	       file_write(TRACING "set_ftrace_filter", " ");
}

#define test_trace(_pattern)						\
	do {								\
		static const char *const __patterns[] = { _pattern " ",	\
							  NULL };	\
									\
		if (!trace_is_possible())				\
			SKIP(_exit(KSFT_SKIP),				\
			     "the kernel has no function tracer");	\
		ASSERT_TRUE(trace_start("function", __patterns));	\
	} while (0)

#define test_trace_end() ASSERT_TRUE(trace_end())

#endif
