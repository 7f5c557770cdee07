// SPDX-License-Identifier: GPL-2.0
/*
 * MAP with no, one and two page tables: which requests are refused, where a
 * mapping goes, what of it the page tables have, and what is pinned.
 */
#include "mock_space.h"

#define ULMAX	UINT64_MAX

TEST_F(mock, iova_plus_length_overflows)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova;

	test_err_map_fixed(EOVERFLOW, mem, PAGE, ULMAX);
	test_err_map_fixed(EOVERFLOW, mem, 2 * PAGE, ULMAX - PAGE + 1);
	test_err_map_fixed(EOVERFLOW, mem, 0, ULMAX);
	test_err_map_fixed(EOVERFLOW, mem, ULMAX, PAGE);
	test_err_map_fixed(EOVERFLOW, mem, PAGE - MOCK_IOVA, MOCK_IOVA);
	/* Without FIXED_IOVA one value of the field is refused. */
	iova = ULMAX;
	test_err_map(EOVERFLOW, mem, PAGE, &iova);
	test_refs(mem, PAGE, 0);
}

TEST_F(mock, user_va_plus_length_overflows)
{
	uint64_t iova = 0;

	test_err_map_fixed(EOVERFLOW, (void *)-PAGE, 2 * PAGE, MOCK_IOVA);
	test_err_map_fixed(EOVERFLOW, (void *)-MOCK_PAGE, PAGE, MOCK_IOVA);
	test_err_map(EOVERFLOW, (void *)-PAGE, 2 * PAGE, &iova);
}

TEST_F(mock, length_zero_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_err_map(EINVAL, mem, 0, &iova);
	test_err_map_fixed(EINVAL, mem, 0, MOCK_IOVA);
}

TEST_F(mock, neither_readable_nor_writeable_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = MOCK_IOVA;

	test_err(EINVAL, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
					0));
	test_err(EINVAL, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
					MAP_FIXED_IOVA));
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_err_copy(EINVAL, self->ioas, &iova, self->ioas, MOCK_IOVA, PAGE,
		      0);
}

/* 1 with nothing attached, the IO page of the mock else. */
TEST_F(mock, alignment_is_that_of_what_is_attached)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	for (unsigned long bits = 1; bits < 8; bits++) {
		for (unsigned long unit = 1; unit < MOCK_PAGE; unit *= 8) {
			uint8_t *va = mem + (bits & 1 ? unit : 0);
			uint64_t iova = MOCK_IOVA + (bits & 2 ? unit : 0);
			uint64_t length = PAGE + (bits & 4 ? unit : 0);

			if (variant->domains) {
				test_err_map_fixed(EINVAL, va, length, iova);
			} else {
				test_map_fixed(va, length, iova);
				test_unmap(iova, length);
			}
		}
	}
}

TEST_F(mock, half_pages_map)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	static const struct { unsigned long va, iova, pages; } part[] = {
		{ 0, 0, 1 }, { 1, 0, 1 }, { 0, 1, 1 }, { 1, 1, 1 },
		{ 0, 0, 3 }, { 1, 0, 3 }, { 1, 1, 6 }, { 0, 1, 7 },
	};

	for (int i = 0; i < ARRAY_SIZE(part); i++) {
		uint8_t *va = mem + part[i].va * MOCK_PAGE;
		uint64_t iova = MOCK_IOVA + part[i].iova * MOCK_PAGE;
		uint64_t length = part[i].pages * MOCK_PAGE;
		uint8_t *page = mem + part[i].va * MOCK_PAGE / PAGE * PAGE;
		unsigned long npages = (part[i].va + part[i].pages + 1) / 2;

		test_map_fixed(va, length, iova);
		test_maps(iova, length, va);
		test_maps_not(iova + length, va + length);
		test_mapped_refs(page, npages * PAGE, 1);
		test_mapped_pinned(npages * PAGE);
		test_unmap(iova, length);
		test_maps_not(iova, va);
		test_refs(mem, 4 * PAGE, 0);
	}
}

TEST_F(mock, over_an_existing_mapping_is_eexist)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));

	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_err_map_fixed(EEXIST, mem, 4 * PAGE, MOCK_IOVA);
	test_err_map_fixed(EEXIST, mem, MOCK_PAGE, MOCK_IOVA);
	test_err_map_fixed(EEXIST, mem, MOCK_PAGE,
			   MOCK_IOVA + 4 * PAGE - MOCK_PAGE);
	test_err_map_fixed(EEXIST, mem, 2 * PAGE, MOCK_IOVA - PAGE);
	test_err_map_fixed(EEXIST, mem, 8 * PAGE, MOCK_IOVA - 2 * PAGE);
	test_map_fixed(mem, MOCK_PAGE, MOCK_IOVA - MOCK_PAGE);
	test_map_fixed(mem, MOCK_PAGE, MOCK_IOVA + 4 * PAGE);
	/* The failures have not touched what was there. */
	test_maps(MOCK_IOVA, 4 * PAGE, mem);
}

