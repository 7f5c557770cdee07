// SPDX-License-Identifier: GPL-2.0
/*
 * The test command itself: its header, its errnos, and the mock as a program
 * sees it.
 */
#include <fcntl.h>

#include "mock_space.h"
#include "ranges.h"

FIXTURE(command) { struct mock; };

FIXTURE_SETUP(command)
{
	mock_open(1, MOCK_MEMORY_DEFAULT);
}

FIXTURE_TEARDOWN(command)
{
	mock_close();
}

static int command_size(int fd, void *cmd, uint32_t size)
{
	memcpy(cmd, &size, sizeof(size));
	return iommufd_ioctl(fd, IOMMU_TEST_CMD, cmd);
}

TEST_F(command, ioctl_number)
{
	ASSERT_EQ(0x3ba0, IOMMU_TEST_CMD);
}

TEST_F(command, structs_of_6_6_and_6_12)
{
	struct iommu_test_cmd cmd[2] = {
		{ .op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
		  .memory_limit.limit = MOCK_MEMORY_DEFAULT },
	};

	ASSERT_EQ(72, sizeof(cmd[0]));
	for (uint32_t size = 0; size < 52; size++)
		ASSERT_EQ(EINVAL, command_size(self->fd, cmd, size));
	for (uint32_t size = 52; size <= sizeof(cmd); size++)
		ASSERT_EQ(0, command_size(self->fd, cmd, size));
}

TEST_F(command, tail_must_be_zero)
{
	uint8_t raw[4096] = {};
	struct iommu_test_cmd *cmd = (void *)raw;

	cmd->op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT;
	cmd->memory_limit.limit = MOCK_MEMORY_DEFAULT;
	ASSERT_EQ(0, command_size(self->fd, raw, sizeof(raw)));
	raw[sizeof(raw) - 1] = 1;
	ASSERT_EQ(E2BIG, command_size(self->fd, raw, sizeof(raw)));
	ASSERT_EQ(0, command_size(self->fd, raw, sizeof(raw) - 1));
	raw[sizeof(*cmd)] = 1;
	ASSERT_EQ(E2BIG, command_size(self->fd, raw, sizeof(*cmd) + 1));
	ASSERT_EQ(0, command_size(self->fd, raw, sizeof(*cmd)));
}

/* Only the size is read. */
TEST_F(command, larger_than_a_page_is_e2big)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint8_t *size = mem + PAGE - sizeof(uint32_t);

	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_NONE));
	ASSERT_EQ(E2BIG, command_size(self->fd, size, PAGE + 1));
	ASSERT_EQ(E2BIG, command_size(self->fd, size, UINT32_MAX));
	ASSERT_EQ(EFAULT, command_size(self->fd, size, PAGE));
}

TEST_F(command, answer_fills_no_more_than_the_users_size)
{
	struct {
		struct iommu_test_cmd cmd;
		uint32_t guard;
	} raw = {
		.cmd = { .op = IOMMU_TEST_OP_MOCK_DOMAIN, .id = self->ioas,
			 .last = 0x1234 },
		.guard = 0x5678,
	};

	/* The kernel must not write behind the struct of 6.6. */
	ASSERT_EQ(0, command_size(self->fd, &raw, IOMMU_TEST_CMD_SIZE_V6_6));
	ASSERT_NE(0, raw.cmd.mock_domain.out_stdev_id);
	ASSERT_EQ(self->dev[0].hwpt, raw.cmd.mock_domain.out_hwpt_id);
	ASSERT_NE(0, raw.cmd.mock_domain.out_idev_id);
	ASSERT_EQ(0x1234, raw.cmd.last);
	ASSERT_EQ(0x5678, raw.guard);
	test_destroy(raw.cmd.mock_domain.out_stdev_id);
}

TEST_F(command, unreadable_is_efault)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct iommu_test_cmd *cmd = (void *)(mem + PAGE - 16);

	ASSERT_EQ(EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, NULL));
	cmd->size = sizeof(*cmd);
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	ASSERT_EQ(EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, cmd));
}

