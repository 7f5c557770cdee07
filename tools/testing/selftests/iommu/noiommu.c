// SPDX-License-Identifier: GPL-2.0
/*
 * Devices without IOMMU, and IOAS_NOIOMMU_GET_PA, which tells their drivers
 * where mapped memory is
 */
#include <fcntl.h>
#include <sys/prctl.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include "mock_space.h"
#include "ranges.h"

#define PAGES	32UL
#define LENGTH	(PAGES * PAGE)
#define IOVA	0x10000UL
#define PARAM	"/sys/module/iommufd/parameters/enable_unsafe_noiommu_mode"

FIXTURE(noiommu) {
	struct mock;
	uint8_t *mem;
};

FIXTURE_SETUP(noiommu)
{
	self->mem = test_mem(mem_scattered(PAGES));
	mock_open(0, MOCK_MEMORY_DEFAULT);
	ASSERT_TRUE(file_write_long(PARAM, 1));
	test_mock_param("noiommu", 1);
	test_mock_attach(self->ioas, &self->dev[0]);
}

FIXTURE_TEARDOWN(noiommu)
{
	mock_close();
	EXPECT_TRUE(file_write_long(PARAM, 0));
}

/* Frame of a page, from /proc/self/pagemap; needs CAP_SYS_ADMIN */
static uint64_t page_phys(const void *va)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, 8, (uintptr_t)va / PAGE * 8) != 8)
		entry = 0;
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * PAGE + (uintptr_t)va % PAGE;
}

/* The answer for @_iova is the memory at @_va, in @_got bytes. */
#define test_pa(_iova, _want, _got, _va)				\
	do {								\
		uint64_t __length = (_want), __phys = 0;		\
									\
		test_ok(_test_get_pa(self->fd, self->ioas, _iova, &__length, \
				     &__phys));				\
		ASSERT_EQ(page_phys(_va), __phys);			\
		ASSERT_EQ(_got, __length);				\
	} while (0)
#define test_err_pa(_errno, _ioas, _iova, _length)			\
	do {								\
		uint64_t __length = (_length), __phys = 0;		\
									\
		test_err(_errno, _test_get_pa(self->fd, _ioas, _iova,	\
					      &__length, &__phys));	\
		ASSERT_EQ(0, __phys);					\
	} while (0)

/* Bytes from page @i on that are contiguous in memory */
static uint64_t contiguous(const uint8_t *mem, unsigned long i)
{
	uint64_t first = page_phys(mem + i * PAGE), n = 1;

	while (i + n < PAGES && page_phys(mem + (i + n) * PAGE) ==
				first + n * PAGE)
		n++;
	return n * PAGE;
}

TEST_F(noiommu, get_pa)
{
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_pinned(LENGTH / 1024);
	ASSERT_NE(0, page_phys(self->mem));
	for (unsigned long i = 0; i < PAGES; i++) {
		uint64_t all = contiguous(self->mem, i);
		uint8_t *va = self->mem + i * PAGE;
		uint64_t iova = IOVA + i * PAGE;

		test_pa(iova, PAGE, PAGE, va);
		test_pa(iova, 1, 1, va);
		test_pa(iova + 100, 1, 1, va + 100);
		test_pa(iova + 100, UINT64_MAX, all - 100, va + 100);
		test_pa(iova + PAGE - 1, UINT64_MAX, all - PAGE + 1,
			va + PAGE - 1);
	}
}

/* Contiguous memory: chunks that an access has split, two mappings, a part */
TEST_F(noiommu, get_pa_of_contiguous_memory)
{
	uint8_t *huge = test_thp(2 * HUGE);
	uint32_t pin;
	int access;

	huge = (uint8_t *)(((uintptr_t)huge + HUGE - 1) & -HUGE);
	memset(huge, 1, HUGE);
	test_map_fixed(huge, HUGE, HUGE);
	test_pa(HUGE, UINT64_MAX, HUGE, huge);
	test_pa(HUGE + 5, HUGE, HUGE - 5, huge + 5);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_access_pin(access, HUGE + PAGE, PAGE, huge + PAGE, 0, &pin);
	test_pa(HUGE, UINT64_MAX, HUGE, huge);
	test_access_unpin(access, pin);
	close(access);
	/* Not beyond the mapping */
	test_unmap(HUGE, HUGE);
	test_map_fixed(huge, PAGE, HUGE);
	test_map_fixed(huge + PAGE, PAGE, HUGE + PAGE);
	test_pa(HUGE, UINT64_MAX, PAGE, huge);
	test_pa(HUGE + 7, 2 * PAGE, PAGE - 7, huge + 7);
	test_unmap(HUGE, 2 * PAGE);
	/* From the middle of a page to the middle of another */
	test_map_fixed(huge + PAGE, 3 * PAGE, HUGE);
	test_pa(HUGE, UINT64_MAX, 3 * PAGE, huge + PAGE);
}

