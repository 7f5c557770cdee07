/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_GROUP_H
#define _IOMMUFD_GROUP_H

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "object.h"

struct device;
struct iommufd_device;
struct iommufd_hwpt;
struct iommufd_iommu_ops;

/**
 * struct iommufd_attach_handle - an attachment, as page requests find it
 * @handle: what the kernel knows it by
 * @idev: device that was attached, one of its group
 * @hwpt: what it is attached to
 * @groups: page faults that were not answered, struct iommufd_fault_group. This
 *          and the members below are guarded by the lock of the HWPT's queue.
 * @nr_groups: number of groups for which the device has no answer yet
 * @accepts: new groups go to the queue
 */
struct iommufd_attach_handle {
	struct iommu_attach_handle handle;
	struct iommufd_device *idev;
	struct iommufd_hwpt *hwpt;
	struct list_head groups;
	unsigned int nr_groups;
	bool accepts;
};

/**
 * struct iommufd_group - an iommu_group that the context owns
 * @ictx: context
 * @ops: how to deal with its IOMMU
 * @group: the group, with a reference; NULL behind an IOMMU that the kernel
 *         does not know, where each device is a group
 * @bound: bound devices, struct iommufd_device; the last one takes the group
 *         along
 * @lock: guards the members below and the attachment of the group to a domain
 * @hwpt: what the group is attached to, or NULL; the group is a user of it
 * @hwpt_id: its id, or 0; may be read without the lock
 * @handles: of attachments: the present one, and one for a replace
 * @handle: which of @handles is in use, or comes first
 * @attached: attached devices, struct iommufd_device
 * @nr_pasids: attached PASIDs of all devices; see pasid.c
 */
struct iommufd_group {
	struct iommufd_ctx *ictx;
	const struct iommufd_iommu_ops *ops;
	struct iommu_group *group;
	struct list_head bound;
	struct mutex lock;
	struct iommufd_hwpt *hwpt;
	u32 hwpt_id;
	struct iommufd_attach_handle handles[2];
	unsigned int handle;
	struct list_head attached;
	unsigned int nr_pasids;
};

/**
 * struct iommufd_device - a device bound to the context
 * @obj: object; belongs to the driver that bound it
 * @ictx: context
 * @igroup: group of the device
 * @dev: the device; its driver keeps it alive until unbind
 * @vdev: its virtual device, or NULL; guarded by the lock of the context's
 *        objects
 * @keeps_ctx: the device holds a reference to the context
 * @bound_entry: place in iommufd_group.bound
 * @attached_entry: place in iommufd_group.attached, empty if not attached
 * @nr_faulting: attachments of the device and its PASIDs to HWPTs with a fault
 *               queue; guarded by iommufd_group.lock
 * @pasids: attached PASIDs, each with its struct iommufd_attach_handle; guarded
 *          by iommufd_group.lock
 */
struct iommufd_device {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_group *igroup;
	struct device *dev;
	struct list_head bound_entry;
	struct list_head attached_entry;
	unsigned int nr_faulting;
	struct xarray pasids;
	struct iommufd_object *vdev;
	bool keeps_ctx;
};

int iommufd_group_join(struct iommufd_device *idev,
		       const struct iommufd_iommu_ops *ops);
void iommufd_group_leave(struct iommufd_device *idev);
struct iommu_domain *
iommufd_group_alloc_domain(struct iommufd_device *idev, u32 flags,
			   const struct iommu_user_data *user_data,
			   bool *coherent);
bool iommufd_group_suits(struct iommufd_device *idev,
			 struct iommufd_hwpt *hwpt);
bool iommufd_group_is_attached(struct iommufd_group *igroup);
int iommufd_group_attach(struct iommufd_device *idev, struct iommufd_hwpt *hwpt,
			 struct iommufd_hwpt **old);
int iommufd_group_replace(struct iommufd_device *idev,
			  struct iommufd_hwpt *hwpt, struct iommufd_hwpt **old);
struct iommufd_hwpt *iommufd_group_detach(struct iommufd_device *idev);

#endif
