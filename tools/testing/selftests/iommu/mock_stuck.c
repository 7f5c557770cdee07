// SPDX-License-Identifier: GPL-2.0
/*
 * What other threads see while one thread waits for a page of user memory. The
 * test decides when the page comes.
 */
#include <pthread.h>
#include <linux/vfio.h>

#include "mock_space.h"
#include "stuck.h"

#define PAGES	8UL
#define LENGTH	(PAGES * PAGE)
#define COMES	10000	/* ms; a bound, not what it takes */
#define WAITS	200	/* ms after which a thread surely waits */

FIXTURE(stuck) {
	struct mock;
	struct stuck stuck;
	uint8_t *mem;
};

FIXTURE_VARIANT(stuck) {
	unsigned int limit;
	size_t page;
};

FIXTURE_VARIANT_ADD(stuck, first_page) {
	.limit = MOCK_MEMORY_DEFAULT, .page = 0
};

FIXTURE_VARIANT_ADD(stuck, page_midway_tiny_batches) {
	.limit = MOCK_MEMORY_TINY, .page = PAGES / 2
};

FIXTURE_SETUP(stuck)
{
	if (!stuck_possible())
		SKIP(_exit(KSFT_SKIP), "this kernel has no CONFIG_USERFAULTFD");
	ASSERT_TRUE(stuck_open(&self->stuck, LENGTH, variant->page))
		TH_LOG("userfaultfd: %s", strerror(errno));
	mock_open(1, variant->limit);
	self->mem = test_mem(mem_anon(LENGTH));
}

FIXTURE_TEARDOWN(stuck)
{
	mock_close();
}

/* One call in a thread of its own */
struct call {
	pthread_t thread;
	int fd;
	int (*fn)(struct call *call);
	uint32_t id, pt;
	const void *mem;
	uint32_t num;
	uint64_t alignment;
	int rc;
	volatile bool done;
};

static void *call_thread(void *arg)
{
	struct call *call = arg;

	call->rc = call->fn(call);
	call->done = true;
	return NULL;
}

#define test_start_at(_call, _fn, _id, _pt, _mem)			\
	do {								\
		*(_call) = (struct call){				\
			.fd = self->fd, .fn = _fn, .id = _id, .pt = _pt, \
			.mem = _mem,					\
		};							\
		ASSERT_EQ(0, pthread_create(&(_call)->thread, NULL,	\
					    call_thread, _call));	\
	} while (0)
#define test_start(_call, _fn, _id, _pt)				\
	test_start_at(_call, _fn, _id, _pt, self->stuck.mem)

/* A thread has come to the page. */
#define test_stuck() test_ok(stuck_wait(&self->stuck, COMES))
#define test_start_stuck(_call, _fn, _id, _pt)				\
	do {								\
		test_start(_call, _fn, _id, _pt);			\
		test_stuck();						\
	} while (0)

/* The call had time to end, but waits. */
#define test_waits(_call)						\
	do {								\
		sleep_ms(WAITS * slowness());				\
		EXPECT_FALSE((_call)->done);				\
	} while (0)

#define test_end(_call, _errno)						\
	do {								\
		ASSERT_EQ(0, pthread_join((_call)->thread, NULL));	\
		ASSERT_EQ(_errno, (_call)->rc)				\
			TH_LOG("%s", strerror((_call)->rc));		\
	} while (0)

static int call_map(struct call *call)
{
	return _test_map_fixed(call->fd, call->id, call->mem, LENGTH, MOCK_IOVA,
			       MAP_RW);
}

static int call_read_only_map(struct call *call)
{
	return _test_map_fixed(call->fd, call->id, call->mem, LENGTH, MOCK_IOVA,
			       MAP_READ);
}

static int call_replace(struct call *call)
{
	return _test_mock_replace(call->fd, call->id, &call->pt);
}

static int call_attach(struct call *call)
{
	struct mock_dev dev;

	return _test_mock_attach(call->fd, call->pt, &dev);
}

static int call_destroy(struct call *call)
{
	return _test_destroy(call->fd, call->id);
}

/* @id: the access */
static int call_pin(struct call *call)
{
	uint32_t pin;

	return _test_access_pin(call->fd, call->id, MOCK_IOVA - LENGTH,
				2 * LENGTH, NULL, 0, &pin);
}

