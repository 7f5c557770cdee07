// SPDX-License-Identifier: GPL-2.0
/* Steps on the process: its memory, its limit, its children. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec.h"
#include "ioctls.h"
#include "mock.h"
#include "proc.h"
#include "vfio.h"

void do_batch(struct world *w, struct context *ctx, const struct step *step)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd), .op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
		.memory_limit.limit = step->arg[0],
	};
	struct call call = CALL(ctx, IOMMU_TEST_CMD, cmd, 52);

	if (cmd.memory_limit.limit < 12)
		errs_add(&call.errs, EINVAL);
	call_issue(w, &call);
}

void do_remap(struct world *w, struct context *ctx, const struct step *step)
{
	unsigned int index = step->arg[0] % ARENA_ANON_PAGES;

	if (!arena_remap(w->arena, index, step->arg[1] % 3))
		differ(w, "mmap: %s", strerror(errno));
}

/* All programs of a worker have the device, one at a time. */
void do_decode(struct world *w, struct context *ctx, const struct step *step)
{
	bool on = step->arg[0] % 3;
	struct errs none = { };

	if (w->threaded || arena_bar < 0)
		skip(w);
	else if (call_expect(w, &none, vfio_enable_memory(arena_bar, on)))
		w->arena->bar_is_off = !on;
}

/*
 * Whether memory that was mapped by its address keeps the context from changing
 * its process. Neither BARs nor files do.
 */
static bool model_keeps_process(const struct context *ctx)
{
	for (unsigned int i = 0; i < MAX_IOAS; i++) {
		const struct ioas *ioas = &ctx->ioas[i];

		for (unsigned int j = 0; ioas->used && j < ioas->nareas; j++)
			if (!ioas->areas[j].memory->file &&
			    !ioas->areas[j].memory->device)
				return true;
	}
	return false;
}

/*
 * The process pays already. It must not be over its limit; then the result also
 * depends on what of that is for files.
 */
void do_change_process(struct world *w, struct context *ctx,
		       const struct step *step)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };
	struct call call = CALL(ctx, IOMMU_IOAS_CHANGE_PROCESS, cmd, 8);

	if (w->threaded || (!w->account->unlimited &&
			    w->account->user > w->account->limit)) {
		skip(w);
		return;
	}
	cmd.__reserved = faulty_bits(w, FAULT_RESERVED, UINT32_MAX);
	if (cmd.__reserved)
		errs_add(&call.errs, EOPNOTSUPP);
	else if (model_keeps_process(ctx))
		errs_add(&call.errs, EINVAL);
	call_issue(w, &call);
}

void do_memlock(struct world *w, struct context *ctx, const struct step *step)
{
	struct rlimit limit;

	if (w->threaded || w->account->unlimited ||
	    getrlimit(RLIMIT_MEMLOCK, &limit)) {
		skip(w);
		return;
	}
	w->account->limit = step->arg[0];
	limit.rlim_cur = step->arg[0] * PAGE;
	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		differ(w, "setrlimit: %s", strerror(errno));
}

/* The child has the same limit, but nothing locked yet. */
static void predict_child(struct world *w, struct context *ctx,
			  struct ioas *ioas, const struct map_call *map,
			  struct errs *e)
{
	uint64_t locked = w->account->locked;

	w->account->locked = 0;
	model_predict_map(ctx, ioas, map, e);
	w->account->locked = locked;
}

static void make_child_map(struct world *w, const struct step *step,
			   struct map_call *map)
{
	*map = (struct map_call){
		.va = arena_va(w, step->arg[1] % (ARENA_BAR + 32) * PAGE),
		.length = (1 + step->arg[2] % 8) * PAGE,
		.iova = fuzz_iova() + step->arg[3] % 128 * PAGE,
		.flags = MAP_FIXED_IOVA | MAP_READ |
			 (step->arg[4] % 2 ? MAP_WRITE : 0),
		.by_child = true,
	};
}

/*
 * A child has copies of all files. Its close of them and its exit undo nothing;
 * what it maps stays.
 */
void do_fork(struct world *w, struct context *ctx, const struct step *step)
{
	struct ioas *ioas = step->arg[0] % 3 ? pick_ioas(ctx, step->arg[5]) :
					       NULL;
	struct errs errs = { };
	struct map_call map;
	int status;
	pid_t pid;

	if (w->threaded || (ioas && ioas->nareas > MAX_AREAS - 6)) {
		skip(w);
		return;
	}
	make_child_map(w, step, &map);
	if (ioas)
		predict_child(w, ctx, ioas, &map, &errs);
	pid = fork();
	if (!pid) {
		if (ioas)
			_exit(_test_ioas_map(ctx->fd, ioas->id,
					     (void *)map.va, map.length,
					     &map.iova, map.flags));
		for (unsigned int i = 0; i < w->nctxs && step->arg[0] % 2; i++)
			close(w->ctx[i]->fd);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		differ(w, "the child ended badly: %s", strerror(errno));
	else if (ioas && call_expect(w, &errs, WEXITSTATUS(status)))
		model_map(ctx, ioas, &map);
}

void do_check_pins(struct world *w, struct context *ctx,
		   const struct step *step)
{
	if (w->threaded) {
		skip(w);
		return;
	}
	DIFFER_UNLESS(w, w->account->pinned * (PAGE / 1024),
		      proc_status_kb("VmPin:"), "VmPin");
	DIFFER_UNLESS(w, w->account->locked * (PAGE / 1024),
		      proc_status_kb("VmLck:"), "VmLck");
}
