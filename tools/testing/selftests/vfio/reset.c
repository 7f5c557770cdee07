// SPDX-License-Identifier: GPL-2.0
/*
 * Reset of a function, reset of a bus, and the list of devices that it resets.
 */
#include <linux/pci_regs.h>
#include <pthread.h>

#include "common.h"

FIXTURE(reset) {
	int fd;
	uint32_t ioas;
	uint8_t *mem;
};

FIXTURE_SETUP(reset)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	self->mem = test_mem(mem_anon(8 * PAGE));
	test_map_fixed(self->mem, 8 * PAGE, IOVA);
}

FIXTURE_TEARDOWN(reset)
{
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

#define test_nvme_attach(_nvme)						\
	do {								\
		test_find(&pci_nvme, PCI_ANYWHERE, 0, &(_nvme)->pci);	\
		test_ok(nvme_open(_nvme, self->fd));			\
		(_nvme)->pt_id = self->ioas;				\
		test_attach((_nvme)->cdev, &(_nvme)->pt_id);		\
	} while (0)

/* The data of Identify arrive in two halves, in pages 4 and 2 of the memory. */
#define test_identify(_nvme)						\
	do {								\
		memset(self->mem + 2 * PAGE, 0, 4 * PAGE);		\
		ASSERT_EQ(0, nvme_identify(_nvme, IOVA + 4 * PAGE + 2048, \
					   IOVA + 2 * PAGE));		\
		/* Bytes 4 to 23 are the serial number. */		\
		ASSERT_EQ(0, memcmp(self->mem + 4 * PAGE + 2048 + 4,	\
				    "test", 4));			\
		ASSERT_TRUE(mem_is_zero(self->mem + 4 * PAGE, 2048));	\
		ASSERT_TRUE(mem_is_zero(self->mem + 3 * PAGE, PAGE));	\
	} while (0)

TEST_F(reset, nvme_writes_to_scattered_pages)
{
	struct nvme nvme;

	test_nvme_attach(&nvme);
	ASSERT_TRUE(nvme_enable(&nvme, self->mem, IOVA));
	for (int i = 0; i < NVME_QUEUE_ENTRIES + 2; i++)
		test_identify(&nvme);
	nvme_close(&nvme);
}

TEST_F(reset, function_reset_stops_the_device)
{
	struct vfio_device_info info;
	struct nvme nvme;

	test_nvme_attach(&nvme);
	test_ok(_test_vfio_device_info(nvme.cdev, &info));
	ASSERT_TRUE(info.flags & VFIO_DEVICE_FLAGS_RESET);
	ASSERT_TRUE(nvme_enable(&nvme, self->mem, IOVA));
	test_identify(&nvme);
	test_ok(_test_vfio_reset(nvme.cdev));
	/* The controller is neither enabled nor ready. */
	ASSERT_EQ(0, nvme_read(&nvme, NVME_CC) & 1);
	ASSERT_EQ(0, nvme_read(&nvme, NVME_CSTS) & NVME_CSTS_RDY);
	/* It is still attached, with its mappings and bus mastering. */
	ASSERT_TRUE(nvme_enable(&nvme, self->mem, IOVA));
	test_identify(&nvme);
	nvme_close(&nvme);
}

TEST_F(reset, close_stops_the_device)
{
	struct nvme nvme;

	test_nvme_attach(&nvme);
	ASSERT_TRUE(nvme_enable(&nvme, self->mem, IOVA));
	nvme_close(&nvme);
	/* The next open finds it as after a reset. */
	test_ok(nvme_open(&nvme, self->fd));
	ASSERT_EQ(0, nvme_read(&nvme, NVME_CC) & 1);
	ASSERT_EQ(0, nvme_read(&nvme, NVME_CSTS) & NVME_CSTS_RDY);
	nvme_close(&nvme);
}

/*
 * close() stops the device before it empties the page table. edu moves the bytes
 * 100 ms after the start: closed at any time before, it neither moves them nor
 * causes a fault. Emptying the page table of this much memory takes some 25 ms, so
 * that a step of 10 ms meets it.
 */
TEST_F(reset, close_stops_a_transfer_before_its_memory_goes)
{
	const size_t length = (1UL << 30) / kernel_slowness() / HUGE * HUGE;
	struct edu edu;
	uint8_t *mem;
	int kmsg;

	mem = test_mem(mem_reserve(length));
	ASSERT_EQ(0, mem_advise(mem, length, MADV_NOHUGEPAGE));
	memset(mem, 0, length);
	test_map_fixed(mem, length, IOVA + HUGE);
	for (int i = -2; i < 10; i++) {
		test_edu_attach(&edu, PCI_ON_ROOT_BUS, 0, self->ioas);
		mem_fill(mem, 64, i + 3);
		ASSERT_TRUE(edu_load(&edu, IOVA + HUGE, 64));
		memset(mem, 0, 64);
		kmsg = kmsg_open();
		ASSERT_GE(kmsg, 0);
		edu_dma_start(&edu, IOVA + HUGE + PAGE, 0, 64, EDU_DMA_TO_RAM);
		if (i > 0)
			sleep_ms(10 * i);
		edu_close(&edu);
		ASSERT_FALSE(kmsg_wait_fault(kmsg, true, IOVA + HUGE + PAGE,
					     150));
		/* A late close() may find the bytes moved already. */
		if (i <= 0)
			ASSERT_TRUE(mem_is_zero(mem, 2 * PAGE));
		close(kmsg);
	}
}

TEST_F(reset, function_reset_without_support_is_einval)
{
	struct vfio_device_info info;
	struct edu edu;

	test_edu_open(&edu, PCI_ON_ROOT_BUS, 0);
	test_ok(_test_vfio_device_info(edu.cdev, &info));
	ASSERT_FALSE(info.flags & VFIO_DEVICE_FLAGS_RESET);
	test_err(EINVAL, _test_vfio_reset(edu.cdev));
	edu_close(&edu);
}

/* Hot reset: the devices that one reset of a bus resets */
union hot_reset_info {
	struct vfio_pci_hot_reset_info head;
	uint8_t bytes[sizeof(struct vfio_pci_hot_reset_info) +
		      16 * sizeof(struct vfio_pci_dependent_device)];
};

static int hot_reset_info(int cdev, union hot_reset_info *info, uint32_t argsz)
{
	memset(info, 0, sizeof(*info));
	info->head.argsz = argsz;
	return ioctl(cdev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info) ?
	       errno : 0;
}

/*
 * EBUSY: a fault on the BAR may hold a lock that hot reset does not wait for.
 */
static int hot_reset_alone(int cdev)
{
	int rc;

	for (int i = 0; i < 1000; i++) {
		rc = _test_vfio_hot_reset(cdev, 0, NULL);
		if (rc != EBUSY)
			break;
		sleep_ms(1);
	}
	return rc;
}

static unsigned int devfn_of(const struct pci_device *pci)
{
	unsigned int domain, bus, dev, fn;

	if (sscanf(pci->bdf, "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4)
		return ~0U;
	return bus << 8 | dev << 3 | fn;
}

/* The id that @info gives for @pci, or -2 when it is not in there. */
static int info_devid(const union hot_reset_info *info,
		      const struct pci_device *pci)
{
	unsigned int devfn = devfn_of(pci);

	for (uint32_t i = 0; i < info->head.count; i++) {
		const struct vfio_pci_dependent_device *dev =
			&info->head.devices[i];

		if (((unsigned int)dev->bus << 8 | dev->devfn) == devfn)
			return dev->devid;
	}
	return -2;
}

#define OWNED	(VFIO_PCI_HOT_RESET_FLAG_DEV_ID |			\
		 VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED)

/*
 * Nothing acknowledges the interrupt. A reset of the bus ends it, although edu
 * has no function reset.
 */
#define test_raise(_edu)						\
	do {								\
		edu_write(_edu, EDU_IRQ_RAISE, 1);			\
		ASSERT_TRUE(edu_asserts_intx(_edu));			\
	} while (0)

TEST_F(reset, bus_reset_of_a_lone_device)
{
	union hot_reset_info info;
	struct edu edu;

	test_edu_attach(&edu, PCI_BEHIND_PORT, 0, self->ioas);
	ASSERT_EQ(0, hot_reset_info(edu.cdev, &info, sizeof(info)));
	ASSERT_EQ(OWNED, info.head.flags);
	ASSERT_EQ(1, info.head.count);
	ASSERT_EQ(edu.devid, info_devid(&info, &edu.pci));
	mem_fill(self->mem, 64, 1);
	ASSERT_TRUE(edu_load(&edu, IOVA, 64));
	test_raise(&edu);
	ASSERT_EQ(0, _test_vfio_hot_reset(edu.cdev, 0, NULL));
	ASSERT_FALSE(edu_asserts_intx(&edu));
	/* Registers and DMA work again. */
	test_ok(vfio_enable_dma(edu.cdev));
	edu_write(&edu, EDU_IRQ_ACK, 1);
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&edu, EDU_ID));
	ASSERT_TRUE(edu_load(&edu, IOVA, 64));
	ASSERT_TRUE(edu_store(&edu, IOVA + PAGE, 64));
	ASSERT_TRUE(mem_is(self->mem + PAGE, 64, 1));
	edu_close(&edu);
}

