// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that end at 2^64 - 1, with domains: no IOVA arithmetic wraps, and
 * every page is unpinned and uncharged.
 */
#include "mock_space.h"

#define LENGTH		(4 * PAGE)
#define TOP		(-LENGTH)
#define LOW		0x10000000UL
#define ROUNDS		3
/* Seconds after which a test that hangs is killed */
#define SECONDS		10
/* The files of a killed process may be closed after its end. */
#define SETTLES_MS	5000

/* Two mappings: the highest that there can be, and one far below. */
static int place_by_map(int fd, uint32_t ioas, const void *mem)
{
	int rc;

	rc = _test_map_fixed(fd, ioas, mem, LENGTH, LOW, MAP_RW);
	return rc ?: _test_map_fixed(fd, ioas, mem + LENGTH, LENGTH, TOP,
				     MAP_RW);
}

static int place_by_copy(int fd, uint32_t ioas, const void *mem)
{
	uint64_t iova = TOP;
	int rc;

	rc = _test_map_fixed(fd, ioas, mem, 2 * LENGTH, LOW, MAP_RW);
	return rc ?: _test_ioas_copy(fd, ioas, &iova, ioas, LOW + LENGTH,
				     LENGTH, MAP_RW | MAP_FIXED_IOVA);
}

struct top {
	uint8_t *mem;		/* 2 * LENGTH bytes, of no huge page */
	int (*place)(int fd, uint32_t ioas, const void *mem);
	uid_t uid;
	int fd[ROUNDS];
	int parent[2];		/* pipe; the parent closes its end after its files */
};

FIXTURE(top) { struct top; };

FIXTURE_VARIANT(top) {
	int (*place)(int fd, uint32_t ioas, const void *mem);
};

FIXTURE_VARIANT_ADD(top, map) { .place = place_by_map };
FIXTURE_VARIANT_ADD(top, copy) { .place = place_by_copy };

FIXTURE_SETUP(top)
{
	self->mem = test_mem(mem_anon(2 * LENGTH));
	ASSERT_EQ(0, mem_advise(self->mem, 2 * LENGTH, MADV_NOHUGEPAGE));
	self->place = variant->place;
	self->uid = 70000 + getpid();
	for (int i = 0; i < ROUNDS; i++)
		self->fd[i] = iommufd_open();
	ASSERT_GE(self->fd[ROUNDS - 1], 0);
	ASSERT_TRUE(mock_param("wide_aperture", 1));
	ASSERT_EQ(0, pipe(self->parent));
}

FIXTURE_TEARDOWN(top)
{
	close(self->parent[0]);
	EXPECT_TRUE(mock_param("wide_aperture", 0));
}

static int check(int fd, const struct mock_dev *dev, const uint8_t *mem)
{
	int rc = _test_check_map(fd, dev->hwpt, LOW, LENGTH, mem);

	return rc ?: _test_check_map(fd, dev->hwpt, TOP, LENGTH, mem + LENGTH);
}

/* Map, attach two domains, and detach both. */
static int come_and_go(const struct top *self, int fd)
{
	struct mock_dev dev, second;
	uint32_t ioas, hwpt = 0;
	int rc;

	rc = _test_ioas_alloc(fd, &ioas);
	if (!rc)
		rc = self->place(fd, ioas, self->mem);
	if (!rc)
		rc = _test_mock_attach(fd, ioas, &dev);
	if (!rc)
		rc = check(fd, &dev, self->mem);
	if (!rc)
		rc = _test_hwpt_alloc(fd, dev.idev, ioas, &hwpt);
	if (!rc)
		rc = _test_mock_attach(fd, hwpt, &second);
	if (!rc)
		rc = check(fd, &second, self->mem);
	if (!rc)
		rc = _test_check_refs(fd, self->mem, 2 * LENGTH, 1);
	if (!rc)
		rc = _test_destroy(fd, dev.stdev);
	return rc ?: check(fd, &second, self->mem);
}

/* The limit is for one round: a page that stays fails the next round. */
static int rounds(const struct top *self, bool close_each)
{
	int rc = 0;
	char none;

	/* The parent has closed its files when it closes this. */
	close(self->parent[1]);
	if (read(self->parent[0], &none, 1))
		return EPIPE;
	alarm(SECONDS * slowness());
	if (!become_user(self->uid, 2 * LENGTH))
		return EPERM;
	for (int i = 0; !rc && i < (close_each ? ROUNDS : 1); i++) {
		rc = come_and_go(self, self->fd[i]);
		if (close_each)
			close(self->fd[i]);
	}
	alarm(0);
	return rc;
}

