// SPDX-License-Identifier: GPL-2.0
/*
 * Chosen races with real devices: attach, detach, replace and close while other
 * threads map and unmap. When the threads have stopped, each test checks what
 * must be true after any order of events. See race_all.c for all operations at
 * once.
 */
#include "race_slots.h"

#define BASE		0x10000000UL
#define RUN_MS		400

struct arena {
	struct race_slots;
	struct edu edu[3];
	volatile uint32_t newest_hwpt;	/* of another thread; it may be gone */
	uint32_t hwpts[2];
};

FIXTURE(race) { struct arena; };

FIXTURE_SETUP(race)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_ioas_alloc(&self->other);
	test_edu_attach(&self->edu[0], PCI_ON_ROOT_BUS, 0, self->ioas);
	test_edu_attach(&self->edu[1], PCI_ON_ROOT_BUS, 1, self->other);
	self->mem = test_mem(mem_anon(SLOTS * SLOT));
	self->iova = BASE;
}

FIXTURE_TEARDOWN(race)
{
	edu_close(&self->edu[0]);
	edu_close(&self->edu[1]);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* Attach @edu to one of the two IOASes, or detach it. */
static int move(struct race_thread *t, struct edu *edu)
{
	uint32_t pt = pick_ioas(t);

	if (!race_pick(t, 4))
		return _test_vfio_detach(edu->cdev);
	return _test_vfio_attach(edu->cdev, &pt);
}

static int step_move_first(struct race_thread *t)
{
	struct arena *self = t->shared;

	return move(t, &self->edu[0]);
}

static int step_move_second(struct race_thread *t)
{
	struct arena *self = t->shared;

	return move(t, &self->edu[1]);
}

/* After the race devices and memory work as before. */
TEST_F(race, attach_against_map)
{
	struct race_thread threads[] = {
		MAP, UNMAP,
		{ .step = step_move_first }, { .step = step_move_second },
	};
	uint32_t pt = self->ioas;

	test_race(threads, (struct arena *)self, RUN_MS);
	test_unmap_all(NULL);
	test_pinned(0);
	test_attach(self->edu[0].cdev, &pt);
	test_map_fixed(self->mem, SLOT, BASE);
	mem_fill(self->mem, 64, 1);
	ASSERT_TRUE(edu_load(&self->edu[0], BASE, 64));
	ASSERT_TRUE(edu_store(&self->edu[0], BASE + PAGE, 64));
	ASSERT_TRUE(mem_is(self->mem + PAGE, 64, 1));
}

/*
 * Attach and detach while other threads map and unmap. Without a HWPT nothing
 * is pinned: a pin that stays after detach was forgotten.
 */
TEST_F(race, detach_against_map_leaves_no_pin)
{
	struct race_thread threads[] = { MAP, MAP, UNMAP };
	volatile bool stop;
	uint32_t pt;
	int bad;

	ASSERT_EQ(3, race_start(threads, 3, (struct arena *)self, &stop));
	for (int i = 0; i < 100; i++) {
		uint64_t end = now_ms() + 2000 * slowness();

		pt = self->ioas;
		test_attach(self->edu[0].cdev, &pt);
		test_detach(self->edu[0].cdev);
		/* A MAP that began with the HWPT may still be under way. */
		while (proc_status_kb("VmPin:") && now_ms() < end)
			sleep_ms(1);
		test_pinned(0);
	}
	bad = race_stop(threads, 3, &stop);
	ASSERT_EQ(-1, bad)
		TH_LOG("thread %d: %s", bad, strerror(threads[bad].bad_errno));
}

/* What was mapped during attach must be in the new page table. */
TEST_F(race, attached_device_reaches_every_mapping)
{
	struct race_thread threads[] = {
		MAP, MAP,
		/* It may find no mapping in so short a time. */
		{ .step = step_unmap, .allowed = { ENOENT, EBUSY },
		  .may_starve = true },
	};
	uint8_t *scratch = test_mem(mem_anon(PAGE));
	volatile bool stop;

	mem_fill(self->mem, SLOTS * SLOT, 1);
	for (int round = 0; round < 4; round++) {
		uint32_t pt = self->ioas;

		test_detach(self->edu[0].cdev);
		ASSERT_EQ(3, race_start(threads, 3, (struct arena *)self,
					&stop));
		sleep_ms(10);
		test_attach(self->edu[0].cdev, &pt);
		while (!threads[0].done || !threads[1].done)
			sleep_ms(1);
		ASSERT_EQ(-1, race_stop(threads, 3, &stop));
		test_map_fixed(scratch, PAGE, BASE - PAGE);
		for (int i = 0; i < SLOTS; i++) {
			uint64_t copy = 0;

			/* Only a mapped slot can be copied. */
			if (_test_ioas_copy(self->fd, self->other, &copy,
					    self->ioas, BASE + i * SLOT, SLOT,
					    MAP_READ))
				continue;
			ASSERT_TRUE(edu_load(&self->edu[0], BASE + i * SLOT,
					     64));
			memset(scratch, 0, 64);
			ASSERT_TRUE(edu_store(&self->edu[0], BASE - PAGE, 64));
			ASSERT_EQ(0, memcmp(scratch, self->mem + i * SLOT, 64));
			break;
		}
		test_unmap_all(NULL);
	}
}

/* Close, open and attach the cdev; the device gets the same id again. */
static int step_reopen(struct race_thread *t)
{
	struct arena *self = t->shared;
	uint32_t pt = self->newest_hwpt;
	int rc;

	edu_close(&self->edu[0]);
	rc = edu_open(&self->edu[0], self->fd);
	return rc ?: _test_vfio_attach(self->edu[0].cdev, &pt);
}

static int step_destroy_device(struct race_thread *t)
{
	struct arena *self = t->shared;
	int rc = _test_destroy(self->fd, self->edu[0].devid);

	if (rc == EBUSY)
		return 0;
	return rc ?: EPROTO;
}

/*
 * A failed DESTROY must not count as a user of the device when close unbinds
 * it.
 */
TEST_F(race, destroy_of_a_device_against_close_of_its_cdev)
{
	struct race_thread threads[] = {
		{ .step = step_reopen },
		{ .step = step_destroy_device, .allowed = { ENOENT } },
		{ .step = step_destroy_device, .allowed = { ENOENT } },
	};
	uint32_t hwpt;

	/*
	 * A HWPT that stays: an automatic one could take the id of the device.
	 */
	test_detach(self->edu[0].cdev);
	test_hwpt_alloc(self->edu[0].devid, self->ioas, &hwpt);
	self->newest_hwpt = hwpt;
	test_race(threads, (struct arena *)self, RUN_MS);
}

/* Two devices in one group, each of which moves the group, and one alone */
FIXTURE(group) { struct arena; };

FIXTURE_SETUP(group)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_ioas_alloc(&self->other);
	test_edu_attach(&self->edu[0], PCI_SHARED_GROUP, 0, self->ioas);
	test_edu_attach(&self->edu[1], PCI_SHARED_GROUP, 1, self->ioas);
	test_edu_open(&self->edu[2], PCI_ON_ROOT_BUS, 0);
	self->mem = test_mem(mem_anon(SLOTS * SLOT));
	self->iova = BASE;
}

