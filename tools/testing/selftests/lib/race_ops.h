/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of operations on a context. Programs can run any of them against any
 * others.
 *
 * All operations share struct race_state. Objects that always exist are in
 * struct race_context; the ids of those that come and go are in slots. When an
 * operation uses an id from a slot, the object may be gone, or the id may have
 * been reused.
 *
 * An operation lists the errnos that it may get from states that it causes
 * itself (@allowed). It also lists what it ends (@ends), which implies the
 * errnos that the other operations may get. Any other errno is a bug of the
 * kernel.
 */
#ifndef SELFTEST_LIB_RACE_OPS_H
#define SELFTEST_LIB_RACE_OPS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "edu.h"
#include "mem.h"
#include "mock.h"
#include "race.h"

/*
 * The slots for mappings. They are in every aperture. With race_use_high_iova()
 * the last slot is so far below 2^64 that no operation goes past the end.
 */
#define RACE_IOVA	0x10000000UL
#define RACE_IOVA_TOP	(-(RACE_SLOTS + 4) * RACE_SLOT)
#define RACE_SLOTS	12
#define RACE_SLOT	(4 * PAGE)
/* In memory, a page that is never mapped follows each slot. */
#define RACE_STRIDE	(RACE_SLOT + PAGE)

#define RACE_IDS	4
#define RACE_EDUS	3

/* The objects that an operation uses. Operations that share none cannot race. */
enum race_object {
	RACE_IOAS = 1 << 0,
	RACE_HWPT = 1 << 1,
	RACE_DEVICE = 1 << 2,
	RACE_ACCESS = 1 << 3,
	RACE_MEMORY = 1 << 4,
	RACE_ALL = (1 << 5) - 1,
	/* Works differently with real devices than with the mock. */
	RACE_REAL = 1 << 5,
};

/* What an operation ends */
enum race_end {
	/* The object of an id may be gone, in use, or a different one. */
	RACE_ENDS_OBJECTS = 1 << 0,
	/*
	 * The file may be closed, of another type, or another context, where
	 * the same id may be an object that can be destroyed (EPROTO).
	 */
	RACE_ENDS_FILES = 1 << 1,
	/* The memory may not exist, so that it cannot be pinned. */
	RACE_ENDS_MEMORY = 1 << 2,
};

struct race_op {
	const char *name;
	int (*step)(struct race_thread *thread);
	unsigned int objects;	/* enum race_object */
	unsigned int ends;	/* enum race_end */
	int allowed[RACE_ERRNOS];
};

/* Everything that exists as long as one open of /dev/iommu */
struct race_context {
	int fd;
	uint32_t ioas[2];
	/* With the mock: a device that stays attached, and two accesses */
	struct mock_dev dev;
	int access[2];
	uint32_t access_id[2];
};

struct race_state {
	const struct race_machine *machine;
	pthread_mutex_t lock;		/* guards context */
	struct race_context context;
	bool per_process;		/* IOMMU_OPTION_RLIMIT_MODE */
	uint8_t *mem;
	/* Ids in slots, 0 in an empty one; changed atomically */
	uint32_t ioas;
	uint32_t hwpt[RACE_IDS];
	uint32_t stdev[RACE_IDS];
	uint32_t idev[RACE_IDS];
	uint32_t pin[RACE_IDS];
	/* With real devices. The lock protects the BAR. */
	struct edu edu[RACE_EDUS];
	pthread_rwlock_t edu_lock[RACE_EDUS];
	unsigned int nr_edu;
};

/*
 * The devices, and the operations on them.
 * @find: find the devices; returns false if there are too few
 * @open: create the objects of a context; returns 0 or the errno
 * @close: close what belongs to a context besides its fd
 * @end: close the devices
 */
struct race_machine {
	const char *name;
	const char *devices;	/* what @find finds */
	bool (*find)(struct race_state *state);
	int (*open)(struct race_state *state, struct race_context *context);
	void (*close)(struct race_context *context);
	void (*end)(struct race_state *state);
	const struct race_op *ops;	/* the last one has no name */
};

extern const struct race_machine race_mock;
extern const struct race_machine race_edu;

/* Use slots near 2^64, for the mock with an aperture of all 64 bits. */
void race_use_high_iova(void);

/* Open and create what the operations need. Returns 0 or the errno. */
int race_open(struct race_state *state, const struct race_machine *machine,
	      bool per_process);
/*
 * Run @n operations at the same time for @ms. Prints every thread's steps and
 * what was wrong. Returns 0 or an errno.
 */
int race_ops(struct race_state *state, const struct race_op *const *ops, int n,
	     unsigned int ms);
/*
 * Destroy everything and check that nothing is left: no mapping, pin, charge or
 * object, and that memory which was never mapped has not changed. Prints what
 * was wrong and returns 0 or an errno.
 */
int race_close(struct race_state *state);

/* For operations */
struct race_context race_context(struct race_state *state);
int race_context_open(struct race_state *state, struct race_context *context);
void race_context_close(struct race_state *state, struct race_context *context);
uint8_t *race_mem(struct race_state *state, unsigned int slot);
uint64_t race_iova(unsigned int slot);
/* Pick an IOAS; pick an IOAS or a HWPT. */
uint32_t race_pick_ioas(struct race_thread *thread,
			const struct race_context *context);
uint32_t race_pick_pt(struct race_thread *thread,
		      const struct race_context *context);

/* Put an id into an empty slot; false if the slot is not empty. */
bool race_slot_fill(uint32_t *slot, uint32_t id);
/* Take the id out of a slot; 0 if the slot is empty. */
uint32_t race_slot_take(uint32_t *slot);
/* Destroy the object in a slot; empty the slot unless the object is in use. */
int race_slot_destroy(int fd, uint32_t *slot);

/*
 * The operation with this index: first those that need no device, then those of
 * @machine. NULL after the last
 */
const struct race_op *race_op(const struct race_machine *machine, int i);

/* IOMMU_HWPT_ALLOC for @device */
int race_hwpt_alloc(struct race_thread *thread,
		    const struct race_context *context, uint32_t device);
/* Destroy a HWPT, or call @alloc if the slot is empty. */
int race_destroy_hwpt(struct race_thread *thread,
		      int (*alloc)(struct race_thread *thread));
int race_map_slot(struct race_state *state, int fd, uint32_t ioas,
		  unsigned int slot);

#endif
