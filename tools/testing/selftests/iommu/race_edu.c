// SPDX-License-Identifier: GPL-2.0
/*
 * Real devices that come and go while others map, unmap and move them. What
 * must be true whatever the order was is checked when all have stopped; see
 * race_all.c for everything against everything.
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

/* @edu goes from one IOAS to the other, or nowhere. */
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

/* Devices and memory work as before. */
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
 * A device comes and goes while others map and unmap. Without a HWPT nothing
 * is pinned, whatever is mapped: a pin that stays was forgotten.
 */
TEST_F(race, detach_against_map_leaves_no_pin)
{
	struct race_thread threads[] = { MAP, MAP, UNMAP };
	volatile bool stop;
	uint32_t pt;
	int odd;

	ASSERT_EQ(3, race_start(threads, 3, (struct arena *)self, &stop));
	for (int i = 0; i < 100; i++) {
		uint64_t end = now_ms() + 2000 * slowness();

		pt = self->ioas;
		test_attach(self->edu[0].cdev, &pt);
		test_detach(self->edu[0].cdev);
		/* A MAP that began while there was a HWPT may be under way. */
		while (proc_status_kb("VmPin:") && now_ms() < end)
			sleep_ms(1);
		test_pinned(0);
	}
	odd = race_stop(threads, 3, &stop);
	ASSERT_EQ(-1, odd)
		TH_LOG("thread %d: %s", odd, strerror(threads[odd].odd));
}

/* What was mapped meanwhile must be there for the device that came. */
TEST_F(race, attached_device_reaches_every_mapping)
{
	struct race_thread threads[] = {
		MAP, MAP,
		/* Without luck it finds nothing in so short a time. */
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

/* No other object gets the id of a device that is bound and unbound. */
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

/* Who only tries is no user that the close could stumble over. */
TEST_F(race, destroy_of_a_device_against_close_of_its_cdev)
{
	struct race_thread threads[] = {
		{ .step = step_reopen },
		{ .step = step_destroy_device, .allowed = { ENOENT } },
		{ .step = step_destroy_device, .allowed = { ENOENT } },
	};
	uint32_t hwpt;

	/* One that stays, as it shall not take the id of the device. */
	test_detach(self->edu[0].cdev);
	test_hwpt_alloc(self->edu[0].devid, self->ioas, &hwpt);
	self->newest_hwpt = hwpt;
	test_race(threads, (struct arena *)self, RUN_MS);
}

/* Two devices in one group, each moving all of it, and one by itself */
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

/* One moves the group from the HWPT that the other is just being given. */
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
	/* Both are where the group is. */
	test_attach(self->edu[0].cdev, &pt);
	test_map_fixed(self->mem, SLOT, BASE);
	mem_fill(self->mem, 64, 1);
	ASSERT_TRUE(edu_load(&self->edu[1], BASE, 64));
	ASSERT_TRUE(edu_store(&self->edu[1], BASE + PAGE, 64));
	ASSERT_TRUE(mem_is(self->mem + PAGE, 64, 1));
}

/* The only device of a HWPT comes and goes. */
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

/* It cannot go where the rest of its group is not. */
static int step_attach_that_fails(struct race_thread *t)
{
	struct arena *self = t->shared;
	uint32_t pt = self->newest_hwpt;
	int rc = _test_vfio_attach(self->edu[1].cdev, &pt);

	return rc == EINVAL ? 0 : rc;
}

/* While the group moves nobody can see where it is. */
static int step_move_group(struct race_thread *t)
{
	struct arena *self = t->shared;
	uint32_t pt = self->hwpts[race_pick(t, 2)];

	return _test_vfio_attach(self->edu[0].cdev, &pt);
}

/* Who fails to attach to a HWPT may be its last user, and has to end it then. */
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
