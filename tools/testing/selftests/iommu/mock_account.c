// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK and processes: every way to pin is charged once, to who mapped,
 * and given back, whoever is still there by then.
 */
#include <linux/capability.h>

#include "mock_space.h"

#define LIMIT_PAGES	12UL
#define LIMIT		(LIMIT_PAGES * PAGE)
#define PIN		MOCK_ACCESS_NEEDS_PIN_PAGES
#define ELSEWHERE	(MOCK_IOVA + (1UL << 29))

FIXTURE(account) {
	struct mock;
	uint8_t *mem;
	uid_t uid;
};

FIXTURE_VARIANT(account) { unsigned int mode, limit; };

FIXTURE_VARIANT_ADD(account, per_user) {
	.mode = 0, .limit = MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(account, per_user_tiny_batches) {
	.mode = 0, .limit = MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(account, per_process) {
	.mode = 1, .limit = MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(account, per_process_tiny_batches) {
	.mode = 1, .limit = MOCK_MEMORY_TINY
};

FIXTURE_SETUP(account)
{
	uint64_t mode = variant->mode;

	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0, &mode);
	test_ioas_alloc(&self->ioas);
	test_ok(_test_memory_limit(self->fd, variant->limit));
	self->mem = test_mem(mem_scattered(4 * LIMIT_PAGES));
	/* Nobody else runs under this user id. */
	self->uid = 50000 + getpid() % 10000;
}

/* The process is not root any more: what was switched is set back by itself. */
FIXTURE_TEARDOWN(account)
{
	EXPECT_EQ(0, _test_memory_limit(self->fd, MOCK_MEMORY_DEFAULT));
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	EXPECT_EQ(0, proc_status_kb("VmLck:"));
}

#define test_attach_one() test_mock_attach(self->ioas, &self->dev[0])
#define test_become_user() ASSERT_TRUE(become_user(self->uid, LIMIT))

/* Exactly @_pages more fit under the limit, seen by a domain. */
#define test_room(_pages)						\
	do {								\
		size_t __pages = (_pages);				\
									\
		test_err_map_fixed(ENOMEM, self->mem,			\
				   (__pages + 1) * PAGE, ELSEWHERE);	\
		if (__pages) {						\
			test_map_fixed(self->mem, __pages * PAGE,	\
				       ELSEWHERE);			\
			test_unmap(ELSEWHERE, __pages * PAGE);		\
		}							\
	} while (0)

TEST_F(account, up_to_the_limit)
{
	test_attach_one();
	test_become_user();
	test_room(LIMIT_PAGES);
	for (unsigned long i = 1; i <= LIMIT_PAGES; i++) {
		test_map_fixed(self->mem, PAGE, MOCK_IOVA + i * PAGE);
		test_room(LIMIT_PAGES - i);
	}
	test_pinned(LIMIT / 1024);
	ASSERT_EQ(variant->mode ? LIMIT / 1024 : 0, proc_status_kb("VmLck:"));
	test_unmap(MOCK_IOVA + PAGE, LIMIT);
	test_room(LIMIT_PAGES);
}

TEST_F(account, part_pages_count_whole)
{
	test_attach_one();
	test_become_user();
	test_map_fixed(self->mem + MOCK_PAGE, LIMIT - PAGE, MOCK_IOVA);
	test_room(0);
	test_unmap(MOCK_IOVA, LIMIT - PAGE);
	test_err_map_fixed(ENOMEM, self->mem + MOCK_PAGE, LIMIT, MOCK_IOVA);
	test_room(LIMIT_PAGES);
}

TEST_F(account, copies_and_domains_are_free)
{
	uint32_t hwpt[3];
	uint64_t iova = 0;

	test_attach_one();
	test_become_user();
	test_map_fixed(self->mem, LIMIT, MOCK_IOVA);
	for (int i = 0; i < 3; i++) {
		test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt[i]);
		test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA, LIMIT,
			  MAP_RW);
	}
	test_pinned(LIMIT / 1024);
	test_room(0);
	test_destroy(self->dev[0].stdev);
	for (int i = 0; i < 3; i++) {
		test_pinned(LIMIT / 1024);
		test_destroy(hwpt[i]);
	}
	test_pinned(0);
	test_attach_one();
	test_room(0);
}

