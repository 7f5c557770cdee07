// SPDX-License-Identifier: GPL-2.0
/* Reserved and allowed ranges, with ranges that nobody owns among them. */
#include "mock_space.h"

#define ULMAX	UINT64_MAX

/* What the variant's devices leave. */
#define LOW	MOCK_FIRST(variant)
#define HIGH	MOCK_LAST(variant)

#define test_ranges(...)						\
	do {								\
		struct iommu_iova_range __want[] = { __VA_ARGS__ };	\
		struct iommu_iova_range __got[16];			\
		uint32_t __num = ARRAY_SIZE(__got);			\
		uint64_t __alignment;					\
									\
		test_ok(_test_iova_ranges(self->fd, self->ioas, __got,	\
					  &__num, &__alignment));	\
		ASSERT_EQ(ARRAY_SIZE(__want), __num);			\
		for (uint32_t __i = 0; __i < __num; __i++) {		\
			ASSERT_EQ(__want[__i].start, __got[__i].start); \
			ASSERT_EQ(__want[__i].last, __got[__i].last);	\
		}							\
	} while (0)

TEST_F(mock, are_what_the_devices_leave)
{
	struct iommu_iova_range range;
	uint64_t alignment;
	uint32_t num = 1;

	test_ok(_test_iova_ranges(self->fd, self->ioas, &range, &num,
				  &alignment));
	ASSERT_EQ(1, num);
	ASSERT_EQ(LOW, range.start);
	ASSERT_EQ(HIGH, range.last);
	ASSERT_EQ(variant->domains ? MOCK_PAGE : 1, alignment);
}

TEST_F(mock, reserving_is_refused)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range allowed = {
		MOCK_IOVA + 8 * PAGE, MOCK_IOVA + 9 * PAGE - 1
	};

	test_err_reserve(EINVAL, MOCK_IOVA, 0);
	test_err_reserve(EOVERFLOW, ULMAX - PAGE, 2 * PAGE);
	test_err_reserve(EOVERFLOW, 2, ULMAX);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_err_reserve(EADDRINUSE, MOCK_IOVA, PAGE);
	test_err_reserve(EADDRINUSE, MOCK_IOVA - 1, 2);
	test_err_reserve(EADDRINUSE, MOCK_IOVA + PAGE - 1, 1);
	test_err_reserve(EADDRINUSE, 0, ULMAX);
	test_allow_iovas(&allowed, 1);
	test_err_reserve(EADDRINUSE, MOCK_IOVA + 7 * PAGE, PAGE + 1);
	test_err_reserve(EADDRINUSE, MOCK_IOVA + 8 * PAGE + 5, 1);
	test_reserve(MOCK_IOVA + PAGE, 7 * PAGE);
	test_reserve(MOCK_IOVA + 9 * PAGE, PAGE);
	test_ranges({ LOW, MOCK_IOVA + PAGE - 1 },
		    { MOCK_IOVA + 8 * PAGE, MOCK_IOVA + 9 * PAGE - 1 },
		    { MOCK_IOVA + 10 * PAGE, HIGH });
}

TEST_F(mock, overlapping_reservations_are_one_hole)
{
	test_reserve(MOCK_IOVA, 4 * PAGE);
	test_reserve(MOCK_IOVA + 2 * PAGE, 4 * PAGE);
	test_reserve(MOCK_IOVA + 6 * PAGE, PAGE);
	test_reserve(MOCK_IOVA + PAGE, PAGE);
	test_ranges({ LOW, MOCK_IOVA - 1 }, { MOCK_IOVA + 7 * PAGE, HIGH });
	test_reserve(MOCK_IOVA + 8 * PAGE, 1);
	test_ranges({ LOW, MOCK_IOVA - 1 },
		    { MOCK_IOVA + 7 * PAGE, MOCK_IOVA + 8 * PAGE - 1 },
		    { MOCK_IOVA + 8 * PAGE + 1, HIGH });
}

TEST_F(mock, reserved_up_to_the_very_ends)
{
	test_reserve(0, MOCK_IOVA);
	test_ranges({ MOCK_IOVA, HIGH });
	test_reserve(MOCK_IOVA + PAGE, ULMAX - MOCK_IOVA - PAGE + 1);
	test_ranges({ MOCK_IOVA, MOCK_IOVA + PAGE - 1 });
	test_reserve(MOCK_IOVA, PAGE);
	{
		struct iommu_iova_range range;
		uint32_t num = 1;

		test_ok(_test_iova_ranges(self->fd, self->ioas, &range, &num,
					  NULL));
		ASSERT_EQ(0, num);
	}
}

