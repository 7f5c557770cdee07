// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: objects
 *
 * An object has two counts, both for the time that it can be found by its id:
 *
 * * inflight: threads that looked it up, for the length of an ioctl. DESTROY
 *   waits for them, however long a MAP takes.
 * * users: objects and attachments that depend on it. DESTROY refuses with
 *   EBUSY while there are any, and an object being destroyed gets no new ones.
 *
 * DESTROY decides under the lock of the xarray and takes neither count, so no
 * thread sees a user that is not one. An object's memory is freed only by the
 * thread that took it out of the xarray, after the last inflight thread has
 * dropped its count; that wakes a queue of the context, not of the object, and
 * is the last that thread does with the object.
 *
 * An id under construction is reserved in the xarray and cannot be found.
 * Constructors publish last; until then everything can be undone.
 *
 * A buried object is one that was destroyed without a DESTROY of user space. It
 * leaves a tombstone: its id remains reserved until the context ends, so that
 * user space does not take another object for it.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "context.h"
#include "object.h"

/**
 * __iommufd_object_alloc() - allocate an object and reserve its id
 * @ictx: context
 * @size: of the whole object
 * @type: of the object
 * @ops: what the type does differently
 *
 * Return: an object that cannot be found yet, or ERR_PTR(-ENOMEM).
 */
struct iommufd_object *
__iommufd_object_alloc(struct iommufd_ctx *ictx, size_t size,
		       enum iommufd_object_type type,
		       const struct iommufd_object_ops *ops)
{
	struct iommufd_object *obj;
	int rc;

	obj = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (!obj)
		return ERR_PTR(-ENOMEM);
	obj->type = type;
	obj->ops = ops;

	/* A NULL entry reserves the id, and the memory to store the object. */
	rc = xa_alloc(&ictx->objects, &obj->id, NULL, xa_limit_31b,
		      GFP_KERNEL_ACCOUNT);
	if (rc) {
		kfree(obj);
		return ERR_PTR(rc);
	}
	return obj;
}

/**
 * iommufd_object_publish() - let the object be found
 * @ictx: context
 * @obj: object, complete
 *
 * From here on another thread may destroy it.
 */
void iommufd_object_publish(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj)
{
	void *old = xa_store(&ictx->objects, obj->id, obj, GFP_KERNEL);

	WARN_ON(old);
}

/**
 * iommufd_object_abort() - free an object that was never published
 * @ictx: context
 * @obj: object with nothing left to undo but itself
 */
void iommufd_object_abort(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	xa_erase(&ictx->objects, obj->id);
	kfree(obj);
}

/**
 * iommufd_object_get() - look an object up
 * @ictx: context
 * @id: id
 * @type: type it must have, or IOMMUFD_OBJ_ANY
 *
 * Return: the object, which iommufd_object_put() gives back and which stays
 * until then, or ERR_PTR(-ENOENT).
 */
struct iommufd_object *iommufd_object_get(struct iommufd_ctx *ictx, u32 id,
					  enum iommufd_object_type type)
{
	struct iommufd_object *obj;

	xa_lock(&ictx->objects);
	obj = xa_load(&ictx->objects, id);
	if (!obj || obj->dead || (type != IOMMUFD_OBJ_ANY && obj->type != type))
		obj = ERR_PTR(-ENOENT);
	else
		atomic_inc(&obj->inflight);
	xa_unlock(&ictx->objects);
	return obj;
}

/**
 * iommufd_object_get_next() - go through the objects of a context
 * @ictx: context
 * @id: lowest id that the object may have; set to its id
 *
 * Return: the object for iommufd_object_put(), or NULL if there is none.
 */
struct iommufd_object *iommufd_object_get_next(struct iommufd_ctx *ictx,
					       unsigned long *id)
{
	struct iommufd_object *obj;

	xa_lock(&ictx->objects);
	obj = xa_find(&ictx->objects, id, ULONG_MAX, XA_PRESENT);
	while (obj && obj->dead)
		obj = xa_find_after(&ictx->objects, id, ULONG_MAX, XA_PRESENT);
	if (obj)
		atomic_inc(&obj->inflight);
	xa_unlock(&ictx->objects);
	return obj;
}

