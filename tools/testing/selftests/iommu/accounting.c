// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK: every way to pin is charged once, to the process or the user
 * that mapped, and every failure gives back exactly what it took. A user's
 * counter cannot be read, but the number of pages that still fit under the
 * limit shows it.
 */
#include <linux/capability.h>
#include <sys/resource.h>

#include "mapper.h"
#include "mock_space.h"

#define LIMIT_PAGES	16UL
#define LIMIT		(LIMIT_PAGES * PAGE)
#define IOVA		0x10000000UL
/* Where test_room() maps, and where nothing else is */
#define ELSEWHERE	(IOVA + (1UL << 30))
#define PIN		MOCK_ACCESS_NEEDS_PIN_PAGES

FIXTURE(memlock) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	struct mock_dev dev;
	uid_t uid;
	uint8_t *mem;
};

FIXTURE_VARIANT(memlock) {
	uint64_t mode;
	bool edu;
	unsigned int limit;	/* of the memory of a batch, with a mock device */
};

FIXTURE_VARIANT_ADD(memlock, per_user_mock) {
	.mode = 0, .limit = MOCK_MEMORY_DEFAULT
};
FIXTURE_VARIANT_ADD(memlock, per_user_mock_tiny_batches) {
	.mode = 0, .limit = MOCK_MEMORY_TINY
};
FIXTURE_VARIANT_ADD(memlock, per_user_edu) { .mode = 0, .edu = true };
FIXTURE_VARIANT_ADD(memlock, per_process_mock) {
	.mode = 1, .limit = MOCK_MEMORY_DEFAULT
};
FIXTURE_VARIANT_ADD(memlock, per_process_mock_tiny_batches) {
	.mode = 1, .limit = MOCK_MEMORY_TINY
};
FIXTURE_VARIANT_ADD(memlock, per_process_edu) { .mode = 1, .edu = true };

/* A context with an IOAS and, where it is an edu, a device */
#define memlock_open()							\
	do {								\
		uint64_t __mode = variant->mode;			\
									\
		self->edu.cdev = -1;					\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_option(IOMMU_OPTION_RLIMIT_MODE,			\
			    IOMMU_OPTION_OP_SET, 0, &__mode);		\
		test_ioas_alloc(&self->ioas);				\
		if (variant->edu)					\
			test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);	\
		else							\
			test_ok(_test_memory_limit(self->fd,		\
						   variant->limit));	\
	} while (0)

FIXTURE_SETUP(memlock)
{
	memlock_open();
	self->mem = test_mem(variant->edu ? mem_anon(4 * LIMIT) :
					    mem_scattered(4 * LIMIT_PAGES));
	/* No other process runs under this user id. */
	self->uid = 20000 + getpid() % 20000;
}

/* The process is no longer root; the test itself resets module parameters. */
FIXTURE_TEARDOWN(memlock)
{
	EXPECT_EQ(0, _test_memory_limit(self->fd, MOCK_MEMORY_DEFAULT));
	close(self->fd);
	edu_close(&self->edu);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	EXPECT_EQ(0, proc_status_kb("VmLck:"));
}

/* Attach the device to the IOAS, and detach it. */
#define test_attach_device()						\
	do {								\
		self->edu.pt_id = self->ioas;				\
		if (variant->edu)					\
			test_attach(self->edu.cdev, &self->edu.pt_id);	\
		else							\
			test_mock_attach(self->ioas, &self->dev);	\
	} while (0)
#define test_detach_device()						\
	do {								\
		if (variant->edu)					\
			test_detach(self->edu.cdev);			\
		else							\
			test_destroy(self->dev.stdev);			\
	} while (0)
#define test_err_attach_device(_errno)					\
	do {								\
		uint32_t __pt = self->ioas;				\
									\
		if (variant->edu)					\
			test_err_attach(_errno, self->edu.cdev, &__pt);	\
		else							\
			test_err_mock_attach(_errno, self->ioas);	\
	} while (0)

/* The object of the device, while it is attached */
#define DEVICE	(variant->edu ? self->edu.devid : self->dev.idev)

#define test_become_user() ASSERT_TRUE(become_user(self->uid, LIMIT))

/* Exactly @_pages more fit under the limit, not one page more. */
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

