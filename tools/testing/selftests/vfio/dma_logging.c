// SPDX-License-Identifier: GPL-2.0
/*
 * The log of a device's DMA that a variant driver keeps: which ranges it can
 * have, and which bits of the user's bitmap a report sets.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "variant_device.h"

#define START	VFIO_DEVICE_FEATURE_DMA_LOGGING_START
#define STOP	VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP
#define REPORT	VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT

#define MAX_RANGES	(PAGE / sizeof(struct range))
#define GIB		(1UL << 30)
/* The kernel pins this much of a bitmap at once. */
#define WINDOW		(512 * PAGE)

/* struct vfio_device_feature_dma_logging_range */
struct range {
	uint64_t iova;
	uint64_t length;
};

static int log_start(int device, uint64_t *page_size,
		     const struct range *ranges, uint32_t num_ranges)
{
	struct vfio_device_feature_dma_logging_control control = {
		.page_size = *page_size,
		.num_ranges = num_ranges,
		.ranges = (uintptr_t)ranges,
	};
	int rc;

	rc = _test_vfio_feature(device, FEATURE_SET(START), &control,
				sizeof(control));
	*page_size = control.page_size;
	return rc;
}

static int log_stop(int device)
{
	return _test_vfio_feature(device, FEATURE_SET(STOP), NULL, 0);
}

static int log_report(int device, uint64_t iova, uint64_t length,
		      uint64_t page_size, const void *bitmap)
{
	struct vfio_device_feature_dma_logging_report report = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	return _test_vfio_feature(device, FEATURE_GET(REPORT), &report,
				  sizeof(report));
}

/* Make the driver believe that the device wrote there. */
static int dma(int device, uint64_t iova, uint64_t length)
{
	struct variant_dma dma = { iova, length };
	struct vfio_region_info info;
	int rc;

	rc = _test_vfio_region_info(device, VARIANT_REGION_INDEX, &info);
	if (!rc && pwrite(device, &dma, sizeof(dma),
			  info.offset + VARIANT_REGION_DMA) != sizeof(dma))
		rc = errno;
	return rc;
}

#define test_start(_page_size, ...)					\
	do {								\
		const struct range __ranges[] = { __VA_ARGS__ };	\
		uint64_t __page_size = (_page_size);			\
									\
		test_ok(log_start(DEVICE, &__page_size, __ranges,	\
				  ARRAY_SIZE(__ranges)));		\
		ASSERT_EQ(_page_size, __page_size);			\
	} while (0)

/* These must fail and leave nothing logged. */
#define test_err_start(_errno, _page_size, _ranges, _num)		\
	do {								\
		uint64_t __page_size = (_page_size);			\
									\
		EXPECT_EQ(_errno, log_start(DEVICE, &__page_size, _ranges, \
					    _num));			\
		EXPECT_EQ(_page_size, __page_size);			\
		EXPECT_EQ(0, variant_get(DEVICE).page_size);		\
		EXPECT_EQ(0, variant_get(DEVICE).num_ranges);		\
	} while (0)
#define test_err_ranges(_errno, _page_size, ...)			\
	do {								\
		const struct range __ranges[] = { __VA_ARGS__ };	\
									\
		test_err_start(_errno, _page_size, __ranges,		\
			       ARRAY_SIZE(__ranges));			\
	} while (0)

#define test_dma(_iova, _length) test_ok(dma(DEVICE, _iova, _length))
#define test_report(...) test_ok(log_report(DEVICE, __VA_ARGS__))

/*
 * Some kernels have no code for IOVA bitmaps: vfio refuses each report that is
 * well-formed, and so does the cdev.
 */
static bool reports_are_served(int device)
{
	uint64_t bits = 0;

	return log_report(device, 0, PAGE, PAGE, &bits) != EOPNOTSUPP;
}

#define NO_REPORTS	"this kernel's vfio reports no DMA"

