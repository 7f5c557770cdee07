/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A mock device with a HWPT that can be a nesting parent, and one function for
 * each ioctl of a vIOMMU. Each returns 0 or the errno, as in ioctls.h.
 */
#ifndef SELFTEST_IOMMU_VIOMMU_H
#define SELFTEST_IOMMU_VIOMMU_H

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "mock_space.h"

#define VIOMMU_MOCK	IOMMU_VIOMMU_TYPE_SELFTEST
#define UNKNOWN_ID	0x7000

struct vmock {
	int fd;
	uint32_t ioas;
	struct mock_dev dev;
	uint32_t parent;
	uint32_t viommu;
};

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

/*
 * Send the struct that @_fill prepares, whose first version has @_min bytes, in
 * all sizes. @_fill must give one that succeeds each time.
 */
#define test_sizes(_nr, _type, _min, _fill)				\
	do {								\
		struct {						\
			struct _type cmd;				\
			uint8_t tail[8];				\
		} __c;							\
		const uint32_t __size = sizeof(__c.cmd);		\
									\
		for (int __i = 0; __i < 2; __i++) {			\
			memset(&__c, 0, sizeof(__c));			\
			_fill(&__c.cmd);				\
			__c.cmd.size = __size + 8 * __i;		\
			test_ok(iommufd_ioctl(self->fd, _nr, &__c));	\
		}							\
		memset(&__c, 0, sizeof(__c));				\
		_fill(&__c.cmd);					\
		__c.cmd.size = (_min);					\
		test_ok(iommufd_ioctl(self->fd, _nr, &__c));		\
		memset(&__c, 0, sizeof(__c));				\
		_fill(&__c.cmd);					\
		__c.cmd.size = (_min) - 1;				\
		test_err(EINVAL, iommufd_ioctl(self->fd, _nr, &__c));	\
		__c.cmd.size = 0;					\
		test_err(EINVAL, iommufd_ioctl(self->fd, _nr, &__c));	\
		__c.cmd.size = __size + 8;				\
		__c.tail[7] = 1;					\
		test_err(E2BIG, iommufd_ioctl(self->fd, _nr, &__c));	\
	} while (0)

/* The answer cannot be written: EFAULT, and nothing is left behind. */
#define test_read_only(_nr, _type, _fill)				\
	do {								\
		struct _type *__cmd = test_mem(mem_anon(PAGE));		\
									\
		_fill(__cmd);						\
		__cmd->size = sizeof(*__cmd);				\
		ASSERT_EQ(0, mprotect(__cmd, PAGE, PROT_READ));		\
		test_err(EFAULT, iommufd_ioctl(self->fd, _nr, __cmd));	\
	} while (0)

#define vmock_open()							\
	do {								\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_ioas_alloc(&self->ioas);				\
		test_mock_attach(self->ioas, &self->dev);		\
		test_ok(_parent_alloc(self->fd, self->dev.idev,		\
				      self->ioas, &self->parent));	\
		test_ok(_viommu_alloc(self->fd, self->dev.idev,		\
				      self->parent, VIOMMU_MOCK, NULL, 0, \
				      &self->viommu));			\
	} while (0)

#define vmock_close()							\
	do {								\
		close(self->fd);					\
		EXPECT_EQ(0, proc_status_kb("VmPin:"));			\
	} while (0)

#endif
