// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest.h>

#include "exec.h"
#include "ioctls.h"

#define GUARD		0xc3
#define GUARD_BYTES	64

void differ(struct world *w, const char *format, ...)
{
	va_list ap;
	int n;

	if (*w->difference)
		return;
	w->failed_at = w->at;
	n = snprintf(w->difference, sizeof(w->difference), "step %zu, %s: ",
		     w->at, w->step ? step_name(w->step->kind) : "end");
	va_start(ap, format);
	vsnprintf(w->difference + n, sizeof(w->difference) - n, format, ap);
	va_end(ap);
}

bool has_fault(const struct world *w, enum step_fault fault)
{
	return w->step->fault == fault;
}

void skip(struct world *w)
{
	w->skipped++;
}

static const char *errno_name(int rc)
{
	return rc ? strerrorname_np(rc) : "success";
}

bool call_expect(struct world *w, const struct errs *errs, int rc)
{
	char want[200] = "";
	size_t n = 0;

	w->ioctls++;
	w->by_kind[w->step->kind]++;
	if (rc)
		w->refused++;
	else
		w->good_by_kind[w->step->kind]++;
	if (errs_allow(errs, rc))
		return !rc;
	if (errs_allow(errs, 0))
		n = snprintf(want, sizeof(want), " success");
	for (unsigned int i = 0; i < errs->n; i++)
		n += snprintf(want + n, sizeof(want) - n, " %s",
			      errno_name(errs->rc[i]));
	differ(w, "answers %s, should be%s", errno_name(rc), want);
	return false;
}

int call_plain(struct world *w, int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

/* The size that the step passes; changes the prediction to match. */
static uint32_t faulty_size(struct world *w, struct call *call, uint8_t *raw)
{
	uint64_t pick = w->step->arg[5];

	switch (w->step->fault) {
	case FAULT_SIZE_SMALL:
		call->errs = (struct errs){ .n = 1, .rc = { EINVAL } };
		return pick % call->min;
	case FAULT_TAIL_ZERO:
		memset(raw + call->size, 0, GUARD_BYTES);
		return call->size + pick % GUARD_BYTES + 1;
	case FAULT_TAIL:
		call->errs = (struct errs){ .n = 1, .rc = { E2BIG } };
		return call->size + pick % GUARD_BYTES + 1;
	default:
		return call->size;
	}
}

static void check_untouched(struct world *w, const uint8_t *raw, uint32_t from)
{
	uint8_t want = has_fault(w, FAULT_TAIL_ZERO) ? 0 : GUARD;

	for (uint32_t i = from; i < from + GUARD_BYTES; i++)
		if (raw[i] != want)
			differ(w, "byte %u behind the struct was written", i);
}

static int issue_at(struct world *w, struct call *call, void *at)
{
	return call_plain(w, call->ctx->fd, call->cmd, at);
}

/* The kernel can read the struct, but not write its answer. */
static int issue_read_only(struct world *w, struct call *call)
{
	void *page = arena_read_only_page();
	int rc;

	memcpy(page, call->arg, call->size);
	mprotect(page, PAGE, PROT_READ);
	rc = issue_at(w, call, page);
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	return rc;
}

bool call_issue(struct world *w, struct call *call)
{
	uint8_t raw[256], before[256];
	uint32_t size;

	memset(raw, GUARD, sizeof(raw));
	memcpy(raw, call->arg, call->size);
	size = faulty_size(w, call, raw);
	memcpy(raw, &size, sizeof(size));
	memcpy(before, raw, sizeof(raw));
	if (has_fault(w, FAULT_POINTER)) {
		call->errs = (struct errs){ .n = 1, .rc = { EFAULT } };
		call->rc = issue_at(w, call, arena_no_page());
	} else if (has_fault(w, FAULT_READ_ONLY)) {
		errs_add(&call->errs, EFAULT);
		call->rc = issue_read_only(w, call);
	} else {
		call->rc = issue_at(w, call, raw);
	}
	check_untouched(w, raw, call->size);
	/* The size may be larger than the struct: restore it for the caller. */
	memcpy(call->arg, raw, call->size);
	memcpy(call->arg, &call->size, sizeof(call->size));
	if (!call_expect(w, &call->errs, call->rc)) {
		if (call->rc != EMSGSIZE && !call->answers &&
		    memcmp(raw, before, call->size))
			differ(w, "failed, but has written to its struct");
		return false;
	}
	return true;
}

/*
 * The index of the @nth slot in use, modulo their number; -1 if there is none.
 */
static int nth_used(const bool *used, size_t step, unsigned int n, uint64_t nth)
{
	unsigned int total = 0;

	for (unsigned int i = 0; i < n; i++)
		total += *(const bool *)((const char *)used + i * step);
	if (!total)
		return -1;
	nth %= total;
	for (unsigned int i = 0; ; i++)
		if (*(const bool *)((const char *)used + i * step) && !nth--)
			return i;
}

static int first_free(const bool *used, size_t step, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (!*(const bool *)((const char *)used + i * step))
			return i;
	return -1;
}

#define AT(_array, _index)						\
	({								\
		int __i = (_index);					\
									\
		__i < 0 ? NULL : &(_array)[__i];			\
	})
#define PICK(_array, _nth)						\
	AT(_array, nth_used(&(_array)->used, sizeof(*(_array)),		\
			    ARRAY_SIZE(_array), _nth))
#define FREE(_array)							\
	AT(_array, first_free(&(_array)->used, sizeof(*(_array)),	\
			      ARRAY_SIZE(_array)))

struct ioas *pick_ioas(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->ioas, nth);
}

