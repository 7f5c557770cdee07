// SPDX-License-Identifier: GPL-2.0
/*
 * Workers that touch memory ahead of pinning obey the limits of the process
 * that maps: CPUs, control groups, signals, memory policy.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "cgroup.h"
#include "harness.h"
#include "mem_frames.h"

#define IOVA	0x10000000UL
#define LENGTH	(64UL << 20)
#define LONG	(256UL << 20)	/* a MAP that is killed or stopped */
/* From SIGKILL to the end of the process, in the best of several tries */
#define DEATH_MS	500
#define TRIES		5
/* CPU time that the rest of the machine may use meanwhile */
#define SLACK_US	60000
/* More than the 256 that a workqueue runs at once unless told otherwise */
#define HALTED		258
/* Some workers are about to exit when their process stops. */
#define STOPPED		300
/* For what takes less than a second if nothing blocks it */
#define PATIENCE_MS	10000

struct mapper {
	int fd;
	uint32_t ioas;
	uint64_t iova;
	uint8_t *mem;
	size_t length;
	bool memfd;
	int cpu;		/* to stay on, or -1 */
	int node;		/* on whose CPUs to stay, or -1 */
	int policy_node;	/* where to take memory from, or -1 */
};

FIXTURE(prefault) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	struct mapper mapper;
};

FIXTURE_VARIANT(prefault) {
	int advice;
	bool memfd;
};

FIXTURE_VARIANT_ADD(prefault, small_pages) { MADV_NOHUGEPAGE };
FIXTURE_VARIANT_ADD(prefault, huge_pages) { MADV_HUGEPAGE };
FIXTURE_VARIANT_ADD(prefault, memfd) { MADV_NOHUGEPAGE, true };

FIXTURE_SETUP(prefault)
{
	const char *lacks;
	uint8_t *mem;

	if (variant->advice == MADV_HUGEPAGE)
		test_needs_thp();
	lacks = cgroup_setup();
	if (lacks)
		SKIP(return, "%s", lacks);
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	mem = test_mem(mem_reserve_aligned(LONG, HUGE));
	if (variant->memfd) {
		int fd = mem_fd("prefault", LONG, 0);

		ASSERT_EQ(mem, mmap(mem, LONG, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_FIXED, fd, 0));
		close(fd);
	}
	ASSERT_EQ(0, mem_advise(mem, LONG, variant->advice));
	self->mapper = (struct mapper){
		self->fd, self->ioas, IOVA, mem, LENGTH, variant->memfd,
		.cpu = -1, .node = -1, .policy_node = -1,
	};
}

FIXTURE_TEARDOWN(prefault)
{
	edu_close(&self->edu);
	close(self->fd);
	munmap(self->mapper.mem, LONG);
	cgroup_remove();
}

/* The CPUs of a node, from a list such as "0-1,4" */
static bool stay_on_node(int node)
{
	unsigned int first, last;
	char path[64];
	cpu_set_t cpus;
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
	f = fopen(path, "re");
	if (!f)
		return false;
	CPU_ZERO(&cpus);
	while ((n = fscanf(f, "%u-%u", &first, &last)) > 0) {
		for (unsigned int cpu = first; cpu <= (n > 1 ? last : first); cpu++)
			CPU_SET(cpu, &cpus);
		if (fgetc(f) != ',')
			break;
	}
	fclose(f);
	return CPU_COUNT(&cpus) && !sched_setaffinity(0, sizeof(cpus), &cpus);
}

static bool stay_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return !sched_setaffinity(0, sizeof(cpus), &cpus);
}

static bool take_memory_from(int node)
{
	unsigned long mask = 1UL << node;

	return !syscall(SYS_set_mempolicy, MPOL_BIND, &mask, 8 * sizeof(mask));
}

static bool is_placed(const struct mapper *m)
{
	return (m->cpu < 0 || stay_on_cpu(m->cpu)) &&
	       (m->node < 0 || stay_on_node(m->node)) &&
	       (m->policy_node < 0 || take_memory_from(m->policy_node));
}

/*
 * The pages of a child are freed when it exits, those in a memfd are not.
 */
static bool forget(struct mapper *m)
{
	_test_ioas_unmap(m->fd, m->ioas, 0, UINT64_MAX, NULL);
	return !m->memfd || !madvise(m->mem, LONG, MADV_REMOVE);
}

