// SPDX-License-Identifier: GPL-2.0
/*
 * A file of a cdev can be added to a virtual machine. A driver sees the virtual
 * machine that the file was in at BIND, which then exists until the device is
 * closed: its directory in debugfs shows how long.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kvm_space.h"
#include "race.h"

#define RACE_MS		3000
#define PAUSE		6	/* times the length of a step, at most */

FIXTURE(kvm) { struct kvm_space; };

FIXTURE_SETUP(kvm)
{
	kvm_space_setup(self);
}

FIXTURE_TEARDOWN(kvm)
{
	kvm_space_teardown((struct kvm_space *)self);
}

TEST_F(kvm, file_is_added_and_removed)
{
	test_ok(_test_kvm_has(&self->vm, KVM_FILE_ADD));
	test_ok(_test_kvm_has(&self->vm, KVM_FILE_DEL));
	for (int i = 0; i < 2; i++) {
		test_err_kvm_del(ENOENT, &self->vm, self->edu.cdev);
		test_kvm_add(&self->vm, self->edu.cdev);
		test_err_kvm_add(EEXIST, &self->vm, self->edu.cdev);
		test_kvm_del(&self->vm, self->edu.cdev);
		test_err_kvm_del(ENOENT, &self->vm, self->edu.cdev);
	}
	/* The same with a bound device, which works on */
	test_bind();
	test_kvm_add(&self->vm, self->edu.cdev);
	test_err_kvm_add(EEXIST, &self->vm, self->edu.cdev);
	test_ok(edu_start(&self->edu, self->edu.cdev));
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
	test_kvm_del(&self->vm, self->edu.cdev);
	ASSERT_EQ(EDU_ID_VALUE, edu_read(&self->edu, EDU_ID));
}

TEST_F(kvm, files_that_are_not_of_vfio)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ASSERT_GE(null, 0);
	test_err_kvm_add(EINVAL, &self->vm, null);
	test_err_kvm_add(EINVAL, &self->vm, self->fd);
	test_err_kvm_add(EINVAL, &self->vm, self->vm.fd);
	close(null);
	test_err_kvm_add(EBADF, &self->vm, null);
	test_err_kvm_add(EBADF, &self->vm, -1);
}

TEST_F(kvm, file_of_a_group_is_added)
{
	int group = vfio_group_open(self->edu.pci.group);

	ASSERT_GE(group, 0);
	test_kvm_add(&self->vm, group);
	test_kvm_add(&self->vm, self->edu.cdev);
	test_err_kvm_add(EEXIST, &self->vm, group);
	test_kvm_del(&self->vm, group);
	test_kvm_del(&self->vm, self->edu.cdev);
	close(group);
	test_bind();
}

TEST_F(kvm, dup_is_the_same_file)
{
	int copy = dup(self->edu.cdev);

	ASSERT_GE(copy, 0);
	test_kvm_add(&self->vm, self->edu.cdev);
	test_err_kvm_add(EEXIST, &self->vm, copy);
	close(self->edu.cdev);
	test_kvm_del(&self->vm, copy);
	test_kvm_add(&self->vm, copy);
	self->edu.cdev = copy;
	test_bind();
	kvm_vm_close(&self->vm);
	test_lives(&self->vm);
}

/* Two files of one device are two files. */
TEST_F(kvm, only_the_file_that_binds_counts)
{
	int other = vfio_cdev_open(&self->edu.pci);

	ASSERT_GE(other, 0);
	test_kvm_add(&self->vm, other);
	test_bind();
	test_kvm_add(&self->vm, self->edu.cdev);
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
	close(other);
}

TEST_F(kvm, vm_lives_as_long_as_the_device_is_open)
{
	test_kvm_add(&self->vm, self->edu.cdev);
	test_bind();
	kvm_vm_close(&self->vm);
	test_lives(&self->vm);
	edu_close(&self->edu);
	test_ends(&self->vm);
}

TEST_F(kvm, vm_of_a_file_that_is_removed_after_bind)
{
	test_kvm_add(&self->vm, self->edu.cdev);
	test_bind();
	test_kvm_del(&self->vm, self->edu.cdev);
	kvm_vm_close(&self->vm);
	test_lives(&self->vm);
	edu_close(&self->edu);
	test_ends(&self->vm);
}

TEST_F(kvm, file_that_is_added_after_bind_is_too_late)
{
	test_bind();
	test_kvm_add(&self->vm, self->edu.cdev);
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
}

TEST_F(kvm, file_that_is_removed_before_bind)
{
	test_kvm_add(&self->vm, self->edu.cdev);
	test_kvm_del(&self->vm, self->edu.cdev);
	test_bind();
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
}

