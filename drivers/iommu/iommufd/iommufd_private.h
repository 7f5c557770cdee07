/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_PRIVATE_H
#define _IOMMUFD_PRIVATE_H

#include <linux/atomic.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <uapi/linux/iommufd.h>

#include "account.h"
#include "iova_space.h"

struct file;
struct iommufd_ioas;
struct iommufd_test_ops;

/**
 * struct iommufd_ctx - one open of /dev/iommu
 * @file: the file; a reference to the context is a reference to the file
 * @objects: id to object. Its lock guards iommufd_object.users and .dead, and
 *           @vfio_ioas.
 * @vfio_ioas: the IOAS that the type1 emulation works on, or NULL. No reference:
 *             the end of the IOAS clears it.
 * @inflight_wait: wakes who waits for iommufd_object.inflight to become 0
 * @groups_lock: guards @groups and iommufd_group.bound
 * @groups: iommu_group_id() to struct iommufd_group
 * @payer_lock: guards @payer
 * @payer: the last process that mapped memory, or NULL
 * @account_mode: IOMMUFD_ACCOUNT_USER or IOMMUFD_ACCOUNT_MM; changes only
 *                while there is no object
 * @test: what implements IOMMU_TEST_CMD, from its first use on, or NULL
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
	u8 account_mode;
	const struct iommufd_test_ops *test;
};

enum iommufd_object_type {
	IOMMUFD_OBJ_ANY,
	IOMMUFD_OBJ_IOAS,
	IOMMUFD_OBJ_HWPT,
	IOMMUFD_OBJ_DEVICE,
	IOMMUFD_OBJ_ACCESS,
	IOMMUFD_OBJ_SELFTEST,
	IOMMUFD_OBJ_TYPES,
};

/**
 * struct iommufd_object - what all objects begin with
 * @type: what it is
 * @dead: somebody destroys it; no new users
 * @id: its id, constant
 * @users: objects and attachments that need it; each is or has an object with
 *         an id of its own, and ids have 31 bits
 * @inflight: threads that looked it up and still use it
 */
struct iommufd_object {
	u8 type;
	bool dead;
	u32 id;
	unsigned int users;
	atomic_t inflight;
};

struct iommufd_object *__iommufd_object_alloc(struct iommufd_ctx *ictx,
					      size_t size,
					      enum iommufd_object_type type);

/* The object must be the first member of @ptr's struct, named obj. */
#define iommufd_object_alloc(ictx, ptr, type)                                  \
	container_of(__iommufd_object_alloc(ictx, sizeof(*(ptr)) +             \
		     BUILD_BUG_ON_ZERO(offsetof(typeof(*(ptr)), obj)), type),  \
		     typeof(*(ptr)), obj)

void iommufd_object_publish(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj);
void iommufd_object_abort(struct iommufd_ctx *ictx, struct iommufd_object *obj);
struct iommufd_object *iommufd_object_get(struct iommufd_ctx *ictx, u32 id,
					  enum iommufd_object_type type);
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj);
int iommufd_object_use(struct iommufd_ctx *ictx, struct iommufd_object *obj);
void iommufd_object_unuse(struct iommufd_ctx *ictx, struct iommufd_object *obj,
			  unsigned int users);
int iommufd_object_destroy(struct iommufd_ctx *ictx, u32 id);
void iommufd_object_destroy_unused(struct iommufd_ctx *ictx,
				   struct iommufd_object *obj);
void iommufd_object_remove(struct iommufd_ctx *ictx,
			   struct iommufd_object *obj);
void iommufd_objects_destroy_all(struct iommufd_ctx *ictx);

/* How to free what each type has beyond struct iommufd_object; see main.c. */
void iommufd_object_fini(struct iommufd_ctx *ictx, struct iommufd_object *obj);

/**
 * struct iommufd_ucmd - an ioctl on its way
 * @ictx: context
 * @ubuffer: user address of the struct
 * @user_size: its size as the user knows it
 * @cmd: the struct as the kernel knows it
 */
struct iommufd_ucmd {
	struct iommufd_ctx *ictx;
	void __user *ubuffer;
	u32 user_size;
	void *cmd;
};