TEST_F(command, failed_answer_leaves_nothing)
{
	struct iommu_test_cmd *cmd = test_mem(mem_anon(PAGE));
	static const uint32_t ops[] = {
		IOMMU_TEST_OP_MOCK_DOMAIN, IOMMU_TEST_OP_CREATE_ACCESS,
	};

	for (int i = 0; i < ARRAY_SIZE(ops); i++) {
		cmd->size = sizeof(*cmd);
		cmd->op = ops[i];
		cmd->id = self->ioas;
		ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
		test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, cmd));
		ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ | PROT_WRITE));
	}
}

TEST_F(command, failed_answer_undoes_the_pin)
{
	struct iommu_test_cmd *cmd = test_mem(mem_anon(PAGE));
	uint8_t *mem = test_mem(mem_anon(PAGE));
	int access;

	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	cmd->size = sizeof(*cmd);
	cmd->op = IOMMU_TEST_OP_ACCESS_PAGES;
	cmd->id = access;
	cmd->access_pages.iova = MOCK_IOVA;
	cmd->access_pages.length = PAGE;
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, cmd));
	test_refs(mem, PAGE, 1);
	close(access);
	test_unmap(MOCK_IOVA, PAGE);
	test_refs(mem, PAGE, 0);
}

TEST_F(command, unknown_op_is_eopnotsupp)
{
	static const uint32_t ops[] = { 0, 24, 25, 100, UINT32_MAX };
	struct iommu_test_cmd cmd = {};

	for (int i = 0; i < ARRAY_SIZE(ops); i++)
		test_err(EOPNOTSUPP, mock_cmd(self->fd, &cmd, ops[i],
					      self->ioas));
}

TEST_F(command, scratch_limit_has_a_minimum)
{
	for (uint32_t limit = 0; limit < 12; limit++)
		test_err(EINVAL, _test_memory_limit(self->fd, limit));
	test_ok(_test_memory_limit(self->fd, 12));
	test_ok(_test_memory_limit(self->fd, UINT32_MAX));
}

TEST_F(command, unknown_ids)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint32_t hwpt = self->dev[0].hwpt;
	struct mock_dev dev;

	test_err(ENOENT, _test_reserve(self->fd, 0, PAGE, PAGE));
	test_err(ENOENT, _test_reserve(self->fd, hwpt, PAGE, PAGE));
	test_err(ENOENT, _test_mock_attach(self->fd, 0, &dev));
	test_err(ENOENT, _test_mock_attach(self->fd, 1000, &dev));
	test_err(EINVAL, _test_mock_attach(self->fd, self->dev[0].idev, &dev));
	test_err(EINVAL, _test_mock_attach(self->fd, self->dev[0].stdev, &dev));
	test_err(ENOENT, _test_check_map(self->fd, 0, MOCK_IOVA, PAGE, mem));
	test_err(ENOENT, _test_check_map(self->fd, self->ioas, MOCK_IOVA, PAGE,
					 mem));
	test_err_mock_replace(ENOENT, self->ioas, self->ioas);
	test_err_mock_replace(ENOENT, 0, self->ioas);
	test_err_access_create(ENOENT, 0, 0);
	test_err_access_create(ENOENT, hwpt, 0);
}

TEST_F(command, check_map_compares_io_pages)
{
	uint8_t *mem = test_mem(mem_anon(3 * PAGE));
	uint32_t hwpt = self->dev[0].hwpt;
	uint8_t *second;

	test_map_fixed(mem, 2 * PAGE, MOCK_IOVA);
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, 2 * PAGE, mem));
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA + 3 * MOCK_PAGE,
				MOCK_PAGE, mem + 3 * MOCK_PAGE));
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, 0, mem));
	/* Another page, another half of the same, beyond the mapping */
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA, PAGE,
					 mem + PAGE));
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA, MOCK_PAGE,
					 mem + MOCK_PAGE));
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA, 3 * PAGE,
					 mem));
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA - MOCK_PAGE,
					 MOCK_PAGE, mem));
	/* Not aligned */
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA + 1,
					 MOCK_PAGE, mem));
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA,
					 MOCK_PAGE - 1, mem));
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA, MOCK_PAGE,
					 mem + 1024));
	/* The current page counts, not the one that was mapped. */
	second = mmap(mem + PAGE, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE,
		      -1, 0);
	ASSERT_EQ(mem + PAGE, second);
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, PAGE, mem));
	test_err(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA, 2 * PAGE,
					 mem));
}

