// SPDX-License-Identifier: GPL-2.0
/*
 * Compare runs of page frames with a flat array of the frames of all pages. A step
 * pins a memory: its pages come in pieces and go through a batch with little room
 * into chunks, which are then split at random pages. Every array has just the size
 * it needs, so that ASan notices an access beyond its end.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "pfn_runs.h"
#include "unit.h"

#define MAX_PAGES 200
#define MAX_ROOM 24
#define MAX_CHUNKS MAX_PAGES

/**
 * struct chunk - runs of consecutive pages
 * @first: index of the first page
 * @last: index of the last page
 * @nr: number of runs
 * @runs: exactly @nr runs
 */
struct chunk {
	unsigned long first;
	unsigned long last;
	unsigned int nr;
	struct pfn_run *runs;
};

/**
 * struct memory - pages, their frames, and the chunks that describe them
 * @base: index of the first page
 * @npages: number of pages
 * @pfns: frame of the page @base + i
 * @nr_chunks: number of chunks
 * @chunks: chunks in order of their pages
 */
struct memory {
	unsigned long base;
	unsigned long npages;
	unsigned long pfns[MAX_PAGES];
	unsigned int nr_chunks;
	struct chunk chunks[MAX_CHUNKS];
};

static unsigned long pfn_of(const struct memory *memory, unsigned long index)
{
	return memory->pfns[index - memory->base];
}

static struct pfn_run *alloc_runs(unsigned int nr)
{
	return unit_alloc(nr * sizeof(struct pfn_run));
}

/* A frame for the next piece; often next to the piece before. */
static unsigned long any_pfn(unsigned long before)
{
	switch (unit_below(8)) {
	case 0:
		return before;
	case 1:
		return before + 1;
	case 2:
		return before - 1;
	case 3:
		return before + 2 + unit_below(4);
	case 4:
		return unit_below(4);
	case 5:
		return (ULONG_MAX >> 12) - unit_below(MAX_PAGES);
	default:
		return unit_any_size() >> 12;
	}
}

/* Choose frames for all pages: from single scattered pages to one large piece. */
static void choose_pages(struct memory *memory)
{
	unsigned long longest = 1 + unit_below(unit_chance(50) ? 4 : MAX_PAGES);
	unsigned long pfn = 0, left = 0, i;

	memory->npages = 1 + unit_below(MAX_PAGES);
	memory->base = unit_chance(30) ? 0 : unit_any_size() >> 12;
	for (i = 0; i < memory->npages; i++) {
		if (left) {
			pfn++;
			left--;
		} else {
			pfn = any_pfn(pfn);
			left = unit_below(longest);
		}
		memory->pfns[i] = pfn;
	}
}

/* Does page @index of the memory begin a run if @index - 1 is in the array? */
static bool breaks(const struct memory *memory, unsigned long index)
{
	return pfn_of(memory, index) != pfn_of(memory, index - 1) + 1;
}

/* The runs of [first, last] match the flat array, and there are no more than needed. */
static void verify_runs(const struct memory *memory, const struct pfn_run *runs,
			unsigned int nr, unsigned long first,
			unsigned long last)
{
	unsigned int run = 0;
	unsigned long index;

	expect(nr, "no runs for [%lu, %lu]", first, last);
	expect(runs[0].index == first, "%lu, not %lu", runs[0].index, first);
	for (index = first; index <= last; index++) {
		if (index != first && breaks(memory, index))
			run++;
		expect(run < nr, "%u runs, more at %lu", nr, index);
		expect(pfn_runs_find(runs, nr, index) == run,
		       "page %lu is in run %u", index, run);
		expect(runs[run].index <= index &&
		       index <= pfn_run_last(runs, nr, run, last),
		       "page %lu, run %u", index, run);
		expect(pfn_run_pfn(&runs[run], index) == pfn_of(memory, index),
		       "page %lu has frame %#lx, not %#lx", index,
		       pfn_run_pfn(&runs[run], index), pfn_of(memory, index));
		expect((index == pfn_run_last(runs, nr, run, last)) ==
		       (index == last || breaks(memory, index + 1)),
		       "page %lu, end of run %u", index, run);
	}
	expect(run + 1 == nr, "%u runs, not %u", nr, run + 1);
}

