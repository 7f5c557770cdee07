// SPDX-License-Identifier: GPL-2.0
/*
 * Large memory that is untouched when it is mapped. Prefault workers help, but
 * do not change which memory can be mapped or what a MAP leaves behind.
 */
#include <linux/memfd.h>
#include <pthread.h>

#include "harness.h"

#define IOVA	0x10000000UL
#define LENGTH	(64UL << 20)
#define KB	(LENGTH / 1024)
#define COUNT	1500

FIXTURE(untouched) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;
};

FIXTURE_VARIANT(untouched) {
	size_t page;		/* the least that can be protected alone */
	int advice;
	size_t offset;		/* of the memory in a huge page */
	int flags;		/* of mmap() of a memfd; none without */
	unsigned int fd_flags;
};

FIXTURE_VARIANT_ADD(untouched, small_pages) { PAGE, MADV_NOHUGEPAGE };
FIXTURE_VARIANT_ADD(untouched, huge_pages) { PAGE, MADV_HUGEPAGE };
FIXTURE_VARIANT_ADD(untouched, unaligned) { PAGE, MADV_HUGEPAGE, 5 * PAGE };
FIXTURE_VARIANT_ADD(untouched, memfd) {
	PAGE, MADV_NOHUGEPAGE, 5 * PAGE, MAP_SHARED,
};
FIXTURE_VARIANT_ADD(untouched, private_memfd) {
	PAGE, MADV_NOHUGEPAGE, 0, MAP_PRIVATE,
};
FIXTURE_VARIANT_ADD(untouched, hugetlb) {
	HUGE, MADV_NORMAL, 0, MAP_SHARED, MFD_HUGETLB,
};
FIXTURE_VARIANT_ADD(untouched, private_hugetlb) {
	HUGE, MADV_NORMAL, 0, MAP_PRIVATE, MFD_HUGETLB,
};

static bool put_memfd_at(uint8_t *mem, size_t length, int flags,
			 unsigned int fd_flags)
{
	int fd = mem_fd("untouched", length, fd_flags);
	bool ok = fd >= 0 && mmap(mem, length, PROT_READ | PROT_WRITE,
				  flags | MAP_FIXED, fd, 0) == mem;

	close(fd);
	return ok;
}

FIXTURE_SETUP(untouched)
{
	if (variant->advice == MADV_HUGEPAGE)
		test_needs_thp();
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	if (variant->fd_flags & MFD_HUGETLB && !mem_hugetlb_pool(2 * LENGTH / HUGE))
		SKIP(return, "no %lu huge pages", 2 * LENGTH / HUGE);
	self->mem = test_mem(mem_reserve_aligned(LENGTH + HUGE, HUGE));
	if (variant->flags)
		ASSERT_TRUE(put_memfd_at(self->mem, LENGTH + HUGE, variant->flags,
					 variant->fd_flags))
			TH_LOG("%s", strerror(errno));
	ASSERT_EQ(0, mem_advise(self->mem, LENGTH + HUGE, variant->advice));
	self->mem += variant->offset;
}

FIXTURE_TEARDOWN(untouched)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* The device reads at one end what the CPU wrote, and writes it at the other. */
#define test_device_reaches(_from, _to, _seed)				\
	do {								\
		mem_fill(self->mem + (_from), COUNT, _seed);		\
		ASSERT_TRUE(edu_load(&self->edu, IOVA + (_from), COUNT)); \
		ASSERT_TRUE(edu_store(&self->edu, IOVA + (_to), COUNT)); \
		ASSERT_TRUE(mem_is(self->mem + (_to), COUNT, _seed));	\
	} while (0)

TEST_F(untouched, all_of_it)
{
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_pinned(KB);
	ASSERT_TRUE(mem_is_zero(self->mem, LENGTH));
	for (size_t at = 0; at < LENGTH; at += 8 * HUGE)
		test_device_reaches(at, LENGTH - at - COUNT, at + 1);
	test_unmap(IOVA, LENGTH);
	test_pinned(0);
}

TEST_F(untouched, parts_of_it)
{
	mem_fill(self->mem, LENGTH / 8, 1);
	mem_fill(self->mem + LENGTH / 2, LENGTH / 8, 2);
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_pinned(KB);
	ASSERT_TRUE(mem_is(self->mem, LENGTH / 8, 1));
	ASSERT_TRUE(mem_is(self->mem + LENGTH / 2, LENGTH / 8, 2));
	test_device_reaches(PAGE, LENGTH - 2 * PAGE, 3);
}

static bool set_prot(uint8_t *mem, size_t length, int prot)
{
	return !mprotect(mem, length, prot);
}

TEST_F(untouched, what_is_not_there_is_efault)
{
	const size_t at[] = { 0, LENGTH / 2, LENGTH - variant->page };
	static const int prot[] = { PROT_NONE, PROT_READ };

	for (int i = 0; i < ARRAY_SIZE(at) * ARRAY_SIZE(prot); i++) {
		uint8_t *hole = self->mem + at[i / 2];

		ASSERT_TRUE(set_prot(hole, variant->page, prot[i % 2]));
		test_err_map_fixed(EFAULT, self->mem, LENGTH, IOVA);
		test_pinned(0);
		ASSERT_TRUE(set_prot(hole, variant->page,
				     PROT_READ | PROT_WRITE));
		ASSERT_EQ(0, madvise(self->mem, LENGTH, MADV_DONTNEED));
	}
	test_map_fixed(self->mem, LENGTH, IOVA);
}