static int close_rounds(void *arg)
{
	return rounds(arg, true);
}

static int one_round(void *arg)
{
	return rounds(arg, false);
}

static bool nothing_pinned(const struct top *self, int fd)
{
	uint64_t end = now_ms() + SETTLES_MS;

	while (proc_pages_pinned() && now_ms() < end)
		sleep_ms(20);
	return !proc_pages_pinned() &&
	       !_test_check_refs(fd, self->mem, 2 * LENGTH, 0);
}

#define test_nothing_pinned()						\
	do {								\
		int __fd = iommufd_open();				\
									\
		ASSERT_TRUE(nothing_pinned((struct top *)self, __fd))			\
			TH_LOG("%ld pages are pinned",			\
			       proc_pages_pinned());			\
		close(__fd);						\
	} while (0)

#define test_close_files()						\
	do {								\
		for (int __i = 0; __i < ROUNDS; __i++)			\
			close(self->fd[__i]);				\
		close(self->parent[1]);					\
	} while (0)

TEST_F(top, close_gives_everything_back)
{
	struct child child;

	ASSERT_TRUE(child_start(&child, close_rounds, self));
	/* Only the child has the files, so its close is the last. */
	test_close_files();
	ASSERT_EQ(0, child_result(&child));
	test_nothing_pinned();
	child_end(&child);
}

TEST_F(top, exit_gives_everything_back)
{
	struct child child;

	ASSERT_TRUE(child_start(&child, one_round, self));
	test_close_files();
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(4 * LENGTH / 2 / PAGE, proc_pages_pinned());
	child_kill(&child);
	test_nothing_pinned();
}

/* Map first; then domains are attached, filled, drained and detached. */
FIXTURE(wide) {
	struct mock;
	uint8_t *mem;
};

FIXTURE_SETUP(wide)
{
	ASSERT_TRUE(mock_param("wide_aperture", 1));
	mock_open(1, MOCK_MEMORY_DEFAULT);
	self->mem = test_mem(mem_scattered(2 * LENGTH / PAGE));
}

FIXTURE_TEARDOWN(wide)
{
	mock_close();
}

TEST_F(wide, map_and_unmap_at_the_top)
{
	uint32_t hwpt = self->dev[0].hwpt;

	for (int i = 0; i < ROUNDS; i++) {
		test_ok(place_by_map(self->fd, self->ioas, self->mem));
		test_ok(_test_check_map(self->fd, hwpt, TOP, LENGTH,
					self->mem + LENGTH));
		test_unmap(TOP, LENGTH);
		ASSERT_EQ(EINVAL, _test_check_map(self->fd, hwpt, -MOCK_PAGE,
						  MOCK_PAGE, self->mem +
						  2 * LENGTH - MOCK_PAGE));
		test_unmap(LOW, LENGTH);
		test_pinned(0);
	}
}

/* The mock warns of a flush that a driver might cut off. */
TEST_F(wide, flushes_of_scattered_mappings_are_bounded)
{
	static const struct { unsigned int n; uint64_t step; } rows[] = {
		{ 3, 1UL << 44 }, { 30, 1UL << 40 }, { 30, 1UL << 44 },
	};

	for (int r = 0; r < ARRAY_SIZE(rows); r++) {
		for (unsigned int i = 0; i < rows[r].n; i++)
			test_map_fixed(self->mem + i % 8 * PAGE, PAGE,
				       LOW + i * rows[r].step);
		test_unmap_all(NULL);
		test_pinned(0);
	}
}

/* A failed iommu_map() is undone up to the last IOVA. */
TEST_F(wide, failed_iommu_map_at_the_top)
{
	int rc, n;

	for (n = 1; n < 100; n++) {
		test_mock_param("fail_map", n);
		rc = _test_map_fixed(self->fd, self->ioas, self->mem, LENGTH,
				     TOP, MAP_RW);
		test_mock_param("fail_map", 0);
		if (!rc)
			break;
		ASSERT_EQ(ENOMEM, rc);
		test_pinned(0);
	}
	ASSERT_EQ(0, rc);
	ASSERT_GT(n, 2);
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, TOP, LENGTH,
				self->mem));
}

TEST_HARNESS_MAIN
