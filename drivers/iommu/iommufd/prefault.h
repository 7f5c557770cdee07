/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_PREFAULT_H
#define _IOMMUFD_PREFAULT_H

#include <linux/sizes.h>

struct prefault;

/* The callers do not try shorter ranges. */
#define PREFAULT_MIN SZ_32M

int prefault_init(void);
void prefault_exit(void);

struct prefault *prefault_begin(unsigned long start, unsigned long length);
void prefault_pinned(struct prefault *prefault, unsigned long uva);
void prefault_end(struct prefault *prefault);

#endif
