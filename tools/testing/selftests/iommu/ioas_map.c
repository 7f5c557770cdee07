// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_MAP: which calls are refused, which IOVA a mapping gets, what of
 * it the page tables have, and which pages are pinned.
 */
#include "ioas.h"

TEST_F(ioas, iova_plus_length_overflows)
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
	test_err_map_fixed(EOVERFLOW, mem, PAGE - IOVA, IOVA);
	/* Without FIXED_IOVA one value of the field is refused. */
	iova = ULMAX;
	test_err_map(EOVERFLOW, mem, PAGE, &iova);
	test_refs(mem, PAGE, 0);
}

TEST_F(ioas, automatic_iova_ignores_the_iova_field)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	static const uint64_t fields[] = { ULMAX - 1, ULMAX - PAGE + 1, 1 };
	uint64_t iova;

	for (int i = 0; i < ARRAY_SIZE(fields); i++) {
		iova = fields[i];
		test_map_to(self->ioas, mem, PAGE, &iova, MAP_RW);
		ASSERT_EQ(LOWEST_IOVA + i * PAGE, iova);
	}
}

/* The other variants have devices with a smaller aperture, or pages. */
TEST_F(bare_ioas, fixed_iova_up_to_the_last_address)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = ULMAX - PAGE + 1, unmapped;

	test_map_fixed(mem, PAGE, iova);
	test_err_map_fixed(EEXIST, mem, 2 * PAGE, iova - PAGE);
	test_copy(self->ioas, &iova, self->ioas, ULMAX - PAGE + 1, PAGE / 2,
		  MAP_RW);
	test_unmap(ULMAX - PAGE + 1, PAGE);
	iova = ULMAX - PAGE / 2 + 1;
	test_map_fixed(mem, PAGE, IOVA);
	test_copy(self->ioas, &iova, self->ioas, IOVA, PAGE / 2,
		  MAP_RW | MAP_FIXED_IOVA);
	test_unmap_all(&unmapped);
	ASSERT_EQ(2 * PAGE, unmapped);
}

/* Flags and bounds of the fields are checked before the IOAS. */
TEST_F(ioas, unknown_ioas_is_reported_before_length_and_addresses)
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

TEST_F(ioas, user_va_plus_length_overflows)
{
	uint64_t iova = 0;

	test_err_map_fixed(EOVERFLOW, (void *)-PAGE, 2 * PAGE, IOVA);
	test_err_map_fixed(EOVERFLOW, (void *)(3 * PAGE), -(2 * PAGE), 0);
	test_err_map_fixed(EOVERFLOW, (void *)-MOCK_PAGE, PAGE, IOVA);
	test_err_map(EOVERFLOW, (void *)-PAGE, 2 * PAGE, &iova);
}

TEST_F(ioas, length_zero_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_err_map(EINVAL, mem, 0, &iova);
	test_err_map_fixed(EINVAL, mem, 0, IOVA);
	test_err_map_fixed(EINVAL, mem, 0, 0);
}

TEST_F(ioas, automatic_iova_for_half_the_address_space_is_eoverflow)
{
	uint64_t iova = 0;

	test_err_map(EOVERFLOW, NULL, ULMAX / 2 + 1, &iova);
	test_err_map(EOVERFLOW, NULL, ULMAX - 2 * PAGE + 1, &iova);
}

TEST_F(ioas, no_permission_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_err(EINVAL, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
					0));
	iova = IOVA;
	test_err(EINVAL, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
					0));
	test_err(EINVAL, _test_ioas_map(self->fd, self->ioas, mem, PAGE, &iova,
					MAP_FIXED_IOVA));
	test_map_fixed(mem, PAGE, IOVA);
	test_err_copy(EINVAL, self->ioas, &iova, self->ioas, IOVA, PAGE, 0);
}

TEST_F(ioas, each_permission_alone_is_enough)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ);
	test_map_to(self->ioas, mem, PAGE, &iova, MAP_WRITE);
	test_map_to(self->ioas, mem, PAGE, &iova, MAP_RW);
	test_mapped_pinned(3 * PAGE);
}