TEST_F(noiommu, get_pa_refuses)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.flags = 1,
		.ioas_id = 1000,
		.iova = UINT64_MAX,
	};
	uint32_t other;

	test_map_fixed(self->mem, LENGTH, IOVA);
	/* Each call has all mistakes that are found later, too. */
	test_err(EOPNOTSUPP,
		 iommufd_ioctl(self->fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	cmd.flags = 0;
	cmd.__reserved = 1;
	test_err(EOPNOTSUPP,
		 iommufd_ioctl(self->fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	test_err_pa(EINVAL, 1000, UINT64_MAX, 0);
	test_err_pa(EOVERFLOW, 1000, UINT64_MAX, 1);
	test_err_pa(ENOENT, 1000, UINT64_MAX - 1, UINT64_MAX);
	test_err_pa(ENOENT, self->dev[0].idev, IOVA, PAGE);
	test_err_pa(ENOENT, self->ioas, IOVA - 1, PAGE);
	test_err_pa(ENOENT, self->ioas, IOVA + LENGTH, PAGE);
	/* Mapped, but no device without IOMMU is there. */
	test_ioas_alloc(&other);
	test_ok(_test_map_fixed(self->fd, other, self->mem, PAGE, IOVA,
				MAP_RW));
	test_err_pa(EOPNOTSUPP, other, IOVA, PAGE);
	/* Sizes of the struct */
	cmd = (struct iommu_ioas_noiommu_get_pa){
		.size = sizeof(cmd) - 1, .ioas_id = self->ioas, .iova = IOVA,
		.length = 1,
	};
	test_err(EINVAL,
		 iommufd_ioctl(self->fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
	cmd.size = sizeof(cmd);
	test_ok(iommufd_ioctl(self->fd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd));
}

/* The mock's IOMMU translates: then the physical address is of no use. */
TEST_F(noiommu, get_pa_behind_an_iommu)
{
	struct mock_dev dev;
	uint32_t ioas;

	test_mock_param("noiommu", 0);
	test_ioas_alloc(&ioas);
	test_mock_attach(ioas, &dev);
	test_ok(_test_map_fixed(self->fd, ioas, self->mem, PAGE, MOCK_IOVA,
				MAP_RW));
	test_err_pa(EOPNOTSUPP, ioas, MOCK_IOVA, PAGE);
	/* Each kind of device has a HWPT of its own. */
	test_mock_attach(self->ioas, &dev);
	ASSERT_NE(self->dev[0].hwpt, dev.hwpt);
	test_err_mock_replace(EINVAL, dev.stdev, self->dev[0].hwpt);
	test_err_mock_replace(EINVAL, self->dev[0].stdev, dev.hwpt);
}

TEST_F(noiommu, get_pa_after_detach)
{
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_pa(IOVA, 1, 1, self->mem);
	test_destroy(self->dev[0].stdev);
	test_pinned(0);
	test_err_pa(EOPNOTSUPP, self->ioas, IOVA, 1);
	test_mock_attach(self->ioas, &self->dev[0]);
	test_pa(IOVA, 1, 1, self->mem);
	test_unmap(IOVA, LENGTH);
	test_err_pa(ENOENT, self->ioas, IOVA, 1);
}

TEST_F(noiommu, get_pa_of_a_copy)
{
	uint64_t iova = IOVA + LENGTH;
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, self->mem, LENGTH, IOVA,
				MAP_RW));
	test_copy(self->ioas, &iova, ioas, IOVA + PAGE, PAGE,
		  MAP_READ | MAP_FIXED_IOVA);
	test_pa(iova, PAGE, PAGE, self->mem + PAGE);
	/* Pages of the umem that only the source has are not pinned. */
	test_err_pa(EOPNOTSUPP, ioas, IOVA + PAGE, PAGE);
}

TEST_F(noiommu, get_pa_of_a_dma_buf)
{
	uint64_t length = UINT64_MAX, iova = IOVA, phys = 0;
	uint8_t *mem;
	int buf;

	if (_test_dmabuf_get(self->fd, 4 * PAGE, O_CLOEXEC, &buf) ==
	    EOPNOTSUPP)
		SKIP(return, "no dma-buf can be imported before Linux 7.0");
	mem = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buf, 0);
	ASSERT_NE(MAP_FAILED, (void *)mem);
	*(volatile uint8_t *)mem = 1;
	test_ok(_test_ioas_map_file(self->fd, self->ioas, buf, PAGE, 3 * PAGE,
				    &iova, MAP_RW | MAP_FIXED_IOVA));
	test_ok(_test_get_pa(self->fd, self->ioas, iova + 1, &length, &phys));
	ASSERT_EQ(3 * PAGE - 1, length);
	ASSERT_EQ(page_phys(mem) + PAGE + 1, phys);
	test_ok(_test_dmabuf_revoke(self->fd, buf, 1));
	test_err_pa(EINVAL, self->ioas, iova, 1);
	test_unmap(iova, 3 * PAGE);
	test_err_pa(ENOENT, self->ioas, iova, 1);
	close(buf);
}

TEST_F(noiommu, what_only_an_iommu_can)
{
	uint32_t idev = self->dev[0].idev, hwpt, len = 0, type;
	struct iommu_hwpt_selftest data = {};

	test_iova_ranges(self->ioas, PAGE, { 0, UINT64_MAX });
	test_err(EOPNOTSUPP,
		 _test_hw_info(self->fd, idev, NULL, &len, &type));
	for (unsigned int bit = 0; bit < 32; bit++) {
		if (bit == 2)	/* needs a fault queue */
			continue;
		test_err(EOPNOTSUPP,
			 _test_hwpt_alloc_data(self->fd, idev, self->ioas,
					       1U << bit, 0, NULL, 0, &hwpt));
	}
	test_err(EOPNOTSUPP,
		 _test_hwpt_alloc_data(self->fd, idev, self->ioas, 0,
				       IOMMU_HWPT_DATA_SELFTEST, &data, 8,
				       &hwpt));
	test_hwpt_alloc(idev, self->ioas, &hwpt);
	test_err(EOPNOTSUPP,
		 _test_hwpt_alloc_data(self->fd, idev, hwpt, 0,
				       IOMMU_HWPT_DATA_SELFTEST, &data, 8,
				       &hwpt));
	test_mock_replace(self->dev[0].stdev, &hwpt);
	test_err_destroy(EBUSY, hwpt);
}

static void drop_rawio(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];

	syscall(SYS_capget, &header, caps);
	caps[0].effective &= ~(1U << CAP_SYS_RAWIO);
	syscall(SYS_capset, &header, caps);
}

TEST_F(noiommu, needs_the_capability)
{
	test_map_fixed(self->mem, LENGTH, IOVA);
	drop_rawio();
	test_err_pa(EPERM, 1000, UINT64_MAX, 0);
	test_err_mock_attach(EPERM, self->ioas);
	/* Without the parameter nothing is checked, not even that. */
	ASSERT_TRUE(file_write_long(PARAM, 0));
	test_err_pa(EOPNOTSUPP, 1000, UINT64_MAX, 0);
}

TEST_F(noiommu, needs_the_parameter)
{
	test_map_fixed(self->mem, LENGTH, IOVA);
	ASSERT_TRUE(file_write_long(PARAM, 0));
	test_err_mock_attach(ENODEV, self->ioas);
	test_err_pa(EOPNOTSUPP, self->ioas, IOVA, PAGE);
	ASSERT_TRUE(file_write_long(PARAM, 1));
	test_pa(IOVA, 1, 1, self->mem);
}

/* The kernel is tainted by "user space has asked for something unsafe". */
TEST_F(noiommu, taints_the_kernel)
{
	ASSERT_TRUE(file_read_long("/proc/sys/kernel/tainted") & (1 << 6));
}

TEST_HARNESS_MAIN
