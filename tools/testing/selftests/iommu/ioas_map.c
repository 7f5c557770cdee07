// SPDX-License-Identifier: GPL-2.0
/* IOMMU_IOAS_MAP: arithmetic, placement, what gets pinned and what is refused. */
#include <linux/limits.h>

#include "space.h"

#define ULMAX	UINT64_MAX

TEST_F(space, iova_plus_length_overflows)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova;

	test_err_map_fixed(EOVERFLOW, mem, PAGE, ULMAX);
	test_err_map_fixed(EOVERFLOW, mem, PAGE, ULMAX - PAGE + 2);
	test_err_map_fixed(EOVERFLOW, mem, 2 * PAGE, ULMAX - PAGE + 1);
	test_err_map_fixed(EOVERFLOW, mem, 0, ULMAX);
	test_err_map_fixed(EOVERFLOW, mem, ULMAX, PAGE);
	test_err_map_fixed(EOVERFLOW, mem, ULMAX - PAGE, PAGE);
	test_err_map_fixed(EOVERFLOW, mem, ULMAX, 0);
	/* Without FIXED_IOVA one value of the field is refused. */
	iova = ULMAX;
	test_err_map(EOVERFLOW, mem, PAGE, &iova);
}

TEST_F(space, automatic_iova_ignores_the_field)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	static const uint64_t fields[] = { ULMAX - 1, ULMAX - PAGE + 1, 1 };
	uint64_t iova;

	for (int i = 0; i < ARRAY_SIZE(fields); i++) {
		iova = fields[i];
		test_map_to(self->ioas, mem, PAGE, &iova, MAP_RW);
		ASSERT_EQ((i + 1) * PAGE, iova);
	}
}

/* The hardware of the other variants ends before. */
TEST_F(unattached, fixed_iova_up_to_the_very_end)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = ULMAX - PAGE + 1, unmapped;

	test_map_fixed(mem, PAGE, iova);
	test_err_map_fixed(EEXIST, mem, 2 * PAGE, iova - PAGE);
	test_copy(self->ioas, &iova, self->ioas, ULMAX - PAGE + 1, PAGE / 2,
		  MAP_RW);
	test_unmap(ULMAX - PAGE + 1, PAGE);
	iova = ULMAX - PAGE / 2 + 1;
	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_copy(self->ioas, &iova, self->ioas, TEST_IOVA, PAGE / 2,
		  MAP_RW | MAP_FIXED_IOVA);
	test_unmap_all(&unmapped);
	ASSERT_EQ(2 * PAGE, unmapped);
}

/* Flags and the bounds of the fields come first, then the IOAS, then the rest. */
TEST_F(space, unknown_ioas_comes_before_length_and_addresses)
{
	static const struct {
		uint64_t va, length, iova;
		uint32_t flags;
		int rc;
	} call[] = {
		{ PAGE, 0, TEST_IOVA, MAP_RW | MAP_FIXED_IOVA, ENOENT },
		{ -PAGE, 2 * PAGE, TEST_IOVA, MAP_RW | MAP_FIXED_IOVA, ENOENT },
		{ PAGE, 2 * PAGE, -PAGE, MAP_RW | MAP_FIXED_IOVA, ENOENT },
		{ PAGE, ULMAX / 2, 0, MAP_RW, ENOENT },
		{ PAGE, ULMAX, 0, MAP_RW, EOVERFLOW },
		{ PAGE, PAGE, ULMAX, MAP_RW, EOVERFLOW },
		{ PAGE, ULMAX, ULMAX, 0, EOVERFLOW },
		{ PAGE, PAGE, 0, 0, EINVAL },
		{ PAGE, ULMAX, ULMAX, 1U << 31, EOPNOTSUPP },
	};

	for (int i = 0; i < ARRAY_SIZE(call); i++) {
		uint64_t iova = call[i].iova;

		test_err(call[i].rc,
			 _test_ioas_map(self->fd, 1000, (void *)call[i].va,
					call[i].length, &iova, call[i].flags));
		ASSERT_EQ(call[i].iova, iova);
	}
}

TEST_F(space, user_va_plus_length_overflows)
{
	uint64_t iova = 0;

	test_err_map_fixed(EOVERFLOW, (void *)-PAGE, 2 * PAGE, TEST_IOVA);
	test_err_map_fixed(EOVERFLOW, (void *)(3 * PAGE), -(2 * PAGE), 0);
	test_err_map(EOVERFLOW, (void *)-PAGE, 2 * PAGE, &iova);
}

