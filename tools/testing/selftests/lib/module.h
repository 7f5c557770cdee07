/* SPDX-License-Identifier: GPL-2.0 */
/* Load and unload kernel modules. */
#ifndef SELFTEST_LIB_MODULE_H
#define SELFTEST_LIB_MODULE_H

#include <stdbool.h>

#define MAX_MODULES	8

/* Modules in the order of loading */
struct modules {
	unsigned int num;
	char name[MAX_MODULES][64];
};

/* Find iommufd, its users, and their users. */
bool modules_find(struct modules *modules);
/* The place of a module in the list; -1 if it is not there */
int modules_index(const struct modules *modules, const char *name);
/* Take a module out of the list if it is there. */
void modules_drop(struct modules *modules, const char *name);

/*
 * The functions below return 0 or the errno. A name may have underscores where
 * the name of the file has dashes.
 */

/* Open the file of a module below updates/ of the running kernel; -1 if none. */
int module_open(const char *name);
int module_load(const char *name);
/* EWOULDBLOCK if the module has users */
int module_unload(const char *name);
/* The same after up to @ms, in which the users may go */
int module_unload_wait(const char *name, unsigned int ms);

/* Load those of the list that are not loaded. */
int modules_load(const struct modules *modules);
int modules_unload(const struct modules *modules);
/* Unload the modules of the list that come after the first @keep. */
int modules_unload_after(const struct modules *modules, int keep);

/* Is there a file of the module in updates/? */
bool module_exists(const char *name);
bool module_is_loaded(const char *name);

/* Load a module of the distribution, and what it needs. */
bool module_probe(const char *name);

#endif
