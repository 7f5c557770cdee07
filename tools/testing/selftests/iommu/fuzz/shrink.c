// SPDX-License-Identifier: GPL-2.0
/*
 * Delta debugging: remove blocks of steps, then single steps, then clear bits
 * of their arguments. A candidate is taken if it still has a difference at a
 * step of the same kind.
 */
#include <stdlib.h>
#include <string.h>

#include "run.h"

struct shrinker {
	struct world *w;
	struct program *best;
	unsigned int kind;
	unsigned int tries;
};

static unsigned int kind_at(const struct program *program, size_t at)
{
	return at < program->nsteps ? program->steps[at].kind : STEP_NOP;
}

/* Take @candidate if it has the difference; drop the steps after it. */
static bool try(struct shrinker *s, struct program *candidate)
{
	s->tries++;
	if (run_program(s->w, candidate) ||
	    kind_at(candidate, s->w->failed_at) != s->kind)
		return false;
	if (candidate->threads == 1 && s->w->failed_at < candidate->nsteps)
		candidate->nsteps = s->w->failed_at + 1;
	program_free(s->best);
	program_copy(s->best, candidate);
	return true;
}

static bool try_without(struct shrinker *s, size_t from, size_t n)
{
	struct program candidate;
	size_t end = from + n;
	bool good;

	program_copy(&candidate, s->best);
	if (end > candidate.nsteps)
		end = candidate.nsteps;
	memmove(&candidate.steps[from], &candidate.steps[end],
		(candidate.nsteps - end) * sizeof(*candidate.steps));
	candidate.nsteps -= end - from;
	good = try(s, &candidate);
	program_free(&candidate);
	return good;
}

static bool shrink_steps(struct shrinker *s)
{
	bool progress = false;

	for (size_t n = s->best->nsteps / 2; n; n /= 2)
		for (size_t from = 0; from < s->best->nsteps;)
			if (try_without(s, from, n))
				progress = true;
			else
				from += n;
	return progress;
}

static bool try_step(struct shrinker *s, size_t i, const struct step *step)
{
	struct program candidate;
	bool good;

	if (!memcmp(step, &s->best->steps[i], sizeof(*step)))
		return false;
	program_copy(&candidate, s->best);
	candidate.steps[i] = *step;
	good = try(s, &candidate);
	program_free(&candidate);
	return good;
}

static void shrink_step(struct shrinker *s, size_t i)
{
	struct step step = s->best->steps[i];

	step.fault = FAULT_NONE;
	try_step(s, i, &step);
	step = s->best->steps[i];
	step.ctx = 0;
	try_step(s, i, &step);
	for (int a = 0; a < STEP_ARGS; a++) {
		static const uint64_t masks[] = { 0, 0xf, 0xff, 0xfffff000 };

		for (int m = 0; m < 4 && i < s->best->nsteps; m++) {
			step = s->best->steps[i];
			step.arg[a] &= masks[m];
			if (try_step(s, i, &step))
				break;
		}
	}
}

static void shrink_process(struct shrinker *s)
{
	struct program candidate;

	program_copy(&candidate, s->best);
	candidate.persona = PERSONA_ROOT;
	candidate.ending = ENDING_CLOSE;
	try(s, &candidate);
	program_free(&candidate);
}

unsigned int shrink(struct world *w, struct program *program)
{
	struct shrinker s = { .w = w, .best = program };

	/* The moment of a kill cannot be repeated. */
	if (program->ending == ENDING_KILL)
		program->ending = ENDING_EXIT;
	/* Run it again: the difference must be reproducible. */
	if (run_program(w, program))
		return 0;
	s.kind = kind_at(program, w->failed_at);
	if (program->threads == 1 && w->failed_at < program->nsteps)
		program->nsteps = w->failed_at + 1;
	shrink_process(&s);
	while (shrink_steps(&s))
		;
	for (size_t i = 0; i < s.best->nsteps; i++)
		shrink_step(&s, i);
	shrink_steps(&s);
	run_program(w, s.best);
	return s.tries;
}
