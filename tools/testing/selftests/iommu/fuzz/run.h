/* SPDX-License-Identifier: GPL-2.0 */
/* Runs a program in a process of its own, and shrinks it. */
#ifndef FUZZ_RUN_H
#define FUZZ_RUN_H

#include "exec.h"
#include "program.h"

/*
 * Run a program in a child with new files. The worlds, one for each thread, are
 * in shared memory. The first has the result, even if the child was killed.
 * Returns true if there was no difference.
 */
struct world *world_new(void);
bool run_program(struct world *w, const struct program *program);

/*
 * Remove what a program does not need for a difference at a step of the same
 * kind. Returns how many candidates were tried.
 */
unsigned int shrink(struct world *w, struct program *program);

#endif
