// SPDX-License-Identifier: GPL-2.0
/* iommufd trace: what happens, line by line */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "output.h"
#include "tracefs.h"

/**
 * struct tracer - what is asked for
 * @instance: of tracefs
 * @events: names with commas; NULL for all
 * @pid: a process; NULL for all
 * @failed: only calls that failed
 * @count: end after so many events; 0 for no end
 * @shown: how many were shown
 */
struct tracer {
	struct instance instance;
	const char *events;
	const char *pid;
	bool failed;
	u64 count;
	u64 shown;
};

static bool is_wanted(const char *events, const char *event)
{
	size_t length = strlen(event);

	for (const char *at = events; at && *at;) {
		size_t word = strcspn(at, ",");

		if (word == length && !strncmp(at, event, length))
			return true;
		at += word + !!at[word];
	}
	return !events;
}

/* The names that are wanted must all be there. */
static int check_events(const char *events, const struct names *there)
{
	char all[512] = "", word[64];
	size_t length = 0;

	for (size_t i = 0; i < there->count && length < sizeof(all); i++)
		length += snprintf(all + length, sizeof(all) - length, "%s%s",
				   i ? ", " : "", there->name[i]);
	for (const char *at = events; at && *at;) {
		size_t size = strcspn(at, ",");

		snprintf(word, sizeof(word), "%.*s", (int)size, at);
		if (!names_have(there, word))
			return fail(CMD_USAGE,
				    "there is no event '%s'; there are: %s",
				    word, all);
		at += size + !!at[size];
	}
	return CMD_OK;
}

static int enable_event(const struct tracer *tracer, const char *event)
{
	char file[128];
	int rc;

	if (tracer->failed) {
		/* An event without rc is one of failures. */
		snprintf(file, sizeof(file), "events/iommufd/%s/filter", event);
		instance_write(&tracer->instance, file, "rc != 0");
	}
	snprintf(file, sizeof(file), "events/iommufd/%s/enable", event);
	rc = instance_write(&tracer->instance, file, "1");
	if (rc)
		return fail(CMD_FAILED, "the event %s cannot be enabled: %s",
			    event, strerror(-rc));
	return CMD_OK;
}

static int start(const struct tracer *tracer)
{
	struct names events = { };
	int code;

	instance_events(&tracer->instance, &events);
	code = check_events(tracer->events, &events);
	if (!code && tracer->pid &&
	    instance_write(&tracer->instance, "set_event_pid", tracer->pid))
		code = fail(CMD_FAILED, "the kernel does not trace process %s",
			    tracer->pid);
	for (size_t i = 0; i < events.count && !code; i++)
		if (is_wanted(tracer->events, events.name[i]))
			code = enable_event(tracer, events.name[i]);
	names_free(&events);
	return code;
}

/* What tracefs writes of an event: "COMM-PID [CPU] FLAGS TIME: EVENT: REST" */
struct line {
	char *comm;
	u64 pid;
	char *time;
	char *event;
	char *rest;
};

/* A process may have any name, so look for the CPU from the right. */
static bool parse_owner(char *text, struct line *line)
{
	char *end = text + strlen(text), *dash;

	while (end > text && end[-1] == ' ')
		*--end = '\0';
	dash = strrchr(text, '-');
	if (!dash || !number_parse(dash + 1, &line->pid))
		return false;
	*dash = '\0';
	line->comm = text + strspn(text, " ");
	return true;
}

static char *find_cpu(char *text)
{
	char *found = NULL;
	size_t digits;

	for (char *at = text; (at = strstr(at, " [")); at += 2) {
		digits = strspn(at + 2, "0123456789");
		if (digits && !strncmp(at + 2 + digits, "] ", 2))
			found = at;
	}
	return found;
}

static bool parse(char *text, struct line *line)
{
	char *cpu = find_cpu(text), *tail;

	if (!cpu)
		return false;
	*cpu = '\0';
	if (!parse_owner(text, line))
		return false;
	tail = strchr(cpu + 2, ']') + 1;
	tail += strspn(tail, " ");
	strsep(&tail, " ");		/* flags */
	if (!tail)
		return false;
	line->time = tail + strspn(tail, " ");
	tail = strstr(line->time, ": ");
	if (!tail)
		return false;
	*tail = '\0';
	line->event = tail + 2;
	tail = strstr(line->event, ": ");
	if (!tail)
		return false;
	*tail = '\0';
	line->rest = tail + 2;
	return true;
}

