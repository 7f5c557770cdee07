// SPDX-License-Identifier: GPL-2.0
/*
 * The clock of the benchmark. With -icount shift=0 every instruction of the
 * guest takes one nanosecond of guest time, and the TSC counts nanoseconds.
 */
#include <err.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"

#define LOOPS 10000000UL

bool wall_time;

/* Return instructions, or nanoseconds if wall_time is set. */
uint64_t now(void)
{
	struct timespec ts;

	if (!wall_time)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

/* Instructions counted for a loop, divided by the two that each round has */
static double loop_ratio(void)
{
	uint64_t start = now(), loops = LOOPS;

	asm volatile("1: dec %0; jnz 1b" : "+r" (loops) : : "cc");
	return (double)(now() - start) / (2 * LOOPS);
}

/*
 * Check that now() counts instructions, and only those of this program. Timer
 * ticks are counted as well. So is background work of the boot: wait until it
 * has finished. Sleeping takes no wall time.
 */
void check_clock(void)
{
	double ratio;
	int quiet = 0, tries;

	for (tries = 0; tries < 100 && quiet < 5; tries++) {
		ratio = loop_ratio();
		quiet = ratio > 0.999 && ratio < 1.01 ? quiet + 1 : 0;
		if (!quiet)
			sleep(1);
	}
	printf("# clock: %lu instructions counted %.4f times each, quiet after %d tries\n",
	       2 * LOOPS, ratio, tries);
	if (quiet < 5)
		errx(1, "the TSC does not count the instructions of this program; run QEMU with -icount shift=0,sleep=off");
}
