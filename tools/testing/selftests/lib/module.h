/* SPDX-License-Identifier: GPL-2.0 */
/* Load and unload modules, as root. */
#ifndef SELFTEST_LIB_MODULE_H
#define SELFTEST_LIB_MODULE_H

#include <stdbool.h>

/*
 * A module of this tree, from updates/ of the running kernel. These return 0 or
 * the errno. Names have underscores.
 */
int module_load(const char *name);
int module_unload(const char *name);

/* Is there a file of the module in updates/? */
bool module_exists(const char *name);
bool module_is_loaded(const char *name);

/* Load a module of the distribution, and what it needs. */
bool module_probe(const char *name);

#endif
