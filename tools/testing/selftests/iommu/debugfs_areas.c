// SPDX-License-Identifier: GPL-2.0
/* What debugfs shows root of each open /dev/iommu: the owner, what is mapped */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>

#include "mem_frames.h"
#include "mock_space.h"

#define PAGES	8UL
#define LENGTH	(PAGES * PAGE)
#define DEBUGFS	"/sys/kernel/debug"
#define MANY	50000U
#define FAR	(1UL << 40)	/* IOVA behind the many areas */

FIXTURE(debugfs_areas) {
	struct mock;
	uint8_t *mem;
	char dir[64];
};

FIXTURE_VARIANT(debugfs_areas) { unsigned int domains; };

FIXTURE_VARIANT_ADD(debugfs_areas, no_domain) { .domains = 0 };
FIXTURE_VARIANT_ADD(debugfs_areas, one_domain) { .domains = 1 };

static long context_of(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return file_read_key(path, "iommufd-context:");
}

FIXTURE_SETUP(debugfs_areas)
{
	if (access(DEBUGFS "/iommufd", F_OK))
		mount("debugfs", DEBUGFS, "debugfs", 0, NULL);
	mock_open(variant->domains, MOCK_MEMORY_DEFAULT);
	if (access(DEBUGFS "/iommufd", F_OK))
		SKIP(_exit(KSFT_SKIP), "this kernel has no debugfs");
	self->mem = test_mem(mem_scattered(PAGES));
	snprintf(self->dir, sizeof(self->dir), DEBUGFS "/iommufd/%d-%ld",
		 getpid(), context_of(self->fd));
}

FIXTURE_TEARDOWN(debugfs_areas)
{
	mock_close();
	/* It goes with the context. */
	EXPECT_NE(0, access(self->dir, F_OK));
}

/* A file of the directory; NULL with errno */
static FILE *debug_open(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "re");
}

/* A line about an area */
struct area {
	unsigned long start, last, bytes, runs, age;
	char flags[8];
};

static bool area_parse(const char *line, struct area *area)
{
	return sscanf(line, "0x%lx 0x%lx %lu %lu %7s %lu", &area->start,
		      &area->last, &area->bytes, &area->runs, area->flags,
		      &area->age) == 6;
}

/* Find the area at @start in the section of @ioas. */
static bool area_find(const char *dir, uint32_t ioas, unsigned long start,
		      struct area *area)
{
	FILE *file = debug_open(dir, "areas");
	unsigned int section = 0;
	bool found = false;
	char line[256];

	while (file && !found && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "ioas %u", &section) == 1)
			continue;
		found = section == ioas && area_parse(line, area) &&
			area->start == start;
	}
	if (file)
		fclose(file);
	return found;
}

/* How many lines are @text? */
static unsigned int count_lines(const char *dir, const char *text)
{
	FILE *file = debug_open(dir, "areas");
	unsigned int n = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		n += !strcmp(line, text);
	if (file)
		fclose(file);
	return n;
}

#define test_area(_ioas, _start, _bytes, _runs, _flags)			\
	do {								\
		struct area __area = {};				\
									\
		ASSERT_TRUE(area_find(self->dir, _ioas, _start, &__area)); \
		EXPECT_EQ((_start) + (_bytes) - 1, __area.last);	\
		EXPECT_EQ(_bytes, __area.bytes);			\
		EXPECT_EQ(_runs, __area.runs);				\
		EXPECT_STREQ(_flags, __area.flags);			\
		/* Made a moment ago */					\
		EXPECT_LT(__area.age, 60000UL * slowness());		\
	} while (0)