TEST_F(kvm, vm_that_ends_before_bind)
{
	test_kvm_add(&self->vm, self->edu.cdev);
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
	test_bind();
	/* The next one works as the first did. */
	test_ok(kvm_vm_create(self->kvm, &self->vm));
	test_kvm_add(&self->vm, self->edu.cdev);
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
}

/* A BIND that fails keeps no reference, even after open_device(). */
TEST_F(kvm, vm_after_a_failed_bind)
{
	struct vfio_device_bind_iommufd *bind = test_mem(mem_anon(PAGE));
	uint32_t devid;

	test_kvm_add(&self->vm, self->edu.cdev);
	test_err(EBADFD, _test_vfio_bind(self->edu.cdev, self->kvm, &devid));
	bind->argsz = sizeof(*bind);
	bind->iommufd = self->fd;
	/* The id of the device cannot be written. */
	ASSERT_EQ(0, mprotect(bind, PAGE, PROT_READ));
	ASSERT_EQ(-1, ioctl(self->edu.cdev, VFIO_DEVICE_BIND_IOMMUFD, bind));
	ASSERT_EQ(EFAULT, errno);
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
}

TEST_F(kvm, file_is_open_while_it_is_in_a_vm)
{
	int other = vfio_cdev_open(&self->edu.pci);
	uint64_t end = now_ms() + LIMIT_MS * slowness();
	uint32_t devid;
	int rc;

	ASSERT_GE(other, 0);
	test_kvm_add(&self->vm, self->edu.cdev);
	test_bind();
	edu_close(&self->edu);
	test_err(EINVAL, _test_vfio_bind(other, self->fd, &devid));
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
	do
		rc = _test_vfio_bind(other, self->fd, &devid);
	while (rc == EINVAL && now_ms() < end);
	test_ok(rc);
	close(other);
}

TEST_F(kvm, file_in_two_vms)
{
	struct kvm_vm second;

	test_ok(kvm_vm_create(self->kvm, &second));
	test_kvm_add(&self->vm, self->edu.cdev);
	test_kvm_add(&second, self->edu.cdev);
	test_bind();
	/* The last one counts. */
	kvm_vm_close(&self->vm);
	test_ends(&self->vm);
	kvm_vm_close(&second);
	test_lives(&second);
	edu_close(&self->edu);
	test_ends(&second);
}

/* Send @file through the socket @to. */
static bool send_file(int to, int file)
{
	char space[CMSG_SPACE(sizeof(file))] = {}, byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(file));
	memcpy(CMSG_DATA(head), &file, sizeof(file));
	return sendmsg(to, &msg, 0) == 1;
}

static int receive_file(int from)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space),
	};
	struct cmsghdr *head;
	int file = -1;

	if (recvmsg(from, &msg, 0) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&msg);
	if (head)
		memcpy(&file, CMSG_DATA(head), sizeof(file));
	return file;
}

struct guest {
	int socket;
	struct kvm_vm vm;
};

/* Another process has the VM, and only the file. */
static int add_received_file(void *arg)
{
	struct guest *guest = arg;
	int kvm = kvm_open(), file = receive_file(guest->socket);

	if (kvm < 0 || file < 0)
		return ENODEV;
	return kvm_vm_create(kvm, &guest->vm) ?:
	       _test_kvm_add(&guest->vm, file);
}

TEST_F(kvm, file_that_was_passed_to_another_process)
{
	struct guest *guest = test_mem(mem_file(
		-1, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS));
	struct child child;
	int sockets[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, sockets));
	guest->socket = sockets[1];
	ASSERT_TRUE(child_start(&child, add_received_file, guest));
	ASSERT_TRUE(send_file(sockets[0], self->edu.cdev));
	ASSERT_EQ(0, child_result(&child));
	test_bind();
	child_kill(&child);
	test_lives(&guest->vm);
	edu_close(&self->edu);
	test_ends(&guest->vm);
}

/*
 * vfio-pci-core of old kernels asks the same question as KVM. A file of a cdev
 * stays out of the hot reset of a user of the group. Two devices are reset,
 * because the array may have one file for each.
 */
