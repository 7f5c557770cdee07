// SPDX-License-Identifier: GPL-2.0
/* Sizes, numbers, users, texts, errors and memory */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static const char units[] = "BKMGTPE";

/**
 * size_text() - write a size for people
 * @bytes: the size
 *
 * Return: for example "64 KiB", or "1.5 GiB" if it is not a whole number.
 */
struct text size_text(u64 bytes)
{
	struct text text = { };
	unsigned int unit = 0;
	u64 rest = 0;

	while (bytes >= 1024 && unit < sizeof(units) - 2) {
		rest = bytes % 1024;
		bytes /= 1024;
		unit++;
	}
	if (!unit)
		snprintf(text.s, sizeof(text.s), "%llu B", bytes);
	else if (!rest)
		snprintf(text.s, sizeof(text.s), "%llu %ciB", bytes,
			 units[unit]);
	else
		snprintf(text.s, sizeof(text.s), "%llu.%llu %ciB", bytes,
			 rest * 10 / 1024, units[unit]);
	return text;
}

/**
 * number_parse() - read a number that is the whole text
 * @text: decimal, or hexadecimal with 0x
 * @value: set on success
 */
bool number_parse(const char *text, u64 *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && !*end;
}

/**
 * size_parse() - read a size that a user has written, such as 16G or 512MiB
 * @text: what was written
 * @bytes: set on success
 */
bool size_parse(const char *text, u64 *bytes)
{
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*bytes = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (!*end)
		return true;
	unit = strchr(units, *end & ~0x20);
	if (!unit || (strcmp(end + 1, "") && strcmp(end + 1, "iB") &&
		      strcmp(end + 1, "B")))
		return false;
	if (*bytes > ~0ULL >> (unit - units) * 10)
		return false;
	*bytes <<= (unit - units) * 10;
	return true;
}

/**
 * user_text() - the name of a user
 * @uid: its number, which stands in for a name that is not known
 */
struct text user_text(unsigned int uid)
{
	const struct passwd *user = getpwuid(uid);
	struct text text = { };

	if (user)
		copy_text(text.s, sizeof(text.s), user->pw_name);
	else
		snprintf(text.s, sizeof(text.s), "%u", uid);
	return text;
}

static void *checked(void *memory)
{
	if (memory)
		return memory;
	fputs("iommufd: no memory left\n", stderr);
	exit(1);
}

/*
 * How many bytes of the text are one printable character, 0 if none are. The
 * second byte of the controls of Latin-1 is below 0xa0.
 */
static size_t printable(const unsigned char *s)
{
	size_t length;

	if (*s < 0x80)
		return *s >= ' ' && *s != 0x7f;
	if (*s < 0xc2 || *s > 0xf4 || (*s == 0xc2 && s[1] < 0xa0) ||
	    (*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	length = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/**
 * clean_text() - copy a text without what a terminal would obey
 * @value: the text
 *
 * Return: the copy, which the caller frees.
 */
char *clean_text(const char *value)
{
	const unsigned char *s = (const unsigned char *)value;
	char *copy = xalloc(strlen(value) + 1), *to = copy;

	while (*s) {
		size_t length = printable(s);

		if (length)
			to = mempcpy(to, s, length);
		else
			*to++ = '?';
		s += length ? length : 1;
	}
	return copy;
}

/* The sentence may have the names of processes and files in it. */
static void say(const char *kind, const char *fmt, va_list ap)
{
	char *text, *clean;

	if (vasprintf(&text, fmt, ap) < 0)
		text = checked(NULL);
	clean = clean_text(text);
	fflush(stdout);
	fprintf(stderr, "iommufd: %s%s\n", kind, clean);
	free(clean);
	free(text);
}

/**
 * fail() - tell what is wrong and what would be right
 * @code: exit code of the command
 * @fmt: the sentence
 *
 * Return: @code.
 */
int fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap);
	va_end(ap);
	return code;
}

/**
 * warn_user() - tell of something that does not end the command
 * @fmt: the sentence
 */
void warn_user(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("note: ", fmt, ap);
	va_end(ap);
}

/**
 * xalloc() - memory that is zero, or the end of the program
 * @size: bytes
 */
void *xalloc(size_t size)
{
	return checked(calloc(1, size));
}

/**
 * xgrow() - make room for one more element of an array
 * @old: the array, of which the caller has filled @count elements
 * @count: how many
 * @size: bytes of an element
 *
 * The room is doubled whenever the count is a power of two.
 */
void *xgrow(void *old, size_t count, size_t size)
{
	if (count & (count - 1))
		return old;
	return checked(reallocarray(old, count ? count * 2 : 1, size));
}

char *xstrdup(const char *text)
{
	return checked(strdup(text));
}

/**
 * copy_text() - copy a text, shortened if it is too long
 * @to: the copy
 * @size: its room
 * @from: the text
 */
void copy_text(char *to, size_t size, const char *from)
{
	size_t length = strnlen(from, size - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}
