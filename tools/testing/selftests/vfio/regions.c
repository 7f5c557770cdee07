// SPDX-License-Identifier: GPL-2.0
/* Regions of a cdev by read, write and mmap: BARs and config space. */
#include <linux/pci_regs.h>
#include <sys/wait.h>

#include "harness.h"
#include "race.h"

FIXTURE(regions) {
	int fd;
	struct edu edu;
	struct vfio_region_info bar0;
	struct vfio_region_info config;
};

FIXTURE_SETUP(regions)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
	test_ok(_test_vfio_region_info(self->edu.cdev,
				       VFIO_PCI_BAR0_REGION_INDEX,
				       &self->bar0));
	test_ok(_test_vfio_region_info(self->edu.cdev,
				       VFIO_PCI_CONFIG_REGION_INDEX,
				       &self->config));
}

FIXTURE_TEARDOWN(regions)
{
	edu_close(&self->edu);
	close(self->fd);
}

TEST_F(regions, info)
{
	struct vfio_region_info info;

	EXPECT_EQ(EDU_BAR_SIZE, self->bar0.size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		  VFIO_REGION_INFO_FLAG_MMAP, self->bar0.flags &
		  (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		   VFIO_REGION_INFO_FLAG_MMAP));
	EXPECT_GE(self->config.size, 256);
	EXPECT_FALSE(self->config.flags & VFIO_REGION_INFO_FLAG_MMAP);
	/* A BAR that the device does not have */
	test_ok(_test_vfio_region_info(self->edu.cdev,
				       VFIO_PCI_BAR3_REGION_INDEX, &info));
	EXPECT_EQ(0, info.size);
}

TEST_F(regions, mmap_and_read_see_the_same_registers)
{
	uint32_t value;

	/* This register reads back the complement of what was written. */
	edu_write(&self->edu, EDU_LIVENESS, 0x12345678);
	ASSERT_EQ(~0x12345678U, edu_read(&self->edu, EDU_LIVENESS));
	ASSERT_EQ(4, pread(self->edu.cdev, &value, 4,
			   self->bar0.offset + EDU_LIVENESS));
	ASSERT_EQ(~0x12345678U, value);
	value = 0xcafe;
	ASSERT_EQ(4, pwrite(self->edu.cdev, &value, 4,
			    self->bar0.offset + EDU_LIVENESS));
	ASSERT_EQ(~0xcafeU, edu_read(&self->edu, EDU_LIVENESS));
}

TEST_F(regions, reads_beyond_a_region)
{
	void *nowhere = test_mem(mem_reserve(PAGE));
	struct vfio_region_info none;
	uint32_t value;

	ASSERT_EQ(0, munmap(nowhere, PAGE));
	ASSERT_EQ(-1, pread(self->edu.cdev, &value, 4,
			    self->bar0.offset + EDU_BAR_SIZE));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, pwrite(self->edu.cdev, &value, 4,
			     self->bar0.offset + EDU_BAR_SIZE));
	ASSERT_EQ(EINVAL, errno);
	test_ok(_test_vfio_region_info(self->edu.cdev,
				       VFIO_PCI_BAR3_REGION_INDEX, &none));
	ASSERT_EQ(-1, pread(self->edu.cdev, &value, 4, none.offset));
	ASSERT_EQ(EINVAL, errno);
	/* Far beyond the last region */
	ASSERT_EQ(-1, pread(self->edu.cdev, &value, 4, 1L << 60));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, pread(self->edu.cdev, nowhere, 4, self->bar0.offset));
	ASSERT_EQ(EFAULT, errno);
}

TEST_F(regions, mmap_beyond_a_region)
{
	const struct { uint64_t offset; size_t length; } bad[] = {
		{ self->bar0.offset, EDU_BAR_SIZE + PAGE },
		{ self->bar0.offset + EDU_BAR_SIZE, PAGE },
		{ self->bar0.offset + EDU_BAR_SIZE - PAGE, 2 * PAGE },
		{ self->config.offset, PAGE },
		{ 1UL << 60, PAGE },
	};

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, bad[i].length, PROT_READ,
					   MAP_SHARED, self->edu.cdev,
					   bad[i].offset));
		EXPECT_EQ(EINVAL, errno);
	}
	/* A private mapping would be a copy of the registers. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE, self->edu.cdev,
				   self->bar0.offset));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(regions, mmap_of_a_part_of_a_bar)
{
	uint32_t *reg = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->edu.cdev,
			     self->bar0.offset);

	ASSERT_NE(MAP_FAILED, (void *)reg);
	ASSERT_EQ(EDU_ID_VALUE, reg[EDU_ID / 4]);
	ASSERT_EQ(0, munmap(reg, PAGE));
}

TEST_F(regions, mapping_outlives_the_file)
{
	volatile uint8_t *bar = self->edu.bar;

	/* The mapping holds the file, so that the device stays bound. */
	close(self->edu.cdev);
	ASSERT_EQ(EDU_ID_VALUE, *(volatile uint32_t *)(bar + EDU_ID));
	test_err_destroy(EBUSY, self->edu.devid);
	ASSERT_EQ(0, munmap((void *)bar, EDU_BAR_SIZE));
	test_err_destroy(ENOENT, self->edu.devid);
	self->edu.bar = NULL;
	self->edu.cdev = -1;
}

