// SPDX-License-Identifier: GPL-2.0
/*
 * An iommufd as the container of a group: VFIO_GROUP_SET_CONTAINER with it, the
 * ioctls of a type1 container on it, and device files from the group.
 */
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "common.h"
#include "module.h"
#include "race.h"
#include "trace.h"
#include "type1_ioctls.h"

#define MODULE	"vfio_cdev_group"
#define KVM	"vfio_cdev_kvm"
#define PAGES	4
#define FREE	VFIO_GROUP_FLAGS_VIABLE
#define SET	(VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET)

FIXTURE(container) {
	int fd;
	int group;
	bool unload;		/* the module, which was not loaded */
	struct edu edu;
	uint8_t *mem;
};

FIXTURE_SETUP(container)
{
	int rc;

	self->edu.cdev = -1;
	self->edu.bar = NULL;
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci);
	rc = module_load(MODULE);
	if (rc == EOPNOTSUPP || rc == ENOENT)
		SKIP(_exit(KSFT_SKIP), MODULE ": %s", strerror(rc));
	ASSERT_TRUE(!rc || rc == EEXIST) TH_LOG(MODULE ": %s", strerror(rc));
	self->unload = !rc;
	self->group = vfio_group_open(self->edu.pci.group);
	ASSERT_GE(self->group, 0);
	self->mem = test_mem(mem_anon(PAGES * PAGE));
}

/* Nothing is left: the group and the cdev can be opened. */
FIXTURE_TEARDOWN(container)
{
	struct edu edu = { .pci = self->edu.pci };

	edu_close(&self->edu);
	close(self->group);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	self->fd = iommufd_open();
	EXPECT_EQ(0, edu_open(&edu, self->fd));
	edu_close(&edu);
	self->group = vfio_group_open(self->edu.pci.group);
	EXPECT_GE(self->group, 0);
	close(self->group);
	close(self->fd);
	/* A thread that leaves a call may keep the module for a moment. */
	if (self->unload)
		EXPECT_EQ(0, module_unload_wait(MODULE,
						LIMIT_MS * slowness()));
}

static int _test_group_status(int group, uint32_t *flags)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	if (ioctl(group, VFIO_GROUP_GET_STATUS, &status))
		return errno;
	*flags = status.flags;
	return 0;
}

/* Open the device edu->pci of the group, ready for DMA. */
static int edu_open_in(struct edu *edu, int group)
{
	int rc;

	edu->bar = NULL;
	edu->cdev = vfio_group_device(group, edu->pci.bdf);
	if (edu->cdev < 0)
		return errno;
	rc = edu_start(edu, edu->cdev);
	if (rc)
		edu_close(edu);
	return rc;
}

static int type1_ioas(int fd)
{
	uint32_t id = 0;

	return _test_vfio_ioas(fd, IOMMU_VFIO_IOAS_GET, &id) ? -1 : id;
}

#define test_status(_flags)						\
	do {								\
		uint32_t __flags = 0;					\
									\
		test_ok(_test_group_status(self->group, &__flags));	\
		ASSERT_EQ(_flags, __flags);				\
	} while (0)
#define test_set_container()						\
	test_ok(_test_vfio_set_container(self->group, self->fd))
#define test_err_set_container(_errno, _fd)				\
	test_err(_errno, _test_vfio_set_container(self->group, _fd))
#define test_unset_container()						\
	test_ok(_test_vfio_unset_container(self->group))
#define test_use_container()						\
	do {								\
		test_set_container();					\
		test_ok(_test_set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));	\
	} while (0)
#define test_open_edu(_edu) test_ok(edu_open_in(_edu, self->group))

/* Pages 0 and 1 of the memory are at IOVA: the device copies @_seed. */
#define test_dma(_edu, _seed)						\
	do {								\
		mem_fill(self->mem, 200, _seed);			\
		memset(self->mem + PAGE, 0, 200);			\
		ASSERT_TRUE(edu_load(_edu, IOVA, 200));			\
		ASSERT_TRUE(edu_store(_edu, IOVA + PAGE, 200));		\
		ASSERT_TRUE(mem_is(self->mem + PAGE, 200, _seed));	\
	} while (0)

/* What vfio.ko answers to a file that is no container */
static bool is_no_container(int rc)
{
	return rc == EBADFD || rc == EINVAL;
}

