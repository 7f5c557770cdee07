// SPDX-License-Identifier: GPL-2.0
/*
 * The file that has bound a cdev owns the device until its last descriptor is
 * closed, wherever that is: in another process, in a message, or in the middle
 * of an ioctl. Programs that compete for a cdev get it one at a time.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "common.h"
#include "stuck.h"

#define COMPETITORS	4
#define ROUNDS		10
#define USER		1000

FIXTURE(ownership) {
	int fd;
	struct pci_device pci;
	struct edu edu;
	uint8_t *mem;
};

FIXTURE_SETUP(ownership)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	self->edu.cdev = -1;
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->pci);
	self->edu.pci = self->pci;
	self->mem = test_mem(mem_anon(4 * PAGE));
}

/* Nothing keeps the device. */
FIXTURE_TEARDOWN(ownership)
{
	edu_close(&self->edu);
	if (self->fd < 0)
		self->fd = iommufd_open();
	EXPECT_EQ(0, edu_open(&self->edu, self->fd));
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* Open the cdev and bind it. Returns the file in *@cdev, -1 on failure. */
static int take(const struct pci_device *pci, int fd, int *cdev)
{
	uint32_t devid;
	int rc;

	*cdev = vfio_cdev_open(pci);
	if (*cdev < 0)
		return errno;
	rc = _test_vfio_bind(*cdev, fd, &devid);
	if (rc) {
		close(*cdev);
		*cdev = -1;
	}
	return rc;
}

#define test_taken()							\
	do {								\
		int __cdev;						\
									\
		test_err(EINVAL, take(&self->pci, self->fd, &__cdev));	\
	} while (0)
#define test_free()							\
	do {								\
		int __cdev;						\
									\
		test_ok(take(&self->pci, self->fd, &__cdev));		\
		close(__cdev);						\
	} while (0)

struct competitor {
	struct child child;
	const struct pci_device *pci;
	int gate[2];	/* opens when the parent closes its end */
};

static int compete(void *arg)
{
	struct competitor *competitor = arg;
	int fd = iommufd_open(), cdev = vfio_cdev_open(competitor->pci);
	uint32_t devid;
	char byte;

	close(competitor->gate[1]);
	if (fd < 0 || cdev < 0 || read(competitor->gate[0], &byte, 1))
		return EPROTO;
	return _test_vfio_bind(cdev, fd, &devid);
}

TEST_F(ownership, one_of_several_processes_binds)
{
	struct competitor competitor[COMPETITORS];
	unsigned int winners;
	int gate[2], rc;

	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(0, pipe2(gate, O_CLOEXEC));
		for (int i = 0; i < COMPETITORS; i++) {
			competitor[i].pci = &self->pci;
			memcpy(competitor[i].gate, gate, sizeof(gate));
			ASSERT_TRUE(child_start(&competitor[i].child, compete,
						&competitor[i]));
		}
		sleep_ms(20);
		close(gate[1]);
		winners = 0;
		for (int i = 0; i < COMPETITORS; i++) {
			rc = child_result(&competitor[i].child);
			winners += !rc;
			ASSERT_TRUE(!rc || rc == EINVAL)
				TH_LOG("%s", strerror(rc));
		}
		ASSERT_EQ(1, winners);
		test_taken();
		/* A child has the leashes of those before it. */
		for (int i = COMPETITORS - 1; i >= 0; i--)
			child_end(&competitor[i].child);
		close(gate[0]);
		test_free();
	}
}

TEST_F(ownership, duplicates_are_the_same_file)
{
	struct vfio_device_info info;
	int iommufd = dup(self->fd), cdev, copy;

	cdev = vfio_cdev_open(&self->pci);
	ASSERT_GE(cdev, 0);
	copy = dup(cdev);
	ASSERT_GE(copy, 0);
	test_ok(_test_vfio_bind(copy, iommufd, &self->edu.devid));
	close(iommufd);
	test_ok(_test_vfio_device_info(cdev, &info));
	test_err(EINVAL, _test_vfio_bind(cdev, self->fd, &self->edu.devid));
	close(copy);
	test_ok(_test_vfio_device_info(cdev, &info));
	test_taken();
	/* dup2() closes the last descriptor. */
	ASSERT_EQ(cdev, dup2(self->fd, cdev));
	test_free();
	close(cdev);
}

