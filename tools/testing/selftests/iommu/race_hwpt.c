// SPDX-License-Identifier: GPL-2.0
/*
 * Chosen races with what HWPTs of mock devices can do since Linux 6.6: fault
 * queues, dirty tracking, nesting. Each object is used while another thread
 * destroys it. At the end nothing is pinned and each page request has had one
 * answer. The races of PASIDs are in pasid.c.
 */
#include <poll.h>
#include <pthread.h>

#include "mock_space.h"
#include "race_slots.h"
#include "viommu_ioctls.h"

#define RUN_MS		300
#define FAULTS		8
#define LENGTH		(SLOTS * SLOT)
#define UNITS		(LENGTH / MOCK_PAGE)

/*
 * What all threads of a test work on. The ids and descriptors that are volatile
 * are the newest of other threads; the object may be gone, and another may have
 * its id.
 */
struct hwpts {
	struct race_slots;
	struct mock_dev dev[2];
	uint32_t parent;
	volatile uint32_t hwpt[2];
	volatile uint32_t queue[2];
	volatile int file[2];
	volatile uint32_t cookie;
};

FIXTURE(race_hwpt) { struct hwpts; };

FIXTURE_SETUP(race_hwpt)
{
	self->mem = test_mem(mem_scattered(LENGTH / PAGE));
	self->iova = MOCK_IOVA;
	self->file[0] = -1;
	self->file[1] = -1;
	mock_open(2, MOCK_MEMORY_DEFAULT);
	test_ioas_alloc(&self->other);
	test_ok(_parent_alloc(self->fd, self->dev[0].idev, self->ioas,
			      &self->parent));
}

FIXTURE_TEARDOWN(race_hwpt)
{
	EXPECT_EQ(0, _test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX,
				      NULL));
	EXPECT_EQ(0, _test_check_refs(self->fd, self->mem, LENGTH, 0));
	mock_close();
}

/*
 * Another thread may have moved a device to what this thread has made, and moves
 * it away again. When the race ends before that, it stays until the file is
 * closed.
 */
static int destroy_soon(struct race_thread *t, uint32_t id)
{
	struct hwpts *self = t->shared;
	int rc;

	do
		rc = _test_destroy(self->fd, id);
	while (rc == EBUSY && !*t->stop && !usleep(100));
	return rc == EBUSY ? 0 : rc;
}

static int move(struct hwpts *self, int dev, uint32_t pt)
{
	return _test_mock_replace(self->fd, self->dev[dev].stdev, &pt);
}

/* A device to the newest HWPT of another thread, or back */
static int step_move(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	uint32_t hwpt = self->hwpt[race_pick(t, 2)];

	return move(self, race_pick(t, 2), race_pick(t, 2) ? hwpt : self->ioas);
}

/* A queue, a HWPT with it and a device on that, in two orders of their ends */
static int queue_life(struct race_thread *t, int nth)
{
	struct hwpts *self = t->shared;
	bool close_first = race_pick(t, 2);
	uint32_t queue, hwpt;
	int file, rc, end;

	rc = _test_fault_alloc(self->fd, &queue, &file);
	if (rc)
		return rc;
	self->queue[nth] = queue;
	self->file[nth] = file;
	rc = _test_hwpt_fault(self->fd, self->dev[nth].idev, self->ioas, 0,
			      queue, &hwpt);
	if (rc)
		goto out_close;
	self->hwpt[nth] = hwpt;
	rc = move(self, nth, hwpt);
	usleep(race_pick(t, 300));

	if (close_first)
		close(file);
	end = move(self, nth, self->ioas);
	if (!end)
		end = destroy_soon(t, hwpt);
	rc = rc ?: end;
	if (close_first)
		goto out_destroy;
out_close:
	close(file);
out_destroy:
	end = destroy_soon(t, queue);
	return rc ?: end;
}

static int step_first_queue(struct race_thread *t)
{
	return queue_life(t, 0);
}

