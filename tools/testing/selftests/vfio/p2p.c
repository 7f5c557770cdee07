// SPDX-License-Identifier: GPL-2.0
/*
 * DMA of one device to a BAR of another one, which is mapped by the address at
 * which the process has mmapped it; and what happens when the BAR goes.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "child.h"
#include "mock.h"
#include "p2p.h"

#define POLICY	"/sys/module/iommufd/parameters/p2p"

FIXTURE(p2p) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;		/* at RAM */
	int cdev;		/* of the device with the BAR */
	uint8_t *bar;
	size_t size;
	char policy[16];	/* before the test */
};

static bool read_policy(char policy[16])
{
	FILE *f = fopen(POLICY, "re");
	bool good = f && fscanf(f, "%15s", policy) == 1;

	if (f)
		fclose(f);
	return good;
}

FIXTURE_SETUP(p2p)
{
	ASSERT_TRUE(read_policy(self->policy));
	test_edu_with_ram();
	test_ram_bar(&self->cdev, &self->bar, &self->size);
	memset(self->bar, 0, self->size);
}

FIXTURE_TEARDOWN(p2p)
{
	char policy[16];

	edu_close(&self->edu);
	if (self->bar)
		munmap(self->bar, self->size);
	if (self->cdev >= 0)
		close(self->cdev);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	ASSERT_TRUE(read_policy(policy));
	EXPECT_TRUE(!strcmp(policy, self->policy) ||
		    file_write(POLICY, self->policy));
}

static void set_policy(const char *policy)
{
	file_write(POLICY, policy);
}

TEST_F(p2p, dma_arrives)
{
	test_map_fixed(self->bar, self->size, BAR);
	for (size_t at = 0; at < self->size; at += self->size / 8)
		test_reaches(BAR + at, self->bar + at, at);
	test_reaches(BAR + PAGE - 100, self->bar + PAGE - 100, 1);
	test_reaches(BAR + self->size - BYTES - 1,
		     self->bar + self->size - BYTES - 1, 2);
	test_unmap(BAR, self->size);
	test_does_not_reach(BAR, self->bar, 3);
}

TEST_F(p2p, part_of_a_bar)
{
	test_map_fixed(self->bar + 3 * PAGE, 2 * PAGE, BAR);
	test_reaches(BAR, self->bar + 3 * PAGE, 1);
	test_reaches(BAR + 2 * PAGE - BYTES - 1,
		     self->bar + 5 * PAGE - BYTES - 1, 2);
	test_does_not_reach(BAR + 2 * PAGE, self->bar + 5 * PAGE, 3);
	test_does_not_reach(BAR - PAGE, self->bar + 2 * PAGE, 4);
}

TEST_F(p2p, kernel_chooses_the_iova)
{
	uint64_t iova;

	test_map(self->bar, self->size, &iova);
	test_reaches(iova, self->bar, 1);
	test_unmap(iova, self->size);
}

TEST_F(p2p, nothing_is_pinned_or_charged)
{
	long locked = proc_status_kb("VmLck:");

	test_pinned(4);
	test_map_fixed(self->bar, self->size, BAR);
	test_pinned(4);
	ASSERT_EQ(locked, proc_status_kb("VmLck:"));
	test_unmap(BAR, self->size);
	test_pinned(4);
}

TEST_F(p2p, limit_does_not_count)
{
	ASSERT_TRUE(become_user(1000, PAGE));
	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
}

