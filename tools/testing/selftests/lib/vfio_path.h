/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One device through one of three paths, its legacy group with type1, its group
 * with an iommufd as container, or its cdev, so that a test can compare what they
 * answer. And a device on loan from its
 * driver to another one.
 */
#ifndef SELFTEST_LIB_VFIO_PATH_H
#define SELFTEST_LIB_VFIO_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vfio.h>

#include "pci.h"

enum vfio_path {
	VFIO_PATH_GROUP,
	VFIO_PATH_GROUP_IOMMUFD,
	VFIO_PATH_CDEV,
};

/* Every file is -1 if it is not open. */
struct vfio_user {
	enum vfio_path path;
	int device;
	int container;
	int group;
	int iommufd;
	bool unload;	/* vfio_user_close() has to unload vfio-cdev-group */
};

/* Can devices of any VFIO driver have cdevs now? */
bool vfio_cdevs_are_served(void);

/*
 * Open the group of this number, with a container in which memory can be mapped.
 * vfio-cdev-group is loaded if it is needed. Returns 0 or the errno.
 */
int vfio_user_open_group(struct vfio_user *user, int group);
/* Open @pci and make it usable. Returns 0 or the errno. */
int vfio_user_open(struct vfio_user *user, enum vfio_path path,
		   const struct pci_device *pci);
void vfio_user_close(struct vfio_user *user);

struct pci_loan {
	char bdf[16];
	struct pci_driver owner; /* without a name if there was no driver */
};

/* As pci_find(), for devices that need no cdev */
bool pci_find_any(const struct pci_id *id, enum pci_place place,
		  struct pci_device *found);
/*
 * Bind a device to @driver and look it up again; false if that fails. Whatever
 * pci_borrow() returned, pci_give_back() binds the device to the driver that it
 * had before.
 */
bool pci_borrow(struct pci_loan *loan, struct pci_device *pci,
		const struct pci_id *id, const char *driver);
bool pci_give_back(const struct pci_loan *loan);

/*
 * VFIO_DEVICE_FEATURE with @size bytes of @data, which the call may read and
 * write. Returns 0 or the errno.
 */
int _test_vfio_feature(int device, uint32_t flags, void *data, size_t size);

#define FEATURE_GET(_feature)	(VFIO_DEVICE_FEATURE_GET | (_feature))
#define FEATURE_SET(_feature)	(VFIO_DEVICE_FEATURE_SET | (_feature))
#define FEATURE_PROBE(_feature)	(VFIO_DEVICE_FEATURE_PROBE | (_feature))

/* Since 6.2 */
#ifndef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	9
#endif

#endif