TEST_F(container, dma_through_the_iommufd)
{
	int kmsg;

	test_use_container();
	test_open_edu(&self->edu);
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_pinned(16);
	test_dma(&self->edu, 1);
	test_unmap_dma(IOVA, PAGES * PAGE, PAGES * PAGE);
	test_pinned(0);
	kmsg = kmsg_open();
	ASSERT_GE(kmsg, 0);
	memset(self->mem, 0, PAGE);
	ASSERT_TRUE(edu_store(&self->edu, IOVA, 200));
	ASSERT_TRUE(kmsg_wait_fault(kmsg, true, IOVA, LIMIT_MS * slowness()));
	ASSERT_TRUE(mem_is_zero(self->mem, PAGE));
	close(kmsg);
}

/* Memory may be mapped before the first device is there. */
TEST_F(container, map_before_the_device)
{
	test_use_container();
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_pinned(0);
	test_open_edu(&self->edu);
	test_pinned(16);
	test_dma(&self->edu, 2);
	edu_close(&self->edu);
	test_pinned(0);
	test_open_edu(&self->edu);
	test_dma(&self->edu, 3);
}

TEST_F(container, second_container_is_einval)
{
	int other = iommufd_open(), container = vfio_container_open();

	ASSERT_GE(other, 0);
	ASSERT_GE(container, 0);
	test_set_container();
	test_err_set_container(EINVAL, self->fd);
	test_err_set_container(EINVAL, other);
	test_err_set_container(EINVAL, container);
	test_err_set_container(EINVAL, 0);
	test_open_edu(&self->edu);
	test_err_set_container(EINVAL, other);
	ASSERT_EQ(-1, type1_ioas(other));
	close(container);
	close(other);
}

TEST_F(container, container_of_vfio_comes_first)
{
	int container = vfio_container_open();
	int device;

	ASSERT_GE(container, 0);
	test_ok(_test_use_container(self->group, container));
	test_err_set_container(EINVAL, self->fd);
	test_status(SET);
	device = vfio_group_device(self->group, self->edu.pci.bdf);
	ASSERT_GE(device, 0);
	test_err_set_container(EINVAL, self->fd);
	test_err(EBUSY, _test_vfio_unset_container(self->group));
	close(device);
	test_unset_container();
	test_use_container();
	test_open_edu(&self->edu);
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_dma(&self->edu, 4);
	edu_close(&self->edu);
	test_unset_container();
	test_ok(_test_use_container(self->group, container));
	device = vfio_group_device(self->group, self->edu.pci.bdf);
	ASSERT_GE(device, 0);
	close(device);
	close(container);
}

TEST_F(container, other_files_are_refused)
{
	int null = open("/dev/null", O_RDWR);
	uint32_t devid;

	ASSERT_GE(null, 0);
	ASSERT_TRUE(is_no_container(_test_vfio_set_container(self->group,
							     null)));
	ASSERT_TRUE(is_no_container(_test_vfio_set_container(self->group,
							     self->group)));
	test_err_set_container(EBADF, -1);
	test_err_set_container(EBADF, 1000);
	test_err(EFAULT, ioctl(self->group, VFIO_GROUP_SET_CONTAINER, NULL) ?
			 errno : 0);
	test_status(FREE);
	test_set_container();
	test_err_set_container(EBADF, -1);
	close(null);
	/* An ioctl that a group does not know */
	test_err(ENOTTY, _test_vfio_bind(self->group, self->fd, &devid));
}

TEST_F(container, unset)
{
	int dup;

	test_err(EINVAL, _test_vfio_unset_container(self->group));
	test_set_container();
	test_unset_container();
	test_err(EINVAL, _test_vfio_unset_container(self->group));
	ASSERT_EQ(-1, vfio_group_device(self->group, self->edu.pci.bdf));
	ASSERT_EQ(EINVAL, errno);
	test_use_container();
	test_open_edu(&self->edu);
	test_err(EBUSY, _test_vfio_unset_container(self->group));
	dup = vfio_group_device(self->group, self->edu.pci.bdf);
	ASSERT_GE(dup, 0);
	edu_close(&self->edu);
	test_err(EBUSY, _test_vfio_unset_container(self->group));
	close(dup);
	test_unset_container();
	test_status(FREE);
}

