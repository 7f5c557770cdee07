// SPDX-License-Identifier: GPL-2.0
/* Steps that concern the process: its memory, its limit, its children. */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec.h"
#include "mock.h"
#include "proc.h"

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

/* A child has all the files too. Closing them, or exiting, undoes nothing. */
void do_fork(struct world *w, struct context *ctx, const struct step *step)
{
	int status;
	pid_t pid;

	if (w->threaded) {
		skip(w);
		return;
	}
	pid = fork();
	if (!pid) {
		for (unsigned int i = 0; i < w->nctxs && step->arg[0] % 2; i++)
			close(w->ctx[i]->fd);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		differ(w, "the child ended badly: %s", strerror(errno));
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
