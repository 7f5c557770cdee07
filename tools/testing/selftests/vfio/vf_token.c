// SPDX-License-Identifier: GPL-2.0
/*
 * While a program uses a PF, a VF of it can only be opened with the token that
 * the program has set, whether PF and VF are used through their cdevs or through
 * their groups.
 */
#include <fcntl.h>
#include <linux/limits.h>

#include "common.h"
#include "module.h"
#include "vfio_path.h"

/* vfio-pci makes VFs only if this is set. */
#define ENABLE_SRIOV	"/sys/module/vfio_pci/parameters/enable_sriov"

#define RIGHT		"2ab74924-c335-45f4-9b16-8569e5b08258"
#define WRONG		"2ab74924-c335-45f4-9b16-8569e5b08259"

/* The same in the byte order of BIND */
static const uint8_t right[16] = {
	0x2a, 0xb7, 0x49, 0x24, 0xc3, 0x35, 0x45, 0xf4,
	0x9b, 0x16, 0x85, 0x69, 0xe5, 0xb0, 0x82, 0x58,
};
static const uint8_t wrong[16] = {
	0x2a, 0xb7, 0x49, 0x24, 0xc3, 0x35, 0x45, 0xf4,
	0x9b, 0x16, 0x85, 0x69, 0xe5, 0xb0, 0x82, 0x59,
};

/* An open device, through its cdev or through its group */
struct user {
	int device;
	int group;
	int container;
};

FIXTURE(token) {
	int fd;
	struct pci_device pf, vf;
	struct user pf_user, vf_user;
};

FIXTURE_VARIANT(token) {
	bool pf_by_group;
	bool vf_by_group;
};

FIXTURE_VARIANT_ADD(token, pf_by_cdev_vf_by_cdev) { false, false };
FIXTURE_VARIANT_ADD(token, pf_by_cdev_vf_by_group) { false, true };
FIXTURE_VARIANT_ADD(token, pf_by_group_vf_by_cdev) { true, false };
FIXTURE_VARIANT_ADD(token, pf_by_group_vf_by_group) { true, true };

static void user_close(struct user *user)
{
	close(user->device);
	close(user->group);
	close(user->container);
	*user = (struct user){ -1, -1, -1 };
}

static int bind_with_token(int cdev, int fd, const uint8_t *token)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.flags = token ? VFIO_DEVICE_BIND_FLAG_TOKEN : 0,
		.iommufd = fd,
		.token_uuid_ptr = (uintptr_t)token,
	};

	return ioctl(cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind) ? errno : 0;
}

static int open_group(struct user *user, const struct pci_device *pci,
		      const char *token)
{
	char name[80];
	int rc;

	user->group = vfio_group_open(pci->group);
	user->container = vfio_container_open();
	rc = _test_use_container(user->group, user->container);
	if (rc)
		return rc;
	snprintf(name, sizeof(name), token ? "%s vf_token=%s" : "%s", pci->bdf,
		 token);
	user->device = vfio_group_device(user->group, name);
	return user->device < 0 ? errno : 0;
}

/*
 * Closes @user first. @which is NULL, RIGHT or WRONG. Returns 0 or the errno.
 */
static int user_open(struct user *user, int fd, const struct pci_device *pci,
		     bool by_group, const char *which)
{
	const uint8_t *token = !which ? NULL : strcmp(which, RIGHT) ?
			       wrong : right;
	int rc;

	user_close(user);
	if (by_group) {
		rc = open_group(user, pci, which);
	} else {
		user->device = vfio_cdev_open(pci);
		rc = bind_with_token(user->device, fd, token);
	}
	if (rc)
		user_close(user);
	return rc;
}

static bool has_vfs(const char *bdf)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/sriov_totalvfs", bdf);
	return file_read_long(path) > 0;
}

static bool find_pf(struct pci_device *pf)
{
	for (int i = 0; pci_find(&pci_nvme, PCI_ANYWHERE, i, pf); i++) {
		if (has_vfs(pf->bdf))
			return true;
	}
	return false;
}

static bool find_vf(const char *pf, struct pci_device *vf)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/virtfn0", pf);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return pci_look_up(strrchr(target, '/') + 1, &pci_nvme, vf);
}

