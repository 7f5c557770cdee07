// SPDX-License-Identifier: GPL-2.0
/*
 * Which process's memory a mapping has: across fork, after exit and exec of the
 * process that mapped it, and when that process is killed during MAP.
 */
#include <signal.h>
#include <sys/wait.h>

#include "dma_read.h"

FIXTURE(process) {
	struct dma_read;
	uint8_t *mem;
};

FIXTURE_SETUP(process)
{
	dma_read_open();
	self->mem = test_mem(mem_anon(4 * PAGE));
}

FIXTURE_TEARDOWN(process)
{
	dma_read_close();
}

struct mapper {
	int fd;
	uint32_t ioas;
	uint8_t *mem;
	size_t length;
	uint64_t iova;
	uint32_t seed;
	bool exec;
};

#define test_mapper(_ioas, _iova, _seed)				\
	((struct mapper){ self->fd, _ioas, self->mem, 4 * PAGE, _iova, _seed })

static int fill_and_map(void *arg)
{
	struct mapper *m = arg;
	int rc;

	mem_fill(m->mem, m->length, m->seed);
	rc = _test_map_fixed(m->fd, m->ioas, m->mem, m->length, m->iova,
			     MAP_RW);
	return m->exec ? child_exec(rc) : rc;
}

TEST_F(process, pins_stay_after_exit)
{
	struct mapper mapper = test_mapper(self->ioas, IOVA, 5);

	ASSERT_EQ(0, child_run(fill_and_map, &mapper));
	test_device_reads(IOVA, 5);
	test_unmap(IOVA, 4 * PAGE);
}

TEST_F(process, pins_stay_after_exec)
{
	struct mapper mapper = test_mapper(self->ioas, IOVA, 6);
	struct child child;

	mapper.exec = true;
	ASSERT_TRUE(child_start(&child, fill_and_map, &mapper));
	ASSERT_EQ(0, child_result(&child));
	/* The new mm of the process is not charged. */
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	test_device_reads(IOVA, 6);
	test_unmap(IOVA, 4 * PAGE);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	child_end(&child);
}

/* The child maps without a HWPT and exits; then a HWPT is attached. */
TEST_F(process, new_pins_after_exit_are_efault)
{
	struct mapper mapper;
	uint64_t iova = IOVA;
	uint32_t other, hwpt;

	test_ioas_alloc(&other);
	mapper = test_mapper(other, IOVA, 7);
	ASSERT_EQ(0, child_run(fill_and_map, &mapper));
	hwpt = other;
	test_err_attach(EFAULT, self->edu.cdev, &hwpt);
	test_err_hwpt_alloc(EFAULT, self->edu.devid, other, &hwpt);
	test_err_copy(EFAULT, self->ioas, &iova, other, IOVA, 4 * PAGE,
		      MAP_RW | MAP_FIXED_IOVA);
	/* Still attached where it was. */
	mem_fill(self->scratch, COUNT, 8);
	ASSERT_TRUE(edu_load(&self->edu, SCRATCH, COUNT));
	test_destroy(other);
}

TEST_F(process, new_pins_after_exec_are_efault)
{
	struct mapper mapper;
	struct child child;
	uint32_t other, hwpt;

	test_ioas_alloc(&other);
	mapper = test_mapper(other, IOVA, 7);
	mapper.exec = true;
	ASSERT_TRUE(child_start(&child, fill_and_map, &mapper));
	ASSERT_EQ(0, child_result(&child));
	test_err_hwpt_alloc(EFAULT, self->edu.devid, other, &hwpt);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	child_end(&child);
	test_destroy(other);
}

/* COPY of pinned memory needs no new pin and works after the exit. */
TEST_F(process, copies_of_pinned_memory_after_exit)
{
	struct mapper mapper = test_mapper(self->ioas, IOVA, 9);
	uint64_t iova = 0;

	ASSERT_EQ(0, child_run(fill_and_map, &mapper));
	test_copy(self->ioas, &iova, self->ioas, IOVA, 4 * PAGE, MAP_RW);
	test_unmap(IOVA, 4 * PAGE);
	test_device_reads(iova, 9);
	test_unmap(iova, 4 * PAGE);
}

