// SPDX-License-Identifier: GPL-2.0
/*
 * Words of the command line
 *
 * A command may be shortened as long as only one begins with what is left.
 * Options may stand anywhere behind the command; what takes an option removes
 * it, and what is left at the end is wrong.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

static void list_words(const struct command *commands, size_t count,
		       const char *prefix, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && at < size; i++)
		if (!strncmp(commands[i].name, prefix, strlen(prefix)))
			at += snprintf(text + at, size - at, "%s%s",
				       at ? ", " : "", commands[i].name);
}

static const struct command *find(const struct command *commands, size_t count,
				  const char *word, size_t *matches)
{
	const struct command *found = NULL;

	*matches = 0;
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(commands[i].name, word)) {
			*matches = 1;
			return &commands[i];
		}
		if (strncmp(commands[i].name, word, strlen(word)))
			continue;
		found = &commands[i];
		++*matches;
	}
	return found;
}

/**
 * cmd_select() - run the command that a word names
 * @commands: the table
 * @count: of its entries
 * @object: what the commands are of, for messages; "" for the tool
 * @argc: number of words
 * @argv: the words; the first names the command
 *
 * Return: an enum exit_code.
 */
int cmd_select(const struct command *commands, size_t count, const char *object,
	       int argc, char **argv)
{
	const char *space = *object ? " " : "";
	const struct command *command;
	char words[256];
	size_t matches;

	list_words(commands, count, "", words, sizeof(words));
	if (!argc)
		return fail(CMD_USAGE, "%s%sneeds a command, one of: %s",
			    object, space, words);
	command = find(commands, count, argv[0], &matches);
	if (matches == 1)
		return command->run(argc - 1, argv + 1);
	if (!matches)
		return fail(CMD_USAGE, "%s%shas no command '%s'; there are: %s",
			    *object ? object : "iommufd ", space, argv[0],
			    words);
	list_words(commands, count, argv[0], words, sizeof(words));
	return fail(CMD_USAGE, "'%s' can mean: %s; write more of the word",
		    argv[0], words);
}

static void remove_words(int *argc, char **argv, int at, int count)
{
	*argc -= count;
	memmove(argv + at, argv + at + count, (*argc - at) * sizeof(*argv));
}

/**
 * arg_flag() - take an option without a value
 * @argc: number of words
 * @argv: the words
 * @name: the option
 *
 * Return: was it there?
 */
bool arg_flag(int *argc, char **argv, const char *name)
{
	bool found = false;

	for (int i = 0; i < *argc;) {
		if (strcmp(argv[i], name)) {
			i++;
			continue;
		}
		remove_words(argc, argv, i, 1);
		found = true;
	}
	return found;
}

/**
 * arg_value() - take an option with a value
 * @argc: number of words
 * @argv: the words
 * @name: the option
 * @value: set if it is there; both "NAME VALUE" and "NAME=VALUE" are
 *
 * Return: 0, or CMD_USAGE if its value is missing.
 */
int arg_value(int *argc, char **argv, const char *name, const char **value)
{
	size_t length = strlen(name);

	for (int i = 0; i < *argc;) {
		if (!strncmp(argv[i], name, length) && argv[i][length] == '=') {
			*value = argv[i] + length + 1;
			remove_words(argc, argv, i, 1);
		} else if (strcmp(argv[i], name)) {
			i++;
		} else if (i + 1 < *argc) {
			*value = argv[i + 1];
			remove_words(argc, argv, i, 2);
		} else {
			return fail(CMD_USAGE, "%s needs a value", name);
		}
	}
	return 0;
}

/**
 * arg_done() - check the words that are left when all options are taken
 * @argc: number of words
 * @argv: the words
 * @min: how many there must be
 * @max: how many there may be; -1 for any number
 * @args: what they should be, for the message
 *
 * Return: 0, or CMD_USAGE.
 */
int arg_done(int argc, char **argv, int min, int max, const char *args)
{
	for (int i = 0; i < argc; i++)
		if (argv[i][0] == '-')
			return fail(CMD_USAGE,
				    "unknown option '%s'; the usage is: %s",
				    argv[i], args);
	if (argc < min)
		return fail(CMD_USAGE, "something is missing; the usage is: %s",
			    args);
	if (max >= 0 && argc > max)
		return fail(CMD_USAGE, "'%s' is one too many; the usage is: %s",
			    argv[max], args);
	return 0;
}
