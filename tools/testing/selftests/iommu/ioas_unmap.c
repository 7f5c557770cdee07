// SPDX-License-Identifier: GPL-2.0
/* IOMMU_IOAS_UNMAP: what a range may take out, in which order, and the count. */
#include "space.h"

#define ULMAX	UINT64_MAX

TEST_F(space, everything_of_an_empty_ioas)
{
	uint64_t unmapped = 1;

	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
}

TEST_F(space, everything)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t unmapped, iova;

	test_map_fixed(mem, 4 * PAGE, 0);
	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_map_fixed(mem, 2 * PAGE, TEST_IOVA + PAGE);
	test_map(mem, PAGE, &iova);
	test_pinned(variant->hwpts ? 8 * 4 : 0);
	test_unmap_all(&unmapped);
	ASSERT_EQ(8 * PAGE, unmapped);
	test_pinned(0);
	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
}

TEST_F(space, overflows)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_err_unmap(EOVERFLOW, ULMAX, PAGE);
	test_err_unmap(EOVERFLOW, PAGE, ULMAX);
	test_err_unmap(EOVERFLOW, ULMAX, ULMAX);
	test_err_unmap(EOVERFLOW, ULMAX - PAGE + 1, 2 * PAGE);
	test_unmap(TEST_IOVA, PAGE);
}

TEST_F(space, length_zero_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_err_unmap(EINVAL, TEST_IOVA, 0);
	test_err_unmap(EINVAL, 0, 0);
	test_unmap(TEST_IOVA, PAGE);
}

TEST_F(space, nothing_there_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_err_unmap(ENOENT, TEST_IOVA, PAGE);
	test_err_unmap(ENOENT, 0, ULMAX - 1);
	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_err_unmap(ENOENT, TEST_IOVA - PAGE, PAGE);
	test_err_unmap(ENOENT, TEST_IOVA + PAGE, PAGE);
	test_unmap(TEST_IOVA, PAGE);
	test_err_unmap(ENOENT, TEST_IOVA, PAGE);
}

TEST_F(space, cutting_a_mapping_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_map_fixed(mem, 4 * PAGE, TEST_IOVA);
	test_err_unmap(ENOENT, TEST_IOVA, PAGE);
	test_err_unmap(ENOENT, TEST_IOVA, 4 * PAGE - 1);
	test_err_unmap(ENOENT, TEST_IOVA + 1, 4 * PAGE - 1);
	test_err_unmap(ENOENT, TEST_IOVA + PAGE, 2 * PAGE);
	test_err_unmap(ENOENT, TEST_IOVA + 3 * PAGE, PAGE);
	test_err_unmap(ENOENT, TEST_IOVA + PAGE, 8 * PAGE);
	test_err_unmap(ENOENT, TEST_IOVA - PAGE, 2 * PAGE);
	test_unmap(TEST_IOVA, 4 * PAGE);
}

TEST_F(space, those_before_the_cut_one_are_gone)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	long page = variant->hwpts ? 4 : 0;
	uint64_t unmapped;

	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_map_fixed(mem, PAGE, TEST_IOVA + PAGE);
	test_map_fixed(mem, 4 * PAGE, TEST_IOVA + 2 * PAGE);
	test_map_fixed(mem, PAGE, TEST_IOVA + 6 * PAGE);
	test_pinned(7 * page);
	ASSERT_EQ(ENOENT, _test_ioas_unmap(self->fd, self->ioas, TEST_IOVA,
					   4 * PAGE, NULL));
	test_pinned(5 * page);
	test_err_unmap(ENOENT, TEST_IOVA, 2 * PAGE);
	test_map_fixed(mem, 2 * PAGE, TEST_IOVA);
	/* The one after the cut is still there. */
	test_unmap(TEST_IOVA + 6 * PAGE, PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(6 * PAGE, unmapped);
}

/* A failed UNMAP answers nothing: the caller's length stays as it was. */
TEST_F(space, failed_unmap_keeps_the_callers_length)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = self->ioas,
		.iova = TEST_IOVA,
		.length = 2 * PAGE,
	};

	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_map_fixed(mem, 2 * PAGE, TEST_IOVA + PAGE);
	ASSERT_EQ(ENOENT, iommufd_ioctl(self->fd, IOMMU_IOAS_UNMAP, &cmd));
	ASSERT_EQ(2 * PAGE, cmd.length);
}

