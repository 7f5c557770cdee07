// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_VFIO_IOAS, and what the ioctls of a VFIO container answer on /dev/iommu
 * as long as no IOAS is chosen.
 */
#include "type1.h"

FIXTURE(choice) {
	int fd;
	uint32_t ioas;
};

FIXTURE_SETUP(choice)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0) TH_LOG("/dev/iommu: %s", strerror(errno));
	test_ioas_alloc(&self->ioas);
}

FIXTURE_TEARDOWN(choice)
{
	close(self->fd);
}

TEST_F(choice, get_without_a_chosen_ioas_is_enodev)
{
	uint32_t id = 77;

	test_err_vfio_ioas(ENODEV, IOMMU_VFIO_IOAS_GET, &id);
	ASSERT_EQ(77, id);
}

TEST_F(choice, set_get_and_clear)
{
	uint32_t other, id;

	test_ioas_alloc(&other);
	for (int i = 0; i < 4; i++) {
		uint32_t want = i % 2 ? other : self->ioas;

		id = want;
		test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &id);
		id = 77;
		test_vfio_ioas(IOMMU_VFIO_IOAS_GET, &id);
		ASSERT_EQ(want, id);
	}
	for (int i = 0; i < 2; i++) {
		id = 77;
		test_vfio_ioas(IOMMU_VFIO_IOAS_CLEAR, &id);
		ASSERT_EQ(77, id);
		test_err_vfio_ioas(ENODEV, IOMMU_VFIO_IOAS_GET, &id);
	}
}

TEST_F(choice, set_of_an_unknown_id_is_enoent)
{
	uint32_t ids[] = { 0, 1000, UINT32_MAX }, id = self->ioas;

	test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &id);
	for (int i = 0; i < ARRAY_SIZE(ids); i++) {
		id = ids[i];
		test_err_vfio_ioas(ENOENT, IOMMU_VFIO_IOAS_SET, &id);
		/* The choice stays. */
		test_vfio_ioas(IOMMU_VFIO_IOAS_GET, &id);
		ASSERT_EQ(self->ioas, id);
	}
}

TEST_F(choice, set_of_another_object_is_enoent)
{
	uint32_t hwpt, id;
	struct edu edu;

	test_edu_open(&edu, PCI_ON_ROOT_BUS, 0);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt);
	id = edu.devid;
	test_err_vfio_ioas(ENOENT, IOMMU_VFIO_IOAS_SET, &id);
	id = hwpt;
	test_err_vfio_ioas(ENOENT, IOMMU_VFIO_IOAS_SET, &id);
	edu_close(&edu);
}

TEST_F(choice, unknown_op_or_reserved_field)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = self->ioas,
		.op = IOMMU_VFIO_IOAS_SET,
	};

	for (int bit = 0; bit < 16; bit++) {
		cmd.__reserved = 1U << bit;
		test_err(EOPNOTSUPP,
			 iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &cmd));
	}
	for (uint16_t op = 3; op < 6; op++)
		test_err_vfio_ioas(EOPNOTSUPP, op, &self->ioas);
	test_err_vfio_ioas(EOPNOTSUPP, UINT16_MAX, &self->ioas);
	test_err_vfio_ioas(ENODEV, IOMMU_VFIO_IOAS_GET, &self->ioas);
}

TEST_F(choice, struct_sizes)
{
	struct {
		struct iommu_vfio_ioas cmd;
		uint32_t tail;
	} big = { .cmd = { .op = IOMMU_VFIO_IOAS_CLEAR } };

	big.cmd.size = sizeof(big.cmd) - 1;
	test_err(EINVAL, iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &big));
	big.cmd.size = sizeof(big);
	test_ok(iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &big));
	big.tail = 1;
	test_err(E2BIG, iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &big));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, NULL));
}