static int call_unmap_all(struct call *call)
{
	return _test_ioas_unmap(call->fd, call->id, 0, UINT64_MAX, NULL);
}

/* The first range is written into the page that is not there. */
static int call_ranges(struct call *call)
{
	struct iommu_iova_range *ranges = (void *)call->mem;

	call->num = 4;
	return _test_iova_ranges(call->fd, call->id, ranges, &call->num,
				 &call->alignment);
}

/* The same for the ranges of the type1 emulation */
static int call_info(struct call *call)
{
	struct vfio_iommu_type1_info *info = (void *)call->mem;

	return iommufd_ioctl(call->fd, VFIO_IOMMU_GET_INFO, info);
}

/* The answer is from before the change. */
TEST_F(stuck, iova_ranges_are_a_snapshot)
{
	struct iommu_iova_range *ranges = (void *)self->stuck.page;
	struct call call;

	test_start_at(&call, call_ranges, self->ioas, 0, ranges);
	test_stuck();
	test_destroy(self->dev[0].stdev);
	stuck_release(&self->stuck);
	test_end(&call, 0);
	ASSERT_EQ(1, call.num);
	ASSERT_EQ(MOCK_PAGE, call.alignment);
	ASSERT_EQ(MOCK_APERTURE_START, ranges->start);
	ASSERT_EQ(MOCK_APERTURE_LAST, ranges->last);
}

TEST_F(stuck, type1_ranges_are_a_snapshot)
{
	struct iommu_vfio_ioas choose = {
		.size = sizeof(choose), .ioas_id = self->ioas,
		.op = IOMMU_VFIO_IOAS_SET,
	};
	/* 24 bytes of the struct and 32 of capabilities come before them. */
	uint8_t *arg = self->stuck.page - 56;
	struct vfio_iova_range *range = (void *)self->stuck.page;
	struct call call;

	if (self->stuck.page == self->stuck.mem)
		return;		/* nothing lies before it */
	test_ok(iommufd_ioctl(self->fd, IOMMU_VFIO_IOAS, &choose));
	*(uint32_t *)arg = 56 + 4 * sizeof(*range);
	test_start_at(&call, call_info, self->ioas, 0, arg);
	test_stuck();
	test_destroy(self->dev[0].stdev);
	stuck_release(&self->stuck);
	test_end(&call, 0);
	ASSERT_EQ(56 + sizeof(*range), *(uint32_t *)arg);
	ASSERT_EQ(MOCK_APERTURE_START, range->start);
	ASSERT_EQ(MOCK_APERTURE_LAST, range->end);
}

TEST_F(stuck, map_waits_for_its_memory)
{
	struct call map;

	test_start_stuck(&map, call_map, self->ioas, 0);
	ASSERT_FALSE(map.done);
	stuck_release(&self->stuck);
	test_end(&map, 0);
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA, LENGTH,
				self->stuck.mem));
	test_refs(self->stuck.mem, LENGTH, 1);
}

TEST_F(stuck, read_only_map_waits_for_its_memory)
{
	struct call map;

	test_start_stuck(&map, call_read_only_map, self->ioas, 0);
	stuck_release(&self->stuck);
	test_end(&map, 0);
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA, LENGTH,
				self->stuck.mem));
}