TEST_F(p2p, copies_and_several_domains)
{
	struct edu second;
	uint64_t iova = OTHER;
	uint32_t ioas;

	test_map_fixed(self->bar, self->size, BAR);
	test_copy(self->ioas, &iova, self->ioas, BAR + PAGE, 2 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_reaches(OTHER, self->bar + PAGE, 1);
	/* The original goes, the copy stays. */
	test_unmap(BAR, self->size);
	test_does_not_reach(BAR, self->bar, 2);
	test_reaches(OTHER, self->bar + PAGE, 3);

	/* The same in a second IOAS, which has no page table yet */
	test_ioas_alloc(&ioas);
	test_copy(ioas, &iova, self->ioas, OTHER, 2 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_edu_attach(&second, PCI_ON_ROOT_BUS, 1, ioas);
	mem_fill(self->bar + PAGE, BYTES, 4);
	ASSERT_TRUE(edu_load(&second, OTHER, BYTES));
	ASSERT_TRUE(edu_store(&second, OTHER + PAGE, BYTES));
	ASSERT_TRUE(mem_is(self->bar + 2 * PAGE, BYTES, 4));
	test_detach(second.cdev);
	test_attach_to(&second, self->ioas);
	ASSERT_TRUE(edu_store(&second, OTHER + PAGE + BYTES, BYTES));
	ASSERT_TRUE(mem_is(self->bar + 2 * PAGE + BYTES, BYTES, 4));
	edu_close(&second);
	test_reaches(OTHER, self->bar + PAGE, 5);
}

TEST_F(p2p, mapped_before_a_device_is_attached)
{
	struct vfio_region_info info;

	test_detach(self->edu.cdev);
	test_map_fixed(self->bar, self->size, BAR);
	test_attach_to(&self->edu, self->ioas);
	test_reaches(BAR, self->bar, 1);
	test_detach(self->edu.cdev);
	test_attach_to(&self->edu, self->ioas);
	test_reaches(BAR, self->bar, 2);

	/* What is mmapped there meanwhile is another one. */
	test_detach(self->edu.cdev);
	test_map_fixed(self->bar, self->size, OTHER);
	test_ok(_test_vfio_region_info(self->cdev, VFIO_PCI_BAR2_REGION_INDEX,
				       &info));
	ASSERT_EQ(self->bar,
		  mmap(self->bar, self->size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, self->cdev, info.offset));
	test_attach_to(&self->edu, self->ioas);
	test_does_not_reach(BAR, self->bar, 3);
	test_does_not_reach(OTHER, self->bar, 4);
}

/* vfio-pci gives user space the page of which this BAR has only the start. */
TEST_F(p2p, bar_smaller_than_a_page)
{
	volatile uint32_t *regs;	/* The first one masks interrupts. */
	size_t size;

	regs = vfio_bar_mmap(self->cdev, VFIO_PCI_BAR0_REGION_INDEX, &size);
	if (!regs)
		SKIP(_exit(KSFT_SKIP), "BAR 0 of the ivshmem shares its page");
	ASSERT_LT(size, PAGE);
	test_map_fixed((void *)regs, PAGE, OTHER);
	*regs = 0;
	mem_fill(self->mem, BYTES, 1);
	ASSERT_TRUE(edu_load(&self->edu, RAM, 4));
	ASSERT_TRUE(edu_store(&self->edu, OTHER, 4));
	ASSERT_EQ(*(uint32_t *)self->mem, *regs);
	test_unmap(OTHER, PAGE);
	ASSERT_EQ(0, munmap((void *)regs, size));
}

/* Nothing is charged for a BAR, so nothing of it has to move. */
TEST_F(p2p, change_of_the_process)
{
	int status;
	pid_t pid;

	test_map_fixed(self->bar, self->size, BAR);
	test_err(EINVAL, _test_change_process(self->fd));
	test_unmap(RAM, PAGE);
	test_ok(_test_change_process(self->fd));
	pid = fork();
	ASSERT_NE(-1, pid);
	if (!pid)
		_exit(_test_change_process(self->fd));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	test_map_fixed(self->mem, PAGE, RAM);
	/* It is still the BAR at the addresses of this process. */
	test_comes_back(BAR, self->bar, 1);
	test_ok(vfio_enable_memory(self->cdev, false));
	test_store(BAR, 3);
	test_ok(vfio_enable_memory(self->cdev, true));
	test_comes_back(BAR, self->bar, 4);
}

/* The mock checks that a BAR is mapped as device memory, and RAM is not. */
TEST_F(p2p, mock_domain)
{
	struct mock_dev dev;

	test_ok(_test_mock_attach(self->fd, self->ioas, &dev));
	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(vfio_enable_memory(self->cdev, false));
	test_ok(vfio_enable_memory(self->cdev, true));
	test_comes_back(BAR, self->bar, 2);
	ASSERT_EQ(0, munmap(self->bar, self->size));
	self->bar = NULL;
	test_destroy(dev.stdev);
}

TEST_F(p2p, policy)
{
	int foreign = iommufd_open();
	uint32_t devid;

	set_policy("none");
	test_err_map_fixed(EFAULT, self->bar, self->size, BAR);
	set_policy("own");
	test_map_fixed(self->bar, self->size, BAR);
	test_unmap(BAR, self->size);

	/* Now the device with the BAR is another iommufd's. */
	ASSERT_GE(foreign, 0);
	ASSERT_EQ(0, munmap(self->bar, self->size));
	close(self->cdev);
	{
		struct pci_device pci;

		test_find(&pci_ivshmem, PCI_ANYWHERE, 0, &pci);
		self->cdev = vfio_cdev_open(&pci);
		ASSERT_GE(self->cdev, 0);
		test_ok(_test_vfio_bind(self->cdev, foreign, &devid));
	}
	test_ok(vfio_enable_dma(self->cdev));
	self->bar = test_mem(vfio_bar_mmap(self->cdev,
					   VFIO_PCI_BAR2_REGION_INDEX,
					   &self->size));
	test_err_map_fixed(EFAULT, self->bar, self->size, BAR);
	test_detach(self->edu.cdev);
	test_map_fixed(self->bar, self->size, BAR);
	test_err_attach(EFAULT, self->edu.cdev, &self->ioas);
	test_unmap(BAR, self->size);
	test_attach_to(&self->edu, self->ioas);
	set_policy("all");
	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	/* What is mapped stays. */
	set_policy("none");
	test_reaches(BAR, self->bar, 2);
	ASSERT_FALSE(file_write(POLICY, "some"));
	ASSERT_EQ(EINVAL, errno);
	close(foreign);
}

/* All of a MAP or nothing */
TEST_F(p2p, mixed_with_other_memory)
{
	uint8_t *room = test_mem(mem_anon(6 * PAGE));

	ASSERT_EQ(room + 2 * PAGE,
		  mremap(self->bar, self->size, 2 * PAGE,
			 MREMAP_MAYMOVE | MREMAP_FIXED, room + 2 * PAGE));
	self->bar = room + 2 * PAGE;
	self->size = 2 * PAGE;
	test_err_map_fixed(EFAULT, room, 6 * PAGE, BAR);
	test_err_map_fixed(EFAULT, room + PAGE, 2 * PAGE, BAR);
	test_err_map_fixed(EFAULT, room + 3 * PAGE, 2 * PAGE, BAR);
	/* A hole behind it */
	ASSERT_EQ(0, munmap(room + 4 * PAGE, 2 * PAGE));
	test_err_map_fixed(EFAULT, room + 3 * PAGE, 2 * PAGE, BAR);
	test_does_not_reach(BAR, self->bar, 1);
	test_map_fixed(self->bar, 2 * PAGE, BAR);
	test_reaches(BAR + PAGE, self->bar + PAGE, 2);
}

TEST_F(p2p, two_bars_are_two_mappings)
{
	uint8_t *room = test_mem(mem_reserve(4 * PAGE));

	/* The same BAR twice: the second half does not continue the first. */
	for (int i = 0; i < 2; i++) {
		struct vfio_region_info info;

		test_ok(_test_vfio_region_info(self->cdev,
					       VFIO_PCI_BAR2_REGION_INDEX,
					       &info));
		ASSERT_EQ(room + i * PAGE,
			  mmap(room + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, self->cdev,
			       info.offset));
	}
	test_err_map_fixed(EFAULT, room, 2 * PAGE, BAR);
	test_map_fixed(room + PAGE, PAGE, BAR);
	test_reaches(BAR, room + PAGE, 1);
	ASSERT_EQ(0, munmap(room, 4 * PAGE));
}

TEST_F(p2p, rights_of_the_process)
{
	uint64_t iova = BAR;

	ASSERT_EQ(0, mprotect(self->bar, self->size, PROT_READ));
	test_err_map_fixed(EFAULT, self->bar, self->size, BAR);
	test_map_to(self->ioas, self->bar, self->size, &iova,
		    MAP_READ | MAP_FIXED_IOVA);
	ASSERT_EQ(0, mprotect(self->bar, self->size, PROT_NONE));
	test_err_map_fixed(EFAULT, self->bar, self->size, OTHER);
	ASSERT_EQ(0, mprotect(self->bar, self->size, PROT_READ | PROT_WRITE));
	test_map_fixed(self->bar, self->size, OTHER);
	test_reaches(OTHER, self->bar, 1);
}

/*
 * When the kernel watches for the first write to each page, the page tables allow
 * reading only, until a write. DMA for writing is allowed all the same.
 */
TEST_F(p2p, watched_for_the_first_write)
{
	uint64_t end;

	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(vfio_enable_memory(self->cdev, false));
	if (!file_write("/proc/self/clear_refs", "4"))
		SKIP(_exit(KSFT_SKIP), "this kernel has no soft-dirty bits");
	test_ok(vfio_enable_memory(self->cdev, true));
	/* This process only reads. */
	end = now_ms() + LIMIT_MS * slowness();
	do {
		test_store(BAR, 2);
	} while (!mem_is(self->bar, BYTES, 2) && now_ms() < end);
	ASSERT_TRUE(mem_is(self->bar, BYTES, 2));
	/* A mapping that is new */
	test_ok(vfio_enable_memory(self->cdev, false));
	test_ok(vfio_enable_memory(self->cdev, true));
	test_map_fixed(self->bar, self->size, OTHER);
	test_store(OTHER, 3);
	ASSERT_TRUE(mem_is(self->bar, BYTES, 3));
}

TEST_F(p2p, no_access_of_the_kernel)
{
	uint8_t buffer[8] = {};
	uint32_t pin;
	int access;

	test_ok(_test_access_create(self->fd, self->ioas, 0, &access));
	test_map_fixed(self->bar, self->size, BAR);
	test_err(EINVAL, _test_access_rw(self->fd, access, BAR, 8, buffer, 0));
	test_err(EINVAL, _test_access_rw(self->fd, access, BAR, 8, buffer,
					 MOCK_ACCESS_WRITE));
	close(access);
	test_ok(_test_access_create(self->fd, self->ioas, MOCK_ACCESS_NEEDS_PIN_PAGES, &access));
	test_err(EINVAL, _test_access_pin(self->fd, access, BAR, PAGE, NULL, 0,
					  &pin));
	test_reaches(BAR, self->bar, 1);
	close(access);
}

TEST_F(p2p, memory_decoding_off)
{
	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	for (int i = 0; i < 3; i++) {
		test_ok(vfio_enable_memory(self->cdev, false));
		if (!i)
			test_faults(BAR);
		else
			test_store(BAR, 50 + i);
		test_err_map_fixed(EFAULT, self->bar, self->size, OTHER);
		test_ok(vfio_enable_memory(self->cdev, true));
		/* What the process had at the start is still there. */
		ASSERT_TRUE(mem_is(self->bar, BYTES, i ? 111 + i : 1001));
		test_comes_back(BAR, self->bar, 10 * i);
		mem_fill(self->bar, BYTES, 112 + i);
	}
}

TEST_F(p2p, attached_while_decoding_is_off)
{
	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(vfio_enable_memory(self->cdev, false));
	test_detach(self->edu.cdev);
	/* One mapping that was never in a page table, and one that was */
	test_map_fixed(self->bar, self->size, OTHER);
	test_attach_to(&self->edu, self->ioas);
	test_store(BAR, 2);
	test_ok(vfio_enable_memory(self->cdev, true));
	test_comes_back(BAR, self->bar, 3);
	test_comes_back(OTHER, self->bar, 4);
	/* Unmapped while it is away */
	test_ok(vfio_enable_memory(self->cdev, false));
	test_unmap(BAR, self->size);
	test_ok(vfio_enable_memory(self->cdev, true));
	sleep_ms(WAIT_MS);
	test_does_not_reach(BAR, self->bar, 4);
}

TEST_F(p2p, munmap)
{
	uint8_t *second = test_mem(vfio_bar_mmap(self->cdev,
						 VFIO_PCI_BAR2_REGION_INDEX,
						 NULL));
	uint8_t *old = self->bar;
	struct vfio_region_info info;

	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, second, 1);
	/* A part is enough. */
	ASSERT_EQ(0, munmap(self->bar + 5 * PAGE, PAGE));
	test_does_not_reach(BAR, second, 2);
	test_does_not_reach(BAR + 5 * PAGE, second + 5 * PAGE, 3);
	test_faults(BAR + 6 * PAGE);
	ASSERT_EQ(0, munmap(self->bar, self->size));
	self->bar = second;

	/* The same BAR at the same address is another mapping. */
	test_ok(_test_vfio_region_info(self->cdev, VFIO_PCI_BAR2_REGION_INDEX,
				       &info));
	ASSERT_EQ(old, mmap(old, self->size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, self->cdev, info.offset));
	old[0] = 1;
	sleep_ms(WAIT_MS);
	test_does_not_reach(BAR, second, 4);
	test_map_fixed(old, self->size, OTHER);
	test_reaches(OTHER, second, 5);
	/* Both count. */
	test_unmap(BAR, self->size);
	test_unmap(OTHER, self->size);
	ASSERT_EQ(0, munmap(old, self->size));
}

TEST_F(p2p, mremap)
{
	uint8_t *to = test_mem(mem_reserve(self->size));

	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	ASSERT_EQ(to, mremap(self->bar, self->size, self->size,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	self->bar = to;
	test_does_not_reach(BAR, self->bar, 2);
	sleep_ms(WAIT_MS);
	test_does_not_reach(BAR, self->bar, 3);
	test_map_fixed(self->bar, self->size, OTHER);
	test_reaches(OTHER, self->bar, 4);
}

TEST_F(p2p, memory_that_takes_the_place_of_a_bar)
{
	uint8_t *old = self->bar;

	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	ASSERT_EQ(old, mmap(old, self->size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	test_does_not_reach(BAR, old, 2);
	ASSERT_EQ(0, madvise(old, self->size, MADV_DONTNEED));
	ASSERT_EQ(0, mprotect(old, self->size, PROT_READ));
	ASSERT_EQ(0, mprotect(old, self->size, PROT_READ | PROT_WRITE));
	test_does_not_reach(BAR, old, 3);
	test_map_fixed(old, self->size, OTHER);
	test_reaches(OTHER, old, 4);
	test_unmap(OTHER, self->size);
}

TEST_F(p2p, close_of_the_device)
{
	struct pci_device pci;
	uint32_t devid;

	test_map_fixed(self->bar, self->size, BAR);
	close(self->cdev);
	/* The mmapping holds the device. */
	test_reaches(BAR, self->bar, 1);
	ASSERT_EQ(0, munmap(self->bar, self->size));
	test_faults(BAR);
	test_find(&pci_ivshmem, PCI_ANYWHERE, 0, &pci);
	self->cdev = vfio_cdev_open(&pci);
	ASSERT_GE(self->cdev, 0);
	test_ok(_test_vfio_bind(self->cdev, self->fd, &devid));
	test_ok(vfio_enable_dma(self->cdev));
	self->bar = test_mem(vfio_bar_mmap(self->cdev,
					   VFIO_PCI_BAR2_REGION_INDEX, NULL));
	test_does_not_reach(BAR, self->bar, 2);
	test_unmap(BAR, self->size);
}

/* A disk whose reads take some seconds */
#define SLOW_DISK	"/dev/nullb0"
#define LOAD_SLOW_DISK	"modprobe -q null_blk nr_devices=1 irqmode=2 "	\
			"completion_nsec=3000000000"

struct mapper {
	int fd;
	uint32_t ioas;
	int cdev;
};

/*
 * Map the BAR by addresses of this process, and start a read that its exit has
 * to wait for. Returns 0 or an errno.
 */
static int map_and_read(void *arg)
{
	struct mapper *mapper = arg;
	static uint8_t buffer[PAGE] __attribute__((aligned(PAGE)));
	struct iocb iocb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_buf = (uintptr_t)buffer,
		.aio_nbytes = PAGE,
		.aio_offset = 64 * PAGE,
	}, *iocbs = &iocb;
	int disk = open(SLOW_DISK, O_RDONLY | O_DIRECT | O_CLOEXEC);
	aio_context_t context = 0;
	uint64_t iova = BAR;
	size_t size;
	uint8_t *bar;
	int rc;

	bar = vfio_bar_mmap(mapper->cdev, VFIO_PCI_BAR2_REGION_INDEX, &size);
	if (disk < 0 || !bar)
		return ENXIO;
	rc = _test_ioas_map(mapper->fd, mapper->ioas, bar, size, &iova,
			    MAP_RW | MAP_FIXED_IOVA);
	iocb.aio_fildes = disk;
	if (!rc && (syscall(SYS_io_setup, 1, &context) ||
		    syscall(SYS_io_submit, context, 1, &iocbs) != 1))
		rc = errno;
	return rc;
}

/* Has the process begun to exit, so that it has no memory? */
static bool has_no_memory(pid_t pid)
{
	char name[64];
	long pages = -1;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/statm", pid);
	f = fopen(name, "re");
	if (!f)
		return false;
	if (fscanf(f, "%ld", &pages) != 1)
		pages = -1;
	fclose(f);
	return !pages;
}

/*
 * The exit of a process that has mapped the BAR waits for a disk, while its
 * page tables are still there. Another process uses the device.
 */
TEST_F(p2p, exit_that_takes_long)
{
	struct mapper mapper = { self->fd, self->ioas, self->cdev };
	bool waits = false;

	if (system(LOAD_SLOW_DISK))
		SKIP(_exit(KSFT_SKIP), "modprobe null_blk failed");
	/* On a host with other load the read may end before the test is done. */
	for (int i = 0; i < 5 && !waits; i++) {
		uint64_t end = now_ms() + LIMIT_MS * slowness();
		siginfo_t exited = { };
		struct child child;

		ASSERT_TRUE(child_start(&child, map_and_read, &mapper));
		test_ok(child_result(&child));
		test_reaches(BAR, self->bar, 1);
		ASSERT_EQ(0, kill(child.pid, SIGKILL));
		while (!has_no_memory(child.pid) && now_ms() < end)
			sleep_ms(1);
		test_ok(vfio_enable_memory(self->cdev, false));
		test_ok(vfio_enable_memory(self->cdev, true));
		/* No page table has it, and it does not come back. */
		test_does_not_reach(BAR, self->bar, 2);
		ASSERT_EQ(0, waitid(P_PID, child.pid, &exited,
				    WEXITED | WNOHANG | WNOWAIT));
		waits = !exited.si_pid;
		test_unmap(BAR, self->size);
		child_kill(&child);
	}
	ASSERT_TRUE(waits)
		TH_LOG("the exit took no time");
	ASSERT_EQ(0, system("rmmod null_blk"));
}

static void *unbind_run(void *bdf)
{
	return pci_unbind(bdf) ? bdf : NULL;
}

/* The driver goes as soon as the process has let go of the device. */
TEST_F(p2p, unbind_of_the_driver)
{
	struct pci_driver driver;
	struct pci_device pci;
	pthread_t thread;
	void *unbound;

	test_find(&pci_ivshmem, PCI_ANYWHERE, 0, &pci);
	ASSERT_TRUE(pci_driver_of(pci.bdf, &driver));
	test_map_fixed(self->bar, self->size, BAR);
	ASSERT_EQ(0, pthread_create(&thread, NULL, unbind_run, pci.bdf));
	sleep_ms(WAIT_MS);
	test_reaches(BAR, self->bar, 1);
	ASSERT_EQ(0, munmap(self->bar, self->size));
	self->bar = NULL;
	close(self->cdev);
	self->cdev = -1;
	ASSERT_EQ(0, pthread_join(thread, &unbound));
	ASSERT_NE(NULL, unbound);
	test_faults(BAR);
	test_unmap(BAR, self->size);
	ASSERT_TRUE(pci_bind(pci.bdf, &driver));
}

/* The controller memory buffer of an nvme, which can be reset */
TEST_F(p2p, reset)
{
	size_t size = 0;
	struct nvme nvme;
	uint8_t *cmb;

	test_nvme_with_cmb(&nvme, PCI_ANYWHERE, &cmb, &size);
	test_map_fixed(cmb, size, BAR);
	test_reaches(BAR, cmb, 1);
	for (int i = 0; i < 5; i++) {
		test_ok(_test_vfio_reset(nvme.cdev));
		test_ok(vfio_enable_dma(nvme.cdev));
		test_comes_back(BAR, cmb, 2 + 10 * i);
	}
	test_unmap(BAR, size);
	munmap(cmb, size);
	nvme_close(&nvme);
}

/* A reset of a device in a thread of its own */
struct resetter {
	pthread_t thread;
	int cdev;
	int rc;
	uint64_t took;		/* ms */
	volatile bool done;
};

static void *resetter_run(void *arg)
{
	struct resetter *resetter = arg;
	uint64_t start = now_ms();

	resetter->rc = _test_vfio_reset(resetter->cdev);
	resetter->took = now_ms() - start;
	resetter->done = true;
	return NULL;
}

/* The longest time in ms that mmap() and munmap() took, until @done is set */
static uint64_t longest_mmap(volatile bool *done)
{
	uint64_t longest = 0;

	while (!*done) {
		uint64_t start = now_ms(), took;
		void *mem = mmap(NULL, PAGE, PROT_READ,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(mem, PAGE);
		took = now_ms() - start;
		if (took > longest)
			longest = took;
	}
	return longest;
}

/*
 * While the driver resets the device, nothing that looks for the BAR keeps the
 * process from changing its mappings. An nvme takes 100 ms. One that meets the
 * start of the reset may do that, and the machine may be slow: not each time.
 */
TEST_F(p2p, mmap_during_a_reset)
{
	struct resetter resetter;
	unsigned int stalls = 0;
	struct nvme nvme;
	size_t size = 0;
	uint8_t *cmb;

	test_nvme_with_cmb(&nvme, PCI_ANYWHERE, &cmb, &size);
	test_map_fixed(cmb, size, BAR);
	for (int i = 0; i < 6; i++) {
		uint64_t longest;

		test_comes_back(BAR, cmb, 1 + 10 * i);
		resetter = (struct resetter){ .cdev = nvme.cdev };
		ASSERT_EQ(0, pthread_create(&resetter.thread, NULL,
					    resetter_run, &resetter));
		longest = longest_mmap(&resetter.done);
		ASSERT_EQ(0, pthread_join(resetter.thread, NULL));
		test_ok(resetter.rc);
		TH_LOG("reset %lu ms, mmap() %lu ms", resetter.took, longest);
		stalls += longest > resetter.took / 2;
		test_ok(vfio_enable_dma(nvme.cdev));
	}
	ASSERT_LT(stalls, 3);
	test_unmap(BAR, size);
	munmap(cmb, size);
	nvme_close(&nvme);
}

/* Longer than a worker ever waits, in which it looks more and more seldom */
#define AWAY_MS		1500

TEST_F(p2p, back_at_once_after_a_long_time)
{
	test_map_fixed(self->bar, self->size, BAR);
	for (int i = 0; i < 3; i++) {
		test_ok(vfio_enable_memory(self->cdev, false));
		sleep_ms(AWAY_MS);
		test_ok(vfio_enable_memory(self->cdev, true));
		/* This takes 200 ms until the bytes are written. */
		test_store(BAR, i + 1);
		ASSERT_TRUE(mem_is(self->bar, BYTES, i + 1));
	}
}

/* DMA from @_iova reads the register EDU_ID, some time soon. */
#define test_reads_edu(_iova)						\
	do {								\
		uint64_t __end = now_ms() + LIMIT_MS * slowness();	\
		uint32_t __id = 0;					\
									\
		while (__id != EDU_ID_VALUE && now_ms() < __end) {	\
			ASSERT_TRUE(edu_load(&self->edu, (_iova) + EDU_ID, 4)); \
			ASSERT_TRUE(edu_store(&self->edu, RAM, 4));	\
			memcpy(&__id, self->mem, 4);			\
		}							\
		ASSERT_EQ(EDU_ID_VALUE, __id);				\
	} while (0)

/*
 * No other thread uses the device: EBUSY would come from what looks for the BAR.
 * Each mapping is looked for.
 */
TEST_F(p2p, bus_reset)
{
	const int mappings = 64;
	struct edu target;

	test_find(&pci_edu, PCI_BEHIND_PORT, 0, &target.pci);
	test_ok(edu_open(&target, self->fd));
	for (int i = 0; i < mappings; i++)
		test_map_fixed((void *)target.bar, EDU_BAR_SIZE,
			       BAR + i * EDU_BAR_SIZE);
	for (int i = 0; i < 30; i++) {
		if (i % 2) {
			test_ok(vfio_enable_memory(target.cdev, false));
			sleep_ms(15 + i / 2);
		}
		test_ok(_test_vfio_hot_reset(target.cdev, 0, NULL));
		test_ok(vfio_enable_dma(target.cdev));
		test_reads_edu(BAR + i * EDU_BAR_SIZE);
	}
	test_unmap(BAR, mappings * EDU_BAR_SIZE);
	edu_close(&target);
}

TEST_F(p2p, bus_reset_of_two_devices)
{
	struct edu targets[2];

	test_find(&pci_edu, PCI_SHARED_GROUP, 0, &targets[0].pci);
	test_find(&pci_edu, PCI_SHARED_GROUP, 1, &targets[1].pci);
	if (!pci_behind_bridge(targets[0].pci.bdf))
		SKIP(_exit(KSFT_SKIP),
		     "%s is on the root bus, which cannot be reset",
		     targets[0].pci.bdf);
	for (int i = 0; i < 2; i++) {
		test_ok(edu_open(&targets[i], self->fd));
		test_map_fixed((void *)targets[i].bar, EDU_BAR_SIZE,
			       BAR + i * EDU_BAR_SIZE);
	}
	for (int i = 0; i < 10; i++) {
		test_ok(_test_vfio_hot_reset(targets[i % 2].cdev, 0, NULL));
		for (int j = 0; j < 2; j++)
			test_ok(vfio_enable_dma(targets[j].cdev));
		for (int j = 0; j < 2; j++)
			test_reads_edu(BAR + j * EDU_BAR_SIZE);
	}
	for (int i = 0; i < 2; i++) {
		test_unmap(BAR + i * EDU_BAR_SIZE, EDU_BAR_SIZE);
		edu_close(&targets[i]);
	}
}

TEST_F(p2p, low_power)
{
	int rc = low_power(self->cdev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY);

	if (rc == ENOTTY)
		SKIP(_exit(KSFT_SKIP), "this kernel's vfio-pci-core lets no device sleep");
	test_ok(rc);
	test_err_map_fixed(EFAULT, self->bar, self->size, BAR);
	test_ok(low_power(self->cdev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(low_power(self->cdev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY));
	test_faults(BAR);
	test_ok(low_power(self->cdev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	ASSERT_TRUE(mem_is(self->bar, BYTES, 1001));
	test_comes_back(BAR, self->bar, 2);
}

/* A user of the group and of type1 has the device. */
TEST_F(p2p, bar_of_the_stock_group)
{
	struct pci_device pci;
	int group, container;
	uint8_t *to;

	ASSERT_EQ(0, munmap(self->bar, self->size));
	close(self->cdev);
	test_find(&pci_ivshmem, PCI_ANYWHERE, 0, &pci);
	group = vfio_group_open(pci.group);
	ASSERT_GE(group, 0);
	container = vfio_container_open();
	ASSERT_GE(container, 0);
	test_ok(_test_use_container(group, container));
	self->cdev = vfio_group_device(group, pci.bdf);
	ASSERT_GE(self->cdev, 0);
	test_ok(vfio_enable_dma(self->cdev));
	self->bar = test_mem(vfio_bar_mmap(self->cdev,
					   VFIO_PCI_BAR2_REGION_INDEX, NULL));
	memset(self->bar, 0, self->size);

	test_err_map_fixed(EFAULT, self->bar, self->size, BAR);
	set_policy("all");
	test_map_fixed(self->bar, self->size, BAR);
	test_reaches(BAR, self->bar, 1);
	test_ok(vfio_enable_memory(self->cdev, false));
	test_store(BAR, 2);
	test_ok(vfio_enable_memory(self->cdev, true));
	ASSERT_TRUE(mem_is(self->bar, BYTES, 1001));
	test_comes_back(BAR, self->bar, 3);

	/* Older kernels warn if a BAR of a group moves. */
	if (!kernel_older_than(6, 10)) {
		to = test_mem(mem_reserve(self->size));
		ASSERT_EQ(to, mremap(self->bar, self->size, self->size,
				     MREMAP_MAYMOVE | MREMAP_FIXED, to));
		self->bar = to;
		test_faults(BAR);
		test_map_fixed(self->bar, self->size, OTHER);
		test_reaches(OTHER, self->bar, 5);
		test_ok(vfio_enable_memory(self->cdev, false));
		test_faults(OTHER);
		test_ok(vfio_enable_memory(self->cdev, true));
		test_comes_back(OTHER, self->bar, 6);
	}
	ASSERT_EQ(0, munmap(self->bar, self->size));
	self->bar = NULL;
	test_faults(BAR);
	close(self->cdev);
	self->cdev = -1;
	close(group);
	close(container);
}

static int churn_map(struct race_thread *thread)
{
	struct churn *churn = thread->shared;
	uint64_t iova = 0, unmapped;
	int rc;

	rc = _test_ioas_map(churn->fd, churn->ioas, churn->bar, churn->size,
			    &iova, MAP_RW);
	return rc ?: _test_ioas_unmap(churn->fd, churn->ioas, iova, churn->size,
				      &unmapped);
}

static int churn_copy(struct race_thread *thread)
{
	struct churn *churn = thread->shared;
	uint64_t iova = 0, unmapped;
	int rc;

	rc = _test_ioas_copy(churn->fd, churn->ioas, &iova, churn->ioas, BAR,
			     PAGE, MAP_RW);
	return rc ?: _test_ioas_unmap(churn->fd, churn->ioas, iova, PAGE,
				      &unmapped);
}

/*
 * A mapping whose addresses go before it does. Other memory takes their place,
 * because the 6.1 kernel may warn when munmap() of a BAR meets the loss of its
 * pages: munmap() does not exclude that then.
 */
static int churn_mmap(struct race_thread *thread)
{
	struct churn *churn = thread->shared;
	uint64_t iova = 0, unmapped;
	uint8_t *bar;
	int rc;

	bar = mmap(NULL, churn->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   churn->cdev, churn->offset);
	if (bar == MAP_FAILED)
		return errno;
	rc = _test_ioas_map(churn->fd, churn->ioas, bar, churn->size, &iova,
			    MAP_RW);
	if (mmap(bar, churn->size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != bar)
		return errno;
	munmap(bar, churn->size);
	return rc ?: _test_ioas_unmap(churn->fd, churn->ioas, iova, churn->size,
				      &unmapped);
}

TEST_F(p2p, races)
{
	struct race_thread threads[] = {
		{ .step = churn_decode, .name = "decode" },
		{ .step = churn_map, .name = "map", .allowed = { EFAULT } },
		{ .step = churn_map, .name = "map", .allowed = { EFAULT } },
		{ .step = churn_copy, .name = "copy" },
		/* It may find a mapping whose addresses have gone. */
		{ .step = churn_attach, .name = "attach", .allowed = { EFAULT } },
		{ .step = churn_mmap, .name = "mmap", .allowed = { EFAULT } },
	};
	struct churn churn = {
		.fd = self->fd,
		.ioas = self->ioas,
		.cdev = self->cdev,
		.edu = self->edu.cdev,
		.bar = self->bar,
		.size = self->size,
	};
	struct vfio_region_info info;

	test_ok(_test_vfio_region_info(self->cdev, VFIO_PCI_BAR2_REGION_INDEX,
				       &info));
	churn.offset = info.offset;
	test_map_fixed(self->bar, self->size, BAR);
	test_race(threads, &churn, race_seconds() * 300);
	/* The last attach may have failed. */
	test_attach_to(&self->edu, self->ioas);
	test_comes_back(BAR, self->bar, 1);
}

/* A MAP waits for a reset. It does not take the BAR for something else. */
TEST_F(p2p, resets_while_bars_are_mapped)
{
	struct race_thread threads[] = {
		{ .step = churn_reset, .name = "reset" },
		{ .step = churn_map, .name = "map" },
		{ .step = churn_map, .name = "map" },
		{ .step = churn_copy, .name = "copy" },
	};
	struct churn churn = {
		.fd = self->fd,
		.ioas = self->ioas,
		.edu = self->edu.cdev,
	};
	struct nvme nvme;

	test_nvme_with_cmb(&nvme, PCI_ANYWHERE, &churn.bar, &churn.size);
	churn.cdev = nvme.cdev;
	test_map_fixed(churn.bar, churn.size, BAR);
	test_race(threads, &churn, race_seconds() * 300);
	test_ok(vfio_enable_dma(nvme.cdev));
	test_comes_back(BAR, churn.bar, 1);
	test_unmap(BAR, churn.size);
	munmap(churn.bar, churn.size);
	nvme_close(&nvme);
}

TEST_HARNESS_MAIN
