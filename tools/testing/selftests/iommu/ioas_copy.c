// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_COPY: which parts and unions of mappings can be copied, with which
 * permissions, and that a copy shares the pins and outlives its source.
 */
#include "ioas.h"

#define SRC	IOVA
#define DST	(IOVA + (1UL << 28))

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

TEST_F(ioas, copy_shares_the_pins)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t iova = 0;

	test_map_fixed(mem, 8 * PAGE, SRC);
	test_mapped_pinned(8 * PAGE);
	test_copy_fixed(DST, SRC, 8 * PAGE, MAP_RW);
	test_copy(self->ioas, &iova, self->ioas, SRC, 8 * PAGE, MAP_RW);
	test_copy(self->ioas, &iova, self->ioas, DST, 8 * PAGE, MAP_READ);
	test_mapped_pinned(8 * PAGE);
	/* The last mapping unpins, in any order. */
	test_unmap(SRC, 8 * PAGE);
	test_mapped_pinned(8 * PAGE);
	test_unmap(iova, 8 * PAGE);
	test_unmap(DST, 8 * PAGE);
	test_mapped_pinned(8 * PAGE);
	test_unmap_all(&iova);
	ASSERT_EQ(8 * PAGE, iova);
	test_pinned(0);
}

TEST_F(ioas, copy_to_another_ioas_and_back)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
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
	 * No HWPT needs the pages now, and the kernel may have unpinned them.
	 * A COPY back pins them again.
	 */
	test_copy(self->ioas, &there, other, iova, 8 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_mapped_pinned(8 * PAGE);
	test_unmap(SRC, 8 * PAGE);
	test_destroy(other);
	test_pinned(0);
}

TEST_F(ioas, copy_to_an_ioas_with_another_device)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	struct mock_dev dev;
	uint64_t iova = DST;
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_mock_attach(ioas, &dev);
	test_map_fixed(mem, 8 * PAGE, SRC);
	test_copy(ioas, &iova, self->ioas, SRC + PAGE, 6 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_ok(_test_check_map(self->fd, dev.hwpt, DST, 6 * PAGE,
				mem + PAGE));
	test_refs(mem + PAGE, 6 * PAGE, 1);
	/* The pages are pinned once, by either of the IOAS. */
	test_pinned((variant->domains ? 8 : 6) * 4);
	test_unmap(SRC, 8 * PAGE);
	test_pinned(6 * 4);
	test_ok(_test_check_map(self->fd, dev.hwpt, DST, 6 * PAGE,
				mem + PAGE));
	test_destroy(dev.stdev);
	test_pinned(0);
	test_refs(mem, 8 * PAGE, 0);
}

TEST_F(ioas, parts_of_a_mapping)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));
	static const struct { unsigned long start, length; } part[] = {
		{ 0, 16 }, { 0, 1 }, { 15, 1 }, { 3, 9 }, { 1, 15 },
	};

	test_map_fixed(mem, 16 * PAGE, SRC);
	for (int i = 0; i < ARRAY_SIZE(part); i++) {
		unsigned long start = part[i].start * PAGE;
		uint64_t length = part[i].length * PAGE;

		test_copy_fixed(DST, SRC + start, length, MAP_RW);
		test_domains_have(DST, length, mem + start);
		test_domains_lack(DST + length, mem + start + length);
		test_mapped_refs(mem, 16 * PAGE, 1);
		test_mapped_pinned(16 * PAGE);
		test_unmap(DST, length);
		test_domains_have(SRC, 16 * PAGE, mem);
	}
	/* Several copies, unmapped one by one */
	test_copy_fixed(DST, SRC, PAGE, MAP_RW);
	test_copy_fixed(DST + PAGE, SRC + 3 * PAGE, 2 * PAGE, MAP_RW);
	test_copy_fixed(DST + 3 * PAGE, SRC + 7 * PAGE, PAGE, MAP_RW);
	test_copy_fixed(DST + 4 * PAGE, SRC + PAGE, 15 * PAGE, MAP_RW);
	test_mapped_pinned(16 * PAGE);
	test_unmap(SRC, 16 * PAGE);
	test_unmap(DST, PAGE);
	test_unmap(DST + 3 * PAGE, PAGE);
	test_unmap(DST + 4 * PAGE, 15 * PAGE);
	test_unmap(DST + PAGE, 2 * PAGE);
	test_pinned(0);
}

