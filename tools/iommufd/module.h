/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's modules */
#ifndef IOMMUFD_TOOL_MODULE_H
#define IOMMUFD_TOOL_MODULE_H

#include "util.h"

/**
 * struct module - a module of the running kernel
 * @name: its name
 * @loaded: is it loaded, or part of the kernel?
 * @builtin: is it part of the kernel?
 * @version: as it says, or ""
 * @path: file in the directory of the kernel's modules, or "" if there is none
 */
struct module {
	const char *name;
	bool loaded;
	bool builtin;
	char version[64];
	char path[256];
};

/**
 * enum module_signature - what the end of a module's file says
 * @SIGNATURE_UNKNOWN: the file cannot be read, or is compressed
 * @SIGNATURE_NONE: it is not signed
 * @SIGNATURE_SIGNED: it is signed, with whatever key
 */
enum module_signature {
	SIGNATURE_UNKNOWN,
	SIGNATURE_NONE,
	SIGNATURE_SIGNED,
};

void module_read(struct module *module, const char *name);
enum module_signature module_signature(const struct module *module);
int module_load(const char *name);

#endif
