/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory with a page that does not come until it is let, so that whoever needs
 * it is stuck in the kernel for as long as a test wants.
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

/* Is there a userfaultfd on this kernel? */
bool stuck_possible(void);
/* Present memory but for one page. */
bool stuck_open(struct stuck *stuck, size_t length, size_t page);
/* 0 when somebody has come to the page, ETIMEDOUT if not within so many ms. */
int stuck_wait(struct stuck *stuck, int ms);
/* Let the page come, for good. */
void stuck_release(struct stuck *stuck);

#endif
