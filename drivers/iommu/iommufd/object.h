/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_OBJECT_H
#define _IOMMUFD_OBJECT_H

#include <linux/build_bug.h>
#include <linux/container_of.h>
#include <linux/iommufd.h>
#include <linux/stddef.h>
#include <linux/types.h>

struct iommufd_ctx;

enum iommufd_object_type {
	IOMMUFD_OBJ_ANY,
	IOMMUFD_OBJ_IOAS,
	IOMMUFD_OBJ_HWPT,
	IOMMUFD_OBJ_HWPT_NESTED,
	IOMMUFD_OBJ_DEVICE,
	IOMMUFD_OBJ_ACCESS,
	IOMMUFD_OBJ_FAULT,
	IOMMUFD_OBJ_SELFTEST,
	IOMMUFD_OBJ_VIOMMU,
	IOMMUFD_OBJ_VDEVICE,
	IOMMUFD_OBJ_VEVENTQ,
	IOMMUFD_OBJ_HW_QUEUE,
};

/**
 * struct iommufd_object_ops - what one type of object does differently
 * @fini: free what the object has beyond its own memory, or NULL. The id is
 *        gone and no thread uses the object.
 * @driver_owned: a driver of the kernel decides when the object goes, so the
 *                user's DESTROY is refused
 */
struct iommufd_object_ops {
	void (*fini)(struct iommufd_object *obj);
	bool driver_owned;
};

struct iommufd_object *
__iommufd_object_alloc(struct iommufd_ctx *ictx, size_t size,
		       enum iommufd_object_type type,
		       const struct iommufd_object_ops *ops);

/* The object, @member, must be the first in @ptr's struct. */
#define iommufd_object_alloc_member(ictx, ptr, member, type, ops)             \
	container_of(__iommufd_object_alloc(ictx, sizeof(*(ptr)) +            \
		     BUILD_BUG_ON_ZERO(offsetof(typeof(*(ptr)), member)),     \
		     type, ops), typeof(*(ptr)), member)

#define iommufd_object_alloc(ictx, ptr, type, ops) \
	iommufd_object_alloc_member(ictx, ptr, obj, type, ops)

void iommufd_object_publish(struct iommufd_ctx *ictx,
			    struct iommufd_object *obj);
void iommufd_object_abort(struct iommufd_ctx *ictx, struct iommufd_object *obj);
struct iommufd_object *iommufd_object_get(struct iommufd_ctx *ictx, u32 id,
					  enum iommufd_object_type type);
struct iommufd_object *iommufd_object_get_next(struct iommufd_ctx *ictx,
					       unsigned long *id);
void iommufd_object_put(struct iommufd_ctx *ictx, struct iommufd_object *obj);
int iommufd_object_use(struct iommufd_ctx *ictx, struct iommufd_object *obj);
int iommufd_object_use_published(struct iommufd_ctx *ictx,
				 struct iommufd_object *obj);
void iommufd_object_unuse(struct iommufd_ctx *ictx, struct iommufd_object *obj,
			  unsigned int users);
int iommufd_object_destroy(struct iommufd_ctx *ictx, u32 id);
void iommufd_object_destroy_unused(struct iommufd_ctx *ictx,
				   struct iommufd_object *obj);
void iommufd_object_remove(struct iommufd_ctx *ictx,
			   struct iommufd_object *obj);
void iommufd_object_bury(struct iommufd_ctx *ictx,
			 struct iommufd_object **link);
int iommufd_object_link(struct iommufd_ctx *ictx, struct iommufd_object **link,
			struct iommufd_object *obj);
void iommufd_object_unlink(struct iommufd_ctx *ictx,
			   struct iommufd_object **link);
void iommufd_objects_destroy_all(struct iommufd_ctx *ictx);

#endif
