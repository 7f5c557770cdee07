/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sweep: the 1st, the 2nd, ... allocation or copy of user memory inside one
 * call fails, until none is left. After a failure the visible state of the
 * context and the process must be as before, and the same call must succeed.
 *
 * A scenario is one struct: what is called, how that is undone, and what has to
 * be there before. A program that includes this has a fixture that begins with
 * a struct sweep, and a variant for every scenario.
 */
#ifndef SELFTEST_LIB_SWEEP_H
#define SELFTEST_LIB_SWEEP_H

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"
#include "mock.h"

#define IOVA		0x10000000UL
#define SWEEP_PAGES	32
#define LENGTH		(SWEEP_PAGES * PAGE)
#define PLENTY		(64UL << 20)
/* A longer sweep is taken for endless. */
#define MAX_NTH		2000
#define SWEEP_SECONDS	60
/* More objects than any scenario has at a time. */
#define MAX_ID		32
/* Of the memory of a vIOMMU of the mock */
#define REGION_LENGTH	(2 * PAGE)

struct sweep {
	int fd;
	uint32_t ioas;		/* what the devices are attached to */
	uint32_t other;		/* an IOAS without devices */
	struct edu edu[2];
	struct mock_dev mock[2];
	uint8_t *mem;		/* LENGTH bytes, mapped at IOVA by most */
	uint8_t *huge;		/* or just large */
	/* what the call under test works on, makes, or where it maps */
	int access;
	uint64_t place;
	uint64_t step;
	uint32_t id;
	int file;
	/* what the object under test is built on */
	uint32_t hwpt[2];
	uint32_t viommu;
	uint32_t vdevice;
	uint32_t queue_id;
	int queue;		/* the file of a queue of faults or events */
	uint8_t *region;	/* memory of a vIOMMU, mapped */
	int next_fd;
};

/* Functions return 0 or an errno. */
struct scenario {
	/* Once, after the devices were attached. */
	int (*prepare)(struct sweep *s);
	/* Before every call. */
	int (*ready)(struct sweep *s);
	int (*call)(struct sweep *s);
	/* Take back a call that succeeded. */
	int (*undo)(struct sweep *s);
	/* After a call that failed: true if nothing is different. */
	bool (*unchanged)(struct sweep *s);
	/* An undo operation: a failed allocation must not make it fail. */
	bool cannot_fail;
	/* Its memory is of transparent huge pages. */
	bool thp;
	/* Takes effect before its answer is written, and is not undone. */
	bool done_before_answer;
};

/*
 * Half of the memory is there, each page with a neighbour that is not its next
 * in memory, so that it takes many runs; the other half has to be faulted in.
 */
static inline int fresh_memory(struct sweep *s)
{
	if (madvise(s->mem, LENGTH, MADV_DONTNEED))
		return errno;
	for (int i = SWEEP_PAGES - 1; i >= SWEEP_PAGES / 2; i--)
		s->mem[i * PAGE] = i;
	return 0;
}

/* Where no page table has been yet, which takes allocations of several levels. */
static inline int new_place(struct sweep *s)
{
	s->place += s->step;
	return 0;
}

static inline int new_place_and_memory(struct sweep *s)
{
	new_place(s);
	return fresh_memory(s);
}

static inline int map_at_place(struct sweep *s)
{
	return _test_map_fixed(s->fd, s->ioas, s->mem, LENGTH, s->place,
			       MAP_RW);
}

static inline int unmap_at_place(struct sweep *s)
{
	return _test_ioas_unmap(s->fd, s->ioas, s->place, LENGTH, NULL);
}

/* Half of the file is there, the other half is a hole. */
static inline int fresh_file(struct sweep *s)
{
	new_place(s);
	if (ftruncate(s->file, 0) || ftruncate(s->file, LENGTH))
		return errno;
	return posix_fallocate(s->file, LENGTH / 2, LENGTH / 2);
}

static inline int make_file(struct sweep *s)
{
	s->file = mem_fd("sweep", LENGTH, 0);
	return s->file < 0 ? errno : 0;
}