TEST_F(command, check_refs_counts_pins)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	test_refs(mem, 2 * PAGE, 0);
	test_err(EIO, _test_check_refs(self->fd, mem, PAGE, 1));
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_refs(mem, PAGE, 1);
	test_refs(mem + PAGE, PAGE, 0);
	test_err(EIO, _test_check_refs(self->fd, mem, 2 * PAGE, 1));
	test_err(EIO, _test_check_refs(self->fd, mem, 2 * PAGE, 0));
	test_map_fixed(mem, 2 * PAGE, MOCK_IOVA + PAGE);
	test_refs(mem, PAGE, 2);
	test_refs(mem + PAGE, PAGE, 1);
	test_err(EINVAL, _test_check_refs(self->fd, mem + 1, PAGE, 2));
	test_err(EINVAL, _test_check_refs(self->fd, mem, PAGE + 1, 2));
	test_err(EINVAL, _test_check_refs(self->fd, mem, -PAGE, 2));
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	test_err(EFAULT, _test_check_refs(self->fd, mem + PAGE, PAGE, 0));
}

TEST_F(command, ranges_of_an_attached_ioas)
{
	test_iova_ranges(self->ioas, 2048, { 0x01000000, 0x7fffffff });
}

TEST_F(command, hw_info_of_the_mock)
{
	struct {
		uint32_t flags;
		uint32_t test_reg;
		uint32_t more[2];
	} info = { 1, 2, { 3, 4 } };
	uint32_t idev = self->dev[0].idev;
	uint32_t len = 0, type = 0;

	test_ok(_test_hw_info(self->fd, idev, NULL, &len, &type));
	ASSERT_EQ(8, len);
	ASSERT_EQ(0xfeedbeef, type);
	/* As much as fits, */
	len = 4;
	test_ok(_test_hw_info(self->fd, idev, &info, &len, &type));
	ASSERT_EQ(8, len);
	ASSERT_EQ(0, info.flags);
	ASSERT_EQ(2, info.test_reg);
	info.flags = 1;
	len = 8;
	test_ok(_test_hw_info(self->fd, idev, &info, &len, &type));
	ASSERT_EQ(8, len);
	ASSERT_EQ(0, info.flags);
	ASSERT_EQ(0xdeadbeef, info.test_reg);
	ASSERT_EQ(3, info.more[0]);
	/* and zeros behind it */
	len = 12;
	test_ok(_test_hw_info(self->fd, idev, &info, &len, &type));
	ASSERT_EQ(8, len);
	ASSERT_EQ(0, info.more[0]);
	ASSERT_EQ(4, info.more[1]);

	len = 8;
	test_err(EFAULT, _test_hw_info(self->fd, idev, NULL, &len, &type));
	test_err(ENOENT, _test_hw_info(self->fd, self->dev[0].stdev, &info,
				       &len, &type));
	test_err(ENOENT, _test_hw_info(self->fd, 1000, &info, &len, &type));
}

TEST_F(command, devices_with_flags)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct mock_dev dev;

	test_err(EINVAL, _test_mock_attach_flags(self->fd, self->ioas, 8,
						 &dev));
	test_err(EINVAL, _test_mock_attach_flags(self->fd, self->ioas,
						 1U << 31, &dev));
	for (uint32_t flags = 0; flags < 8; flags++) {
		test_ok(_test_mock_attach_flags(self->fd, self->ioas, flags,
						&dev));
		test_map_fixed(mem, PAGE, MOCK_IOVA);
		test_ok(_test_check_map(self->fd, dev.hwpt, MOCK_IOVA, PAGE,
					mem));
		test_unmap(MOCK_IOVA, PAGE);
		test_destroy(dev.stdev);
	}
}

TEST_F(command, destroying_the_device_undoes_all)
{
	uint32_t first = iommufd_next_id(self->fd);
	uint32_t ioas, len = 0, type;
	struct mock_dev dev;

	test_ioas_alloc(&ioas);
	test_mock_attach(ioas, &dev);
	test_err_destroy(EBUSY, dev.idev);
	test_err_destroy(EBUSY, dev.hwpt);
	test_err_destroy(EBUSY, ioas);
	test_destroy(dev.stdev);
	test_err_destroy(ENOENT, dev.stdev);
	test_err_destroy(ENOENT, dev.idev);
	test_err_destroy(ENOENT, dev.hwpt);
	ASSERT_EQ(ENOENT, _test_hw_info(self->fd, dev.idev, NULL, &len, &type));
	test_nothing_reserved(ioas);
	test_destroy(ioas);
	ASSERT_EQ(first, iommufd_next_id(self->fd));
}

