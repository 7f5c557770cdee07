// SPDX-License-Identifier: GPL-2.0
/*
 * COPY with no, one and two page tables: which parts can be copied, and that a
 * copy shares the pins and outlives what it was copied from.
 */
#include "mock_space.h"

#define OTHER	(MOCK_IOVA + (1UL << 28))
#define COPY_FLAGS (MAP_RW | MAP_FIXED_IOVA)

TEST_F(mock, parts_of_a_mapping)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));
	static const struct { unsigned long start, length; } part[] = {
		{ 0, 16 }, { 0, 1 }, { 15, 1 }, { 3, 9 }, { 1, 15 },
	};

	test_map_fixed(mem, 16 * PAGE, MOCK_IOVA);
	for (int i = 0; i < ARRAY_SIZE(part); i++) {
		unsigned long start = part[i].start * PAGE;
		uint64_t length = part[i].length * PAGE, iova = OTHER;

		test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA + start,
			  length, COPY_FLAGS);
		ASSERT_EQ(OTHER, iova);
		test_maps(OTHER, length, mem + start);
		test_maps_not(OTHER + length, mem + start + length);
		test_mapped_refs(mem, 16 * PAGE, 1);
		test_mapped_pinned(16 * PAGE);
		test_unmap(OTHER, length);
		test_maps(MOCK_IOVA, 16 * PAGE, mem);
	}
}

TEST_F(mock, half_pages)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova = OTHER + MOCK_PAGE;

	test_map_fixed(mem + MOCK_PAGE, 3 * PAGE, MOCK_IOVA);
	test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA + MOCK_PAGE,
		  3 * MOCK_PAGE, COPY_FLAGS);
	test_maps(OTHER + MOCK_PAGE, 3 * MOCK_PAGE, mem + PAGE);
	test_unmap(MOCK_IOVA, 3 * PAGE);
	test_refs(mem, PAGE, 0);
	test_mapped_refs(mem + PAGE, 2 * PAGE, 1);
	test_refs(mem + 3 * PAGE, PAGE, 0);
	test_mapped_pinned(2 * PAGE);
}

TEST_F(mock, across_several_mappings)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));
	uint64_t iova = OTHER, unmapped;

	for (int i = 0; i < 4; i++)
		test_map_fixed(mem + (3 - i) * 4 * PAGE, 4 * PAGE,
			       MOCK_IOVA + i * 4 * PAGE);
	test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA + 2 * PAGE,
		  12 * PAGE, COPY_FLAGS);
	test_maps(OTHER, 2 * PAGE, mem + 14 * PAGE);
	test_maps(OTHER + 2 * PAGE, 4 * PAGE, mem + 8 * PAGE);
	test_maps(OTHER + 6 * PAGE, 4 * PAGE, mem + 4 * PAGE);
	test_maps(OTHER + 10 * PAGE, 2 * PAGE, mem);
	test_mapped_refs(mem, 16 * PAGE, 1);
	/* They are mappings of their own in the copy too. */
	test_unmap(OTHER + 2 * PAGE, 4 * PAGE);
	test_err_unmap(ENOENT, OTHER + 6 * PAGE, PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(24 * PAGE, unmapped);
	test_refs(mem, 16 * PAGE, 0);
}

TEST_F(mock, gap_is_enoent)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova = OTHER;

	test_map_fixed(mem, 2 * PAGE, MOCK_IOVA);
	test_map_fixed(mem, PAGE, MOCK_IOVA + 3 * PAGE);
	test_err_copy(ENOENT, self->ioas, &iova, self->ioas, MOCK_IOVA,
		      3 * PAGE, COPY_FLAGS);
	test_err_copy(ENOENT, self->ioas, &iova, self->ioas, MOCK_IOVA,
		      4 * PAGE, COPY_FLAGS);
	test_err_copy(ENOENT, self->ioas, &iova, self->ioas, MOCK_IOVA - PAGE,
		      2 * PAGE, COPY_FLAGS);
	test_err_copy(ENOENT, self->ioas, &iova, self->ioas,
		      MOCK_IOVA + 2 * PAGE, PAGE, COPY_FLAGS);
	test_err_unmap(ENOENT, OTHER, 8 * PAGE);
	test_mapped_refs(mem, PAGE, 2);
}

