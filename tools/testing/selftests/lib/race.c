// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "proc.h"
#include "race.h"

/*
 * On a busy host a thread may have no success within the time of a run. The run
 * may then take up to LONGER_MS more, and checks every CHECK_MS.
 */
#define LONGER_MS	20000
#define CHECK_MS	50

unsigned int race_pick(struct race_thread *thread, unsigned int n)
{
	return rand_r(&thread->seed) / 7 % n;
}

bool race_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
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
		if (rc && !is_allowed(thread, rc) && !thread->bad_errno)
			thread->bad_errno = rc;
		if (thread->pause_us)
			usleep(thread->pause_us);
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
		threads[i].bad_errno = 0;
		if (pthread_create(&threads[i].id, NULL, run_thread,
				   &threads[i]))
			break;
	}
	return i;
}

int race_stop(struct race_thread *threads, int n, volatile bool *stop)
{
	int bad = -1;

	*stop = true;
	for (int i = 0; i < n; i++)
		pthread_join(threads[i].id, NULL);
	/* A bad errno says more than a thread without success. */
	for (int i = 0; i < n; i++)
		if (threads[i].bad_errno ||
		    (is_starved(&threads[i]) && bad < 0))
			bad = i;
	return bad;
}

int race_run(struct race_thread *threads, int n, void *shared, unsigned int ms)
{
	volatile bool stop;
	uint64_t longest;
	int started, bad;

	started = race_start(threads, n, shared, &stop);
	if (started == n)
		sleep_ms(ms);
	longest = now_ms() + LONGER_MS * slowness();
	while (started == n && any_starved(threads, n) && now_ms() < longest)
		sleep_ms(CHECK_MS);
	bad = race_stop(threads, started, &stop);
	return started < n ? started : bad;
}
