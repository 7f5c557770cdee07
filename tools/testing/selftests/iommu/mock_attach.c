// SPDX-License-Identifier: GPL-2.0
/*
 * HWPTs, attach and replace: which page table a device gets, when it is
 * destroyed, and that a failed call changes nothing.
 */
#include "mock_space.h"
#include "ranges.h"

#define PAGES	24UL

FIXTURE(attach) {
	struct mock;
	uint8_t *mem;
};

FIXTURE_VARIANT(attach) {
	unsigned int limit;
	bool mapped;
};

FIXTURE_VARIANT_ADD(attach, nothing_mapped) {
	.limit = MOCK_MEMORY_DEFAULT,
};

FIXTURE_VARIANT_ADD(attach, mapped) {
	.limit = MOCK_MEMORY_DEFAULT, .mapped = true,
};

FIXTURE_VARIANT_ADD(attach, mapped_tiny_batches) {
	.limit = MOCK_MEMORY_TINY, .mapped = true,
};

FIXTURE_SETUP(attach)
{
	self->mem = test_mem(mem_scattered(PAGES));
	mock_open(0, variant->limit);
	if (variant->mapped)
		test_map_fixed(self->mem, PAGES * PAGE, MOCK_IOVA);
}

FIXTURE_TEARDOWN(attach)
{
	mock_close();
}

/* The page table has what is mapped. */
#define test_filled(_hwpt)						\
	do {								\
		if (variant->mapped)					\
			test_ok(_test_check_map(self->fd, _hwpt, MOCK_IOVA, \
						PAGES * PAGE, self->mem)); \
	} while (0)
#define test_attached_refs(_refs)					\
	test_refs(self->mem, PAGES * PAGE, variant->mapped ? (_refs) : 0)

TEST_F(attach, automatic_hwpt_is_shared)
{
	struct mock_dev dev[4];

	for (int i = 0; i < ARRAY_SIZE(dev); i++) {
		test_mock_attach(self->ioas, &dev[i]);
		ASSERT_EQ(dev[0].hwpt, dev[i].hwpt);
		test_filled(dev[i].hwpt);
		test_attached_refs(1);
	}
}

TEST_F(attach, automatic_hwpt_goes_with_its_last_device)
{
	struct mock_dev dev[3];

	for (int i = 0; i < ARRAY_SIZE(dev); i++)
		test_mock_attach(self->ioas, &dev[i]);
	for (int i = 0; i < ARRAY_SIZE(dev); i++) {
		test_attached_refs(1);
		test_err_destroy(EBUSY, dev[0].hwpt);
		test_err_destroy(EBUSY, self->ioas);
		test_destroy(dev[i].stdev);
	}
	test_err_destroy(ENOENT, dev[0].hwpt);
	test_attached_refs(0);
	test_nothing_reserved(self->ioas);
	test_destroy(self->ioas);
}

TEST_F(attach, explicit_hwpt_is_used_only_by_its_id)
{
	struct mock_dev dev[3];
	uint32_t hwpt;

	test_mock_attach(self->ioas, &dev[0]);
	test_hwpt_alloc(dev[0].idev, self->ioas, &hwpt);
	ASSERT_NE(dev[0].hwpt, hwpt);
	test_filled(hwpt);
	test_mock_attach(self->ioas, &dev[1]);
	ASSERT_EQ(dev[0].hwpt, dev[1].hwpt);
	test_destroy(dev[1].stdev);
	test_destroy(dev[0].stdev);
	/* Automatic attach does not use it, although it is the only one. */
	test_mock_attach(self->ioas, &dev[0]);
	ASSERT_NE(hwpt, dev[0].hwpt);
	test_mock_attach(hwpt, &dev[2]);
	ASSERT_EQ(hwpt, dev[2].hwpt);
	test_err_destroy(EBUSY, hwpt);
	test_destroy(dev[2].stdev);
	/* Detach does not destroy it. */
	test_filled(hwpt);
	test_destroy(hwpt);
	test_filled(dev[0].hwpt);
	test_attached_refs(1);
}

