// SPDX-License-Identifier: GPL-2.0
/*
 * A thread holds the lock of one group for as long as the test needs. BIND of a
 * device of that group waits for the lock and can be killed meanwhile. BIND and
 * close of other groups do not wait.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "common.h"
#include "stuck.h"

/* Used by the threads that hold the locks */
struct kept {
	pthread_t query, set;
	int container;
	int group;
	uint8_t *page;
	volatile int set_rc;
};

/*
 * A query for dirty pages holds the container's lock while its answer waits for
 * a page that the test holds back. SET_CONTAINER of @kept.group waits for that
 * lock and holds the lock of the group. @bound is in use, @idle_pci is not.
 */
FIXTURE(wait) {
	int fd;
	int first;
	struct pci_device busy_pci, idle_pci;
	struct edu bound;
	struct stuck stuck;
	struct kept kept;
};

struct query {
	struct vfio_iommu_type1_dirty_bitmap head;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};

static void *query_dirty(void *arg)
{
	struct kept *kept = arg;
	struct query query = {
		.head.argsz = sizeof(query),
		.head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get = {
			.iova = IOVA, .size = PAGE, .bitmap.pgsize = PAGE,
			.bitmap.size = 8,
			.bitmap.data = (void *)kept->page,
		},
	};

	ioctl(kept->container, VFIO_IOMMU_DIRTY_PAGES, &query);
	return NULL;
}

static void *set_container(void *arg)
{
	struct kept *kept = arg;

	kept->set_rc = _test_vfio_set_container(kept->group, kept->container);
	return NULL;
}

#define test_group_open(_pci)						\
	({								\
		int __group = vfio_group_open((_pci)->group);		\
									\
		ASSERT_GE(__group, 0) TH_LOG("group %d: %s",		\
					     (_pci)->group,		\
					     strerror(errno));		\
		__group;						\
	})

/* A container with one group, a mapping and dirty tracking */
#define test_container(_pci)						\
	do {								\
		struct vfio_iommu_type1_dma_map __map = {		\
			.argsz = sizeof(__map),				\
			.flags = VFIO_DMA_MAP_FLAG_READ,		\
			.vaddr = (uintptr_t)test_mem(mem_anon(PAGE)),	\
			.iova = IOVA, .size = PAGE,			\
		};							\
		struct vfio_iommu_type1_dirty_bitmap __start = {	\
			.argsz = sizeof(__start),			\
			.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,	\
		};							\
									\
		self->kept.container = vfio_container_open();		\
		self->first = test_group_open(_pci);			\
		test_ok(_test_use_container(self->first,		\
					    self->kept.container));	\
		ASSERT_EQ(0, ioctl(self->kept.container, VFIO_IOMMU_MAP_DMA,	\
				   &__map));				\
		ASSERT_EQ(0, ioctl(self->kept.container,			\
				   VFIO_IOMMU_DIRTY_PAGES, &__start));	\
	} while (0)

FIXTURE_SETUP(wait)
{
	struct pci_device first;

	if (!stuck_possible())
		SKIP(_exit(KSFT_SKIP), "this kernel has no CONFIG_USERFAULTFD");
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &first);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &self->busy_pci);
	test_find(&pci_edu, PCI_BEHIND_PORT, 0, &self->idle_pci);
	test_edu_open(&self->bound, PCI_SHARED_GROUP, 0);
	ASSERT_TRUE(stuck_open(&self->stuck, 2 * PAGE, 1));
	test_container(&first);
	self->kept.group = test_group_open(&self->busy_pci);
	self->kept.set_rc = -1;
	self->kept.page = self->stuck.page;
	ASSERT_EQ(0, pthread_create(&self->kept.query, NULL, query_dirty,
				    &self->kept));
	test_ok(stuck_wait(&self->stuck, LIMIT_MS * slowness()));
	ASSERT_EQ(0, pthread_create(&self->kept.set, NULL, set_container,
				    &self->kept));
	sleep_ms(WAIT_MS * slowness());
	ASSERT_EQ(-1, self->kept.set_rc);
}

FIXTURE_TEARDOWN(wait)
{
	edu_close(&self->bound);
	close(self->kept.group);
	close(self->first);
	close(self->kept.container);
	close(self->fd);
}

#define test_release()							\
	do {								\
		stuck_release(&self->stuck);				\
		ASSERT_EQ(0, pthread_join(self->kept.query, NULL));		\
		ASSERT_EQ(0, pthread_join(self->kept.set, NULL));		\
		ASSERT_EQ(0, self->kept.set_rc);				\
	} while (0)

static int bind_and_close(const struct pci_device *pci)
{
	int fd = iommufd_open(), cdev = vfio_cdev_open(pci), rc;
	uint32_t devid;

	if (fd < 0 || cdev < 0)
		return ENODEV;
	rc = _test_vfio_bind(cdev, fd, &devid);
	close(cdev);
	return rc;
}

/* The same in a process of its own, which closes its copy of @bound first. */
static pid_t start(const struct pci_device *pci, struct edu *bound)
{
	pid_t pid = fork();

	if (!pid) {
		edu_close(bound);
		_exit(bind_and_close(pci));
	}
	return pid;
}

#define test_start(_pci) start(_pci, &self->bound)
#define test_waits(_pid)						\
	ASSERT_EQ(-1, child_ended(_pid, WAIT_MS * slowness()))
#define test_ends(_code, _pid)						\
	ASSERT_EQ(_code, child_ended(_pid, LIMIT_MS * slowness()))

TEST_F(wait, bind_of_other_groups_does_not_wait)
{
	pid_t waits = test_start(&self->busy_pci);

	test_waits(waits);
	/* BIND and close in another group, close of a device bound earlier */
	test_ends(0, test_start(&self->idle_pci));
	edu_close(&self->bound);
	test_ends(0, test_start(&self->bound.pci));
	test_waits(waits);
	test_release();
	test_ends(EBUSY, waits);
}

TEST_F(wait, waiting_bind_can_be_killed)
{
	pid_t pid[3];

	/* The first waits for the group, the others wait for the first. */
	for (int i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = test_start(&self->busy_pci);
		test_waits(pid[i]);
	}
	for (int i = 0; i < ARRAY_SIZE(pid); i++) {
		ASSERT_EQ(0, kill(pid[i], SIGKILL));
		test_ends(128, pid[i]);
	}
	pid[0] = test_start(&self->busy_pci);
	test_waits(pid[0]);
	test_release();
	test_ends(EBUSY, pid[0]);
	/* The killed processes have left nothing that keeps the group busy. */
	close(self->kept.group);
	test_ok(bind_and_close(&self->busy_pci));
	self->kept.group = test_group_open(&self->busy_pci);
}

TEST_HARNESS_MAIN
