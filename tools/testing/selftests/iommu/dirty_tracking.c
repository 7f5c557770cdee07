// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages devices have written: SET_DIRTY_TRACKING and GET_DIRTY_BITMAP, and
 * the command of the mock IOMMU that lets a device write.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "mock_space.h"
#include "race.h"

#define IOVA		0x10000000UL
#define LENGTH		(64 * PAGE)
#define NR_UNITS	(LENGTH / MOCK_PAGE)
#define MIB		(1UL << 20)
#define NO_CLEAR	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR
#define TRACK		IOMMU_HWPT_ALLOC_DIRTY_TRACKING
/* A window of the kernel has so many bits. */
#define WINDOW		(8 * PAGE)

static int _test_alloc(int fd, uint32_t dev, uint32_t pt, uint32_t flags,
		       const struct iommu_hwpt_selftest *data, uint32_t *hwpt)
{
	return _test_hwpt_alloc_data(fd, dev, pt, flags,
				     data ? IOMMU_HWPT_DATA_SELFTEST :
					    IOMMU_HWPT_DATA_NONE,
				     data, data ? sizeof(*data) : 0, hwpt);
}

/* A device writes at @iova. EFAULT if nothing is mapped there. */
static int _test_write(int fd, uint32_t hwpt, uint64_t iova)
{
	uint64_t hits = 0;
	uint8_t bit = 1;
	int rc = _test_mock_write(fd, hwpt, iova & -MOCK_PAGE, MOCK_PAGE,
				  MOCK_PAGE, &bit, &hits);

	return rc ?: hits == 1 ? 0 : EFAULT;
}

static bool bit_is_set(const uint8_t *bits, uint64_t bit)
{
	return bits[bit / 8] >> bit % 8 & 1;
}

static uint64_t count_bits(const uint8_t *bits, uint64_t bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n += __builtin_popcount(*bits++);
	return n;
}

#define test_set(_flags)						\
	test_ok(_test_set_dirty(self->fd, self->hwpt, _flags))
#define test_err_set(_errno, _hwpt, _flags)				\
	test_err(_errno, _test_set_dirty(self->fd, _hwpt, _flags))
#define test_get(_iova, _length, _page_size, _bitmap, _flags)		\
	test_ok(_test_get_dirty(self->fd, self->hwpt, _iova, _length,	\
				_page_size, _bitmap, _flags))
#define test_err_get(_errno, _iova, _length, _page_size, _bitmap, _flags) \
	test_err(_errno, _test_get_dirty(self->fd, self->hwpt, _iova, _length, \
					 _page_size, _bitmap, _flags))
#define test_write(_iova) test_ok(_test_write(self->fd, self->hwpt, _iova))

/* The bitmap of a range has just the @_want bits, a byte of them. */
#define test_get_byte(_want, _iova, _page_size, _flags)			\
	do {								\
		uint8_t __byte = 0;					\
									\
		test_get(_iova, 8 * (_page_size), _page_size, &__byte,	\
			 _flags);					\
		ASSERT_EQ(_want, __byte);				\
	} while (0)

/* Number of bits that a range has. */
#define test_get_count(_want, _iova, _length, _page_size, _flags)	\
	do {								\
		uint64_t __n = ((_length) / (_page_size) + 7) / 8;	\
		uint8_t *__bits = calloc(1, __n);			\
									\
		ASSERT_NE(NULL, __bits);				\
		test_get(_iova, _length, _page_size, __bits, _flags);	\
		ASSERT_EQ(_want, count_bits(__bits, __n));		\
		free(__bits);						\
	} while (0)

FIXTURE(dirty) {
	int fd;
	uint32_t ioas;
	struct mock_dev dev[1];
	uint32_t hwpt;
	uint8_t *mem;
};

FIXTURE_SETUP(dirty)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_mock_attach(self->ioas, &self->dev[0]);
	test_ok(_test_alloc(self->fd, self->dev[0].idev, self->ioas, TRACK,
			    NULL, &self->hwpt));
	self->mem = test_mem(mem_anon(LENGTH));
	test_map_fixed(self->mem, LENGTH, IOVA);
}

FIXTURE_TEARDOWN(dirty)
{
	mock_close();
}

TEST_F(dirty, capability_and_flag)
{
	struct iommu_hw_info info = {
		.size = sizeof(info),
		.dev_id = self->dev[0].idev,
	};
	struct mock_dev lacks;
	uint32_t hwpt;

	test_ok(iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &info));
	ASSERT_EQ(IOMMU_HW_CAP_DIRTY_TRACKING,
		  info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING);

	test_ok(_test_mock_attach_flags(self->fd, self->ioas,
					MOCK_DEVICE_NO_DIRTY, &lacks));
	info.data_len = 0;
	info.dev_id = lacks.idev;
	test_ok(iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &info));
	ASSERT_EQ(0, info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING);
	test_err(EOPNOTSUPP, _test_alloc(self->fd, lacks.idev, self->ioas,
					 TRACK, NULL, &hwpt));
	test_ok(_test_alloc(self->fd, lacks.idev, self->ioas, 0, NULL, &hwpt));
}