TEST_F(attach, hwpt_alloc_refuses)
{
	struct iommu_hwpt_alloc cmd = { .size = sizeof(cmd) };
	uint32_t hwpt = 0, other;
	struct mock_dev dev;

	test_mock_attach(self->ioas, &dev);
	test_err_hwpt_alloc(ENOENT, 1000, self->ioas, &hwpt);
	test_err_hwpt_alloc(ENOENT, self->ioas, self->ioas, &hwpt);
	test_err_hwpt_alloc(ENOENT, dev.stdev, self->ioas, &hwpt);
	test_err_hwpt_alloc(EINVAL, dev.idev, 1000, &hwpt);
	test_err_hwpt_alloc(EINVAL, dev.idev, dev.idev, &hwpt);
	test_err_hwpt_alloc(EINVAL, dev.idev, dev.stdev, &hwpt);
	test_hwpt_alloc(dev.idev, self->ioas, &other);
	/* On a HWPT there is a nested one, which needs data. */
	test_err_hwpt_alloc(EOPNOTSUPP, dev.idev, other, &hwpt);
	test_err_hwpt_alloc(EOPNOTSUPP, dev.idev, dev.hwpt, &hwpt);
	cmd.dev_id = dev.idev;
	cmd.pt_id = self->ioas;
	cmd.flags = 16;
	test_err(EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	cmd.flags = 0;
	cmd.__reserved = 1;
	test_err(EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	test_attached_refs(1);
}

TEST_F(attach, failed_answer_undoes_hwpt_alloc)
{
	struct iommu_hwpt_alloc *cmd = test_mem(mem_anon(PAGE));
	struct mock_dev dev;
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_mock_attach(ioas, &dev);
	cmd->size = sizeof(*cmd);
	cmd->dev_id = dev.idev;
	cmd->pt_id = self->ioas;
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, cmd));
	test_attached_refs(0);
	test_nothing_reserved(self->ioas);
}

/* Reasons why an IOAS does not suit the mock, with their errnos */
enum obstacle {
	ABOVE_THE_APERTURE,
	BELOW_THE_APERTURE,
	ALLOWED_OUTSIDE,
	TOO_FINE,
	NO_MEMORY_THERE,
	OBSTACLES,
};

static const struct {
	uint64_t iova, length;
	int rc;
} obstacles[] = {
	[ABOVE_THE_APERTURE] = { 1UL << 40, PAGE, EADDRINUSE },
	[BELOW_THE_APERTURE] = { 0, PAGE, EADDRINUSE },
	[ALLOWED_OUTSIDE] = { .rc = EADDRINUSE },
	[TOO_FINE] = { MOCK_IOVA_LOW - PAGE, MOCK_PAGE / 2, EADDRINUSE },
	[NO_MEMORY_THERE] = { MOCK_IOVA_LOW + (1UL << 29), PAGE, EFAULT },
};

static int obstacle_set(int fd, uint32_t ioas, const void *mem, int n)
{
	struct iommu_iova_range allowed = { 0x1000, MOCK_IOVA };

	if (n == ALLOWED_OUTSIDE)
		return _test_allow_iovas(fd, ioas, &allowed, 1);
	return _test_map_fixed(fd, ioas, n == NO_MEMORY_THERE ? NULL : mem,
			       obstacles[n].length, obstacles[n].iova, MAP_RW);
}

static int obstacle_clear(int fd, uint32_t ioas, int n)
{
	if (n == ALLOWED_OUTSIDE)
		return _test_allow_iovas(fd, ioas, NULL, 0);
	return _test_ioas_unmap(fd, ioas, obstacles[n].iova,
				obstacles[n].length, NULL);
}

TEST_F(attach, unsuitable_ioas_is_refused)
{
	struct mock_dev dev;
	uint32_t other, hwpt, pt = self->ioas;

	test_ioas_alloc(&other);
	test_mock_attach(other, &dev);
	for (int i = 0; i < OBSTACLES; i++) {
		int rc = obstacles[i].rc;

		test_ok(obstacle_set(self->fd, self->ioas, self->mem, i));
		test_err_mock_attach(rc, self->ioas);
		test_err_hwpt_alloc(rc, dev.idev, self->ioas, &hwpt);
		test_err_mock_replace(rc, dev.stdev, self->ioas);
		test_attached_refs(0);
		test_err_destroy(EBUSY, dev.hwpt);
		test_ok(obstacle_clear(self->fd, self->ioas, i));
	}
	test_nothing_reserved(self->ioas);
	test_mock_replace(dev.stdev, &pt);
	test_filled(pt);
	test_attached_refs(1);
}

