// SPDX-License-Identifier: GPL-2.0
/*
 * Hardware page tables (HWPT): an iommu_domain to which groups are attached. A
 * paging HWPT has the mappings of an IOAS. The table of a nested HWPT belongs
 * to user space; its output goes through a paging HWPT, the parent.
 */
#include <linux/err.h>

#include "context.h"
#include "fault.h"
#include "hwpt.h"
#include "ioas.h"
#include "iommu_ops.h"

/* The caller must put it with iommufd_put_hwpt(); ERR_PTR(-ENOENT) without. */
struct iommufd_hwpt_paging *iommufd_get_hwpt_paging(struct iommufd_ctx *ictx,
						    u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_HWPT);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return to_iommufd_hwpt_paging(obj);
}

/* No device is attached to the HWPT any more. */
static void hwpt_paging_fini(struct iommufd_object *obj)
{
	struct iommufd_hwpt_paging *hwpt = to_iommufd_hwpt_paging(obj);
	struct iommufd_ioas *ioas = hwpt->ioas;

	spin_lock(&ioas->auto_list_lock);
	list_del_init(&hwpt->auto_entry);
	spin_unlock(&ioas->auto_list_lock);

	atomic_dec(&ioas->nr_hwpts);
	iova_space_remove_pgtable(&ioas->space, &hwpt->pgt);
	if (!hwpt->enforces_coherency)
		atomic_dec(&ioas->nr_incoherent);
	iommu_domain_free(hwpt->common.domain);
	iommufd_hwpt_clear_fault(&hwpt->common);
	iommufd_object_unuse(ioas->ictx, &ioas->obj, 1);
}

static const struct iommufd_object_ops hwpt_paging_ops = {
	.fini = hwpt_paging_fini,
};

/**
 * iommufd_hwpt_paging_create() - make a HWPT with all mappings of an IOAS
 * @ioas: IOAS that the caller has looked up
 * @ops: how to deal with the IOMMU
 * @dev: device that @domain was made for
 * @domain: empty page table; the HWPT owns it on success
 * @enforces_coherency: @domain makes DMA coherent even if the device asks for
 *                      no snooping
 *
 * Return: an unpublished HWPT; -ENOENT if the IOAS is being destroyed,
 * -EADDRINUSE if a mapping or an allowed range does not suit the hardware, or
 * an errno of the IOMMU driver or of iommufd_umem_pin().
 */
struct iommufd_hwpt_paging *
iommufd_hwpt_paging_create(struct iommufd_ioas *ioas,
			   const struct iommufd_iommu_ops *ops,
			   struct device *dev, struct iommu_domain *domain,
			   bool enforces_coherency)
{
	struct iommufd_ctx *ictx = ioas->ictx;
	struct iommufd_hwpt_paging *hwpt;
	int rc;

	hwpt = iommufd_object_alloc_member(ictx, hwpt, common.obj,
					   IOMMUFD_OBJ_HWPT, &hwpt_paging_ops);
	if (IS_ERR(hwpt))
		return hwpt;
	INIT_LIST_HEAD(&hwpt->auto_entry);

	rc = iommufd_object_use(ictx, &ioas->obj);
	if (rc)
		goto out_abort;
	hwpt->common.ictx = ictx;
	hwpt->common.ops = ops;
	hwpt->common.domain = domain;
	hwpt->common.paging = hwpt;
	hwpt->ioas = ioas;
	hwpt->enforces_coherency = enforces_coherency;
	hwpt->pgt.table.domain = domain;
	hwpt->pgt.table.goes_whole = ops->frees_table(dev);

	if (!hwpt->enforces_coherency)
		atomic_inc(&ioas->nr_incoherent);
	rc = iova_space_add_pgtable(&ioas->space, &hwpt->pgt);
	if (rc)
		goto out_uncount;
	atomic_inc(&ioas->nr_hwpts);
	return hwpt;

out_uncount:
	if (!hwpt->enforces_coherency)
		atomic_dec(&ioas->nr_incoherent);
	iommufd_object_unuse(ictx, &ioas->obj, 1);
out_abort:
	iommufd_object_abort(ictx, &hwpt->common.obj);
	return ERR_PTR(rc);
}

