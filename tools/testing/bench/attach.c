// SPDX-License-Identifier: GPL-2.0
/* The cost of attaching a device to an IOAS with very many small mappings. */
#define _GNU_SOURCE
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "floor/floor.h"

#define MAPPINGS	1000000U
#define STEP		(2 * PAGE)	/* with a gap behind each mapping */
#define MEMORY		(64 * MIB)	/* each page of it is mapped about 61 times */

/* Below all the mappings, so that a device which attaches already has it */
#define OTHER_IOVA	(IOVA_BASE - GIB)

/* Values are per mapping. */
static void record_each(const char *what, const char *engine, uint64_t instructions)
{
	record("1,000,000 mappings:", what, INSTRUCTIONS, engine,
	       (double)instructions / MAPPINGS);
}

static void map_million(uint32_t ioas, char *va)
{
	for (unsigned int i = 0; i < MAPPINGS; i++)
		ioas_map(ioas, va + i * PAGE % MEMORY, PAGE, IOVA_BASE + i * STEP);
}

/*
 * The first device has the memory pinned. The second page table need not.
 * Return: the instructions of the first one.
 */
static uint64_t measure_attach(uint32_t ioas)
{
	uint64_t start = now(), attached, alloced, destroyed, detached;
	uint32_t hwpt;

	second_device_attach(ioas);
	attached = now();
	hwpt = hwpt_alloc(ioas);
	alloced = now();
	iommufd_destroy(hwpt);
	destroyed = now();
	second_device_detach();
	detached = now();
	record_each("attach", "iommufd", attached - start);
	record_each("second HWPT", "iommufd", alloced - attached);
	record_each("destroy it", "iommufd", destroyed - alloced);
	record_each("detach", "iommufd", detached - destroyed);
	return attached - start;
}

/* Call @move for each piece of MEMORY that the mappings consist of. */
static uint64_t floor_million(struct floor_cost (*move)(char *va, uint64_t length,
							uint64_t iova, uint32_t flags),
			      char *va, uint64_t iova, uint32_t flags)
{
	uint64_t start = now(), length;

	for (uint64_t done = 0; done < MAPPINGS * PAGE; done += length) {
		length = MAPPINGS * PAGE - done;
		if (length > MEMORY)
			length = MEMORY;
		move(va, length, iova + done / PAGE * STEP, flags | FLOOR_GAPS);
	}
	return now() - start;
}

static struct floor_cost move_in(char *va, uint64_t length, uint64_t iova, uint32_t flags)
{
	return floor_map(va, length, iova, flags);
}

static struct floor_cost move_out(char *va, uint64_t length, uint64_t iova, uint32_t flags)
{
	(void)va;
	return floor_unmap(iova, length, flags);
}

static void measure_floor(char *va)
{
	/* At this distance the mappings use the same slots. */
	uint64_t second = IOVA_BASE + FLOOR_MAX_PAGES * STEP;

	record_each("attach", "floor", floor_million(move_in, va, IOVA_BASE, 0));
	record_each("second HWPT", "floor",
		    floor_million(move_in, va, second, FLOOR_KEEP_PINNED));
	floor_million(move_out, va, second, FLOOR_KEEP_PINNED);
	floor_million(move_out, va, IOVA_BASE, 0);
}

/* A process with its own mappings attaches the second device, and does not get far. */
static pid_t start_attacher(uint32_t ioas)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		map_million(ioas, memory_create(&random_4k, MEMORY));
		if (write(ready[1], "", 1) != 1)
			err(1, "write");
		second_device_attach(ioas);
		errx(1, "the attach was not killed");
	}
	if (read(ready[0], &byte, 1) != 1)
		err(1, "read");
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/*
 * While another process attaches, and for @duration, use the same IOAS.
 * Return: the most that a MAP and UNMAP took.
 */
static uint64_t map_meanwhile(uint32_t ioas, void *va, uint64_t duration)
{
	uint64_t start = now(), longest = 0;

	while (now() - start < duration) {
		uint64_t before, used;

		usleep(1000);
		before = now();
		ioas_map(ioas, va, PAGE, OTHER_IOVA);
		ioas_unmap(ioas, OTHER_IOVA, PAGE);
		used = now() - before;
		if (longest < used)
			longest = used;
	}
	return longest;
}

/* Kill an attach when most of it, which took @duration, is done. */
static void measure_kill(void *va, uint64_t duration)
{
	uint32_t ioas = ioas_alloc();
	pid_t pid = start_attacher(ioas);
	uint64_t longest = map_meanwhile(ioas, va, duration / 10 * 8);
	uint64_t start = now();
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		err(1, "waitpid");
	record("1,000,000 mappings:", "attach, SIGKILL to death", INSTRUCTIONS, "iommufd",
	       now() - start);
	record("1,000,000 mappings:", "longest MAP and UNMAP meanwhile", INSTRUCTIONS, "iommufd",
	       longest);
	if (!WIFSIGNALED(status))
		errx(1, "the attach ended before it was killed");
	iommufd_destroy(ioas);
}

/**
 * bench_attach() - rows of an attach that takes long
 * @kind: of the memory
 * @scale: not used
 */
void bench_attach(const struct memory_kind *kind, const struct scale *scale)
{
	char *va = create_used(kind, MEMORY);
	uint32_t ioas = ioas_alloc();
	uint64_t duration;

	(void)scale;
	map_million(ioas, va);
	duration = measure_attach(ioas);
	if (engine_wanted(&floor_engine))
		measure_floor(va);
	iommufd_destroy(ioas);
	measure_kill(va, duration);
	memory_destroy(kind, va, MEMORY);
}
