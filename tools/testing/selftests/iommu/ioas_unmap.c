// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_UNMAP: which mappings a range removes, the number of bytes that it
 * answers, and what is left after a failure midway.
 */
#include "ioas.h"

TEST_F(ioas, unmap_all_of_an_empty_ioas)
{
	uint64_t unmapped = 1;

	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
}

TEST_F(ioas, unmap_all)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t unmapped, iova;

	test_map_fixed(mem, 4 * PAGE, FIRST_IOVA);
	test_map_fixed(mem, IO_PAGE, IOVA);
	test_map_fixed(mem, 8 * PAGE, IOVA + PAGE);
	test_map_fixed(mem, PAGE, IOVA + 9 * PAGE);
	test_map_fixed(mem, PAGE, MOCK_APERTURE_LAST + 1 - PAGE);
	test_map(mem, PAGE, &iova);
	test_mapped_pinned(16 * PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(15 * PAGE + IO_PAGE, unmapped);
	test_pinned(0);
	test_refs(mem, 8 * PAGE, 0);
	test_domains_lack(IOVA, mem);
	test_domains_lack(IOVA + PAGE, mem);
	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
}

TEST_F(ioas, iova_plus_length_overflows)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, IOVA);
	test_err_unmap(EOVERFLOW, ULMAX, PAGE);
	test_err_unmap(EOVERFLOW, PAGE, ULMAX);
	test_err_unmap(EOVERFLOW, ULMAX, ULMAX);
	test_err_unmap(EOVERFLOW, ULMAX - PAGE + 1, 2 * PAGE);
	test_domains_have(IOVA, PAGE, mem);
	test_mapped_refs(mem, PAGE, 1);
	test_unmap(IOVA, PAGE);
}

TEST_F(ioas, length_zero_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, IOVA);
	test_err_unmap(EINVAL, IOVA, 0);
	test_err_unmap(EINVAL, 0, 0);
	test_domains_have(IOVA, PAGE, mem);
	test_mapped_refs(mem, PAGE, 1);
	test_unmap(IOVA, PAGE);
}

TEST_F(ioas, empty_range_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_err_unmap(ENOENT, IOVA, PAGE);
	test_err_unmap(ENOENT, 0, ULMAX - 1);
	test_map_fixed(mem, PAGE, IOVA);
	test_err_unmap(ENOENT, IOVA - PAGE, PAGE);
	test_err_unmap(ENOENT, IOVA + PAGE, PAGE);
	test_err_unmap(ENOENT, IOVA + PAGE, ULMAX - IOVA - PAGE);
	test_unmap(IOVA, PAGE);
	test_err_unmap(ENOENT, IOVA, PAGE);
}

TEST_F(ioas, part_of_a_mapping_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	static const struct { long start, end; } cut[] = {
		{ 0, 1 }, { 0, 3 }, { 1, 4 }, { 1, 3 }, { 3, 4 }, { -1, 1 },
		{ -1, 3 }, { 1, 5 }, { 1, 9 }, { 3, 8 },
	};

	test_map_fixed(mem, 4 * PAGE, IOVA);
	for (int i = 0; i < ARRAY_SIZE(cut); i++)
		test_err_unmap(ENOENT, IOVA + cut[i].start * PAGE,
			       (cut[i].end - cut[i].start) * PAGE);
	test_err_unmap(ENOENT, IOVA + 1, 4 * PAGE);
	test_err_unmap(ENOENT, IOVA + 1, 4 * PAGE - 1);
	test_err_unmap(ENOENT, IOVA, 4 * PAGE - 1);
	test_domains_have(IOVA, 4 * PAGE, mem);
	test_mapped_refs(mem, 4 * PAGE, 1);
	test_unmap(IOVA, 4 * PAGE);
}

TEST_F(ioas, mappings_before_the_failing_one_are_unmapped)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, PAGE, IOVA);
	test_map_fixed(mem + PAGE, PAGE, IOVA + PAGE);
	test_map_fixed(mem + 2 * PAGE, PAGE, IOVA + 3 * PAGE);
	test_map_fixed(mem + 3 * PAGE, 4 * PAGE, IOVA + 4 * PAGE);
	test_map_fixed(mem + 7 * PAGE, PAGE, IOVA + 8 * PAGE);
	test_mapped_pinned(8 * PAGE);
	ASSERT_EQ(ENOENT, _test_ioas_unmap(self->fd, self->ioas, IOVA,
					   6 * PAGE, NULL));
	test_mapped_pinned(5 * PAGE);
	test_refs(mem, 3 * PAGE, 0);
	test_mapped_refs(mem + 3 * PAGE, 5 * PAGE, 1);
	test_domains_lack(IOVA, mem);
	test_domains_lack(IOVA + PAGE, mem + PAGE);
	test_domains_lack(IOVA + 3 * PAGE, mem + 2 * PAGE);
	test_domains_have(IOVA + 4 * PAGE, 5 * PAGE, mem + 3 * PAGE);
	test_err_unmap(ENOENT, IOVA, 2 * PAGE);
	test_map_fixed(mem, 2 * PAGE, IOVA);
	/* The mapping behind the failing one is still there. */
	test_unmap(IOVA + 8 * PAGE, PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(6 * PAGE, unmapped);
}

