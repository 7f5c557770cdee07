// SPDX-License-Identifier: GPL-2.0
/*
 * Removal of a device from its driver or from the bus while a program uses it:
 * the kernel asks the program to close the device and waits. Until then the
 * program keeps everything, and no other program can open the device.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "common.h"

FIXTURE(removal) {
	int fd;
	int event;
	struct edu edu;
	struct pci_driver driver;
	uint8_t *mem;
	pid_t remover;
};

FIXTURE_VARIANT(removal) {
	bool (*remove)(const char *bdf);
};

FIXTURE_VARIANT_ADD(removal, from_its_driver) { pci_unbind };
FIXTURE_VARIANT_ADD(removal, off_the_bus) { pci_remove };

FIXTURE_SETUP(removal)
{
	self->remover = -1;
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &self->edu.pci);
	ASSERT_TRUE(pci_driver_of(self->edu.pci.bdf, &self->driver));
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_GE(self->event, 0);
}

/* Waits for the remover and gives the device back, even after a failure. */
FIXTURE_TEARDOWN(removal)
{
	edu_close(&self->edu);
	if (self->remover > 0)
		waitpid(self->remover, NULL, 0);
	pci_rescan();
	if (!pci_driver_of(self->edu.pci.bdf, &self->driver))
		EXPECT_TRUE(pci_bind(self->edu.pci.bdf, &self->driver));
	EXPECT_TRUE(pci_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &self->edu.pci));
	/* The device works as before. */
	EXPECT_EQ(0, edu_open(&self->edu, self->fd));
	edu_close(&self->edu);
	close(self->fd);
}

/*
 * The child closes its copies first, so that removal waits only for this
 * process.
 */
#define test_start_removal()						\
	do {								\
		self->remover = fork();					\
		if (!self->remover) {					\
			edu_close(&self->edu);				\
			_exit(variant->remove(self->edu.pci.bdf) ? 0 : 1); \
		}							\
		ASSERT_GT(self->remover, 0);				\
	} while (0)

#define test_waits()							\
	ASSERT_EQ(-1, child_ended(self->remover, WAIT_MS * slowness()))
#define test_ends()							\
	do {								\
		ASSERT_EQ(0, child_ended(self->remover,			\
					 LIMIT_MS * slowness()));	\
		self->remover = -1;					\
	} while (0)

TEST_F(removal, waits_for_a_bound_and_mapped_cdev)
{
	struct edu *edu = &self->edu;

	test_ok(edu_open(edu, self->fd));
	test_ioas_alloc(&edu->pt_id);
	self->mem = test_mem(mem_anon(PAGE));
	test_ok(_test_map_fixed(self->fd, edu->pt_id, self->mem, PAGE, IOVA,
				MAP_RW));
	test_attach(edu->cdev, &edu->pt_id);
	test_ok(_test_vfio_irq_eventfd(edu->cdev, VFIO_PCI_REQ_IRQ_INDEX, 0,
				       self->event));
	ASSERT_FALSE(event_signals(self->event, 0));
	test_start_removal();
	ASSERT_TRUE(event_signals(self->event, LIMIT_MS * slowness()));
	test_waits();
	ASSERT_EQ(-1, vfio_cdev_open(&edu->pci));
	/* DMA and registers still work. */
	mem_fill(self->mem, 100, 1);
	ASSERT_TRUE(edu_load(edu, IOVA, 100));
	ASSERT_TRUE(edu_store(edu, IOVA + 2000, 100));
	ASSERT_TRUE(mem_is(self->mem + 2000, 100, 1));
	/* The mapping holds the file. */
	close(edu->cdev);
	edu->cdev = -1;
	test_waits();
	ASSERT_EQ(EDU_ID_VALUE, edu_read(edu, EDU_ID));
	edu_close(edu);
	test_ends();
	ASSERT_EQ(-1, vfio_cdev_open(&edu->pci));
	ASSERT_EQ(0, proc_status_kb("VmPin:"));
}

/*
 * Removal also waits for a file without BIND, which cannot be asked to close.
 */
TEST_F(removal, waits_for_an_open_cdev)
{
	uint32_t devid;

	self->edu.bar = NULL;
	self->edu.cdev = vfio_cdev_open(&self->edu.pci);
	ASSERT_GE(self->edu.cdev, 0);
	test_start_removal();
	test_waits();
	ASSERT_EQ(-1, vfio_cdev_open(&self->edu.pci));
	/* BIND still works, and removal still waits. */
	test_ok(_test_vfio_bind(self->edu.cdev, self->fd, &devid));
	test_waits();
	edu_close(&self->edu);
	test_ends();
}

TEST_HARNESS_MAIN
