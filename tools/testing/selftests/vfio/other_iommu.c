// SPDX-License-Identifier: GPL-2.0
/*
 * A device behind an IOMMU that does not isolate the interrupts of its devices:
 * AMD's, virtio-iommu, or VT-d without interrupt remapping.
 */
#include <limits.h>

#include "common.h"

#define UNSAFE	"/sys/module/iommufd/parameters/allow_unsafe_interrupts"

/* The parameter reads Y or N and takes numbers. */
static bool allow_unsafe(bool allow)
{
	return file_write_long(UNSAFE, allow);
}

/* The names of interrupt chips begin with IR if interrupts are remapped. */
static bool interrupts_are_remapped(void)
{
	char line[512];
	FILE *file = fopen("/proc/interrupts", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " IR-");
	if (file)
		fclose(file);
	return found;
}

FIXTURE(other) {
	int fd;
	uint32_t ioas;
	struct edu edu;
};

FIXTURE_SETUP(other)
{
	int rc;

	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0) TH_LOG("/dev/iommu: %s", strerror(errno));
	self->edu.cdev = -1;
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci);
	ASSERT_TRUE(allow_unsafe(false));
	rc = edu_open(&self->edu, self->fd);
	/* Only a kernel that remaps interrupts may bind without being told. */
	if (!rc && interrupts_are_remapped())
		SKIP(_exit(KSFT_SKIP), "the interrupts of %s are isolated",
		     self->edu.pci.bdf);
	ASSERT_EQ(EPERM, rc);
	ASSERT_TRUE(allow_unsafe(true));
	test_ok(edu_open(&self->edu, self->fd));
	test_ioas_alloc(&self->ioas);
}

FIXTURE_TEARDOWN(other)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_TRUE(allow_unsafe(false));
}

TEST_F(other, interrupts_that_are_not_isolated_are_eperm)
{
	struct edu edu = { .pci = self->edu.pci };

	edu_close(&self->edu);
	ASSERT_TRUE(allow_unsafe(false));
	test_err(EPERM, edu_open(&edu, self->fd));
	ASSERT_TRUE(allow_unsafe(true));
	test_ok(edu_open(&edu, self->fd));
	edu_close(&edu);
}

/* AMD's attribute has two registers, whose order depends on the kernel. */
static bool amd_features(const struct pci_device *pci, uint64_t features[2])
{
	unsigned long long first, second;
	char path[PATH_MAX];
	int read;
	FILE *f;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/iommu/amd-iommu/features", pci->bdf);
	f = fopen(path, "re");
	if (!f)
		return false;
	read = fscanf(f, "%llx:%llx", &first, &second);
	fclose(f);
	features[0] = first;
	features[1] = second;
	return read == 2;
}

/* The first register is not 0; QEMU's second one is, and tells them apart. */
TEST_F(other, hw_info_has_the_features_of_amd)
{
	uint32_t len = sizeof(struct iommu_hw_info_amd), type = 99;
	struct iommu_hw_info_amd amd;
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HW_INFO_FLAG_INPUT_TYPE,
		.dev_id = self->edu.devid,
		.in_data_type = IOMMU_HW_INFO_TYPE_INTEL_VTD,
	};
	uint64_t features[2];

	if (!amd_features(&self->edu.pci, features))
		SKIP(return, "the IOMMU is not AMD's");
	memset(&amd, 0xff, sizeof(amd));
	test_ok(_test_hw_info(self->fd, self->edu.devid, &amd, &len, &type));
	ASSERT_EQ(IOMMU_HW_INFO_TYPE_AMD, type);
	ASSERT_EQ(16, len);
	ASSERT_NE(0, amd.efr);
	if (amd.efr == features[0]) {
		ASSERT_EQ(features[1], amd.efr2);
	} else {
		ASSERT_EQ(features[1], amd.efr);
		ASSERT_EQ(features[0], amd.efr2);
	}
	test_err(EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
}

