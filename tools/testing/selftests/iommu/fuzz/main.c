// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs of ioctls, compared with a model of /dev/iommu. Without
 * arguments: programs from a known seed and from new ones.
 *
 *   --seed N      the first seed; the second program has N + 1, ...
 *   --ioctls N    run programs until N ioctls were issued
 *   --ops N       steps of a program (400)
 *   --workers N   processes at a time (2)
 *   --read FILE   run the program in FILE, as --print writes it
 *   --print       print the programs
 *   --no-shrink   do not shrink a program with a difference
 *   --wide        the aperture of the mock has all 64 bits, and most mappings
 *                 are near its end
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "ioctls.h"
#include "mock.h"
#include "pci.h"
#include "proc.h"
#include "run.h"
#include "vfio.h"

#define MAX_SHRUNK	3	/* programs with a difference that are shrunk */
#define MAX_DIFFERENCES	8	/* after so many a run ends */

/* Seen by all workers */
struct totals {
	_Atomic uint64_t next_seed;
	_Atomic uint64_t ioctls, refused, skipped, programs, differences;
	_Atomic uint64_t by_kind[STEP_KINDS], good_by_kind[STEP_KINDS];
};

static struct options {
	uint64_t seed, ioctls, ops, workers;
	const char *read;
	bool print, no_shrink, wide;
} options = { .ops = 400, .workers = 2 };

static struct totals *totals;
static int print_lock = -1;

static void say(struct world *w, const struct program *program)
{
	printf("# seed %" PRIu64 ": %s\n", program->seed, w->difference);
	printf("# replay: fuzz --seed %" PRIu64 " --ops %" PRIu64 " --ioctls 1%s\n",
	       program->seed, options.ops, fuzz_wide ? " --wide" : "");
}

static void say_shrunk(struct world *w, const struct program *program,
		       unsigned int tries)
{
	printf("# shrunk to %zu steps in %u tries: %s\n# replay: fuzz --read FILE%s, with these lines in FILE:\n",
	       program->nsteps, tries, w->difference,
	       fuzz_wide ? " --wide" : "");
	program_print(program, stdout);
}

static void report(struct world *w, struct program *program)
{
	totals->differences++;
	flock(print_lock, LOCK_EX);
	say(w, program);
	if (!options.no_shrink && totals->differences <= MAX_SHRUNK) {
		unsigned int tries = shrink(w, program);

		if (tries)
			say_shrunk(w, program, tries);
		else
			printf("# it does not happen again\n");
	}
	fflush(stdout);
	flock(print_lock, LOCK_UN);
}

#define PROGRESS	100000

static void count(const struct world *w)
{
	uint64_t before = atomic_fetch_add(&totals->ioctls, w->ioctls);

	if (before / PROGRESS != (before + w->ioctls) / PROGRESS) {
		printf("# %" PRIu64 " ioctls\n", before + w->ioctls);
		fflush(stdout);
	}
	totals->programs++;
	totals->refused += w->refused;
	totals->skipped += w->skipped;
	for (int i = 0; i < STEP_KINDS; i++) {
		totals->by_kind[i] += w->by_kind[i];
		totals->good_by_kind[i] += w->good_by_kind[i];
	}
}

#define P2P	"/sys/module/iommufd/parameters/p2p"

/*
 * Take the @nth device whose BAR programs can map. It is bound to an iommufd of
 * its own, as a device can be bound to one file alone.
 */
static void take_bar(unsigned int nth)
{
	int iommufd = iommufd_open(), cdev = -1;
	struct pci_device pci;
	uint32_t devid;
	int rc;

	if (!pci_find(&pci_edu, PCI_ON_ROOT_BUS, nth, &pci)) {
		printf("# worker %u has no BAR: %s\n", nth,
		       pci_describe(&pci_edu, PCI_ON_ROOT_BUS, nth));
		return;
	}
	cdev = vfio_cdev_open(&pci);
	rc = cdev < 0 ? errno : _test_vfio_bind(cdev, iommufd, &devid);
	if (rc)
		printf("# worker %u has no BAR: %s: %s\n", nth, pci.bdf,
		       strerror(rc));
	else
		arena_bar = cdev;
}

static void work(unsigned int nth, uint64_t ioctls, uint64_t differences)
{
	struct world *w = world_new();
	struct program program;

	/* flock() locks an open file: each worker needs its own. */
	print_lock = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	take_bar(nth);
	while (w && totals->ioctls < ioctls &&
	       totals->differences < differences) {
		program_make(&program, totals->next_seed++, options.ops);
		if (options.print)
			program_print(&program, stdout);
		if (!run_program(w, &program)) {
			count(w);
			report(w, &program);
		} else {
			count(w);
		}
		program_free(&program);
	}
}