TEST_F(attach, failed_attach_changes_nothing)
{
	struct mock_dev dev;
	uint32_t other, pt;

	test_ioas_alloc(&other);
	test_mock_param("fail_attach", 1);
	test_err_mock_attach(ENOMEM, self->ioas);
	test_nothing_reserved(self->ioas);
	test_mock_param("fail_attach", 0);
	test_mock_attach(self->ioas, &dev);
	test_mock_param("fail_attach", 1);
	test_err_mock_attach(ENOMEM, self->ioas);
	test_err_mock_attach(ENOMEM, dev.hwpt);
	test_err_mock_replace(ENOMEM, dev.stdev, other);
	test_nothing_reserved(other);
	test_filled(dev.hwpt);
	test_attached_refs(1);
	/* Replace with the current IOAS succeeds. */
	pt = self->ioas;
	test_mock_replace(dev.stdev, &pt);
	ASSERT_EQ(dev.hwpt, pt);
	test_mock_param("fail_attach", 0);
	test_mock_replace(dev.stdev, &other);
	test_attached_refs(0);
	test_nothing_reserved(self->ioas);
}

TEST_F(attach, failed_iommu_map_leaves_nothing)
{
	struct mock_dev dev, first;
	uint32_t other, hwpt;
	int rc = -1, n;

	test_ioas_alloc(&other);
	test_mock_attach(other, &first);
	for (n = 1; rc; n++) {
		ASSERT_GE(PAGES + 1, n);
		test_mock_param("fail_map", n);
		rc = _test_mock_attach(self->fd, self->ioas, &dev);
		test_mock_param("fail_map", n);
		if (rc) {
			ASSERT_EQ(ENOMEM, rc);
			test_attached_refs(0);
			test_pinned(0);
			test_nothing_reserved(self->ioas);
			test_err_hwpt_alloc(ENOMEM, first.idev, self->ioas,
					    &hwpt);
			test_mock_param("fail_map", n);
			test_err_mock_replace(ENOMEM, first.stdev, self->ioas);
			test_nothing_reserved(self->ioas);
		}
	}
	test_mock_param("fail_map", 0);
	test_filled(dev.hwpt);
	test_attached_refs(1);
	if (variant->mapped)
		ASSERT_EQ(mem_runs(self->mem, PAGES) + 2, n);
}

TEST_F(attach, replace_moves_to_another_ioas)
{
	uint32_t other, pt;
	struct mock_dev dev;

	test_mock_attach(self->ioas, &dev);
	test_ioas_alloc(&other);
	pt = other;
	test_mock_replace(dev.stdev, &pt);
	ASSERT_NE(other, pt);
	/* The automatic HWPT and its reservations are gone. */
	test_err_destroy(ENOENT, dev.hwpt);
	test_nothing_reserved(self->ioas);
	test_attached_refs(0);
	test_err_destroy(EBUSY, other);
	test_destroy(self->ioas);
	test_destroy(dev.stdev);
	test_nothing_reserved(other);
	test_destroy(other);
}

TEST_F(attach, replace_with_the_same_does_nothing)
{
	struct mock_dev dev;
	uint32_t pt, next;

	test_mock_attach(self->ioas, &dev);
	next = iommufd_next_id(self->fd);
	pt = self->ioas;
	test_mock_replace(dev.stdev, &pt);
	ASSERT_EQ(dev.hwpt, pt);
	test_mock_replace(dev.stdev, &pt);
	ASSERT_EQ(dev.hwpt, pt);
	ASSERT_EQ(next, iommufd_next_id(self->fd));
	test_filled(pt);
	test_attached_refs(1);
	test_destroy(dev.stdev);
	test_err_destroy(ENOENT, dev.hwpt);
}

TEST_F(attach, replace_between_automatic_and_explicit)
{
	struct mock_dev dev;
	uint32_t hwpt[2], pt;

	test_mock_attach(self->ioas, &dev);
	test_hwpt_alloc(dev.idev, self->ioas, &hwpt[0]);
	test_hwpt_alloc(dev.idev, self->ioas, &hwpt[1]);
	pt = hwpt[0];
	test_mock_replace(dev.stdev, &pt);
	ASSERT_EQ(hwpt[0], pt);
	test_err_destroy(ENOENT, dev.hwpt);
	test_err_destroy(EBUSY, hwpt[0]);
	pt = hwpt[1];
	test_mock_replace(dev.stdev, &pt);
	test_destroy(hwpt[0]);
	pt = self->ioas;
	test_mock_replace(dev.stdev, &pt);
	ASSERT_NE(hwpt[1], pt);
	test_filled(pt);
	test_destroy(hwpt[1]);
	test_attached_refs(1);
	test_destroy(dev.stdev);
	test_nothing_reserved(self->ioas);
	test_attached_refs(0);
}

