// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_IOVA_RANGES and IOMMU_IOAS_ALLOW_IOVAS: ranges that devices
 * reserve, ranges without a device, and the allowed list.
 */
#include "ioas.h"
#include "ranges.h"

#define MSI_START	0xfee00000UL
#define MSI_LAST	0xfeefffffUL

/* The usable range with the mock's devices */
#define LOW	MOCK_FIRST(variant)
#define HIGH	MOCK_LAST(variant)

#define AT(_start, _last)	{ IOVA + (_start), IOVA + (_last) }

#define test_ranges(...)						\
	test_iova_ranges(self->ioas, self->alignment, __VA_ARGS__)

TEST_F(ioas, ranges_leave_out_what_is_reserved)
{
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t alignment;

	if (!variant->edu) {
		test_ranges({ LOW, HIGH });
		return;
	}
	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
				  &alignment));
	ASSERT_EQ(self->alignment, alignment);
	if (!pci_iommu_is_vtd())
		SKIP(return, "not VT-d: it reserves more ranges");
	ASSERT_EQ(2, num);
	ASSERT_EQ(0, ranges[0].start);
	ASSERT_EQ(MSI_START - 1, ranges[0].last);
	ASSERT_EQ(MSI_LAST + 1, ranges[1].start);
	/* The top is the IOMMU's address width: 39 bits or more. */
	ASSERT_EQ(0, ranges[1].last & (ranges[1].last + 1));
	ASSERT_GE(ranges[1].last, (1UL << 39) - 1);
	ASSERT_LT(ranges[1].last, UINT64_MAX);
}

TEST_F(ioas, small_array_is_emsgsize)
{
	struct iommu_iova_range want[16], got[16];
	uint32_t total, num;
	uint64_t alignment;

	for (int holes = 0; holes <= 4; holes += 4) {
		for (int i = 0; i < holes; i++)
			test_reserve(IOVA + i * 2 * PAGE, PAGE);
		total = ARRAY_SIZE(want);
		test_ok(_test_iova_ranges(self->fd, self->ioas, want, &total,
					  NULL));
		ASSERT_LE(holes + 1, total);
		ASSERT_EQ(FIRST_IOVA, want[0].start);
		for (int i = 1; i <= holes; i++)
			ASSERT_EQ(IOVA + (2 * i - 1) * PAGE, want[i].start);
		for (uint32_t room = 0; room < total; room++) {
			memset(got, 0xff, sizeof(got));
			alignment = 0;
			num = room;
			ASSERT_EQ(EMSGSIZE,
				  _test_iova_ranges(self->fd, self->ioas,
						    room ? got : NULL, &num,
						    &alignment));
			/* The count, the alignment and what fits come back. */
			ASSERT_EQ(total, num);
			ASSERT_EQ(self->alignment, alignment);
			ASSERT_EQ(0, memcmp(got, want, room * sizeof(*got)));
			for (uint32_t i = room; i < ARRAY_SIZE(got); i++)
				ASSERT_EQ(UINT64_MAX, got[i].start);
		}
		num = total;
		memset(got, 0xff, sizeof(got));
		test_ok(_test_iova_ranges(self->fd, self->ioas, got, &num,
					  NULL));
		ASSERT_EQ(0, memcmp(got, want, total * sizeof(*got)));
		ASSERT_EQ(UINT64_MAX, got[total].start);
	}
}

TEST_F(ioas, bad_array_is_efault)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint32_t num = 16;

	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_NONE));
	test_err(EFAULT, _test_iova_ranges(self->fd, self->ioas, NULL, &num,
					   NULL));
	num = 16;
	test_err(EFAULT, _test_iova_ranges(self->fd, self->ioas,
					   (void *)(mem + PAGE), &num, NULL));
	num = 16;
	test_err(EFAULT, _test_iova_ranges(self->fd, self->ioas,
					   (void *)(mem + PAGE - 8), &num,
					   NULL));
	test_err_allow_iovas(EFAULT, NULL, 1);
	test_err_allow_iovas(EFAULT, (void *)(mem + PAGE), 1);
	memset(mem, 0, PAGE);
	test_err_allow_iovas(EFAULT, (void *)(mem + PAGE - 8), 1);
}