TEST_F(mock, reserved_range_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_reserve(MOCK_IOVA + PAGE, PAGE);
	test_err_map_fixed(EINVAL, mem, PAGE, MOCK_IOVA + PAGE);
	test_err_map_fixed(EINVAL, mem, 2 * PAGE, MOCK_IOVA);
	test_err_map_fixed(EINVAL, mem, 3 * PAGE, MOCK_IOVA);
	test_err_map_fixed(EINVAL, mem, MOCK_PAGE,
			   MOCK_IOVA + 2 * PAGE - MOCK_PAGE);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_map_fixed(mem, PAGE, MOCK_IOVA + 2 * PAGE);
	test_mapped_refs(mem, PAGE, 2);
}

TEST_F(mock, aperture_ends_are_exact)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	test_map_fixed(mem, PAGE, MOCK_APERTURE_START);
	test_map_fixed(mem, PAGE, MOCK_APERTURE_LAST + 1 - PAGE);
	test_maps(MOCK_APERTURE_LAST + 1 - PAGE, PAGE, mem);
	if (!MOCK_FIRST(variant)) {
		test_map_fixed(mem, PAGE, MOCK_APERTURE_LAST + 1);
		test_map_fixed(mem, PAGE, 0);
		return;
	}
	test_err_map_fixed(EINVAL, mem, MOCK_PAGE, MOCK_APERTURE_LAST + 1);
	test_err_map_fixed(EINVAL, mem, MOCK_PAGE,
			   MOCK_APERTURE_START - MOCK_PAGE);
	test_err_map_fixed(EINVAL, mem, MOCK_PAGE, 0);
	test_unmap(MOCK_APERTURE_LAST + 1 - PAGE, PAGE);
	test_err_map_fixed(EINVAL, mem, 2 * PAGE,
			   MOCK_APERTURE_LAST + 1 - PAGE);
}

TEST_F(mock, automatic_iova_is_the_lowest_that_fits)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(64 * PAGE, 64 * PAGE));
	uint64_t low = MOCK_FIRST(variant) ?: PAGE;
	uint64_t iova;

	test_map(mem, PAGE, &iova);
	ASSERT_EQ(low, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(low + PAGE, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(low + 2 * PAGE, iova);
	test_unmap(low + PAGE, PAGE);
	test_map(mem, 2 * PAGE, &iova);
	ASSERT_LE(low + 3 * PAGE, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(low + PAGE, iova);
}

TEST_F(mock, automatic_iova_suits_huge_io_pages)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(64 * PAGE, 64 * PAGE));
	static const struct { unsigned long offset, length, align; } want[] = {
		{ 0, PAGE, PAGE },
		{ 0, 2 * PAGE, 2 * PAGE },
		{ 0, 3 * PAGE, 4 * PAGE },
		{ 0, 33 * PAGE, 64 * PAGE },
		{ PAGE, 33 * PAGE, PAGE },
		{ 8 * PAGE, 33 * PAGE, 8 * PAGE },
		/* The offset in the page is that of the memory. */
		{ MOCK_PAGE, 2 * PAGE, MOCK_PAGE },
	};
	uint64_t iova;

	for (int i = 0; i < ARRAY_SIZE(want); i++) {
		test_map(mem + want[i].offset, want[i].length, &iova);
		ASSERT_NE(0, iova);
		ASSERT_EQ(0, iova % want[i].align);
		ASSERT_EQ(want[i].offset % PAGE, iova % PAGE);
		test_maps(iova, want[i].length, mem + want[i].offset);
	}
}

