// SPDX-License-Identifier: GPL-2.0
/*
 * Run the tests of one program and report in TAP.
 */
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "kselftest.h"
#include "unit.h"

#define SECONDS_WITHOUT_A_STEP 60
#define STEPS_PER_ALARM 1024
/* Exit code of a test that has printed why it failed. */
#define TOLD 99

unsigned long unit_blocks;

static const char *program;
static unsigned long seed, state;
static unsigned long steps, step;

void __sanitizer_cov_trace_pc(void)
{
	unit_blocks++;
}

/* splitmix64 */
unsigned long unit_random(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void *unit_alloc(size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		unit_fail(__FILE__, __LINE__, "no memory for %zu bytes", size);
	return memory;
}

bool unit_next_step(void)
{
	if (step % STEPS_PER_ALARM == 0)
		alarm(SECONDS_WITHOUT_A_STEP);
	return step++ < steps;
}

void unit_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void unit_fail(const char *file, int line, const char *format, ...)
{
	const char *slash = strrchr(file, '/');
	va_list args;

	printf("# %s:%d: ", slash ? slash + 1 : file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (step)
		printf("# in step %lu; again: %s --seed %lu --steps %lu\n",
		       step, program, seed, step);
	fflush(stdout);
	_exit(TOLD);
}

static void __noreturn run_here(const struct unit_test *test, unsigned int number)
{
	/* A test's random numbers do not depend on the tests before it. */
	state = seed + number;
	state = unit_random();
	if (!steps)
		steps = test->steps;
	alarm(SECONDS_WITHOUT_A_STEP);
	test->run();
	/* Not _exit(): the leak check runs at exit. */
	exit(KSFT_PASS);
}

static bool run_test(const struct unit_test *test, unsigned int number)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		run_here(test, number);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		unit_note("cannot run the test: %s", strerror(errno));
		return false;
	}
	if (WIFSIGNALED(status))
		unit_note("killed by %s%s", strsignal(WTERMSIG(status)),
			  WTERMSIG(status) == SIGALRM ? ": it hangs" : "");
	else if (WEXITSTATUS(status) && WEXITSTATUS(status) != TOLD)
		unit_note("exit code %d: see stderr for a sanitizer's report",
			  WEXITSTATUS(status));
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static unsigned long number_argument(const char *text)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 0);
	if (errno || end == text || *end)
		ksft_exit_fail_msg("\"%s\" is not a number\n", text);
	return number;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 'r' },
		{ "steps", required_argument, NULL, 's' },
		{}
	};
	int c;

	program = argv[0];
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		ksft_exit_fail_perror("getrandom");
	/* Short enough to type. */
	seed %= 1000000000;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			seed = number_argument(optarg);
		else if (c == 's')
			steps = number_argument(optarg);
		else
			ksft_exit_fail_msg("usage: %s [--seed N] [--steps N]\n",
					   program);
	}
	if (optind != argc)
		ksft_exit_fail_msg("\"%s\": only --seed N and --steps N are known\n",
				   argv[optind]);
}

int unit_main(int argc, char **argv, const struct unit_test *tests,
	      unsigned int nr)
{
	const char *name = strrchr(argv[0], '/');
	unsigned int i;

	name = name ? name + 1 : argv[0];
	ksft_print_header();
	parse(argc, argv);
	ksft_set_plan(nr);
	unit_note("%s: seed %lu", name, seed);
	for (i = 0; i < nr; i++)
		ksft_test_result(run_test(&tests[i], i), "%s: %s\n", name,
				 tests[i].name);
	ksft_finished();
}
