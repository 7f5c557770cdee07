// SPDX-License-Identifier: GPL-2.0
/*
 * The legacy group and container work with the same driver, but never at the
 * same time as the cdev.
 */
#include "common.h"

FIXTURE(legacy) {
	int fd;
	int container;
	int group;
	struct pci_device pci;
	uint8_t *mem;
};

FIXTURE_SETUP(legacy)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->pci);
	self->container = vfio_container_open();
	if (self->container < 0)
		SKIP(return, "no /dev/vfio/vfio: %s", strerror(errno));
	if (!ioctl(self->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU))
		SKIP(return, "vfio_iommu_type1 is not loaded");
	self->group = vfio_group_open(self->pci.group);
	ASSERT_GE(self->group, 0);
	self->mem = test_mem(mem_anon(4 * PAGE));
}

FIXTURE_TEARDOWN(legacy)
{
	close(self->group);
	close(self->container);
	close(self->fd);
}

#define test_use_container()						\
	test_ok(_test_use_container(self->group, self->container))

TEST_F(legacy, dma_through_the_container)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)self->mem,
		.iova = IOVA,
		.size = 4 * PAGE,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA,
		.size = 4 * PAGE,
	};
	struct edu edu;

	test_use_container();
	edu.cdev = vfio_group_device(self->group, self->pci.bdf);
	ASSERT_GE(edu.cdev, 0) TH_LOG("%s: %s", self->pci.bdf, strerror(errno));
	test_ok(edu_start(&edu, edu.cdev));
	ASSERT_EQ(0, ioctl(self->container, VFIO_IOMMU_MAP_DMA, &map));
	mem_fill(self->mem, 200, 1);
	ASSERT_TRUE(edu_load(&edu, IOVA, 200));
	ASSERT_TRUE(edu_store(&edu, IOVA + PAGE, 200));
	ASSERT_TRUE(mem_is(self->mem + PAGE, 200, 1));
	ASSERT_EQ(0, ioctl(self->container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	ASSERT_EQ(4 * PAGE, unmap.size);
	edu_close(&edu);
}

TEST_F(legacy, group_in_use_keeps_the_cdev_out)
{
	uint32_t devid = 0;
	int device, cdev;

	test_use_container();
	device = vfio_group_device(self->group, self->pci.bdf);
	ASSERT_GE(device, 0);
	cdev = vfio_cdev_open(&self->pci);
	ASSERT_GE(cdev, 0);
	test_err(EBUSY, _test_vfio_bind(cdev, self->fd, &devid));
	/* The same while the group has a container, but no open device */
	close(device);
	test_err(EBUSY, _test_vfio_bind(cdev, self->fd, &devid));
	test_ok(_test_vfio_unset_container(self->group));
	close(self->group);
	test_ok(_test_vfio_bind(cdev, self->fd, &devid));
	close(cdev);
	self->group = vfio_group_open(self->pci.group);
	ASSERT_GE(self->group, 0);
	test_use_container();
}

/*
 * Where the group's file can be opened, the group gets no container, and so no
 * device.
 */
static int use_group(int container, const struct pci_device *pci)
{
	int group = vfio_group_open(pci->group);
	int rc;

	if (group < 0)
		return errno;
	rc = _test_vfio_set_container(group, container);
	close(group);
	return rc;
}

TEST_F(legacy, cdev_in_use_keeps_the_group_out)
{
	struct edu edu = { .pci = self->pci };

	close(self->group);
	test_ok(edu_open(&edu, self->fd));
	test_err(EBUSY, use_group(self->container, &self->pci));
	ASSERT_EQ(-1, vfio_group_device(self->container, self->pci.bdf));
	/* The cdev still works after the failed calls. */
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&edu, EDU_ID));
	edu_close(&edu);
	test_ok(use_group(self->container, &self->pci));
	self->group = vfio_group_open(self->pci.group);
	ASSERT_GE(self->group, 0);
}

/* The cdev of one device keeps the whole group out. */
TEST_F(legacy, cdev_of_a_sibling_keeps_the_group_out)
{
	struct edu edu;

	test_edu_open(&edu, PCI_SHARED_GROUP, 0);
	test_err(EBUSY, use_group(self->container, &edu.pci));
	edu_close(&edu);
	test_ok(use_group(self->container, &edu.pci));
}

TEST_F(legacy, cdev_and_group_in_turns)
{
	for (int i = 0; i < 5; i++) {
		struct edu edu = { .pci = self->pci };
		int device;

		close(self->group);
		test_ok(edu_open(&edu, self->fd));
		edu_close(&edu);
		self->group = vfio_group_open(self->pci.group);
		ASSERT_GE(self->group, 0);
		test_use_container();
		device = vfio_group_device(self->group, self->pci.bdf);
		ASSERT_GE(device, 0);
		close(device);
		test_ok(_test_vfio_unset_container(self->group));
	}
}

/* A device file of a group does not know the ioctls of a cdev. */
TEST_F(legacy, cdev_ioctls_on_a_groups_device)
{
	uint32_t devid, pt = 1;
	int device;

	test_use_container();
	device = vfio_group_device(self->group, self->pci.bdf);
	ASSERT_GE(device, 0);
	EXPECT_EQ(ENOTTY, _test_vfio_bind(device, self->fd, &devid));
	EXPECT_EQ(ENOTTY, _test_vfio_attach(device, &pt));
	EXPECT_EQ(ENOTTY, _test_vfio_detach(device));
	close(device);
}

TEST_HARNESS_MAIN
