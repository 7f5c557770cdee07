/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixtures for tests of one IOAS: with no device, with a device on one
 * HWPT, and with two devices on two HWPTs.
 */
#ifndef SELFTEST_LIB_SPACE_H
#define SELFTEST_LIB_SPACE_H

#include "harness.h"

/* An IOVA that every device of the test machine can access, 2 MiB aligned */
#define TEST_IOVA	0x10000000UL

struct space {
	int fd;
	uint32_t ioas;
	struct edu edu[2];
	uint32_t hwpt[2];
	uint64_t alignment;
};

/* The first device gets an automatic HWPT, the second an explicit one. */
#define space_open(_hwpts)						\
	do {								\
		self->edu[0].cdev = -1;					\
		self->edu[1].cdev = -1;					\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0)					\
			TH_LOG("/dev/iommu: %s", strerror(errno));	\
		test_ioas_alloc(&self->ioas);				\
		self->alignment = (_hwpts) ? PAGE : 1;			\
		if ((_hwpts) > 0) {					\
			test_edu_attach(&self->edu[0], PCI_ON_ROOT_BUS,	\
					0, self->ioas);			\
			self->hwpt[0] = self->edu[0].pt_id;		\
		}							\
		if ((_hwpts) > 1) {					\
			test_edu_open(&self->edu[1], PCI_ON_ROOT_BUS, 1); \
			test_hwpt_alloc(self->edu[1].devid, self->ioas,	\
					&self->hwpt[1]);		\
			self->edu[1].pt_id = self->hwpt[1];		\
			test_attach(self->edu[1].cdev,			\
				    &self->edu[1].pt_id);		\
		}							\
	} while (0)

/* In this order the last close() has to undo everything. */
#define space_close()						\
	do {								\
		close(self->fd);					\
		edu_close(&self->edu[0]);				\
		edu_close(&self->edu[1]);				\
		EXPECT_EQ(0, proc_status_kb("VmPin:"));			\
	} while (0)

/* For tests that hold with and without devices */
FIXTURE(space) { struct space; };

FIXTURE_VARIANT(space) { unsigned int hwpts; };

FIXTURE_VARIANT_ADD(space, no_device) { .hwpts = 0 };
FIXTURE_VARIANT_ADD(space, one_hwpt) { .hwpts = 1 };
FIXTURE_VARIANT_ADD(space, two_hwpts) { .hwpts = 2 };

FIXTURE_SETUP(space)
{
	space_open(variant->hwpts);
}

FIXTURE_TEARDOWN(space)
{
	space_close();
}

/* For tests that need a device */
FIXTURE(attached) { struct space; };

FIXTURE_VARIANT(attached) { unsigned int hwpts; };

FIXTURE_VARIANT_ADD(attached, one_hwpt) { .hwpts = 1 };
FIXTURE_VARIANT_ADD(attached, two_hwpts) { .hwpts = 2 };

FIXTURE_SETUP(attached)
{
	space_open(variant->hwpts);
}

FIXTURE_TEARDOWN(attached)
{
	space_close();
}

/* For tests that hold only without a device */
FIXTURE(unattached) { struct space; };

FIXTURE_VARIANT(unattached) { unsigned int hwpts; };

FIXTURE_VARIANT_ADD(unattached, no_device) { .hwpts = 0 };

FIXTURE_SETUP(unattached)
{
	space_open(variant->hwpts);
}

FIXTURE_TEARDOWN(unattached)
{
	space_close();
}

#endif
