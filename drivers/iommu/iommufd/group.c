// SPDX-License-Identifier: GPL-2.0
/*
 * Groups: the DMA of an iommu_group belongs to one context, and all its
 * devices are attached to the same HWPT.
 *
 * Locks, outermost first: iommufd_ctx.groups_lock; iommufd_ioas.auto_lock;
 * iommufd_group.lock; iommufd_pgtable.groups; iova_space.lock. The lock of a
 * fault queue may be taken in all of them. Calls for one device must be
 * serialized by its driver.
 */
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/slab.h>

#include "context.h"
#include "dirty.h"
#include "fault.h"
#include "group.h"
#include "hwpt.h"
#include "ioas.h"
#include "iommu_ops.h"

/* Make the context the owner of the group's DMA. */
static struct iommufd_group *group_create(struct iommufd_ctx *ictx,
					  struct iommu_group *group,
					  struct device *dev,
					  const struct iommufd_iommu_ops *ops)
{
	struct iommufd_group *igroup;
	int rc;

	igroup = kzalloc(sizeof(*igroup), GFP_KERNEL_ACCOUNT);
	if (!igroup)
		return ERR_PTR(-ENOMEM);
	igroup->ictx = ictx;
	igroup->ops = ops;
	igroup->group = group;
	INIT_LIST_HEAD(&igroup->bound);
	mutex_init(&igroup->lock);
	INIT_LIST_HEAD(&igroup->attached);

	rc = ops->claim(dev, ictx);
	if (rc)
		goto out_free;
	if (group)
		rc = xa_err(xa_store(&ictx->groups, iommu_group_id(group),
				     igroup, GFP_KERNEL_ACCOUNT));
	if (rc)
		goto out_release;
	return igroup;

out_release:
	ops->release(dev);
out_free:
	kfree(igroup);
	return ERR_PTR(rc);
}

static void group_destroy(struct iommufd_group *igroup, struct device *dev)
{
	struct iommu_group *group = igroup->group;

	if (group)
		xa_erase(&igroup->ictx->groups, iommu_group_id(group));
	igroup->ops->release(dev);
	if (group)
		iommu_group_put(group);
	mutex_destroy(&igroup->lock);
	kfree(igroup);
}

static bool group_has_device(struct iommufd_group *igroup, struct device *dev)
{
	struct iommufd_device *idev;

	list_for_each_entry(idev, &igroup->bound, bound_entry) {
		if (idev->dev == dev)
			return true;
	}
	return false;
}

/* Add the device to its group, and the group to the context if it is new. */
static int __group_join(struct iommufd_device *idev,
			const struct iommufd_iommu_ops *ops)
{
	struct iommu_group *group = iommu_group_get(idev->dev);
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_group *igroup = NULL;

	lockdep_assert_held(&ictx->groups_lock);
	if (group)
		igroup = xa_load(&ictx->groups, iommu_group_id(group));
	if (igroup) {
		iommu_group_put(group);
		if (group_has_device(igroup, idev->dev))
			return -EBUSY;
	} else {
		igroup = group_create(ictx, group, idev->dev, ops);
		if (IS_ERR(igroup)) {
			iommu_group_put(group);
			return PTR_ERR(igroup);
		}
	}
	idev->igroup = igroup;
	list_add_tail(&idev->bound_entry, &igroup->bound);
	return 0;
}

/**
 * iommufd_group_join() - make a device a member of its group
 * @idev: device with @dev and @ictx
 * @ops: how to deal with its IOMMU
 *
 * Return: 0; -EBUSY if the device is a member already; what ops->claim() says
 * if the context does not own the group yet; -ENOMEM.
 */
int iommufd_group_join(struct iommufd_device *idev,
		       const struct iommufd_iommu_ops *ops)
{
	int rc;

	mutex_lock(&idev->ictx->groups_lock);
	rc = __group_join(idev, ops);
	mutex_unlock(&idev->ictx->groups_lock);
	return rc;
}

/**
 * iommufd_group_leave() - undo iommufd_group_join()
 * @idev: device, not attached; the group is destroyed with its last device
 */
void iommufd_group_leave(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;

	mutex_lock(&ictx->groups_lock);
	list_del(&idev->bound_entry);
	if (list_empty(&idev->igroup->bound))
		group_destroy(idev->igroup, idev->dev);
	mutex_unlock(&ictx->groups_lock);
}