/* The alignment is 1 without a device, else the smallest IO page. */
TEST_F(ioas, alignment_follows_the_attached_device)
{
	static const unsigned int units[] = { 1, 8, 64, 512, 2048, 4095 };
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	for (unsigned int bits = 1; bits < 8; bits++) {
		for (int i = 0; i < ARRAY_SIZE(units); i++) {
			unsigned int unit = units[i];
			uint8_t *va = mem + (bits & 1 ? unit : 0);
			uint64_t iova = IOVA + (bits & 2 ? unit : 0);
			uint64_t length = PAGE + (bits & 4 ? unit : 0);

			if (unit % self->alignment) {
				test_err_map_fixed(EINVAL, va, length, iova);
			} else {
				test_map_fixed(va, length, iova);
				test_unmap(iova, length);
			}
		}
	}
}

TEST_F(ioas, automatic_iova_of_unaligned_memory)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = 0;

	if (variant->domains) {
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

TEST_F(mock_ioas, half_pages_can_be_mapped)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	static const struct { unsigned long va, iova, pages; } part[] = {
		{ 0, 0, 1 }, { 1, 0, 1 }, { 0, 1, 1 }, { 1, 1, 1 },
		{ 0, 0, 3 }, { 1, 0, 3 }, { 1, 1, 6 }, { 0, 1, 7 },
	};

	for (int i = 0; i < ARRAY_SIZE(part); i++) {
		uint8_t *va = mem + part[i].va * MOCK_PAGE;
		uint64_t iova = IOVA + part[i].iova * MOCK_PAGE;
		uint64_t length = part[i].pages * MOCK_PAGE;
		uint8_t *page = mem + part[i].va * MOCK_PAGE / PAGE * PAGE;
		unsigned long npages = (part[i].va + part[i].pages + 1) / 2;

		test_map_fixed(va, length, iova);
		test_domains_have(iova, length, va);
		test_domains_lack(iova + length, va + length);
		test_mapped_refs(page, npages * PAGE, 1);
		test_mapped_pinned(npages * PAGE);
		test_unmap(iova, length);
		test_domains_lack(iova, va);
		test_refs(mem, 4 * PAGE, 0);
	}
}

TEST_F(ioas, fixed_iova_zero)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));

	if (FIRST_IOVA) {
		test_err_map_fixed(EINVAL, mem, PAGE, 0);
		return;
	}
	test_map_fixed(mem, PAGE, 0);
	test_unmap(0, PAGE);
}

TEST_F(ioas, automatic_iova_is_never_zero)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova;

	for (int i = 0; i < 8; i++) {
		test_map(mem, PAGE, &iova);
		ASSERT_NE(0, iova);
		ASSERT_EQ(0, iova % PAGE);
	}
}

TEST_F(bare_ioas, automatic_iova_is_never_in_the_first_or_last_page)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range ends[] = {
		{ 0, 2 * PAGE - 1 }, { ULMAX - 2 * PAGE + 1, ULMAX },
	};
	uint64_t iova;

	/* The same with an offset in the page */
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

/* The alignment is at most 2 MiB. */
TEST_F(bare_ioas, alignment_of_an_automatic_iova_is_capped)
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

TEST_F(ioas, automatic_iova_is_the_lowest_that_fits)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(64 * PAGE, 64 * PAGE));
	uint64_t iova[8], again;

	for (int i = 0; i < ARRAY_SIZE(iova); i++) {
		test_map(mem, PAGE, &iova[i]);
		ASSERT_EQ(LOWEST_IOVA + i * PAGE, iova[i]);
	}
	/* The lower of two gaps is used. */
	test_unmap(iova[5], PAGE);
	test_unmap(iova[2], PAGE);
	test_map(mem, PAGE, &again);
	ASSERT_EQ(iova[2], again);
	test_map(mem, PAGE, &again);
	ASSERT_EQ(iova[5], again);
	/* A gap that is too small is skipped. */
	test_unmap(iova[2], PAGE);
	test_map(mem, 2 * PAGE, &again);
	ASSERT_GT(again, iova[7]);
	test_map(mem, PAGE, &again);
	ASSERT_EQ(iova[2], again);
}

