// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_CHANGE_PROCESS: the charges for mapped files move to the calling
 * process, all of them or none.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <linux/capability.h>

#include "mock_space.h"

#define LENGTH	(16 * PAGE)
#define IOVA	MOCK_IOVA
#define OTHER	(IOVA + (1UL << 28))

static int map_file(int fd, uint32_t ioas, int file, uint64_t iova)
{
	return _test_ioas_map_file(fd, ioas, file, 0, LENGTH, &iova,
				   MAP_RW | MAP_FIXED_IOVA);
}

#define test_map_file(_iova)						\
	test_ok(map_file(self->fd, self->ioas, self->file, _iova))

FIXTURE(change) {
	struct mock;
	int file;
};

FIXTURE_VARIANT(change) {
	unsigned int domains;
	uint64_t mode;		/* of accounting */
	bool unlimited;		/* with CAP_IPC_LOCK */
};

FIXTURE_VARIANT_ADD(change, no_domain) { 0, 0 };
FIXTURE_VARIANT_ADD(change, per_user) { 1, 0 };
FIXTURE_VARIANT_ADD(change, per_user_two_domains) { 2, 0 };
FIXTURE_VARIANT_ADD(change, per_user_unlimited) { 1, 0, true };
FIXTURE_VARIANT_ADD(change, per_process) { 1, 1 };
FIXTURE_VARIANT_ADD(change, per_process_unlimited) { 1, 1, true };

FIXTURE_SETUP(change)
{
	uint64_t mode = variant->mode;
	uint32_t hwpt;

	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0, &mode);
	test_ioas_alloc(&self->ioas);
	if (variant->domains)
		test_mock_attach(self->ioas, &self->dev[0]);
	if (variant->domains > 1) {
		test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
		test_mock_attach(hwpt, &self->dev[1]);
	}
	if (!variant->unlimited)
		ASSERT_TRUE(drop_capability(CAP_IPC_LOCK));
	ASSERT_TRUE(set_memlock(16 * LENGTH));
	self->file = mem_fd("change", LENGTH, 0);
	ASSERT_GE(self->file, 0);
}

FIXTURE_TEARDOWN(change)
{
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	EXPECT_EQ(0, proc_status_kb("VmLck:"));
}

/* VmPin and VmLck of this process while it pays for @_bytes */
#define test_pays_for(_bytes)						\
	do {								\
		long __kb = variant->domains ? (_bytes) / 1024 : 0;	\
									\
		ASSERT_EQ(__kb, proc_status_kb("VmPin:"));		\
		ASSERT_EQ(variant->mode && !variant->unlimited ? __kb : 0, \
			  proc_status_kb("VmLck:"));			\
	} while (0)

TEST_F(change, nothing_is_mapped)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };

	test_ok(_test_change_process(self->fd));
	cmd.__reserved = 1;
	test_err(EOPNOTSUPP, iommufd_ioctl(self->fd, IOMMU_IOAS_CHANGE_PROCESS,
					   &cmd));
}

TEST_F(change, same_process)
{
	test_map_file(IOVA);
	for (int i = 0; i < 3; i++) {
		test_ok(_test_change_process(self->fd));
		test_pays_for(LENGTH);
	}
	test_unmap(IOVA, LENGTH);
	test_pays_for(0);
}

/* User addresses belong to one process, wherever they are mapped. */
TEST_F(change, memory_of_the_process_is_einval)
{
	void *mem = test_mem(mem_anon(PAGE));
	uint32_t ioas;

	test_map_file(IOVA);
	test_map_fixed(mem, PAGE, OTHER);
	test_err(EINVAL, _test_change_process(self->fd));
	test_unmap(OTHER, PAGE);
	test_ok(_test_change_process(self->fd));
	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, mem, PAGE, OTHER, MAP_RW));
	test_err(EINVAL, _test_change_process(self->fd));
	test_destroy(ioas);
	test_ok(_test_change_process(self->fd));
}

/* In a child */
struct heir {
	int fd;
	uint32_t ioas;
	int file;
	bool limited_mm;
	long kb;
	size_t memlock;
	uid_t uid;
	bool maps;
};

static int check_kb(const struct heir *h, long kb)
{
	return proc_status_kb("VmPin:") == kb &&
	       proc_status_kb("VmLck:") == (h->limited_mm ? kb : 0) ? 0 : EPROTO;
}

static int inherit(void *arg)
{
	struct heir *h = arg;
	int rc;

	if (h->memlock && !set_memlock(h->memlock))
		return errno;
	if (h->uid && !become_user(h->uid, h->memlock))
		return errno;
	rc = check_kb(h, 0);
	if (!rc)
		rc = _test_change_process(h->fd);
	if (rc)
		return check_kb(h, 0) ?: rc;
	return check_kb(h, h->kb);
}

#define HEIR {								\
	.fd = self->fd, .ioas = self->ioas, .file = self->file,		\
	.limited_mm = variant->mode && !variant->unlimited,		\
	.kb = variant->domains ? LENGTH / 1024 : 0,			\
}

TEST_F(change, child_takes_over)
{
	struct heir h = HEIR;
	struct child child;

	test_map_file(IOVA);
	test_pays_for(LENGTH);
	ASSERT_TRUE(child_start(&child, inherit, &h));
	ASSERT_EQ(0, child_result(&child));
	test_pays_for(0);
	/* What this process maps now it pays itself. */
	test_map_file(OTHER);
	test_pays_for(LENGTH);
	test_unmap(IOVA, LENGTH);
	test_pays_for(LENGTH);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmLck:"));
	child_end(&child);
	test_unmap(OTHER, LENGTH);
	test_pays_for(0);
	test_ok(_test_change_process(self->fd));
}