TEST_F(ioas, mappings_and_allowed_list_do_not_change_ranges)
{
	struct iommu_iova_range before[16], after[16];
	struct iommu_iova_range allowed = { IOVA, IOVA + HUGE - 1 };
	uint32_t total = ARRAY_SIZE(before), num = ARRAY_SIZE(after);
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_ok(_test_iova_ranges(self->fd, self->ioas, before, &total, NULL));
	test_map_fixed(mem, PAGE, IOVA);
	test_allow_iovas(&allowed, 1);
	test_ok(_test_iova_ranges(self->fd, self->ioas, after, &num, NULL));
	ASSERT_EQ(total, num);
	ASSERT_EQ(0, memcmp(before, after, num * sizeof(*after)));
}

TEST_F(mock_ioas, reserving_is_refused)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range allowed = {
		IOVA + 8 * PAGE, IOVA + 9 * PAGE - 1
	};

	test_err_reserve(EINVAL, IOVA, 0);
	test_err_reserve(EOVERFLOW, ULMAX - PAGE, 2 * PAGE);
	test_err_reserve(EOVERFLOW, 2, ULMAX);
	test_map_fixed(mem, PAGE, IOVA);
	test_err_reserve(EADDRINUSE, IOVA, PAGE);
	test_err_reserve(EADDRINUSE, IOVA - 1, 2);
	test_err_reserve(EADDRINUSE, IOVA + PAGE - 1, 1);
	test_err_reserve(EADDRINUSE, 0, ULMAX);
	test_allow_iovas(&allowed, 1);
	test_err_reserve(EADDRINUSE, IOVA + 7 * PAGE, PAGE + 1);
	test_err_reserve(EADDRINUSE, IOVA + 8 * PAGE + 5, 1);
	test_reserve(IOVA + PAGE, 7 * PAGE);
	test_reserve(IOVA + 9 * PAGE, PAGE);
	test_ranges({ LOW, IOVA + PAGE - 1 },
		    { IOVA + 8 * PAGE, IOVA + 9 * PAGE - 1 },
		    { IOVA + 10 * PAGE, HIGH });
}

TEST_F(mock_ioas, overlapping_reservations_are_one_hole)
{
	test_reserve(IOVA, 4 * PAGE);
	test_reserve(IOVA + 2 * PAGE, 4 * PAGE);
	test_reserve(IOVA + 6 * PAGE, PAGE);
	test_reserve(IOVA + PAGE, PAGE);
	test_ranges({ LOW, IOVA - 1 }, { IOVA + 7 * PAGE, HIGH });
	test_reserve(IOVA + 8 * PAGE, 1);
	test_ranges({ LOW, IOVA - 1 },
		    { IOVA + 7 * PAGE, IOVA + 8 * PAGE - 1 },
		    { IOVA + 8 * PAGE + 1, HIGH });
}

TEST_F(mock_ioas, everything_can_be_reserved)
{
	test_reserve(0, IOVA);
	test_ranges({ IOVA, HIGH });
	test_reserve(IOVA + PAGE, ULMAX - IOVA - PAGE + 1);
	test_ranges({ IOVA, IOVA + PAGE - 1 });
	test_reserve(IOVA, PAGE);
	{
		struct iommu_iova_range range;
		uint32_t num = 1;

		test_ok(_test_iova_ranges(self->fd, self->ioas, &range, &num,
					  NULL));
		ASSERT_EQ(0, num);
	}
}

TEST_F(ioas, allowed_range_must_start_before_its_last)
{
	struct iommu_iova_range range;

	range = (struct iommu_iova_range)AT(0x2000, 0x1fff);
	test_err_allow_iovas(EINVAL, &range, 1);
	range = (struct iommu_iova_range)AT(0x2000, 0x2000);
	test_err_allow_iovas(EINVAL, &range, 1);
	range = (struct iommu_iova_range){ UINT64_MAX, 0 };
	test_err_allow_iovas(EINVAL, &range, 1);
	range = (struct iommu_iova_range)AT(0x2000, 0x2fff);
	test_allow_iovas(&range, 1);
}

