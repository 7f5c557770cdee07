// SPDX-License-Identifier: GPL-2.0
/* A cdev from open to close: which calls work before and after BIND. */
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common.h"

FIXTURE(cdev) {
	int fd;
	int cdev;
	struct pci_device pci;
	uint32_t devid;
};

FIXTURE_SETUP(cdev)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->pci);
	self->cdev = vfio_cdev_open(&self->pci);
	ASSERT_GE(self->cdev, 0) TH_LOG("%s: %s", self->pci.cdev,
					strerror(errno));
}

FIXTURE_TEARDOWN(cdev)
{
	close(self->cdev);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

#define test_bind() test_ok(_test_vfio_bind(self->cdev, self->fd, &self->devid))
#define test_err_bind(_errno, _cdev, _iommufd)				\
	do {								\
		uint32_t __devid = 0;					\
									\
		test_err(_errno, _test_vfio_bind(_cdev, _iommufd, &__devid)); \
		EXPECT_EQ(0, __devid);					\
	} while (0)

/* The argument is large and well formed enough for every ioctl of VFIO. */
static int send_any(int cdev, unsigned int nr)
{
	uint32_t arg[64] = { sizeof(arg) };

	return ioctl(cdev, _IO(VFIO_TYPE, VFIO_BASE + nr), arg) < 0 ? errno : 0;
}

TEST_F(cdev, nothing_works_before_bind)
{
	struct vfio_device_info info;
	char byte = 0;

	EXPECT_EQ(EINVAL, _test_vfio_device_info(self->cdev, &info));
	EXPECT_EQ(EINVAL, _test_vfio_reset(self->cdev));
	EXPECT_EQ(EINVAL, _test_vfio_detach(self->cdev));
	for (unsigned int nr = 0; nr < 32; nr++) {
		if (VFIO_BASE + nr == (VFIO_DEVICE_BIND_IOMMUFD & 0xff))
			continue;
		EXPECT_EQ(EINVAL, send_any(self->cdev, nr))
			TH_LOG("ioctl VFIO_BASE + %u", nr);
	}
	EXPECT_EQ(-1, pread(self->cdev, &byte, 1, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, pwrite(self->cdev, &byte, 1, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED,
				   self->cdev, 0));
	EXPECT_EQ(EINVAL, errno);
}

/* The test machine has no udev: the mode is the kernel's. */
TEST_F(cdev, node_belongs_to_root)
{
	struct stat st;

	ASSERT_EQ(0, stat(self->pci.cdev, &st));
	EXPECT_EQ(S_IFCHR | 0600, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
}

TEST_F(cdev, bind_gives_the_lowest_free_id)
{
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_bind();
	ASSERT_EQ(2, self->devid);
}

TEST_F(cdev, bind_needs_an_iommufd)
{
	int pipes[2], closed;

	closed = dup(self->fd);
	close(closed);
	test_err_bind(EBADF, self->cdev, closed);
	ASSERT_EQ(0, pipe(pipes));
	test_err_bind(EBADFD, self->cdev, pipes[0]);
	test_err_bind(EBADFD, self->cdev, self->cdev);
	/* A negative descriptor is a wrong argument. */
	test_err_bind(EINVAL, self->cdev, -1);
	/* After all these errors the cdev can still be bound. */
	test_bind();
}

TEST_F(cdev, bind_checks_its_struct)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = 12,
		.iommufd = self->fd,
	};
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	test_err(EINVAL, iommufd_ioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD,
				       &bind));
	bind.argsz = sizeof(bind);
	bind.flags = 1U << 31;
	test_err(EINVAL, iommufd_ioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD,
				       &bind));
	test_err(EFAULT, iommufd_ioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD,
				       NULL));
	/* The id cannot be written: the device must not stay bound. */
	bind.flags = 0;
	memcpy(mem, &bind, sizeof(bind));
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD,
				       mem));
	test_bind();
}

/* The first version of the struct, at the end of a page */
TEST_F(cdev, bind_from_an_old_client)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	struct {
		uint32_t argsz, flags;
		int32_t iommufd;
		uint32_t out_devid;
	} *old = (void *)(mem + PAGE - sizeof(*old));

	ASSERT_EQ(0, mprotect(mem + PAGE, PAGE, PROT_NONE));
	old->argsz = sizeof(*old);
	old->flags = 0;
	old->iommufd = self->fd;
	ASSERT_EQ(0, iommufd_ioctl(self->cdev, VFIO_DEVICE_BIND_IOMMUFD, old));
	ASSERT_EQ(1, old->out_devid);
}