TEST_F(stuck, unfinished_mapping_does_not_block_others)
{
	uint64_t iova = 0;
	struct call map;
	int access;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_start_stuck(&map, call_map, self->ioas, 0);

	/* The IOVA is in use, but the mapping cannot be used. */
	EXPECT_EQ(EEXIST, _test_map_fixed(self->fd, self->ioas, self->mem, PAGE,
					  MOCK_IOVA + PAGE, MAP_RW));
	EXPECT_EQ(EBUSY, _test_ioas_unmap(self->fd, self->ioas, MOCK_IOVA,
					  LENGTH, NULL));
	EXPECT_EQ(EBUSY, _test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX,
					  NULL));
	EXPECT_EQ(ENOENT, _test_ioas_unmap(self->fd, self->ioas, MOCK_IOVA,
					   PAGE, NULL));
	EXPECT_EQ(EADDRINUSE, _test_reserve(self->fd, self->ioas, MOCK_IOVA,
					    1));
	EXPECT_EQ(ENOENT, _test_ioas_copy(self->fd, self->ioas, &iova,
					  self->ioas, MOCK_IOVA, PAGE, MAP_RW));
	EXPECT_EQ(ENOENT, _test_access_rw(self->fd, access, MOCK_IOVA, 1, &iova,
					  0));
	EXPECT_EQ(EBUSY, _test_destroy(self->fd, self->ioas));

	/* Other calls on the same IOAS go on. */
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA + LENGTH);
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA - LENGTH);
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA + LENGTH,
				LENGTH, self->mem));
	test_unmap(MOCK_IOVA + LENGTH, LENGTH);
	test_unmap(MOCK_IOVA - LENGTH, LENGTH);
	test_map(self->mem, LENGTH, &iova);
	test_unmap(iova, LENGTH);

	stuck_release(&self->stuck);
	test_end(&map, 0);
	test_unmap(MOCK_IOVA, LENGTH);
	test_refs(self->stuck.mem, LENGTH, 0);
	close(access);
}

/* A new page table gets every mapping. */
TEST_F(stuck, domain_attached_during_a_map_is_complete)
{
	uint64_t iova = MOCK_IOVA + LENGTH;
	struct call map, replace;
	struct mock_dev dev;
	uint32_t other;

	test_ioas_alloc(&other);
	test_mock_attach(other, &dev);
	test_map_fixed(self->mem, PAGE, MOCK_IOVA - PAGE);
	test_start_stuck(&map, call_map, self->ioas, 0);
	/* A device of the same IOAS shares the HWPT and need not wait. */
	test_start(&replace, call_replace, dev.stdev, self->ioas);
	test_end(&replace, 0);
	ASSERT_EQ(self->dev[0].hwpt, replace.pt);
	test_map_fixed(self->mem, PAGE, iova);
	stuck_release(&self->stuck);
	test_end(&map, 0);
	test_ok(_test_check_map(self->fd, replace.pt, MOCK_IOVA, LENGTH,
				self->stuck.mem));
	test_ok(_test_check_map(self->fd, replace.pt, MOCK_IOVA - PAGE, PAGE,
				self->mem));
	test_ok(_test_check_map(self->fd, replace.pt, iova, PAGE, self->mem));
}

/* An IOAS whose memory is pinned only when a domain is attached */
#define test_other_ioas(_other)						\
	do {								\
		test_ioas_alloc(_other);				\
		test_ok(_test_map_fixed(self->fd, *(_other),		\
					self->stuck.mem, LENGTH, MOCK_IOVA, \
					MAP_RW));			\
	} while (0)

TEST_F(stuck, unfinished_hwpt_cannot_be_found)
{
	struct mock_dev dev;
	struct call replace;
	uint32_t other, ids;

	test_other_ioas(&other);
	ids = iommufd_next_id(self->fd);
	test_start_stuck(&replace, call_replace, self->dev[0].stdev, other);
	/* The HWPT has the next id, but lookups fail. */
	ASSERT_NE(ids, iommufd_next_id(self->fd));
	EXPECT_EQ(ENOENT, _test_destroy(self->fd, ids));
	EXPECT_EQ(ENOENT, _test_mock_attach(self->fd, ids, &dev));
	EXPECT_EQ(EBUSY, _test_destroy(self->fd, other));
	/* The device is where it was. */
	test_map_fixed(self->mem, PAGE, MOCK_IOVA);
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA, PAGE,
				self->mem));
	stuck_release(&self->stuck);
	test_end(&replace, 0);
	ASSERT_EQ(ids, replace.pt);
	test_ok(_test_check_map(self->fd, ids, MOCK_IOVA, LENGTH,
				self->stuck.mem));
}

TEST_F(stuck, second_attach_shares_the_unfinished_hwpt)
{
	struct call replace, attach;
	uint32_t other;

	test_other_ioas(&other);
	test_start_stuck(&replace, call_replace, self->dev[0].stdev, other);
	test_start(&attach, call_attach, 0, other);
	test_waits(&attach);
	stuck_release(&self->stuck);
	test_end(&replace, 0);
	test_end(&attach, 0);
	test_refs(self->stuck.mem, LENGTH, 1);
	/* One device is left, and one pin. */
	test_destroy(self->dev[0].stdev);
	test_refs(self->stuck.mem, LENGTH, 1);
}

