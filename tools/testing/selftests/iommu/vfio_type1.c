// SPDX-License-Identifier: GPL-2.0
/* A VFIO type1 container on /dev/iommu: map, unmap, what it tells of itself. */
#include <sys/mman.h>

#include "type1.h"

#define MSI_WINDOW	0xfee00000UL
#define ECAP_SC		(1UL << 7)	/* VT-d can enforce coherence */

FIXTURE_VARIANT_ADD(type1, v1_no_device) {
	.type = VFIO_TYPE1_IOMMU, .hwpts = 0,
};
FIXTURE_VARIANT_ADD(type1, v1_one_hwpt) {
	.type = VFIO_TYPE1_IOMMU, .hwpts = 1,
};
FIXTURE_VARIANT_ADD(type1, v1_two_hwpts) {
	.type = VFIO_TYPE1_IOMMU, .hwpts = 2,
};
FIXTURE_VARIANT_ADD(type1, v2_no_device) {
	.type = VFIO_TYPE1v2_IOMMU, .hwpts = 0,
};
FIXTURE_VARIANT_ADD(type1, v2_one_hwpt) {
	.type = VFIO_TYPE1v2_IOMMU, .hwpts = 1,
};
FIXTURE_VARIANT_ADD(type1, v2_two_hwpts) {
	.type = VFIO_TYPE1v2_IOMMU, .hwpts = 2,
};

TEST_F(type1, map_and_unmap)
{
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_pinned_pages(PAGES);
	test_devices_have(IOVA + 3 * PAGE, self->mem + 3 * PAGE);
	test_unmap_dma(IOVA, PAGES * PAGE, PAGES * PAGE);
	test_pinned(0);
	test_devices_miss(IOVA + 3 * PAGE, self->mem + 3 * PAGE);
}

/* Both kinds of ioctl see the same mappings. */
TEST_F(type1, is_the_chosen_ioas)
{
	test_map_dma(self->mem, PAGE, IOVA);
	test_err_map_fixed(EEXIST, self->mem, PAGE, IOVA);
	test_unmap(IOVA, PAGE);
	test_map_fixed(self->mem, PAGE, IOVA);
	test_err_map_dma(EEXIST, self->mem, PAGE, IOVA, DMA_RW);
	test_unmap_dma(IOVA, PAGE, PAGE);
}

TEST_F(type1, map_checks_the_call)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map) - 1,
		.flags = DMA_RW,
		.vaddr = (uintptr_t)self->mem,
		.iova = IOVA,
		.size = PAGE,
	};

	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_MAP_DMA, &map));
	test_err_map_dma(EINVAL, self->mem, PAGE, IOVA, 0);
	for (int bit = 2; bit < 32; bit++)
		ASSERT_EQ(EINVAL, _test_map_dma(self->fd, self->mem, PAGE, IOVA,
						DMA_RW | 1U << bit));
	test_err_map_dma(EINVAL, self->mem, 0, IOVA, DMA_RW);
	test_err_map_dma(EOVERFLOW, self->mem, PAGE, UINT64_MAX, DMA_RW);
	test_err_map_dma(EOVERFLOW, self->mem, UINT64_MAX, 0, DMA_RW);
	test_err_map_dma(EOVERFLOW, self->mem, 2 * PAGE, -PAGE, DMA_RW);
	test_err_map_dma(EOVERFLOW, (void *)-PAGE, 2 * PAGE, IOVA, DMA_RW);
	map.argsz = sizeof(map) + 1;
	test_ok(iommufd_ioctl(self->fd, VFIO_IOMMU_MAP_DMA, &map));
	test_unmap_dma_all(PAGE);
}

TEST_F(type1, map_is_at_the_iova_given)
{
	test_map_dma(self->mem, PAGE, 0);
	test_err_map_dma(EEXIST, self->mem + PAGE, PAGE, 0, DMA_RW);
	test_unmap_dma(0, PAGE, PAGE);
	if (variant->hwpts) {
		test_err_map_dma(EINVAL, self->mem, PAGE, MSI_WINDOW, DMA_RW);
		test_err_map_dma(EINVAL, self->mem, 2 * PAGE, MSI_WINDOW - PAGE,
				 DMA_RW);
	} else {
		test_map_dma(self->mem, PAGE, MSI_WINDOW);
	}
}