TEST_F(mock, write_to_read_only_is_eperm)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = MOCK_IOVA, copy = OTHER;

	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ | MAP_FIXED_IOVA);
	test_map_fixed(mem + PAGE, PAGE, MOCK_IOVA + PAGE);
	test_err_copy(EPERM, self->ioas, &copy, self->ioas, MOCK_IOVA, PAGE,
		      COPY_FLAGS);
	test_err_copy(EPERM, self->ioas, &copy, self->ioas, MOCK_IOVA, 2 * PAGE,
		      MAP_WRITE | MAP_FIXED_IOVA);
	test_copy(self->ioas, &copy, self->ioas, MOCK_IOVA, 2 * PAGE,
		  MAP_READ | MAP_FIXED_IOVA);
	test_maps(OTHER, 2 * PAGE, mem);
	test_mapped_refs(mem, 2 * PAGE, 1);
}

TEST_F(mock, place_of_the_copy_is_refused)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova = MOCK_IOVA + PAGE;

	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_reserve(OTHER, PAGE);
	test_err_copy(EEXIST, self->ioas, &iova, self->ioas, MOCK_IOVA,
		      4 * PAGE, COPY_FLAGS);
	iova = OTHER - PAGE;
	test_err_copy(EINVAL, self->ioas, &iova, self->ioas, MOCK_IOVA,
		      2 * PAGE, COPY_FLAGS);
	iova = UINT64_MAX - PAGE + 1;
	test_err_copy(EOVERFLOW, self->ioas, &iova, self->ioas, MOCK_IOVA,
		      2 * PAGE, COPY_FLAGS);
	test_err_copy(EINVAL, self->ioas, &iova, self->ioas, MOCK_IOVA, 0,
		      COPY_FLAGS);
	iova = OTHER + PAGE;
	test_err_copy(ENOENT, 1000, &iova, self->ioas, MOCK_IOVA, PAGE,
		      COPY_FLAGS);
	test_err_copy(ENOENT, self->ioas, &iova, 1000, MOCK_IOVA, PAGE,
		      COPY_FLAGS);
	test_maps(MOCK_IOVA, 4 * PAGE, mem);
	test_mapped_refs(mem, 4 * PAGE, 1);
}

TEST_F(mock, alignment_of_the_target)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova;
	uint32_t ioas;

	/* Byte-granular in the source, and the target decides. */
	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, mem + 5, PAGE, 5, MAP_RW));
	iova = OTHER + 7;
	if (variant->domains) {
		test_err_copy(EINVAL, self->ioas, &iova, ioas, 6, 100,
			      COPY_FLAGS);
	} else {
		test_copy(self->ioas, &iova, ioas, 6, 100, COPY_FLAGS);
		test_unmap(OTHER + 7, 100);
	}
	iova = OTHER;
	test_copy(self->ioas, &iova, ioas, MOCK_PAGE, MOCK_PAGE, COPY_FLAGS);
	test_maps(OTHER, MOCK_PAGE, mem + MOCK_PAGE);
}

TEST_F(mock, automatic_iova_of_a_copy)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(16 * PAGE, 16 * PAGE));
	uint64_t iova = 0;

	memset(mem, 1, 16 * PAGE);
	test_map_fixed(mem, 16 * PAGE, MOCK_IOVA);
	test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA, 16 * PAGE, MAP_RW);
	ASSERT_NE(0, iova);
	ASSERT_EQ(0, iova % (16 * PAGE));
	test_maps(iova, 16 * PAGE, mem);
	test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA + MOCK_PAGE,
		  PAGE, MAP_RW);
	ASSERT_EQ(MOCK_PAGE, iova % PAGE);
	test_maps(iova, PAGE, mem + MOCK_PAGE);
}

