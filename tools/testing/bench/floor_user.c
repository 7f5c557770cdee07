// SPDX-License-Identifier: GPL-2.0
/* The ioctls of the module in floor/. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "floor/floor.h"

static int floor_fd;

static struct floor_cost floor_ioctl(unsigned long cmd, void *va, uint64_t length,
				     uint64_t iova, uint32_t flags)
{
	uint64_t step = flags & FLOOR_GAPS ? 2 * PAGE : PAGE;
	struct floor_range range = {
		.va = (uintptr_t)va,
		.iova = iova,
		.length = length,
		.first = (iova - IOVA_BASE) / step % FLOOR_MAX_PAGES,
		.flags = flags,
	};

	if (ioctl(floor_fd, cmd, &range))
		err(1, "FLOOR_%s", cmd == FLOOR_MAP ? "MAP" : "UNMAP");
	return (struct floor_cost){ range.pin_cycles, range.map_cycles, range.nr_runs };
}

struct floor_cost floor_map(void *va, uint64_t length, uint64_t iova, uint32_t flags)
{
	return floor_ioctl(FLOOR_MAP, va, length, iova, flags);
}

struct floor_cost floor_unmap(uint64_t iova, uint64_t length, uint32_t flags)
{
	return floor_ioctl(FLOOR_UNMAP, NULL, length, iova, flags);
}

/* The module is not unloaded. */
void floor_setup(const char *module)
{
	struct floor_attach attach = { };
	unsigned int slot, function, bus;
	int fd = open(module, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		err(1, "loading %s", module);
	close(fd);
	floor_fd = open("/dev/iommu-floor", O_RDWR | O_CLOEXEC);
	if (floor_fd < 0)
		err(1, "/dev/iommu-floor");
	if (sscanf(edu_device(4), "%x:%x:%x.%x", &attach.segment, &bus, &slot, &function) != 4)
		errx(1, "'%s' is not a PCI address", edu_device(4));
	attach.bus = bus;
	attach.devfn = slot << 3 | function;
	if (ioctl(floor_fd, FLOOR_ATTACH, &attach))
		err(1, "FLOOR_ATTACH");
}

static void floor_main_map(void *va, uint64_t length, uint64_t iova)
{
	floor_map(va, length, iova, 0);
}

static void floor_main_unmap(uint64_t iova, uint64_t length)
{
	floor_unmap(iova, length, 0);
}

static void floor_main_unmap_all(uint64_t length)
{
	floor_unmap(IOVA_BASE, length, 0);
}

const struct engine floor_engine = {
	.name = "floor",
	.map = floor_main_map,
	.unmap = floor_main_unmap,
	.unmap_all = floor_main_unmap_all,
};