TEST_F(type1, map_alignment)
{
	bool coarse = variant->hwpts || is_v1(variant);
	int want = coarse ? EINVAL : 0;

	ASSERT_EQ(want, _test_map_dma(self->fd, self->mem, PAGE, IOVA + 1,
				      DMA_RW));
	ASSERT_EQ(want, _test_map_dma(self->fd, self->mem + 1, PAGE,
				      IOVA + 2 * PAGE, DMA_RW));
	ASSERT_EQ(want, _test_map_dma(self->fd, self->mem, 5, IOVA + 4 * PAGE,
				      DMA_RW));
	test_unmap_dma_all(coarse ? 0 : 2 * PAGE + 5);
}

TEST_F(type1, map_obeys_the_direction)
{
	uint8_t *mem = test_mem(mem_reserve(PAGE));

	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	if (variant->hwpts)
		test_err_map_dma(EFAULT, mem, PAGE, IOVA, DMA_RW);
	test_ok(_test_map_dma(self->fd, mem, PAGE, IOVA,
			      VFIO_DMA_MAP_FLAG_READ));
	test_ok(_test_map_dma(self->fd, self->mem, PAGE, IOVA + PAGE,
			      VFIO_DMA_MAP_FLAG_READ));
	test_pinned_pages(2);
	test_devices_miss(IOVA + PAGE, self->mem);
	test_unmap_dma_all(2 * PAGE);
}

TEST_F(type1, failed_map_leaves_nothing)
{
	ASSERT_EQ(0, munmap(self->mem + 15 * PAGE, PAGE));
	if (variant->hwpts) {
		test_err_map_dma(EFAULT, self->mem, 16 * PAGE, IOVA, DMA_RW);
		test_unmap_dma_all(0);
	}
	test_map_dma(self->mem, 15 * PAGE, IOVA);
	test_pinned_pages(15);
}

TEST_F(type1, unmap_checks_the_call)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap) - 1,
		.iova = IOVA,
		.size = PAGE,
	};
	uint64_t size = PAGE;

	test_map_dma(self->mem, PAGE, IOVA);
	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	for (int bit = 0; bit < 32; bit++) {
		uint32_t flag = 1U << bit;

		if (flag == VFIO_DMA_UNMAP_FLAG_ALL)
			continue;
		ASSERT_EQ(EINVAL, _test_unmap_dma(self->fd, IOVA, &size, flag));
		size = 0;
		ASSERT_EQ(EINVAL,
			  _test_unmap_dma(self->fd, 0, &size,
					  flag | VFIO_DMA_UNMAP_FLAG_ALL));
		size = PAGE;
	}
	test_err_unmap_dma(EINVAL, IOVA, 0, 0);
	test_err_unmap_dma(EOVERFLOW, UINT64_MAX, 2, 0);
	test_err_unmap_dma(EOVERFLOW, -PAGE, 2 * PAGE, 0);
	unmap.argsz = sizeof(unmap) + 1;
	test_ok(iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	ASSERT_EQ(PAGE, unmap.size);
}

TEST_F(type1, unmap_all)
{
	test_unmap_dma_all(0);
	test_map_dma(self->mem, 4 * PAGE, IOVA);
	test_map_dma(self->mem, PAGE, IOVA + 8 * PAGE);
	test_map_dma(self->mem, PAGE, 0);
	test_err_unmap_dma(EINVAL, IOVA, 0, VFIO_DMA_UNMAP_FLAG_ALL);
	test_err_unmap_dma(EINVAL, 0, PAGE, VFIO_DMA_UNMAP_FLAG_ALL);
	test_err_unmap_dma(EINVAL, 0, UINT64_MAX, VFIO_DMA_UNMAP_FLAG_ALL);
	test_pinned_pages(6);
	test_unmap_dma_all(6 * PAGE);
	test_pinned(0);
}

TEST_F(type1, unmap_of_nothing_succeeds)
{
	test_unmap_dma(IOVA, PAGE, 0);
	test_map_dma(self->mem, PAGE, IOVA);
	test_unmap_dma(IOVA - PAGE, PAGE, 0);
	test_unmap_dma(IOVA + PAGE, 1UL << 30, 0);
	test_unmap_dma(-PAGE, PAGE, 0);
	test_unmap_dma(0, UINT64_MAX, PAGE);
	test_unmap_dma(IOVA, PAGE, 0);
}

