// SPDX-License-Identifier: GPL-2.0
/*
 * iommufd - show and change what /dev/iommu and its devices do
 *
 * Each object is a file of its own; this one has their table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "output.h"
#include "sysfs.h"

#ifndef VERSION
#define VERSION "unknown"
#endif

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static int select_device(int argc, char **argv)
{
	return cmd_select(device_commands, device_count, "device", argc, argv);
}

static int select_context(int argc, char **argv)
{
	return cmd_select(context_commands, context_count, "context", argc,
			  argv);
}

static const struct command commands[] = {
	{ "status", cmd_status, "", "what this machine can do" },
	{ "doctor", cmd_doctor, "BDF [--user NAME] [--memory SIZE]",
	  "why a device cannot be used, and what would mend it" },
	{ "device", select_device, "COMMAND", "hand devices over to VFIO" },
	{ "context", select_context, "COMMAND", "who uses /dev/iommu" },
	{ "map", cmd_map, "PID [IOAS]", "the mappings of a process" },
	{ "picture", cmd_picture, "PID [--svg FILE]",
	  "the address spaces of a process, drawn" },
	{ "top", cmd_top, "[--delay SECONDS] [--count N]",
	  "mappings, pins and faults per second" },
	{ "trace", cmd_trace,
	  "[--pid PID] [--event NAME] [--failed] [--count N]",
	  "what happens, line by line" },
	{ "help", cmd_help, "", "this text" },
	{ "version", cmd_version, "", "the version of the tool" },
};

static void list_commands(const struct command *list, size_t count,
			  const char *object)
{
	for (size_t i = 0; i < count; i++)
		printf("  iommufd %s%s%s %s\n        %s\n", object,
		       *object ? " " : "", list[i].name, list[i].args,
		       list[i].help);
}

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("usage: iommufd [-j] [-p] [--root DIR] OBJECT [COMMAND] [ARGUMENTS]\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].run == select_device)
			list_commands(device_commands, device_count, "device");
		else if (commands[i].run == select_context)
			list_commands(context_commands, context_count,
				      "context");
		else
			list_commands(&commands[i], 1, "");
	}
	puts("\n  -j, --json    print JSON\n"
	     "  -p, --pretty  print JSON with line ends\n"
	     "  --root DIR    look into DIR/sys, DIR/proc and DIR/dev\n"
	     "\nWords may be shortened. iommufd(8) has the rest.");
	return CMD_OK;
}

static int cmd_version(int argc, char **argv)
{
	int rc = arg_done(argc, argv, 0, 0, "iommufd version");

	if (rc)
		return rc;
	out_begin();
	out_str("version", "iommufd %s\n", VERSION);
	return out_end() ? CMD_FAILED : CMD_OK;
}

/* Options that every command has; they may stand anywhere. */
static int take_globals(int *argc, char **argv, bool *help, bool *version)
{
	const char *root = getenv("IOMMUFD_ROOT");
	bool pretty, wants_json;
	int rc;

	pretty = arg_flag(argc, argv, "-p") | arg_flag(argc, argv, "--pretty") |
		 arg_flag(argc, argv, "-jp") | arg_flag(argc, argv, "-pj");
	wants_json = arg_flag(argc, argv, "-j") |
		     arg_flag(argc, argv, "--json");
	*help = arg_flag(argc, argv, "-h") | arg_flag(argc, argv, "--help");
	*version = arg_flag(argc, argv, "-V") |
		   arg_flag(argc, argv, "--version");
	rc = arg_value(argc, argv, "--root", &root);
	if (rc)
		return rc;
	if (root && *root)
		sysfs_set_root(root);
	if (pretty || wants_json)
		out_use_json(pretty);
	return 0;
}

int main(int argc, char **argv)
{
	bool help, version;
	int rc;

	argc--;
	argv++;
	rc = take_globals(&argc, argv, &help, &version);
	if (rc)
		return rc;
	if (help)
		return cmd_help(0, NULL);
	if (version)
		return cmd_version(0, NULL);
	if (argc && argv[0][0] == '-')
		return fail(CMD_USAGE,
			    "unknown option '%s'; iommufd help lists all",
			    argv[0]);
	return cmd_select(commands, ARRAY_SIZE(commands), "", argc, argv);
}
