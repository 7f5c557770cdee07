// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_GET_HW_INFO returns what sysfs says of the IOMMU, into a buffer of any
 * size.
 */
#include <limits.h>

#include "mock_space.h"

FIXTURE(hw_info) {
	int fd;
	struct edu edu;
	uint64_t cap;
	uint64_t ecap;
};

static uint64_t sysfs_register(const struct pci_device *pci, const char *name)
{
	unsigned long long value = 0;
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/iommu/intel-iommu/%s", pci->bdf,
		 name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%llx", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

FIXTURE_SETUP(hw_info)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
	self->cap = sysfs_register(&self->edu.pci, "cap");
	self->ecap = sysfs_register(&self->edu.pci, "ecap");
	if (!self->cap)
		SKIP(return, "the device is not behind an intel-iommu");
}

FIXTURE_TEARDOWN(hw_info)
{
	edu_close(&self->edu);
	close(self->fd);
}

TEST_F(hw_info, is_what_the_iommu_has)
{
	struct iommu_hw_info_vtd vtd;
	uint32_t len = sizeof(vtd), type = 99;

	memset(&vtd, 0xff, sizeof(vtd));
	test_ok(_test_hw_info(self->fd, self->edu.devid, &vtd, &len, &type));
	ASSERT_EQ(IOMMU_HW_INFO_TYPE_INTEL_VTD, type);
	ASSERT_EQ(24, len);
	/* Newer kernels announce an erratum of some IOMMUs in bit 0. */
	ASSERT_EQ(0, vtd.flags & ~1U);
	ASSERT_EQ(0, vtd.__reserved);
	ASSERT_EQ(self->cap, vtd.cap_reg);
	ASSERT_EQ(self->ecap, vtd.ecap_reg);
}

TEST_F(hw_info, no_buffer)
{
	uint32_t len = 0, type = 99;

	test_ok(_test_hw_info(self->fd, self->edu.devid, NULL, &len, &type));
	ASSERT_EQ(IOMMU_HW_INFO_TYPE_INTEL_VTD, type);
	ASSERT_EQ(24, len);
}

TEST_F(hw_info, short_buffer_gets_what_fits)
{
	struct iommu_hw_info_vtd want;
	uint32_t full = sizeof(want), len, type;
	uint8_t buf[64];

	test_ok(_test_hw_info(self->fd, self->edu.devid, &want, &full, &type));
	for (uint32_t room = 1; room <= sizeof(want); room++) {
		memset(buf, 0xa5, sizeof(buf));
		len = room;
		test_ok(_test_hw_info(self->fd, self->edu.devid, buf, &len,
				      &type));
		ASSERT_EQ(24, len);
		ASSERT_EQ(0, memcmp(buf, &want, room));
		for (uint32_t i = room; i < sizeof(buf); i++)
			ASSERT_EQ(0xa5, buf[i]);
	}
}

TEST_F(hw_info, long_buffer_has_its_tail_zeroed)
{
	const uint32_t sizes[] = { 25, 32, 100, 2 * PAGE };
	uint8_t *buf = test_mem(mem_anon(3 * PAGE));
	uint32_t len, type;

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(buf, 0xa5, 3 * PAGE);
		len = sizes[i];
		test_ok(_test_hw_info(self->fd, self->edu.devid, buf, &len,
				      &type));
		ASSERT_EQ(24, len);
		ASSERT_EQ(0, memcmp(buf + 8, &self->cap, 8));
		ASSERT_TRUE(mem_is_zero(buf + 24, sizes[i] - 24));
		ASSERT_EQ(0xa5, buf[sizes[i]]);
	}
}

