// SPDX-License-Identifier: GPL-2.0
/*
 * race_all [RACE]: all operations of lib/race_ops.h at once, one thread each.
 * Every errno must be one that some order of events gives, and at the end
 * nothing is pinned, charged or mapped. All races together take
 * SELFTEST_RACE_SECONDS.
 */
#include <kselftest.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "proc.h"
#include "race_ops.h"

struct race {
	const char *name;
	const struct race_backend *backend;
	unsigned int limit;
	bool per_process;
	bool wide;		/* the mock's aperture has all 64 bits */
};

static const struct race races[] = {
	{ "mock", &race_backend_mock, MOCK_MEMORY_DEFAULT, false },
	{ "mock_tiny_batches", &race_backend_mock, MOCK_MEMORY_TINY, true },
	{ "mock_64_bits", &race_backend_mock, MOCK_MEMORY_DEFAULT, false, true },
	{ "edu", &race_backend_edu, MOCK_MEMORY_DEFAULT, false },
};

static int run(void *arg)
{
	const struct race_op *ops[RACE_THREADS];
	const struct race *race = arg;
	struct race_state state;
	int rc, i;

	alarm(race_seconds() + 100 * slowness());
	for (i = 0; i < RACE_THREADS; i++) {
		ops[i] = race_op(race->backend, i);
		if (!ops[i])
			break;
	}
	if (race->wide)
		race_use_top_iovas();
	rc = race_open(&state, race->backend, race->per_process);
	if (rc) {
		printf("# open: %s\n", strerror(rc));
	} else {
		_test_memory_limit(state.context.fd, race->limit);
		rc = race_ops(&state, ops, i,
			      race_seconds() * 1000 / ARRAY_SIZE(races));
		rc = race_close(&state) ?: rc;
	}
	fflush(stdout);
	return rc;
}

static void test(const struct race *race)
{
	struct race_state state = {};
	int rc;

	if (!race->backend->find(&state)) {
		ksft_test_result_skip("all_against_all.%s: without %s\n",
				      race->name, race->backend->devices);
		return;
	}
	if (race->wide)
		mock_param("wide_aperture", 1);
	rc = child_run(run, (void *)race);
	if (race->wide)
		mock_param("wide_aperture", 0);
	if (rc < 0)
		ksft_print_msg("was killed or hangs\n");
	ksft_test_result(!rc, "all_against_all.%s\n", race->name);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(argc > 1 ? 1 : ARRAY_SIZE(races));
	for (int i = 0; i < ARRAY_SIZE(races); i++) {
		if (argc == 1 || !strcmp(argv[1], races[i].name))
			test(&races[i]);
	}
	ksft_finished();
}