static int scribble(void *arg)
{
	struct mapper *m = arg;

	mem_fill(m->mem, m->length, m->seed);
	return 0;
}

TEST_F(process, fork_leaves_the_device_on_the_parents_memory)
{
	struct mapper mapper = test_mapper(self->ioas, IOVA, 2);
	struct child child;

	mem_fill(self->mem, PAGE, 1);
	test_map_fixed(self->mem, 4 * PAGE, IOVA);
	ASSERT_TRUE(child_start(&child, scribble, &mapper));
	ASSERT_EQ(0, child_result(&child));
	test_device_reads(IOVA, 1);
	/* The device sees writes of the parent while the child exists. */
	mem_fill(self->mem, PAGE, 3);
	test_device_reads(IOVA, 3);
	/* And the device's writes reach the parent. */
	ASSERT_TRUE(edu_store(&self->edu, IOVA + PAGE, COUNT));
	ASSERT_TRUE(mem_is(self->mem + PAGE, COUNT, 3));
	child_end(&child);
}

TEST_F(process, childs_mapping_is_on_the_childs_memory)
{
	struct mapper mapper = test_mapper(self->ioas, IOVA, 2);
	struct child child;

	mem_fill(self->mem, PAGE, 1);
	ASSERT_TRUE(child_start(&child, fill_and_map, &mapper));
	ASSERT_EQ(0, child_result(&child));
	ASSERT_EQ(16, proc_pid_status_kb(child.pid, "VmPin:"));
	test_pinned(4);		/* the scratch page */
	/* The same address in both, two memories, two mappings. */
	test_map_fixed(self->mem, 4 * PAGE, IOVA + HUGE);
	test_pinned(20);
	test_device_reads(IOVA, 2);
	test_device_reads(IOVA + HUGE, 1);
	test_unmap(IOVA, 4 * PAGE);
	ASSERT_EQ(0, proc_pid_status_kb(child.pid, "VmPin:"));
	test_pinned(20);
	child_end(&child);
}

static int unmap_parents(void *arg)
{
	struct mapper *m = arg;

	return _test_ioas_unmap(m->fd, m->ioas, m->iova, m->length, NULL);
}

TEST_F(process, child_can_unmap_for_the_parent)
{
	struct mapper mapper = test_mapper(self->ioas, IOVA, 0);

	test_map_fixed(self->mem, 4 * PAGE, IOVA);
	test_pinned(20);
	ASSERT_EQ(0, child_run(unmap_parents, &mapper));
	test_pinned(4);
}

/*
 * Killed during a MAP that faults in its memory. A growing resident set shows
 * that MAP is running.
 */
static size_t much_memory(void)
{
	size_t half = proc_meminfo_kb("MemAvailable:") * 1024UL / 2;

	return (half < (1UL << 30) ? half : (1UL << 30)) & ~(HUGE - 1);
}

static int map_much(void *arg)
{
	struct mapper *m = arg;

	return _test_map_fixed(m->fd, m->ioas, m->mem, m->length, m->iova,
			       MAP_RW);
}

static bool wait_until_resident(pid_t pid, long kb)
{
	uint64_t end = now_ms() + 10000 * slowness();

	while (now_ms() < end) {
		if (proc_pid_status_kb(pid, "VmRSS:") > kb)
			return true;
		sleep_ms(1);
	}
	return false;
}

#define PROMPT_MS	1500

/*
 * Is as much memory available as before, but for 64 MiB? On 6.1 a prefault
 * worker is no thread of the process, and may free memory after its end.
 */
static bool memory_is_back(long before)
{
	uint64_t end = now_ms() + PROMPT_MS * slowness();

	while (proc_meminfo_kb("MemAvailable:") <= before - (64 << 10)) {
		if (now_ms() >= end)
			return false;
		sleep_ms(10);
	}
	return true;
}