/* Who is over a limit that was lowered can still use what is pinned. */
TEST_F(account, what_is_pinned_needs_no_room)
{
	uint64_t iova = 0;
	uint32_t pin, hwpt;
	int access;

	test_attach_one();
	test_access_create(PIN, &access);
	test_become_user();
	test_map_fixed(self->mem, LIMIT, MOCK_IOVA);
	ASSERT_TRUE(set_memlock(PAGE));
	test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA, LIMIT, MAP_RW);
	test_access_pin(access, MOCK_IOVA, LIMIT, self->mem, 0, &pin);
	test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
	test_pinned(LIMIT / 1024);
	test_room(0);
	close(access);
}

TEST_F(account, charged_when_attached)
{
	test_become_user();
	test_map_fixed(self->mem, LIMIT + PAGE, MOCK_IOVA);
	test_pinned(0);
	test_err_mock_attach(ENOMEM, self->ioas);
	test_refs(self->mem, LIMIT + PAGE, 0);
	test_unmap(MOCK_IOVA, LIMIT + PAGE);
	test_map_fixed(self->mem, LIMIT, MOCK_IOVA);
	test_attach_one();
	test_room(0);
	test_destroy(self->dev[0].stdev);
	test_pinned(0);
}

TEST_F(account, pins_of_accesses)
{
	uint32_t pin[2], small;
	int access;

	test_access_create(PIN, &access);
	test_become_user();
	test_map_fixed(self->mem, 3 * LIMIT, MOCK_IOVA);
	test_err_access_pin(ENOMEM, access, MOCK_IOVA, LIMIT + PAGE, NULL, 0);
	test_refs(self->mem, 3 * LIMIT, 0);
	test_access_pin(access, MOCK_IOVA + LIMIT, LIMIT - PAGE,
			self->mem + LIMIT, 0, &pin[0]);
	/* Once more the same is no second charge, */
	test_access_pin(access, MOCK_IOVA + LIMIT, LIMIT, self->mem + LIMIT, 0,
			&pin[1]);
	test_pinned(LIMIT / 1024);
	/* and there is room for nothing else. */
	test_err_access_pin(ENOMEM, access, MOCK_IOVA + 2 * LIMIT, PAGE, NULL,
			    0);
	test_access_unpin(access, pin[0]);
	test_pinned(LIMIT / 1024);
	test_access_unpin(access, pin[1]);
	test_pinned(0);
	test_access_pin(access, MOCK_IOVA + 2 * LIMIT, PAGE, NULL, 0, &small);
	test_err_access_pin(ENOMEM, access, MOCK_IOVA, LIMIT, NULL, 0);
	close(access);
	test_pinned(0);
}

TEST_F(account, a_domain_pays_only_for_what_an_access_has_not)
{
	uint32_t pin[3];
	int access;

	test_access_create(PIN, &access);
	test_become_user();
	test_map_fixed(self->mem, LIMIT, MOCK_IOVA);
	for (int i = 0; i < 3; i++)
		test_access_pin(access, MOCK_IOVA + (4 * i + 1) * PAGE,
				2 * PAGE, self->mem + (4 * i + 1) * PAGE, 0,
				&pin[i]);
	test_pinned(6 * 4);
	test_attach_one();
	test_pinned(LIMIT / 1024);
	test_room(0);
	for (int i = 0; i < 3; i++)
		test_access_unpin(access, pin[i]);
	test_pinned(LIMIT / 1024);
	test_room(0);
	test_unmap(MOCK_IOVA, LIMIT);
	test_room(LIMIT_PAGES);
	close(access);
}

TEST_F(account, copying_is_free)
{
	static uint8_t buffer[2 * LIMIT];
	int access;

	test_access_create(PIN, &access);
	test_become_user();
	ASSERT_TRUE(set_memlock(0));
	test_map_fixed(self->mem, 2 * LIMIT, MOCK_IOVA);
	test_access_rw(access, MOCK_IOVA, 2 * LIMIT, buffer, 0);
	test_access_rw(access, MOCK_IOVA, 2 * LIMIT, buffer, MOCK_ACCESS_WRITE);
	test_err_access_pin(ENOMEM, access, MOCK_IOVA, PAGE, NULL, 0);
	test_refs(self->mem, 2 * LIMIT, 0);
	close(access);
}