static int step_second_queue(struct race_thread *t)
{
	return queue_life(t, 1);
}

static int step_request(struct race_thread *t)
{
	struct hwpts *self = t->shared;

	return _test_page_request(self->fd, self->dev[race_pick(t, 2)].idev, 0,
				  race_pick(t, 9), MOCK_IOVA);
}

static int step_read(struct race_thread *t)
{
	struct iommu_hwpt_pgfault faults[FAULTS];
	struct hwpts *self = t->shared;
	ssize_t n = read(self->file[race_pick(t, 2)], faults, sizeof(faults));

	if (n < 0)
		return errno;
	for (size_t i = 0; i < n / sizeof(faults[0]); i++) {
		if (faults[i].addr != MOCK_IOVA || !faults[i].cookie)
			return EPROTO;
		self->cookie = faults[i].cookie;
	}
	return n % sizeof(faults[0]) ? EPROTO : 0;
}

static int step_answer(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	struct iommu_hwpt_page_response response = {
		.cookie = self->cookie,
		.code = race_pick(t, 2),
	};
	ssize_t n = write(self->file[race_pick(t, 2)], &response,
			  sizeof(response));

	if (n < 0)
		return errno;
	return n == sizeof(response) ? 0 : EPROTO;
}

static int step_poll(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	struct pollfd pollfd = {
		.fd = self->file[race_pick(t, 2)], .events = POLLIN,
	};

	return poll(&pollfd, 1, 1) < 0 ? errno : 0;
}

static int step_destroy_queue(struct race_thread *t)
{
	struct hwpts *self = t->shared;

	return _test_destroy(self->fd, self->queue[race_pick(t, 2)]);
}

static long count_answers(void)
{
	return mock_param_read("iopf_success") +
	       mock_param_read("iopf_invalid");
}

/*
 * The thread that destroys may take the id of what the life has made; then
 * another object may have it: ENOENT and EINVAL. EBUSY: of the destroyer, the
 * queue is in use; of a request, a device has sent as many as it can. EBADF: the
 * file is closed. EINVAL of an answer: there is no such cookie any more.
 */
#define LIFE_OF(_step) { .step = _step, .allowed = { ENOENT, EINVAL } }

TEST_F(race_hwpt, fault_queue_against_its_end)
{
	struct race_thread threads[] = {
		LIFE_OF(step_first_queue), LIFE_OF(step_second_queue),
		{ .step = step_request, .allowed = { EBUSY } },
		{ .step = step_request, .allowed = { EBUSY } },
		{ .step = step_read, .allowed = { EBADF } },
		{ .step = step_read, .allowed = { EBADF } },
		{ .step = step_answer, .may_starve = true,
		  .allowed = { EBADF, EINVAL } },
		{ .step = step_poll },
		{ .step = step_move, .allowed = { ENOENT, EINVAL } },
		{ .step = step_destroy_queue, .may_starve = true,
		  .pause_us = 50, .allowed = { ENOENT, EBUSY } },
	};
	long before = count_answers();

	test_race(threads, self, RUN_MS);
	for (int i = 0; i < 2; i++)
		test_ok(move((struct hwpts *)self, i, self->ioas));
	ASSERT_EQ(threads[2].done + threads[3].done, count_answers() - before);
}

static int alloc_tracking(struct hwpts *self, uint32_t *hwpt)
{
	return _test_hwpt_alloc_data(self->fd, self->dev[0].idev, self->ioas,
				     IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				     IOMMU_HWPT_DATA_NONE, NULL, 0, hwpt);
}

static int step_tracking(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	uint32_t hwpt;
	int rc = alloc_tracking(self, &hwpt);

	if (rc)
		return rc;
	self->hwpt[0] = hwpt;
	rc = _test_set_dirty(self->fd, hwpt, 1);
	usleep(race_pick(t, 300));
	return destroy_soon(t, hwpt) ?: rc;
}