TEST_F(container, status)
{
	struct vfio_group_status status = { .argsz = sizeof(status) - 1 };

	test_status(FREE);
	test_set_container();
	test_status(SET);
	test_err(EINVAL, ioctl(self->group, VFIO_GROUP_GET_STATUS, &status) ?
			 errno : 0);
	test_err(EFAULT, ioctl(self->group, VFIO_GROUP_GET_STATUS, NULL) ?
			 errno : 0);
	test_open_edu(&self->edu);
	test_status(SET);
	edu_close(&self->edu);
	test_status(SET);
	test_unset_container();
	test_status(FREE);
}

TEST_F(container, device_names)
{
	struct pci_device other;
	char token[64];
	int device;

	test_set_container();
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &other);
	errno = 0;
	ASSERT_EQ(-1, vfio_group_device(self->group, other.bdf));
	ASSERT_EQ(ENODEV, errno);
	ASSERT_EQ(-1, vfio_group_device(self->group, ""));
	ASSERT_EQ(ENODEV, errno);
	ASSERT_EQ(-1, vfio_group_device(self->group, NULL));
	ASSERT_EQ(EFAULT, errno);
	/* The device has no token. */
	snprintf(token, sizeof(token), "%s vf_token=%s", self->edu.pci.bdf,
		 "2ab74924-c335-45f4-9b16-8569e5b08258");
	ASSERT_EQ(-1, vfio_group_device(self->group, token));
	ASSERT_EQ(EINVAL, errno);
	device = vfio_group_device(self->group, self->edu.pci.bdf);
	ASSERT_GE(device, 0);
	ASSERT_EQ(FD_CLOEXEC, fcntl(device, F_GETFD));
	close(device);
}

TEST_F(container, ioas_of_the_container)
{
	int ioas;

	ASSERT_EQ(-1, type1_ioas(self->fd));
	test_set_container();
	ioas = type1_ioas(self->fd);
	ASSERT_NE(-1, ioas);
	/* Without it no device can be opened. */
	test_destroy(ioas);
	ASSERT_EQ(-1, vfio_group_device(self->group, self->edu.pci.bdf));
	ASSERT_EQ(ENODEV, errno);
	test_unset_container();
	test_set_container();
	ASSERT_NE(-1, type1_ioas(self->fd));
	test_open_edu(&self->edu);
	/* The attached device uses it. */
	test_err_destroy(EBUSY, type1_ioas(self->fd));
}

/* An IOAS that the program has chosen before is the container's. */
TEST_F(container, chosen_ioas_is_kept)
{
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &ioas);
	test_ok(_test_map_fixed(self->fd, ioas, self->mem, PAGES * PAGE, IOVA,
				MAP_RW));
	test_set_container();
	ASSERT_EQ(ioas, type1_ioas(self->fd));
	test_open_edu(&self->edu);
	test_dma(&self->edu, 5);
}

TEST_F(container, two_files_of_one_device)
{
	struct edu second = { .pci = self->edu.pci };
	uint32_t next;

	test_use_container();
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_open_edu(&self->edu);
	next = iommufd_next_id(self->fd);
	test_open_edu(&second);
	/* The device is bound once. */
	ASSERT_EQ(next, iommufd_next_id(self->fd));
	test_dma(&second, 6);
	edu_close(&self->edu);
	test_pinned(16);
	test_dma(&second, 7);
	test_open_edu(&self->edu);
	edu_close(&second);
	test_dma(&self->edu, 8);
	edu_close(&self->edu);
	test_pinned(0);
}

TEST_F(container, two_devices_of_one_group)
{
	struct edu edu[2];

	close(self->group);
	test_find(&pci_edu, PCI_SHARED_GROUP, 0, &edu[0].pci);
	test_find(&pci_edu, PCI_SHARED_GROUP, 1, &edu[1].pci);
	self->group = vfio_group_open(edu[0].pci.group);
	ASSERT_GE(self->group, 0);
	test_use_container();
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_open_edu(&edu[0]);
	test_open_edu(&edu[1]);
	test_pinned(16);
	test_dma(&edu[0], 9);
	test_dma(&edu[1], 10);
	edu_close(&edu[0]);
	test_err(EBUSY, _test_vfio_unset_container(self->group));
	test_dma(&edu[1], 11);
	edu_close(&edu[1]);
	test_unset_container();
}