/**
 * iommufd_group_alloc_domain() - allocate a domain that suits a device
 * @idev: device
 * @flags: of enum iommufd_hwpt_alloc_flags, those that concern the driver
 * @user_data: data of user space for the driver, or NULL
 * @coherent: set if the domain enforces coherency
 *
 * Return: a domain with its final aperture and page sizes, or errno.
 */
struct iommu_domain *
iommufd_group_alloc_domain(struct iommufd_device *idev, u32 flags,
			   const struct iommu_user_data *user_data,
			   bool *coherent)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_pgtable *current_pgt = NULL;
	struct iommu_domain *domain;

	/*
	 * Reading the data may wait for user space. An IOMMU that takes data does
	 * not attach the group to allocate a domain.
	 */
	if (user_data) {
		*coherent = false;
		return igroup->ops->domain_alloc(idev->dev, NULL, flags,
						 user_data, coherent);
	}
	mutex_lock(&igroup->lock);
	if (igroup->hwpt)
		current_pgt = iommufd_hwpt_pgtable(igroup->hwpt);
	*coherent = current_pgt && igroup->hwpt->paging->enforces_coherency;
	if (current_pgt)
		iommufd_pgtable_lock_groups(current_pgt);
	domain = igroup->ops->domain_alloc(
		idev->dev, current_pgt ? current_pgt->domain : NULL, flags,
		user_data, coherent);
	if (current_pgt)
		iommufd_pgtable_unlock_groups(current_pgt);
	mutex_unlock(&igroup->lock);
	return domain;
}

bool iommufd_group_is_attached(struct iommufd_group *igroup)
{
	bool attached;

	mutex_lock(&igroup->lock);
	attached = igroup->hwpt;
	mutex_unlock(&igroup->lock);
	return attached;
}

/*
 * KVM is told that DMA of a device is coherent if its IOMMU can enforce that. So
 * such a device must not use a domain that was made for another IOMMU and does
 * not enforce it. The other way round the IOMMU's driver refuses.
 */
static bool group_suits_coherency(struct iommufd_device *idev,
				  struct iommufd_hwpt *hwpt)
{
	return hwpt->paging->enforces_coherency ||
	       !idev->igroup->ops->can_enforce(idev->dev);
}

/**
 * iommufd_group_suits() - do a device and a HWPT fit together?
 * @idev: device, or the one with a PASID
 * @hwpt: HWPT that the device or the PASID is to be attached to
 *
 * Return: false if the core knows that they do not. The driver may know more.
 */
bool iommufd_group_suits(struct iommufd_device *idev, struct iommufd_hwpt *hwpt)
{
	return group_suits_coherency(idev, hwpt) &&
	       iommufd_hwpt_suits_dirty(hwpt, idev->igroup->ops, idev->dev);
}

/* A device with PASIDs needs a HWPT that was made for that, itself too. */
static bool group_suits_with_pasids(struct iommufd_device *idev,
				    struct iommufd_hwpt *hwpt)
{
	if (idev->igroup->nr_pasids && !hwpt->pasid)
		return false;
	return iommufd_group_suits(idev, hwpt);
}

static struct iommufd_attach_handle *
group_init_handle(struct iommufd_attach_handle *handle,
		  struct iommufd_device *idev, struct iommufd_hwpt *hwpt)
{
	memset(handle, 0, sizeof(*handle));
	handle->idev = idev;
	handle->hwpt = hwpt;
	return handle;
}

static int group_attach_domain(struct iommufd_device *idev,
			       struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *handle;
	int rc;

	lockdep_assert_held(&igroup->lock);
	if (!group_suits_with_pasids(idev, hwpt))
		return -EINVAL;
	handle = group_init_handle(&igroup->handles[igroup->handle], idev,
				   hwpt);
	rc = iommufd_fault_open(handle);
	if (rc)
		return rc;
	iommufd_pgtable_lock_groups(iommufd_hwpt_pgtable(hwpt));
	rc = igroup->ops->attach(idev->dev, hwpt->domain, &handle->handle);
	if (rc)
		iommufd_pgtable_attach_failed(iommufd_hwpt_pgtable(hwpt));
	iommufd_pgtable_unlock_groups(iommufd_hwpt_pgtable(hwpt));
	if (rc)
		iommufd_fault_close(handle);
	return rc;
}

static void group_detach_domain(struct iommufd_device *idev,
				struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *handle = &igroup->handles[igroup->handle];

	iommufd_fault_stop(handle);
	iommufd_pgtable_lock_groups(iommufd_hwpt_pgtable(hwpt));
	igroup->ops->detach(idev->dev, hwpt->domain);
	iommufd_pgtable_unlock_groups(iommufd_hwpt_pgtable(hwpt));
	iommufd_fault_close(handle);
}