static void verify_tail(const struct memory *memory, const struct chunk *chunk,
			unsigned long index)
{
	unsigned int pos = pfn_runs_find(chunk->runs, chunk->nr, index);
	unsigned int nr = chunk->nr - pos;
	struct pfn_run *tail;

	expect(nr && nr <= chunk->nr, "%u of %u runs", nr, chunk->nr);
	tail = alloc_runs(nr);
	expect(pfn_runs_tail(chunk->runs, chunk->nr, pos, index, tail) == nr,
	       "%u runs from %lu on", nr, index);
	verify_runs(memory, tail, nr, index, chunk->last);
	free(tail);
}

static void verify_chunk(const struct memory *memory, const struct chunk *chunk)
{
	verify_runs(memory, chunk->runs, chunk->nr, chunk->first, chunk->last);
}

static void add_chunk(struct memory *memory, unsigned int position,
		      const struct chunk *chunk)
{
	expect(memory->nr_chunks < MAX_CHUNKS, "the test makes too many");
	memmove(&memory->chunks[position + 1], &memory->chunks[position],
		(memory->nr_chunks - position) * sizeof(*chunk));
	memory->chunks[position] = *chunk;
	memory->nr_chunks++;
}

/* Move the runs of the batch to a chunk. */
static void flush(struct memory *memory, const struct pfn_run *runs,
		  unsigned int nr, unsigned long first, unsigned long end)
{
	struct chunk chunk = { first, end - 1, nr, alloc_runs(nr) };

	memcpy(chunk.runs, runs, nr * sizeof(*runs));
	add_chunk(memory, memory->nr_chunks, &chunk);
}

/* Return: number of contiguous pages from @index on, sometimes only a part. */
static unsigned long piece(const struct memory *memory, unsigned long index)
{
	unsigned long end = memory->base + memory->npages, n = 1;

	while (index + n < end && !breaks(memory, index + n))
		n++;
	return unit_chance(20) ? 1 + unit_below(n) : n;
}

/* A full batch refuses a new run and does not change. */
static void expect_refusal(struct pfn_run *runs, unsigned int room,
			   unsigned long index, unsigned long pfn)
{
	struct pfn_run before[MAX_ROOM];
	unsigned int nr = room;

	memcpy(before, runs, room * sizeof(*runs));
	expect(!pfn_runs_append(runs, &nr, room, index, pfn), "%u runs", room);
	expect(nr == room, "%u, not %u", nr, room);
	expect(!memcmp(before, runs, room * sizeof(*runs)), "%u runs", room);
}

static void pin(struct memory *memory)
{
	unsigned long end = memory->base + memory->npages;
	unsigned long first = memory->base, index = first, n;
	unsigned int room = 1 + unit_below(MAX_ROOM), nr = 0;
	struct pfn_run *runs = alloc_runs(room);

	for (; index < end; index += n) {
		bool joins = index != first && !breaks(memory, index);
		unsigned int had = nr;

		n = piece(memory, index);
		if (nr == room && !joins) {
			expect_refusal(runs, room, index,
				       pfn_of(memory, index));
			flush(memory, runs, nr, first, index);
			first = index;
			nr = had = 0;
		}
		expect(pfn_runs_append(runs, &nr, room, index,
				       pfn_of(memory, index)),
		       "%u runs of %u", nr, room);
		expect(nr == had + !joins, "%u runs after %u", nr, had);
	}
	flush(memory, runs, nr, first, end);
	free(runs);
}

/* Split the chunk, as pinning does at the ends of its range. */
static void split(struct memory *memory, unsigned int position,
		  unsigned long index)
{
	struct chunk *chunk = &memory->chunks[position];
	struct chunk tail = { .first = index, .last = chunk->last };
	unsigned int pos = pfn_runs_find(chunk->runs, chunk->nr, index);

	tail.nr = chunk->nr - pos;
	tail.runs = alloc_runs(tail.nr);
	expect(pfn_runs_tail(chunk->runs, chunk->nr, pos, index, tail.runs) ==
	       tail.nr, "%u runs", tail.nr);

	chunk->nr = pfn_runs_find(chunk->runs, chunk->nr, index - 1) + 1;
	chunk->last = index - 1;
	verify_chunk(memory, chunk);
	verify_chunk(memory, &tail);
	add_chunk(memory, position + 1, &tail);
}

static void split_some(struct memory *memory)
{
	unsigned int times = unit_below(20);

	while (times--) {
		unsigned int position = unit_below(memory->nr_chunks);
		struct chunk *chunk = &memory->chunks[position];
		unsigned long length = chunk->last - chunk->first;

		if (length)
			split(memory, position,
			      chunk->first + 1 + unit_below(length));
	}
}

