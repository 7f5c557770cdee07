/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What can be done to a context, as a table, so that programs can set anything
 * against anything.
 *
 * Each operation works on what all have in common: struct race_state. Objects
 * that always exist are in a struct race_context; those that come and go are
 * in slots, as ids. Whoever reads a slot may find that the object is gone, or
 * that the id is another object's by now.
 *
 * An operation says which errnos it may get from objects in any state that it
 * brings about itself (allowed), and what it ends for all others, which tells
 * the errnos that they may get. Anything else is a mistake of the kernel's.
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
 * Mappings are made of these, all below the end of every aperture; of the mock's,
 * when it has all 64 bits, the last slot lies so far below the end that no
 * operation reaches beyond it.
 */
#define RACE_IOVA	0x10000000UL
#define RACE_IOVA_TOP	(-(RACE_SLOTS + 4) * RACE_SLOT)
#define RACE_SLOTS	12
#define RACE_SLOT	(4 * PAGE)
/* In memory each is followed by a page that nothing ever maps. */
#define RACE_STRIDE	(RACE_SLOT + PAGE)

#define RACE_IDS	4
#define RACE_EDUS	3

/* What an operation has to do with: those that share nothing cannot race. */
enum race_object {
	RACE_IOAS = 1 << 0,
	RACE_HWPT = 1 << 1,
	RACE_DEVICE = 1 << 2,
	RACE_ACCESS = 1 << 3,
	RACE_MEMORY = 1 << 4,
	RACE_ALL = (1 << 5) - 1,
	/* It is not the same with devices of the mock. */
	RACE_REAL = 1 << 5,
};

/* What an operation ends */
enum race_end {
	/* The id may be found gone, another object's, or in use. */
	RACE_ENDS_OBJECTS = 1 << 0,
	/*
	 * So may the file: closed, of another kind, or another context, where
	 * the same id may be an object that can be destroyed (EPROTO).
	 */
	RACE_ENDS_FILES = 1 << 1,
	/* The memory may not be there to be pinned. */
	RACE_ENDS_MEMORY = 1 << 2,
};

struct race_op {
	const char *name;
	int (*step)(struct race_thread *thread);
	unsigned int objects;	/* enum race_object */
	unsigned int ends;	/* enum race_end */
	int allowed[RACE_ERRNOS];
};

/* What lives as long as one open of /dev/iommu */
struct race_context {
	int fd;
	uint32_t ioas[2];
	/* With the mock: a device that stays attached, and two accesses */
	struct mock_dev dev;
	int access[2];
	uint32_t access_id[2];
};

struct race_state {
	const struct race_backend *backend;
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
	/* With real devices. The lock is for who uses the BAR or changes it. */
	struct edu edu[RACE_EDUS];
	pthread_rwlock_t edu_lock[RACE_EDUS];
	unsigned int nr_edu;
};

/*
 * Where the devices come from, and what can be done with them.
 * @find: which devices there are; returns false if there are too few
 * @open: fill a context with objects; returns 0 or the errno
 * @close: close what belongs to a context besides its fd
 * @release: let go of the devices
 */
struct race_backend {
	const char *name;
	const char *devices;	/* what @find finds */
	bool (*find)(struct race_state *state);
	int (*open)(struct race_state *state, struct race_context *context);
	void (*close)(struct race_context *context);
	void (*release)(struct race_state *state);
	const struct race_op *ops;	/* up to one without a name */
};

extern const struct race_backend race_backend_mock;
extern const struct race_backend race_backend_edu;

/* Have the slots near the end of 64 bits, for the mock with that aperture. */
void race_use_top_iovas(void);

/* Open and make what operations need. Returns 0 or the errno. */
int race_open(struct race_state *state, const struct race_backend *backend,
	      bool per_process);
/*
 * All at once for so many ms. What was wrong is printed, and the first of it
 * returned as an errno.
 */
int race_ops(struct race_state *state, const struct race_op *const *ops, int n,
	     unsigned int ms);
/*
 * Undo everything and see that nothing is left: no mapping, pin, charge or id,
 * and no byte changed where nothing was mapped. As race_ops().
 */
int race_close(struct race_state *state);

/* For operations */
struct race_context race_context(struct race_state *state);
int race_context_open(struct race_state *state, struct race_context *context);
void race_context_close(struct race_state *state, struct race_context *context);
uint8_t *race_mem(struct race_state *state, unsigned int slot);
uint64_t race_iova(unsigned int slot);
/* An IOAS; a page table of any kind */
uint32_t race_pick_ioas(struct race_thread *thread,
			const struct race_context *context);
uint32_t race_pick_pt(struct race_thread *thread,
		      const struct race_context *context);

/* Put an id into a slot that is empty; false if it is not. */
bool race_slot_fill(uint32_t *slot, uint32_t id);
/* Take what is in a slot, 0 for nothing. */
uint32_t race_slot_take(uint32_t *slot);
/* DESTROY what is in a slot and empty it. */
int race_slot_destroy(int fd, uint32_t *slot);

/* Those that need no device, and then those of a machine; NULL at the end */
const struct race_op *race_op(const struct race_backend *backend, int i);

/* HWPT_ALLOC for a device */
int race_hwpt_alloc(struct race_thread *thread,
		    const struct race_context *context, uint32_t device);
/* DESTROY of one, or @alloc where there is none */
int race_destroy_hwpt(struct race_thread *thread,
		      int (*alloc)(struct race_thread *thread));
int race_map_slot(struct race_state *state, int fd, uint32_t ioas,
		  unsigned int slot);

#endif