TEST_F(kvm, hot_reset_of_a_group_with_a_file_of_a_cdev_is_einval)
{
	int container = vfio_container_open(), group, device;
	struct pci_device pci;
	int32_t files[2];

	test_find(&pci_edu, PCI_SHARED_GROUP, 0, &pci);
	group = vfio_group_open(pci.group);
	ASSERT_GE(container, 0);
	ASSERT_GE(group, 0);
	test_ok(_test_use_container(group, container));
	device = vfio_group_device(group, pci.bdf);
	ASSERT_GE(device, 0);
	test_kvm_add(&self->vm, self->edu.cdev);

	files[0] = group;
	files[1] = self->edu.cdev;
	ASSERT_EQ(EINVAL, _test_vfio_hot_reset(device, 1, &files[1]));
	ASSERT_EQ(0, _test_vfio_hot_reset(device, 1, files));
	ASSERT_EQ(EINVAL, _test_vfio_hot_reset(device, 2, files));
	close(device);
	close(group);
	close(container);
}

/* Add a file, bind it, and remove it before or after that. */
static int step_bind(struct race_thread *thread)
{
	struct kvm_space *self = thread->shared;
	int cdev = vfio_cdev_open(&self->edu.pci), rc;
	bool early = race_pick(thread, 2);
	uint32_t devid;

	if (cdev < 0)
		return errno;
	rc = _test_kvm_add(&self->vm, cdev);
	if (!rc && early)
		rc = _test_kvm_del(&self->vm, cdev);
	rc = rc ?: _test_vfio_bind(cdev, self->fd, &devid);
	if (!early)
		_test_kvm_del(&self->vm, cdev);
	close(cdev);
	return rc;
}

/* A VM that comes and goes with @file in it */
static int use_in_new_vm(struct kvm_space *self, int file)
{
	struct kvm_vm vm;
	int rc = kvm_vm_create(self->kvm, &vm);

	rc = rc ?: _test_kvm_add(&vm, file);
	kvm_vm_close(&vm);
	return rc;
}

static int step_vm(struct race_thread *thread)
{
	struct kvm_space *self = thread->shared;

	return use_in_new_vm(self, self->edu.cdev);
}

static int step_vm_and_file(struct race_thread *thread)
{
	struct kvm_space *self = thread->shared;
	int cdev = vfio_cdev_open(&self->edu.pci), rc;

	if (cdev < 0)
		return errno;
	rc = use_in_new_vm(self, cdev);
	close(cdev);
	return rc;
}

static int step_add(struct race_thread *thread)
{
	struct kvm_space *self = thread->shared;

	return _test_kvm_add(&self->vm, self->edu.cdev);
}

static int step_del(struct race_thread *thread)
{
	struct kvm_space *self = thread->shared;

	return _test_kvm_del(&self->vm, self->edu.cdev);
}

static int step_module(struct race_thread *thread)
{
	int rc = module_unload(REDIRECTOR);

	return rc ?: module_load(REDIRECTOR);
}

/* EINVAL: another file has bound the device. */
TEST_F(kvm, race_of_add_del_bind_and_vms)
{
	struct race_thread threads[] = {
		{ .step = step_bind, .allowed = { EINVAL } },
		{ .step = step_bind, .allowed = { EINVAL } },
		{ .step = step_add, .allowed = { EEXIST } },
		{ .step = step_del, .allowed = { ENOENT } },
		{ .step = step_vm },
		{ .step = step_vm_and_file },
	};

	test_race(threads, self, RACE_MS);
	test_bind();
}

/*
 * With pauses that are longer than the step, so that at times no file keeps the
 * module loaded
 */
static int step_and_pause(struct race_thread *thread,
			  int (*step)(struct race_thread *thread))
{
	uint64_t start = now_ms();
	int rc = step(thread);

	sleep_ms(race_pick(thread, PAUSE * (now_ms() - start + 1)));
	return rc;
}

static int step_bind_and_pause(struct race_thread *thread)
{
	return step_and_pause(thread, step_bind);
}

static int step_vm_and_pause(struct race_thread *thread)
{
	return step_and_pause(thread, step_vm_and_file);
}

/* EINVAL: the module is not loaded, too. EAGAIN: a file is in use. */
TEST_F(kvm, race_with_load_and_unload)
{
	struct race_thread threads[] = {
		{ .step = step_bind_and_pause, .allowed = { EINVAL } },
		{ .step = step_bind_and_pause, .allowed = { EINVAL } },
		{ .step = step_vm_and_pause, .allowed = { EINVAL } },
		{ .step = step_module, .allowed = { EAGAIN } },
	};

	ASSERT_TRUE(race_on_one_cpu());
	test_race(threads, self, RACE_MS);
	test_kvm_add(&self->vm, self->edu.cdev);
	test_bind();
	kvm_vm_close(&self->vm);
	test_lives(&self->vm);
}

TEST_HARNESS_MAIN
