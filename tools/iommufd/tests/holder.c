// SPDX-License-Identifier: GPL-2.0
/*
 * A user of /dev/iommu for the tests of the tool
 *
 * holder [CDEV]: map memory of several kinds into an IOAS, attach the device
 * if one is named, write a line, and wait for the end of the standard input.
 * Each line read there makes a MAP and an UNMAP, and one MAP that fails.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define MIB		(1UL << 20)
#define SIZE		(4 * MIB)
#define RW		(IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static int iommufd;
static uint32_t ioas;

static int map(void *memory, size_t length, uint64_t iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = RW | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.user_va = (uintptr_t)memory,
		.length = length,
		.iova = iova,
	};

	return ioctl(iommufd, IOMMU_IOAS_MAP, &cmd);
}

static void unmap(uint64_t iova, size_t length)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	if (ioctl(iommufd, IOMMU_IOAS_UNMAP, &cmd))
		err(1, "IOMMU_IOAS_UNMAP");
}

static void attach(const char *path)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	struct vfio_device_attach_iommufd_pt pt = {
		.argsz = sizeof(pt),
		.pt_id = ioas,
	};
	int device = open(path, O_RDWR | O_CLOEXEC);

	if (device < 0)
		err(1, "%s", path);
	if (ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		err(1, "VFIO_DEVICE_BIND_IOMMUFD");
	if (ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &pt))
		err(1, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

/* A block, single pages far from each other, and one that is far away */
static char *map_memory(void)
{
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (memory == MAP_FAILED)
		err(1, "mmap");
	rc = map(memory, 2 * MIB, 0x10000000);
	for (unsigned int i = 0; i < 16; i++)
		rc |= map(memory + 2 * MIB + i * 4096, 4096,
			  0x10400000 + i * 16384);
	rc |= map(memory + 3 * MIB, MIB, 1ULL << 36);
	if (rc)
		err(1, "IOMMU_IOAS_MAP");
	return memory;
}

int main(int argc, char **argv)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	char line[16], *memory;

	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommufd < 0)
		err(1, "/dev/iommu");
	if (ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc))
		err(1, "IOMMU_IOAS_ALLOC");
	ioas = alloc.out_ioas_id;
	memory = map_memory();
	if (argc > 1)
		attach(argv[1]);
	printf("%u\n", ioas);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (map(memory, 4096, 0x20000000))
			err(1, "IOMMU_IOAS_MAP");
		unmap(0x20000000, 4096);
		if (!map(memory, 4096, 0x10000000) || errno != EEXIST)
			errx(1, "an IOVA could be mapped twice");
	}
	return 0;
}
