/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of iommufd.ko for drivers that give devices to user space.
 * Names and meaning are those of Linux 7.3. Each function is documented where
 * it is defined, in drivers/iommu/iommufd/.
 *
 * All functions may sleep.
 */
#ifndef __LINUX_IOMMUFD_H
#define __LINUX_IOMMUFD_H

#include <linux/atomic.h>
#include <linux/iommu.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct device;
struct file;
struct iommu_group;
struct iommufd_access;
struct iommufd_bar_device;
struct iommufd_ctx;
struct iommufd_device;
struct iommufd_hwpt_paging;
struct iommufd_iommu_ops;
struct iommufd_object_ops;
struct iommu_domain;
struct iommu_user_data;
struct iommu_user_data_array;
struct page;
struct vm_area_struct;

/* A context: one open of /dev/iommu */
void iommufd_ctx_get(struct iommufd_ctx *ictx);
void iommufd_ctx_put(struct iommufd_ctx *ictx);
struct iommufd_ctx *iommufd_ctx_from_file(struct file *file);
struct iommufd_ctx *iommufd_ctx_from_fd(int fd);
bool iommufd_ctx_has_group(struct iommufd_ctx *ictx, struct iommu_group *group);

/* The IOAS that the context's emulation of VFIO's type1 container works on */
int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ictx, u32 *out_ioas_id);
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx);

/*
 * A device whose DMA the context controls, from bind to unbind. IOMMU_NO_PASID
 * stands for the device itself.
 */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ictx,
					   struct device *dev, u32 *id);
bool iommufd_noiommu_enabled(void);
struct iommufd_device *iommufd_device_bind_no_iommu(struct iommufd_ctx *ictx,
						    struct device *dev, u32 *id);
void iommufd_device_unbind(struct iommufd_device *idev);
int iommufd_device_attach(struct iommufd_device *idev, ioasid_t pasid,
			  u32 *pt_id);
int iommufd_device_replace(struct iommufd_device *idev, ioasid_t pasid,
			   u32 *pt_id);
void iommufd_device_detach(struct iommufd_device *idev, ioasid_t pasid);
bool iommufd_device_has_pasids(struct iommufd_device *idev);
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev);
u32 iommufd_device_to_id(struct iommufd_device *idev);
u32 iommufd_device_hwpt_id(struct iommufd_device *idev);
bool iommufd_can_enforce_coherency(struct device *dev);

/**
 * struct iommufd_bar_provider - functions of a module that gives devices to
 *                               user space, for MAP of device memory
 * @device: recognise a BAR by its VMA. If @length is not 0, also check that the
 *          bus addresses from @phys on lie in one BAR of the device. Returns the
 *          device with a reference for iommufd_bar_device_put(), or NULL if it
 *          is not a BAR of a device that user space may give to others; sets
 *          *bound to the context that the device is bound to, or to NULL, which
 *          is only compared. Called under the mmap lock, and with @length when
 *          the first page is there; must not sleep for long.
 * @is_reachable: does the driver let user space reach the BARs? @data is that of
 *                iommufd_bar_device_create(). Called while user space has the
 *                device open. Must not wait for another thread: false if it would
 *                have to.
 */
struct iommufd_bar_provider {
	struct iommufd_bar_device *(*device)(const struct vm_area_struct *vma,
					     phys_addr_t phys, u64 length,
					     const struct iommufd_ctx **bound);
	bool (*is_reachable)(void *data);
};

int iommufd_bar_provider_register(const struct iommufd_bar_provider *provider);
void iommufd_bar_provider_unregister(void);

/* A device whose BARs processes may map, from create to put */
struct iommufd_bar_device *iommufd_bar_device_create(void *data);
struct iommufd_bar_device *
iommufd_bar_device_get(struct iommufd_bar_device *device);
void iommufd_bar_device_put(struct iommufd_bar_device *device);
void iommufd_bar_retry(struct iommufd_bar_device *device);
void iommufd_bar_stop(struct iommufd_bar_device *device);
void iommufd_bar_start(struct iommufd_bar_device *device);
void iommufd_bar_hold(struct iommufd_bar_device *device);
void iommufd_bar_unhold(struct iommufd_bar_device *device);

