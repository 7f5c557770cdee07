// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK: who is charged for a pin, when, and that every failure gives
 * back exactly what it took. A user's counter cannot be read, but what still
 * fits under the limit tells it to the page.
 */
#include <linux/capability.h>
#include <sys/resource.h>

#include "harness.h"

#define LIMIT_PAGES	16
#define LIMIT		(LIMIT_PAGES * PAGE)
#define IOVA		0x10000000UL

FIXTURE(memlock) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uid_t uid;
	uint8_t *mem;
	bool root;
};

FIXTURE_VARIANT(memlock) {
	uint64_t mode;
};

FIXTURE_VARIANT_ADD(memlock, per_user) { .mode = 0 };
FIXTURE_VARIANT_ADD(memlock, per_process) { .mode = 1 };

FIXTURE_SETUP(memlock)
{
	uint64_t mode = variant->mode;

	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0, &mode);
	test_ioas_alloc(&self->ioas);
	test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	self->mem = test_mem(mem_anon(4 * LIMIT));
	/* Nobody else runs under this user id. */
	self->uid = 20000 + getpid() % 20000;
}

FIXTURE_TEARDOWN(memlock)
{
	close(self->fd);
	edu_close(&self->edu);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	EXPECT_EQ(0, proc_status_kb("VmLck:"));
}

#define test_become_user() ASSERT_TRUE(become_user(self->uid, LIMIT))

/* Exactly @_pages more fit under the limit, not one page more. */
#define test_room(_pages)						\
	do {								\
		size_t __pages = (_pages);				\
									\
		test_err_map_fixed(ENOMEM, self->mem,			\
				   (__pages + 1) * PAGE, IOVA + (1UL << 30)); \
		if (__pages) {						\
			test_map_fixed(self->mem, __pages * PAGE,	\
				       IOVA + (1UL << 30));		\
			test_unmap(IOVA + (1UL << 30), __pages * PAGE);	\
		}							\
	} while (0)

TEST_F(memlock, up_to_the_limit)
{
	test_become_user();
	test_room(LIMIT_PAGES);
	test_map_fixed(self->mem, LIMIT, IOVA);
	test_pinned(LIMIT / 1024);
	ASSERT_EQ(variant->mode ? LIMIT / 1024 : 0, proc_status_kb("VmLck:"));
	test_room(0);
	test_unmap(IOVA, LIMIT);
	ASSERT_EQ(0, proc_status_kb("VmLck:"));
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, page_by_page)
{
	test_become_user();
	for (int i = 0; i < LIMIT_PAGES; i++) {
		test_map_fixed(self->mem + i * PAGE, PAGE, IOVA + i * PAGE);
		test_room(LIMIT_PAGES - 1 - i);
	}
	for (int i = 0; i < LIMIT_PAGES; i++) {
		test_unmap(IOVA + i * PAGE, PAGE);
		test_room(i + 1);
	}
}

TEST_F(memlock, far_over_the_limit)
{
	uint8_t *big = test_mem(mem_reserve(64UL << 20));

	test_become_user();
	test_err_map_fixed(ENOMEM, big, 64UL << 20, IOVA);
	test_room(LIMIT_PAGES);
}

/* A higher limit would not help, so the answer is not about the limit. */
#define test_never_fits(_mem, _length)					\
	do {								\
		test_err_map_fixed(EFAULT, _mem, _length, IOVA);	\
		test_pinned(0);						\
		ASSERT_EQ(0, proc_status_kb("VmLck:"));			\
		test_room(LIMIT_PAGES);					\
	} while (0)

TEST_F(memlock, what_can_never_be_mapped_is_efault_over_the_limit)
{
	uint8_t *gone = test_mem(mem_reserve(4 * LIMIT));
	uint8_t *none = test_mem(mem_file(-1, 4 * LIMIT, PROT_NONE,
					  MAP_PRIVATE | MAP_ANONYMOUS));

	ASSERT_EQ(0, munmap(gone, 4 * LIMIT));
	ASSERT_GT(EDU_BAR_SIZE, LIMIT);
	test_become_user();
	test_never_fits((void *)self->edu.bar, EDU_BAR_SIZE);
	test_never_fits(gone, 4 * LIMIT);
	test_never_fits(none, 4 * LIMIT);
	/* Behind as many good pages as fit, and behind fewer. */
	for (int i = LIMIT_PAGES; i >= 0; i -= LIMIT_PAGES / 4) {
		ASSERT_EQ(0, munmap(self->mem + i * PAGE, PAGE));
		test_err_map_fixed(EFAULT, self->mem, 4 * LIMIT, IOVA);
		test_pinned(0);
		ASSERT_EQ(0, proc_status_kb("VmLck:"));
	}
}