TEST_F(memlock, up_to_the_limit)
{
	test_attach_device();
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
	test_attach_device();
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

TEST_F(memlock, half_pages_count_as_whole_pages)
{
	test_attach_device();
	test_become_user();
	if (variant->edu) {
		test_err_map_fixed(EINVAL, self->mem + MOCK_PAGE, PAGE, IOVA);
		return;
	}
	test_map_fixed(self->mem + MOCK_PAGE, LIMIT - PAGE, IOVA);
	test_room(0);
	test_unmap(IOVA, LIMIT - PAGE);
	test_err_map_fixed(ENOMEM, self->mem + MOCK_PAGE, LIMIT, IOVA);
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, far_over_the_limit)
{
	uint8_t *big = test_mem(mem_reserve(64UL << 20));

	test_attach_device();
	test_become_user();
	test_err_map_fixed(ENOMEM, big, 64UL << 20, IOVA);
	test_room(LIMIT_PAGES);
}

/* EFAULT, not ENOMEM: a higher limit would not help. */
#define test_never_fits(_mem, _length)					\
	do {								\
		test_err_map_fixed(EFAULT, _mem, _length, IOVA);	\
		test_pinned(0);						\
		ASSERT_EQ(0, proc_status_kb("VmLck:"));			\
		test_room(LIMIT_PAGES);					\
	} while (0)

TEST_F(memlock, unmappable_memory_is_efault_over_the_limit)
{
	uint8_t *gone = test_mem(mem_reserve(4 * LIMIT));
	uint8_t *none = test_mem(mem_file(-1, 4 * LIMIT, PROT_NONE,
					  MAP_PRIVATE | MAP_ANONYMOUS));

	ASSERT_EQ(0, munmap(gone, 4 * LIMIT));
	test_attach_device();
	test_become_user();
	test_never_fits(gone, 4 * LIMIT);
	test_never_fits(none, 4 * LIMIT);
	/* A hole after as many present pages as the limit allows, and after fewer. */
	for (int i = LIMIT_PAGES; i >= 0; i -= LIMIT_PAGES / 4) {
		ASSERT_EQ(0, munmap(self->mem + i * PAGE, PAGE));
		test_err_map_fixed(EFAULT, self->mem, 4 * LIMIT, IOVA);
		test_pinned(0);
		ASSERT_EQ(0, proc_status_kb("VmLck:"));
	}
}

/* The same when another mapping uses up the limit. */
TEST_F(memlock, unmappable_memory_is_efault_at_the_limit)
{
	test_attach_device();
	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA + LIMIT);
	test_err_map_fixed(EFAULT, NULL, 2 * LIMIT, ELSEWHERE);
	test_err_map_fixed(ENOMEM, self->mem + LIMIT, 2 * PAGE, ELSEWHERE);
	test_pinned(LIMIT / 1024);
	test_room(0);
	test_unmap(IOVA + LIMIT, LIMIT);
	test_room(LIMIT_PAGES);
}

/* Each way to pin reports EFAULT for missing memory, not ENOMEM. */
TEST_F(memlock, missing_memory_is_efault_over_the_limit)
{
	uint8_t *hole = self->mem + 5 * PAGE;
	int access;

	test_access_create(PIN, &access);
	ASSERT_EQ(0, munmap(hole, PAGE));
	test_become_user();
	test_map_fixed(self->mem, 4 * LIMIT, IOVA);
	test_err_access_pin(EFAULT, access, IOVA, 4 * LIMIT, NULL, 0);
	test_err_attach_device(EFAULT);
	test_refs(self->mem, 5 * PAGE, 0);
	test_pinned(0);
	test_unmap(IOVA, 4 * LIMIT);
	close(access);
	test_attach_device();
	for (int i = 0; i < 3; i++)
		test_err_map_fixed(EFAULT, self->mem, 4 * LIMIT, IOVA);
	test_refs(self->mem, 5 * PAGE, 0);
	ASSERT_EQ(0, proc_status_kb("VmLck:"));
	self->mem = hole + PAGE;
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, failures_give_everything_back)
{
	uint8_t *hole = self->mem + 2 * LIMIT + 5 * PAGE;

	test_attach_device();
	ASSERT_EQ(0, munmap(hole, PAGE));
	for (int n = 1; n < 4 && !variant->edu; n++) {
		test_mock_param("fail_map", n);
		test_err_map_fixed(ENOMEM, self->mem, LIMIT, IOVA);
	}
	test_mock_param("fail_map", 0);
	test_become_user();
	for (unsigned long i = 0; i < 6; i++)
		test_err_map_fixed(EFAULT, hole - i * PAGE, LIMIT, IOVA);
	test_refs(self->mem, 2 * LIMIT, 0);
	test_room(LIMIT_PAGES);
	/* A hole after 15 present pages, then after 14, and so on. */
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
	test_attach_device();
	test_become_user();
	test_map_fixed(self->mem, LIMIT / 2, IOVA);
	test_map_fixed(self->mem, LIMIT / 2, IOVA + LIMIT);
	test_room(0);
	test_unmap(IOVA, LIMIT / 2);
	test_room(LIMIT_PAGES / 2);
}

