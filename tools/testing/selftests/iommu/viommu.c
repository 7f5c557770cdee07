// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_VIOMMU_ALLOC, nested HWPTs on a vIOMMU, invalidations of a vIOMMU, and
 * what holds what.
 */
#include "viommu.h"

FIXTURE(viommu) {
	struct vmock;
};

FIXTURE_SETUP(viommu)
{
	vmock_open();
}

FIXTURE_TEARDOWN(viommu)
{
	vmock_close();
}

#define err_viommu(_errno, _dev, _hwpt, _type, _data, _len)		\
	do {								\
		uint32_t __id;						\
									\
		test_err(_errno, _viommu_alloc(self->fd, _dev, _hwpt, _type, \
					       _data, _len, &__id));	\
	} while (0)

TEST_F(viommu, sizes)
{
#define fill_viommu(_cmd)						\
	do {								\
		(_cmd)->type = VIOMMU_MOCK;				\
		(_cmd)->dev_id = self->dev.idev;			\
		(_cmd)->hwpt_id = self->parent;				\
	} while (0)
	test_sizes(IOMMU_VIOMMU_ALLOC, iommu_viommu_alloc, 24, fill_viommu);
	test_read_only(IOMMU_VIOMMU_ALLOC, iommu_viommu_alloc, fill_viommu);
}

TEST_F(viommu, reserved_word_is_ignored)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = VIOMMU_MOCK,
		.dev_id = self->dev.idev,
		.hwpt_id = self->parent,
		.__reserved = 1,
		.data_uptr = 1,
	};

	test_ok(iommufd_ioctl(self->fd, IOMMU_VIOMMU_ALLOC, &cmd));
	ASSERT_NE(self->viommu, cmd.out_viommu_id);
}

/* Each wrong field is tested with all later ones wrong, too. */
TEST_F(viommu, order_of_errors)
{
	struct iommu_viommu_alloc cmd = { .size = sizeof(cmd) };
	uint32_t plain;

	test_hwpt_alloc(self->dev.idev, self->ioas, &plain);
	for (int bit = 0; bit < 32; bit++) {
		cmd.flags = 1U << bit;
		cmd.type = VIOMMU_MOCK;
		cmd.dev_id = UNKNOWN_ID;
		test_err(EOPNOTSUPP,
			 iommufd_ioctl(self->fd, IOMMU_VIOMMU_ALLOC, &cmd));
	}
	err_viommu(EOPNOTSUPP, UNKNOWN_ID, UNKNOWN_ID, 0, NULL, 3);
	err_viommu(ENOENT, UNKNOWN_ID, UNKNOWN_ID, 1, NULL, 3);
	err_viommu(ENOENT, self->ioas, UNKNOWN_ID, 1, NULL, 3);
	err_viommu(ENOENT, self->dev.stdev, UNKNOWN_ID, 1, NULL, 3);
	err_viommu(EOPNOTSUPP, self->dev.idev, UNKNOWN_ID, 1, NULL, 3);
	err_viommu(ENOENT, self->dev.idev, UNKNOWN_ID, VIOMMU_MOCK, NULL, 3);
	err_viommu(ENOENT, self->dev.idev, self->ioas, VIOMMU_MOCK, NULL, 3);
	err_viommu(ENOENT, self->dev.idev, self->viommu, VIOMMU_MOCK, NULL, 3);
	err_viommu(EINVAL, self->dev.idev, plain, VIOMMU_MOCK, NULL, 8);
	err_viommu(EINVAL, self->dev.idev, self->dev.hwpt, VIOMMU_MOCK, NULL,
		   8);
	err_viommu(EFAULT, self->dev.idev, self->parent, VIOMMU_MOCK, NULL, 8);
}

TEST_F(viommu, nested_hwpt_is_no_parent)
{
	uint32_t nested;

	test_ok(_nested_alloc(self->fd, self->dev.idev, self->parent, &nested));
	err_viommu(ENOENT, self->dev.idev, nested, VIOMMU_MOCK, NULL, 0);
}

