// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that a driver hands to a context: bind gives the context the DMA of
 * the device's group, attach gives the group a page table.
 *
 * Locks, outermost first: iommufd_ctx.groups_lock; iommufd_ioas.auto_lock;
 * iommufd_group.lock; iova_pgtable.groups; iova_space.lock. Calls for one device
 * are serialized by its driver.
 */
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/slab.h>

#include "iommufd_private.h"

/* Make the context the owner of a group's DMA. */
static struct iommufd_group *create_group(struct iommufd_ctx *ictx,
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

static void destroy_group(struct iommufd_group *igroup, struct device *dev)
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

static bool is_bound(struct iommufd_group *igroup, struct device *dev)
{
	struct iommufd_device *idev;

	list_for_each_entry(idev, &igroup->bound, bound_entry) {
		if (idev->dev == dev)
			return true;
	}
	return false;
}

/* Add the device to its group, and the group to the context if it is new. */
static int join_group(struct iommufd_device *idev,
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
		if (is_bound(igroup, idev->dev))
			return -EBUSY;
	} else {
		igroup = create_group(ictx, group, idev->dev, ops);
		if (IS_ERR(igroup)) {
			iommu_group_put(group);
			return PTR_ERR(igroup);
		}
	}
	idev->igroup = igroup;
	list_add_tail(&idev->bound_entry, &igroup->bound);
	return 0;
}

static void leave_group(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;

	mutex_lock(&ictx->groups_lock);
	list_del(&idev->bound_entry);
	if (list_empty(&idev->igroup->bound))
		destroy_group(idev->igroup, idev->dev);
	mutex_unlock(&ictx->groups_lock);
}

/* Take a device that is not attached out of its group. */
static void device_fini(struct iommufd_object *obj)
{
	struct iommufd_device *idev =
		container_of(obj, struct iommufd_device, obj);

	WARN_ON(!list_empty(&idev->attached_entry));
	leave_group(idev);
}

static const struct iommufd_object_ops device_ops = {
	.fini = device_fini,
	.driver_owned = true,
};

/**
 * iommufd_device_create() - bind a device, but do not publish it
 * @ictx: context
 * @dev: device
 * @ops: how to deal with its IOMMU
 *
 * Return: as iommufd_device_bind().
 */
struct iommufd_device *iommufd_device_create(struct iommufd_ctx *ictx,
					     struct device *dev,
					     const struct iommufd_iommu_ops *ops)
{
	struct iommufd_device *idev;
	int rc;

	idev = iommufd_object_alloc(ictx, idev, IOMMUFD_OBJ_DEVICE,
				    &device_ops);
	if (IS_ERR(idev))
		return idev;
	idev->ictx = ictx;
	idev->dev = dev;
	INIT_LIST_HEAD(&idev->attached_entry);

	mutex_lock(&ictx->groups_lock);
	rc = join_group(idev, ops);
	mutex_unlock(&ictx->groups_lock);
	if (rc) {
		iommufd_object_abort(ictx, &idev->obj);
		return ERR_PTR(rc);
	}
	return idev;
}

/**
 * iommufd_device_bind() - let a context rule the DMA of a device
 * @ictx: context; the device keeps a reference
 * @dev: device, whose driver calls this and has .driver_managed_dma
 * @id: id of the device in the context
 *
 * On success the device's group cannot do DMA until it is attached, and belongs
 * to the context until its last device is unbound.
 *
 * Context: process context; may sleep.
 * Return: the device for iommufd_device_unbind(); ERR_PTR of -EINVAL if DMA of
 * the device is not cache coherent, -ENODEV without a group, -EPERM if its
 * interrupts are not isolated and allow_unsafe_interrupts is not set, -EBUSY if
 * somebody else uses the group or the device is bound already, -ENOMEM.
 */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ictx,
					   struct device *dev, u32 *id)
{
	struct iommufd_device *idev;

