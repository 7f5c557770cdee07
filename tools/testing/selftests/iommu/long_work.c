// SPDX-License-Identifier: GPL-2.0
/*
 * While one thread maps or attaches much memory, other threads continue: they
 * cannot use the unfinished object, and do not wait for it.
 */
#include <pthread.h>

#include "harness.h"

#define IOVA		0x10000000UL
#define BIG_IOVA	(1UL << 32)
#define LENGTH		(512UL << 20)
/* Read-only, so that no prefault worker shortens the work */
#define BIG_ACCESS	MAP_READ
/* Mappings of one page with gaps, above IOVA */
#define MANY		100000UL
#define MANY_IOVA	(1UL << 32)
/* Much shorter than the work, much longer than what others have to do. */
#define PROMPT_MS	300

FIXTURE(long_work) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *big;		/* LENGTH bytes of which no page is there */
	uint8_t *mem;
};

FIXTURE_SETUP(long_work)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	if (proc_meminfo_kb("MemAvailable:") * 1024 < LENGTH + (128L << 20))
		SKIP(return, "less than %lu MiB of memory", (LENGTH >> 20) + 128);
	test_ioas_alloc(&self->ioas);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
	self->mem = test_mem(mem_anon(4 * PAGE));
	self->big = test_mem(mem_file(-1, LENGTH, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS));
}

FIXTURE_TEARDOWN(long_work)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* One ioctl in a thread of its own. */
struct worker {
	int fd;
	uint32_t ioas;
	uint32_t devid;
	uint8_t *mem;
	pthread_t thread;
	volatile int rc;
	volatile bool done;
};

static void *do_map(void *arg)
{
	struct worker *w = arg;

	w->rc = _test_map_fixed(w->fd, w->ioas, w->mem, LENGTH, BIG_IOVA,
				BIG_ACCESS);
	w->done = true;
	return NULL;
}

static void *do_hwpt_alloc(void *arg)
{
	struct worker *w = arg;
	uint32_t hwpt;

	w->rc = _test_hwpt_alloc(w->fd, w->devid, w->ioas, &hwpt);
	w->done = true;
	return NULL;
}

/* Start @_fn and wait until it has begun to fault memory in. */
#define test_start(_worker, _fn)					\
	do {								\
		long __rss = proc_status_kb("VmRSS:");			\
									\
		*(_worker) = (struct worker){				\
			.fd = self->fd, .ioas = self->ioas,		\
			.devid = self->edu.devid, .mem = self->big,	\
		};							\
		ASSERT_EQ(0, pthread_create(&(_worker)->thread, NULL,	\
					    _fn, _worker));		\
		while (!(_worker)->done &&				\
		       proc_status_kb("VmRSS:") < __rss + 16384)	\
			sleep_ms(1);					\
		ASSERT_FALSE((_worker)->done)				\
			TH_LOG("over before it could be watched: %d",	\
			       (_worker)->rc);				\
	} while (0)

#define test_finish(_worker)						\
	do {								\
		ASSERT_EQ(0, pthread_join((_worker)->thread, NULL));	\
		ASSERT_EQ(0, (_worker)->rc);				\
	} while (0)

