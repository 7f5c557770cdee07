// SPDX-License-Identifier: GPL-2.0
/*
 * The modules can be unloaded when nothing is open, in any order, also while a
 * program uses a device through its group. Nothing in the kernel grows when they
 * are loaded, used and unloaded many times. Runs after all other programs, on
 * modules below updates/ of the running kernel.
 */
#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>

#include "common.h"
#include "module.h"

#define CDEV		"vfio_cdev"
/* The driver of the devices, which is the distribution's */
#define DRIVER		"vfio_pci"
#define DRIVER_CORE	"vfio_pci_core"
/* Rounds of a test that loads or unloads once a round */
#define LOADS		50
/*
 * Rounds before growth is measured, and rounds that are measured, ATTEMPTS
 * times
 */
#define WARM_UP		10
#define ROUNDS		200
#define ATTEMPTS	2
#define LIFE_SECONDS	240
/* How often the kernel's memory is read; the smallest value counts. */
#define LOOKS		4

/* A user of the group of an edu; the device is in edu.cdev. */
struct group_user {
	struct edu edu;
	int group;
	int container;
};

static int group_user_map(const struct group_user *user, void *mem)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = IOVA,
		.size = 4 * PAGE,
	};

	return ioctl(user->container, VFIO_IOMMU_MAP_DMA, &map) ? errno : 0;
}

static void group_user_close(struct group_user *user)
{
	edu_close(&user->edu);
	close(user->group);
	close(user->container);
	user->group = -1;
	user->container = -1;
}

/* @mem of 4 pages is mapped at IOVA. */
static int group_user_open(struct group_user *user,
			   const struct pci_device *pci, void *mem)
{
	int rc;

	user->edu = (struct edu){ .cdev = -1, .pci = *pci };
	user->container = vfio_container_open();
	user->group = vfio_group_open(pci->group);
	rc = _test_use_container(user->group, user->container);
	if (!rc) {
		user->edu.cdev = vfio_group_device(user->group, pci->bdf);
		rc = user->edu.cdev < 0 ? errno : 0;
	}
	rc = rc ?: edu_start(&user->edu, user->edu.cdev);
	rc = rc ?: group_user_map(user, mem);
	if (rc)
		group_user_close(user);
	return rc;
}

FIXTURE(modules) {
	int fd;
	struct modules all;
	struct edu edu;
	struct group_user user;
	uint8_t *mem;
	pid_t unloader;
};

FIXTURE_SETUP(modules)
{
	int fd;

	self->fd = -1;
	self->unloader = -1;
	self->edu.cdev = -1;
	self->user = (struct group_user){ { .cdev = -1 }, -1, -1 };
	ASSERT_TRUE(modules_find(&self->all));
	for (int i = 0; i < self->all.num; i++) {
		fd = module_open(self->all.name[i]);
		if (fd < 0)
			SKIP(return, "%s is not in updates/ of this kernel",
			     self->all.name[i]);
		close(fd);
	}
	test_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci);
	self->mem = test_mem(mem_anon(4 * PAGE));
}

/* The next program needs all modules, even after a test has failed. */
FIXTURE_TEARDOWN(modules)
{
	int rc;

	edu_close(&self->edu);
	group_user_close(&self->user);
	close(self->fd);
	if (self->unloader > 0)
		child_ended(self->unloader, LIMIT_MS * slowness());
	EXPECT_TRUE(module_probe("vfio-pci"));
	for (int i = 0; i < self->all.num; i++) {
		rc = module_load(self->all.name[i]);
		EXPECT_TRUE(!rc || rc == EEXIST)
			TH_LOG("%s: %s", self->all.name[i], strerror(rc));
	}
	EXPECT_TRUE(pci_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci));
}

#define test_kept(_name) ASSERT_EQ(EWOULDBLOCK, module_unload(_name))
#define test_unload(_name) test_ok(module_unload(_name))
/* Unload the users of a module of the list, but not the module. */
#define test_unload_users(_name)					\
	do {								\
		int __i = modules_index(&self->all, _name);		\
									\
		ASSERT_GE(__i, 0);					\
		test_ok(modules_unload_after(&self->all, __i + 1));	\
	} while (0)

#define test_cdev()							\
	ASSERT_TRUE(pci_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci))
#define test_no_cdev()							\
	ASSERT_FALSE(pci_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci))

#define test_group_dma(_seed)						\
	do {								\
		mem_fill(self->mem, 300, _seed);			\
		ASSERT_TRUE(edu_load(&self->user.edu, IOVA, 300));	\
		ASSERT_TRUE(edu_store(&self->user.edu, IOVA + PAGE, 300)); \
		ASSERT_TRUE(mem_is(self->mem + PAGE, 300, _seed));	\
	} while (0)