TEST_F(dirty, device_without_it_cannot_attach)
{
	struct iommu_hwpt_selftest data = {};
	uint32_t parent, nested, pt;
	struct mock_dev dev;

	test_err(EINVAL, _test_mock_attach_flags(self->fd, self->hwpt,
						 MOCK_DEVICE_NO_DIRTY, &dev));
	test_ok(_test_mock_attach_flags(self->fd, self->ioas,
					MOCK_DEVICE_NO_DIRTY, &dev));
	test_err_mock_replace(EINVAL, dev.stdev, self->hwpt);
	/* It is attached where it was. */
	test_err_destroy(EBUSY, dev.hwpt);

	test_ok(_test_alloc(self->fd, self->dev[0].idev, self->ioas,
			    TRACK | IOMMU_HWPT_ALLOC_NEST_PARENT, NULL,
			    &parent));
	test_ok(_test_alloc(self->fd, self->dev[0].idev, parent, 0, &data,
			    &nested));
	test_err_mock_replace(EINVAL, dev.stdev, nested);

	pt = self->hwpt;
	test_mock_replace(self->dev[0].stdev, &pt);
}

TEST_F(dirty, set_errors)
{
	struct iommu_hwpt_selftest data = {};
	uint32_t parent, nested;

	/* In this order */
	test_err_set(EOPNOTSUPP, 1000, 2);
	test_err_set(EOPNOTSUPP, 1000, ~1U);
	test_err_set(ENOENT, 1000, 1);
	test_err_set(ENOENT, self->ioas, 1);
	test_err_set(ENOENT, self->dev[0].idev, 0);
	test_err_set(EOPNOTSUPP, self->dev[0].hwpt, 1);
	test_err_set(EOPNOTSUPP, self->dev[0].hwpt, 0);
	test_ok(_test_alloc(self->fd, self->dev[0].idev, self->ioas,
			    TRACK | IOMMU_HWPT_ALLOC_NEST_PARENT, NULL,
			    &parent));
	test_ok(_test_alloc(self->fd, self->dev[0].idev, parent, 0, &data,
			    &nested));
	test_err_set(ENOENT, nested, 1);
	test_ok(_test_set_dirty(self->fd, parent, 1));
}

TEST_F(dirty, get_errors)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = 1000,
		.__reserved = 1,
	};
	uint32_t hwpt = self->hwpt;
	uint64_t bits[64] = {};

	/* In this order: each call has all the faults of those after it. */
	self->hwpt = 1000;
	test_err_get(EOPNOTSUPP, 1, 0, 0, NULL, 2);
	test_err(EOPNOTSUPP, iommufd_ioctl(self->fd,
					   IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd));
	test_err_get(ENOENT, 1, 0, 0, NULL, 0);
	self->hwpt = self->ioas;
	test_err_get(ENOENT, IOVA, PAGE, PAGE, bits, 0);
	self->hwpt = self->dev[0].hwpt;
	test_err_get(EINVAL, 1, 0, 0, NULL, 0);
	test_err_get(EOVERFLOW, -1UL, 2, 0, NULL, 0);
	test_err_get(EOVERFLOW, -MOCK_PAGE, 2 * MOCK_PAGE, 0, NULL, 0);
	test_err_get(EINVAL, IOVA + 1, PAGE, 1, NULL, 0);
	test_err_get(EINVAL, IOVA + MOCK_PAGE / 2, PAGE, 1, NULL, 0);
	test_err_get(EINVAL, IOVA, PAGE + 1, 1, NULL, 0);
	test_err_get(EINVAL, IOVA, PAGE, 0, NULL, 0);
	test_err_get(EINVAL, IOVA, 3 * PAGE, 3 * PAGE, NULL, 0);
	test_err_get(EINVAL, IOVA + PAGE, 2 * PAGE, 2 * PAGE, NULL, 0);
	test_err_get(EINVAL, IOVA, PAGE, 2 * PAGE, NULL, 0);
	test_err_get(EOPNOTSUPP, IOVA, PAGE, PAGE, NULL, 0);
	test_err_get(EOPNOTSUPP, -MOCK_PAGE, MOCK_PAGE, MOCK_PAGE, NULL, 0);
	self->hwpt = hwpt;
	/* No program has that much memory. */
	test_err_get(EFAULT, 0, 1UL << 63, 1, bits, 0);
	test_get(IOVA, PAGE, PAGE, bits, 0);
	test_get(-MOCK_PAGE, MOCK_PAGE, MOCK_PAGE, bits, 0);
	ASSERT_EQ(0, bits[0]);
}

