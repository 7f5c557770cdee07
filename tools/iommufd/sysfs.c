// SPDX-License-Identifier: GPL-2.0
/*
 * Small files of the kernel: /sys, /proc, /dev
 *
 * Every path of the tool is made here, so that --root can lay them below a
 * directory: a recorded tree, or the root of a container. Functions return 0
 * or a negative errno.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs.h"

static const char *root = "";

/**
 * sysfs_set_root() - lay all paths below a directory
 * @path: the directory; not copied
 */
void sysfs_set_root(const char *path)
{
	root = strcmp(path, "/") ? path : "";
}

/**
 * sysfs_live() - are the files those of the running kernel?
 *
 * If they are not, no question may be put to the kernel in another way.
 */
bool sysfs_live(void)
{
	return !*root;
}

/* The text of the arguments, below the root, in an array called path */
#define MAKE_PATH(path, fmt)						\
	do {								\
		va_list ap;						\
		int at = snprintf(path, sizeof(path), "%s", root);	\
									\
		va_start(ap, fmt);					\
		if (at < PATH_MAX)					\
			vsnprintf(path + at, sizeof(path) - at, fmt, ap); \
		va_end(ap);						\
	} while (0)

/* The start of a file, without the newline at its end */
static int read_text(const char *path, char *text, size_t size)
{
	ssize_t n;
	int fd;

	text[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	text[n] = '\0';
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		text[--n] = '\0';
	return 0;
}

int sysfs_text(char *text, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, fmt);
	return read_text(path, text, size);
}

int sysfs_number(u64 *value, int base, const char *fmt, ...)
{
	char path[PATH_MAX], text[64], *end;
	int rc;

	MAKE_PATH(path, fmt);
	rc = read_text(path, text, sizeof(text));
	if (rc)
		return rc;
	errno = 0;
	*value = strtoull(text, &end, base);
	return errno || end == text || *end ? -EINVAL : 0;
}

static int read_link(const char *path, char *target, size_t size)
{
	ssize_t n = readlink(path, target, size - 1);

	if (n < 0) {
		target[0] = '\0';
		return -errno;
	}
	target[n] = '\0';
	return 0;
}

/* What the link is to */
int sysfs_target(char *text, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, fmt);
	return read_link(path, text, size);
}

/* The last word of what the link is to */
int sysfs_link(char *name, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	int rc;

	MAKE_PATH(path, fmt);
	rc = read_link(path, target, sizeof(target));
	slash = strrchr(target, '/');
	copy_text(name, size, slash ? slash + 1 : target);
	return rc;
}

/* The path without links, with the root directory in front */
int sysfs_real(char *text, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX], *real;

	MAKE_PATH(path, fmt);
	text[0] = '\0';
	real = realpath(path, NULL);
	if (!real)
		return -errno;
	copy_text(text, size, real);
	free(real);
	return 0;
}

/* The sorted names in a directory */
int sysfs_list(struct names *names, const char *fmt, ...)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	MAKE_PATH(path, fmt);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			names_add(names, "%s", entry->d_name);
	closedir(dir);
	names_sort(names);
	return 0;
}

int sysfs_stat(struct stat *st, const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, fmt);
	return stat(path, st) ? -errno : 0;
}

bool sysfs_exists(const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, fmt);
	return !access(path, F_OK);
}

FILE *sysfs_open(const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, fmt);
	return fopen(path, "re");
}

int sysfs_make(const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, fmt);
	return mkdir(path, 0700) ? -errno : 0;
}

int sysfs_remove(const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, fmt);
	return rmdir(path) ? -errno : 0;
}

/* The kernel takes the value in one write, and answers with its errno. */
int sysfs_write(const char *value, const char *fmt, ...)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	MAKE_PATH(path, fmt);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}
