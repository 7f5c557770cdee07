/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that each repeat one step while the others repeat theirs. A race has
 * gone wrong when a step returns an errno that no order of events can give, or
 * when the kernel complains.
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
	int allowed[RACE_ERRNOS];	/* that some order of events gives */
	bool may_starve;		/* may end without one success */
	unsigned int pause_us;		/* sleep after each step */
	const char *name;
	void *shared;			/* the same for all threads of a test */
	unsigned int seed;
	unsigned long steps;
	unsigned long done;		/* steps that returned 0 */
	int bad_errno;			/* the first one that is not allowed */
	volatile bool *stop;
	pthread_t id;
};

/*
 * Run the threads for @ms, or longer until each has succeeded once. Returns the
 * index of a thread with a bad errno, without success, or that could not be
 * started; -1 if there is none.
 */
int race_run(struct race_thread *threads, int n, void *shared, unsigned int ms);

/*
 * The same in two parts: race_start() returns how many threads run, race_stop()
 * an index as above.
 */
int race_start(struct race_thread *threads, int n, void *shared,
	       volatile bool *stop);
int race_stop(struct race_thread *threads, int n, volatile bool *stop);

unsigned int race_pick(struct race_thread *thread, unsigned int n);

/*
 * Let the calling thread, and those that it starts from now on, share one
 * processor. It is for races in which one thread makes the kernel patch code
 * that others run: QEMU's TCG may run a breakpoint on one processor that another
 * one has removed, and the kernel then panics.
 */
bool race_on_one_cpu(void);

#define test_race(_threads, _shared, _ms)				\
	do {								\
		int __bad = race_run(_threads, ARRAY_SIZE(_threads),	\
				     _shared, _ms);			\
									\
		ASSERT_EQ(-1, __bad)					\
			TH_LOG("thread %d: %s, %lu of %lu steps done",	\
			       __bad,					\
			       strerror((_threads)[__bad].bad_errno),	\
			       (_threads)[__bad].done,			\
			       (_threads)[__bad].steps);		\
	} while (0)

#endif