TEST_F(account, failures_give_everything_back)
{
	uint8_t *hole = self->mem + 2 * LIMIT + 5 * PAGE;

	test_attach_one();
	ASSERT_EQ(0, munmap(hole, PAGE));
	for (int n = 1; n < 4; n++) {
		test_mock_param("fail_map", n);
		test_err_map_fixed(ENOMEM, self->mem, LIMIT, MOCK_IOVA);
	}
	test_mock_param("fail_map", 0);
	test_become_user();
	for (unsigned long i = 0; i < 6; i++)
		test_err_map_fixed(EFAULT, hole - i * PAGE, LIMIT, MOCK_IOVA);
	test_refs(self->mem, 2 * LIMIT, 0);
	test_room(LIMIT_PAGES);
}

/* Each way to pin says that the memory is not there, and not that it is much. */
TEST_F(account, memory_that_is_not_there_is_efault_over_the_limit)
{
	uint8_t *hole = self->mem + 5 * PAGE;
	int access;

	test_access_create(PIN, &access);
	ASSERT_EQ(0, munmap(hole, PAGE));
	test_become_user();
	test_map_fixed(self->mem, 4 * LIMIT, MOCK_IOVA);
	test_err_access_pin(EFAULT, access, MOCK_IOVA, 4 * LIMIT, NULL, 0);
	test_err_mock_attach(EFAULT, self->ioas);
	test_refs(self->mem, 5 * PAGE, 0);
	test_pinned(0);
	test_unmap(MOCK_IOVA, 4 * LIMIT);
	close(access);
	test_attach_one();
	for (int i = 0; i < 3; i++)
		test_err_map_fixed(EFAULT, self->mem, 4 * LIMIT, MOCK_IOVA);
	test_refs(self->mem, 5 * PAGE, 0);
	ASSERT_EQ(0, proc_status_kb("VmLck:"));
	self->mem = hole + PAGE;
	test_room(LIMIT_PAGES);
}

TEST_F(account, cap_ipc_lock_counts_at_map)
{
	test_map_fixed(self->mem, 2 * LIMIT, MOCK_IOVA);
	test_become_user();
	test_map_fixed(self->mem, LIMIT, MOCK_IOVA + 2 * LIMIT);
	test_attach_one();
	test_pinned(3 * LIMIT / 1024);
	test_room(0);
	test_unmap(MOCK_IOVA, 2 * LIMIT);
	test_room(0);
	test_unmap(MOCK_IOVA + 2 * LIMIT, LIMIT);
	test_room(LIMIT_PAGES);
}

TEST_F(account, mode_is_checked_in_order)
{
	uint64_t mode = 2, get = 9;

	test_err_option(EOPNOTSUPP, IOMMU_OPTION_RLIMIT_MODE,
			IOMMU_OPTION_OP_SET, self->ioas, &mode);
	test_err_option(EBUSY, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0,
			&mode);
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET, 0, &get);
	ASSERT_EQ(variant->mode, get);
	test_destroy(self->ioas);
	test_err_option(EINVAL, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET,
			0, &mode);
	ASSERT_TRUE(drop_capability(CAP_SYS_RESOURCE));
	test_err_option(EPERM, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0,
			&mode);
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET, 0, &get);
	ASSERT_EQ(variant->mode, get);
}

/* What another process does with the context and memory of its own */
struct other {
	int fd;
	uint32_t ioas;
	uint8_t *mem;
	uid_t uid;
	size_t length;
	bool exec;
};

static int map_own(void *arg)
{
	struct other *o = arg;

	o->mem = mem_anon(o->length);
	if (!o->mem)
		return ENODATA;
	memset(o->mem, 0x77, o->length);
	if (o->uid && !become_user(o->uid, LIMIT))
		return ENODATA;
	return _test_map_fixed(o->fd, o->ioas, o->mem, o->length, MOCK_IOVA,
			       MAP_RW);
}

static int map_and_exec(void *arg)
{
	int rc = map_own(arg);

	return rc ? rc : child_exec(0);
}

#define other_process(_length) {					\
	.fd = self->fd, .ioas = self->ioas, .length = (_length),	\
	.uid = self->uid,						\
}