struct hwpt *pick_hwpt(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->hwpt, nth);
}

#define PICK_IF(_array, _nth, _suits)					\
	({								\
		__typeof__(&(_array)[0]) __picked = NULL;		\
									\
		for (unsigned int __n = 0; __n < ARRAY_SIZE(_array); __n++) { \
			__picked = PICK(_array, (_nth) + __n);		\
			if (!__picked || (_suits)(__picked))		\
				break;					\
		}							\
		__picked;						\
	})

struct hwpt *pick_hwpt_if(struct context *ctx, uint64_t nth,
			  bool (*suits)(const struct hwpt *hwpt))
{
	return PICK_IF(ctx->hwpt, nth, suits);
}

struct dev *pick_dev_if(struct context *ctx, uint64_t nth,
			bool (*suits)(const struct dev *dev))
{
	return PICK_IF(ctx->dev, nth, suits);
}

struct queue *pick_queue_if(struct context *ctx, uint64_t nth,
			    bool (*suits)(const struct queue *queue))
{
	return PICK_IF(ctx->queue, nth, suits);
}

static bool is_nested(const struct hwpt *hwpt)
{
	return hwpt->parent;
}

static bool is_parent(const struct hwpt *hwpt)
{
	return hwpt->flags & IOMMU_HWPT_ALLOC_NEST_PARENT;
}

struct hwpt *pick_nested(struct context *ctx, uint64_t nth)
{
	return pick_hwpt_if(ctx, nth, is_nested);
}

struct hwpt *pick_parent(struct context *ctx, uint64_t nth)
{
	return pick_hwpt_if(ctx, nth, is_parent);
}

bool can_fault(const struct dev *dev)
{
	return dev->hwpt->queue || model_has_pasids(dev);
}

struct queue *pick_queue(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->queue, nth);
}

struct viommu *pick_viommu(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->viommu, nth);
}

struct vdevice *pick_vdevice(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->vdevice, nth);
}

struct hwq *pick_hwq(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->hwq, nth);
}

struct dev *pick_dev(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->dev, nth);
}

struct access *pick_access(struct context *ctx, uint64_t nth)
{
	return PICK(ctx->access, nth);
}

struct area *pick_area(struct ioas *ioas, uint64_t nth)
{
	return ioas->nareas ? &ioas->areas[nth % ioas->nareas] : NULL;
}

struct ioas *free_ioas(struct context *ctx)
{
	return FREE(ctx->ioas);
}

bool free_hwpt(struct context *ctx)
{
	return FREE(ctx->hwpt);
}

struct dev *free_dev(struct context *ctx)
{
	return FREE(ctx->dev);
}

struct access *free_access(struct context *ctx)
{
	return FREE(ctx->access);
}

bool free_queue(struct context *ctx)
{
	return FREE(ctx->queue);
}

bool free_viommu(struct context *ctx)
{
	return FREE(ctx->viommu);
}

bool free_vdevice(struct context *ctx)
{
	return FREE(ctx->vdevice);
}

bool free_hwq(struct context *ctx)
{
	return FREE(ctx->hwq);
}

