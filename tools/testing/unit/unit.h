/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _UNIT_H
#define _UNIT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/compiler.h>

/*
 * A program is a list of tests. Each test runs in a process of its own, so a test
 * that crashes, hangs or is stopped by a sanitizer is "not ok" and the others go
 * on. All random numbers come from unit_random(), so the same seed repeats a run.
 */
struct unit_test {
	const char *name;
	void (*run)(void);
	/* Number of steps, unless --steps says otherwise; 0 if not randomized. */
	unsigned long steps;
};

int unit_main(int argc, char **argv, const struct unit_test *tests,
	      unsigned int nr);

/* Go to the next step of a randomized test. Return: false when all are done. */
bool unit_next_step(void);

/* Print the failure, the seed and the step, and end the test. */
void __printf(3, 4) __noreturn unit_fail(const char *file, int line,
					 const char *format, ...);

#define expect(condition, format, ...) do {				\
	if (!(condition))						\
		unit_fail(__FILE__, __LINE__, "%s: " format,		\
			  #condition, ##__VA_ARGS__);			\
} while (0)

/* Print a TAP comment. */
void __printf(1, 2) unit_note(const char *format, ...);

unsigned long unit_random(void);

/* A random number below @end, which is not 0. */
static inline unsigned long unit_below(unsigned long end)
{
	return unit_random() % end;
}

/* True with a probability of @percent. */
static inline bool unit_chance(unsigned int percent)
{
	return unit_below(100) < percent;
}

/* A random number in which every number of bits is equally likely. */
static inline unsigned long unit_any_size(void)
{
	return unit_random() >> unit_below(64);
}

/* malloc() that ends the test instead of returning NULL. */
void *unit_alloc(size_t size);

/*
 * Number of basic blocks of the kernel's files that have run. The compiler inserts
 * a call that counts. The measure does not depend on the machine or its load.
 */
extern unsigned long unit_blocks;
void __sanitizer_cov_trace_pc(void);

#endif