TEST_F(viommu, data_of_the_driver)
{
	struct iommu_viommu_selftest data[2] = {}, *ro;
	uint32_t id;

	for (uint32_t len = 1; len < 8; len++)
		err_viommu(EINVAL, self->dev.idev, self->parent, VIOMMU_MOCK,
			   data, len);
	err_viommu(EINVAL, self->dev.idev, self->parent, VIOMMU_MOCK, data,
		   sizeof(data[0]) + 8);
	ro = test_mem(mem_anon(PAGE));
	ASSERT_EQ(0, mprotect(ro, PAGE, PROT_READ));
	err_viommu(EFAULT, self->dev.idev, self->parent, VIOMMU_MOCK, ro,
		   sizeof(*ro));
	for (uint32_t len = 8; len <= sizeof(data[0]); len += 8) {
		memset(data, 0, sizeof(data));
		data[0].in_data = 0x1234 + len;
		test_ok(_viommu_alloc(self->fd, self->dev.idev, self->parent,
				      VIOMMU_MOCK, data, len, &id));
		ASSERT_EQ(0x1234 + len, data[0].out_data);
		ASSERT_EQ(len >= 16, data[0].out_mmap_offset != 0);
		ASSERT_EQ(len >= 24 ? 8192 : 0, data[0].out_mmap_length);
		test_destroy(id);
	}
}

/* The device may go; the HWPT and the IOAS may not. */
TEST_F(viommu, holds_its_hwpt_but_not_the_device)
{
	uint32_t other, id;

	test_err_destroy(EBUSY, self->parent);
	test_err_destroy(EBUSY, self->ioas);
	test_destroy(self->dev.stdev);
	test_err_destroy(EBUSY, self->parent);
	test_mock_attach(self->ioas, &self->dev);
	test_ok(_viommu_alloc(self->fd, self->dev.idev, self->parent,
			      VIOMMU_MOCK, NULL, 0, &other));
	test_destroy(self->viommu);
	test_err_destroy(ENOENT, self->viommu);
	test_err_destroy(EBUSY, self->parent);
	test_destroy(other);
	err_viommu(ENOENT, self->dev.idev, other, VIOMMU_MOCK, NULL, 0);
	test_destroy(self->parent);
	err_viommu(ENOENT, self->dev.idev, self->parent, VIOMMU_MOCK, NULL, 0);
	test_err(EINVAL, _nested_alloc(self->fd, self->dev.idev, other, &id));
}

TEST_F(viommu, nested_hwpt_holds_it)
{
	uint32_t nested[2];

	for (int i = 0; i < 2; i++)
		test_ok(_nested_alloc(self->fd, self->dev.idev, self->viommu,
				      &nested[i]));
	test_destroy(nested[0]);
	test_err_destroy(EBUSY, self->viommu);
	test_err_destroy(EBUSY, self->parent);
	test_destroy(nested[1]);
	test_destroy(self->viommu);
	test_destroy(self->parent);
}

#define err_nested(_errno, _flags, _type, _data, _len)			\
	do {								\
		uint32_t __id;						\
									\
		test_err(_errno, _test_hwpt_alloc_data(			\
					 self->fd, self->dev.idev,	\
					 self->viommu, _flags, _type,	\
					 _data, _len, &__id));		\
	} while (0)

TEST_F(viommu, nested_hwpt_errors)
{
	struct iommu_hwpt_selftest data[2] = {};

	err_nested(EOPNOTSUPP, IOMMU_HWPT_ALLOC_NEST_PARENT,
		   IOMMU_HWPT_DATA_SELFTEST, data, 8);
	err_nested(EOPNOTSUPP, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		   IOMMU_HWPT_DATA_SELFTEST, data, 8);
	err_nested(EOPNOTSUPP, 1U << 31, IOMMU_HWPT_DATA_SELFTEST, data, 8);
	err_nested(EOPNOTSUPP, 0, IOMMU_HWPT_DATA_NONE, NULL, 0);
	err_nested(EOPNOTSUPP, 0, IOMMU_HWPT_DATA_VTD_S1, data, 8);
	err_nested(EINVAL, 0, IOMMU_HWPT_DATA_SELFTEST, data, 3);
	err_nested(EINVAL, 0, IOMMU_HWPT_DATA_SELFTEST, data, 9);
	err_nested(EFAULT, 0, IOMMU_HWPT_DATA_SELFTEST, NULL, 8);
}