TEST_F(hw_info, bad_buffer_is_efault)
{
	uint8_t *buf = test_mem(mem_anon(2 * PAGE));
	uint32_t len = 24, type;

	ASSERT_EQ(0, mprotect(buf + PAGE, PAGE, PROT_READ));
	test_err(EFAULT, _test_hw_info(self->fd, self->edu.devid, NULL, &len,
				       &type));
	test_err(EFAULT, _test_hw_info(self->fd, self->edu.devid, buf + PAGE,
				       &len, &type));
	test_err(EFAULT, _test_hw_info(self->fd, self->edu.devid,
				       buf + PAGE - 16, &len, &type));
	/* The data fits, the tail that has to be zeroed cannot be written. */
	len = 25;
	test_err(EFAULT, _test_hw_info(self->fd, self->edu.devid,
				       buf + PAGE - 24, &len, &type));
	len = 24;
	test_ok(_test_hw_info(self->fd, self->edu.devid, buf + PAGE - 24, &len,
			      &type));
}

TEST_F(hw_info, needs_no_attachment)
{
	uint32_t ioas, pt, len = 0, type;

	test_ioas_alloc(&ioas);
	pt = ioas;
	test_attach(self->edu.cdev, &pt);
	test_ok(_test_hw_info(self->fd, self->edu.devid, NULL, &len, &type));
	ASSERT_EQ(24, len);
	test_detach(self->edu.cdev);
	len = 0;
	test_ok(_test_hw_info(self->fd, self->edu.devid, NULL, &len, &type));
	ASSERT_EQ(24, len);
}

TEST_F(hw_info, gone_with_the_device)
{
	uint32_t len = 0, type;

	edu_close(&self->edu);
	test_err(ENOENT, _test_hw_info(self->fd, self->edu.devid, NULL, &len,
				       &type));
}

/* What the program asks for, and what the answer is. 0 is any type. */
#define test_info(_dev, _flags, _type, _answer)				\
	do {								\
		struct iommu_hw_info __cmd = {				\
			.size = sizeof(__cmd),				\
			.flags = (_flags),				\
			.dev_id = (_dev),				\
			.in_data_type = (_type),			\
			.out_max_pasid_log2 = 99,			\
			.out_capabilities = -1,				\
		};							\
									\
		test_ok(iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &__cmd)); \
		ASSERT_EQ(_answer, __cmd.out_data_type);		\
		ASSERT_NE(99, __cmd.out_max_pasid_log2);		\
		ASSERT_TRUE(__cmd.out_capabilities &			\
			    IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED);	\
		ASSERT_EQ(0, __cmd.out_capabilities >> 4);		\
	} while (0)
#define test_err_info(_errno, _dev, _flags, _type, _reserved)		\
	do {								\
		struct iommu_hw_info __cmd = {				\
			.size = sizeof(__cmd),				\
			.flags = (_flags),				\
			.dev_id = (_dev),				\
			.in_data_type = (_type),			\
			.data_len = 8,					\
			.__reserved[2] = (_reserved),			\
		};							\
									\
		test_err(_errno, iommufd_ioctl(self->fd,		\
					       IOMMU_GET_HW_INFO, &__cmd)); \
	} while (0)
#define INPUT_TYPE IOMMU_HW_INFO_FLAG_INPUT_TYPE

TEST_F(hw_info, type_that_is_asked_for)
{
	const uint32_t others[] = {
		IOMMU_HW_INFO_TYPE_ARM_SMMUV3, 3, 4,
		IOMMU_HW_INFO_TYPE_SELFTEST, UINT32_MAX,
	};

	test_info(self->edu.devid, INPUT_TYPE, 0,
		  IOMMU_HW_INFO_TYPE_INTEL_VTD);
	test_info(self->edu.devid, INPUT_TYPE, IOMMU_HW_INFO_TYPE_INTEL_VTD,
		  IOMMU_HW_INFO_TYPE_INTEL_VTD);
	for (int i = 0; i < ARRAY_SIZE(others); i++) {
		test_err_info(EOPNOTSUPP, self->edu.devid, INPUT_TYPE,
			      others[i], 0);
		/* Without the flag the word is not looked at. */
		test_info(self->edu.devid, 0, others[i],
			  IOMMU_HW_INFO_TYPE_INTEL_VTD);
	}
}

