// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "proc.h"

#define ROOT	"/tmp/cgroup"
#define GROUP	ROOT "/test"

const char *cgroup_setup(void)
{
	mkdir(ROOT, 0755);
	if (access(ROOT "/cgroup.procs", F_OK) &&
	    mount("cgroup", ROOT, "cgroup2", 0, NULL))
		return "no cgroup v2";
	if (!file_write(ROOT "/cgroup.subtree_control", "+cpu"))
		return "no cpu controller of cgroup v2";
	if (!file_write(ROOT "/cgroup.subtree_control", "+memory"))
		return "no memory controller of cgroup v2";
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		return "no cgroup can be created";
	return NULL;
}

void cgroup_remove(void)
{
	/* The charge of the cgroup ends a little after its process. */
	for (int i = 0; i < 100 && rmdir(GROUP) && errno == EBUSY; i++)
		sleep_ms(10);
}

bool cgroup_enter(void)
{
	return cgroup_write("cgroup.procs", "0");
}

bool cgroup_write(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	return file_write(path, text);
}

long cgroup_read(const char *file, const char *key)
{
	char path[128];

	snprintf(path, sizeof(path), GROUP "/%s", file);
	return file_read_key(path, key);
}

long cgroup_cpu_us(void)
{
	return cgroup_read("cpu.stat", "usage_usec ");
}

long machine_cpu_us(void)
{
	unsigned long ns, sum = 0;
	FILE *f = fopen("/proc/schedstat", "re");
	char line[512];

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "cpu%*u %*u %*u %*u %*u %*u %*u %lu", &ns) == 1)
			sum += ns;
	}
	fclose(f);
	return sum / 1000;
}