TEST_F(container, two_groups_share_an_iommufd)
{
	struct edu second;
	int group;

	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &second.pci);
	group = vfio_group_open(second.pci.group);
	ASSERT_GE(group, 0);
	test_use_container();
	test_ok(_test_vfio_set_container(group, self->fd));
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_open_edu(&self->edu);
	test_ok(edu_open_in(&second, group));
	/* A device belongs to its own group. */
	ASSERT_EQ(-1, vfio_group_device(group, self->edu.pci.bdf));
	test_dma(&self->edu, 12);
	test_dma(&second, 13);
	edu_close(&self->edu);
	test_unset_container();
	test_dma(&second, 14);
	edu_close(&second);
	close(group);
}

TEST_F(container, one_group_changes_its_iommufd)
{
	int other = iommufd_open();

	ASSERT_GE(other, 0);
	test_use_container();
	test_open_edu(&self->edu);
	edu_close(&self->edu);
	test_unset_container();
	test_ok(_test_vfio_set_container(self->group, other));
	test_open_edu(&self->edu);
	test_ok(_test_map_dma(other, self->mem, PAGES * PAGE, IOVA, DMA_RW));
	test_dma(&self->edu, 15);
	edu_close(&self->edu);
	close(other);
}

/* A container of vfio.ko works beside, with the same devices' driver. */
TEST_F(container, beside_a_container_of_vfio)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = DMA_RW,
		.vaddr = (uintptr_t)self->mem,
		.iova = IOVA,
		.size = PAGES * PAGE,
	};
	int container = vfio_container_open(), group;
	struct edu second;

	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &second.pci);
	group = vfio_group_open(second.pci.group);
	ASSERT_GE(group, 0);
	test_ok(_test_use_container(group, container));
	test_use_container();
	test_open_edu(&self->edu);
	test_ok(edu_open_in(&second, group));
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	ASSERT_EQ(0, ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
	test_dma(&self->edu, 16);
	test_dma(&second, 17);
	edu_close(&second);
	close(group);
	close(container);
	test_dma(&self->edu, 18);
}

/* A device file of a group does not know the ioctls of a cdev. */
TEST_F(container, cdev_ioctls_on_a_device_file)
{
	uint32_t devid, pt;

	test_use_container();
	test_open_edu(&self->edu);
	pt = type1_ioas(self->fd);
	test_err(EINVAL, _test_vfio_bind(self->edu.cdev, self->fd, &devid));
	test_err(ENOTTY, _test_vfio_attach(self->edu.cdev, &pt));
	test_err(ENOTTY, _test_vfio_detach(self->edu.cdev));
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_dma(&self->edu, 19);
}

/* The same answers as a device file of a container of vfio.ko gives */
TEST_F(container, device_ioctls)
{
	struct vfio_device_feature probe = {
		.argsz = sizeof(probe),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
			 VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
	};
	struct vfio_device_info info[2];
	int feature[2], other[2], device[2], container;

	container = vfio_container_open();
	ASSERT_GE(container, 0);
	for (int i = 0; i < 2; i++) {
		if (i)
			test_ok(_test_use_container(self->group, container));
		else
			test_use_container();
		device[i] = vfio_group_device(self->group, self->edu.pci.bdf);
		ASSERT_GE(device[i], 0);
		test_ok(_test_vfio_device_info(device[i], &info[i]));
		feature[i] = ioctl(device[i], VFIO_DEVICE_FEATURE, &probe) ?
			     errno : 0;
		other[i] = ioctl(device[i], VFIO_GET_API_VERSION) < 0 ? errno :
			   0;
		close(device[i]);
		test_unset_container();
	}
	close(container);
	ASSERT_EQ(0, memcmp(&info[0], &info[1], sizeof(info[0])));
	ASSERT_EQ(feature[0], feature[1]);
	ASSERT_EQ(other[0], other[1]);
}

/* A BAR is taken away from the mappings of every file of the device. */
TEST_F(container, mapped_registers_without_memory_space)
{
	struct edu second = { .pci = self->edu.pci };
	uint32_t value;

	test_use_container();
	test_open_edu(&self->edu);
	test_open_edu(&second);
	test_ok(vfio_bar_read(self->edu.bar + EDU_ID, &value));
	ASSERT_EQ(EDU_ID_VALUE, value);
	test_ok(vfio_enable_memory(second.cdev, false));
	test_err(EFAULT, vfio_bar_read(self->edu.bar + EDU_ID, &value));
	test_err(EFAULT, vfio_bar_read(second.bar + EDU_ID, &value));
	test_ok(vfio_enable_memory(self->edu.cdev, true));
	test_ok(vfio_bar_read(self->edu.bar + EDU_ID, &value));
	ASSERT_EQ(EDU_ID_VALUE, value);
	edu_close(&second);
}