TEST_F(dirty, device_op_errors)
{
	uint64_t bits = 3, hits = 99;

	test_err(EINVAL, _test_write(self->fd, self->hwpt, IOVA));
	test_set(1);
	test_err(ENOENT, _test_write(self->fd, 1000, IOVA));
	test_err(EINVAL, _test_write(self->fd, self->dev[0].hwpt, IOVA));
	test_err(EINVAL, _test_mock_write(self->fd, self->hwpt, IOVA, PAGE, 0,
					  &bits, NULL));
	test_err(EINVAL, _test_mock_write(self->fd, self->hwpt, IOVA, 0, PAGE,
					  &bits, NULL));
	test_err(EINVAL, _test_mock_write(self->fd, self->hwpt, IOVA, PAGE,
					  PAGE, NULL, NULL));
	test_err(EINVAL, _test_mock_write(self->fd, self->hwpt, IOVA + 1, PAGE,
					  PAGE, &bits, NULL));
	test_err(EINVAL, _test_mock_write(self->fd, self->hwpt, IOVA, PAGE + 1,
					  PAGE, &bits, NULL));
	test_err(EOVERFLOW, _test_mock_write(self->fd, self->hwpt, 0,
					     (1UL << 27) + 1, 1, &bits, NULL));
	/* The second one is not mapped. */
	test_ok(_test_mock_write(self->fd, self->hwpt,
				 IOVA + LENGTH - MOCK_PAGE, 2 * MOCK_PAGE,
				 MOCK_PAGE, &bits, &hits));
	ASSERT_EQ(1, hits);
	test_set(0);
	test_err(EINVAL, _test_write(self->fd, self->hwpt, IOVA));
}

TEST_F(dirty, bits_are_those_of_the_writes)
{
	test_set(1);
	test_get_count(0, IOVA, LENGTH, MOCK_PAGE, 0);
	test_write(IOVA);
	test_write(IOVA + 3 * MOCK_PAGE);
	test_write(IOVA + 7 * MOCK_PAGE + 5);
	test_get_byte(0x89, IOVA, MOCK_PAGE, 0);
	test_get_byte(0, IOVA, MOCK_PAGE, 0);
	/* The next write to a page that was reported is reported again. */
	test_write(IOVA + 3 * MOCK_PAGE);
	test_get_byte(0x08, IOVA, MOCK_PAGE, 0);
	/* Bit 0 is the page at the given IOVA. */
	test_write(IOVA + 9 * PAGE);
	test_get_byte(0x04, IOVA + 7 * PAGE, PAGE, 0);
}

TEST_F(dirty, no_clear)
{
	test_set(1);
	test_write(IOVA + MOCK_PAGE);
	for (int i = 0; i < 3; i++)
		test_get_byte(0x02, IOVA, MOCK_PAGE, NO_CLEAR);
	test_get_byte(0x02, IOVA, MOCK_PAGE, 0);
	test_get_byte(0, IOVA, MOCK_PAGE, NO_CLEAR);
}

TEST_F(dirty, enabling_clears_and_disabling_does_not)
{
	test_set(1);
	test_write(IOVA);
	test_set(0);
	test_get_byte(0x01, IOVA, MOCK_PAGE, NO_CLEAR);
	test_set(1);
	test_get_byte(0, IOVA, MOCK_PAGE, NO_CLEAR);
	/* The IOTLB was flushed: the write is noticed. */
	test_write(IOVA);
	test_write(IOVA + LENGTH - 1);
	test_get_count(2, IOVA, LENGTH, MOCK_PAGE, NO_CLEAR);
	test_set(1);
	test_get_count(0, IOVA, LENGTH, MOCK_PAGE, NO_CLEAR);
	test_write(IOVA);
	test_set(0);
	test_set(0);
	test_get_byte(0x01, IOVA, MOCK_PAGE, 0);
	test_get_byte(0, IOVA, MOCK_PAGE, 0);
}

/* A write to each page of a few, asked for in pages of every size. */
TEST_F(dirty, every_page_size)
{
	const uint64_t offsets[] = { 0, MOCK_PAGE, 5 * PAGE + 1, 17 * PAGE,
				     18 * PAGE + MOCK_PAGE, LENGTH - 1 };
	uint8_t *bits = test_mem(mem_anon(LENGTH));

	test_set(1);
	for (uint64_t size = 4; size <= LENGTH; size *= 2) {
		uint8_t *want = test_mem(mem_anon(LENGTH));
		uint64_t bytes = (LENGTH / size + 7) / 8;

		for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
			uint64_t unit = offsets[i] / MOCK_PAGE * MOCK_PAGE;

			test_write(IOVA + offsets[i]);
			for (uint64_t b = unit / size;
			     b <= (unit + MOCK_PAGE - 1) / size; b++)
				want[b / 8] |= 1 << b % 8;
		}
		memset(bits, 0, bytes);
		test_get(IOVA, LENGTH, size, bits, 0);
		ASSERT_EQ(0, memcmp(bits, want, bytes))
			TH_LOG("page size %lu", size);
		test_get_count(0, IOVA, LENGTH, size, 0);
		munmap(want, LENGTH);
	}
}