static int group_replace_domain(struct iommufd_device *idev,
				struct iommufd_hwpt *old,
				struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_attach_handle *left = &igroup->handles[igroup->handle];
	unsigned int other = !igroup->handle;
	struct iommufd_attach_handle *handle;
	int rc;

	lockdep_assert_held(&igroup->lock);
	if (!group_suits_with_pasids(idev, hwpt))
		return -EINVAL;
	/* Of several devices it would not be known which one has faulted. */
	if (hwpt->fault && !list_is_singular(&igroup->attached))
		return -EINVAL;
	handle = group_init_handle(&igroup->handles[other], idev, hwpt);
	rc = iommufd_fault_open(handle);
	if (rc)
		return rc;
	iommufd_fault_stop(left);
	iommufd_pgtable_lock_replace(iommufd_hwpt_pgtable(old),
				     iommufd_hwpt_pgtable(hwpt));
	rc = igroup->ops->replace(idev->dev, hwpt->domain, &handle->handle);
	if (rc)
		iommufd_pgtable_attach_failed(iommufd_hwpt_pgtable(hwpt));
	iommufd_pgtable_unlock_replace(iommufd_hwpt_pgtable(old),
				       iommufd_hwpt_pgtable(hwpt));
	if (rc) {
		iommufd_fault_resume(left);
		iommufd_fault_close(handle);
		return rc;
	}
	iommufd_fault_close(left);
	igroup->handle = other;
	return 0;
}

/*
 * Make the group a user of a HWPT. The caller is a user too, and must remain
 * one for as long as it looks at the HWPT: as soon as the lock is dropped
 * another device may move the group to another HWPT, and an automatic HWPT is
 * destroyed with its last user.
 */
static void group_use_hwpt(struct iommufd_group *igroup,
			   struct iommufd_hwpt *hwpt)
{
	lockdep_assert_held(&igroup->lock);
	WARN_ON(iommufd_object_use(igroup->ictx, &hwpt->obj));
	igroup->hwpt = hwpt;
	WRITE_ONCE(igroup->hwpt_id, hwpt->obj.id);
}

/* So many devices were attached; a negative number was detached. */
static void count_devices(struct iommufd_hwpt *hwpt, int nr)
{
	atomic_add(nr, &hwpt->nr_devices);
	atomic_add(nr, &hwpt->paging->ioas->nr_devices);
}

static int group_reserve_region(struct iova_space *space,
				const struct iommu_resv_region *region,
				const void *owner)
{
	if (region->type == IOMMU_RESV_DIRECT_RELAXABLE || !region->length)
		return 0;
	/* The MSI doorbell of such a platform would have to be mapped. */
	if (region->type == IOMMU_RESV_SW_MSI)
		return -EOPNOTSUPP;
	return iova_space_reserve(space, region->start,
				  region->start + region->length - 1, owner);
}

/* Reserve the IOVA that the platform uses, with the device as the owner. */
static int group_reserve_device(struct iommufd_device *idev,
				struct iova_space *space)
{
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int rc = 0;

	idev->igroup->ops->get_resv_regions(idev->dev, &regions);
	list_for_each_entry(region, &regions, list) {
		rc = group_reserve_region(space, region, idev);
		if (rc) {
			iova_space_unreserve(space, idev);
			break;
		}
	}
	iommu_put_resv_regions(idev->dev, &regions);
	return rc;
}

/**
 * iommufd_group_attach() - attach a device, and its group if it is the first
 * @idev: device, not attached
 * @hwpt: HWPT of which the caller is a user
 * @old: not used, see iommufd_group_replace()
 *
 * Return: as iommufd_device_attach(); -EINVAL if @hwpt does not suit the
 * device.
 */
int iommufd_group_attach(struct iommufd_device *idev, struct iommufd_hwpt *hwpt,
			 struct iommufd_hwpt **old)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iova_space *space = &hwpt->paging->ioas->space;
	int rc = 0;

	mutex_lock(&igroup->lock);
	if (!list_empty(&idev->attached_entry)) {
		rc = -EBUSY;
		goto out_unlock;
	}
	/* See group_replace_domain() for faults. */
	if (igroup->hwpt && (igroup->hwpt != hwpt || hwpt->fault)) {
		rc = -EINVAL;
		goto out_unlock;
	}

	rc = group_reserve_device(idev, space);
	if (rc)
		goto out_unlock;
	if (!igroup->hwpt) {
		rc = group_attach_domain(idev, hwpt);
		if (rc) {
			iova_space_unreserve(space, idev);
			goto out_unlock;
		}
		group_use_hwpt(igroup, hwpt);
	}
	list_add_tail(&idev->attached_entry, &igroup->attached);
	count_devices(hwpt, 1);
