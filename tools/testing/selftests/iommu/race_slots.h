/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that map and unmap slots of one IOAS. A test of race_edu or race_mock
 * runs them against threads of its own.
 */
#ifndef SELFTEST_IOMMU_RACE_SLOTS_H
#define SELFTEST_IOMMU_RACE_SLOTS_H

#include "harness.h"
#include "race.h"

#define SLOTS		12
#define SLOT		(4 * PAGE)

/* The first member of what the threads of a test share */
struct race_slots {
	int fd;
	uint32_t ioas;
	uint32_t other;		/* a second IOAS */
	uint8_t *mem;		/* SLOTS * SLOT bytes */
	uint64_t iova;		/* of the first slot */
};

static inline uint64_t slot_iova(struct race_thread *t, unsigned int slot)
{
	struct race_slots *slots = t->shared;

	return slots->iova + slot * SLOT;
}

/* One of the two IOAS */
static inline uint32_t pick_ioas(struct race_thread *t)
{
	struct race_slots *slots = t->shared;

	return race_pick(t, 2) ? slots->ioas : slots->other;
}

static inline int step_map(struct race_thread *t)
{
	struct race_slots *slots = t->shared;
	unsigned int slot = race_pick(t, SLOTS);

	return _test_map_fixed(slots->fd, slots->ioas, slots->mem + slot * SLOT,
			       SLOT, slot_iova(t, slot), MAP_RW);
}

static inline int step_unmap(struct race_thread *t)
{
	struct race_slots *slots = t->shared;

	return _test_ioas_unmap(slots->fd, slots->ioas,
				slot_iova(t, race_pick(t, SLOTS)), SLOT, NULL);
}

#define MAP	{ .step = step_map, .allowed = { EEXIST } }
/* EBUSY: another thread is just making the mapping or taking it away. */
#define UNMAP	{ .step = step_unmap, .allowed = { ENOENT, EBUSY } }

#endif
