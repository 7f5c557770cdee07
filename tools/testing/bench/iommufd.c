// SPDX-License-Identifier: GPL-2.0
/* The engine "iommufd": /dev/iommu with devices bound through their cdevs. */
#include <err.h>
#include <fcntl.h>
#include <linux/iommufd.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "test_abi.h"

#define IOMMU_TEST_CMD _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

uint32_t main_ioas;
static int iommufd, second_device;
static uint32_t second_id;

uint32_t ioas_alloc(void)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };

	if (ioctl(iommufd, IOMMU_IOAS_ALLOC, &alloc))
		err(1, "IOMMU_IOAS_ALLOC");
	return alloc.out_ioas_id;
}

void iommufd_destroy(uint32_t id)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = id };

	if (ioctl(iommufd, IOMMU_DESTROY, &destroy))
		err(1, "IOMMU_DESTROY");
}

static uint64_t ioas_map_flags(uint32_t ioas, void *va, uint64_t length, uint64_t iova,
			       uint32_t flags)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE | flags,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = iova,
	};

	if (ioctl(iommufd, IOMMU_IOAS_MAP, &map))
		err(1, "IOMMU_IOAS_MAP");
	return map.iova;
}

void ioas_map(uint32_t ioas, void *va, uint64_t length, uint64_t iova)
{
	ioas_map_flags(ioas, va, length, iova, IOMMU_IOAS_MAP_FIXED_IOVA);
}

uint64_t ioas_map_anywhere(uint32_t ioas, void *va, uint64_t length)
{
	return ioas_map_flags(ioas, va, length, 0, 0);
}

/* Map a file from its start on. */
void ioas_map_file(uint32_t ioas, int fd, uint64_t length, uint64_t iova)
{
	struct iommu_ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = ioas,
		.fd = fd,
		.length = length,
		.iova = iova,
	};

	if (ioctl(iommufd, IOMMU_IOAS_MAP_FILE, &map))
		err(1, "IOMMU_IOAS_MAP_FILE");
}

void ioas_unmap(uint32_t ioas, uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	if (ioctl(iommufd, IOMMU_IOAS_UNMAP, &unmap))
		err(1, "IOMMU_IOAS_UNMAP");
}

void ioas_copy(uint32_t dst, uint32_t src, uint64_t length, uint64_t iova)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.length = length,
		.dst_iova = iova,
		.src_iova = iova,
	};

	if (ioctl(iommufd, IOMMU_IOAS_COPY, &copy))
		err(1, "IOMMU_IOAS_COPY");
}

/* Create a separate page table for the second device. */
uint32_t hwpt_alloc(uint32_t pt)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.dev_id = second_id,
		.pt_id = pt,
	};

	if (ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc))
		err(1, "IOMMU_HWPT_ALLOC");
	return alloc.out_hwpt_id;
}

static void test_command(struct iommu_test_cmd *cmd, const char *what)
{
	cmd->size = sizeof(*cmd);
	if (ioctl(iommufd, IOMMU_TEST_CMD, cmd))
		err(1, "%s; is iommufd_selftest loaded?", what);
}

/* A HWPT with dirty tracking, for a device of the mock IOMMU, in @ioas */
uint32_t dirty_open(uint32_t ioas, bool large_pages, uint32_t *device)
{
	struct iommu_hwpt_selftest data = { .pagetable_type = MOCK_IOMMUPT_HUGE };
	struct iommu_test_cmd cmd = { .op = IOMMU_TEST_OP_MOCK_DOMAIN, .id = ioas };
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.pt_id = ioas,
	};

	test_command(&cmd, "MOCK_DOMAIN");
	alloc.dev_id = cmd.mock_domain.out_idev_id;
	if (large_pages) {
		alloc.data_type = IOMMU_HWPT_DATA_SELFTEST;
		alloc.data_len = sizeof(data);
		alloc.data_uptr = (uintptr_t)&data;
	}
	if (ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc))
		err(1, "IOMMU_HWPT_ALLOC");
	*device = cmd.mock_domain.out_stdev_id;
	return alloc.out_hwpt_id;
}