TEST_F(ioas, allow_refuses_overlaps_inside_the_list)
{
	struct iommu_iova_range same[] = {
		AT(0x10000, 0x1ffff), AT(0x10000, 0x1ffff),
	};
	struct iommu_iova_range inside[] = {
		AT(0x10000, 0x1ffff), AT(0x40000, 0x4ffff),
		AT(0x11000, 0x11fff),
	};
	struct iommu_iova_range edge[] = {
		AT(0x20000, 0x2ffff), AT(0x10000, 0x20000),
	};
	struct iommu_iova_range touching[] = {
		AT(0x20000, 0x2ffff), AT(0x10000, 0x1ffff),
	};

	test_err_allow_iovas(EINVAL, same, 2);
	test_err_allow_iovas(EINVAL, inside, 3);
	test_err_allow_iovas(EINVAL, edge, 2);
	test_allow_iovas(touching, 2);
}

TEST_F(ioas, refused_list_leaves_the_old_one)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range good = { IOVA, IOVA + PAGE - 1 };
	struct iommu_iova_range bad[] = {
		{ 0x20000, 0x2ffff }, { MSI_START + PAGE, MSI_START + HUGE },
		{ 0x2f000, 0x3ffff },
	};
	uint64_t iova = 0;

	test_allow_iovas(&good, 1);
	test_err_allow_iovas(EINVAL, bad, 3);
	if (variant->edu)
		test_err_allow_iovas(EADDRINUSE, bad, 2);
	if (variant->edu && pci_iommu_is_vtd()) {
		bad[0].start = 1UL << 62;
		bad[0].last = (1UL << 62) + PAGE;
		test_err_allow_iovas(EADDRINUSE, bad, 1);
	}
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(ioas, allowed_lists_that_are_refused)
{
	struct iommu_iova_range good = { IOVA, IOVA + PAGE - 1 };
	struct iommu_iova_range bad[] = {
		{ IOVA, IOVA }, { IOVA, IOVA - 1 }, { ULMAX, 0 },
	};
	struct iommu_iova_range twice[] = {
		{ IOVA, IOVA + PAGE },
		{ IOVA + PAGE, IOVA + 2 * PAGE },
	};
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range reserved = { IOVA, IOVA + 4 * PAGE };
	uint64_t iova = 0;

	test_reserve(IOVA + 4 * PAGE, PAGE);
	test_allow_iovas(&good, 1);
	for (int i = 0; i < ARRAY_SIZE(bad); i++)
		test_err_allow_iovas(EINVAL, &bad[i], 1);
	test_err_allow_iovas(EINVAL, twice, 2);
	test_err_allow_iovas(EADDRINUSE, &reserved, 1);
	test_err_allow_iovas(EFAULT, NULL, 1);
	/* The old list stays: */
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_allow_iovas(NULL, 0);
	test_map(mem, 2 * PAGE, &iova);
}

TEST_F(ioas, no_ranges_clears_the_list)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range good = { IOVA, IOVA + PAGE - 1 };
	uint64_t iova = 0;

	test_allow_iovas(&good, 1);
	test_map(mem, PAGE, &iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_allow_iovas(NULL, 0);
	test_map(mem, PAGE, &iova);
	ASSERT_LT(iova, IOVA);
}