TEST_F(variant, start_and_stop)
{
	struct variant_feature feature;
	uint64_t page_size = 512;

	EXPECT_EQ(ENOENT, log_stop(DEVICE));
	test_start(PAGE, { 0x100000, 0x10000 }, { 0x200000, 0x1000 },
		   { 0, 0x3000 });
	feature = variant_get(DEVICE);
	EXPECT_EQ(PAGE, feature.page_size);
	EXPECT_EQ(3, feature.num_ranges);
	EXPECT_EQ(0x14000, feature.log_bytes);
	/* The driver answers the second START, and nothing changes. */
	EXPECT_EQ(EBUSY, log_start(DEVICE, &page_size,
				   &(struct range){ 0, PAGE }, 1));
	EXPECT_EQ(3, variant_get(DEVICE).num_ranges);
	test_ok(log_stop(DEVICE));
	EXPECT_EQ(0, variant_get(DEVICE).page_size);
	EXPECT_EQ(ENOENT, log_stop(DEVICE));
	/* The driver chooses larger pages, and the caller is told. */
	page_size = 512;
	test_ok(log_start(DEVICE, &page_size, &(struct range){ 512, 1024 },
			  1));
	EXPECT_EQ(PAGE, page_size);
	EXPECT_EQ(1024, variant_get(DEVICE).log_bytes);
	test_ok(log_stop(DEVICE));
	test_start(2 * HUGE, { 0, 8 * HUGE });
	test_ok(log_stop(DEVICE));
}

TEST_F(variant, close_stops_the_log)
{
	test_start(PAGE, { 0, PAGE });
	vfio_user_close(&self->user);
	test_ok(vfio_user_open(&self->user, variant->path, &self->pci));
	EXPECT_EQ(0, variant_get(DEVICE).page_size);
	test_start(PAGE, { 0, PAGE });
}

TEST_F(variant, number_of_ranges)
{
	struct range *ranges = test_mem(calloc(MAX_RANGES + 1,
					       sizeof(*ranges)));
	uint64_t page_size = PAGE;

	for (int i = 0; i <= MAX_RANGES; i++)
		ranges[i] = (struct range){ 2 * i * PAGE, PAGE };
	test_err_start(EINVAL, PAGE, ranges, 0);
	test_err_start(EINVAL, PAGE, NULL, 0);
	test_err_start(E2BIG, PAGE, ranges, MAX_RANGES + 1);
	test_err_start(E2BIG, PAGE, NULL, UINT32_MAX);
	test_ok(log_start(DEVICE, &page_size, ranges, MAX_RANGES));
	EXPECT_EQ(MAX_RANGES, variant_get(DEVICE).num_ranges);
	EXPECT_EQ(MAX_RANGES * PAGE, variant_get(DEVICE).log_bytes);
	free(ranges);
}

TEST_F(variant, bad_ranges)
{
	/* Not aligned */
	test_err_ranges(EINVAL, PAGE, { 0x1800, PAGE });
	test_err_ranges(EINVAL, PAGE, { PAGE, PAGE + 1 });
	test_err_ranges(EINVAL, 16 * PAGE, { PAGE, 16 * PAGE });
	test_err_ranges(EINVAL, 16 * PAGE, { 16 * PAGE, PAGE });
	test_err_ranges(EINVAL, PAGE, { 0, PAGE }, { 2 * PAGE, 1 });
	/* Beyond the end, also by nothing: the last page cannot be logged. */
	test_err_ranges(EOVERFLOW, PAGE, { -PAGE, 2 * PAGE });
	test_err_ranges(EOVERFLOW, PAGE, { -PAGE, PAGE });
	test_err_ranges(EOVERFLOW, PAGE, { 0, PAGE }, { -PAGE, PAGE });
	/* Overlapping */
	test_err_ranges(EINVAL, PAGE, { 0, 2 * PAGE }, { PAGE, PAGE });
	test_err_ranges(EINVAL, PAGE, { PAGE, PAGE }, { PAGE, PAGE });
	test_err_ranges(EINVAL, PAGE, { 4 * PAGE, PAGE }, { 0, PAGE },
			{ 2 * PAGE, 8 * PAGE });
	/* Adjacent ranges do not overlap. */
	test_start(PAGE, { PAGE, PAGE }, { 0, PAGE }, { 2 * PAGE, PAGE });
	test_ok(log_stop(DEVICE));
	/* The last range that there can be, and one of no length */
	test_start(PAGE, { -2 * PAGE, PAGE });
	test_ok(log_stop(DEVICE));
	test_start(PAGE, { PAGE, 0 });
	EXPECT_EQ(0, variant_get(DEVICE).log_bytes);
}