/*
 * BIND with a struct of @argsz bytes at the end of a page; beyond the 24 that the
 * kernel knows all but the last byte are zero. Returns 0 or the errno.
 */
static int bind_of_size(int cdev, int iommufd, size_t argsz, uint32_t flags,
			uint8_t last)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = argsz,
		.flags = flags,
		.iommufd = iommufd,
	};
	uint8_t *mem = mem_anon(3 * PAGE);
	uint8_t *arg = mem + 2 * PAGE - argsz;
	int rc;

	if (!mem || mprotect(mem + 2 * PAGE, PAGE, PROT_NONE))
		return ENOMEM;
	memcpy(arg, &bind, argsz < sizeof(bind) ? argsz : sizeof(bind));
	if (argsz > sizeof(bind))
		arg[argsz - 1] = last;
	rc = iommufd_ioctl(cdev, VFIO_DEVICE_BIND_IOMMUFD, arg);
	munmap(mem, 3 * PAGE);
	return rc;
}

TEST_F(cdev, bind_of_every_size)
{
	static const size_t sizes[] = { 16, 17, 23, 24, 25, 32, PAGE };
	const uint32_t unknown = 1U << 1;

	for (size_t argsz = 4; argsz < 16; argsz++)
		test_err(EINVAL, bind_of_size(self->cdev, self->fd, argsz, 0, 0));
	test_err(E2BIG, bind_of_size(self->cdev, self->fd, PAGE + 1, 0, 0));
	test_err(E2BIG, bind_of_size(self->cdev, self->fd, 25, 0, 1));
	test_err(E2BIG, bind_of_size(self->cdev, self->fd, PAGE, 0, 1));
	/* The size comes before all other members. */
	test_err(E2BIG, bind_of_size(self->cdev, -1, 25, unknown, 1));
	test_err(EINVAL, bind_of_size(self->cdev, self->fd, 24, unknown, 0));
	/* A token pointer that the struct does not have is NULL. */
	test_err(EFAULT, bind_of_size(self->cdev, self->fd, 16,
				      VFIO_DEVICE_BIND_FLAG_TOKEN, 0));
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		test_ok(bind_of_size(self->cdev, self->fd, sizes[i], 0, 0));
		close(self->cdev);
		self->cdev = vfio_cdev_open(&self->pci);
		ASSERT_GE(self->cdev, 0);
	}
	/* Without the flag the pointer is not looked at. */
	test_bind();
}

TEST_F(cdev, second_bind_is_einval)
{
	int other = iommufd_open();

	ASSERT_GE(other, 0);
	test_bind();
	test_err_bind(EINVAL, self->cdev, self->fd);
	test_err_bind(EINVAL, self->cdev, other);
	close(other);
}

TEST_F(cdev, only_one_open_file_can_bind)
{
	int second = vfio_cdev_open(&self->pci);
	struct vfio_device_info info;
	uint32_t devid;

	ASSERT_GE(second, 0);
	test_bind();
	test_err_bind(EINVAL, second, self->fd);
	ASSERT_EQ(EINVAL, _test_vfio_device_info(second, &info));
	/* Close of the file that is not bound has no effect on the other. */
	close(second);
	test_ok(_test_vfio_device_info(self->cdev, &info));
	second = vfio_cdev_open(&self->pci);
	ASSERT_GE(second, 0);
	close(self->cdev);
	test_ok(_test_vfio_bind(second, self->fd, &devid));
	ASSERT_EQ(1, devid);
	close(second);
}

TEST_F(cdev, close_unbinds)
{
	for (int i = 0; i < 10; i++) {
		test_bind();
		ASSERT_EQ(1, self->devid);
		test_err_destroy(EBUSY, 1);
		close(self->cdev);
		test_err_destroy(ENOENT, 1);
		self->cdev = vfio_cdev_open(&self->pci);
		ASSERT_GE(self->cdev, 0);
	}
}

