// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses: how kernel drivers use an IOAS without a device of their own
 *
 * The lock of an access is a rwsem. Pinning, unpinning and copying take it for
 * reading, a change of the IOAS takes it for writing. A change first clears
 * @ioas, so that nothing new is pinned. Then the driver unpins, which uses
 * @pinned_ioas. Only then @pinned_ioas changes.
 *
 * The unmap callback is called with no lock held. An UNMAP of the IOAS may call
 * it at any time, and only iommufd_access_destroy() waits for that: attach,
 * replace and detach may be called under a lock that the callback takes. They
 * do wait for a pin that another thread is about to undo, because unpinning
 * finds the IOAS of the pin in @pinned_ioas.
 */
#include <linux/bitops.h>
#include <linux/export.h>
#include <linux/iommufd.h>
#include <linux/jiffies.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#include "context.h"
#include "ioas.h"
#include "object.h"
#include "trace.h"

/* How long a change waits for other threads to unpin */
#define UNPIN_JIFFIES (10 * HZ)

/**
 * struct iommufd_access - a driver that uses an IOAS
 * @obj: object; belongs to the driver
 * @ictx: context, with a reference
 * @ops: callbacks of the driver
 * @data: argument of the callbacks
 * @changing: bit 0 is set while the IOAS changes
 * @nr_pins: number of pins
 * @lock: guards @ioas and @pinned_ioas
 * @ioas: IOAS of new pins, or NULL; the access is a user of it
 * @pinned_ioas: IOAS of the pins there are
 * @entry: this access in the list of @ioas; belongs to the thread that has set
 *         @changing
 *
 * A running callback counts in @obj as an inflight thread.
 */
struct iommufd_access {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	const struct iommufd_access_ops *ops;
	void *data;
	unsigned long changing;
	atomic_long_t nr_pins;
	struct rw_semaphore lock;
	struct iommufd_ioas *ioas;
	struct iommufd_ioas *pinned_ioas;
	struct iova_access *entry;
};

static const struct iommufd_object_ops access_object_ops = {
	.driver_owned = true,
};

/**
 * iommufd_access_create() - make an access that uses no IOAS yet
 * @ictx: context; the access takes a reference
 * @ops: callbacks. With needs_pin_pages the unmap callback is required; it must
 *       unpin the range before it returns, or soon after.
 * @data: argument of the callbacks
 * @id: id of the access in the context
 *
 * Return: the access for iommufd_access_destroy(), or ERR_PTR of -EINVAL if a
 * required callback is missing, -ENOMEM.
 */
struct iommufd_access *iommufd_access_create(struct iommufd_ctx *ictx,
					     const struct iommufd_access_ops *ops,
					     void *data, u32 *id)
{
	struct iommufd_access *access;

	if (ops->needs_pin_pages && !ops->unmap)
		return ERR_PTR(-EINVAL);

	access = iommufd_object_alloc(ictx, access, IOMMUFD_OBJ_ACCESS,
				      &access_object_ops);
	if (IS_ERR(access))
		return access;
	access->ictx = ictx;
	access->ops = ops;
	access->data = data;
	init_rwsem(&access->lock);

	iommufd_ctx_get(ictx);
	*id = access->obj.id;
	iommufd_object_publish(ictx, &access->obj);
	return access;
}
EXPORT_SYMBOL_GPL(iommufd_access_create);

static void access_get(void *owner)
{
	struct iommufd_access *access = owner;

	atomic_inc(&access->obj.inflight);
}

static void access_put(void *owner)
{
	struct iommufd_access *access = owner;

	iommufd_object_put(access->ictx, &access->obj);
}

static void access_unmap(void *owner, unsigned long iova, unsigned long length)
{
	struct iommufd_access *access = owner;

	access->ops->unmap(access->data, iova, length);
}

static const struct iova_access_ops entry_ops = {
	.get = access_get,
	.unmap = access_unmap,
	.put = access_put,
};

static int access_begin_change(struct iommufd_access *access)
{
	if (test_and_set_bit_lock(0, &access->changing))
		return -EBUSY;
	/*
	 * Pairs with atomic_long_dec_and_test(): the thread that undoes the
	 * last pin sees the bit.
	 */
	smp_mb__after_atomic();
	return 0;
}

static void access_end_change(struct iommufd_access *access)
{
	clear_bit_unlock(0, &access->changing);
}

