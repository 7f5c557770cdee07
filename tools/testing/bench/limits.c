// SPDX-License-Identifier: GPL-2.0
/*
 * Wall time of mapping untouched memory under the limits of a process: CPUs and
 * control groups, and how long a process lives after SIGKILL meanwhile.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ROOT	"/tmp/cgroup"
#define GROUP	ROOT "/bench"
#define LENGTH	(256 * MIB)

/**
 * struct limit - a limit of the process that maps
 * @name: its name in the row
 * @file: file of the control group, or NULL
 * @value: what is written there
 * @cpus: number of CPUs to run on, the first ones; 0 for all
 * @killed: SIGKILL ends the MAP; the test sends it, or the kernel for lack of memory
 */
struct limit {
	const char *name;
	const char *file;
	const char *value;
	unsigned int cpus;
	bool killed;
};

static const struct limit limits[] = {
	{ "in a cgroup", NULL, NULL, 0, false },
	{ "on one CPU", NULL, NULL, 1, false },
	{ "cpu.max 20 %", "cpu.max", "20000 100000", 0, false },
	{ "memory.high above", "memory.high", "2G", 0, false },
	{ "memory.max above", "memory.max", "2G", 0, false },
	{ "memory.max just above", "memory.max", "290M", 0, false },
	{ "no limit", NULL, NULL, 0, true },
	{ "cpu.max 20 %", "cpu.max", "20000 100000", 0, true },
	{ "memory.high met", "memory.high", "64M", 0, true },
	{ "memory.max met", "memory.max", "64M", 0, true },
};

static void group_create(const struct limit *limit)
{
	char path[128];

	if (mkdir(GROUP, 0755))
		err(1, GROUP);
	if (!limit->file)
		return;
	snprintf(path, sizeof(path), GROUP "/%s", limit->file);
	write_file(path, limit->value);
}

/* A group can be removed after its last process has exited. */
static void group_destroy(void)
{
	while (rmdir(GROUP)) {
		if (errno != EBUSY)
			err(1, GROUP);
		usleep(1000);
	}
}

static void run_on_cpus(unsigned int nr)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (unsigned int cpu = 0; cpu < nr; cpu++)
		CPU_SET(cpu, &cpus);
	if (nr && sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "sched_setaffinity");
}

/* In a child: map, and report how long that took. */
static void map_limited(const struct engine *engine, const struct limit *limit, int report)
{
	void *va = memory_create(&untouched_4k, LENGTH);
	uint64_t start, used;

	write_file(GROUP "/cgroup.procs", "0");
	run_on_cpus(limit->cpus);
	start = now();
	engine->map(va, LENGTH, IOVA_BASE);
	used = now() - start;
	engine->unmap(IOVA_BASE, LENGTH);
	if (write(report, &used, sizeof(used)) != sizeof(used))
		err(1, "write");
	_exit(0);
}

static pid_t start_child(const struct engine *engine, const struct limit *limit, int report)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid)
		map_limited(engine, limit, report);
	return pid;
}

static uint64_t wait_child(pid_t pid)
{
	uint64_t start = now();

	if (waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
	return now() - start;
}

/* From SIGKILL to exit. The kernel sends the signal where memory.max is met. */
static double time_death(pid_t pid)
{
	for (int ms = 0; ms < 200; ms++) {
		if (read_counter(GROUP "/memory.events", "oom_kill"))
			break;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	return wait_child(pid) / 1e6;
}

static void bench_limit(const struct engine *engine, const struct limit *limit)
{
	uint64_t used = 0;
	int report[2];
	pid_t pid;

	group_create(limit);
	if (pipe(report))
		err(1, "pipe");
	pid = start_child(engine, limit, report[1]);
	close(report[1]);
	if (limit->killed) {
		record("SIGKILL to death,", limit->name, "ms", engine->name, time_death(pid));
		record("OOM events,", limit->name, "events", engine->name,
		       read_counter(GROUP "/memory.events", "oom"));
	} else if (read(report[0], &used, sizeof(used)) == sizeof(used)) {
		record("map untouched 4K,", limit->name, "ms", engine->name, used / 1e6);
		wait_child(pid);
	} else {
		errx(1, "%s: %s did not map", limit->name, engine->name);
	}
	close(report[0]);
	group_destroy();
}

/**
 * bench_limits() - rows of limited processes
 *
 * Only type1 and iommufd are compared.
 */
void bench_limits(void)
{
	mkdir(ROOT, 0755);
	if (mount("cgroup", ROOT, "cgroup2", 0, NULL))
		err(1, "cgroup2");
	write_file(ROOT "/cgroup.subtree_control", "+cpu +memory");
	for (int i = 0; i < 5; i++) {
		for (size_t l = 0; l < ARRAY_SIZE(limits); l++) {
			for (size_t e = 0; e < nr_engines; e++) {
				if (engines[e] != &floor_engine)
					bench_limit(engines[e], &limits[l]);
			}
		}
	}
}

/**
 * bench_nodes() - rows of a machine with two memory nodes
 * @large: bytes of one large mapping
 *
 * The program stays on the two CPUs of the first node.
 */
void bench_nodes(size_t large)
{
	sleep(5);	/* until the background work of the boot has ended */
	run_on_cpus(2);
	bench_untouched_rows("map, two nodes,", large);
}
