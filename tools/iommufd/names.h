/* SPDX-License-Identifier: GPL-2.0 */
/* A list of texts */
#ifndef IOMMUFD_TOOL_NAMES_H
#define IOMMUFD_TOOL_NAMES_H

#include "util.h"

/**
 * struct names - a list of texts
 * @name: the texts
 * @count: how many
 */
struct names {
	char **name;
	size_t count;
};

void names_add(struct names *names, const char *fmt, ...) PRINTF(2, 3);
bool names_have(const struct names *names, const char *name);
void names_sort(struct names *names);
void names_free(struct names *names);

#endif
