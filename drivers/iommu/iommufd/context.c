// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts: what one open of /dev/iommu has. A reference to the context is a
 * reference to the file.
 */
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommufd.h>
#include <linux/lockdep.h>
#include <linux/slab.h>

#include "account.h"
#include "context.h"

static struct lock_class_key mmaps_lock_key;

struct iommufd_ctx *iommufd_ctx_create(struct file *file)
{
	struct iommufd_ctx *ictx;

	ictx = kzalloc(sizeof(*ictx), GFP_KERNEL_ACCOUNT);
	if (!ictx)
		return NULL;

	ictx->file = file;
	xa_init_flags(&ictx->objects, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	init_waitqueue_head(&ictx->inflight_wait);
	mutex_init(&ictx->groups_lock);
	xa_init_flags(&ictx->groups, XA_FLAGS_ACCOUNT);
	spin_lock_init(&ictx->payer_lock);
	mutex_init(&ictx->change_lock);
	xa_init_flags(&ictx->mmaps, XA_FLAGS_ALLOC1 | XA_FLAGS_ACCOUNT);
	/* That of the objects is taken inside. */
	lockdep_set_class(&ictx->mmaps.xa_lock, &mmaps_lock_key);
	ictx->account_mode = IOMMUFD_ACCOUNT_USER;
	iommufd_stats_init(&ictx->stats);
	return ictx;
}

/* The objects are gone. */
void iommufd_ctx_free(struct iommufd_ctx *ictx)
{
	WARN_ON(!xa_empty(&ictx->groups));
	WARN_ON(!xa_empty(&ictx->mmaps));
	xa_destroy(&ictx->mmaps);
	if (ictx->payer)
		iommufd_payer_put(ictx->payer);
	if (ictx->file_payer)
		iommufd_payer_put(ictx->file_payer);
	mutex_destroy(&ictx->change_lock);
	mutex_destroy(&ictx->groups_lock);
	kfree(ictx);
}

/**
 * iommufd_ctx_get() - take a reference to a context
 * @ictx: context that the caller knows to be alive
 */
void iommufd_ctx_get(struct iommufd_ctx *ictx)
{
	get_file(ictx->file);
}
EXPORT_SYMBOL_GPL(iommufd_ctx_get);

/**
 * iommufd_ctx_put() - drop a reference to a context
 * @ictx: context; the last reference destroys it and all its objects
 */
void iommufd_ctx_put(struct iommufd_ctx *ictx)
{
	fput(ictx->file);
}
EXPORT_SYMBOL_GPL(iommufd_ctx_put);
