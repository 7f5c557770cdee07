// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once on one context. A thread does what it does at random and
 * counts the answers that no order of events could give; what must be there in
 * the end is checked when all have stopped.
 */
#include <pthread.h>

#include "harness.h"

#define BASE		0x10000000UL
#define SLOTS		16
#define SLOT_PAGES	4
#define SLOT		(SLOT_PAGES * PAGE)
#define RUN_MS		800

struct arena {
	int fd;
	uint32_t ioas;
	uint32_t other;
	struct edu edu[2];
	uint8_t *mem;
};

FIXTURE(race) { struct arena; };

struct racer {
	int fd;
	uint32_t ioas;
	uint32_t other;
	struct edu *edu;
	uint8_t *mem;
	unsigned int seed;
	const int *allowed;	/* errnos that end in 0 */
	int (*step)(struct racer *racer);
	volatile bool *stop;
	unsigned long steps;
	unsigned long done;
	int odd;		/* the first answer that was not allowed */
};

FIXTURE_SETUP(race)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_ioas_alloc(&self->other);
	test_edu_attach(&self->edu[0], PCI_ON_ROOT_BUS, 0, self->ioas);
	test_edu_attach(&self->edu[1], PCI_ON_ROOT_BUS, 1, self->other);
	self->mem = test_mem(mem_anon(SLOTS * SLOT));
}

FIXTURE_TEARDOWN(race)
{
	edu_close(&self->edu[0]);
	edu_close(&self->edu[1]);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

static unsigned int pick(struct racer *r, unsigned int n)
{
	return rand_r(&r->seed) / 7 % n;
}

static int step_map(struct racer *r)
{
	unsigned int slot = pick(r, SLOTS);

	return _test_map_fixed(r->fd, r->ioas, r->mem + slot * SLOT, SLOT,
			       BASE + slot * SLOT, MAP_RW);
}

static int step_map_auto(struct racer *r)
{
	uint64_t iova = 0;
	int rc = _test_ioas_map(r->fd, r->ioas, r->mem, SLOT, &iova, MAP_RW);

	/* Whoever unmaps all may have been there first. */
	return rc ? rc : _test_ioas_unmap(r->fd, r->ioas, iova, SLOT, NULL);
}

static int step_unmap(struct racer *r)
{
	return _test_ioas_unmap(r->fd, r->ioas, BASE + pick(r, SLOTS) * SLOT,
				SLOT, NULL);
}

static int step_unmap_all(struct racer *r)
{
	return _test_ioas_unmap(r->fd, r->ioas, 0, UINT64_MAX, NULL);
}

static int step_copy(struct racer *r)
{
	uint64_t from = BASE + pick(r, SLOTS * SLOT_PAGES) * PAGE;
	uint64_t length = (1 + pick(r, 2 * SLOT_PAGES)) * PAGE;
	uint64_t to = 0;
	int rc;

	rc = _test_ioas_copy(r->fd, r->other, &to, r->ioas, from, length,
			     MAP_RW);
	return rc ? rc : _test_ioas_unmap(r->fd, r->other, to, length, NULL);
}

static int step_attach(struct racer *r)
{
	uint32_t pt = pick(r, 2) ? r->ioas : r->other;

	if (!pick(r, 4))
		return _test_vfio_detach(r->edu->cdev);
	return _test_vfio_attach(r->edu->cdev, &pt);
}

static int step_hwpt(struct racer *r)
{
	uint32_t hwpt;
	int rc = _test_hwpt_alloc(r->fd, r->edu->devid, r->ioas, &hwpt);

	return rc ? rc : _test_destroy(r->fd, hwpt);
}

static int step_destroy(struct racer *r)
{
	return _test_destroy(r->fd, pick(r, 8));
}

static int step_ranges(struct racer *r)
{
	struct iommu_iova_range ranges[8];
	struct iommu_iova_range allow = { BASE, BASE + (1UL << 30) - 1 };
	uint32_t num = 8;
	int rc = _test_iova_ranges(r->fd, r->ioas, ranges, &num, NULL);

	return rc ? rc : _test_allow_iovas(r->fd, r->ioas, &allow, pick(r, 2));
}

/* EBUSY: the area is just being made or taken away by another thread. */
static const int map_errnos[] = { EEXIST, ENOENT, EBUSY, ENOSPC, 0 };
static const int unmap_errnos[] = { ENOENT, EBUSY, 0 };
static const int all_errnos[] = { EBUSY, 0 };
static const int copy_errnos[] = { ENOENT, EEXIST, EBUSY, ENOSPC, 0 };
static const int hwpt_errnos[] = { ENOENT, EBUSY, 0 };
static const int destroy_errnos[] = { ENOENT, EBUSY, 0 };
static const int no_errnos[] = { 0 };

static bool allowed(const struct racer *r, int rc)
{
	for (const int *errno_ok = r->allowed; *errno_ok; errno_ok++)
		if (rc == *errno_ok)
			return true;
	return false;
}

static void *race_thread(void *arg)
{
	struct racer *r = arg;

	while (!*r->stop) {
		int rc = r->step(r);

		r->steps++;
		r->done += !rc;
		if (rc && !allowed(r, rc) && !r->odd)
			r->odd = rc;
	}
	return NULL;
}

static void race_start(struct arena *self, struct racer *racers,
		       pthread_t *threads, int n, bool *stop)
{
	for (int i = 0; i < n; i++) {
		racers[i].fd = self->fd;
		racers[i].ioas = self->ioas;
		racers[i].other = self->other;
		racers[i].edu = racers[i].edu ?: &self->edu[0];
		racers[i].mem = self->mem;
		racers[i].seed = 1 + i;
		racers[i].stop = stop;
		if (pthread_create(&threads[i], NULL, race_thread, &racers[i]))
			abort();
	}
}

/* The first of @racers with an odd answer, or -1. */
static int race_stop(struct racer *racers, pthread_t *threads, int n,
		     bool *stop)
{
	int odd = -1;

	*(volatile bool *)stop = true;
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		if (racers[i].odd && odd < 0)
			odd = i;
	}
	return odd;
}