static void access_end_pins(struct iommufd_access *access)
{
	if (access->ops->unmap)
		access->ops->unmap(access->data, 0, ULONG_MAX);
	/* A callback that an UNMAP called may be about to undo a pin. */
	WARN_ON(!wait_event_timeout(access->ictx->inflight_wait,
				    !atomic_long_read(&access->nr_pins),
				    UNPIN_JIFFIES));
}

/* New pins may go to another IOAS only when there are no old ones. */
static void access_set_ioas(struct iommufd_access *access,
			    struct iommufd_ioas *ioas,
			    struct iova_access *entry)
{
	struct iommufd_ioas *old = access->ioas;

	if (ioas)
		atomic_inc(&ioas->nr_accesses);
	if (old) {
		down_write(&access->lock);
		access->ioas = NULL;
		up_write(&access->lock);
		access_end_pins(access);
		iova_space_remove_access(&old->space, access->entry);
	}

	down_write(&access->lock);
	access->ioas = ioas;
	access->pinned_ioas = ioas;
	access->entry = entry;
	if (entry)
		WRITE_ONCE(entry->active, true);
	up_write(&access->lock);

	if (old) {
		atomic_dec(&old->nr_accesses);
		iommufd_object_unuse(access->ictx, &old->obj, 1);
	}
}

/* On failure the access keeps the IOAS that it has. */
static int access_change_ioas(struct iommufd_access *access, u32 ioas_id)
{
	struct iommufd_ctx *ictx = access->ictx;
	struct iommufd_ioas *ioas;
	struct iova_access *entry;
	int rc = 0;

	ioas = iommufd_get_ioas(ictx, ioas_id);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (ioas == access->ioas)
		goto out_put;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry) {
		rc = -ENOMEM;
		goto out_put;
	}
	entry->pins = access->ops->needs_pin_pages;
	entry->ops = &entry_ops;
	entry->owner = access;

	rc = iommufd_object_use(ictx, &ioas->obj);
	if (rc)
		goto out_free;
	rc = iova_space_add_access(&ioas->space, entry);
	if (rc)
		goto out_unuse;
	access_set_ioas(access, ioas, entry);
	goto out_put;

out_unuse:
	iommufd_object_unuse(ictx, &ioas->obj, 1);
out_free:
	kfree(entry);
out_put:
	iommufd_put_ioas(ioas);
	return rc;
}

/**
 * iommufd_access_destroy() - undo iommufd_access_create()
 * @access: access; its pins are undone, and it is freed
 *
 * Waits for unmap callbacks that are running, so the caller must not hold a
 * lock that the callback takes. When this returns no callback is running or
 * will be called; until then @data of iommufd_access_create() must be valid.
 */
void iommufd_access_destroy(struct iommufd_access *access)
{
	struct iommufd_ctx *ictx = access->ictx;

	WARN_ON(access_begin_change(access));
	access_set_ioas(access, NULL, NULL);
	iommufd_object_remove(ictx, &access->obj);
	iommufd_ctx_put(ictx);
}
EXPORT_SYMBOL_GPL(iommufd_access_destroy);

/**
 * iommufd_access_attach() - attach an access to an IOAS
 * @access: access that uses no IOAS
 * @ioas_id: id of the IOAS
 *
 * Return: 0, -EINVAL if it uses one, -ENOENT if @ioas_id is not an IOAS,
 * -EADDRINUSE if the access pins pages and a mapping is not page aligned,
 * -ENOMEM, -EBUSY while another call changes the IOAS.
 */
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id)
{
	int rc;

	rc = access_begin_change(access);
	if (rc)
		return rc;
	rc = access->ioas ? -EINVAL : access_change_ioas(access, ioas_id);
	access_end_change(access);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_access_attach);

/**
 * iommufd_access_replace() - move an access to another IOAS
 * @access: access that uses one
 * @ioas_id: id of the new IOAS
 *
 * Calls the unmap callback for everything in the old one, as
 * iommufd_access_detach() does.
 *
 * Return: as iommufd_access_attach(), -ENOENT if it uses none; nothing has
 * changed on failure.
 */
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id)
{
	int rc;

	rc = access_begin_change(access);
	if (rc)
		return rc;
	rc = access->ioas ? access_change_ioas(access, ioas_id) : -ENOENT;
	access_end_change(access);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_access_replace);