/* DESTROY waits for users of the object without a limit. */
TEST_F(stuck, destroy_waits_for_an_ioctl_that_uses_the_object)
{
	struct call replace, destroy;
	uint32_t other;

	test_other_ioas(&other);
	test_start_stuck(&replace, call_replace, self->dev[0].stdev, other);
	test_start(&destroy, call_destroy, self->dev[0].stdev, 0);
	test_waits(&destroy);
	ASSERT_FALSE(replace.done);
	/* It is being destroyed: lookups fail. */
	ASSERT_EQ(ENOENT, _test_destroy(self->fd, self->dev[0].stdev));
	stuck_release(&self->stuck);
	test_end(&replace, 0);
	test_end(&destroy, 0);
	test_err_destroy(ENOENT, self->dev[0].stdev);
	test_refs(self->stuck.mem, LENGTH, 0);
	test_destroy(other);
}

TEST_F(stuck, unmap_waits_for_a_pin_that_is_under_way)
{
	struct call pin, unmap;
	uint64_t iova = 0;
	uint32_t other;
	int access;

	test_ioas_alloc(&other);
	/* A part of the pin, in another mapping, is already made. */
	test_ok(_test_map_fixed(self->fd, other, self->mem, LENGTH,
				MOCK_IOVA - LENGTH, MAP_RW));
	test_ok(_test_map_fixed(self->fd, other, self->stuck.mem, LENGTH,
				MOCK_IOVA, MAP_RW));
	test_ok(_test_access_create(self->fd, other,
				    MOCK_ACCESS_NEEDS_PIN_PAGES, &access));
	test_start_stuck(&pin, call_pin, access, 0);
	/*
	 * UNMAP cannot ask for an unpin before the pin is made. In one of the
	 * variants it waits longer than it would wait for an unpin.
	 */
	test_start(&unmap, call_unmap_all, other, 0);
	sleep_ms(variant->page ? 4000 : WAITS);
	EXPECT_FALSE(unmap.done);
	EXPECT_FALSE(pin.done);
	EXPECT_EQ(0, _test_ioas_map(self->fd, other, self->mem, PAGE, &iova,
				    MAP_RW));
	stuck_release(&self->stuck);
	test_end(&pin, 0);
	test_end(&unmap, 0);
	test_refs(self->stuck.mem, LENGTH, 0);
	test_refs(self->mem, LENGTH, 0);
	close(access);
}

TEST_F(stuck, two_maps_of_one_memory_do_not_wait)
{
	struct call map[2];
	uint32_t other;

	/* A second MAP of the same memory is a pin of its own. */
	test_start_stuck(&map[0], call_map, self->ioas, 0);
	test_ioas_alloc(&other);
	test_start(&map[1], call_map, other, 0);
	test_end(&map[1], 0);
	stuck_release(&self->stuck);
	test_end(&map[0], 0);
	test_refs(self->stuck.mem, LENGTH, 1);
}

/*
 * The device has the last two pages of the memory. Another one, attached to
 * @_other, needs all of it and gets stuck.
 */
#define test_copy_and_pin(_pin, _other)					\
	do {								\
		uint64_t __iova = MOCK_IOVA;				\
									\
		test_other_ioas(_other);				\
		test_ok(_test_ioas_copy(self->fd, self->ioas, &__iova,	\
					*(_other),			\
					MOCK_IOVA + LENGTH - 2 * PAGE,	\
					2 * PAGE,			\
					MAP_RW | MAP_FIXED_IOVA));	\
		test_start_stuck(_pin, call_attach, 0, *(_other));	\
	} while (0)

/* Wait for the end of a call that may never end. */
static bool comes(const struct call *call, int ms)
{
	uint64_t end = now_ms() + ms * slowness();

	while (!call->done && now_ms() < end)
		sleep_ms(1);
	return call->done;
}

