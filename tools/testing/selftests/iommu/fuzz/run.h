/* SPDX-License-Identifier: GPL-2.0 */
/* A program in a process of its own, and a shorter one that does the same. */
#ifndef FUZZ_RUN_H
#define FUZZ_RUN_H

#include "exec.h"
#include "program.h"

/*
 * Run a program in a child with fresh files. The worlds, one for each thread,
 * are in memory that both see; the first tells what was found, also when the
 * child did not come to its end. Returns true when there was no difference.
 */
struct world *world_new(void);
bool run_program(struct world *w, const struct program *program);

/*
 * Take away from a program what is not needed for a difference at a step of the
 * same kind. Returns how many candidates were tried.
 */
unsigned int shrink(struct world *w, struct program *program);

#endif
