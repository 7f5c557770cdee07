// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses: how drivers of the kernel use an IOAS without a device of their own
 *
 * The lock of an access is a rwsem: pinning, unpinning and copying take it for
 * reading, a change of the IOAS for writing. A change first takes away @ioas,
 * so that nothing new is pinned, then has the driver unpin, which goes by
 * @pinned_ioas, and takes that away last. The unmap callback is called with no
 * lock held that unpinning needs.
 */
#include <linux/export.h>
#include <linux/overflow.h>
#include <linux/rwsem.h>
#include <linux/slab.h>

#include "iommufd_private.h"

/**
 * struct iommufd_access - a driver that uses an IOAS
 * @obj: object; belongs to the driver
 * @ictx: context, with a reference
 * @ops: callbacks of the driver
 * @data: argument of the callbacks
 * @attach_lock: serializes changes of the IOAS
 * @lock: guards @ioas and @pinned_ioas
 * @ioas: what new pins go to, or NULL; the access is a user of it
 * @pinned_ioas: what pins went to, as long as there may be any
 * @entry: this access in the list of @ioas, changed under @attach_lock
 */
struct iommufd_access {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	const struct iommufd_access_ops *ops;
	void *data;
	struct mutex attach_lock;
	struct rw_semaphore lock;
	struct iommufd_ioas *ioas;
	struct iommufd_ioas *pinned_ioas;
	struct iova_access *entry;
};

/**
 * iommufd_access_create() - make an access that uses nothing yet
 * @ictx: context; the access keeps a reference
 * @ops: callbacks; with needs_pin_pages an unmap callback is required, which
 *       has to unpin what it is told before it returns or soon after
 * @data: argument of the callbacks
 * @id: id of the access in the context
 *
 * Return: the access for iommufd_access_destroy(), or ERR_PTR of -EINVAL
 * without a callback that is needed, -ENOMEM.
 */
struct iommufd_access *iommufd_access_create(struct iommufd_ctx *ictx,
					     const struct iommufd_access_ops *ops,
					     void *data, u32 *id)
{
	struct iommufd_access *access;

	if (ops->needs_pin_pages && !ops->unmap)
		return ERR_PTR(-EINVAL);

	access = iommufd_object_alloc(ictx, access, IOMMUFD_OBJ_ACCESS);
	if (IS_ERR(access))
		return access;
	access->ictx = ictx;
	access->ops = ops;
	access->data = data;
	mutex_init(&access->attach_lock);
	init_rwsem(&access->lock);

	iommufd_ctx_get(ictx);
	*id = access->obj.id;
	iommufd_object_publish(ictx, &access->obj);
	return access;
}
EXPORT_SYMBOL_GPL(iommufd_access_create);

/* Have the driver unpin everything; then its pins can go elsewhere. */
static void set_ioas(struct iommufd_access *access, struct iommufd_ioas *ioas,
		     struct iova_access *entry)
{
	struct iommufd_ioas *old = access->ioas;
	struct iova_access *old_entry = access->entry;

	lockdep_assert_held(&access->attach_lock);
	if (old) {
		down_write(&access->lock);
		access->ioas = NULL;
		up_write(&access->lock);
		if (access->ops->unmap)
			access->ops->unmap(access->data, 0, ULONG_MAX);
		/* An UNMAP may still be having pins of the old one undone. */
		iova_space_remove_access(&old->space, old_entry);
	}

	down_write(&access->lock);
	access->ioas = ioas;
	access->pinned_ioas = ioas;
	access->entry = entry;
	if (entry)
		WRITE_ONCE(entry->active, true);
	up_write(&access->lock);

	if (old) {
		kfree(old_entry);
		iommufd_object_unuse(access->ictx, &old->obj, 1);
	}
}

/* Use another IOAS. On failure the access keeps what it has. */
static int change_ioas(struct iommufd_access *access, u32 ioas_id)
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
	entry->unmap = access->ops->unmap;
	entry->data = access->data;

	rc = iommufd_object_use(ictx, &ioas->obj);
	if (rc)
		goto out_free;
	rc = iova_space_add_access(&ioas->space, entry);
	if (rc)
		goto out_unuse;
	set_ioas(access, ioas, entry);
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
 * @access: access; its pins end here, and it is gone when this returns
 */
