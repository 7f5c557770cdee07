// SPDX-License-Identifier: GPL-2.0
/*
 * Chosen races with a vIOMMU of the mock and what is on it: each object is used
 * while another thread destroys it, or what it stands for.
 */
#include <pthread.h>
#include <sched.h>

#include "race.h"
#include "viommu.h"

#define RUN_MS		300
#define MOMENT_MS	5000
#define WORD		0xc0ffee
#define VIRT_ID		5
#define DEPTH		4
#define REGION_LENGTH	(2 * PAGE)
#define ENTRIES		64

/*
 * What all threads of a test work on. What is volatile belongs to the newest
 * object of another thread; the object may be gone, and another may have its id.
 */
struct viommus {
	struct vmock;
	uint8_t *mem;		/* one page */
	uint32_t nested;
	volatile uint32_t newest;
	volatile uint32_t newest_nested;
	volatile uint64_t newest_offset;
	volatile uint32_t newest_idev;
	volatile int newest_file;
};

FIXTURE(race_viommu) { struct viommus; };

FIXTURE_SETUP(race_viommu)
{
	self->mem = test_mem(mem_anon(PAGE));
	self->newest_file = -1;
	vmock_open();
}

FIXTURE_TEARDOWN(race_viommu)
{
	_test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX, NULL);
	EXPECT_EQ(0, _test_check_refs(self->fd, self->mem, PAGE, 0));
	vmock_close();
}

/* Others only use the object for a moment. */
static int destroy_when_free(int fd, uint32_t id)
{
	uint64_t longest = now_ms() + MOMENT_MS * slowness();
	int rc;

	do
		rc = _test_destroy(fd, id);
	while (rc == EBUSY && now_ms() < longest && !sched_yield());
	return rc;
}

static int step_destroy_newest(struct race_thread *t)
{
	struct viommus *self = t->shared;

	return _test_destroy(self->fd, self->newest);
}

/* It is in use throughout. */
static int step_destroy_viommu(struct race_thread *t)
{
	struct viommus *self = t->shared;
	int rc = _test_destroy(self->fd, self->viommu);

	return rc == EBUSY ? 0 : rc ?: EPROTO;
}

#define DESTROYER							\
	{ .step = step_destroy_newest, .may_starve = true,		\
	  .pause_us = 50, .allowed = { ENOENT, EBUSY } }

static int step_region(struct race_thread *t)
{
	struct iommu_viommu_selftest data = { .in_data = WORD };
	struct viommus *self = t->shared;
	uint32_t viommu;
	int rc;

	rc = _viommu_alloc(self->fd, self->dev.idev, self->parent, VIOMMU_MOCK,
			   &data, sizeof(data), &viommu);
	if (rc)
		return rc;
	self->newest_offset = data.out_mmap_offset;
	self->newest = viommu;
	usleep(race_pick(t, 200));
	return destroy_when_free(self->fd, viommu);
}

/* As long as it is mapped the memory is that of a vIOMMU. */
static int step_mmap(struct race_thread *t)
{
	struct viommus *self = t->shared;
	volatile uint32_t *map;
	int rc = 0;

	map = mmap(NULL, REGION_LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED,
		   self->fd, self->newest_offset);
	if (map == MAP_FAILED)
		return errno;
	for (int i = 0; i < 50; i++) {
		if (map[0] != WORD)
			rc = EPROTO;
		map[PAGE / 4 + 1] = i;
	}
	return munmap((void *)map, REGION_LENGTH) ? errno : rc;
}

/* ENXIO: it is destroyed, or still being made. */
TEST_F(race_viommu, mmap_against_destroy)
{
	struct race_thread threads[] = {
		{ .step = step_region, .allowed = { ENOENT } },
		{ .step = step_region, .allowed = { ENOENT } },
		{ .step = step_mmap, .allowed = { ENXIO } },
		{ .step = step_mmap, .allowed = { ENXIO } },
		{ .step = step_mmap, .allowed = { ENXIO } },
		DESTROYER,
	};

	test_race(threads, self, RUN_MS);
}

