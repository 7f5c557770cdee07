// SPDX-License-Identifier: GPL-2.0
/*
 * A device without an IOMMU, as mediated devices are: its driver reads, writes
 * and pins the memory of its user itself. It works through its group, and it
 * gets no cdev.
 */
#include <dirent.h>
#include <stdlib.h>

#include "common.h"
#include "emulated_abi.h"

#define PARENT	"/sys/devices/platform/" EMULATED_NAME

FIXTURE(emulated) {
	int container;
	int group;
	int device;
	uint8_t *mem;
};

static int emulated_group(void)
{
	char target[256];
	ssize_t len;

	len = readlink(PARENT "/iommu_group", target, sizeof(target) - 1);
	if (len < 0)
		return -1;
	target[len] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

FIXTURE_SETUP(emulated)
{
	if (access(PARENT, F_OK))
		SKIP(_exit(KSFT_SKIP), EMULATED_MODULE " is not loaded");
	self->container = vfio_container_open();
	if (self->container < 0 ||
	    !ioctl(self->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU))
		SKIP(_exit(KSFT_SKIP), "no VFIO container with type1");
	self->group = vfio_group_open(emulated_group());
	ASSERT_GE(self->group, 0);
	test_ok(_test_use_container(self->group, self->container));
	self->device = vfio_group_device(self->group, EMULATED_NAME);
	ASSERT_GE(self->device, 0);
	self->mem = test_mem(mem_anon(8 * PAGE));
}

FIXTURE_TEARDOWN(emulated)
{
	close(self->device);
	close(self->group);
	close(self->container);
}

static int map(int container, void *mem, uint64_t iova, uint64_t length,
	       uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = length,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? errno : 0;
}

static int unmap(int container, uint64_t iova, uint64_t length)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap))
		return errno;
	return unmap.size == length ? 0 : EPROTO;
}

static int command(int device, uint32_t op, uint64_t iova, uint32_t length)
{
	struct emulated_command command = { iova, length, op };

	return pwrite(device, &command, sizeof(command), EMULATED_COMMAND) ==
	       sizeof(command) ? 0 : errno;
}

static struct emulated_status status(int device)
{
	struct emulated_status status;

	if (pread(device, &status, sizeof(status), EMULATED_STATUS) !=
	    sizeof(status))
		memset(&status, 0xff, sizeof(status));
	return status;
}

#define RW	(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define test_map_memory(_iova, _length, _flags)				\
	test_ok(map(self->container, self->mem, _iova, _length, _flags))
#define test_command(...) test_ok(command(self->device, __VA_ARGS__))
#define test_err_command(_errno, ...)					\
	EXPECT_EQ(_errno, command(self->device, __VA_ARGS__))

/* A device that cannot be served has no cdev, and no message says so. */
TEST_F(emulated, no_cdev)
{
	struct dirent **list;
	char path[512];
	int n;

	n = scandir(PARENT "/vfio-dev", &list, NULL, alphasort);
	/* ".", "..", and vfioN, if this kernel has the class vfio-dev */
	ASSERT_EQ(3, n);
	snprintf(path, sizeof(path), "/sys/class/vfio-dev/%s",
		 list[2]->d_name);
	EXPECT_EQ(0, access(path, F_OK));
	snprintf(path, sizeof(path), PARENT "/vfio-dev/%s/dev",
		 list[2]->d_name);
	EXPECT_EQ(-1, access(path, F_OK));
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", list[2]->d_name);
	EXPECT_EQ(-1, access(path, F_OK));
	while (n)
		free(list[--n]);
	free(list);
}

TEST_F(emulated, reads_and_writes_memory)
{
	uint8_t buffer[EMULATED_BUFFER_SIZE];

	test_map_memory(IOVA, 8 * PAGE, RW);
	mem_fill(self->mem, 8 * PAGE, 1);
	test_command(EMULATED_READ, IOVA, sizeof(buffer));
	ASSERT_EQ(sizeof(buffer), pread(self->device, buffer, sizeof(buffer),
					EMULATED_BUFFER));
	ASSERT_TRUE(mem_is(buffer, sizeof(buffer), 1));
	test_command(EMULATED_WRITE, IOVA + 4 * PAGE + 100, 5000);
	ASSERT_EQ(0, memcmp(buffer, self->mem + 4 * PAGE + 100, 5000));
	/* Nothing around that is written. */
	mem_fill(buffer, 100, 1);
	ASSERT_EQ(0, status(self->device).pinned);
	ASSERT_EQ(0, proc_status_kb("VmPin:"));
}

TEST_F(emulated, memory_that_is_not_mapped)
{
	test_map_memory(IOVA, PAGE, VFIO_DMA_MAP_FLAG_READ);
	test_command(EMULATED_READ, IOVA, PAGE);
	test_err_command(EINVAL, EMULATED_READ, IOVA - 1, 2);
	test_err_command(EINVAL, EMULATED_READ, IOVA + PAGE, 1);
	test_err_command(EPERM, EMULATED_WRITE, IOVA, 1);
	test_err_command(EINVAL, EMULATED_PIN, IOVA + PAGE, 1);
	test_err_command(EPERM, EMULATED_PIN, IOVA, 1);
	test_err_command(EINVAL, EMULATED_READ, IOVA, EMULATED_BUFFER_SIZE + 1);
	test_err_command(EINVAL, EMULATED_UNPIN + 1, IOVA, 1);
	ASSERT_EQ(0, status(self->device).pinned);
}

/* UNMAP asks the driver to give its pins up. */
TEST_F(emulated, unmap_takes_pins_away)
{
	long pinned = proc_pages_pinned();
	struct emulated_status now;

	test_map_memory(IOVA, 8 * PAGE, RW);
	test_command(EMULATED_PIN, IOVA + PAGE, 3);
	ASSERT_EQ(3, status(self->device).pinned);
	ASSERT_EQ(pinned + 3, proc_pages_pinned());
	test_command(EMULATED_UNPIN, IOVA + 2 * PAGE, 1);
	test_err_command(ENOENT, EMULATED_UNPIN, IOVA + 2 * PAGE, 1);
	ASSERT_EQ(2, status(self->device).pinned);
	ASSERT_EQ(0, status(self->device).unmaps);
	test_ok(unmap(self->container, IOVA, 8 * PAGE));
	now = status(self->device);
	ASSERT_EQ(1, now.unmaps);
	ASSERT_EQ(IOVA, now.unmap_iova);
	ASSERT_EQ(8 * PAGE, now.unmap_length);
	ASSERT_EQ(0, now.pinned);
	ASSERT_EQ(pinned, proc_pages_pinned());
}

TEST_F(emulated, close_gives_pins_back)
{
	long pinned = proc_pages_pinned();

	test_map_memory(IOVA, 8 * PAGE, RW);
	test_command(EMULATED_PIN, IOVA, 8);
	ASSERT_EQ(pinned + 8, proc_pages_pinned());
	close(self->device);
	ASSERT_EQ(pinned, proc_pages_pinned());
	self->device = vfio_group_device(self->group, EMULATED_NAME);
	ASSERT_GE(self->device, 0);
	ASSERT_EQ(0, status(self->device).pinned);
}

TEST_HARNESS_MAIN