TEST_F(memlock, copies_are_not_charged)
{
	uint64_t iova = 0, all;

	test_attach_device();
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

TEST_F(memlock, more_hwpts_are_not_charged)
{
	uint32_t hwpt[3];

	test_attach_device();
	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA);
	for (int i = 0; i < 3; i++)
		test_hwpt_alloc(DEVICE, self->ioas, &hwpt[i]);
	test_room(0);
	test_pinned(LIMIT / 1024);
	/* The first HWPT is destroyed before the later ones. */
	test_detach_device();
	test_room(0);
	for (int i = 0; i < 3; i++) {
		test_pinned(LIMIT / 1024);
		test_destroy(hwpt[i]);
	}
	test_pinned(0);
	ASSERT_EQ(0, proc_status_kb("VmLck:"));
	test_attach_device();
	test_room(0);
}

/* A process over a lowered limit can still use pages that are pinned. */
TEST_F(memlock, pinned_pages_are_not_charged_again)
{
	uint64_t iova = 0;
	uint32_t pin, hwpt;
	int access;

	test_attach_device();
	test_access_create(PIN, &access);
	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA);
	ASSERT_TRUE(set_memlock(PAGE));
	test_copy(self->ioas, &iova, self->ioas, IOVA, LIMIT, MAP_RW);
	test_access_pin(access, IOVA, LIMIT, self->mem, 0, &pin);
	test_hwpt_alloc(DEVICE, self->ioas, &hwpt);
	test_pinned(LIMIT / 1024);
	test_room(0);
	close(access);
}

TEST_F(memlock, charged_when_pinned_not_when_mapped)
{
	uint32_t hwpt;

	test_become_user();
	test_map_fixed(self->mem, LIMIT + PAGE, IOVA);
	test_pinned(0);
	test_err_attach_device(ENOMEM);
	if (variant->edu)
		test_err_hwpt_alloc(ENOMEM, DEVICE, self->ioas, &hwpt);
	test_refs(self->mem, LIMIT + PAGE, 0);
	test_unmap(IOVA, LIMIT + PAGE);
	test_map_fixed(self->mem, LIMIT, IOVA);
	test_attach_device();
	test_pinned(LIMIT / 1024);
	test_room(0);
	test_detach_device();
	test_pinned(0);
}

TEST_F(memlock, pins_of_accesses_are_charged)
{
	uint32_t pin[2], small;
	int access;

	test_access_create(PIN, &access);
	test_become_user();
	test_map_fixed(self->mem, 3 * LIMIT, IOVA);
	test_err_access_pin(ENOMEM, access, IOVA, LIMIT + PAGE, NULL, 0);
	test_refs(self->mem, 3 * LIMIT, 0);
	test_access_pin(access, IOVA + LIMIT, LIMIT - PAGE,
			self->mem + LIMIT, 0, &pin[0]);
	/* A second pin of the same pages is not charged, */
	test_access_pin(access, IOVA + LIMIT, LIMIT, self->mem + LIMIT, 0,
			&pin[1]);
	test_pinned(LIMIT / 1024);
	/* and there is room for nothing else. */
	test_err_access_pin(ENOMEM, access, IOVA + 2 * LIMIT, PAGE, NULL,
			    0);
	test_access_unpin(access, pin[0]);
	test_pinned(LIMIT / 1024);
	test_access_unpin(access, pin[1]);
	test_pinned(0);
	test_access_pin(access, IOVA + 2 * LIMIT, PAGE, NULL, 0, &small);
	test_err_access_pin(ENOMEM, access, IOVA, LIMIT, NULL, 0);
	close(access);
	test_pinned(0);
}

TEST_F(memlock, domain_is_charged_only_for_unpinned_pages)
{
	uint32_t pin[3];
	int access;

	test_access_create(PIN, &access);
	test_become_user();
	test_map_fixed(self->mem, LIMIT, IOVA);
	for (int i = 0; i < 3; i++)
		test_access_pin(access, IOVA + (4 * i + 1) * PAGE,
				2 * PAGE, self->mem + (4 * i + 1) * PAGE, 0,
				&pin[i]);
	test_pinned(6 * 4);
	test_attach_device();
	test_pinned(LIMIT / 1024);
	test_room(0);
	for (int i = 0; i < 3; i++)
		test_access_unpin(access, pin[i]);
	test_pinned(LIMIT / 1024);
	test_room(0);
	test_unmap(IOVA, LIMIT);
	test_room(LIMIT_PAGES);
	close(access);
}