#define test_lines(_count, _format, ...)				\
	do {								\
		char __text[128];					\
									\
		snprintf(__text, sizeof(__text), _format "\n",		\
			 ##__VA_ARGS__);				\
		EXPECT_EQ(_count, count_lines(self->dir, __text))	\
			TH_LOG("%s", __text);				\
	} while (0)

TEST_F(debugfs_areas, lines_of_areas)
{
	const char *pinned = variant->domains ? "p" : "";
	uint64_t iova = MOCK_IOVA + 2 * LENGTH;
	uint32_t other, pin;
	char flags[8];
	int access;

	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	snprintf(flags, sizeof(flags), "rw%s", pinned);
	test_area(self->ioas, MOCK_IOVA, LENGTH,
		  variant->domains * mem_runs(self->mem, PAGES), flags);
	test_map_to(self->ioas, self->mem, PAGE, &iova,
		    MAP_READ | MAP_FIXED_IOVA);
	snprintf(flags, sizeof(flags), "r%s", pinned);
	test_area(self->ioas, iova, PAGE, variant->domains, flags);
	test_ioas_alloc(&other);
	test_copy(other, &iova, self->ioas, MOCK_IOVA + PAGE, 2 * PAGE,
		  MAP_WRITE | MAP_FIXED_IOVA);
	test_area(other, iova, 2 * PAGE,
		  variant->domains * mem_runs(self->mem + PAGE, 2), "w");
	test_unmap(MOCK_IOVA, LENGTH);
	EXPECT_FALSE(area_find(self->dir, self->ioas, MOCK_IOVA,
			       &(struct area){}));

	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_access_pin(access, MOCK_IOVA + 2 * PAGE, 3 * PAGE,
			self->mem + 2 * PAGE, 0, &pin);
	test_area(self->ioas, MOCK_IOVA, LENGTH,
		  variant->domains ? mem_runs(self->mem, PAGES) :
				     mem_runs(self->mem + 2 * PAGE, 3),
		  "rwp");
	test_access_unpin(access, pin);
	close(access);
	test_destroy(other);
}

TEST_F(debugfs_areas, contiguous_memory_is_one_run)
{
	uint8_t *huge = test_thp(2 * HUGE);

	test_map_fixed(huge, HUGE, MOCK_IOVA);
	test_area(self->ioas, MOCK_IOVA, HUGE, variant->domains,
		  variant->domains ? "rwp" : "rw");
}

TEST_F(debugfs_areas, files_have_a_letter)
{
	uint64_t iova = MOCK_IOVA;
	int file = mem_fd("areas", LENGTH, 0);
	struct area area;

	ASSERT_GE(file, 0);
	test_ok(_test_ioas_map_file(self->fd, self->ioas, file, 0, LENGTH,
				    &iova, MAP_RW | MAP_FIXED_IOVA));
	ASSERT_TRUE(area_find(self->dir, self->ioas, MOCK_IOVA, &area));
	EXPECT_STREQ(variant->domains ? "rwpf" : "rwf", area.flags);
	close(file);
}

TEST_F(debugfs_areas, reserved_and_allowed_ranges)
{
	struct iommu_iova_range allowed[] = {
		{ MOCK_IOVA, MOCK_IOVA + LENGTH - 1 },
		{ MOCK_IOVA + 4 * LENGTH, MOCK_IOVA + 5 * LENGTH - 1 },
	};

	test_lines(1, "ioas %u", self->ioas);
	if (variant->domains)
		test_lines(1, "reserved 0x0 0x%lx", MOCK_APERTURE_START - 1UL);
	test_reserve(MOCK_IOVA + 16 * LENGTH, LENGTH);
	test_lines(1, "reserved 0x%lx 0x%lx", MOCK_IOVA + 16 * LENGTH,
		   MOCK_IOVA + 17 * LENGTH - 1);
	/* What touches is shown as one. */
	test_reserve(MOCK_IOVA + 17 * LENGTH, LENGTH);
	test_lines(1, "reserved 0x%lx 0x%lx", MOCK_IOVA + 16 * LENGTH,
		   MOCK_IOVA + 18 * LENGTH - 1);
	test_allow_iovas(allowed, 2);
	test_lines(1, "allowed 0x%llx 0x%llx", allowed[0].start,
		   allowed[0].last);
	test_lines(1, "allowed 0x%llx 0x%llx", allowed[1].start,
		   allowed[1].last);
}

TEST_F(debugfs_areas, owner_is_who_opened_it)
{
	FILE *file = debug_open(self->dir, "owner");
	char line[128] = "", want[128];

	ASSERT_NE(NULL, file);
	ASSERT_NE(NULL, fgets(line, sizeof(line), file));
	snprintf(want, sizeof(want), "pid %d comm debugfs_areas uid 0\n",
		 getpid());
	EXPECT_STREQ(want, line);
	fclose(file);
}

static int open_as_user(void *arg)
{
	FILE *file;

	if (!become_user(20000 + getpid() % 20000, 0))
		return -1;
	file = debug_open(arg, "areas");
	return file ? 0 : errno;
}

TEST_F(debugfs_areas, only_for_root)
{
	EXPECT_EQ(EACCES, child_run(open_as_user, self->dir));
}

struct mapper {
	pthread_t thread;
	int fd;
	uint32_t ioas;
	void *mem;
	volatile bool stop;
	unsigned int calls;
	int rc;
};

/* Map and unmap far away from the many areas. */
static void *map_and_unmap(void *arg)
{
	struct mapper *mapper = arg;

	while (!mapper->stop && !mapper->rc) {
		mapper->rc = _test_map_fixed(mapper->fd, mapper->ioas,
					     mapper->mem, PAGE, FAR, MAP_RW);
		if (!mapper->rc)
			mapper->rc = _test_ioas_unmap(mapper->fd, mapper->ioas,
						      FAR, PAGE, NULL);
		mapper->calls++;
	}
	return NULL;
}

#define test_map_many()							\
	do {								\
		for (unsigned int __i = 0; __i < MANY; __i++)		\
			test_map_fixed(self->mem, PAGE,			\
				       MOCK_IOVA + 2 * __i * PAGE);	\
	} while (0)

/* A reader sees each area that stays once, in order, and keeps none waiting. */
TEST_F(debugfs_areas, many_areas_while_others_come_and_go)
{
	struct mapper mapper = { .fd = self->fd, .mem = self->mem };
	unsigned long before = 0;
	unsigned int seen = 0;
	struct area area;
	char line[256];
	FILE *file;

	if (variant->domains)
		return;		/* 1 << 40 is not in the mock's aperture */
	mapper.ioas = self->ioas;
	test_map_many();
	ASSERT_EQ(0, pthread_create(&mapper.thread, NULL, map_and_unmap,
				    &mapper));
	file = debug_open(self->dir, "areas");
	ASSERT_NE(NULL, file);
	while (fgets(line, sizeof(line), file)) {
		if (!area_parse(line, &area))
			continue;
		EXPECT_GT(area.start, before);
		before = area.start;
		seen += area.start < FAR;
	}
	fclose(file);
	mapper.stop = true;
	ASSERT_EQ(0, pthread_join(mapper.thread, NULL));
	test_ok(mapper.rc);
	EXPECT_EQ(MANY, seen);
	EXPECT_GT(mapper.calls, 1);
}

/* Half read, the file is in nobody's way; what comes next is read on. */
TEST_F(debugfs_areas, an_open_file_does_not_keep_an_ioas)
{
	char text[4096];
	uint32_t next;
	ssize_t n, all = 0;
	int file;

	if (variant->domains)
		return;
	test_map_many();
	snprintf(text, sizeof(text), "%s/areas", self->dir);
	file = open(text, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(file, 0);
	ASSERT_GT(read(file, text, sizeof(text)), 0);
	test_ioas_alloc(&next);
	test_destroy(self->ioas);
	while ((n = read(file, text, sizeof(text))) > 0)
		all += n;
	EXPECT_EQ(0, n);
	/* The rest was a small part of it. */
	EXPECT_LT(all, (ssize_t)MANY);
	close(file);
	test_lines(1, "ioas %u", next);
}

/* The descriptor of the file survives the context. */
TEST_F(debugfs_areas, a_file_of_a_closed_context)
{
	char text[256];
	int fd = iommufd_open(), file;

	ASSERT_GE(fd, 0);
	snprintf(text, sizeof(text), DEBUGFS "/iommufd/%d-%ld/areas", getpid(),
		 context_of(fd));
	file = open(text, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(file, 0);
	close(fd);
	EXPECT_EQ(-1, read(file, text, sizeof(text)));
	EXPECT_EQ(EIO, errno);
	close(file);
}

TEST_HARNESS_MAIN
