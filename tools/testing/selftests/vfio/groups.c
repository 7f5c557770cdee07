// SPDX-License-Identifier: GPL-2.0
/*
 * Two devices of one IOMMU group, which always have the same HWPT and context.
 */
#include "two_spaces.h"

#define COUNT	100

FIXTURE(group) {
	struct two_spaces;
	struct edu edu[2];
};

FIXTURE_SETUP(group)
{
	two_spaces_open();
	test_edu_open(&self->edu[0], PCI_SHARED_GROUP, 0);
	test_edu_open(&self->edu[1], PCI_SHARED_GROUP, 1);
	ASSERT_EQ(self->edu[0].pci.group, self->edu[1].pci.group);
}

FIXTURE_TEARDOWN(group)
{
	edu_close(&self->edu[0]);
	edu_close(&self->edu[1]);
	two_spaces_close();
}

#define test_dma(_i, _mem, _seed)					\
	do {								\
		uint8_t *__mem = (_mem);				\
									\
		mem_fill(__mem, COUNT, _seed);				\
		ASSERT_TRUE(edu_load(&self->edu[_i], IOVA, COUNT));	\
		ASSERT_TRUE(edu_store(&self->edu[_i], IOVA + 1000, COUNT)); \
		ASSERT_TRUE(mem_is(__mem + 1000, COUNT, _seed));	\
	} while (0)

TEST_F(group, members_share_one_hwpt)
{
	uint32_t hwpt;

	test_attach_to(&self->edu[0], self->ioas);
	hwpt = self->edu[0].pt_id;
	test_attach_to(&self->edu[1], self->ioas);
	ASSERT_EQ(hwpt, self->edu[1].pt_id);
	test_pinned(4);
	test_dma(0, self->mem, 1);
	test_dma(1, self->mem, 2);
	/* The HWPT lasts until the last device is detached. */
	test_detach(self->edu[0].cdev);
	test_err_destroy(EBUSY, hwpt);
	test_dma(1, self->mem, 3);
	test_detach(self->edu[1].cdev);
	test_err_destroy(ENOENT, hwpt);
	test_pinned(0);
}

TEST_F(group, second_member_elsewhere_is_einval)
{
	uint32_t pt, hwpt;

	test_hwpt_alloc(self->edu[1].devid, self->ioas, &hwpt);
	test_attach_to(&self->edu[0], self->ioas);
	pt = self->other;
	test_err_attach(EINVAL, self->edu[1].cdev, &pt);
	/* The same for another HWPT of the same IOAS */
	pt = hwpt;
	test_err_attach(EINVAL, self->edu[1].cdev, &pt);
	test_dma(0, self->mem, 1);
	test_attach_to(&self->edu[1], self->edu[0].pt_id);
	test_detach(self->edu[0].cdev);
	test_detach(self->edu[1].cdev);
	/* The only attached device can choose any page table. */
	test_attach_to(&self->edu[1], self->other);
	test_dma(1, self->other_mem, 2);
}

/* Replace by one attached device moves all attached devices of the group. */
TEST_F(group, replace_moves_all_members)
{
	uint32_t first;

	test_attach_to(&self->edu[0], self->ioas);
	test_attach_to(&self->edu[1], self->ioas);
	first = self->edu[0].pt_id;
	test_attach_to(&self->edu[0], self->other);
	ASSERT_NE(first, self->edu[0].pt_id);
	test_err_destroy(ENOENT, first);
	test_pinned(4);
	test_dma(0, self->other_mem, 1);
	test_dma(1, self->other_mem, 2);
	test_detach(self->edu[0].cdev);
	test_dma(1, self->other_mem, 3);
}

TEST_F(group, failed_replace_moves_no_member)
{
	uint32_t first;

	test_attach_to(&self->edu[0], self->ioas);
	test_attach_to(&self->edu[1], self->ioas);
	first = self->edu[0].pt_id;
	test_replace_fails(&self->edu[1]);
	test_dma(0, self->mem, 1);
	test_dma(1, self->mem, 2);
	/* The reservations of both devices are where they were. */
	test_msi_window_is_free(true, self->other);
	test_msi_window_is_free(false, self->ioas);
	test_detach(self->edu[1].cdev);
	test_dma(0, self->mem, 3);
	test_err_destroy(EBUSY, first);
	test_detach(self->edu[0].cdev);
	test_err_destroy(ENOENT, first);
	test_destroy(self->other);
}

TEST_F(group, explicit_hwpt_for_both)
{
	uint32_t hwpt;

	test_hwpt_alloc(self->edu[0].devid, self->other, &hwpt);
	test_attach_to(&self->edu[0], hwpt);
	test_attach_to(&self->edu[1], hwpt);
	test_dma(1, self->other_mem, 1);
	test_detach(self->edu[0].cdev);
	test_err_destroy(EBUSY, hwpt);
	test_detach(self->edu[1].cdev);
	test_destroy(hwpt);
}

TEST_F(group, each_member_adds_its_reservations)
{
	test_attach_to(&self->edu[0], self->ioas);
	test_attach_to(&self->edu[1], self->ioas);
	for (int i = 0; i < 2; i++) {
		test_msi_window_is_free(false, self->ioas);
		test_detach(self->edu[i].cdev);
	}
	test_msi_window_is_free(true, self->ioas);
}

TEST_F(group, one_member_closes_the_other_goes_on)
{
	uint32_t hwpt;

	test_attach_to(&self->edu[0], self->ioas);
	test_attach_to(&self->edu[1], self->ioas);
	hwpt = self->edu[0].pt_id;
	edu_close(&self->edu[0]);
	test_err_destroy(EBUSY, hwpt);
	test_dma(1, self->mem, 4);
	test_ok(edu_open(&self->edu[0], self->fd));
	test_attach_to(&self->edu[0], self->ioas);
	ASSERT_EQ(hwpt, self->edu[0].pt_id);
	test_dma(0, self->mem, 5);
}

TEST_F(group, close_of_a_member_that_is_only_bound)
{
	test_attach_to(&self->edu[0], self->ioas);
	test_dma(0, self->mem, 1);
	edu_close(&self->edu[1]);
	test_dma(0, self->mem, 2);
}

TEST_F(group, belongs_to_one_context)
{
	int fd = iommufd_open();
	uint32_t devid = 0;

	ASSERT_GE(fd, 0);
	edu_close(&self->edu[1]);
	self->edu[1].cdev = vfio_cdev_open(&self->edu[1].pci);
	ASSERT_GE(self->edu[1].cdev, 0);
	/* The other device, and so the group, is bound to self->fd. */
	test_err(EBUSY, _test_vfio_bind(self->edu[1].cdev, fd, &devid));
	ASSERT_EQ(1, iommufd_next_id(fd));
	test_ok(_test_vfio_bind(self->edu[1].cdev, self->fd, &devid));
	close(fd);
}

TEST_F(group, moves_to_another_context_when_free)
{
	int fd = iommufd_open();
	uint32_t devid;

	ASSERT_GE(fd, 0);
	edu_close(&self->edu[0]);
	edu_close(&self->edu[1]);
	self->edu[0].cdev = vfio_cdev_open(&self->edu[0].pci);
	test_ok(_test_vfio_bind(self->edu[0].cdev, fd, &devid));
	ASSERT_EQ(1, devid);
	close(fd);
}

TEST_HARNESS_MAIN