/**
 * iommufd_object_put() - give back what iommufd_object_get() returned
 * @ictx: context
 * @obj: object; may be freed at once
 */
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	/*
	 * A full barrier, which pairs with the one in wait_event(): either this
	 * thread sees the waiter, or the waiter sees that inflight is 0.
	 */
	if (!atomic_dec_and_test(&obj->inflight))
		return;
	/* Ordered by that barrier */
	if (waitqueue_active(&ictx->inflight_wait))
		wake_up_all(&ictx->inflight_wait);
}

/**
 * iommufd_object_use() - add a user to an object
 * @ictx: context
 * @obj: object that the caller has looked up, or keeps alive in another way
 *
 * Return: 0, -ENOENT if it is being destroyed.
 */
int iommufd_object_use(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	int rc = -ENOENT;

	xa_lock(&ictx->objects);
	if (!obj->dead) {
		obj->users++;
		rc = 0;
	}
	xa_unlock(&ictx->objects);
	return rc;
}

/**
 * iommufd_object_use_published() - add a user if others can find the object
 * @ictx: context
 * @obj: object that is kept in another way than by a lookup
 *
 * The constructor of an object may still fail until it is published, and then
 * it does not look at the users.
 *
 * Return: 0, -ENOENT if it is not yet published or is being destroyed.
 */
int iommufd_object_use_published(struct iommufd_ctx *ictx,
				 struct iommufd_object *obj)
{
	int rc = -ENOENT;

	xa_lock(&ictx->objects);
	if (!obj->dead && xa_load(&ictx->objects, obj->id) == obj) {
		obj->users++;
		rc = 0;
	}
	xa_unlock(&ictx->objects);
	return rc;
}

/**
 * iommufd_object_unuse() - drop users of an object
 * @ictx: context
 * @obj: object; another thread may destroy it at once
 * @users: number of users to drop
 */
void iommufd_object_unuse(struct iommufd_ctx *ictx, struct iommufd_object *obj,
			  unsigned int users)
{
	xa_lock(&ictx->objects);
	WARN_ON_ONCE(obj->users < users);
	obj->users -= users;
	xa_unlock(&ictx->objects);
}

static void object_fini(struct iommufd_object *obj)
{
	if (obj->ops->fini)
		obj->ops->fini(obj);
	kfree(obj);
}

static void object_free(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	xa_erase(&ictx->objects, obj->id);
	object_fini(obj);
}

/**
 * iommufd_object_destroy() - destroy an object for user space
 * @ictx: context
 * @id: id
 *
 * Return: 0, -ENOENT, -EBUSY if it has users or belongs to a driver, -EINTR if
 * killed while another thread uses it.
 */
int iommufd_object_destroy(struct iommufd_ctx *ictx, u32 id)
{
	struct iommufd_object *obj;
	int rc = 0;

	xa_lock(&ictx->objects);
	obj = xa_load(&ictx->objects, id);
	if (!obj || obj->dead)
		rc = -ENOENT;
	else if (obj->users || obj->ops->driver_owned)
		rc = -EBUSY;
	else
		obj->dead = true;
	xa_unlock(&ictx->objects);
	if (rc)
		return rc;

	rc = wait_event_killable(ictx->inflight_wait,
				 !atomic_read(&obj->inflight));
	if (rc) {
		/* The object lives on. Closing the file destroys it. */
		xa_lock(&ictx->objects);
		obj->dead = false;
		xa_unlock(&ictx->objects);
		/* For iommufd_object_bury() */
		wake_up_all(&ictx->inflight_wait);
		return -EINTR;
	}
	object_free(ictx, obj);
	return 0;
}

/**
 * iommufd_object_remove() - destroy an object for the driver that owns it
 * @ictx: context
 * @obj: object without users
 *
 * Waits until no thread has the object looked up. The caller must not hold a
 * lock that such a thread may need.
 */
void iommufd_object_remove(struct iommufd_ctx *ictx, struct iommufd_object *obj)
{
	xa_lock(&ictx->objects);
	WARN_ON(obj->users);
	obj->dead = true;
	xa_unlock(&ictx->objects);

	wait_event_idle(ictx->inflight_wait, !atomic_read(&obj->inflight));
	object_free(ictx, obj);
}

