/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of the operations on a context. race_all runs all of them at once,
 * race_pairs every two of them.
 *
 * All operations share one struct race_state. Objects that always exist are in
 * its struct race_context. Other objects are created and destroyed by
 * operations; their ids are in slots. An operation that reads a slot may find
 * that the object is gone, or that another object has the id now.
 *
 * @allowed has the errnos that an operation may get against itself. @ends says
 * what it takes away from other operations, and so which errnos those may get.
 * Any other errno is an error of the kernel.
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
 * Mappings consist of slots. All slots are in every aperture. RACE_IOVA_TOP is
 * for a mock aperture of all 64 bits: no operation reaches beyond its end.
 */
#define RACE_IOVA	0x10000000UL
#define RACE_IOVA_TOP	(-(RACE_SLOTS + 4) * RACE_SLOT)
#define RACE_SLOTS	12
#define RACE_SLOT	(4 * PAGE)
/* In memory a page that is never mapped follows each slot. */
#define RACE_STRIDE	(RACE_SLOT + PAGE)

#define RACE_IDS	4
#define RACE_EDUS	3

/*
 * What an operation works on. Two operations with no bit in common cannot race.
 */
enum race_object {
	RACE_IOAS = 1 << 0,
	RACE_HWPT = 1 << 1,
	RACE_DEVICE = 1 << 2,
	RACE_ACCESS = 1 << 3,
	RACE_MEMORY = 1 << 4,
	RACE_ALL = (1 << 5) - 1,
	/* Worth doing with real devices, too */
	RACE_REAL = 1 << 5,
};

/* What an operation takes away from others */
enum race_end {
	/* The id may be free, another object's, or in use. */
	RACE_ENDS_OBJECTS = 1 << 0,
	/*
	 * The descriptor may be closed, another kind of file, or another
	 * context, where the same id may be an object that can be destroyed
	 * (EPROTO).
	 */
	RACE_ENDS_FILES = 1 << 1,
	/* The memory may be gone and cannot be pinned. */
	RACE_ENDS_MEMORY = 1 << 2,
};

struct race_op {
	const char *name;
	int (*step)(struct race_thread *thread);
	unsigned int objects;	/* enum race_object */
	unsigned int ends;	/* enum race_end */
	int allowed[RACE_ERRNOS];
	/* Has several steps, and among all others may never come to its end */
	bool rare;
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
	int file;			/* a memfd with room for all slots */
	/* Slots with ids, 0 when empty; changed atomically */
	uint32_t ioas;
	uint32_t hwpt[RACE_IDS];
	uint32_t stdev[RACE_IDS];
	uint32_t idev[RACE_IDS];
	uint32_t pin[RACE_IDS];
	/*
	 * With real devices. The lock is for the use and the change of a BAR.
	 */
	struct edu edu[RACE_EDUS];
	pthread_rwlock_t edu_lock[RACE_EDUS];
	unsigned int nr_edu;
};

/*
 * Where the devices come from, and the operations on them.
 * @find: find the devices; returns false if there are too few
 * @open: fill a context with objects; returns 0 or the errno
 * @close: close the descriptors of a context besides its fd
 * @release: close the devices
 */
struct race_backend {
	const char *name;
	const char *devices;	/* for messages: what @find looks for */
	bool (*find)(struct race_state *state);
	int (*open)(struct race_state *state, struct race_context *context);
	void (*close)(struct race_context *context);
	void (*release)(struct race_state *state);
	const struct race_op *ops;	/* ends with an empty one */
};

extern const struct race_backend race_backend_mock;
extern const struct race_backend race_backend_edu;

/* Put the slots at RACE_IOVA_TOP. */
void race_use_top_iovas(void);

/* Open a context with all that operations need. Returns 0 or the errno. */
int race_open(struct race_state *state, const struct race_backend *backend,
	      bool per_process);
/*
 * Run @ops at once for @ms. Prints what was wrong; returns 0 or the first
 * errno.
 */
int race_ops(struct race_state *state, const struct race_op *const *ops, int n,
	     unsigned int ms);
/*
 * Undo everything and check that nothing is left: no mapping, pin, charge or
 * id, and that no byte has changed where nothing was mapped. Returns as
 * race_ops().
 */
int race_close(struct race_state *state);

/* For operations */
struct race_context race_context(struct race_state *state);
int race_context_open(struct race_state *state, struct race_context *context);
void race_context_close(struct race_state *state, struct race_context *context);
uint8_t *race_mem(struct race_state *state, unsigned int slot);
uint64_t race_iova(unsigned int slot);
/* An IOAS; an IOAS or a HWPT */
uint32_t race_pick_ioas(struct race_thread *thread,
			const struct race_context *context);
uint32_t race_pick_pt(struct race_thread *thread,
		      const struct race_context *context);

/* Put an id into a slot; false if the slot is not empty. */
bool race_slot_fill(uint32_t *slot, uint32_t id);
/* Take the id out of a slot; 0 if it is empty. */
uint32_t race_slot_take(uint32_t *slot);
/* DESTROY the object in a slot; in use, it stays there. */
int race_slot_destroy(int fd, uint32_t *slot);

/*
 * Operation @i: first those that need no device, then those of @backend, then
 * NULL
 */
const struct race_op *race_op(const struct race_backend *backend, int i);

/* The steps of race_ops_objects.c */
int race_step_page_request(struct race_thread *thread);
int race_step_nested(struct race_thread *thread);
int race_step_viommu(struct race_thread *thread);
int race_step_hw_queue(struct race_thread *thread);
int race_step_dirty(struct race_thread *thread);
int race_step_pasid(struct race_thread *thread);

/* HWPT_ALLOC for a device */
int race_hwpt_alloc(struct race_thread *thread,
		    const struct race_context *context, uint32_t device);
/* DESTROY of a HWPT, or @alloc if there is none */
int race_destroy_hwpt(struct race_thread *thread,
		      int (*alloc)(struct race_thread *thread));
int race_map_slot(struct race_state *state, int fd, uint32_t ioas,
		  unsigned int slot);

#endif
