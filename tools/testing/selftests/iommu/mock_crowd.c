// SPDX-License-Identifier: GPL-2.0
/*
 * An IOAS with very many mappings or allowed ranges: while one thread works on
 * all of them, small MAPs of another thread do not wait for its end, and a fatal
 * signal ends the work.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "mock_space.h"

#define SMALL_IOVA	MOCK_APERTURE_START
/* In none of the tests does anything else lie between these. */
#define CROWD_IOVA	(1UL << 40)
#define COPY_IOVA	(1UL << 44)
#define LIST		crowd_of(1UL << 18)
#define RANGES		crowd_of(1UL << 20)
#define GAPS		crowd_of(200UL * 1000)
/* The kernel goes on with them in steps of less than half of this. */
#define AREAS		1500
/* What the scheduler may add to any wait; a busy machine gets several tries. */
#define NOISE_MS	20
#define TRIES		5

/* The debug kernel is slower and gets fewer. */
static unsigned long crowd_of(unsigned long number)
{
	return kernel_slowness() > 1 ? number / 32 : number;
}

struct crowd {
	int fd;
	uint32_t ioas;
	struct mock_dev dev;
	uint8_t *mem;
};

FIXTURE(crowd) { struct crowd; };

FIXTURE_SETUP(crowd)
{
	ASSERT_TRUE(mock_param("wide_aperture", 1));
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	self->mem = test_mem(mem_reserve_aligned(8 * PAGE, 8 * PAGE));
	memset(self->mem, 1, 8 * PAGE);
}