TEST_F(mock, between_spaces)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	struct mock_dev dev;
	uint64_t iova = OTHER;
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_mock_attach(ioas, &dev);
	test_map_fixed(mem, 8 * PAGE, MOCK_IOVA);
	test_copy(ioas, &iova, self->ioas, MOCK_IOVA + PAGE, 6 * PAGE,
		  COPY_FLAGS);
	test_ok(_test_check_map(self->fd, dev.hwpt, OTHER, 6 * PAGE,
				mem + PAGE));
	test_refs(mem + PAGE, 6 * PAGE, 1);
	/* The second space pins what the first had pinned, or not yet. */
	test_pinned((variant->domains ? 8 : 6) * 4);
	test_unmap(MOCK_IOVA, 8 * PAGE);
	test_pinned(6 * 4);
	test_ok(_test_check_map(self->fd, dev.hwpt, OTHER, 6 * PAGE,
				mem + PAGE));
	test_destroy(dev.stdev);
	test_pinned(0);
	test_refs(mem, 8 * PAGE, 0);
}

TEST_F(mock, copies_of_copies)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));
	uint64_t iova = MOCK_IOVA;

	test_map_fixed(mem, 16 * PAGE, MOCK_IOVA);
	for (int i = 1; i < 8; i++) {
		uint64_t from = iova + PAGE;

		iova = MOCK_IOVA + i * (1UL << 20);
		test_copy(self->ioas, &iova, self->ioas, from,
			  (16 - 2 * i) * PAGE, COPY_FLAGS);
		test_unmap(from - PAGE, (18 - 2 * i) * PAGE);
		test_maps(iova, (16 - 2 * i) * PAGE, mem + i * PAGE);
		test_mapped_pinned((16 - 2 * i) * PAGE);
		test_refs(mem, i * PAGE, 0);
		test_refs(mem + (16 - i) * PAGE, i * PAGE, 0);
	}
	test_mapped_refs(mem + 7 * PAGE, 2 * PAGE, 1);
}

/* The count of who needs a memory stops before it wraps. */
TEST_F(mock, more_copies_than_can_be_counted)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova = OTHER;

	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_mock_param("max_users", 3);
	for (int i = 0; i < 2; i++) {
		test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA, 4 * PAGE,
			  COPY_FLAGS);
		iova += 4 * PAGE;
	}
	test_err_copy(EOVERFLOW, self->ioas, &iova, self->ioas, MOCK_IOVA,
		      PAGE, COPY_FLAGS);
	test_err_copy(EOVERFLOW, self->ioas, &iova, self->ioas, OTHER, PAGE,
		      COPY_FLAGS);
	test_err_unmap(ENOENT, iova, PAGE);
	test_mapped_refs(mem, 4 * PAGE, 1);
	test_mapped_pinned(4 * PAGE);
	/* Other memory is not concerned, and one user less makes room. */
	test_map_fixed(mem, PAGE, MOCK_IOVA - PAGE);
	test_unmap(MOCK_IOVA, 4 * PAGE);
	test_copy(self->ioas, &iova, self->ioas, OTHER, 4 * PAGE, COPY_FLAGS);
	test_maps(iova, 4 * PAGE, mem);
}

TEST_F(mock, the_n_th_failure_leaves_nothing)
{
	uint8_t *mem = test_mem(mem_scattered(8));
	uint64_t iova;
	int rc, n;

	for (int i = 0; i < 8; i++)
		test_map_fixed(mem + i * PAGE, PAGE, MOCK_IOVA + i * PAGE);
	for (n = 1; n < 100; n++) {
		test_mock_param("fail_map", n);
		iova = OTHER;
		rc = _test_ioas_copy(self->fd, self->ioas, &iova, self->ioas,
				     MOCK_IOVA, 8 * PAGE, COPY_FLAGS);
		test_mock_param("fail_map", 0);
		if (!rc)
			break;
		ASSERT_EQ(ENOMEM, rc);
		test_maps(MOCK_IOVA, 8 * PAGE, mem);
		for (int i = 0; i < 8; i++)
			test_maps_not(OTHER + i * PAGE, mem + i * PAGE);
		test_mapped_refs(mem, 8 * PAGE, 1);
		test_mapped_pinned(8 * PAGE);
	}
	ASSERT_EQ(0, rc);
	ASSERT_EQ(1 + 8 * variant->domains, n);
	test_maps(OTHER, 8 * PAGE, mem);
}

TEST_HARNESS_MAIN