static int send_files(int socket, const int *files, size_t size)
{
	char control[CMSG_SPACE(2 * sizeof(int))] = { };
	struct iovec byte = { (void *)"", 1 };
	struct msghdr msg = {
		.msg_iov = &byte, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(size),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(cmsg), files, size);
	return sendmsg(socket, &msg, 0) == 1 ? 0 : errno;
}

static int receive_files(int socket, int *files, size_t size)
{
	char control[CMSG_SPACE(2 * sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = CMSG_SPACE(size),
	};
	struct cmsghdr *cmsg;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_len != CMSG_LEN(size))
		return EPROTO;
	memcpy(files, CMSG_DATA(cmsg), size);
	return 0;
}

/* As a monitor of virtual machines that gets its files from a manager */
static int use_received(int socket)
{
	uint8_t *mem = mem_anon(2 * PAGE);
	struct edu edu = { .cdev = -1 };
	uint64_t iova = IOVA;
	int files[2], rc;
	uint32_t ioas;

	if (!mem || !become_user(USER, 1 << 20))
		return EPROTO;
	rc = receive_files(socket, files, sizeof(files));
	if (rc)
		return rc;
	edu.cdev = files[1];
	rc = rc ?: _test_vfio_bind(edu.cdev, files[0], &edu.devid);
	rc = rc ?: edu_start(&edu, edu.cdev);
	rc = rc ?: _test_ioas_alloc(files[0], &ioas);
	edu.pt_id = ioas;
	rc = rc ?: _test_vfio_attach(edu.cdev, &edu.pt_id);
	rc = rc ?: _test_ioas_map(files[0], ioas, mem, 2 * PAGE, &iova,
				  MAP_RW | MAP_FIXED_IOVA);
	if (rc)
		return rc;
	mem_fill(mem, 100, 1);
	if (!edu_load(&edu, IOVA, 100) || !edu_store(&edu, IOVA + PAGE, 100))
		return EIO;
	return mem_is(mem + PAGE, 100, 1) ? 0 : EILSEQ;
}

static int be_monitor(void *arg)
{
	return use_received(*(int *)arg);
}

TEST_F(ownership, passed_to_a_process_without_rights)
{
	int sockets[2], files[2] = { self->fd, -1 };
	struct child monitor;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0,
				sockets));
	/* The child is forked first and so inherits neither file. */
	close(self->fd);
	ASSERT_TRUE(child_start(&monitor, be_monitor, &sockets[1]));
	files[0] = iommufd_open();
	files[1] = vfio_cdev_open(&self->pci);
	ASSERT_GE(files[1], 0);
	test_ok(send_files(sockets[0], files, sizeof(files)));
	close(files[0]);
	close(files[1]);
	test_ok(child_result(&monitor));
	self->fd = iommufd_open();
	test_taken();
	/* SIGKILL closes the files. */
	child_kill(&monitor);
	test_free();
	close(sockets[0]);
	close(sockets[1]);
}

TEST_F(ownership, kept_by_a_message_that_is_never_received)
{
	int sockets[2], cdev;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0,
				sockets));
	test_ok(take(&self->pci, self->fd, &cdev));
	test_ok(send_files(sockets[0], &cdev, sizeof(cdev)));
	close(cdev);
	test_taken();
	close(sockets[0]);
	test_taken();
	/* The message goes with the socket that it was sent to. */
	close(sockets[1]);
	test_free();
}

TEST_F(ownership, works_after_the_iommufd_is_closed)
{
	struct edu *edu = &self->edu;
	uint32_t ioas;

	test_ok(edu_open(edu, self->fd));
	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, self->mem, 4 * PAGE, IOVA,
				MAP_RW));
	close(self->fd);
	self->fd = -1;
	edu->pt_id = ioas;
	test_attach(edu->cdev, &edu->pt_id);
	mem_fill(self->mem, 100, 2);
	ASSERT_TRUE(edu_load(edu, IOVA, 100));
	ASSERT_TRUE(edu_store(edu, IOVA + PAGE, 100));
	ASSERT_TRUE(mem_is(self->mem + PAGE, 100, 2));
	test_detach(edu->cdev);
	edu_close(edu);
}