static void show_fields(char *rest)
{
	char *word, *value;

	out_object("fields");
	while (out_is_json() && (word = strsep(&rest, " "))) {
		value = strchr(word, '=');
		if (!value)
			continue;
		*value++ = '\0';
		out_str(word, NULL, value);
	}
	out_close();
}

/* The name of the errno in "rc=-17", behind the fields */
static void show_text(const char *rest)
{
	const char *rc = strstr(rest, " rc=-");
	const char *name = rc ? strerrorname_np(atoi(rc + 5)) : NULL;

	out_str(NULL, "%s", rest);
	if (name)
		out_text(" (%s)", name);
	out_text("\n");
}

/*
 * A line about a CPU tells of events that were lost. The lines of events begin
 * with a space, whatever the name of the process is.
 */
static int show(struct tracer *tracer, char *text)
{
	struct line line;

	if (!strncmp(text, "CPU:", 4)) {
		warn_user("events were lost: %s", text);
		return 0;
	}
	if (!parse(text, &line))
		return 0;
	out_begin();
	out_str("time", "%s ", line.time);
	out_str("comm", "%s", line.comm);
	out_num("pid", "/%llu ", line.pid);
	out_str("event", "%s ", line.event);
	if (!out_is_json())
		show_text(line.rest);
	show_fields(line.rest);
	tracer->shown++;
	return out_end();
}

static bool is_enough(const struct tracer *tracer)
{
	return tracer->count && tracer->shown >= tracer->count;
}

/* Show the whole lines of a buffer; what is left of the last stays. */
static int show_lines(struct tracer *tracer, char *buffer, size_t *used)
{
	char *start = buffer, *end;
	int rc = 0;

	buffer[*used] = '\0';
	while (!rc && !is_enough(tracer) && (end = strchr(start, '\n'))) {
		*end = '\0';
		rc = show(tracer, start);
		start = end + 1;
	}
	*used -= start - buffer;
	memmove(buffer, start, *used);
	return rc;
}

static int follow(struct tracer *tracer, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char buffer[16384];
	size_t used = 0;
	ssize_t n;

	while (!stopped() && !is_enough(tracer)) {
		/* A signal may come just before poll(). */
		if (poll(&poll_fd, 1, 500) <= 0)
			continue;
		if (used == sizeof(buffer) - 1)
			used = 0;
		n = read(fd, buffer + used, sizeof(buffer) - 1 - used);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return fail(CMD_FAILED, "trace_pipe: %s",
				    strerror(errno));
		if (!n)
			usleep(100000);
		if (n <= 0)
			continue;
		used += n;
		if (show_lines(tracer, buffer, &used))
			return CMD_FAILED;
	}
	return CMD_OK;
}

static int run(struct tracer *tracer)
{
	int fd, code;

	code = instance_make(&tracer->instance, "trace");
	if (code)
		return code;
	code = start(tracer);
	if (!code) {
		fd = instance_open(&tracer->instance);
		if (fd < 0) {
			code = fail(CMD_FAILED, "trace_pipe: %s",
				    strerror(-fd));
		} else {
			code = follow(tracer, fd);
			close(fd);
		}
	}
	instance_remove(&tracer->instance);
	return code;
}

int cmd_trace(int argc, char **argv)
{
	static const char usage[] =
		"iommufd trace [--pid PID] [--event NAME,...] [--failed] [--count N]";
	struct tracer tracer = { };
	const char *count = NULL;
	u64 pid;
	int rc;

	tracer.failed = arg_flag(&argc, argv, "--failed");
	rc = arg_value(&argc, argv, "--event", &tracer.events);
	if (!rc)
		rc = arg_value(&argc, argv, "--pid", &tracer.pid);
	if (!rc)
		rc = arg_value(&argc, argv, "--count", &count);
	if (!rc)
		rc = arg_done(argc, argv, 0, 0, usage);
	if (rc)
		return rc;
	if (tracer.pid && !number_parse(tracer.pid, &pid))
		return fail(CMD_USAGE, "'%s' is not the number of a process",
			    tracer.pid);
	if (count && !number_parse(count, &tracer.count))
		return fail(CMD_USAGE, "'%s' is not a number of events", count);
	stop_on_signals();
	return run(&tracer);
}