#define test_cdev_is_busy()						\
	do {								\
		uint32_t __devid;					\
		int __cdev;						\
									\
		test_cdev();						\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		__cdev = vfio_cdev_open(&self->edu.pci);		\
		ASSERT_GE(__cdev, 0);					\
		test_err(EBUSY, _test_vfio_bind(__cdev, self->fd,	\
						&__devid));		\
		close(__cdev);						\
		close(self->fd);					\
		self->fd = -1;						\
	} while (0)

TEST_F(modules, iommufd_is_kept_by_its_users)
{
	ASSERT_GT(self->all.num, 1);
	for (int i = self->all.num - 1; i > 0; i--) {
		test_kept("iommufd");
		test_unload(self->all.name[i]);
	}
	test_unload("iommufd");
	ASSERT_EQ(-1, access("/dev/iommu", F_OK));
	test_ok(modules_load(&self->all));
	ASSERT_EQ(0, access("/dev/iommu", F_OK));
}

TEST_F(modules, iommufd_is_kept_by_an_open_file)
{
	uint32_t id;

	for (int i = self->all.num - 1; i > 0; i--)
		test_unload(self->all.name[i]);
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_kept("iommufd");
	test_ioas_alloc(&id);
	test_map_to(id, self->mem, 4 * PAGE, &(uint64_t){ 0 }, MAP_RW);
	test_kept("iommufd");
	close(self->fd);
	self->fd = -1;
	test_unload("iommufd");
}

TEST_F(modules, vfio_cdev_is_kept_by_an_open_cdev)
{
	test_unload_users(CDEV);
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	self->edu.cdev = vfio_cdev_open(&self->edu.pci);
	ASSERT_GE(self->edu.cdev, 0);
	test_kept(CDEV);
	test_ok(_test_vfio_bind(self->edu.cdev, self->fd, &self->edu.devid));
	test_kept(CDEV);
	/* The mapping of the BAR keeps the closed file open. */
	self->edu.bar = vfio_bar_mmap(self->edu.cdev,
				      VFIO_PCI_BAR0_REGION_INDEX, NULL);
	ASSERT_NE(NULL, (void *)self->edu.bar);
	close(self->edu.cdev);
	self->edu.cdev = -1;
	test_kept(CDEV);
	edu_close(&self->edu);
	test_unload(CDEV);
	test_no_cdev();
	ASSERT_NE(0, access(self->edu.pci.cdev, F_OK));
}

/* The module comes and goes beside a user of the group. */
TEST_F(modules, vfio_cdev_is_not_kept_by_a_group)
{
	test_unload_users(CDEV);
	test_ok(group_user_open(&self->user, &self->edu.pci, self->mem));
	test_group_dma(1);
	test_unload(CDEV);
	test_group_dma(2);
	test_ok(modules_load(&self->all));
	test_cdev_is_busy();
	test_group_dma(3);
	test_unload_users(CDEV);
	group_user_close(&self->user);
	test_unload(CDEV);
	/* Without the module, the group opens again. */
	test_ok(group_user_open(&self->user, &self->edu.pci, self->mem));
	test_group_dma(4);
	test_ok(modules_load(&self->all));
	group_user_close(&self->user);
	self->fd = iommufd_open();
	test_ok(edu_open(&self->edu, self->fd));
}

/* Each transfer takes 100 ms, in which the module comes or goes. */
TEST_F(modules, loads_while_a_group_moves_data)
{
	unsigned int offset;

	test_unload_users(CDEV);
	test_ok(group_user_open(&self->user, &self->edu.pci, self->mem));
	mem_fill(self->mem, 300, 1);
	ASSERT_TRUE(edu_load(&self->user.edu, IOVA, 300));
	for (int i = 0; i < LOADS / kernel_slowness(); i++) {
		offset = PAGE + 8 * i;
		memset(self->mem + PAGE, 0, 3 * PAGE);
		edu_dma_start(&self->user.edu, IOVA + offset, 0, 300,
			      EDU_DMA_TO_RAM);
		test_unload(CDEV);
		test_no_cdev();
		test_ok(module_load(CDEV));
		test_cdev_is_busy();
		ASSERT_TRUE(edu_dma_wait(&self->user.edu));
		ASSERT_TRUE(mem_is(self->mem + offset, 300, 1));
	}
}