/* Only the bytes of the bitmap are touched, and bits are only set. */
TEST_F(dirty, bitmap_of_any_alignment)
{
	uint8_t *buf = test_mem(mem_anon(3 * PAGE));
	uint8_t before[96];

	test_set(1);
	for (unsigned int nr = 1; nr <= NR_UNITS; nr += nr < 20 ? 1 : 13) {
		uint64_t bytes = (nr + 7) / 8;

		for (uint64_t at = PAGE - 17; at <= PAGE + 9; at++) {
			for (int i = 0; i < sizeof(before); i++)
				buf[at - 32 + i] = 0x11 * (i % 16);
			memcpy(before, buf + at - 32, sizeof(before));
			test_write(IOVA);
			test_write(IOVA + (nr - 1) * MOCK_PAGE);
			before[32] |= 1;
			before[32 + (nr - 1) / 8] |= 1 << (nr - 1) % 8;
			test_get(IOVA, nr * MOCK_PAGE, MOCK_PAGE, buf + at, 0);
			ASSERT_EQ(0, memcmp(before, buf + at - 32,
					    sizeof(before)))
				TH_LOG("%u bits at %lu", nr, at);
		}
		/* The last byte is the last one of memory. */
		ASSERT_EQ(0, mprotect(buf + 2 * PAGE, PAGE, PROT_NONE));
		test_write(IOVA + (nr - 1) * MOCK_PAGE);
		buf[2 * PAGE - 1] = 0;
		test_get(IOVA, nr * MOCK_PAGE, MOCK_PAGE,
			 buf + 2 * PAGE - bytes, 0);
		ASSERT_EQ(1 << (nr - 1) % 8, buf[2 * PAGE - 1]);
		ASSERT_EQ(0, mprotect(buf + 2 * PAGE, PAGE,
				      PROT_READ | PROT_WRITE));
	}
}

TEST_F(dirty, holes_and_parts_of_mappings)
{
	/* Three mappings with holes before, between and behind them */
	test_map_fixed(self->mem, 4 * PAGE, IOVA + LENGTH + 8 * PAGE);
	test_map_fixed(self->mem, PAGE, IOVA + LENGTH + 13 * PAGE);
	test_set(1);
	test_write(IOVA + LENGTH - 1);
	test_write(IOVA + LENGTH + 8 * PAGE);
	test_write(IOVA + LENGTH + 11 * PAGE);
	test_write(IOVA + LENGTH + 13 * PAGE);
	test_get_byte(0, IOVA - 8 * PAGE, PAGE, 0);
	test_get_byte(0, IOVA + LENGTH, PAGE, 0);
	test_get_byte(0, IOVA + LENGTH + 14 * PAGE, PAGE, 0);
	/* It begins in a hole, and ends in the middle of a mapping. */
	test_get_count(1, IOVA + LENGTH + 4 * PAGE, 6 * PAGE, PAGE, NO_CLEAR);
	test_get_count(4, IOVA - MIB, 4 * MIB, PAGE, NO_CLEAR);
	/* A bit for several mappings, and for the holes between them */
	test_get_count(1, IOVA - MIB, 4 * MIB, MIB, NO_CLEAR);
	test_get_count(1, 0, 1UL << 31, 1UL << 31, 0);
	test_get_count(0, 0, 1UL << 31, 1UL << 31, 0);
}

TEST_F(dirty, unmap_drops_what_is_dirty)
{
	test_set(1);
	test_write(IOVA);
	test_unmap(IOVA, LENGTH);
	test_get_count(0, IOVA, LENGTH, PAGE, 0);
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_get_count(0, IOVA, LENGTH, PAGE, 0);
	test_write(IOVA + PAGE);
	test_get_byte(0x02, IOVA, PAGE, 0);
}

TEST_F(dirty, each_hwpt_has_its_own_bits)
{
	uint32_t other;

	test_ok(_test_alloc(self->fd, self->dev[0].idev, self->ioas, TRACK,
			    NULL, &other));
	test_set(1);
	test_ok(_test_set_dirty(self->fd, other, 1));
	test_write(IOVA);
	test_ok(_test_write(self->fd, other, IOVA + PAGE));
	test_get_byte(0x01, IOVA, PAGE, 0);
	self->hwpt = other;
	test_get_byte(0x02, IOVA, PAGE, 0);
}

