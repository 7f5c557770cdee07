// SPDX-License-Identifier: GPL-2.0
/* Explicit and automatic HWPTs: how they are filled and when they end. */
#include "harness.h"

#define IOVA	0x10000000UL

FIXTURE(hwpt) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;
};

FIXTURE_SETUP(hwpt)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
	self->mem = test_mem(mem_anon(16 * PAGE));
}

FIXTURE_TEARDOWN(hwpt)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* The attached device can read and write at IOVA. */
#define test_dma(_edu, _seed)						\
	do {								\
		mem_fill(self->mem, 100, _seed);			\
		ASSERT_TRUE(edu_load(_edu, IOVA, 100));			\
		ASSERT_TRUE(edu_store(_edu, IOVA + PAGE + 5, 100));	\
		ASSERT_TRUE(mem_is(self->mem + PAGE + 5, 100, _seed));	\
	} while (0)

TEST_F(hwpt, unknown_and_unsuitable_pt)
{
	uint32_t hwpt, out = 0;

	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	test_err_hwpt_alloc(EINVAL, self->edu.devid, 0, &out);
	test_err_hwpt_alloc(EINVAL, self->edu.devid, 1000, &out);
	test_err_hwpt_alloc(EINVAL, self->edu.devid, 0x80000000, &out);
	test_err_hwpt_alloc(EINVAL, self->edu.devid, self->edu.devid, &out);
	/* On a HWPT there is a nested one, which needs data. */
	test_err_hwpt_alloc(EOPNOTSUPP, self->edu.devid, hwpt, &out);
	test_err_hwpt_alloc(ENOENT, 1000, self->ioas, &out);
	test_err_hwpt_alloc(ENOENT, hwpt, self->ioas, &out);
	ASSERT_EQ(0, out);
}