TEST_F(viommu, device_of_another_iommu_is_einval)
{
	uint32_t id;
	struct edu edu;

	test_edu_open(&edu, PCI_ON_ROOT_BUS, 0);
	/* Before flags and data are looked at */
	test_err(EINVAL, _test_hwpt_alloc_data(self->fd, edu.devid,
					       self->viommu, 1, 0, NULL, 0,
					       &id));
	test_err(EINVAL, _vdevice_alloc(self->fd, self->viommu, edu.devid, 1,
					&id));
	/* The IOMMU of the machine has no vIOMMUs. */
	err_viommu(EOPNOTSUPP, edu.devid, UNKNOWN_ID, VIOMMU_MOCK, NULL, 0);
	for (uint32_t type = 1; type < 4; type++)
		err_viommu(EOPNOTSUPP, edu.devid, self->parent, type, NULL, 0);
	edu_close(&edu);
}

TEST_F(viommu, attach_needs_a_vdevice)
{
	uint32_t nested, vdevice, other, pt;

	test_ok(_nested_alloc(self->fd, self->dev.idev, self->viommu, &nested));
	test_err_mock_replace(ENOENT, self->dev.stdev, nested);
	/* One at another vIOMMU does not help. */
	test_ok(_viommu_alloc(self->fd, self->dev.idev, self->parent,
			      VIOMMU_MOCK, NULL, 0, &other));
	test_ok(_vdevice_alloc(self->fd, other, self->dev.idev, 7, &vdevice));
	test_err_mock_replace(ENOENT, self->dev.stdev, nested);
	test_destroy(vdevice);
	test_ok(_vdevice_alloc(self->fd, self->viommu, self->dev.idev, 7,
			       &vdevice));
	pt = nested;
	test_mock_replace(self->dev.stdev, &pt);
	ASSERT_EQ(nested, pt);
	test_err_destroy(EBUSY, nested);
	pt = self->ioas;
	test_mock_replace(self->dev.stdev, &pt);
	test_destroy(nested);
}

/* A wrong id where a vIOMMU is meant */
TEST_F(viommu, wrong_types)
{
	const uint32_t ids[] = { 0, UNKNOWN_ID, self->ioas, self->parent,
				 self->dev.idev, self->dev.stdev,
				 self->dev.hwpt };
	uint32_t id;
	int file;

	for (int i = 0; i < ARRAY_SIZE(ids); i++) {
		test_err(ENOENT, _vdevice_alloc(self->fd, ids[i],
						self->dev.idev, 1, &id));
		test_err(ENOENT, _veventq_alloc(self->fd, ids[i], 1, 1, &id,
						&file));
		test_err(ENOENT, _hw_queue_alloc(self->fd, ids[i], 1, 0, 0, 1,
						 &id));
	}
	/* A vIOMMU where something else is meant */
	test_err_mock_replace(EINVAL, self->dev.stdev, self->viommu);
	test_err_hwpt_alloc(ENOENT, self->viommu, self->ioas, &id);
}

#define test_cache(_id, _cache)						\
	test_ok(_check_cache(self->fd, self->dev.idev, _id, _cache))

#define err_invalidate(_errno, _done, _type, _data, _len, _num)		\
	do {								\
		uint32_t __num = (_num);				\
									\
		test_err(_errno, _test_hwpt_invalidate(			\
					 self->fd, self->viommu, _type,	\
					 _data, _len, &__num));		\
		ASSERT_EQ(_done, __num);				\
	} while (0)