void iommufd_access_destroy(struct iommufd_access *access)
{
	struct iommufd_ctx *ictx = access->ictx;

	mutex_lock(&access->attach_lock);
	set_ioas(access, NULL, NULL);
	mutex_unlock(&access->attach_lock);
	iommufd_object_remove(ictx, &access->obj);
	iommufd_ctx_put(ictx);
}
EXPORT_SYMBOL_GPL(iommufd_access_destroy);

/**
 * iommufd_access_attach() - let an access use an IOAS
 * @access: access that uses none
 * @ioas_id: id of the IOAS
 *
 * Return: 0, -EINVAL if it uses one, -ENOENT if @ioas_id is not an IOAS,
 * -EADDRINUSE if the access pins pages and a mapping is not page aligned,
 * -ENOMEM.
 */
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id)
{
	int rc = -EINVAL;

	mutex_lock(&access->attach_lock);
	if (!access->ioas)
		rc = change_ioas(access, ioas_id);
	mutex_unlock(&access->attach_lock);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_access_attach);

/**
 * iommufd_access_replace() - let an access use another IOAS
 * @access: access that uses one
 * @ioas_id: id of the new IOAS
 *
 * The driver is told to unpin what it has pinned in the old one.
 *
 * Return: as iommufd_access_attach(), -ENOENT if it uses none; nothing has
 * changed on failure.
 */
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id)
{
	int rc = -ENOENT;

	mutex_lock(&access->attach_lock);
	if (access->ioas)
		rc = change_ioas(access, ioas_id);
	mutex_unlock(&access->attach_lock);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_access_replace);

/**
 * iommufd_access_detach() - let an access use no IOAS
 * @access: access; its driver is told to unpin everything
 */
void iommufd_access_detach(struct iommufd_access *access)
{
	mutex_lock(&access->attach_lock);
	WARN_ON(!access->ioas);
	set_ioas(access, NULL, NULL);
	mutex_unlock(&access->attach_lock);
}
EXPORT_SYMBOL_GPL(iommufd_access_detach);

static int check_range(unsigned long iova, unsigned long length,
		       unsigned long *last)
{
	if (!length)
		return -EINVAL;
	return check_add_overflow(iova, length - 1, last) ? -EOVERFLOW : 0;
}

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
 * access uses no IOAS or a part is not mapped; -EPERM if the mapping is not
 * for writing or not for reading; or what pinning says. Nothing is pinned on failure.
 */
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **out_pages,
			     unsigned int flags)
{
	unsigned long last;
	int rc;

	if (!access->ops->needs_pin_pages)
		return -EINVAL;
	rc = check_range(iova, length, &last);
	if (rc)
		return rc;

	down_read(&access->lock);
	if (access->ioas)
		rc = iova_space_pin(&access->ioas->space, iova, last,
				    flags & IOMMUFD_ACCESS_RW_WRITE, out_pages);
	else
		rc = -ENOENT;
	up_read(&access->lock);
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
	unsigned long last;

	if (WARN_ON(check_range(iova, length, &last)))
		return;

	down_read(&access->lock);
	if (!WARN_ON(!access->pinned_ioas))
		iova_space_unpin(&access->pinned_ioas->space, iova, last);
	up_read(&access->lock);
}
EXPORT_SYMBOL_GPL(iommufd_access_unpin_pages);

/**
 * iommufd_access_rw() - copy between a buffer and what is mapped in a range
 * @access: access
 * @iova: first IOVA
 * @data: buffer of the kernel
 * @length: bytes
 * @flags: IOMMUFD_ACCESS_RW_WRITE to write to the IOVA; IOMMUFD_ACCESS_RW_KTHREAD
 *         says that the caller is a kernel thread, which makes no difference
 *
 * Return: 0; -EINVAL for length 0, -EOVERFLOW, -ENOENT if the access uses no
 * IOAS or a part is not mapped, -EPERM if the mapping is not for writing or
 * not for reading, or what gup says. A part may have been copied on failure.
 */
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t length, unsigned int flags)
{
	unsigned long last;
	int rc;

	rc = check_range(iova, length, &last);
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
