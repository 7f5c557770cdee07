/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection: the nth operation of this thread that can fail fails. It is
 * an allocation of a slab object or of pages, or a copy from or to user memory.
 */
#ifndef SELFTEST_LIB_FAULT_H
#define SELFTEST_LIB_FAULT_H

#include <stdbool.h>

/*
 * Prepare fault injection, once in each thread. Returns NULL, or a description
 * of what the kernel lacks.
 */
const char *fault_setup(void);

/* Let the @nth operation (from 1) fail, and none after it. */
bool fault_arm(unsigned int nth);
/* Stop. Returns whether the fault has been injected. */
bool fault_disarm(void);

#endif