TEST_F(container, keeps_the_cdev_out)
{
	uint32_t devid;
	int cdev;

	cdev = vfio_cdev_open(&self->edu.pci);
	ASSERT_GE(cdev, 0);
	test_err(EBUSY, _test_vfio_bind(cdev, self->fd, &devid));
	test_set_container();
	test_err(EBUSY, _test_vfio_bind(cdev, self->fd, &devid));
	test_open_edu(&self->edu);
	test_err(EBUSY, _test_vfio_bind(cdev, self->fd, &devid));
	edu_close(&self->edu);
	test_err(EBUSY, _test_vfio_bind(cdev, self->fd, &devid));
	test_unset_container();
	test_err(EBUSY, _test_vfio_bind(cdev, self->fd, &devid));
	close(self->group);
	test_ok(_test_vfio_bind(cdev, self->fd, &devid));
	ASSERT_EQ(-1, vfio_group_open(self->edu.pci.group));
	ASSERT_EQ(EBUSY, errno);
	close(cdev);
	self->group = vfio_group_open(self->edu.pci.group);
	ASSERT_GE(self->group, 0);
	test_set_container();
	test_open_edu(&self->edu);
}

TEST_F(container, iommufd_is_closed_first)
{
	test_use_container();
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	close(self->fd);
	self->fd = iommufd_open();
	test_open_edu(&self->edu);
	test_dma(&self->edu, 20);
	edu_close(&self->edu);
	test_pinned(0);
	test_unset_container();
}

TEST_F(container, group_is_closed_first)
{
	test_use_container();
	test_open_edu(&self->edu);
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	close(self->group);
	test_dma(&self->edu, 21);
	/* The device file keeps the group open. */
	ASSERT_EQ(-1, vfio_group_open(self->edu.pci.group));
	ASSERT_EQ(EBUSY, errno);
	/* So does the mapping of the BAR. */
	close(self->edu.cdev);
	self->edu.cdev = -1;
	ASSERT_EQ(-1, vfio_group_open(self->edu.pci.group));
	ASSERT_EQ(EBUSY, errno);
	edu_close(&self->edu);
	self->group = vfio_group_open(self->edu.pci.group);
	ASSERT_GE(self->group, 0);
	test_status(FREE);
}

struct closer {
	pthread_barrier_t barrier;
	int file;
};

static void *close_at_once(void *arg)
{
	struct closer *closer = arg;

	pthread_barrier_wait(&closer->barrier);
	close(closer->file);
	return NULL;
}

/* Whichever is last ends the group, while the other is being released. */
TEST_F(container, two_files_are_closed_at_once)
{
	struct closer closer;
	pthread_t thread;

	ASSERT_EQ(0, pthread_barrier_init(&closer.barrier, NULL, 2));
	for (int i = 0; i < 30; i++) {
		test_set_container();
		closer.file = vfio_group_device(self->group,
						self->edu.pci.bdf);
		ASSERT_GE(closer.file, 0);
		self->edu.cdev = vfio_group_device(self->group,
						   self->edu.pci.bdf);
		ASSERT_GE(self->edu.cdev, 0);
		close(self->group);
		ASSERT_EQ(0, pthread_create(&thread, NULL, close_at_once,
					    &closer));
		pthread_barrier_wait(&closer.barrier);
		edu_close(&self->edu);
		pthread_join(thread, NULL);
		self->group = vfio_group_open(self->edu.pci.group);
		ASSERT_GE(self->group, 0);
		test_status(FREE);
	}
	pthread_barrier_destroy(&closer.barrier);
}

/* What a process needs to use the device; it exits with all of it open. */
struct use {
	struct pci_device pci;
	uint8_t *mem;
};

static int use_and_stay(void *arg)
{
	struct use *use = arg;
	struct edu edu = { .pci = use->pci };
	int group = vfio_group_open(use->pci.group), fd = iommufd_open();
	int rc;

	if (group < 0 || fd < 0)
		return ENXIO;
	rc = _test_vfio_set_container(group, fd);
	rc = rc ?: edu_open_in(&edu, group);
	rc = rc ?: _test_map_dma(fd, use->mem, PAGES * PAGE, IOVA, DMA_RW);
	if (!rc && !edu_load(&edu, IOVA, 200))
		rc = EIO;
	if (!rc)
		edu_dma_start(&edu, IOVA + PAGE, 0, 200, EDU_DMA_TO_RAM);
	return rc;
}

