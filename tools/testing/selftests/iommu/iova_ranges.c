// SPDX-License-Identifier: GPL-2.0
/* IOMMU_IOAS_IOVA_RANGES and IOMMU_IOAS_ALLOW_IOVAS. */
#include "space.h"

#define MSI_START	0xfee00000UL
#define MSI_LAST	0xfeefffffUL

TEST_F(space, ranges_leave_out_what_is_reserved)
{
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t alignment;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
				  &alignment));
	ASSERT_EQ(self->alignment, alignment);
	if (!variant->hwpts) {
		ASSERT_EQ(1, num);
		ASSERT_EQ(0, ranges[0].start);
		ASSERT_EQ(UINT64_MAX, ranges[0].last);
		return;
	}
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

TEST_F(space, too_small_an_array_is_emsgsize)
{
	struct iommu_iova_range want[16], got[16];
	uint32_t total = ARRAY_SIZE(want), num;
	uint64_t alignment;

	test_ok(_test_iova_ranges(self->fd, self->ioas, want, &total, NULL));
	for (uint32_t room = 0; room < total; room++) {
		memset(got, 0xff, sizeof(got));
		alignment = 0;
		num = room;
		ASSERT_EQ(EMSGSIZE, _test_iova_ranges(self->fd, self->ioas,
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
	test_ok(_test_iova_ranges(self->fd, self->ioas, got, &num, NULL));
	ASSERT_EQ(0, memcmp(got, want, total * sizeof(*got)));
	ASSERT_EQ(UINT64_MAX, got[total].start);
}

TEST_F(space, bad_array_is_efault)
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

TEST_F(space, neither_mappings_nor_the_allowed_list_change_ranges)
{
	struct iommu_iova_range before[16], after[16];
	struct iommu_iova_range allowed = {
		TEST_IOVA, TEST_IOVA + HUGE - 1
	};
	uint32_t total = ARRAY_SIZE(before), num = ARRAY_SIZE(after);
	uint8_t *mem = test_mem(mem_anon(PAGE));

	test_ok(_test_iova_ranges(self->fd, self->ioas, before, &total, NULL));
	test_map_fixed(mem, PAGE, TEST_IOVA);
	test_allow_iovas(&allowed, 1);
	test_ok(_test_iova_ranges(self->fd, self->ioas, after, &num, NULL));
	ASSERT_EQ(total, num);
	ASSERT_EQ(0, memcmp(before, after, num * sizeof(*after)));
}

TEST_F(space, allow_wants_start_before_last)
{
	struct iommu_iova_range range;

	range = (struct iommu_iova_range){ 0x2000, 0x1fff };
	test_err_allow_iovas(EINVAL, &range, 1);
	range = (struct iommu_iova_range){ 0x2000, 0x2000 };
	test_err_allow_iovas(EINVAL, &range, 1);
	range = (struct iommu_iova_range){ UINT64_MAX, 0 };
	test_err_allow_iovas(EINVAL, &range, 1);
	range = (struct iommu_iova_range){ 0x2000, 0x2fff };
	test_allow_iovas(&range, 1);
}

TEST_F(space, allow_refuses_overlaps_inside_the_list)
{
	struct iommu_iova_range same[] = {
		{ 0x10000, 0x1ffff }, { 0x10000, 0x1ffff },
	};
	struct iommu_iova_range inside[] = {
		{ 0x10000, 0x1ffff }, { 0x40000, 0x4ffff }, { 0x11000, 0x11fff },
	};
	struct iommu_iova_range edge[] = {
		{ 0x20000, 0x2ffff }, { 0x10000, 0x20000 },
	};
	struct iommu_iova_range touching[] = {
		{ 0x20000, 0x2ffff }, { 0x10000, 0x1ffff },
	};

	test_err_allow_iovas(EINVAL, same, 2);
	test_err_allow_iovas(EINVAL, inside, 3);
	test_err_allow_iovas(EINVAL, edge, 2);
	test_allow_iovas(touching, 2);
}

TEST_F(space, refused_list_leaves_the_old_one)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range good = {
		TEST_IOVA, TEST_IOVA + PAGE - 1
	};
	struct iommu_iova_range bad[] = {
		{ 0x20000, 0x2ffff }, { MSI_START + PAGE, MSI_START + HUGE },
		{ 0x2f000, 0x3ffff },
	};
	uint64_t iova = 0;

	test_allow_iovas(&good, 1);
	test_err_allow_iovas(EINVAL, bad, 3);
	if (variant->hwpts)
		test_err_allow_iovas(EADDRINUSE, bad, 2);
	if (variant->hwpts && pci_iommu_is_vtd()) {
		bad[0].start = 1UL << 62;
		bad[0].last = (1UL << 62) + PAGE;
		test_err_allow_iovas(EADDRINUSE, bad, 1);
	}
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(TEST_IOVA, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(space, no_ranges_clears_the_list)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct iommu_iova_range good = {
		TEST_IOVA, TEST_IOVA + PAGE - 1
	};
	uint64_t iova = 0;

	test_allow_iovas(&good, 1);
	test_map(mem, PAGE, &iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
	test_allow_iovas(NULL, 0);
	test_map(mem, PAGE, &iova);
	ASSERT_LT(iova, TEST_IOVA);
}

TEST_F(space, new_list_replaces_the_old_one)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_iova_range lists[][2] = {
		{ { 0x100000, 0x100fff }, { 0x300000, 0x301fff } },
		{ { 0x300000, 0x300fff }, { 0x500000, 0x501fff } },
	};
	uint64_t iova = 0;

	test_allow_iovas(lists[0], 2);
	test_map(mem, 2 * PAGE, &iova);
	ASSERT_EQ(0x300000, iova);
	test_allow_iovas(lists[1], 2);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(0x500000, iova);
	test_map(mem, PAGE, &iova);
	ASSERT_EQ(0x501000, iova);
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(space, many_allowed_ranges)
{
	enum { N = 500 };
	struct iommu_iova_range *ranges = test_mem(mem_anon(N * 16));
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t iova;

	/* Given downwards, filled upwards. */
	for (int i = 0; i < N; i++) {
		ranges[N - 1 - i].start = TEST_IOVA + i * 16 * PAGE;
		ranges[N - 1 - i].last = TEST_IOVA + i * 16 * PAGE + PAGE - 1;
	}
	test_allow_iovas(ranges, N);
	for (int i = 0; i < N; i++) {
		test_map(mem, PAGE, &iova);
		ASSERT_EQ(TEST_IOVA + i * 16 * PAGE, iova);
	}
	test_err_map(ENOSPC, mem, PAGE, &iova);
}

TEST_F(space, allowed_range_at_the_top)
{
	uint8_t *mem = test_mem(mem_reserve_aligned(16 * PAGE, 1UL << 30));
	struct iommu_iova_range ranges[16], top;
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t iova;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	/* user_va asks for a huge alignment, the room has only a small one. */
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

/* Reservations come with the attachment and go with it. */
TEST_F(attached, detach_removes_its_owners_reservations)
{
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	uint64_t alignment;

	test_detach(self->edu[0].cdev);
	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
				  &alignment));
	if (variant->hwpts == 2) {
		if (!pci_iommu_is_vtd())
			SKIP(return, "not VT-d: it reserves more ranges, and has no end");
		/* The other device's are still there. */
		ASSERT_EQ(2, num);
		ASSERT_EQ(MSI_LAST + 1, ranges[1].start);
		ASSERT_EQ(PAGE, alignment);
		test_detach(self->edu[1].cdev);
		num = ARRAY_SIZE(ranges);
		test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
					  &alignment));
		/* The explicit HWPT lives on and with it its aperture. */
		ASSERT_EQ(PAGE, alignment);
		ASSERT_EQ(1, num);
		ASSERT_LT(ranges[0].last, UINT64_MAX);
		test_destroy(self->hwpt[1]);
		num = ARRAY_SIZE(ranges);
		test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num,
					  &alignment));
	}
	ASSERT_EQ(1, num);
	ASSERT_EQ(0, ranges[0].start);
	ASSERT_EQ(UINT64_MAX, ranges[0].last);
	ASSERT_EQ(1, alignment);
}