/*
 * Take over the destruction of *link, unless another thread destroys it. Return:
 * false while another thread does.
 */
static bool object_claim(struct iommufd_ctx *ictx, struct iommufd_object **link,
			 struct iommufd_object **claimed)
{
	struct iommufd_object *obj;
	bool decided;

	xa_lock(&ictx->objects);
	obj = *link;
	decided = !obj || !obj->dead;
	if (obj && decided) {
		WARN_ON_ONCE(obj->users);
		obj->dead = true;
		*claimed = obj;
	}
	xa_unlock(&ictx->objects);
	return decided;
}

/**
 * iommufd_object_bury() - destroy an object that user space may destroy, too
 * @ictx: context
 * @link: pointer to a published object without users, or to NULL. The object
 *        sets it to NULL with iommufd_object_unlink() when it is destroyed, and
 *        no thread sets it to another object meanwhile.
 *
 * Returns when the object is gone, whichever thread has destroyed it. If it was
 * this one, the id is not used again until the context ends.
 *
 * Waits until no thread has the object looked up. The caller must not hold a
 * lock that such a thread may need.
 */
void iommufd_object_bury(struct iommufd_ctx *ictx, struct iommufd_object **link)
{
	struct iommufd_object *obj = NULL;

	wait_event_idle(ictx->inflight_wait, object_claim(ictx, link, &obj));
	if (!obj)
		return;
	wait_event_idle(ictx->inflight_wait, !atomic_read(&obj->inflight));
	/* NULL reserves the id; a reserved entry needs no memory. */
	xa_store(&ictx->objects, obj->id, NULL, GFP_KERNEL);
	object_fini(obj);
}

/**
 * iommufd_object_link() - tell who has to bury an object
 * @ictx: context
 * @link: of the owner, for iommufd_object_bury()
 * @obj: object
 *
 * Return: 0, -EEXIST if the owner has another object.
 */
int iommufd_object_link(struct iommufd_ctx *ictx, struct iommufd_object **link,
			struct iommufd_object *obj)
{
	int rc = -EEXIST;

	xa_lock(&ictx->objects);
	if (!*link) {
		*link = obj;
		rc = 0;
	}
	xa_unlock(&ictx->objects);
	return rc;
}

/**
 * iommufd_object_unlink() - undo iommufd_object_link()
 * @ictx: context
 * @link: of the owner, which may be gone when this returns
 */
void iommufd_object_unlink(struct iommufd_ctx *ictx,
			   struct iommufd_object **link)
{
	xa_lock(&ictx->objects);
	*link = NULL;
	xa_unlock(&ictx->objects);
	wake_up_all(&ictx->inflight_wait);
}

/**
 * iommufd_object_destroy_unused() - destroy an object if it has no users
 * @ictx: context
 * @obj: object; the caller is a user of it, and that user is dropped
 *
 * Waits until no thread has the object looked up. The caller must not hold a
 * lock that such a thread may need.
 */
void iommufd_object_destroy_unused(struct iommufd_ctx *ictx,
				   struct iommufd_object *obj)
{
	xa_lock(&ictx->objects);
	WARN_ON_ONCE(!obj->users);
	if (--obj->users || obj->dead) {
		xa_unlock(&ictx->objects);
		return;
	}
	obj->dead = true;
	xa_unlock(&ictx->objects);

	wait_event_idle(ictx->inflight_wait, !atomic_read(&obj->inflight));
	object_free(ictx, obj);
}

/**
 * iommufd_objects_destroy_all() - destroy all objects of a context
 * @ictx: context that no thread and no driver uses any more
 */
void iommufd_objects_destroy_all(struct iommufd_ctx *ictx)
{
	unsigned int destroyed, left;

	/* Users go before what they use, hence several rounds. */
	do {
		struct iommufd_object *obj;
		unsigned long id;

		destroyed = 0;
		left = 0;
		xa_for_each(&ictx->objects, id, obj) {
			if (obj->users || obj->ops->driver_owned) {
				left++;
				continue;
			}
			object_free(ictx, obj);
			destroyed++;
			cond_resched();
		}
	} while (destroyed);
	WARN_ON(left);
	/* Tombstones */
	xa_destroy(&ictx->objects);
}
