/* SPDX-License-Identifier: GPL-2.0 */
/* What every file of the tool may need: words, sizes, errors, memory. */
#ifndef IOMMUFD_TOOL_UTIL_H
#define IOMMUFD_TOOL_UTIL_H

#include <stdbool.h>
#include <stddef.h>

typedef unsigned long long u64;

/* A number that the kernel did not give */
#define UNKNOWN		(~0ULL)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PRINTF(f, a)	__attribute__((format(printf, f, a)))

/**
 * struct text - a short text, returned by value
 * @s: the text
 */
struct text {
	char s[48];
};

struct text size_text(u64 bytes);
bool size_parse(const char *text, u64 *bytes);
bool number_parse(const char *text, u64 *value);
struct text user_text(unsigned int uid);

int fail(int code, const char *fmt, ...) PRINTF(2, 3);
void warn_user(const char *fmt, ...) PRINTF(1, 2);

void *xalloc(size_t size);
void *xgrow(void *old, size_t count, size_t size);
char *clean_text(const char *value);
char *xstrdup(const char *text);
void copy_text(char *to, size_t size, const char *from);

#endif