TEST_F(mock, automatic_iova_stays_in_the_allowed_list)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct iommu_iova_range allowed[] = {
		{ MOCK_IOVA, MOCK_IOVA + PAGE - 1 },
		{ MOCK_IOVA + 2 * PAGE, MOCK_IOVA + 4 * PAGE - 1 },
	};
	uint64_t iova;

	test_allow_iovas(allowed, 2);
	test_map(mem, 2 * PAGE, &iova);
	ASSERT_EQ(MOCK_IOVA + 2 * PAGE, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(MOCK_IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	/* FIXED_IOVA goes where it wants to. */
	test_map_fixed(mem, PAGE, MOCK_IOVA + PAGE);
	test_map_fixed(mem, PAGE, MOCK_IOVA + 4 * PAGE);
	test_allow_iovas(NULL, 0);
	test_map(mem, PAGE, &iova);
	ASSERT_GT(MOCK_IOVA, iova);
}

TEST_F(mock, no_room_is_enospc)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_reserve(2 * PAGE, MOCK_IOVA - 2 * PAGE);
	test_reserve(MOCK_IOVA + PAGE, ULMAX - (MOCK_IOVA + PAGE) + 1);
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	if (!MOCK_FIRST(variant)) {
		test_map(mem, PAGE, &iova);
		ASSERT_EQ(PAGE, iova);
	}
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(MOCK_IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_err_map(EOVERFLOW, mem, ULMAX / 2, &iova);
}

TEST_F(mock, memory_is_looked_at_only_with_a_domain)
{
	uint8_t *hole = test_mem(mem_reserve(2UL << 30));
	uint64_t iova = 0;

	ASSERT_EQ(0, munmap(hole, 2UL << 30));
	if (variant->domains) {
		test_err_map(EFAULT, hole, 1UL << 30, &iova);
		test_err_map_fixed(EFAULT, NULL, PAGE, MOCK_IOVA);
	} else {
		test_map_fixed(hole, 2UL << 30, 1UL << 40);
		test_map_fixed(NULL, PAGE, MOCK_IOVA);
		test_err_mock_attach(EADDRINUSE, self->ioas);
		test_unmap(1UL << 40, 2UL << 30);
		test_err_mock_attach(EFAULT, self->ioas);
	}
	test_pinned(0);
}

TEST_F(mock, a_hole_midway_leaves_nothing)
{
	const unsigned long pages = 32;
	uint8_t *mem = test_mem(mem_anon(pages * PAGE));

	for (unsigned long hole = 0; hole < pages; hole += 3) {
		uint8_t *again;

		ASSERT_EQ(0, munmap(mem + hole * PAGE, PAGE));
		if (!variant->domains) {
			test_map_fixed(mem, pages * PAGE, MOCK_IOVA);
			test_err_mock_attach(EFAULT, self->ioas);
			test_unmap(MOCK_IOVA, pages * PAGE);
		} else {
			test_err_map_fixed(EFAULT, mem, pages * PAGE,
					   MOCK_IOVA);
		}
		again = mmap(mem + hole * PAGE, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT_EQ(mem + hole * PAGE, again);
		test_refs(mem, pages * PAGE, 0);
		test_maps_not(MOCK_IOVA, mem);
	}
	test_map_fixed(mem, pages * PAGE, MOCK_IOVA);
	test_maps(MOCK_IOVA, pages * PAGE, mem);
	test_mapped_refs(mem, pages * PAGE, 1);
}

/* The n-th call of iommu_map() fails, for every n until none is left to fail. */
TEST_F(mock, a_page_table_that_fails_midway_leaves_nothing)
{
	const unsigned long pages = 16;
	uint8_t *mem = test_mem(mem_scattered(pages));
	int rc, n;

	for (n = 1; n < 4 * pages; n++) {
		uint64_t iova = MOCK_IOVA;

		test_mock_param("fail_map", n);
		rc = _test_map_fixed(self->fd, self->ioas, mem, pages * PAGE,
				     iova, MAP_RW);
		test_mock_param("fail_map", 0);
		if (!rc)
			break;
		ASSERT_EQ(ENOMEM, rc);
		test_refs(mem, pages * PAGE, 0);
		test_pinned(0);
		for (unsigned long i = 0; i < pages; i++)
			test_maps_not(MOCK_IOVA + i * PAGE, mem + i * PAGE);
		test_err_unmap(ENOENT, MOCK_IOVA, pages * PAGE);
	}
	ASSERT_EQ(0, rc);
	/* Every run was a call of its own, in each domain. */
	ASSERT_EQ(1 + variant->domains * mem_runs(mem, pages), n);
	test_maps(MOCK_IOVA, pages * PAGE, mem);
	test_mapped_refs(mem, pages * PAGE, 1);
}

TEST_F(mock, pins_are_writable_only_when_asked)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = MOCK_IOVA;
	int write = variant->domains ? EFAULT : 0;

	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ | MAP_FIXED_IOVA);
	test_maps(MOCK_IOVA, PAGE, mem);
	test_mapped_refs(mem, PAGE, 1);
	iova = MOCK_IOVA + PAGE;
	ASSERT_EQ(write, _test_ioas_map(self->fd, self->ioas, mem, 2 * PAGE,
					&iova, MAP_WRITE | MAP_FIXED_IOVA));
	test_mapped_refs(mem, PAGE, 1);
	test_refs(mem + PAGE, PAGE, 0);
}

