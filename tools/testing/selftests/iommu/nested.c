// SPDX-License-Identifier: GPL-2.0
/*
 * HWPT_ALLOC with flags and data, nested HWPTs, and HWPT_INVALIDATE, with the
 * mock IOMMU
 */
#include "mock_space.h"
#include "ranges.h"

#define PAGES	16UL
#define NEST	IOMMU_HWPT_ALLOC_NEST_PARENT
#define FAULTS	IOMMU_HWPT_FAULT_ID_VALID
#define PASIDS	IOMMU_HWPT_ALLOC_PASID
#define TYPE	IOMMU_HWPT_DATA_SELFTEST
#define INV	IOMMU_HWPT_INVALIDATE_DATA_SELFTEST

/* The one IOVA range that devices have with the parameter "reserve" */
#define RESERVED_START	0x60000000UL
#define RESERVED_LAST	0x600fffffUL

static const struct iommu_hwpt_selftest data = {
	.iotlb = IOMMU_TEST_IOTLB_DEFAULT,
};

#define test_alloc(_pt, _flags, _type, _data, _len, _hwpt)		\
	test_ok(_test_hwpt_alloc_data(self->fd, self->dev[0].idev, _pt,	\
				      _flags, _type, _data, _len, _hwpt))
#define test_err_alloc(_errno, _dev, _pt, _flags, _type, _data, _len)	\
	do {								\
		uint32_t __hwpt;					\
									\
		test_err(_errno,					\
			 _test_hwpt_alloc_data(self->fd, _dev, _pt, _flags, \
					       _type, _data, _len, &__hwpt)); \
	} while (0)
#define test_nest(_parent, _hwpt)					\
	test_alloc(_parent, 0, TYPE, &data, sizeof(data), _hwpt)

/* All words of the IOTLB */
#define test_iotlb(_hwpt, _a, _b, _c, _d)				\
	do {								\
		const uint32_t __w[] = { _a, _b, _c, _d };		\
									\
		for (uint32_t __i = 0; __i < MOCK_IOTLB_NUM; __i++)	\
			test_ok(_test_check_iotlb(self->fd, _hwpt, __i,	\
						  __w[__i]));		\
	} while (0)

FIXTURE(nested) {
	struct mock;
	uint32_t parent;
	uint8_t *mem;
};

FIXTURE_SETUP(nested)
{
	self->mem = test_mem(mem_scattered(PAGES));
	mock_open(1, MOCK_MEMORY_DEFAULT);
	test_alloc(self->ioas, NEST, 0, NULL, 0, &self->parent);
}

FIXTURE_TEARDOWN(nested)
{
	mock_close();
}

/* Each call has all mistakes that are found later, too. */
TEST_F(nested, order_of_checks)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = 1U << 31,
		.dev_id = 1000,
		.pt_id = 1001,
		.__reserved = 1,
		.data_len = 8,
	};
	uint32_t idev = self->dev[0].idev;

	test_err(EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	test_err_alloc(EINVAL, 1000, 1001, 1U << 31, 0, NULL, 8);
	test_err_alloc(EINVAL, 1000, 1001, 1U << 31, TYPE, NULL, 0);
	test_err_alloc(ENOENT, 1000, 1001, 1U << 31, 99, NULL, 99);
	test_err_alloc(ENOENT, self->ioas, 1001, 1U << 31, 99, NULL, 99);
	test_err_alloc(EINVAL, idev, 1001, 1U << 31, 99, NULL, 99);
	test_err_alloc(EINVAL, idev, idev, 1U << 31, 99, NULL, 99);
	test_err_alloc(EINVAL, idev, self->dev[0].stdev, 1U << 31, 99, NULL,
		       99);
	/* On an IOAS: flags, type, length, pointer */
	test_err_alloc(EOPNOTSUPP, idev, self->ioas, 1U << 31, TYPE, NULL, 9);
	test_err_alloc(EOPNOTSUPP, idev, self->ioas, 0, 99, NULL, 9);
	test_err_alloc(EINVAL, idev, self->ioas, 0, TYPE, NULL, 9);
	test_err_alloc(EFAULT, idev, self->ioas, 0, TYPE, NULL, 8);
	/* On a HWPT: flags, the parent, type, length, pointer */
	test_err_alloc(EOPNOTSUPP, idev, self->dev[0].hwpt, NEST, 99, NULL, 9);
	test_err_alloc(EOPNOTSUPP, idev, self->dev[0].hwpt, 0, 0, NULL, 0);
	test_err_alloc(EINVAL, idev, self->dev[0].hwpt, 0, 99, NULL, 9);
	test_err_alloc(EOPNOTSUPP, idev, self->parent, 0, 99, NULL, 9);
	test_err_alloc(EINVAL, idev, self->parent, 0, TYPE, NULL, 9);
	test_err_alloc(EFAULT, idev, self->parent, 0, TYPE, NULL, 8);
}