static pid_t start_take(const struct pci_device *pci)
{
	pid_t pid = fork();
	int cdev;

	if (!pid)
		_exit(take(pci, iommufd_open(), &cdev));
	return pid;
}

/* The ioctl has the file; its end closes both files. */
TEST_F(ownership, kept_by_a_running_ioctl)
{
	struct attacher attacher = { .rc = -1 };
	struct stuck stuck;
	pid_t other;
	int rc;

	if (!stuck_possible())
		SKIP(return, "this kernel has no CONFIG_USERFAULTFD");
	ASSERT_TRUE(stuck_open(&stuck, 4 * PAGE, 2));
	test_ioas_alloc(&attacher.ioas);
	test_ok(_test_map_fixed(self->fd, attacher.ioas, stuck.mem, 4 * PAGE,
				IOVA, MAP_RW));
	test_ok(take(&self->pci, self->fd, &attacher.cdev));
	ASSERT_EQ(0, pthread_create(&attacher.thread, NULL, attacher_run,
				    &attacher));
	test_ok(stuck_wait(&stuck, LIMIT_MS * slowness()));
	close(attacher.cdev);
	close(self->fd);
	self->fd = -1;
	/* BIND of another program waits for the attach. It can be killed. */
	other = start_take(&self->pci);
	ASSERT_EQ(-1, child_ended(other, WAIT_MS * slowness()));
	ASSERT_EQ(0, kill(other, SIGKILL));
	ASSERT_EQ(128, child_ended(other, LIMIT_MS * slowness()));
	other = start_take(&self->pci);
	ASSERT_EQ(-1, child_ended(other, WAIT_MS * slowness()));
	ASSERT_EQ(-1, attacher.rc);
	stuck_release(&stuck);
	ASSERT_EQ(0, pthread_join(attacher.thread, NULL));
	ASSERT_EQ(0, attacher.rc);
	/* It may come before or after the release of the file. */
	rc = child_ended(other, LIMIT_MS * slowness());
	ASSERT_TRUE(!rc || rc == EINVAL);
}

/* An id means something in its own context only. */
TEST_F(ownership, ids_of_another_context_are_enoent)
{
	uint32_t ioas, hwpt, len = 0, type, pad;
	int other = iommufd_open();
	struct edu second;

	ASSERT_GE(other, 0);
	/* The other context has ids that this one does not have. */
	for (int i = 0; i < 8; i++)
		test_ok(_test_ioas_alloc(other, &pad));
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &second.pci);
	test_ok(edu_open(&self->edu, self->fd));
	test_ok(edu_open(&second, other));
	test_ok(_test_ioas_alloc(other, &pad));
	test_ioas_alloc(&ioas);
	test_err(ENOENT, _test_vfio_attach(self->edu.cdev, &pad));
	test_err(ENOENT, _test_hwpt_alloc(self->fd, second.devid, ioas, &hwpt));
	test_err(ENOENT, _test_hw_info(self->fd, second.devid, NULL, &len,
				       &type));
	test_err_destroy(ENOENT, second.devid);
	edu_close(&second);
	close(other);
}

TEST_F(ownership, bind_to_a_path_is_ebadf)
{
	int path = open("/dev/iommu", O_PATH | O_CLOEXEC), cdev;

	ASSERT_GE(path, 0);
	test_err(EBADF, take(&self->pci, path, &cdev));
	close(path);
	test_free();
}

/* An O_PATH descriptor of the cdev knows no ioctl, and is not a user. */
TEST_F(ownership, path_to_a_cdev_is_no_file)
{
	int path = open(self->pci.cdev, O_PATH | O_CLOEXEC);
	uint32_t devid;

	ASSERT_GE(path, 0);
	test_err(EBADF, _test_vfio_bind(path, self->fd, &devid));
	test_free();
	close(path);
}

TEST_HARNESS_MAIN