TEST_F(mock_ioas, copy_of_half_pages)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_map_fixed(mem + MOCK_PAGE, 3 * PAGE, SRC);
	test_copy_fixed(DST + MOCK_PAGE, SRC + MOCK_PAGE, 3 * MOCK_PAGE,
			MAP_RW);
	test_domains_have(DST + MOCK_PAGE, 3 * MOCK_PAGE, mem + PAGE);
	test_unmap(SRC, 3 * PAGE);
	test_refs(mem, PAGE, 0);
	test_mapped_refs(mem + PAGE, 2 * PAGE, 1);
	test_refs(mem + 3 * PAGE, PAGE, 0);
	test_mapped_pinned(2 * PAGE);
}

TEST_F(ioas, copy_across_several_mappings)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));
	uint64_t unmapped;

	for (int i = 0; i < 4; i++)
		test_map_fixed(mem + (3 - i) * 4 * PAGE, 4 * PAGE,
			       SRC + i * 4 * PAGE);
	test_copy_fixed(DST, SRC + 2 * PAGE, 12 * PAGE, MAP_RW);
	test_domains_have(DST, 2 * PAGE, mem + 14 * PAGE);
	test_domains_have(DST + 2 * PAGE, 4 * PAGE, mem + 8 * PAGE);
	test_domains_have(DST + 6 * PAGE, 4 * PAGE, mem + 4 * PAGE);
	test_domains_have(DST + 10 * PAGE, 2 * PAGE, mem);
	test_mapped_refs(mem, 16 * PAGE, 1);
	/* One UNMAP removes such a copy. */
	test_copy_fixed(DST + 16 * PAGE, SRC + PAGE, 6 * PAGE, MAP_RW);
	test_unmap(DST + 16 * PAGE, 6 * PAGE);
	test_copy_fixed(DST + 16 * PAGE, SRC + PAGE, 6 * PAGE, MAP_RW);
	/* In the copy they are separate mappings too. */
	test_unmap(DST + 2 * PAGE, 4 * PAGE);
	test_err_unmap(ENOENT, DST + 6 * PAGE, PAGE);
	test_unmap(SRC, 16 * PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(14 * PAGE, unmapped);
	test_refs(mem, 16 * PAGE, 0);
	test_pinned(0);
}

TEST_F(ioas, gap_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));

	test_err_copy_fixed(ENOENT, DST, SRC, PAGE, MAP_RW);
	test_map_fixed(mem, 2 * PAGE, SRC);
	test_map_fixed(mem, 2 * PAGE, SRC + 3 * PAGE);
	test_err_copy_fixed(ENOENT, DST, SRC, 3 * PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC, 4 * PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC, 5 * PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC - PAGE, PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC - PAGE, 2 * PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC + 2 * PAGE, PAGE, MAP_RW);
	test_err_copy_fixed(ENOENT, DST, SRC + 4 * PAGE, 2 * PAGE, MAP_RW);
	/* Nothing was left at the target. */
	test_err_unmap(ENOENT, DST, 8 * PAGE);
	test_mapped_refs(mem, 2 * PAGE, 2);
	test_map_fixed(mem, 8 * PAGE, DST);
}

TEST_F(ioas, write_to_read_only_memory_is_eperm)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = SRC;

	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ | MAP_FIXED_IOVA);
	test_map_fixed(mem + PAGE, PAGE, SRC + PAGE);
	test_err_copy_fixed(EPERM, DST, SRC, PAGE, MAP_RW);
	test_err_copy_fixed(EPERM, DST, SRC, PAGE, MAP_WRITE);
	test_err_copy_fixed(EPERM, DST, SRC, 2 * PAGE, MAP_RW);
	test_err_copy_fixed(EPERM, DST, SRC, 2 * PAGE, MAP_WRITE);
	test_copy_fixed(DST, SRC, 2 * PAGE, MAP_READ);
	test_domains_have(DST, 2 * PAGE, mem);
	test_mapped_refs(mem, 2 * PAGE, 1);
	test_copy_fixed(DST + 4 * PAGE, SRC + PAGE, PAGE, MAP_RW);
}