TEST_F(nested, not_looked_at)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = self->dev[0].idev,
		.pt_id = self->ioas,
		.data_uptr = 1,
		.fault_id = 1000,
		.__reserved2 = 1,
	};

	test_ok(iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	ASSERT_EQ(1, cmd.__reserved2);
	test_destroy(cmd.out_hwpt_id);
	/* The struct of Linux 6.6 */
	cmd.size = 24;
	test_ok(iommufd_ioctl(self->fd, IOMMU_HWPT_ALLOC, &cmd));
	test_destroy(cmd.out_hwpt_id);
}

TEST_F(nested, flags_of_a_paging_hwpt)
{
	uint32_t idev = self->dev[0].idev, hwpt;

	for (unsigned int bit = 4; bit < 32; bit++)
		test_err_alloc(EOPNOTSUPP, idev, self->ioas, 1U << bit, 0,
			       NULL, 0);
	test_err_alloc(EOPNOTSUPP, idev, self->ioas, NEST | FAULTS, 0, NULL,
		       0);
	test_alloc(self->ioas, NEST | PASIDS, 0, NULL, 0, &hwpt);
	test_destroy(hwpt);
	test_alloc(self->ioas, PASIDS, 0, NULL, 0, &hwpt);
	test_destroy(hwpt);
}

TEST_F(nested, data_of_a_paging_hwpt)
{
	struct iommu_hwpt_selftest bad = { .pagetable_type = 2 };
	uint32_t idev = self->dev[0].idev, hwpt;
	const uint32_t lengths[] = { 4, 5, 8 };
	uint8_t *edge = test_mem(mem_anon(2 * PAGE));
	const uint32_t bad_lengths[] = { 1, 3, 9, PAGE, UINT32_MAX };

	for (int i = 0; i < ARRAY_SIZE(lengths); i++) {
		test_alloc(self->ioas, 0, TYPE, &data, lengths[i], &hwpt);
		test_destroy(hwpt);
	}
	for (int i = 0; i < ARRAY_SIZE(bad_lengths); i++)
		test_err_alloc(EINVAL, idev, self->ioas, 0, TYPE, &data,
			       bad_lengths[i]);
	test_err_alloc(EOPNOTSUPP, idev, self->ioas, 0, TYPE + 1, &data, 8);
	test_err_alloc(EOPNOTSUPP, idev, self->ioas, 0, TYPE, &bad, 8);
	/* Of what is not read the value does not matter. */
	test_alloc(self->ioas, 0, TYPE, &bad, 4, &hwpt);
	test_destroy(hwpt);
	ASSERT_EQ(0, mprotect(edge + PAGE, PAGE, PROT_NONE));
	test_err_alloc(EFAULT, idev, self->ioas, 0, TYPE, edge + PAGE - 4, 8);
	test_alloc(self->ioas, 0, TYPE, edge + PAGE - 4, 4, &hwpt);
}

/* IO pages of 4 KiB and 1 MiB from IOVA 0 on */
TEST_F(nested, page_table_of_the_other_type)
{
	struct iommu_hwpt_selftest huge = { .pagetable_type = 1 };
	uint8_t *mem = test_mem(mem_anon(HUGE));
	uint32_t ioas, hwpt, first;

	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, mem, HUGE, 0, MAP_RW));
	test_err_alloc(EADDRINUSE, self->dev[0].idev, ioas, 0, TYPE, &data,
		       sizeof(data));
	test_alloc(ioas, 0, TYPE, &huge, sizeof(huge), &hwpt);
	test_iova_ranges(ioas, PAGE, { 0, UINT64_MAX });
	test_ok(_test_check_map(self->fd, hwpt, 0, HUGE, mem));
	test_ok(_test_map_fixed(self->fd, ioas, self->mem, PAGES * PAGE,
				-HUGE, MAP_RW));
	test_ok(_test_check_map(self->fd, hwpt, -HUGE, PAGES * PAGE,
				self->mem));
	test_err(EINVAL, _test_map_fixed(self->fd, ioas, self->mem, MOCK_PAGE,
					 HUGE, MAP_RW));
	first = hwpt;
	test_mock_replace(self->dev[0].stdev, &hwpt);
	ASSERT_EQ(first, hwpt);
	test_ok(_test_ioas_unmap(self->fd, ioas, 0, HUGE, NULL));
}