TEST_F(ioas, automatic_iova_is_aligned_for_huge_io_pages)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(8 * HUGE, 4 * HUGE));
	static const struct { size_t offset, length, align; } want[] = {
		{ 0, PAGE, PAGE },
		{ 0, 2 * PAGE, 2 * PAGE },
		{ PAGE, 4 * PAGE, PAGE },
		{ 2 * PAGE, 16 * PAGE, 2 * PAGE },
		{ 0, 3 * PAGE, 4 * PAGE },
		{ 0, 33 * PAGE, 64 * PAGE },
		{ PAGE, 33 * PAGE, PAGE },
		{ 8 * PAGE, 33 * PAGE, 8 * PAGE },
		{ 0, 64 * 1024, 64 * 1024 },
		/* The offset in the page is that of the memory. */
		{ MOCK_PAGE, 2 * PAGE, MOCK_PAGE },
	};
	uint64_t iova;

	for (int i = 0; i < ARRAY_SIZE(want); i++) {
		if (want[i].align < IO_PAGE)
			continue;
		test_map(mem + want[i].offset, want[i].length, &iova);
		ASSERT_NE(0, iova);
		ASSERT_EQ(0, iova % want[i].align);
		ASSERT_EQ(want[i].offset % PAGE, iova % PAGE);
		test_domains_have(iova, want[i].length, mem + want[i].offset);
	}
	if (variant->domains)
		return;		/* pinning all of it would show nothing more */
	test_map(mem, HUGE, &iova);
	ASSERT_EQ(0, iova % HUGE);
	test_map(mem, 3 * HUGE, &iova);
	ASSERT_EQ(0, iova % HUGE);
	test_map(mem + HUGE, 4 * HUGE, &iova);
	ASSERT_EQ(0, iova % HUGE);
}

TEST_F(ioas, over_an_existing_mapping_is_eexist)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));

	test_map_fixed(mem, 4 * PAGE, IOVA);
	test_err_map_fixed(EEXIST, mem, 4 * PAGE, IOVA);
	test_err_map_fixed(EEXIST, mem, PAGE, IOVA);
	test_err_map_fixed(EEXIST, mem, IO_PAGE, IOVA);
	test_err_map_fixed(EEXIST, mem, PAGE, IOVA + 3 * PAGE);
	test_err_map_fixed(EEXIST, mem, IO_PAGE, IOVA + 4 * PAGE - IO_PAGE);
	test_err_map_fixed(EEXIST, mem, 2 * PAGE, IOVA - PAGE);
	test_err_map_fixed(EEXIST, mem, 2 * PAGE, IOVA + 3 * PAGE);
	test_err_map_fixed(EEXIST, mem, 8 * PAGE, IOVA - 2 * PAGE);
	/* Neighbours are no overlap. */
	test_map_fixed(mem, IO_PAGE, IOVA - IO_PAGE);
	test_map_fixed(mem, IO_PAGE, IOVA + 4 * PAGE);
	/* The failures have not changed the mapping. */
	test_domains_have(IOVA, 4 * PAGE, mem);
}

TEST_F(ioas, reserved_range_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));

	test_reserve(IOVA + PAGE, PAGE);
	test_err_map_fixed(EINVAL, mem, PAGE, IOVA + PAGE);
	test_err_map_fixed(EINVAL, mem, 2 * PAGE, IOVA);
	test_err_map_fixed(EINVAL, mem, 3 * PAGE, IOVA);
	test_err_map_fixed(EINVAL, mem, IO_PAGE, IOVA + 2 * PAGE - IO_PAGE);
	test_map_fixed(mem, PAGE, IOVA);
	test_map_fixed(mem, PAGE, IOVA + 2 * PAGE);
	test_mapped_refs(mem, PAGE, 2);
}

