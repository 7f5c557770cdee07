// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_OPTION: what the accounting mode and the option for huge IO pages
 * change, and who can set them when.
 */
#include <linux/capability.h>

#include "space.h"

#define RLIMIT_MODE	IOMMU_OPTION_RLIMIT_MODE
#define HUGE_PAGES	IOMMU_OPTION_HUGE_PAGES
#define SET		IOMMU_OPTION_OP_SET
#define GET		IOMMU_OPTION_OP_GET

FIXTURE(rlimit_mode) {
	int fd;
	uint64_t val;
};

FIXTURE_SETUP(rlimit_mode)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(rlimit_mode)
{
	close(self->fd);
}

TEST_F(rlimit_mode, default_is_per_user)
{
	self->val = 77;
	test_option(RLIMIT_MODE, GET, 0, &self->val);
	ASSERT_EQ(0, self->val);
}

TEST_F(rlimit_mode, set_and_get)
{
	for (uint64_t want = 2; want-- > 0; ) {
		self->val = want;
		test_option(RLIMIT_MODE, SET, 0, &self->val);
		self->val = 77;
		test_option(RLIMIT_MODE, GET, 0, &self->val);
		ASSERT_EQ(want, self->val);
	}
}

TEST_F(rlimit_mode, wants_no_object)
{
	self->val = 0;
	test_err_option(EOPNOTSUPP, RLIMIT_MODE, GET, 1, &self->val);
	test_err_option(EOPNOTSUPP, RLIMIT_MODE, SET, 1, &self->val);
}

TEST_F(rlimit_mode, set_with_an_object_is_ebusy)
{
	uint32_t id;

	test_ioas_alloc(&id);
	self->val = 1;
	test_err_option(EBUSY, RLIMIT_MODE, SET, 0, &self->val);
	/* EBUSY comes before EINVAL. */
	self->val = 2;
	test_err_option(EBUSY, RLIMIT_MODE, SET, 0, &self->val);
	test_option(RLIMIT_MODE, GET, 0, &self->val);
	ASSERT_EQ(0, self->val);
	test_destroy(id);
	self->val = 1;
	test_option(RLIMIT_MODE, SET, 0, &self->val);
}

TEST_F(rlimit_mode, above_one_is_einval)
{
	self->val = 2;
	test_err_option(EINVAL, RLIMIT_MODE, SET, 0, &self->val);
	self->val = 1UL << 32;
	test_err_option(EINVAL, RLIMIT_MODE, SET, 0, &self->val);
	self->val = UINT64_MAX;
	test_err_option(EINVAL, RLIMIT_MODE, SET, 0, &self->val);
}

TEST_F(rlimit_mode, set_needs_cap_sys_resource)
{
	uint32_t id;

	ASSERT_TRUE(drop_capability(CAP_SYS_RESOURCE));
	for (self->val = 0; self->val < 3; self->val++)
		test_err_option(EPERM, RLIMIT_MODE, SET, 0, &self->val);
	/* EPERM comes before EBUSY. */
	test_ioas_alloc(&id);
	self->val = 0;
	test_err_option(EPERM, RLIMIT_MODE, SET, 0, &self->val);
	test_option(RLIMIT_MODE, GET, 0, &self->val);
	ASSERT_EQ(0, self->val);
}

TEST_F(rlimit_mode, unknown_option_or_op)
{
	self->val = 0;
	for (uint32_t option = 2; option < 5; option++)
		test_err_option(EOPNOTSUPP, option, GET, 0, &self->val);
	test_err_option(EOPNOTSUPP, UINT32_MAX, SET, 0, &self->val);
	for (uint16_t op = 2; op < 5; op++)
		test_err_option(EOPNOTSUPP, RLIMIT_MODE, op, 0, &self->val);
	test_err_option(EOPNOTSUPP, RLIMIT_MODE, UINT16_MAX, 0, &self->val);
}

TEST_F(rlimit_mode, only_the_value_is_written_back)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = RLIMIT_MODE,
		.op = GET,
		.val64 = 99,
	};
	struct iommu_option before = cmd;

	ASSERT_EQ(0, iommufd_ioctl(self->fd, IOMMU_OPTION, &cmd));
	before.val64 = 0;
	ASSERT_EQ(0, memcmp(&before, &cmd, sizeof(cmd)));
}

