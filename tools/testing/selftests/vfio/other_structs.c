// SPDX-License-Identifier: GPL-2.0
/*
 * A vfio-cdev that was built for other structs than those of vfio.ko is refused
 * or gives no cdev, and does no harm. Each is in drivers/vfio/grown/: it takes a
 * struct for larger than it is, from the member on that the module is named
 * after. One takes a struct of operations for one of which this tree does not know
 * all members.
 */
#include "common.h"
#include "module.h"

#define CDEV		"vfio_cdev"

FIXTURE(other_structs) {
	int fd;
	int kmsg;
	struct modules all;
	struct edu edu;
};

FIXTURE_VARIANT(other_structs) {
	const char *module;
	int load_rc;
	const char *says;
};

#define REFUSED		"vfio.ko is not the one that this module was built for"
#define NO_CDEV		"no VFIO cdev: vfio-pci-core is not the one"
#define UNKNOWN		"struct vfio_device_ops of Linux "

FIXTURE_VARIANT_ADD(other_structs, dev_set) {
	"vfio_cdev_grown_dev_set", EINVAL, REFUSED
};

FIXTURE_VARIANT_ADD(other_structs, device) {
	"vfio_cdev_grown_device", EINVAL, REFUSED
};

FIXTURE_VARIANT_ADD(other_structs, comp) {
	"vfio_cdev_grown_comp", EINVAL, REFUSED
};

FIXTURE_VARIANT_ADD(other_structs, pdev) {
	"vfio_cdev_grown_pdev", 0, NO_CDEV
};

FIXTURE_VARIANT_ADD(other_structs, ioctl) {
	"vfio_cdev_grown_ioctl", 0, NO_CDEV
};

FIXTURE_VARIANT_ADD(other_structs, unknown) {
	"vfio_cdev_grown_unknown", EOPNOTSUPP, UNKNOWN
};

FIXTURE_SETUP(other_structs)
{
	self->edu.cdev = -1;
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	self->kmsg = module_open(variant->module);
	if (self->kmsg < 0)
		SKIP(_exit(KSFT_SKIP), "%s is not in updates/ of this kernel",
		     variant->module);
	close(self->kmsg);
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci);
	self->kmsg = kmsg_open();
	ASSERT_GE(self->kmsg, 0);
	ASSERT_TRUE(modules_find(&self->all));
	test_ok(modules_unload_after(&self->all,
				     modules_index(&self->all, CDEV)));
}

/* The right module loads and works. */
FIXTURE_TEARDOWN(other_structs)
{
	module_unload(variant->module);
	EXPECT_EQ(0, modules_load(&self->all));
	ASSERT_TRUE(pci_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci));
	EXPECT_EQ(0, edu_open(&self->edu, self->fd));
	edu_close(&self->edu);
	close(self->kmsg);
	close(self->fd);
}

#define test_no_cdev()							\
	do {								\
		struct pci_device __pci;				\
									\
		ASSERT_FALSE(pci_find(&pci_edu, PCI_ANYWHERE, 0,	\
				      &__pci));				\
		ASSERT_NE(0, access(self->edu.pci.cdev, F_OK));		\
	} while (0)

TEST_F(other_structs, give_no_cdev)
{
	const char * const says[] = { variant->says, NULL };
	struct pci_driver driver;

	for (int i = 0; i < 3; i++) {
		test_err(variant->load_rc, module_load(variant->module));
		ASSERT_TRUE(kmsg_wait(self->kmsg, says,
				      LIMIT_MS * slowness()));
		test_no_cdev();
		/* A device that comes while the module is loaded */
		ASSERT_TRUE(pci_driver_of(self->edu.pci.bdf, &driver));
		ASSERT_TRUE(pci_unbind(self->edu.pci.bdf));
		ASSERT_TRUE(pci_bind(self->edu.pci.bdf, &driver));
		test_no_cdev();
		if (!variant->load_rc)
			test_ok(module_unload(variant->module));
	}
}

TEST_HARNESS_MAIN