TEST_F(space, length_zero_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_err_map(EINVAL, mem, 0, &iova);
	test_err_map_fixed(EINVAL, mem, 0, TEST_IOVA);
	test_err_map_fixed(EINVAL, mem, 0, 0);
}

TEST_F(space, half_the_address_space_overflows_without_fixed)
{
	uint64_t iova = 0;

	test_err_map(EOVERFLOW, NULL, ULMAX / 2 + 1, &iova);
	test_err_map(EOVERFLOW, NULL, ULMAX - 2 * PAGE + 1, &iova);
}

TEST_F(space, no_permission_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_err(EINVAL, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
					0));
	iova = TEST_IOVA;
	test_err(EINVAL, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
					MAP_FIXED_IOVA));
}

TEST_F(space, each_permission_alone_is_enough)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ);
	test_map_to(self->ioas, mem, PAGE, &iova, MAP_WRITE);
	test_map_to(self->ioas, mem, PAGE, &iova, MAP_RW);
	test_pinned(variant->hwpts ? 12 : 0);
}

TEST_F(space, unaligned)
{
	static const struct { uint32_t va, length, iova; } shift[] = {
		{ 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 1, 1, 1 },
		{ 2048, 0, 2048 }, { 4095, 4095, 4095 }, { 512, 512, 0 },
	};
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	for (int i = 0; i < ARRAY_SIZE(shift); i++) {
		uint8_t *va = mem + shift[i].va;
		uint64_t length = PAGE + shift[i].length;
		uint64_t iova = TEST_IOVA + shift[i].iova;

		if (variant->hwpts) {
			test_err_map_fixed(EINVAL, va, length, iova);
		} else {
			test_map_fixed(va, length, iova);
			test_unmap(iova, length);
		}
	}
}

TEST_F(space, unaligned_without_fixed)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = 0;

	if (variant->hwpts) {
		test_err_map(EINVAL, mem + 0x123, PAGE, &iova);
		test_err_map(EINVAL, mem, 0x123, &iova);
		return;
	}
	test_map(mem + 0x123, 0x10, &iova);
	EXPECT_NE(0, iova);
	EXPECT_EQ(0x123, iova % PAGE);
	test_unmap(iova, 0x10);
	test_map(mem + PAGE - 1, 2, &iova);
	EXPECT_EQ(PAGE - 1, iova % PAGE);
}

TEST_F(space, iova_zero_can_be_asked_for)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, 0);
	test_unmap(0, PAGE);
}

TEST_F(space, automatic_iova_is_never_zero)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova;

	for (int i = 0; i < 8; i++) {
		test_map(mem, PAGE, &iova);
		ASSERT_NE(0, iova);
		ASSERT_EQ(0, iova % PAGE);
	}
}

TEST_F(unattached, automatic_iova_is_never_in_the_first_or_last_page)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range ends[] = {
		{ 0, 2 * PAGE - 1 }, { ULMAX - 2 * PAGE + 1, ULMAX },
	};
	uint64_t iova;

	/* Not even where the offset in the page is not 0 */
	test_map(mem + 5, 10, &iova);
	ASSERT_EQ(PAGE + 5, iova);
	test_unmap(PAGE + 5, 10);
	test_allow_iovas(ends, 2);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(PAGE, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(ends[1].start, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_err_map(ENOSPC, mem + 5, 10, &iova);
}

/* 2 MiB of alignment are enough for what is larger. */
TEST_F(unattached, alignment_of_an_automatic_iova_is_capped)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(8 * HUGE, 8 * HUGE));
	uint64_t iova;

	test_map(mem, 8 * HUGE, &iova);
	ASSERT_EQ(HUGE, iova);
	test_map(mem, 3 * HUGE, &iova);
	ASSERT_EQ(9 * HUGE, iova);
	test_map(mem + HUGE, PAGE, &iova);
	ASSERT_EQ(PAGE, iova);
}

TEST_F(space, automatic_iova_is_the_lowest_that_fits)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(16 * PAGE, 16 * PAGE));
	uint64_t iova[8], again;

	for (int i = 0; i < ARRAY_SIZE(iova); i++) {
		test_map(mem, PAGE, &iova[i]);
		if (i)
			ASSERT_EQ(iova[i - 1] + PAGE, iova[i]);
	}
	/* Of two holes that fit the lower is taken. */
	test_unmap(iova[5], PAGE);
	test_unmap(iova[2], PAGE);
	test_map(mem, PAGE, &again);
	ASSERT_EQ(iova[2], again);
	test_map(mem, PAGE, &again);
	ASSERT_EQ(iova[5], again);
	/* A hole that is too small is passed over. */
	test_unmap(iova[2], PAGE);
	test_map(mem, 2 * PAGE, &again);
	ASSERT_GT(again, iova[7]);
	test_map(mem, PAGE, &again);
	ASSERT_EQ(iova[2], again);
}

