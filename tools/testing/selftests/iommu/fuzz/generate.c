// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a program from a seed. Few IOVAs and few places in memory, most of them
 * whole pages, so that steps work on the same mappings.
 */
#include <stdlib.h>

#include <kselftest.h>

#include "arena.h"
#include "ioctls.h"
#include "mock.h"
#include "model.h"

bool fuzz_wide;

uint64_t fuzz_iova(void)
{
	/* Some mappings end at the last page, some beyond it. */
	return fuzz_wide ? -136 * PAGE : MOCK_APERTURE_START;
}

/* How often each kind of step is made, out of the sum of all */
struct weight {
	uint8_t kind;
	uint8_t weight;
};

static const struct weight weights[] = {
	{ STEP_IOAS_ALLOC, 4 }, { STEP_DESTROY, 5 }, { STEP_MAP, 20 },
	{ STEP_UNMAP, 12 }, { STEP_COPY, 10 }, { STEP_IOVA_RANGES, 5 },
	{ STEP_ALLOW_IOVAS, 3 }, { STEP_OPTION, 4 }, { STEP_HWPT_ALLOC, 5 },
	{ STEP_HW_INFO, 2 }, { STEP_VFIO_IOAS, 6 }, { STEP_ATTACH, 5 },
	{ STEP_REPLACE, 5 }, { STEP_RESERVE, 2 }, { STEP_CHECK_MAP, 6 },
	{ STEP_CHECK_REFS, 5 }, { STEP_ACCESS_CREATE, 3 },
	{ STEP_ACCESS_CLOSE, 1 }, { STEP_ACCESS_PIN, 7 },
	{ STEP_ACCESS_UNPIN, 4 }, { STEP_ACCESS_RW, 7 },
	{ STEP_ACCESS_REPLACE, 2 }, { STEP_BATCH, 1 }, { STEP_TYPE1_MAP, 4 },
	{ STEP_TYPE1_UNMAP, 4 }, { STEP_TYPE1_SET, 1 }, { STEP_TYPE1_ASK, 1 },
	{ STEP_TYPE1_INFO, 1 }, { STEP_UNKNOWN, 1 }, { STEP_REMAP, 2 },
	{ STEP_MEMLOCK, 1 }, { STEP_FORK, 2 }, { STEP_REOPEN, 1 },
	{ STEP_CHECK_PINS, 3 }, { STEP_MAP_FILE, 4 }, { STEP_DECODE, 2 },
	{ STEP_CHANGE_PROCESS, 2 }, { STEP_INVALIDATE, 1 },
	{ STEP_CHECK_IOTLB, 1 },
};

/* Some programs work on HWPTs and what is on them, more than on memory. */
static const struct weight hwpt_weights[] = {
	{ STEP_IOAS_ALLOC, 1 }, { STEP_DESTROY, 7 }, { STEP_MAP, 12 },
	{ STEP_UNMAP, 3 }, { STEP_COPY, 2 }, { STEP_ALLOW_IOVAS, 1 },
	{ STEP_OPTION, 1 }, { STEP_IOVA_RANGES, 2 }, { STEP_MAP_FILE, 1 },
	{ STEP_HWPT_ALLOC, 14 }, { STEP_HW_INFO, 2 }, { STEP_ATTACH, 5 },
	{ STEP_REPLACE, 6 }, { STEP_CHECK_MAP, 2 }, { STEP_CHECK_REFS, 1 },
	{ STEP_ACCESS_CREATE, 1 }, { STEP_ACCESS_CLOSE, 1 },
	{ STEP_REOPEN, 1 }, { STEP_CHECK_PINS, 1 }, { STEP_INVALIDATE, 6 },
	{ STEP_CHECK_IOTLB, 6 },
	{ STEP_FAULT_ALLOC, 3 }, { STEP_QUEUE_CLOSE, 1 },
	{ STEP_TRIGGER_IOPF, 12 }, { STEP_FAULT_READ, 6 },
	{ STEP_FAULT_RESPOND, 6 },
	{ STEP_PASID_ATTACH, 12 }, { STEP_PASID_DETACH, 3 },
	{ STEP_PASID_CHECK, 4 },
	{ STEP_DIRTY_SET, 5 }, { STEP_DIRTY_MARK, 8 }, { STEP_DIRTY_GET, 8 },
	{ STEP_VIOMMU_ALLOC, 6 }, { STEP_VDEVICE_ALLOC, 8 },
	{ STEP_HWQ_ALLOC, 5 }, { STEP_VIOMMU_MMAP, 3 },
	{ STEP_CHECK_CACHE, 4 }, { STEP_VEVENT_ALLOC, 4 },
	{ STEP_TRIGGER_VEVENT, 8 }, { STEP_VEVENT_READ, 6 },
};

