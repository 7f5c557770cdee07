// SPDX-License-Identifier: GPL-2.0
/*
 * One call prints a value as text and as JSON
 *
 * A value has a name for JSON and a format for text. Without a name it is an
 * element of an array; without a format it is only in JSON. A number that is
 * UNKNOWN is printed in neither. out_text() is for text only.
 *
 * Addresses are strings in JSON, because they do not fit the numbers of all
 * readers.
 *
 * Texts come from processes, devices and files, so they may hold anything:
 * what is not a printable character becomes a question mark.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

#define DEPTH	8

static bool json;
static int json_flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
static struct json_object *open_values[DEPTH];
static int depth;

void out_use_json(bool pretty)
{
	json = true;
	if (pretty)
		json_flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
}

bool out_is_json(void)
{
	return json;
}

/* Start the output, which is one object. */
void out_begin(void)
{
	depth = 0;
	if (json)
		open_values[depth++] = json_object_new_object();
}

/**
 * out_end() - end the output, and write it if it is JSON
 *
 * Return: 0, or a negative errno if it could not be written.
 */
int out_end(void)
{
	if (json) {
		puts(json_object_to_json_string_ext(open_values[0],
						    json_flags));
		json_object_put(open_values[0]);
	}
	errno = EIO;
	return fflush(stdout) || ferror(stdout) ? -errno : 0;
}

static void add(const char *name, struct json_object *value)
{
	struct json_object *parent = open_values[depth - 1];

	if (json_object_is_type(parent, json_type_array))
		json_object_array_add(parent, value);
	else
		json_object_object_add(parent, name, value);
}

static void open_value(const char *name, struct json_object *value)
{
	add(name, value);
	if (depth == DEPTH)
		abort();
	open_values[depth++] = value;
}

void out_object(const char *name)
{
	if (json)
		open_value(name, json_object_new_object());
}

void out_array(const char *name)
{
	if (json)
		open_value(name, json_object_new_array());
}

void out_close(void)
{
	if (json)
		depth--;
}

void out_str(const char *name, const char *fmt, const char *value)
{
	char *copy = clean_text(value);

	if (json)
		add(name, json_object_new_string(copy));
	else if (fmt)
		printf(fmt, copy);
	free(copy);
}

void out_num(const char *name, const char *fmt, u64 value)
{
	if (value == UNKNOWN)
		return;
	if (json)
		add(name, json_object_new_uint64(value));
	else if (fmt)
		printf(fmt, value);
}

/* Bytes in JSON, a size for people in text */
void out_size(const char *name, const char *fmt, u64 bytes)
{
	if (bytes == UNKNOWN)
		return;
	if (json)
		add(name, json_object_new_uint64(bytes));
	else if (fmt)
		printf(fmt, size_text(bytes).s);
}

/* The format has a %s for the number with its 0x. */
void out_hex(const char *name, const char *fmt, u64 value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%llx", value);
	if (json)
		add(name, json_object_new_string(text));
	else if (fmt)
		printf(fmt, text);
}

void out_bool(const char *name, const char *fmt, bool value)
{
	if (json)
		add(name, json_object_new_boolean(value));
	else if (fmt)
		printf(fmt, value ? "yes" : "no");
}

void out_text(const char *fmt, ...)
{
	va_list ap;

	if (json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}