/* ENOENT for an IOAS comes before most other errors. */
TEST_F(ioas, order_of_the_checks)
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
	/* Flags and bounds of the fields are checked first. */
	test_err_copy(EOVERFLOW, 1000, &iova, 1000, SRC, UINT64_MAX, 0);
	test_err_copy(EINVAL, 1000, &iova, 1000, SRC, PAGE, 0);
	test_err_copy(EOPNOTSUPP, 1000, &iova, 1000, SRC, UINT64_MAX, 1U << 31);
	/* Without FIXED_IOVA the field is ignored. */
	test_copy(self->ioas, &iova, self->ioas, SRC, PAGE, MAP_READ);
	ASSERT_EQ(LOWEST_IOVA, iova);
}

TEST_F(ioas, no_permission_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_map_fixed(mem, PAGE, SRC);
	test_err_copy_fixed(EINVAL, DST, SRC, PAGE, 0);
}

TEST_F(ioas, ranges_are_checked_for_overflow)
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

TEST_F(ioas, over_an_existing_mapping_is_eexist)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_map_fixed(mem, 4 * PAGE, SRC);
	test_err_copy_fixed(EEXIST, SRC, SRC, 4 * PAGE, MAP_RW);
	test_err_copy_fixed(EEXIST, SRC + PAGE, SRC, 4 * PAGE, MAP_RW);
	test_err_copy_fixed(EEXIST, SRC + 3 * PAGE, SRC, 4 * PAGE, MAP_RW);
	test_domains_have(SRC, 4 * PAGE, mem);
	test_mapped_refs(mem, 4 * PAGE, 1);
}

TEST_F(ioas, bad_target_is_refused)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova = DST + PAGE;

	test_map_fixed(mem, 4 * PAGE, SRC);
	test_reserve(DST, PAGE);
	test_err_copy_fixed(EEXIST, SRC + PAGE, SRC, 4 * PAGE, MAP_RW);
	test_err_copy_fixed(EINVAL, DST - PAGE, SRC, 2 * PAGE, MAP_RW);
	test_err_copy_fixed(EOVERFLOW, UINT64_MAX - PAGE + 1, SRC, 2 * PAGE,
			    MAP_RW);
	test_err_copy_fixed(EINVAL, UINT64_MAX - PAGE + 1, SRC, 0, MAP_RW);
	test_err_copy(ENOENT, 1000, &iova, self->ioas, SRC, PAGE,
		      MAP_RW | MAP_FIXED_IOVA);
	test_err_copy(ENOENT, self->ioas, &iova, 1000, SRC, PAGE,
		      MAP_RW | MAP_FIXED_IOVA);
	test_domains_have(SRC, 4 * PAGE, mem);
	test_mapped_refs(mem, 4 * PAGE, 1);
}

TEST_F(ioas, unaligned_copy)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_map_fixed(mem, 4 * PAGE, SRC);
	if (variant->domains) {
		test_err_copy_fixed(EINVAL, DST + 1, SRC, PAGE, MAP_RW);
		test_err_copy_fixed(EINVAL, DST, SRC, PAGE - 1, MAP_RW);
		test_err_copy_fixed(EINVAL, DST, SRC + 512, PAGE, MAP_RW);
	} else {
		test_copy_fixed(DST + 1, SRC + 7, PAGE - 1, MAP_RW);
		test_unmap(DST + 1, PAGE - 1);
	}
}

TEST_F(mock_ioas, alignment_is_that_of_the_target)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = DST + 7;
	uint32_t ioas;

	/* The source has byte granularity; the target's alignment counts. */
	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, mem + 5, PAGE, 5, MAP_RW));
	if (variant->domains) {
		test_err_copy(EINVAL, self->ioas, &iova, ioas, 6, 100,
			      MAP_RW | MAP_FIXED_IOVA);
	} else {
		test_copy(self->ioas, &iova, ioas, 6, 100,
			  MAP_RW | MAP_FIXED_IOVA);
		test_unmap(DST + 7, 100);
	}
	iova = DST;
	test_copy(self->ioas, &iova, ioas, MOCK_PAGE, MOCK_PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_domains_have(DST, MOCK_PAGE, mem + MOCK_PAGE);
}