/* Also where something else has taken the whole limit. */
TEST_F(memlock, what_can_never_be_mapped_is_efault_at_the_limit)
{
	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA + LIMIT);
	test_err_map_fixed(EFAULT, (void *)self->edu.bar, EDU_BAR_SIZE,
			   1UL << 32);
	test_err_map_fixed(ENOMEM, self->mem + LIMIT, 2 * PAGE, 1UL << 32);
	test_pinned(LIMIT / 1024);
	test_room(0);
	test_unmap(IOVA + LIMIT, LIMIT);
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, failures_give_everything_back)
{
	test_become_user();
	/* A hole behind 15 good pages, and at each place before. */
	for (int i = LIMIT_PAGES - 1; i >= 0; i--) {
		ASSERT_EQ(0, munmap(self->mem + LIMIT + i * PAGE, PAGE));
		test_err_map_fixed(EFAULT, self->mem + LIMIT, LIMIT, IOVA);
	}
	test_map_fixed(self->mem, PAGE, IOVA);
	test_err_map_fixed(EEXIST, self->mem, PAGE, IOVA);
	test_err_map_fixed(EINVAL, self->mem, PAGE, 0xfee00000);
	test_room(LIMIT_PAGES - 1);
}

TEST_F(memlock, two_maps_are_two_charges)
{
	test_become_user();
	test_map_fixed(self->mem, LIMIT / 2, IOVA);
	test_map_fixed(self->mem, LIMIT / 2, IOVA + LIMIT);
	test_room(0);
	test_unmap(IOVA, LIMIT / 2);
	test_room(LIMIT_PAGES / 2);
}

TEST_F(memlock, copies_are_free)
{
	uint64_t iova = 0, all;

	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA);
	for (int i = 0; i < 5; i++)
		test_copy(self->ioas, &iova, self->ioas, IOVA, LIMIT, MAP_RW);
	test_room(0);
	test_unmap(IOVA, LIMIT);
	test_room(0);
	test_unmap_all(&all);
	ASSERT_EQ(5 * LIMIT, all);
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, more_hwpts_are_free)
{
	uint32_t hwpt[3];

	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA);
	for (int i = 0; i < 3; i++)
		test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt[i]);
	test_room(0);
	test_pinned(LIMIT / 1024);
	/* The first HWPT goes before those that came later. */
	test_detach(self->edu.cdev);
	test_room(0);
	for (int i = 0; i < 3; i++) {
		test_pinned(LIMIT / 1024);
		test_destroy(hwpt[i]);
	}
	test_pinned(0);
	ASSERT_EQ(0, proc_status_kb("VmLck:"));
}

TEST_F(memlock, charged_when_pinned_not_when_mapped)
{
	uint32_t pt = self->ioas, hwpt;

	test_detach(self->edu.cdev);
	test_become_user();
	test_map_fixed(self->mem, LIMIT + PAGE, IOVA);
	test_pinned(0);
	test_err_attach(ENOMEM, self->edu.cdev, &pt);
	test_err_hwpt_alloc(ENOMEM, self->edu.devid, self->ioas, &hwpt);
	test_unmap(IOVA, LIMIT + PAGE);
	test_map_fixed(self->mem, LIMIT, IOVA);
	test_attach(self->edu.cdev, &pt);
	test_pinned(LIMIT / 1024);
	test_room(0);
}

TEST_F(memlock, huge_memory_is_charged_by_the_page)
{
	uint8_t *huge = test_mem(mem_thp(2 * HUGE));

	ASSERT_TRUE(become_user(self->uid, HUGE));
	test_err_map_fixed(ENOMEM, huge, HUGE + PAGE, IOVA);
	test_map_fixed(huge, HUGE, IOVA);
	test_err_map_fixed(ENOMEM, self->mem, PAGE, IOVA + HUGE);
	test_unmap(IOVA, HUGE);
	test_map_fixed(huge + PAGE, HUGE, IOVA);
	test_unmap(IOVA, HUGE);
}

TEST_F(memlock, cap_ipc_lock_lifts_the_limit)
{
	ASSERT_TRUE(set_memlock(0));
	test_map_fixed(self->mem, LIMIT, IOVA);
	test_pinned(LIMIT / 1024);
	test_unmap(IOVA, LIMIT);
	test_pinned(0);
	ASSERT_TRUE(drop_capability(CAP_IPC_LOCK));
	test_err_map_fixed(ENOMEM, self->mem, PAGE, IOVA);
}

TEST_F(memlock, cap_ipc_lock_counts_at_map)
{
	uint32_t pt = self->ioas;

	test_detach(self->edu.cdev);
	test_map_fixed(self->mem, 2 * LIMIT, IOVA);
	test_become_user();
	/* Mapped with the capability: pinned without limit, for good. */
	test_attach(self->edu.cdev, &pt);
	test_pinned(2 * LIMIT / 1024);
	test_room(LIMIT_PAGES);
	test_unmap(IOVA, 2 * LIMIT);
	test_room(LIMIT_PAGES);
	test_pinned(0);
}

