/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_IOVA_PIN_H
#define _IOMMUFD_IOVA_PIN_H

struct iova_space;

/**
 * struct iova_revoke - an area that an UNMAP waits for
 * @start: first IOVA of the area
 * @last: last IOVA of the area
 * @rounds: how often the accesses were asked to unpin it
 */
struct iova_revoke {
	unsigned long start;
	unsigned long last;
	unsigned int rounds;
};

int iova_space_revoke(struct iova_space *space, struct iova_revoke *revoke);
void iova_space_unrevoke(struct iova_space *space,
			 const struct iova_revoke *revoke);
void __iova_space_unrevoke(struct iova_space *space,
			   const struct iova_revoke *revoke);

#endif
