/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of what a device reads: an edu device that is attached, and a
 * page mapped at SCRATCH, into which it writes what it has read.
 */
#ifndef SELFTEST_IOMMU_DMA_READ_H
#define SELFTEST_IOMMU_DMA_READ_H

#include "harness.h"

#define IOVA		0x10000000UL
#define SCRATCH		0x20000000UL
#define COUNT		256

struct dma_read {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *scratch;
};

#define dma_read_open()							\
	do {								\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_ioas_alloc(&self->ioas);				\
		test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas); \
		self->scratch = test_mem(mem_anon(PAGE));		\
		test_map_fixed(self->scratch, PAGE, SCRATCH);		\
	} while (0)

#define dma_read_close()						\
	do {								\
		close(self->fd);					\
		edu_close(&self->edu);					\
		EXPECT_EQ(0, proc_status_kb("VmPin:"));			\
	} while (0)

/* The device reads at @_iova: it must find the pattern of @_seed there. */
#define test_device_reads(_iova, _seed)					\
	do {								\
		memset(self->scratch, 0, PAGE);				\
		ASSERT_TRUE(edu_load(&self->edu, _iova, COUNT));	\
		ASSERT_TRUE(edu_store(&self->edu, SCRATCH, COUNT));	\
		ASSERT_TRUE(mem_is(self->scratch, COUNT, _seed));	\
	} while (0)

#endif