/* A failed UNMAP does not write the length back. */
TEST_F(ioas, failed_unmap_writes_no_length)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = self->ioas,
		.iova = IOVA,
		.length = 2 * PAGE,
	};

	test_map_fixed(mem, PAGE, IOVA);
	test_map_fixed(mem, 2 * PAGE, IOVA + PAGE);
	ASSERT_EQ(ENOENT, iommufd_ioctl(self->fd, IOMMU_IOAS_UNMAP, &cmd));
	ASSERT_EQ(2 * PAGE, cmd.length);
}

/* The next UNMAP counts only what the failed one has left. */
TEST_F(ioas, bytes_are_counted_once_after_a_failure)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	const unsigned long n = 100;
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = self->ioas,
		.iova = IOVA,
		.length = (2 * n + 1) * PAGE,
	};
	uint64_t unmapped;

	for (unsigned long i = 0; i < n; i++)
		test_map_fixed(mem, PAGE, IOVA + i * 2 * PAGE);
	test_map_fixed(mem, 4 * PAGE, IOVA + n * 2 * PAGE);
	test_map_fixed(mem, PAGE, IOVA + 1000 * PAGE);
	ASSERT_EQ(ENOENT, iommufd_ioctl(self->fd, IOMMU_IOAS_UNMAP, &cmd));
	/* A failed command writes nothing back. */
	ASSERT_EQ((2 * n + 1) * PAGE, cmd.length);
	test_mapped_pinned(5 * PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(5 * PAGE, unmapped);
}

TEST_F(ioas, holes_are_not_counted)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, PAGE, IOVA);
	test_map_fixed(mem, 3 * PAGE, IOVA + 10 * PAGE);
	test_map_fixed(mem, IO_PAGE, IOVA + 16 * PAGE);
	test_map_fixed(mem, 2 * PAGE, IOVA + (1UL << 28));
	test_ok(_test_ioas_unmap(self->fd, self->ioas, IOVA - 3 * PAGE,
				 1UL << 29, &unmapped));
	ASSERT_EQ(6 * PAGE + IO_PAGE, unmapped);
	test_refs(mem, 4 * PAGE, 0);
	test_pinned(0);
}

TEST_F(ioas, range_may_exceed_the_mappings)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, PAGE, IOVA);
	test_ok(_test_ioas_unmap(self->fd, self->ioas, IOVA - 3, PAGE + 5,
				 &unmapped));
	ASSERT_EQ(PAGE, unmapped);
	test_map_fixed(mem, PAGE, IOVA);
	test_ok(_test_ioas_unmap(self->fd, self->ioas, 0, ULMAX - 1,
				 &unmapped));
	ASSERT_EQ(PAGE, unmapped);
}

TEST_F(bare_ioas, byte_sized_mappings)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t unmapped;

	test_map_fixed(mem, 1, IOVA);
	test_map_fixed(mem + 5, 7, IOVA + 1);
	test_map_fixed(mem + 100, PAGE - 8, IOVA + 8);
	test_err_unmap(ENOENT, IOVA, 2);
	test_unmap(IOVA + 1, 7);
	test_unmap_all(&unmapped);
	ASSERT_EQ(PAGE - 8, unmapped);
}

TEST_F(ioas, unmapped_iova_is_reused)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	for (int i = 0; i < 300; i++) {
		test_map_fixed(mem, PAGE, IOVA);
		test_unmap(IOVA, PAGE);
	}
	test_pinned(0);
}

TEST_F(ioas, unmap_in_any_order)
{
	const unsigned int n = 257, step = 101;		/* coprime */
	uint8_t *mem = test_mem(mem_anon(n * PAGE));

	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = i * step % n;

		test_map_fixed(mem + at * PAGE, PAGE, IOVA + at * PAGE);
	}
	test_mapped_pinned(n * PAGE);
	for (unsigned int i = 0; i < n; i++)
		test_unmap(IOVA + (i * 29 % n) * PAGE, PAGE);
	test_pinned(0);
}

/*
 * One iommu_unmap() removes adjacent mappings. The mock complains if it splits
 * a mapping; the mappings on both sides must stay.
 */
TEST_F(mock_ioas, adjacent_mappings_are_unmapped_together)
{
	uint8_t *mem = test_mem(mem_anon(64 * PAGE));
	unsigned long at = 0, ends[12];

	for (int i = 0; i < ARRAY_SIZE(ends); i++) {
		unsigned long length = (i * 5 % 7 + 1) * MOCK_PAGE;

		test_map_fixed(mem + at, length, IOVA + at);
		at += length;
		ends[i] = at;
	}
	test_unmap(IOVA + ends[2], ends[9] - ends[2]);
	test_domains_have(IOVA, ends[2], mem);
	test_domains_have(IOVA + ends[9], ends[11] - ends[9], mem + ends[9]);
	for (unsigned long i = ends[2]; i < ends[9]; i += MOCK_PAGE)
		test_domains_lack(IOVA + i, mem + i);
	test_map_fixed(mem + ends[2], ends[9] - ends[2], IOVA + ends[2]);
	test_domains_have(IOVA, at, mem);
	test_unmap(IOVA, at);
	test_refs(mem, 64 * PAGE, 0);
}

