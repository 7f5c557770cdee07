// SPDX-License-Identifier: GPL-2.0
/*
 * UNMAP with no, one and two page tables: what a range takes out, how many bytes
 * that were, and what is left when it stops midway.
 */
#include "mock_space.h"

#define ULMAX	UINT64_MAX

TEST_F(mock, everything)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t unmapped = 1;

	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
	test_map_fixed(mem, MOCK_PAGE, MOCK_IOVA);
	test_map_fixed(mem, 8 * PAGE, MOCK_IOVA + PAGE);
	test_map_fixed(mem, PAGE, MOCK_APERTURE_LAST + 1 - PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(9 * PAGE + MOCK_PAGE, unmapped);
	test_refs(mem, 8 * PAGE, 0);
	test_maps_not(MOCK_IOVA, mem);
	test_maps_not(MOCK_IOVA + PAGE, mem);
	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
}

TEST_F(mock, overflows_and_length_zero)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_err_unmap(EOVERFLOW, ULMAX, PAGE);
	test_err_unmap(EOVERFLOW, PAGE, ULMAX);
	test_err_unmap(EOVERFLOW, ULMAX - PAGE + 1, 2 * PAGE);
	test_err_unmap(EINVAL, MOCK_IOVA, 0);
	test_err_unmap(EINVAL, 0, 0);
	test_maps(MOCK_IOVA, PAGE, mem);
	test_mapped_refs(mem, PAGE, 1);
}

TEST_F(mock, nothing_there_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_err_unmap(ENOENT, MOCK_IOVA, PAGE);
	test_err_unmap(ENOENT, 0, ULMAX - 1);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_err_unmap(ENOENT, MOCK_IOVA - PAGE, PAGE);
	test_err_unmap(ENOENT, MOCK_IOVA + PAGE, ULMAX - MOCK_IOVA - PAGE);
	test_unmap(MOCK_IOVA, PAGE);
	test_err_unmap(ENOENT, MOCK_IOVA, PAGE);
}

TEST_F(mock, cutting_a_mapping_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	static const struct { long start, end; } cut[] = {
		{ 0, 1 }, { 0, 3 }, { 1, 4 }, { 1, 3 }, { -1, 1 }, { -1, 3 },
		{ 1, 5 }, { 3, 8 },
	};

	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	for (int i = 0; i < ARRAY_SIZE(cut); i++)
		test_err_unmap(ENOENT, MOCK_IOVA + cut[i].start * PAGE,
			       (cut[i].end - cut[i].start) * PAGE);
	test_err_unmap(ENOENT, MOCK_IOVA + 1, 4 * PAGE);
	test_err_unmap(ENOENT, MOCK_IOVA, 4 * PAGE - 1);
	test_maps(MOCK_IOVA, 4 * PAGE, mem);
	test_mapped_refs(mem, 4 * PAGE, 1);
	test_unmap(MOCK_IOVA, 4 * PAGE);
}

TEST_F(mock, those_before_the_cut_one_are_gone)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t unmapped = 77;

	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_map_fixed(mem + PAGE, PAGE, MOCK_IOVA + 2 * PAGE);
	test_map_fixed(mem + 2 * PAGE, 2 * PAGE, MOCK_IOVA + 3 * PAGE);
	ASSERT_EQ(ENOENT, _test_ioas_unmap(self->fd, self->ioas, MOCK_IOVA,
					   4 * PAGE, &unmapped));
	test_refs(mem, 2 * PAGE, 0);
	test_mapped_refs(mem + 2 * PAGE, 2 * PAGE, 1);
	test_maps_not(MOCK_IOVA, mem);
	test_maps_not(MOCK_IOVA + 2 * PAGE, mem + PAGE);
	test_maps(MOCK_IOVA + 3 * PAGE, 2 * PAGE, mem + 2 * PAGE);
	test_mapped_pinned(2 * PAGE);
}

/* What a failed UNMAP has removed is not counted again, nor is what it left. */
TEST_F(mock, bytes_add_up_over_a_failure_midway)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	const unsigned long n = 100;
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = self->ioas,
		.iova = MOCK_IOVA,
		.length = (2 * n + 1) * PAGE,
	};
	uint64_t unmapped;

	for (unsigned long i = 0; i < n; i++)
		test_map_fixed(mem, PAGE, MOCK_IOVA + i * 2 * PAGE);
	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA + n * 2 * PAGE);
	test_map_fixed(mem, PAGE, MOCK_IOVA + 1000 * PAGE);
	ASSERT_EQ(ENOENT, iommufd_ioctl(self->fd, IOMMU_IOAS_UNMAP, &cmd));
	/* A failed command writes nothing back. */
	ASSERT_EQ((2 * n + 1) * PAGE, cmd.length);
	test_mapped_pinned(5 * PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(5 * PAGE, unmapped);
}