TEST_F(ioas, new_list_replaces_the_old_one)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range lists[][2] = {
		{ AT(0x100000, 0x100fff), AT(0x300000, 0x301fff) },
		{ AT(0x300000, 0x300fff), AT(0x500000, 0x501fff) },
	};
	uint64_t iova = 0;

	test_allow_iovas(lists[0], 2);
	test_map(mem, 2 * PAGE, &iova);
	ASSERT_EQ(IOVA + 0x300000, iova);
	test_allow_iovas(lists[1], 2);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA + 0x500000, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(IOVA + 0x501000, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(ioas, many_allowed_ranges)
{
	enum { N = 500 };
	struct iommu_iova_range *ranges = test_mem(mem_anon(N * 16));
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova;

	/* The list is in descending order; MAP uses it in ascending order. */
	for (int i = 0; i < N; i++) {
		ranges[N - 1 - i].start = IOVA + i * 16 * PAGE;
		ranges[N - 1 - i].last = IOVA + i * 16 * PAGE + PAGE - 1;
	}
	test_allow_iovas(ranges, N);
	for (int i = 0; i < N; i++) {
		test_map(mem, PAGE, &iova);
		ASSERT_EQ(IOVA + i * 16 * PAGE, iova);
	}
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(ioas, allowed_range_at_the_top)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(16 * PAGE, 1UL << 30));
	struct iommu_iova_range ranges[16], top;
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t iova;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	/* user_va has a larger alignment than the range. */
	top.last = ranges[num - 1].last;
	top.start = top.last - 8 * PAGE + 1;
	test_allow_iovas(&top, 1);
	test_err_map(ENOSPC, mem, 16 * PAGE, &iova);
	iova = 0;
	test_map(mem, 4 * PAGE, &iova);
	ASSERT_GE(iova, top.start);
	ASSERT_LE(iova + 4 * PAGE - 1, top.last);
	test_unmap(iova, 4 * PAGE);
}

/* Aligning must not wrap at the top. */
TEST_F(ioas, aligned_iova_at_the_top)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(64 * PAGE, 64 * PAGE));
	struct iommu_iova_range ranges[16], allowed;
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t top, iova = 0;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	/* An automatic IOVA is never in the last page of all. */
	allowed.last = ranges[num - 1].last;
	if (allowed.last == ULMAX)
		allowed.last -= 2 * PAGE;
	top = allowed.last - 3 * PAGE + 1;
	allowed.start = top;
	test_allow_iovas(&allowed, 1);
	test_err_map(ENOSPC, mem, 4 * PAGE, &iova);
	test_err_map(ENOSPC, mem, 64 * PAGE, &iova);
	/* Only the upper two pages have the alignment. */
	test_map(mem, 2 * PAGE, &iova);
	ASSERT_EQ(top + PAGE, iova);
	test_domains_have(iova, 2 * PAGE, mem);
	iova = 0;
	test_err_map(ENOSPC, mem, 2 * PAGE, &iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(top, iova);
	iova = 0;
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(ioas, alignment_follows_devices_accesses_and_huge_pages)
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

	test_alignment(self->alignment);
	test_access_create(0, &access);
	test_alignment(self->alignment);
	close(access);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_alignment(PAGE);
	close(access);
	test_alignment(self->alignment);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &off);
	test_alignment(PAGE);
	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET, self->ioas,
		    &on);
	test_alignment(self->alignment);
}

TEST_F(ioas, alignment_is_a_byte_again_after_the_last_detach)
{
	struct mock_dev dev;
	uint64_t alignment;
	uint32_t ioas, num = 0;

	test_ok(_test_ioas_alloc(self->fd, &ioas));
	test_mock_attach(ioas, &dev);
	test_err(EMSGSIZE, _test_iova_ranges(self->fd, ioas, NULL, &num,
					     &alignment));
	ASSERT_EQ(MOCK_PAGE, alignment);
	test_ok(_test_destroy(self->fd, dev.stdev));
	num = 0;
	test_err(EMSGSIZE, _test_iova_ranges(self->fd, ioas, NULL, &num,
					     &alignment));
	ASSERT_EQ(1, alignment);
}

