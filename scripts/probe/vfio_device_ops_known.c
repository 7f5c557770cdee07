// SPDX-License-Identifier: GPL-2.0
/*
 * Does this tree know all operations of a VFIO driver? The first two lines are
 * those of 6.1.
 * Members: vfio_device_ops name init release open_device close_device read write
 * Members: vfio_device_ops ioctl mmap request match dma_unmap device_feature
 * Members: vfio_device_ops bind_iommufd unbind_iommufd attach_ioas detach_ioas
 * Members: vfio_device_ops pasid_attach_ioas pasid_detach_ioas
 * Members: vfio_device_ops get_region_info_caps match_token_uuid
 */
#include <linux/vfio.h>

struct vfio_device_ops probe;
