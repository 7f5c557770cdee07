// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: VFIO type1 emulation
 *
 * A program that uses a VFIO container with type1 can use /dev/iommu in its
 * place: a context has the ioctls of the container too. Their structs have no
 * member for the id of an IOAS. They work on the chosen IOAS, which
 * IOMMU_VFIO_IOAS or a driver sets. The choice is not a reference: destroying
 * the IOAS clears it.
 *
 * Version 1 of type1 can unmap a part of a mapping. Only mappings with small IO
 * pages can be split, so VFIO_SET_IOMMU of version 1 disables large ones. An
 * IOAS behaves as version 1 as long as they are disabled.
 */
#include <linux/build_bug.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>
#include <uapi/linux/vfio.h>

#include "context.h"
#include "ioas.h"
#include "ioctl.h"
#include "trace.h"

/* The chosen IOAS for iommufd_put_ioas(), or -ENODEV. */
static struct iommufd_ioas *type1_get_ioas(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas;

	xa_lock(&ictx->objects);
	ioas = ictx->vfio_ioas;
	if (!ioas || ioas->obj.dead)
		ioas = ERR_PTR(-ENODEV);
	else
		atomic_inc(&ioas->obj.inflight);
	xa_unlock(&ictx->objects);
	return ioas;
}

static void type1_set_ioas(struct iommufd_ctx *ictx, struct iommufd_ioas *ioas)
{
	xa_lock(&ictx->objects);
	ictx->vfio_ioas = ioas;
	xa_unlock(&ictx->objects);
}

/**
 * iommufd_vfio_compat_ioas_get_id() - which IOAS the type1 emulation works on
 * @ictx: context
 * @out_ioas_id: id of the IOAS; user space may destroy it at any time
 *
 * Return: 0, -ENODEV if none is chosen.
 */
int iommufd_vfio_compat_ioas_get_id(struct iommufd_ctx *ictx, u32 *out_ioas_id)
{
	struct iommufd_ioas *ioas = type1_get_ioas(ictx);

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	*out_ioas_id = ioas->obj.id;
	iommufd_put_ioas(ioas);
	return 0;
}
EXPORT_SYMBOL_GPL(iommufd_vfio_compat_ioas_get_id);

/**
 * iommufd_vfio_compat_ioas_create() - make an IOAS and choose it
 * @ictx: context
 *
 * Does nothing if user space or an earlier call has chosen an IOAS. The new
 * IOAS belongs to user space.
 *
 * Context: process context; may sleep.
 * Return: 0, -ENOMEM.
 */
int iommufd_vfio_compat_ioas_create(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas, *chosen;

	ioas = iommufd_ioas_create(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);

	/*
	 * Choose before publishing: user space cannot destroy an IOAS that is
	 * not published, and the IOAS is complete.
	 */
	xa_lock(&ictx->objects);
	chosen = ictx->vfio_ioas;
	if (chosen && chosen->obj.dead)
		chosen = NULL;
	if (!chosen)
		ictx->vfio_ioas = ioas;
	xa_unlock(&ictx->objects);

	if (chosen)
		iommufd_ioas_abort(ioas);
	else
		iommufd_object_publish(ictx, &ioas->obj);
	return 0;
}
EXPORT_SYMBOL_GPL(iommufd_vfio_compat_ioas_create);