static int step_map(struct race_thread *t)
{
	struct viommus *self = t->shared;

	return _test_map_fixed(self->fd, self->ioas, self->mem, PAGE, MOCK_IOVA,
			       MAP_RW);
}

static int step_unmap(struct race_thread *t)
{
	struct viommus *self = t->shared;

	return _test_ioas_unmap(self->fd, self->ioas, MOCK_IOVA, PAGE, NULL);
}

/* While there is a queue its memory is pinned and stays mapped. */
static int hw_queue_life(struct race_thread *t, uint32_t index)
{
	struct viommus *self = t->shared;
	uint32_t queue;
	int rc, end;

	rc = _hw_queue_alloc(self->fd, self->viommu,
			     IOMMU_HW_QUEUE_TYPE_SELFTEST, index, MOCK_IOVA,
			     PAGE, &queue);
	if (rc)
		return rc;
	if (_test_check_refs(self->fd, self->mem, PAGE, 1) ||
	    step_unmap(t) != EBUSY)
		rc = EPROTO;
	end = destroy_when_free(self->fd, queue);
	return rc ?: end;
}

static int step_hw_queue(struct race_thread *t)
{
	return hw_queue_life(t, 0);
}

/* It needs the one before, and holds it. */
static int step_second_hw_queue(struct race_thread *t)
{
	return hw_queue_life(t, 1);
}

/*
 * ENOENT: nothing is mapped. EINVAL: that is just ending. EEXIST: another thread
 * has the queue. EIO: the first one is missing.
 */
TEST_F(race_viommu, hw_queue_against_unmap)
{
	struct race_thread threads[] = {
		{ .step = step_map, .allowed = { EEXIST } },
		{ .step = step_unmap, .allowed = { ENOENT, EBUSY } },
		{ .step = step_unmap, .allowed = { ENOENT, EBUSY } },
		{ .step = step_hw_queue,
		  .allowed = { ENOENT, EINVAL, EEXIST } },
		{ .step = step_hw_queue,
		  .allowed = { ENOENT, EINVAL, EEXIST } },
		{ .step = step_second_hw_queue, .may_starve = true,
		  .allowed = { ENOENT, EINVAL, EEXIST, EIO } },
	};

	test_race(threads, self, RUN_MS);
	test_ok(_test_destroy(self->fd, self->viommu));
}

static int step_event_queue(struct race_thread *t)
{
	struct viommus *self = t->shared;
	uint32_t queue;
	int file, rc;

	rc = _veventq_alloc(self->fd, self->viommu, IOMMU_VEVENTQ_TYPE_SELFTEST,
			    DEPTH, &queue, &file);
	if (rc)
		return rc;
	self->newest = queue;
	self->newest_file = file;
	usleep(race_pick(t, 300));
	close(file);
	/*
	 * EBUSY: another thread is in a read of the file; or it has destroyed
	 * the queue, and the id is that of an object that stays.
	 */
	do {
		rc = _test_destroy(self->fd, queue);
	} while (rc == EBUSY && !*t->stop && !sched_yield());
	return rc == EBUSY ? ENOENT : rc;
}

static int step_read(struct race_thread *t)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_viommu_event_selftest event;
	} event = {};
	struct viommus *self = t->shared;
	ssize_t n = read(self->newest_file, &event, sizeof(event));

	if (n < 0)
		return errno;
	if (n == sizeof(event))
		return event.event.virt_id == VIRT_ID ? 0 : EPROTO;
	return !n || event.header.flags == IOMMU_VEVENTQ_FLAG_LOST_EVENTS ?
	       0 : EPROTO;
}

static int step_poll(struct race_thread *t)
{
	struct viommus *self = t->shared;
	struct pollfd pollfd = { .fd = self->newest_file, .events = POLLIN };

	return poll(&pollfd, 1, 1) < 0 ? errno : 0;
}

static int step_event(struct race_thread *t)
{
	struct viommus *self = t->shared;

	return _trigger_vevent(self->fd, self->dev.idev);
}

