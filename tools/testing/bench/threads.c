// SPDX-License-Identifier: GPL-2.0
/*
 * How much threads get done at once, each with memory and IOVA of its own. One CPU is
 * enough to find out: the trace of a thread tells for how many instructions it holds
 * each lock, and a lock that the traces of two threads have in common is one for
 * which they wait. The rest is arithmetic.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define LOOPS		65
#define THREADS		2
#define THREAD_MEMORY	HUGE_PAGE	/* the kernel has a lock for the page table of each 2 MiB */
#define MAX_LOCKS	16

/**
 * struct thread - what a thread does in a loop: map 4 KiB and unmap it
 * @engine: how
 * @second: it does so in a second IOAS, or container
 * @va: THREAD_MEMORY
 * @iova: where it goes
 * @cost: instructions of a loop
 * @events: trace of a loop
 * @nr_events: their number
 * @per_event: instructions that an event costs
 */
struct thread {
	const struct engine *engine;
	bool second;
	char *va;
	uint64_t iova;
	uint64_t cost;
	struct lock_event *events;
	size_t nr_events;
	double per_event;
};

/**
 * struct held - a lock for which threads wait
 * @lock: its address
 * @instructions: for how many of them a loop holds it
 */
struct held {
	uint64_t lock;
	double instructions;
};

static uint32_t second_ioas;
static struct type1 second_container;

static void thread_map(const struct thread *thread)
{
	if (!thread->second)
		thread->engine->map(thread->va, PAGE, thread->iova);
	else if (thread->engine == &iommufd_engine)
		ioas_map(second_ioas, thread->va, PAGE, thread->iova);
	else
		type1_map(&second_container, thread->va, PAGE, thread->iova);
}

static void thread_unmap(const struct thread *thread)
{
	if (!thread->second)
		thread->engine->unmap(thread->iova, PAGE);
	else if (thread->engine == &iommufd_engine)
		ioas_unmap(second_ioas, thread->iova, PAGE);
	else
		type1_unmap(&second_container, thread->iova, PAGE);
}

struct loop {
	uint64_t start;
	uint64_t end;
};

static int by_cost(const void *a, const void *b)
{
	const struct loop *x = a, *y = b;
	uint64_t one = x->end - x->start, other = y->end - y->start;

	return one < other ? -1 : one > other;
}

/* Return: the loop of the median cost; no timer tick falls into it. */
static struct loop time_loops(const struct thread *thread)
{
	struct loop loops[LOOPS];

	for (int i = 0; i < LOOPS; i++) {
		loops[i].start = now();
		thread_map(thread);
		thread_unmap(thread);
		loops[i].end = now();
	}
	qsort(loops, LOOPS, sizeof(*loops), by_cost);
	return loops[LOOPS / 2];
}

/* Keep the events of one loop. */
static void keep_events(struct thread *thread, const struct loop *loop, size_t nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct lock_event *event = &thread->events[i];

		if (event->time >= loop->start && event->time < loop->end)
			thread->events[kept++] = *event;
	}
	if (!kept)
		errx(1, "the trace of locks is empty");
	thread->nr_events = kept;
}

static void trace_thread(struct thread *thread)
{
	struct loop loop;
	size_t nr;

	time_loops(thread);
	loop = time_loops(thread);
	thread->cost = loop.end - loop.start;
	locks_trace(true);
	loop = time_loops(thread);
	locks_trace(false);
	thread->events = locks_read(&nr);
	keep_events(thread, &loop, nr);
	thread->per_event = (double)(loop.end - loop.start - thread->cost) / thread->nr_events;
}

static bool takes_lock(const struct thread *thread, uint64_t lock)
{
	for (size_t i = 0; i < thread->nr_events; i++) {
		if (thread->events[i].lock == lock)
			return true;
	}
	return false;
}

/* Return: which of the locks it is. */
static unsigned int add_held(struct held *held, unsigned int *nr, uint64_t lock,
			     double instructions)
{
	unsigned int i = 0;

	while (i < *nr && held[i].lock != lock)
		i++;
	if (i == MAX_LOCKS)
		errx(1, "more than %d locks", MAX_LOCKS);
	if (i == *nr)
		held[(*nr)++] = (struct held){ .lock = lock };
	held[i].instructions += instructions;
	return i;
}

/*
 * Find the locks of @thread that @other takes as well. One that is taken under
 * another one does not count: nobody waits for it. The ioctls of the floor's module
 * exclude each other, but other drivers need not do so: that lock does not count.
 * Return: the number of locks.
 */
