// SPDX-License-Identifier: GPL-2.0
/*
 * Removal of a device from its driver or from the bus while a program uses it:
 * the kernel asks the program to close the device and waits. Until then the
 * program keeps everything, and no other program can open the device.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common.h"
#include "stuck.h"

FIXTURE(removal) {
	int fd;
	int event;
	int inode;
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
	self->inode = -1;
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
	close(self->inode);
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

/* Every call works until the user closes. */
TEST_F(removal, calls_work_while_it_waits)
{
	const uint32_t bar0 = VFIO_PCI_BAR0_REGION_INDEX;
	struct edu *edu = &self->edu;
	struct vfio_pci_hot_reset_info hot = { .argsz = sizeof(hot) };
	struct vfio_device_info info;
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	uint32_t ioas, pt, id;

	test_ok(edu_open(edu, self->fd));
	test_ioas_alloc(&ioas);
	test_ok(_test_vfio_irq_eventfd(edu->cdev, VFIO_PCI_REQ_IRQ_INDEX, 0,
				       self->event));
	test_start_removal();
	ASSERT_TRUE(event_signals(self->event, LIMIT_MS * slowness()));
	pt = ioas;
	test_attach(edu->cdev, &pt);
	test_ok(_test_vfio_device_info(edu->cdev, &info));
	test_ok(_test_vfio_region_info(edu->cdev, bar0, &region));
	test_ok(_test_vfio_irq_info(edu->cdev, VFIO_PCI_MSI_IRQ_INDEX, &irq));
	test_ok(vfio_config_read(edu->cdev, 0, &id, sizeof(id)));
	/* The list has no room for the device; or no reset has other devices. */
	EXPECT_EQ(-1, ioctl(edu->cdev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
			    &hot));
	EXPECT_TRUE(errno == ENOSPC || errno == ENODEV);
	test_detach(edu->cdev);
	test_waits();
	/* A second mapping, which is closed last */
	munmap((void *)edu->bar, EDU_BAR_SIZE);
	test_ok(edu_start(edu, edu->cdev));
	edu_close(edu);
	test_ends();
}

/* One more node for the same device */
#define OWN_NODE	"/tmp/vfio-node"

static int open_errno(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), rc = fd < 0 ? errno : 0;

	close(fd);
	return rc;
}

TEST_F(removal, stale_nodes_open_nothing)
{
	char by_inode[64];
	struct stat st;
	int rc;

	ASSERT_EQ(0, stat(self->edu.pci.cdev, &st));
	unlink(OWN_NODE);
	ASSERT_EQ(0, mknod(OWN_NODE, S_IFCHR | 0600, st.st_rdev));
	self->inode = open(self->edu.pci.cdev, O_PATH | O_CLOEXEC);
	ASSERT_GE(self->inode, 0);
	snprintf(by_inode, sizeof(by_inode), "/proc/self/fd/%d", self->inode);
	/* The inodes remember the cdev after this. */
	ASSERT_EQ(0, open_errno(by_inode));
	ASSERT_EQ(0, open_errno(OWN_NODE));

	test_ok(edu_open(&self->edu, self->fd));
	test_ok(_test_vfio_irq_eventfd(self->edu.cdev, VFIO_PCI_REQ_IRQ_INDEX,
				       0, self->event));
	test_start_removal();
	ASSERT_TRUE(event_signals(self->event, LIMIT_MS * slowness()));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(ENODEV, open_errno(by_inode));
		ASSERT_EQ(ENODEV, open_errno(OWN_NODE));
		rc = open_errno(self->edu.pci.cdev);
		ASSERT_TRUE(rc == ENODEV || rc == ENOENT);
	}
	test_waits();
	edu_close(&self->edu);
	test_ends();
	/* No cdev has the number. */
	ASSERT_EQ(ENXIO, open_errno(by_inode));
	ASSERT_EQ(ENXIO, open_errno(OWN_NODE));
	ASSERT_EQ(ENOENT, open_errno(self->edu.pci.cdev));
	unlink(OWN_NODE);
}

/* Opens again and again; ends when the device cannot be opened any more. */
static pid_t start_opener(struct edu *edu)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	edu_close(edu);
	for (;;) {
		fd = vfio_cdev_open(&edu->pci);
		if (fd < 0)
			_exit(errno == ENODEV || errno == ENOENT ? 0 : errno);
		sleep_ms(20);
		close(fd);
	}
}

/* Without a check, the number of users would never be zero. */
TEST_F(removal, opens_do_not_hold_it_up)
{
	pid_t opener[4];

	test_ok(edu_open(&self->edu, self->fd));
	for (int i = 0; i < ARRAY_SIZE(opener); i++) {
		opener[i] = start_opener(&self->edu);
		ASSERT_GT(opener[i], 0);
	}
	ASSERT_EQ(-1, child_ended(opener[0], WAIT_MS * slowness()));
	test_start_removal();
	for (int i = 0; i < ARRAY_SIZE(opener); i++)
		ASSERT_EQ(0, child_ended(opener[i], LIMIT_MS * slowness()));
	test_waits();
	edu_close(&self->edu);
	test_ends();
}

/* The last close is not enough as long as an ioctl runs. */
TEST_F(removal, waits_for_a_running_ioctl)
{
	struct attacher attacher = { .rc = -1 };
	struct stuck stuck;

	if (!stuck_possible())
		SKIP(return, "this kernel has no CONFIG_USERFAULTFD");
	ASSERT_TRUE(stuck_open(&stuck, 4 * PAGE, 2));
	test_ok(edu_open(&self->edu, self->fd));
	test_ioas_alloc(&attacher.ioas);
	test_ok(_test_map_fixed(self->fd, attacher.ioas, stuck.mem, 4 * PAGE,
				IOVA, MAP_RW));
	attacher.cdev = self->edu.cdev;
	ASSERT_EQ(0, pthread_create(&attacher.thread, NULL, attacher_run,
				    &attacher));
	test_ok(stuck_wait(&stuck, LIMIT_MS * slowness()));
	test_start_removal();
	edu_close(&self->edu);
	test_waits();
	ASSERT_EQ(-1, attacher.rc);
	stuck_release(&stuck);
	ASSERT_EQ(0, pthread_join(attacher.thread, NULL));
	ASSERT_EQ(0, attacher.rc);
	test_ends();
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
