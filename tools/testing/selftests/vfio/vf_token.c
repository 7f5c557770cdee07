// SPDX-License-Identifier: GPL-2.0
/*
 * While a program uses a PF, a VF of it can only be opened with the token that
 * the program has set, whether PF and VF are bound to vfio-pci or to
 * vfio-pci-iommufd.
 */
#include <linux/limits.h>
#include <stdlib.h>

#include "common.h"

#define STOCK		"vfio-pci"
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

/* An open device: through its cdev if it has one, else through its group */
struct user {
	int device;
	int group;
	int container;
};

/* "own" is the driver that gives the device its cdev. */
FIXTURE(token) {
	int fd;
	struct pci_device pf, vf;
	struct pci_driver own;
	struct user pf_user, vf_user;
};

FIXTURE_VARIANT(token) {
	bool pf_is_stock;
	bool vf_is_stock;
};

FIXTURE_VARIANT_ADD(token, own_pf_own_vf) { false, false };
FIXTURE_VARIANT_ADD(token, own_pf_stock_vf) { false, true };
FIXTURE_VARIANT_ADD(token, stock_pf_own_vf) { true, false };

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
static int user_open(struct user *user, int fd, const char *bdf,
		     const char *which)
{
	const uint8_t *token = !which ? NULL : strcmp(which, RIGHT) ?
			       wrong : right;
	struct pci_device pci;
	int rc;

	user_close(user);
	if (!pci_look_up(bdf, &pci_nvme, &pci))
		return ENODEV;
	if (!pci.cdev[0]) {
		rc = open_group(user, &pci, which);
	} else {
		user->device = vfio_cdev_open(&pci);
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

static bool give_to(const char *bdf, const struct pci_driver *driver)
{
	struct pci_driver now;

	if (pci_driver_of(bdf, &now)) {
		if (!strcmp(now.name, driver->name))
			return true;
		if (!pci_unbind(bdf))
			return false;
	}
	return pci_bind(bdf, driver);
}

FIXTURE_SETUP(token)
{
	static const struct pci_driver stock = { STOCK };

	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	self->pf_user = (struct user){ -1, -1, -1 };
	self->vf_user = self->pf_user;
	if (!find_pf(&self->pf))
		SKIP(_exit(KSFT_SKIP), "no nvme with SR-IOV and a VFIO cdev");
	ASSERT_TRUE(pci_driver_of(self->pf.bdf, &self->own));
	ASSERT_EQ(0, system("modprobe " STOCK " enable_sriov=1"));
	ASSERT_TRUE(give_to(self->pf.bdf,
			    variant->pf_is_stock ? &stock : &self->own));
	/* vfio finds the PF of a VF only if the PF was bound first. */
	test_ok(user_open(&self->pf_user, self->fd, self->pf.bdf, RIGHT));
	ASSERT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "1"));
	ASSERT_TRUE(find_vf(self->pf.bdf, &self->vf));
	ASSERT_TRUE(give_to(self->vf.bdf,
			    variant->vf_is_stock ? &stock : &self->own));
}

FIXTURE_TEARDOWN(token)
{
	user_close(&self->vf_user);
	EXPECT_TRUE(pci_write(self->pf.bdf, "sriov_numvfs", "0"));
	user_close(&self->pf_user);
	EXPECT_TRUE(give_to(self->pf.bdf, &self->own));
	EXPECT_EQ(0, system("rmmod " STOCK));
	close(self->fd);
}

#define test_open(_user, _bdf, _token)					\
	test_ok(user_open(_user, self->fd, _bdf, _token))
#define test_err_open(_errno, _user, _bdf, _token)			\
	test_err(_errno, user_open(_user, self->fd, _bdf, _token))

/*
 * The PF stays open: the next open would reset it, and QEMU's nvme loses its
 * VFs then.
 */
TEST_F(token, vf_needs_the_token_of_its_pf)
{
	for (int i = 0; i < 2; i++) {
		test_err_open(EACCES, &self->vf_user, self->vf.bdf, NULL);
		test_err_open(EACCES, &self->vf_user, self->vf.bdf, WRONG);
		test_open(&self->vf_user, self->vf.bdf, RIGHT);
		user_close(&self->vf_user);
	}
}

TEST_HARNESS_MAIN