TEST_F(ioas, automatic_iova_of_a_copy)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(16 * PAGE, 16 * PAGE));
	uint64_t iova = 0;

	memset(mem, 1, 16 * PAGE);
	test_map_fixed(mem, 16 * PAGE, SRC);
	test_copy(self->ioas, &iova, self->ioas, SRC, 16 * PAGE, MAP_RW);
	ASSERT_NE(0, iova);
	ASSERT_NE(SRC, iova);
	ASSERT_EQ(0, iova % (16 * PAGE));
	test_domains_have(iova, 16 * PAGE, mem);
	test_unmap(iova, 16 * PAGE);
	test_copy(self->ioas, &iova, self->ioas, SRC + IO_PAGE, PAGE, MAP_RW);
	ASSERT_EQ(IO_PAGE % PAGE, iova % PAGE);
	test_domains_have(iova, PAGE, mem + IO_PAGE);
}

TEST_F(ioas, copies_of_copies)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));
	uint64_t iova = SRC;

	test_map_fixed(mem, 16 * PAGE, SRC);
	for (int i = 1; i < 8; i++) {
		uint64_t from = iova + PAGE;

		iova = SRC + i * (1UL << 20);
		test_copy(self->ioas, &iova, self->ioas, from,
			  (16 - 2 * i) * PAGE, MAP_RW | MAP_FIXED_IOVA);
		test_unmap(from - PAGE, (18 - 2 * i) * PAGE);
		test_domains_have(iova, (16 - 2 * i) * PAGE, mem + i * PAGE);
		test_mapped_pinned((16 - 2 * i) * PAGE);
		test_refs(mem, i * PAGE, 0);
		test_refs(mem + (16 - i) * PAGE, i * PAGE, 0);
	}
	test_mapped_refs(mem + 7 * PAGE, 2 * PAGE, 1);
}

/* The counter of a memory's users does not wrap. */
TEST_F(mock_ioas, too_many_copies_are_eoverflow)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova = DST;

	test_map_fixed(mem, 4 * PAGE, SRC);
	test_mock_param("max_users", 3);
	for (int i = 0; i < 2; i++) {
		test_copy_fixed(iova, SRC, 4 * PAGE, MAP_RW);
		iova += 4 * PAGE;
	}
	test_err_copy_fixed(EOVERFLOW, iova, SRC, PAGE, MAP_RW);
	test_err_copy_fixed(EOVERFLOW, iova, DST, PAGE, MAP_RW);
	test_err_unmap(ENOENT, iova, PAGE);
	test_mapped_refs(mem, 4 * PAGE, 1);
	test_mapped_pinned(4 * PAGE);
	/* Other memory has its own counter, and an UNMAP makes room. */
	test_map_fixed(mem, PAGE, SRC - PAGE);
	test_unmap(SRC, 4 * PAGE);
	test_copy_fixed(iova, DST, 4 * PAGE, MAP_RW);
	test_domains_have(iova, 4 * PAGE, mem);
}

TEST_F(mock_ioas, failed_iommu_map_leaves_nothing)
{
	uint8_t *mem = test_mem(mem_scattered(8));
	uint64_t iova;
	int rc, n;

	for (int i = 0; i < 8; i++)
		test_map_fixed(mem + i * PAGE, PAGE, SRC + i * PAGE);
	for (n = 1; n < 100; n++) {
		test_mock_param("fail_map", n);
		iova = DST;
		rc = _test_ioas_copy(self->fd, self->ioas, &iova, self->ioas,
				     SRC, 8 * PAGE, MAP_RW | MAP_FIXED_IOVA);
		test_mock_param("fail_map", 0);
		if (!rc)
			break;
		ASSERT_EQ(ENOMEM, rc);
		test_domains_have(SRC, 8 * PAGE, mem);
		for (int i = 0; i < 8; i++)
			test_domains_lack(DST + i * PAGE, mem + i * PAGE);
		test_mapped_refs(mem, 8 * PAGE, 1);
		test_mapped_pinned(8 * PAGE);
	}
	ASSERT_EQ(0, rc);
	ASSERT_EQ(1 + 8 * variant->domains, n);
	test_domains_have(DST, 8 * PAGE, mem);
}

/* A copy is the same memory for a device, under the permission it was given. */
TEST_F(edu_ioas, device_sees_the_copy)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct edu *edu = &self->edu[variant->domains - 1];

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