/* What attaching a device would reserve must not be mapped or promised. */
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

/* After the refusal nothing is reserved and the device can go elsewhere. */
#define test_attach_is_refused()					\
	do {								\
		struct iommu_iova_range __ranges[4];			\
		uint32_t __num = ARRAY_SIZE(__ranges);			\
		uint32_t __pt = self->ioas;				\
									\
		test_err_attach(EADDRINUSE, self->edu.cdev, &__pt);	\
		ASSERT_EQ(self->ioas, __pt);				\
		test_ok(_test_iova_ranges(self->fd, self->ioas, __ranges, \
					  &__num, NULL));		\
		ASSERT_EQ(1, __num);					\
		ASSERT_EQ(UINT64_MAX, __ranges[0].last);		\
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
	struct iommu_iova_range range = { TEST_IOVA, UINT64_MAX };
	uint32_t pt = self->ioas, hwpt;

	if (!pci_iommu_is_vtd())
		SKIP(return, "not VT-d: its aperture has no end");
	test_allow_iovas(&range, 1);
	test_attach_is_refused();
	test_err_hwpt_alloc(EADDRINUSE, self->edu.devid, self->ioas, &hwpt);
	range.last = TEST_IOVA + HUGE - 1;
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
		uint64_t iova = TEST_IOVA + odd[i].iova;
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