static int step_move(struct race_thread *t)
{
	struct viommus *self = t->shared;
	uint32_t pt = race_pick(t, 2) ? self->nested : self->ioas;

	return _test_mock_replace(self->fd, self->dev.stdev, &pt);
}

/*
 * EEXIST: another thread has a queue. ENOENT: of a thread with a queue, it was
 * destroyed; of an event, the device has none. EOPNOTSUPP: there is no queue.
 */
TEST_F(race_viommu, event_queue_against_its_end)
{
	struct race_thread threads[] = {
		{ .step = step_event_queue, .allowed = { EEXIST, ENOENT } },
		{ .step = step_event_queue, .allowed = { EEXIST, ENOENT } },
		{ .step = step_event, .may_starve = true,
		  .allowed = { ENOENT, EOPNOTSUPP } },
		{ .step = step_event, .may_starve = true,
		  .allowed = { ENOENT, EOPNOTSUPP } },
		{ .step = step_read, .allowed = { EBADF } },
		{ .step = step_read, .allowed = { EBADF } },
		{ .step = step_poll },
		{ .step = step_move },
		{ .step = step_destroy_viommu },
		DESTROYER,
	};
	uint32_t vdevice;

	test_ok(_vdevice_alloc(self->fd, self->viommu, self->dev.idev, VIRT_ID,
			       &vdevice));
	test_ok(_nested_alloc(self->fd, self->dev.idev, self->viommu,
			      &self->nested));
	test_race(threads, self, RUN_MS);
}

/* A device comes, gets to a nested HWPT if it has a vdevice by then, and goes. */
static int step_device(struct race_thread *t)
{
	struct viommus *self = t->shared;
	uint32_t pt = self->nested;
	struct mock_dev dev;
	int rc = _test_mock_attach(self->fd, self->ioas, &dev);

	if (rc)
		return rc;
	self->newest_idev = dev.idev;
	usleep(race_pick(t, 200));
	rc = _test_mock_replace(self->fd, dev.stdev, &pt);
	return _test_destroy(self->fd, dev.stdev) ?: rc;
}

static int vdevice_life(struct race_thread *t, uint32_t viommu)
{
	struct viommus *self = t->shared;
	uint32_t vdevice;
	int rc;

	rc = _vdevice_alloc(self->fd, viommu, self->newest_idev,
			    VIRT_ID + race_pick(t, 2), &vdevice);
	if (rc)
		return rc;
	usleep(race_pick(t, 200));
	return _test_destroy(self->fd, vdevice);
}

static int step_vdevice(struct race_thread *t)
{
	struct viommus *self = t->shared;

	return vdevice_life(t, self->viommu);
}

/* The vIOMMU can be destroyed at once: the vdevice is gone. */
static int step_vdevice_and_viommu(struct race_thread *t)
{
	struct viommus *self = t->shared;
	uint32_t viommu;
	int rc, end;

	rc = _viommu_alloc(self->fd, self->dev.idev, self->parent, VIOMMU_MOCK,
			   NULL, 0, &viommu);
	if (rc)
		return rc;
	rc = vdevice_life(t, viommu);
	/* EBUSY: the thread that removes the device still has the vdevice. */
	end = destroy_when_free(self->fd, viommu);
	if (end)
		return EPROTO;
	return rc;
}

static int invalidate_caches(struct viommus *self, uint32_t viommu)
{
	struct iommu_viommu_invalidate_selftest entries[ENTRIES];
	uint32_t num = ENTRIES;

	for (int i = 0; i < ENTRIES; i++)
		entries[i] = (struct iommu_viommu_invalidate_selftest){
			.vdev_id = VIRT_ID,
			.cache_id = i % MOCK_DEV_CACHE_NUM,
		};
	return _test_hwpt_invalidate(self->fd, viommu,
				     IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
				     entries, sizeof(entries[0]), &num);
}

static int step_invalidate(struct race_thread *t)
{
	struct viommus *self = t->shared;

	return invalidate_caches(self, self->viommu);
}