static uint8_t pick_kind(struct rng *rng, const struct weight *table,
			 unsigned int n)
{
	unsigned int sum = 0, pick, i = 0;

	for (unsigned int k = 0; k < n; k++)
		sum += table[k].weight;
	pick = rng_below(rng, sum);
	while (pick >= table[i].weight)
		pick -= table[i++].weight;
	return table[i].kind;
}

static uint8_t make_kind(struct rng *rng, bool hwpts)
{
	uint8_t kind = hwpts ? pick_kind(rng, hwpt_weights,
					 ARRAY_SIZE(hwpt_weights)) :
			       pick_kind(rng, weights, ARRAY_SIZE(weights));

	/* These take long and find little when done often. */
	if ((kind == STEP_FORK || kind == STEP_REOPEN) && !rng_one_in(rng, 5))
		return STEP_MAP;
	return kind;
}

static uint64_t make_va(struct rng *rng)
{
	static const uint64_t odd[] = {
		0, PAGE, NOWHERE_START, NOWHERE_START + 0x123,
		0x800000000000, 0xffff888000000000, -3 * PAGE, U64_MAX - 5,
	};
	uint64_t va = rng_below(rng, ARENA_SMALL - 16) * PAGE;

	if (rng_one_in(rng, 40))
		return odd[rng_below(rng, 8)];
	if (rng_one_in(rng, 3))
		va = rng_below(rng, 64) * PAGE;
	/* Some begin in the memory before the BAR, or end in that behind it. */
	if (rng_one_in(rng, 6))
		va = (ARENA_BAR - 4 +
		      rng_below(rng, ARENA_BAR_PAGES + 4)) * PAGE;
	if (rng_one_in(rng, 10))
		va += MOCK_PAGE;
	else if (rng_one_in(rng, 10))
		va += rng_below(rng, PAGE);
	return va;
}

static uint64_t make_length(struct rng *rng)
{
	static const uint64_t odd[] = {
		0, 1, U64_MAX, U64_MAX / 2, U64_MAX / 2 + 1, U64_MAX - PAGE,
		1UL << 31, 1UL << 40,
	};
	uint64_t pages = 1 + rng_below(rng, rng_one_in(rng, 3) ? 16 : 4);

	if (rng_one_in(rng, 40))
		return odd[rng_below(rng, 8)];
	if (rng_one_in(rng, 10))
		return pages * PAGE + MOCK_PAGE;
	if (rng_one_in(rng, 12))
		return 1 + rng_below(rng, pages * PAGE);
	return pages * PAGE;
}

static uint64_t make_iova(struct rng *rng)
{
	static const uint64_t odd[] = {
		0, PAGE, MOCK_APERTURE_START - PAGE, MOCK_APERTURE_START,
		MOCK_APERTURE_LAST + 1, MOCK_APERTURE_LAST + 1 - PAGE,
		U64_MAX, U64_MAX - PAGE, -PAGE, -2 * PAGE, 1UL << 40, 0xfee00000,
	};
	uint64_t iova = fuzz_iova() + rng_below(rng, 128) * PAGE;

	if (rng_one_in(rng, 12))
		return odd[rng_below(rng, 12)];
	if (rng_one_in(rng, 10))
		iova += MOCK_PAGE;
	else if (rng_one_in(rng, 15))
		iova += rng_below(rng, PAGE);
	return iova;
}

