/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_RANGES_H
#define _IOMMUFD_IOVA_RANGES_H

#include <linux/types.h>

struct iova_search;
struct iova_space;
struct iova_want;

bool __iova_space_is_reserved(struct iova_space *space, unsigned long start,
			      unsigned long last);
void __iova_space_unreserve(struct iova_space *space, const void *owner);
int __iova_space_place(struct iova_space *space, struct iova_search *search,
		       const struct iova_want *want);

#endif
