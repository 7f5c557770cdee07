/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_PLACE_H
#define _IOMMUFD_UMEM_PLACE_H

#include <linux/list.h>
#include <linux/types.h>

#include "pgtable.h"

struct pfn_run;
struct umem_batch;

/**
 * struct umem_place - where device memory is to be mapped
 * @entry: in the list of all places of a umem
 * @pgt: page table
 * @range: range of IOVA there
 *
 * The kind of the memory has a lock for the list, and for the IO pages.
 */
struct umem_place {
	struct list_head entry;
	struct iommufd_pgtable *pgt;
	struct pgtable_range range;
};

struct umem_place *umem_place_create(struct iommufd_pgtable *pgt,
				     const struct pgtable_range *range);
int umem_place_add(struct list_head *places, struct umem_place *place,
		   phys_addr_t phys, bool here);
void umem_place_remove(struct list_head *places, struct iommufd_pgtable *pgt,
		       unsigned long iova, bool here);
int umem_places_fill(struct list_head *places, phys_addr_t phys);
void umem_places_drain(struct list_head *places);

int umem_no_pin(struct umem_batch *batch, unsigned long last);
unsigned long umem_no_drop(struct umem_batch *batch);
void umem_no_unpin(struct iommufd_umem *umem, const struct pfn_run *runs,
		   unsigned int nr, unsigned long last);
int umem_no_page(struct iommufd_umem *umem, unsigned long index, bool write,
		 struct page **page);

#endif