/* What a nested HWPT is a user of; a vIOMMU is itself a user of its parent. */
static struct iommufd_object *nested_base(struct iommufd_hwpt_nested *nested)
{
	return nested->viommu ? &nested->viommu->obj :
				&nested->common.paging->common.obj;
}

/* No device is attached to the HWPT any more. */
static void hwpt_nested_fini(struct iommufd_object *obj)
{
	struct iommufd_hwpt *hwpt = to_iommufd_hwpt(obj);
	struct iommufd_object *base = nested_base(container_of(
		hwpt, struct iommufd_hwpt_nested, common));

	iommu_domain_free(hwpt->domain);
	iommufd_hwpt_clear_fault(hwpt);
	iommufd_object_unuse(hwpt->ictx, base, 1);
}

static const struct iommufd_object_ops hwpt_nested_ops = {
	.fini = hwpt_nested_fini,
};

/**
 * iommufd_hwpt_nested_create() - make a HWPT on top of another one
 * @parent: HWPT that translates what the new one does not
 * @viommu: vIOMMU on top of @parent that the new one is made on, or NULL. The
 *          caller has looked up the vIOMMU, or without one @parent.
 * @domain: page table that belongs to user space; the HWPT owns it on success
 *
 * Return: an unpublished HWPT that is a user of @viommu or @parent; -ENOENT if
 * that is being destroyed, -ENOMEM.
 */
struct iommufd_hwpt *
iommufd_hwpt_nested_create(struct iommufd_hwpt_paging *parent,
			   struct iommufd_viommu *viommu,
			   struct iommu_domain *domain)
{
	struct iommufd_ctx *ictx = parent->common.ictx;
	struct iommufd_hwpt_nested *nested;
	struct iommufd_hwpt *hwpt;
	int rc;

	nested = iommufd_object_alloc_member(ictx, nested, common.obj,
					     IOMMUFD_OBJ_HWPT_NESTED,
					     &hwpt_nested_ops);
	if (IS_ERR(nested))
		return ERR_CAST(nested);
	nested->viommu = viommu;
	hwpt = &nested->common;
	hwpt->paging = parent;

	rc = iommufd_object_use(ictx, nested_base(nested));
	if (rc) {
		iommufd_object_abort(ictx, &hwpt->obj);
		return ERR_PTR(rc);
	}
	hwpt->ictx = ictx;
	hwpt->ops = parent->common.ops;
	hwpt->domain = domain;
	return hwpt;
}

/* Free a HWPT without users that was never published. */
void iommufd_hwpt_abort(struct iommufd_hwpt *hwpt)
{
	struct iommufd_ctx *ictx = hwpt->ictx;

	hwpt->obj.ops->fini(&hwpt->obj);
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
	if (iommufd_hwpt_is_automatic(hwpt))
		iommufd_object_destroy_unused(hwpt->ictx, &hwpt->obj);
	else
		iommufd_object_unuse(hwpt->ictx, &hwpt->obj, 1);
}

/**
 * iommufd_hwpt_publish_auto() - publish an automatic HWPT
 * @hwpt: HWPT that attaching made
 *
 * The caller must hold iommufd_ioas.auto_lock.
 */
void iommufd_hwpt_publish_auto(struct iommufd_hwpt *hwpt)
{
	struct iommufd_ioas *ioas = hwpt->paging->ioas;

	spin_lock(&ioas->auto_list_lock);
	list_add_tail(&hwpt->paging->auto_entry, &ioas->auto_hwpts);
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
	struct iommufd_hwpt_paging *next = hwpt ? hwpt->paging : NULL;
	struct iommufd_hwpt *found = NULL;

	spin_lock(&ioas->auto_list_lock);
	next = list_prepare_entry(next, &ioas->auto_hwpts, auto_entry);
	list_for_each_entry_continue(next, &ioas->auto_hwpts, auto_entry) {
		if (!iommufd_object_use(ioas->ictx, &next->common.obj)) {
			found = &next->common;
			break;
		}
	}
	spin_unlock(&ioas->auto_list_lock);
	return found;
}