TEST_F(mock, mappings_and_allowed_ranges_do_not_show)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range allowed = { MOCK_IOVA, MOCK_IOVA + PAGE - 1 };

	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_allow_iovas(&allowed, 1);
	test_ranges({ LOW, HIGH });
}

TEST_F(mock, too_little_room_tells_how_much)
{
	struct iommu_iova_range got[8];
	uint64_t alignment;

	for (int i = 0; i < 4; i++)
		test_reserve(MOCK_IOVA + i * 2 * PAGE, PAGE);
	for (uint32_t room = 0; room < 5; room++) {
		uint32_t num = room;

		memset(got, 0xaa, sizeof(got));
		alignment = 0;
		ASSERT_EQ(EMSGSIZE, _test_iova_ranges(self->fd, self->ioas, got,
						      &num, &alignment));
		ASSERT_EQ(5, num);
		ASSERT_EQ(variant->domains ? MOCK_PAGE : 1, alignment);
		if (room)
			ASSERT_EQ(LOW, got[0].start);
		for (uint32_t i = 1; i < room; i++)
			ASSERT_EQ(MOCK_IOVA + (2 * i - 1) * PAGE,
				  got[i].start);
		ASSERT_EQ(0xaaaaaaaaaaaaaaaa, got[room].start);
	}
}

TEST_F(mock, allowed_lists_that_are_refused)
{
	struct iommu_iova_range good = { MOCK_IOVA, MOCK_IOVA + PAGE - 1 };
	struct iommu_iova_range bad[] = {
		{ MOCK_IOVA, MOCK_IOVA }, { MOCK_IOVA, MOCK_IOVA - 1 },
		{ ULMAX, 0 },
	};
	struct iommu_iova_range twice[] = {
		{ MOCK_IOVA, MOCK_IOVA + PAGE },
		{ MOCK_IOVA + PAGE, MOCK_IOVA + 2 * PAGE },
	};
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range reserved = {
		MOCK_IOVA, MOCK_IOVA + 4 * PAGE
	};
	uint64_t iova = 0;

	test_reserve(MOCK_IOVA + 4 * PAGE, PAGE);
	test_allow_iovas(&good, 1);
	for (int i = 0; i < ARRAY_SIZE(bad); i++)
		test_err_allow_iovas(EINVAL, &bad[i], 1);
	test_err_allow_iovas(EINVAL, twice, 2);
	test_err_allow_iovas(EADDRINUSE, &reserved, 1);
	test_err_allow_iovas(EFAULT, NULL, 1);
	/* The old list stays: */
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(MOCK_IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_allow_iovas(NULL, 0);
	test_map(mem, 2 * PAGE, &iova);
}

/* Alignments that would wrap at the top, with little room there */
TEST_F(mock, placement_at_the_top)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(64 * PAGE, 64 * PAGE));
	/* An automatic IOVA is never in the last page of all. */
	uint64_t last = HIGH, high = last == ULMAX ? last - 2 * PAGE : last;
	uint64_t top = high - 3 * PAGE + 1, iova = 0;
	struct iommu_iova_range allowed = { top, high };

	test_allow_iovas(&allowed, 1);
	test_err_map(ENOSPC, mem, 4 * PAGE, &iova);
	test_err_map(ENOSPC, mem, 64 * PAGE, &iova);
	/* Aligned to two pages only the upper two fit. */
	test_map(mem, 2 * PAGE, &iova);
	ASSERT_EQ(top + PAGE, iova);
	test_maps(iova, 2 * PAGE, mem);
	iova = 0;
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(top, iova);
	iova = 0;
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(mock, alignment_follows_what_uses_the_space)
{
	uint64_t alignment, off = 0, on = 1;
	uint32_t num = 0;
	int access;

#define test_alignment(_want)						\
	do {								\
		ASSERT_EQ(EMSGSIZE, _test_iova_ranges(self->fd, self->ioas, \
						      NULL, &num, &alignment)); \
		ASSERT_EQ(_want, alignment);				\
		num = 0;						\
	} while (0)

	test_alignment(variant->domains ? MOCK_PAGE : 1);
	test_access_create(0, &access);
	test_alignment(variant->domains ? MOCK_PAGE : 1);
	close(access);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_alignment(PAGE);
	close(access);
	test_alignment(variant->domains ? MOCK_PAGE : 1);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &off);
	test_alignment(PAGE);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &on);
	test_alignment(variant->domains ? MOCK_PAGE : 1);
}

TEST_HARNESS_MAIN
