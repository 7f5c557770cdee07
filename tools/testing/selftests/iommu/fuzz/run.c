// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ioctls.h"
#include "proc.h"
#include "run.h"

#define SECONDS		120	/* a longer program hangs */
#define HARD_LIMIT	64	/* pages */

struct world *world_new(void)
{
	struct world *w = mmap(NULL, FUZZ_THREADS * sizeof(*w),
			       PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return w == MAP_FAILED ? NULL : w;
}

/* Processes that run at the same time have different users. */
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

/* Each thread has its own model of the files, which all threads use. */
static bool world_open(struct world *w, const struct program *program,
		       unsigned int thread, const int *fds)
{
	static struct context contexts[FUZZ_THREADS][FUZZ_CTXS];
	static struct account accounts[FUZZ_THREADS];
	static struct arena arenas[FUZZ_THREADS];

	w->nctxs = FUZZ_CTXS;
	w->account = &accounts[thread];
	w->arena = &arenas[thread];
	w->threaded = program->threads > 1;
	account_init(w->account, program->persona);
	for (int i = 0; i < FUZZ_CTXS; i++) {
		struct context *ctx = &contexts[thread][i];

		ctx->fd = fds[i];
		ctx->account = w->account;
		ctx->arena = w->arena;
		ctx->ids_exact = !w->threaded;
		w->ctx[i] = ctx;
	}
	return arena_make(w->arena, thread);
}

static bool worlds_open(struct world *w, const struct program *program)
{
	int fds[FUZZ_CTXS];

	for (int i = 0; i < FUZZ_CTXS; i++) {
		fds[i] = iommufd_open();
		if (fds[i] < 0)
			return false;
	}
	for (unsigned int t = 0; t < program->threads; t++)
		if (!world_open(&w[t], program, t, fds))
			return false;
	for (w->nspare = 0; w->nspare < FUZZ_SPARES; w->nspare++)
		w->spare[w->nspare] = iommufd_open();
	return true;
}

struct thread {
	pthread_t id;
	struct world *w;
	const struct program *program;
	unsigned int nth;
};

static void *run_thread(void *arg)
{
	struct thread *thread = arg;
	const struct program *program = thread->program;
	struct world *w = thread->w;

	for (w->at = 0; w->at < program->nsteps && !*w->difference; w->at++)
		if (program->steps[w->at].thread == thread->nth)
			exec_step(w, &program->steps[w->at]);
	if (w->threaded)
		exec_detach(w);
	return NULL;
}

/* Add the results of a thread to the world of the first. */
static void gather(struct world *w, const struct world *from)
{
	w->ioctls += from->ioctls;
	w->refused += from->refused;
	w->skipped += from->skipped;
	for (int i = 0; i < STEP_KINDS; i++) {
		w->by_kind[i] += from->by_kind[i];
		w->good_by_kind[i] += from->good_by_kind[i];
	}
	if (*w->difference || !*from->difference)
		return;
	memcpy(w->difference, from->difference, sizeof(w->difference));
	w->failed_at = from->failed_at;
}

static void run_threads(struct world *w, const struct program *program)
{
	struct thread threads[FUZZ_THREADS];

	for (unsigned int t = 0; t < program->threads; t++) {
		threads[t] = (struct thread){
			.w = &w[t], .program = program, .nth = t,
		};
		if (t && pthread_create(&threads[t].id, NULL, run_thread,
					&threads[t]))
			differ(&w[t], "pthread_create failed");
	}
	run_thread(&threads[0]);
	for (unsigned int t = 1; t < program->threads; t++)
		pthread_join(threads[t].id, NULL);
}

/* VmPin is the sum over all threads; after close it must be 0. */
static void end_threads(struct world *w)
{
	long kb;

	for (unsigned int i = 0; i < w->nctxs; i++)
		close(w->ctx[i]->fd);
	kb = proc_status_kb("VmPin:");
	if (kb)
		differ(w, "VmPin is %ld when all is closed", kb);
}

static void run_steps(struct world *w, const struct program *program)
{
	run_threads(w, program);
	for (unsigned int t = 1; t < program->threads; t++)
		gather(w, &w[t]);
	w->step = NULL;
	if (*w->difference || program->ending != ENDING_CLOSE)
		;
	else if (w->threaded)
		end_threads(w);
	else
		exec_end(w);
	w->step = NULL;
	w->ended = true;
}

/* SIGALRM at a random moment; a program takes some ten milliseconds. */
static void kill_later(const struct program *program)
{
	struct rng rng = { program->seed };
	struct itimerval timer = {
		.it_value.tv_usec = 1 + rng_below(&rng, 100000),
	};

	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void __attribute__((noreturn)) child(struct world *w,
					    const struct program *program)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SECONDS * slowness());
	if (!worlds_open(w, program)) {
		differ(w, "cannot open or map: %s", strerror(errno));
	} else if (!become_persona(program->persona)) {
		differ(w, "cannot become another user: %s", strerror(errno));
	} else {
		if (program->ending == ENDING_KILL)
			kill_later(program);
		run_steps(w, program);
	}
	_exit(0);
}

bool run_program(struct world *w, const struct program *program)
{
	int status;
	pid_t pid;

	memset(w, 0, FUZZ_THREADS * sizeof(*w));
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
	if (w->ended || *w->difference)
		return !*w->difference;
	for (unsigned int t = 1; t < program->threads; t++)
		gather(w, &w[t]);
	if (program->ending != ENDING_KILL || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGALRM)
		differ(w, "%s ended by signal %d",
		       w->at < program->nsteps ?
		       step_name(program->steps[w->at].kind) : "end",
		       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return !*w->difference;
}
