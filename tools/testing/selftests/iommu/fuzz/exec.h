/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Executes programs. Each step gets the prediction of the model, issues the
 * call, compares, and updates the model.
 */
#ifndef FUZZ_EXEC_H
#define FUZZ_EXEC_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"
#include "program.h"

#define DIFFERENCE_LENGTH	600
#define FUZZ_SPARES		6

struct world {
	unsigned int nctxs;
	struct context *ctx[FUZZ_CTXS];
	struct account *account;
	struct arena *arena;
	bool threaded;		/* other threads use the same files */
	bool ended;		/* all steps are done */
	unsigned int mark;	/* see struct memory */
	unsigned int nspare;
	int spare[FUZZ_SPARES];	/* files opened ahead */
	unsigned long ioctls;
	unsigned long refused;	/* of them, those that failed as predicted */
	unsigned long skipped;	/* steps without an object to work on */
	unsigned long by_kind[STEP_KINDS];
	unsigned long good_by_kind[STEP_KINDS];	/* those that succeeded */
	size_t at;		/* the step that runs */
	size_t failed_at;	/* the step with the first difference */
	const struct step *step;
	char difference[DIFFERENCE_LENGTH];
};

/* One ioctl whose struct begins with its size */
struct call {
	struct context *ctx;
	unsigned long cmd;
	void *arg;		/* begins with a u32 size */
	uint32_t size, min;
	struct errs errs;
	bool answers;		/* writes to its struct on failure, too */
	int rc;
};

#define CALL(_ctx, _cmd, _arg, _min) {					\
	.ctx = (_ctx), .cmd = (_cmd), .arg = &(_arg),			\
	.size = sizeof(_arg), .min = (_min),				\
}

/*
 * Issue a call with the fault of the step. Compares the errno with the
 * prediction, and checks after a failure that the struct was not written.
 * Returns true if the call has succeeded and its outputs can be checked.
 */
bool call_issue(struct world *w, struct call *call);
/* For other ioctls: count and compare @rc */
bool call_expect(struct world *w, const struct errs *errs, int rc);
int call_plain(struct world *w, int fd, unsigned long cmd, void *arg);

/* Record a difference; only the first one counts. */
__attribute__((format(printf, 2, 3)))
void differ(struct world *w, const char *format, ...);
#define DIFFER_UNLESS(_w, _want, _got, _what)				\
	do {								\
		uint64_t __want = (_want), __got = (_got);		\
									\
		if (__want != __got)					\
			differ(_w, "%s is %#llx, should be %#llx", _what, \
			       (unsigned long long)__got,		\
			       (unsigned long long)__want);		\
	} while (0)

/* The @nth existing object, modulo their number; NULL if there is none. */
struct ioas *pick_ioas(struct context *ctx, uint64_t nth);
struct hwpt *pick_hwpt(struct context *ctx, uint64_t nth);
/* Of those for which @suits is true; any other if there is none */
struct hwpt *pick_hwpt_if(struct context *ctx, uint64_t nth,
			  bool (*suits)(const struct hwpt *hwpt));
struct dev *pick_dev_if(struct context *ctx, uint64_t nth,
			bool (*suits)(const struct dev *dev));
struct queue *pick_queue_if(struct context *ctx, uint64_t nth,
			    bool (*suits)(const struct queue *queue));
/* Nested; made as a parent of others; with a queue of page faults */
struct hwpt *pick_nested(struct context *ctx, uint64_t nth);
struct hwpt *pick_parent(struct context *ctx, uint64_t nth);
bool can_fault(const struct dev *dev);
struct queue *pick_queue(struct context *ctx, uint64_t nth);
struct viommu *pick_viommu(struct context *ctx, uint64_t nth);
struct vdevice *pick_vdevice(struct context *ctx, uint64_t nth);
struct hwq *pick_hwq(struct context *ctx, uint64_t nth);
struct dev *pick_dev(struct context *ctx, uint64_t nth);
struct access *pick_access(struct context *ctx, uint64_t nth);
struct area *pick_area(struct ioas *ioas, uint64_t nth);
/* A free slot for a new object; NULL or false if there is none. */
struct ioas *free_ioas(struct context *ctx);
bool free_hwpt(struct context *ctx);
struct dev *free_dev(struct context *ctx);
struct access *free_access(struct context *ctx);
bool free_queue(struct context *ctx);
bool free_viommu(struct context *ctx);
bool free_vdevice(struct context *ctx);
bool free_hwq(struct context *ctx);
/*
 * The id that a step passes in place of @id: with FAULT_ID_UNKNOWN one without
 * an object, with FAULT_ID_TYPE that of any object.
 */
uint32_t faulty_id(struct world *w, struct context *ctx, uint32_t id);
uint32_t faulty_bits(struct world *w, enum step_fault fault, uint32_t unused);
bool has_fault(const struct world *w, enum step_fault fault);
/* The id of an object of the kind that @pick chooses, 0 if there is none */
uint32_t pick_id(struct context *ctx, uint64_t pick);
void skip(struct world *w);
/* Compare an id from the kernel with the lowest free id. */
void check_new_id(struct world *w, struct context *ctx, uint32_t id);
/* A descriptor that the kernel has made, and what poll() says of it */
void check_new_fd(struct world *w, int fd);
void check_poll(struct world *w, int fd, int want);
void check_queue_poll(struct world *w, struct queue *queue);
/* The regions of virtual IOMMUs that are mapped */
void close_regions(struct context *ctx);
uint64_t arena_va(struct world *w, uint64_t offset);
/* A range in relation to the mappings, from the arguments of the step */
bool pick_range(struct world *w, struct ioas *ioas, struct range *range);

void exec_step(struct world *w, const struct step *step);
/* Close everything and check that nothing is left. */
void exec_end(struct world *w);
/* Close the accesses, which belong to one thread. */
void exec_detach(struct world *w);

typedef void step_fn(struct world *w, struct context *ctx,
		     const struct step *step);

step_fn do_ioas_alloc, do_destroy, do_map, do_map_file, do_unmap, do_copy;
step_fn do_iova_ranges;
step_fn do_allow_iovas, do_option, do_hwpt_alloc, do_hw_info, do_vfio_ioas;
step_fn do_attach, do_replace, do_reserve, do_check_map, do_check_refs;
step_fn do_access_create, do_access_close, do_access_pin, do_access_unpin;
step_fn do_access_rw, do_access_replace, do_batch;
step_fn do_type1_map, do_type1_unmap, do_type1_set, do_type1_ask;
step_fn do_type1_info, do_unknown, do_remap, do_memlock, do_fork, do_reopen;
step_fn do_check_pins, do_decode, do_change_process;
step_fn do_invalidate, do_check_iotlb;
step_fn do_fault_alloc, do_queue_close, do_trigger_iopf, do_fault_read;
step_fn do_fault_respond;
step_fn do_pasid_attach, do_pasid_detach, do_pasid_check;
step_fn do_dirty_set, do_dirty_mark, do_dirty_get;
step_fn do_viommu_alloc, do_vdevice_alloc, do_hwq_alloc, do_viommu_mmap;
step_fn do_check_cache, do_vevent_alloc, do_trigger_vevent, do_vevent_read;

#endif