/* Detach removes what attach has reserved. */
TEST_F(edu_ioas, detach_removes_the_devices_reservations)
{
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t alignment;

	test_detach(self->edu[0].cdev);
	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
				  &alignment));
	if (variant->domains == 2) {
		if (!pci_iommu_is_vtd())
			SKIP(return, "not VT-d: it reserves more ranges, and has no end");
		/* The reservations of the other device stay. */
		ASSERT_EQ(2, num);
		ASSERT_EQ(MSI_LAST + 1, ranges[1].start);
		ASSERT_EQ(PAGE, alignment);
		test_detach(self->edu[1].cdev);
		num = ARRAY_SIZE(ranges);
		test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
					  &alignment));
		/* The explicit HWPT stays, and its aperture with it. */
		ASSERT_EQ(PAGE, alignment);
		ASSERT_EQ(1, num);
		ASSERT_LT(ranges[0].last, UINT64_MAX);
		test_destroy(self->hwpt[1]);
	}
	test_nothing_reserved(self->ioas);
}

/* Attach fails if a range to reserve is mapped or allowed. */
FIXTURE(reserve) {
	int fd;
	uint32_t ioas;
	struct edu edu;
};

FIXTURE_SETUP(reserve)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
}

FIXTURE_TEARDOWN(reserve)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* A failed attach reserves nothing. */
#define test_attach_is_refused()					\
	do {								\
		uint32_t __pt = self->ioas;				\
									\
		test_err_attach(EADDRINUSE, self->edu.cdev, &__pt);	\
		ASSERT_EQ(self->ioas, __pt);				\
		test_nothing_reserved(self->ioas);			\
	} while (0)

TEST_F(reserve, mapped_msi_window_refuses_attach)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint32_t pt = self->ioas;

	test_map_fixed(mem, PAGE, MSI_LAST - PAGE + 1);
	test_attach_is_refused();
	test_unmap(MSI_LAST - PAGE + 1, PAGE);
	test_attach(self->edu.cdev, &pt);
}

TEST_F(reserve, mapping_beyond_the_aperture_refuses_attach)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint32_t pt = self->ioas, hwpt;

	if (!pci_iommu_is_vtd())
		SKIP(return, "not VT-d: its aperture has no end");
	test_map_fixed(mem, PAGE, 1UL << 60);
	test_attach_is_refused();
	test_err_hwpt_alloc(EADDRINUSE, self->edu.devid, self->ioas, &hwpt);
	test_unmap(1UL << 60, PAGE);
	test_attach(self->edu.cdev, &pt);
}

TEST_F(reserve, allowed_msi_window_refuses_attach)
{
	struct iommu_iova_range range = { MSI_START - PAGE, MSI_START };
	uint32_t pt = self->ioas;

	test_allow_iovas(&range, 1);
	test_attach_is_refused();
	test_allow_iovas(NULL, 0);
	test_attach(self->edu.cdev, &pt);
}

TEST_F(reserve, allowed_beyond_the_aperture_refuses_attach)
{
	struct iommu_iova_range range = { MOCK_IOVA_LOW, UINT64_MAX };
	uint32_t pt = self->ioas, hwpt;

	if (!pci_iommu_is_vtd())
		SKIP(return, "not VT-d: its aperture has no end");
	test_allow_iovas(&range, 1);
	test_attach_is_refused();
	test_err_hwpt_alloc(EADDRINUSE, self->edu.devid, self->ioas, &hwpt);
	range.last = MOCK_IOVA_LOW + HUGE - 1;
	test_allow_iovas(&range, 1);
	test_attach(self->edu.cdev, &pt);
}

TEST_F(reserve, misaligned_mapping_refuses_attach)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	static const struct { unsigned int va, length, iova; } odd[] = {
		{ 0, 1, 0 }, { 512, 0, 512 }, { 0, 0, 512 },
	};
	uint32_t pt = self->ioas, hwpt;

	for (int i = 0; i < ARRAY_SIZE(odd); i++) {
		uint64_t iova = MOCK_IOVA_LOW + odd[i].iova;
		uint64_t length = PAGE - odd[i].length;

		test_map_fixed(mem + odd[i].va, length, iova);
		test_attach_is_refused();
		test_err_hwpt_alloc(EADDRINUSE, self->edu.devid, self->ioas,
				    &hwpt);
		test_unmap(iova, length);
	}
	test_attach(self->edu.cdev, &pt);
}

TEST_HARNESS_MAIN