/* The first of @racers that answered oddly or never had any success, or -1. */
static int race_run(struct arena *self, struct racer *racers, int n)
{
	pthread_t threads[16];
	bool stop = false;
	int odd;

	race_start(self, racers, threads, n, &stop);
	sleep_ms(RUN_MS);
	odd = race_stop(racers, threads, n, &stop);
	for (int i = 0; i < n && odd < 0; i++)
		if (!racers[i].done)
			odd = i;
	return odd;
}

#define test_race(_racers)						\
	do {								\
		int __odd = race_run((struct arena *)self, _racers, ARRAY_SIZE(_racers)); \
									\
		ASSERT_EQ(-1, __odd)					\
			TH_LOG("racer %d: %s, %lu of %lu steps done",	\
			       __odd, strerror((_racers)[__odd].odd),	\
			       (_racers)[__odd].done,			\
			       (_racers)[__odd].steps);			\
	} while (0)

TEST_F(race, map_against_unmap)
{
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_unmap, .allowed = unmap_errnos },
		{ .step = step_unmap, .allowed = unmap_errnos },
	};

	test_race(racers);
	ASSERT_EQ(0, _test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX,
				      NULL));
	test_pinned(0);
}

TEST_F(race, unmap_all_against_itself_and_map)
{
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_map_auto, .allowed = map_errnos },
		{ .step = step_unmap_all, .allowed = all_errnos },
		{ .step = step_unmap_all, .allowed = all_errnos },
	};

	test_race(racers);
	test_unmap_all(NULL);
	test_pinned(0);
}

TEST_F(race, copy_against_map_and_unmap)
{
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_unmap, .allowed = unmap_errnos },
		{ .step = step_copy, .allowed = copy_errnos },
		{ .step = step_copy, .allowed = copy_errnos },
	};

	test_race(racers);
	test_unmap_all(NULL);
	test_pinned(0);
}

TEST_F(race, attach_against_map)
{
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_unmap, .allowed = unmap_errnos },
		{ .step = step_attach, .allowed = no_errnos },
		{ .step = step_attach, .allowed = no_errnos,
		  .edu = &self->edu[1] },
	};
	uint32_t pt = self->ioas;

	test_race(racers);
	test_unmap_all(NULL);
	test_pinned(0);
	/* Devices and memory work as before. */
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
TEST_F(race, detach_leaves_no_pin_behind)
{
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_unmap, .allowed = unmap_errnos },
	};
	pthread_t threads[ARRAY_SIZE(racers)];
	bool stop = false;
	uint32_t pt;

	race_start((struct arena *)self, racers, threads, ARRAY_SIZE(racers), &stop);
	for (int i = 0; i < 150; i++) {
		uint64_t end = now_ms() + 2000;

		pt = self->ioas;
		test_attach(self->edu[0].cdev, &pt);
		test_detach(self->edu[0].cdev);
		/* A MAP that began while there was a HWPT may be under way. */
		while (proc_status_kb("VmPin:") && now_ms() < end)
			sleep_ms(1);
		test_pinned(0);
	}
	ASSERT_EQ(-1, race_stop(racers, threads, ARRAY_SIZE(racers), &stop));
}

/* What was mapped meanwhile must be there for the device that came. */
TEST_F(race, attached_device_reaches_everything)
{
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_unmap, .allowed = unmap_errnos },
	};
	pthread_t threads[ARRAY_SIZE(racers)];
	uint8_t *scratch = test_mem(mem_anon(PAGE));
	uint64_t unmapped;
	bool stop;

	mem_fill(self->mem, SLOTS * SLOT, 1);
	for (int round = 0; round < 4; round++) {
		uint32_t pt = self->ioas;

		test_detach(self->edu[0].cdev);
		stop = false;
		race_start((struct arena *)self, racers, threads, ARRAY_SIZE(racers), &stop);
		sleep_ms(10);
		test_attach(self->edu[0].cdev, &pt);
		ASSERT_EQ(-1, race_stop(racers, threads, ARRAY_SIZE(racers),
					&stop));
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
		test_unmap_all(&unmapped);
	}
}

TEST_F(race, hwpts_against_map)
{
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_unmap, .allowed = unmap_errnos },
		{ .step = step_hwpt, .allowed = hwpt_errnos },
		{ .step = step_hwpt, .allowed = hwpt_errnos },
	};

	test_race(racers);
	test_unmap_all(NULL);
	test_pinned(0);
}

TEST_F(race, destroy_against_everything)
{
	uint32_t spare;
	struct racer racers[] = {
		{ .step = step_map, .allowed = map_errnos },
		{ .step = step_copy, .allowed = copy_errnos },
		{ .step = step_hwpt, .allowed = hwpt_errnos },
		{ .step = step_ranges, .allowed = unmap_errnos },
		{ .step = step_unmap_all, .allowed = all_errnos },
		{ .step = step_destroy, .allowed = destroy_errnos },
	};

	/* Something for DESTROY to succeed with. */
	test_ioas_alloc(&spare);
	test_race(racers);
	test_unmap_all(NULL);
	test_pinned(0);
}

TEST_HARNESS_MAIN