/**
 * iommufd_access_detach() - detach an access from its IOAS
 * @access: access that uses one
 *
 * Calls the unmap callback of the driver for everything, in the context of the
 * caller, and returns when all pins are undone. A callback that an UNMAP called
 * may still be running then.
 */
void iommufd_access_detach(struct iommufd_access *access)
{
	if (WARN_ON(access_begin_change(access)))
		return;
	WARN_ON(!access->ioas);
	access_set_ioas(access, NULL, NULL);
	access_end_change(access);
}
EXPORT_SYMBOL_GPL(iommufd_access_detach);

/**
 * iommufd_access_pin_pages() - pin the pages behind a range
 * @access: access with needs_pin_pages
 * @iova: first IOVA, at the start of a page
 * @length: bytes
 * @out_pages: receives one page for each PAGE_SIZE of @length
 * @flags: IOMMUFD_ACCESS_RW_READ or IOMMUFD_ACCESS_RW_WRITE
 *
 * Return: 0; -EINVAL for length 0, for what is not whole pages, while the range
 * is being unmapped and without needs_pin_pages; -EOVERFLOW; -ENOENT if the
 * access uses no IOAS or a part is not mapped; -EPERM if the mapping is not for
 * writing or not for reading; or an errno of pinning. Nothing is pinned on
 * failure.
 */
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **out_pages,
			     unsigned int flags)
{
	u64 start = trace_pin_enabled() ? ktime_get_ns() : 0;
	u32 ioas_id = 0;
	u64 last;
	int rc;

	if (!access->ops->needs_pin_pages)
		return -EINVAL;
	rc = iommufd_check_range(iova, length, &last);
	if (rc)
		return rc;

	down_read(&access->lock);
	if (access->ioas) {
		ioas_id = access->ioas->obj.id;
		rc = iova_space_pin(&access->ioas->space, iova, last,
				    flags & IOMMUFD_ACCESS_RW_WRITE, out_pages);
	} else {
		rc = -ENOENT;
	}
	if (likely(!rc))
		atomic_long_inc(&access->nr_pins);
	up_read(&access->lock);
	if (unlikely(start))
		trace_pin(access->ictx->stats.serial, ioas_id, iova, length, rc,
			  ktime_get_ns() - start);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_access_pin_pages);

/**
 * iommufd_access_unpin_pages() - undo iommufd_access_pin_pages()
 * @access: access
 * @iova: @iova of the call that this undoes
 * @length: @length of it
 */
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length)
{
	u64 start = trace_unpin_enabled() ? ktime_get_ns() : 0;
	u32 ioas_id = 0;
	u64 last;

	if (WARN_ON(iommufd_check_range(iova, length, &last)))
		return;

	down_read(&access->lock);
	if (!WARN_ON(!access->pinned_ioas)) {
		ioas_id = access->pinned_ioas->obj.id;
		iova_space_unpin(&access->pinned_ioas->space, iova, last);
		if (atomic_long_dec_and_test(&access->nr_pins) &&
		    unlikely(READ_ONCE(access->changing)))
			wake_up_all(&access->ictx->inflight_wait);
	}
	if (unlikely(start))
		trace_unpin(access->ictx->stats.serial, ioas_id, iova, length,
			    0, ktime_get_ns() - start);
	up_read(&access->lock);
}
EXPORT_SYMBOL_GPL(iommufd_access_unpin_pages);

/**
 * iommufd_access_rw() - copy between a buffer and the memory behind a range
 * @access: access
 * @iova: first IOVA
 * @data: buffer of the kernel
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_WRITE to write to the IOVA;
 *         IOMMUFD_ACCESS_RW_KTHREAD says that the caller is a kernel thread,
 *         which makes no difference
 *
 * Return: 0; -EINVAL for length 0, -EOVERFLOW, -ENOENT if the access uses no
 * IOAS or a part is not mapped, -EPERM if the mapping is not for writing or
 * not for reading, or an errno of gup. A part may have been copied on failure.
 */
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t length, unsigned int flags)
{
	u64 last;
	int rc;

	rc = iommufd_check_range(iova, length, &last);
	if (rc)
		return rc;

	down_read(&access->lock);
	if (access->ioas)
		rc = iova_space_rw(&access->ioas->space, iova, last,
				   flags & IOMMUFD_ACCESS_RW_WRITE, data);
	else
		rc = -ENOENT;
	up_read(&access->lock);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_access_rw);