/**
 * struct iommufd_access_ops - callbacks of a driver that uses an IOAS itself
 * @needs_pin_pages: the driver calls iommufd_access_pin_pages(); all mappings
 *                   of its IOAS are then page aligned
 * @unmap: the range is being unmapped: unpin all pages in it. May sleep. No
 *         lock of iommufd is held. An UNMAP calls it with the range of one
 *         mapping, from any thread and at any time, even after detach, until
 *         iommufd_access_destroy() returns. Detach, replace and destroy call it
 *         in the context of their caller, with iova 0 and length ULONG_MAX,
 *         which no UNMAP has.
 */
struct iommufd_access_ops {
	u8 needs_pin_pages : 1;
	void (*unmap)(void *data, unsigned long iova, unsigned long length);
};

enum {
	IOMMUFD_ACCESS_RW_READ = 0,
	IOMMUFD_ACCESS_RW_WRITE = 1 << 0,
	IOMMUFD_ACCESS_RW_KTHREAD = 1 << 1,
};

/* An access: a driver uses the mappings of an IOAS in place of a device */
struct iommufd_access *iommufd_access_create(struct iommufd_ctx *ictx,
					     const struct iommufd_access_ops *ops,
					     void *data, u32 *id);
void iommufd_access_destroy(struct iommufd_access *access);
int iommufd_access_attach(struct iommufd_access *access, u32 ioas_id);
int iommufd_access_replace(struct iommufd_access *access, u32 ioas_id);
void iommufd_access_detach(struct iommufd_access *access);
int iommufd_access_pin_pages(struct iommufd_access *access, unsigned long iova,
			     unsigned long length, struct page **out_pages,
			     unsigned int flags);
void iommufd_access_unpin_pages(struct iommufd_access *access,
				unsigned long iova, unsigned long length);
int iommufd_access_rw(struct iommufd_access *access, unsigned long iova,
		      void *data, size_t length, unsigned int flags);

/**
 * struct iommufd_object - what all objects begin with; private to iommufd
 * @ops: what its type does differently
 * @type: what it is
 * @dead: a thread destroys it; it gets no new users
 * @id: its id, constant
 * @users: objects and attachments that depend on it. The count cannot overflow:
 *         each user is or has an object with its own id, and ids have 31 bits,
 *         or is a memory area of a process, of which there are fewer.
 * @inflight: threads that have looked it up and still use it
 */
struct iommufd_object {
	const struct iommufd_object_ops *ops;
	u8 type;
	bool dead;
	u32 id;
	unsigned int users;
	atomic_t inflight;
};

/**
 * struct iommufd_viommu - the part of an IOMMU that one guest gets
 * @obj: object; nested HWPTs, virtual devices and queues are users of it
 * @ictx: context
 * @iommu: how to deal with its IOMMU
 * @hwpt: HWPT that its output goes through; the vIOMMU is a user of it
 * @ops: callbacks, which the driver sets
 * @vdevs: @virt_id to struct iommufd_vdevice. Its lock keeps the devices bound.
 * @veventqs_lock: guards @veventqs
 * @veventqs: event queues, struct iommufd_veventq
 * @type: of enum iommu_viommu_type
 *
 * The driver has a struct of its own that begins with this one.
 */
struct iommufd_viommu {
	struct iommufd_object obj;
	struct iommufd_ctx *ictx;
	const struct iommufd_iommu_ops *iommu;
	struct iommufd_hwpt_paging *hwpt;
	const struct iommufd_viommu_ops *ops;
	struct xarray vdevs;
	struct rw_semaphore veventqs_lock;
	struct list_head veventqs;
	u32 type;
};

/**
 * struct iommufd_vdevice - a device as a guest knows it
 * @obj: object
 * @viommu: vIOMMU that it belongs to; it is a user of that
 * @dev: device
 * @virt_id: id of the device at the vIOMMU
 * @destroy: set by the driver to undo vdevice_init(), or NULL
 * @idev: private to iommufd
 */