TEST_F(viommu, invalidate)
{
	struct iommu_viommu_invalidate_selftest cmd[3] = {
		{ .vdev_id = 0x99, .cache_id = 0 },
		{ .vdev_id = 0x99, .cache_id = 2 },
		{ .vdev_id = 0x99, .cache_id = 3 },
	};
	uint32_t type = IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST, vdevice, num;

	for (uint32_t i = 0; i < 4; i++)
		test_cache(i, IOMMU_TEST_DEV_CACHE_DEFAULT);
	ASSERT_EQ(EINVAL, _check_cache(self->fd, self->dev.idev, 4,
				       IOMMU_TEST_DEV_CACHE_DEFAULT));
	ASSERT_EQ(EINVAL, _check_cache(self->fd, self->dev.idev, 0, 0));
	ASSERT_EQ(ENOENT, _check_cache(self->fd, self->ioas, 0, 0));

	err_invalidate(EINVAL, 0, type, cmd, sizeof(cmd[0]), 1);
	test_ok(_vdevice_alloc(self->fd, self->viommu, self->dev.idev, 0x99,
			       &vdevice));
	/* The probe */
	num = 0;
	test_ok(_test_hwpt_invalidate(self->fd, self->viommu, type, NULL, 0,
				      &num));
	err_invalidate(EINVAL, 0, 0xdadbeef, NULL, 0, 0);
	for (uint32_t len = 1; len < 20; len++) {
		if (len != sizeof(cmd[0]))
			err_invalidate(EINVAL, 0, type, cmd, len, 1);
	}
	err_invalidate(EINVAL, 0, type, NULL, sizeof(cmd[0]), 1);
	err_invalidate(EFAULT, 0, type, (void *)1, sizeof(cmd[0]), 1);

	/* In order, up to the first bad one */
	cmd[1].flags = 2;
	cmd[1].cache_id = 4;
	err_invalidate(EOPNOTSUPP, 1, type, cmd, sizeof(cmd[0]), 3);
	test_cache(0, 0);
	cmd[1].flags = 0;
	cmd[1].vdev_id = 0x98;
	err_invalidate(EINVAL, 1, type, cmd, sizeof(cmd[0]), 3);
	cmd[1].cache_id = 2;
	err_invalidate(EINVAL, 1, type, cmd, sizeof(cmd[0]), 3);
	test_cache(2, IOMMU_TEST_DEV_CACHE_DEFAULT);
	test_cache(3, IOMMU_TEST_DEV_CACHE_DEFAULT);
	cmd[1].vdev_id = 0x99;
	num = 3;
	test_ok(_test_hwpt_invalidate(self->fd, self->viommu, type, cmd,
				      sizeof(cmd[0]), &num));
	ASSERT_EQ(3, num);
	test_cache(2, 0);
	test_cache(3, 0);
	test_cache(1, IOMMU_TEST_DEV_CACHE_DEFAULT);
	cmd[0].flags = IOMMU_TEST_INVALIDATE_FLAG_ALL;
	num = 1;
	test_ok(_test_hwpt_invalidate(self->fd, self->viommu, type, cmd,
				      sizeof(cmd[0]), &num));
	test_cache(1, 0);
}

/* Closing the file destroys everything, whatever depends on what. */
TEST_F(viommu, close_with_everything)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_viommu_selftest data = { .in_data = 1 };
	uint32_t nested, id, other;
	struct mock_dev dev;

	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_ok(_viommu_alloc(self->fd, self->dev.idev, self->parent,
			      VIOMMU_MOCK, &data, sizeof(data), &other));
	test_ok(_vdevice_alloc(self->fd, self->viommu, self->dev.idev, 1, &id));
	test_mock_attach(self->ioas, &dev);
	test_ok(_vdevice_alloc(self->fd, other, dev.idev, 1, &id));
	test_ok(_nested_alloc(self->fd, self->dev.idev, self->viommu, &nested));
	test_mock_replace(self->dev.stdev, &nested);
	for (uint32_t i = 0; i < 2; i++)
		test_ok(_hw_queue_alloc(self->fd, self->viommu,
					IOMMU_HW_QUEUE_TYPE_SELFTEST, i,
					MOCK_IOVA, PAGE, &id));
	test_destroy(dev.stdev);
}

TEST_HARNESS_MAIN