	idev = iommufd_device_create(ictx, dev, &iommufd_iommu_ops);
	if (IS_ERR(idev))
		return idev;
	iommufd_ctx_get(ictx);
	idev->keeps_ctx = true;
	*id = idev->obj.id;
	iommufd_object_publish(ictx, &idev->obj);
	return idev;
}
EXPORT_SYMBOL_GPL(iommufd_device_bind);

/**
 * iommufd_device_unbind() - undo iommufd_device_bind()
 * @idev: device, not attached; gone when this returns
 *
 * Context: process context; waits for ioctls that use the device.
 */
void iommufd_device_unbind(struct iommufd_device *idev)
{
	struct iommufd_ctx *ictx = idev->ictx;
	bool keeps_ctx = idev->keeps_ctx;

	iommufd_object_remove(ictx, &idev->obj);
	if (keeps_ctx)
		iommufd_ctx_put(ictx);
}
EXPORT_SYMBOL_GPL(iommufd_device_unbind);

/**
 * iommufd_get_device() - look a device up
 * @ictx: context
 * @id: id
 *
 * Return: the device for iommufd_put_device(), or ERR_PTR(-ENOENT).
 */
struct iommufd_device *iommufd_get_device(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;

	obj = iommufd_object_get(ictx, id, IOMMUFD_OBJ_DEVICE);
	if (IS_ERR(obj))
		return ERR_CAST(obj);
	return container_of(obj, struct iommufd_device, obj);
}

/* A domain with its final aperture and page sizes. */
static struct iommu_domain *alloc_domain(struct iommufd_device *idev,
					 bool *coherent)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommu_domain *domain;

	mutex_lock(&igroup->lock);
	*coherent = igroup->hwpt && igroup->hwpt->enforces_coherency;
	domain = igroup->ops->domain_alloc(
		idev->dev, igroup->hwpt ? igroup->hwpt->pgt.domain : NULL,
		coherent);
	mutex_unlock(&igroup->lock);
	return domain;
}

/**
 * iommufd_device_create_hwpt() - make a HWPT that suits a device
 * @idev: device
 * @ioas: IOAS that the caller has looked up
 *
 * Return: as iommufd_hwpt_create().
 */
struct iommufd_hwpt *iommufd_device_create_hwpt(struct iommufd_device *idev,
						struct iommufd_ioas *ioas)
{
	struct iommu_domain *domain;
	struct iommufd_hwpt *hwpt;
	bool coherent;

	domain = alloc_domain(idev, &coherent);
	if (IS_ERR(domain))
		return ERR_CAST(domain);
	hwpt = iommufd_hwpt_create(ioas, domain, coherent);
	if (IS_ERR(hwpt))
		iommu_domain_free(domain);
	return hwpt;
}

static int attach_group(struct iommufd_device *idev, struct iommufd_hwpt *hwpt)
{
	int rc;

	down_write(&hwpt->pgt.groups);
	rc = idev->igroup->ops->attach(idev->dev, hwpt->pgt.domain);
	up_write(&hwpt->pgt.groups);
	return rc;
}

static void detach_group(struct iommufd_device *idev, struct iommufd_hwpt *hwpt)
{
	down_write(&hwpt->pgt.groups);
	idev->igroup->ops->detach(idev->dev, hwpt->pgt.domain);
	up_write(&hwpt->pgt.groups);
}

static int replace_group(struct iommufd_device *idev, struct iommufd_hwpt *old,
			 struct iommufd_hwpt *hwpt)
{
	int rc;

	iova_pgtables_lock_groups(&old->pgt, &hwpt->pgt);
	rc = idev->igroup->ops->replace(idev->dev, old->pgt.domain,
					hwpt->pgt.domain);
	iova_pgtables_unlock_groups(&old->pgt, &hwpt->pgt);
	return rc;
}

/*
 * A group becomes a user of a HWPT. The caller is one as well, and remains it
 * for as long as he looks at the HWPT: another device of the group may move the
 * group elsewhere as soon as the lock is dropped, and an automatic HWPT goes
 * with its last user.
 */
static void use_hwpt(struct iommufd_group *igroup, struct iommufd_hwpt *hwpt)
{
	lockdep_assert_held(&igroup->lock);
	WARN_ON(iommufd_object_use(igroup->ictx, &hwpt->obj));
	igroup->hwpt = hwpt;
}

