// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is in use for
 *
 * The host uses a device if taking it away would hurt: a disk with a mounted
 * file system, swap or something built on it, or that the kernel has claimed; a
 * network card that has an address, is part of a bridge or bond or carries
 * other interfaces; a device with virtual functions.
 * Each reason is a clause with what would end it.
 */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "procfs.h"
#include "sysfs.h"
#include "usage.h"

/* Is that path of sysfs one of something below this PCI device? */
static bool is_below(const char *path, const char *bdf)
{
	const char *at = strstr(path, bdf);

	return at && at[-1] == '/' && at[strlen(bdf)] == '/';
}

/*
 * An NVMe disk with several paths is below no PCI device, but has links to the
 * controllers of its paths.
 */
static bool is_path_of(const char *disk_path, const char *bdf)
{
	struct names links = { };
	char path[PATH_MAX];
	bool found = false;
	const char *subsystem = strstr(disk_path, "/nvme-subsystem/");

	if (!subsystem)
		return false;
	subsystem += strlen("/nvme-subsystem/");
	sysfs_list(&links, "/sys/class/nvme-subsystem/%.*s",
		   (int)strcspn(subsystem, "/"), subsystem);
	for (size_t i = 0; i < links.count && !found; i++)
		found = !sysfs_real(path, sizeof(path),
				    "/sys/class/nvme-subsystem/%.*s/%s",
				    (int)strcspn(subsystem, "/"), subsystem,
				    links.name[i]) && is_below(path, bdf);
	names_free(&links);
	return found;
}

/* The path of a line in mountinfo or swaps has the octal \040 for a space. */
static void add_mounts(const char *disk, const char *number,
		       struct names *reasons)
{
	char line[4096], dev[32], at[1024], rest[2048], source[256];
	FILE *file = sysfs_open("/proc/self/mountinfo");

	while (file && fgets(line, sizeof(line), file)) {
		const char *tail = strstr(line, " - ");

		if (!tail ||
		    sscanf(line, "%*s %*s %31s %*s %1023s %2047[^\n]", dev, at,
			   rest) != 3 ||
		    sscanf(tail, " - %*s %255s", source) != 1)
			continue;
		if (!strcmp(dev, number) ||
		    (!strncmp(source, "/dev/", 5) && !strcmp(source + 5, disk)))
			names_add(reasons,
				  "its disk %s is mounted on %s (umount %s)",
				  disk, at, at);
	}
	if (file)
		fclose(file);
}

static void add_swap(const char *disk, struct names *reasons)
{
	char line[1024], path[512];
	FILE *file = sysfs_open("/proc/swaps");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%511s", path) == 1 &&
		    !strncmp(path, "/dev/", 5) && !strcmp(path + 5, disk))
			names_add(reasons, "its disk %s is swap (swapoff %s)",
				  disk, path);
	if (file)
		fclose(file);
}

static void add_holders(const char *disk, struct names *reasons)
{
	struct names holders = { };

	sysfs_list(&holders, "/sys/class/block/%s/holders", disk);
	for (size_t i = 0; i < holders.count; i++)
		names_add(reasons,
			  "its disk %s is part of %s (LVM, RAID or crypt; stop that)",
			  disk, holders.name[i]);
	names_free(&holders);
}

/*
 * What claims a disk or a part of it for itself alone keeps others from doing
 * so. That shows uses that no file tells of. In the name of a disk, sysfs has
 * an exclamation mark for a slash.
 */
static void add_claim(const char *disk, struct names *reasons)
{
	char path[PATH_MAX];
	int fd;

	if (!sysfs_live() ||
	    sysfs_exists("/sys/class/block/%s/partition", disk))
		return;
	snprintf(path, sizeof(path), "/dev/%s", disk);
	for (char *c = path; *c; c++)
		if (*c == '!')
			*c = '/';
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	else if (errno == EBUSY)
		names_add(reasons,
			  "its disk %s is in use (btrfs, ZFS or another mount namespace)",
			  disk);
}

static bool is_disk_of(const char *disk, const char *bdf)
{
	char path[PATH_MAX];

	return !sysfs_real(path, sizeof(path), "/sys/class/block/%s", disk) &&
	       (is_below(path, bdf) || is_path_of(path, bdf));
}

