/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The expected state of /dev/iommu after each step: objects and their users,
 * mappings, reserved and allowed ranges, which page is pinned and which account
 * is charged. The model is written from the description of the ABI, not from
 * the code.
 *
 * A prediction is the set of errnos that a call may return; an empty set means
 * that the call must succeed. A call that is wrong in several ways has several
 * errnos, as the ABI does not say in which order the kernel checks.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <linux/iommufd.h>

#include "arena.h"
#include "program.h"

#define MAX_IOAS	6
#define MAX_HWPT	12
#define MAX_DEV		6
#define MAX_ACCESS	5
#define MAX_PINS	8
#define MAX_PIECES	16
#define MAX_AREAS	64
#define MAX_RANGES	32
#define MAX_IDS		256
#define U64_MAX		UINT64_MAX

struct errs {
	unsigned int n;
	int rc[12];
	bool or_success;	/* the ABI allows both */
};

void errs_add(struct errs *errs, int rc);
bool errs_allow(const struct errs *errs, int rc);

struct range { uint64_t start, last; };

/* The memory of one MAP; copies share it. */
struct memory {
	unsigned int areas;
	uint64_t va, length;
	bool writable;
	bool unlimited;		/* mapped with CAP_IPC_LOCK */
	bool nowhere;		/* no page of it ever exists */
	bool orphan;		/* of a process that has exited */
	bool device;		/* a BAR: no page of it is pinned */
	bool file;		/* mapped by its descriptor */
	bool unreadable;	/* a BAR that was mapped for writing alone */
	/*
	 * Of a BAR: it was in a domain, so that it need not be there for the
	 * next one; or a call has failed that may have put it there.
	 */
	bool known, tried;
	unsigned int npages;
	unsigned int mark;	/* of the last count that included it */
	/*
	 * Per page: domains and accesses that pin it, and its generation then
	 */
	uint16_t domains[ARENA_PAGES + 1];
	uint16_t accesses[ARENA_PAGES + 1];
	uint32_t gen[ARENA_PAGES + 1];
};

struct area {
	uint64_t start, last;
	uint64_t offset;	/* of start in the memory */
	uint32_t flags;
	struct memory *memory;
};

struct ioas {
	bool used;
	uint32_t id;
	bool huge;
	unsigned int nhwpts, naccesses, npinners;
	unsigned int nareas, nreserved, nallowed;
	struct area areas[MAX_AREAS];
	struct range reserved[MAX_RANGES];
	struct range allowed[MAX_RANGES];
};

struct hwpt {
	bool used;
	uint32_t id;
	bool automatic;
	unsigned int ndevs;
	struct ioas *ioas;
};

struct dev {
	bool used;
	uint32_t stdev, idev;
	struct hwpt *hwpt;
};

/* A run of pages in a memory */
struct piece {
	struct memory *memory;
	unsigned int first, npages;
};

struct pin {
	bool used;
	uint32_t id;
	struct range iovas;
	unsigned int npieces;
	struct piece pieces[MAX_PIECES];
};

struct access {
	bool used;
	uint32_t id;
	int fd;
	bool can_pin;
	struct ioas *ioas;
	struct pin pins[MAX_PINS];
};

/* What is charged to the process, for all its files */
struct account {
	bool unlimited;		/* has CAP_IPC_LOCK */
	bool may_set_mode;	/* has CAP_SYS_RESOURCE */
	uint64_t limit;		/* pages */
	uint64_t pinned, user, locked;
};

struct context {
	int fd;
	unsigned int mode;
	bool ids_exact;		/* no other thread allocates ids of this file */
	bool taken[MAX_IDS];
	struct ioas ioas[MAX_IOAS];
	struct hwpt hwpt[MAX_HWPT];
	struct dev dev[MAX_DEV];
	struct access access[MAX_ACCESS];
	struct ioas *compat;
	struct account *account;
	struct arena *arena;
};

/* model_object.c: ids, users of objects */
uint32_t model_next_id(const struct context *ctx, uint32_t after);
void model_take_id(struct context *ctx, uint32_t id);
void model_drop_id(struct context *ctx, uint32_t id);
struct ioas *model_find_ioas(struct context *ctx, uint32_t id);
struct hwpt *model_find_hwpt(struct context *ctx, uint32_t id);
struct dev *model_find_stdev(struct context *ctx, uint32_t id);
struct dev *model_find_idev(struct context *ctx, uint32_t id);
bool model_is_id(struct context *ctx, uint32_t id);
bool model_is_empty(const struct context *ctx);
void model_predict_destroy(struct context *ctx, uint32_t id, struct errs *e);
void model_destroy(struct context *ctx, uint32_t id);
void model_clear(struct context *ctx);