TEST_F(nested, flags_of_a_nested_hwpt)
{
	uint32_t idev = self->dev[0].idev, hwpt;

	for (unsigned int bit = 0; bit < 32; bit++) {
		if ((1U << bit) & (FAULTS | PASIDS))
			continue;
		test_err_alloc(EOPNOTSUPP, idev, self->parent, 1U << bit, TYPE,
			       &data, sizeof(data));
	}
	test_alloc(self->parent, PASIDS, TYPE, &data, sizeof(data), &hwpt);
	test_destroy(hwpt);
}

TEST_F(nested, data_of_a_nested_hwpt)
{
	uint32_t idev = self->dev[0].idev, hwpt;
	const uint32_t bad_lengths[] = { 1, 3, 9, PAGE, UINT32_MAX };
	const struct iommu_hwpt_selftest other = {
		.iotlb = 0x12345678, .pagetable_type = 77,
	};
	uint8_t *edge = test_mem(mem_anon(2 * PAGE));

	for (int i = 0; i < ARRAY_SIZE(bad_lengths); i++)
		test_err_alloc(EINVAL, idev, self->parent, 0, TYPE, &data,
			       bad_lengths[i]);
	test_err_alloc(EOPNOTSUPP, idev, self->parent, 0, TYPE + 1, &data, 8);
	test_err_alloc(EFAULT, idev, self->parent, 0, TYPE, NULL, 8);
	ASSERT_EQ(0, mprotect(edge + PAGE, PAGE, PROT_NONE));
	test_err_alloc(EFAULT, idev, self->parent, 0, TYPE, edge + PAGE - 4, 8);

	for (uint32_t len = 4; len <= 8; len++) {
		test_alloc(self->parent, 0, TYPE, &other, len, &hwpt);
		test_iotlb(hwpt, 0x12345678, 0x12345678, 0x12345678,
			   0x12345678);
		test_destroy(hwpt);
	}
	test_nest(self->parent, &hwpt);
	test_iotlb(hwpt, 0xbadbeef, 0xbadbeef, 0xbadbeef, 0xbadbeef);
	/* Words and objects that are not there */
	test_err(EINVAL, _test_check_iotlb(self->fd, hwpt, 0, 0xbadbeee));
	test_err(EINVAL, _test_check_iotlb(self->fd, hwpt, 4, 0xbadbeef));
	test_err(ENOENT, _test_check_iotlb(self->fd, 1000, 0, 0xbadbeef));
	test_err(ENOENT,
		 _test_check_iotlb(self->fd, self->parent, 0, 0xbadbeef));
}

TEST_F(nested, parents)
{
	uint32_t idev = self->dev[0].idev, hwpt, nested;

	test_nest(self->parent, &nested);
	test_alloc(self->ioas, 0, 0, NULL, 0, &hwpt);
	/* Not made for it, automatic, nested itself */
	test_err_alloc(EINVAL, idev, hwpt, 0, TYPE, &data, 8);
	test_err_alloc(EINVAL, idev, self->dev[0].hwpt, 0, TYPE, &data, 8);
	test_err_alloc(EINVAL, idev, nested, 0, TYPE, &data, 8);
}