TEST_F(command, devices_do_not_keep_the_context)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	int fd = iommufd_open();
	struct mock_dev dev[3];
	uint32_t ioas, hwpt;

	ASSERT_GE(fd, 0);
	test_ok(_test_ioas_alloc(fd, &ioas));
	for (int i = 0; i < ARRAY_SIZE(dev); i++)
		test_ok(_test_mock_attach(fd, ioas, &dev[i]));
	test_ok(_test_hwpt_alloc(fd, dev[0].idev, ioas, &hwpt));
	test_ok(_test_map_fixed(fd, ioas, mem, 4 * PAGE, MOCK_IOVA, MAP_RW));
	test_refs(mem, 4 * PAGE, 1);
	/* The last reference to the file: everything is gone after it. */
	close(fd);
	test_refs(mem, 4 * PAGE, 0);
	test_pinned(0);
}

/* An access belongs to a driver and keeps the context. */
TEST_F(command, accesses_keep_the_context)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	int fd = iommufd_open(), access;
	uint32_t ioas, pin;

	ASSERT_GE(fd, 0);
	test_ok(_test_ioas_alloc(fd, &ioas));
	test_ok(_test_map_fixed(fd, ioas, mem, PAGE, MOCK_IOVA, MAP_RW));
	test_ok(_test_access_create(fd, ioas, MOCK_ACCESS_NEEDS_PIN_PAGES,
				    &access));
	test_ok(_test_access_pin(fd, access, MOCK_IOVA, PAGE, mem, 0, &pin));
	close(fd);
	test_refs(mem, PAGE, 1);
	close(access);
	test_refs(mem, PAGE, 0);
}

TEST_F(command, access_descriptors)
{
	int fd = iommufd_open(), access, foreign;
	uint8_t buffer[16];
	uint32_t ioas;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	ASSERT_EQ(FD_CLOEXEC, fcntl(access, F_GETFD));
	for (int bit = 1; bit < 32; bit++)
		test_err_access_create(EOPNOTSUPP, self->ioas, 1U << bit);

	/* Another kind of file, an access of another context, no file */
	ASSERT_GE(fd, 0);
	test_ok(_test_ioas_alloc(fd, &ioas));
	test_ok(_test_access_create(fd, ioas, MOCK_ACCESS_NEEDS_PIN_PAGES,
				    &foreign));
	close(access);
	{
		int bad[] = { self->fd, 0, foreign, access, -1 };

		for (int i = 0; i < ARRAY_SIZE(bad); i++) {
			test_err_access_unpin(EBADFD, bad[i], 1);
			test_err_access_pin(EBADFD, bad[i], MOCK_IOVA, PAGE,
					    NULL, 0);
			test_err_access_rw(EBADFD, bad[i], MOCK_IOVA, 16,
					   buffer, 0);
			test_err_access_replace(EBADFD, bad[i], self->ioas);
		}
	}
	close(foreign);
	close(fd);
}

/* A HWPT is for one IOMMU only. */
TEST_F(command, real_and_mock_devices_share_no_hwpt)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct edu edu;

	test_edu_attach(&edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	ASSERT_NE(self->dev[0].hwpt, edu.pt_id);
	test_err_mock_attach(EINVAL, edu.pt_id);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_refs(mem, PAGE, 1);
	mem_fill(mem, 64, 1);
	ASSERT_TRUE(edu_load(&edu, MOCK_IOVA, 64));
	ASSERT_TRUE(edu_store(&edu, MOCK_IOVA + 64, 64));
	ASSERT_TRUE(mem_is(mem + 64, 64, 1));
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA, PAGE,
				mem));
	test_destroy(self->dev[0].stdev);
	test_refs(mem, PAGE, 1);
	edu_close(&edu);
	test_refs(mem, PAGE, 0);
}

TEST_HARNESS_MAIN