/* vfio uses the size as a mask; the driver refuses what is no power of 2. */
TEST_F(variant, bad_page_sizes)
{
	test_err_ranges(EINVAL, 0, { PAGE, PAGE });
	test_err_ranges(EINVAL, 0, { 0, 0 });
	test_err_ranges(EINVAL, 3 * PAGE, { 0, 3 * PAGE });
	test_err_ranges(EINVAL, 3 * PAGE, { 0, 12 * PAGE });
	test_err_ranges(EINVAL, UINT64_MAX, { 0, PAGE });
	test_err_ranges(EINVAL, 2 * GIB, { 0, 2 * GIB });
}

TEST_F(variant, arguments_that_cannot_be_used)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_dma_logging_control control;
	} *arg = test_mem(mem_anon(2 * PAGE));
	struct range *ranges = (void *)arg + PAGE - sizeof(struct range);

	/* The second range is not there. */
	ranges[0] = (struct range){ 0, PAGE };
	ASSERT_EQ(0, munmap((void *)arg + PAGE, PAGE));
	test_err_start(EFAULT, PAGE, ranges, 2);
	test_err_start(EFAULT, PAGE, NULL, 1);
	/* A fault in the first range comes before that. */
	ranges[0].length = 1;
	test_err_start(EINVAL, PAGE, ranges, 2);
	ranges[0].length = PAGE;
	/* An answer that cannot be written stops the log again. */
	arg->head.argsz = sizeof(*arg);
	arg->head.flags = FEATURE_SET(START);
	arg->control.page_size = PAGE;
	arg->control.num_ranges = 1;
	arg->control.ranges = (uintptr_t)ranges;
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ));
	ASSERT_EQ(-1, ioctl(DEVICE, VFIO_DEVICE_FEATURE, arg));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, variant_get(DEVICE).page_size);
	ASSERT_EQ(0, mprotect(arg, PAGE, PROT_READ | PROT_WRITE));
	/* The reserved field is not looked at. */
	arg->control.__reserved = 5;
	ASSERT_EQ(0, ioctl(DEVICE, VFIO_DEVICE_FEATURE, arg));
	munmap(arg, PAGE);
}

/* These are refused on every kernel. */
TEST_F(variant, bad_reports)
{
	static const uint64_t page_sizes[] = {
		0, 1, 512, 2048, 3 * PAGE, PAGE + 1, UINT64_MAX,
	};
	uint64_t bits = 0;

	test_start(PAGE, { 0, HUGE });
	for (int i = 0; i < ARRAY_SIZE(page_sizes); i++)
		EXPECT_EQ(EINVAL, log_report(DEVICE, 0, PAGE, page_sizes[i],
					     &bits));
	EXPECT_EQ(EOVERFLOW, log_report(DEVICE, -PAGE, PAGE, PAGE, &bits));
	EXPECT_EQ(EOVERFLOW, log_report(DEVICE, -PAGE, 2 * PAGE, PAGE, &bits));
	EXPECT_EQ(EOVERFLOW, log_report(DEVICE, UINT64_MAX, 1, PAGE, NULL));
	EXPECT_EQ(0, bits);
}

/*
 * A report of something well-formed: either all of them are served, or all are
 * refused.
 */
TEST_F(variant, well_formed_reports)
{
	uint64_t *bits = test_mem(mem_anon(PAGE));
	int rc;

	rc = log_report(DEVICE, 0, PAGE, PAGE, bits);
	ASSERT_TRUE(rc == EOPNOTSUPP || rc == ENOENT) TH_LOG("%d", rc);
	test_start(PAGE, { 0, HUGE });
	if (rc == ENOENT)
		rc = 0;
	EXPECT_EQ(rc, log_report(DEVICE, 0, PAGE, PAGE, bits));
	EXPECT_EQ(rc, log_report(DEVICE, PAGE, 0, PAGE, bits));
	/* No length means everything if it begins at 0. */
	EXPECT_EQ(rc ?: EFAULT, log_report(DEVICE, 0, 0, PAGE, bits));
	EXPECT_EQ(rc, log_report(DEVICE, 123, 456, HUGE, bits));
	EXPECT_EQ(rc ?: EFAULT, log_report(DEVICE, 0, PAGE, PAGE, NULL));
	EXPECT_EQ(rc ?: EFAULT, log_report(DEVICE, PAGE, 0, PAGE, NULL));
	EXPECT_EQ(rc ?: EFAULT, log_report(DEVICE, 0, PAGE, PAGE,
					   (void *)UINTPTR_MAX));
	EXPECT_EQ(0, *bits);
	munmap(bits, PAGE);
}

