// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module.h"
#include "proc.h"

/* A line of /proc/modules: name, size, references, users as "a,b," or "-" */
static bool module_users(const char *name, char users[384])
{
	char line[512], found[64] = "";
	FILE *f;

	f = fopen("/proc/modules", "re");
	if (!f)
		return false;
	while (strcmp(found, name) && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %*u %*d %383s", found, users) != 2)
			found[0] = '\0';
	}
	fclose(f);
	return !strcmp(found, name);
}

int modules_index(const struct modules *modules, const char *name)
{
	for (int i = 0; i < modules->num; i++) {
		if (!strcmp(modules->name[i], name))
			return i;
	}
	return -1;
}

void modules_drop(struct modules *modules, const char *name)
{
	int i = modules_index(modules, name);

	if (i < 0)
		return;
	modules->num--;
	memmove(modules->name[i], modules->name[i + 1],
		(modules->num - i) * sizeof(modules->name[0]));
}

/* Put a module at the end of the list, and after it all its users. */
static bool modules_add(struct modules *modules, const char *name)
{
	char users[384], *user, *rest;

	if (!module_users(name, users))
		return false;
	modules_drop(modules, name);
	if (modules->num == MAX_MODULES)
		return false;
	snprintf(modules->name[modules->num++], sizeof(modules->name[0]),
		 "%.63s", name);
	for (user = strtok_r(users, ",-", &rest); user;
	     user = strtok_r(NULL, ",-", &rest)) {
		if (!modules_add(modules, user))
			return false;
	}
	return true;
}

bool modules_find(struct modules *modules)
{
	modules->num = 0;
	return modules_add(modules, "iommufd");
}

/* The file may have a dash where the name has an underscore. */
int module_open(const char *name)
{
	char path[PATH_MAX], *c;
	struct utsname uts;
	int fd;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/%s.ko",
		 uts.release, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (c = strrchr(path, '/'); fd < 0 && *c; c++) {
		if (*c == '_')
			*c = '-';
	}
	return fd < 0 ? open(path, O_RDONLY | O_CLOEXEC) : fd;
}

int module_load(const char *name)
{
	int fd = module_open(name), rc;

	if (fd < 0)
		return errno;
	rc = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return rc;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

int module_unload_wait(const char *name, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	int rc;

	do
		rc = module_unload(name);
	while (rc == EWOULDBLOCK && now_ms() < end);
	return rc;
}

int modules_unload_after(const struct modules *modules, int keep)
{
	int rc = 0;

	for (int i = modules->num - 1; !rc && i >= keep; i--)
		rc = module_unload(modules->name[i]);
	return rc;
}

int modules_unload(const struct modules *modules)
{
	return modules_unload_after(modules, 0);
}

int modules_load(const struct modules *modules)
{
	int rc = 0;

	for (int i = 0; !rc && i < modules->num; i++) {
		rc = module_load(modules->name[i]);
		if (rc == EEXIST)
			rc = 0;
	}
	return rc;
}

bool module_exists(const char *name)
{
	int fd = module_open(name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool module_is_loaded(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/* Threads of the caller may have BARs mapped: no copy of them is made. */
bool module_probe(const char *name)
{
	char *const argv[] = { "modprobe", "-q", (char *)name, NULL };
	int status = -1;
	pid_t pid;

	return !posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) &&
	       waitpid(pid, &status, 0) == pid && !status;
}
