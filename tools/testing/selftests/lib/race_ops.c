// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioctls.h"
#include "proc.h"
#include "race_ops.h"

#define CONTEXT_MS 10

struct race_context race_context(struct race_state *state)
{
	struct race_context context;

	pthread_mutex_lock(&state->lock);
	context = state->context;
	pthread_mutex_unlock(&state->lock);
	return context;
}

uint8_t *race_mem(struct race_state *state, unsigned int slot)
{
	return state->mem + slot * RACE_STRIDE;
}

static uint64_t first_iova = RACE_IOVA;

void race_use_top_iovas(void)
{
	first_iova = RACE_IOVA_TOP;
}

uint64_t race_iova(unsigned int slot)
{
	return first_iova + slot * RACE_SLOT;
}

bool race_slot_fill(uint32_t *slot, uint32_t id)
{
	uint32_t none = 0;

	return __atomic_compare_exchange_n(slot, &none, id, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

uint32_t race_slot_take(uint32_t *slot)
{
	return __atomic_exchange_n(slot, 0, __ATOMIC_SEQ_CST);
}

int race_slot_destroy(int fd, uint32_t *slot)
{
	uint32_t id = __atomic_load_n(slot, __ATOMIC_SEQ_CST);
	int rc = _test_destroy(fd, id);

	/* An object in use stays in the slot. */
	if (rc != EBUSY)
		__atomic_compare_exchange_n(slot, &id, 0, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return rc;
}

uint32_t race_pick_ioas(struct race_thread *t,
			const struct race_context *context)
{
	struct race_state *state = t->shared;
	uint32_t ioas = __atomic_load_n(&state->ioas, __ATOMIC_SEQ_CST);

	/* Most threads work on the first IOAS. */
	switch (race_pick(t, 4)) {
	case 0:
		return ioas ?: context->ioas[0];
	case 1:
		return context->ioas[1];
	default:
		return context->ioas[0];
	}
}

uint32_t race_pick_pt(struct race_thread *t, const struct race_context *context)
{
	struct race_state *state = t->shared;
	uint32_t hwpt = __atomic_load_n(&state->hwpt[race_pick(t, RACE_IDS)],
					__ATOMIC_SEQ_CST);

	if (hwpt && race_pick(t, 2))
		return hwpt;
	return race_pick_ioas(t, context);
}

int race_map_slot(struct race_state *state, int fd, uint32_t ioas,
		  unsigned int slot)
{
	uint64_t iova = race_iova(slot);

	return _test_ioas_map(fd, ioas, race_mem(state, slot), RACE_SLOT, &iova,
			      MAP_RW | MAP_FIXED_IOVA);
}

static int unmap_slot(int fd, uint32_t ioas, unsigned int slot)
{
	return _test_ioas_unmap(fd, ioas, race_iova(slot), RACE_SLOT, NULL);
}

static int map_anywhere(struct race_thread *t, int fd, uint32_t ioas)
{
	uint8_t *mem = race_mem(t->shared, race_pick(t, RACE_SLOTS));
	uint64_t iova = 0;
	int rc = _test_ioas_map(fd, ioas, mem, RACE_SLOT, &iova, MAP_RW);

	if (rc)
		return rc;
	/* Another thread may unmap everything, or a slot at this IOVA. */
	rc = _test_ioas_unmap(fd, ioas, iova, RACE_SLOT, NULL);
	return rc == ENOENT || rc == EBUSY ? 0 : rc;
}

static int step_map(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint32_t ioas = race_pick_ioas(t, &context);
	unsigned int slot = race_pick(t, RACE_SLOTS);
	int rc;

	if (!race_pick(t, 4))
		return map_anywhere(t, context.fd, ioas);
	rc = race_map_slot(t->shared, context.fd, ioas, slot);
	/* In case no other thread unmaps */
	if (rc == EEXIST)
		unmap_slot(context.fd, ioas, slot);
	return rc;
}

static int step_map_file(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t ioas = race_pick_ioas(t, &context);
	unsigned int slot = race_pick(t, RACE_SLOTS);
	uint64_t iova = race_iova(slot);
	int rc;

	rc = _test_ioas_map_file(context.fd, ioas, state->file,
				 race_pick(t, RACE_SLOTS) * RACE_SLOT,
				 RACE_SLOT, &iova, MAP_RW | MAP_FIXED_IOVA);
	if (rc == EEXIST)
		unmap_slot(context.fd, ioas, slot);
	return rc;
}

/* Take pages from the file; MAP_FILE makes new ones. */
static int step_punch(struct race_thread *t)
{
	struct race_state *state = t->shared;

	if (fallocate(state->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      race_pick(t, RACE_SLOTS * 4) * PAGE, PAGE))
		return errno;
	return 0;
}

/* Memory of the process is mapped most of the time, or something is changing. */
static int step_change_process(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };
	int rc = iommufd_ioctl(context.fd, IOMMU_IOAS_CHANGE_PROCESS, &cmd);

	return rc == EINVAL || rc == EBUSY ? 0 : rc;
}

static int step_unmap(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint32_t ioas = race_pick_ioas(t, &context);
	unsigned int slot = race_pick(t, RACE_SLOTS);
	int rc = unmap_slot(context.fd, ioas, slot);

	if (rc == ENOENT)
		race_map_slot(t->shared, context.fd, ioas, slot);
	return rc;
}

static int step_unmap_all(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint32_t ioas = race_pick_ioas(t, &context);
	uint64_t unmapped = 0;
	int rc = _test_ioas_unmap(context.fd, ioas, 0, UINT64_MAX, &unmapped);

	if (!rc && unmapped % PAGE)
		return EPROTO;
	for (int slot = 0; !unmapped && slot < RACE_SLOTS; slot++)
		race_map_slot(t->shared, context.fd, ioas, slot);
	return rc;
}

static int step_copy(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint32_t from = race_pick_ioas(t, &context);
	uint32_t to = race_pick_ioas(t, &context);
	unsigned int slot = race_pick(t, RACE_SLOTS);
	unsigned int target = race_pick(t, RACE_SLOTS);
	uint64_t iova = race_iova(target);
	int rc;

	rc = _test_ioas_copy(context.fd, to, &iova, from,
			     race_iova(slot) + race_pick(t, 4) * PAGE,
			     (1 + race_pick(t, 4)) * PAGE,
			     MAP_RW | MAP_FIXED_IOVA);
	if (rc == ENOENT)
		race_map_slot(t->shared, context.fd, from, slot);
	if (rc == EEXIST)
		unmap_slot(context.fd, to, target);
	return rc;
}

static int step_iova_ranges(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct iommu_iova_range ranges[16];
	uint64_t alignment = 0;
	uint32_t num = 16;
	int rc;

	rc = _test_iova_ranges(context.fd, race_pick_ioas(t, &context), ranges,
			       &num, &alignment);
	if (rc)
		return rc;
	if (!num || num > 16 || !alignment || alignment > PAGE)
		return EPROTO;
	for (uint32_t i = 0; i < num; i++) {
		if (ranges[i].start > ranges[i].last ||
		    (i && ranges[i].start <= ranges[i - 1].last))
			return EPROTO;
	}
	return 0;
}

static int step_allow_iovas(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct iommu_iova_range allow = {
		.start = race_iova(0),
		.last = race_iova(0) + (1UL << 30) - 1,
	};

	if (allow.last < allow.start)
		allow = (struct iommu_iova_range){
			.start = -(1UL << 30), .last = UINT64_MAX,
		};

	return _test_allow_iovas(context.fd, race_pick_ioas(t, &context),
				 &allow, race_pick(t, 2));
}

static int step_option(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint64_t value = race_pick(t, 2);
	int rc;

	if (race_pick(t, 4))
		return _test_option(context.fd, IOMMU_OPTION_HUGE_PAGES,
				    race_pick(t, 3) ? IOMMU_OPTION_OP_SET :
						      IOMMU_OPTION_OP_GET,
				    race_pick_ioas(t, &context), &value);
	/* With objects in the context the mode cannot change. */
	rc = _test_option(context.fd, IOMMU_OPTION_RLIMIT_MODE,
			  IOMMU_OPTION_OP_SET, 0, &value);
	if (rc == EBUSY)
		return 0;
	return rc ?: EPROTO;
}

static int step_destroy_ioas(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t ioas;
	int rc;

	if (state->ioas)
		return race_slot_destroy(context.fd, &state->ioas);
	rc = _test_ioas_alloc(context.fd, &ioas);
	if (!rc && !race_slot_fill(&state->ioas, ioas))
		rc = _test_destroy(context.fd, ioas);
	return rc;
}

int race_hwpt_alloc(struct race_thread *t, const struct race_context *context,
		    uint32_t device)
{
	struct race_state *state = t->shared;
	uint32_t *slot = &state->hwpt[race_pick(t, RACE_IDS)];
	uint32_t hwpt;
	int rc;

	rc = _test_hwpt_alloc(context->fd, device, race_pick_ioas(t, context),
			      &hwpt);
	if (rc || race_slot_fill(slot, hwpt))
		return rc;
	/* Make room in the slot, unless that HWPT is attached. */
	race_slot_destroy(context->fd, slot);
	return _test_destroy(context->fd, hwpt);
}

int race_destroy_hwpt(struct race_thread *t,
		      int (*alloc)(struct race_thread *thread))
{
	struct race_context context = race_context(t->shared);
	struct race_state *state = t->shared;
	uint32_t *slot = &state->hwpt[race_pick(t, RACE_IDS)];

	if (!*slot)
		return alloc(t);
	return race_slot_destroy(context.fd, slot);
}

static int step_close(struct race_thread *t)
{
	struct race_state *state = t->shared;
	struct race_context context, old;
	int rc;

	/* Give the others time to use the context. */
	sleep_ms(CONTEXT_MS);
	rc = race_context_open(state, &context);
	if (rc)
		return rc;
	pthread_mutex_lock(&state->lock);
	old = state->context;
	state->context = context;
	pthread_mutex_unlock(&state->lock);
	race_context_close(state, &old);
	return 0;
}

/* The exit status; 0 after a signal */
static int child_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

/*
 * The kernel writes: memory that another thread has unmapped causes no signal.
 */
static void touch(uint8_t *mem)
{
	getrandom(mem, 1, 0);
}

/* fork() copies pinned pages for the child; it writes to some of the others. */
static int step_fork(struct race_thread *t)
{
	uint8_t *mem = race_mem(t->shared, race_pick(t, RACE_SLOTS));
	bool touches = race_pick(t, 2);
	pid_t pid = fork();

	if (!pid) {
		if (touches)
			touch(mem);
		_exit(0);
	}
	return pid < 0 ? errno : child_wait(pid);
}

/* A child maps its memory and exits; some are killed in the middle. */
static int step_exit(struct race_thread *t)
{
	struct race_context context = race_context(t->shared);
	uint32_t ioas = race_pick_ioas(t, &context);
	unsigned int slot = race_pick(t, RACE_SLOTS);
	bool killed = !race_pick(t, 3);
	pid_t pid = fork();
	int rc;

	if (!pid)
		_exit(race_map_slot(t->shared, context.fd, ioas, slot));
	if (pid < 0)
		return errno;
	if (killed)
		kill(pid, SIGKILL);
	rc = child_wait(pid);
	if (rc == EEXIST)
		unmap_slot(context.fd, ioas, slot);
	return rc;
}

/* PROT_NONE in place of munmap(): no other thread can map something there. */
static int step_munmap(struct race_thread *t)
{
	uint8_t *mem = race_mem(t->shared, race_pick(t, RACE_SLOTS));

	if (mmap(mem, RACE_SLOT, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return errno;
	if (mmap(mem, RACE_SLOT, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return errno;
	return 0;
}

static int step_madvise(struct race_thread *t)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT,
	};
	uint8_t *mem = race_mem(t->shared, race_pick(t, RACE_SLOTS));

	if (madvise(mem, RACE_SLOT, advice[race_pick(t, 4)]))
		return errno;
	touch(mem);
	return 0;
}

static const struct race_op common_ops[] = {
	{ "map", step_map, RACE_IOAS | RACE_MEMORY, 0, { EEXIST } },
	/* 6.1 gives up if the file has changed ten times. */
	{ "map_file", step_map_file, RACE_IOAS | RACE_MEMORY, 0,
	  { EEXIST, EINVAL } },
	{ "punch", step_punch, RACE_MEMORY },
	{ "change_process", step_change_process, RACE_IOAS | RACE_MEMORY },
	{ "unmap", step_unmap, RACE_IOAS | RACE_MEMORY, 0, { ENOENT, EBUSY } },
	{ "unmap_all", step_unmap_all, RACE_IOAS | RACE_MEMORY, 0, { EBUSY } },
	{ "copy", step_copy, RACE_IOAS | RACE_MEMORY, 0, { ENOENT, EEXIST } },
	{ "iova_ranges", step_iova_ranges, RACE_IOAS },
	{ "allow_iovas", step_allow_iovas, RACE_IOAS },
	{ "option", step_option, RACE_IOAS, 0, { EINVAL } },
	{ "destroy_ioas", step_destroy_ioas, RACE_IOAS, RACE_ENDS_OBJECTS,
	  { ENOENT, EBUSY } },
	{ "close", step_close, RACE_ALL, RACE_ENDS_FILES, {}, true },
	{ "fork", step_fork, RACE_MEMORY },
	{ "exit", step_exit, RACE_IOAS | RACE_MEMORY, RACE_ENDS_MEMORY,
	  { EEXIST } },
	{ "munmap", step_munmap, RACE_MEMORY, RACE_ENDS_MEMORY },
	{ "madvise", step_madvise, RACE_MEMORY },
	{}
};

const struct race_op *race_op(const struct race_backend *backend, int i)
{
	const struct race_op *op;

	for (op = common_ops; op->name; op++)
		if (!i--)
			return op;
	for (op = backend->ops; op->name; op++)
		if (!i--)
			return op;
	return NULL;
}

static void allow(struct race_thread *thread, const int *errnos)
{
	int i = 0;

	while (thread->allowed[i])
		i++;
	for (; *errnos; errnos++) {
		if (i == RACE_ERRNOS - 1)
			abort();
		thread->allowed[i++] = *errnos;
	}
}

static void allow_ends(struct race_thread *thread, unsigned int ends)
{
	if (ends & (RACE_ENDS_OBJECTS | RACE_ENDS_FILES))
		allow(thread, (const int[]){ ENOENT, EINVAL, EBUSY, 0 });
	if (ends & RACE_ENDS_FILES)
		allow(thread, (const int[]){ EBADF, EBADFD, ENOTTY, EPROTO, 0 });
	if (ends & RACE_ENDS_MEMORY)
		allow(thread, (const int[]){ EFAULT, 0 });
}

static void make_threads(struct race_thread *threads,
			 const struct race_op *const *ops, int n)
{
	for (int i = 0; i < n; i++) {
		unsigned int ends = 0;

		for (int j = 0; j < n; j++)
			ends |= j == i ? 0 : ops[j]->ends;
		threads[i] = (struct race_thread) {
			.step = ops[i]->step,
			.name = ops[i]->name,
			.may_starve = n > 2 && ops[i]->rare,
		};
		allow(&threads[i], ops[i]->allowed);
		allow_ends(&threads[i], ends);
	}
}

int race_ops(struct race_state *state, const struct race_op *const *ops, int n,
	     unsigned int ms)
{
	struct race_thread threads[RACE_THREADS], *t;
	int bad;

	make_threads(threads, ops, n);
	bad = race_run(threads, n, state, ms);
	for (t = threads; t < threads + n; t++)
		printf("# %s: %lu of %lu steps done\n", t->name, t->done,
		       t->steps);
	if (bad < 0)
		return 0;
	t = &threads[bad];
	printf("# %s: %s\n", t->name,
	       t->bad_errno ? strerror(t->bad_errno) : "never succeeded");
	return t->bad_errno ?: ETIME;
}
