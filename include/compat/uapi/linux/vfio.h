/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * <linux/vfio.h> with the device cdev's ABI, for kernels and C libraries whose
 * own copy is older. Kernel code gets it by including <linux/vfio.h> as always;
 * programs add -I include/compat/uapi.
 *
 * The structs below have grown fields and unions over time. An older header's
 * version of one is moved out of the way under another tag, so that ours can
 * have the name; a header that is new enough keeps its own.
 */
#ifndef _COMPAT_UAPI_VFIO_H
#define _COMPAT_UAPI_VFIO_H

#define vfio_pci_dependent_device	vfio_native_pci_dependent_device
#define vfio_pci_hot_reset_info		vfio_native_pci_hot_reset_info
#define vfio_device_bind_iommufd	vfio_native_device_bind_iommufd

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
 * struct vfio_pci_dependent_device - a device that a hot reset touches
 * @group_id: the device's IOMMU group, when asked through a group's device
 * @devid: the device's id in the caller's iommufd, when asked through a cdev.
 *	VFIO_PCI_DEVID_OWNED stands for a device that has no id there but belongs
 *	to a group the iommufd owns; VFIO_PCI_DEVID_NOT_OWNED forbids the reset.
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
 * @flags: out: VFIO_PCI_HOT_RESET_FLAG_DEV_ID when @devices holds device ids and
 *	not groups, and with it VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED when the
 *	caller may do the reset
 * @count: out: number of devices, also when the buffer was too small (ENOSPC)
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

/**
 * struct vfio_device_attach_iommufd_pt - argument of VFIO_DEVICE_ATTACH_IOMMUFD_PT
 * @argsz: sizeof(struct vfio_device_attach_iommufd_pt)
 * @flags: 0
 * @pt_id: in: an IOAS or a HWPT of the bound iommufd; out: the HWPT in use
 *
 * Lets the device do DMA in an IO address space. A device that is attached
 * already moves to the new one; when that fails it stays where it was.
 */
struct vfio_device_attach_iommufd_pt {
	__u32	argsz;
	__u32	flags;
	__u32	pt_id;
};

/**
 * struct vfio_device_detach_iommufd_pt - argument of VFIO_DEVICE_DETACH_IOMMUFD_PT
 * @argsz: sizeof(struct vfio_device_detach_iommufd_pt)
 * @flags: 0
 *
 * Ends all DMA of the device until it is attached again. Nothing happens to a
 * device that is not attached.
 */
struct vfio_device_detach_iommufd_pt {
	__u32	argsz;
	__u32	flags;
};
#endif

#ifndef VFIO_DEVICE_BIND_FLAG_TOKEN	/* until 6.16 */
#undef vfio_device_bind_iommufd
#define VFIO_DEVICE_BIND_FLAG_TOKEN	(1 << 0)

/**
 * struct vfio_device_bind_iommufd - argument of VFIO_DEVICE_BIND_IOMMUFD
 * @argsz: size of the struct; it may end after @out_devid when no token is given
 * @flags: 0 or VFIO_DEVICE_BIND_FLAG_TOKEN
 * @iommufd: an open file of /dev/iommu
 * @out_devid: out: the device's id in that iommufd
 * @token_uuid_ptr: with VFIO_DEVICE_BIND_FLAG_TOKEN the address of 16 bytes, the
 *	token which a virtual function shares with its physical function
 *
 * Must come first on a cdev; the device stays bound until the file is closed.
 */
struct vfio_device_bind_iommufd {
	__u32		argsz;
	__u32		flags;
	__s32		iommufd;
	__u32		out_devid;
	__aligned_u64	token_uuid_ptr;
};
#endif

#endif
