// SPDX-License-Identifier: GPL-2.0
/*
 * Chosen races with mock devices and accesses, each for an error that some
 * iommufd has had. At the end nothing is pinned and no id is taken. See
 * race_all.c for all operations at once.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "mock_space.h"
#include "race_slots.h"

#define RUN_MS		100
#define IDS		48
#define PIN		MOCK_ACCESS_NEEDS_PIN_PAGES

/* What all threads of a test work on */
struct objects {
	struct race_slots;
	struct mock_dev dev[2];
	int access[2];
	/* The newest id of another thread; the object may be gone. */
	volatile uint32_t newest_pin, newest_idev;
	/* Another thread destroys an HWPT. */
	volatile bool going;
};

FIXTURE(race) { struct objects; };

FIXTURE_VARIANT(race) { unsigned int domains, limit; };

FIXTURE_VARIANT_ADD(race, one_domain) {
	.domains = 1, .limit = MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(race, two_domains_tiny_batches) {
	.domains = 2, .limit = MOCK_MEMORY_TINY
};

FIXTURE_SETUP(race)
{
	self->mem = test_mem(mem_scattered(SLOTS * SLOT / PAGE));
	self->iova = MOCK_IOVA;
	mock_open(variant->domains, variant->limit);
	test_ioas_alloc(&self->other);
	for (int i = 0; i < ARRAY_SIZE(self->access); i++)
		test_access_create(PIN, &self->access[i]);
}

FIXTURE_TEARDOWN(race)
{
	for (int i = 0; i < ARRAY_SIZE(self->access); i++)
		close(self->access[i]);
	EXPECT_EQ(0, _test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX,
				      NULL));
	EXPECT_EQ(0, _test_check_refs(self->fd, self->mem, SLOTS * SLOT, 0));
	mock_close();
}

static int step_unmap_all(struct race_thread *t)
{
	struct objects *self = t->shared;

	return _test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX, NULL);
}

static int step_copy(struct race_thread *t)
{
	struct objects *self = t->shared;
	uint64_t iova = slot_iova(t, race_pick(t, SLOTS));
	uint64_t length = (1 + race_pick(t, 6)) * PAGE;
	int rc;

	rc = _test_ioas_copy(self->fd, self->other, &iova, self->ioas,
			     slot_iova(t, race_pick(t, SLOTS)) +
			     race_pick(t, 3) * PAGE,
			     length, MAP_RW | MAP_FIXED_IOVA);
	return rc ? rc : _test_ioas_unmap(self->fd, self->other, iova, length,
					  NULL);
}

static int step_device(struct race_thread *t)
{
	struct objects *self = t->shared;
	struct mock_dev dev;
	uint32_t pt = pick_ioas(t);
	int rc = _test_mock_attach(self->fd, pt, &dev);

	if (rc)
		return rc;
	pt = pick_ioas(t);
	rc = _test_mock_replace(self->fd, dev.stdev, &pt);
	return _test_destroy(self->fd, dev.stdev) ?: rc;
}

static int step_replace(struct race_thread *t)
{
	struct objects *self = t->shared;
	uint32_t pt = pick_ioas(t);

	return _test_mock_replace(self->fd, self->dev[0].stdev, &pt);
}

static int step_replace_that_fails(struct race_thread *t)
{
	bool fail = race_pick(t, 2);

	mock_param("fail_attach", fail);
	return step_replace(t);
}

static int step_hwpt(struct race_thread *t)
{
	struct objects *self = t->shared;
	uint32_t hwpt;
	int rc = _test_hwpt_alloc(self->fd, self->dev[0].idev, self->ioas,
				  &hwpt);

	return rc ? rc : _test_destroy(self->fd, hwpt);
}

static int step_destroy(struct race_thread *t)
{
	struct objects *self = t->shared;

	return _test_destroy(self->fd, 1 + race_pick(t, IDS));
}

