// SPDX-License-Identifier: GPL-2.0
/* A list of texts */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

/**
 * names_add() - append a text
 * @names: the list
 * @fmt: the text
 */
void names_add(struct names *names, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	text = xalloc(length + 1);
	va_start(ap, fmt);
	vsnprintf(text, length + 1, fmt, ap);
	va_end(ap);

	names->name = xgrow(names->name, names->count, sizeof(*names->name));
	names->name[names->count++] = text;
}

bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->name[i], name))
			return true;
	return false;
}

/* Numbers in names by their value: vfio2 before vfio10 */
static int compare(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(struct names *names)
{
	if (names->count)
		qsort(names->name, names->count, sizeof(*names->name), compare);
}

void names_free(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
	names->name = NULL;
	names->count = 0;
}
