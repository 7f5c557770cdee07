// SPDX-License-Identifier: GPL-2.0
/* Every kind of interrupt of a device signals its eventfd. */
#include <sys/eventfd.h>

#include "common.h"

FIXTURE(irq) {
	int fd;
	struct edu edu;
	int event;
};

FIXTURE_SETUP(irq)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_GE(self->event, 0);
}

FIXTURE_TEARDOWN(irq)
{
	edu_close(&self->edu);
	close(self->event);
	close(self->fd);
}

static int irq_action(int cdev, uint32_t index, uint32_t flags)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | flags,
		.index = index,
		.count = 1,
	};

	return ioctl(cdev, VFIO_DEVICE_SET_IRQS, &set) ? errno : 0;
}

TEST_F(irq, msi)
{
	test_ok(_test_vfio_irq_eventfd(self->edu.cdev, VFIO_PCI_MSI_IRQ_INDEX,
				       0, self->event));
	for (int i = 0; i < 3; i++) {
		edu_write(&self->edu, EDU_IRQ_RAISE, 0x10 + i);
		ASSERT_EQ(1, event_signals(self->event, 1000));
		ASSERT_EQ(0x10 + i, edu_read(&self->edu, EDU_IRQ_STATUS));
		edu_write(&self->edu, EDU_IRQ_ACK, 0x10 + i);
		ASSERT_EQ(0, edu_read(&self->edu, EDU_IRQ_STATUS));
	}
	/* No signal after the interrupt is disabled */
	test_ok(_test_vfio_irq_disable(self->edu.cdev, VFIO_PCI_MSI_IRQ_INDEX));
	edu_write(&self->edu, EDU_IRQ_RAISE, 1);
	ASSERT_EQ(0, event_signals(self->event, 50));
	edu_write(&self->edu, EDU_IRQ_ACK, 1);
}

TEST_F(irq, intx_is_masked_until_the_user_unmasks_it)
{
	struct vfio_irq_info info;
	uint32_t index = VFIO_PCI_INTX_IRQ_INDEX;

	test_ok(_test_vfio_irq_info(self->edu.cdev, index, &info));
	ASSERT_EQ(1, info.count);
	ASSERT_TRUE(info.flags & VFIO_IRQ_INFO_AUTOMASKED);
	test_ok(_test_vfio_irq_eventfd(self->edu.cdev, index, 0, self->event));
	edu_write(&self->edu, EDU_IRQ_RAISE, 1);
	ASSERT_EQ(1, event_signals(self->event, 1000));
	/* Still raised, but masked: no further signal */
	ASSERT_EQ(0, event_signals(self->event, 50));
	/* Unmasked while still raised: one more signal */
	test_ok(irq_action(self->edu.cdev, index, VFIO_IRQ_SET_ACTION_UNMASK));
	ASSERT_EQ(1, event_signals(self->event, 1000));
	edu_write(&self->edu, EDU_IRQ_ACK, 1);
	test_ok(irq_action(self->edu.cdev, index, VFIO_IRQ_SET_ACTION_UNMASK));
	ASSERT_EQ(0, event_signals(self->event, 50));
}

TEST_F(irq, msi_at_the_end_of_a_transfer)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint32_t pt;

	test_ioas_alloc(&pt);
	test_ok(_test_map_fixed(self->fd, pt, mem, PAGE, 0x100000, MAP_RW));
	test_attach(self->edu.cdev, &pt);
	test_ok(_test_vfio_irq_eventfd(self->edu.cdev, VFIO_PCI_MSI_IRQ_INDEX,
				       0, self->event));
	mem_fill(mem, 100, 1);
	edu_dma_start(&self->edu, 0x100000, 0, 100, EDU_DMA_IRQ);
	ASSERT_EQ(1, event_signals(self->event, 2000));
	edu_write(&self->edu, EDU_IRQ_ACK,
		  edu_read(&self->edu, EDU_IRQ_STATUS));
	edu_dma_start(&self->edu, 0x100800, 0, 100,
		      EDU_DMA_IRQ | EDU_DMA_TO_RAM);
	ASSERT_EQ(1, event_signals(self->event, 2000));
	ASSERT_TRUE(mem_is(mem + 0x800, 100, 1));
}

