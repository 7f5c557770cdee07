/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_PGTABLE_H
#define _IOMMUFD_IOVA_PGTABLE_H

#include "iova_space.h"

struct iova_area;

/**
 * struct iova_pgtables - iterator over the domains that a busy area belongs to
 * @pgt: the current one, NULL at the end
 * @filled: its mark
 * @left: number of domains after it; counted once, as the set cannot change
 */
struct iova_pgtables {
	struct iova_pgtable *pgt;
	unsigned long filled;
	unsigned int left;
};

void __iova_pgtables_of(struct iova_space *space, const struct iova_area *area,
			struct iova_pgtables *iter);
int iova_areas_fill(struct iova_space *space, struct iova_area *areas,
		    struct iova_pgtables *iter);
void iova_areas_drain(struct iova_space *space, struct iova_area *areas,
		      struct iova_pgtables *iter);
void iova_area_unpin(struct iova_area *area);
void __iova_pgtables_lift_marks(struct iova_space *space, unsigned long start,
				unsigned long border);
void __iova_pgtables_lower_marks(struct iova_space *space,
				 const struct iova_area *area);

#endif
