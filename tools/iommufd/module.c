// SPDX-License-Identifier: GPL-2.0
/* The kernel's modules */
#include <string.h>

#include "module.h"
#include "platform.h"
#include "run.h"
#include "sysfs.h"

/* A hyphen and an underscore are the same in the name of a module. */
static bool same_name(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char x = a[i] == '-' ? '_' : a[i];
		char y = b[i] == '-' ? '_' : b[i];

		if (x != y || !x)
			return false;
	}
	return !a[length];
}

/* Find the line of a list of files whose file is the module's. */
static bool find_file(const char *list, const char *name, char *path,
		      size_t size)
{
	FILE *file = sysfs_open("/lib/modules/%s/%s", platform_release(), list);
	char line[4096];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *base;

		line[strcspn(line, ":\n")] = '\0';
		base = strrchr(line, '/');
		base = base ? base + 1 : line;
		found = same_name(name, base, strcspn(base, "."));
		if (found)
			copy_text(path, size, line);
	}
	if (file)
		fclose(file);
	return found;
}

static bool is_loaded(const char *name)
{
	char line[512], word[64];
	FILE *file = sysfs_open("/proc/modules");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%63s", word) == 1 &&
			same_name(name, word, strlen(word));
	if (file)
		fclose(file);
	return found;
}

/**
 * module_read() - find out about a module of the running kernel
 * @module: filled
 * @name: of the module
 */
void module_read(struct module *module, const char *name)
{
	char under[64], path[256];

	*module = (struct module){ .name = name, .loaded = is_loaded(name) };
	copy_text(under, sizeof(under), name);
	for (char *c = under; *c; c++)
		if (*c == '-')
			*c = '_';
	sysfs_text(module->version, sizeof(module->version),
		   "/sys/module/%s/version", under);
	find_file("modules.dep", name, module->path, sizeof(module->path));
	if (!module->loaded && find_file("modules.builtin", name, path,
					 sizeof(path)))
		module->loaded = module->builtin = true;
}

/**
 * module_signature() - look whether a module is signed
 * @module: the module
 */
enum module_signature module_signature(const struct module *module)
{
	static const char mark[] = "~Module signature appended~\n";
	enum module_signature found = SIGNATURE_UNKNOWN;
	const char *end = strrchr(module->path, '.');
	char tail[sizeof(mark)] = "";
	FILE *file;

	if (!end || strcmp(end, ".ko"))
		return found;
	file = sysfs_open("/lib/modules/%s/%s", platform_release(),
			  module->path);
	if (!file)
		return found;
	if (!fseek(file, -(long)strlen(mark), SEEK_END) &&
	    fread(tail, strlen(mark), 1, file) == 1)
		found = strcmp(tail, mark) ? SIGNATURE_NONE : SIGNATURE_SIGNED;
	fclose(file);
	return found;
}

/**
 * module_load() - let modprobe load a module
 * @name: of the module
 *
 * Return: 0, or the exit code of modprobe, which has said why.
 */
int module_load(const char *name)
{
	return run_program((char *[]){ "modprobe", (char *)name, NULL });
}