/* Kill the child as soon as its MAP has faulted in 64 MiB: it exits at once. */
#define test_kill_during_map(_child)					\
	do {								\
		uint64_t __start;					\
									\
		ASSERT_TRUE(wait_until_resident((_child)->pid, 64 << 10)); \
		__start = now_ms();					\
		kill((_child)->pid, SIGKILL);				\
		ASSERT_EQ(-1, child_result(_child))			\
			TH_LOG("MAP was over before the signal came");	\
		child_end(_child);					\
		EXPECT_LT(now_ms() - __start, PROMPT_MS * slowness());	\
	} while (0)

TEST_F(process, killed_in_the_middle_of_map)
{
	struct mapper mapper = test_mapper(self->ioas, IOVA, 0);
	long before = proc_meminfo_kb("MemAvailable:");
	struct child child;

	mapper.length = much_memory();
	ASSERT_GE(mapper.length, 256UL << 20);
	mapper.mem = test_mem(mem_reserve_aligned(mapper.length, HUGE));
	ASSERT_EQ(0, mem_advise(mapper.mem, mapper.length, MADV_NOHUGEPAGE));
	mapper.iova = 1UL << 32;
	ASSERT_TRUE(child_start(&child, map_much, &mapper));
	test_kill_during_map(&child);
	/* Nothing is left: no mapping, no IOVA taken, no memory, no id. */
	test_err_unmap(ENOENT, mapper.iova, mapper.length);
	test_map_fixed(self->mem, 4 * PAGE, mapper.iova);
	test_pinned(20);
	ASSERT_TRUE(memory_is_back(before));
	mem_fill(self->mem, COUNT, 4);
	test_device_reads(mapper.iova, 4);
}

/* The killed process has the only reference to every file. */
struct owner {
	struct mapper mapper;
	struct edu edu;
};

static int map_much_with_own_device(void *arg)
{
	struct owner *o = arg;
	int rc;

	o->mapper.fd = iommufd_open();
	if (o->mapper.fd < 0)
		return errno;
	rc = _test_ioas_alloc(o->mapper.fd, &o->mapper.ioas);
	if (!rc)
		rc = edu_open(&o->edu, o->mapper.fd);
	o->edu.pt_id = o->mapper.ioas;
	if (!rc)
		rc = _test_vfio_attach(o->edu.cdev, &o->edu.pt_id);
	return rc ? rc : map_much(&o->mapper);
}

TEST_F(process, killed_owner_of_everything)
{
	long before = proc_meminfo_kb("MemAvailable:");
	struct owner owner = { .mapper = { .iova = 1UL << 32 } };
	struct child child;

	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &owner.edu.pci);
	owner.mapper.length = much_memory();
	owner.mapper.mem = test_mem(mem_reserve(owner.mapper.length));
	ASSERT_EQ(0, mem_advise(owner.mapper.mem, owner.mapper.length,
				MADV_NOHUGEPAGE));
	ASSERT_TRUE(child_start(&child, map_much_with_own_device, &owner));
	test_kill_during_map(&child);
	ASSERT_TRUE(memory_is_back(before));
	/* The device can be opened again at once. */
	test_ok(edu_open(&owner.edu, self->fd));
	edu_close(&owner.edu);
}

/* Exit with everything open, attached and mapped, over and over. */
static int map_and_leave_open(void *arg)
{
	struct owner *o = arg;

	o->mapper.length = 4 * PAGE;
	return map_much_with_own_device(o);
}

TEST_F(process, exit_with_everything_attached_and_mapped)
{
	struct owner owner = { .mapper = { .iova = IOVA } };

	test_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &owner.edu.pci);
	owner.mapper.mem = self->mem;
	for (int i = 0; i < 20; i++)
		ASSERT_EQ(0, child_run(map_and_leave_open, &owner));
}

TEST_HARNESS_MAIN