static uint32_t make_flags(struct rng *rng)
{
	uint32_t flags = MAP_RW;

	if (rng_one_in(rng, 4))
		flags = MAP_READ;
	else if (rng_one_in(rng, 8))
		flags = MAP_WRITE;
	else if (rng_one_in(rng, 50))
		flags = 0;
	if (!rng_one_in(rng, 3))
		flags |= MAP_FIXED_IOVA;
	return flags;
}

static void make_map(struct rng *rng, struct step *step)
{
	step->arg[1] = make_va(rng);
	step->arg[2] = make_length(rng);
	step->arg[3] = make_flags(rng);
	step->arg[4] = make_iova(rng);
	if (rng_one_in(rng, 16)) {
		step->arg[1] = (ARENA_HUGE + rng_below(rng, 1024)) * PAGE;
		if (rng_one_in(rng, 2))
			step->arg[2] = rng_below(rng, 513) * PAGE;
		if (rng_one_in(rng, 4))
			step->arg[1] &= ~(HUGE - 1);
	}
	/* The end must not wrap: the ABI says too little about that case. */
	if (step->arg[1] >= ARENA_BYTES && -step->arg[1] == step->arg[2])
		step->arg[2] = PAGE;
}

static void make_unmap(struct rng *rng, struct step *step)
{
	static const struct { uint64_t iova, length; } odd[] = {
		{ 0, U64_MAX }, { 0, U64_MAX }, { U64_MAX, 1 }, { 1, U64_MAX },
		{ 0, 0 }, { PAGE, 0 }, { -PAGE, 2 * PAGE }, { 0, 1UL << 62 },
		{ 0, U64_MAX - 1 }, { MOCK_APERTURE_START, 64 * PAGE },
	};
	unsigned int pick = rng_below(rng, 10);

	if (!rng_one_in(rng, 12))
		return;
	step->arg[2] = 100;
	step->arg[3] = odd[pick].iova;
	step->arg[4] = odd[pick].length;
}

static void make_option(struct rng *rng, struct step *step)
{
	static const uint64_t values[] = { 0, 0, 1, 1, 1, 2, U64_MAX };

	step->arg[1] = rng_one_in(rng, 20) ? rng_below(rng, 5) :
					     rng_below(rng, 2);
	step->arg[2] = rng_one_in(rng, 20) ? rng_below(rng, 5) :
					     rng_below(rng, 2);
	step->arg[3] = values[rng_below(rng, 7)];
}

static void make_reserve(struct rng *rng, struct step *step)
{
	step->arg[1] = make_iova(rng);
	step->arg[2] = make_length(rng);
	/* Keep room: rarely reserve almost all of the IOAS. */
	if (step->arg[2] > 1UL << 30 && !rng_one_in(rng, 4))
		step->arg[2] = PAGE;
}

static void make_args(struct rng *rng, struct step *step)
{
	switch (step->kind) {
	case STEP_MAP:
	case STEP_MAP_FILE:
	case STEP_TYPE1_MAP:
		make_map(rng, step);
		break;
	case STEP_UNMAP:
		make_unmap(rng, step);
		break;
	case STEP_COPY:
		step->arg[5] = make_iova(rng) & 0xffffffffffff;
		step->arg[5] |= (uint64_t)make_flags(rng) << 56;
		break;
	case STEP_ALLOW_IOVAS:
		step->arg[3] = fuzz_iova() + rng_below(rng, 200) * PAGE;
		break;
	case STEP_OPTION:
		make_option(rng, step);
		break;
	case STEP_RESERVE:
		make_reserve(rng, step);
		break;
	case STEP_VFIO_IOAS:
		step->arg[1] = rng_one_in(rng, 10) ? rng_below(rng, 6) :
			       rng_one_in(rng, 3) ? 0 : 1;
		break;
	case STEP_BATCH:
		step->arg[0] = rng_one_in(rng, 4) ? rng_below(rng, 64) : 65536;
		break;
	case STEP_MEMLOCK:
		step->arg[0] = rng_below(rng, 60);
		break;
	}
}

/*
 * The ABI does not say what a MAP leaves if its answer cannot be written. Of
 * other steps it says that nothing is left.
 */
