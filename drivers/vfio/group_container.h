/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An iommufd as the container of a group
 */
#ifndef _VFIO_GROUP_CONTAINER_H
#define _VFIO_GROUP_CONTAINER_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct iommufd_ctx;

/**
 * struct vfio_group_container - the container of an open group
 * @lock: orders the ioctls of the group and the release of device files. It is
 *        taken before locks of vfio.ko and before vfio_cdev.lock.
 * @ictx: the iommufd that is the container, counted, or NULL. While it is set,
 *        this module is counted as well. Under @lock.
 * @stock: the group has a container of vfio.ko, as far as this module has seen;
 *         under @lock
 * @devices: open devices, struct vfio_group_device; under @lock
 *
 * It exists from the first VFIO_GROUP_SET_CONTAINER to the release of the
 * group's file, which is also kept open by the files of @devices.
 */
struct vfio_group_container {
	struct mutex lock;
	struct iommufd_ctx *ictx;
	bool stock;
	struct list_head devices;
};

/* group_stock.c: the file operations that vfio.ko has for groups */
extern const struct file_operations *vfio_group_stock;

int vfio_group_stock_find(void);
long vfio_group_stock_ioctl(struct file *filep, unsigned int cmd,
			    unsigned long arg);
int vfio_group_stock_release(struct inode *inode, struct file *filep);

/* group_device.c: device files of a group */
int vfio_group_device_fd(struct vfio_group_container *container,
			 struct file *group, char *name);

#endif