TEST_F(account, the_mapper_pays_not_the_attacher)
{
	struct other o = other_process(LIMIT);
	struct child child;

	ASSERT_TRUE(child_start(&child, map_own, &o));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_TRUE(drop_capability(CAP_IPC_LOCK));
	ASSERT_TRUE(set_memlock(0));
	test_attach_one();
	test_pinned(0);
	ASSERT_EQ(LIMIT / 1024, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(variant->mode ? LIMIT / 1024 : 0,
		  proc_pid_status_kb(child.pid, "VmLck:"));
	test_destroy(self->dev[0].stdev);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmLck:"));
	child_end(&child);
}

TEST_F(account, the_limit_is_that_of_the_mapper)
{
	struct other o = other_process(LIMIT + PAGE);
	struct child child;

	ASSERT_TRUE(child_start(&child, map_own, &o));
	ASSERT_EQ(0, child_result(&child));
	/* We have no limit, and it does not help. */
	test_err_mock_attach(ENOMEM, self->ioas);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	child_end(&child);
}

TEST_F(account, pins_outlive_the_mapper)
{
	struct other o = other_process(LIMIT);
	struct child child;
	uint8_t byte = 0;
	int access;

	test_attach_one();
	test_access_create(0, &access);
	ASSERT_TRUE(child_start(&child, map_own, &o));
	ASSERT_EQ(0, child_result(&child));
	child_kill(&child);
	test_access_rw(access, MOCK_IOVA + LIMIT - 1, 1, &byte, 0);
	ASSERT_EQ(0x77, byte);
	test_destroy(self->dev[0].stdev);
	/* They are gone and cannot be had again, by no way. */
	test_err_mock_attach(EFAULT, self->ioas);
	test_err_access_rw(EFAULT, access, MOCK_IOVA, 1, &byte, 0);
	test_unmap(MOCK_IOVA, LIMIT);
	close(access);
	/* The user it was can pin all that is allowed again. */
	test_attach_one();
	test_become_user();
	test_room(LIMIT_PAGES);
}

TEST_F(account, pins_outlive_exec)
{
	struct other o = other_process(LIMIT);
	struct child child;
	uint8_t byte = 0;
	int access;

	test_access_create(PIN, &access);
	test_attach_one();
	/* What follows exec() is another memory under the same process id. */
	o.uid = 0;
	ASSERT_TRUE(child_start(&child, map_and_exec, &o));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	test_access_rw(access, MOCK_IOVA, 1, &byte, 0);
	ASSERT_EQ(0x77, byte);
	test_destroy(self->dev[0].stdev);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmLck:"));
	test_err_access_pin(EFAULT, access, MOCK_IOVA, PAGE, NULL, 0);
	test_err_access_rw(EFAULT, access, MOCK_IOVA, 1, &byte, 0);
	child_end(&child);
	close(access);
}

/* After fork() each process maps its own memory, even at the same address. */
static int map_after_fork(void *arg)
{
	struct other *o = arg;

	memset(o->mem, 2, PAGE);
	return _test_map_fixed(o->fd, o->ioas, o->mem, PAGE, MOCK_IOVA + PAGE,
			       MAP_RW);
}

TEST_F(account, fork_separates_memory)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct other o = other_process(PAGE);
	struct child child;
	uint8_t byte = 0;
	int access;

	test_attach_one();
	test_access_create(0, &access);
	memset(mem, 1, PAGE);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	o.mem = mem;
	ASSERT_TRUE(child_start(&child, map_after_fork, &o));
	ASSERT_EQ(0, child_result(&child));
	test_access_rw(access, MOCK_IOVA, 1, &byte, 0);
	ASSERT_EQ(1, byte);
	test_access_rw(access, MOCK_IOVA + PAGE, 1, &byte, 0);
	ASSERT_EQ(2, byte);
	test_pinned(4);
	ASSERT_EQ(4, proc_pid_status_kb(child.pid, "VmPin:"));
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA, PAGE,
				mem));
	mem[0] = 3;
	test_access_rw(access, MOCK_IOVA, 1, &byte, 0);
	ASSERT_EQ(3, byte);
	child_end(&child);
	test_access_rw(access, MOCK_IOVA + PAGE, 1, &byte, 0);
	ASSERT_EQ(2, byte);
	close(access);
}

TEST_HARNESS_MAIN