FIXTURE_SETUP(token)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	self->pf_user = (struct user){ -1, -1, -1 };
	self->vf_user = self->pf_user;
	if (!find_pf(&self->pf))
		SKIP(_exit(KSFT_SKIP), "no nvme with SR-IOV and a VFIO cdev");
	ASSERT_TRUE(file_write(ENABLE_SRIOV, "Y"));
	test_ok(user_open(&self->pf_user, self->fd, &self->pf,
			  variant->pf_by_group, RIGHT));
	/* vfio-pci takes the VFs of its PF by itself. */
	ASSERT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "1"));
	ASSERT_TRUE(find_vf(self->pf.bdf, &self->vf));
	ASSERT_NE('\0', self->vf.cdev[0]);
	ASSERT_NE(self->pf.group, self->vf.group);
}

FIXTURE_TEARDOWN(token)
{
	user_close(&self->vf_user);
	EXPECT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "0"));
	/* The cdev of the VF went with it. */
	EXPECT_NE(0, access(self->vf.cdev, F_OK));
	user_close(&self->pf_user);
	EXPECT_TRUE(file_write(ENABLE_SRIOV, "N"));
	close(self->fd);
}

#define test_open_vf(_token)						\
	test_ok(user_open(&self->vf_user, self->fd, &self->vf,		\
			  variant->vf_by_group, _token))
#define test_err_open_vf(_errno, _token)				\
	test_err(_errno, user_open(&self->vf_user, self->fd, &self->vf,	\
				   variant->vf_by_group, _token))

/*
 * The PF stays open: the next open would reset it, and QEMU's nvme loses its
 * VFs then.
 */
TEST_F(token, vf_needs_the_token_of_its_pf)
{
	for (int i = 0; i < 2; i++) {
		test_err_open_vf(EACCES, NULL);
		test_err_open_vf(EACCES, WRONG);
		test_open_vf(RIGHT);
		user_close(&self->vf_user);
	}
}

/* A refused open leaves nothing that keeps out a user of the other kind. */
TEST_F(token, wrong_token_does_not_keep_the_other_way_closed)
{
	test_err_open_vf(EACCES, WRONG);
	test_ok(user_open(&self->vf_user, self->fd, &self->vf,
			  !variant->vf_by_group, RIGHT));
	user_close(&self->vf_user);
	test_open_vf(RIGHT);
}

/*
 * A PF that no program has open, with the token RIGHT, and a VF. Every call about
 * the PF fails in the end, so that nothing resets it.
 */
FIXTURE(idle_pf) {
	int fd;
	int closed;		/* a number without a file */
	struct pci_device pf, vf;
	int pf_cdev, vf_cdev;
};

FIXTURE_SETUP(idle_pf)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	self->closed = fcntl(self->fd, F_DUPFD_CLOEXEC, 500);
	ASSERT_EQ(0, close(self->closed));
	if (!find_pf(&self->pf))
		SKIP(_exit(KSFT_SKIP), "no nvme with SR-IOV and a VFIO cdev");
	ASSERT_TRUE(file_write(ENABLE_SRIOV, "Y"));
	self->pf_cdev = vfio_cdev_open(&self->pf);
	ASSERT_GE(self->pf_cdev, 0);
	/* The token comes first, and is kept. */
	test_err(EBADF, bind_with_token(self->pf_cdev, self->closed, right));
	ASSERT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "1"));
	ASSERT_TRUE(find_vf(self->pf.bdf, &self->vf));
	self->vf_cdev = vfio_cdev_open(&self->vf);
	ASSERT_GE(self->vf_cdev, 0);
}

FIXTURE_TEARDOWN(idle_pf)
{
	close(self->vf_cdev);
	EXPECT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "0"));
	close(self->pf_cdev);
	EXPECT_TRUE(file_write(ENABLE_SRIOV, "N"));
	close(self->fd);
}

#define test_err_bind_vf(_errno, _fd, _token)				\
	test_err(_errno, bind_with_token(self->vf_cdev, _fd, _token))
#define test_err_bind_pf(_errno, _token)				\
	test_err(_errno, bind_with_token(self->pf_cdev, self->closed, _token))

TEST_F(idle_pf, token_comes_before_the_descriptor)
{
	int pipes[2];

	ASSERT_EQ(0, pipe(pipes));
	test_err_bind_vf(EINVAL, -1, wrong);
	test_err_bind_vf(EACCES, self->closed, NULL);
	test_err_bind_vf(EACCES, self->closed, wrong);
	test_err_bind_vf(EFAULT, self->closed, (void *)PAGE);
	test_err_bind_vf(EBADF, self->closed, right);
	test_err_bind_vf(EBADFD, pipes[0], right);
	test_ok(bind_with_token(self->vf_cdev, self->fd, right));
}