TEST_F(memlock, reads_and_writes_are_not_charged)
{
	static uint8_t buffer[2 * LIMIT];
	int access;

	test_access_create(PIN, &access);
	test_become_user();
	ASSERT_TRUE(set_memlock(0));
	test_map_fixed(self->mem, 2 * LIMIT, IOVA);
	test_access_rw(access, IOVA, 2 * LIMIT, buffer, 0);
	test_access_rw(access, IOVA, 2 * LIMIT, buffer, MOCK_ACCESS_WRITE);
	test_err_access_pin(ENOMEM, access, IOVA, PAGE, NULL, 0);
	test_refs(self->mem, 2 * LIMIT, 0);
	close(access);
}

TEST_F(memlock, huge_memory_is_charged_by_the_page)
{
	uint8_t *huge = test_thp(2 * HUGE);

	test_attach_device();
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
	test_attach_device();
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
	test_map_fixed(self->mem, 2 * LIMIT, IOVA);
	test_become_user();
	/* Mapped with the capability: pinned without limit, for good. */
	test_attach_device();
	test_pinned(2 * LIMIT / 1024);
	test_room(LIMIT_PAGES);
	test_detach_device();
	test_map_fixed(self->mem, LIMIT, IOVA + 2 * LIMIT);
	test_attach_device();
	test_pinned(3 * LIMIT / 1024);
	test_room(0);
	test_unmap(IOVA, 2 * LIMIT);
	test_room(0);
	test_unmap(IOVA + 2 * LIMIT, LIMIT);
	test_room(LIMIT_PAGES);
	test_pinned(0);
}

/* The user that maps is charged, not the one that opened the file. */
TEST_F(memlock, becoming_another_user)
{
	test_attach_device();
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
	test_attach_device();
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
	test_attach_device();
	test_become_user();
	ASSERT_EQ(0, mlock(self->mem + LIMIT, 4 * PAGE));
	/* mlock() charges the mm, not the user's counter. */
	test_room(variant->mode ? LIMIT_PAGES - 4 : LIMIT_PAGES);
	ASSERT_EQ(0, munlock(self->mem + LIMIT, 4 * PAGE));
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, order_of_the_checks_of_rlimit_mode)
{
	uint64_t mode = 2, get = 9;

	test_err_option(EOPNOTSUPP, IOMMU_OPTION_RLIMIT_MODE,
			IOMMU_OPTION_OP_SET, self->ioas, &mode);
	test_err_option(EBUSY, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0,
			&mode);
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET, 0, &get);
	ASSERT_EQ(variant->mode, get);
	test_destroy(self->ioas);
	edu_close(&self->edu);
	test_err_option(EINVAL, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET,
			0, &mode);
	ASSERT_TRUE(drop_capability(CAP_SYS_RESOURCE));
	test_err_option(EPERM, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0,
			&mode);
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_GET, 0, &get);
	ASSERT_EQ(variant->mode, get);
}

#define test_mapper(_pages, _iova)					\
	((struct mapper){ self->fd, self->ioas, self->uid, LIMIT,	\
			  self->mem, (_pages) * PAGE, _iova })

TEST_F(memlock, processes_of_one_user)
{
	struct mapper first = test_mapper(10, IOVA);
	struct mapper second = test_mapper(10, IOVA + LIMIT);
	struct child child;

	test_attach_device();
	ASSERT_TRUE(child_start(&child, map_as_user, &first));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(40, proc_pid_status_kb(child.pid, "VmPin:"));
	/* The mapper is charged, not the process that opened the file. */
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

	test_attach_device();
	ASSERT_EQ(0, child_run(map_as_user, &all));
	/* The process is gone; its pages stay pinned and charged to its user. */
	ASSERT_EQ(variant->mode ? 0 : ENOMEM, child_run(map_as_user, &one));
	test_unmap_all(&unmapped);
	ASSERT_EQ(LIMIT + (variant->mode ? PAGE : 0), unmapped);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, child_run(map_as_user, &all));
		test_unmap(IOVA, LIMIT);
	}
}