FIXTURE_TEARDOWN(group)
{
	edu_close(&self->edu[0]);
	edu_close(&self->edu[1]);
	edu_close(&self->edu[2]);
	EXPECT_EQ(3, iommufd_next_id(self->fd))
		TH_LOG("an automatic HWPT outlived its last device");
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

static int replace(struct race_thread *t, struct edu *edu)
{
	uint32_t pt = pick_ioas(t);

	return _test_vfio_attach(edu->cdev, &pt);
}

static int step_replace_by_first(struct race_thread *t)
{
	struct arena *self = t->shared;

	return replace(t, &self->edu[0]);
}

static int step_replace_by_second(struct race_thread *t)
{
	struct arena *self = t->shared;

	return replace(t, &self->edu[1]);
}

/*
 * One thread moves the group away from the HWPT that another thread moves it
 * to.
 */
TEST_F(group, replace_by_both_devices_of_a_group)
{
	struct race_thread threads[] = {
		{ .step = step_replace_by_first },
		{ .step = step_replace_by_second },
		{ .step = step_replace_by_first },
		{ .step = step_replace_by_second },
	};
	uint32_t pt = self->ioas;

	test_race(threads, (struct arena *)self, 5 * RUN_MS);
	/* Both devices have the page table of the group. */
	test_attach(self->edu[0].cdev, &pt);
	test_map_fixed(self->mem, SLOT, BASE);
	mem_fill(self->mem, 64, 1);
	ASSERT_TRUE(edu_load(&self->edu[1], BASE, 64));
	ASSERT_TRUE(edu_store(&self->edu[1], BASE + PAGE, 64));
	ASSERT_TRUE(mem_is(self->mem + PAGE, 64, 1));
}

/* Attach and detach of its only device create and destroy an automatic HWPT. */
static int step_make_and_end_hwpt(struct race_thread *t)
{
	struct arena *self = t->shared;
	uint32_t pt = self->other;
	int rc = _test_vfio_attach(self->edu[2].cdev, &pt);

	if (rc)
		return rc;
	self->newest_hwpt = pt;
	return _test_vfio_detach(self->edu[2].cdev);
}

/* EINVAL: the other device of its group has another page table. */
static int step_attach_that_fails(struct race_thread *t)
{
	struct arena *self = t->shared;
	uint32_t pt = self->newest_hwpt;
	int rc = _test_vfio_attach(self->edu[1].cdev, &pt);

	return rc == EINVAL ? 0 : rc;
}

/* Moves the group between two HWPTs during the failing attach. */
static int step_move_group(struct race_thread *t)
{
	struct arena *self = t->shared;
	uint32_t pt = self->hwpts[race_pick(t, 2)];

	return _test_vfio_attach(self->edu[0].cdev, &pt);
}

/* A failed attach may be the last user of a HWPT and has to destroy it then. */
TEST_F(group, failed_attach_against_destroy_of_the_hwpt)
{
	struct race_thread threads[] = {
		{ .step = step_make_and_end_hwpt },
		{ .step = step_attach_that_fails, .allowed = { ENOENT } },
		{ .step = step_move_group },
	};

	test_detach(self->edu[1].cdev);
	for (int i = 0; i < 2; i++)
		test_hwpt_alloc(self->edu[0].devid, self->ioas,
				&self->hwpts[i]);
	test_race(threads, (struct arena *)self, 2 * RUN_MS);
	for (int i = 0; i < 2; i++)
		test_ok(_test_vfio_detach(self->edu[0].cdev) ?:
			_test_destroy(self->fd, self->hwpts[i]));
}

TEST_HARNESS_MAIN