/* The drivers of 6.1 have no function for it, which is said before the parent is bad. */
TEST_F(hwpt, nested_on_a_hwpt_that_is_no_parent)
{
	struct iommu_hwpt_vtd_s1 s1 = { };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->edu.devid,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1),
		.data_uptr = (uintptr_t)&s1,
	};

	if (!pci_iommu_is_vtd())
		SKIP(return, "which drivers nest is known of VT-d only");
	test_hwpt_alloc(self->edu.devid, self->ioas, &cmd.pt_id);
	test_err(kernel_older_than(6, 2) ? EOPNOTSUPP : EINVAL,
		 iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	cmd.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	test_err(EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
}

TEST_F(hwpt, alloc_pins_what_is_mapped)
{
	uint32_t hwpt;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	test_pinned(0);
	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	test_pinned(64);
	self->edu.pt_id = hwpt;
	test_attach(self->edu.cdev, &self->edu.pt_id);
	ASSERT_EQ(hwpt, self->edu.pt_id);
	test_dma(&self->edu, 1);
}

TEST_F(hwpt, later_maps_reach_it)
{
	uint32_t hwpt;

	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	test_attach(self->edu.cdev, &hwpt);
	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	test_dma(&self->edu, 2);
}

TEST_F(hwpt, alloc_fails_with_the_memory)
{
	uint32_t hwpt = 0, pt = self->ioas;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	ASSERT_EQ(0, munmap(self->mem + 15 * PAGE, PAGE));
	test_err_hwpt_alloc(EFAULT, self->edu.devid, self->ioas, &hwpt);
	test_err_attach(EFAULT, self->edu.cdev, &pt);
	test_unmap(IOVA, 16 * PAGE);
	test_map_fixed(self->mem, 15 * PAGE, IOVA);
	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	test_pinned(60);
}

TEST_F(hwpt, explicit_one_is_not_picked_automatically)
{
	uint32_t hwpt, pt = self->ioas;

	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	test_attach(self->edu.cdev, &pt);
	ASSERT_NE(hwpt, pt);
	ASSERT_NE(self->ioas, pt);
	test_destroy(hwpt);
}

TEST_F(hwpt, explicit_one_survives_detach)
{
	uint32_t hwpt, pt;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	for (int i = 0; i < 3; i++) {
		pt = hwpt;
		test_attach(self->edu.cdev, &pt);
		ASSERT_EQ(hwpt, pt);
		test_err_destroy(EBUSY, hwpt);
		test_detach(self->edu.cdev);
		test_pinned(64);
	}
	test_destroy(hwpt);
	test_err_destroy(ENOENT, hwpt);
	test_pinned(0);
}

TEST_F(hwpt, automatic_one_goes_with_the_last_detach)
{
	uint32_t next = iommufd_next_id(self->fd), pt;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	for (int i = 0; i < 3; i++) {
		pt = self->ioas;
		test_attach(self->edu.cdev, &pt);
		ASSERT_EQ(next, pt);
		test_err_destroy(EBUSY, pt);
		test_pinned(64);
		test_detach(self->edu.cdev);
		test_err_destroy(ENOENT, pt);
		test_pinned(0);
		ASSERT_EQ(next, iommufd_next_id(self->fd));
	}
}

TEST_F(hwpt, two_devices_share_the_automatic_one)
{
	uint32_t first = self->ioas;
	struct edu other;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	test_attach(self->edu.cdev, &first);
	test_edu_attach(&other, PCI_ON_ROOT_BUS, 1, self->ioas);
	ASSERT_EQ(first, other.pt_id);
	test_pinned(64);
	test_dma(&self->edu, 3);
	test_dma(&other, 4);
	test_detach(self->edu.cdev);
	test_err_destroy(EBUSY, first);
	test_dma(&other, 5);
	test_detach(other.cdev);
	test_err_destroy(ENOENT, first);
	test_pinned(0);
	edu_close(&other);
}

/* A device can be attached to an automatic HWPT by its id. */
TEST_F(hwpt, automatic_one_by_its_id)
{
	uint32_t first = self->ioas;
	struct edu other;

	test_attach(self->edu.cdev, &first);
	test_edu_attach(&other, PCI_ON_ROOT_BUS, 1, first);
	ASSERT_EQ(first, other.pt_id);
	test_detach(self->edu.cdev);
	test_err_destroy(EBUSY, first);
	test_detach(other.cdev);
	test_err_destroy(ENOENT, first);
	edu_close(&other);
}

TEST_F(hwpt, one_made_for_another_device)
{
	struct edu other;
	uint32_t hwpt;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	test_edu_attach(&other, PCI_ON_ROOT_BUS, 1, hwpt);
	test_dma(&other, 6);
	edu_close(&other);
	test_destroy(hwpt);
}

/* The device may be closed before the HWPT is destroyed. */
TEST_F(hwpt, outlives_its_device)
{
	uint32_t hwpt;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	edu_close(&self->edu);
	test_pinned(64);
	test_map_fixed(self->mem, PAGE, IOVA + HUGE);
	test_unmap(IOVA, 16 * PAGE);
	test_err_destroy(EBUSY, self->ioas);
	test_destroy(hwpt);
	test_pinned(0);
}

TEST_F(hwpt, many_share_the_pins)
{
	uint32_t hwpt[8];

	test_map_fixed(self->mem, 8 * PAGE, IOVA);
	for (int i = 0; i < ARRAY_SIZE(hwpt); i++) {
		test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt[i]);
		test_pinned(32);
	}
	test_map_fixed(self->mem + 8 * PAGE, 8 * PAGE, IOVA + HUGE);
	test_pinned(64);
	/* In another order, with MAP and UNMAP in between */
	for (int i = 0; i < ARRAY_SIZE(hwpt); i++) {
		test_destroy(hwpt[i * 3 % ARRAY_SIZE(hwpt)]);
		if (i < ARRAY_SIZE(hwpt) - 1)
			test_pinned(64);
		test_unmap(IOVA + HUGE, 8 * PAGE);
		test_map_fixed(self->mem + 8 * PAGE, 8 * PAGE, IOVA + HUGE);
	}
	test_pinned(0);
}

TEST_F(hwpt, of_two_ioas)
{
	uint8_t *elsewhere = test_mem(mem_anon(PAGE));
	uint32_t other, pt;

	test_ioas_alloc(&other);
	test_map_fixed(self->mem, 2 * PAGE, IOVA);
	test_ok(_test_map_fixed(self->fd, other, elsewhere, PAGE, IOVA,
				MAP_RW));
	pt = self->ioas;
	test_attach(self->edu.cdev, &pt);
	test_pinned(8);
	test_dma(&self->edu, 7);
	/* The same IOVA leads elsewhere once the device has moved. */
	pt = other;
	test_attach(self->edu.cdev, &pt);
	test_pinned(4);
	mem_fill(self->mem, 100, 1);
	ASSERT_TRUE(edu_store(&self->edu, IOVA, 100));
	ASSERT_TRUE(mem_is(elsewhere, 100, 7));
	ASSERT_TRUE(mem_is(self->mem, 100, 1));
}

TEST_HARNESS_MAIN
