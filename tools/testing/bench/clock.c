// SPDX-License-Identifier: GPL-2.0
/*
 * Under -icount shift=0 every instruction of the guest takes one nanosecond of
 * its time, and its TSC counts nanoseconds.
 */
#include <err.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"

#define LOOPS 10000000UL

bool wall_time;

/* Instructions, or nanoseconds in wall time. */
uint64_t now(void)
{
	struct timespec ts;

	if (!wall_time)
		return __rdtsc();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000UL + ts.tv_nsec;
}

/* Counted instructions of a loop, against the two a round has */
static double loop_ratio(void)
{
	uint64_t start = now(), loops = LOOPS;

	asm volatile("1: dec %0; jnz 1b" : "+r" (loops) : : "cc");
	return (double)(now() - start) / (2 * LOOPS);
}

/*
 * Does now() count instructions, and ours alone? The timer ticks on the way
 * count too. What boot has left to do in the background is waited for: it would
 * count as well, and sleeping takes no time.
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
		errx(1, "the TSC does not count our instructions; QEMU needs -icount shift=0,sleep=off");
}