/* Nearly all IOVAs, with a bitmap of gigabytes; its empty parts stay untouched. */
TEST_F(dirty, bitmap_of_gigabytes)
{
	uint64_t length = 1UL << 47, bytes = length / PAGE / 8;
	uint64_t far = length - HUGE;
	uint32_t hwpt;
	uint8_t *bits;

	test_unmap(IOVA, LENGTH);
	test_destroy(self->hwpt);
	test_destroy(self->dev[0].stdev);
	test_mock_param("wide_aperture", 1);
	test_mock_attach(self->ioas, &self->dev[0]);
	test_ok(_test_alloc(self->fd, self->dev[0].idev, self->ioas, TRACK,
			    NULL, &hwpt));
	self->hwpt = hwpt;
	test_map_fixed(self->mem, PAGE, 0);
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_map_fixed(self->mem, 2 * PAGE, far);
	test_set(1);
	bits = test_mem(mem_reserve(bytes));
	ASSERT_EQ(0, mem_advise(bits, bytes, MADV_NOHUGEPAGE));
	test_write(0);
	test_write(IOVA + PAGE);
	test_write(far + PAGE);
	test_get(0, length, PAGE, bits, 0);
	ASSERT_EQ(1, bits[0]);
	ASSERT_TRUE(bit_is_set(bits, IOVA / PAGE + 1));
	ASSERT_TRUE(bit_is_set(bits, far / PAGE + 1));
	ASSERT_GT(1024, proc_status_kb("RssAnon:") - 1024);
	munmap(bits, bytes);
	/* All of the 64 bits but half, in one bit */
	test_write(far);
	test_get_count(1, 0, 1UL << 63, 1UL << 63, 0);
	test_get_count(0, 0, 1UL << 63, 1UL << 63, 0);
}

/* So small pages that the bitmap has several windows in one mapping */
TEST_F(dirty, many_windows)
{
	const uint64_t size = 1, bytes = LENGTH / size / 8;
	uint8_t *bits = test_mem(mem_anon(bytes));
	uint64_t hits;

	ASSERT_GT(LENGTH / size, 4 * WINDOW);
	test_set(1);
	for (uint64_t at = 0; at < LENGTH; at += 3 * MOCK_PAGE)
		test_write(IOVA + at);
	test_get(IOVA, LENGTH, size, bits, 0);
	for (uint64_t i = 0; i < LENGTH; i += MOCK_PAGE) {
		hits = count_bits(bits + i / 8, MOCK_PAGE / 8);
		ASSERT_EQ(i / MOCK_PAGE % 3 ? 0 : MOCK_PAGE, hits);
	}
	test_get_count(0, IOVA, LENGTH, size, 0);
}

TEST_F(dirty, unwritable_bitmap_loses_nothing)
{
	const uint64_t size = 1, bytes = LENGTH / size / 8;
	uint8_t *bits = test_mem(mem_anon(bytes));

	test_set(1);
	test_write(IOVA);
	test_write(IOVA + LENGTH - 1);
	test_err_get(EFAULT, IOVA, LENGTH, PAGE, NULL, 0);
	test_err_get(EFAULT, IOVA, LENGTH, PAGE, (void *)-8UL, 0);
	ASSERT_EQ(0, mprotect(bits, bytes, PROT_READ));
	test_err_get(EFAULT, IOVA, LENGTH, PAGE, bits, 0);
	test_err_get(EFAULT, IOVA, LENGTH, PAGE, bits, NO_CLEAR);
	ASSERT_EQ(0, mprotect(bits, bytes, PROT_READ | PROT_WRITE));
	test_get_count(2, IOVA, LENGTH, PAGE, NO_CLEAR);

	/* What is in the first windows has been reported, and is clean. */
	ASSERT_EQ(0, mprotect(bits + bytes - PAGE, PAGE, PROT_NONE));
	test_err_get(EFAULT, IOVA, LENGTH, size, bits, 0);
	ASSERT_EQ(MOCK_PAGE, count_bits(bits, bytes - PAGE));
	test_get_count(1, IOVA, LENGTH, PAGE, NO_CLEAR);
	test_get_count(1, IOVA + LENGTH - PAGE, PAGE, PAGE, NO_CLEAR);
	/* The IOTLB was flushed nevertheless. */
	test_write(IOVA);
	test_get_count(2, IOVA, LENGTH, PAGE, 0);
}

/* HWPTs whose IO pages are larger than 2 KiB */
FIXTURE(units) {
	int fd;
	uint32_t ioas;
	struct mock_dev dev[1];
	uint32_t hwpt;
	uint8_t *mem;
};

FIXTURE_VARIANT(units) {
	uint64_t unit;		/* bytes of an IO page */
	uint64_t align;		/* alignment of the IOAS */
	bool data;
	struct iommu_hwpt_selftest type;
	uint32_t dev_flags;
	bool small_pages;
};

