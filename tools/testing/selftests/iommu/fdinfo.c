// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc/PID/fdinfo/FD tells of /dev/iommu, to whom, and the counters of
 * the module in sysfs.
 */
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "mapper.h"
#include "mock_space.h"
#include "stuck.h"

#define PIN	MOCK_ACCESS_NEEDS_PIN_PAGES
#define PAGES	8UL
#define LENGTH	(PAGES * PAGE)
#define MAX_LINES 1024		/* of objects */
#define LONG	(96UL << 20)	/* a call that is shown while it runs */
#define COMES	10000		/* ms; a bound, not what it takes */
#define WAITS	100		/* ms between two looks */

FIXTURE(fdinfo) {
	struct mock;
	uint8_t *mem;
};

FIXTURE_VARIANT(fdinfo) { unsigned int domains; };

FIXTURE_VARIANT_ADD(fdinfo, no_domain) { .domains = 0 };
FIXTURE_VARIANT_ADD(fdinfo, one_domain) { .domains = 1 };
FIXTURE_VARIANT_ADD(fdinfo, two_domains) { .domains = 2 };

FIXTURE_SETUP(fdinfo)
{
	mock_open(variant->domains, MOCK_MEMORY_DEFAULT);
	self->mem = test_mem(mem_anon(2 * LENGTH));
}

FIXTURE_TEARDOWN(fdinfo)
{
	mock_close();
}

static FILE *info_open(pid_t pid, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	return fopen(path, "re");
}

/* Copy what follows @key and a tab in the first line with it that has @text. */
static bool info_find(int fd, const char *key, const char *text, char *value,
		      size_t size)
{
	FILE *info = info_open(getpid(), fd);
	size_t length = strlen(key);
	bool found = false;
	char line[512];

	while (info && !found && fgets(line, sizeof(line), info)) {
		line[strcspn(line, "\n")] = 0;
		found = !strncmp(line, key, length) && line[length] == ':' &&
			line[length + 1] == '\t' && strstr(line, text);
		if (found)
			snprintf(value, size, "%s", line + length + 2);
	}
	if (info)
		fclose(info);
	return found;
}

/* The number of a key; -1 if it is not there */
static long info_number(int fd, const char *key)
{
	char value[512];

	return info_find(fd, key, "", value, sizeof(value)) ? atol(value) : -1;
}

static unsigned int info_lines(int fd, const char *key)
{
	FILE *info = info_open(getpid(), fd);
	unsigned int n = 0;
	char line[512];

	while (info && fgets(line, sizeof(line), info))
		n += !strncmp(line, key, strlen(key)) &&
		     line[strlen(key)] == ':';
	if (info)
		fclose(info);
	return n;
}

/* The whole line of an object, behind its key */
#define test_object(_key, _id, _format, ...)				\
	do {								\
		char __want[256], __begin[16], __got[512] = "";		\
									\
		snprintf(__begin, sizeof(__begin), "\t%u ", _id);	\
		snprintf(__want, sizeof(__want), "%u " _format, _id,	\
			 ##__VA_ARGS__);				\
		EXPECT_TRUE(info_find(self->fd, _key, __begin, __got,	\
				      sizeof(__got)));			\
		EXPECT_STREQ(__want, __got);				\
	} while (0)
#define test_no_object(_key, _id)					\
	do {								\
		char __begin[16], __got[512];				\
									\
		snprintf(__begin, sizeof(__begin), "\t%u ", _id);	\
		EXPECT_FALSE(info_find(self->fd, _key, __begin, __got,	\
				       sizeof(__got)));			\
	} while (0)
#define test_number(_key, _number)					\
	EXPECT_EQ((long)(_number), info_number(self->fd, _key))

/* The line of self->ioas, which has the devices of the fixture */
#define test_ioas_line(_areas, _bytes, _accesses)			\
	test_object("iommufd-ioas", self->ioas,				\
		    "areas=%u mapped=%lu pinned=%lu hwpts=%u devices=%u accesses=%u", \
		    _areas, _bytes, variant->domains ? (_bytes) : 0UL,	\
		    variant->domains, variant->domains, _accesses)

TEST_F(fdinfo, an_ioas_has_what_is_mapped)
{
	test_ioas_line(0, 0UL, 0);
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_ioas_line(1, LENGTH, 0);
	test_map_fixed(self->mem + LENGTH, PAGE, MOCK_IOVA + LENGTH);
	test_ioas_line(2, LENGTH + PAGE, 0);
	test_number("iommufd-mapped", LENGTH + PAGE);
	test_err_map_fixed(EEXIST, self->mem, PAGE, MOCK_IOVA);
	/* Without a domain nothing is pinned, so nothing is wrong with it. */
	if (variant->domains)
		test_err_map_fixed(EFAULT, NULL, LENGTH,
				   MOCK_IOVA + 2 * LENGTH);
	test_ioas_line(2, LENGTH + PAGE, 0);
	test_unmap(MOCK_IOVA, LENGTH);
	test_ioas_line(1, PAGE, 0);
	test_unmap_all(NULL);
	test_ioas_line(0, 0UL, 0);
	test_number("iommufd-mapped", 0);
	test_number("iommufd-pinned", 0);
}

/* A copy is mapped twice and pinned once. */
TEST_F(fdinfo, a_copy_is_pinned_once)
{
	uint64_t iova = 0;
	uint32_t other;

	test_ioas_alloc(&other);
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_copy(other, &iova, self->ioas, MOCK_IOVA, LENGTH, MAP_RW);
	test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA, LENGTH, MAP_RW);
	test_ioas_line(2, 2 * LENGTH, 0);
	test_object("iommufd-ioas", other,
		    "areas=1 mapped=%lu pinned=0 hwpts=0 devices=0 accesses=0",
		    LENGTH);
	test_number("iommufd-mapped", 3 * LENGTH);
	test_number("iommufd-pinned", variant->domains ? LENGTH : 0);
	test_destroy(other);
	test_number("iommufd-mapped", 2 * LENGTH);
}

