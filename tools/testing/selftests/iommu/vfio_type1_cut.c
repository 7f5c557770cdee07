// SPDX-License-Identifier: GPL-2.0
/*
 * Version 1 of VFIO's type1 unmaps parts of mappings: what remains is mapped and
 * pinned as before, whatever the memory consists of and who else has it.
 */
#include <sys/mman.h>

#include "type1.h"

FIXTURE_VARIANT_ADD(type1, no_device) {
	.type = VFIO_TYPE1_IOMMU, .hwpts = 0,
};
FIXTURE_VARIANT_ADD(type1, one_hwpt) {
	.type = VFIO_TYPE1_IOMMU, .hwpts = 1,
};
FIXTURE_VARIANT_ADD(type1, two_hwpts) {
	.type = VFIO_TYPE1_IOMMU, .hwpts = 2,
};

TEST_F(type1, cut_through_several_mappings)
{
	for (int i = 0; i < 4; i++)
		test_map_dma(self->mem + i * 4 * PAGE, 4 * PAGE,
			     IOVA + i * 4 * PAGE);
	test_unmap_dma(IOVA + 3 * PAGE, 10 * PAGE, 10 * PAGE);
	test_pinned_pages(6);
	test_devices_have(IOVA + 2 * PAGE, self->mem + 2 * PAGE);
	test_devices_have(IOVA + 13 * PAGE, self->mem + 13 * PAGE);
	/* The place is free again. */
	test_map_dma(self->mem, 10 * PAGE, IOVA + 3 * PAGE);
	test_unmap_dma(IOVA, 16 * PAGE, 16 * PAGE);
}

TEST_F(type1, cut_page_by_page)
{
	for (int stride = 1; stride < PAGES; stride += 2) {
		test_map_dma(self->mem, PAGES * PAGE, IOVA);
		for (int i = 0; i < PAGES; i++) {
			int page = (i * stride + 5) % PAGES;

			test_unmap_dma(IOVA + page * PAGE, PAGE, PAGE);
			test_pinned_pages(PAGES - 1 - i);
		}
	}
}

TEST_F(type1, cut_within_a_page_is_einval)
{
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_err_unmap_dma(EINVAL, IOVA, PAGE + 1, 0);
	test_err_unmap_dma(EINVAL, IOVA + 1, PAGE - 1, 0);
	test_err_unmap_dma(EINVAL, IOVA + PAGE / 2, PAGE, 0);
	/* Between mappings there is nothing to cut. */
	test_unmap_dma(IOVA + PAGES * PAGE, 5, 0);
	test_unmap_dma(IOVA - 5, PAGES * PAGE + 10, PAGES * PAGE);
}

/* Pages whose frames are not neighbours: many runs, in several chunks. */
TEST_F(type1, cut_scattered_memory)
{
	int npages = 1024, step = 387, fd;
	uint8_t *mem;

	fd = mem_fd("scattered", npages * PAGE, 0);
	ASSERT_GE(fd, 0);
	mem = test_mem(mem_reserve(npages * PAGE));
	for (int i = 0; i < npages; i++) {
		ASSERT_EQ(mem + i * PAGE,
			  mmap(mem + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, fd,
			       i * step % npages * PAGE));
		mem_fill(mem + i * PAGE, 64, i);
	}
	close(fd);
	test_map_dma(mem, npages * PAGE, IOVA);
	test_pinned_pages(npages);
	test_unmap_dma(IOVA + 100 * PAGE, 600 * PAGE, 600 * PAGE);
	test_pinned_pages(npages - 600);
	test_devices_have(IOVA + 99 * PAGE, mem + 99 * PAGE);
	test_devices_have(IOVA + 700 * PAGE, mem + 700 * PAGE);
	test_unmap_dma(IOVA + 800 * PAGE, PAGE, PAGE);
	test_unmap_dma_all((npages - 601) * PAGE);
	test_pinned(0);
}

/* IO pages of a mapping that can be cut are small, whatever the memory is. */
TEST_F(type1, cut_huge_memory)
{
	uint8_t *mem = test_mem(mem_thp(2 * HUGE));
	uint64_t at = HUGE - 16 * PAGE;
	long pages = 2 * HUGE / PAGE;

	test_map_dma(mem, 2 * HUGE, IOVA);
	test_pinned_pages(pages);
	mem_fill(mem + at - PAGE, 64, 1);
	mem_fill(mem + at, 64, 2);
	mem_fill(mem + HUGE + 16 * PAGE, 64, 3);
	test_unmap_dma(IOVA + at, 32 * PAGE, 32 * PAGE);
	test_pinned_pages(pages - 32);
	test_devices_have(IOVA + at - PAGE, mem + at - PAGE);
	test_devices_miss(IOVA + at, mem + at);
	test_devices_have(IOVA + HUGE + 16 * PAGE, mem + HUGE + 16 * PAGE);
	test_unmap_dma_all(2 * HUGE - 32 * PAGE);
}

/* A copy keeps what the original gives up, as one piece. */
TEST_F(type1, cut_leaves_copies_whole)
{
	uint32_t other, hwpt;
	uint64_t iova = 0;

	if (!variant->hwpts)
		SKIP(return, "no device is attached");
	test_ioas_alloc(&other);
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_copy(other, &iova, self->ioas, IOVA, PAGES * PAGE, MAP_RW);
	test_hwpt_alloc(self->edu[0].devid, other, &hwpt);
	test_pinned_pages(PAGES);
	test_unmap_dma(IOVA + 4 * PAGE, 4 * PAGE, 4 * PAGE);
	test_pinned_pages(PAGES);
	test_unmap_dma(IOVA, PAGE, PAGE);
	test_destroy(hwpt);
	test_pinned_pages(PAGES - 5);
	test_unmap_dma_all((PAGES - 5) * PAGE);
	test_pinned(0);
	test_ok(_test_ioas_unmap(self->fd, other, iova, PAGES * PAGE, NULL));
}

/* Cut when nothing is pinned; both halves then go into and out of page tables. */
TEST_F(type1, cut_before_attach)
{
	uint32_t hwpt[3];
	struct edu edu;

	if (!pci_iommu_is_vtd())
		SKIP(return, "not VT-d: QEMU's does not translate behind a port");
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_unmap_dma(IOVA + 4 * PAGE, PAGE, PAGE);
	test_edu_open(&edu, PCI_BEHIND_PORT, 0);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt[0]);
	test_pinned((PAGES - 1) * 4);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt[1]);
	test_unmap_dma(IOVA, PAGE, PAGE);
	test_unmap_dma(IOVA + 6 * PAGE, PAGE, PAGE);
	test_pinned((PAGES - 3) * 4);
	test_destroy(hwpt[0]);
	test_unmap_dma(IOVA + 8 * PAGE, 2 * PAGE, 2 * PAGE);
	test_pinned((PAGES - 5) * 4);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt[2]);
	test_attach(edu.cdev, &hwpt[2]);
	ASSERT_EQ(1, devices_that_have(&edu, 1, IOVA + 5 * PAGE,
				       self->mem + 5 * PAGE));
	ASSERT_EQ(1, devices_that_have(&edu, 1, IOVA + 10 * PAGE,
				       self->mem + 10 * PAGE));
	test_destroy(hwpt[1]);
	test_detach(edu.cdev);
	test_destroy(hwpt[2]);
	test_pinned_pages(PAGES - 5);
	edu_close(&edu);
	test_unmap_dma_all((PAGES - 5) * PAGE);
}

TEST_HARNESS_MAIN
