// SPDX-License-Identifier: GPL-2.0
/*
 * DMA of one device to a dma-buf of a BAR of another one, an nvme with a
 * controller memory buffer; and each way in which vfio-pci revokes it.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>

#include "mock.h"
#include "p2p.h"

/* VFIO_DEVICE_FEATURE_DMA_BUF, which headers before Linux 6.19 do not have */
#define FEATURE_DMA_BUF	11

/*
 * A dma-buf of @ranges pieces of a BAR, each of @length bytes, with as many bytes
 * between them; -1 if that fails
 */
static int dma_buf_of(int cdev, uint32_t region, uint32_t open_flags,
		      uint64_t offset, uint64_t length, uint32_t ranges)
{
	struct {
		uint32_t argsz, flags;
		uint32_t region, open_flags, reserved, ranges;
		struct {
			uint64_t offset, length;
		} range[2];
	} arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_FEATURE_GET | FEATURE_DMA_BUF,
		.region = region,
		.open_flags = open_flags,
		.ranges = ranges,
		.range = { { offset, length }, { offset + 2 * length, length } },
	};

	return ioctl(cdev, VFIO_DEVICE_FEATURE, &arg);
}

static int cmb_dma_buf(int cdev, uint64_t offset, uint64_t length)
{
	return dma_buf_of(cdev, VFIO_PCI_BAR2_REGION_INDEX, O_RDWR | O_CLOEXEC,
			  offset, length, 1);
}

FIXTURE(p2p_dma_buf) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;		/* at RAM */
	struct nvme nvme;
	uint8_t *bar;
	size_t size;
	int buf;		/* the whole BAR */
};

FIXTURE_SETUP(p2p_dma_buf)
{
	test_edu_with_ram();
	test_nvme_with_cmb(&self->nvme, PCI_BEHIND_PORT, &self->bar,
			   &self->size);
	self->buf = cmb_dma_buf(self->nvme.cdev, 0, self->size);
	if (self->buf < 0)
		SKIP(_exit(KSFT_SKIP), "this kernel's vfio-pci exports no dma-buf: %s",
		     strerror(errno));
	memset(self->bar, 0, self->size);
}

