/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that each repeat a step against the others. What must not happen is
 * seen by the answers that no order of events could give; and by the kernel.
 */
#ifndef SELFTEST_LIB_RACE_H
#define SELFTEST_LIB_RACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define RACE_ERRNOS 16
#define RACE_THREADS 40

struct race_thread {
	int (*step)(struct race_thread *thread);
	int allowed[RACE_ERRNOS];	/* errnos that are no wonder */
	bool may_starve;		/* it takes luck to succeed at all */
	const char *name;
	void *shared;			/* what the test gives to all */
	unsigned int seed;
	unsigned long steps;
	unsigned long done;		/* steps that returned 0 */
	int odd;			/* the first errno that was not allowed */
	volatile bool *stop;
	pthread_t id;
};

/*
 * Run the threads for so many ms, or longer until each has succeeded. Returns
 * the index of one that got an odd answer, never succeeded, or could not be
 * started; -1 if there is none.
 */
int race_run(struct race_thread *threads, int n, void *shared, unsigned int ms);

/* The same in two parts: how many are running, and the index as above. */
int race_start(struct race_thread *threads, int n, void *shared,
	       volatile bool *stop);
int race_stop(struct race_thread *threads, int n, volatile bool *stop);

unsigned int race_pick(struct race_thread *thread, unsigned int n);

#define test_race(_threads, _shared, _ms)				\
	do {								\
		int __odd = race_run(_threads, ARRAY_SIZE(_threads),	\
				     _shared, _ms);			\
									\
		ASSERT_EQ(-1, __odd)					\
			TH_LOG("thread %d: %s, %lu of %lu steps done",	\
			       __odd, strerror((_threads)[__odd].odd),	\
			       (_threads)[__odd].done,			\
			       (_threads)[__odd].steps);		\
	} while (0)

#endif
