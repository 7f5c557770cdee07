/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_FAULT_H
#define _IOMMUFD_FAULT_H

#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <uapi/linux/iommufd.h>

#include "eventq.h"

struct iommufd_attach_handle;
struct iommufd_hwpt;

/**
 * struct iommufd_fault - a fault queue
 * @eventq: queue of groups that were not read; its lock guards @cookies,
 *          @closed and the members of groups and handles that say so
 * @cookies: cookie to group, of the groups that were read; a NULL entry
 *           reserves the cookie and the memory for a thread that reads
 * @closed: the file is closed, no thread can read or answer any more
 * @answered: threads in iommufd_fault_stop()
 */
struct iommufd_fault {
	struct iommufd_eventq eventq;
	struct xarray cookies;
	bool closed;
	wait_queue_head_t answered;
};

/**
 * struct iommufd_fault_group - page faults that get one answer
 * @entry: place in iommufd_eventq.queued, empty once it was read
 * @handle_entry: place in iommufd_attach_handle.groups. The thread that takes
 *                the group out of this list, under the lock of the queue, has to
 *                answer it.
 * @handle: attachment that it came from
 * @respond: give the answer to the device, called once; may sleep, but must not
 *           wait for user space
 * @priv: for @respond
 * @refs: one until it is answered, one of a thread that reads
 * @cookie: its cookie, 0 until it was read; guarded by the lock of the queue
 * @nr_faults: number of @faults
 * @faults: as user space reads them
 */
struct iommufd_fault_group {
	struct list_head entry;
	struct list_head handle_entry;
	struct iommufd_attach_handle *handle;
	void (*respond)(struct iommufd_fault_group *group,
			enum iommufd_page_response_code code);
	void *priv;
	refcount_t refs;
	u32 cookie;
	unsigned int nr_faults;
	struct iommu_hwpt_pgfault faults[];
};

/* For IOMMUs */
struct iommufd_fault_group *iommufd_fault_group_alloc(unsigned int nr_faults);
void iommufd_fault_deliver(struct iommufd_attach_handle *handle,
			   struct iommufd_fault_group *group);

/* For HWPTs */
int iommufd_hwpt_set_fault(struct iommufd_hwpt *hwpt, u32 fault_id);
void iommufd_hwpt_clear_fault(struct iommufd_hwpt *hwpt);

/* For attachments, of a device or one of its PASIDs */
int iommufd_fault_open(struct iommufd_attach_handle *handle);
void iommufd_fault_stop(struct iommufd_attach_handle *handle);
void iommufd_fault_resume(struct iommufd_attach_handle *handle);
void iommufd_fault_close(struct iommufd_attach_handle *handle);

#endif