TEST_F(stuck, unmap_of_a_copy_does_not_wait_for_a_pin)
{
	struct call pin, unmap;
	uint32_t other;

	test_copy_and_pin(&pin, &other);
	test_start(&unmap, call_unmap_all, self->ioas, 0);
	EXPECT_TRUE(comes(&unmap, 2000));
	EXPECT_FALSE(pin.done);
	stuck_release(&self->stuck);
	test_end(&unmap, 0);
	test_end(&pin, 0);
	test_refs(self->stuck.mem, LENGTH, 1);
	test_pinned(LENGTH / 1024);
}

/* Other pages can be pinned, unpinned, read and written meanwhile. */
TEST_F(stuck, accesses_do_not_wait_for_a_pin_of_other_pages)
{
	struct call pin, unmap;
	uint64_t last = MOCK_IOVA + PAGE;
	uint8_t bytes[2 * PAGE];
	uint32_t other, id;
	int access;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_copy_and_pin(&pin, &other);
	test_ok(_test_access_pin(self->fd, access, last, PAGE,
				 self->stuck.mem + LENGTH - PAGE, 0, &id));
	test_ok(_test_access_rw(self->fd, access, MOCK_IOVA, sizeof(bytes),
				bytes, 0));
	ASSERT_EQ(1, bytes[0]);
	test_access_unpin(access, id);
	/* Pages of the waiting mapping that are present can be read. */
	close(access);
	test_ok(_test_access_create(self->fd, other, 0, &access));
	test_ok(_test_access_rw(self->fd, access, MOCK_IOVA + PAGE, PAGE,
				bytes, 0));
	ASSERT_EQ(1, bytes[PAGE - 1]);
	close(access);
	test_start(&unmap, call_unmap_all, self->ioas, 0);
	EXPECT_TRUE(comes(&unmap, 2000));
	EXPECT_FALSE(pin.done);
	stuck_release(&self->stuck);
	test_end(&unmap, 0);
	test_end(&pin, 0);
	test_refs(self->stuck.mem, LENGTH, 1);
}

/* Two IOAS of the same memory: each page is pinned once for both. */
#define test_two_ioas(_first, _second)					\
	do {								\
		uint64_t __iova = MOCK_IOVA;				\
									\
		test_other_ioas(_first);				\
		test_ioas_alloc(_second);				\
		test_copy(*(_second), &__iova, *(_first), MOCK_IOVA,	\
			  LENGTH, MAP_RW | MAP_FIXED_IOVA);		\
	} while (0)

TEST_F(stuck, second_pin_waits_for_the_first)
{
	struct call first, second;
	uint32_t other, third;

	test_two_ioas(&other, &third);
	test_start_stuck(&first, call_attach, 0, other);
	test_start(&second, call_attach, 0, third);
	test_waits(&second);
	/* It waits for the other thread, not for the page. */
	EXPECT_EQ(ETIMEDOUT, stuck_wait(&self->stuck, 0));
	stuck_release(&self->stuck);
	test_end(&first, 0);
	test_end(&second, 0);
	test_refs(self->stuck.mem, LENGTH, 1);
	test_pinned(LENGTH / 1024);
}

static int attach_in_child(void *arg)
{
	struct call *call = arg;

	return call_attach(call);
}

#define test_child_attach(_child, _ioas)				\
	do {								\
		struct call __call = { .fd = self->fd, .pt = _ioas };	\
									\
		ASSERT_TRUE(child_start(_child, attach_in_child, &__call)); \
	} while (0)

TEST_F(stuck, waiting_pin_can_be_killed)
{
	uint32_t other, third;
	struct child child;
	struct call first;
	uint64_t start;

	test_two_ioas(&other, &third);
	test_start_stuck(&first, call_attach, 0, other);
	test_child_attach(&child, third);
	sleep_ms(WAITS * slowness());
	start = now_ms();
	child_kill(&child);
	EXPECT_LT(now_ms() - start, 2000 * slowness());
	EXPECT_FALSE(first.done);
	stuck_release(&self->stuck);
	test_end(&first, 0);
	test_refs(self->stuck.mem, LENGTH, 1);
	test_pinned(LENGTH / 1024);
}