TEST_F(regions, config_space)
{
	uint16_t ids[2];
	uint32_t bar = ~0U, size;

	test_ok(vfio_config_read(self->edu.cdev, PCI_VENDOR_ID, ids, 4));
	ASSERT_EQ(0x1234, ids[0]);
	ASSERT_EQ(0x11e8, ids[1]);
	/* The user writes to a copy of the BAR: the device does not move. */
	test_ok(vfio_config_write(self->edu.cdev, PCI_BASE_ADDRESS_0, &bar, 4));
	test_ok(vfio_config_read(self->edu.cdev, PCI_BASE_ADDRESS_0, &size, 4));
	ASSERT_EQ(~(EDU_BAR_SIZE - 1U), size & PCI_BASE_ADDRESS_MEM_MASK);
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
}

TEST_F(regions, no_registers_without_memory_space)
{
	uint32_t value;

	test_ok(vfio_enable_memory(self->edu.cdev, false));
	ASSERT_EQ(-1, pread(self->edu.cdev, &value, 4, self->bar0.offset));
	ASSERT_EQ(EIO, errno);
	test_ok(vfio_enable_memory(self->edu.cdev, true));
	ASSERT_EQ(4, pread(self->edu.cdev, &value, 4, self->bar0.offset));
	ASSERT_EQ(EDU_ID_VALUE, value);
}

/* A mapped register can be read if and only if there is memory space. */
#define test_gone_and_back(_bar)					\
	do {								\
		const volatile uint8_t *__bar = (_bar);			\
		uint32_t __value = 0;					\
									\
		test_ok(vfio_enable_memory(self->edu.cdev, false));	\
		ASSERT_EQ(EFAULT, vfio_bar_read(__bar + EDU_ID, &__value)); \
		test_ok(vfio_enable_memory(self->edu.cdev, true));	\
		test_ok(vfio_bar_read(__bar + EDU_ID, &__value));	\
		ASSERT_EQ(EDU_ID_VALUE, __value);			\
	} while (0)

TEST_F(regions, mapping_is_zapped_without_memory_space)
{
	void *second = test_mem(vfio_bar_mmap(self->edu.cdev,
					      VFIO_PCI_BAR0_REGION_INDEX,
					      NULL));

	for (int i = 0; i < 2; i++) {
		test_gone_and_back(self->edu.bar);
		test_gone_and_back(second);
	}
	ASSERT_EQ(0, munmap(second, EDU_BAR_SIZE));
}

static int read_in_child(void *arg)
{
	struct edu *edu = arg;
	uint32_t value;
	int rc;

	rc = vfio_bar_read(edu->bar + EDU_ID, &value);
	rc = rc ?: vfio_enable_memory(edu->cdev, false);
	if (!rc && vfio_bar_read(edu->bar + EDU_ID, &value) != EFAULT)
		rc = EPROTO;
	rc = rc ?: vfio_enable_memory(edu->cdev, true);
	return rc ?: vfio_bar_read(edu->bar + EDU_ID, &value);
}

TEST_F(regions, mapping_of_a_child_is_zapped_without_memory_space)
{
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	ASSERT_EQ(0, child_run(read_in_child, &self->edu));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	test_gone_and_back(self->edu.bar);
}

#define FORKS	50

/* The register has its value, or there is no memory space: EFAULT. */
static int read_id(const struct edu *edu)
{
	uint32_t value;
	int rc = vfio_bar_read(edu->bar + EDU_ID, &value);

	return !rc && value != EDU_ID_VALUE ? EPROTO : rc;
}

static int step_read(struct race_thread *thread)
{
	return read_id(thread->shared);
}

static int step_memory(struct race_thread *thread)
{
	const struct edu *edu = thread->shared;
	int rc = vfio_enable_memory(edu->cdev, false);

	/* QEMU builds its map of memory anew, and may hold up the other CPU. */
	sleep_ms(20);
	return rc ?: vfio_enable_memory(edu->cdev, true);
}