/* Each call has all mistakes that are found later, too. */
TEST_F(hw_info, order_of_checks)
{
	test_err_info(EOPNOTSUPP, 1000, 2, 0, 0);
	test_err_info(EOPNOTSUPP, 1000, INPUT_TYPE, 3, 1);
	test_err_info(ENOENT, 1000, INPUT_TYPE, 3, 0);
	test_err_info(EOPNOTSUPP, self->edu.devid, INPUT_TYPE, 3, 0);
	test_err_info(EFAULT, self->edu.devid, INPUT_TYPE, 0, 0);
}

/* edu has neither ATS nor PASIDs, and QEMU's VT-d no dirty bits. */
TEST_F(hw_info, capabilities)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = self->edu.devid,
		.out_max_pasid_log2 = 99,
		.out_capabilities = -1,
	};

	test_ok(iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	ASSERT_EQ(IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED, cmd.out_capabilities);
	ASSERT_EQ(0, cmd.out_max_pasid_log2);
	/* The struct of Linux 6.6 ends before the capabilities. */
	cmd.size = 32;
	cmd.data_len = 0;
	cmd.out_capabilities = 5;
	test_ok(iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	ASSERT_EQ(5, cmd.out_capabilities);
}

/* A 6.12 client's struct is 40 bytes, its capabilities field stays zero. */
TEST_F(hw_info, struct_of_a_newer_client)
{
	struct {
		struct iommu_hw_info cmd;
		uint64_t more;
	} newer = {
		.cmd.size = sizeof(newer),
		.cmd.dev_id = self->edu.devid,
	};

	ASSERT_EQ(0, iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &newer));
	ASSERT_EQ(sizeof(newer), newer.cmd.size);
	ASSERT_EQ(24, newer.cmd.data_len);
	ASSERT_EQ(0, newer.more);
}

/* The information of the mock IOMMU */
FIXTURE(mock_info) {
	struct mock;
};

FIXTURE_SETUP(mock_info)
{
	mock_open(1, MOCK_MEMORY_DEFAULT);
}

FIXTURE_TEARDOWN(mock_info)
{
	mock_close();
}

TEST_F(mock_info, type_that_is_asked_for)
{
	const uint32_t others[] = {
		IOMMU_HW_INFO_TYPE_INTEL_VTD, IOMMU_HW_INFO_TYPE_ARM_SMMUV3,
		IOMMU_HW_INFO_TYPE_SELFTEST + 1,
	};
	uint32_t idev = self->dev[0].idev;

	test_info(idev, INPUT_TYPE, 0, IOMMU_HW_INFO_TYPE_SELFTEST);
	test_info(idev, INPUT_TYPE, IOMMU_HW_INFO_TYPE_SELFTEST,
		  IOMMU_HW_INFO_TYPE_SELFTEST);
	for (int i = 0; i < ARRAY_SIZE(others); i++) {
		test_err_info(EOPNOTSUPP, idev, INPUT_TYPE, others[i], 0);
		test_info(idev, 0, others[i], IOMMU_HW_INFO_TYPE_SELFTEST);
	}
	test_err_info(EOPNOTSUPP, 1000, 2, 0, 0);
	test_err_info(EOPNOTSUPP, 1000, INPUT_TYPE, 3, 1);
	test_err_info(ENOENT, self->dev[0].hwpt, INPUT_TYPE, 3, 0);
}

TEST_F(mock_info, buffers_of_all_sizes)
{
	uint8_t buf[16], want[16] = { 0, 0, 0, 0, 0xef, 0xbe, 0xad, 0xde };
	uint32_t len, type;

	for (uint32_t room = 0; room <= sizeof(buf); room++) {
		memset(buf, 0xa5, sizeof(buf));
		len = room;
		test_ok(_test_hw_info(self->fd, self->dev[0].idev, buf, &len,
				      &type));
		ASSERT_EQ(8, len);
		ASSERT_EQ(IOMMU_HW_INFO_TYPE_SELFTEST, type);
		ASSERT_EQ(0, memcmp(buf, want, room));
		for (uint32_t i = room; i < sizeof(buf); i++)
			ASSERT_EQ(0xa5, buf[i]);
	}
	len = 9;
	test_err(EFAULT, _test_hw_info(self->fd, self->dev[0].idev, NULL, &len,
				       &type));
}

TEST_HARNESS_MAIN
