// SPDX-License-Identifier: GPL-2.0
/*
 * A device without an IOMMU, as mediated devices are: its driver reads, writes
 * and pins the memory of its user itself, that of a container or of an IOAS.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

#include "common.h"
#include "emulated_abi.h"
#include "module.h"
#include "vfio_path.h"

#define PARENT	"/sys/devices/platform/" EMULATED_NAME
#define DRIVER	"/sys/bus/platform/drivers/" EMULATED_NAME

FIXTURE(emulated) {
	struct vfio_user user;
	uint32_t ioas;
	uint8_t *mem;
};

FIXTURE_VARIANT(emulated) {
	enum vfio_path path;
	int not_mapped;		/* errno of access to an IOVA without memory */
};

FIXTURE_VARIANT_ADD(emulated, group) { VFIO_PATH_GROUP, EINVAL };
FIXTURE_VARIANT_ADD(emulated, group_iommufd) {
	VFIO_PATH_GROUP_IOMMUFD, ENOENT
};
FIXTURE_VARIANT_ADD(emulated, cdev) { VFIO_PATH_CDEV, ENOENT };

static int emulated_group(void)
{
	char target[256];
	ssize_t len;

	len = readlink(PARENT "/iommu_group", target, sizeof(target) - 1);
	if (len < 0)
		return -1;
	target[len] = '\0';
	return atoi(strrchr(target, '/') + 1);
}

/* The name of the device of vfio, vfioN */
static bool emulated_vfio(char *name, size_t size)
{
	struct dirent **list;
	int n;

	n = scandir(PARENT "/vfio-dev", &list, NULL, alphasort);
	if (n < 0)
		return false;
	/* After "." and ".." */
	if (n == 3)
		snprintf(name, size, "%s", list[2]->d_name);
	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return n == 3;
}

static int open_group(struct vfio_user *user)
{
	int rc = vfio_user_open_group(user, emulated_group());

	if (rc)
		return rc;
	user->device = vfio_group_device(user->group, EMULATED_NAME);
	return user->device < 0 ? errno : 0;
}

static int open_cdev(struct vfio_user *user, uint32_t *ioas)
{
	char name[32], path[64];
	uint32_t devid;
	int rc;

	if (!emulated_vfio(name, sizeof(name)))
		return ENODEV;
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
	user->iommufd = iommufd_open();
	user->device = open(path, O_RDWR | O_CLOEXEC);
	if (user->iommufd < 0 || user->device < 0)
		return errno;
	rc = _test_vfio_bind(user->device, user->iommufd, &devid);
	rc = rc ?: _test_ioas_alloc(user->iommufd, ioas);
	return rc ?: _test_vfio_attach(user->device, &(uint32_t){ *ioas });
}

static int user_open(struct vfio_user *user, enum vfio_path path,
		     uint32_t *ioas)
{
	*user = (struct vfio_user){ path, -1, -1, -1, -1 };
	return path == VFIO_PATH_CDEV ? open_cdev(user, ioas) :
					open_group(user);
}

FIXTURE_SETUP(emulated)
{
	if (variant->path != VFIO_PATH_GROUP && !vfio_cdevs_are_served())
		SKIP(_exit(KSFT_SKIP), "vfio-cdev is not loaded");
	if (variant->path == VFIO_PATH_GROUP &&
	    !module_probe("vfio_iommu_type1"))
		SKIP(_exit(KSFT_SKIP), "no vfio_iommu_type1");
	if (!module_probe(EMULATED_MODULE))
		SKIP(_exit(KSFT_SKIP), "no module " EMULATED_MODULE);
	self->mem = test_mem(mem_anon(8 * PAGE));
	test_ok(user_open(&self->user, variant->path, &self->ioas));
}

FIXTURE_TEARDOWN(emulated)
{
	vfio_user_close(&self->user);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	EXPECT_EQ(0, module_unload(EMULATED_MODULE));
}

static int map(const struct vfio_user *user, uint32_t ioas, void *mem,
	       uint64_t iova, uint64_t length, bool writable)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ |
			 (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = length,
	};

	if (user->path == VFIO_PATH_CDEV)
		return _test_map_fixed(user->iommufd, ioas, mem, length, iova,
				       writable ? MAP_RW : MAP_READ);
	return ioctl(user->container, VFIO_IOMMU_MAP_DMA, &map) ? errno : 0;
}