TEST_F(attach, replace_refuses_other_objects)
{
	struct mock_dev dev;

	test_mock_attach(self->ioas, &dev);
	test_err_mock_replace(ENOENT, dev.stdev, 0);
	test_err_mock_replace(ENOENT, dev.stdev, 1000);
	test_err_mock_replace(EINVAL, dev.stdev, dev.idev);
	test_err_mock_replace(EINVAL, dev.stdev, dev.stdev);
	test_err_mock_replace(ENOENT, dev.idev, self->ioas);
	test_filled(dev.hwpt);
}

TEST_F(attach, replace_shares_the_automatic_hwpt)
{
	struct mock_dev dev[2];
	uint32_t other, pt = self->ioas;

	test_ioas_alloc(&other);
	test_mock_attach(self->ioas, &dev[0]);
	test_mock_attach(other, &dev[1]);
	test_mock_replace(dev[1].stdev, &pt);
	ASSERT_EQ(dev[0].hwpt, pt);
	test_destroy(dev[0].stdev);
	test_filled(pt);
	test_attached_refs(1);
	test_nothing_reserved(other);
	test_destroy(dev[1].stdev);
	test_nothing_reserved(self->ioas);
}

TEST_F(attach, each_device_keeps_its_reservations)
{
	struct mock_dev dev[2];
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint32_t hwpt;

	test_mock_attach(self->ioas, &dev[0]);
	test_hwpt_alloc(dev[0].idev, self->ioas, &hwpt);
	test_mock_attach(hwpt, &dev[1]);
	test_destroy(dev[0].stdev);
	test_err_map_fixed(EINVAL, mem, PAGE, 0);
	test_err_map_fixed(EINVAL, mem, PAGE, MOCK_APERTURE_LAST + 1);
	test_destroy(dev[1].stdev);
	/* A HWPT without a device reserves too. */
	test_err_map_fixed(EINVAL, mem, PAGE, 0);
	test_destroy(hwpt);
	test_map_fixed(mem, PAGE, 0);
}

TEST_F(attach, ids_are_the_lowest_free)
{
	uint32_t first = iommufd_next_id(self->fd), id[8];
	struct mock_dev dev;

	for (uint32_t i = 0; i < ARRAY_SIZE(id); i++) {
		test_ioas_alloc(&id[i]);
		ASSERT_EQ(first + i, id[i]);
	}
	test_destroy(id[6]);
	test_destroy(id[3]);
	test_destroy(id[1]);
	ASSERT_EQ(id[1], iommufd_next_id(self->fd));
	test_mock_attach(id[0], &dev);
	/* Three objects use the three free ids. */
	ASSERT_EQ(id[1] + id[3] + id[6], dev.stdev + dev.hwpt + dev.idev);
	test_destroy(dev.stdev);
	ASSERT_EQ(id[1], iommufd_next_id(self->fd));
}

TEST_F(attach, accesses_and_devices_belong_to_their_drivers)
{
	uint32_t access_id;
	struct mock_dev dev;
	int access;

	test_mock_attach(self->ioas, &dev);
	test_err_destroy(EBUSY, dev.idev);
	access_id = iommufd_next_id(self->fd);
	test_access_create(0, &access);
	test_err_destroy(EBUSY, access_id);
	test_destroy(dev.stdev);
	test_err_destroy(EBUSY, self->ioas);
	close(access);
	test_err_destroy(ENOENT, access_id);
	test_destroy(self->ioas);
}

TEST_F(attach, attach_and_replace_many_times)
{
	uint32_t next = iommufd_next_id(self->fd), other, pt;
	struct mock_dev dev[2];

	test_ioas_alloc(&other);
	for (int i = 0; i < 40; i++) {
		test_mock_attach(self->ioas, &dev[0]);
		test_mock_attach(i % 2 ? self->ioas : other, &dev[1]);
		pt = i % 3 ? other : self->ioas;
		test_mock_replace(dev[0].stdev, &pt);
		test_destroy(dev[i % 2].stdev);
		test_destroy(dev[!(i % 2)].stdev);
	}
	test_destroy(other);
	ASSERT_EQ(next, iommufd_next_id(self->fd));
	test_attached_refs(0);
}

TEST_HARNESS_MAIN