TEST_F(space, count_leaves_out_holes)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, PAGE, TEST_IOVA + PAGE);
	test_map_fixed(mem, 3 * PAGE, TEST_IOVA + 10 * PAGE);
	test_ok(_test_ioas_unmap(self->fd, self->ioas, TEST_IOVA, 1000 * PAGE,
				 &unmapped));
	ASSERT_EQ(4 * PAGE, unmapped);
	test_pinned(0);
}

TEST_F(space, superset_with_odd_borders)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_ok(_test_ioas_unmap(self->fd, self->ioas, TEST_IOVA - 3,
				 PAGE + 5, &unmapped));
	ASSERT_EQ(PAGE, unmapped);
	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_ok(_test_ioas_unmap(self->fd, self->ioas, 0, ULMAX - 1,
				 &unmapped));
	ASSERT_EQ(PAGE, unmapped);
}

TEST_F(unattached, byte_sized_mappings)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, 1, TEST_IOVA);
	test_map_fixed(mem + 5, 7, TEST_IOVA + 1);
	test_map_fixed(mem + 100, PAGE - 8, TEST_IOVA + 8);
	test_err_unmap(ENOENT, TEST_IOVA, 2);
	test_unmap(TEST_IOVA + 1, 7);
	test_unmap_all(&unmapped);
	ASSERT_EQ(PAGE - 8, unmapped);
}

TEST_F(space, iova_is_free_again)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	for (int i = 0; i < 300; i++) {
		test_map_fixed(mem, PAGE, TEST_IOVA);
		test_unmap(TEST_IOVA, PAGE);
	}
	test_pinned(0);
}

TEST_F(space, in_any_order)
{
	const unsigned int n = 257, step = 101;		/* coprime */
	uint8_t *mem = test_mem(mem_anon(n * PAGE));
	long page = variant->hwpts ? 4 : 0;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = i * step % n;

		test_map_fixed(mem + at * PAGE, PAGE, TEST_IOVA + at * PAGE);
	}
	test_pinned(n * page);
	for (unsigned int i = 0; i < n; i++)
		test_unmap(TEST_IOVA + (i * 29 % n) * PAGE, PAGE);
	test_pinned(0);
}

/*
 * Memory that is scattered and memory in one piece in one mapping: pages that
 * were swapped around by mremap() lie in no order.
 */
TEST_F(space, scattered_and_contiguous_runs)
{
	const size_t pages = 640;
	uint8_t *to = test_mem(mem_reserve(pages * PAGE));
	uint8_t *from = test_mem(mem_anon(pages * PAGE));

	for (size_t i = 0; i < pages; i++) {
		/* Every other stretch of 64 pages backwards, the rest as is. */
		size_t j = i / 64 % 2 ? i / 64 * 64 + 63 - i % 64 : i;

		ASSERT_EQ(to + i * PAGE,
			  mremap(from + j * PAGE, PAGE, PAGE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, to + i * PAGE));
	}
	for (int round = 0; round < 3; round++) {
		test_map_fixed(to, pages * PAGE, TEST_IOVA);
		test_pinned(variant->hwpts ? pages * 4 : 0);
		test_unmap(TEST_IOVA, pages * PAGE);
		test_pinned(0);
	}
}

/* The page is the owner's again: the device cannot write to it any more. */
TEST_F(attached, device_loses_access)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	for (int i = 0; i < variant->hwpts; i++) {
		mem_fill(mem, 256, 1);
		test_map_fixed(mem, PAGE, TEST_IOVA);
		ASSERT_TRUE(edu_load(&self->edu[i], TEST_IOVA, 256));
		memset(mem, 0, PAGE);
		ASSERT_TRUE(edu_store(&self->edu[i], TEST_IOVA, 256));
		ASSERT_TRUE(mem_is(mem, 256, 1));
		test_unmap(TEST_IOVA, PAGE);
		memset(mem, 0, PAGE);
		ASSERT_TRUE(edu_store(&self->edu[i], TEST_IOVA, 256));
		ASSERT_TRUE(mem_is_zero(mem, PAGE));
	}
}

TEST_HARNESS_MAIN
