// SPDX-License-Identifier: GPL-2.0
/*
 * race_pairs [mock|edu] [OPERATION [OPERATION]]: every two operations of
 * lib/race_ops.h that work on the same kind of object, and each with itself,
 * against each other. All pairs run with devices of the mock IOMMU; pairs that
 * differ with real devices run with those, too. The checks are those of race_all.
 *
 * Each pair takes SELFTEST_RACE_SECONDS. In every second pair batches have room
 * for one or two pages only. Two of every four pairs charge the process in
 * place of the user.
 */
#include <kselftest.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "proc.h"
#include "race_ops.h"

struct pair {
	const struct race_backend *backend;
	const struct race_op *ops[2];
	unsigned int number;
};

static const char *only_backend;
static const char *wanted[2];

static int run(void *arg)
{
	const struct pair *pair = arg;
	struct race_state state;
	int rc;

	/* A pair that hangs must not keep the others from running. */
	alarm(race_seconds() + 60 * slowness());
	rc = race_open(&state, pair->backend, pair->number / 2 % 2);
	if (rc) {
		printf("# open: %s\n", strerror(rc));
	} else {
		_test_memory_limit(state.context.fd, pair->number % 2 ?
				   MOCK_MEMORY_TINY : MOCK_MEMORY_DEFAULT);
		rc = race_ops(&state, pair->ops, 2, race_seconds() * 1000);
		rc = race_close(&state) ?: rc;
	}
	fflush(stdout);
	return rc;
}

static bool is_wanted(const struct pair *pair)
{
	const char *a = pair->ops[0]->name, *b = pair->ops[1]->name;

	if (!wanted[0])
		return true;
	if (!wanted[1])
		return !strcmp(a, wanted[0]) || !strcmp(b, wanted[0]);
	return (!strcmp(a, wanted[0]) && !strcmp(b, wanted[1])) ||
	       (!strcmp(a, wanted[1]) && !strcmp(b, wanted[0]));
}

/* With real devices only the pairs that are not the same with the mock */
static bool is_worthwhile(const struct pair *pair)
{
	unsigned int objects = pair->ops[0]->objects | pair->ops[1]->objects;

	if (only_backend && strcmp(pair->backend->name, only_backend))
		return false;
	return pair->ops[0]->objects & pair->ops[1]->objects &&
	       (pair->backend == &race_backend_mock || objects & RACE_REAL);
}

typedef void (*pair_fn)(struct pair *pair);

/* Call @fn for each pair, if not NULL; returns how many there are. */
static unsigned int walk_pairs(const struct race_backend *backend, pair_fn fn)
{
	struct pair pair = { .backend = backend };
	unsigned int count = 0;

	for (int i = 0; (pair.ops[0] = race_op(backend, i)); i++) {
		for (int j = i; (pair.ops[1] = race_op(backend, j)); j++) {
			pair.number++;
			if (!is_worthwhile(&pair) || !is_wanted(&pair))
				continue;
			if (fn)
				fn(&pair);
			count++;
		}
	}
	return count;
}

static void test(struct pair *pair)
{
	struct race_state state = {};
	int rc;

	if (!pair->backend->find(&state)) {
		ksft_test_result_skip("%s: %s x %s: without %s\n",
				      pair->backend->name, pair->ops[0]->name,
				      pair->ops[1]->name,
				      pair->backend->devices);
		return;
	}
	rc = child_run(run, pair);
	if (rc < 0)
		ksft_print_msg("was killed or hangs\n");
	ksft_test_result(!rc, "%s: %s x %s\n", pair->backend->name,
			 pair->ops[0]->name, pair->ops[1]->name);
}

int main(int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "mock") || !strcmp(argv[1], "edu"))) {
		only_backend = argv[1];
		argv++;
		argc--;
	}
	for (int i = 1; i < argc && i <= 2; i++)
		wanted[i - 1] = argv[i];
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(walk_pairs(&race_backend_mock, NULL) +
		      walk_pairs(&race_backend_edu, NULL));
	walk_pairs(&race_backend_mock, test);
	walk_pairs(&race_backend_edu, test);
	ksft_finished();
}