/*
 * ENOENT: the device is gone, and the vdevice with it; of a device, it has no
 * vdevice. EEXIST: the device or the number has a vdevice. EINVAL: the number
 * has none.
 */
TEST_F(race_viommu, vdevice_against_the_end_of_its_device)
{
	struct race_thread threads[] = {
		{ .step = step_device, .may_starve = true,
		  .allowed = { ENOENT } },
		{ .step = step_device, .may_starve = true,
		  .allowed = { ENOENT } },
		{ .step = step_vdevice, .allowed = { ENOENT, EEXIST } },
		{ .step = step_vdevice, .may_starve = true,
		  .allowed = { ENOENT, EEXIST } },
		{ .step = step_vdevice_and_viommu, .may_starve = true,
		  .allowed = { ENOENT, EEXIST } },
		{ .step = step_invalidate, .may_starve = true,
		  .allowed = { EINVAL } },
	};

	self->newest_idev = self->dev.idev;
	test_ok(_nested_alloc(self->fd, self->dev.idev, self->viommu,
			      &self->nested));
	test_race(threads, self, RUN_MS);
	test_destroy(self->nested);
	test_destroy(self->viommu);
}

/* A vIOMMU with a vdevice and a nested HWPT, which the device may be moved to */
static int step_viommu(struct race_thread *t)
{
	struct viommus *self = t->shared;
	uint32_t viommu, vdevice, nested;
	int rc;

	rc = _viommu_alloc(self->fd, self->dev.idev, self->parent, VIOMMU_MOCK,
			   NULL, 0, &viommu);
	if (rc)
		return rc;
	self->newest = viommu;
	rc = _vdevice_alloc(self->fd, viommu, self->dev.idev, VIRT_ID,
			    &vdevice) ?:
	     _nested_alloc(self->fd, self->dev.idev, viommu, &nested);
	if (rc)
		return rc;
	self->newest_nested = nested;
	usleep(race_pick(t, 200));
	/* EBUSY: the device is there, and after the end nobody moves it away. */
	do
		rc = _test_destroy(self->fd, nested);
	while (rc == EBUSY && !*t->stop && !sched_yield());
	return rc ?:
	       _test_destroy(self->fd, vdevice) ?:
	       _test_destroy(self->fd, viommu);
}

static int step_invalidate_newest(struct race_thread *t)
{
	struct viommus *self = t->shared;

	return invalidate_caches(self, self->newest);
}

static int step_invalidate_nested(struct race_thread *t)
{
	struct iommu_hwpt_invalidate_selftest entries[ENTRIES] = {};
	struct viommus *self = t->shared;
	uint32_t num = ENTRIES;

	return _test_hwpt_invalidate(self->fd, self->newest_nested,
				     IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
				     entries, sizeof(entries[0]), &num);
}

static int step_move_to_newest(struct race_thread *t)
{
	struct viommus *self = t->shared;
	uint32_t pt = race_pick(t, 2) ? self->newest_nested : self->ioas;

	return _test_mock_replace(self->fd, self->dev.stdev, &pt);
}

/*
 * ENOENT: it is gone. EINVAL: an object of another type has its id, or the
 * vIOMMU has no such vdevice. EBUSY: the race ended with the device on it.
 */
TEST_F(race_viommu, invalidate_against_destroy)
{
	struct race_thread threads[] = {
		{ .step = step_viommu, .allowed = { EBUSY } },
		{ .step = step_invalidate_newest,
		  .allowed = { ENOENT, EINVAL } },
		{ .step = step_invalidate_newest,
		  .allowed = { ENOENT, EINVAL } },
		{ .step = step_invalidate_nested,
		  .allowed = { ENOENT, EINVAL } },
		{ .step = step_invalidate_nested,
		  .allowed = { ENOENT, EINVAL } },
		{ .step = step_move_to_newest, .allowed = { ENOENT, EINVAL } },
	};

	test_race(threads, self, RUN_MS);
}

TEST_HARNESS_MAIN