/* Another thread may use an id that is free here: with threads, far numbers. */
static uint32_t unknown_id(struct world *w, struct context *ctx)
{
	static const uint32_t never[] = {
		0, 0x7fffffff, 0x80000000, 0xffff, 100000,
	};
	uint64_t pick = w->step->arg[5];

	if (w->threaded || pick % 2)
		return never[pick / 2 % 5];
	return model_next_id(ctx, pick / 2 % 16);
}

#define ID_OF(_object)							\
	({								\
		__typeof__(_object) __object = (_object);		\
									\
		__object ? __object->id : 0;				\
	})

/* 0 if there is no such object */
static uint32_t id_of_kind(struct context *ctx, unsigned int kind, uint64_t nth)
{
	struct dev *dev = pick_dev(ctx, nth);

	switch (kind) {
	case 0:
		return ID_OF(pick_ioas(ctx, nth));
	case 1:
		return ID_OF(pick_hwpt(ctx, nth));
	case 2:
		return dev ? dev->stdev : 0;
	case 3:
		return dev ? dev->idev : 0;
	case 4:
		return ID_OF(pick_queue(ctx, nth));
	case 5:
		return ID_OF(pick_viommu(ctx, nth));
	case 6:
		return ID_OF(pick_vdevice(ctx, nth));
	case 7:
		return ID_OF(pick_hwq(ctx, nth));
	default:
		return ID_OF(pick_nested(ctx, nth));
	}
}

#define ID_KINDS	9

uint32_t pick_id(struct context *ctx, uint64_t pick)
{
	for (unsigned int i = 0; i < ID_KINDS; i++) {
		uint32_t id = id_of_kind(ctx, (pick + i) % ID_KINDS,
					 pick / ID_KINDS);

		if (id)
			return id;
	}
	return 0;
}

/* The id of any object; the caller looks up its type in the model. */
static uint32_t any_id(struct world *w, struct context *ctx)
{
	uint32_t id = pick_id(ctx, w->step->arg[5]);

	return id ? id : unknown_id(w, ctx);
}

uint32_t faulty_id(struct world *w, struct context *ctx, uint32_t id)
{
	if (has_fault(w, FAULT_ID_UNKNOWN))
		return unknown_id(w, ctx);
	if (has_fault(w, FAULT_ID_TYPE))
		return any_id(w, ctx);
	return id;
}

/* One of the @unused bits if the step has that fault, else none */
uint32_t faulty_bits(struct world *w, enum step_fault fault, uint32_t unused)
{
	uint32_t bit = 1U << w->step->arg[5] % 32;

	if (!has_fault(w, fault))
		return 0;
	while (!(bit & unused))
		bit = bit << 1 | bit >> 31;
	return bit;
}

void check_new_id(struct world *w, struct context *ctx, uint32_t id)
{
	if (ctx->ids_exact)
		DIFFER_UNLESS(w, model_next_id(ctx, 0), id, "the new id");
	else if (!id || id > INT32_MAX || model_is_id(ctx, id))
		differ(w, "id %u is not free", id);
}

uint64_t arena_va(struct world *w, uint64_t offset)
{
	return (uintptr_t)w->arena->start + offset;
}

static void close_accesses(struct context *ctx)
{
	for (unsigned int i = 0; i < MAX_ACCESS; i++) {
		struct access *access = &ctx->access[i];

		if (!access->used)
			continue;
		model_access_detach(ctx, access);
		close(access->fd);
		model_drop_id(ctx, access->id);
		memset(access, 0, sizeof(*access));
	}
}

static void close_queues(struct context *ctx)
{
	for (unsigned int i = 0; i < MAX_QUEUE; i++)
		if (ctx->queue[i].used && ctx->queue[i].fd >= 0)
			close(ctx->queue[i].fd);
}

/* Queues and regions keep the context: the last one of them ends it. */
static void context_close(struct context *ctx, bool last)
{
	close_accesses(ctx);
	if (!last)
		close(ctx->fd);
	close_queues(ctx);
	close_regions(ctx);
	model_clear(ctx);
	if (last)
		close(ctx->fd);
}

void do_reopen(struct world *w, struct context *ctx, const struct step *step)
{
	/* This user may not open the node: files were opened ahead. */
	if (w->threaded || !w->nspare) {
		skip(w);
		return;
	}
	context_close(ctx, step->arg[0] % 2);
	ctx->fd = w->spare[--w->nspare];
}