static int reserve_region(struct iova_space *space,
			  const struct iommu_resv_region *region,
			  const void *owner)
{
	if (region->type == IOMMU_RESV_DIRECT_RELAXABLE || !region->length)
		return 0;
	/* We would have to map the doorbell of such a platform. */
	if (region->type == IOMMU_RESV_SW_MSI)
		return -EOPNOTSUPP;
	return iova_space_reserve(space, region->start,
				  region->start + region->length - 1, owner);
}

/* Reserve what IOVA the platform uses, with the device as the owner. */
static int reserve_regions(struct iommufd_device *idev,
			   struct iova_space *space)
{
	const struct iommufd_iommu_ops *ops = idev->igroup->ops;
	struct iommu_resv_region *region;
	LIST_HEAD(regions);
	int rc = 0;

	ops->get_resv_regions(idev->dev, &regions);
	list_for_each_entry(region, &regions, list) {
		rc = reserve_region(space, region, idev);
		if (rc) {
			iova_space_unreserve(space, idev);
			break;
		}
	}
	ops->put_resv_regions(idev->dev, &regions);
	return rc;
}

/*
 * Attach to a HWPT of which the caller is a user. What the group ceases to use
 * goes to *old, which attaching leaves alone.
 */
static int attach_hwpt(struct iommufd_device *idev, struct iommufd_hwpt *hwpt,
		       struct iommufd_hwpt **old)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iova_space *space = &hwpt->ioas->space;
	int rc = 0;

	mutex_lock(&igroup->lock);
	if (!list_empty(&idev->attached_entry)) {
		rc = -EBUSY;
		goto out_unlock;
	}
	if (igroup->hwpt && igroup->hwpt != hwpt) {
		rc = -EINVAL;
		goto out_unlock;
	}

	rc = reserve_regions(idev, space);
	if (rc)
		goto out_unlock;
	if (!igroup->hwpt) {
		rc = attach_group(idev, hwpt);
		if (rc) {
			iova_space_unreserve(space, idev);
			goto out_unlock;
		}
		use_hwpt(igroup, hwpt);
	}
	list_add_tail(&idev->attached_entry, &igroup->attached);
out_unlock:
	mutex_unlock(&igroup->lock);
	return rc;
}

/* The regions of all attached devices of a group. */
static void unreserve_group(struct iommufd_group *igroup,
			    struct iova_space *space)
{
	struct iommufd_device *idev;

	lockdep_assert_held(&igroup->lock);
	list_for_each_entry(idev, &igroup->attached, attached_entry)
		iova_space_unreserve(space, idev);
}

static int reserve_group(struct iommufd_group *igroup, struct iova_space *space)
{
	struct iommufd_device *idev;
	int rc;

	lockdep_assert_held(&igroup->lock);
	list_for_each_entry(idev, &igroup->attached, attached_entry) {
		rc = reserve_regions(idev, space);
		if (rc) {
			unreserve_group(igroup, space);
			return rc;
		}
	}
	return 0;
}

/* Move a group in the name of one of its devices. */
static int move_group(struct iommufd_device *idev, struct iommufd_hwpt *hwpt)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_hwpt *old = igroup->hwpt;
	bool moves = old->ioas != hwpt->ioas;
	int rc = 0;

	if (moves)
		rc = reserve_group(igroup, &hwpt->ioas->space);
	if (rc)
		return rc;

	rc = replace_group(idev, old, hwpt);
	if (moves)
		unreserve_group(igroup, rc ? &hwpt->ioas->space :
					     &old->ioas->space);
	if (!rc)
		use_hwpt(igroup, hwpt);
	return rc;
}

/* As attach_hwpt(), for a device that is attached. The whole group moves. */
static int replace_hwpt(struct iommufd_device *idev, struct iommufd_hwpt *hwpt,
			struct iommufd_hwpt **old)
{
	struct iommufd_group *igroup = idev->igroup;
	int rc = 0;