TEST_F(modules, vfio_pci_is_kept_by_a_bound_cdev)
{
	self->fd = iommufd_open();
	test_ok(edu_open(&self->edu, self->fd));
	test_kept(DRIVER);
	edu_close(&self->edu);
	test_unload(DRIVER);
	test_no_cdev();
	ASSERT_TRUE(module_probe("vfio-pci"));
	test_cdev();
	test_ok(edu_open(&self->edu, self->fd));
}

/* The same holds for a group: its device keeps the driver, its file does not. */
TEST_F(modules, vfio_pci_is_kept_by_a_groups_device)
{
	test_ok(group_user_open(&self->user, &self->edu.pci, self->mem));
	test_kept(DRIVER);
	edu_close(&self->user.edu);
	test_unload(DRIVER);
}

/* Without BIND a cdev does not keep the driver, but its removal waits. */
TEST_F(modules, unload_of_vfio_pci_waits_for_an_open_cdev)
{
	self->edu.cdev = vfio_cdev_open(&self->edu.pci);
	ASSERT_GE(self->edu.cdev, 0);
	self->unloader = fork();
	if (!self->unloader) {
		edu_close(&self->edu);
		_exit(module_unload(DRIVER));
	}
	ASSERT_EQ(-1, child_ended(self->unloader, WAIT_MS * slowness()));
	/* The driver is on its way out: the device cannot be bound any more. */
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_err(ENODEV, _test_vfio_bind(self->edu.cdev, self->fd,
					 &self->edu.devid));
	edu_close(&self->edu);
	ASSERT_EQ(0, child_ended(self->unloader, LIMIT_MS * slowness()));
	self->unloader = -1;
}

/* A device has a cdev whether vfio-cdev or the driver comes first. */
TEST_F(modules, vfio_cdev_and_vfio_pci_go_and_come_in_any_order)
{
	test_unload_users(CDEV);
	for (int i = 0; i < 3; i++) {
		test_kept("vfio");
		/* The driver goes first and comes last. */
		test_unload(DRIVER);
		test_unload(DRIVER_CORE);
		test_no_cdev();
		ASSERT_TRUE(module_probe("vfio-pci"));
		test_cdev();
		/* The driver goes first and comes first. */
		test_unload(DRIVER);
		test_unload(CDEV);
		ASSERT_TRUE(module_probe("vfio-pci"));
		test_no_cdev();
		test_ok(module_load(CDEV));
		test_cdev();
		/* The driver goes last and comes last. */
		test_unload(CDEV);
		test_no_cdev();
		test_unload(DRIVER);
		test_ok(module_load(CDEV));
		test_no_cdev();
		ASSERT_TRUE(module_probe("vfio-pci"));
		test_cdev();
	}
	self->fd = iommufd_open();
	test_ok(edu_open(&self->edu, self->fd));
}

/* What must not grow: objects of each slab cache, KiB of each kind of memory */
struct counts {
	unsigned int num;
	struct count {
		char name[48];
		long value;
		long per_slab;
	} of[512];
};

static const char * const memory_kinds[] = {
	"Percpu:", "VmallocUsed:", "KernelStack:", "PageTables:",
};

static struct count *counts_find(struct counts *counts, const char *name)
{
	for (int i = 0; i < counts->num; i++) {
		if (!strcmp(counts->of[i].name, name))
			return &counts->of[i];
	}
	return NULL;
}

/* Keeps the smallest value. */
static void counts_add(struct counts *counts, const char *name, long value,
		       long per_slab)
{
	struct count *count = counts_find(counts, name);

	if (count && value < count->value)
		count->value = value;
	if (count || counts->num == ARRAY_SIZE(counts->of))
		return;
	count = &counts->of[counts->num++];
	snprintf(count->name, sizeof(count->name), "%.47s", name);
	count->value = value;
	count->per_slab = per_slab;
}

/* Write @value to a file of every slab cache. */
static void slabs_write(const char *file, long value)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	dir = opendir("/sys/kernel/slab");
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s",
			 entry->d_name, file);
		file_write_long(path, value);
	}
	if (dir)
		closedir(dir);
}

static bool counts_read(struct counts *counts)
{
	long objects, per_slab;
	char line[512], name[64];
	FILE *f;

	f = fopen("/proc/slabinfo", "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %ld %*d %*d %ld ", name, &objects,
			   &per_slab) == 3)
			counts_add(counts, name, objects, per_slab);
	}
	fclose(f);
	for (int i = 0; i < ARRAY_SIZE(memory_kinds); i++)
		counts_add(counts, memory_kinds[i],
			   proc_meminfo_kb(memory_kinds[i]), 0);
	return true;
}

/*
 * Count after caches were dropped and shrunk. slabinfo counts a slab that a CPU
 * allocates from as full: the thread stays on one CPU, so that there is one
 * such slab per cache, and reads several times, as some caches have none then.
 */