int iommufd_ucmd_respond(struct iommufd_ucmd *ucmd, size_t size);

/**
 * struct iommufd_ioas - an IO address space
 * @obj: object
 * @ictx: context
 * @space: its mappings
 * @auto_lock: held while a HWPT is found or made for a device that attaches to
 *             the IOAS, so that two devices do not make two where one serves
 * @auto_list_lock: guards @auto_hwpts
 * @auto_hwpts: HWPTs that attaching to the IOAS made
 */
struct iommufd_ioas {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iova_space space;
	struct mutex auto_lock;
	spinlock_t auto_list_lock;
	struct list_head auto_hwpts;
};

struct iommufd_ioas *iommufd_get_ioas(struct iommufd_ctx *ictx, u32 id);
static inline void iommufd_put_ioas(struct iommufd_ioas *ioas)
{
	iommufd_object_put(ioas->ictx, &ioas->obj);
}

struct iommufd_ioas *iommufd_ioas_create(struct iommufd_ctx *ictx);
void iommufd_ioas_abort(struct iommufd_ioas *ioas);
void iommufd_ioas_fini(struct iommufd_object *obj);

/* Return: 0, -EINVAL for length 0, -EOVERFLOW if the range wraps. */
static inline int iommufd_range_last(unsigned long start, unsigned long length,
				     unsigned long *last)
{
	if (!length)
		return -EINVAL;
	return check_add_overflow(start, length - 1, last) ? -EOVERFLOW : 0;
}

int iommufd_check_range(u64 iova, u64 length);
int iommufd_check_map(u64 uva, u64 length);
struct iova_area *iommufd_create_user_area(struct iommufd_ctx *ictx,
					   unsigned long uva,
					   unsigned long length, int prot);
int iommufd_ioas_alloc_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_ioas_allow_iovas_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_ioas_iova_ranges_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_ioas_map_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_ioas_copy_ioctl(struct iommufd_ucmd *ucmd);
int iommufd_ioas_unmap_ioctl(struct iommufd_ucmd *ucmd);

/* option.c */
int iommufd_option_ioctl(struct iommufd_ucmd *ucmd);

/* vfio_compat.c */
int iommufd_vfio_ioas_ioctl(struct iommufd_ucmd *ucmd);
void iommufd_vfio_forget_ioas(struct iommufd_ioas *ioas);
int iommufd_vfio_ioctl(struct iommufd_ctx *ictx, unsigned int cmd,
		       unsigned long arg);

/**
 * struct iommufd_hwpt - a hardware page table
 * @obj: object; a user for each attached group
 * @ioas: whose mappings it has; the HWPT is a user of it
 * @pgt: the page table
 * @auto_entry: place in iommufd_ioas.auto_hwpts, empty if not automatic
 * @automatic: attaching made it, and the last detach ends it
 * @enforces_coherency: DMA is coherent even if the device asks for it not to be
 */
struct iommufd_hwpt {
	struct iommufd_object obj;
	struct iommufd_ioas *ioas;
	struct iova_pgtable pgt;
	struct list_head auto_entry;
	bool automatic;
	bool enforces_coherency;
};

struct iommufd_device;

struct iommufd_hwpt *iommufd_hwpt_create(struct iommufd_ioas *ioas,
					 struct iommufd_device *idev);
void iommufd_hwpt_abort(struct iommufd_hwpt *hwpt);
void iommufd_hwpt_put_user(struct iommufd_hwpt *hwpt);
void iommufd_hwpt_fini(struct iommufd_object *obj);
int iommufd_hwpt_alloc_ioctl(struct iommufd_ucmd *ucmd);

/**
 * struct iommufd_hw_info - what an IOMMU says about itself
 * @type: one of enum iommu_hw_info_type
 * @length: bytes of @data
 * @data: struct for user space of that type, to be freed with kfree()
 */
struct iommufd_hw_info {
	u32 type;
	u32 length;
	void *data;
};

