/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program is a list of small steps, made from a seed. A step names objects by
 * their index among the existing ones, so that it still has a meaning after
 * shrinking has removed earlier steps.
 */
#ifndef FUZZ_PROGRAM_H
#define FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FUZZ_CTXS	3	/* files of a program */
#define FUZZ_THREADS	3	/* at most */
#define STEP_ARGS	6

enum step_kind {
	STEP_NOP,
	STEP_IOAS_ALLOC,
	STEP_DESTROY,
	STEP_MAP,
	STEP_MAP_FILE,
	STEP_UNMAP,
	STEP_COPY,
	STEP_IOVA_RANGES,
	STEP_ALLOW_IOVAS,
	STEP_OPTION,
	STEP_HWPT_ALLOC,
	STEP_HW_INFO,
	STEP_VFIO_IOAS,
	STEP_ATTACH,
	STEP_REPLACE,
	STEP_RESERVE,
	STEP_CHECK_MAP,
	STEP_CHECK_REFS,
	STEP_ACCESS_CREATE,
	STEP_ACCESS_CLOSE,
	STEP_ACCESS_PIN,
	STEP_ACCESS_UNPIN,
	STEP_ACCESS_RW,
	STEP_ACCESS_REPLACE,
	STEP_BATCH,
	STEP_TYPE1_MAP,
	STEP_TYPE1_UNMAP,
	STEP_TYPE1_SET,
	STEP_TYPE1_ASK,
	STEP_TYPE1_INFO,
	STEP_UNKNOWN,
	STEP_REMAP,
	STEP_MEMLOCK,
	STEP_FORK,
	STEP_REOPEN,
	STEP_CHECK_PINS,
	STEP_DECODE,		/* memory decoding of the device with the BAR */
	STEP_CHANGE_PROCESS,
	STEP_INVALIDATE,
	STEP_CHECK_IOTLB,
	STEP_FAULT_ALLOC,
	STEP_QUEUE_CLOSE,
	STEP_TRIGGER_IOPF,
	STEP_FAULT_READ,
	STEP_FAULT_RESPOND,
	STEP_PASID_ATTACH,
	STEP_PASID_DETACH,
	STEP_PASID_CHECK,
	STEP_DIRTY_SET,
	STEP_DIRTY_MARK,
	STEP_DIRTY_GET,
	STEP_VIOMMU_ALLOC,
	STEP_VDEVICE_ALLOC,
	STEP_HWQ_ALLOC,
	STEP_VIOMMU_MMAP,
	STEP_CHECK_CACHE,
	STEP_VEVENT_ALLOC,
	STEP_TRIGGER_VEVENT,
	STEP_VEVENT_READ,
	STEP_KINDS,
};

/* What is wrong with the argument of an ioctl */
enum step_fault {
	FAULT_NONE,
	FAULT_SIZE_SMALL,
	FAULT_TAIL_ZERO,	/* no fault at all */
	FAULT_TAIL,
	FAULT_POINTER,
	FAULT_READ_ONLY,
	FAULT_RESERVED,
	FAULT_FLAG,
	FAULT_ID_UNKNOWN,
	FAULT_ID_TYPE,
	FAULTS,
};

/* The limit and the capabilities of the process that runs a program */
enum persona {
	PERSONA_ROOT,		/* no limit, may set everything */
	PERSONA_USER,		/* a limit and no capability */
	PERSONA_RESOURCE,	/* a limit, but CAP_SYS_RESOURCE */
	PERSONAS,
};

/* How the process of a program ends */
enum ending {
	ENDING_CLOSE,		/* close everything; nothing may be left */
	ENDING_EXIT,
	ENDING_KILL,		/* at any moment */
	ENDINGS,
};

struct step {
	uint8_t kind;
	uint8_t fault;
	uint8_t thread;
	uint8_t ctx;
	uint64_t arg[STEP_ARGS];
};

struct program {
	uint64_t seed;
	uint8_t persona;
	uint8_t ending;
	uint8_t threads;
	size_t nsteps;
	struct step *steps;
};

/* The aperture of the mock has all 64 bits, for all programs of a run. */
extern bool fuzz_wide;
/* Where most mappings begin: in the aperture, or near its end with fuzz_wide */
uint64_t fuzz_iova(void);

/* Deterministic numbers; the same on every machine. */
struct rng { uint64_t state; };

uint64_t rng_next(struct rng *rng);
/* 0 .. n-1 */
uint64_t rng_below(struct rng *rng, uint64_t n);
bool rng_one_in(struct rng *rng, unsigned int n);

const char *step_name(unsigned int kind);
const char *fault_name(unsigned int fault);

void program_make(struct program *program, uint64_t seed, size_t nsteps);
void program_copy(struct program *to, const struct program *from);
void program_free(struct program *program);
void program_print(const struct program *program, FILE *file);
/* Returns false if the text is not a program. */
bool program_read(struct program *program, FILE *file);

#endif
