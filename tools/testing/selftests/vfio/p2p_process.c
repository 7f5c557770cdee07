// SPDX-License-Identifier: GPL-2.0
/*
 * A BAR that one process has mapped by its address, in a context that another
 * process uses: it stays that of the first one, whose end is its end.
 */
#include <sys/mman.h>

#include "child.h"
#include "p2p.h"

FIXTURE(p2p_process) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;		/* at RAM */
	int cdev;		/* of the device with the BAR */
	uint8_t *bar;
	size_t size;
};

FIXTURE_SETUP(p2p_process)
{
	test_edu_with_ram();
	test_ram_bar(&self->cdev, &self->bar, &self->size);
	memset(self->bar, 0, self->size);
}

FIXTURE_TEARDOWN(p2p_process)
{
	edu_close(&self->edu);
	munmap(self->bar, self->size);
	close(self->cdev);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* In a child */
struct mapper {
	int fd;
	uint32_t ioas;
	int cdev;
	bool execs;
};

static int map_bar(void *arg)
{
	struct mapper *m = arg;
	size_t size;
	void *bar;
	int rc;

	bar = vfio_bar_mmap(m->cdev, VFIO_PCI_BAR2_REGION_INDEX, &size);
	if (!bar)
		return errno;
	rc = _test_map_fixed(m->fd, m->ioas, bar, size, BAR, MAP_RW);
	return m->execs && !rc ? child_exec(0) : rc;
}

#define test_child_maps(_child, _execs)					\
	do {								\
		struct mapper __m = {					\
			.fd = self->fd,					\
			.ioas = self->ioas,				\
			.cdev = self->cdev,				\
			.execs = (_execs),				\
		};							\
									\
		ASSERT_TRUE(child_start(_child, map_bar, &__m));	\
		ASSERT_EQ(0, child_result(_child));			\
	} while (0)

/* This process takes over what is charged, of which a BAR has nothing. */
#define test_changes_the_process()					\
	do {								\
		test_unmap(RAM, PAGE);					\
		test_ok(_test_change_process(self->fd));		\
		test_map_fixed(self->mem, PAGE, RAM);			\
	} while (0)

/* Devices lose the BAR, the mapping stays. */
#define test_is_lost(_seed)						\
	do {								\
		test_does_not_reach(BAR, self->bar, _seed);		\
		test_changes_the_process();				\
		sleep_ms(WAIT_MS);					\
		test_does_not_reach(BAR, self->bar, (_seed) + 1);	\
		test_err_map_fixed(EEXIST, self->bar, self->size, BAR);	\
		test_unmap(BAR, self->size);				\
		test_map_fixed(self->bar, self->size, BAR);		\
		test_reaches(BAR, self->bar, (_seed) + 2);		\
	} while (0)

TEST_F(p2p_process, exit)
{
	struct child child;

	test_child_maps(&child, false);
	test_reaches(BAR, self->bar, 1);
	test_changes_the_process();
	test_reaches(BAR, self->bar, 2);
	test_ok(vfio_enable_memory(self->cdev, false));
	test_ok(vfio_enable_memory(self->cdev, true));
	test_comes_back(BAR, self->bar, 3);
	child_end(&child);
	test_is_lost(5);
}

TEST_F(p2p_process, kill)
{
	struct child child;

	test_child_maps(&child, false);
	test_reaches(BAR, self->bar, 1);
	child_kill(&child);
	test_is_lost(2);
}

TEST_F(p2p_process, execve)
{
	struct child child;

	test_child_maps(&child, true);
	test_is_lost(1);
	child_end(&child);
}

TEST_HARNESS_MAIN