static int unmap(const struct vfio_user *user, uint32_t ioas, uint64_t iova,
		 uint64_t length)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = length,
	};

	if (user->path == VFIO_PATH_CDEV)
		return _test_ioas_unmap(user->iommufd, ioas, iova, length,
					NULL);
	return ioctl(user->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? errno : 0;
}

static int command(int device, uint32_t op, uint64_t iova, uint32_t length)
{
	struct emulated_command command = { iova, length, op };

	return pwrite(device, &command, sizeof(command), EMULATED_COMMAND) ==
	       sizeof(command) ? 0 : errno;
}

static struct emulated_status status(int device)
{
	struct emulated_status status;

	if (pread(device, &status, sizeof(status), EMULATED_STATUS) !=
	    sizeof(status))
		memset(&status, 0xff, sizeof(status));
	return status;
}

#define DEVICE	(self->user.device)
#define test_map_memory(_iova, _length, _writable)			\
	test_ok(map(&self->user, self->ioas, self->mem, _iova, _length,	\
		    _writable))
#define test_unmap_memory(_iova, _length)				\
	test_ok(unmap(&self->user, self->ioas, _iova, _length))
#define test_command(...) test_ok(command(DEVICE, __VA_ARGS__))
#define test_err_command(_errno, ...)					\
	EXPECT_EQ(_errno, command(DEVICE, __VA_ARGS__))

TEST_F(emulated, reads_and_writes_memory)
{
	uint8_t buffer[EMULATED_BUFFER_SIZE], before[8 * PAGE];

	test_map_memory(IOVA, 8 * PAGE, true);
	mem_fill(self->mem, 8 * PAGE, 1);
	test_command(EMULATED_READ, IOVA, sizeof(buffer));
	ASSERT_EQ(sizeof(buffer), pread(DEVICE, buffer, sizeof(buffer),
					EMULATED_BUFFER));
	ASSERT_TRUE(mem_is(buffer, sizeof(buffer), 1));
	/* Nothing around what the driver writes is changed. */
	memcpy(before, self->mem, sizeof(before));
	test_command(EMULATED_WRITE, IOVA + 4 * PAGE + 100, 5000);
	memcpy(before + 4 * PAGE + 100, buffer, 5000);
	ASSERT_EQ(0, memcmp(before, self->mem, sizeof(before)));
	ASSERT_EQ(0, status(DEVICE).pinned);
}

/* The driver cannot mark what it does; nothing of the call is looked at. */
TEST_F(emulated, pasids_are_eopnotsupp)
{
	static const uint32_t sizes[] = { 8, 12, 16 };

	if (variant->path != VFIO_PATH_CDEV)
		SKIP(return, "only a cdev is attached");
	for (uint32_t pasid = 0; pasid < 2; pasid++) {
		for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
			EXPECT_EQ(sizes[i] < 12 ? EINVAL : EOPNOTSUPP,
				  _test_vfio_attach_pasid(DEVICE, sizes[i],
							  pasid, self->ioas));
			EXPECT_EQ(EOPNOTSUPP,
				  _test_vfio_detach_pasid(DEVICE, sizes[i],
							  pasid));
		}
	}
	EXPECT_EQ(EINVAL, _test_vfio_detach_pasid(DEVICE, 7, 1));
	/* The device is attached as before. */
	test_map_memory(IOVA, PAGE, true);
	test_command(EMULATED_READ, IOVA, 8);
}

TEST_F(emulated, memory_that_is_not_mapped)
{
	const int not_mapped = variant->not_mapped;

	test_map_memory(IOVA, PAGE, false);
	test_command(EMULATED_READ, IOVA, PAGE);
	test_err_command(not_mapped, EMULATED_READ, IOVA - 1, 2);
	test_err_command(not_mapped, EMULATED_READ, IOVA + PAGE, 1);
	test_err_command(EPERM, EMULATED_WRITE, IOVA, 1);
	test_err_command(not_mapped, EMULATED_PIN, IOVA + PAGE, 1);
	test_err_command(EPERM, EMULATED_PIN, IOVA, 1);
	test_err_command(EINVAL, EMULATED_READ, IOVA, EMULATED_BUFFER_SIZE + 1);
	test_err_command(EINVAL, EMULATED_UNPIN + 1, IOVA, 1);
	ASSERT_EQ(0, status(DEVICE).pinned);
}