TEST_F(irq, one_kind_at_a_time)
{
	test_ok(_test_vfio_irq_eventfd(self->edu.cdev, VFIO_PCI_MSI_IRQ_INDEX,
				       0, self->event));
	ASSERT_EQ(EINVAL, _test_vfio_irq_eventfd(self->edu.cdev,
						 VFIO_PCI_INTX_IRQ_INDEX, 0,
						 self->event));
	test_ok(_test_vfio_irq_disable(self->edu.cdev, VFIO_PCI_MSI_IRQ_INDEX));
	test_ok(_test_vfio_irq_eventfd(self->edu.cdev, VFIO_PCI_INTX_IRQ_INDEX,
				       0, self->event));
}

TEST_F(irq, bad_requests)
{
	int cdev = self->edu.cdev;

	ASSERT_EQ(EINVAL, _test_vfio_irq_eventfd(cdev, VFIO_PCI_MSI_IRQ_INDEX,
						 1, self->event));
	ASSERT_EQ(EINVAL, _test_vfio_irq_eventfd(cdev, VFIO_PCI_MSIX_IRQ_INDEX,
						 0, self->event));
	ASSERT_EQ(EINVAL, _test_vfio_irq_eventfd(cdev, 1000, 0, self->event));
	/* A file that is not an eventfd, and no file */
	ASSERT_EQ(EINVAL, _test_vfio_irq_eventfd(cdev, VFIO_PCI_MSI_IRQ_INDEX,
						 0, self->fd));
	ASSERT_EQ(EBADF, _test_vfio_irq_eventfd(cdev, VFIO_PCI_MSI_IRQ_INDEX,
						0, 900));
}

/* The user triggers each vector of an MSI-X device. */
TEST_F(irq, msix_vectors_by_loopback)
{
	enum { VECTORS = 4 };
	struct {
		struct vfio_irq_set set;
		int32_t fds[VECTORS];
	} irqs = {
		.set = {
			.argsz = sizeof(irqs),
			.flags = VFIO_IRQ_SET_DATA_EVENTFD |
				 VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX,
			.count = VECTORS,
		},
	};
	struct vfio_irq_set trigger = {
		.argsz = sizeof(trigger),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = 1,
	};
	struct vfio_irq_info info;
	struct nvme nvme;

	test_find(&pci_nvme, PCI_ANYWHERE, 0, &nvme.pci);
	test_ok(nvme_open(&nvme, self->fd));
	test_ok(_test_vfio_irq_info(nvme.cdev, VFIO_PCI_MSIX_IRQ_INDEX, &info));
	ASSERT_GE(info.count, VECTORS);
	for (int i = 0; i < VECTORS; i++) {
		irqs.fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		ASSERT_GE(irqs.fds[i], 0);
	}
	ASSERT_EQ(0, ioctl(nvme.cdev, VFIO_DEVICE_SET_IRQS, &irqs));
	for (int i = 0; i < VECTORS; i++) {
		trigger.start = i;
		ASSERT_EQ(0, ioctl(nvme.cdev, VFIO_DEVICE_SET_IRQS, &trigger));
		for (int j = 0; j < VECTORS; j++)
			ASSERT_EQ(i == j, event_signals(irqs.fds[j],
						  i == j ? 1000 : 0));
	}
	test_ok(_test_vfio_irq_disable(nvme.cdev, VFIO_PCI_MSIX_IRQ_INDEX));
	nvme_close(&nvme);
}

/* The device signals vector 0 when a command is complete. */
TEST_F(irq, msix_of_a_completed_command)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	const uint64_t iova = 0x100000;
	struct nvme nvme;
	uint32_t pt;

	test_find(&pci_nvme, PCI_ANYWHERE, 0, &nvme.pci);
	test_ok(nvme_open(&nvme, self->fd));
	test_ioas_alloc(&pt);
	test_ok(_test_map_fixed(self->fd, pt, mem, 4 * PAGE, iova, MAP_RW));
	test_attach(nvme.cdev, &pt);
	test_ok(_test_vfio_irq_eventfd(nvme.cdev, VFIO_PCI_MSIX_IRQ_INDEX, 0,
				       self->event));
	ASSERT_TRUE(nvme_enable(&nvme, mem, iova));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, nvme_identify(&nvme, iova + 2 * PAGE, 0));
		ASSERT_EQ(1, event_signals(self->event, 1000));
	}
	nvme_close(&nvme);
}

TEST_HARNESS_MAIN