/* The choice does not keep the IOAS, and ends with it. */
TEST_F(choice, destroying_the_ioas_clears_it)
{
	uint32_t id = self->ioas;

	test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &id);
	test_destroy(self->ioas);
	test_err_vfio_ioas(ENODEV, IOMMU_VFIO_IOAS_GET, &id);
	ASSERT_EQ(ENODEV, _test_set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	test_ioas_alloc(&id);
	ASSERT_EQ(self->ioas, id);
	test_err_vfio_ioas(ENODEV, IOMMU_VFIO_IOAS_GET, &id);
}

TEST_F(choice, destroying_another_ioas_keeps_it)
{
	uint32_t other, id = self->ioas;

	test_ioas_alloc(&other);
	test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &id);
	test_destroy(other);
	test_vfio_ioas(IOMMU_VFIO_IOAS_GET, &id);
	ASSERT_EQ(self->ioas, id);
}

TEST_F(choice, answers_without_a_chosen_ioas)
{
	ASSERT_EQ(0, type1_ask(self->fd, VFIO_GET_API_VERSION, 0));
	for (unsigned int ext = 0; ext < 20; ext++) {
		int want = 0;

		if (ext == VFIO_TYPE1_IOMMU || ext == VFIO_TYPE1v2_IOMMU ||
		    ext == VFIO_UNMAP_ALL)
			want = 1;
		if (ext == VFIO_DMA_CC_IOMMU)
			want = -ENODEV;
		ASSERT_EQ(want, type1_ask(self->fd, VFIO_CHECK_EXTENSION, ext))
			TH_LOG("extension %u", ext);
	}
	ASSERT_EQ(0, type1_ask(self->fd, VFIO_CHECK_EXTENSION, -1UL));
}

TEST_F(choice, enodev_without_a_chosen_ioas)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	uint64_t size = PAGE;

	test_err(ENODEV, _test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	test_err(ENODEV, _test_set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	test_err(ENODEV, iommufd_ioctl(self->fd, VFIO_IOMMU_GET_INFO, &info));
	test_err_map_dma(ENODEV, mem, PAGE, IOVA, DMA_RW);
	test_err(ENODEV, _test_unmap_dma(self->fd, IOVA, &size, 0));
	ASSERT_EQ(PAGE, size);
	size = 0;
	test_err(ENODEV, _test_unmap_dma(self->fd, 0, &size,
					 VFIO_DMA_UNMAP_FLAG_ALL));
}

/* Errors in the call are reported before ENODEV. */
TEST_F(choice, bad_calls_are_reported_before_enodev)
{
	struct vfio_iommu_type1_info info = { .argsz = 15 };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map) - 1 };
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap) - 1,
	};

	test_err(EINVAL, _test_set_iommu(self->fd, VFIO_NOIOMMU_IOMMU));
	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_GET_INFO, &info));
	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_MAP_DMA, &map));
	test_err_map_dma(EINVAL, NULL, PAGE, IOVA, VFIO_DMA_MAP_FLAG_VADDR);
	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	unmap.argsz = sizeof(unmap);
	unmap.flags = VFIO_DMA_UNMAP_FLAG_VADDR;
	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	test_err(EFAULT, iommufd_ioctl(self->fd, VFIO_IOMMU_GET_INFO, NULL));
	test_err(EFAULT, iommufd_ioctl(self->fd, VFIO_IOMMU_MAP_DMA, NULL));
	test_err(EFAULT, iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, NULL));
}

TEST_F(choice, other_vfio_ioctls_are_enotty)
{
	struct vfio_iommu_type1_dirty_bitmap dirty = {
		.argsz = sizeof(dirty),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};

	for (int chosen = 0; chosen < 2; chosen++) {
		test_err(ENOTTY, iommufd_ioctl(self->fd, VFIO_IOMMU_DIRTY_PAGES,
					       &dirty));
		test_err(ENOTTY, iommufd_ioctl(self->fd, VFIO_IOMMU_ENABLE, 0));
		test_err(ENOTTY, iommufd_ioctl(self->fd, VFIO_GROUP_GET_STATUS,
					       &dirty));
		test_err(ENOTTY, iommufd_ioctl(self->fd, _IO('<', VFIO_BASE),
					       &dirty));
		test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &self->ioas);
	}
}

TEST_HARNESS_MAIN