/* The copy of the process reads the register, too. Returns its wait status. */
static int fork_and_read(const struct edu *edu)
{
	int status = -1, rc;
	pid_t pid = fork();

	if (!pid) {
		rc = read_id(edu);
		_exit(rc && rc != EFAULT);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

/*
 * On some kernels fork() takes the pages of the mapping away while threads use
 * them.
 */
TEST_F_TIMEOUT(regions, process_forks_while_its_threads_read, 120 * slowness())
{
	struct race_thread threads[] = {
		{ .step = step_read, .allowed = { EFAULT }, .name = "read" },
		{ .step = step_read, .allowed = { EFAULT }, .name = "read" },
		{ .step = step_memory, .name = "memory" },
	};
	volatile bool stop;
	int bad;

	ASSERT_EQ(ARRAY_SIZE(threads),
		  race_start(threads, ARRAY_SIZE(threads), &self->edu, &stop));
	for (int i = 0; i < FORKS / kernel_slowness(); i++) {
		ASSERT_EQ(0, fork_and_read(&self->edu))
			TH_LOG("fork %d", i);
	}
	bad = race_stop(threads, ARRAY_SIZE(threads), &stop);
	for (int i = 0; i < ARRAY_SIZE(threads); i++)
		TH_LOG("%s: %lu of %lu, %s", threads[i].name, threads[i].done,
		       threads[i].steps, strerror(threads[i].bad_errno));
	ASSERT_EQ(-1, bad);
	test_gone_and_back(self->edu.bar);
}

/* Move the mapping; with @_touch it has pages. */
#define test_move(_touch)						\
	do {								\
		void *__to = test_mem(mem_reserve(EDU_BAR_SIZE));	\
		void *__bar = (void *)self->edu.bar;			\
									\
		if (_touch)						\
			ASSERT_EQ(EDU_ID_VALUE,				\
				  edu_read(&self->edu, EDU_ID));	\
		ASSERT_EQ(__to, mremap(__bar, EDU_BAR_SIZE, EDU_BAR_SIZE, \
				       MREMAP_MAYMOVE | MREMAP_FIXED,	\
				       __to));				\
		self->edu.bar = __to;					\
	} while (0)

TEST_F(regions, moved_mapping_is_zapped_without_memory_space)
{
	test_move(true);
	test_gone_and_back(self->edu.bar);
	test_move(true);
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	test_gone_and_back(self->edu.bar);
	/* A mapping without pages: zapped, and not touched since */
	test_ok(vfio_enable_memory(self->edu.cdev, false));
	test_move(false);
	test_ok(vfio_enable_memory(self->edu.cdev, true));
	test_move(false);
	test_move(false);
	test_gone_and_back(self->edu.bar);
}

TEST_F(regions, parts_of_a_mapping_are_zapped_without_memory_space)
{
	uint8_t *to = test_mem(mem_reserve(2 * PAGE));
	uint8_t *bar = (void *)self->edu.bar;

	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	/*
	 * Unmap a page in the middle and one at the end, move the first pages.
	 */
	ASSERT_EQ(0, munmap(bar + 8 * PAGE, PAGE));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	ASSERT_EQ(0, munmap(bar + EDU_BAR_SIZE - PAGE, PAGE));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	test_gone_and_back(bar);
	ASSERT_EQ(to, mremap(bar, 2 * PAGE, 2 * PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	self->edu.bar = to;
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	test_gone_and_back(to);
	/* mremap() cannot make the mapping larger, in place or elsewhere. */
	ASSERT_EQ(MAP_FAILED, mremap(to, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(to, mremap(to, 2 * PAGE, PAGE, 0));
	test_gone_and_back(to);
	ASSERT_EQ(0, munmap(to, PAGE));
	self->edu.bar = NULL;
	ASSERT_EQ(0, munmap(bar + 2 * PAGE, EDU_BAR_SIZE - 2 * PAGE));
}

/* A BAR with RAM behind it: mmap, read and write see the same bytes. */
TEST_F(regions, bar_with_ram)
{
	struct vfio_region_info info;
	uint8_t buf[256];
	size_t size;
	uint8_t *bar;
	int cdev;

	test_ram_bar(&cdev, &bar, &size);
	test_ok(_test_vfio_region_info(cdev, VFIO_PCI_BAR2_REGION_INDEX,
				       &info));
	ASSERT_EQ(1UL << 20, size);
	mem_fill(bar, size, 1);
	ASSERT_TRUE(mem_is(bar, size, 1));
	/* Odd lengths and offsets */
	ASSERT_EQ(101, pread(cdev, buf, 101, info.offset));
	ASSERT_TRUE(mem_is(buf, 101, 1));
	ASSERT_EQ(255, pread(cdev, buf, 255, info.offset + 4093));
	ASSERT_EQ(0, memcmp(buf, bar + 4093, 255));
	memset(buf, 0x5a, sizeof(buf));
	ASSERT_EQ(99, pwrite(cdev, buf, 99, info.offset + size - 99));
	ASSERT_EQ(0, memcmp(buf, bar + size - 99, 99));
	/* A read that begins inside ends where the BAR ends. */
	ASSERT_EQ(16, pread(cdev, buf, 100, info.offset + size - 16));
	ASSERT_EQ(0, munmap(bar, size));
	close(cdev);
}

TEST_HARNESS_MAIN
