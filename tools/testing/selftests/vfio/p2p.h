/* SPDX-License-Identifier: GPL-2.0 */
/*
 * DMA of one device, self->edu, to the BAR of another one. self->mem is memory
 * through which the data go.
 */
#ifndef SELFTEST_VFIO_P2P_H
#define SELFTEST_VFIO_P2P_H

#include "common.h"
#include "nvme.h"
#include "race.h"
#include "vfio_path.h"

#define RAM	IOVA			/* IOVA of self->mem */
#define BAR	(IOVA + (64UL << 20))	/* IOVA of the BAR */
#define OTHER	(BAR + (64UL << 20))
#define BYTES	200

/* An iommufd with an IOAS, the first edu attached to it, and self->mem at RAM */
#define test_edu_with_ram()						\
	do {								\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_ioas_alloc(&self->ioas);				\
		test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas); \
		self->mem = test_mem(mem_anon(PAGE));			\
		test_map_fixed(self->mem, PAGE, RAM);			\
	} while (0)

/* An nvme at self->fd, which can be reset, and its controller memory buffer */
#define test_nvme_with_cmb(_nvme, _where, _cmb, _size)			\
	do {								\
		struct nvme *__nvme = (_nvme);				\
									\
		test_find(&pci_nvme, _where, 0, &__nvme->pci);		\
		test_ok(nvme_open(__nvme, self->fd));			\
		*(_cmb) = vfio_bar_mmap(__nvme->cdev,			\
					VFIO_PCI_BAR2_REGION_INDEX, _size); \
		if (!*(_cmb))						\
			SKIP(_exit(KSFT_SKIP),				\
			     "the nvme has no controller memory buffer"); \
	} while (0)

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
	return _test_vfio_feature(cdev, FEATURE_SET(feature), NULL, 0);
}

/* What the threads of a race share */
struct churn {
	int fd;
	uint32_t ioas;
	int edu;		/* cdev of the device that does DMA */
	int cdev;		/* of the device with the BAR */
	size_t size;
	uint8_t *bar;
	uint64_t offset;	/* of the BAR in the file */
	int buf;		/* the BAR as a dma-buf */
};

static inline int churn_decode(struct race_thread *thread)
{
	struct churn *churn = thread->shared;
	int rc = vfio_enable_memory(churn->cdev, false);

	return rc ?: vfio_enable_memory(churn->cdev, true);
}

static inline int churn_reset(struct race_thread *thread)
{
	struct churn *churn = thread->shared;

	return _test_vfio_reset(churn->cdev);
}

static inline int churn_attach(struct race_thread *thread)
{
	struct churn *churn = thread->shared;
	uint32_t pt = churn->ioas;
	int rc = _test_vfio_detach(churn->edu);

	return rc ?: _test_vfio_attach(churn->edu, &pt);
}

#endif