/* More mappings than the kernel removes in one step */
TEST_F(ioas, thousands_of_mappings_in_one_range)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	const unsigned long n = 1500;

	for (unsigned long i = 0; i < n; i++)
		test_map_fixed(mem, IO_PAGE, IOVA + i * IO_PAGE);
	test_mapped_pinned(n * PAGE);
	test_unmap(IOVA, n * IO_PAGE);
	test_pinned(0);
	test_refs(mem, PAGE, 0);
}

/*
 * One mapping of scattered and of contiguous memory: mremap() puts pages out of
 * order.
 */
TEST_F(ioas, scattered_and_contiguous_runs)
{
	const size_t pages = 640;
	uint8_t *to = test_mem(mem_reserve(pages * PAGE));
	uint8_t *from = test_mem(mem_anon(pages * PAGE));

	for (size_t i = 0; i < pages; i++) {
		/* Every other 64 pages are in reverse order. */
		size_t j = i / 64 % 2 ? i / 64 * 64 + 63 - i % 64 : i;

		ASSERT_EQ(to + i * PAGE,
			  mremap(from + j * PAGE, PAGE, PAGE,
				 MREMAP_MAYMOVE | MREMAP_FIXED, to + i * PAGE));
	}
	for (int round = 0; round < 3; round++) {
		test_map_fixed(to, pages * PAGE, IOVA);
		test_domains_have(IOVA, pages * PAGE, to);
		test_mapped_pinned(pages * PAGE);
		test_unmap(IOVA, pages * PAGE);
		test_pinned(0);
	}
}

TEST_F(ioas, destroying_the_ioas_unmaps)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint32_t ioas, hwpt;
	uint64_t iova = IOVA;

	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, mem, 8 * PAGE, IOVA, MAP_RW));
	if (!variant->domains) {
		test_destroy(ioas);
		test_err(ENOENT, _test_ioas_unmap(self->fd, ioas, 0, ULMAX,
						  NULL));
		return;
	}
	test_hwpt_alloc(DEVICE(0), ioas, &hwpt);
	test_refs(mem, 8 * PAGE, 1);
	test_err_destroy(EBUSY, ioas);
	test_copy(self->ioas, &iova, ioas, IOVA, 8 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_destroy(hwpt);
	test_destroy(ioas);
	/* The copy stays mapped. */
	test_refs(mem, 8 * PAGE, 1);
	test_domains_have(IOVA, 8 * PAGE, mem);
	test_unmap(IOVA, 8 * PAGE);
	test_refs(mem, 8 * PAGE, 0);
}

TEST_F(ioas, munmap_before_unmap)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));

	test_map_fixed(mem, 8 * PAGE, IOVA);
	test_mapped_pinned(8 * PAGE);
	ASSERT_EQ(0, munmap(mem, 8 * PAGE));
	test_mapped_pinned(8 * PAGE);
	test_unmap(IOVA, 8 * PAGE);
	test_pinned(0);
}

TEST_F(ioas, failed_answer_is_efault)
{
	struct iommu_ioas_unmap *cmd = test_mem(mem_anon(PAGE));
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, IOVA);
	*cmd = (struct iommu_ioas_unmap){
		.size = sizeof(*cmd),
		.ioas_id = self->ioas,
		.iova = IOVA,
		.length = PAGE,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	ASSERT_EQ(EFAULT, iommufd_ioctl(self->fd, IOMMU_IOAS_UNMAP, cmd));
	/* The mapping is gone nevertheless. */
	test_refs(mem, PAGE, 0);
	test_err_unmap(ENOENT, IOVA, PAGE);
}

/* After UNMAP the device can no longer write to the page. */
TEST_F(edu_ioas, device_loses_access)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	for (int i = 0; i < variant->domains; i++) {
		mem_fill(mem, 256, 1);
		test_map_fixed(mem, PAGE, IOVA);
		ASSERT_TRUE(edu_load(&self->edu[i], IOVA, 256));
		memset(mem, 0, PAGE);
		ASSERT_TRUE(edu_store(&self->edu[i], IOVA, 256));
		ASSERT_TRUE(mem_is(mem, 256, 1));
		test_unmap(IOVA, PAGE);
		memset(mem, 0, PAGE);
		ASSERT_TRUE(edu_store(&self->edu[i], IOVA, 256));
		ASSERT_TRUE(mem_is_zero(mem, PAGE));
	}
}

TEST_HARNESS_MAIN
