/* SPDX-License-Identifier: GPL-2.0 */
/* Small files of the kernel: /sys, /proc, /dev, below a root directory */
#ifndef IOMMUFD_TOOL_SYSFS_H
#define IOMMUFD_TOOL_SYSFS_H

#include <stdio.h>
#include <sys/stat.h>

#include "names.h"

void sysfs_set_root(const char *root);
bool sysfs_live(void);

int sysfs_text(char *text, size_t size, const char *fmt, ...) PRINTF(3, 4);
int sysfs_number(u64 *value, int base, const char *fmt, ...) PRINTF(3, 4);
int sysfs_link(char *name, size_t size, const char *fmt, ...) PRINTF(3, 4);
int sysfs_target(char *path, size_t size, const char *fmt, ...) PRINTF(3, 4);
int sysfs_real(char *path, size_t size, const char *fmt, ...) PRINTF(3, 4);
int sysfs_list(struct names *names, const char *fmt, ...) PRINTF(2, 3);
int sysfs_stat(struct stat *st, const char *fmt, ...) PRINTF(2, 3);
bool sysfs_exists(const char *fmt, ...) PRINTF(1, 2);
FILE *sysfs_open(const char *fmt, ...) PRINTF(1, 2);
int sysfs_make(const char *fmt, ...) PRINTF(1, 2);
int sysfs_remove(const char *fmt, ...) PRINTF(1, 2);
int sysfs_write(const char *value, const char *fmt, ...) PRINTF(2, 3);

#endif