/* How many pages are there */
static size_t count_there(uint8_t *mem, size_t length)
{
	unsigned char there[LENGTH / PAGE];
	size_t n = 0;

	if (mincore(mem, length, there))
		return SIZE_MAX;
	for (size_t i = 0; i < length / PAGE; i++)
		n += there[i] & 1;
	return n;
}

/* A failed MAP does not touch the memory behind a hole. */
TEST_F(untouched, nothing_behind_a_hole)
{
	uint8_t *hole = self->mem + LENGTH / 4;
	uint8_t *behind = hole + HUGE - variant->offset;

	ASSERT_TRUE(set_prot(hole, variant->page, PROT_NONE));
	test_err_map_fixed(EFAULT, self->mem, LENGTH, IOVA);
	ASSERT_EQ(0, count_there(behind, LENGTH / 2));
	ASSERT_EQ(0, munmap(hole, variant->page));
	test_err_map_fixed(EFAULT, self->mem, LENGTH, IOVA);
	ASSERT_EQ(0, count_there(behind, LENGTH / 2));
}

/* The same behind the end of a file */
TEST_F(untouched, nothing_behind_the_end_of_a_file)
{
	uint8_t *middle = self->mem + LENGTH / 4 - variant->offset;
	int fd = mem_fd("short", LENGTH / 4, variant->fd_flags);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(middle, mmap(middle, LENGTH / 4, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, fd, 0));
	ASSERT_EQ(0, ftruncate(fd, LENGTH / 8));
	close(fd);
	test_err_map_fixed(EFAULT, self->mem, LENGTH, IOVA);
	ASSERT_EQ(0, count_there(middle + LENGTH / 4, LENGTH / 4));
}

/* The same behind the pages that the limit allows */
TEST_F(untouched, nothing_behind_the_memlock_limit)
{
	const size_t limit = LENGTH / 8, bound = limit + 2 * HUGE - variant->offset;

	/* Nothing else runs under this user id. */
	ASSERT_TRUE(become_user(20000 + getpid() % 20000, limit));
	test_err_map_fixed(ENOMEM, self->mem, LENGTH, IOVA);
	ASSERT_EQ(0, count_there(self->mem + bound, LENGTH - bound));
}

/* Memory of another kind is mapped like the rest. */
TEST_F(untouched, file_in_the_middle)
{
	uint8_t *middle = self->mem + LENGTH / 2;
	int fd = mem_fd("middle", HUGE, 0);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(middle, mmap(middle, HUGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, fd, 0));
	close(fd);
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_pinned(KB);
	test_device_reaches(LENGTH / 2 + PAGE - 100, 0, 1);
	test_device_reaches(0, LENGTH / 2 + HUGE - 100, 2);
}

static int stay(void *arg)
{
	return 0;
}

TEST_F(untouched, of_a_fork)
{
	struct child child;

	mem_fill(self->mem, 4 * PAGE, 1);
	ASSERT_TRUE(child_start(&child, stay, NULL));
	test_map_fixed(self->mem, LENGTH, IOVA);
	test_pinned(KB);
	ASSERT_TRUE(mem_is(self->mem, 4 * PAGE, 1));
	test_device_reaches(PAGE, LENGTH - PAGE, 2);
	child_end(&child);
}

struct thrower {
	pthread_t id;
	uint8_t *mem;
	size_t page;
	volatile bool stop;
};

static void *throw_away(void *arg)
{
	struct thrower *t = arg;

	while (!t->stop) {
		madvise(t->mem + LENGTH / 2, LENGTH / 4, MADV_DONTNEED);
		mprotect(t->mem + LENGTH / 4, t->page, PROT_READ | PROT_WRITE);
		mprotect(t->mem + LENGTH / 4, t->page, PROT_NONE);
	}
	return NULL;
}

/* The memory changes during MAP: it succeeds or finds a hole. */
TEST_F(untouched, while_it_changes)
{
	struct thrower thrower = { .mem = self->mem, .page = variant->page };
	int rc;

	ASSERT_EQ(0, pthread_create(&thrower.id, NULL, throw_away, &thrower));
	for (int i = 0; i < 10; i++) {
		rc = _test_map_fixed(self->fd, self->ioas, self->mem, LENGTH,
				     IOVA, MAP_RW);
		if (!rc)
			rc = _test_ioas_unmap(self->fd, self->ioas, IOVA,
					      LENGTH, NULL);
		if (rc && rc != EFAULT)
			break;
		madvise(self->mem, LENGTH, MADV_DONTNEED);
	}
	thrower.stop = true;
	pthread_join(thrower.id, NULL);
	ASSERT_TRUE(!rc || rc == EFAULT);
	test_pinned(0);
}

TEST_HARNESS_MAIN