TEST_F(cdev, works_after_bind)
{
	struct vfio_device_info info;
	struct vfio_region_info region;
	struct vfio_irq_info irq;

	test_bind();
	test_ok(_test_vfio_device_info(self->cdev, &info));
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_PCI);
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, info.num_regions);
	EXPECT_EQ(VFIO_PCI_NUM_IRQS, info.num_irqs);
	test_ok(_test_vfio_region_info(self->cdev, VFIO_PCI_BAR0_REGION_INDEX,
				       &region));
	EXPECT_EQ(EDU_BAR_SIZE, region.size);
	test_ok(_test_vfio_irq_info(self->cdev, VFIO_PCI_MSI_IRQ_INDEX, &irq));
	EXPECT_EQ(1, irq.count);
	EXPECT_EQ(EINVAL, _test_vfio_region_info(self->cdev, 1000, &region));
	EXPECT_EQ(EINVAL, _test_vfio_irq_info(self->cdev, 1000, &irq));
	/* A number at the end of the table, and one of another type */
	EXPECT_EQ(ENOTTY, send_any(self->cdev, 31));
	EXPECT_EQ(ENOTTY, ioctl(self->cdev, _IO('x', 1), &info) ? errno : 0);
}

TEST_F(cdev, info_structs_that_are_too_short)
{
	struct vfio_device_info info = { .argsz = 8 };
	struct vfio_region_info region = { .argsz = 8 };
	struct vfio_irq_info irq = { .argsz = 8 };

	test_bind();
	test_err(EINVAL, iommufd_ioctl(self->cdev, VFIO_DEVICE_GET_INFO, &info));
	test_err(EINVAL, iommufd_ioctl(self->cdev, VFIO_DEVICE_GET_REGION_INFO,
				       &region));
	test_err(EINVAL, iommufd_ioctl(self->cdev, VFIO_DEVICE_GET_IRQ_INFO,
				       &irq));
}

TEST_F(cdev, attach_needs_a_valid_id)
{
	uint32_t pt;
	static const uint32_t bad[] = { 0, 1000, 0x7fffffff, 0x80000000, ~0U };

	test_bind();
	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		pt = bad[i];
		test_err_attach(ENOENT, self->cdev, &pt);
	}
	/* An object that is neither an IOAS nor a HWPT */
	pt = self->devid;
	test_err_attach(EINVAL, self->cdev, &pt);
}

TEST_F(cdev, attach_and_detach_check_their_structs)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = 8 };
	struct vfio_device_detach_iommufd_pt detach = { .argsz = 4 };
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint32_t pt;

	test_bind();
	test_ioas_alloc(&attach.pt_id);
	pt = attach.pt_id;
	test_err(EINVAL, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	test_err(EINVAL, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	attach.argsz = sizeof(attach);
	attach.flags = 1U << 31;
	test_err(EINVAL, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	detach.argsz = sizeof(detach);
	detach.flags = 1U << 31;
	test_err(EINVAL, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	test_err(EFAULT, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_ATTACH_IOMMUFD_PT, NULL));
	/* An attach whose answer cannot be written is undone. */
	attach.flags = 0;
	memcpy(mem, &attach, sizeof(attach));
	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_ATTACH_IOMMUFD_PT, mem));
	test_destroy(pt);
}

/*
 * Issue @_cmd with a struct of @_size readable bytes that says @_argsz. The
 * first version of a struct ends with its last member in this call; later
 * clients pass more bytes.
 */
#define test_struct(_cmd, _size, _argsz, ...)				\
	do {								\
		const uint32_t __init[] = { _argsz, __VA_ARGS__ };	\
		uint8_t *__mem = test_mem(mem_anon(2 * PAGE));		\
		uint8_t *__arg = __mem + PAGE - (_size);		\
									\
		memset(__arg, 0xa5, _size);				\
		memcpy(__arg, __init, sizeof(__init));			\
		ASSERT_EQ(0, mprotect(__mem + PAGE, PAGE, PROT_NONE));	\
		test_ok(iommufd_ioctl(self->cdev, _cmd, __arg));	\
		ASSERT_EQ(0, munmap(__mem, 2 * PAGE));			\
	} while (0)

TEST_F(cdev, attach_and_detach_from_old_and_new_clients)
{
	static const size_t more[] = { 0, 4, 64, PAGE - 12 };
	uint32_t ioas;

	test_bind();
	test_ioas_alloc(&ioas);
	for (int i = 0; i < ARRAY_SIZE(more); i++) {
		test_struct(VFIO_DEVICE_ATTACH_IOMMUFD_PT, 12 + more[i],
			    12 + more[i], 0, ioas);
		test_err_destroy(EBUSY, ioas);
		test_struct(VFIO_DEVICE_DETACH_IOMMUFD_PT, 8 + more[i],
			    8 + more[i], 0);
	}
	/* The kernel reads nothing beyond the members it knows. */
	test_struct(VFIO_DEVICE_ATTACH_IOMMUFD_PT, 12, 64, 0, ioas);
	test_struct(VFIO_DEVICE_DETACH_IOMMUFD_PT, 8, 64, 0);
	test_destroy(ioas);
}