static void add_disks(const char *bdf, struct names *reasons)
{
	struct names disks = { };
	size_t before = reasons->count;
	char number[32];

	sysfs_list(&disks, "/sys/class/block");
	for (size_t i = 0; i < disks.count; i++) {
		const char *disk = disks.name[i];

		if (!is_disk_of(disk, bdf))
			continue;
		sysfs_text(number, sizeof(number), "/sys/class/block/%s/dev",
			   disk);
		add_mounts(disk, number, reasons);
		add_swap(disk, reasons);
		add_holders(disk, reasons);
	}
	if (reasons->count == before)
		for (size_t i = 0; i < disks.count; i++)
			if (is_disk_of(disks.name[i], bdf))
				add_claim(disks.name[i], reasons);
	names_free(&disks);
}

/* Does a table of /proc/net have the name in the first or in the last column? */
static bool is_in_table(const char *card, const char *table)
{
	char line[512], first[64], last[64];
	FILE *file = sysfs_open("/proc/net/%s", table);
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *space;

		line[strcspn(line, "\n")] = '\0';
		space = strrchr(line, ' ');
		copy_text(last, sizeof(last), space ? space + 1 : line);
		found = (sscanf(line, "%63s", first) == 1 &&
			 !strcmp(first, card)) || !strcmp(last, card);
	}
	if (file)
		fclose(file);
	return found;
}

static bool has_address(const char *card)
{
	struct ifaddrs *all = NULL;
	bool found = is_in_table(card, "if_inet6") ||
		     is_in_table(card, "route");

	if (found || !sysfs_live() || getifaddrs(&all))
		return found;
	for (struct ifaddrs *one = all; one && !found; one = one->ifa_next)
		found = one->ifa_addr && !strcmp(one->ifa_name, card) &&
			(one->ifa_addr->sa_family == AF_INET ||
			 one->ifa_addr->sa_family == AF_INET6);
	freeifaddrs(all);
	return found;
}

/* VLANs and macvlans on a card; a bridge or bond is told of as its master. */
static void add_uppers(const char *card, const char *master,
		       struct names *reasons)
{
	static const char upper[] = "upper_";
	struct names files = { };

	sysfs_list(&files, "/sys/class/net/%s", card);
	for (size_t i = 0; i < files.count; i++) {
		const char *name = files.name[i] + strlen(upper);

		if (!strncmp(files.name[i], upper, strlen(upper)) &&
		    strcmp(name, master))
			names_add(reasons,
				  "its network interface %s carries %s (ip link delete %s)",
				  card, name, name);
	}
	names_free(&files);
}

static void add_cards(const char *bdf, struct names *reasons)
{
	struct names cards = { };
	char path[PATH_MAX], master[IFNAMSIZ];

	sysfs_list(&cards, "/sys/class/net");
	for (size_t i = 0; i < cards.count; i++) {
		const char *card = cards.name[i];

		if (sysfs_real(path, sizeof(path), "/sys/class/net/%s", card) ||
		    !is_below(path, bdf))
			continue;
		if (has_address(card))
			names_add(reasons,
				  "its network interface %s has an address (ip address flush dev %s)",
				  card, card);
		if (!sysfs_link(master, sizeof(master),
				"/sys/class/net/%s/master", card))
			names_add(reasons,
				  "its network interface %s is part of %s (ip link set %s nomaster)",
				  card, master, card);
		add_uppers(card, master, reasons);
	}
	names_free(&cards);
}

static void add_functions(const char *bdf, struct names *reasons)
{
	u64 count;

	if (!sysfs_number(&count, 10, "/sys/bus/pci/devices/%s/sriov_numvfs",
			  bdf) && count)
		names_add(reasons,
			  "it has %llu virtual functions, which would go away (echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs)",
			  count, bdf);
}

/**
 * usage_by_host() - find what the host uses a device for
 * @bdf: address of the device
 * @reasons: gets a clause for each use
 */
void usage_by_host(const char *bdf, struct names *reasons)
{
	add_disks(bdf, reasons);
	add_cards(bdf, reasons);
	add_functions(bdf, reasons);
}

/**
 * usage_by_vfio() - find the processes that have a device open through VFIO
 * @function: the device
 * @reasons: gets a clause for each process
 */
void usage_by_vfio(const struct pci_function *function, struct names *reasons)
{
	struct names users = { };
	char path[128];

	if (*function->cdev) {
		snprintf(path, sizeof(path), "/dev/vfio/devices/%s",
			 function->cdev);
		procfs_openers(path, &users);
	}
	if (function->group >= 0) {
		snprintf(path, sizeof(path), "/dev/vfio/%d", function->group);
		procfs_openers(path, &users);
		snprintf(path, sizeof(path), "/dev/vfio/noiommu-%d",
			 function->group);
		procfs_openers(path, &users);
	}
	for (size_t i = 0; i < users.count; i++)
		names_add(reasons, "%s", users.name[i]);
	names_free(&users);
}
