/* SPDX-License-Identifier: GPL-2.0 */
/* Two address spaces in which the same IOVA leads to different memory. */
#ifndef SELFTEST_VFIO_TWO_SPACES_H
#define SELFTEST_VFIO_TWO_SPACES_H

#include <sys/mman.h>

#include "common.h"

#define MSI_WINDOW	0xfee00000UL

struct two_spaces {
	int fd;
	uint32_t ioas;
	uint32_t other;
	uint8_t *mem;
	uint8_t *other_mem;
};

#define test_map_other(_va, _iova)					\
	test_ok(_test_map_fixed(self->fd, self->other, _va, PAGE, _iova, \
				MAP_RW))

#define two_spaces_open()						\
	do {								\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_ioas_alloc(&self->ioas);				\
		test_ioas_alloc(&self->other);				\
		self->mem = test_mem(mem_anon(PAGE));			\
		self->other_mem = test_mem(mem_anon(PAGE));		\
		test_map_fixed(self->mem, PAGE, IOVA);			\
		test_map_other(self->other_mem, IOVA);			\
	} while (0)

#define two_spaces_close()						\
	do {								\
		close(self->fd);					\
		EXPECT_EQ(0, proc_status_kb("VmPin:"));			\
	} while (0)

/*
 * A device in self->ioas cannot move to self->other while that has memory which
 * cannot be pinned, or a mapping in the MSI window.
 */
#define test_replace_fails(_edu)					\
	do {								\
		uint8_t *__gone = test_mem(mem_anon(PAGE));		\
		uint32_t __pt = self->other;				\
									\
		ASSERT_EQ(0, munmap(__gone, PAGE));			\
		test_map_other(__gone, IOVA + PAGE);			\
		test_err_attach(EFAULT, (_edu)->cdev, &__pt);		\
		test_ok(_test_ioas_unmap(self->fd, self->other,		\
					 IOVA + PAGE, PAGE, NULL));	\
		test_map_other(self->other_mem, MSI_WINDOW);		\
		__pt = self->other;					\
		test_err_attach(EADDRINUSE, (_edu)->cdev, &__pt);	\
	} while (0)

#endif
