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

#include <linux/iommu.h>
#include <linux/types.h>

struct device;
struct file;
struct iommu_group;
struct iommufd_access;
struct iommufd_bar_device;
struct iommufd_ctx;
struct iommufd_device;
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

#endif