TEST_F(reset, hot_reset_info_checks_argsz)
{
	union hot_reset_info info;
	struct edu edu;

	test_edu_open(&edu, PCI_BEHIND_PORT, 0);
	ASSERT_EQ(EINVAL, hot_reset_info(edu.cdev, &info, 8));
	ASSERT_EQ(ENOSPC, hot_reset_info(edu.cdev, &info, sizeof(info.head)));
	ASSERT_EQ(1, info.head.count);
	ASSERT_EQ(0, hot_reset_info(edu.cdev, &info, sizeof(info)));
	edu_close(&edu);
}

/* On a cdev no group file can show that the user owns a device. */
TEST_F(reset, hot_reset_of_a_cdev_with_a_group_is_einval)
{
	struct edu edu;

	test_edu_open(&edu, PCI_BEHIND_PORT, 0);
	ASSERT_EQ(EINVAL, _test_vfio_hot_reset(edu.cdev, 1, &self->fd));
	edu_close(&edu);
}

TEST_F(reset, bus_reset_with_a_sibling)
{
	union hot_reset_info info;
	struct edu edu, sibling;

	test_edu_open(&edu, PCI_SHARED_GROUP, 0);
	if (!pci_behind_bridge(edu.pci.bdf))
		SKIP(_exit(KSFT_SKIP),
		     "%s is on the root bus, which cannot be reset",
		     edu.pci.bdf);
	test_find(&pci_edu, PCI_SHARED_GROUP, 1, &sibling.pci);
	/* The sibling is in the same group, so it is owned, without an id. */
	ASSERT_EQ(0, hot_reset_info(edu.cdev, &info, sizeof(info)));
	ASSERT_EQ(OWNED, info.head.flags);
	ASSERT_EQ(edu.devid, info_devid(&info, &edu.pci));
	ASSERT_EQ(VFIO_PCI_DEVID_OWNED, info_devid(&info, &sibling.pci));
	test_ok(edu_open(&sibling, self->fd));
	ASSERT_EQ(0, hot_reset_info(edu.cdev, &info, sizeof(info)));
	ASSERT_EQ(OWNED, info.head.flags);
	ASSERT_EQ(sibling.devid, info_devid(&info, &sibling.pci));
	test_raise(&edu);
	test_raise(&sibling);
	ASSERT_EQ(0, _test_vfio_hot_reset(edu.cdev, 0, NULL));
	ASSERT_FALSE(edu_asserts_intx(&edu));
	ASSERT_FALSE(edu_asserts_intx(&sibling));
	test_ok(vfio_enable_dma(edu.cdev));
	test_ok(vfio_enable_dma(sibling.cdev));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&edu, EDU_ID));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&sibling, EDU_ID));
	edu_write(&edu, EDU_IRQ_ACK, 1);
	edu_write(&sibling, EDU_IRQ_ACK, 1);
	edu_close(&sibling);
	edu_close(&edu);
}