TEST_F(ioas, range_that_a_device_reserves_is_einval)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t top;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	if (!variant->domains) {
		/* Nothing is reserved: the very last page maps. */
		ASSERT_EQ(1, num);
		test_map_fixed(mem, PAGE, ULMAX - PAGE + 1);
		return;
	}
	for (int i = 0; i < num; i++) {
		top = ranges[i].last;
		/* Not every IOMMU has a last IOVA. */
		if (top == UINT64_MAX)
			continue;
		test_err_map_fixed(EINVAL, mem, PAGE, top + 1);
		test_err_map_fixed(EINVAL, mem, 2 * PAGE, top - PAGE + 1);
		/* The last page of the range can be mapped. */
		test_map_fixed(mem, PAGE, top - PAGE + 1);
	}
	if (!variant->edu)
		return;
	ASSERT_GE(num, 2);
	test_err_map_fixed(EINVAL, mem, PAGE, 0xfee00000);
	test_err_map_fixed(EINVAL, mem, PAGE, 0xfeeff000);
}

TEST_F(mock_ioas, aperture_ends_are_exact)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	test_map_fixed(mem, PAGE, MOCK_APERTURE_START);
	test_map_fixed(mem, PAGE, MOCK_APERTURE_LAST + 1 - PAGE);
	test_domains_have(MOCK_APERTURE_LAST + 1 - PAGE, PAGE, mem);
	if (!FIRST_IOVA) {
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

TEST_F(edu_ioas, automatic_iova_avoids_reserved_ranges)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range allowed = {
		0xfedff000, 0xfef00fff
	};
	uint64_t iova;

	/* Map the page below the MSI window. */
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

TEST_F(ioas, automatic_iova_stays_in_the_allowed_list)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct iommu_iova_range allowed[] = {
		{ IOVA, IOVA + PAGE - 1 },
		{ IOVA + 2 * PAGE, IOVA + 4 * PAGE - 1 },
	};
	uint64_t iova;

	test_allow_iovas(allowed, 2);
	test_map(mem, 2 * PAGE, &iova);
	ASSERT_EQ(IOVA + 2 * PAGE, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	/* The list does not restrict FIXED_IOVA. */
	test_map_fixed(mem, PAGE, IOVA + PAGE);
	test_map_fixed(mem, PAGE, IOVA + 4 * PAGE);
	test_allow_iovas(NULL, 0);
	test_map(mem, PAGE, &iova);
	ASSERT_GT(IOVA, iova);
}

TEST_F(ioas, fixed_iova_ignores_the_allowed_list)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct iommu_iova_range allowed = { IOVA, IOVA + 2 * PAGE - 1 };
	uint64_t iova = 0;

	test_allow_iovas(&allowed, 1);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA, iova);
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA + PAGE, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_map_fixed(mem, PAGE, IOVA + 2 * PAGE);
	test_map_fixed(mem, PAGE, IOVA - PAGE);
}

TEST_F(ioas, no_room_is_enospc)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0;

	test_reserve(2 * PAGE, IOVA - 2 * PAGE);
	test_reserve(IOVA + PAGE, ULMAX - (IOVA + PAGE) + 1);
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	if (!FIRST_IOVA) {
		test_map(mem, PAGE, &iova);
		ASSERT_EQ(PAGE, iova);
	}
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_err_map(EOVERFLOW, mem, ULMAX / 2, &iova);
}

/*
 * Without a page table MAP does not check the memory. With one it pins all of
 * the memory or fails.
 */
TEST_F(ioas, memory_is_checked_only_with_a_domain)
{
	uint8_t *hole = test_mem(mem_reserve(2UL << 30));
	uint64_t iova = 0;

	ASSERT_EQ(0, munmap(hole, 2UL << 30));
	if (variant->domains) {
		/* 2 GiB are more than the mock's aperture. */
		test_err_map(EFAULT, hole, (variant->edu ? 2UL : 1UL) << 30,
			     &iova);
		test_err_map_fixed(EFAULT, hole, PAGE, IOVA);
		test_err_map_fixed(EFAULT, NULL, PAGE, IOVA);
	} else {
		test_map_fixed(hole, 2UL << 30, 1UL << 40);
		test_map_fixed(NULL, PAGE, IOVA);
		test_err_mock_attach(EADDRINUSE, self->ioas);
		test_unmap(1UL << 40, 2UL << 30);
		test_err_mock_attach(EFAULT, self->ioas);
	}
	test_pinned(0);
}