TEST_F(type1, unmap_does_not_count_holes)
{
	test_map_dma(self->mem, PAGE, IOVA);
	test_map_dma(self->mem + PAGE, 2 * PAGE, IOVA + 2 * PAGE);
	test_map_dma(self->mem + 3 * PAGE, PAGE, IOVA + 9 * PAGE);
	test_unmap_dma(IOVA - PAGE, 8 * PAGE, 3 * PAGE);
	test_pinned_pages(1);
	test_unmap_dma(IOVA, 10 * PAGE, PAGE);
}

TEST_F(type1, unmap_writes_nothing_but_the_size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA,
		.size = 4 * PAGE,
	};
	struct vfio_iommu_type1_dma_unmap want = unmap;

	test_map_dma(self->mem, PAGE, IOVA + PAGE);
	test_ok(iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	want.size = PAGE;
	ASSERT_EQ(0, memcmp(&want, &unmap, sizeof(want)));
}

/* Version 1 cuts a mapping, version 2 does not. */
TEST_F(type1, unmap_of_a_part)
{
	uint64_t tail = IOVA + 12 * PAGE;

	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	if (!is_v1(variant)) {
		test_err_unmap_dma(ENOENT, IOVA, 4 * PAGE, 0);
		test_err_unmap_dma(ENOENT, tail, 4 * PAGE, 0);
		test_err_unmap_dma(ENOENT, IOVA + PAGE, PAGE, 0);
		test_err_unmap_dma(ENOENT, tail, 40 * PAGE, 0);
		test_pinned_pages(PAGES);
		test_unmap_dma(IOVA, PAGES * PAGE, PAGES * PAGE);
		return;
	}
	test_unmap_dma(IOVA, 4 * PAGE, 4 * PAGE);
	test_pinned_pages(12);
	test_unmap_dma(tail, 40 * PAGE, 4 * PAGE);
	test_pinned_pages(8);
	test_unmap_dma(IOVA + 6 * PAGE, 2 * PAGE, 2 * PAGE);
	test_pinned_pages(6);
	test_unmap_dma(IOVA + 6 * PAGE, 2 * PAGE, 0);
	test_devices_have(IOVA + 5 * PAGE, self->mem + 5 * PAGE);
	test_devices_miss(IOVA + 6 * PAGE, self->mem + 6 * PAGE);
	test_devices_have(IOVA + 8 * PAGE, self->mem + 8 * PAGE);
	test_unmap_dma_all(6 * PAGE);
	test_pinned(0);
}

TEST_F(type1, unmap_that_fails_leaves_the_size_alone)
{
	uint64_t size = 3 * PAGE;

	test_map_dma(self->mem, PAGE, IOVA);
	test_map_dma(self->mem, 4 * PAGE, IOVA + PAGE);
	if (is_v1(variant)) {
		test_unmap_dma(IOVA, size, size);
		test_pinned_pages(2);
		return;
	}
	ASSERT_EQ(ENOENT, _test_unmap_dma(self->fd, IOVA, &size, 0));
	ASSERT_EQ(3 * PAGE, size);
	/* What is gone is gone. */
	test_pinned_pages(4);
}

TEST_F(type1, set_iommu_of_a_wrong_type)
{
	for (unsigned long type = 0; type < 20; type++) {
		if (type == VFIO_TYPE1_IOMMU || type == VFIO_TYPE1v2_IOMMU)
			continue;
		ASSERT_EQ(EINVAL, _test_set_iommu(self->fd, type));
	}
	test_err(EINVAL, _test_set_iommu(self->fd, -1UL));
	test_ok(_test_set_iommu(self->fd, variant->type));
}

TEST_F(type1, version_1_turns_huge_pages_off)
{
	uint64_t val = 77;

	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET, self->ioas,
		    &val);
	ASSERT_EQ(!is_v1(variant), val);
}

