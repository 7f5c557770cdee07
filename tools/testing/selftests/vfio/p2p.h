/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA of one device, self->edu, to the BAR of another one. self->mem is memory
 * through which the data go.
 */
#ifndef SELFTEST_VFIO_P2P_H
#define SELFTEST_VFIO_P2P_H

#include "common.h"

#define RAM	IOVA			/* IOVA of self->mem */
#define BAR	(IOVA + (64UL << 20))	/* IOVA of the BAR */
#define OTHER	(BAR + (64UL << 20))
#define BYTES	200

/* Let the device write a pattern to @_iova. */
#define test_store(_iova, _seed)					\
	do {								\
		mem_fill(self->mem, BYTES, _seed);			\
		ASSERT_TRUE(edu_load(&self->edu, RAM, BYTES));		\
		ASSERT_TRUE(edu_store(&self->edu, _iova, BYTES));	\
	} while (0)

/* Let the device read from @_iova. */
#define test_loads(_iova, _seed)					\
	do {								\
		ASSERT_TRUE(edu_load(&self->edu, _iova, BYTES));	\
		memset(self->mem, 0x55, BYTES);				\
		ASSERT_TRUE(edu_store(&self->edu, RAM, BYTES));		\
		ASSERT_TRUE(mem_is(self->mem, BYTES, _seed));		\
	} while (0)

/* DMA to @_iova arrives at @_at, both ways, and nowhere beside it. */
#define test_reaches(_iova, _at, _seed)					\
	do {								\
		uint8_t *__at = (_at);					\
									\
		memset(__at, 0, BYTES + 1);				\
		test_store(_iova, _seed);				\
		ASSERT_TRUE(mem_is(__at, BYTES, _seed));		\
		ASSERT_EQ(0, __at[BYTES]);				\
		mem_fill(__at, BYTES, (_seed) + 1000);			\
		test_loads(_iova, (_seed) + 1000);			\
	} while (0)

/* DMA to @_iova changes nothing at @_at. */
#define test_does_not_reach(_iova, _at, _seed)				\
	do {								\
		uint8_t *__at = (_at);					\
									\
		memset(__at, 0, BYTES);					\
		test_store(_iova, _seed);				\
		ASSERT_TRUE(mem_is_zero(__at, BYTES));			\
		ASSERT_TRUE(edu_load(&self->edu, _iova, BYTES));	\
	} while (0)

/*
 * VT-d logs that a write to @_iova is refused. The kernel prints only a few such
 * lines in five seconds: hence a second attempt after that time.
 */
#define test_faults(_iova)						\
	do {								\
		bool __fault = !pci_iommu_is_vtd();			\
									\
		for (int __i = 0; __i < 2 && !__fault; __i++) {		\
			int __kmsg = kmsg_open();			\
									\
			ASSERT_GE(__kmsg, 0);				\
			sleep_ms(__i * 5100);				\
			test_store(_iova, 99);				\
			__fault = kmsg_wait_fault(__kmsg, true, _iova,	\
						 300 * slowness());	\
			close(__kmsg);					\
		}							\
		ASSERT_TRUE(__fault);					\
	} while (0)

/* DMA to @_iova arrives at @_at again, some time soon. */
#define test_comes_back(_iova, _at, _seed)				\
	do {								\
		uint64_t __end = now_ms() + LIMIT_MS * slowness();	\
									\
		memset(_at, 0, BYTES);					\
		do {							\
			test_store(_iova, _seed);			\
		} while (!mem_is(_at, BYTES, _seed) && now_ms() < __end); \
		test_reaches(_iova, _at, (_seed) + 1);			\
	} while (0)

static inline int low_power(int cdev, uint32_t feature)
{
	struct vfio_device_feature arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	return ioctl(cdev, VFIO_DEVICE_FEATURE, &arg) ? errno : 0;
}

#endif
