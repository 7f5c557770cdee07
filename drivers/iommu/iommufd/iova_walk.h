/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_WALK_H
#define _IOMMUFD_IOVA_WALK_H

#include "iova_space.h"

/* Called for a range in one area. Return: 0, or an errno that ends the walk. */
typedef int (*iova_visit_fn)(void *arg, unsigned long start,
			     unsigned long last);

bool iova_space_find(struct iova_space *space, unsigned long *start,
		     unsigned long last);
int iova_space_walk(struct iova_space *space, unsigned long start,
		    unsigned long last, iova_visit_fn visit, void *arg);

#endif