/* Set the bits of the pages from @first to @last. */
static void set_bits(uint8_t *bitmap, uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		bitmap[i / 8] |= 1 << i % 8;
}

TEST_F(variant, report_sets_bits_and_clears_the_log)
{
	uint8_t bitmap[40] = { }, want[40] = { };

	if (!reports_are_served(DEVICE))
		SKIP(return, NO_REPORTS);
	test_start(PAGE, { 0x100000, 0x40000 }, { 0x180000, 0x10000 });
	test_dma(0x101000, PAGE);
	test_dma(0x103fff, 2);
	test_dma(0x13f000, 4 * PAGE);	/* only the first page is logged */
	test_dma(0x188000, 1);
	test_dma(0x800000, PAGE);
	/* A bit that is set already stays. */
	set_bits(bitmap, 0, 0);
	set_bits(want, 0, 1);
	set_bits(want, 3, 4);
	set_bits(want, 0x3f, 0x3f);
	set_bits(want, 0x88, 0x88);
	test_report(0x100000, 0x100000, PAGE, bitmap);
	ASSERT_EQ(0, memcmp(want, bitmap, sizeof(want)));
	memset(bitmap, 0, sizeof(bitmap));
	test_report(0x100000, 0x100000, PAGE, bitmap);
	ASSERT_TRUE(mem_is_zero(bitmap, sizeof(bitmap)));
}

/* Each bit is a page of the report, whatever the pages of the log are. */
TEST_F(variant, report_of_a_part_in_larger_pages)
{
	uint8_t bitmap[8] = { }, want[8] = { };

	if (!reports_are_served(DEVICE))
		SKIP(return, NO_REPORTS);
	test_start(PAGE, { 0, 16 * HUGE });
	test_dma(3 * HUGE, PAGE);
	test_dma(5 * HUGE - PAGE, 2 * PAGE);
	test_dma(8 * HUGE, PAGE);
	set_bits(want, 1, 1);
	set_bits(want, 2, 3);
	test_report(2 * HUGE, 4 * HUGE, HUGE, bitmap);
	ASSERT_EQ(0, memcmp(want, bitmap, sizeof(want)));
	/* What was not asked for is still in the log. */
	memset(want, 0, sizeof(want));
	memset(bitmap, 0, sizeof(bitmap));
	set_bits(want, 0, 0);
	test_report(8 * HUGE, HUGE, PAGE, bitmap);
	ASSERT_EQ(0, memcmp(want, bitmap, sizeof(want)));
}

/* The bitmap begins anywhere and crosses pages; nothing else is written. */
TEST_F(variant, bitmap_at_any_address)
{
	static const unsigned int offsets[] = {
		0, 1, 8, 100, 2048, 4088, 4095,
	};
	/* Three pages of bits */
	const uint64_t length = 3 * PAGE * 8 * PAGE;
	uint8_t *mem = test_mem(mem_anon(5 * PAGE));
	uint8_t *want = test_mem(mem_anon(5 * PAGE));

	if (!reports_are_served(DEVICE))
		SKIP(return, NO_REPORTS);
	test_start(PAGE, { 0, length + GIB });
	for (int i = 0; i < ARRAY_SIZE(offsets); i++) {
		uint64_t bits = PAGE * 8;

		memset(mem, 0, 5 * PAGE);
		memset(want, 0, 5 * PAGE);
		test_dma(0, 3 * PAGE);
		test_dma(7 * PAGE, PAGE);
		test_dma((bits - 5) * PAGE, 10 * PAGE);
		test_dma((bits + 5000) * PAGE, bits * PAGE);
		test_dma(length - PAGE, 2 * PAGE);
		set_bits(want + offsets[i], 0, 2);
		set_bits(want + offsets[i], 7, 7);
		set_bits(want + offsets[i], bits - 5, bits + 4);
		set_bits(want + offsets[i], bits + 5000, 2 * bits + 4999);
		set_bits(want + offsets[i], 3 * bits - 1, 3 * bits - 1);
		test_report(0, length, PAGE, mem + offsets[i]);
		EXPECT_EQ(0, memcmp(want, mem, 5 * PAGE))
			TH_LOG("offset %u", offsets[i]);
	}
	munmap(mem, 5 * PAGE);
	munmap(want, 5 * PAGE);
}

