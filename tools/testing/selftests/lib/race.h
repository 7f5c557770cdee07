/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that each repeat a step, all at the same time. A race fails if a step
 * returns an errno that no order of events can explain, or if the kernel warns.
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
	int allowed[RACE_ERRNOS];	/* errnos that the step may return */
	bool may_starve;		/* the step may never succeed */
	const char *name;
	void *shared;			/* the same for all threads */
	unsigned int seed;
	unsigned long steps;
	unsigned long done;		/* steps that returned 0 */
	int odd;			/* the first errno that was not allowed */
	volatile bool *stop;
	pthread_t id;
};

/*
 * Run the threads for @ms, or longer until each has succeeded once. Returns the
 * index of a thread that got an errno that is not allowed, never succeeded, or
 * could not be started; -1 if there is none.
 */
int race_run(struct race_thread *threads, int n, void *shared, unsigned int ms);

/*
 * race_run() in two parts. race_start() returns the number of threads that run,
 * race_stop() the index as above.
 */
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