/* Has @fd's fdinfo the directory of the device in sysfs? */
static bool has_syspath(int fd, const char *bdf)
{
	char link[64], dir[PATH_MAX], told[PATH_MAX];

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", bdf);
	return realpath(link, dir) &&
	       vfio_fdinfo_syspath(fd, told, sizeof(told)) &&
	       !strcmp(dir, told);
}

TEST_F(cdev, fdinfo_has_the_path_of_the_device)
{
	EXPECT_TRUE(has_syspath(self->cdev, self->pci.bdf));
	test_bind();
	EXPECT_TRUE(has_syspath(self->cdev, self->pci.bdf));
	EXPECT_FALSE(has_syspath(self->fd, self->pci.bdf));
}

/* The number behind a key of @fd's fdinfo; -1 if it is not there */
static long fdinfo_number(int fd, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return file_read_key(path, key);
}

TEST_F(cdev, fdinfo_has_ids)
{
	uint32_t ioas, hwpt, pt;

	EXPECT_EQ(-1, fdinfo_number(self->cdev, "vfio-device-iommufd-id:"));
	EXPECT_EQ(-1, fdinfo_number(self->cdev, "vfio-device-pt-id:"));
	test_bind();
	EXPECT_EQ(self->devid,
		  (uint32_t)fdinfo_number(self->cdev,
					  "vfio-device-iommufd-id:"));
	EXPECT_EQ(0, fdinfo_number(self->cdev, "vfio-device-pt-id:"));
	test_ioas_alloc(&ioas);
	pt = ioas;
	test_attach(self->cdev, &pt);
	EXPECT_EQ(pt, (uint32_t)fdinfo_number(self->cdev,
					      "vfio-device-pt-id:"));
	test_hwpt_alloc(self->devid, ioas, &hwpt);
	pt = hwpt;
	test_attach(self->cdev, &pt);
	EXPECT_EQ(hwpt, (uint32_t)fdinfo_number(self->cdev,
						"vfio-device-pt-id:"));
	test_detach(self->cdev);
	EXPECT_EQ(0, fdinfo_number(self->cdev, "vfio-device-pt-id:"));
}

/* No device of the test machine has PASIDs. */
TEST_F(cdev, pasids_are_eopnotsupp)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.flags = VFIO_DEVICE_ATTACH_PASID | 1U << 1,
		.pasid = 1,
	};
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
		.flags = VFIO_DEVICE_DETACH_PASID | 1U << 1,
		.pasid = 1,
	};
	uint32_t ioas, pt;

	test_bind();
	test_ioas_alloc(&ioas);
	attach.pt_id = ioas;
	test_err(EINVAL, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach));
	test_err(EINVAL, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach));
	for (uint32_t argsz = 0; argsz < 16; argsz++)
		test_err(EINVAL, _test_vfio_attach_pasid(self->cdev, argsz, 1,
							 ioas));
	for (uint32_t argsz = 0; argsz < 12; argsz++)
		test_err(EINVAL, _test_vfio_detach_pasid(self->cdev, argsz, 1));
	/* 0 stands for the device itself, which has no flag. */
	test_err(EINVAL, _test_vfio_attach_pasid(self->cdev, 16, 0, ioas));
	test_err(EINVAL, _test_vfio_detach_pasid(self->cdev, 12, 0));
	test_err(EOPNOTSUPP, _test_vfio_attach_pasid(self->cdev, 16, 1, ioas));
	test_err(EOPNOTSUPP, _test_vfio_attach_pasid(self->cdev, 64, 1, ioas));
	test_err(EOPNOTSUPP, _test_vfio_detach_pasid(self->cdev, 12, 1));
	test_err(EOPNOTSUPP, _test_vfio_detach_pasid(self->cdev, 64, 1));
	/* None of them attached or detached the device itself. */
	test_destroy(ioas);
	test_ioas_alloc(&ioas);
	pt = ioas;
	test_attach(self->cdev, &pt);
	test_err(EOPNOTSUPP, _test_vfio_detach_pasid(self->cdev, 12, 1));
	test_err(EINVAL, _test_vfio_detach_pasid(self->cdev, 12, 0));
	test_err_destroy(EBUSY, ioas);
}