/* A bitmap that is so large that the kernel pins it in parts */
TEST_F(variant, bitmap_of_several_windows)
{
	const size_t size = 2 * WINDOW + PAGE;
	const uint64_t bits = WINDOW * 8;
	uint8_t *mem = test_mem(mem_anon(size + PAGE));
	uint8_t *want = test_mem(mem_anon(size + PAGE));
	const uint64_t iova = 64 * GIB;

	if (!reports_are_served(DEVICE))
		SKIP(return, NO_REPORTS);
	test_start(PAGE, { 0, 512 * GIB });
	for (unsigned int offset = 0; offset < 200; offset += 199) {
		memset(mem, 0, size + PAGE);
		memset(want, 0, size + PAGE);
		test_dma(iova - PAGE, 2 * PAGE);
		test_dma(iova + (bits - 3000) * PAGE, 5000 * PAGE);
		test_dma(iova + (2 * bits - 1) * PAGE, 2 * PAGE);
		test_dma(iova + (size * 8 - 1) * PAGE, 2 * PAGE);
		set_bits(want + offset, 0, 0);
		set_bits(want + offset, bits - 3000, bits + 1999);
		set_bits(want + offset, 2 * bits - 1, 2 * bits);
		set_bits(want + offset, size * 8 - 1, size * 8 - 1);
		test_report(iova, size * 8 * PAGE, PAGE, mem + offset);
		EXPECT_EQ(0, memcmp(want, mem, size + PAGE))
			TH_LOG("offset %u", offset);
	}
	munmap(mem, size + PAGE);
	munmap(want, size + PAGE);
}

/*
 * The bitmap's second page cannot be written: the bits of the first page are
 * set before the call fails. Nothing stays pinned.
 */
TEST_F(variant, bitmap_that_cannot_be_written)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	long pinned = proc_pages_pinned();

	if (!reports_are_served(DEVICE))
		SKIP(return, NO_REPORTS);
	test_start(PAGE, { 0, 4 * GIB });
	test_dma(0, PAGE);
	test_dma(PAGE * 8 * PAGE, PAGE);
	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, log_report(DEVICE, 0, 2 * PAGE * 8 * PAGE, PAGE,
				     mem));
	EXPECT_EQ(1, mem[0]);
	EXPECT_EQ(0, mem[PAGE]);
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	EXPECT_EQ(EFAULT, log_report(DEVICE, PAGE * 8 * PAGE, PAGE, PAGE,
				     mem + PAGE));
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	EXPECT_EQ(EFAULT, log_report(DEVICE, PAGE * 8 * PAGE, PAGE, PAGE, mem));
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ | PROT_WRITE));
	/* The log still has what no report took. */
	mem[0] = 0;
	test_report(PAGE * 8 * PAGE, PAGE, PAGE, mem);
	EXPECT_EQ(1, mem[0]);
	EXPECT_EQ(pinned, proc_pages_pinned());
	munmap(mem, PAGE);
}

/* The error of the driver is that of the call. */
TEST_F(variant, report_after_stop)
{
	uint64_t bits = 0;

	if (!reports_are_served(DEVICE))
		SKIP(return, NO_REPORTS);
	test_start(PAGE, { 0, HUGE });
	test_dma(0, PAGE);
	test_ok(log_stop(DEVICE));
	EXPECT_EQ(ENOENT, log_report(DEVICE, 0, PAGE, PAGE, &bits));
	test_start(PAGE, { 0, HUGE });
	test_report(0, PAGE, PAGE, &bits);
	EXPECT_EQ(0, bits);
}

TEST_HARNESS_MAIN