/* Another process that maps its own memory in the context of the test */
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
	return _test_map_fixed(o->fd, o->ioas, o->mem, o->length, IOVA,
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

TEST_F(memlock, mapper_is_charged_not_the_attacher)
{
	struct other o = other_process(LIMIT);
	struct child child;

	ASSERT_TRUE(child_start(&child, map_own, &o));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_TRUE(drop_capability(CAP_IPC_LOCK));
	ASSERT_TRUE(set_memlock(0));
	test_attach_device();
	test_pinned(0);
	ASSERT_EQ(LIMIT / 1024, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(variant->mode ? LIMIT / 1024 : 0,
		  proc_pid_status_kb(child.pid, "VmLck:"));
	test_detach_device();
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmLck:"));
	test_attach_device();
	ASSERT_EQ(LIMIT / 1024, proc_pid_status_kb(child.pid, "VmPin:"));
	test_unmap(IOVA, LIMIT);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmLck:"));
	child_end(&child);
}

TEST_F(memlock, limit_is_that_of_the_mapper)
{
	struct other o = other_process(LIMIT + PAGE);
	struct child child;

	ASSERT_TRUE(child_start(&child, map_own, &o));
	ASSERT_EQ(0, child_result(&child));
	/* The attaching process has no limit; the limit of the mapper counts. */
	test_err_attach_device(ENOMEM);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	child_end(&child);
}

TEST_F(memlock, pins_outlive_the_mapper)
{
	struct other o = other_process(LIMIT);
	struct child child;
	uint8_t byte = 0;
	int access;

	test_attach_device();
	test_access_create(0, &access);
	ASSERT_TRUE(child_start(&child, map_own, &o));
	ASSERT_EQ(0, child_result(&child));
	child_kill(&child);
	test_access_rw(access, IOVA + LIMIT - 1, 1, &byte, 0);
	ASSERT_EQ(0x77, byte);
	test_detach_device();
	/* The pins are gone, and the pages cannot be pinned again. */
	test_err_attach_device(EFAULT);
	test_err_access_rw(EFAULT, access, IOVA, 1, &byte, 0);
	test_unmap(IOVA, LIMIT);
	close(access);
	/* The user of that process is charged nothing any more. */
	test_attach_device();
	test_become_user();
	test_room(LIMIT_PAGES);
}

TEST_F(memlock, pins_outlive_exec)
{
	struct other o = other_process(LIMIT);
	struct child child;
	uint8_t byte = 0;
	int access;

	test_access_create(PIN, &access);
	test_attach_device();
	/* exec() gives the process a new mm under the same process id. */
	o.uid = 0;
	ASSERT_TRUE(child_start(&child, map_and_exec, &o));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	test_access_rw(access, IOVA, 1, &byte, 0);
	ASSERT_EQ(0x77, byte);
	test_detach_device();
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmLck:"));
	test_err_access_pin(EFAULT, access, IOVA, PAGE, NULL, 0);
	test_err_access_rw(EFAULT, access, IOVA, 1, &byte, 0);
	child_end(&child);
	close(access);
}

/* After fork() each process maps its own memory, even at the same address. */
static int map_after_fork(void *arg)
{
	struct other *o = arg;

	memset(o->mem, 2, PAGE);
	return _test_map_fixed(o->fd, o->ioas, o->mem, PAGE, IOVA + PAGE,
			       MAP_RW);
}

TEST_F(memlock, fork_separates_memory)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct other o = other_process(PAGE);
	struct child child;
	uint8_t byte = 0;
	int access;

	test_attach_device();
	test_access_create(0, &access);
	memset(mem, 1, PAGE);
	test_map_fixed(mem, PAGE, IOVA);
	o.mem = mem;
	ASSERT_TRUE(child_start(&child, map_after_fork, &o));
	ASSERT_EQ(0, child_result(&child));
	test_access_rw(access, IOVA, 1, &byte, 0);
	ASSERT_EQ(1, byte);
	test_access_rw(access, IOVA + PAGE, 1, &byte, 0);
	ASSERT_EQ(2, byte);
	test_pinned(4);
	ASSERT_EQ(4, proc_pid_status_kb(child.pid, "VmPin:"));
	if (!variant->edu)
		test_ok(_test_check_map(self->fd, self->dev.hwpt, IOVA, PAGE,
					mem));
	mem[0] = 3;
	test_access_rw(access, IOVA, 1, &byte, 0);
	ASSERT_EQ(3, byte);
	child_end(&child);
	test_access_rw(access, IOVA + PAGE, 1, &byte, 0);
	ASSERT_EQ(2, byte);
	close(access);
}

TEST_F(memlock, close_gives_everything_back)
{
	struct mapper all = test_mapper(LIMIT_PAGES, IOVA);

	test_attach_device();
	ASSERT_EQ(0, child_run(map_as_user, &all));
	close(self->fd);
	edu_close(&self->edu);
	memlock_open();
	test_attach_device();
	all.fd = self->fd;
	all.ioas = self->ioas;
	ASSERT_EQ(0, child_run(map_as_user, &all));
}

TEST_HARNESS_MAIN