/*
 * vfio_iommu_type1 calls dma_unmap() with a lock held that it otherwise takes
 * inside the lock that vfio_unpin_pages() takes. lockdep reports that once and
 * then watches no more.
 */
static bool lockdep_minds(enum vfio_path path)
{
	return path == VFIO_PATH_GROUP && !access("/proc/lockdep_stats", F_OK);
}

#define LOCKDEP_MINDS	"lockdep reports the order of vfio_iommu_type1's locks"

/* UNMAP asks the driver to give its pins up. */
TEST_F(emulated, unmap_takes_pins_away)
{
	long pinned = proc_pages_pinned();
	struct emulated_status now;

	if (lockdep_minds(variant->path))
		SKIP(return, LOCKDEP_MINDS);
	test_map_memory(IOVA, 8 * PAGE, true);
	test_command(EMULATED_PIN, IOVA + PAGE, 3);
	ASSERT_EQ(3, status(DEVICE).pinned);
	ASSERT_EQ(pinned + 3, proc_pages_pinned());
	test_command(EMULATED_UNPIN, IOVA + 2 * PAGE, 1);
	test_err_command(ENOENT, EMULATED_UNPIN, IOVA + 2 * PAGE, 1);
	ASSERT_EQ(2, status(DEVICE).pinned);
	ASSERT_EQ(0, status(DEVICE).unmaps);
	test_unmap_memory(IOVA, 8 * PAGE);
	now = status(DEVICE);
	ASSERT_EQ(1, now.unmaps);
	ASSERT_EQ(IOVA, now.unmap_iova);
	ASSERT_EQ(8 * PAGE, now.unmap_length);
	ASSERT_EQ(0, now.pinned);
	ASSERT_EQ(pinned, proc_pages_pinned());
	test_err_command(variant->not_mapped, EMULATED_PIN, IOVA + PAGE, 1);
}

/*
 * A driver may give pages back in other portions than it pinned them, as that
 * of Intel's graphics does.
 */
TEST_F(emulated, pins_in_other_portions)
{
	long pinned = proc_pages_pinned();

	if (lockdep_minds(variant->path))
		SKIP(return, LOCKDEP_MINDS);
	test_map_memory(IOVA, 8 * PAGE, true);
	test_command(EMULATED_PIN_EACH, IOVA, 5);
	test_command(EMULATED_PIN, IOVA + 5 * PAGE, 3);
	ASSERT_EQ(pinned + 8, proc_pages_pinned());
	test_command(EMULATED_UNPIN, IOVA, 3);
	test_command(EMULATED_UNPIN, IOVA + 3 * PAGE, 4);
	ASSERT_EQ(pinned + 1, proc_pages_pinned());
	ASSERT_EQ(1, status(DEVICE).pinned);
	test_command(EMULATED_UNPIN, IOVA + 7 * PAGE, 1);
	ASSERT_EQ(pinned, proc_pages_pinned());
	/* A page that is pinned twice stays until both pins are given back. */
	test_command(EMULATED_PIN, IOVA, 2);
	test_command(EMULATED_PIN, IOVA + PAGE, 2);
	test_command(EMULATED_UNPIN, IOVA, 3);
	ASSERT_EQ(1, status(DEVICE).pinned);
	test_unmap_memory(IOVA, 8 * PAGE);
	ASSERT_EQ(0, status(DEVICE).pinned);
	ASSERT_EQ(pinned, proc_pages_pinned());
}

TEST_F(emulated, close_gives_pins_back)
{
	long pinned = proc_pages_pinned();

	test_map_memory(IOVA, 8 * PAGE, true);
	test_command(EMULATED_PIN, IOVA, 8);
	ASSERT_EQ(pinned + 8, proc_pages_pinned());
	vfio_user_close(&self->user);
	ASSERT_EQ(pinned, proc_pages_pinned());
	test_ok(user_open(&self->user, variant->path, &self->ioas));
	ASSERT_EQ(0, status(DEVICE).pinned);
}