TEST_F(nested, life_times)
{
	uint32_t nested[3], pt;

	for (int i = 0; i < ARRAY_SIZE(nested); i++)
		test_nest(self->parent, &nested[i]);
	for (int i = 0; i < ARRAY_SIZE(nested); i++) {
		test_err_destroy(EBUSY, self->parent);
		pt = nested[i];
		test_mock_replace(self->dev[0].stdev, &pt);
		ASSERT_EQ(nested[i], pt);
		test_err_destroy(EBUSY, nested[i]);
		test_err_destroy(EBUSY, self->parent);
		test_err_destroy(EBUSY, self->ioas);
		pt = self->parent;
		test_mock_replace(self->dev[0].stdev, &pt);
		test_destroy(nested[i]);
		test_err_destroy(ENOENT, nested[i]);
	}
	/* The device still is attached to the parent. */
	test_err_destroy(EBUSY, self->parent);
	test_destroy(self->dev[0].stdev);
	test_destroy(self->parent);
	test_destroy(self->ioas);
}

/* A context that is closed with a device on a nested HWPT */
TEST_F(nested, close)
{
	uint32_t nested;

	test_map_fixed(self->mem, PAGES * PAGE, MOCK_IOVA);
	test_nest(self->parent, &nested);
	test_mock_replace(self->dev[0].stdev, &nested);
	test_pinned(PAGES * 4);
}

TEST_F(nested, attach_and_replace)
{
	uint32_t nested[2], other, pt;
	struct mock_dev dev;

	test_map_fixed(self->mem, PAGES * PAGE, MOCK_IOVA);
	for (int i = 0; i < ARRAY_SIZE(nested); i++)
		test_nest(self->parent, &nested[i]);
	test_mock_attach(nested[0], &dev);
	ASSERT_EQ(nested[0], dev.hwpt);

	/* Paging, nested, nested, its parent, nested, automatic */
	const uint32_t way[] = {
		self->parent, nested[0], nested[1], self->parent, nested[1],
		nested[1], self->ioas, nested[0],
	};

	for (int i = 0; i < ARRAY_SIZE(way); i++) {
		pt = way[i];
		test_mock_replace(self->dev[0].stdev, &pt);
		ASSERT_EQ(way[i] == self->ioas, way[i] != pt);
		test_ok(_test_check_map(self->fd, self->parent, MOCK_IOVA,
					PAGES * PAGE, self->mem));
		test_refs(self->mem, PAGES * PAGE, 1);
	}
	/* A failed replace changes nothing. */
	test_mock_param("fail_attach", 1);
	test_err_mock_replace(ENOMEM, self->dev[0].stdev, nested[1]);
	test_err_mock_replace(ENOMEM, self->dev[0].stdev, self->parent);
	test_err_mock_attach(ENOMEM, nested[1]);
	test_mock_param("fail_attach", 0);
	test_err_destroy(EBUSY, nested[0]);
	test_destroy(nested[1]);

	/* A nested HWPT of another IOAS, without the mappings of this one */
	test_ioas_alloc(&other);
	test_alloc(other, NEST, 0, NULL, 0, &other);
	test_nest(other, &nested[1]);
	pt = nested[1];
	test_mock_replace(self->dev[0].stdev, &pt);
	test_destroy(dev.stdev);
	test_destroy(nested[0]);
	test_destroy(self->parent);
	test_pinned(0);
	/* op 3 wants a paging HWPT. */
	test_err(ENOENT, _test_check_map(self->fd, nested[1], MOCK_IOVA, 0,
					 self->mem));
}

/* What the parent's IOAS has while the device is attached */
#define test_reserved(_ioas, _reserved)					\
	do {								\
		if (_reserved)						\
			test_iova_ranges(_ioas, MOCK_PAGE,		\
					 { MOCK_APERTURE_START,		\
					   RESERVED_START - 1 },	\
					 { RESERVED_LAST + 1,		\
					   MOCK_APERTURE_LAST });	\
		else							\
			test_iova_ranges(_ioas, MOCK_PAGE,		\
					 { MOCK_APERTURE_START,		\
					   MOCK_APERTURE_LAST });	\
	} while (0)

