// SPDX-License-Identifier: GPL-2.0
/* The devices and counters of the guest. */
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define PCI_DEVICES "/sys/bus/pci/devices/"

#define EDU	"pci:v00001234d000011E8"
#define IVSHMEM	"pci:v00001AF4d00001110"

static bool is_a(const char *dir, const char *id)
{
	char path[PATH_MAX], modalias[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/modalias", dir);
	f = fopen(path, "re");
	if (f && !fgets(modalias, sizeof(modalias), f))
		modalias[0] = '\0';
	if (f)
		fclose(f);
	return !strncmp(modalias, id, strlen(id));
}

/* The PCI address of a device, or NULL. They are numbered by ascending address. */
static const char *find_device(const char *id, unsigned int nr)
{
	static glob_t devices;
	unsigned int seen = 0;

	if (!devices.gl_pathc)
		glob(PCI_DEVICES "*", 0, NULL, &devices);
	for (size_t i = 0; i < devices.gl_pathc; i++) {
		if (is_a(devices.gl_pathv[i], id) && seen++ == nr)
			return devices.gl_pathv[i] + strlen(PCI_DEVICES);
	}
	return NULL;
}

const char *edu_device(unsigned int nr)
{
	const char *device = find_device(EDU, nr);

	if (!device)
		errx(1, "edu (1234:11e8) number %u is missing; use the machine \"bench\"", nr);
	return device;
}

const char *bar_device(void)
{
	const char *device = find_device(IVSHMEM, 0);

	if (!device)
		errx(1, "ivshmem (1af4:1110) is missing; use the machine \"bench\"");
	return device;
}

int edu_group(unsigned int nr)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), PCI_DEVICES "%s/iommu_group", edu_device(nr));
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		err(1, "%s", path);
	target[length] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

void device_cdev(const char *device, char *path, size_t size)
{
	char pattern[PATH_MAX];
	glob_t entries;

	snprintf(pattern, sizeof(pattern), PCI_DEVICES "%s/vfio-dev/vfio*", device);
	if (glob(pattern, 0, NULL, &entries))
		errx(1, "%s is missing: is the device bound to vfio-pci, and vfio-cdev loaded?", pattern);
	snprintf(path, size, "/dev/vfio/devices/%s", strrchr(entries.gl_pathv[0], '/') + 1);
	globfree(&entries);
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || close(fd))
		err(1, "writing '%s' to %s", text, path);
}

/* Return the sum of the lines "NAME: NUMBER" of a file, or 0 without such a line. */
uint64_t read_counter(const char *path, const char *name)
{
	char line[256];
	uint64_t value = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		char *word = line + strspn(line, " ");
		size_t length = strcspn(word, ": ");

		if (length == strlen(name) && !strncmp(word, name, length))
			value += strtoull(word + length + 1, NULL, 10);
	}
	fclose(f);
	return value;
}