static inline int map_file_at_place(struct sweep *s)
{
	uint64_t iova = s->place;

	return _test_ioas_map_file(s->fd, s->ioas, s->file, 0, LENGTH, &iova,
				   MAP_RW | MAP_FIXED_IOVA);
}

static inline int map_memory(struct sweep *s)
{
	return _test_map_fixed(s->fd, s->ioas, s->mem, LENGTH, IOVA, MAP_RW);
}

static inline int unmap_memory(struct sweep *s)
{
	return _test_ioas_unmap(s->fd, s->ioas, IOVA, LENGTH, NULL);
}

static inline int destroy_id(struct sweep *s)
{
	return _test_destroy(s->fd, s->id);
}

/* The number that the next descriptor gets */
static inline int next_descriptor(struct sweep *s)
{
	int fd = dup(s->fd);

	if (fd >= 0)
		close(fd);
	return fd;
}

/* For a call that makes a descriptor */
static inline int note_descriptors(struct sweep *s)
{
	s->next_fd = next_descriptor(s);
	return 0;
}

static inline bool no_descriptor_is_left(struct sweep *s)
{
	return next_descriptor(s) == s->next_fd;
}

static inline bool queue_is_readable(struct sweep *s)
{
	struct pollfd pollfd = { .fd = s->queue, .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1;
}

static inline bool queue_is_empty(struct sweep *s)
{
	return !queue_is_readable(s);
}

/* The file holds the object. */
static inline int destroy_queue(struct sweep *s)
{
	close(s->queue);
	s->queue = -1;
	return _test_destroy(s->fd, s->queue_id);
}

/* Of the first mock device; after this it is attached to @pt, if that is a HWPT. */
static inline int replace_with(struct sweep *s, uint32_t pt)
{
	int rc = _test_mock_replace(s->fd, s->mock[0].stdev, &pt);

	if (!rc)
		s->mock[0].hwpt = pt;
	return rc;
}

static inline int replace_back(struct sweep *s)
{
	return replace_with(s, s->ioas);
}

/* What the mock and real devices have in common */
static const struct scenario map = {
	.ready = new_place_and_memory,
	.call = map_at_place,
	.undo = unmap_at_place,
};

static const struct scenario map_file = {
	.prepare = make_file,
	.ready = fresh_file,
	.call = map_file_at_place,
	.undo = unmap_at_place,
};

static inline int map_back(struct sweep *s)
{
	int rc = map_memory(s);

	return rc == EEXIST ? 0 : rc;
}

static const struct scenario unmap = {
	.prepare = map_memory,
	.call = unmap_memory,
	.undo = map_back,
	.cannot_fail = true,
	.done_before_answer = true,
};

/* What can be seen from outside. */
struct state {
	struct traces traces;
	uint32_t num[2];
	struct iommu_iova_range ranges[2][8];
};

static inline void state_take(struct sweep *s, struct state *state)
{
	uint32_t ioas[] = { s->ioas, s->other };

	memset(state, 0, sizeof(*state));
	traces_take(s->fd, &state->traces);
	for (int i = 0; i < 2; i++) {
		state->num[i] = ARRAY_SIZE(state->ranges[i]);
		_test_iova_ranges(s->fd, ioas[i], state->ranges[i],
				  &state->num[i], NULL);
	}
}

#define test_state(_before, _when)					\
	do {								\
		struct state __now;					\
									\
		state_take(s, &__now);					\
		ASSERT_EQ((_before)->traces.pinned_kb,			\
			  __now.traces.pinned_kb)			\
			TH_LOG("%s, fault %u: VmPin", _when, nth);	\
		ASSERT_EQ((_before)->traces.locked_kb,			\
			  __now.traces.locked_kb)			\
			TH_LOG("%s, fault %u: VmLck", _when, nth);	\
		ASSERT_EQ((_before)->traces.next_id, __now.traces.next_id) \
			TH_LOG("%s, fault %u: ids", _when, nth);	\
		ASSERT_EQ(0, memcmp(_before, &__now, sizeof(__now)))	\
			TH_LOG("%s, fault %u: IOVA ranges", _when, nth); \
	} while (0)

#define test_undo()							\
	do {								\
		if (does->undo)						\
			test_ok(does->undo(s));				\
	} while (0)

/* The errnos that a fault may cause */
static inline bool is_honest(int rc, const struct scenario *does)
{
	return rc == EFAULT || (rc == ENOMEM && !does->cannot_fail);
}

/* One round: fail the @_nth, look, call again. Sets @_injected. */
#define test_round(_nth, _injected)					\
	do {								\
		struct state __before;					\
		int __rc;						\
									\
		if (does->ready)					\
			test_ok(does->ready(s));			\
		state_take(s, &__before);				\
		ASSERT_TRUE(fault_arm(_nth));				\
		__rc = does->call(s);					\
		*(_injected) = fault_disarm();				\
		if (__rc) {						\
			ASSERT_TRUE(*(_injected) && is_honest(__rc, does)) \
				TH_LOG("fault %u: %s", nth, strerror(__rc)); \
			if (does->done_before_answer)			\
				test_undo();				\
			test_state(&__before, "after failure");		\
			ASSERT_TRUE(!does->unchanged || does->unchanged(s)) \
				TH_LOG("fault %u changed something", nth); \
			test_ok(does->call(s));				\
		}							\
		test_undo();						\
		test_state(&__before, "after undoing it");		\
	} while (0)

/* All rounds, and then a check that no reference is left */
#define test_sweep()							\
	do {								\
		unsigned int nth;					\
		bool injected = true;					\
									\
		for (nth = 1; injected; nth++) {			\
			ASSERT_LT(nth, MAX_NTH);			\
			test_round(nth, &injected);			\
		}							\
		/* The last round had no fault; all others had. */	\
		ASSERT_GT(nth, 2);					\
		TH_LOG("%u faults", nth - 2);				\
		sweep_let_go(s);					\
		sweep_destroy_all(s);					\
		ASSERT_EQ(1, iommufd_next_id(s->fd));			\
	} while (0)

/* The files that keep devices and accesses */
static inline void sweep_let_go(struct sweep *s)
{
	edu_close(&s->edu[0]);
	edu_close(&s->edu[1]);
	if (s->access >= 0)
		close(s->access);
	s->access = -1;
	if (s->queue >= 0)
		close(s->queue);
	s->queue = -1;
	if (s->region)
		munmap(s->region, REGION_LENGTH);
	s->region = NULL;
}

/* An object that others use can only be destroyed after them. */
static inline void sweep_destroy_all(struct sweep *s)
{
	bool again;

	do {
		again = false;
		for (uint32_t id = MAX_ID; id; id--)
			again |= !_test_destroy(s->fd, id);
	} while (again);
}

#define sweep_open(_mode, _memlock)					\
	do {								\
		uint64_t __mode = (_mode);				\
									\
		self->edu[0].cdev = -1;					\
		self->edu[1].cdev = -1;					\
		self->access = -1;					\
		self->queue = -1;					\
		ASSERT_EQ(NULL, fault_setup());				\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_option(IOMMU_OPTION_RLIMIT_MODE,			\
			    IOMMU_OPTION_OP_SET, 0, &__mode);		\
		ASSERT_TRUE(drop_capability(CAP_IPC_LOCK));		\
		ASSERT_TRUE(set_memlock(_memlock));			\
		test_ioas_alloc(&self->ioas);				\
		test_ioas_alloc(&self->other);				\
		self->mem = test_mem(mem_anon(LENGTH));			\
	} while (0)

#define sweep_close()							\
	do {								\
		sweep_let_go((struct sweep *)self);			\
		close(self->fd);					\
		EXPECT_EQ(0, proc_status_kb("VmPin:"));			\
		EXPECT_EQ(0, proc_status_kb("VmLck:"));			\
	} while (0)

/* Without fault injection all of a program is skipped. */
static inline int sweep_main(int argc, char **argv)
{
	const char *lacks = fault_setup();

	if (lacks)
		ksft_exit_skip("this kernel has no %s\n", lacks);
	return test_harness_run(argc, argv);
}

#endif
