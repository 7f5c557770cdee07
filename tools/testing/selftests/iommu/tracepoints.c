// SPDX-License-Identifier: GPL-2.0
/* The tracepoints of the group iommufd, and what their lines say */
#include <fcntl.h>
#include <sys/mount.h>

#include "mapper.h"
#include "mem_frames.h"
#include "mock_space.h"

#define PIN	MOCK_ACCESS_NEEDS_PIN_PAGES
#define PAGES	8UL
#define LENGTH	(PAGES * PAGE)
#define TRACING	"/sys/kernel/tracing/"
#define EVENTS	TRACING "events/iommufd/"

FIXTURE(tracepoints) {
	struct mock;
	uint8_t *mem;
	long ctx;
};

FIXTURE_VARIANT(tracepoints) { unsigned int domains; };

FIXTURE_VARIANT_ADD(tracepoints, one_domain) { .domains = 1 };

FIXTURE_SETUP(tracepoints)
{
	char path[64];

	if (access(TRACING "trace", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "trace", F_OK))
		SKIP(_exit(KSFT_SKIP), "this kernel has no tracefs");
	mock_open(variant->domains, MOCK_MEMORY_DEFAULT);
	self->mem = test_mem(mem_scattered(PAGES));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->fd);
	self->ctx = file_read_key(path, "iommufd-context:");
	ASSERT_GT(self->ctx, 0);
	ASSERT_TRUE(file_write(TRACING "trace", " "));
	ASSERT_TRUE(file_write(EVENTS "enable", "1"));
}

FIXTURE_TEARDOWN(tracepoints)
{
	EXPECT_TRUE(file_write(EVENTS "enable", "0"));
	mock_close();
}

/* The last line of an event of this context; false if there is none */
static bool trace_find(const char *event, long ctx, char *line, size_t size)
{
	FILE *trace = fopen(TRACING "trace", "re");
	char begin[64], next[512];
	bool found = false;

	snprintf(begin, sizeof(begin), ": %s: ctx=%ld ", event, ctx);
	while (trace && fgets(next, sizeof(next), trace)) {
		char *fields = strstr(next, begin);

		if (!fields)
			continue;
		found = true;
		next[strcspn(next, "\n")] = 0;
		snprintf(line, size, "%s", fields + strlen(begin));
	}
	if (trace)
		fclose(trace);
	return found;
}