TEST_F(container, process_exits_or_is_killed_with_all_open)
{
	struct use use = { self->edu.pci, self->mem };
	struct child child;

	close(self->group);
	for (int i = 0; i < 4; i++) {
		ASSERT_TRUE(child_start(&child, use_and_stay, &use));
		ASSERT_EQ(0, child_result(&child));
		ASSERT_EQ(-1, vfio_group_open(self->edu.pci.group));
		if (i % 2)
			child_kill(&child);
		else
			child_end(&child);
		self->group = vfio_group_open(self->edu.pci.group);
		ASSERT_GE(self->group, 0);
		test_status(FREE);
		close(self->group);
	}
	self->group = vfio_group_open(self->edu.pci.group);
}

/* A child of fork() goes on with files that its parent has closed. */
static int use_inherited(void *arg)
{
	struct edu *edu = arg;

	sleep_ms(WAIT_MS);
	return edu_read(edu, EDU_ID) == EDU_ID_VALUE ? 0 : EIO;
}

TEST_F(container, files_are_inherited)
{
	struct child child;

	test_use_container();
	test_open_edu(&self->edu);
	ASSERT_TRUE(child_start(&child, use_inherited, &self->edu));
	edu_close(&self->edu);
	close(self->group);
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(-1, vfio_group_open(self->edu.pci.group));
	child_end(&child);
	self->group = vfio_group_open(self->edu.pci.group);
	ASSERT_GE(self->group, 0);
}

/* Removal asks the user of the device file to close it, and waits. */
TEST_F(container, removal_waits_for_the_device_file)
{
	int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct pci_driver driver;
	uint32_t flags;
	pid_t remover;

	ASSERT_TRUE(pci_driver_of(self->edu.pci.bdf, &driver));
	test_use_container();
	test_open_edu(&self->edu);
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_ok(_test_vfio_irq_eventfd(self->edu.cdev, VFIO_PCI_REQ_IRQ_INDEX,
				       0, event));
	remover = fork();
	if (!remover) {
		edu_close(&self->edu);
		_exit(pci_unbind(self->edu.pci.bdf) ? 0 : 1);
	}
	ASSERT_GT(remover, 0);
	ASSERT_TRUE(event_signals(event, LIMIT_MS * slowness()));
	ASSERT_EQ(-1, child_ended(remover, WAIT_MS * slowness()));
	/* Stock vfio of some kernels still lists the device. */
	ASSERT_EQ(-1, vfio_group_device(self->group, self->edu.pci.bdf));
	ASSERT_EQ(ENODEV, errno);
	test_dma(&self->edu, 22);
	edu_close(&self->edu);
	ASSERT_EQ(0, child_ended(remover, LIMIT_MS * slowness()));
	/* The group is gone; its file is still there. */
	ASSERT_EQ(ENODEV, _test_group_status(self->group, &flags));
	ASSERT_EQ(-1, vfio_group_device(self->group, self->edu.pci.bdf));
	ASSERT_EQ(ENODEV, errno);
	test_unset_container();
	test_err_set_container(ENODEV, self->fd);
	close(self->group);
	close(event);
	ASSERT_TRUE(pci_bind(self->edu.pci.bdf, &driver));
	ASSERT_TRUE(pci_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci));
	self->group = vfio_group_open(self->edu.pci.group);
	ASSERT_GE(self->group, 0);
}

/* The right to devices is proved with the files of their groups. */
TEST_F(container, hot_reset_with_the_group)
{
	struct {
		struct vfio_pci_hot_reset_info head;
		struct vfio_pci_dependent_device devices[16];
	} info = { .head.argsz = sizeof(info) };
	int32_t none = -1;
	struct edu edu;

	test_find(&pci_edu, PCI_BEHIND_PORT, 0, &edu.pci);
	close(self->group);
	self->group = vfio_group_open(edu.pci.group);
	ASSERT_GE(self->group, 0);
	test_use_container();
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_open_edu(&edu);
	ASSERT_EQ(0, ioctl(edu.cdev, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
			   &info));
	ASSERT_EQ(0, info.head.flags);
	ASSERT_EQ(1, info.head.count);
	ASSERT_EQ(edu.pci.group, info.devices[0].group_id);
	edu_write(&edu, EDU_IRQ_RAISE, 1);
	ASSERT_TRUE(edu_asserts_intx(&edu));
	test_err(EINVAL, _test_vfio_hot_reset(edu.cdev, 0, NULL));
	test_err(EINVAL, _test_vfio_hot_reset(edu.cdev, 1, &self->fd));
	test_err(EBADF, _test_vfio_hot_reset(edu.cdev, 1, &none));
	test_err(EINVAL, _test_vfio_hot_reset(edu.cdev, 1, &edu.cdev));
	ASSERT_TRUE(edu_asserts_intx(&edu));
	test_ok(_test_vfio_hot_reset(edu.cdev, 1, &self->group));
	ASSERT_FALSE(edu_asserts_intx(&edu));
	test_ok(vfio_enable_dma(edu.cdev));
	edu_write(&edu, EDU_IRQ_ACK, 1);
	test_dma(&edu, 23);
	edu_close(&edu);
}