#define test_prompt(_call)						\
	do {								\
		uint64_t __start = now_ms();				\
									\
		_call;							\
		EXPECT_LT(now_ms() - __start, PROMPT_MS * slowness())	\
			TH_LOG("%s took too long", #_call);		\
	} while (0)

TEST_F(long_work, unfinished_mapping)
{
	uint32_t pt = self->ioas;
	struct worker worker;

	test_attach(self->edu.cdev, &pt);
	test_start(&worker, do_map);
	/* The IOVA is in use, but the mapping cannot be removed yet. */
	test_prompt(ASSERT_EQ(EEXIST,
			      _test_map_fixed(self->fd, self->ioas, self->mem,
					      PAGE, BIG_IOVA + LENGTH - PAGE,
					      MAP_RW)));
	test_prompt(ASSERT_EQ(EBUSY,
			      _test_ioas_unmap(self->fd, self->ioas, BIG_IOVA,
					       LENGTH, NULL)));
	test_prompt(ASSERT_EQ(EBUSY,
			      _test_ioas_unmap(self->fd, self->ioas, 0,
					       UINT64_MAX, NULL)));
	test_prompt(ASSERT_EQ(EBUSY, _test_destroy(self->fd, self->ioas)));
	ASSERT_FALSE(worker.done);
	test_finish(&worker);
	test_unmap(BIG_IOVA, LENGTH);
}

TEST_F(long_work, long_map_does_not_block_others)
{
	struct iommu_iova_range ranges[8];
	uint32_t num = ARRAY_SIZE(ranges), pt = self->ioas, other;
	struct worker worker;
	uint64_t copy = 0;

	test_attach(self->edu.cdev, &pt);
	test_start(&worker, do_map);
	for (int i = 0; i < 5; i++) {
		test_prompt(test_map_fixed(self->mem, PAGE, IOVA));
		test_prompt(test_copy(self->ioas, &copy, self->ioas, IOVA,
				      PAGE, MAP_READ));
		test_prompt(test_unmap(IOVA, PAGE));
		test_prompt(test_unmap(copy, PAGE));
		test_prompt(test_ok(_test_iova_ranges(self->fd, self->ioas,
						      ranges, &num, NULL)));
		test_prompt(test_ioas_alloc(&other));
		test_prompt(test_destroy(other));
	}
	/* The device works meanwhile. */
	test_map_fixed(self->mem, 4 * PAGE, IOVA);
	mem_fill(self->mem, 64, 1);
	ASSERT_TRUE(edu_load(&self->edu, IOVA, 64));
	ASSERT_TRUE(edu_store(&self->edu, IOVA + PAGE, 64));
	ASSERT_TRUE(mem_is(self->mem + PAGE, 64, 1));
	ASSERT_FALSE(worker.done);
	test_finish(&worker);
	test_unmap(BIG_IOVA, LENGTH);
	test_pinned(16);
}

TEST_F(long_work, unfinished_hwpt)
{
	uint32_t next = iommufd_next_id(self->fd), pt;
	struct worker worker;

	test_ok(_test_map_fixed(self->fd, self->ioas, self->big, LENGTH,
				BIG_IOVA, BIG_ACCESS));
	test_start(&worker, do_hwpt_alloc);
	/* The id is in use, but lookups fail. */
	ASSERT_EQ(next + 1, iommufd_next_id(self->fd));
	test_prompt(ASSERT_EQ(ENOENT, _test_destroy(self->fd, next)));
	pt = next;
	test_prompt(ASSERT_EQ(ENOENT, _test_vfio_attach(self->edu.cdev, &pt)));
	test_prompt(ASSERT_EQ(EBUSY, _test_destroy(self->fd, self->ioas)));
	ASSERT_FALSE(worker.done);
	test_finish(&worker);
	test_attach(self->edu.cdev, &pt);
	test_detach(self->edu.cdev);
	test_destroy(next);
}

/* An IOAS with so many mappings that attaching a device takes long */
struct long_attach {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;
	unsigned long count;
};

FIXTURE(long_attach) { struct long_attach; };

FIXTURE_SETUP(long_attach)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
	self->mem = test_mem(mem_anon(4 * PAGE));
	self->count = MANY / kernel_slowness();
}

FIXTURE_TEARDOWN(long_attach)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* In a child, so that it can be killed. */
static int map_and_attach(void *arg)
{
	struct long_attach *self = arg;
	uint32_t pt = self->ioas;
	int rc = 0;

	for (unsigned long i = 0; !rc && i < self->count; i++)
		rc = _test_map_fixed(self->fd, self->ioas, self->mem, PAGE,
				     MANY_IOVA + 2 * i * PAGE, MAP_RW);
	return rc ? rc : _test_vfio_attach(self->edu.cdev, &pt);
}

static bool has_pinned(const struct child *child, unsigned long pages)
{
	return proc_pid_status_kb(child->pid, "VmPin:") >= (long)pages * 4;
}

/* Start to attach, and wait until a tenth of it is done. */
#define test_start_attach(_child)					\
	do {								\
		ASSERT_TRUE(child_start(_child, map_and_attach, self));	\
		while (!has_pinned(_child, self->count / 10))		\
			sleep_ms(1);					\
		ASSERT_FALSE(has_pinned(_child, self->count))		\
			TH_LOG("over before it could be watched");	\
	} while (0)

TEST_F(long_attach, long_attach_does_not_block_others)
{
	struct child child;
	uint32_t other;

	test_start_attach(&child);
	for (int i = 0; i < 5; i++) {
		/* The device has this one already, and not yet the next one. */
		test_prompt(test_map_fixed(self->mem, PAGE, IOVA));
		test_prompt(test_map_fixed(self->mem, PAGE, MANY_IOVA +
					   2 * self->count * PAGE));
		test_prompt(test_unmap(IOVA, PAGE));
		test_prompt(test_unmap(MANY_IOVA + 2 * self->count * PAGE,
				       PAGE));
		test_prompt(test_ioas_alloc(&other));
		test_prompt(test_ok(_test_map_fixed(self->fd, other, self->mem,
						    PAGE, IOVA, MAP_RW)));
		test_prompt(test_destroy(other));
	}
	ASSERT_FALSE(has_pinned(&child, self->count));
	ASSERT_EQ(0, child_result(&child));
	child_end(&child);
	test_detach(self->edu.cdev);
}

TEST_F(long_attach, killed_in_the_middle_of_attach)
{
	long pinned = proc_pages_pinned();
	uint32_t other, pt;
	struct child child;
	uint64_t start;

	test_start_attach(&child);
	start = now_ms();
	child_kill(&child);
	EXPECT_LT(now_ms() - start, PROMPT_MS * slowness());
	/* Nothing is left of the attach: no pin, and the device is free. */
	ASSERT_EQ(pinned, proc_pages_pinned());
	test_ioas_alloc(&other);
	pt = other;
	test_attach(self->edu.cdev, &pt);
	test_detach(self->edu.cdev);
	test_destroy(self->ioas);
}

TEST_HARNESS_MAIN