TEST_F(mock, holes_are_not_counted)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_map_fixed(mem, MOCK_PAGE, MOCK_IOVA + 16 * PAGE);
	test_map_fixed(mem, 2 * PAGE, MOCK_IOVA + (1UL << 28));
	test_ok(_test_ioas_unmap(self->fd, self->ioas, MOCK_IOVA - 3 * PAGE,
				 1UL << 29, &unmapped));
	ASSERT_EQ(3 * PAGE + MOCK_PAGE, unmapped);
	test_refs(mem, 2 * PAGE, 0);
}

/*
 * Neighbours are taken out of a page table together; the mock complains when
 * that cuts a mapping, the ones on both sides must be untouched.
 */
TEST_F(mock, neighbours_go_together)
{
	uint8_t *mem = test_mem(mem_anon(64 * PAGE));
	unsigned long at = 0, ends[12];

	for (int i = 0; i < ARRAY_SIZE(ends); i++) {
		unsigned long length = (i * 5 % 7 + 1) * MOCK_PAGE;

		test_map_fixed(mem + at, length, MOCK_IOVA + at);
		at += length;
		ends[i] = at;
	}
	test_unmap(MOCK_IOVA + ends[2], ends[9] - ends[2]);
	test_maps(MOCK_IOVA, ends[2], mem);
	test_maps(MOCK_IOVA + ends[9], ends[11] - ends[9], mem + ends[9]);
	for (unsigned long i = ends[2]; i < ends[9]; i += MOCK_PAGE)
		test_maps_not(MOCK_IOVA + i, mem + i);
	test_map_fixed(mem + ends[2], ends[9] - ends[2], MOCK_IOVA + ends[2]);
	test_maps(MOCK_IOVA, at, mem);
	test_unmap(MOCK_IOVA, at);
	test_refs(mem, 64 * PAGE, 0);
}

/* More mappings than the kernel would want to take out in one go. */
TEST_F(mock, thousands_in_one_range)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	const unsigned long n = 1500;

	for (unsigned long i = 0; i < n; i++)
		test_map_fixed(mem, MOCK_PAGE, MOCK_IOVA + i * MOCK_PAGE);
	test_mapped_pinned(n * PAGE);
	test_unmap(MOCK_IOVA, n * MOCK_PAGE);
	test_pinned(0);
	test_refs(mem, PAGE, 0);
}

TEST_F(mock, destroying_the_ioas_unmaps)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint32_t ioas, hwpt;
	uint64_t iova = MOCK_IOVA;

	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, mem, 8 * PAGE, MOCK_IOVA,
				MAP_RW));
	if (!variant->domains) {
		test_destroy(ioas);
		test_err(ENOENT, _test_ioas_unmap(self->fd, ioas, 0, ULMAX,
						  NULL));
		return;
	}
	test_hwpt_alloc(self->dev[0].idev, ioas, &hwpt);
	test_refs(mem, 8 * PAGE, 1);
	test_err_destroy(EBUSY, ioas);
	test_copy(self->ioas, &iova, ioas, MOCK_IOVA, 8 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_destroy(hwpt);
	test_destroy(ioas);
	/* The copy keeps what it has. */
	test_refs(mem, 8 * PAGE, 1);
	test_maps(MOCK_IOVA, 8 * PAGE, mem);
	test_unmap(MOCK_IOVA, 8 * PAGE);
	test_refs(mem, 8 * PAGE, 0);
}

TEST_F(mock, memory_may_be_gone_already)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));

	test_map_fixed(mem, 8 * PAGE, MOCK_IOVA);
	test_mapped_pinned(8 * PAGE);
	ASSERT_EQ(0, munmap(mem, 8 * PAGE));
	test_mapped_pinned(8 * PAGE);
	test_unmap(MOCK_IOVA, 8 * PAGE);
	test_pinned(0);
}

TEST_F(mock, answer_that_cannot_be_written_is_efault)
{
	struct iommu_ioas_unmap *cmd = test_mem(mem_anon(PAGE));
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, MOCK_IOVA);
	*cmd = (struct iommu_ioas_unmap){
		.size = sizeof(*cmd),
		.ioas_id = self->ioas,
		.iova = MOCK_IOVA,
		.length = PAGE,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	ASSERT_EQ(EFAULT, iommufd_ioctl(self->fd, IOMMU_IOAS_UNMAP, cmd));
	/* It is unmapped all the same. */
	test_refs(mem, PAGE, 0);
	test_err_unmap(ENOENT, MOCK_IOVA, PAGE);
}

TEST_HARNESS_MAIN