static int step_set(struct race_thread *t)
{
	struct hwpts *self = t->shared;

	return _test_set_dirty(self->fd, self->hwpt[0], race_pick(t, 2));
}

static int step_get(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	uint8_t bits[UNITS / 8] = {};

	return _test_get_dirty(self->fd, self->hwpt[0], MOCK_IOVA, LENGTH,
			       MOCK_PAGE, bits, race_pick(t, 2) ?
			       IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR : 0);
}

static int step_write(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	uint8_t bits[UNITS / 8];

	memset(bits, 0xff, sizeof(bits));
	return _test_mock_write(self->fd, self->hwpt[0], MOCK_IOVA, LENGTH,
				MOCK_PAGE, bits, NULL);
}

/*
 * EOPNOTSUPP: the id is that of an automatic HWPT now; that and a HWPT that does
 * not track at the moment are EINVAL for the mock's write.
 */
TEST_F(race_hwpt, dirty_tracking_against_destroy)
{
	struct race_thread threads[] = {
		MAP, MAP, UNMAP,
		{ .step = step_tracking },
		{ .step = step_set, .allowed = { ENOENT, EOPNOTSUPP } },
		{ .step = step_get, .allowed = { ENOENT, EOPNOTSUPP } },
		{ .step = step_get, .allowed = { ENOENT, EOPNOTSUPP } },
		{ .step = step_write, .allowed = { ENOENT, EINVAL } },
		{ .step = step_move, .allowed = { ENOENT, EINVAL } },
	};

	test_race(threads, self, RUN_MS);
}

static int step_parent(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	uint32_t parent;
	int rc = _parent_alloc(self->fd, self->dev[0].idev, self->ioas,
			       &parent);

	if (rc)
		return rc;
	self->hwpt[1] = parent;
	usleep(race_pick(t, 200));
	return destroy_soon(t, parent);
}

static int step_nested(struct race_thread *t)
{
	struct hwpts *self = t->shared;
	uint32_t parent = race_pick(t, 2) ? self->parent : self->hwpt[1];
	uint32_t hwpt;
	int rc = _nested_alloc(self->fd, self->dev[0].idev, parent, &hwpt);

	if (rc)
		return rc;
	self->hwpt[0] = hwpt;
	usleep(race_pick(t, 200));
	return destroy_soon(t, hwpt);
}

static int step_invalidate(struct race_thread *t)
{
	struct iommu_hwpt_invalidate_selftest entries[64] = {};
	uint32_t num = ARRAY_SIZE(entries);
	struct hwpts *self = t->shared;
	int rc = _test_hwpt_invalidate(self->fd, self->hwpt[0],
				       IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
				       entries, sizeof(entries[0]), &num);

	return !rc && num != ARRAY_SIZE(entries) ? EPROTO : rc;
}

static int step_check_iotlb(struct race_thread *t)
{
	struct hwpts *self = t->shared;

	return _test_check_iotlb(self->fd, self->hwpt[0], 1,
				 IOMMU_TEST_IOTLB_DEFAULT);
}

/*
 * ENOENT and, of HWPT_ALLOC, EINVAL: the HWPT is gone. EINVAL: its id is that of
 * a HWPT that is not nested, or cannot be a parent.
 */
TEST_F(race_hwpt, nested_against_destroy)
{
	struct race_thread threads[] = {
		{ .step = step_parent },
		{ .step = step_nested, .allowed = { ENOENT, EINVAL } },
		{ .step = step_nested, .allowed = { ENOENT, EINVAL } },
		{ .step = step_invalidate, .allowed = { ENOENT, EINVAL } },
		{ .step = step_invalidate, .allowed = { ENOENT, EINVAL } },
		{ .step = step_check_iotlb, .allowed = { ENOENT, EINVAL } },
		{ .step = step_move, .allowed = { ENOENT, EINVAL } },
	};

	test_race(threads, self, RUN_MS);
}

TEST_HARNESS_MAIN
