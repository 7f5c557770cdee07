/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory with one page whose fault blocks until the test lets it continue. A
 * thread that needs the page is stuck in the kernel as long as the test wants.
 */
#ifndef SELFTEST_LIB_STUCK_H
#define SELFTEST_LIB_STUCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stuck {
	int uffd;
	uint8_t *mem;
	size_t length;
	uint8_t *page;
};

/* Does this kernel have userfaultfd? */
bool stuck_possible(void);
/* Allocate memory with all pages present but one. */
bool stuck_open(struct stuck *stuck, size_t length, size_t page);
/* 0 when a thread has faulted on the page, ETIMEDOUT if none did within @ms */
int stuck_wait(struct stuck *stuck, int ms);
/* Let the fault continue; later faults do not block either. */
void stuck_release(struct stuck *stuck);

#endif
