// SPDX-License-Identifier: GPL-2.0
/* IOMMU_IOAS_COPY: shared pins, parts and unions of mappings, permissions. */
#include "space.h"

#define SRC	TEST_IOVA
#define DST	(TEST_IOVA + 64 * PAGE)

/* Copy within the fixture's IOAS to a fixed place. */
#define test_copy_fixed(_dst, _src, _length, _flags)			\
	do {								\
		uint64_t __dst = (_dst);				\
									\
		test_copy(self->ioas, &__dst, self->ioas, _src, _length, \
			  (_flags) | MAP_FIXED_IOVA);			\
		ASSERT_EQ(_dst, __dst);					\
	} while (0)

#define test_err_copy_fixed(_errno, _dst, _src, _length, _flags)	\
	do {								\
		uint64_t __dst = (_dst);				\
									\
		test_err_copy(_errno, self->ioas, &__dst, self->ioas,	\
			      _src, _length, (_flags) | MAP_FIXED_IOVA); \
	} while (0)

TEST_F(space, shares_the_pins)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	long once = variant->hwpts ? 32 : 0;
	uint64_t iova = 0;

	test_map_fixed(mem, 8 * PAGE, SRC);
	test_pinned(once);
	test_copy_fixed(DST, SRC, 8 * PAGE, MAP_RW);
	test_copy(self->ioas, &iova, self->ioas, SRC, 8 * PAGE, MAP_RW);
	test_copy(self->ioas, &iova, self->ioas, DST, 8 * PAGE, MAP_READ);
	test_pinned(once);
	/* In whatever order they go, the last one unpins. */
	test_unmap(SRC, 8 * PAGE);
	test_pinned(once);
	test_unmap(iova, 8 * PAGE);
	test_unmap(DST, 8 * PAGE);
	test_pinned(once);
	test_unmap_all(&iova);
	ASSERT_EQ(8 * PAGE, iova);
	test_pinned(0);
}

TEST_F(space, to_another_ioas)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	long once = variant->hwpts ? 32 : 0;
	uint64_t iova = 0, there = SRC;
	uint32_t other;

	test_ioas_alloc(&other);
	test_map_fixed(mem, 8 * PAGE, SRC);
	test_copy(other, &iova, self->ioas, SRC, 8 * PAGE, MAP_RW);
	test_copy(other, &there, self->ioas, SRC, 8 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	ASSERT_EQ(SRC, there);
	test_unmap(SRC, 8 * PAGE);
	/*
	 * No HWPT needs the pages now. What became of the pins meanwhile is
	 * the kernel's business; from the copy they come back.
	 */
	test_copy(self->ioas, &there, other, iova, 8 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_pinned(once);
	test_unmap(SRC, 8 * PAGE);
	test_destroy(other);
	test_pinned(0);
}

TEST_F(space, parts_of_a_mapping)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	long part = variant->hwpts ? 32 : 0;

	test_map_fixed(mem, 8 * PAGE, SRC);
	test_copy_fixed(DST, SRC, PAGE, MAP_RW);
	test_copy_fixed(DST + PAGE, SRC + 3 * PAGE, 2 * PAGE, MAP_RW);
	test_copy_fixed(DST + 3 * PAGE, SRC + 7 * PAGE, PAGE, MAP_RW);
	test_copy_fixed(DST + 4 * PAGE, SRC + PAGE, 7 * PAGE, MAP_RW);
	test_pinned(part);
	test_unmap(SRC, 8 * PAGE);
	test_unmap(DST, PAGE);
	test_unmap(DST + 3 * PAGE, PAGE);
	test_unmap(DST + 4 * PAGE, 7 * PAGE);
	test_unmap(DST + PAGE, 2 * PAGE);
	test_pinned(0);
}

TEST_F(space, across_several_mappings)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, 2 * PAGE, SRC);
	test_map_fixed(mem + 4 * PAGE, 3 * PAGE, SRC + 2 * PAGE);
	test_map_fixed(mem + 2 * PAGE, PAGE, SRC + 5 * PAGE);
	test_copy_fixed(DST, SRC, 6 * PAGE, MAP_RW);
	test_copy_fixed(DST + 8 * PAGE, SRC + PAGE, 4 * PAGE, MAP_RW);
	/* Such a copy is one range at its place, unmapped with others. */
	test_ok(_test_ioas_unmap(self->fd, self->ioas, DST, 6 * PAGE,
				 &unmapped));
	ASSERT_EQ(6 * PAGE, unmapped);
	test_unmap(SRC, 6 * PAGE);
	test_unmap(DST + 8 * PAGE, 4 * PAGE);
	test_pinned(0);
}

TEST_F(space, a_gap_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));

	test_err_copy_fixed(ENOENT, DST, SRC, PAGE, MAP_RW);
	test_map_fixed(mem, 2 * PAGE, SRC);
	test_map_fixed(mem, 2 * PAGE, SRC + 3 * PAGE);
	test_err_copy_fixed(ENOENT, DST, SRC, 3 * PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC, 5 * PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC - PAGE, PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC - PAGE, 2 * PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC + 2 * PAGE, PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC + 4 * PAGE, 2 * PAGE, MAP_RW);
	/* Nothing was left at the target. */
	test_map_fixed(mem, 8 * PAGE, DST);
}

