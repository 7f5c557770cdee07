/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_ALIGN_H
#define _IOMMUFD_IOVA_ALIGN_H

struct iova_space;

unsigned long __iova_space_calc_alignment(struct iova_space *space);
int __iova_space_raise_alignment(struct iova_space *space,
				 unsigned long alignment);

#endif