/* A sibling without a driver is not owned, although it is in the same group. */
TEST_F(reset, no_bus_reset_with_a_device_that_is_not_owned)
{
	union hot_reset_info info;
	struct pci_device sibling;
	struct pci_driver driver;
	struct edu edu;

	test_edu_open(&edu, PCI_SHARED_GROUP, 0);
	if (!pci_behind_bridge(edu.pci.bdf))
		SKIP(_exit(KSFT_SKIP),
		     "%s is on the root bus, which cannot be reset",
		     edu.pci.bdf);
	test_find(&pci_edu, PCI_SHARED_GROUP, 1, &sibling);
	ASSERT_TRUE(pci_driver_of(sibling.bdf, &driver));
	ASSERT_TRUE(pci_unbind(sibling.bdf));
	EXPECT_EQ(0, hot_reset_info(edu.cdev, &info, sizeof(info)));
	EXPECT_EQ(VFIO_PCI_HOT_RESET_FLAG_DEV_ID, info.head.flags);
	EXPECT_EQ(edu.devid, info_devid(&info, &edu.pci));
	EXPECT_EQ(VFIO_PCI_DEVID_NOT_OWNED, info_devid(&info, &sibling));
	edu_write(&edu, EDU_IRQ_RAISE, 1);
	EXPECT_EQ(EINVAL, _test_vfio_hot_reset(edu.cdev, 0, NULL));
	/* The bus was not reset. */
	EXPECT_TRUE(edu_asserts_intx(&edu));
	ASSERT_TRUE(pci_bind(sibling.bdf, &driver));
	ASSERT_EQ(0, _test_vfio_hot_reset(edu.cdev, 0, NULL));
	ASSERT_FALSE(edu_asserts_intx(&edu));
	edu_write(&edu, EDU_IRQ_ACK, 1);
	edu_close(&edu);
}

