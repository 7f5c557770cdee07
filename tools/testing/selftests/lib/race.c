// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdlib.h>

#include "proc.h"
#include "race.h"

#define MAX_THREADS 16
/* How many times longer a run may take until every thread has succeeded once */
#define PATIENCE 20

unsigned int race_pick(struct race_thread *thread, unsigned int n)
{
	return rand_r(&thread->seed) / 7 % n;
}

static bool is_allowed(const struct race_thread *thread, int rc)
{
	for (int i = 0; i < RACE_ERRNOS; i++)
		if (rc == thread->allowed[i])
			return true;
	return false;
}

static void *run_thread(void *arg)
{
	struct race_thread *thread = arg;

	while (!*thread->stop) {
		int rc = thread->step(thread);

		thread->steps++;
		if (!rc)
			__atomic_add_fetch(&thread->done, 1, __ATOMIC_RELAXED);
		if (rc && !is_allowed(thread, rc) && !thread->odd)
			thread->odd = rc;
	}
	return NULL;
}

static bool all_succeeded(struct race_thread *threads, int n)
{
	for (int i = 0; i < n; i++)
		if (!threads[i].may_starve &&
		    !__atomic_load_n(&threads[i].done, __ATOMIC_RELAXED))
			return false;
	return true;
}

int race_run(struct race_thread *threads, int n, void *shared, unsigned int ms)
{
	pthread_t id[MAX_THREADS];
	volatile bool stop = false;
	int started, odd = -1;

	for (started = 0; started < n && started < MAX_THREADS; started++) {
		threads[started].shared = shared;
		threads[started].seed = started + 1;
		threads[started].stop = &stop;
		if (pthread_create(&id[started], NULL, run_thread,
				   &threads[started]))
			break;
	}
	if (started == n)
		sleep_ms(ms);
	/* On a busy host a thread may not have come to anything yet. */
	for (int i = 0; started == n && i < PATIENCE; i++) {
		if (all_succeeded(threads, n))
			break;
		sleep_ms(ms);
	}
	stop = true;
	for (int i = 0; i < started; i++) {
		pthread_join(id[i], NULL);
		if (threads[i].odd ||
		    (!threads[i].done && !threads[i].may_starve))
			odd = i;
	}
	return started < n ? started : odd;
}