TEST_F(space, automatic_iova_is_aligned_for_huge_io_pages)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(8 * HUGE, 4 * HUGE));
	static const struct { size_t offset, length, align; } want[] = {
		{ 0, PAGE, PAGE },
		{ PAGE, 4 * PAGE, PAGE },
		{ 2 * PAGE, 16 * PAGE, 2 * PAGE },
		{ 0, 3 * PAGE, 4 * PAGE },
		{ 0, 64 * 1024, 64 * 1024 },
	};
	uint64_t iova;

	for (int i = 0; i < ARRAY_SIZE(want); i++) {
		test_map(mem + want[i].offset, want[i].length, &iova);
		ASSERT_EQ(0, iova % want[i].align);
	}
	if (variant->hwpts)
		return;		/* nothing more to learn from pinning it all */
	test_map(mem, HUGE, &iova);
	ASSERT_EQ(0, iova % HUGE);
	test_map(mem, 3 * HUGE, &iova);
	ASSERT_EQ(0, iova % HUGE);
	test_map(mem + HUGE, 4 * HUGE, &iova);
	ASSERT_EQ(0, iova % HUGE);
}

TEST_F(space, over_an_existing_mapping_is_eexist)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));

	test_map_fixed(mem, 4 * PAGE, TEST_IOVA);
	test_err_map_fixed(EEXIST, mem, 4 * PAGE, TEST_IOVA);
	test_err_map_fixed(EEXIST, mem, PAGE, TEST_IOVA);
	test_err_map_fixed(EEXIST, mem, PAGE, TEST_IOVA + 3 * PAGE);
	test_err_map_fixed(EEXIST, mem, 2 * PAGE, TEST_IOVA - PAGE);
	test_err_map_fixed(EEXIST, mem, 2 * PAGE, TEST_IOVA + 3 * PAGE);
	test_err_map_fixed(EEXIST, mem, 8 * PAGE, TEST_IOVA - 2 * PAGE);
	/* Neighbours are no overlap. */
	test_map_fixed(mem, PAGE, TEST_IOVA - PAGE);
	test_map_fixed(mem, PAGE, TEST_IOVA + 4 * PAGE);
}

TEST_F(space, reserved_range_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t top;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	if (!variant->hwpts) {
		/* Nothing is reserved: the very last page maps. */
		ASSERT_EQ(1, num);
		test_map_fixed(mem, PAGE, ULMAX - PAGE + 1);
		return;
	}
	ASSERT_GE(num, 2);
	for (int i = 0; i < num; i++) {
		top = ranges[i].last;
		/* Not every IOMMU has an end. */
		if (top == UINT64_MAX)
			continue;
		test_err_map_fixed(EINVAL, mem, PAGE, top + 1);
		test_err_map_fixed(EINVAL, mem, 2 * PAGE, top - PAGE + 1);
		/* The last page below it is fine. */
		test_map_fixed(mem, PAGE, top - PAGE + 1);
	}
	test_err_map_fixed(EINVAL, mem, PAGE, 0xfee00000);
	test_err_map_fixed(EINVAL, mem, PAGE, 0xfeeff000);
}