FIXTURE_TEARDOWN(p2p_dma_buf)
{
	if (self->buf >= 0)
		close(self->buf);
	munmap(self->bar, self->size);
	nvme_close(&self->nvme);
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

#define test_map_buf(_buf, _start, _length, _iova)			\
	do {								\
		uint64_t __iova = (_iova);				\
									\
		test_ok(_test_ioas_map_file(self->fd, self->ioas, _buf,	\
					    _start, _length, &__iova,	\
					    MAP_RW | MAP_FIXED_IOVA));	\
	} while (0)

#define test_err_map_buf(_errno, _buf, _start, _length, _rights)	\
	do {								\
		uint64_t __iova = 0;					\
									\
		test_err(_errno,					\
			 _test_ioas_map_file(self->fd, self->ioas, _buf, \
					     _start, _length, &__iova,	\
					     _rights));			\
	} while (0)

TEST_F(p2p_dma_buf, dma_arrives)
{
	uint64_t iova = OTHER;
	uint8_t buffer[8];
	int buf, access;

	buf = cmb_dma_buf(self->nvme.cdev, PAGE, 8 * PAGE);
	ASSERT_GE(buf, 0);
	test_err_map_buf(EINVAL, buf, 0, 9 * PAGE, MAP_RW);
	test_err_map_buf(EINVAL, buf, 8 * PAGE, PAGE, MAP_RW);
	test_map_buf(buf, 0, 8 * PAGE, BAR);
	test_pinned(4);
	test_reaches(BAR, self->bar + PAGE, 1);
	test_reaches(BAR + 8 * PAGE - BYTES - 1,
		     self->bar + 9 * PAGE - BYTES - 1, 2);
	test_does_not_reach(BAR + 8 * PAGE, self->bar + 9 * PAGE, 3);
	test_copy(self->ioas, &iova, self->ioas, BAR + PAGE, PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_ok(_test_access_create(self->fd, self->ioas, 0, &access));
	test_err(EINVAL, _test_access_rw(self->fd, access, BAR, 8, buffer, 0));
	close(access);
	test_unmap(BAR, 8 * PAGE);
	test_reaches(OTHER, self->bar + 2 * PAGE, 4);
	test_unmap(RAM, PAGE);
	test_err(EINVAL, _test_change_process(self->fd));
	test_map_fixed(self->mem, PAGE, RAM);
	test_map_buf(buf, 2 * PAGE, PAGE, BAR);
	/* The mapping holds the buffer. */
	close(buf);
	test_reaches(BAR, self->bar + 3 * PAGE, 5);
}

TEST_F(p2p_dma_buf, rights_of_the_descriptor)
{
	uint64_t iova = BAR, copy = OTHER;
	int buf;

	buf = dma_buf_of(self->nvme.cdev, VFIO_PCI_BAR2_REGION_INDEX,
			 O_RDONLY | O_CLOEXEC, 0, PAGE, 1);
	ASSERT_GE(buf, 0);
	test_err_map_buf(EPERM, buf, 0, PAGE, MAP_RW);
	test_err_map_buf(EPERM, buf, 0, PAGE, MAP_WRITE);
	test_ok(_test_ioas_map_file(self->fd, self->ioas, buf, 0, PAGE, &iova,
				    MAP_READ | MAP_FIXED_IOVA));
	mem_fill(self->bar, BYTES, 1);
	test_loads(BAR, 1);
	test_does_not_reach(BAR, self->bar, 2);
	test_err(EPERM, _test_ioas_copy(self->fd, self->ioas, &copy, self->ioas,
					BAR, PAGE, MAP_RW));
	close(buf);
	buf = dma_buf_of(self->nvme.cdev, VFIO_PCI_BAR2_REGION_INDEX,
			 O_WRONLY | O_CLOEXEC, 0, PAGE, 1);
	ASSERT_GE(buf, 0);
	test_err_map_buf(EPERM, buf, 0, PAGE, MAP_READ);
	test_err_map_buf(EPERM, buf, 0, PAGE, MAP_WRITE);
	close(buf);
}

TEST_F(p2p_dma_buf, several_ranges_are_eopnotsupp)
{
	int buf;

	buf = dma_buf_of(self->nvme.cdev, VFIO_PCI_BAR2_REGION_INDEX,
			 O_RDWR | O_CLOEXEC, 0, PAGE, 2);
	ASSERT_GE(buf, 0);
	test_err_map_buf(EOPNOTSUPP, buf, 0, 2 * PAGE, MAP_RW);
	close(buf);
}

/* What the driver refuses reaches the user of a cdev as it is. */
#define test_err_dma_buf(_errno, _region, _offset, _length, _ranges)	\
	do {								\
		ASSERT_EQ(-1, dma_buf_of(self->nvme.cdev, _region, O_RDWR, \
					 _offset, _length, _ranges));	\
		EXPECT_EQ(_errno, errno);				\
	} while (0)

TEST_F(p2p_dma_buf, buffers_that_the_driver_does_not_make)
{
	const uint32_t cmb = VFIO_PCI_BAR2_REGION_INDEX;
	struct {
		uint32_t region, open_flags, flags, ranges;
		uint64_t offset, length;
	} flagged = { cmb, O_RDWR, 1, 1, 0, PAGE };

	EXPECT_EQ(EINVAL, _test_vfio_feature(self->nvme.cdev,
					     FEATURE_GET(FEATURE_DMA_BUF),
					     &flagged, sizeof(flagged)));
	test_err_dma_buf(EINVAL, cmb, 0, PAGE, 0);
	test_err_dma_buf(ENODEV, VFIO_PCI_BAR5_REGION_INDEX, 0, PAGE, 1);
	test_err_dma_buf(EINVAL, cmb, 0, 0, 1);
	test_err_dma_buf(EINVAL, cmb, 0, PAGE / 2, 1);
	test_err_dma_buf(EINVAL, cmb, PAGE / 2, PAGE, 1);
	test_err_dma_buf(EINVAL, cmb, 0, self->size + PAGE, 1);
	test_err_dma_buf(EINVAL, cmb, self->size, PAGE, 1);
}

TEST_F(p2p_dma_buf, buffer_that_is_made_while_decoding_is_off)
{
	int buf;

	test_ok(vfio_enable_memory(self->nvme.cdev, false));
	buf = cmb_dma_buf(self->nvme.cdev, 0, PAGE);
	ASSERT_GE(buf, 0);
	test_err_map_buf(ENODEV, buf, 0, PAGE, MAP_RW);
	test_ok(vfio_enable_memory(self->nvme.cdev, true));
	test_map_buf(buf, 0, PAGE, BAR);
	test_reaches(BAR, self->bar, 1);
	close(buf);
}

/* The mapping does not come back; the buffer can be mapped again. */
#define test_is_revoked_for_good(_seed)					\
	do {								\
		test_does_not_reach(BAR, self->bar, _seed);		\
		test_map_buf(self->buf, 0, self->size, OTHER);		\
		test_reaches(OTHER, self->bar, (_seed) + 1);		\
		test_does_not_reach(BAR, self->bar, (_seed) + 2);	\
		test_unmap(OTHER, self->size);				\
		test_unmap(BAR, self->size);				\
	} while (0)

TEST_F(p2p_dma_buf, memory_decoding_off)
{
	test_map_buf(self->buf, 0, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(vfio_enable_memory(self->nvme.cdev, false));
	test_faults(BAR);
	test_err_map_buf(ENODEV, self->buf, 0, self->size, MAP_RW);
	test_ok(vfio_enable_memory(self->nvme.cdev, true));
	/* It does not come back, and a new page table does not get it. */
	sleep_ms(WAIT_MS);
	test_does_not_reach(BAR, self->bar, 2);
	test_detach(self->edu.cdev);
	test_attach_to(&self->edu, self->ioas);
	test_is_revoked_for_good(3);
}

TEST_F(p2p_dma_buf, function_reset)
{
	for (int i = 0; i < 3; i++) {
		test_map_buf(self->buf, 0, self->size, BAR);
		test_reaches(BAR, self->bar, 10 * i);
		test_ok(_test_vfio_reset(self->nvme.cdev));
		test_ok(vfio_enable_dma(self->nvme.cdev));
		test_is_revoked_for_good(10 * i + 2);
	}
}

TEST_F(p2p_dma_buf, low_power)
{
	int rc = low_power(self->nvme.cdev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);

	if (rc == ENOTTY)
		SKIP(_exit(KSFT_SKIP), "this kernel's vfio-pci-core lets no device sleep");
	test_ok(rc);
	test_err_map_buf(ENODEV, self->buf, 0, self->size, MAP_RW);
	test_ok(low_power(self->nvme.cdev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	test_map_buf(self->buf, 0, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(low_power(self->nvme.cdev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY));
	test_faults(BAR);
	test_ok(low_power(self->nvme.cdev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	test_is_revoked_for_good(2);
}

/* Calls wake the device for a moment, and it sleeps again. */
TEST_F(p2p_dma_buf, calls_in_low_power)
{
	int rc = low_power(self->nvme.cdev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);
	int buf;

	if (rc == ENOTTY)
		SKIP(_exit(KSFT_SKIP), "this kernel's vfio-pci-core lets no device sleep");
	test_ok(rc);
	buf = dma_buf_of(self->nvme.cdev, VFIO_PCI_BAR2_REGION_INDEX,
			 O_RDWR | O_CLOEXEC, 0, self->size, 1);
	ASSERT_GE(buf, 0);
	test_err_map_buf(ENODEV, buf, 0, self->size, MAP_RW);
	test_ok(vfio_enable_memory(self->nvme.cdev, false));
	test_ok(vfio_enable_memory(self->nvme.cdev, true));
	test_err_map_buf(ENODEV, buf, 0, self->size, MAP_RW);
	test_ok(_test_vfio_reset(self->nvme.cdev));
	test_ok(vfio_enable_dma(self->nvme.cdev));
	test_err_map_buf(ENODEV, buf, 0, self->size, MAP_RW);
	test_err_map_buf(ENODEV, self->buf, 0, self->size, MAP_RW);
	test_ok(low_power(self->nvme.cdev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	test_map_buf(buf, 0, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	close(buf);
}

/* Where the power management registers are; 0 if there are none */
static unsigned int pm_capability(int cdev)
{
	uint8_t at = 0, id = 0;

	if (vfio_config_read(cdev, PCI_CAPABILITY_LIST, &at, 1))
		return 0;
	for (int i = 0; at && i < 48; i++) {
		if (vfio_config_read(cdev, at, &id, 1))
			return 0;
		if (id == PCI_CAP_ID_PM)
			return at;
		if (vfio_config_read(cdev, at + PCI_CAP_LIST_NEXT, &at, 1))
			return 0;
	}
	return 0;
}

/* Power state 0 to 3 */
static int set_power(int cdev, uint16_t state)
{
	unsigned int pm = pm_capability(cdev);

	return pm ? vfio_config_write(cdev, pm + PCI_PM_CTRL, &state,
				      sizeof(state)) : ENODEV;
}

TEST_F(p2p_dma_buf, d3)
{
	test_map_buf(self->buf, 0, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(set_power(self->nvme.cdev, 3));
	test_faults(BAR);
	test_err_map_buf(ENODEV, self->buf, 0, self->size, MAP_RW);
	test_ok(set_power(self->nvme.cdev, 0));
	test_ok(vfio_enable_dma(self->nvme.cdev));
	test_is_revoked_for_good(2);
}

/*
 * Hot reset, of an edu's bus. A dma-buf of its BAR has registers, of which one
 * shows that DMA arrives.
 */
FIXTURE(p2p_hot_reset) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;		/* at RAM */
	struct edu resets;	/* the user of this one resets the bus */
	struct edu target;	/* on the same bus, or the same as @resets */
	int buf;		/* the whole BAR of @target */
};

FIXTURE_VARIANT(p2p_hot_reset) {
	bool sibling;
};

FIXTURE_VARIANT_ADD(p2p_hot_reset, lone_device) { false };
FIXTURE_VARIANT_ADD(p2p_hot_reset, sibling) { true };

FIXTURE_SETUP(p2p_hot_reset)
{
	test_edu_with_ram();
	if (!variant->sibling) {
		test_edu_open(&self->target, PCI_BEHIND_PORT, 0);
		self->resets = self->target;
	} else {
		test_edu_open(&self->target, PCI_SHARED_GROUP, 1);
		if (!pci_behind_bridge(self->target.pci.bdf))
			SKIP(_exit(KSFT_SKIP),
			     "%s is on the root bus, which cannot be reset",
			     self->target.pci.bdf);
		test_edu_open(&self->resets, PCI_SHARED_GROUP, 0);
	}
	self->buf = dma_buf_of(self->target.cdev, VFIO_PCI_BAR0_REGION_INDEX,
			       O_RDWR | O_CLOEXEC, 0, EDU_BAR_SIZE, 1);
	if (self->buf < 0)
		SKIP(_exit(KSFT_SKIP), "this kernel's vfio-pci exports no dma-buf: %s",
		     strerror(errno));
}

FIXTURE_TEARDOWN(p2p_hot_reset)
{
	if (self->buf >= 0)
		close(self->buf);
	edu_close(&self->target);
	if (variant->sibling)
		edu_close(&self->resets);
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* Let the device write @_value to the register at @_iova; see its complement. */
#define test_store_register(_iova, _value, _expected)			\
	do {								\
		memcpy(self->mem, &(uint32_t){ _value }, 4);		\
		ASSERT_TRUE(edu_load(&self->edu, RAM, 4));		\
		ASSERT_TRUE(edu_store(&self->edu,			\
				      (_iova) + EDU_LIVENESS, 4));	\
		ASSERT_EQ(~(uint32_t)(_expected),			\
			  edu_read(&self->target, EDU_LIVENESS));	\
	} while (0)

#define test_reaches_register(_iova, _value)				\
	test_store_register(_iova, _value, _value)

#define test_does_not_reach_register(_iova)				\
	do {								\
		edu_write(&self->target, EDU_LIVENESS, 1);		\
		test_store_register(_iova, 2, 1);			\
	} while (0)

#define test_map_registers(_iova) \
	test_map_buf(self->buf, 0, EDU_BAR_SIZE, _iova)

/* EBUSY may also come of a fault on the BAR. */
static int hot_reset_at_last(int cdev)
{
	int rc = EBUSY;

	for (int i = 0; rc == EBUSY && i < 1000; i++) {
		rc = _test_vfio_hot_reset(cdev, 0, NULL);
		if (rc == EBUSY)
			sleep_ms(1);
	}
	return rc;
}

TEST_F(p2p_hot_reset, none_while_the_buffer_can_be_used)
{
	int cdev = self->resets.cdev;

	test_map_registers(BAR);
	for (int i = 0; i < 3; i++) {
		test_err(EBUSY, _test_vfio_hot_reset(cdev, 0, NULL));
		test_reaches_register(BAR, 0x1234 + i);
	}
	/* Another importer could have it. */
	test_unmap(BAR, EDU_BAR_SIZE);
	test_err(EBUSY, _test_vfio_hot_reset(cdev, 0, NULL));
	close(self->buf);
	self->buf = -1;
	test_ok(hot_reset_at_last(cdev));
	test_ok(vfio_enable_dma(self->target.cdev));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->target, EDU_ID));
}

TEST_F(p2p_hot_reset, after_memory_decoding_is_off)
{
	int cdev = self->resets.cdev;

	for (int i = 0; i < 3; i++) {
		test_map_registers(BAR);
		test_reaches_register(BAR, 0x1234 + i);
		test_ok(vfio_enable_memory(self->target.cdev, false));
		test_ok(hot_reset_at_last(cdev));
		test_err_map_buf(ENODEV, self->buf, 0, EDU_BAR_SIZE, MAP_RW);
		test_ok(vfio_enable_dma(self->target.cdev));
		test_does_not_reach_register(BAR);
		test_map_registers(OTHER);
		test_reaches_register(OTHER, 0x5678 + i);
		test_does_not_reach_register(BAR);
		test_unmap(BAR, EDU_BAR_SIZE);
		test_unmap(OTHER, EDU_BAR_SIZE);
	}
}

/* In low power a buffer that is made after the entry would not be revoked. */
TEST_F(p2p_hot_reset, in_low_power)
{
	int target = self->target.cdev, cdev = self->resets.cdev;
	int rc = low_power(target, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);

	if (rc == ENOTTY)
		SKIP(_exit(KSFT_SKIP), "this kernel's vfio-pci-core lets no device sleep");
	test_ok(rc);
	test_err(EBUSY, _test_vfio_hot_reset(cdev, 0, NULL));
	test_ok(vfio_enable_memory(target, false));
	test_ok(hot_reset_at_last(cdev));
	test_ok(vfio_enable_dma(target));
	test_ok(low_power(target, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	test_map_registers(BAR);
	test_reaches_register(BAR, 0x1234);
}

static int churn_hot_reset(struct race_thread *thread)
{
	struct churn *churn = thread->shared;

	return _test_vfio_hot_reset(churn->cdev, 0, NULL);
}

static int churn_map(struct race_thread *thread)
{
	struct churn *churn = thread->shared;
	uint64_t iova = 0, copy = 0, unmapped;
	int rc, rc_copy;

	rc = _test_ioas_map_file(churn->fd, churn->ioas, churn->buf, 0,
				 churn->size, &iova, MAP_RW);
	if (rc)
		return rc;
	rc_copy = _test_ioas_copy(churn->fd, churn->ioas, &copy, churn->ioas,
				  iova, PAGE, MAP_RW);
	rc = _test_ioas_unmap(churn->fd, churn->ioas, iova, churn->size,
			      &unmapped);
	return rc_copy ?: rc ?:
	       _test_ioas_unmap(churn->fd, churn->ioas, copy, PAGE, &unmapped);
}

TEST_F(p2p_dma_buf, races)
{
	struct race_thread threads[] = {
		{ .step = churn_decode, .name = "decode" },
		{ .step = churn_reset, .name = "reset", .allowed = { EAGAIN } },
		{ .step = churn_map, .name = "map", .allowed = { ENODEV } },
		{ .step = churn_map, .name = "map", .allowed = { ENODEV } },
		{ .step = churn_attach, .name = "attach" },
	};
	struct churn churn = {
		.fd = self->fd,
		.ioas = self->ioas,
		.cdev = self->nvme.cdev,
		.edu = self->edu.cdev,
		.buf = self->buf,
		.size = self->size,
	};

	test_race(threads, &churn, race_seconds() * 300);
	test_ok(vfio_enable_dma(self->nvme.cdev));
	test_map_buf(self->buf, 0, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
}

TEST_F(p2p_hot_reset, races)
{
	struct race_thread threads[] = {
		{ .step = churn_decode, .name = "decode" },
		/* It succeeds while the first thread has decoding off. */
		{ .step = churn_hot_reset, .name = "hot reset",
		  .allowed = { EBUSY, EAGAIN }, .may_starve = true },
		{ .step = churn_map, .name = "map", .allowed = { ENODEV } },
		{ .step = churn_attach, .name = "attach" },
	};
	struct churn churn = {
		.fd = self->fd,
		.ioas = self->ioas,
		.cdev = self->target.cdev,
		.edu = self->edu.cdev,
		.buf = self->buf,
		.size = EDU_BAR_SIZE,
	};

	test_race(threads, &churn, race_seconds() * 300);
	test_ok(vfio_enable_dma(self->target.cdev));
	test_map_registers(BAR);
	test_reaches_register(BAR, 0x1234);
}

TEST_HARNESS_MAIN
