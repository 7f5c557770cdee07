// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that no IOMMU translates for, on the driver vfio-noiommu. Only in a VM
 * without an IOMMU: scripts/machines/no-iommu.
 */
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>

#include "common.h"
#include "mock.h"
#include "module.h"
#include "vfio_path.h"

#define MODULE	"vfio_noiommu"
#define DRIVER	"vfio-noiommu"
#define ENABLE	"/sys/module/iommufd/parameters/enable_unsafe_noiommu_mode"
#define TAINTED	"/proc/sys/kernel/tainted"
#define TAINT_USER	6

#define BYTES	100

FIXTURE(noiommu) {
	int fd;
	uint32_t ioas;
	uint8_t *mem;
	uint64_t phys;		/* of @mem */
	struct edu edu;
};

/* The physical address of a page that is there */
static uint64_t physical(const void *mem)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)mem / PAGE * sizeof(entry)) != sizeof(entry))
		entry = 0;
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * PAGE;
}

/* The node of the device: that of vfio's device with a longer name */
static bool find_node(struct pci_device *pci)
{
	char pattern[80];
	glob_t found;

	snprintf(pattern, sizeof(pattern),
		 "/sys/bus/pci/devices/%s/vfio-dev/vfio*", pci->bdf);
	if (glob(pattern, 0, NULL, &found))
		return false;
	snprintf(pci->cdev, sizeof(pci->cdev), "/dev/vfio/devices/noiommu-%.20s",
		 strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	return !access(pci->cdev, F_OK);
}

FIXTURE_SETUP(noiommu)
{
	const struct pci_driver driver = { DRIVER };
	struct pci_device *pci = &self->edu.pci;
	int rc;

	self->edu.cdev = -1;
	if (!vfio_cdevs_are_served() || !module_exists(MODULE))
		SKIP(_exit(KSFT_SKIP), "vfio-cdev is not loaded, or there is no " DRIVER);
	if (!pci_find_any(&pci_edu, PCI_ON_ROOT_BUS, pci))
		SKIP(_exit(KSFT_SKIP), "no edu on the root bus");
	if (pci->group >= 0)
		SKIP(_exit(KSFT_SKIP), "the edu is behind an IOMMU");
	rc = module_load(MODULE);
	ASSERT_TRUE(!rc || rc == EEXIST);
	ASSERT_TRUE(file_write(ENABLE, "Y"));
	ASSERT_TRUE(pci_bind(pci->bdf, &driver));
	ASSERT_TRUE(pci_look_up(pci->bdf, &pci_edu, pci));
	ASSERT_TRUE(find_node(pci));
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	self->mem = test_mem(mem_anon(4 * PAGE));
	memset(self->mem, 0, 4 * PAGE);
	self->phys = physical(self->mem);
	ASSERT_NE(0, self->phys);
}

FIXTURE_TEARDOWN(noiommu)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	EXPECT_TRUE(pci_unbind(self->edu.pci.bdf));
	EXPECT_TRUE(pci_write(self->edu.pci.bdf, "driver_override", "\n"));
	EXPECT_EQ(0, module_unload(MODULE));
}

static bool is_tainted(void)
{
	return file_read_long(TAINTED) >> TAINT_USER & 1;
}

/* Runs in a VM that no other program of this kind has tainted. */
TEST_F(noiommu, needs_the_parameter_and_taints_the_kernel)
{
	const struct pci_driver driver = { DRIVER };
	const char *bdf = self->edu.pci.bdf;

	EXPECT_TRUE(is_tainted());
	ASSERT_TRUE(pci_unbind(bdf));
	EXPECT_NE(0, access(self->edu.pci.cdev, F_OK));
	ASSERT_TRUE(file_write(ENABLE, "N"));
	EXPECT_FALSE(pci_bind(bdf, &driver));
	EXPECT_FALSE(find_node(&self->edu.pci));
	ASSERT_TRUE(file_write(ENABLE, "Y"));
	EXPECT_TRUE(pci_bind(bdf, &driver));
	EXPECT_TRUE(find_node(&self->edu.pci));
}

/* vfio-pci has no group for the device. */
TEST_F(noiommu, vfio_pci_refuses_the_device)
{
	const struct pci_driver stock = { "vfio-pci" }, driver = { DRIVER };

	ASSERT_TRUE(pci_unbind(self->edu.pci.bdf));
	EXPECT_FALSE(pci_bind(self->edu.pci.bdf, &stock));
	EXPECT_TRUE(pci_bind(self->edu.pci.bdf, &driver));
}

static int open_without_rawio(void *arg)
{
	const struct pci_device *pci = arg;

	if (!drop_capability(CAP_SYS_RAWIO))
		return EIO;
	return vfio_cdev_open(pci) < 0 ? errno : 0;
}

TEST_F(noiommu, open_needs_cap_sys_rawio)
{
	ASSERT_EQ(EPERM, child_run(open_without_rawio, &self->edu.pci));
}