TEST_F(fdinfo, an_access_pins_its_window)
{
	char value[512];
	uint32_t pin;
	int access;

	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_access_create(PIN, &access);
	test_ioas_line(1, LENGTH, 1);
	test_access_pin(access, MOCK_IOVA, 2 * PAGE, self->mem, 0, &pin);
	test_ioas_line(1, LENGTH, 1);
	test_number("iommufd-pinned", variant->domains ? LENGTH : 2 * PAGE);
	test_access_unpin(access, pin);
	test_number("iommufd-pinned", variant->domains ? LENGTH : 0);
	EXPECT_TRUE(info_find(self->fd, "iommufd-object", "type=access", value,
			      sizeof(value)));
	close(access);
	EXPECT_FALSE(info_find(self->fd, "iommufd-object", "type=access", value,
			       sizeof(value)));
	test_ioas_line(1, LENGTH, 0);
}

TEST_F(fdinfo, hwpts_and_devices)
{
	uint32_t hwpt;

	/* A mock device is an object of its own, beside what it is bound as. */
	test_number("iommufd-objects", 1 + 3 * variant->domains);
	EXPECT_EQ(variant->domains, info_lines(self->fd, "iommufd-hwpt"));
	EXPECT_EQ(variant->domains, info_lines(self->fd, "iommufd-device"));
	if (!variant->domains)
		return;
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_object("iommufd-hwpt", self->dev[0].hwpt,
		    "ioas=%u kind=auto flags=0x0 devices=1 mapped=%lu",
		    self->ioas, LENGTH);
	if (variant->domains > 1)
		test_object("iommufd-hwpt", self->dev[1].hwpt,
			    "ioas=%u kind=paging flags=0x0 devices=1 mapped=%lu",
			    self->ioas, LENGTH);
	test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
	test_object("iommufd-hwpt", hwpt,
		    "ioas=%u kind=paging flags=0x0 devices=0 mapped=%lu",
		    self->ioas, LENGTH);
	test_mock_replace(self->dev[0].stdev, &hwpt);
	test_object("iommufd-hwpt", hwpt,
		    "ioas=%u kind=paging flags=0x0 devices=1 mapped=%lu",
		    self->ioas, LENGTH);
	test_no_object("iommufd-hwpt", self->dev[0].hwpt);
	test_ioas_line(1, LENGTH, 0);
	test_destroy(self->dev[0].stdev);
	test_no_object("iommufd-device", self->dev[0].idev);
	test_object("iommufd-hwpt", hwpt,
		    "ioas=%u kind=paging flags=0x0 devices=0 mapped=%lu",
		    self->ioas, LENGTH);
}

TEST_F(fdinfo, a_device_has_name_and_hwpt)
{
	char value[512], want[64];

	if (!variant->domains)
		return;		/* there is no device */
	ASSERT_TRUE(info_find(self->fd, "iommufd-device", " name=", value,
			      sizeof(value)));
	snprintf(want, sizeof(want), " hwpt=%u", self->dev[0].hwpt);
	EXPECT_NE(NULL, strstr(value, want)) TH_LOG("%s", value);
	EXPECT_EQ(self->dev[0].idev, (uint32_t)atol(value));
}

