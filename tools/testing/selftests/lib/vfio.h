/* SPDX-License-Identifier: GPL-2.0 */
/* VFIO devices, through their cdev or through the legacy group */
#ifndef SELFTEST_LIB_VFIO_H
#define SELFTEST_LIB_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vfio.h>

#include "pci.h"

int vfio_cdev_open(const struct pci_device *pci);

/* These return 0 or the errno, as those for the ioctls of /dev/iommu. */
int _test_vfio_bind(int cdev, int iommufd, uint32_t *devid);
int _test_vfio_attach(int cdev, uint32_t *pt_id);
int _test_vfio_detach(int cdev);
int _test_vfio_device_info(int cdev, struct vfio_device_info *info);
int _test_vfio_region_info(int cdev, uint32_t index,
			   struct vfio_region_info *info);
int _test_vfio_irq_info(int cdev, uint32_t index, struct vfio_irq_info *info);
int _test_vfio_reset(int cdev);
/*
 * With VFIO_DEVICE_ATTACH_PASID and VFIO_DEVICE_DETACH_PASID; the struct says
 * that it has @argsz bytes.
 */
int _test_vfio_attach_pasid(int cdev, uint32_t argsz, uint32_t pasid,
			    uint32_t pt_id);
int _test_vfio_detach_pasid(int cdev, uint32_t argsz, uint32_t pasid);
/* @groups: files of the @count groups that are to be reset, at most 2 */
int _test_vfio_hot_reset(int device, uint32_t count, const int32_t *groups);
/* Let interrupt @sub of @index signal @eventfd; -1 stops it. */
int _test_vfio_irq_eventfd(int cdev, uint32_t index, uint32_t sub, int eventfd);
int _test_vfio_irq_disable(int cdev, uint32_t index);

/*
 * The directory of the device in sysfs, as the fdinfo of its open file tells it;
 * false if it does not.
 */
bool vfio_fdinfo_syspath(int device, char *path, size_t size);

/* PCI config space, with pread() and pwrite() of the config region */
int vfio_config_read(int cdev, unsigned int where, void *buf, size_t size);
int vfio_config_write(int cdev, unsigned int where, const void *buf,
		      size_t size);
/* Enable memory space and bus mastering, which DMA needs. */
int vfio_enable_dma(int cdev);

/* Enable or disable memory space. Without it no register can be accessed. */
int vfio_enable_memory(int cdev, bool enable);

/* Map a whole BAR; NULL if that fails */
void *vfio_bar_mmap(int cdev, uint32_t index, size_t *size);
/* Read a register of a mapped BAR. Returns 0, or EFAULT on SIGBUS. */
int vfio_bar_read(const volatile void *reg, uint32_t *value);

/* The legacy API: group and container, /dev/vfio/N and /dev/vfio/vfio */
int vfio_group_open(int group);
int vfio_container_open(void);
int _test_vfio_set_container(int group, int container);
int _test_vfio_unset_container(int group);
int vfio_group_device(int group, const char *bdf);

#endif
