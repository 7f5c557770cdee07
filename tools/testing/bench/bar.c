// SPDX-License-Identifier: GPL-2.0
/*
 * The cost of a large BAR that another device may reach, 32 GiB on the machine "bench".
 * The floor is left out: it pins pages, and a BAR has none.
 */
#include <err.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

/* ivshmem has its shared memory there. */
#define REGION	VFIO_PCI_BAR2_REGION_INDEX

static void *map_region(int device, uint64_t *length)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = REGION };
	void *va;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		err(1, "VFIO_DEVICE_GET_REGION_INFO");
	*length = info.size;
	va = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, info.offset);
	if (va == MAP_FAILED)
		err(1, "mmap of a BAR of %lu MiB", info.size / MIB);
	return va;
}

/* Once: type1 looks at each page, which takes minutes. */
void bench_bar(const struct memory_kind *kind, const struct scale *scale)
{
	const struct engine *measured[] = { &iommufd_engine, &type1_engine };
	uint64_t length;
	uint32_t id;
	int device = iommufd_bind(bar_device(), &id);
	void *va = map_region(device, &length);
	char name[32];

	(void)kind;
	(void)scale;
	snprintf(name, sizeof(name), "BAR of %lu GiB", length / GIB);
	/* Linux 6.1 fills all entries of the process's page tables at the first fault. */
	(void)*(volatile char *)va;
	for (size_t e = 0; e < ARRAY_SIZE(measured); e++) {
		uint64_t start, mapped, unmapped;

		if (!engine_wanted(measured[e]))
			continue;
		start = now();
		measured[e]->map(va, length, IOVA_BASE);
		mapped = now();
		measured[e]->unmap(IOVA_BASE, length);
		unmapped = now();
		record("map", name, INSTRUCTIONS, measured[e]->name, mapped - start);
		record("unmap", name, INSTRUCTIONS, measured[e]->name, unmapped - mapped);
	}
	munmap(va, length);
	close(device);
}