TEST_F(nested, reserved_regions_are_on_the_parents_ioas)
{
	uint32_t other, parent, nested, elsewhere, pt;
	struct mock_dev dev;

	test_ioas_alloc(&other);
	test_alloc(other, NEST, 0, NULL, 0, &parent);
	test_nest(self->parent, &nested);
	test_nest(parent, &elsewhere);
	test_reserved(self->ioas, false);

	test_mock_param("reserve", 1);
	test_mock_attach(nested, &dev);
	test_reserved(self->ioas, true);
	test_reserved(other, false);
	/* The parent has the same IOAS. */
	pt = self->parent;
	test_mock_replace(dev.stdev, &pt);
	test_reserved(self->ioas, true);
	pt = nested;
	test_mock_replace(dev.stdev, &pt);
	test_reserved(self->ioas, true);
	pt = elsewhere;
	test_mock_replace(dev.stdev, &pt);
	test_reserved(self->ioas, false);
	test_reserved(other, true);
	/* A mapping in the way */
	test_map_fixed(self->mem, PAGE, RESERVED_START);
	test_err_mock_replace(EADDRINUSE, dev.stdev, nested);
	test_err_mock_attach(EADDRINUSE, nested);
	test_reserved(other, true);
	test_destroy(dev.stdev);
	test_reserved(other, false);
}

#define test_inv(_hwpt, _entries, _num)					\
	do {								\
		uint32_t __num = (_num);				\
									\
		test_ok(_test_hwpt_invalidate(self->fd, _hwpt, INV,	\
					      _entries, 8, &__num));	\
		ASSERT_EQ((_num), __num);				\
	} while (0)
/* Fails, and says that @_done entries were done */
#define test_err_inv(_errno, _hwpt, _type, _entries, _len, _num, _done)	\
	do {								\
		uint32_t __num;						\
									\
		test_err(_errno, ({ __num = (_num);			\
			 _test_hwpt_invalidate(self->fd, _hwpt, _type,	\
					       _entries, _len, &__num); })); \
		EXPECT_EQ((_done), __num);				\
	} while (0)

TEST_F(nested, invalidate)
{
	struct iommu_hwpt_invalidate_selftest entries[4] = {};
	uint32_t hwpt, other;

	test_nest(self->parent, &hwpt);
	test_nest(self->parent, &other);
	entries[0].iotlb_id = 2;
	test_inv(hwpt, entries, 1U);
	test_iotlb(hwpt, 0xbadbeef, 0xbadbeef, 0, 0xbadbeef);
	entries[1].iotlb_id = 3;
	test_inv(hwpt, entries, 3U);
	test_iotlb(hwpt, 0, 0xbadbeef, 0, 0);
	test_iotlb(other, 0xbadbeef, 0xbadbeef, 0xbadbeef, 0xbadbeef);
	entries[0].flags = IOMMU_TEST_INVALIDATE_FLAG_ALL;
	test_inv(other, entries, 1U);
	test_iotlb(other, 0, 0, 0, 0);
	/* Also while a device is attached */
	test_nest(self->parent, &other);
	test_mock_replace(self->dev[0].stdev, &other);
	test_inv(other, entries, 2U);
	test_iotlb(other, 0, 0, 0, 0);
}

/* An empty array asks whether the type is known. */
TEST_F(nested, invalidate_nothing)
{
	uint32_t hwpt;

	test_nest(self->parent, &hwpt);
	test_inv(hwpt, NULL, 0U);
	test_err_inv(EINVAL, hwpt, 0xdadbeef, NULL, 0, 0, 0U);
	test_iotlb(hwpt, 0xbadbeef, 0xbadbeef, 0xbadbeef, 0xbadbeef);
}

TEST_F(nested, invalidate_stops_at_a_bad_entry)
{
	struct iommu_hwpt_invalidate_selftest entries[4] = {
		{ 0, 0 }, { 0, 1 }, { 0, 2 }, { 0, 3 },
	};
	uint8_t *edge = test_mem(mem_anon(2 * PAGE));
	uint32_t hwpt;

	test_nest(self->parent, &hwpt);
	entries[1].flags = 2;
	test_err_inv(EOPNOTSUPP, hwpt, INV, entries, 8, 4, 1U);
	test_iotlb(hwpt, 0, 0xbadbeef, 0xbadbeef, 0xbadbeef);
	entries[1].flags = 0;
	entries[2].iotlb_id = 4;
	test_err_inv(EINVAL, hwpt, INV, entries, 8, 4, 2U);
	test_iotlb(hwpt, 0, 0, 0xbadbeef, 0xbadbeef);
	entries[0].iotlb_id = 4;
	test_err_inv(EINVAL, hwpt, INV, entries, 8, 4, 0U);
	/* Flags come first. */
	entries[0].flags = 1U << 31;
	test_err_inv(EOPNOTSUPP, hwpt, INV, entries, 8, 4, 0U);

	/* Three and a half entries can be read. */
	ASSERT_EQ(0, mprotect(edge + PAGE, PAGE, PROT_NONE));
	test_err_inv(EFAULT, hwpt, INV, edge + PAGE - 28, 8, 4, 3U);
	test_err_inv(EFAULT, hwpt, INV, edge + PAGE, 8, 4, 0U);
}