/* The text stays short, whatever a process makes. */
TEST_F(fdinfo, not_more_lines_than_promised)
{
	unsigned int objects = 1 + 3 * variant->domains;
	uint32_t ioas;

	test_number("iommufd-unlisted", -1);
	while (objects < MAX_LINES) {
		test_ioas_alloc(&ioas);
		objects++;
	}
	test_number("iommufd-unlisted", -1);
	for (unsigned int i = 0; i < 10; i++)
		test_ioas_alloc(&ioas);
	test_number("iommufd-objects", MAX_LINES + 10);
	test_number("iommufd-unlisted", 10);
	EXPECT_EQ(MAX_LINES, info_lines(self->fd, "iommufd-ioas") +
				     info_lines(self->fd, "iommufd-hwpt") +
				     info_lines(self->fd, "iommufd-device") +
				     info_lines(self->fd, "iommufd-object"));
}

TEST_F(fdinfo, what_a_user_is_charged)
{
	struct mapper map = {
		.fd = self->fd, .ioas = self->ioas,
		.uid = 20000 + getpid() % 20000, .memlock = 2 * LENGTH,
		.mem = self->mem, .length = LENGTH, .iova = MOCK_IOVA + LENGTH,
	};
	struct child child;
	char value[512];

	test_number("iommufd-payer-uid", -1);
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_number("iommufd-payer-uid", 0);
	/* Root may lock memory without a limit. */
	test_number("iommufd-charged", 0);
	test_number("iommufd-pinned", variant->domains ? LENGTH : 0);
	ASSERT_TRUE(child_start(&child, map_as_user, &map));
	ASSERT_EQ(0, child_result(&child));
	test_number("iommufd-payer-uid", map.uid);
	test_number("iommufd-charged", variant->domains ? LENGTH : 0);
	test_number("iommufd-pinned", variant->domains ? 2 * LENGTH : 0);
	ASSERT_TRUE(info_find(self->fd, "iommufd-accounting", "", value,
			      sizeof(value)));
	EXPECT_STREQ("user", value);
	child_end(&child);
	test_number("iommufd-charged", variant->domains ? LENGTH : 0);
	test_unmap_all(NULL);
	test_number("iommufd-charged", 0);
	test_number("iommufd-pinned", 0);
}

TEST_F(fdinfo, accounting_of_the_process)
{
	uint64_t mode = 1;
	char value[512];
	int fd = iommufd_open();

	ASSERT_GE(fd, 0);
	test_ok(_test_option(fd, IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET,
			     0, &mode));
	ASSERT_TRUE(info_find(fd, "iommufd-accounting", "", value,
			      sizeof(value)));
	EXPECT_STREQ("process", value);
	EXPECT_NE(info_number(fd, "iommufd-context"),
		  info_number(self->fd, "iommufd-context"));
	close(fd);
}

struct long_map {
	int fd;
	uint32_t ioas;
	void *mem;
	int rc;
};

static void *map_long(void *arg)
{
	struct long_map *map = arg;

	map->rc = _test_map_fixed(map->fd, map->ioas, map->mem, LONG, MOCK_IOVA,
				  MAP_RW);
	return NULL;
}

/* The last page comes when the test wants. */
TEST_F(fdinfo, a_long_map_shows_how_far_it_is)
{
	struct long_map map = { .fd = self->fd, .ioas = self->ioas };
	unsigned long done = 0, total;
	struct stuck stuck;
	pthread_t thread;
	char value[512];
	uint64_t end;
	long pinned;
	int fields;

	if (!variant->domains)
		return;		/* it does not touch the memory */
	if (!stuck_possible())
		SKIP(return, "this kernel has no CONFIG_USERFAULTFD");
	ASSERT_TRUE(stuck_open(&stuck, LONG, LONG / PAGE - 1));
	map.mem = stuck.mem;
	EXPECT_EQ(0, info_lines(self->fd, "iommufd-in-progress"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_long, &map));
	test_ok(stuck_wait(&stuck, COMES));
	/* A thread that touches memory ahead may be there first. */
	for (end = now_ms() + COMES * slowness();
	     done < LONG / 2 && now_ms() < end; sleep_ms(WAITS)) {
		ASSERT_TRUE(info_find(self->fd, "iommufd-in-progress", "map ",
				      value, sizeof(value)));
		fields = sscanf(value, "map %lu %lu", &done, &total);
		ASSERT_EQ(2, fields)
			TH_LOG("%s", value);
		EXPECT_EQ(LONG, total);
		EXPECT_LT(done, total);
	}
	EXPECT_GE(done, LONG / 2);
	/* It is counted as mapped already, but pinned only as far as it is. */
	test_number("iommufd-mapped", LONG);
	pinned = info_number(self->fd, "iommufd-pinned");
	EXPECT_GE(pinned, (long)done);
	EXPECT_LT(pinned, (long)LONG);
	stuck_release(&stuck);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	test_ok(map.rc);
	EXPECT_EQ(0, info_lines(self->fd, "iommufd-in-progress"));
	test_number("iommufd-pinned", LONG);
	test_unmap(MOCK_IOVA, LONG);
}