TEST_F(mock, two_maps_are_two_pins)
{
	uint8_t *mem = test_mem(mem_anon(5 * PAGE));

	for (int i = 0; i < 4; i++) {
		test_map_fixed(mem + i * PAGE, 2 * PAGE,
			       MOCK_IOVA + 2 * i * PAGE);
		test_mapped_pinned(2 * (i + 1) * PAGE);
	}
	test_mapped_refs(mem, PAGE, 1);
	test_mapped_refs(mem + PAGE, 3 * PAGE, 2);
	test_mapped_refs(mem + 4 * PAGE, PAGE, 1);
	for (int i = 0; i < 4; i++)
		test_maps(MOCK_IOVA + 2 * i * PAGE, 2 * PAGE, mem + i * PAGE);
	test_unmap(MOCK_IOVA + 2 * PAGE, 2 * PAGE);
	test_mapped_refs(mem + PAGE, 2 * PAGE, 1);
}

TEST_F(mock, small_pages_only)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t off = 0;

	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &off);
	test_err_map_fixed(EINVAL, mem + MOCK_PAGE, PAGE, MOCK_IOVA);
	test_err_map_fixed(EINVAL, mem, PAGE, MOCK_IOVA + MOCK_PAGE);
	test_err_map_fixed(EINVAL, mem, MOCK_PAGE, MOCK_IOVA);
	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_maps(MOCK_IOVA, 4 * PAGE, mem);
	test_unmap(MOCK_IOVA, 4 * PAGE);
}

TEST_F(mock, no_small_pages_once_it_is_too_late)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t off = 0, on = 1, get = 7;

	test_map_fixed(mem, MOCK_PAGE, MOCK_IOVA);
	test_err_option(variant->domains ? EINVAL : EADDRINUSE,
			IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET,
			self->ioas, &off);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &on);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET, self->ioas,
		    &get);
	ASSERT_EQ(1, get);
	test_unmap(MOCK_IOVA, MOCK_PAGE);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &off);
}

TEST_F(mock, hundreds_of_mappings)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	const unsigned long n = 600;
	uint64_t unmapped;

	/* Two to the page, so that more pins than mappings would be seen. */
	for (unsigned long i = 0; i < n; i++)
		test_map_fixed(mem + i % 2 * MOCK_PAGE, MOCK_PAGE,
			       MOCK_IOVA + i * MOCK_PAGE);
	test_mapped_pinned(n * PAGE);
	test_mapped_refs(mem, PAGE, n);
	for (unsigned long i = 0; i < n; i += 2)
		test_maps(MOCK_IOVA + i * MOCK_PAGE, PAGE, mem);
	test_unmap_all(&unmapped);
	ASSERT_EQ(n * MOCK_PAGE, unmapped);
	test_refs(mem, PAGE, 0);
}

/* It does not wrap, so there is just no memory. */
TEST_F(mock, up_to_half_a_page_before_the_last_address)
{
	uint8_t *va = (uint8_t *)(-2 * PAGE);

	for (unsigned long length = MOCK_PAGE; length < 2 * PAGE;
	     length += MOCK_PAGE) {
		if (variant->domains) {
			test_err_map_fixed(EFAULT, va, length, MOCK_IOVA);
		} else {
			test_map_fixed(va, length, MOCK_IOVA);
			test_unmap(MOCK_IOVA, length);
		}
	}
	test_err_map_fixed(EOVERFLOW, va + MOCK_PAGE, 2 * PAGE, MOCK_IOVA);
}

TEST_F(mock, answer_that_cannot_be_written_leaves_nothing)
{
	struct iommu_ioas_map *cmd = test_mem(mem_anon(PAGE));
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	*cmd = (struct iommu_ioas_map){
		.size = sizeof(*cmd),
		.flags = MAP_RW,
		.ioas_id = self->ioas,
		.user_va = (uintptr_t)mem,
		.length = 2 * PAGE,
	};
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_IOAS_MAP, cmd));
	test_refs(mem, 2 * PAGE, 0);
	test_err(ENOENT, _test_ioas_unmap(self->fd, self->ioas, 0, ULMAX - 1,
					  NULL));
}

TEST_HARNESS_MAIN