/* The module stays while a group needs it, and only then. */
TEST_F(container, module_is_kept_by_the_container)
{
	int container = vfio_container_open(), device;

	ASSERT_GE(container, 0);
	test_set_container();
	test_err(EWOULDBLOCK, module_unload(MODULE));
	test_open_edu(&self->edu);
	test_err(EWOULDBLOCK, module_unload(MODULE));
	close(self->group);
	test_err(EWOULDBLOCK, module_unload(MODULE));
	edu_close(&self->edu);
	self->group = vfio_group_open(self->edu.pci.group);
	ASSERT_GE(self->group, 0);
	test_set_container();
	test_unset_container();
	test_ok(_test_use_container(self->group, container));
	test_ok(module_unload(MODULE));
	/* Without it vfio.ko does what it does. */
	test_status(SET);
	device = vfio_group_device(self->group, self->edu.pci.bdf);
	ASSERT_GE(device, 0);
	test_ok(module_load(MODULE));
	/* The container is older than the module. */
	test_status(SET);
	test_err_set_container(EINVAL, self->fd);
	test_err(EBUSY, _test_vfio_unset_container(self->group));
	close(device);
	test_err_set_container(EINVAL, self->fd);
	test_unset_container();
	test_use_container();
	test_open_edu(&self->edu);
	close(container);
}

TEST_F(container, without_the_module)
{
	int container = vfio_container_open();

	ASSERT_GE(container, 0);
	test_ok(module_unload(MODULE));
	ASSERT_TRUE(is_no_container(_test_vfio_set_container(self->group,
							     self->fd)));
	test_ok(_test_use_container(self->group, container));
	test_ok(module_load(MODULE));
	close(self->group);
	self->group = vfio_group_open(self->edu.pci.group);
	test_use_container();
	close(container);
}

/* The tracers see the calls, also those that are sent back to vfio.ko. */
TEST_F(container, under_the_function_tracers)
{
	static const char * const tracers[] = { "function", "function_graph" };
	static const char * const patterns[] = {
		"*vfio_* ", "try_module_get ", "module_put ", NULL,
	};
	int container = vfio_container_open();

	ASSERT_GE(container, 0);
	tracefs_mount();
	if (!trace_is_possible())
		SKIP(return, "the kernel has no function tracer");
	for (int i = 0; i < ARRAY_SIZE(tracers); i++) {
		if (!trace_start(tracers[i], patterns)) {
			TH_LOG("%s: %s", tracers[i], strerror(errno));
			ASSERT_NE(0, i);
			continue;
		}
		test_err(EBADF, _test_vfio_set_container(self->group, -1));
		test_use_container();
		test_status(SET);
		test_open_edu(&self->edu);
		test_map_dma(self->mem, PAGES * PAGE, IOVA);
		test_dma(&self->edu, 24);
		test_unmap_dma(IOVA, PAGES * PAGE, PAGES * PAGE);
		edu_close(&self->edu);
		test_unset_container();
		test_ok(_test_use_container(self->group, container));
		test_unset_container();
		close(self->group);
		self->group = vfio_group_open(self->edu.pci.group);
		ASSERT_GE(self->group, 0);
		test_trace_end();
	}
	close(container);
}