static bool enter_group(struct mapper *m)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return cgroup_enter() && is_placed(m);
}

/* In a child: the test itself must not be in the group. */
static int map_in_group(void *arg)
{
	struct mapper *m = arg;

	if (!enter_group(m))
		return EPERM;
	return _test_map_fixed(m->fd, m->ioas, m->mem, m->length, m->iova,
			       MAP_RW);
}

/* The work of the workers, done by the process itself */
static int touch_in_group(void *arg)
{
	struct mapper *m = arg;

	if (!enter_group(m))
		return EPERM;
	for (size_t offset = 0; offset < m->length; offset += PAGE)
		((volatile uint8_t *)m->mem)[offset] = 1;
	return 0;
}

/* What a child in the group costs */
struct cost {
	long group_us;
	long machine_us;
	long wall_us;
	long threads;		/* of the process, at most */
};

static void count_threads(struct child *child, struct cost *cost)
{
	struct pollfd result = { child->report, POLLIN };
	long threads;

	cost->threads = 0;
	while (!poll(&result, 1, 10)) {
		threads = proc_pid_status_kb(child->pid, "Threads:");
		if (threads > cost->threads)
			cost->threads = threads;
	}
}

/* CPU time of the machine without this process, which only waits */
static long others_cpu_us(void)
{
	struct timespec own;

	/* The scheduler adds up when a task leaves the CPU, this one as well. */
	sleep_ms(1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
	return machine_cpu_us() - own.tv_sec * 1000000L - own.tv_nsec / 1000;
}

/* CPU time of everything else in @wall_us; soon after boot it is much */
static long background_us(long wall_us)
{
	long before = others_cpu_us();

	sleep_ms(wall_us / 1000);
	return others_cpu_us() - before;
}

static int measure(struct mapper *m, int (*fn)(void *arg), struct cost *cost)
{
	struct child child;
	int rc;

	cost->machine_us = -others_cpu_us();
	cost->group_us = -cgroup_cpu_us();
	cost->wall_us = -now_ms() * 1000L;
	if (!child_start(&child, fn, m))
		return EAGAIN;
	count_threads(&child, cost);
	rc = child_result(&child);
	cost->wall_us += now_ms() * 1000L;
	cost->group_us += cgroup_cpu_us();
	cost->machine_us += others_cpu_us();
	child_end(&child);
	cost->machine_us -= background_us(cost->wall_us);
	return rc;
}

/*
 * All CPU time of the machine goes to the group that maps, in the best try. The
 * machine's time includes that of interrupts, which is no task's and is long where
 * the host makes the guest wait. So compare with a process without workers.
 */
static void test_charged(struct __test_metadata *_metadata, struct mapper *m,
			 struct cost *cost)
{
	bool charged = false;
	struct cost alone;

	for (int i = 0; i < TRIES && !charged; i++) {
		double rest;

		ASSERT_TRUE(forget(m));
		ASSERT_EQ(0, measure(m, touch_in_group, &alone));
		ASSERT_TRUE(forget(m));
		ASSERT_EQ(0, measure(m, map_in_group, cost));
		TH_LOG("machine %ld us, group %ld us, wall %ld us; without workers %ld, %ld, %ld",
		       cost->machine_us, cost->group_us, cost->wall_us,
		       alone.machine_us, alone.group_us, alone.wall_us);
		rest = (double)alone.machine_us / alone.group_us;
		charged = cost->machine_us <=
			  cost->group_us * (rest > 1 ? rest : 1) * 1.1 + SLACK_US;
	}
	EXPECT_TRUE(charged);
}

TEST_F(prefault, cpu_time_is_charged)
{
	struct cost cost;

	if (machine_cpu_us() < 0)
		SKIP(return, "no /proc/schedstat");
	test_charged(_metadata, &self->mapper, &cost);
}

static bool kernel_has(const char *symbol)
{
	bool found = false;
	char line[256];
	FILE *f = fopen("/proc/kallsyms", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, symbol);
	if (f)
		fclose(f);
	return found;
}

/*
 * Newer kernels throttle a task when it returns to user mode or takes a signal. A
 * MAP runs to its end, but its time is charged, and has to be waited for later.
 */
static bool throttled_late(void)
{
	return kernel_has(" throttle_cfs_rq_work\n");
}

TEST_F(prefault, cpu_quota)
{
	struct cost cost;

	if (machine_cpu_us() < 0)
		SKIP(return, "no /proc/schedstat");
	ASSERT_TRUE(cgroup_write("cpu.max", "20000 100000"));
	test_charged(_metadata, &self->mapper, &cost);
	if (!throttled_late())
		EXPECT_LE(cost.group_us, cost.wall_us / 5 + 2 * SLACK_US);
}

TEST_F(prefault, one_cpu)
{
	struct cost cost;

	if (machine_cpu_us() < 0)
		SKIP(return, "no /proc/schedstat");
	self->mapper.cpu = 0;
	test_charged(_metadata, &self->mapper, &cost);
	EXPECT_LE(cost.group_us, cost.wall_us + 2 * SLACK_US);
	EXPECT_EQ(1, cost.threads);
}

/* Without limits there are workers, and they are threads of the process. */
TEST_F(prefault, threads_of_the_process)
{
	struct cost cost;

	if (!kernel_has(" vhost_task_create\n"))
		SKIP(return, "this kernel makes no threads of a process for a driver");
	self->mapper.length = LONG;
	test_ok(measure(&self->mapper, map_in_group, &cost));
	EXPECT_LT(1, cost.threads);
	EXPECT_GE(sysconf(_SC_NPROCESSORS_ONLN), cost.threads);
}

static int threads_after_map(void *arg)
{
	int rc = map_in_group(arg);

	return rc ? -rc : proc_status_kb("Threads:");
}

/* Some calls work only in a process with one thread. */
TEST_F(prefault, no_thread_stays)
{
	for (int i = 0; i < 10; i++) {
		ASSERT_EQ(1, child_run(threads_after_map, &self->mapper));
		ASSERT_TRUE(forget(&self->mapper));
	}
}

/* Milliseconds until a killed child is gone */
static long ms_to_death(struct child *child)
{
	uint64_t start = now_ms();

	child_end(child);
	return now_ms() - start;
}

static void test_kill_in(struct __test_metadata *_metadata, struct mapper *m,
			 const char *file, const char *limit)
{
	long ms, best = LONG_MAX;
	struct child child;

	m->length = LONG;
	ASSERT_TRUE(cgroup_write(file, limit));
	for (int i = 1; i <= TRIES && best > DEATH_MS * slowness(); i++) {
		ASSERT_TRUE(child_start(&child, map_in_group, m));
		sleep_ms(200 * slowness());
		kill(child.pid, SIGKILL);
		ms = ms_to_death(&child);
		TH_LOG("%s %s: dead after %ld ms", file, limit, ms);
		best = ms < best ? ms : best;
		ASSERT_TRUE(forget(m));
	}
	EXPECT_GE(DEATH_MS * slowness(), best);
}

TEST_F(prefault, killed_without_a_limit)
{
	test_kill_in(_metadata, &self->mapper, "memory.max", "max");
}

TEST_F(prefault, killed_with_cpu_quota)
{
	if (throttled_late())
		SKIP(return, "on this kernel a killed task waits for the CPU time that it has used");
	test_kill_in(_metadata, &self->mapper, "cpu.max", "20000 100000");
}

TEST_F(prefault, killed_above_memory_high)
{
	test_kill_in(_metadata, &self->mapper, "memory.high", "32M");
}

/* A dying thread may reach the limit again; several threads keep retrying. */
TEST_F(prefault, memory_max)
{
	struct child child;
	long ms;

	self->mapper.length = LONG;
	ASSERT_TRUE(cgroup_write("memory.max", "96M"));
	ASSERT_TRUE(child_start(&child, map_in_group, &self->mapper));
	for (int i = 0; i < 10000 && cgroup_read("memory.events", "oom_kill ") < 1; i++)
		sleep_ms(1);
	ms = ms_to_death(&child);
	TH_LOG("%ld OOM events, dead after %ld ms",
	       cgroup_read("memory.events", "oom "), ms);
	EXPECT_EQ(1, cgroup_read("memory.events", "oom_kill "));
	EXPECT_GE(2, cgroup_read("memory.events", "oom "));
	EXPECT_GE(2 * DEATH_MS * slowness(), ms);
}

/* A job that is stopped during MAP stops, and continues on SIGCONT. */
TEST_F(prefault, stopped)
{
	struct child child;
	int status;

	for (int i = 1; i <= 5; i++) {
		ASSERT_TRUE(child_start(&child, map_in_group, &self->mapper));
		sleep_ms(10 * i * slowness());
		ASSERT_EQ(0, kill(child.pid, SIGSTOP));
		ASSERT_EQ(child.pid, waitpid(child.pid, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_EQ(0, kill(child.pid, SIGCONT));
		ASSERT_EQ(0, child_result(&child));
		child_end(&child);
		ASSERT_TRUE(forget(&self->mapper));
	}
}

static uint64_t movable_pages(void)
{
	struct frame_zone zones[8];
	size_t nr = movable_zones(zones, ARRAY_SIZE(zones));
	uint64_t pages = 0;

	while (nr--)
		pages += zones[nr].managed;
	return pages;
}

/* Gup migrates what it finds in ZONE_MOVABLE. */
TEST_F(prefault, nothing_is_migrated)
{
	long migrated;

	if (movable_pages() * PAGE < LENGTH)
		SKIP(return, "less than %lu MiB in ZONE_MOVABLE", LENGTH >> 20);
	migrated = -proc_vmstat("pgmigrate_success ");
	ASSERT_EQ(0, child_run(map_in_group, &self->mapper));
	migrated += proc_vmstat("pgmigrate_success ");
	/* A page of something else may move meanwhile. */
	EXPECT_GT(LENGTH / PAGE / 256, migrated);
}

/* In the child that mapped: the number of pages on other nodes */
static int count_elsewhere(void *arg)
{
	struct mapper *m = arg;
	int node = m->policy_node >= 0 ? m->policy_node : m->node;
	int where[64], elsewhere = 0, rc = map_in_group(m);
	void *pages[64];

	if (rc)
		return -rc;
	for (size_t at = 0; at < LENGTH; at += sizeof(where) / sizeof(*where) * PAGE) {
		for (int i = 0; i < 64; i++)
			pages[i] = m->mem + at + i * PAGE;
		if (syscall(SYS_move_pages, 0, 64, pages, NULL, where, 0))
			return -errno;
		for (int i = 0; i < 64; i++)
			elsewhere += where[i] != node;
	}
	return elsewhere;
}

TEST_F(prefault, pages_come_from_the_node_of_the_caller)
{
	static const int places[][2] = { { 0, -1 }, { 1, -1 }, { 0, 1 }, { 1, 0 } };

	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "one memory node");
	for (int i = 0; i < ARRAY_SIZE(places); i++) {
		int elsewhere = -1;

		self->mapper.node = places[i][0];
		self->mapper.policy_node = places[i][1];
		/* A huge page comes from another node if its own has none left. */
		for (int try = 0; elsewhere && try < TRIES; try++) {
			file_write_long("/proc/sys/vm/drop_caches", 3);
			file_write_long("/proc/sys/vm/compact_memory", 1);
			elsewhere = child_run(count_elsewhere, &self->mapper);
			ASSERT_TRUE(forget(&self->mapper));
		}
		EXPECT_EQ(0, elsewhere)
			TH_LOG("CPUs of node %d, policy %d: %d pages elsewhere",
			       places[i][0], places[i][1], elsewhere);
	}
}

/* Processes that map a file whose pages exist, but not in their page tables */
FIXTURE(halted) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	struct mapper mapper;
};

FIXTURE_SETUP(halted)
{
	const char *lacks = cgroup_setup();
	int fd;

	if (lacks)
		SKIP(return, "%s", lacks);
	if (!kernel_has(" vhost_task_create\n"))
		SKIP(return, "the workers are kernel threads, which nothing halts");
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	fd = mem_fd("halted", LENGTH, 0);
	ASSERT_EQ(0, fallocate(fd, 0, 0, LENGTH));
	self->mapper = (struct mapper){
		self->fd, self->ioas, IOVA,
		test_mem(mem_file(fd, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED)),
		LENGTH, .cpu = -1, .node = -1, .policy_node = -1,
	};
	close(fd);
}

FIXTURE_TEARDOWN(halted)
{
	edu_close(&self->edu);
	close(self->fd);
	cgroup_remove();
}

static bool has_worker(const struct child *child)
{
	return proc_pid_status_kb(child->pid, "Threads:") > 1;
}

static bool has_result(const struct child *child, int ms)
{
	struct pollfd result = { child->report, POLLIN };

	return poll(&result, 1, ms);
}

static bool start_with_worker(struct child *child, struct mapper *m)
{
	if (!child_start(child, map_in_group, m))
		return false;
	while (!has_worker(child) && !has_result(child, 0))
		;
	return true;
}

/* Start a child and stop it while it has a worker. On failure it is killed. */
static bool stop_with_worker(struct child *child, struct mapper *m)
{
	int status;

	if (!start_with_worker(child, m))
		return false;
	kill(child->pid, SIGSTOP);
	if (waitpid(child->pid, &status, WUNTRACED) == child->pid &&
	    WIFSTOPPED(status) && has_worker(child))
		return true;
	child_kill(child);
	return false;
}

/* Every MAP has its own IOVA, even if it is not stopped. */
static int stop_many(struct child *children, int nr, struct mapper *m)
{
	uint64_t end = now_ms() + 4 * PATIENCE_MS * slowness();
	int stopped = 0;

	for (; stopped < nr && now_ms() < end; m->iova += m->length)
		stopped += stop_with_worker(&children[stopped], m);
	return stopped;
}

static int count_workers(const struct child *children, int nr)
{
	int workers = 0;

	for (int i = 0; i < nr; i++)
		workers += has_worker(&children[i]);
	return workers;
}

/* The worker of a stopped process blocks no MAP of another process. */
TEST_F_TIMEOUT(halted, many_stopped_hold_up_no_other, 90 * slowness())
{
	struct child stopped[STOPPED], other;
	int nr, workers;
	uint64_t start;
	bool ended;

	if (kernel_slowness() > 1)
		SKIP(return, "%d processes take minutes on a kernel that watches itself",
		     STOPPED);
	nr = stop_many(stopped, STOPPED, &self->mapper);
	workers = count_workers(stopped, nr);
	start = now_ms();
	ASSERT_TRUE(child_start(&other, map_in_group, &self->mapper));
	ended = has_result(&other, PATIENCE_MS * slowness());
	TH_LOG("%d workers are halted, another MAP has%s ended after %lu ms",
	       workers, ended ? "" : " not", now_ms() - start);
	EXPECT_TRUE(ended);
	if (ended)
		EXPECT_EQ(0, child_result(&other));
	child_kill(&other);
	for (int i = 0; i < nr; i++)
		child_kill(&stopped[i]);
	if (ended && workers < HALTED)
		SKIP(return, "only %d workers of %d were halted", workers, HALTED);
}

/* Is a thread of the workqueue in an uninterruptible wait right now? */
static bool reaper_waits(void)
{
	struct dirent *entry;
	char path[300], line[256];
	bool waits = false;
	DIR *dir = opendir("/proc");
	FILE *f;

	while (dir && !waits && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		waits = fgets(line, sizeof(line), f) &&
			strstr(line, "+iommufd_prefault) D ");
		fclose(f);
	}
	if (dir)
		closedir(dir);
	return waits;
}

/* A short wait has ended at one of the checks. */
static bool reaper_is_stuck(void)
{
	for (int i = 0; i < 10; i++) {
		if (!reaper_waits())
			return false;
		sleep_ms(100);
	}
	return true;
}

static bool is_frozen(void)
{
	uint64_t end = now_ms() + PATIENCE_MS * slowness();

	while (cgroup_read("cgroup.events", "frozen ") != 1) {
		if (now_ms() > end)
			return false;
		sleep_ms(10);
	}
	return true;
}

/* A freeze may last forever, so no thread may wait for its end in state D. */
TEST_F(halted, frozen)
{
	struct child child;
	int caught = 0;

	for (int i = 0; i < TRIES; i++) {
		ASSERT_TRUE(start_with_worker(&child, &self->mapper));
		sleep_ms(5 * i);
		EXPECT_TRUE(cgroup_write("cgroup.freeze", "1"));
		EXPECT_TRUE(is_frozen());
		caught += has_worker(&child);
		/* What the caller has left behind is looked at every 100 ms. */
		sleep_ms(200);
		EXPECT_FALSE(reaper_is_stuck());
		EXPECT_TRUE(cgroup_write("cgroup.freeze", "0"));
		EXPECT_EQ(0, child_result(&child));
		child_end(&child);
		ASSERT_TRUE(forget(&self->mapper));
	}
	if (!caught)
		SKIP(return, "none of %d workers was frozen", TRIES);
}

TEST_HARNESS_MAIN