/* Choose the aperture for the model and the mock. */
static bool set_wide(bool wide)
{
	fuzz_wide = wide;
	return mock_param("wide_aperture", wide);
}

/* Run programs from @seed on; returns true if there was no difference. */
static bool run_many(uint64_t seed, uint64_t ioctls)
{
	uint64_t differences = totals->differences;

	totals->next_seed = seed;
	ioctls += totals->ioctls;
	fflush(stdout);
	for (uint64_t i = 0; i < options.workers; i++)
		if (!fork()) {
			work(i, ioctls, differences + MAX_DIFFERENCES);
			fflush(stdout);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return totals->differences == differences;
}

static bool run_text(const char *path)
{
	struct world *w = world_new();
	struct program program;
	FILE *file = fopen(path, "re");

	if (!file || !program_read(&program, file)) {
		printf("# %s is not a program\n", path);
		return false;
	}
	take_bar(0);
	run_program(w, &program);
	count(w);
	if (*w->difference)
		printf("# %s\n", w->difference);
	return !*w->difference;
}

static void summary(uint64_t started)
{
	uint64_t ms = now_ms() - started;

	printf("# %" PRIu64 " ioctls (%" PRIu64 " of them failed as predicted) in %" PRIu64 " programs, %" PRIu64 " ms; %" PRIu64 " steps had no object to work on\n#",
	       totals->ioctls, totals->refused, totals->programs, ms,
	       totals->skipped);
	for (int i = 0; i < STEP_KINDS; i++)
		if (totals->by_kind[i])
			printf(" %s %" PRIu64 "/%" PRIu64, step_name(i),
			       totals->good_by_kind[i], totals->by_kind[i]);
	printf("\n# %" PRIu64 " differences\n", totals->differences);
}

static int failed, tests;

static void result(bool ok, const char *name, uint64_t seed)
{
	printf("%sok %d %s %" PRIu64 "\n", ok ? "" : "not ", ++tests, name,
	       seed);
	fflush(stdout);
	failed += !ok;
}

static bool parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "ioctls", required_argument, NULL, 'i' },
		{ "ops", required_argument, NULL, 'o' },
		{ "workers", required_argument, NULL, 'w' },
		{ "read", required_argument, NULL, 'r' },
		{ "print", no_argument, NULL, 'p' },
		{ "no-shrink", no_argument, NULL, 'n' },
		{ "wide", no_argument, NULL, 'W' },
		{ }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		uint64_t number = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (c) {
		case 's':
			options.seed = number;
			break;
		case 'i':
			options.ioctls = number;
			break;
		case 'o':
			options.ops = number;
			break;
		case 'w':
			options.workers = number;
			break;
		case 'r':
			options.read = optarg;
			break;
		case 'p':
			options.print = true;
			break;
		case 'n':
			options.no_shrink = true;
			break;
		case 'W':
			options.wide = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc && options.workers;
}

#define SHORT_RUN	(10000 / kernel_slowness())
#define KNOWN_SEED	1

int main(int argc, char **argv)
{
	uint64_t fresh = now_ms() * 1000003 % 1000000007, started = now_ms();

	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: fuzz [--seed N] [--ioctls N] [--ops N] [--workers N] [--read FILE] [--print] [--no-shrink] [--wide]\n");
		return 2;
	}
	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("TAP version 13\n");
	if (!set_wide(options.wide)) {
		printf("Bail out! The aperture of the mock cannot be set\n");
		return 1;
	}
	if (!file_write(P2P, "all")) {
		printf("Bail out! " P2P " cannot be set\n");
		return 1;
	}
	if (options.read) {
		printf("1..1\n");
		result(run_text(options.read), "program", 0);
	} else if (options.seed || options.ioctls) {
		uint64_t seed = options.seed ? options.seed : fresh;

		printf("1..1\n");
		result(run_many(seed, options.ioctls ? options.ioctls : 1),
		       "programs from seed", seed);
	} else {
		printf("1..3\n");
		result(run_many(KNOWN_SEED, SHORT_RUN), "programs from seed",
		       KNOWN_SEED);
		result(run_many(fresh, SHORT_RUN), "programs from fresh seed",
		       fresh);
		result(set_wide(true) && run_many(fresh, SHORT_RUN),
		       "programs with 64-bit IOVA from fresh seed", fresh);
	}
	set_wide(false);
	file_write(P2P, "own");
	summary(started);
	return failed ? 1 : 0;
}
