/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One function for each ioctl of a vIOMMU, and for the HWPTs below and above it.
 * Each returns 0 or the errno, as in ioctls.h.
 */
#ifndef SELFTEST_LIB_VIOMMU_IOCTLS_H
#define SELFTEST_LIB_VIOMMU_IOCTLS_H

#include "ioctls.h"
#include "mock.h"

#define VIOMMU_MOCK	IOMMU_VIOMMU_TYPE_SELFTEST

static inline int _parent_alloc(int fd, uint32_t dev, uint32_t ioas,
				uint32_t *hwpt)
{
	return _test_hwpt_alloc_data(fd, dev, ioas,
				     IOMMU_HWPT_ALLOC_NEST_PARENT,
				     IOMMU_HWPT_DATA_NONE, NULL, 0, hwpt);
}

static inline int _nested_alloc(int fd, uint32_t dev, uint32_t pt,
				uint32_t *hwpt)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };

	return _test_hwpt_alloc_data(fd, dev, pt, 0, IOMMU_HWPT_DATA_SELFTEST,
				     &data, sizeof(data), hwpt);
}

static inline int _viommu_alloc(int fd, uint32_t dev, uint32_t hwpt,
				uint32_t type, void *data, uint32_t len,
				uint32_t *viommu)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = type,
		.dev_id = dev,
		.hwpt_id = hwpt,
		.data_len = len,
		.data_uptr = (uintptr_t)data,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VIOMMU_ALLOC, &cmd);

	if (!rc)
		*viommu = cmd.out_viommu_id;
	return rc;
}

static inline int _vdevice_alloc(int fd, uint32_t viommu, uint32_t dev,
				 uint64_t virt_id, uint32_t *vdevice)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.dev_id = dev,
		.virt_id = virt_id,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VDEVICE_ALLOC, &cmd);

	if (!rc)
		*vdevice = cmd.out_vdevice_id;
	return rc;
}

static inline int _veventq_alloc(int fd, uint32_t viommu, uint32_t type,
				 uint32_t depth, uint32_t *id, int *file)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.veventq_depth = depth,
	};
	int rc = iommufd_ioctl(fd, IOMMU_VEVENTQ_ALLOC, &cmd);

	if (!rc) {
		*id = cmd.out_veventq_id;
		*file = cmd.out_veventq_fd;
	}
	return rc;
}

static inline int _hw_queue_alloc(int fd, uint32_t viommu, uint32_t type,
				  uint32_t index, uint64_t iova,
				  uint64_t length, uint32_t *queue)
{
	struct iommu_hw_queue_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu,
		.type = type,
		.index = index,
		.nesting_parent_iova = iova,
		.length = length,
	};
	int rc = iommufd_ioctl(fd, IOMMU_HW_QUEUE_ALLOC, &cmd);

	if (!rc)
		*queue = cmd.out_hw_queue_id;
	return rc;
}

static inline int _check_cache(int fd, uint32_t dev, uint32_t id,
			       uint32_t cache)
{
	struct iommu_test_cmd cmd = {
		.check_dev_cache = { .id = id, .cache = cache },
	};

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_DEV_CHECK_CACHE, dev);
}

static inline int _trigger_vevent(int fd, uint32_t dev)
{
	struct iommu_test_cmd cmd = { .trigger_vevent.dev_id = dev };

	return mock_cmd(fd, &cmd, IOMMU_TEST_OP_TRIGGER_VEVENT, 0);
}

#endif
