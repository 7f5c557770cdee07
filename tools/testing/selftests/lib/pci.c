// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pci.h"
#include "proc.h"

#define PCI_DEVICES	"/sys/bus/pci/devices"
#define CDEV_DIR	"/dev/vfio/devices"

const struct pci_id pci_edu = { 0x1234, 0x11e8, "edu" };
const struct pci_id pci_nvme = { 0x1b36, 0x0010, "nvme" };
const struct pci_id pci_ivshmem = { 0x1af4, 0x1110, "ivshmem" };
const struct pci_id pci_virtio_rng = { 0x1af4, 0x1044, "virtio-rng" };

static bool pci_is(const char *bdf, const struct pci_id *id)
{
	char path[PATH_MAX];
	long vendor;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vendor", bdf);
	vendor = file_read_long(path);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/device", bdf);
	return vendor == id->vendor && file_read_long(path) == id->device;
}

/* The last component of the target of a link in the device's directory */
static bool pci_link_name(const char *bdf, const char *link, char *name,
			  size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, link);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	snprintf(name, size, "%.31s", strrchr(target, '/') + 1);
	return true;
}

static int pci_group(const char *bdf)
{
	char number[32];

	if (!pci_link_name(bdf, "iommu_group", number, sizeof(number)))
		return -1;
	return atoi(number);
}

/* The path of a device behind a bridge is .../pci0000:00/BRIDGE/BDF. */
bool pci_behind_bridge(const char *bdf)
{
	char path[PATH_MAX], real[PATH_MAX];
	char *parent;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s", bdf);
	if (!realpath(path, real))
		return false;
	*strrchr(real, '/') = '\0';
	parent = strrchr(real, '/');
	return parent && strncmp(parent, "/pci", 4);
}

static int dotless(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static unsigned int pci_group_members(int group, const struct pci_id *id)
{
	struct dirent **list;
	char path[PATH_MAX];
	unsigned int members = 0;
	int n;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices",
		 group);
	n = scandir(path, &list, dotless, alphasort);
	for (int i = 0; i < n; i++) {
		members += pci_is(list[i]->d_name, id);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return members;
}

/* vfio-dev/ has one entry, the cdev. Its number must be that of the node. */
static bool pci_cdev(const char *bdf, char *cdev, size_t size)
{
	unsigned int maj, min;
	struct dirent **list;
	char path[PATH_MAX];
	struct stat st;
	bool ok = false;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev", bdf);
	n = scandir(path, &list, dotless, alphasort);
	if (n < 0)
		return false;
	if (n) {
		snprintf(path, sizeof(path), PCI_DEVICES "/%s/vfio-dev/%s/dev",
			 bdf, list[0]->d_name);
		snprintf(cdev, size, CDEV_DIR "/%.32s", list[0]->d_name);
		f = fopen(path, "re");
		if (f) {
			ok = fscanf(f, "%u:%u", &maj, &min) == 2 &&
			     !stat(cdev, &st) && S_ISCHR(st.st_mode) &&
			     st.st_rdev == makedev(maj, min);
			fclose(f);
		}
	}
	while (n)
		free(list[--n]);
	free(list);
	return ok;
}

static enum pci_place pci_place(const char *bdf, int group,
				const struct pci_id *id)
{
	if (pci_group_members(group, id) > 1)
		return PCI_SHARED_GROUP;
	return pci_behind_bridge(bdf) ? PCI_BEHIND_PORT : PCI_ON_ROOT_BUS;
}

bool pci_look_up(const char *bdf, const struct pci_id *id,
		 struct pci_device *found)
{
	struct pci_device dev = { };

	snprintf(dev.bdf, sizeof(dev.bdf), "%.15s", bdf);
	if (!pci_is(dev.bdf, id))
		return false;
	if (!pci_cdev(dev.bdf, dev.cdev, sizeof(dev.cdev)))
		dev.cdev[0] = '\0';
	dev.group = pci_group(dev.bdf);
	dev.place = pci_place(dev.bdf, dev.group, id);
	*found = dev;
	return true;
}

bool pci_find(const struct pci_id *id, enum pci_place place, unsigned int nth,
	      struct pci_device *found)
{
	struct dirent **list;
	bool ok = false;
	int n;

	n = scandir(PCI_DEVICES, &list, dotless, alphasort);
	for (int i = 0; i < n; i++) {
		struct pci_device dev;
		bool usable = !ok && pci_look_up(list[i]->d_name, id, &dev);

		free(list[i]);
		if (!usable || !dev.cdev[0])
			continue;
		if ((place != PCI_ANYWHERE && place != dev.place) || nth--)
			continue;
		*found = dev;
		ok = true;
	}
	if (n >= 0)
		free(list);
	return ok;
}

const char *pci_describe(const struct pci_id *id, enum pci_place place,
			 unsigned int nth)
{
	static const char * const where[] = {
		[PCI_ON_ROOT_BUS] = "alone in its IOMMU group on the root bus",
		[PCI_BEHIND_PORT] = "behind a PCIe root port",
		[PCI_SHARED_GROUP] = "in a shared IOMMU group",
		[PCI_ANYWHERE] = "anywhere",
	};
	static char text[128];

	snprintf(text, sizeof(text), "no %s (%04x:%04x) #%u %s with a VFIO cdev",
		 id->name, id->vendor, id->device, nth + 1, where[place]);
	return text;
}

bool pci_iommu_is_vtd(void)
{
	return !access("/sys/class/iommu/dmar0", F_OK);
}

bool pci_iommu_is_amd(void)
{
	return !access("/sys/class/iommu/ivhd0", F_OK);
}

uint64_t pci_vtd_ecap(void)
{
	FILE *f = fopen("/sys/class/iommu/dmar0/intel-iommu/ecap", "re");
	unsigned long long value = 0;

	if (f && fscanf(f, "%llx", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

bool pci_write(const char *bdf, const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, file);
	return file_write(path, text);
}

bool pci_driver_of(const char *bdf, struct pci_driver *driver)
{
	return pci_link_name(bdf, "driver", driver->name, sizeof(driver->name));
}

bool pci_unbind(const char *bdf)
{
	return pci_write(bdf, "driver/unbind", bdf);
}

bool pci_bind(const char *bdf, const struct pci_driver *driver)
{
	struct pci_driver now;

	return pci_write(bdf, "driver_override", driver->name) &&
	       file_write("/sys/bus/pci/drivers_probe", bdf) &&
	       pci_driver_of(bdf, &now) && !strcmp(now.name, driver->name);
}

bool pci_remove(const char *bdf)
{
	return pci_write(bdf, "remove", "1");
}

bool pci_rescan(void)
{
	return file_write("/sys/bus/pci/rescan", "1");
}

static void runtime_status_path(char *path, const char *bdf)
{
	snprintf(path, PATH_MAX, PCI_DEVICES "/%s/power/runtime_status", bdf);
}

bool pci_may_sleep(const char *bdf)
{
	char path[PATH_MAX];

	runtime_status_path(path, bdf);
	return !access(path, R_OK);
}

bool pci_is_awake(const char *bdf)
{
	char path[PATH_MAX], status[32] = "";
	FILE *f;

	runtime_status_path(path, bdf);
	f = fopen(path, "re");
	if (!f)
		return true;
	if (fscanf(f, "%31s", status) != 1)
		status[0] = '\0';
	fclose(f);
	return strcmp(status, "suspended");
}
