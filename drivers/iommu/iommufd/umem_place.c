// SPDX-License-Identifier: GPL-2.0
/*
 * What the kinds of device memory share: one run of bus addresses, which may go,
 * is mapped in a list of places. There are no pages, so nothing is pinned, and
 * accesses of the kernel find nothing to pin or to copy.
 */
#include <linux/iommu.h>
#include <linux/slab.h>

#include "umem_place.h"

/* Return: a place that is not in a list yet, or NULL. */
struct umem_place *umem_place_create(struct iommufd_pgtable *pgt,
				     const struct pgtable_range *range)
{
	struct umem_place *place = kzalloc(sizeof(*place), GFP_KERNEL_ACCOUNT);

	if (!place)
		return NULL;
	place->pgt = pgt;
	place->range = *range;
	place->range.prot &= IOMMU_READ | IOMMU_WRITE;
	place->range.prot |= IOMMU_MMIO;
	return place;
}

/* The place that begins at @iova; the core has made sure that there is one. */
static struct umem_place *umem_place_find(struct list_head *places,
					  struct iommufd_pgtable *pgt,
					  unsigned long iova)
{
	struct umem_place *place;

	list_for_each_entry(place, places, entry)
		if (place->pgt == pgt && place->range.iova == iova)
			return place;
	WARN_ON_ONCE(true);
	return NULL;
}

/* Map the memory, whose byte 0 is or would be at @phys. */
static int umem_place_fill(struct umem_place *place, phys_addr_t phys)
{
	return iommufd_pgtable_map_phys(place->pgt, &place->range,
					phys + place->range.offset);
}

static void umem_place_drain(struct umem_place *place)
{
	iommufd_pgtable_unmap_phys(place->pgt, place->range.iova,
				   place->range.length);
}

/*
 * Add a place, and map the memory there if it is @here, at @phys. On failure
 * the caller keeps the place.
 */
int umem_place_add(struct list_head *places, struct umem_place *place,
		   phys_addr_t phys, bool here)
{
	int rc = here ? umem_place_fill(place, phys) : 0;

	if (!rc)
		list_add_tail(&place->entry, places);
	return rc;
}

/* Undo umem_place_add(). The memory is mapped if it is @here. */
void umem_place_remove(struct list_head *places, struct iommufd_pgtable *pgt,
		       unsigned long iova, bool here)
{
	struct umem_place *place = umem_place_find(places, pgt, iova);

	if (!place)
		return;
	if (here)
		umem_place_drain(place);
	list_del(&place->entry);
	kfree(place);
}

/* Fill all places, or none. */
int umem_places_fill(struct list_head *places, phys_addr_t phys)
{
	struct umem_place *place;
	int rc;

	list_for_each_entry(place, places, entry) {
		rc = umem_place_fill(place, phys);
		if (rc)
			goto out_drain;
	}
	return 0;

out_drain:
	list_for_each_entry_continue_reverse(place, places, entry)
		umem_place_drain(place);
	return rc;
}

void umem_places_drain(struct list_head *places)
{
	struct umem_place *place;

	list_for_each_entry(place, places, entry)
		umem_place_drain(place);
}

/* umem_ops.pin */
int umem_no_pin(struct umem_batch *batch, unsigned long last)
{
	return -EINVAL;
}

/* umem_ops.drop */
unsigned long umem_no_drop(struct umem_batch *batch)
{
	return 0;
}

/* umem_ops.unpin */
void umem_no_unpin(struct iommufd_umem *umem, const struct pfn_run *runs,
		   unsigned int nr, unsigned long last)
{
	WARN_ON_ONCE(nr);
}

/* umem_ops.get_page */
int umem_no_page(struct iommufd_umem *umem, unsigned long index, bool write,
		 struct page **page)
{
	return -EINVAL;
}