void dirty_enable(uint32_t hwpt)
{
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
		.hwpt_id = hwpt,
	};

	if (ioctl(iommufd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set))
		err(1, "IOMMU_HWPT_SET_DIRTY_TRACKING");
}

/* A device writes to each page of @page_size bytes whose bit is set. */
void dirty_write(uint32_t hwpt, uint64_t iova, uint64_t length, uint64_t page_size,
		 const void *bits)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt,
		.dirty = {
			.iova = iova,
			.length = length,
			.page_size = page_size,
			.uptr = (uintptr_t)bits,
		},
	};

	test_command(&cmd, "DIRTY");
}

void dirty_get(uint32_t hwpt, uint64_t iova, uint64_t length, void *bits)
{
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = hwpt,
		.iova = iova,
		.length = length,
		.page_size = PAGE,
		.data = (uintptr_t)bits,
	};

	if (ioctl(iommufd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get))
		err(1, "IOMMU_HWPT_GET_DIRTY_BITMAP");
}

/* An access of the mock works like that of a driver in the kernel. */
int access_open(uint32_t ioas)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = ioas,
		.create_access.flags = MOCK_ACCESS_NEEDS_PIN_PAGES,
	};

	test_command(&cmd, "CREATE_ACCESS");
	return cmd.create_access.out_access_fd;
}

uint32_t access_pin(int access, uint64_t iova, uint64_t length)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = access,
		.access_pages = {
			.flags = MOCK_ACCESS_WRITE,
			.iova = iova,
			.length = length,
		},
	};

	test_command(&cmd, "ACCESS_PAGES");
	return cmd.access_pages.out_access_pages_id;
}

void access_unpin(int access, uint32_t pin)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
		.id = access,
		.destroy_access_pages.access_pages_id = pin,
	};

	test_command(&cmd, "DESTROY_ACCESS_PAGES");
}

/* Open the cdev of a device and bind it. *id becomes that of the device. */
int iommufd_bind(const char *device, uint32_t *id)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	char path[64];
	int cdev;

	device_cdev(device, path, sizeof(path));
	cdev = open(path, O_RDWR | O_CLOEXEC);
	if (cdev < 0)
		err(1, "%s", path);
	if (ioctl(cdev, VFIO_DEVICE_BIND_IOMMUFD, &bind))
		err(1, "VFIO_DEVICE_BIND_IOMMUFD");
	*id = bind.out_devid;
	return cdev;
}

static void device_attach(int device, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach), .pt_id = pt };

	if (ioctl(device, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		err(1, "VFIO_DEVICE_ATTACH_IOMMUFD_PT");
}

void second_device_attach(uint32_t pt)
{
	device_attach(second_device, pt);
}

void second_device_detach(void)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	if (ioctl(second_device, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach))
		err(1, "VFIO_DEVICE_DETACH_IOMMUFD_PT");
}

/* One device is always attached to main_ioas. Rows attach the second one. */
void iommufd_setup(void)
{
	uint32_t id;

	iommufd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (iommufd < 0)
		err(1, "/dev/iommu");
	main_ioas = ioas_alloc();
	device_attach(iommufd_bind(edu_device(2), &id), main_ioas);
	second_device = iommufd_bind(edu_device(3), &second_id);
}

static void iommufd_main_map(void *va, uint64_t length, uint64_t iova)
{
	ioas_map(main_ioas, va, length, iova);
}

static void iommufd_main_unmap(uint64_t iova, uint64_t length)
{
	ioas_unmap(main_ioas, iova, length);
}

static void iommufd_main_unmap_all(uint64_t length)
{
	(void)length;
	ioas_unmap(main_ioas, 0, UINT64_MAX);
}

const struct engine iommufd_engine = {
	.name = "iommufd",
	.map = iommufd_main_map,
	.unmap = iommufd_main_unmap,
	.unmap_all = iommufd_main_unmap_all,
};