/**
 * struct iommufd_iommu_ops - what a context does with the IOMMU of a device
 * @claim: become the owner of the DMA of the device's group; -EBUSY if somebody
 *         else is, and the other errnos of iommufd_device_bind()
 * @release: cease to be, in the name of any device of the group
 * @domain_alloc: a page table with its final aperture and page sizes; @current
 *                is what the group is attached to, or NULL. *@coherent says if
 *                that enforces coherence, and then if the new one does.
 * @attach: to a page table from blocked DMA; -EINVAL if they do not fit together
 * @detach: back to blocked DMA
 * @replace: another page table; nothing has changed on failure
 * @reserve: reserve what IOVA the platform uses, with the device as the owner
 * @hw_info: ask the IOMMU about itself
 *
 * @attach, @detach and @replace concern the whole group of the device.
 */
struct iommufd_iommu_ops {
	int (*claim)(struct device *dev, void *owner);
	void (*release)(struct device *dev);
	struct iommu_domain *(*domain_alloc)(struct device *dev,
					     struct iommu_domain *current_domain,
					     bool *coherent);
	int (*attach)(struct device *dev, struct iommu_domain *domain);
	void (*detach)(struct device *dev, struct iommu_domain *domain);
	int (*replace)(struct device *dev, struct iommu_domain *old_domain,
		       struct iommu_domain *new_domain);
	int (*reserve)(struct device *dev, struct iova_space *space,
		       const void *owner);
	int (*hw_info)(struct device *dev, struct iommufd_hw_info *info);
};

/* iommu.c: the IOMMU of the machine */
extern const struct iommufd_iommu_ops iommufd_iommu_ops;
int iommufd_iommu_hw_info(struct device *dev, struct iommufd_hw_info *info);

/**
 * struct iommufd_group - an iommu_group that the context owns
 * @ictx: context
 * @ops: how to deal with its IOMMU
 * @group: the group, with a reference; NULL behind an IOMMU that the kernel
 *         does not know, where each device is a group
 * @bound: bound devices, struct iommufd_device; the group goes with the last
 * @lock: guards all below, and the attachment of the group to a domain
 * @hwpt: what the group is attached to, or NULL; the group is a user of it
 * @attached: attached devices, struct iommufd_device
 */
struct iommufd_group {
	struct iommufd_ctx *ictx;
	const struct iommufd_iommu_ops *ops;
	struct iommu_group *group;
	struct list_head bound;
	struct mutex lock;
	struct iommufd_hwpt *hwpt;
	struct list_head attached;
};

/**
 * struct iommufd_device - a device bound to the context
 * @obj: object; belongs to the driver that bound it
 * @ictx: context
 * @igroup: group of the device
 * @dev: the device; its driver keeps it alive until unbind
 * @keeps_ctx: the device has a reference to the context
 * @bound_entry: place in iommufd_group.bound
 * @attached_entry: place in iommufd_group.attached, empty if not attached
 */
struct iommufd_device {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	struct iommufd_group *igroup;
	struct device *dev;
	struct list_head bound_entry;
	struct list_head attached_entry;
	bool keeps_ctx;
};

struct iommufd_device *iommufd_device_create(struct iommufd_ctx *ictx,
					     struct device *dev,
					     const struct iommufd_iommu_ops *ops);

struct iommu_domain *iommufd_device_alloc_domain(struct iommufd_device *idev,
						 bool *coherent);
void iommufd_device_fini(struct iommufd_object *obj);
struct iommufd_device *iommufd_get_device(struct iommufd_ctx *ictx, u32 id);
static inline void iommufd_put_device(struct iommufd_device *idev)
{
	iommufd_object_put(idev->ictx, &idev->obj);
}

/*
 * A provider reads what it knows of the IOMMU of a device. Return: 0, -ENODEV
 * if it does not know that IOMMU, or another errno.
 */
typedef int (*iommufd_hw_info_provider)(struct device *dev,
					struct iommufd_hw_info *info);
int iommufd_intel_hw_info(struct device *dev, struct iommufd_hw_info *info);

/* hw_info.c */
int iommufd_get_hw_info_ioctl(struct iommufd_ucmd *ucmd);

#endif
