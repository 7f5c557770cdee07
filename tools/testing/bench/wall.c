// SPDX-License-Identifier: GPL-2.0
/* What instructions cannot show, because it takes two CPUs: wall time. */
#include <err.h>
#include <pthread.h>
#include <unistd.h>

#include "bench.h"

#define TIMES		5
#define MAX_THREADS	2
#define THREAD_MEMORY	(256 * MIB)

/**
 * struct worker - a thread that maps and unmaps its memory, piece by piece
 * @thread: the thread
 * @start: all threads wait here for each other
 * @engine: how it maps
 * @va: THREAD_MEMORY of its own
 * @iova: where it goes
 * @size: bytes of a mapping
 */
struct worker {
	pthread_t thread;
	pthread_barrier_t *start;
	const struct engine *engine;
	char *va;
	uint64_t iova;
	size_t size;
};

static void *work(void *data)
{
	struct worker *worker = data;

	pthread_barrier_wait(worker->start);
	for (size_t done = 0; done < THREAD_MEMORY; done += worker->size)
		worker->engine->map(worker->va + done, worker->size, worker->iova + done);
	for (size_t done = 0; done < THREAD_MEMORY; done += worker->size)
		worker->engine->unmap(worker->iova + done, worker->size);
	return NULL;
}

/* Nanoseconds from the start of the first thread to the end of the last */
static double run_workers(struct worker *workers, unsigned int count)
{
	pthread_barrier_t barrier;
	uint64_t start;

	if (pthread_barrier_init(&barrier, NULL, count + 1))
		errx(1, "pthread_barrier_init");
	for (unsigned int i = 0; i < count; i++) {
		workers[i].start = &barrier;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			errx(1, "pthread_create");
	}
	start = now();
	pthread_barrier_wait(&barrier);
	for (unsigned int i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	return now() - start;
}

/* One thread, then two with memory of their own, in one IO address space */
static void bench_threads(const struct engine *engine, const char *what, char *va, size_t size)
{
	struct worker workers[MAX_THREADS];
	double one, two;

	for (unsigned int i = 0; i < MAX_THREADS; i++)
		workers[i] = (struct worker){
			.engine = engine,
			.va = va + i * THREAD_MEMORY,
			.iova = IOVA_BASE + i * THREAD_MEMORY,
			.size = size,
		};
	one = run_workers(workers, 1);
	two = run_workers(workers, 2);
	record("one thread:", what, "ms", engine->name, one / 1e6);
	record("two threads:", what, "ms", engine->name, two / 1e6);
}

/* Work that shares nothing, in place of mapping: the most that the host can give. */
static void spin(void *va, uint64_t length, uint64_t iova)
{
	uint64_t loops = length < MIB ? 2000 : length / 8;

	(void)va;
	(void)iova;
	asm volatile("1: dec %0; jnz 1b" : "+r" (loops) : : "cc");
}

static void spin_back(uint64_t iova, uint64_t length)
{
	spin(NULL, length, iova);
}

static const struct engine no_engine = { .name = "floor", .map = spin, .unmap = spin_back };

/* Mapping untouched memory also allocates and zeroes it. */
static void bench_untouched(const struct engine *engine, const char *what,
			    const struct memory_kind *kind, size_t length)
{
	void *va = memory_create(kind, length);
	uint64_t start = now(), used;

	engine->map(va, length, IOVA_BASE);
	used = now() - start;
	engine->unmap(IOVA_BASE, length);
	memory_destroy(kind, va, length);
	record(what, kind->name, "ms", engine->name, used / 1e6);
}

/**
 * bench_untouched_rows() - map untouched memory of every kind
 * @what: beginning of the rows' names
 * @large: bytes of one large mapping
 */
void bench_untouched_rows(const char *what, size_t large)
{
	static const struct memory_kind *const kinds[] = {
		&untouched_thp, &untouched_4k, &untouched_memfd, &untouched_hugetlb,
	};

	for (int i = 0; i < TIMES; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			for (size_t e = 0; e < nr_engines; e++)
				bench_untouched(engines[e], what, kinds[k], large);
		}
	}
}

/* Memory that is present: what speeds up untouched memory must not slow this down. */
static void bench_warm(const struct engine *engine, const struct memory_kind *kind, void *va,
		       size_t length)
{
	uint64_t start = now(), used;

	engine->map(va, length, IOVA_BASE);
	used = now() - start;
	engine->unmap(IOVA_BASE, length);
	record("map warm", kind->name, "ms", engine->name, used / 1e6);
}

/* The engines take turns, so that a busy host disturbs them alike. */
static void bench_warm_rows(const struct memory_kind *kind, size_t length)
{
	void *va = memory_create(kind, length);

	for (int i = 0; i < TIMES; i++) {
		for (size_t e = 0; e < nr_engines; e++)
			bench_warm(engines[e], kind, va, length);
	}
	memory_destroy(kind, va, length);
}

static void bench_thread_rows(const char *what, size_t size)
{
	static const struct engine *const sharing[] = {
		/* Not the floor's module: its ioctls run one at a time. */
		&type1_engine, &iommufd_engine, &no_engine,
	};
	void *va = memory_create(&anon_4k, MAX_THREADS * THREAD_MEMORY);

	for (int i = 0; i < TIMES; i++) {
		for (size_t e = 0; e < ARRAY_SIZE(sharing); e++)
			bench_threads(sharing[e], what, va, size);
	}
	memory_destroy(&anon_4k, va, MAX_THREADS * THREAD_MEMORY);
}

/**
 * bench_wall() - every row of wall time
 * @large: bytes of one large mapping
 */
void bench_wall(size_t large)
{
	sleep(5);	/* until the background work of the boot has ended */
	/* The host gives the guest its memory at the first touch. */
	memory_destroy(&thp, memory_create(&thp, 3 * GIB), 3 * GIB);
	bench_untouched_rows("map", large);
	bench_warm_rows(&thp, large);
	bench_warm_rows(&anon_4k, large);
	bench_thread_rows("4 KiB", PAGE);
	bench_thread_rows("16 MiB", 16 * MIB);
	bench_limits();
}