static bool counts_take(struct counts *counts)
{
	cpu_set_t old, one;
	bool ok = true;

	sched_getaffinity(0, sizeof(old), &old);
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	counts->num = 0;
	for (int i = 0; ok && i < LOOKS; i++) {
		file_write_long("/proc/sys/vm/drop_caches", 3);
		/* Memory that is freed after a grace period of RCU */
		sleep_ms(200 * slowness());
		slabs_write("shrink", 1);
		ok = counts_read(counts);
	}
	sched_setaffinity(0, sizeof(old), &old);
	return ok;
}

static struct counts before, after;

/* One use of the device; without @tidy close() has to undo it. */
static int use(struct edu *edu, void *mem, bool tidy)
{
	int fd = iommufd_open(), rc;
	uint64_t iova = 0;
	uint32_t ioas;

	if (fd < 0)
		return errno;
	if (!pci_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &edu->pci))
		return ENODEV;
	rc = _test_ioas_alloc(fd, &ioas);
	rc = rc ?: edu_open(edu, fd);
	edu->pt_id = ioas;
	rc = rc ?: _test_vfio_attach(edu->cdev, &edu->pt_id);
	rc = rc ?: _test_ioas_map(fd, ioas, mem, 4 * PAGE, &iova, MAP_RW);
	if (tidy) {
		rc = rc ?: _test_ioas_unmap(fd, ioas, iova, 4 * PAGE, NULL);
		rc = rc ?: _test_vfio_detach(edu->cdev);
		rc = rc ?: _test_destroy(fd, ioas);
	}
	edu_close(edu);
	close(fd);
	return rc;
}

static int use_by_group(struct group_user *user, const struct pci_device *pci,
			void *mem)
{
	int rc = group_user_open(user, pci, mem);

	if (!rc)
		group_user_close(user);
	return rc;
}

/*
 * Every other load has two uses: one undoes each step, one only closes. In
 * between the group is used without the modules.
 */
#define test_life(_modules, _rounds)					\
	do {								\
		for (int __i = 0; __i < (_rounds); __i++) {		\
			test_ok(modules_unload(_modules));		\
			if (__i % 2)					\
				test_ok(use_by_group(&self->user,	\
						     &self->edu.pci,	\
						     self->mem));	\
			test_ok(modules_load(_modules));		\
			if (__i % 2)					\
				continue;				\
			test_ok(use(&self->edu, self->mem, true));	\
			test_ok(use(&self->edu, self->mem, false));	\
		}							\
	} while (0)

/*
 * A leak grows with every other load, or with every use of one kind, by more
 * than the free objects of one slab.
 */
static bool has_grown(const struct count *now, unsigned int rounds)
{
	const struct count *old = counts_find(&before, now->name);

	return now->value - (old ? old->value : 0) >
	       rounds / 8 + now->per_slab;
}

static bool anything_has_grown(unsigned int rounds)
{
	for (int i = 0; i < after.num; i++) {
		if (has_grown(&after.of[i], rounds))
			return true;
	}
	return false;
}

/*
 * Other parts of the kernel allocate meanwhile: what does not grow in the
 * second attempt is no leak. With kmemleak nothing is counted: it finds each
 * lost object, and its own allocations would disturb the counts.
 */
TEST_F_TIMEOUT(modules, load_use_and_unload_leak_nothing,
	       LIFE_SECONDS * slowness())
{
	bool count = access("/sys/kernel/debug/kmemleak", F_OK);
	unsigned int rounds = ROUNDS / kernel_slowness();
	struct modules quick = self->all;

	slabs_write("cpu_partial", 0);
	TH_LOG("%u rounds", rounds);
	test_life(&self->all, count ? WARM_UP : rounds);
	if (!count)
		return;
	/* Each end of a redirection waits for all tasks of the machine. */
	test_ok(modules_unload(&self->all));
	modules_drop(&quick, "vfio_cdev_kvm");
	modules_drop(&quick, "vfio_cdev_group");
	test_ok(modules_load(&quick));
	for (int i = 0; i < ATTEMPTS; i++) {
		ASSERT_TRUE(counts_take(&before));
		test_life(&quick, rounds);
		ASSERT_TRUE(counts_take(&after));
		if (!anything_has_grown(rounds))
			return;
	}
	for (int i = 0; i < after.num; i++) {
		EXPECT_FALSE(has_grown(&after.of[i], rounds))
			TH_LOG("%s: %ld now", after.of[i].name,
			       after.of[i].value);
	}
}

TEST_HARNESS_MAIN
