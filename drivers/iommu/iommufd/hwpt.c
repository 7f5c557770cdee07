// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware page tables (HWPT): an iommu_domain that has the mappings of an
 * IOAS, and to which groups are attached.
 */
#include <linux/err.h>

#include "context.h"
#include "hwpt.h"
#include "ioas.h"

/* No device is attached to the HWPT any more. */
static void hwpt_fini(struct iommufd_object *obj)
{
	struct iommufd_hwpt *hwpt = container_of(obj, struct iommufd_hwpt, obj);
	struct iommufd_ioas *ioas = hwpt->ioas;

	spin_lock(&ioas->auto_list_lock);
	list_del_init(&hwpt->auto_entry);
	spin_unlock(&ioas->auto_list_lock);

	iova_space_remove_pgtable(&ioas->space, &hwpt->pgt);
	if (!hwpt->enforces_coherency)
		atomic_dec(&ioas->nr_incoherent);
	iommu_domain_free(hwpt->pgt.table.domain);
	iommufd_object_unuse(ioas->ictx, &ioas->obj, 1);
}

static const struct iommufd_object_ops hwpt_ops = {
	.fini = hwpt_fini,
};

/**
 * iommufd_hwpt_create() - make a HWPT with all mappings of an IOAS
 * @ioas: IOAS that the caller has looked up
 * @domain: empty page table; the HWPT owns it on success
 * @enforces_coherency: @domain makes DMA coherent even if the device asks for
 *                      no snooping
 *
 * Return: an unpublished HWPT; -ENOENT if the IOAS is being destroyed,
 * -EADDRINUSE if a mapping or an allowed range does not suit the hardware, or
 * an errno of the IOMMU driver or of iommufd_umem_pin().
 */
struct iommufd_hwpt *iommufd_hwpt_create(struct iommufd_ioas *ioas,
					 struct iommu_domain *domain,
					 bool enforces_coherency)
{
	struct iommufd_ctx *ictx = ioas->ictx;
	struct iommufd_hwpt *hwpt;
	int rc;

	hwpt = iommufd_object_alloc(ictx, hwpt, IOMMUFD_OBJ_HWPT, &hwpt_ops);
	if (IS_ERR(hwpt))
		return hwpt;
	INIT_LIST_HEAD(&hwpt->auto_entry);

	rc = iommufd_object_use(ictx, &ioas->obj);
	if (rc)
		goto out_abort;
	hwpt->ioas = ioas;
	hwpt->enforces_coherency = enforces_coherency;
	hwpt->pgt.table.domain = domain;

	if (!hwpt->enforces_coherency)
		atomic_inc(&ioas->nr_incoherent);
	rc = iova_space_add_pgtable(&ioas->space, &hwpt->pgt);
	if (rc)
		goto out_uncount;
	return hwpt;

out_uncount:
	if (!hwpt->enforces_coherency)
		atomic_dec(&ioas->nr_incoherent);
	iommufd_object_unuse(ictx, &ioas->obj, 1);
out_abort:
	iommufd_object_abort(ictx, &hwpt->obj);
	return ERR_PTR(rc);
}

/* Free a HWPT without users that was never published. */
void iommufd_hwpt_abort(struct iommufd_hwpt *hwpt)
{
	struct iommufd_ctx *ictx = hwpt->ioas->ictx;

	hwpt_fini(&hwpt->obj);
	iommufd_object_abort(ictx, &hwpt->obj);
}

/**
 * iommufd_hwpt_put_user() - drop a user of a HWPT
 * @hwpt: HWPT; an automatic one is destroyed with its last user
 *
 * The caller must not hold iommufd_group.lock: this may wait for a thread that
 * attaches.
 */
void iommufd_hwpt_put_user(struct iommufd_hwpt *hwpt)
{
	struct iommufd_ctx *ictx = hwpt->ioas->ictx;

	if (hwpt->automatic)
		iommufd_object_destroy_unused(ictx, &hwpt->obj);
	else
		iommufd_object_unuse(ictx, &hwpt->obj, 1);
}

/**
 * iommufd_hwpt_publish_auto() - publish an automatic HWPT
 * @hwpt: HWPT that attaching made
 *
 * The caller must hold iommufd_ioas.auto_lock.
 */
void iommufd_hwpt_publish_auto(struct iommufd_hwpt *hwpt)
{
	struct iommufd_ioas *ioas = hwpt->ioas;

	spin_lock(&ioas->auto_list_lock);
	list_add_tail(&hwpt->auto_entry, &ioas->auto_hwpts);
	spin_unlock(&ioas->auto_list_lock);
	iommufd_object_publish(ioas->ictx, &hwpt->obj);
}

/**
 * iommufd_hwpt_next_auto() - go through the automatic HWPTs of an IOAS
 * @ioas: IOAS
 * @hwpt: the one before, of which the caller is a user, or NULL for the first
 *
 * Return: a HWPT of which the caller is a user, or NULL.
 */
struct iommufd_hwpt *iommufd_hwpt_next_auto(struct iommufd_ioas *ioas,
					    struct iommufd_hwpt *hwpt)
{
	struct iommufd_hwpt *found = NULL;

	spin_lock(&ioas->auto_list_lock);
	hwpt = list_prepare_entry(hwpt, &ioas->auto_hwpts, auto_entry);
	list_for_each_entry_continue(hwpt, &ioas->auto_hwpts, auto_entry) {
		if (!iommufd_object_use(ioas->ictx, &hwpt->obj)) {
			found = hwpt;
			break;
		}
	}
	spin_unlock(&ioas->auto_list_lock);
	return found;
}