static bool undoes(uint8_t kind)
{
	static const uint8_t kinds[] = {
		STEP_IOAS_ALLOC, STEP_HWPT_ALLOC, STEP_ATTACH,
		STEP_ACCESS_CREATE, STEP_INVALIDATE, STEP_FAULT_ALLOC,
		STEP_VIOMMU_ALLOC, STEP_VDEVICE_ALLOC, STEP_HWQ_ALLOC,
		STEP_VEVENT_ALLOC,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i] == kind)
			return true;
	return false;
}

static void make_step(struct rng *rng, struct step *step, bool hwpts)
{
	*step = (struct step){ .kind = make_kind(rng, hwpts) };
	step->ctx = rng_one_in(rng, hwpts ? 8 : 3) ? rng_below(rng, FUZZ_CTXS) :
						     0;
	for (int i = 0; i < STEP_ARGS; i++)
		step->arg[i] = rng_below(rng, 1 << 20);
	if (rng_one_in(rng, hwpts ? 16 : 12))
		step->fault = 1 + rng_below(rng, FAULTS - 1);
	if (step->fault == FAULT_READ_ONLY && !undoes(step->kind))
		step->fault = FAULT_POINTER;
	make_args(rng, step);
}

/*
 * What a program about HWPTs begins with: a device with PASIDs, a parent, a
 * queue of page faults, nested HWPTs, a vIOMMU with the device, and tracking.
 * The random steps that follow destroy and replace it.
 */
static const struct step first_steps[] = {
	{ .kind = STEP_ATTACH, .arg = { 0, 0, MOCK_DEVICE_PASID } },
	{ .kind = STEP_HWPT_ALLOC, .arg = { 0, 0, 0x300, 13, 0x100, 1 } },
	{ .kind = STEP_FAULT_ALLOC },
	{ .kind = STEP_HWPT_ALLOC, .arg = { 0, 1, 0, 13, 0x2101, 2 } },
	{ .kind = STEP_REPLACE, .arg = { 1 } },
	{ .kind = STEP_VIOMMU_ALLOC, .arg = { 0, 0, 1, 1 } },
	{ .kind = STEP_VDEVICE_ALLOC, .arg = { 0, 0, 0, 1 } },
	{ .kind = STEP_VEVENT_ALLOC, .arg = { 0, 1, 1 } },
	{ .kind = STEP_HWPT_ALLOC, .arg = { 0, 0, 0, 13, 0x2101, 2 } },
	{ .kind = STEP_REPLACE, .arg = { 0x101 } },
	{ .kind = STEP_HWPT_ALLOC, .arg = { 0, 2, 0x300, 12, 0x100, 1 } },
	{ .kind = STEP_DIRTY_SET, .arg = { 0, 2 } },
};

void program_make(struct program *program, uint64_t seed, size_t nsteps)
{
	struct rng rng = { seed };
	bool hwpts = seed % 2;

	program->seed = seed;
	program->nsteps = nsteps;
	program->steps = calloc(nsteps + 1, sizeof(*program->steps));
	if (!program->steps)
		abort();
	program->persona = rng_below(&rng, PERSONAS);
	program->ending = rng_one_in(&rng, 8) ? ENDING_KILL :
			  rng_one_in(&rng, 3) ? ENDING_EXIT : ENDING_CLOSE;
	program->threads = 1;
	if (rng_one_in(&rng, 4)) {
		/* No thread can predict the sum of the charges of all. */
		program->threads = 2 + rng_below(&rng, FUZZ_THREADS - 1);
		program->persona = PERSONA_ROOT;
	}
	for (size_t i = 0; i < nsteps; i++) {
		make_step(&rng, &program->steps[i], hwpts);
		program->steps[i].thread = rng_below(&rng, program->threads);
	}
	/* Begin with an IOAS for each thread. */
	for (size_t i = 0; i < program->threads && i < nsteps; i++)
		program->steps[i] = (struct step){
			.kind = STEP_IOAS_ALLOC, .thread = i,
		};
	for (size_t i = 0; hwpts && i < ARRAY_SIZE(first_steps) &&
	     program->threads + i < nsteps; i++)
		program->steps[program->threads + i] = first_steps[i];
}
