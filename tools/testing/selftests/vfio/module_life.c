// SPDX-License-Identifier: GPL-2.0
/*
 * The modules can be unloaded when nothing is open, and nothing in the kernel
 * grows when they are loaded, used and unloaded many times. Runs after all
 * other programs, on modules below updates/ of the running kernel.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "common.h"

#define DRIVER		"vfio_cdev"
#define MAX_MODULES	8
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

/* iommufd first, then its users, in the order of loading */
struct modules {
	unsigned int num;
	char name[MAX_MODULES][64];
};

/* Lines of /proc/modules: name, size, references, users as "a,b," or "-" */
static bool modules_find(struct modules *modules)
{
	char line[512], users[384], *user;
	bool found = false;
	FILE *f;

	f = fopen("/proc/modules", "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "iommufd %*u %*d %383s", users) == 1;
	fclose(f);
	if (!found)
		return false;
	snprintf(modules->name[0], sizeof(modules->name[0]), "iommufd");
	modules->num = 1;
	for (user = strtok(users, ",-"); user && modules->num < MAX_MODULES;
	     user = strtok(NULL, ",-"))
		snprintf(modules->name[modules->num++], sizeof(modules->name[0]),
			 "%.63s", user);
	return true;
}

/* The file may have a dash where the name has an underscore. */
static int module_open(const char *name)
{
	char path[PATH_MAX], *c;
	struct utsname uts;
	int fd;

	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/%s.ko",
		 uts.release, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (c = strrchr(path, '/'); fd < 0 && *c; c++) {
		if (*c == '_')
			*c = '-';
	}
	return fd < 0 ? open(path, O_RDONLY | O_CLOEXEC) : fd;
}

static int module_load(const char *name)
{
	int fd = module_open(name), rc;

	if (fd < 0)
		return errno;
	rc = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
	close(fd);
	return rc;
}

static int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

static int modules_unload(const struct modules *modules)
{
	int rc = 0;

	for (int i = modules->num - 1; !rc && i >= 0; i--)
		rc = module_unload(modules->name[i]);
	return rc;
}

static int modules_load(const struct modules *modules)
{
	int rc = 0;

	for (int i = 0; !rc && i < modules->num; i++)
		rc = module_load(modules->name[i]);
	return rc;
}

FIXTURE(modules) {
	int fd;
	struct modules all;
	struct edu edu;
	uint8_t *mem;
};

FIXTURE_SETUP(modules)
{
	int fd;

	self->fd = -1;
	self->edu.cdev = -1;
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
	close(self->fd);
	for (int i = 0; i < self->all.num; i++) {
		rc = module_load(self->all.name[i]);
		EXPECT_TRUE(!rc || rc == EEXIST)
			TH_LOG("%s: %s", self->all.name[i], strerror(rc));
	}
	EXPECT_TRUE(pci_find(&pci_edu, PCI_ON_ROOT_BUS, 0, &self->edu.pci));
}

#define test_kept(_name) ASSERT_EQ(EWOULDBLOCK, module_unload(_name))
#define test_unload(_name) test_ok(module_unload(_name))

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

TEST_F(modules, driver_is_kept_by_an_open_cdev)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	self->edu.cdev = vfio_cdev_open(&self->edu.pci);
	ASSERT_GE(self->edu.cdev, 0);
	test_kept(DRIVER);
	test_ok(_test_vfio_bind(self->edu.cdev, self->fd, &self->edu.devid));
	test_kept(DRIVER);
	/* The mapping of the BAR keeps the closed file open. */
	self->edu.bar = vfio_bar_mmap(self->edu.cdev,
				      VFIO_PCI_BAR0_REGION_INDEX, NULL);
	ASSERT_NE(NULL, (void *)self->edu.bar);
	close(self->edu.cdev);
	self->edu.cdev = -1;
	test_kept(DRIVER);
	edu_close(&self->edu);
	test_unload(DRIVER);
}

TEST_F(modules, driver_is_kept_by_a_legacy_device_file)
{
	int container = vfio_container_open();
	int group = vfio_group_open(self->edu.pci.group);
	int device;

	ASSERT_GE(container, 0);
	ASSERT_GE(group, 0);
	test_ok(_test_use_container(group, container));
	device = vfio_group_device(group, self->edu.pci.bdf);
	ASSERT_GE(device, 0);
	test_kept(DRIVER);
	close(device);
	close(group);
	close(container);
	test_unload(DRIVER);
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

/* Every other load has two uses: one undoes each step, one only closes. */
#define test_life(_rounds)						\
	do {								\
		for (int __i = 0; __i < (_rounds); __i++) {		\
			test_ok(modules_unload(&self->all));		\
			test_ok(modules_load(&self->all));		\
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

	slabs_write("cpu_partial", 0);
	TH_LOG("%u rounds", rounds);
	test_life(count ? WARM_UP : rounds);
	for (int i = 0; count && i < ATTEMPTS; i++) {
		ASSERT_TRUE(counts_take(&before));
		test_life(rounds);
		ASSERT_TRUE(counts_take(&after));
		if (!anything_has_grown(rounds))
			return;
	}
	for (int i = 0; count && i < after.num; i++) {
		EXPECT_FALSE(has_grown(&after.of[i], rounds))
			TH_LOG("%s: %ld now", after.of[i].name,
			       after.of[i].value);
	}
}

TEST_HARNESS_MAIN