TEST_F(type1, set_iommu_with_a_mapping)
{
	/* Neither asks for a change of what is in force. */
	test_map_dma(self->mem, PAGE, IOVA);
	test_ok(_test_set_iommu(self->fd, variant->type));
	test_ok(_test_set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	if (is_v1(variant))
		return;
	if (variant->hwpts) {
		test_err(EINVAL, _test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
		test_unmap_dma_all(PAGE);
	}
	test_ok(_test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
}

TEST_F(type1, coherency_as_the_hardware_has_it)
{
	struct iommu_hw_info_vtd vtd = { };
	uint32_t len = sizeof(vtd), type, hwpt;
	int want = 1;

	if (variant->hwpts) {
		test_ok(_test_hw_info(self->fd, self->edu[0].devid, &vtd, &len,
				      &type));
		/* AMD's always can. */
		want = type != IOMMU_HW_INFO_TYPE_INTEL_VTD ||
		       vtd.ecap_reg & ECAP_SC;
	}
	ASSERT_EQ(want, type1_ask(self->fd, VFIO_CHECK_EXTENSION,
				  VFIO_DMA_CC_IOMMU));
	if (!variant->hwpts)
		return;
	/* One made while the device is attached elsewhere is no different. */
	test_hwpt_alloc(self->edu[0].devid, self->ioas, &hwpt);
	ASSERT_EQ(want, type1_ask(self->fd, VFIO_CHECK_EXTENSION,
				  VFIO_DMA_CC_IOMMU));
}

/* The answer of GET_INFO, and what lies behind it */
struct info_buffer {
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_dma_avail avail;
	uint32_t pad;
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iova_range ranges[16];
};

static int _test_get_info(int fd, struct info_buffer *buf, uint32_t argsz)
{
	memset(buf, 0xa5, sizeof(*buf));
	buf->info.argsz = argsz;
	return iommufd_ioctl(fd, VFIO_IOMMU_GET_INFO, buf);
}

static bool untouched_from(const struct info_buffer *buf, size_t offset)
{
	const uint8_t *p = (const uint8_t *)buf;

	while (offset < sizeof(*buf))
		if (p[offset++] != 0xa5)
			return false;
	return true;
}

TEST_F(type1, get_info_writes_no_more_than_argsz)
{
	struct info_buffer buf;
	size_t need;

	test_err(EINVAL, _test_get_info(self->fd, &buf, 0));
	test_err(EINVAL, _test_get_info(self->fd, &buf, 15));
	ASSERT_TRUE(untouched_from(&buf, 4));
	test_ok(_test_get_info(self->fd, &buf, 16));
	ASSERT_TRUE(untouched_from(&buf, 16));
	need = buf.info.argsz;
	ASSERT_LT(sizeof(buf.info), need);
	ASSERT_GT(sizeof(buf), need);

	for (uint32_t argsz = 16; argsz < need; argsz++) {
		test_ok(_test_get_info(self->fd, &buf, argsz));
		ASSERT_EQ(need, buf.info.argsz);
		ASSERT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
			  buf.info.flags);
		if (argsz >= 20)
			ASSERT_EQ(0, buf.info.cap_offset);
		ASSERT_TRUE(untouched_from(&buf, argsz)) TH_LOG("%u", argsz);
	}
	for (uint32_t more = 0; more < 40; more++) {
		test_ok(_test_get_info(self->fd, &buf, need + more));
		ASSERT_EQ(need, buf.info.argsz);
		ASSERT_EQ(sizeof(buf.info), buf.info.cap_offset);
		ASSERT_TRUE(untouched_from(&buf, need));
	}
}

TEST_F(type1, get_info_capabilities)
{
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	struct info_buffer buf;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	test_ok(_test_get_info(self->fd, &buf, sizeof(buf)));
	ASSERT_EQ(24, buf.info.cap_offset);
	ASSERT_EQ(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, buf.avail.header.id);
	ASSERT_EQ(1, buf.avail.header.version);
	ASSERT_EQ(40, buf.avail.header.next);
	ASSERT_LT(UINT16_MAX, buf.avail.avail);
	ASSERT_EQ(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, buf.cap.header.id);
	ASSERT_EQ(1, buf.cap.header.version);
	ASSERT_EQ(0, buf.cap.header.next);
	ASSERT_EQ(0, buf.cap.reserved);
	ASSERT_EQ(num, buf.cap.nr_iovas);
	ASSERT_EQ(0, memcmp(ranges, buf.ranges, num * sizeof(*ranges)));
	ASSERT_EQ(56 + num * sizeof(*ranges), buf.info.argsz);
}

TEST_F(type1, get_info_page_sizes)
{
	struct info_buffer buf;

	test_ok(_test_get_info(self->fd, &buf, sizeof(buf.info)));
	/* The smallest is PAGE_SIZE, and 2 MiB is one of QEMU's VT-d. */
	ASSERT_EQ(PAGE, buf.info.iova_pgsizes & -buf.info.iova_pgsizes);
	ASSERT_NE(0, buf.info.iova_pgsizes & HUGE);
}

TEST_HARNESS_MAIN
