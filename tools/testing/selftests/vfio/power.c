// SPDX-License-Identifier: GPL-2.0
/*
 * Low power: the user lets the device sleep, and each use of the cdev wakes it.
 */
#include <sys/eventfd.h>

#include "common.h"

FIXTURE(power) {
	int fd;
	int event;
	struct nvme nvme;
};

/*
 * VFIO_DEVICE_FEATURE with the eventfd that LOW_POWER_ENTRY_WITH_WAKEUP takes
 */
static int feature(int cdev, uint32_t flags, int event)
{
	union {
		struct vfio_device_feature head;
		uint8_t bytes[sizeof(struct vfio_device_feature) +
			      sizeof(struct vfio_device_low_power_entry_with_wakeup)];
	} arg = {
		.head.argsz = sizeof(arg),
		.head.flags = flags,
	};
	struct vfio_device_low_power_entry_with_wakeup *entry =
		(void *)arg.head.data;

	if ((flags & VFIO_DEVICE_FEATURE_MASK) !=
	    VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP)
		arg.head.argsz = sizeof(arg.head);
	else
		entry->wakeup_eventfd = event;
	return ioctl(cdev, VFIO_DEVICE_FEATURE, &arg) ? errno : 0;
}

#define SET(_feature) (VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_##_feature)
#define PROBE(_ops, _feature)						\
	(VFIO_DEVICE_FEATURE_PROBE | (_ops) | VFIO_DEVICE_FEATURE_##_feature)

FIXTURE_SETUP(power)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_nvme, PCI_ANYWHERE, 0, &self->nvme.pci);
	test_ok(nvme_open(&self->nvme, self->fd));
	if (feature(self->nvme.cdev, PROBE(VFIO_DEVICE_FEATURE_SET,
					   LOW_POWER_ENTRY), -1) == ENOTTY)
		SKIP(_exit(KSFT_SKIP), "this kernel's vfio-pci-core lets no device sleep");
	if (!pci_may_sleep(self->nvme.pci.bdf))
		SKIP(_exit(KSFT_SKIP), "this kernel was built without CONFIG_PM");
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_GE(self->event, 0);
}

FIXTURE_TEARDOWN(power)
{
	nvme_close(&self->nvme);
	close(self->event);
	close(self->fd);
}

TEST_F(power, probes)
{
	const uint32_t both = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
	int cdev = self->nvme.cdev;

	EXPECT_EQ(0, feature(cdev, PROBE(VFIO_DEVICE_FEATURE_SET,
					 LOW_POWER_ENTRY), -1));
	EXPECT_EQ(0, feature(cdev, PROBE(0, LOW_POWER_EXIT), -1));
	/* LOW_POWER_ENTRY has SET and no GET, so that both together fail. */
	EXPECT_EQ(EINVAL, feature(cdev, PROBE(VFIO_DEVICE_FEATURE_GET,
					      LOW_POWER_ENTRY), -1));
	EXPECT_EQ(EINVAL, feature(cdev, PROBE(both, LOW_POWER_ENTRY), -1));
	EXPECT_EQ(EINVAL, feature(cdev, both |
				  VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, -1));
	EXPECT_EQ(EINVAL, feature(cdev, 1U << 31 | SET(LOW_POWER_ENTRY), -1));
	/* An unknown feature, and one that the device does not have */
	EXPECT_EQ(ENOTTY, feature(cdev, VFIO_DEVICE_FEATURE_PROBE | 0xffff, -1));
	EXPECT_EQ(ENOTTY, feature(cdev, PROBE(0, MIGRATION), -1));
	/* None of these calls has put the device to sleep. */
	EXPECT_TRUE(pci_is_awake(self->nvme.pci.bdf));
}

#define test_sleep(_flags)						\
	do {								\
		unsigned int __ms = 0;					\
									\
		test_ok(feature(self->nvme.cdev, _flags, self->event));	\
		while (pci_is_awake(self->nvme.pci.bdf)) {		\
			ASSERT_LT(__ms++, LIMIT_MS * slowness());	\
			sleep_ms(1);					\
		}							\
	} while (0)

/* Registers of a sleeping device cannot be read. */
TEST_F(power, no_registers_until_exit)
{
	struct vfio_device_info info;
	uint32_t value;

	test_sleep(SET(LOW_POWER_ENTRY));
	ASSERT_EQ(EFAULT, vfio_bar_read(self->nvme.bar + NVME_CSTS, &value));
	ASSERT_EQ(EINVAL, feature(self->nvme.cdev, SET(LOW_POWER_ENTRY), -1));
	/* The call wakes the device only for its own time. */
	test_ok(_test_vfio_device_info(self->nvme.cdev, &info));
	ASSERT_EQ(EFAULT, vfio_bar_read(self->nvme.bar + NVME_CSTS, &value));
	test_ok(feature(self->nvme.cdev, SET(LOW_POWER_EXIT), -1));
	ASSERT_TRUE(pci_is_awake(self->nvme.pci.bdf));
	test_ok(vfio_bar_read(self->nvme.bar + NVME_CSTS, &value));
}

static int wake_by_info(const struct nvme *nvme)
{
	struct vfio_device_info info;

	return _test_vfio_device_info(nvme->cdev, &info);
}

static int wake_by_detach(const struct nvme *nvme)
{
	return _test_vfio_detach(nvme->cdev);
}

static int wake_by_config(const struct nvme *nvme)
{
	uint32_t id;

	return vfio_config_read(nvme->cdev, 0, &id, sizeof(id));
}

static int wake_by_reset(const struct nvme *nvme)
{
	return _test_vfio_reset(nvme->cdev);
}

TEST_F(power, each_use_wakes_the_device)
{
	static int (* const wake[])(const struct nvme *nvme) = {
		wake_by_info, wake_by_detach, wake_by_config, wake_by_reset,
	};
	uint32_t value;

	for (int i = 0; i < ARRAY_SIZE(wake); i++) {
		test_sleep(SET(LOW_POWER_ENTRY_WITH_WAKEUP));
		ASSERT_FALSE(event_signals(self->event, 0));
		test_ok(wake[i](&self->nvme));
		/* The eventfd is signalled, and the device stays awake. */
		ASSERT_TRUE(event_signals(self->event, 0))
			TH_LOG("by call %d", i);
		ASSERT_TRUE(pci_is_awake(self->nvme.pci.bdf));
		test_ok(vfio_bar_read(self->nvme.bar + NVME_CSTS, &value));
	}
}

/* The next open finds the device awake. */
TEST_F(power, close_of_a_sleeping_device)
{
	test_sleep(SET(LOW_POWER_ENTRY));
	nvme_close(&self->nvme);
	test_ok(nvme_open(&self->nvme, self->fd));
	ASSERT_EQ(0, nvme_read(&self->nvme, NVME_CC) & 1);
	ASSERT_TRUE(pci_is_awake(self->nvme.pci.bdf));
}

TEST_HARNESS_MAIN