FIXTURE_VARIANT_ADD(units, of_2k) {
	.unit = MOCK_PAGE, .align = MOCK_PAGE,
};

FIXTURE_VARIANT_ADD(units, of_4k) {
	.unit = PAGE, .align = PAGE, .data = true, .small_pages = true,
};

FIXTURE_VARIANT_ADD(units, of_1m) {
	.unit = MIB, .align = PAGE, .data = true,
	.type.pagetable_type = MOCK_IOMMUPT_HUGE,
};

FIXTURE_VARIANT_ADD(units, of_1m_by_device) {
	.unit = MIB, .align = MOCK_PAGE,
	.dev_flags = MOCK_DEVICE_HUGE_IOVA,
};

FIXTURE_VARIANT_ADD(units, of_all_of_it) {
	.unit = 2 * HUGE, .align = MOCK_PAGE, .data = true,
};

#define UNITS_LENGTH	(2 * HUGE)

FIXTURE_SETUP(units)
{
	uint64_t no = 0;

	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	if (variant->small_pages)
		test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_SET,
			    self->ioas, &no);
	test_ok(_test_mock_attach_flags(self->fd, self->ioas,
					variant->dev_flags, &self->dev[0]));
	test_ok(_test_alloc(self->fd, self->dev[0].idev, self->ioas, TRACK,
			    variant->data ? &variant->type : NULL,
			    &self->hwpt));
	if (variant->unit > PAGE) {
		/* One run of pages */
		ASSERT_TRUE(mem_hugetlb_pool(2));
		self->mem = test_mem(mem_file(
			mem_fd("units", UNITS_LENGTH, MFD_HUGETLB),
			UNITS_LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED));
		mem_fill(self->mem, UNITS_LENGTH, 1);
	} else {
		self->mem = test_mem(mem_anon(UNITS_LENGTH));
	}
	test_map_fixed(self->mem, UNITS_LENGTH, IOVA);
	test_set(1);
}

FIXTURE_TEARDOWN(units)
{
	mock_close();
}

TEST_F(units, a_write_sets_every_bit_of_the_io_page)
{
	uint64_t unit = variant->unit, n = UNITS_LENGTH / MOCK_PAGE / 8;
	uint8_t *bits = test_mem(mem_anon(n));
	uint64_t set;

	test_write(IOVA + UNITS_LENGTH / 2 + MOCK_PAGE + 1);
	test_get(IOVA, UNITS_LENGTH, MOCK_PAGE, bits, NO_CLEAR);
	set = count_bits(bits, n);
	if (unit <= MIB) {
		ASSERT_EQ(unit / MOCK_PAGE, set);
	} else {
		/* Two huge pages need not be neighbours in memory. */
		ASSERT_LE(HUGE / MOCK_PAGE, set);
	}
	ASSERT_TRUE(bit_is_set(bits, UNITS_LENGTH / 2 / MOCK_PAGE + 1));
	test_get_count(1, IOVA, UNITS_LENGTH, UNITS_LENGTH, 0);
	test_get_count(0, IOVA, UNITS_LENGTH, MOCK_PAGE, 0);
}

/* Its other bits would be lost if it became clean. */
TEST_F(units, io_page_that_goes_beyond_the_range_stays_dirty)
{
	uint64_t middle = IOVA + UNITS_LENGTH / 2;
	uint64_t align = variant->align;

	if (variant->unit == align)
		SKIP(return, "the alignment is that of an IO page");
	test_write(middle);
	for (int i = 0; i < 2; i++)
		test_get_count(1, middle + align, align, align, 0);
	test_get_count(1, middle, align, align, 0);
	test_get_count(1, middle, UNITS_LENGTH / 2, UNITS_LENGTH / 2, NO_CLEAR);
	test_get_count(1, IOVA, UNITS_LENGTH, UNITS_LENGTH, 0);
	test_get_count(0, IOVA, UNITS_LENGTH, PAGE, 0);
}