/* The fields behind ctx=, of which ns= must be last */
#define test_event(_event, _format, ...)				\
	do {								\
		char __line[512] = "", __want[256], *__ns;		\
									\
		snprintf(__want, sizeof(__want), _format, ##__VA_ARGS__); \
		EXPECT_TRUE(trace_find(_event, self->ctx, __line,	\
				       sizeof(__line)));		\
		__ns = strstr(__line, " ns=");				\
		ASSERT_NE(NULL, __ns)					\
			TH_LOG("%s: '%s'", _event, __line);		\
		*__ns = 0;						\
		EXPECT_GT(atol(__ns + 4), 0);				\
		EXPECT_STREQ(__want, __line);				\
	} while (0)

TEST_F(tracepoints, map_has_iova_length_and_runs)
{
	uint64_t iova;

	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_event("map", "ioas=%u iova=0x%lx length=%lu runs=%lu rc=0",
		   self->ioas, MOCK_IOVA, LENGTH, mem_runs(self->mem, PAGES));
	test_map(self->mem, PAGE, &iova);
	test_event("map", "ioas=%u iova=0x%lx length=%lu runs=1 rc=0",
		   self->ioas, iova, PAGE);
	test_err_map_fixed(EEXIST, self->mem, PAGE, MOCK_IOVA + PAGE);
	test_event("map", "ioas=%u iova=0x%lx length=%lu runs=0 rc=%d",
		   self->ioas, MOCK_IOVA + PAGE, PAGE, -EEXIST);
}

TEST_F(tracepoints, copy_and_unmap)
{
	uint64_t iova = MOCK_IOVA + LENGTH;
	uint32_t other;

	test_ioas_alloc(&other);
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_copy(other, &iova, self->ioas, MOCK_IOVA, LENGTH,
		  MAP_RW | MAP_FIXED_IOVA);
	test_event("copy",
		   "src=%u ioas=%u dst=0x%lx iova=0x%lx length=%lu rc=0",
		   self->ioas, other, iova, MOCK_IOVA, LENGTH);
	test_unmap(MOCK_IOVA, LENGTH);
	test_event("unmap",
		   "ioas=%u iova=0x%lx length=%lu unmapped=%lu rc=0",
		   self->ioas, MOCK_IOVA, LENGTH, LENGTH);
	test_err_unmap(ENOENT, MOCK_IOVA, LENGTH);
	test_event("unmap", "ioas=%u iova=0x%lx length=%lu unmapped=0 rc=%d",
		   self->ioas, MOCK_IOVA, LENGTH, -ENOENT);
	test_map_fixed(self->mem, PAGE, MOCK_IOVA);
	test_unmap_all(NULL);
	test_event("unmap", "ioas=%u iova=0x0 length=%lu unmapped=%lu rc=0",
		   self->ioas, UINT64_MAX, PAGE);
}

TEST_F(tracepoints, pin_and_unpin)
{
	uint32_t pin;
	int access;

	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_access_create(PIN, &access);
	test_access_pin(access, MOCK_IOVA + PAGE, 2 * PAGE, self->mem + PAGE, 0,
			&pin);
	test_event("pin", "ioas=%u iova=0x%lx length=%lu rc=0", self->ioas,
		   MOCK_IOVA + PAGE, 2 * PAGE);
	test_access_unpin(access, pin);
	test_event("unpin", "ioas=%u iova=0x%lx length=%lu rc=0", self->ioas,
		   MOCK_IOVA + PAGE, 2 * PAGE);
	test_err_access_pin(ENOENT, access, MOCK_IOVA + LENGTH, PAGE, NULL, 0);
	test_event("pin", "ioas=%u iova=0x%lx length=%lu rc=%d", self->ioas,
		   MOCK_IOVA + LENGTH, PAGE, -ENOENT);
	close(access);
}

TEST_F(tracepoints, bind_attach_replace_detach_unbind)
{
	char line[512], *name;
	struct mock_dev dev;
	uint32_t hwpt;

	test_mock_attach(self->ioas, &dev);
	ASSERT_TRUE(trace_find("bind", self->ctx, line, sizeof(line)));
	EXPECT_EQ(dev.idev, (uint32_t)atol(line + strlen("device=")));
	name = strstr(line, " name=");
	ASSERT_NE(NULL, name);
	name[strcspn(name + 1, " ") + 1] = 0;
	test_event("bind", "device=%u%s rc=0", dev.idev, name);
	test_event("attach", "device=%u hwpt=%u pasid=0 rc=0", dev.idev,
		   dev.hwpt);
	test_hwpt_alloc(dev.idev, self->ioas, &hwpt);
	test_mock_replace(dev.stdev, &hwpt);
	test_event("replace", "device=%u hwpt=%u pasid=0 rc=0", dev.idev, hwpt);
	test_err_mock_replace(ENOENT, dev.stdev, 12345);
	test_event("replace", "device=%u hwpt=12345 pasid=0 rc=%d", dev.idev,
		   -ENOENT);
	test_destroy(dev.stdev);
	test_event("detach", "device=%u hwpt=%u pasid=0 rc=0", dev.idev, hwpt);
	test_event("unbind", "device=%u%s rc=0", dev.idev, name);
}

TEST_F(tracepoints, charge_fail_has_user_and_limit)
{
	struct mapper map = {
		.fd = self->fd, .ioas = self->ioas,
		.uid = 20000 + getpid() % 20000, .memlock = 2 * PAGE,
		.mem = self->mem, .length = LENGTH, .iova = MOCK_IOVA,
	};
	char line[512], want[128];

	ASSERT_EQ(ENOMEM, child_run(map_as_user, &map));
	ASSERT_TRUE(trace_find("charge_fail", self->ctx, line, sizeof(line)));
	snprintf(want, sizeof(want), "uid=%u bytes=%lu limit=%lu rc=%d",
		 map.uid, PAGE, 2 * PAGE, -ENOMEM);
	EXPECT_STREQ(want, line);
	test_event("map", "ioas=%u iova=0x%lx length=%lu runs=0 rc=%d",
		   self->ioas, MOCK_IOVA, LENGTH, -ENOMEM);
}

/* Without a reader nothing is written. */
TEST_F(tracepoints, nothing_while_disabled)
{
	char line[512];

	ASSERT_TRUE(file_write(EVENTS "enable", "0"));
	test_map_fixed(self->mem, LENGTH, MOCK_IOVA);
	test_unmap(MOCK_IOVA, LENGTH);
	EXPECT_FALSE(trace_find("map", self->ctx, line, sizeof(line)));
	EXPECT_FALSE(trace_find("unmap", self->ctx, line, sizeof(line)));
}

TEST_HARNESS_MAIN