/* The sysctl turns ftrace off for all users, or for none. */
TEST_F(container, without_ftrace)
{
	int sysctl = open("/proc/sys/kernel/ftrace_enabled", O_RDWR | O_CLOEXEC);
	int kvm, rc;

	if (sysctl < 0)
		SKIP(return, "no kernel.ftrace_enabled: %s", strerror(errno));
	ASSERT_EQ(-1, pwrite(sysctl, "0", 1, 0));
	if (errno == EOPNOTSUPP)
		SKIP(return, "this kernel never turns ftrace off");
	ASSERT_EQ(EBUSY, errno);
	test_ok(module_unload(MODULE));
	kvm = module_unload(KVM);
	rc = pwrite(sysctl, "0", 1, 0);
	if (rc == 1) {
		EXPECT_EQ(EBUSY, module_load(MODULE));
		EXPECT_TRUE(is_no_container(
			_test_vfio_set_container(self->group, self->fd)));
		EXPECT_EQ(1, pwrite(sysctl, "1", 1, 0));
	}
	if (!kvm)
		EXPECT_EQ(0, module_load(KVM));
	test_ok(module_load(MODULE));
	test_set_container();
	close(sysctl);
	if (rc != 1)
		SKIP(return, "another module redirects functions, too");
}

/* Races of threads that share one group */
struct shared {
	int fd[2];
	int group;
	int container;
	const char *bdf;
};

static int step_set(struct race_thread *thread)
{
	struct shared *shared = thread->shared;

	return _test_vfio_set_container(shared->group,
					shared->fd[race_pick(thread, 2)]);
}

static int step_set_stock(struct race_thread *thread)
{
	struct shared *shared = thread->shared;
	int container = vfio_container_open(), rc;

	rc = _test_use_container(shared->group, container);
	if (!rc) {
		rc = _test_vfio_unset_container(shared->group);
		/* Another thread may have done that already. */
		if (rc == EINVAL)
			rc = 0;
	}
	close(container);
	return rc;
}

static int step_unset(struct race_thread *thread)
{
	struct shared *shared = thread->shared;

	return _test_vfio_unset_container(shared->group);
}

static int step_status(struct race_thread *thread)
{
	struct shared *shared = thread->shared;
	uint32_t flags;

	return _test_group_status(shared->group, &flags);
}

static int step_device(struct race_thread *thread)
{
	struct shared *shared = thread->shared;
	struct vfio_device_info info;
	int device, rc;

	device = vfio_group_device(shared->group, shared->bdf);
	if (device < 0)
		return errno;
	rc = _test_vfio_device_info(device, &info);
	close(device);
	return rc;
}

/* Unload and load; a thread that is in a call keeps the module. */
static int step_module(struct race_thread *thread)
{
	int rc = module_unload(MODULE);

	return rc ?: module_load(MODULE);
}

#define test_shared()							\
	struct shared shared = {					\
		.fd = { self->fd, iommufd_open() },			\
		.group = self->group,					\
		.bdf = self->edu.pci.bdf,				\
	};								\
									\
	ASSERT_GE(shared.fd[1], 0)

TEST_F(container, race_of_all_calls)
{
	struct race_thread threads[] = {
		{ step_set, { EINVAL }, .name = "set" },
		{ step_set_stock, { EINVAL, EBUSY }, .may_starve = true,
		  .name = "set stock" },
		{ step_unset, { EINVAL, EBUSY }, .name = "unset" },
		{ step_device, { EINVAL, EBUSY }, .name = "device" },
		{ step_device, { EINVAL, EBUSY }, .name = "device" },
		{ step_status, { 0 }, .name = "status" },
	};
	test_shared();

	test_race(threads, &shared, 3000);
	close(shared.fd[1]);
}

/*
 * On one processor a thread without a pause is in a call, and keeps the module,
 * nearly whenever another one runs.
 */
#define PAUSE_US 200

TEST_F(container, race_with_unload)
{
	struct race_thread threads[] = {
		{ step_set, { EINVAL, EBADFD }, .pause_us = PAUSE_US,
		  .name = "set" },
		{ step_unset, { EINVAL, EBUSY }, .pause_us = PAUSE_US,
		  .name = "unset" },
		{ step_device, { EINVAL, EBUSY }, .pause_us = PAUSE_US,
		  .name = "device" },
		{ step_status, { 0 }, .pause_us = PAUSE_US, .name = "status" },
		{ step_module, { EWOULDBLOCK, EAGAIN }, .name = "module" },
	};
	test_shared();

	ASSERT_TRUE(race_on_one_cpu());
	test_race(threads, &shared, 3000);
	close(shared.fd[1]);
	ASSERT_TRUE(module_is_loaded(MODULE));
}

TEST_HARNESS_MAIN
