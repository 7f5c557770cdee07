/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_MOCK_H
#define _IOMMUFD_MOCK_H

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "../iommufd/device.h"
#include "../iommufd/fault.h"
#include "../iommufd/hwpt.h"
#include "../iommufd/ioas.h"
#include "../iommufd/iommu_ops.h"
#include "../iommufd/object.h"
#include "../iommufd/test_hook.h"
#include "test_abi.h"

/**
 * struct mock_ucmd - a test command that is being handled
 * @ictx: context
 * @ubuffer: user address of the command
 * @user_size: size of the command in user space
 * @cmd: kernel copy of the command
 */
struct mock_ucmd {
	struct iommufd_ctx *ictx;
	void __user *ubuffer;
	u32 user_size;
	struct iommu_test_cmd cmd;
};

/* main.c */
extern const struct iommufd_test_core *test_core;
int mock_copy_user_data(void *data, size_t size, size_t min_size,
			const struct iommu_user_data *user_data, u32 type);
int mock_respond(struct mock_ucmd *ucmd);
struct iommufd_ioas *mock_get_ioas(struct iommufd_ctx *ictx, u32 id);
void mock_put_ioas(struct iommufd_ioas *ioas);

/**
 * struct mock_binding - stands for the driver of a mock device
 * @obj: object; destroying it detaches, unbinds and removes the device
 * @lock: serializes attach, replace and detach, as a driver has to
 * @mdev: device
 * @idev: the device as bound to the context; attached
 */
struct mock_binding {
	struct iommufd_object obj;
	struct mutex lock;
	struct mock_device *mdev;
	struct iommufd_device *idev;
};

/* mock_binding.c */
struct mock_binding *mock_get_binding(struct iommufd_ctx *ictx, u32 id);
void mock_put_binding(struct iommufd_ctx *ictx, struct mock_binding *binding);
int mock_bind_cmd(struct mock_ucmd *ucmd);
int mock_bind_flags_cmd(struct mock_ucmd *ucmd);
int mock_replace_cmd(struct mock_ucmd *ucmd);

/* mock_access.c */
int mock_access_create_cmd(struct mock_ucmd *ucmd);
int mock_access_pin_cmd(struct mock_ucmd *ucmd);
int mock_access_unpin_cmd(struct mock_ucmd *ucmd);
int mock_access_rw_cmd(struct mock_ucmd *ucmd);
int mock_access_replace_cmd(struct mock_ucmd *ucmd);

/* check_pages.c */
int mock_check_map_cmd(struct mock_ucmd *ucmd);
int mock_check_refs_cmd(struct mock_ucmd *ucmd);
int mock_check_pages(unsigned long uptr, struct page **pages,
		     unsigned long npages);

/**
 * struct mock_device - a device behind the mock IOMMU
 * @dev: device
 * @index: number in the device name
 * @flags: MOCK_DEVICE_ flags
 * @fault_lock: held while a page request is delivered; guards @attached and
 *              @can_request
 * @can_request: page requests are enabled
 * @nr_requests: page requests that were delivered and not answered
 * @attached: PASID to its struct iommufd_attach_handle; IOMMU_NO_PASID for the
 *            device itself
 * @pasid_fails: the next attach or replace of MOCK_PASID_FAILS must fail
 * @cache: words that an invalidation of a vIOMMU zeroes; guarded by the lock of
 *         its vdevs
 * @has_vdevice: a vIOMMU has a vdevice of the device
 * @virt_id: its id at the vIOMMU of the nested domain that it is attached to, or
 *           0; guarded by the lock of the group
 */
struct mock_device {
	struct device dev;
	int index;
	u32 flags;
	struct mutex fault_lock;
	bool can_request;
	atomic_t nr_requests;
	struct xarray attached;
	bool pasid_fails;
	u32 cache[MOCK_DEV_CACHE_NUM];
	bool has_vdevice;
	u32 virt_id;
};

static inline struct mock_device *to_mock_device(struct device *dev)
{
	return container_of(dev, struct mock_device, dev);
}