TEST_F(attached, automatic_iova_avoids_reserved_ranges)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range allowed = {
		0xfedff000, 0xfef00fff
	};
	uint64_t iova;

	/* Fill what lies below the MSI window, from its last page on. */
	test_map(mem, PAGE, &iova);
	test_map_fixed(mem, PAGE, allowed.start);
	test_err(EADDRINUSE, _test_allow_iovas(self->fd, self->ioas, &allowed,
					       1));
	{
		struct iommu_iova_range sides[] = {
			{ allowed.start, 0xfedfffff },
			{ 0xfef00000, allowed.last },
		};

		test_allow_iovas(sides, 2);
	}
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(0xfef00000, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(space, outside_the_allowed_list_only_fixed)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct iommu_iova_range allowed = {
		TEST_IOVA, TEST_IOVA + 2 * PAGE - 1
	};
	uint64_t iova = 0;

	test_allow_iovas(&allowed, 1);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(TEST_IOVA, iova);
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(TEST_IOVA + PAGE, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_map_fixed(mem, PAGE, TEST_IOVA + 2 * PAGE);
	test_map_fixed(mem, PAGE, TEST_IOVA - PAGE);
}

/*
 * With no HWPT nothing looks at the memory; with one it is checked and pinned
 * whole or not at all.
 */
TEST_F(space, memory_that_is_not_there)
{
	uint8_t *hole = test_mem(mem_reserve(2UL << 30));
	uint64_t iova = 0;

	ASSERT_EQ(0, munmap(hole, 2UL << 30));
	if (variant->hwpts) {
		test_err_map(EFAULT, hole, 2UL << 30, &iova);
		test_err_map_fixed(EFAULT, hole, PAGE, TEST_IOVA);
		test_err_map_fixed(EFAULT, NULL, PAGE, TEST_IOVA);
	} else {
		test_map_fixed(hole, 2UL << 30, 1UL << 40);
		test_map_fixed(NULL, PAGE, TEST_IOVA);
	}
	test_pinned(0);
}

TEST_F(space, a_hole_midway_leaves_nothing)
{
	const size_t pages = 1024;
	uint8_t *mem = test_mem(mem_anon(pages * PAGE));
	static const size_t holes[] = { 0, 1, 511, 512, 513, 1023 };

	for (int i = 0; i < ARRAY_SIZE(holes); i++) {
		uint8_t *hole = mem + holes[i] * PAGE;
		uint8_t *again;

		ASSERT_EQ(0, munmap(hole, PAGE));
		if (variant->hwpts) {
			test_err_map_fixed(EFAULT, mem, pages * PAGE,
					   TEST_IOVA);
		} else {
			test_map_fixed(mem, pages * PAGE, TEST_IOVA);
			test_unmap(TEST_IOVA, pages * PAGE);
		}
		again = mmap(hole, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT_EQ(hole, again);
	}
	/* The IOVA was left free and the memory usable. */
	test_map_fixed(mem, pages * PAGE, TEST_IOVA);
	test_pinned(variant->hwpts ? pages * 4 : 0);
	test_unmap(TEST_IOVA, pages * PAGE);
	test_pinned(0);
}

TEST_F(attached, above_user_space_is_efault)
{
	uint64_t iova = 0;

	test_err_map(EFAULT, (void *)0xffff888000000000, PAGE, &iova);
	test_err_map(EFAULT, (void *)0x800000000000, PAGE, &iova);
	test_err_map(EFAULT, (void *)(-PAGE - PAGE), PAGE, &iova);
}

TEST_F(attached, protections_of_the_memory)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = 0;

	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_NONE));
	test_err_map(EFAULT, mem, PAGE, &iova);
	test_err(EFAULT, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
				      MAP_WRITE));
	test_err(EFAULT, _test_ioas_map(self->fd, self->ioas, mem + PAGE, PAGE,
				      &iova, MAP_READ));
	test_err(EFAULT, _test_ioas_map(self->fd, self->ioas, mem, 2 * PAGE,
				      &iova, MAP_READ));
	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ);
}

TEST_F(space, two_maps_are_two_pins)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	long once = variant->hwpts ? 32 : 0;
	uint64_t iova[3];

	for (int i = 0; i < 3; i++) {
		test_map(mem, 8 * PAGE, &iova[i]);
		test_pinned(once * (i + 1));
	}
	for (int i = 0; i < 3; i++) {
		test_unmap(iova[i], 8 * PAGE);
		test_pinned(once * (2 - i));
	}
}

TEST_F(space, map_does_not_touch_memory_of_the_caller)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));

	mem_fill(mem, 16 * PAGE, 7);
	test_map_fixed(mem, 16 * PAGE, TEST_IOVA);
	ASSERT_TRUE(mem_is(mem, 16 * PAGE, 7));
	test_unmap(TEST_IOVA, 16 * PAGE);
	ASSERT_TRUE(mem_is(mem, 16 * PAGE, 7));
}

TEST_F(space, thousands_of_mappings)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova, unmapped, last = 0;
	const int n = 4000;

	for (int i = 0; i < n; i++) {
		test_map(mem, PAGE, &iova);
		ASSERT_EQ(last ? last + PAGE : iova, iova);
		last = iova;
	}
	test_pinned(variant->hwpts ? n * 4 : 0);
	test_unmap_all(&unmapped);
	ASSERT_EQ(n * PAGE, unmapped);
	test_pinned(0);
}

TEST_HARNESS_MAIN