/* IOMMU_VFIO_IOAS */
int iommufd_vfio_ioas_ioctl(struct iommufd_ucmd *ucmd)
{
	struct iommu_vfio_ioas *cmd = ucmd->cmd;
	struct iommufd_ioas *ioas;
	int rc;

	if (cmd->__reserved)
		return -EOPNOTSUPP;

	switch (cmd->op) {
	case IOMMU_VFIO_IOAS_GET:
		rc = iommufd_vfio_compat_ioas_get_id(ucmd->ictx,
						     &cmd->ioas_id);
		if (rc)
			return rc;
		return iommufd_ucmd_respond(ucmd, sizeof(*cmd));
	case IOMMU_VFIO_IOAS_SET:
		ioas = iommufd_get_ioas(ucmd->ictx, cmd->ioas_id);
		if (IS_ERR(ioas))
			return PTR_ERR(ioas);
		type1_set_ioas(ucmd->ictx, ioas);
		iommufd_put_ioas(ioas);
		return 0;
	case IOMMU_VFIO_IOAS_CLEAR:
		type1_set_ioas(ucmd->ictx, NULL);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* Is DMA coherent in all HWPTs, even if a device asks for no snooping? */
static int type1_enforces_coherency(struct iommufd_ctx *ictx)
{
	struct iommufd_ioas *ioas = type1_get_ioas(ictx);
	int enforced;

	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	enforced = !atomic_read(&ioas->nr_incoherent);
	iommufd_put_ioas(ioas);
	return enforced;
}

static int type1_check_extension(struct iommufd_ctx *ictx,
				 unsigned long extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return 1;
	case VFIO_DMA_CC_IOMMU:
		return type1_enforces_coherency(ictx);
	default:
		return 0;
	}
}

static int type1_set_iommu(struct iommufd_ctx *ictx, unsigned long type)
{
	struct iommufd_ioas *ioas;
	int rc = 0;

	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
		return -EINVAL;

	ioas = type1_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	if (type == VFIO_TYPE1_IOMMU)
		rc = iova_space_set_huge_pages(&ioas->space, false);
	iommufd_put_ioas(ioas);
	return rc;
}

/*
 * The capabilities as they follow struct vfio_iommu_type1_info, each on a
 * multiple of 8 bytes.
 */
struct type1_caps {
	struct vfio_iommu_type1_info_dma_avail avail;
	u32 pad;
	struct vfio_iommu_type1_info_cap_iova_range iova;
};

#define CAPS_OFFSET	sizeof(struct vfio_iommu_type1_info)
#define IOVAS_OFFSET	(CAPS_OFFSET + sizeof(struct type1_caps))

static_assert(CAPS_OFFSET % 8 == 0);
static_assert(offsetof(struct type1_caps, iova) % 8 == 0);
static_assert(sizeof(struct vfio_iova_range) ==
	      sizeof(struct iommu_iova_range));

/*
 * Write the capabilities if they fit, and set @info->argsz to what they need.
 */
static int type1_write_caps(const struct iova_free_ranges *free,
			    void __user *arg,
			    struct vfio_iommu_type1_info *info)
{
	struct type1_caps caps = {
		.avail = {
			.header = {
				.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
				.version = 1,
				.next = CAPS_OFFSET +
					offsetof(struct type1_caps, iova),
			},
			/* RLIMIT_MEMLOCK is the only limit there is. */
			.avail = U32_MAX,
		},
		.iova = {
			.header = {
				.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
				.version = 1,
			},
			.nr_iovas = free->nr,
		},
	};
	size_t bytes = free->nr * sizeof(*free->ranges);
	u32 size = info->argsz;

	info->argsz = IOVAS_OFFSET + bytes;
	if (info->argsz > size)
		return 0;
	info->cap_offset = CAPS_OFFSET;
	if (copy_to_user(arg + CAPS_OFFSET, &caps, sizeof(caps)) ||
	    copy_to_user(arg + IOVAS_OFFSET, free->ranges, bytes))
		return -EFAULT;
	return 0;
}

static int type1_get_info(struct iommufd_ctx *ictx, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	struct vfio_iommu_type1_info info;
	struct iova_free_ranges free;
	struct iommufd_ioas *ioas;
	size_t size;
	int rc;

	/* The padding is copied to user space too. */
	memset(&info, 0, sizeof(info));
	if (get_user(info.argsz, (u32 __user *)arg))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	size = min_t(size_t, info.argsz, sizeof(info));

	ioas = type1_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = iova_space_page_sizes(&ioas->space);
	rc = iova_space_free_ranges(&ioas->space, &free);
	iommufd_put_ioas(ioas);
	if (rc)
		return rc;

	rc = type1_write_caps(&free, arg, &info);
	kvfree(free.ranges);
	if (rc)
		return rc;
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

static int type1_map(struct iommufd_ioas *ioas,
		     const struct vfio_iommu_type1_dma_map *map,
		     struct iommufd_call *call)
{
	unsigned long iova = map->iova;
	struct iova_area *area;
	int prot = 0, rc;
	u64 last;

	if (map->flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= IOMMU_READ;
	if (map->flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= IOMMU_WRITE;
	if (!prot)
		return -EINVAL;
	rc = iommufd_check_map(map->vaddr, map->size);
	if (!rc)
		rc = iommufd_check_range(map->iova, map->size, &last);
	if (rc)
		return rc;

	rc = iommufd_ioas_map_memory(ioas, map->vaddr, map->size, prot,
				     IOVA_MAP_FIXED, &iova, &area);
	if (!rc)
		iommufd_ioas_map_commit(ioas, area, iova, call);
	return rc;
}

static int type1_map_dma(struct iommufd_ctx *ictx, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_map, size);
	struct vfio_iommu_type1_dma_map map;
	struct iommufd_call call __uninitialized;
	struct iommufd_ioas *ioas;
	int rc;

	if (copy_from_user(&map, arg, minsz))
		return -EFAULT;
	if (map.argsz < minsz ||
	    map.flags & ~(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE))
		return -EINVAL;

	ioas = type1_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	iommufd_call_begin(&call, &ictx->stats, IOMMUFD_CALL_MAP, map.size,
			   trace_map_enabled());
	rc = type1_map(ioas, &map, &call);
	iommufd_ioas_map_end(ioas, &call, map.iova, map.size, rc);
	if (unlikely(rc))
		iommufd_count(failures, 1);
	iommufd_put_ioas(ioas);
	return rc;
}

/* Version 1: split mappings that lie across an end of the range. */
static int type1_split_ends(struct iova_space *space, unsigned long start,
			    unsigned long last)
{
	int rc = iova_space_split(space, start);

	if (!rc && last != ULONG_MAX)
		rc = iova_space_split(space, last + 1);
	return rc;
}

static int type1_unmap(struct iova_space *space, unsigned long start,
		       unsigned long length, unsigned long *unmapped)
{
	u64 last;
	int rc;

	rc = iommufd_check_range(start, length, &last);
	if (!rc && !iova_space_huge_pages(space))
		rc = type1_split_ends(space, start, last);
	if (rc)
		return rc;
	return iova_space_unmap_any(space, start, last, unmapped);
}

static int type1_unmap_dma(struct iommufd_ctx *ictx, void __user *arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_type1_dma_unmap, size);
	struct vfio_iommu_type1_dma_unmap __user *user = arg;
	struct vfio_iommu_type1_dma_unmap unmap;
	unsigned long unmapped = 0;
	struct iommufd_call call __uninitialized;
	struct iommufd_ioas *ioas;
	int rc;

	if (copy_from_user(&unmap, arg, minsz))
		return -EFAULT;
	if (unmap.argsz < minsz || unmap.flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;

	ioas = type1_get_ioas(ictx);
	if (IS_ERR(ioas))
		return PTR_ERR(ioas);
	iommufd_ioas_unmap_begin(ioas, &call, unmap.flags ? U64_MAX :
							    unmap.size);
	if (!unmap.flags)
		rc = type1_unmap(&ioas->space, unmap.iova, unmap.size,
				 &unmapped);
	else if (unmap.iova || unmap.size)
		rc = -EINVAL;
	else
		rc = iova_space_unmap_all(&ioas->space, &unmapped);
	iommufd_ioas_unmap_end(ioas, &call, unmap.iova,
			       unmap.flags ? U64_MAX : unmap.size, unmapped,
			       rc);
	iommufd_put_ioas(ioas);
	if (rc)
		return rc;
	return put_user(unmapped, &user->size) ? -EFAULT : 0;
}

/**
 * iommufd_vfio_ioctl() - the ioctls of VFIO's type1 container
 * @ictx: context
 * @cmd: ioctl number that is not one of iommufd
 * @arg: argument
 *
 * Return: as the container of VFIO, -ENODEV if no IOAS is chosen, -ENOTTY for
 * an unknown ioctl and for dirty tracking.
 */
int iommufd_vfio_ioctl(struct iommufd_ctx *ictx, unsigned int cmd,
		       unsigned long arg)
{
	switch (cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return type1_check_extension(ictx, arg);
	case VFIO_SET_IOMMU:
		return type1_set_iommu(ictx, arg);
	case VFIO_IOMMU_GET_INFO:
		return type1_get_info(ictx, (void __user *)arg);
	case VFIO_IOMMU_MAP_DMA:
		return type1_map_dma(ictx, (void __user *)arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return type1_unmap_dma(ictx, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}