/* The user counts who maps, not who once opened the file or mapped before. */
TEST_F(memlock, becoming_another_user)
{
	ASSERT_TRUE(drop_capability(CAP_IPC_LOCK));
	ASSERT_TRUE(set_memlock(LIMIT));
	test_map_fixed(self->mem, 10 * PAGE, IOVA);
	test_become_user();
	test_room(variant->mode ? LIMIT_PAGES - 10 : LIMIT_PAGES);
	test_unmap(IOVA, 10 * PAGE);
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, lowered_limit_does_not_hinder_unmap)
{
	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA);
	ASSERT_TRUE(set_memlock(PAGE));
	test_err_map_fixed(ENOMEM, self->mem, PAGE, IOVA + LIMIT);
	test_unmap(IOVA, LIMIT);
	test_map_fixed(self->mem, PAGE, IOVA);
	test_err_map_fixed(ENOMEM, self->mem, PAGE, IOVA + PAGE);
}

TEST_F(memlock, mlocked_memory_counts_per_process)
{
	test_become_user();
	ASSERT_EQ(0, mlock(self->mem + LIMIT, 4 * PAGE));
	/* mlock() charges the mm: the user's counter does not know of it. */
	test_room(variant->mode ? LIMIT_PAGES - 4 : LIMIT_PAGES);
	ASSERT_EQ(0, munlock(self->mem + LIMIT, 4 * PAGE));
	test_room(LIMIT_PAGES);
}

struct mapper {
	int fd;
	uint32_t ioas;
	uid_t uid;
	uint8_t *mem;
	size_t length;
	uint64_t iova;
};

static int map_as_user(void *arg)
{
	struct mapper *m = arg;

	if (!become_user(m->uid, LIMIT))
		return -1;
	return _test_map_fixed(m->fd, m->ioas, m->mem, m->length, m->iova,
			       MAP_RW);
}

#define test_mapper(_pages, _iova)					\
	((struct mapper){ self->fd, self->ioas, self->uid, self->mem,	\
			  (_pages) * PAGE, _iova })

TEST_F(memlock, processes_of_one_user)
{
	struct mapper first = test_mapper(10, IOVA);
	struct mapper second = test_mapper(10, IOVA + LIMIT);
	struct child child;

	ASSERT_TRUE(child_start(&child, map_as_user, &first));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(40, proc_pid_status_kb(child.pid, "VmPin:"));
	/* The mapper pays, not the one who opened the file. */
	test_pinned(0);
	ASSERT_EQ(variant->mode ? 0 : ENOMEM, child_run(map_as_user, &second));
	second = test_mapper(6, IOVA + 2 * LIMIT);
	ASSERT_EQ(0, child_run(map_as_user, &second));
	child_end(&child);
}

TEST_F(memlock, charge_outlives_the_mapper)
{
	struct mapper all = test_mapper(LIMIT_PAGES, IOVA);
	struct mapper one = test_mapper(1, IOVA + LIMIT);
	uint64_t unmapped;

	ASSERT_EQ(0, child_run(map_as_user, &all));
	/* Its process is gone, its pages are pinned and its user pays. */
	ASSERT_EQ(variant->mode ? 0 : ENOMEM, child_run(map_as_user, &one));
	test_unmap_all(&unmapped);
	ASSERT_EQ(LIMIT + (variant->mode ? PAGE : 0), unmapped);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, child_run(map_as_user, &all));
		test_unmap(IOVA, LIMIT);
	}
}

TEST_F(memlock, charge_goes_to_the_mapper_not_the_attacher)
{
	struct mapper over = test_mapper(LIMIT_PAGES + 1, IOVA);
	struct mapper fits = test_mapper(LIMIT_PAGES, IOVA);
	uint32_t pt = self->ioas;
	struct child child;

	test_detach(self->edu.cdev);
	ASSERT_TRUE(child_start(&child, map_as_user, &over));
	ASSERT_EQ(0, child_result(&child));
	/* We may lock as much as we like, whoever mapped this may not. */
	test_err_attach(ENOMEM, self->edu.cdev, &pt);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	test_unmap(IOVA, LIMIT + PAGE);
	child_end(&child);
	ASSERT_TRUE(child_start(&child, map_as_user, &fits));
	ASSERT_EQ(0, child_result(&child));
	test_attach(self->edu.cdev, &pt);
	ASSERT_EQ(LIMIT / 1024, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(variant->mode ? LIMIT / 1024 : 0,
		  proc_pid_status_kb(child.pid, "VmLck:"));
	test_pinned(0);
	test_unmap(IOVA, LIMIT);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmLck:"));
	child_end(&child);
}

TEST_F(memlock, close_gives_everything_back)
{
	struct mapper all = test_mapper(LIMIT_PAGES, IOVA);

	ASSERT_EQ(0, child_run(map_as_user, &all));
	close(self->fd);
	edu_close(&self->edu);
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	all.fd = self->fd;
	all.ioas = self->ioas;
	ASSERT_EQ(0, child_run(map_as_user, &all));
}

TEST_HARNESS_MAIN
