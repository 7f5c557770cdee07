/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IOMMU_TEST_CMD: how test programs drive a mock IOMMU, and how the module that
 * implements it plugs into iommufd. The numbers and layouts are an ABI.
 */
#ifndef _IOMMUFD_TEST_HOOK_H
#define _IOMMUFD_TEST_HOOK_H

#include <linux/types.h>
#include <uapi/linux/iommufd.h>

#define IOMMU_TEST_CMD _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

struct iommufd_access;
struct iommufd_attach_handle;
struct iommufd_ctx;
struct iommufd_device;
struct iommufd_fault_group;
struct iommufd_ioas;
struct iommufd_iommu_ops;
struct iommufd_object;
struct iommufd_object_ops;
struct iova_space;
struct device;
struct dma_buf_attachment;
struct module;
struct phys_vec;

/**
 * struct iommufd_test_ops - what the selftest module implements
 * @owner: the module; a context that has used it keeps it loaded
 * @ioctl: IOMMU_TEST_CMD
 * @dmabuf_map: the bus address of a dma-buf of the module; -EOPNOTSUPP for
 *              another one, -ENODEV if it is revoked. The caller holds the
 *              reservation lock of the buffer.
 */
struct iommufd_test_ops {
	struct module *owner;
	long (*ioctl)(struct iommufd_ctx *ictx, void __user *ubuffer);
	int (*dmabuf_map)(struct dma_buf_attachment *attach,
			  struct phys_vec *phys);
};

/**
 * struct iommufd_test_core - functions of the core for the selftest module
 * @object_alloc: __iommufd_object_alloc()
 * @object_publish: iommufd_object_publish()
 * @object_abort: iommufd_object_abort()
 * @object_get: iommufd_object_get()
 * @object_put: iommufd_object_put()
 * @device_create: iommufd_device_create(); the device has no reference to the
 *                 context
 * @fault_group_alloc: iommufd_fault_group_alloc()
 * @fault_deliver: iommufd_fault_deliver()
 * @reserve: iova_space_reserve()
 * @nth_area: first IOVA of the mapping with this number, lowest first; false if
 *            there are not that many
 * @set_scratch: limit the bytes of each scratch buffer of pinning
 * @noiommu_ops: iommufd_noiommu_ops
 * @set_max_users: limit the counts that user space controls, 0 for the default
 * @set_first_vevent: number of the first event of new event queues
 */
struct iommufd_test_core {
	struct iommufd_object *(*object_alloc)(
		struct iommufd_ctx *ictx, size_t size, unsigned int type,
		const struct iommufd_object_ops *ops);
	void (*object_publish)(struct iommufd_ctx *ictx,
			       struct iommufd_object *obj);
	void (*object_abort)(struct iommufd_ctx *ictx,
			     struct iommufd_object *obj);
	struct iommufd_object *(*object_get)(struct iommufd_ctx *ictx, u32 id,
					     unsigned int type);
	void (*object_put)(struct iommufd_ctx *ictx,
			   struct iommufd_object *obj);
	struct iommufd_device *(*device_create)(
		struct iommufd_ctx *ictx, struct device *dev,
		const struct iommufd_iommu_ops *ops);
	struct iommufd_fault_group *(*fault_group_alloc)(unsigned int nr);
	void (*fault_deliver)(struct iommufd_attach_handle *handle,
			      struct iommufd_fault_group *group);
	int (*reserve)(struct iova_space *space, unsigned long start,
		       unsigned long last, const void *owner);
	bool (*nth_area)(struct iova_space *space, unsigned int n,
			 unsigned long *start);
	void (*set_scratch)(unsigned int bytes);
	const struct iommufd_iommu_ops *noiommu_ops;
	void (*set_max_users)(unsigned int users);
	void (*set_first_vevent)(u32 sequence);
};

const struct iommufd_test_core *
iommufd_test_register(const struct iommufd_test_ops *ops);
void iommufd_test_unregister(void);

/* test_hook.c, for the core */
long iommufd_test_ioctl(struct iommufd_ctx *ictx, void __user *ubuffer);
void iommufd_test_put(struct iommufd_ctx *ictx);

#endif
