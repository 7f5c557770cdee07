// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ioctls.h"
#include "module.h"
#include "vfio.h"
#include "vfio_path.h"

bool vfio_cdevs_are_served(void)
{
	return module_is_loaded("vfio_cdev");
}

static int open_group(struct vfio_user *user, const struct pci_device *pci)
{
	int rc;

	user->group = vfio_group_open(pci->group);
	if (user->group < 0)
		return errno;
	user->container = vfio_container_open();
	if (user->container < 0)
		return errno;
	rc = _test_vfio_set_container(user->group, user->container);
	if (rc)
		return rc;
	if (ioctl(user->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return errno;
	user->device = vfio_group_device(user->group, pci->bdf);
	return user->device < 0 ? errno : 0;
}

static int open_cdev(struct vfio_user *user, const struct pci_device *pci)
{
	uint32_t ioas, devid;
	int rc;

	user->iommufd = iommufd_open();
	if (user->iommufd < 0)
		return errno;
	user->device = vfio_cdev_open(pci);
	if (user->device < 0)
		return errno;
	rc = _test_vfio_bind(user->device, user->iommufd, &devid);
	rc = rc ?: _test_ioas_alloc(user->iommufd, &ioas);
	return rc ?: _test_vfio_attach(user->device, &ioas);
}

int vfio_user_open(struct vfio_user *user, enum vfio_path path,
		   const struct pci_device *pci)
{
	int rc;

	*user = (struct vfio_user){ path, -1, -1, -1, -1 };
	rc = path == VFIO_PATH_CDEV ? open_cdev(user, pci) :
				      open_group(user, pci);
	if (rc)
		vfio_user_close(user);
	return rc;
}

void vfio_user_close(struct vfio_user *user)
{
	close(user->device);
	close(user->group);
	close(user->container);
	close(user->iommufd);
	*user = (struct vfio_user){ user->path, -1, -1, -1, -1 };
}

bool pci_find_any(const struct pci_id *id, enum pci_place place,
		  struct pci_device *found)
{
	struct dirent **list;
	bool ok = false;
	int n;

	n = scandir("/sys/bus/pci/devices", &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		ok = ok || (pci_look_up(list[i]->d_name, id, found) &&
			    found->place == place);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return ok;
}

static bool move(const char *bdf, const struct pci_driver *driver)
{
	struct pci_driver now;

	if (pci_driver_of(bdf, &now)) {
		if (!strcmp(now.name, driver->name))
			return true;
		if (!pci_unbind(bdf))
			return false;
	}
	if (!driver->name[0])
		return pci_write(bdf, "driver_override", "\n");
	return pci_bind(bdf, driver);
}

bool pci_borrow(struct pci_loan *loan, struct pci_device *pci,
		const struct pci_id *id, const char *driver)
{
	struct pci_driver borrower;

	memcpy(loan->bdf, pci->bdf, sizeof(loan->bdf));
	if (!pci_driver_of(loan->bdf, &loan->owner))
		loan->owner.name[0] = '\0';
	snprintf(borrower.name, sizeof(borrower.name), "%s", driver);
	return move(loan->bdf, &borrower) && pci_look_up(loan->bdf, id, pci);
}

bool pci_give_back(const struct pci_loan *loan)
{
	return move(loan->bdf, &loan->owner);
}

int _test_vfio_feature(int device, uint32_t flags, void *data, size_t size)
{
	struct vfio_device_feature *feature;
	int rc;

	feature = malloc(sizeof(*feature) + size);
	if (!feature)
		return ENOMEM;
	feature->argsz = sizeof(*feature) + size;
	feature->flags = flags;
	if (size)
		memcpy(feature->data, data, size);
	rc = ioctl(device, VFIO_DEVICE_FEATURE, feature) ? errno : 0;
	if (size)
		memcpy(data, feature->data, size);
	free(feature);
	return rc;
}
