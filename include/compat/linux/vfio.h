/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/vfio.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_VFIO_H
#define _COMPAT_LINUX_VFIO_H

#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include_next <linux/vfio.h>
#include <generated/features.h>

#ifdef HAVE_VFIO_FILE_IS_VALID
/* Does KVM call vfio_file_is_valid(), if the call returns to @caller? */
static inline notrace bool vfio_file_is_valid_asked_by_kvm(unsigned long caller)
{
	return true;
}
#else
/*
 * Until 6.5 KVM asks vfio_file_is_group(). So do vfio.ko and vfio-pci-core,
 * which go on to use the file as that of a group. Functions of KVM that call it
 * are called kvm_vfio_*; %pB needs no lock and does not sleep.
 */
#define vfio_file_is_valid vfio_file_is_group

static inline notrace bool vfio_file_is_valid_asked_by_kvm(unsigned long caller)
{
	char name[sizeof("kvm_vfio_")];

	scnprintf(name, sizeof(name), "%pB", (void *)caller);
	return !strcmp(name, "kvm_vfio_");
}
#endif

#ifndef HAVE_VFIO_FREE_DEVICE
/* Since 6.2 vfio.ko frees a device after its release op, which before does it. */
static inline void vfio_free_device(struct vfio_device *vdev)
{
}
#endif

#ifdef HAVE_VFIO_DEVICE_INODE
/*
 * Make the mappings of a file that is being opened known to the driver. To take
 * a BAR away from processes, vfio-pci-core unmaps it from the address space of
 * the device's own inode, so every file of the device must use that.
 */
static inline void vfio_file_share_mapping(struct file *filep,
					   struct vfio_device *vdev)
{
	filep->f_mapping = vdev->inode->i_mapping;
}

static inline bool vfio_device_inode_is_known(const struct vfio_device *vdev)
{
	return vdev->inode;
}
#else
/* Until 6.9 areas are listed when they fault, whatever file they map. */
static inline void vfio_file_share_mapping(struct file *filep,
					   struct vfio_device *vdev)
{
}

static inline bool vfio_device_inode_is_known(const struct vfio_device *vdev)
{
	return true;
}
#endif

/*
 * VFIO_MIGRATION_GET_DATA_SIZE(function) is an initializer of struct
 * vfio_migration_ops, with its comma. The function must be __maybe_unused.
 */
#ifdef HAVE_VFIO_MIGRATION_GET_DATA_SIZE
#define VFIO_MIGRATION_GET_DATA_SIZE(_fn) .migration_get_data_size = (_fn),

static inline bool vfio_migration_has_data_size(void)
{
	return true;
}

static inline int vfio_migration_get_data_size(struct vfio_device *vdev,
					       unsigned long *length)
{
	return vdev->mig_ops->migration_get_data_size(vdev, length);
}
#else
#define VFIO_MIGRATION_GET_DATA_SIZE(...)

/* An old vfio.ko leaves the feature to the driver. */
static inline bool vfio_migration_has_data_size(void)
{
	return false;
}

static inline int vfio_migration_get_data_size(struct vfio_device *vdev,
					       unsigned long *length)
{
	return -ENOTTY;
}
#endif

/*
 * VFIO_MATCH_TOKEN_UUID(function) is an initializer of struct vfio_device_ops,
 * with its comma.
 */
#ifdef HAVE_VFIO_MATCH_TOKEN_UUID
#define VFIO_MATCH_TOKEN_UUID(_fn) .match_token_uuid = (_fn),

/*
 * Ask the driver if a program that knows @token, or none if it is NULL, may use
 * the device. A driver without the op knows no tokens.
 */
static inline int vfio_match_token_uuid(struct vfio_device *vdev,
					const uuid_t *token)
{
	if (!vdev->ops->match_token_uuid)
		return token ? -EINVAL : 0;
	return vdev->ops->match_token_uuid(vdev, token);
}
#else
#define VFIO_MATCH_TOKEN_UUID(...)

/*
 * Until 6.16 a driver checks the token while it matches the name that the user
 * of a group passes to VFIO_GROUP_GET_DEVICE_FD.
 */
static inline int vfio_match_token_uuid(struct vfio_device *vdev,
					const uuid_t *token)
{
	char *name;
	int rc;

	if (!vdev->ops->match)
		return token ? -EINVAL : 0;
	if (token)
		name = kasprintf(GFP_KERNEL, "%s vf_token=%pUb",
				 dev_name(vdev->dev), token);
	else
		name = kstrdup(dev_name(vdev->dev), GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	rc = vdev->ops->match(vdev, name);
	kfree(name);
	if (rc < 0)
		return rc;
	return rc ? 0 : -ENODEV;
}
#endif

/* VFIO_GET_REGION_INFO_CAPS(function) is the same for that op. */
#ifdef HAVE_VFIO_GET_REGION_INFO_CAPS
#define VFIO_GET_REGION_INFO_CAPS(_fn) .get_region_info_caps = (_fn),

static inline bool vfio_has_region_info_caps(void)
{
	return true;
}

static inline int vfio_get_region_info_caps(struct vfio_device *vdev,
					    struct vfio_region_info *info,
					    struct vfio_info_cap *caps)
{
	if (!vdev->ops->get_region_info_caps)
		return -EINVAL;
	return vdev->ops->get_region_info_caps(vdev, info, caps);
}
#else
#define VFIO_GET_REGION_INFO_CAPS(...)

/* Until 6.18 vfio.ko leaves VFIO_DEVICE_GET_REGION_INFO to the driver's ioctl(). */
static inline bool vfio_has_region_info_caps(void)
{
	return false;
}

static inline int vfio_get_region_info_caps(struct vfio_device *vdev,
					    struct vfio_region_info *info,
					    struct vfio_info_cap *caps)
{
	return -ENOTTY;
}
#endif

#ifdef HAVE_VFIO_PRECOPY_INFO_V2
static inline bool vfio_has_precopy_info_v2(void)
{
	return true;
}

static inline void vfio_set_precopy_info_v2(struct vfio_device *vdev, bool on)
{
	vdev->precopy_info_v2 = on;
}
#else
/* An old vfio.ko does not know the feature. */
static inline bool vfio_has_precopy_info_v2(void)
{
	return false;
}

static inline void vfio_set_precopy_info_v2(struct vfio_device *vdev, bool on)
{
}
#endif

#endif
