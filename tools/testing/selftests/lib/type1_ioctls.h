/* SPDX-License-Identifier: GPL-2.0 */
/* The ioctls of a VFIO type1 container on /dev/iommu, one thin function each. */
#ifndef SELFTEST_LIB_TYPE1_IOCTLS_H
#define SELFTEST_LIB_TYPE1_IOCTLS_H

#include <sys/ioctl.h>

#include "harness.h"

#define DMA_RW	(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static inline int _test_vfio_ioas(int fd, uint16_t op, uint32_t *id)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = *id,
		.op = op,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VFIO_IOAS, &cmd);

	*id = cmd.ioas_id;
	return rc;
}

/* What VFIO answers may be a number above 0. */
static inline int type1_ask(int fd, unsigned long cmd, unsigned long arg)
{
	int rc = ioctl(fd, cmd, arg);

	return rc < 0 ? -errno : rc;
}

static inline int _test_set_iommu(int fd, unsigned long type)
{
	return -type1_ask(fd, VFIO_SET_IOMMU, type);
}

static inline int _test_map_dma(int fd, const void *va, uint64_t size,
				uint64_t iova, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = size,
	};
	struct vfio_iommu_type1_dma_map before = map;
	int rc = iommufd_ioctl(fd, VFIO_IOMMU_MAP_DMA, &map);

	return memcmp(&before, &map, sizeof(map)) ? EPROTO : rc;
}

/* *size is what the struct says afterwards. */
static inline int _test_unmap_dma(int fd, uint64_t iova, uint64_t *size,
				  uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = *size,
	};
	int rc = iommufd_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

	*size = unmap.size;
	return rc;
}

#define test_vfio_ioas(_op, _id) test_ok(_test_vfio_ioas(self->fd, _op, _id))
#define test_err_vfio_ioas(_errno, _op, _id)				\
	test_err(_errno, _test_vfio_ioas(self->fd, _op, _id))

#define test_map_dma(_va, _size, _iova)					\
	test_ok(_test_map_dma(self->fd, _va, _size, _iova, DMA_RW))
#define test_err_map_dma(_errno, _va, _size, _iova, _flags)		\
	test_err(_errno, _test_map_dma(self->fd, _va, _size, _iova, _flags))

/* Success, and @_want bytes of mappings are gone. */
#define test_unmap_dma(_iova, _size, _want)				\
	do {								\
		uint64_t __size = (_size);				\
									\
		test_ok(_test_unmap_dma(self->fd, _iova, &__size, 0));	\
		ASSERT_EQ(_want, __size);				\
	} while (0)
#define test_err_unmap_dma(_errno, _iova, _size, _flags)		\
	do {								\
		uint64_t __size = (_size);				\
									\
		test_err(_errno, _test_unmap_dma(self->fd, _iova, &__size, \
						 _flags));		\
		ASSERT_EQ(_size, __size);				\
	} while (0)
#define test_unmap_dma_all(_want)					\
	do {								\
		uint64_t __size = 0;					\
									\
		test_ok(_test_unmap_dma(self->fd, 0, &__size,		\
					VFIO_DMA_UNMAP_FLAG_ALL));	\
		ASSERT_EQ(_want, __size);				\
	} while (0)

#define is_v1(_variant) ((_variant)->type == VFIO_TYPE1_IOMMU)

#endif