TEST_F(space, write_to_read_only_memory_is_eperm)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = SRC;

	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ | MAP_FIXED_IOVA);
	test_map_fixed(mem, PAGE, SRC + PAGE);
	test_err_copy_fixed(EPERM, DST, SRC, PAGE, MAP_RW);
	test_err_copy_fixed(EPERM, DST, SRC, PAGE, MAP_WRITE);
	test_err_copy_fixed(EPERM, DST, SRC, 2 * PAGE, MAP_RW);
	test_copy_fixed(DST, SRC, 2 * PAGE, MAP_READ);
	test_copy_fixed(DST + 4 * PAGE, SRC + PAGE, PAGE, MAP_RW);
}

/* An unknown IOAS is found before what is wrong with the rest. */
TEST_F(space, order_of_the_checks)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = SRC;

	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ | MAP_FIXED_IOVA);
	iova = DST;
	test_err_copy(ENOENT, 1000, &iova, self->ioas, SRC, PAGE, MAP_RW);
	test_err_copy(ENOENT, self->ioas, &iova, 1000, SRC, 0, MAP_RW);
	test_err_copy(ENOENT, self->ioas, &iova, 1000, -PAGE, 2 * PAGE, MAP_RW);
	test_err_copy(ENOENT, self->ioas, &iova, self->ioas, DST, PAGE, MAP_RW);
	iova = -(PAGE / 2);
	test_err_copy(ENOENT, 1000, &iova, self->ioas, SRC, PAGE,
		      MAP_READ | MAP_FIXED_IOVA);
	test_err_copy(EOVERFLOW, self->ioas, &iova, self->ioas, SRC, PAGE,
		      MAP_READ | MAP_FIXED_IOVA);
	/* What lies in the fields comes before. */
	test_err_copy(EOVERFLOW, 1000, &iova, 1000, SRC, UINT64_MAX, 0);
	test_err_copy(EINVAL, 1000, &iova, 1000, SRC, PAGE, 0);
	test_err_copy(EOPNOTSUPP, 1000, &iova, 1000, SRC, UINT64_MAX, 1U << 31);
	/* Where a COPY without FIXED_IOVA goes is not asked. */
	test_copy(self->ioas, &iova, self->ioas, SRC, PAGE, MAP_READ);
	ASSERT_EQ(PAGE, iova);
}

TEST_F(space, no_permission_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, SRC);
	test_err_copy_fixed(EINVAL, DST, SRC, PAGE, 0);
}

TEST_F(space, copy_arithmetic)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	test_map_fixed(mem, 2 * PAGE, SRC);
	test_err_copy_fixed(EINVAL, DST, SRC, 0, MAP_RW);
	test_err_copy_fixed(EOVERFLOW, UINT64_MAX, SRC, PAGE, MAP_RW);
	test_err_copy_fixed(EOVERFLOW, -PAGE, SRC, 2 * PAGE, MAP_RW);
	test_err_copy_fixed(EOVERFLOW, DST, SRC, UINT64_MAX, MAP_RW);
	test_err_copy_fixed(EOVERFLOW, DST, UINT64_MAX - PAGE + 2, PAGE,
			    MAP_RW);
}

TEST_F(space, over_an_existing_mapping_is_eexist)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_map_fixed(mem, 4 * PAGE, SRC);
	test_err_copy_fixed(EEXIST, SRC, SRC, 4 * PAGE, MAP_RW);
	test_err_copy_fixed(EEXIST, SRC + 3 * PAGE, SRC, 4 * PAGE, MAP_RW);
}

TEST_F(space, unaligned_copy)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_map_fixed(mem, 4 * PAGE, SRC);
	if (variant->hwpts) {
		test_err_copy_fixed(EINVAL, DST + 1, SRC, PAGE, MAP_RW);
		test_err_copy_fixed(EINVAL, DST, SRC, PAGE - 1, MAP_RW);
		test_err_copy_fixed(EINVAL, DST, SRC + 512, PAGE, MAP_RW);
	} else {
		test_copy_fixed(DST + 1, SRC + 7, PAGE - 1, MAP_RW);
		test_unmap(DST + 1, PAGE - 1);
	}
}

TEST_F(space, automatic_iova_of_a_copy)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(16 * PAGE, 16 * PAGE));
	uint64_t iova = 0;

	test_map_fixed(mem, 16 * PAGE, SRC);
	test_copy(self->ioas, &iova, self->ioas, SRC, 16 * PAGE, MAP_RW);
	ASSERT_NE(0, iova);
	ASSERT_NE(SRC, iova);
	ASSERT_EQ(0, iova % (16 * PAGE));
	test_unmap(iova, 16 * PAGE);
}

/* A copy is the same memory for a device, under the permission it was given. */
TEST_F(attached, device_sees_the_copy)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct edu *edu = &self->edu[variant->hwpts - 1];

	test_map_fixed(mem, 4 * PAGE, SRC);
	test_copy_fixed(DST, SRC + 2 * PAGE, 2 * PAGE, MAP_RW);
	test_copy_fixed(DST + 8 * PAGE, SRC, PAGE, MAP_READ);
	mem_fill(mem + 3 * PAGE - 100, 200, 5);
	test_unmap(SRC, 4 * PAGE);
	ASSERT_TRUE(edu_load(edu, DST + PAGE - 100, 200));
	memset(mem, 0, 4 * PAGE);
	ASSERT_TRUE(edu_store(edu, DST, 200));
	ASSERT_TRUE(mem_is(mem + 2 * PAGE, 200, 5));
	/* Write to the read-only copy: refused, memory unchanged. */
	ASSERT_TRUE(edu_store(edu, DST + 8 * PAGE, 200));
	ASSERT_TRUE(mem_is_zero(mem, PAGE));
}

TEST_HARNESS_MAIN
