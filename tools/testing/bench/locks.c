// SPDX-License-Identifier: GPL-2.0
/*
 * Which locks an operation takes, and when. Probes at the kernel's lock functions write
 * events with the TSC. An event costs instructions itself, always the same number, which
 * the caller finds out by timing the operation without probes as well.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bench.h"

#define TRACING		"/sys/kernel/tracing/"
#define NEEDED		"mutex_lock,mutex_unlock,_raw_spin_lock,_raw_spin_unlock"

/* Those that only one thread has at a time. Not every kernel has each of them. */
static const char *const acquire[] = {
	"mutex_lock", "mutex_lock_interruptible", "mutex_lock_killable", "mutex_trylock",
	"_raw_spin_lock", "_raw_spin_lock_bh", "_raw_spin_lock_irq", "_raw_spin_lock_irqsave",
	"_raw_spin_trylock", "_raw_write_lock", "_raw_write_lock_irq",
	"_raw_write_lock_irqsave", "down_write", "down_write_killable",
};
static const char *const release[] = {
	"mutex_unlock", "_raw_spin_unlock", "_raw_spin_unlock_bh", "_raw_spin_unlock_irq",
	"_raw_spin_unlock_irqrestore", "_raw_write_unlock", "_raw_write_unlock_irq",
	"_raw_write_unlock_irqrestore", "up_write",
};

static void add_probes(const char *event, const char *const *functions, size_t nr)
{
	int fd = open(TRACING "kprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	char text[160];

	if (fd < 0)
		err(1, TRACING "kprobe_events");
	for (size_t i = 0; i < nr; i++) {
		snprintf(text, sizeof(text), "p:bench/%s%zu %s lock=%%di caller=+0(%%sp):symbol\n",
			 event, i, functions[i]);
		if (write(fd, text, strlen(text)) < 0 &&
		    (is_listed(NEEDED, functions[i]) || (errno != ENOENT && errno != EINVAL)))
			err(1, "probe at %s", functions[i]);
	}
	close(fd);
}

/* Mount tracefs and prepare the probes. They do nothing before locks_trace(true). */
void locks_setup(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	if (mount("tracefs", TRACING, "tracefs", 0, NULL) && errno != EBUSY)
		err(1, "tracefs");
	write_file(TRACING "trace_clock", "x86-tsc");
	write_file(TRACING "buffer_size_kb", "16384");
	add_probes("acquire", acquire, ARRAY_SIZE(acquire));
	add_probes("release", release, ARRAY_SIZE(release));
}

/* Opening the file so discards the events of before. */
static void clear_trace(void)
{
	int fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		err(1, TRACING "trace");
	close(fd);
}

/* Turn the probes on, without the events of before; or turn them off. */
void locks_trace(bool on)
{
	if (on)
		clear_trace();
	write_file(TRACING "events/bench/enable", on ? "1" : "0");
}

/*
 * Parse "COMM-PID [CPU] FLAGS TIME: EVENT: (FUNCTION) lock=LOCK caller=CALLER+OFFSET".
 * The third flag tells whether an interrupt was being handled.
 */
static bool parse_event(const char *line, struct lock_event *event)
{
	const char *cpu = strchr(line, '['), *task;
	char flags[16], name[32], pid[32];

	snprintf(pid, sizeof(pid), "-%d ", getpid());
	task = strstr(line, pid);
	if (!task || !cpu || task > cpu ||
	    sscanf(cpu, "[%*u] %15s %lu: %31s (%*[^)]) lock=%lx caller=%47[^+ ]", flags,
		   &event->time, name, &event->lock, event->caller) != 5)
		return false;
	event->release = !strncmp(name, "release", strlen("release"));
	return flags[2] == '.';
}

/* Read the events of this thread, but for interrupts. The caller frees them. */
struct lock_event *locks_read(size_t *nr)
{
	struct lock_event *events = NULL;
	size_t room = 0;
	char line[512];
	FILE *f = fopen(TRACING "trace", "re");

	if (!f)
		err(1, TRACING "trace");
	*nr = 0;
	while (fgets(line, sizeof(line), f)) {
		if (*nr == room) {
			room += 4096;
			events = realloc(events, room * sizeof(*events));
			if (!events)
				err(1, "realloc");
		}
		if (parse_event(line, &events[*nr]))
			++*nr;
	}
	fclose(f);
	return events;
}