out_unlock:
	mutex_unlock(&igroup->lock);
	return rc;
}

static void group_unreserve_all(struct iommufd_group *igroup,
				struct iova_space *space)
{
	struct iommufd_device *idev;

	lockdep_assert_held(&igroup->lock);
	list_for_each_entry(idev, &igroup->attached, attached_entry)
		iova_space_unreserve(space, idev);
}

static int group_reserve_all(struct iommufd_group *igroup,
			     struct iova_space *space)
{
	struct iommufd_device *idev;
	int rc;

	lockdep_assert_held(&igroup->lock);
	list_for_each_entry(idev, &igroup->attached, attached_entry) {
		rc = group_reserve_device(idev, space);
		if (rc) {
			group_unreserve_all(igroup, space);
			return rc;
		}
	}
	return 0;
}

/* Move a group to another HWPT; @idev is one of its attached devices. */
static int group_move(struct iommufd_device *idev, struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_hwpt *old = igroup->hwpt;
	struct iommufd_ioas *from = old->paging->ioas;
	struct iommufd_ioas *to = hwpt->paging->ioas;
	struct iommufd_device *attached;
	bool moves = from != to;
	int rc = 0;

	if (moves)
		rc = group_reserve_all(igroup, &to->space);
	if (rc)
		return rc;

	rc = group_replace_domain(idev, old, hwpt);
	if (moves)
		group_unreserve_all(igroup, rc ? &to->space : &from->space);
	if (rc)
		return rc;
	group_use_hwpt(igroup, hwpt);
	list_for_each_entry(attached, &igroup->attached, attached_entry) {
		count_devices(old, -1);
		count_devices(hwpt, 1);
	}
	return 0;
}

/**
 * iommufd_group_replace() - move a group to another HWPT
 * @idev: attached device of the group
 * @hwpt: HWPT of which the caller is a user
 * @old: set to the HWPT of which the group is no user any more, if it moved;
 *       for iommufd_hwpt_put_user() when no lock of a group is held
 *
 * Return: as iommufd_group_attach(); -EINVAL if the device is not attached.
 */
int iommufd_group_replace(struct iommufd_device *idev,
			  struct iommufd_hwpt *hwpt, struct iommufd_hwpt **old)
{
	struct iommufd_group *igroup = idev->igroup;
	int rc = 0;

	mutex_lock(&igroup->lock);
	if (list_empty(&idev->attached_entry)) {
		rc = -EINVAL;
	} else if (igroup->hwpt != hwpt) {
		struct iommufd_hwpt *left = igroup->hwpt;

		rc = group_move(idev, hwpt);
		if (!rc)
			*old = left;
	}
	mutex_unlock(&igroup->lock);
	return rc;
}

/**
 * iommufd_group_detach() - detach a device, and its group if it is the last
 * @idev: attached device
 *
 * Return: the HWPT of which the group is no user any more, for
 * iommufd_hwpt_put_user(); NULL if other devices are attached.
 */
struct iommufd_hwpt *iommufd_group_detach(struct iommufd_device *idev)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_hwpt *hwpt, *spare = NULL;

	mutex_lock(&igroup->lock);
	hwpt = igroup->hwpt;
	list_del_init(&idev->attached_entry);
	count_devices(hwpt, -1);
	if (list_empty(&igroup->attached)) {
		group_detach_domain(idev, hwpt);
		igroup->hwpt = NULL;
		WRITE_ONCE(igroup->hwpt_id, 0);
		spare = hwpt;
	}
	iova_space_unreserve(&hwpt->paging->ioas->space, idev);
	mutex_unlock(&igroup->lock);
	return spare;
}

/**
 * iommufd_ctx_has_group() - is a device of a group bound to a context
 * @ictx: context
 * @group: group
 *
 * Return: true if one is.
 */
bool iommufd_ctx_has_group(struct iommufd_ctx *ictx, struct iommu_group *group)
{
	bool found;

	if (!group)
		return false;
	mutex_lock(&ictx->groups_lock);
	found = xa_load(&ictx->groups, iommu_group_id(group));
	mutex_unlock(&ictx->groups_lock);
	return found;
}
EXPORT_SYMBOL_GPL(iommufd_ctx_has_group);