TEST_F(other, hw_info_type_is_none)
{
	uint32_t len = 64, type = 99;
	uint64_t features[2];
	uint8_t data[65];

	if (pci_iommu_is_vtd() || amd_features(&self->edu.pci, features))
		SKIP(return, "the type of this IOMMU has a test of its own");
	memset(data, 0xff, sizeof(data));
	test_ok(_test_hw_info(self->fd, self->edu.devid, data, &len, &type));
	ASSERT_EQ(0, len);
	ASSERT_EQ(IOMMU_HW_INFO_TYPE_NONE, type);
	ASSERT_TRUE(mem_is_zero(data, 64));
	ASSERT_EQ(0xff, data[64]);
	type = 99;
	test_ok(_test_hw_info(self->fd, self->edu.devid, NULL, &len, &type));
	ASSERT_EQ(IOMMU_HW_INFO_TYPE_NONE, type);
	len = 1;
	test_err(EFAULT, _test_hw_info(self->fd, self->edu.devid, NULL, &len,
				       &type));
}

/* AMD's IOMMU: 2^64 - 1, from Linux 7.3 on 2^48 - 1 */
static uint64_t last_iova(int fd, uint32_t ioas)
{
	struct iommu_iova_range ranges[8];
	uint32_t num = ARRAY_SIZE(ranges);

	if (_test_iova_ranges(fd, ioas, ranges, &num, NULL) || !num)
		return 0;
	return ranges[num - 1].last;
}

TEST_F(other, map_up_to_the_last_iova)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint64_t end, unmapped;

	if (pci_iommu_is_vtd())
		SKIP(return, "VT-d: not all of 2^64 addresses can be mapped");
	self->edu.pt_id = self->ioas;
	test_attach(self->edu.cdev, &self->edu.pt_id);
	/* 0 if the last is UINT64_MAX */
	end = last_iova(self->fd, self->ioas) + 1;
	ASSERT_TRUE(!end || end == 1UL << 48);
	test_err_map_fixed(end ? EINVAL : EOVERFLOW, mem, 2 * PAGE,
			   end - PAGE);
	test_map_fixed(mem, 2 * PAGE, end - 2 * PAGE);
	test_pinned(2 * PAGE / 1024);
	test_err_map_fixed(EEXIST, mem, PAGE, end - PAGE);
	test_unmap_all(&unmapped);
	ASSERT_EQ(2 * PAGE, unmapped);
	test_pinned(0);
}

/* Each attach fills a new page table with the mapping. */
TEST_F(other, attach_with_a_mapping_at_the_last_iova)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t iova, unmapped;

	if (pci_iommu_is_vtd())
		SKIP(return, "VT-d: not all of 2^64 addresses can be mapped");
	self->edu.pt_id = self->ioas;
	test_attach(self->edu.cdev, &self->edu.pt_id);
	iova = last_iova(self->fd, self->ioas) + 1 - 4 * PAGE;
	test_detach(self->edu.cdev);
	test_map_fixed(mem, 4 * PAGE, IOVA);
	test_map_fixed(mem + 4 * PAGE, 4 * PAGE, iova);
	for (int i = 0; i < 3; i++) {
		self->edu.pt_id = self->ioas;
		test_attach(self->edu.cdev, &self->edu.pt_id);
		test_pinned(8 * PAGE / 1024);
		test_detach(self->edu.cdev);
		test_pinned(0);
	}
	self->edu.pt_id = self->ioas;
	test_attach(self->edu.cdev, &self->edu.pt_id);
	test_unmap(iova, 4 * PAGE);
	test_pinned(4 * PAGE / 1024);
	test_unmap_all(&unmapped);
	ASSERT_EQ(4 * PAGE, unmapped);
	test_pinned(0);
}

TEST_F(other, dma_reaches_mapped_memory_only)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	self->edu.pt_id = self->ioas;
	test_attach(self->edu.cdev, &self->edu.pt_id);
	mem_fill(mem, 2 * PAGE, 1);
	test_map_fixed(mem, PAGE, IOVA);
	ASSERT_TRUE(edu_load(&self->edu, IOVA, 256));
	ASSERT_TRUE(edu_store(&self->edu, IOVA + 1024, 256));
	ASSERT_TRUE(mem_is(mem + 1024, 256, 1));
	test_unmap(IOVA, PAGE);
	mem_fill(mem, 2 * PAGE, 2);
	ASSERT_TRUE(edu_store(&self->edu, IOVA, 256));
	ASSERT_TRUE(mem_is(mem, 2 * PAGE, 2));
}

TEST_HARNESS_MAIN