void exec_end(struct world *w)
{
	static const struct step last = { .kind = STEP_CHECK_PINS };

	for (unsigned int i = 0; i < w->nctxs; i++)
		context_close(w->ctx[i], (w->ioctls + i) % 2);
	w->step = &last;
	do_check_pins(w, w->ctx[0], &last);
}

void exec_detach(struct world *w)
{
	for (unsigned int i = 0; i < w->nctxs; i++) {
		close_accesses(w->ctx[i]);
		close_queues(w->ctx[i]);
		close_regions(w->ctx[i]);
	}
}

static step_fn * const step_fns[STEP_KINDS] = {
	[STEP_IOAS_ALLOC] = do_ioas_alloc,
	[STEP_DESTROY] = do_destroy,
	[STEP_MAP] = do_map,
	[STEP_MAP_FILE] = do_map_file,
	[STEP_UNMAP] = do_unmap,
	[STEP_COPY] = do_copy,
	[STEP_IOVA_RANGES] = do_iova_ranges,
	[STEP_ALLOW_IOVAS] = do_allow_iovas,
	[STEP_OPTION] = do_option,
	[STEP_HWPT_ALLOC] = do_hwpt_alloc,
	[STEP_HW_INFO] = do_hw_info,
	[STEP_VFIO_IOAS] = do_vfio_ioas,
	[STEP_ATTACH] = do_attach,
	[STEP_REPLACE] = do_replace,
	[STEP_RESERVE] = do_reserve,
	[STEP_CHECK_MAP] = do_check_map,
	[STEP_CHECK_REFS] = do_check_refs,
	[STEP_ACCESS_CREATE] = do_access_create,
	[STEP_ACCESS_CLOSE] = do_access_close,
	[STEP_ACCESS_PIN] = do_access_pin,
	[STEP_ACCESS_UNPIN] = do_access_unpin,
	[STEP_ACCESS_RW] = do_access_rw,
	[STEP_ACCESS_REPLACE] = do_access_replace,
	[STEP_BATCH] = do_batch,
	[STEP_TYPE1_MAP] = do_type1_map,
	[STEP_TYPE1_UNMAP] = do_type1_unmap,
	[STEP_TYPE1_SET] = do_type1_set,
	[STEP_TYPE1_ASK] = do_type1_ask,
	[STEP_TYPE1_INFO] = do_type1_info,
	[STEP_UNKNOWN] = do_unknown,
	[STEP_REMAP] = do_remap,
	[STEP_MEMLOCK] = do_memlock,
	[STEP_FORK] = do_fork,
	[STEP_REOPEN] = do_reopen,
	[STEP_CHECK_PINS] = do_check_pins,
	[STEP_DECODE] = do_decode,
	[STEP_CHANGE_PROCESS] = do_change_process,
	[STEP_INVALIDATE] = do_invalidate,
	[STEP_CHECK_IOTLB] = do_check_iotlb,
	[STEP_FAULT_ALLOC] = do_fault_alloc,
	[STEP_QUEUE_CLOSE] = do_queue_close,
	[STEP_TRIGGER_IOPF] = do_trigger_iopf,
	[STEP_FAULT_READ] = do_fault_read,
	[STEP_FAULT_RESPOND] = do_fault_respond,
	[STEP_PASID_ATTACH] = do_pasid_attach,
	[STEP_PASID_DETACH] = do_pasid_detach,
	[STEP_PASID_CHECK] = do_pasid_check,
	[STEP_DIRTY_SET] = do_dirty_set,
	[STEP_DIRTY_MARK] = do_dirty_mark,
	[STEP_DIRTY_GET] = do_dirty_get,
	[STEP_VIOMMU_ALLOC] = do_viommu_alloc,
	[STEP_VDEVICE_ALLOC] = do_vdevice_alloc,
	[STEP_HWQ_ALLOC] = do_hwq_alloc,
	[STEP_VIOMMU_MMAP] = do_viommu_mmap,
	[STEP_CHECK_CACHE] = do_check_cache,
	[STEP_VEVENT_ALLOC] = do_vevent_alloc,
	[STEP_TRIGGER_VEVENT] = do_trigger_vevent,
	[STEP_VEVENT_READ] = do_vevent_read,
};

void exec_step(struct world *w, const struct step *step)
{
	step_fn *fn = step_fns[step->kind];

	w->step = step;
	if (fn)
		fn(w, w->ctx[step->ctx % w->nctxs], step);
}