/* An ioctl on an id that another thread may destroy */
static int step_use_ids(struct race_thread *t)
{
	struct objects *self = t->shared;
	uint32_t id = 1 + race_pick(t, IDS), pt = self->ioas, len = 0, type;
	struct iommu_iova_range range;
	uint32_t num = 1;
	int rc;

	switch (race_pick(t, 5)) {
	case 0:
		rc = _test_iova_ranges(self->fd, id, &range, &num, NULL);
		break;
	case 1:
		rc = _test_hw_info(self->fd, id, NULL, &len, &type);
		break;
	case 2:
		rc = _test_check_map(self->fd, id, MOCK_IOVA, 0, NULL);
		break;
	case 3:
		rc = _test_mock_replace(self->fd, id, &pt);
		break;
	default:
		rc = _test_reserve(self->fd, id, 0, 0);
		break;
	}
	/* The id may be free or an object of any type. */
	return rc == ENOENT || rc == EINVAL || rc == EMSGSIZE ? 0 : rc;
}

static int step_objects(struct race_thread *t)
{
	struct objects *self = t->shared;
	struct mock_dev dev;
	uint32_t ioas, hwpt;
	int rc = _test_ioas_alloc(self->fd, &ioas);

	/* step_destroy() tries ids up to IDS: keep no object beyond. */
	if (!rc && ioas > IDS - 4)
		return _test_destroy(self->fd, ioas) ?: EBUSY;
	if (!rc)
		rc = _test_mock_attach(self->fd, ioas, &dev);
	if (!rc)
		rc = _test_hwpt_alloc(self->fd, dev.idev, ioas, &hwpt);
	return rc;
}

static int step_pin(struct race_thread *t)
{
	struct objects *self = t->shared;
	unsigned int slot = race_pick(t, SLOTS);
	int access = self->access[race_pick(t, 2)];
	uint32_t pin;
	int rc;

	rc = _test_access_pin(self->fd, access, slot_iova(t, slot),
			      race_pick(t, 2) ? SLOT : PAGE, NULL, 0, &pin);
	if (rc)
		return rc;
	/* UNMAP may have ended the pin. */
	rc = _test_access_unpin(self->fd, access, pin);
	return rc == ENOENT ? 0 : rc;
}

/* UNMAP ends the pins. */
static int step_pin_and_forget(struct race_thread *t)
{
	struct objects *self = t->shared;
	uint32_t pin = 0;
	int rc;

	rc = _test_access_pin(self->fd, self->access[0],
			      slot_iova(t, race_pick(t, SLOTS)), SLOT, NULL,
			      MOCK_ACCESS_WRITE, &pin);
	self->newest_pin = pin;
	return rc;
}

static int step_unpin_newest(struct race_thread *t)
{
	struct objects *self = t->shared;

	return _test_access_unpin(self->fd, self->access[0], self->newest_pin);
}

static int step_rw(struct race_thread *t)
{
	struct objects *self = t->shared;
	uint8_t buffer[2 * PAGE];

	return _test_access_rw(self->fd, self->access[race_pick(t, 2)],
			       slot_iova(t, race_pick(t, SLOTS)) +
			       race_pick(t, SLOT), 1 + race_pick(t, 2 * PAGE),
			       buffer, race_pick(t, 2));
}

static int step_replace_access(struct race_thread *t)
{
	struct objects *self = t->shared;

	return _test_access_replace(self->fd, self->access[race_pick(t, 2)],
				    pick_ioas(t));
}

static int step_access(struct race_thread *t)
{
	struct objects *self = t->shared;
	uint32_t pin;
	int access, rc;

	rc = _test_access_create(self->fd, self->ioas, PIN, &access);
	if (rc)
		return rc;
	rc = _test_access_pin(self->fd, access,
			      slot_iova(t, race_pick(t, SLOTS)), SLOT, NULL, 0,
			      &pin);
	close(access);
	return rc;
}

#define UNMAP_ALL { .step = step_unmap_all, .allowed = { EBUSY } }
#define COPY	{ .step = step_copy, .allowed = { ENOENT, EBUSY, EEXIST } }
#define RW	{ .step = step_rw, .allowed = { ENOENT } }
#define PINNER	{ .step = step_pin, .may_starve = true,			\
		  .allowed = { ENOENT, EINVAL } }
#define FORGET	{ .step = step_pin_and_forget, .may_starve = true,	\
		  .allowed = { ENOENT, EINVAL } }

TEST_F(race, map_against_unmap)
{
	struct race_thread threads[] = { MAP, MAP, UNMAP, UNMAP };

	test_race(threads, self, RUN_MS);
}

