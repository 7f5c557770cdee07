// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"

long file_read_key(const char *path, const char *key)
{
	size_t len = strlen(key);
	char line[256];
	long value = -1;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, len))
			continue;
		value = strtol(line + len, NULL, 10);
		break;
	}
	fclose(f);
	return value;
}

long proc_status_kb(const char *key)
{
	return file_read_key("/proc/self/status", key);
}

long proc_pid_status_kb(pid_t pid, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return file_read_key(path, key);
}

long proc_meminfo_kb(const char *key)
{
	return file_read_key("/proc/meminfo", key);
}

long proc_vmstat(const char *key)
{
	return file_read_key("/proc/vmstat", key);
}

bool kernel_older_than(unsigned int major, unsigned int minor)
{
	unsigned int is_major, is_minor;
	struct utsname uts;

	if (uname(&uts) ||
	    sscanf(uts.release, "%u.%u", &is_major, &is_minor) != 2)
		return false;
	return is_major < major || (is_major == major && is_minor < minor);
}

long proc_pages_pinned(void)
{
	file_write_long("/proc/sys/vm/stat_refresh", 1);
	return proc_vmstat("nr_foll_pin_acquired ") -
	       proc_vmstat("nr_foll_pin_released ");
}

long file_read_long(const char *path)
{
	long value = -1;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%li", &value) != 1)
		value = -1;
	fclose(f);
	return value;
}

bool file_write(const char *path, const char *text)
{
	ssize_t length = strlen(text);
	bool ok;
	int fd;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, text, length) == length;
	close(fd);
	return ok;
}

bool file_write_long(const char *path, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld\n", value);
	return file_write(path, text);
}

bool set_memlock(size_t bytes)
{
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	return !setrlimit(RLIMIT_MEMLOCK, &limit);
}

bool become_user(uid_t uid, size_t memlock)
{
	return set_memlock(memlock) && !setgroups(0, NULL) &&
	       !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid);
}

bool raise_capability(int cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[cap / 32].effective |= 1U << (cap % 32);
	return !syscall(SYS_capset, &header, data);
}

bool drop_capability(int cap)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	uint32_t mask = ~(1U << (cap % 32));

	if (syscall(SYS_capget, &header, data))
		return false;
	data[cap / 32].effective &= mask;
	data[cap / 32].permitted &= mask;
	data[cap / 32].inheritable &= mask;
	return !syscall(SYS_capset, &header, data);
}

static unsigned int env_number(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);
	int number = text ? atoi(text) : 0;

	return number > 0 ? number : otherwise;
}

unsigned int kernel_slowness(void)
{
	return env_number("SELFTEST_SLOWNESS", 1);
}

unsigned int slowness(void)
{
	return kernel_slowness() * env_number("SELFTEST_PATIENCE", 1);
}

unsigned int race_seconds(void)
{
	return env_number("SELFTEST_RACE_SECONDS", 15);
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = {
		.tv_sec = ms / 1000,
		.tv_nsec = (ms % 1000) * 1000000L,
	};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool kmsg_wait(int kmsg, const char * const *texts, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	char line[2048];
	ssize_t n;
	int i;

	do {
		n = read(kmsg, line, sizeof(line) - 1);
		if (n < 0 && errno == EAGAIN)
			sleep_ms(5);
		/* On EPIPE, lines were overwritten before they were read. */
		line[n > 0 ? n : 0] = '\0';
		for (i = 0; texts[i] && strstr(line, texts[i]);)
			i++;
		if (!texts[i])
			return true;
	} while (now_ms() < end);
	return false;
}

bool kmsg_wait_fault(int kmsg, bool write, uint64_t iova, unsigned int ms)
{
	char addr[64];
	const char * const texts[] = {
		"DMAR: ", write ? "DMA Write" : "DMA Read", addr, NULL
	};

	snprintf(addr, sizeof(addr), "fault addr 0x%" PRIx64 " ",
		 iova & ~UINT64_C(4095));
	return kmsg_wait(kmsg, texts, ms);
}