/* The group looks as if an IOMMU translated. */
TEST_F(noiommu, group_cannot_be_used)
{
	struct pci_device *pci = &self->edu.pci;
	int group, container;

	for (int i = 0; i < 2; i++) {
		group = vfio_group_open(pci->group);
		ASSERT_GE(group, 0);
		if (i) {
			container = self->fd;
			test_ok(_test_vfio_set_container(group, container));
		} else {
			container = vfio_container_open();
			test_ok(_test_use_container(group, container));
		}
		ASSERT_EQ(-1, vfio_group_device(group, pci->bdf));
		EXPECT_EQ(EPERM, errno);
		close(group);
		if (!i)
			close(container);
	}
	test_ok(edu_open(&self->edu, self->fd));
}

#define test_open_edu() test_ok(edu_open(&self->edu, self->fd))

TEST_F(noiommu, attach_pins_what_is_mapped)
{
	uint32_t len = 0, type, hwpt, num = 1;
	struct iommu_iova_range range;

	test_map_fixed(self->mem, 4 * PAGE, IOVA);
	test_pinned(0);
	test_open_edu();
	test_err(EOPNOTSUPP, _test_hw_info(self->fd, self->edu.devid, NULL,
					   &len, &type));
	test_attach_to(&self->edu, self->ioas);
	hwpt = self->edu.pt_id;
	ASSERT_NE(self->ioas, hwpt);
	test_err_destroy(EBUSY, hwpt);
	test_pinned(16);
	test_ok(_test_iova_ranges(self->fd, self->ioas, &range, &num, NULL));
	EXPECT_EQ(0, range.start);
	EXPECT_EQ(UINT64_MAX, range.last);
	test_unmap(IOVA, 4 * PAGE);
	test_pinned(0);
	test_map_fixed(self->mem, PAGE, IOVA);
	test_map_fixed(self->mem + 2 * PAGE, 2 * PAGE, IOVA + 8 * PAGE);
	test_pinned(12);
	test_detach(self->edu.cdev);
	test_err_destroy(ENOENT, hwpt);
	test_pinned(0);
}

/* More than one call maps, at addresses of every alignment */
TEST_F(noiommu, much_memory)
{
	const size_t length = 16 << 20;
	uint8_t *mem = test_mem(mem_anon(length));

	test_open_edu();
	test_attach_to(&self->edu, self->ioas);
	for (uint64_t iova = PAGE; iova < 8 * PAGE; iova += 3 * PAGE) {
		test_map_fixed(mem, length, iova);
		test_pinned(length >> 10);
		test_unmap(iova, length);
		test_pinned(0);
	}
	munmap(mem, length);
}

/* The device has its buffer from and in physical memory. */
TEST_F(noiommu, dma_has_physical_addresses)
{
	test_map_fixed(self->mem, PAGE, IOVA);
	test_open_edu();
	test_attach_to(&self->edu, self->ioas);
	ASSERT_EQ(self->phys, physical(self->mem));
	mem_fill(self->mem, BYTES, 1);
	ASSERT_TRUE(edu_load(&self->edu, self->phys, BYTES));
	memset(self->mem, 0, PAGE);
	ASSERT_TRUE(edu_store(&self->edu, self->phys + 8, BYTES));
	ASSERT_TRUE(mem_is(self->mem + 8, BYTES, 1));
	ASSERT_TRUE(mem_is_zero(self->mem, 8));
	ASSERT_TRUE(mem_is_zero(self->mem + 8 + BYTES, PAGE - 8 - BYTES));
}

TEST_F(noiommu, moves_and_shares)
{
	uint32_t other, first, hwpt;

	test_map_fixed(self->mem, PAGE, IOVA);
	test_ioas_alloc(&other);
	test_open_edu();
	test_attach_to(&self->edu, self->ioas);
	first = self->edu.pt_id;
	test_pinned(4);
	test_attach_to(&self->edu, other);
	test_err_destroy(ENOENT, first);
	test_pinned(0);
	test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt);
	test_pinned(4);
	test_attach_to(&self->edu, hwpt);
	ASSERT_EQ(hwpt, self->edu.pt_id);
	test_destroy(other);
	/* Close of the device detaches it. */
	edu_close(&self->edu);
	test_destroy(hwpt);
	test_pinned(0);
}

/* A domain that an IOMMU reads and one that nothing reads are not the same. */
TEST_F(noiommu, shares_no_domain_with_an_iommu)
{
	struct mock_dev dev;
	uint32_t hwpt;

	test_open_edu();
	test_attach_to(&self->edu, self->ioas);
	if (_test_mock_attach(self->fd, self->ioas, &dev) == ENOTTY)
		SKIP(return, "iommufd_selftest is not loaded");
	ASSERT_NE(self->edu.pt_id, dev.hwpt);
	hwpt = dev.hwpt;
	test_err_attach(EINVAL, self->edu.cdev, &hwpt);
}

TEST_F(noiommu, reset_and_info)
{
	struct vfio_device_info info;
	uint16_t vendor = 0;

	test_open_edu();
	test_ok(_test_vfio_device_info(self->edu.cdev, &info));
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_PCI);
	test_ok(vfio_config_read(self->edu.cdev, 0, &vendor, 2));
	EXPECT_EQ(pci_edu.vendor, vendor);
	EXPECT_EQ(EWOULDBLOCK, module_unload(MODULE));
}

TEST_HARNESS_MAIN