TEST_F(space, huge_pages_are_on_by_default)
{
	uint64_t val = 77;

	test_option(HUGE_PAGES, GET, self->ioas, &val);
	ASSERT_EQ(1, val);
}

TEST_F(space, huge_pages_off_and_on)
{
	struct iommu_iova_range ranges[8];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t val = 0, alignment;

	test_option(HUGE_PAGES, SET, self->ioas, &val);
	val = 77;
	test_option(HUGE_PAGES, GET, self->ioas, &val);
	ASSERT_EQ(0, val);
	/* Every IO page is PAGE_SIZE from here. */
	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
				  &alignment));
	ASSERT_EQ(PAGE, alignment);
	val = 1;
	test_option(HUGE_PAGES, SET, self->ioas, &val);
	test_option(HUGE_PAGES, GET, self->ioas, &val);
	ASSERT_EQ(1, val);
	num = ARRAY_SIZE(ranges);
	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
				  &alignment));
	ASSERT_EQ(self->alignment, alignment);
}

TEST_F(space, huge_pages_above_one_is_einval)
{
	uint64_t val = 2;

	test_err_option(EINVAL, HUGE_PAGES, SET, self->ioas, &val);
	val = UINT64_MAX;
	test_err_option(EINVAL, HUGE_PAGES, SET, self->ioas, &val);
	test_option(HUGE_PAGES, GET, self->ioas, &val);
	ASSERT_EQ(1, val);
}

TEST_F(space, huge_pages_with_a_mapping)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t val = 0;

	test_map_fixed(mem, PAGE, TEST_IOVA);
	if (variant->hwpts) {
		test_err_option(EINVAL, HUGE_PAGES, SET, self->ioas, &val);
		test_option(HUGE_PAGES, GET, self->ioas, &val);
		ASSERT_EQ(1, val);
		test_unmap(TEST_IOVA, PAGE);
		val = 0;
	}
	test_option(HUGE_PAGES, SET, self->ioas, &val);
	val = 1;
	test_option(HUGE_PAGES, SET, self->ioas, &val);
}

TEST_F(unattached, huge_pages_off_with_a_misaligned_mapping)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t val;

	for (int i = 0; i < 3; i++) {
		uint64_t length = PAGE - (i == 0), iova = TEST_IOVA + (i == 1);

		test_map_fixed(mem + (i == 2), length, iova);
		val = 0;
		test_err_option(EADDRINUSE, HUGE_PAGES, SET, self->ioas, &val);
		test_option(HUGE_PAGES, GET, self->ioas, &val);
		ASSERT_EQ(1, val);
		test_unmap(iova, length);
	}
	val = 0;
	test_option(HUGE_PAGES, SET, self->ioas, &val);
	test_err_map_fixed(EINVAL, mem + 1, PAGE, TEST_IOVA);
	test_err_map_fixed(EINVAL, mem, PAGE - 1, TEST_IOVA);
	test_err_map_fixed(EINVAL, mem, PAGE, TEST_IOVA + 1);
	test_map_fixed(mem, PAGE, TEST_IOVA);
}

/* DMA is the same with small IO pages, over huge memory and page borders. */
TEST_F(attached, dma_without_huge_pages)
{
	uint8_t *mem = test_thp(HUGE);
	uint64_t val = 0, at = HUGE - PAGE - 100;

	test_option(HUGE_PAGES, SET, self->ioas, &val);
	test_map_fixed(mem, HUGE, TEST_IOVA);
	test_pinned(HUGE / 1024);
	mem_fill(mem + at, 500, 3);
	ASSERT_TRUE(edu_load(&self->edu[0], TEST_IOVA + at, 500));
	memset(mem + at, 0, 500);
	ASSERT_TRUE(edu_store(&self->edu[0], TEST_IOVA + at, 500));
	ASSERT_TRUE(mem_is(mem + at, 500, 3));
	test_unmap(TEST_IOVA, HUGE);
	test_pinned(0);
}

TEST_HARNESS_MAIN