static unsigned int find_held(const struct thread *thread, const struct thread *other,
			      struct held *held, bool show)
{
	const struct lock_event *outer = NULL, *event;
	unsigned int nr = 0, which;
	double instructions;

	for (size_t i = 0; i < thread->nr_events; i++) {
		event = &thread->events[i];
		if (!strcmp(event->caller, "floor_ioctl") || !takes_lock(other, event->lock))
			continue;
		if (!outer && !event->release) {
			outer = event;
		} else if (outer && event->release && event->lock == outer->lock) {
			instructions = event->time - outer->time -
				       thread->per_event * (event - outer);
			which = add_held(held, &nr, outer->lock, instructions);
			if (show)
				printf("# %8.0f in lock %u, which %s takes\n", instructions,
				       which + 1, outer->caller);
			outer = NULL;
		}
	}
	if (outer)
		errx(1, "%s releases its lock where no probe is", outer->caller);
	return nr;
}

/*
 * Mean value analysis: a thread that comes to a lock finds as many others there as
 * there are on average with one thread less. Return: the throughput of @threads as a
 * multiple of one.
 */
static double throughput(double cost, const struct held *held, unsigned int nr,
			 unsigned int threads)
{
	double queue[MAX_LOCKS] = { }, wait[MAX_LOCKS], rate = 0;

	for (unsigned int n = 1; n <= threads; n++) {
		double round = cost;

		for (unsigned int i = 0; i < nr; i++) {
			wait[i] = held[i].instructions * (1 + queue[i]);
			round += wait[i] - held[i].instructions;
		}
		rate = n / round;
		for (unsigned int i = 0; i < nr; i++)
			queue[i] = rate * wait[i];
	}
	return rate * cost;
}

static void record_threads(const struct thread *threads, const char *where,
			   const unsigned int *counts, bool show)
{
	const char *engine = threads->engine->name;
	struct held held[MAX_LOCKS];
	double sum = 0, longest = 0;
	unsigned int nr;
	char row[64];

	if (show)
		printf("# %s, threads in %s: %lu instructions in a loop\n", engine, where,
		       threads->cost);
	nr = find_held(&threads[0], &threads[1], held, show);
	for (unsigned int i = 0; i < nr; i++) {
		sum += held[i].instructions;
		if (longest < held[i].instructions)
			longest = held[i].instructions;
	}
	snprintf(row, sizeof(row), "threads in %s:", where);
	record(row, "map and unmap", INSTRUCTIONS, engine, threads->cost);
	record(row, "in common locks", INSTRUCTIONS, engine, sum);
	record(row, "in the longest one", INSTRUCTIONS, engine, longest);
	for (; *counts; counts++) {
		snprintf(row, sizeof(row), "throughput of %u threads in", *counts);
		record(row, where, "times one", engine,
		       throughput(threads->cost, held, nr, *counts));
	}
}

static void bench_engine(const struct engine *engine, char *va, bool two, bool show)
{
	static const unsigned int one_counts[] = { 2, 4, 0 }, two_counts[] = { 2, 0 };
	struct thread threads[THREADS];

	for (unsigned int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){
			.engine = engine,
			.second = two && i,
			.va = va + i * THREAD_MEMORY,
			.iova = IOVA_BASE + i * THREAD_MEMORY,
		};
		trace_thread(&threads[i]);
		/* So that the next thread's locks are not in the memory of this one's. */
		thread_map(&threads[i]);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		thread_unmap(&threads[i]);
	record_threads(threads, two ? "two IOASes" : "one IOAS", two ? two_counts : one_counts,
		       show);
	for (unsigned int i = 0; i < THREADS; i++)
		free(threads[i].events);
}

/**
 * bench_together() - rows of threads that map and unmap 4 KiB at the same time
 * @kind: of their memory
 * @scale: not used
 *
 * The floor has only one IO page table.
 */
void bench_together(const struct memory_kind *kind, const struct scale *scale)
{
	char *va = create_used(kind, THREADS * THREAD_MEMORY);

	(void)scale;
	locks_setup();
	second_ioas = ioas_alloc();
	second_device_attach(second_ioas);
	if (engine_wanted(&type1_engine))
		type1_open(&second_container, 1);
	for (int i = 0; i < REPEATS; i++) {
		for (size_t e = 0; e < nr_engines; e++) {
			bench_engine(engines[e], va, false, !i);
			if (engines[e] != &floor_engine)
				bench_engine(engines[e], va, true, !i);
		}
	}
	if (engine_wanted(&type1_engine))
		type1_close(&second_container);
	second_device_detach();
	iommufd_destroy(second_ioas);
	memory_destroy(kind, va, THREADS * THREAD_MEMORY);
}
