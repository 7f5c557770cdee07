/* SPDX-License-Identifier: GPL-2.0 */
/* A mock device with a HWPT that can be a nesting parent, and a vIOMMU on that */
#ifndef SELFTEST_IOMMU_VIOMMU_H
#define SELFTEST_IOMMU_VIOMMU_H

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "mock_space.h"
#include "viommu_ioctls.h"

#define UNKNOWN_ID	0x7000

struct vmock {
	int fd;
	uint32_t ioas;
	struct mock_dev dev;
	uint32_t parent;
	uint32_t viommu;
};

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