TEST_F(nested, invalidate_refuses)
{
	struct iommu_hwpt_invalidate_selftest entry = {};
	const uint32_t lengths[] = { 1, 7, 9, PAGE };
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = 1000,
		.entry_num = 1,
		.__reserved = 1,
	};
	uint32_t hwpt;

	test_nest(self->parent, &hwpt);
	/* Each call has all mistakes that are found later, too. */
	test_err(EOPNOTSUPP,
		 iommufd_ioctl(self->fd, IOMMU_HWPT_INVALIDATE, &cmd));
	ASSERT_EQ(0, cmd.entry_num);
	test_err_inv(EINVAL, 1000, 99, NULL, 8, 1, 0U);
	test_err_inv(EINVAL, 1000, 99, &entry, 0, 1, 0U);
	test_err_inv(EINVAL, 1000, 99, &entry, PAGE + 1, 1, 0U);
	test_err_inv(EINVAL, 1000, 99, &entry, 8, (1U << 19) + 1, 0U);
	test_err_inv(EINVAL, 1000, 99, &entry, 8, UINT32_MAX, 0U);
	test_err_inv(ENOENT, 1000, 99, &entry, 9, 1, 0U);
	test_err_inv(ENOENT, 1000, 99, &entry, 9, 1U << 19, 0U);
	/* Without entries nothing is asked of them. */
	test_err_inv(ENOENT, 1000, 99, NULL, PAGE + 1, 0, 0U);
	/* What has no table of user space */
	test_err_inv(EINVAL, self->parent, INV, &entry, 8, 1, 0U);
	test_err_inv(EINVAL, self->ioas, INV, &entry, 8, 1, 0U);
	test_err_inv(EINVAL, self->dev[0].idev, INV, &entry, 8, 1, 0U);
	test_err_inv(EINVAL, hwpt, 0xdadbeef, &entry, 8, 1, 0U);
	for (int i = 0; i < ARRAY_SIZE(lengths); i++)
		test_err_inv(EINVAL, hwpt, INV, &entry, lengths[i], 1, 0U);
	test_iotlb(hwpt, 0xbadbeef, 0xbadbeef, 0xbadbeef, 0xbadbeef);
}

/* As many entries as there may be */
TEST_F(nested, invalidate_many)
{
	uint32_t num = 1U << 19, hwpt;
	struct iommu_hwpt_invalidate_selftest *entries =
		test_mem(mem_anon(num * sizeof(*entries)));

	test_nest(self->parent, &hwpt);
	test_inv(hwpt, entries, num);
	entries[num - 1].iotlb_id = 5;
	test_err_inv(EINVAL, hwpt, INV, entries, 8, num, num - 1);
}

/* The answer cannot be written: that counts more than any other mistake. */
TEST_F(nested, invalidate_without_an_answer)
{
	struct iommu_hwpt_invalidate_selftest entry = { .iotlb_id = 1 };
	struct iommu_hwpt_invalidate *cmd = test_mem(mem_anon(PAGE));
	uint32_t hwpt;

	test_nest(self->parent, &hwpt);
	cmd->size = sizeof(*cmd);
	cmd->hwpt_id = hwpt;
	cmd->data_uptr = (uintptr_t)&entry;
	cmd->data_type = INV;
	cmd->entry_len = sizeof(entry);
	cmd->entry_num = 1;
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_HWPT_INVALIDATE, cmd));
	test_iotlb(hwpt, 0xbadbeef, 0, 0xbadbeef, 0xbadbeef);

	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ | PROT_WRITE));
		cmd->__reserved = i == 0;
		cmd->data_type = i == 1 ? 99 : INV;
		cmd->hwpt_id = i == 2 ? 1000 : hwpt;
		cmd->entry_len = i == 3 ? 0 : sizeof(entry);
		ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
		test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_HWPT_INVALIDATE,
					       cmd));
	}
}

TEST_HARNESS_MAIN
