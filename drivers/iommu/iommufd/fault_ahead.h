/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_FAULT_AHEAD_H
#define _IOMMUFD_FAULT_AHEAD_H

#include <linux/sizes.h>

struct fault_ahead;

/* Memory that is shorter than this is not worth the question. */
#define FAULT_AHEAD_MIN SZ_32M

struct fault_ahead *fault_ahead_begin(unsigned long start,
				      unsigned long length);
void fault_ahead_pinned(struct fault_ahead *ahead, unsigned long uva);
void fault_ahead_end(struct fault_ahead *ahead);

#endif
