/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection: let the nth thing fail that can fail in this thread, be it
 * an allocation of a slab object or of pages, or a copy from or to user memory.
 */
#ifndef SELFTEST_LIB_FAULT_H
#define SELFTEST_LIB_FAULT_H

#include <stdbool.h>

/*
 * Prepare the kernel for it, once in each thread. Returns NULL, or what the
 * kernel lacks.
 */
const char *fault_setup(void);

/* From now on the @nth (from 1) fails, and all after it work again. */
bool fault_arm(unsigned int nth);
/* No more. Returns whether the fault has been injected. */
bool fault_disarm(void);

#endif
