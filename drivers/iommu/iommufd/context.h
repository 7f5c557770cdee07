/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_CONTEXT_H
#define _IOMMUFD_CONTEXT_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "stats.h"

struct file;
struct iommufd_debug;
struct iommufd_ioas;
struct iommufd_payer;
struct iommufd_test_ops;

/**
 * struct iommufd_ctx - one open of /dev/iommu
 * @file: the file; a reference to the context is a reference to the file
 * @objects: id to object. Its lock guards iommufd_object.users and .dead, and
 *           @vfio_ioas.
 * @vfio_ioas: the IOAS that the type1 emulation works on, or NULL. Not a
 *             reference: destroying the IOAS clears it.
 * @inflight_wait: threads that wait for iommufd_object.inflight, or for the
 *                 pins of an access, to become 0
 * @groups_lock: guards @groups and iommufd_group.bound
 * @groups: iommu_group_id() to struct iommufd_group
 * @payer_lock: guards @payer and @file_payer
 * @payer: the last process that mapped its memory, or NULL
 * @file_payer: the last process that mapped a file, or NULL
 * @change_lock: held while payers change
 * @mmaps: regions of vIOMMUs that processes may map, by the number that their
 *         offset has. Its lock is taken under mm->mmap_lock; @objects nests
 *         inside.
 * @account_mode: IOMMUFD_ACCOUNT_USER or IOMMUFD_ACCOUNT_MM; changes only
 *                while there is no object
 * @stats: what the context uses
 * @debug: its directory in debugfs, or NULL
 * @test: the implementation of IOMMU_TEST_CMD, set by the first such ioctl
 */
struct iommufd_ctx {
	struct file *file;
	struct xarray objects;
	struct iommufd_ioas *vfio_ioas;
	wait_queue_head_t inflight_wait;
	struct mutex groups_lock;
	struct xarray groups;
	spinlock_t payer_lock;
	struct iommufd_payer *payer;
	struct iommufd_payer *file_payer;
	struct mutex change_lock;
	struct xarray mmaps;
	u8 account_mode;
	struct iommufd_stats stats;
	struct iommufd_debug *debug;
	const struct iommufd_test_ops *test;
};

struct iommufd_ctx *iommufd_ctx_create(struct file *file);
void iommufd_ctx_free(struct iommufd_ctx *ictx);

#endif
