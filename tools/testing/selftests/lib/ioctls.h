/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One function for each ioctl of /dev/iommu. Each returns 0 or the errno, so
 * that a test can compare it with what it expects.
 */
#ifndef SELFTEST_LIB_IOCTLS_H
#define SELFTEST_LIB_IOCTLS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/iommufd.h>

#define MAP_FIXED_IOVA	IOMMU_IOAS_MAP_FIXED_IOVA
#define MAP_WRITE	IOMMU_IOAS_MAP_WRITEABLE
#define MAP_READ	IOMMU_IOAS_MAP_READABLE
#define MAP_RW		(MAP_READ | MAP_WRITE)

/* Length of all IOVAs, which an IOAS with nothing attached returns */
#define IOVA_EVERYTHING	UINT64_MAX

int iommufd_open(void);
int iommufd_ioctl(int fd, unsigned long cmd, void *arg);

int _test_destroy(int fd, uint32_t id);
int _test_ioas_alloc(int fd, uint32_t *id);
int _test_ioas_map(int fd, uint32_t ioas, const void *va, uint64_t length,
		   uint64_t *iova, uint32_t flags);
int _test_ioas_map_file(int fd, uint32_t ioas, int file, uint64_t start,
			uint64_t length, uint64_t *iova, uint32_t flags);
int _test_ioas_unmap(int fd, uint32_t ioas, uint64_t iova, uint64_t length,
		     uint64_t *unmapped);
int _test_ioas_copy(int fd, uint32_t dst, uint64_t *dst_iova, uint32_t src,
		    uint64_t src_iova, uint64_t length, uint32_t flags);
int _test_change_process(int fd);
int _test_iova_ranges(int fd, uint32_t ioas, struct iommu_iova_range *ranges,
		      uint32_t *num, uint64_t *alignment);
int _test_allow_iovas(int fd, uint32_t ioas,
		      const struct iommu_iova_range *ranges, uint32_t num);
int _test_option(int fd, uint32_t option, uint16_t op, uint32_t object,
		 uint64_t *val);
int _test_hwpt_alloc(int fd, uint32_t dev, uint32_t pt, uint32_t *hwpt);
int _test_hwpt_alloc_data(int fd, uint32_t dev, uint32_t pt, uint32_t flags,
			  uint32_t type, const void *data, uint32_t len,
			  uint32_t *hwpt);
int _test_hwpt_invalidate(int fd, uint32_t hwpt, uint32_t type,
			  const void *entries, uint32_t len, uint32_t *num);
int _test_set_dirty(int fd, uint32_t hwpt, uint32_t flags);
int _test_get_dirty(int fd, uint32_t hwpt, uint64_t iova, uint64_t length,
		    uint64_t page_size, void *bitmap, uint32_t flags);
int _test_fault_alloc(int fd, uint32_t *id, int *file);
/* HWPT_ALLOC with the fault queue @fault */
int _test_hwpt_fault(int fd, uint32_t dev, uint32_t pt, uint32_t flags,
		     uint32_t fault, uint32_t *hwpt);
/* *@length is also in the answer. */
int _test_get_pa(int fd, uint32_t ioas, uint64_t iova, uint64_t *length,
		 uint64_t *phys);
int _test_hw_info(int fd, uint32_t dev, void *data, uint32_t *len,
		  uint32_t *type);

/* The id of the next object; found by creating an IOAS and destroying it. */
uint32_t iommufd_next_id(int fd);

/* State that a failed call must not change */
struct traces {
	long pinned_kb;
	long locked_kb;
	uint32_t next_id;
};

void traces_take(int fd, struct traces *traces);

#endif
