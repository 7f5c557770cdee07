/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What iommufd.ko gives to drivers that hand devices to user space. The names
 * and their meaning are those of Linux 6.6; each function is documented where
 * it is defined, in drivers/iommu/iommufd/.
 *
 * All functions may sleep.
 */
#ifndef __LINUX_IOMMUFD_H
#define __LINUX_IOMMUFD_H

#include <linux/types.h>

struct device;
struct file;
struct iommu_group;
struct iommufd_ctx;
struct iommufd_device;

/* The context: what one open of /dev/iommu stands for */
void iommufd_ctx_get(struct iommufd_ctx *ictx);
void iommufd_ctx_put(struct iommufd_ctx *ictx);
struct iommufd_ctx *iommufd_ctx_from_file(struct file *file);
struct iommufd_ctx *iommufd_ctx_from_fd(int fd);
bool iommufd_ctx_has_group(struct iommufd_ctx *ictx, struct iommu_group *group);

/* The IOAS that the context's emulation of VFIO's type1 container works on */
int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ictx, u32 *out_ioas_id);
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx);

/* A device whose DMA the context rules, from bind to unbind */
struct iommufd_device *iommufd_device_bind(struct iommufd_ctx *ictx,
					   struct device *dev, u32 *id);
void iommufd_device_unbind(struct iommufd_device *idev);
int iommufd_device_attach(struct iommufd_device *idev, u32 *pt_id);
int iommufd_device_replace(struct iommufd_device *idev, u32 *pt_id);
void iommufd_device_detach(struct iommufd_device *idev);
struct iommufd_ctx *iommufd_device_to_ictx(struct iommufd_device *idev);
u32 iommufd_device_to_id(struct iommufd_device *idev);

#endif
