/* SPDX-License-Identifier: GPL-2.0 */
/* Commands, their words and their exit codes */
#ifndef IOMMUFD_TOOL_CMD_H
#define IOMMUFD_TOOL_CMD_H

#include "util.h"

/**
 * enum exit_code - what the tool returns; iommufd(8) documents them
 * @CMD_OK: done
 * @CMD_FAILED: something could not be done or read; a sentence says what
 * @CMD_USAGE: there is no such command, argument or option
 * @CMD_FOUND: doctor found something that keeps the device from being used
 * @CMD_IN_USE: refused, because the device is in use
 */
enum exit_code {
	CMD_OK,
	CMD_FAILED,
	CMD_USAGE,
	CMD_FOUND,
	CMD_IN_USE,
};

/**
 * struct command - a word that a user can give
 * @name: the word
 * @run: called with the words behind it
 * @args: what these can be, for the help
 * @help: what it does, for the help
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args;
	const char *help;
};

int cmd_select(const struct command *commands, size_t count, const char *object,
	       int argc, char **argv);

bool arg_flag(int *argc, char **argv, const char *name);
int arg_value(int *argc, char **argv, const char *name, const char **value);
int arg_done(int argc, char **argv, int min, int max, const char *args);

int cmd_status(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_device(int argc, char **argv);
int cmd_context(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_picture(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace(int argc, char **argv);

extern const struct command device_commands[];
extern const size_t device_count;
extern const struct command context_commands[];
extern const size_t context_count;

#endif