/* The charge of a process that is gone comes back. */
TEST_F(change, back_from_a_child_that_has_exited)
{
	struct heir h = HEIR;

	test_map_file(IOVA);
	ASSERT_EQ(0, child_run(inherit, &h));
	test_pays_for(0);
	test_ok(_test_change_process(self->fd));
	test_pays_for(LENGTH);
	test_unmap(IOVA, LENGTH);
	test_pays_for(0);
}

static int map_as_child(void *arg)
{
	struct heir *h = arg;

	return map_file(h->fd, h->ioas, h->file, OTHER);
}

/* Two processes have mapped; a third pays for both. */
TEST_F(change, several_payers)
{
	struct heir h = HEIR;
	struct child other;
	uint64_t copy = OTHER + LENGTH;

	test_map_file(IOVA);
	ASSERT_TRUE(child_start(&other, map_as_child, &h));
	ASSERT_EQ(0, child_result(&other));
	/* A copy is not one more. */
	test_copy(self->ioas, &copy, self->ioas, IOVA, LENGTH,
		  MAP_RW | MAP_FIXED_IOVA);
	h.kb *= 2;
	ASSERT_EQ(0, child_run(inherit, &h));
	test_pays_for(0);
	ASSERT_EQ(0, proc_pid_status_kb(other.pid, "VmPin:"));
	child_end(&other);
	test_ok(_test_change_process(self->fd));
	test_pays_for(2 * LENGTH);
	test_unmap(IOVA, LENGTH);
	test_pays_for(2 * LENGTH);
	test_unmap(OTHER, 2 * LENGTH);
	test_pays_for(0);
}

TEST_F(change, over_the_limit_nothing_changes)
{
	struct heir h = HEIR;

	test_map_file(IOVA);
	h.memlock = LENGTH - PAGE;
	ASSERT_EQ(variant->domains && !variant->unlimited ? ENOMEM : 0,
		  child_run(inherit, &h));
	test_pays_for(variant->domains && !variant->unlimited ? LENGTH : 0);
	h.memlock = LENGTH;
	ASSERT_EQ(0, child_run(inherit, &h));
	test_pays_for(0);
}

TEST_F(change, another_user)
{
	struct heir h = HEIR;

	test_map_file(IOVA);
	h.uid = 30000 + getpid() % 20000;
	h.memlock = LENGTH - PAGE;
	ASSERT_EQ(variant->domains && !variant->unlimited ? ENOMEM : 0,
		  child_run(inherit, &h));
	h.memlock = LENGTH;
	ASSERT_EQ(0, child_run(inherit, &h));
	test_pays_for(0);
	/* That user has the whole limit again. */
	test_unmap(IOVA, LENGTH);
	test_map_file(IOVA);
	ASSERT_EQ(0, child_run(inherit, &h));
}

/* What is pinned by an access counts, and nothing twice. */
TEST_F(change, pinned_by_an_access)
{
	struct heir h = HEIR;
	uint32_t pin;
	int access;

	test_map_file(IOVA);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_access_pin(access, IOVA + PAGE, 2 * PAGE, NULL, 0, &pin);
	if (!variant->domains)
		h.kb = 2 * PAGE / 1024;
	ASSERT_EQ(0, child_run(inherit, &h));
	ASSERT_EQ(0, proc_status_kb("VmPin:"));
	test_access_unpin(access, pin);
	close(access);
	test_unmap(IOVA, LENGTH);
	ASSERT_EQ(0, proc_status_kb("VmPin:"));
}

struct mapper {
	struct heir h;
	bool stop;
	int bad;
	unsigned int rounds;
};

static void *map_and_unmap(void *arg)
{
	struct mapper *m = arg;
	int rc;

	while (!__atomic_load_n(&m->stop, __ATOMIC_RELAXED)) {
		rc = map_file(m->h.fd, m->h.ioas, m->h.file, OTHER);
		if (!rc)
			rc = _test_ioas_unmap(m->h.fd, m->h.ioas, OTHER, LENGTH,
					      NULL);
		if (rc)
			m->bad = rc;
		m->rounds++;
	}
	return NULL;
}

/* Most attempts meet a mapping that is being made or removed. */
static int change_often(void *arg)
{
	uint64_t end = now_ms() + 10000 * slowness();
	struct heir *h = arg;
	unsigned int changed;

	for (changed = 0; changed < 20 && now_ms() < end;) {
		int rc = _test_change_process(h->fd);

		if (rc && rc != EBUSY)
			return rc;
		changed += !rc;
		if (rc)
			sched_yield();
	}
	return changed == 20 ? 0 : ETIME;
}

TEST_F(change, while_files_are_mapped)
{
	struct mapper m = { .h = HEIR };
	pthread_t thread;

	test_map_file(IOVA);
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &m));
	for (int i = 0; i < 4; i++) {
		ASSERT_EQ(0, child_run(change_often, &m.h));
		ASSERT_EQ(0, change_often(&m.h));
	}
	__atomic_store_n(&m.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, m.bad);
	ASSERT_LT(0, m.rounds);
	test_ok(_test_change_process(self->fd));
	test_pays_for(LENGTH);
}

TEST_HARNESS_MAIN