/* Who looks, at whom */
struct look {
	pid_t pid;
	int fd;
	uid_t uid;
};

/* Return: 0 or the errno of reading */
static int look_at(void *arg)
{
	struct look *look = arg;
	char line[64];
	FILE *info;
	int rc = 0;

	if (look->uid && !become_user(look->uid, 0))
		return -1;
	info = info_open(look->pid, look->fd);
	if (!info)
		return errno;
	errno = 0;
	if (!fgets(line, sizeof(line), info))
		rc = errno ?: ENODATA;
	fclose(info);
	return rc;
}

/* As an ordinary user's process is, which others of the user may trace. */
static int be_user(void *arg)
{
	const uid_t *uid = arg;

	return !become_user(*uid, LENGTH) || prctl(PR_SET_DUMPABLE, 1);
}

TEST_F(fdinfo, only_for_who_may_trace_the_process)
{
	uid_t uid = 20000 + getpid() % 20000;
	struct look look = { .fd = self->fd };
	struct child owner;

	ASSERT_TRUE(child_start(&owner, be_user, &uid));
	ASSERT_EQ(0, child_result(&owner));
	look.pid = owner.pid;
	EXPECT_EQ(0, child_run(look_at, &look));
	look.uid = uid + 1;
	EXPECT_EQ(EACCES, child_run(look_at, &look));
	look.uid = uid;
	EXPECT_EQ(0, child_run(look_at, &look));
	child_end(&owner);
}

#define COUNTER(_name)	file_read_long("/sys/module/iommufd/counters/" _name)

/* From a sum and its own part, a user would know the part of the others. */
TEST_F(fdinfo, counters_are_for_root)
{
	static const char *const names[] = {
		"mapped_bytes", "pinned_bytes", "map_failures", "stuck_bytes",
	};
	char path[128];
	struct stat st;

	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path),
			 "/sys/module/iommufd/counters/%s", names[i]);
		ASSERT_EQ(0, stat(path, &st));
		EXPECT_EQ(0400, st.st_mode & 0777);
		EXPECT_EQ(0, st.st_uid);
	}
}

/* No other test runs meanwhile, but other programs may. */
TEST_F(fdinfo, counters_of_the_module)
{
	long mapped = COUNTER("mapped_bytes"), pinned = COUNTER("pinned_bytes");
	long failures = COUNTER("map_failures");
	uint64_t iova = 0;
	uint32_t other;

	ASSERT_GE(mapped, 0);
	ASSERT_GE(pinned, 0);
	ASSERT_GE(failures, 0);
	/* No driver has failed to unmap: that would be a warning. */
	EXPECT_EQ(0, COUNTER("stuck_bytes"));
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	EXPECT_EQ(mapped + (long)LENGTH, COUNTER("mapped_bytes"));
	EXPECT_EQ(pinned + (variant->domains ? (long)LENGTH : 0),
		  COUNTER("pinned_bytes"));
	EXPECT_EQ(failures, COUNTER("map_failures"));
	test_err_map_fixed(EEXIST, self->mem, PAGE, MOCK_IOVA);
	EXPECT_EQ(failures + 1, COUNTER("map_failures"));
	test_err_copy(ENOENT, self->ioas, &iova, self->ioas, 0, PAGE, MAP_RW);
	EXPECT_EQ(failures + 2, COUNTER("map_failures"));
	EXPECT_EQ(mapped + (long)LENGTH, COUNTER("mapped_bytes"));
	/* What goes with its IOAS is not mapped any more. */
	test_ioas_alloc(&other);
	test_copy(other, &iova, self->ioas, MOCK_IOVA, LENGTH, MAP_RW);
	EXPECT_EQ(mapped + 2 * (long)LENGTH, COUNTER("mapped_bytes"));
	test_destroy(other);
	EXPECT_EQ(mapped + (long)LENGTH, COUNTER("mapped_bytes"));
	test_unmap(MOCK_IOVA, LENGTH);
	EXPECT_EQ(mapped, COUNTER("mapped_bytes"));
	EXPECT_EQ(pinned, COUNTER("pinned_bytes"));
}

TEST_HARNESS_MAIN
