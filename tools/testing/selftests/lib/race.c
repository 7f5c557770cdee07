// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdlib.h>

#include "proc.h"
#include "race.h"

/*
 * A run continues up to so many ms until every thread has succeeded once. On a
 * busy host a thread may not have run at all.
 */
#define STARVE_MS 20000
#define POLL_MS 50

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

static void *race_thread_run(void *arg)
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

static bool is_starved(const struct race_thread *thread)
{
	return !thread->may_starve &&
	       !__atomic_load_n(&thread->done, __ATOMIC_RELAXED);
}

static bool any_starved(const struct race_thread *threads, int n)
{
	for (int i = 0; i < n; i++)
		if (is_starved(&threads[i]))
			return true;
	return false;
}

int race_start(struct race_thread *threads, int n, void *shared,
	       volatile bool *stop)
{
	int i;

	*stop = false;
	for (i = 0; i < n; i++) {
		threads[i].shared = shared;
		threads[i].seed = i + 1;
		threads[i].stop = stop;
		threads[i].steps = 0;
		threads[i].done = 0;
		threads[i].odd = 0;
		if (pthread_create(&threads[i].id, NULL, race_thread_run,
				   &threads[i]))
			break;
	}
	return i;
}

int race_stop(struct race_thread *threads, int n, volatile bool *stop)
{
	int odd = -1;

	*stop = true;
	for (int i = 0; i < n; i++)
		pthread_join(threads[i].id, NULL);
	/* An unexpected errno says more than a thread that never succeeded. */
	for (int i = 0; i < n; i++)
		if (threads[i].odd ||
		    (is_starved(&threads[i]) && odd < 0))
			odd = i;
	return odd;
}

int race_run(struct race_thread *threads, int n, void *shared, unsigned int ms)
{
	volatile bool stop;
	int started, odd;

	started = race_start(threads, n, shared, &stop);
	if (started == n)
		sleep_ms(ms);
	for (int waited = 0; started == n && waited < STARVE_MS;
	     waited += POLL_MS) {
		if (!any_starved(threads, n))
			break;
		sleep_ms(POLL_MS);
	}
	odd = race_stop(threads, started, &stop);
	return started < n ? started : odd;
}