/* mock_iommu.c */
extern const struct iommufd_iommu_ops mock_iommu_ops;
bool mock_attach_must_fail(void);
struct mock_device *mock_device_create(u32 flags);
void mock_device_destroy(struct mock_device *mdev);

/* mock_pasid.c */
int mock_set_attached(struct mock_device *mdev, ioasid_t pasid,
		      struct iommu_attach_handle *attachment, bool replace);
void mock_clear_attached(struct mock_device *mdev, ioasid_t pasid,
			 struct iommu_domain *domain);
void mock_check_unused(struct iommu_domain *domain);
u32 mock_max_pasids(struct device *dev);
int mock_attach_pasid(struct device *dev, struct iommu_domain *domain,
		      ioasid_t pasid, struct iommu_attach_handle *handle);
int mock_replace_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid, struct iommu_attach_handle *handle);
void mock_detach_pasid(struct device *dev, struct iommu_domain *domain,
		       ioasid_t pasid);
int mock_pasid_attach_cmd(struct mock_ucmd *ucmd);
int mock_pasid_replace_cmd(struct mock_ucmd *ucmd);
int mock_pasid_detach_cmd(struct mock_ucmd *ucmd);
int mock_pasid_check_cmd(struct mock_ucmd *ucmd);

/* mock_domain.c */
struct iommu_domain *
mock_domain_create(struct mock_device *mdev, u32 flags,
		   const struct iommu_user_data *user_data);
bool mock_frees_table(struct device *dev);
void mock_domain_check_pinned(struct iommu_domain *domain);
bool is_mock_domain(const struct iommu_domain *domain);
bool mock_domain_maps(struct iommu_domain *domain, unsigned long iova,
		      phys_addr_t phys);

/* mock_fault.c */
bool mock_can_fault(struct device *dev);
void mock_fault_domain(struct iommu_domain *domain);
int mock_fault_enable(struct device *dev);
void mock_fault_disable(struct device *dev);
int mock_trigger_iopf_cmd(struct mock_ucmd *ucmd);

/* mock_dirty.c */
int mock_set_dirty_tracking(struct iommu_domain *domain, bool enable);
int mock_read_dirty(struct iommu_domain *domain, unsigned long start,
		    unsigned long last, struct iommufd_dirty_sink *sink);
int mock_clear_dirty(struct iommu_domain *domain,
		     const struct iommufd_dirty_clear *clear);
int mock_dirty_cmd(struct mock_ucmd *ucmd);

/* mock_nested.c */
struct iommu_domain *
mock_nested_domain_create(struct iommu_domain *parent,
			  struct iommufd_viommu *viommu,
			  const struct iommu_user_data *user_data);
bool is_mock_nested_domain(const struct iommu_domain *domain);
struct iommu_domain *mock_nested_parent(struct iommu_domain *domain);
struct iommufd_viommu *mock_nested_viommu(struct iommu_domain *domain);
int mock_invalidate(struct iommu_user_data_array *array, size_t entry_size,
		    int (*entry)(void *data, void __user *uptr), void *data);
int mock_nested_invalidate(struct iommu_domain *domain,
			   struct iommu_user_data_array *array);
int mock_check_iotlb_cmd(struct mock_ucmd *ucmd);

/* mock_viommu.c */
size_t mock_get_viommu_size(struct device *dev, u32 type);
int mock_viommu_init(struct iommufd_viommu *viommu, struct iommu_domain *parent,
		     const struct iommu_user_data *user_data);
int mock_check_cache_cmd(struct mock_ucmd *ucmd);
int mock_trigger_vevent_cmd(struct mock_ucmd *ucmd);

/* mock_dmabuf.c */
int mock_dmabuf_map(struct dma_buf_attachment *attach, struct phys_vec *phys);
int mock_dmabuf_get_cmd(struct mock_ucmd *ucmd);
int mock_dmabuf_revoke_cmd(struct mock_ucmd *ucmd);

#endif