struct iommufd_vdevice {
	struct iommufd_object obj;
	struct iommufd_viommu *viommu;
	struct device *dev;
	u64 virt_id;
	void (*destroy)(struct iommufd_vdevice *vdev);
	struct iommufd_device *idev;
};

/**
 * struct iommufd_hw_queue - a queue in memory of the guest that hardware reads
 * @obj: object
 * @viommu: vIOMMU that it belongs to; it is a user of that
 * @base_addr: start of its memory, an IOVA of the parent HWPT
 * @length: bytes of its memory
 * @type: of enum iommu_hw_queue_type
 * @destroy: set by the driver to undo hw_queue_init_phys(), or NULL
 */
struct iommufd_hw_queue {
	struct iommufd_object obj;
	struct iommufd_viommu *viommu;
	u64 base_addr;
	size_t length;
	u32 type;
	void (*destroy)(struct iommufd_hw_queue *queue);
};

/**
 * struct iommufd_viommu_ops - what a driver does with its vIOMMUs
 * @destroy: undo what made the vIOMMU, or NULL. It has no users any more.
 * @alloc_domain_nested: allocate a domain whose page table belongs to the guest,
 *                       or NULL. @flags are of enum iommufd_hwpt_alloc_flags,
 *                       without IOMMU_HWPT_FAULT_ID_VALID. The domain may use
 *                       the vIOMMU until it is freed.
 * @cache_invalidate: the guest has changed its tables. Handles the entries of
 *                    the array in order up to the first bad one, and sets
 *                    entry_num to the entries done. NULL without entries.
 * @vdevice_size: bytes of the driver's struct that begins with struct
 *                iommufd_vdevice, or 0 if that is enough
 * @vdevice_init: the driver's part of making a virtual device, or NULL
 * @get_hw_queue_size: bytes of the driver's struct that begins with struct
 *                     iommufd_hw_queue; 0 if there are no queues of the type.
 *                     NULL without hardware queues.
 * @hw_queue_init_phys: start a hardware queue. @base_addr_pa is the physical
 *                      address of its memory, which stays until the queue is
 *                      destroyed.
 *
 * Functions that make an object must leave nothing behind on failure. All may
 * sleep.
 */
struct iommufd_viommu_ops {
	void (*destroy)(struct iommufd_viommu *viommu);
	struct iommu_domain *(*alloc_domain_nested)(
		struct iommufd_viommu *viommu, u32 flags,
		const struct iommu_user_data *user_data);
	int (*cache_invalidate)(struct iommufd_viommu *viommu,
				struct iommu_user_data_array *array);
	size_t vdevice_size;
	int (*vdevice_init)(struct iommufd_vdevice *vdev);
	size_t (*get_hw_queue_size)(struct iommufd_viommu *viommu, u32 type);
	int (*hw_queue_init_phys)(struct iommufd_hw_queue *queue, u32 index,
				  phys_addr_t base_addr_pa);
};

/* Virtual devices of a vIOMMU */
struct device *iommufd_viommu_find_dev(struct iommufd_viommu *viommu,
				       unsigned long vdev_id);
int iommufd_viommu_get_vdev_id(struct iommufd_viommu *viommu,
			       struct device *dev, unsigned long *vdev_id);

/* Events of a vIOMMU */
int iommufd_viommu_report_event(struct iommufd_viommu *viommu, u32 type,
				const void *data, size_t length);

/* Registers of a vIOMMU that a process may mmap */
int iommufd_viommu_alloc_mmap(struct iommufd_viommu *viommu, phys_addr_t phys,
			      size_t length, unsigned long *offset);
void iommufd_viommu_destroy_mmap(struct iommufd_viommu *viommu,
				 unsigned long offset);

/* Hardware queues that need another one */
int iommufd_hw_queue_depend(struct iommufd_hw_queue *queue,
			    struct iommufd_hw_queue *on);
void iommufd_hw_queue_undepend(struct iommufd_hw_queue *queue,
			       struct iommufd_hw_queue *on);

#endif