/* The chunks cover all pages, and each of them is correct. */
static void verify_all(const struct memory *memory)
{
	unsigned long next = memory->base;
	unsigned int i;

	for (i = 0; i < memory->nr_chunks; i++) {
		const struct chunk *chunk = &memory->chunks[i];

		expect(chunk->first == next, "%lu, not %lu", chunk->first,
		       next);
		verify_chunk(memory, chunk);
		next = chunk->last + 1;
	}
	expect(next == memory->base + memory->npages, "%lu", next);
}

static void verify_tails(const struct memory *memory)
{
	unsigned int i;

	for (i = 0; i < memory->nr_chunks; i++) {
		const struct chunk *chunk = &memory->chunks[i];
		unsigned long index;

		for (index = chunk->first; index <= chunk->last; index++)
			verify_tail(memory, chunk, index);
	}
}

static void unpin(struct memory *memory)
{
	while (memory->nr_chunks)
		free(memory->chunks[--memory->nr_chunks].runs);
}

static void memories(void)
{
	struct memory *memory = unit_alloc(sizeof(*memory));
	unsigned long nr_runs = 0, nr_chunks = 0, npages = 0;
	unsigned int i;

	memory->nr_chunks = 0;
	while (unit_next_step()) {
		choose_pages(memory);
		pin(memory);
		verify_all(memory);
		/* Verifying the tail at every page takes long. */
		if (unit_chance(5))
			verify_tails(memory);
		split_some(memory);
		verify_all(memory);

		npages += memory->npages;
		nr_chunks += memory->nr_chunks;
		for (i = 0; i < memory->nr_chunks; i++)
			nr_runs += memory->chunks[i].nr;
		unpin(memory);
	}
	unit_note("%lu pages, %lu runs, %lu chunks", npages, nr_runs,
		  nr_chunks);
	free(memory);
}

/* All functions on an array of one run. */
static void one_run(void)
{
	struct pfn_run run, copy;
	unsigned int nr = 0;

	expect(!pfn_runs_append(&run, &nr, 0, 5, 100), "no room at all");
	expect(pfn_runs_append(&run, &nr, 1, 5, 100) && nr == 1, "%u", nr);
	expect(pfn_runs_append(&run, &nr, 1, 8, 103) && nr == 1, "%u", nr);
	expect(!pfn_runs_append(&run, &nr, 1, 10, 104) && nr == 1, "%u", nr);
	expect(run.index == 5 && run.pfn == 100, "%lu %lu", run.index,
	       run.pfn);
	expect(pfn_run_last(&run, 1, 0, 9) == 9, "");
	expect(pfn_run_pfn(&run, 9) == 104, "");
	expect(pfn_runs_find(&run, 1, 5) == 0, "");
	expect(pfn_runs_find(&run, 1, ULONG_MAX) == 0, "");
	expect(pfn_runs_tail(&run, 1, 0, 9, &copy) == 1, "");
	expect(copy.index == 9 && copy.pfn == 104, "%lu %lu", copy.index,
	       copy.pfn);
}

static unsigned long blocks_to_find(const struct pfn_run *runs, unsigned int nr)
{
	unsigned long before = unit_blocks;
	unsigned int i, run;

	for (i = 0; i < 1000; i++) {
		run = unit_below(nr);
		expect(pfn_runs_find(runs, nr, 2 * run + 1) == run, "%u", run);
	}
	return unit_blocks - before;
}

/* From few to many runs the logarithm of the number doubles. */
static void cost_of_find(void)
{
	const unsigned int few = 1000, many = 1000000;
	struct pfn_run *runs = alloc_runs(many);
	unsigned long few_blocks, many_blocks;
	unsigned int nr = 0, i;

	for (i = 0; i < many; i++) {
		expect(pfn_runs_append(runs, &nr, many, 2 * i, 3 * i),
		       "%u runs", nr);
	}
	expect(nr == many, "%u runs", nr);
	few_blocks = blocks_to_find(runs, few);
	many_blocks = blocks_to_find(runs, many);
	unit_note("%lu basic blocks for 1000 times among %u, %lu among %u",
		  few_blocks, few, many_blocks, many);
	expect(few_blocks, "nothing was counted");
	expect(many_blocks <= few_blocks * 5 / 2, "%lu, %lu", few_blocks,
	       many_blocks);
	free(runs);
}

static const struct unit_test tests[] = {
	{ "one run", one_run, 0 },
	{ "pinning and splitting", memories, 20000 },
	{ "cost of finding a page", cost_of_find, 0 },
};

int main(int argc, char **argv)
{
	return unit_main(argc, argv, tests, ARRAY_SIZE(tests));
}
