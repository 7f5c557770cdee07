/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of what concerns a VFIO type1 container on /dev/iommu: an IOAS
 * that is chosen, without a page table or with one or two, and some memory. Who
 * uses the fixture adds the variants.
 */
#ifndef SELFTEST_IOMMU_TYPE1_H
#define SELFTEST_IOMMU_TYPE1_H

#include "type1_ioctls.h"

#define IOVA		0x10000000UL
#define PAGES		16

FIXTURE(type1) {
	int fd;
	uint32_t ioas;
	struct edu edu[2];
	uint8_t *mem;
	long page_kb;		/* VmPin of a mapped page */
};

FIXTURE_VARIANT(type1) {
	unsigned long type;
	unsigned int hwpts;
};

FIXTURE_SETUP(type1)
{
	self->edu[0].cdev = -1;
	self->edu[1].cdev = -1;
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0) TH_LOG("/dev/iommu: %s", strerror(errno));
	test_ioas_alloc(&self->ioas);
	test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &self->ioas);
	if (variant->hwpts > 0)
		test_edu_attach(&self->edu[0], PCI_ON_ROOT_BUS, 0, self->ioas);
	if (variant->hwpts > 1) {
		uint32_t hwpt;

		test_edu_open(&self->edu[1], PCI_ON_ROOT_BUS, 1);
		test_hwpt_alloc(self->edu[1].devid, self->ioas, &hwpt);
		test_attach(self->edu[1].cdev, &hwpt);
	}
	test_ok(_test_set_iommu(self->fd, variant->type));
	self->mem = test_mem(mem_anon(PAGES * PAGE));
	for (int i = 0; i < PAGES; i++)
		mem_fill(self->mem + i * PAGE, PAGE, i);
	self->page_kb = variant->hwpts ? PAGE / 1024 : 0;
}

FIXTURE_TEARDOWN(type1)
{
	close(self->fd);
	edu_close(&self->edu[0]);
	edu_close(&self->edu[1]);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

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
 * All devices reach @_page at @_iova, or none does. They take their time, and
 * two need no more of it than one: with one alone it is left to the mock to see
 * every IO page.
 */
#define test_devices_have(_iova, _page)					\
	do {								\
		if (variant->hwpts > 1)					\
			ASSERT_EQ(variant->hwpts,			\
				  devices_that_have(self->edu,		\
						    variant->hwpts,	\
						    _iova, _page));	\
	} while (0)
#define test_devices_miss(_iova, _page)					\
	do {								\
		if (variant->hwpts > 1)					\
			ASSERT_EQ(0, devices_that_have(self->edu,	\
						       variant->hwpts,	\
						       _iova, _page));	\
	} while (0)

#define test_pinned_pages(_pages) test_pinned((_pages) * self->page_kb)

#endif