TEST_F(race, two_unmap_all_against_map)
{
	struct race_thread threads[] = { MAP, MAP, UNMAP_ALL, UNMAP_ALL };

	test_race(threads, self, RUN_MS);
}

TEST_F(race, pin_and_unpin_against_unmap)
{
	struct race_thread threads[] = { MAP, UNMAP, PINNER, PINNER };

	test_race(threads, self, RUN_MS);
}

TEST_F(race, unpin_against_unpin_by_unmap)
{
	struct race_thread threads[] = {
		MAP, UNMAP_ALL, FORGET,
		{ .step = step_unpin_newest, .may_starve = true,
		  .allowed = { ENOENT } },
	};

	test_race(threads, self, RUN_MS);
}

TEST_F(race, rw_against_unmap)
{
	struct race_thread threads[] = { MAP, UNMAP, RW, RW };

	test_race(threads, self, RUN_MS);
}

TEST_F(race, access_replace_against_map_and_pin)
{
	struct race_thread threads[] = {
		MAP, UNMAP, PINNER, FORGET, RW,
		{ .step = step_replace_access },
	};

	test_race(threads, self, RUN_MS);
}

TEST_F(race, access_create_and_close_against_unmap)
{
	struct race_thread threads[] = {
		MAP, UNMAP,
		{ .step = step_access, .allowed = { ENOENT, EINVAL } },
		{ .step = step_access, .allowed = { ENOENT, EINVAL } },
	};

	test_race(threads, self, RUN_MS);
}

TEST_F(race, hwpt_alloc_and_destroy_against_map_and_copy)
{
	struct race_thread threads[] = {
		MAP, UNMAP, COPY,
		{ .step = step_hwpt }, { .step = step_hwpt },
	};

	test_race(threads, self, RUN_MS);
}

/* A mapping of so many bytes leaves a page table in a step of its own. */
#define BIG		(16UL << 20)

/*
 * The only HWPT of the IOAS. Runs when no other thread can: the other thread goes
 * on at once when this one lets it, and is done before this one has its next step.
 */
static int step_hwpt_at_leisure(struct race_thread *t)
{
	struct objects *self = t->shared;
	struct sched_param param = { };
	uint32_t hwpt;
	int rc;

	if (!t->steps && sched_setscheduler(0, SCHED_IDLE, &param))
		return errno;
	rc = _test_hwpt_alloc(self->fd, self->dev[0].idev, self->other, &hwpt);
	if (rc)
		return rc;
	self->going = true;
	rc = _test_destroy(self->fd, hwpt);
	self->going = false;
	return rc;
}

/* Two mappings, and one in their place that is as large as both */
static int step_replace_by_larger(struct race_thread *t)
{
	struct objects *self = t->shared;
	int rc;

	rc = _test_map_fixed(self->fd, self->other, self->mem, PAGE, self->iova,
			     MAP_RW);
	if (!rc)
		rc = _test_map_fixed(self->fd, self->other, self->mem, BIG,
				     self->iova + PAGE, MAP_RW);
	while (!self->going && !*t->stop)
		usleep(100);
	usleep(race_pick(t, 1000));
	if (!rc)
		rc = _test_ioas_unmap(self->fd, self->other, self->iova,
				      PAGE + BIG, NULL);
	if (!rc)
		rc = _test_map_fixed(self->fd, self->other, self->mem,
				     PAGE + BIG, self->iova, MAP_RW);
	if (!rc)
		rc = _test_ioas_unmap(self->fd, self->other, self->iova,
				      PAGE + BIG, NULL);
	return rc;
}

/*
 * A page table that goes may still have what has left it. No mapping that comes
 * meanwhile may be put over that.
 */
TEST_F(race, page_table_goes_while_a_mapping_grows)
{
	struct race_thread threads[] = {
		{ .step = step_replace_by_larger },
		{ .step = step_hwpt_at_leisure },
	};

	self->mem = test_mem(mem_anon(PAGE + BIG));
	ASSERT_TRUE(race_on_one_cpu());
	test_race(threads, self, 5 * RUN_MS);
	test_refs(self->mem, PAGE + BIG, 0);
}