TEST_F(ioas, failed_pin_leaves_nothing)
{
	const size_t pages = 1024;
	uint8_t *mem = test_mem(mem_anon(pages * PAGE));
	static const size_t holes[] = {
		0, 1, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 511, 512, 513, 1023,
	};

	for (int i = 0; i < ARRAY_SIZE(holes); i++) {
		uint8_t *hole = mem + holes[i] * PAGE;
		uint8_t *again;

		ASSERT_EQ(0, munmap(hole, PAGE));
		if (variant->domains) {
			test_err_map_fixed(EFAULT, mem, pages * PAGE, IOVA);
		} else {
			test_map_fixed(mem, pages * PAGE, IOVA);
			test_err_mock_attach(EFAULT, self->ioas);
			test_unmap(IOVA, pages * PAGE);
		}
		again = mmap(hole, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		ASSERT_EQ(hole, again);
		test_refs(mem, pages * PAGE, 0);
		test_domains_lack(IOVA, mem);
	}
	/* The IOVA was left free and the memory usable. */
	test_map_fixed(mem, pages * PAGE, IOVA);
	test_domains_have(IOVA, pages * PAGE, mem);
	test_mapped_refs(mem, pages * PAGE, 1);
	test_mapped_pinned(pages * PAGE);
	test_unmap(IOVA, pages * PAGE);
	test_pinned(0);
}

/* The nth call of iommu_map() fails, for every n until all succeed. */
TEST_F(mock_ioas, failed_iommu_map_leaves_nothing)
{
	const unsigned long pages = 16;
	uint8_t *mem = test_mem(mem_scattered(pages));
	int rc, n;

	for (n = 1; n < 4 * pages; n++) {
		test_mock_param("fail_map", n);
		rc = _test_map_fixed(self->fd, self->ioas, mem, pages * PAGE,
				     IOVA, MAP_RW);
		test_mock_param("fail_map", 0);
		if (!rc)
			break;
		ASSERT_EQ(ENOMEM, rc);
		test_refs(mem, pages * PAGE, 0);
		test_pinned(0);
		for (unsigned long i = 0; i < pages; i++)
			test_domains_lack(IOVA + i * PAGE, mem + i * PAGE);
		test_err_unmap(ENOENT, IOVA, pages * PAGE);
	}
	ASSERT_EQ(0, rc);
	/* Each domain had one call of iommu_map() for each run. */
	ASSERT_EQ(1 + variant->domains * mem_runs(mem, pages), n);
	test_domains_have(IOVA, pages * PAGE, mem);
	test_mapped_refs(mem, pages * PAGE, 1);
}

TEST_F(edu_ioas, above_user_space_is_efault)
{
	uint64_t iova = 0;

	test_err_map(EFAULT, (void *)0xffff888000000000, PAGE, &iova);
	test_err_map(EFAULT, (void *)0x800000000000, PAGE, &iova);
	test_err_map(EFAULT, (void *)(-PAGE - PAGE), PAGE, &iova);
}

/* The addresses do not wrap; there is no memory. */
TEST_F(mock_ioas, user_va_just_below_the_wrap_is_efault)
{
	uint8_t *va = (uint8_t *)(-2 * PAGE);

	for (unsigned long length = MOCK_PAGE; length < 2 * PAGE;
	     length += MOCK_PAGE) {
		if (variant->domains) {
			test_err_map_fixed(EFAULT, va, length, IOVA);
		} else {
			test_map_fixed(va, length, IOVA);
			test_unmap(IOVA, length);
		}
	}
	test_err_map_fixed(EOVERFLOW, va + MOCK_PAGE, 2 * PAGE, IOVA);
}

TEST_F(edu_ioas, memory_protection_is_checked)
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

TEST_F(ioas, pages_are_pinned_for_writing_only_when_asked)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t iova = IOVA;
	int write = variant->domains ? EFAULT : 0;

	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	test_map_to(self->ioas, mem, PAGE, &iova, MAP_READ | MAP_FIXED_IOVA);
	test_domains_have(IOVA, PAGE, mem);
	test_mapped_refs(mem, PAGE, 1);
	iova = IOVA + PAGE;
	ASSERT_EQ(write, _test_ioas_map(self->fd, self->ioas, mem, 2 * PAGE,
					&iova, MAP_WRITE | MAP_FIXED_IOVA));
	test_mapped_refs(mem, PAGE, 1);
	test_refs(mem + PAGE, PAGE, 0);
}