/* model_space.c: mappings and ranges of an IOAS */
struct map_call {
	uint64_t iova, length, va;
	uint32_t flags;
	bool by_child;		/* a child's, which has exited since */
	bool by_file;		/* by its descriptor, not by its address */
	bool type1;		/* VFIO's struct, where UINT64_MAX is an IOVA */
};

uint64_t model_alignment(const struct ioas *ioas);
bool model_suits(const struct ioas *ioas, const struct range *hole,
		 unsigned int nholes, uint64_t alignment);
unsigned int model_free_ranges(const struct ioas *ioas, struct range *ranges);
bool model_hits_reserved(const struct ioas *ioas, struct range range);
bool model_hits_area(const struct ioas *ioas, struct range range);
bool model_hits_allowed(const struct ioas *ioas, struct range range);
/* The lowest IOVA that is free, allowed and aligned; false if there is none */
bool model_place(const struct ioas *ioas, uint64_t va, uint64_t length,
		 uint64_t *iova);
void model_predict_map(struct context *ctx, struct ioas *ioas,
		       const struct map_call *call, struct errs *e);
void model_map(struct context *ctx, struct ioas *ioas,
	       const struct map_call *call);
/* Areas that hold [start, last] without a gap; 0 if there is one. */
unsigned int model_cover(struct ioas *ioas, struct range range,
			 struct area **first);
bool model_denies(const struct ioas *ioas, struct range range, uint32_t flags);
bool model_lacks(const struct ioas *ioas, struct range range, uint32_t flag);
void model_predict_copy(struct context *ctx, struct ioas *dst,
			struct ioas *src, const struct map_call *call,
			struct errs *e);
void model_copy(struct context *ctx, struct ioas *dst, struct ioas *src,
		const struct map_call *call);
uint64_t model_copy_va(struct ioas *src, uint64_t iova);
/* Does the model know whether a BAR in the range was in a domain? */
bool model_copy_is_known(const struct context *ctx, const struct ioas *src,
			 struct range range);
/* Returns 0 or the errno; @bytes are unmapped in any case. */
int model_unmap(struct context *ctx, struct ioas *ioas, struct range range,
		uint64_t *bytes);
void model_unmap_all(struct context *ctx, struct ioas *ioas, uint64_t *bytes);
bool model_cut(struct ioas *ioas, uint64_t iova);
/* Is there an area across @iova that cannot be split there? */
bool model_denies_cut(const struct ioas *ioas, uint64_t iova);

/* model_memory.c: pins and charges */
struct memory *model_memory_new(struct context *ctx, uint64_t va,
				uint64_t length, bool writable);
void model_memory_put(struct memory *memory);
struct piece model_piece(const struct area *area, struct range range);
/* Can these pages be pinned in addition to those pinned already? */
void model_predict_pin(struct context *ctx, const struct piece *pieces,
		       unsigned int n, struct errs *e);
void model_pin(struct context *ctx, const struct piece *piece, bool access);
void model_unpin(struct context *ctx, const struct piece *piece, bool access);
/* Can the BAR get into one more domain, by a MAP or COPY? */
void model_predict_bar(struct context *ctx, struct memory *memory,
		       struct errs *e);
void model_pin_areas(struct context *ctx, struct ioas *ioas);
void model_unpin_areas(struct context *ctx, struct ioas *ioas);
void model_predict_pin_areas(struct context *ctx, struct ioas *ioas,
			     struct errs *e);
/* The pinned page is still the one at its address. */
bool model_is_current(struct context *ctx, const struct memory *memory,
		      unsigned int page);

/* model_device.c: HWPTs, attachments */
void model_predict_new_hwpt(struct context *ctx, struct ioas *ioas,
			    struct errs *e);
struct hwpt *model_new_hwpt(struct context *ctx, struct ioas *ioas,
			    uint32_t id, bool automatic);
void model_drop_hwpt(struct context *ctx, struct hwpt *hwpt);
struct hwpt *model_automatic_hwpt(struct context *ctx, struct ioas *ioas);
void model_predict_attach(struct context *ctx, uint32_t pt, struct errs *e);
void model_detach(struct context *ctx, struct dev *dev);

/* model_access.c: accesses and their pins */
void model_predict_access(struct ioas *ioas, bool can_pin, struct errs *e);
void model_access_attach(struct access *access, struct ioas *ioas);
void model_access_detach(struct context *ctx, struct access *access);
void model_end_pin(struct context *ctx, struct pin *pin);
void model_end_pins(struct context *ctx, struct ioas *ioas,
		    struct range range);

#endif