TEST_F(idle_pf, users_come_before_the_token)
{
	int group = vfio_group_open(self->vf.group);
	int second = vfio_cdev_open(&self->vf);

	ASSERT_GE(group, 0);
	ASSERT_GE(second, 0);
	test_err_bind_vf(EBUSY, self->closed, wrong);
	close(group);
	test_ok(bind_with_token(self->vf_cdev, self->fd, right));
	test_err_bind_vf(EINVAL, self->closed, wrong);
	test_err(EINVAL, bind_with_token(second, self->closed, wrong));
	close(second);
}

TEST_F(idle_pf, pf_whose_vfs_are_in_use_needs_its_token)
{
	test_ok(bind_with_token(self->vf_cdev, self->fd, right));
	test_err_bind_pf(EACCES, NULL);
	test_err_bind_pf(EACCES, wrong);
	test_err_bind_pf(EBADF, right);
	close(self->vf_cdev);
	/* Without users a token is set, and none changes nothing. */
	test_err_bind_pf(EBADF, wrong);
	test_err_bind_pf(EBADF, NULL);
	self->vf_cdev = vfio_cdev_open(&self->vf);
	ASSERT_GE(self->vf_cdev, 0);
	test_err_bind_vf(EACCES, self->fd, NULL);
	test_err_bind_vf(EACCES, self->fd, right);
	test_ok(bind_with_token(self->vf_cdev, self->fd, wrong));
}

/* A driver that does nothing but let a PF have VFs */
#define PF_STUB		"pci-pf-stub"

/* A VF whose PF is on a driver that is not VFIO's */
FIXTURE(foreign_pf) {
	int fd;
	struct pci_device pf, vf;
	struct pci_loan pf_loan, vf_loan;
	int cdev;
};

FIXTURE_SETUP(foreign_pf)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	if (!find_pf(&self->pf))
		SKIP(_exit(KSFT_SKIP), "no nvme with SR-IOV and a VFIO cdev");
	if (!module_probe(PF_STUB))
		SKIP(_exit(KSFT_SKIP), "no module " PF_STUB);
	ASSERT_TRUE(pci_borrow(&self->pf_loan, &self->pf, &pci_nvme, PF_STUB));
	/* vfio-pci is to get the VF, whatever drivers there are. */
	ASSERT_TRUE(pci_write(self->pf.bdf, "sriov_drivers_autoprobe", "0"));
	ASSERT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "1"));
	ASSERT_TRUE(find_vf(self->pf.bdf, &self->vf));
	ASSERT_TRUE(pci_borrow(&self->vf_loan, &self->vf, &pci_nvme,
			       "vfio-pci"));
	self->cdev = vfio_cdev_open(&self->vf);
	ASSERT_GE(self->cdev, 0);
}

FIXTURE_TEARDOWN(foreign_pf)
{
	close(self->cdev);
	EXPECT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "0"));
	EXPECT_TRUE(pci_write(self->pf.bdf, "sriov_drivers_autoprobe", "1"));
	EXPECT_TRUE(pci_give_back(&self->pf_loan));
	close(self->fd);
}

TEST_F(foreign_pf, vf_of_another_driver_has_no_token)
{
	test_err(EINVAL, bind_with_token(self->cdev, self->fd, right));
	test_ok(bind_with_token(self->cdev, self->fd, NULL));
}

FIXTURE(no_token) {
	int fd;
	struct pci_device pci;
	struct user user;
};

FIXTURE_SETUP(no_token)
{
	self->user = (struct user){ -1, -1, -1 };
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->pci);
}

FIXTURE_TEARDOWN(no_token)
{
	user_close(&self->user);
	close(self->fd);
}

TEST_F(no_token, token_for_a_device_without_sriov_is_einval)
{
	test_err(EINVAL, user_open(&self->user, self->fd, &self->pci, false,
				   RIGHT));
	test_ok(user_open(&self->user, self->fd, &self->pci, false, NULL));
}

TEST_F(no_token, token_that_cannot_be_read_is_efault)
{
	self->user.device = vfio_cdev_open(&self->pci);
	ASSERT_GE(self->user.device, 0);
	test_err(EFAULT, bind_with_token(self->user.device, self->fd,
					 (void *)PAGE));
	test_ok(bind_with_token(self->user.device, self->fd, NULL));
}

TEST_HARNESS_MAIN