TEST_F(ioas, two_maps_are_two_pins)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t iova[3];

	for (int i = 0; i < 3; i++) {
		test_map(mem, 8 * PAGE, &iova[i]);
		test_mapped_pinned(8 * PAGE * (i + 1));
	}
	for (int i = 0; i < 3; i++) {
		test_unmap(iova[i], 8 * PAGE);
		test_mapped_pinned(8 * PAGE * (2 - i));
	}
	/* The same with mappings that overlap in part of their pages */
	for (int i = 0; i < 4; i++) {
		test_map_fixed(mem + i * PAGE, 2 * PAGE, IOVA + 2 * i * PAGE);
		test_mapped_pinned(2 * (i + 1) * PAGE);
	}
	test_mapped_refs(mem, PAGE, 1);
	test_mapped_refs(mem + PAGE, 3 * PAGE, 2);
	test_mapped_refs(mem + 4 * PAGE, PAGE, 1);
	for (int i = 0; i < 4; i++)
		test_domains_have(IOVA + 2 * i * PAGE, 2 * PAGE,
				  mem + i * PAGE);
	test_unmap(IOVA + 2 * PAGE, 2 * PAGE);
	test_mapped_refs(mem + PAGE, 2 * PAGE, 1);
}

TEST_F(mock_ioas, alignment_is_a_page_without_huge_pages)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t off = 0;

	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &off);
	test_err_map_fixed(EINVAL, mem + MOCK_PAGE, PAGE, IOVA);
	test_err_map_fixed(EINVAL, mem, PAGE, IOVA + MOCK_PAGE);
	test_err_map_fixed(EINVAL, mem, MOCK_PAGE, IOVA);
	test_map_fixed(mem, 4 * PAGE, IOVA);
	test_domains_have(IOVA, 4 * PAGE, mem);
	test_unmap(IOVA, 4 * PAGE);
}

TEST_F(mock_ioas, huge_pages_stay_on_while_half_a_page_is_mapped)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t off = 0, on = 1, get = 7;

	test_map_fixed(mem, MOCK_PAGE, IOVA);
	test_err_option(variant->domains ? EINVAL : EADDRINUSE,
			IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET,
			self->ioas, &off);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &on);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET, self->ioas,
		    &get);
	ASSERT_EQ(1, get);
	test_unmap(IOVA, MOCK_PAGE);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &off);
}

TEST_F(ioas, map_leaves_memory_contents_alone)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));

	mem_fill(mem, 16 * PAGE, 7);
	test_map_fixed(mem, 16 * PAGE, IOVA);
	ASSERT_TRUE(mem_is(mem, 16 * PAGE, 7));
	test_unmap(IOVA, 16 * PAGE);
	ASSERT_TRUE(mem_is(mem, 16 * PAGE, 7));
}

TEST_F(mock_ioas, hundreds_of_mappings)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	const unsigned long n = 600;
	uint64_t unmapped;

	/* Two mappings of each page: one pin for each mapping */
	for (unsigned long i = 0; i < n; i++)
		test_map_fixed(mem + i % 2 * MOCK_PAGE, MOCK_PAGE,
			       IOVA + i * MOCK_PAGE);
	test_mapped_pinned(n * PAGE);
	test_mapped_refs(mem, PAGE, n);
	for (unsigned long i = 0; i < n; i += 2)
		test_domains_have(IOVA + i * MOCK_PAGE, PAGE, mem);
	test_unmap_all(&unmapped);
	ASSERT_EQ(n * MOCK_PAGE, unmapped);
	test_refs(mem, PAGE, 0);
}

TEST_F(ioas, thousands_of_mappings)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova, unmapped, last = 0;
	const int n = 4000;

	for (int i = 0; i < n; i++) {
		test_map(mem, PAGE, &iova);
		ASSERT_EQ(last ? last + PAGE : iova, iova);
		last = iova;
	}
	test_mapped_pinned(n * PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(n * PAGE, unmapped);
	test_pinned(0);
}

TEST_F(ioas, failed_answer_undoes_the_map)
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