/* An IO page may be larger than what one window of the kernel reports. */
TEST_F(units, io_page_in_several_windows)
{
	const uint64_t size = 16, bytes = UNITS_LENGTH / size / 8;
	uint8_t *bits = test_mem(mem_anon(bytes));
	uint64_t set;

	test_write(IOVA + MIB + 5 * PAGE);
	test_write(IOVA + 3 * MIB);
	test_get(IOVA, UNITS_LENGTH, size, bits, NO_CLEAR);
	set = count_bits(bits, bytes);
	if (variant->unit <= MIB)
		ASSERT_EQ(2 * variant->unit / size, set);
	memset(bits, 0, bytes);
	/* The last window cannot be written. */
	ASSERT_EQ(0, mprotect(bits + bytes - PAGE, PAGE, PROT_READ));
	if (variant->unit >= MIB) {
		test_err_get(EFAULT, IOVA, UNITS_LENGTH, size, bits, 0);
		ASSERT_EQ(0, mprotect(bits + bytes - PAGE, PAGE,
				      PROT_READ | PROT_WRITE));
		/* The IO page whose bits did not all arrive is dirty still. */
		test_get_count(UNITS_LENGTH / 4 / PAGE,
			       IOVA + 3 * UNITS_LENGTH / 4, UNITS_LENGTH / 4,
			       PAGE, NO_CLEAR);
	} else {
		/* Nothing has to be written there. */
		test_get(IOVA, UNITS_LENGTH, size, bits, 0);
		ASSERT_EQ(set, count_bits(bits, bytes));
	}
	ASSERT_EQ(0, mprotect(bits + bytes - PAGE, PAGE,
			      PROT_READ | PROT_WRITE));
	test_get(IOVA, UNITS_LENGTH, size, bits, 0);
	ASSERT_EQ(set, count_bits(bits, bytes));
	test_get_count(0, IOVA, UNITS_LENGTH, size, 0);
}

/* Random calls against a model that has a flag for each IO page */
TEST_F(units, like_the_model)
{
	uint64_t unit = variant->unit, nr = UNITS_LENGTH / unit;
	unsigned int seed = 12345 + now_ms();
	uint8_t *bits = test_mem(mem_anon(UNITS_LENGTH / 64 / 8 + PAGE));
	uint8_t *want = test_mem(mem_anon(UNITS_LENGTH / 64 / 8 + PAGE));
	bool *dirty = calloc(nr, sizeof(*dirty));

	if (unit > MIB)
		SKIP(return, "the IO pages depend on the memory");
	TH_LOG("seed %u", seed);
	for (int i = 0; i < 3000 / slowness(); i++) {
		uint64_t size = 64UL << rand_r(&seed) % 17;
		uint64_t align = size > variant->align ? size : variant->align;
		uint64_t start, length, n;
		bool keep = rand_r(&seed) % 3 == 0;

		for (int w = rand_r(&seed) % 20; w; w--) {
			uint64_t at = rand_r(&seed) % UNITS_LENGTH;

			test_write(IOVA + at);
			dirty[at / unit] = true;
		}
		start = rand_r(&seed) % (UNITS_LENGTH / align) * align;
		length = (UNITS_LENGTH - start) / align;
		length = (1 + rand_r(&seed) % length) * align;
		n = (length / size + 7) / 8;
		memset(bits, 0, n + 8);
		memset(want, 0, n + 8);
		for (uint64_t b = 0; b < length / size; b++) {
			uint64_t first = (start + b * size) / unit;
			uint64_t last = (start + (b + 1) * size - 1) / unit;

			for (uint64_t u = first; u <= last; u++) {
				if (dirty[u])
					want[b / 8] |= 1 << b % 8;
			}
		}
		test_get(IOVA + start, length, size, bits,
			 keep ? NO_CLEAR : 0);
		ASSERT_EQ(0, memcmp(bits, want, n + 8))
			TH_LOG("call %d: %#lx + %#lx by %lu", i, start, length,
			       size);
		for (uint64_t u = (start + unit - 1) / unit;
		     !keep && (u + 1) * unit <= start + length; u++)
			dirty[u] = false;
	}
}

/* Threads: a device writes while others ask. */
struct writers {
	int fd;
	uint32_t hwpt;
	uint64_t page_size;
	volatile uint32_t written[LENGTH / PAGE];
	uint32_t seen[LENGTH / PAGE];
};

static int step_write(struct race_thread *thread)
{
	struct writers *w = thread->shared;
	unsigned int page = race_pick(thread, LENGTH / PAGE);

	/* The device has written before the IOMMU marks the page. */
	w->written[page]++;
	__sync_synchronize();
	return _test_write(w->fd, w->hwpt, IOVA + page * PAGE);
}

static int look(struct writers *w, uint32_t flags)
{
	uint64_t nr = LENGTH / w->page_size, per = w->page_size / PAGE;
	uint8_t bits[LENGTH / PAGE / 8] = {};
	int rc = _test_get_dirty(w->fd, w->hwpt, IOVA, LENGTH, w->page_size,
				 bits, flags);

	/* What is reported is looked at afterwards. */
	__sync_synchronize();
	for (uint64_t b = 0; !rc && b < nr; b++) {
		for (uint64_t p = b * per; bit_is_set(bits, b) &&
		     p < (b + 1) * per; p++)
			w->seen[p] = w->written[p];
	}
	return rc;
}

static int step_look(struct race_thread *thread)
{
	return look(thread->shared, 0);
}