/* The driver's calls go to the IOAS that the device is attached to. */
TEST_F(emulated, attach_elsewhere_and_detach)
{
	uint8_t buffer[PAGE];
	uint32_t other;

	if (variant->path != VFIO_PATH_CDEV)
		SKIP(return, "a device of a group stays in its container");
	mem_fill(self->mem, PAGE, 1);
	mem_fill(self->mem + PAGE, PAGE, 2);
	test_map_memory(IOVA, PAGE, true);
	test_ok(_test_ioas_alloc(self->user.iommufd, &other));
	test_ok(map(&self->user, other, self->mem + PAGE, IOVA, PAGE, true));
	test_command(EMULATED_PIN, IOVA, 1);
	test_ok(_test_vfio_attach(DEVICE, &(uint32_t){ other }));
	/* The pin of the first IOAS had to end. */
	ASSERT_EQ(0, status(DEVICE).pinned);
	test_command(EMULATED_READ, IOVA, PAGE);
	ASSERT_EQ(PAGE, pread(DEVICE, buffer, PAGE, EMULATED_BUFFER));
	ASSERT_TRUE(mem_is(buffer, PAGE, 2));
	test_ok(_test_vfio_detach(DEVICE));
	EXPECT_NE(0, command(DEVICE, EMULATED_READ, IOVA, PAGE));
	EXPECT_NE(0, command(DEVICE, EMULATED_PIN, IOVA, 1));
	test_ok(_test_vfio_attach(DEVICE, &(uint32_t){ self->ioas }));
	test_command(EMULATED_READ, IOVA, PAGE);
	ASSERT_EQ(PAGE, pread(DEVICE, buffer, PAGE, EMULATED_BUFFER));
	ASSERT_TRUE(mem_is(buffer, PAGE, 1));
}

TEST_F(emulated, driver_is_held)
{
	ASSERT_EQ(EWOULDBLOCK, module_unload(EMULATED_MODULE));
	vfio_user_close(&self->user);
	ASSERT_EQ(0, module_unload(EMULATED_MODULE));
	ASSERT_EQ(-1, access(PARENT, F_OK));
	ASSERT_TRUE(module_probe(EMULATED_MODULE));
}

/* Removal waits for the user, which keeps everything until then. */
TEST_F(emulated, unbind_waits)
{
	long pinned = proc_pages_pinned();
	pid_t pid;

	test_map_memory(IOVA, 8 * PAGE, true);
	test_command(EMULATED_PIN, IOVA, 2);
	pid = fork();
	if (!pid) {
		/* The parent is the only user. */
		vfio_user_close(&self->user);
		_exit(!file_write(DRIVER "/unbind", EMULATED_NAME));
	}
	ASSERT_GT(pid, 0);
	ASSERT_EQ(-1, child_ended(pid, WAIT_MS * slowness()));
	test_command(EMULATED_READ, IOVA, PAGE);
	vfio_user_close(&self->user);
	ASSERT_EQ(0, child_ended(pid, LIMIT_MS * slowness()));
	ASSERT_EQ(pinned, proc_pages_pinned());
	ASSERT_NE(0, user_open(&self->user, variant->path, &self->ioas));
	vfio_user_close(&self->user);
	ASSERT_TRUE(file_write(DRIVER "/bind", EMULATED_NAME));
	test_ok(user_open(&self->user, variant->path, &self->ioas));
}

/* One path at a time */
TEST_F(emulated, other_path_is_busy)
{
	struct vfio_user other;
	uint32_t ioas;

	if (!vfio_cdevs_are_served())
		SKIP(return, "vfio-cdev is not loaded");
	EXPECT_EQ(EBUSY, user_open(&other, !variant->path, &ioas));
	vfio_user_close(&other);
	ASSERT_EQ(0, status(DEVICE).pinned);
	vfio_user_close(&self->user);
	test_ok(user_open(&other, !variant->path, &ioas));
	vfio_user_close(&other);
	test_ok(user_open(&self->user, variant->path, &self->ioas));
}

TEST_HARNESS_MAIN