FIXTURE_TEARDOWN(crowd)
{
	close(self->fd);
	EXPECT_TRUE(mock_param("wide_aperture", 0));
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* Small MAPs, one after the other, and how long the longest has taken. */
struct other {
	int fd;
	uint32_t ioas;
	const void *mem;
	pthread_t thread;
	volatile bool stop;
	unsigned long done;
	uint64_t longest;	/* ms */
	int rc;
};

static void *map_and_unmap(void *arg)
{
	struct other *other = arg;

	while (!other->stop && !other->rc) {
		uint64_t start = now_ms(), took;

		other->rc = _test_map_fixed(other->fd, other->ioas, other->mem,
					    PAGE, SMALL_IOVA, MAP_RW) ?:
			    _test_ioas_unmap(other->fd, other->ioas, SMALL_IOVA,
					     PAGE, NULL);
		took = now_ms() - start;
		if (took > other->longest)
			other->longest = took;
		other->done++;
		sleep_ms(1);
	}
	return NULL;
}

/*
 * Run @_call beside small MAPs. If the lock were held for long, one of them
 * would wait for much of the work in every try. @_undo prepares another try.
 */
#define test_beside_others(_call, _undo)				\
	do {								\
		uint64_t __start, __took = 0, __longest = UINT64_MAX;	\
									\
		for (int __i = 0; __i < TRIES; __i++) {			\
			struct other __other = {			\
				.fd = self->fd, .ioas = self->ioas,	\
				.mem = self->mem,			\
			};						\
									\
			ASSERT_EQ(0, pthread_create(&__other.thread, NULL, \
						    map_and_unmap,	\
						    &__other));		\
			__start = now_ms();				\
			_call;						\
			__took = now_ms() - __start;			\
			__other.stop = true;				\
			pthread_join(__other.thread, NULL);		\
			ASSERT_EQ(0, __other.rc);			\
			TH_LOG("%s: %lu ms, the longest of %lu others %lu ms", \
			       #_call, __took, __other.done,		\
			       __other.longest);			\
			__longest = __other.longest;			\
			if (__longest < __took / 8 + NOISE_MS * slowness()) \
				break;					\
			_undo;						\
		}							\
		EXPECT_LT(__longest, __took / 8 + NOISE_MS * slowness()); \
	} while (0)

/* As many mappings of one page, side by side; each COPY doubles them. */
#define test_make_list(_iova)						\
	do {								\
		test_map_fixed(self->mem, PAGE, _iova);			\
		for (uint64_t __n = 1; __n < LIST; __n *= 2) {		\
			uint64_t __to = (_iova) + __n * PAGE;		\
									\
			test_copy(self->ioas, &__to, self->ioas, _iova, \
				  __n * PAGE, MAP_RW | MAP_FIXED_IOVA); \
		}							\
	} while (0)

#define test_copy_list(_to)						\
	test_copy(self->ioas, _to, self->ioas, CROWD_IOVA, LIST * PAGE,	\
		  MAP_RW | MAP_FIXED_IOVA)

TEST_F(crowd, copy_of_a_long_list)
{
	uint64_t to = COPY_IOVA;

	test_make_list(CROWD_IOVA);
	test_beside_others(test_copy_list(&to),
			   test_unmap(COPY_IOVA, LIST * PAGE));
	/* The copies lie one after the other, and nothing else is mapped. */
	test_err_map_fixed(EEXIST, self->mem, PAGE, COPY_IOVA);
	test_err_map_fixed(EEXIST, self->mem, PAGE,
			   COPY_IOVA + (LIST - 1) * PAGE);
	test_map_fixed(self->mem, PAGE, COPY_IOVA - PAGE);
	test_map_fixed(self->mem, PAGE, COPY_IOVA + LIST * PAGE);
	test_unmap(COPY_IOVA, LIST * PAGE);
}

/* A domain gets every mapping, whether it is attached before or after. */
TEST_F(crowd, long_lists_in_a_domain)
{
	uint64_t to = COPY_IOVA;

	test_make_list(CROWD_IOVA);
	test_mock_attach(self->ioas, &self->dev);
	test_copy_list(&to);
	for (uint64_t i = 0; i < LIST; i += LIST / 256 - 1) {
		test_ok(_test_check_map(self->fd, self->dev.hwpt, CROWD_IOVA +
					i * PAGE, PAGE, self->mem));
		test_ok(_test_check_map(self->fd, self->dev.hwpt, COPY_IOVA +
					i * PAGE, PAGE, self->mem));
	}
	test_pinned(PAGE / 1024);
	test_unmap(COPY_IOVA, LIST * PAGE);
	ASSERT_EQ(EINVAL, _test_check_map(self->fd, self->dev.hwpt, COPY_IOVA,
					  PAGE, self->mem));
}

/* A COPY that fails removes what it has placed in steps, too. */
TEST_F(crowd, copy_of_a_long_list_that_fails)
{
	uint64_t to = COPY_IOVA;

	test_make_list(CROWD_IOVA);
	test_mock_attach(self->ioas, &self->dev);
	/*
	 * The failing call of iommu_map() is one of the last. The small MAPs count
	 * as well, so it is not the very last.
	 */
	test_beside_others(
		test_mock_param("fail_map", LIST - LIST / 64);
		ASSERT_EQ(ENOMEM, _test_ioas_copy(self->fd, self->ioas, &to,
						  self->ioas, CROWD_IOVA,
						  LIST * PAGE, MAP_RW |
						  MAP_FIXED_IOVA)), (void)0);
	test_err_unmap(ENOENT, COPY_IOVA, LIST * PAGE);
	test_copy_list(&to);
}

/* UNMAP waits for pins that are not complete: one of many areas is, in each. */
TEST_F(crowd, pin_of_many_areas)
{
	uint8_t *mem = test_mem(mem_anon(AREAS * PAGE));
	uint32_t pin;
	int access;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	for (uint64_t i = 0; i < AREAS; i++)
		test_map_fixed(mem + i * PAGE, PAGE, CROWD_IOVA + i * PAGE);
	test_access_pin(access, CROWD_IOVA, AREAS * PAGE, mem, 0, &pin);
	test_access_unpin(access, pin);
	for (uint64_t i = 0; i < AREAS; i++)
		test_unmap(CROWD_IOVA + i * PAGE, PAGE);
	close(access);
}

#define test_allow_many_pages()						\
	do {								\
		struct iommu_iova_range *__range =			\
			calloc(RANGES, sizeof(*__range));		\
									\
		ASSERT_NE(NULL, __range);				\
		for (uint64_t __i = 0; __i < RANGES; __i++) {		\
			__range[__i].start = CROWD_IOVA + 2 * __i * PAGE; \
			__range[__i].last = __range[__i].start + PAGE - 1; \
		}							\
		test_allow_iovas(__range, RANGES);			\
		free(__range);						\
	} while (0)

TEST_F(crowd, automatic_iova_among_many_allowed_ranges)
{
	uint64_t iova = 0;

	test_allow_many_pages();
	test_beside_others(ASSERT_EQ(ENOSPC, _test_ioas_map(self->fd,
				     self->ioas, self->mem, 2 * PAGE, &iova,
				     MAP_RW)), (void)0);
	test_map(self->mem, PAGE, &iova);
	ASSERT_EQ(CROWD_IOVA, iova);
	test_map(self->mem, PAGE, &iova);
	ASSERT_EQ(CROWD_IOVA + 2 * PAGE, iova);
}

/* Every gap in the window has three pages, but not with the right alignment. */
TEST_F(crowd, automatic_iova_among_many_misaligned_gaps)
{
	struct iommu_iova_range window = {
		CROWD_IOVA, CROWD_IOVA + (4 * GAPS + 3) * PAGE - 1
	};
	uint64_t iova = 0;

	for (uint64_t i = 0; i <= GAPS; i++)
		test_map_fixed(self->mem, PAGE, CROWD_IOVA + 4 * i * PAGE);
	test_allow_iovas(&window, 1);
	test_beside_others(ASSERT_EQ(ENOSPC, _test_ioas_map(self->fd,
				     self->ioas, self->mem, 3 * PAGE, &iova,
				     MAP_RW)), (void)0);
	/* A gap with the right alignment is found at the end of the search. */
	window.last += 4 * PAGE;
	test_allow_iovas(&window, 1);
	test_map(self->mem, 3 * PAGE, &iova);
	ASSERT_EQ(CROWD_IOVA + (4 * GAPS + 4) * PAGE, iova);
}

static int map_two_pages(void *arg)
{
	struct crowd *self = arg;
	uint64_t iova = 0;

	for (;;)
		_test_ioas_map(self->fd, self->ioas, self->mem, 2 * PAGE, &iova,
			       MAP_RW);
	return 0;
}

TEST_F(crowd, fatal_signal_ends_the_search)
{
	uint64_t iova = 0, start, took, sum = 0;
	struct child child;

	test_allow_many_pages();
	start = now_ms();
	ASSERT_EQ(ENOSPC, _test_ioas_map(self->fd, self->ioas, self->mem,
					 2 * PAGE, &iova, MAP_RW));
	took = now_ms() - start;
	/* Kill at several moments of the search; the mean varies less than one. */
	for (int i = 0; i < 2 * TRIES; i++) {
		ASSERT_TRUE(child_start(&child, map_two_pages, self));
		sleep_ms(20 + i * took / TRIES);
		start = now_ms();
		child_kill(&child);
		sum += now_ms() - start;
	}
	sum /= 2 * TRIES;
	TH_LOG("%lu ms, and from SIGKILL to death %lu ms", took, sum);
	EXPECT_LT(sum, took / 8 + NOISE_MS * slowness());
}

TEST_HARNESS_MAIN