	mutex_lock(&igroup->lock);
	if (list_empty(&idev->attached_entry)) {
		rc = -EINVAL;
	} else if (igroup->hwpt != hwpt) {
		struct iommufd_hwpt *left = igroup->hwpt;

		rc = move_group(idev, hwpt);
		if (!rc)
			*old = left;
	}
	mutex_unlock(&igroup->lock);
	return rc;
}

typedef int (*attach_fn)(struct iommufd_device *idev, struct iommufd_hwpt *hwpt,
			 struct iommufd_hwpt **old);

/* The automatic HWPT behind @hwpt, or the first one; the caller uses it. */
static struct iommufd_hwpt *next_auto(struct iommufd_ioas *ioas,
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

/* Try the automatic HWPTs; *hwpt is the one that serves, the caller uses it. */
static int attach_existing(struct iommufd_device *idev,
			   struct iommufd_ioas *ioas, attach_fn attach,
			   struct iommufd_hwpt **hwpt,
			   struct iommufd_hwpt **old)
{
	struct iommufd_hwpt *next;
	int rc = -EINVAL;

	for (*hwpt = next_auto(ioas, NULL); *hwpt; *hwpt = next) {
		rc = attach(idev, *hwpt, old);
		if (!rc)
			break;
		/* -EINVAL says that device and domain do not fit together. */
		next = rc == -EINVAL ? next_auto(ioas, *hwpt) : NULL;
		iommufd_hwpt_put_user(*hwpt);
	}
	return rc;
}

/* Make an automatic HWPT, of which the caller is a user. */
static int attach_new(struct iommufd_device *idev, struct iommufd_ioas *ioas,
		      attach_fn attach, struct iommufd_hwpt **out,
		      struct iommufd_hwpt **old)
{
	struct iommufd_hwpt *hwpt;
	int rc;

	hwpt = iommufd_device_create_hwpt(idev, ioas);
	if (IS_ERR(hwpt))
		return PTR_ERR(hwpt);
	hwpt->automatic = true;
	hwpt->obj.users = 1;

	rc = attach(idev, hwpt, old);
	if (rc) {
		hwpt->obj.users = 0;
		iommufd_hwpt_abort(hwpt);
		return rc;
	}

	*out = hwpt;
	spin_lock(&ioas->auto_list_lock);
	list_add_tail(&hwpt->auto_entry, &ioas->auto_hwpts);
	spin_unlock(&ioas->auto_list_lock);
	iommufd_object_publish(ioas->ictx, &hwpt->obj);
	return 0;
}

static bool group_is_attached(struct iommufd_group *igroup)
{
	bool attached;

	mutex_lock(&igroup->lock);
	attached = igroup->hwpt;
	mutex_unlock(&igroup->lock);
	return attached;
}

static int attach_auto(struct iommufd_device *idev, struct iommufd_ioas *ioas,
		       attach_fn attach, u32 *pt_id)
{
	struct iommufd_hwpt *hwpt, *old = NULL;
	int rc;

	mutex_lock(&ioas->auto_lock);
	rc = attach_existing(idev, ioas, attach, &hwpt, &old);
	/* A group that is attached elsewhere cannot be attached to a new one. */
	if (rc == -EINVAL &&
	    (attach == replace_hwpt || !group_is_attached(idev->igroup)))
		rc = attach_new(idev, ioas, attach, &hwpt, &old);
	mutex_unlock(&ioas->auto_lock);
	if (rc)
		return rc;

	*pt_id = hwpt->obj.id;
	iommufd_hwpt_put_user(hwpt);
	if (old)
		iommufd_hwpt_put_user(old);
	return 0;
}

/*
 * The caller has looked the HWPT up, and that is given back here, before
 * anything can wait for it: an automatic one ends when its last user goes and
 * nobody has it looked up.
 */
static int attach_explicit(struct iommufd_device *idev,
			   struct iommufd_hwpt *hwpt, attach_fn attach)
{
	struct iommufd_hwpt *old = NULL;
	int rc;

	rc = iommufd_object_use(idev->ictx, &hwpt->obj);
	iommufd_object_put(idev->ictx, &hwpt->obj);
	if (rc)
		return rc;
	rc = attach(idev, hwpt, &old);
	iommufd_hwpt_put_user(hwpt);
	if (old)
		iommufd_hwpt_put_user(old);
	return rc;
}

static int attach_pt(struct iommufd_device *idev, u32 *pt_id, attach_fn attach)
{
	struct iommufd_ctx *ictx = idev->ictx;
	struct iommufd_object *obj;
	int rc;

	obj = iommufd_object_get(ictx, *pt_id, IOMMUFD_OBJ_ANY);
	if (IS_ERR(obj))
		return PTR_ERR(obj);

	switch (obj->type) {
	case IOMMUFD_OBJ_HWPT:
		return attach_explicit(idev, container_of(obj,
					struct iommufd_hwpt, obj), attach);
	case IOMMUFD_OBJ_IOAS:
		rc = attach_auto(idev, container_of(obj, struct iommufd_ioas,
						    obj), attach, pt_id);
		break;
	default:
		rc = -EINVAL;
	}
	iommufd_object_put(ictx, obj);
	return rc;
}

/**
 * iommufd_device_attach() - give a device that is not attached a page table
 * @idev: device
 * @pt_id: id of a HWPT, or of an IOAS, for which a HWPT is found or made;
 *         returns the id of the HWPT
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: 0; -ENOENT for an unknown id; -EINVAL if it is neither, if the group
 * is attached elsewhere, or if the HWPT does not suit the device; -EADDRINUSE
 * if something is mapped or allowed where the hardware cannot; -EBUSY if the
 * device is attached; or what the IOMMU driver and pinning say.
 */
int iommufd_device_attach(struct iommufd_device *idev, u32 *pt_id)
{
	return attach_pt(idev, pt_id, attach_hwpt);
}
EXPORT_SYMBOL_GPL(iommufd_device_attach);

/**
 * iommufd_device_replace() - give an attached device another page table
 * @idev: device; the other attached devices of its group move with it
 * @pt_id: as for iommufd_device_attach()
 *
 * Where the kernel can, there is no moment without translation. A failed
 * replace changes nothing.
 *
 * Context: process context; may take long, a fatal signal ends it.
 * Return: as iommufd_device_attach(); -EINVAL if the device is not attached.
 */
int iommufd_device_replace(struct iommufd_device *idev, u32 *pt_id)
{
	return attach_pt(idev, pt_id, replace_hwpt);
}
EXPORT_SYMBOL_GPL(iommufd_device_replace);

/**
 * iommufd_device_detach() - take the page table from a device
 * @idev: attached device
 *
 * DMA of the group is blocked when its last device is detached.
 *
 * Context: process context; may take long.
 */
void iommufd_device_detach(struct iommufd_device *idev)
{
	struct iommufd_group *igroup = idev->igroup;
	struct iommufd_hwpt *hwpt, *spare = NULL;

	mutex_lock(&igroup->lock);
	hwpt = igroup->hwpt;
	list_del_init(&idev->attached_entry);
	if (list_empty(&igroup->attached)) {
		detach_group(idev, hwpt);
		igroup->hwpt = NULL;
		spare = hwpt;
	}
	iova_space_unreserve(&hwpt->ioas->space, idev);
	mutex_unlock(&igroup->lock);
	if (spare)
		iommufd_hwpt_put_user(spare);
}
EXPORT_SYMBOL_GPL(iommufd_device_detach);

/**
 * iommufd_device_to_ictx() - the context of a device
 * @idev: device
 *
 * Return: the context, without a reference of its own.
 */
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev)
{
	return idev->ictx;
}
EXPORT_SYMBOL_GPL(iommufd_device_to_ictx);

/**
 * iommufd_device_to_id() - the id of a device
 * @idev: device
 *
 * Return: the id.
 */
u32 iommufd_device_to_id(struct iommufd_device *idev)
{
	return idev->obj.id;
}
EXPORT_SYMBOL_GPL(iommufd_device_to_id);

/**
 * iommufd_ctx_has_group() - is any device of a group bound to a context
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