/* A thread that reads a register all the time and counts wrong values */
struct reader {
	pthread_t thread;
	const volatile uint32_t *reg;
	volatile bool stop;
	volatile unsigned int reads;
	unsigned int wrong;
	uint32_t last_wrong;
};

static void *read_register(void *arg)
{
	struct reader *reader = arg;
	uint32_t value;

	while (!reader->stop) {
		value = *reader->reg;
		reader->reads++;
		if (value == EDU_ID_VALUE)
			continue;
		reader->wrong++;
		reader->last_wrong = value;
	}
	return NULL;
}

/*
 * During a bus reset a register has no defined value. A thread that reads a
 * mapped register waits for the end of the reset, also after the mapping was
 * moved.
 */
TEST_F(reset, mapped_registers_block_during_a_bus_reset)
{
	uint8_t *to = test_mem(mem_reserve(EDU_BAR_SIZE));
	struct reader reader = { };
	unsigned int reads;
	struct edu edu;

	test_edu_open(&edu, PCI_BEHIND_PORT, 0);
	for (int i = 0; i < 2; i++) {
		reader.stop = false;
		reader.reads = 0;
		reader.reg = (void *)(edu.bar + EDU_ID);
		ASSERT_EQ(0, pthread_create(&reader.thread, NULL, read_register,
					    &reader));
		while (!reader.reads)
			sleep_ms(1);
		test_ok(hot_reset_alone(edu.cdev));
		reads = reader.reads;
		while (reader.reads == reads)
			sleep_ms(1);
		reader.stop = true;
		ASSERT_EQ(0, pthread_join(reader.thread, NULL));
		ASSERT_EQ(0, reader.wrong)
			TH_LOG("read %#x", reader.last_wrong);
		ASSERT_EQ(to, mremap((void *)edu.bar, EDU_BAR_SIZE,
				     EDU_BAR_SIZE,
				     MREMAP_MAYMOVE | MREMAP_FIXED, to));
		edu.bar = to;
		to = test_mem(mem_reserve(EDU_BAR_SIZE));
	}
	edu_close(&edu);
}

TEST_F(reset, no_bus_reset_on_the_root_bus)
{
	union hot_reset_info info;
	struct edu edu;

	test_edu_open(&edu, PCI_ON_ROOT_BUS, 0);
	ASSERT_EQ(ENODEV, hot_reset_info(edu.cdev, &info, sizeof(info)));
	ASSERT_EQ(ENODEV, _test_vfio_hot_reset(edu.cdev, 0, NULL));
	edu_close(&edu);
}

TEST_HARNESS_MAIN