TEST_F(cdev, pasid_that_cannot_be_read_is_efault)
{
	const uint32_t attach[] = { 16, VFIO_DEVICE_ATTACH_PASID, 0 };
	const uint32_t detach[] = { 12, VFIO_DEVICE_DETACH_PASID };
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));

	test_bind();
	ASSERT_EQ(0, munmap(mem + PAGE, PAGE));
	memcpy(mem + PAGE - sizeof(attach), attach, sizeof(attach));
	test_err(EFAULT, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_ATTACH_IOMMUFD_PT,
				       mem + PAGE - sizeof(attach)));
	memcpy(mem + PAGE - sizeof(detach), detach, sizeof(detach));
	test_err(EFAULT, iommufd_ioctl(self->cdev,
				       VFIO_DEVICE_DETACH_IOMMUFD_PT,
				       mem + PAGE - sizeof(detach)));
	munmap(mem, PAGE);
}

TEST_F(cdev, detach_without_attach)
{
	test_bind();
	test_detach(self->cdev);
	test_detach(self->cdev);
}

TEST_F(cdev, cdev_and_iommufd_closed_in_either_order)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint32_t ioas, pt;

	for (int i = 0; i < 4; i++) {
		test_bind();
		test_ioas_alloc(&ioas);
		pt = ioas;
		test_attach(self->cdev, &pt);
		test_ok(_test_map_fixed(self->fd, ioas, mem, 8 * PAGE, IOVA,
					MAP_RW));
		test_pinned(32);
		if (i % 2) {
			close(self->cdev);
			/* Close detaches, so that nothing is pinned. */
			test_pinned(0);
			close(self->fd);
		} else {
			close(self->fd);
			test_pinned(32);
			close(self->cdev);
		}
		test_pinned(0);
		self->fd = iommufd_open();
		self->cdev = vfio_cdev_open(&self->pci);
		ASSERT_GE(self->cdev, 0);
	}
}

struct inherited {
	int cdev;
	int fd;
};

static int use_inherited(void *arg)
{
	struct inherited *in = arg;
	struct vfio_device_info info;
	uint32_t ioas = 0;
	int rc;

	rc = _test_ioas_alloc(in->fd, &ioas);
	if (!rc)
		rc = _test_vfio_attach(in->cdev, &ioas);
	if (!rc)
		rc = _test_vfio_device_info(in->cdev, &info);
	return rc;
}

TEST_F(cdev, files_are_inherited_over_fork)
{
	struct inherited in = { self->cdev, self->fd };
	struct child child;
	uint32_t devid;

	test_bind();
	ASSERT_TRUE(child_start(&child, use_inherited, &in));
	ASSERT_EQ(0, child_result(&child));
	/* The child still has the file, so that the device stays bound. */
	close(self->cdev);
	self->cdev = vfio_cdev_open(&self->pci);
	ASSERT_GE(self->cdev, 0);
	test_err_bind(EINVAL, self->cdev, self->fd);
	child_end(&child);
	test_ok(_test_vfio_bind(self->cdev, self->fd, &devid));
}

/* The user turns bus mastering on; close turns it off. */
TEST_F(cdev, bus_mastering_is_off_at_first)
{
	uint16_t command;

	for (int i = 0; i < 2; i++) {
		test_bind();
		test_ok(vfio_config_read(self->cdev, PCI_COMMAND, &command, 2));
		ASSERT_EQ(0, command & PCI_COMMAND_MASTER);
		test_ok(vfio_enable_dma(self->cdev));
		close(self->cdev);
		self->cdev = vfio_cdev_open(&self->pci);
		ASSERT_GE(self->cdev, 0);
	}
}

/* Every device of the test machine can be bound through its cdev. */
TEST_F(cdev, bind_of_every_device)
{
	static const struct pci_id * const ids[] = {
		&pci_edu, &pci_nvme, &pci_ivshmem
	};
	struct vfio_device_info info;
	struct pci_device pci;
	unsigned int found = 0;
	uint32_t devid;

	for (int i = 0; i < ARRAY_SIZE(ids); i++) {
		for (int n = 0; pci_find(ids[i], PCI_ANYWHERE, n, &pci); n++) {
			int cdev = vfio_cdev_open(&pci);

			ASSERT_GE(cdev, 0);
			test_ok(_test_vfio_bind(cdev, self->fd, &devid));
			test_ok(_test_vfio_device_info(cdev, &info));
			ASSERT_TRUE(info.flags & VFIO_DEVICE_FLAGS_PCI);
			close(cdev);
			found++;
		}
	}
	ASSERT_GT(found, 0);
}

TEST_HARNESS_MAIN
