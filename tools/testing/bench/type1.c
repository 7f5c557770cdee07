// SPDX-License-Identifier: GPL-2.0
/* The engine "type1": the kernel's own vfio_iommu_type1, through the legacy group. */
#include <err.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

static struct type1 main_vfio;

int type1_open_group(unsigned int edu)
{
	char path[64];
	int group;

	snprintf(path, sizeof(path), "/dev/vfio/%d", edu_group(edu));
	group = open(path, O_RDWR | O_CLOEXEC);
	if (group < 0)
		err(1, "%s", path);
	return group;
}

static void group_set_container(int group, int container)
{
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		err(1, "VFIO_GROUP_SET_CONTAINER");
}

/* Add a second group to the main container. */
void type1_set_container(int group)
{
	group_set_container(group, main_vfio.container);
}

void type1_open(struct type1 *vfio, unsigned int edu)
{
	vfio->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (vfio->container < 0)
		err(1, "/dev/vfio/vfio");
	vfio->group = type1_open_group(edu);
	group_set_container(vfio->group, vfio->container);
	if (ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "VFIO_SET_IOMMU");
}

void type1_close(struct type1 *vfio)
{
	close(vfio->group);
	close(vfio->container);
}

void type1_map(struct type1 *vfio, void *va, uint64_t length, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = length,
	};

	if (ioctl(vfio->container, VFIO_IOMMU_MAP_DMA, &map))
		err(1, "VFIO_IOMMU_MAP_DMA");
}

static void type1_unmap_flags(struct type1 *vfio, uint64_t iova, uint64_t length, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = flags,
		.iova = iova,
		.size = length,
	};

	if (ioctl(vfio->container, VFIO_IOMMU_UNMAP_DMA, &unmap) || !unmap.size)
		err(1, "VFIO_IOMMU_UNMAP_DMA");
}

void type1_unmap(struct type1 *vfio, uint64_t iova, uint64_t length)
{
	type1_unmap_flags(vfio, iova, length, 0);
}

/* A container reads the limit of mappings when it is opened. */
void type1_setup(void)
{
	write_file("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "2000000");
	type1_open(&main_vfio, 0);
}

static void type1_main_map(void *va, uint64_t length, uint64_t iova)
{
	type1_map(&main_vfio, va, length, iova);
}

static void type1_main_unmap(uint64_t iova, uint64_t length)
{
	type1_unmap_flags(&main_vfio, iova, length, 0);
}

static void type1_main_unmap_all(uint64_t length)
{
	(void)length;
	type1_unmap_flags(&main_vfio, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

const struct engine type1_engine = {
	.name = "type1",
	.map = type1_main_map,
	.unmap = type1_main_unmap,
	.unmap_all = type1_main_unmap_all,
};
