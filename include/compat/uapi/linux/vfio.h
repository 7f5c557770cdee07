/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * <linux/vfio.h> with the ABI of the device cdev, for kernels and C libraries
 * that have an older copy. Kernel code includes <linux/vfio.h> as usual;
 * programs add -I include/compat/uapi.
 *
 * The structs below have grown fields and unions over time. The version of an
 * older header gets another tag, so that the name is free for the one below. A
 * header that is new enough keeps its own.
 */
#ifndef _COMPAT_UAPI_VFIO_H
#define _COMPAT_UAPI_VFIO_H

#define vfio_pci_dependent_device	vfio_native_pci_dependent_device
#define vfio_pci_hot_reset_info		vfio_native_pci_hot_reset_info
#define vfio_device_bind_iommufd	vfio_native_device_bind_iommufd
#define vfio_device_attach_iommufd_pt	vfio_native_device_attach_iommufd_pt
#define vfio_device_detach_iommufd_pt	vfio_native_device_detach_iommufd_pt

#ifdef __KERNEL__
#include_next <uapi/linux/vfio.h>
#else
#include_next <linux/vfio.h>
#endif

#ifndef VFIO_PCI_HOT_RESET_FLAG_DEV_ID	/* until 6.5 */
#undef vfio_pci_dependent_device
#undef vfio_pci_hot_reset_info

#define VFIO_PCI_DEVID_OWNED		0
#define VFIO_PCI_DEVID_NOT_OWNED	-1

/**
 * struct vfio_pci_dependent_device - a device that a hot reset affects
 * @group_id: the IOMMU group of the device, when the caller uses a group
 * @devid: the id of the device in the caller's iommufd, when the caller uses a
 *         cdev. VFIO_PCI_DEVID_OWNED: the device has no id there, but belongs
 *         to a group that the iommufd owns. VFIO_PCI_DEVID_NOT_OWNED: the
 *         iommufd does not own the device, and the reset is refused.
 * @segment: PCI domain
 * @bus: bus number
 * @devfn: slot and function
 */
struct vfio_pci_dependent_device {
	union {
		__u32	group_id;
		__u32	devid;
	};
	__u16	segment;
	__u8	bus;
	__u8	devfn;
};

#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID		(1 << 0)
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED	(1 << 1)

/**
 * struct vfio_pci_hot_reset_info - argument of VFIO_DEVICE_GET_PCI_HOT_RESET_INFO
 * @argsz: size of the caller's buffer, the array included
 * @flags: out: VFIO_PCI_HOT_RESET_FLAG_DEV_ID when @devices has ids of devices
 *         and not groups, and with it VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED when
 *         the caller owns all of them and may do the reset
 * @count: out: number of devices, also when the buffer is too small (ENOSPC)
 * @devices: out: the devices
 */
struct vfio_pci_hot_reset_info {
	__u32	argsz;
	__u32	flags;
	__u32	count;
	struct vfio_pci_dependent_device	devices[];
};
#endif

#ifndef VFIO_DEVICE_BIND_IOMMUFD	/* until 6.5 */
#define VFIO_DEVICE_BIND_IOMMUFD	_IO(VFIO_TYPE, VFIO_BASE + 18)
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT	_IO(VFIO_TYPE, VFIO_BASE + 19)
#define VFIO_DEVICE_DETACH_IOMMUFD_PT	_IO(VFIO_TYPE, VFIO_BASE + 20)
#endif

#ifndef VFIO_DEVICE_ATTACH_PASID	/* until 6.14 */
#undef vfio_device_attach_iommufd_pt
#undef vfio_device_detach_iommufd_pt
#define VFIO_DEVICE_ATTACH_PASID	(1 << 0)
#define VFIO_DEVICE_DETACH_PASID	(1 << 0)

/**
 * struct vfio_device_attach_iommufd_pt - argument of VFIO_DEVICE_ATTACH_IOMMUFD_PT
 * @argsz: size of the struct; without a PASID it may end after @pt_id
 * @flags: 0 or VFIO_DEVICE_ATTACH_PASID
 * @pt_id: in: id of an IOAS or a HWPT of the bound iommufd; out: id of the HWPT
 *         that the device uses now
 * @pasid: with VFIO_DEVICE_ATTACH_PASID: the PASID of the device that is
 *         attached in place of the device itself, not 0
 *
 * Lets the device do DMA in an IO address space. A device that is already
 * attached moves to the new one; if that fails, it stays where it was.
 */
struct vfio_device_attach_iommufd_pt {
	__u32	argsz;
	__u32	flags;
	__u32	pt_id;
	__u32	pasid;
};

/**
 * struct vfio_device_detach_iommufd_pt - argument of VFIO_DEVICE_DETACH_IOMMUFD_PT
 * @argsz: size of the struct; without a PASID it may end after @flags
 * @flags: 0 or VFIO_DEVICE_DETACH_PASID
 * @pasid: with VFIO_DEVICE_DETACH_PASID: the PASID that is detached in place of
 *         the device itself, not 0
 *
 * Blocks all DMA of the device until it is attached again. A device that is not
 * attached stays as it is.
 */
struct vfio_device_detach_iommufd_pt {
	__u32	argsz;
	__u32	flags;
	__u32	pasid;
};
#endif

#ifndef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	/* until 6.1 */
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	9

/**
 * struct vfio_device_feature_mig_data_size - data of
 *	VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
 * @stop_copy_length: out: estimate of the bytes that a transfer of the device's
 *                    state takes
 */
struct vfio_device_feature_mig_data_size {
	__aligned_u64	stop_copy_length;
};
#endif

#ifndef VFIO_DEVICE_BIND_FLAG_TOKEN	/* until 6.16 */
#undef vfio_device_bind_iommufd
#define VFIO_DEVICE_BIND_FLAG_TOKEN	(1 << 0)

/**
 * struct vfio_device_bind_iommufd - argument of VFIO_DEVICE_BIND_IOMMUFD
 * @argsz: size of the struct; without a token it may end after @out_devid
 * @flags: 0 or VFIO_DEVICE_BIND_FLAG_TOKEN
 * @iommufd: file descriptor of /dev/iommu
 * @out_devid: out: id of the device in that iommufd
 * @token_uuid_ptr: with VFIO_DEVICE_BIND_FLAG_TOKEN: user address of 16 bytes,
 *                  the token that a virtual function shares with its physical
 *                  function
 *
 * Must be the first ioctl on a cdev. The device stays bound until the file is
 * closed.
 */
struct vfio_device_bind_iommufd {
	__u32		argsz;
	__u32		flags;
	__s32		iommufd;
	__u32		out_devid;
	__aligned_u64	token_uuid_ptr;
};
#endif

#ifndef VFIO_MIGRATION_PRE_COPY		/* until 6.1 */
/* A flag of struct vfio_device_feature_migration */
#define VFIO_MIGRATION_PRE_COPY		(1 << 2)
#endif

#ifndef VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2	/* not in 6.12 */
/* SET, without data: let VFIO_MIG_GET_PRECOPY_INFO answer with flags. */
#define VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2	12
#endif

#endif