TEST_F(dirty, no_write_is_lost)
{
	struct writers w = { .fd = self->fd, .hwpt = self->hwpt };

	test_set(1);
	for (w.page_size = PAGE; w.page_size <= 8 * PAGE; w.page_size *= 8) {
		struct race_thread threads[] = {
			{ .step = step_write, .name = "write" },
			{ .step = step_look, .name = "look" },
		};

		test_race(threads, &w, 1500);
		test_ok(look(&w, 0));
		for (int p = 0; p < LENGTH / PAGE; p++) {
			ASSERT_EQ(w.written[p], w.seen[p])
				TH_LOG("page %d", p);
		}
		ASSERT_GT(threads[0].done, 100);
		ASSERT_GT(threads[1].done, 10);
	}
}

static int step_map(struct race_thread *thread)
{
	struct writers *w = thread->shared;
	uint32_t ioas = w->seen[0];
	uint64_t iova = IOVA + LENGTH;
	void *mem = (void *)(uintptr_t)*(uint64_t *)&w->seen[2];
	int rc;

	rc = _test_map_fixed(w->fd, ioas, mem, LENGTH, iova, MAP_RW);
	return rc ?: _test_ioas_unmap(w->fd, ioas, iova, LENGTH, NULL);
}

static int step_hwpt(struct race_thread *thread)
{
	struct writers *w = thread->shared;
	uint32_t hwpt;
	int rc;

	rc = _test_alloc(w->fd, w->seen[1], w->seen[0], TRACK, NULL, &hwpt);
	return rc ?: _test_destroy(w->fd, hwpt);
}

static int step_attach(struct race_thread *thread)
{
	struct writers *w = thread->shared;
	struct mock_dev dev;
	int rc;

	rc = _test_mock_attach(w->fd, w->hwpt, &dev);
	return rc ?: _test_destroy(w->fd, dev.stdev);
}

static int step_set(struct race_thread *thread)
{
	struct writers *w = thread->shared;

	return _test_set_dirty(w->fd, w->hwpt, 1);
}

static int step_get(struct race_thread *thread)
{
	struct writers *w = thread->shared;
	uint8_t bits[LENGTH / MOCK_PAGE] = {};

	return _test_get_dirty(w->fd, w->hwpt, IOVA - LENGTH, 4 * LENGTH,
			       MOCK_PAGE, bits,
			       race_pick(thread, 2) ? NO_CLEAR : 0);
}

static int step_write_anywhere(struct race_thread *thread)
{
	struct writers *w = thread->shared;
	uint8_t bits[LENGTH / MOCK_PAGE / 4];

	memset(bits, 0xff, sizeof(bits));
	return _test_mock_write(w->fd, w->hwpt, IOVA, 2 * LENGTH, MOCK_PAGE,
				bits, NULL);
}

/* The mock warns of a look at what is not mapped. */
TEST_F(dirty, races_with_map_unmap_attach)
{
	struct writers w = { .fd = self->fd, .hwpt = self->hwpt };
	struct race_thread threads[] = {
		{ .step = step_get, .name = "get" },
		{ .step = step_get, .name = "get" },
		{ .step = step_set, .name = "set" },
		{ .step = step_map, .name = "map" },
		{ .step = step_hwpt, .name = "hwpt" },
		{ .step = step_attach, .name = "attach" },
		{ .step = step_write_anywhere, .name = "write" },
	};

	test_set(1);
	w.seen[0] = self->ioas;
	w.seen[1] = self->dev[0].idev;
	*(uint64_t *)&w.seen[2] = (uintptr_t)self->mem;
	test_race(threads, &w, 3000);
	/* Nothing stays marked. */
	test_unmap(IOVA, LENGTH);
}

/* A process that is killed leaves in its bitmaps what it has made clean. */
TEST_F(dirty, killed_in_the_middle)
{
	const uint64_t bytes = LENGTH / 8;
	uint8_t *bits = test_mem(mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	uint8_t all[LENGTH / MOCK_PAGE / 8];
	uint8_t *rest = test_mem(mem_anon(bytes));

	memset(all, 0xff, sizeof(all));
	test_set(1);
	for (int i = 0; i < 20; i++) {
		pid_t pid;

		memset(bits, 0, bytes);
		memset(rest, 0, bytes);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			for (;;)
				_test_get_dirty(self->fd, self->hwpt, IOVA,
						LENGTH, 1, bits, 0);
		}
		sleep_ms(1 + i % 5);
		test_ok(_test_mock_write(self->fd, self->hwpt, IOVA, LENGTH,
					 MOCK_PAGE, all, NULL));
		if (i % 2)
			sleep_ms(i % 4);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		test_get(IOVA, LENGTH, 1, rest, 0);
		for (uint64_t b = 0; b < bytes; b++)
			ASSERT_EQ(0xff, bits[b] | rest[b]);
	}
	test_unmap(IOVA, LENGTH);
}

TEST_HARNESS_MAIN