TEST_F(stuck, waiting_pin_continues_when_the_first_is_killed)
{
	uint32_t other, third;
	struct call second;
	struct child child;

	test_two_ioas(&other, &third);
	test_child_attach(&child, other);
	test_stuck();
	test_start(&second, call_attach, 0, third);
	test_waits(&second);
	child_kill(&child);
	/* Now it needs the page itself. */
	test_stuck();
	EXPECT_FALSE(second.done);
	stuck_release(&self->stuck);
	test_end(&second, 0);
	test_refs(self->stuck.mem, LENGTH, 1);
	test_pinned(LENGTH / 1024);
}

TEST_F(stuck, waiting_pin_fails_when_memory_is_gone)
{
	struct call first, second;
	uint32_t other, third;

	test_two_ioas(&other, &third);
	test_start_stuck(&first, call_attach, 0, other);
	test_start(&second, call_attach, 0, third);
	test_waits(&second);
	ASSERT_EQ(0, munmap(self->stuck.page, PAGE));
	stuck_release(&self->stuck);
	test_end(&first, EFAULT);
	test_end(&second, EFAULT);
	test_pinned(0);
}

/* The process is killed in the middle of its MAP. */
struct mapper {
	int fd;
	uint32_t ioas;
	void *mem;
};

static void *map_forever(void *arg)
{
	struct mapper *m = arg;

	_test_map_fixed(m->fd, m->ioas, m->mem, LENGTH, MOCK_IOVA, MAP_RW);
	return NULL;
}

static int stuck_map_thread(void *arg)
{
	struct mapper *m = arg;
	struct stuck stuck;
	pthread_t thread;

	if (!stuck_open(&stuck, LENGTH, PAGES - 1))
		return ENODATA;
	m->mem = stuck.mem;
	if (pthread_create(&thread, NULL, map_forever, m))
		return ENODATA;
	return stuck_wait(&stuck, COMES);
}

static int unmap_everything(void *arg)
{
	struct mapper *m = arg;

	return _test_ioas_unmap(m->fd, m->ioas, 0, UINT64_MAX, NULL);
}

/* New pins are refused only while an UNMAP waits for old ones. */
TEST_F(stuck, killed_unmap_allows_pins_again)
{
	struct mapper m = { .fd = self->fd };
	struct child child;
	struct call pin;
	uint32_t id;
	int access;

	test_ioas_alloc(&m.ioas);
	test_ok(_test_map_fixed(self->fd, m.ioas, self->mem, LENGTH,
				MOCK_IOVA - LENGTH, MAP_RW));
	test_ok(_test_map_fixed(self->fd, m.ioas, self->stuck.mem, LENGTH,
				MOCK_IOVA, MAP_RW));
	test_ok(_test_access_create(self->fd, m.ioas,
				    MOCK_ACCESS_NEEDS_PIN_PAGES, &access));
	test_start_stuck(&pin, call_pin, access, 0);
	ASSERT_TRUE(child_start(&child, unmap_everything, &m));
	sleep_ms(WAITS * slowness());
	EXPECT_EQ(EINVAL, _test_access_pin(self->fd, access, MOCK_IOVA - LENGTH,
					   PAGE, NULL, 0, &id));
	child_kill(&child);
	stuck_release(&self->stuck);
	test_end(&pin, 0);
	test_ok(_test_access_pin(self->fd, access, MOCK_IOVA - LENGTH, PAGE,
				 self->mem, 0, &id));
	test_refs(self->mem, PAGE, 1);
	test_ok(_test_ioas_unmap(self->fd, m.ioas, 0, UINT64_MAX, NULL));
	test_refs(self->mem, LENGTH, 0);
	test_refs(self->stuck.mem, LENGTH, 0);
	close(access);
}

TEST_F(stuck, killed_map_leaves_nothing)
{
	struct mapper m = { .fd = self->fd, .ioas = self->ioas };
	struct child child;

	ASSERT_TRUE(child_start(&child, stuck_map_thread, &m));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(EBUSY, _test_ioas_unmap(self->fd, self->ioas, MOCK_IOVA,
					  LENGTH, NULL));
	child_kill(&child);
	test_err_unmap(ENOENT, MOCK_IOVA, LENGTH);
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA, LENGTH,
				self->mem));
}

TEST_HARNESS_MAIN
