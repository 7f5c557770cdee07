// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioctls.h"
#include "proc.h"
#include "run.h"

#define SECONDS		120	/* a program that takes longer hangs */
#define HARD_LIMIT	64	/* pages */

struct world *world_new(void)
{
	struct world *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return w == MAP_FAILED ? NULL : w;
}

/* No two processes that run at a time have the same user. */
static bool become_persona(enum persona persona)
{
	uid_t uid = 100000 + getpid();

	if (persona == PERSONA_ROOT)
		return true;
	if (!set_memlock(HARD_LIMIT * PAGE) || prctl(PR_SET_KEEPCAPS, 1) ||
	    setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid))
		return false;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if ((persona != PERSONA_RESOURCE || cap != CAP_SYS_RESOURCE) &&
		    !drop_capability(cap))
			return false;
	return persona != PERSONA_RESOURCE || raise_capability(CAP_SYS_RESOURCE);
}

static void account_init(struct account *account, enum persona persona)
{
	memset(account, 0, sizeof(*account));
	account->unlimited = persona == PERSONA_ROOT;
	account->may_set_mode = persona != PERSONA_USER;
	account->limit = HARD_LIMIT;
}

static bool world_open(struct world *w, const struct program *program)
{
	static struct context contexts[FUZZ_CTXS];
	static struct account account;
	static struct arena arena;

	w->nctxs = FUZZ_CTXS;
	w->account = &account;
	w->arena = &arena;
	account_init(&account, program->persona);
	for (int i = 0; i < FUZZ_CTXS; i++) {
		contexts[i].fd = iommufd_open();
		contexts[i].account = &account;
		contexts[i].arena = &arena;
		contexts[i].ids_exact = true;
		w->ctx[i] = &contexts[i];
		if (contexts[i].fd < 0)
			return false;
	}
	for (w->nspare = 0; w->nspare < FUZZ_SPARES; w->nspare++)
		w->spare[w->nspare] = iommufd_open();
	return arena_make(&arena, 0);
}

static void run_steps(struct world *w, const struct program *program)
{
	for (w->at = 0; w->at < program->nsteps && !*w->difference; w->at++)
		exec_step(w, &program->steps[w->at]);
	if (!*w->difference && program->ending == ENDING_CLOSE)
		exec_end(w);
	w->step = NULL;
	w->ended = true;
}

static void __attribute__((noreturn)) child(struct world *w,
					    const struct program *program)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SECONDS);
	if (!world_open(w, program))
		differ(w, "cannot begin: %s", strerror(errno));
	else if (!become_persona(program->persona))
		differ(w, "cannot become another user: %s", strerror(errno));
	else
		run_steps(w, program);
	if (program->ending == ENDING_KILL)
		raise(SIGKILL);
	_exit(0);
}

bool run_program(struct world *w, const struct program *program)
{
	int status;
	pid_t pid;

	memset(w, 0, sizeof(*w));
	pid = fork();
	if (!pid)
		child(w, program);
	if (pid < 0) {
		differ(w, "fork: %s", strerror(errno));
		return false;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	w->step = NULL;
	if (!w->ended && !*w->difference)
		differ(w, "%s ended by signal %d",
		       w->at < program->nsteps ?
		       step_name(program->steps[w->at].kind) : "end",
		       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return !*w->difference;
}