TEST_F(race, attach_and_replace_against_map_and_pin)
{
	struct race_thread threads[] = {
		MAP, UNMAP, PINNER,
		{ .step = step_device }, { .step = step_device },
		{ .step = step_replace },
	};

	test_race(threads, self, RUN_MS);
}

/* Attach fails in the mock half of the time. */
TEST_F(race, failing_replace_against_map)
{
	struct race_thread threads[] = {
		MAP, UNMAP,
		{ .step = step_replace_that_fails, .allowed = { ENOMEM } },
		{ .step = step_replace, .allowed = { ENOMEM } },
		{ .step = step_device, .allowed = { ENOMEM } },
	};
	uint32_t pt = self->ioas;

	test_race(threads, self, RUN_MS);
	test_mock_param("fail_attach", 0);
	test_mock_replace(self->dev[0].stdev, &pt);
	ASSERT_EQ(0, _test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX,
				      NULL));
	test_map_fixed(self->mem, SLOT, MOCK_IOVA);
	test_ok(_test_check_map(self->fd, pt, MOCK_IOVA, SLOT, self->mem));
}

TEST_F(race, any_ioctl_on_an_id_against_destroy)
{
	struct race_thread threads[] = {
		/* EOPNOTSUPP: a HWPT on a HWPT needs data. */
		{ .step = step_objects,
		  .allowed = { ENOENT, EINVAL, EBUSY, EOPNOTSUPP } },
		{ .step = step_objects,
		  .allowed = { ENOENT, EINVAL, EBUSY, EOPNOTSUPP } },
		{ .step = step_use_ids, .allowed = { EADDRINUSE } },
		{ .step = step_use_ids, .allowed = { EADDRINUSE } },
		{ .step = step_destroy, .allowed = { ENOENT, EBUSY } },
		{ .step = step_destroy, .allowed = { ENOENT, EBUSY } },
	};
	uint32_t ioas = self->ioas;

	/* The objects of the fixture are in use and survive. */
	test_race(threads, self, RUN_MS);
	ASSERT_EQ(EBUSY, _test_destroy(self->fd, ioas));
}

/* A failed DESTROY must not count as a user of the device for a moment. */
static int step_destroy_device_ids(struct race_thread *t)
{
	struct objects *self = t->shared;
	int rc = _test_destroy(self->fd, self->newest_idev);

	if (!rc)
		return EPROTO;
	return rc == EBUSY || rc == ENOENT ? 0 : rc;
}

static int step_hold_and_unbind(struct race_thread *t)
{
	struct objects *self = t->shared;
	struct mock_dev dev;
	int rc = _test_mock_attach(self->fd, self->dev[0].hwpt, &dev);

	if (rc)
		return rc;
	self->newest_idev = dev.idev;
	return _test_destroy(self->fd, dev.stdev);
}

TEST_F(race, destroy_of_a_device_against_its_unbind)
{
	struct race_thread threads[] = {
		{ .step = step_hold_and_unbind },
		{ .step = step_destroy_device_ids },
		{ .step = step_destroy_device_ids },
	};

	test_race(threads, self, RUN_MS);
}

/* close() undoes everything. */
TEST_F(race, close_with_everything_in_use)
{
	struct objects mine = { .mem = self->mem, .iova = self->iova };
	struct race_thread threads[] = {
		MAP, UNMAP, PINNER, FORGET, { .step = step_device },
	};

	for (int i = 0; i < 3; i++) {
		mine.fd = iommufd_open();
		ASSERT_GE(mine.fd, 0);
		test_ok(_test_ioas_alloc(mine.fd, &mine.ioas));
		test_ok(_test_ioas_alloc(mine.fd, &mine.other));
		test_ok(_test_mock_attach(mine.fd, mine.ioas, &mine.dev[0]));
		for (int j = 0; j < 2; j++)
			test_ok(_test_access_create(mine.fd, mine.ioas, PIN,
						    &mine.access[j]));
		test_race(threads, &mine, RUN_MS);
		close(mine.fd);
		close(mine.access[0]);
		close(mine.access[1]);
		test_refs(self->mem, SLOTS * SLOT, 0);
		test_pinned(0);
	}
}

TEST_HARNESS_MAIN
