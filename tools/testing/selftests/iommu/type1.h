/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of what concerns a VFIO type1 container on /dev/iommu: an IOAS
 * that is chosen, without a page table or with one or two, and some memory. The
 * program that uses the fixture adds the variants.
 */
#ifndef SELFTEST_IOMMU_TYPE1_H
#define SELFTEST_IOMMU_TYPE1_H

#include "mock_space.h"
#include "type1_ioctls.h"

#define IOVA		0x10000000UL
#define PAGES		16
#define MORE_PAGES	24

struct type1 {
	struct mock;
	struct edu edu[2];
	uint8_t *mem;		/* MORE_PAGES; no two start the same */
};

struct type1_variant {
	unsigned long type;
	unsigned int domains;	/* each with an edu device, or with a mock */
	bool mock;
	unsigned int limit;	/* of the memory of a batch, with mocks */
};

#define type1_open_edus(_domains)					\
	do {								\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0)					\
			TH_LOG("/dev/iommu: %s", strerror(errno));	\
		test_ioas_alloc(&self->ioas);				\
		if ((_domains) > 0)					\
			test_edu_attach(&self->edu[0], PCI_ON_ROOT_BUS,	\
					0, self->ioas);			\
		if ((_domains) > 1) {					\
			uint32_t __hwpt;				\
									\
			test_edu_open(&self->edu[1], PCI_ON_ROOT_BUS, 1); \
			test_hwpt_alloc(self->edu[1].devid, self->ioas,	\
					&__hwpt);			\
			test_attach(self->edu[1].cdev, &__hwpt);	\
		}							\
	} while (0)

#define type1_open()							\
	do {								\
		self->edu[0].cdev = -1;					\
		self->edu[1].cdev = -1;					\
		if (variant->mock)					\
			mock_open(variant->domains, variant->limit);	\
		else							\
			type1_open_edus(variant->domains);		\
		test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &self->ioas);	\
		test_ok(_test_set_iommu(self->fd, variant->type));	\
		self->mem = test_mem(variant->mock ?			\
				     mem_scattered(MORE_PAGES) :	\
				     mem_anon(MORE_PAGES * PAGE));	\
		for (int __i = 0; __i < MORE_PAGES; __i++)		\
			mem_fill(self->mem + __i * PAGE, PAGE, __i);	\
	} while (0)

#define type1_close()							\
	do {								\
		if (variant->mock) {					\
			mock_close();					\
		} else {						\
			close(self->fd);				\
			edu_close(&self->edu[0]);			\
			edu_close(&self->edu[1]);			\
			EXPECT_EQ(0, proc_status_kb("VmPin:"));		\
			mock_param("max_users", 0);			\
		}							\
	} while (0)

FIXTURE(type1) { struct type1; };

FIXTURE_VARIANT(type1) { struct type1_variant; };

FIXTURE_SETUP(type1)
{
	type1_open();
}

FIXTURE_TEARDOWN(type1)
{
	type1_close();
}

/* The object of an attached device */
#define DEVICE(_nth)							\
	(variant->mock ? self->dev[_nth].idev : self->edu[_nth].devid)

/* Let all devices do the same with 64 bytes, device i at @iova + i * @step. */
static inline void devices_dma(const struct edu *edu, unsigned int n,
			       uint64_t iova, unsigned int step,
			       unsigned int cmd)
{
	for (unsigned int i = 0; i < n; i++)
		edu_dma_start(&edu[i], iova + i * step, 0, 64, cmd);
	for (unsigned int i = 0; i < n; i++)
		edu_dma_wait(&edu[i]);
}

/* How many devices read and write @page at @iova; no two pages are the same. */
static inline unsigned int devices_that_have(const struct edu *edu,
					     unsigned int n, uint64_t iova,
					     uint8_t *page)
{
	unsigned int has = 0;

	memset(page + 2048, 0, n * 64);
	devices_dma(edu, n, iova, 0, 0);
	devices_dma(edu, n, iova + 2048, 64, EDU_DMA_TO_RAM);
	for (unsigned int i = 0; i < n; i++)
		has += !memcmp(page, page + 2048 + i * 64, 64);
	return has;
}

/*
 * All devices reach @_page at @_iova, or none does. With the mock every IO page
 * is checked. DMA of edu takes 100 ms, so it is checked only with two devices,
 * which work at the same time.
 */
#define test_devices_have(_iova, _page)					\
	do {								\
		if (variant->mock) {					\
			test_maps(_iova, PAGE, _page);			\
		} else if (variant->domains > 1) {			\
			ASSERT_EQ(variant->domains,			\
				  devices_that_have(self->edu,		\
						    variant->domains,	\
						    _iova, _page));	\
		}							\
	} while (0)
#define test_devices_miss(_iova, _page)					\
	do {								\
		if (variant->mock) {					\
			test_maps_not(_iova, _page);			\
		} else if (variant->domains > 1) {			\
			ASSERT_EQ(0, devices_that_have(self->edu,	\
						       variant->domains, \
						       _iova, _page));	\
		}							\
	} while (0)

#define test_pinned_pages(_pages) test_mapped_pinned((_pages) * PAGE)

#endif
