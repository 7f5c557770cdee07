// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU_IOAS_MAP_FILE: devices and the program see the same pages of a file,
 * whatever happens to the file, its descriptor and the process that mapped it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <linux/udmabuf.h>

#include "ioas.h"

#define OTHER	(IOVA + (1UL << 28))
#define COUNT	256U
#define UNITS	4
#define LIMIT	(16 * PAGE)

enum kind { MEMFD, MEMFD_HUGETLB, TMPFS, TMPFS_HUGE, HUGETLBFS };

/* What a file can be truncated by, and punched */
static size_t unit_of(enum kind kind)
{
	return kind == MEMFD || kind == TMPFS ? PAGE : HUGE;
}

static bool is_hugetlb(enum kind kind)
{
	return kind == MEMFD_HUGETLB || kind == HUGETLBFS;
}

/* A file system that is gone from the tree; returns a descriptor of its root. */
static int open_fs(const char *type, const char *data)
{
	char dir[] = "/tmp/map_file.XXXXXX";
	int fd = -1;

	if (!mkdtemp(dir))
		return -1;
	if (!mount("none", dir, type, 0, data)) {
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
	return fd;
}

static int open_file_in_fs(const char *type, const char *data)
{
	int dir = open_fs(type, data), fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close(dir);
	return fd;
}

/* An empty file of a kind, or -1 */
static int open_file(enum kind kind)
{
	switch (kind) {
	case MEMFD_HUGETLB:
		return memfd_create("map_file", MFD_CLOEXEC | MFD_HUGETLB);
	case TMPFS:
		return open_file_in_fs("tmpfs", NULL);
	case TMPFS_HUGE:
		return open_file_in_fs("tmpfs", "huge=always");
	case HUGETLBFS:
		return open_file_in_fs("hugetlbfs", "pagesize=2M");
	default:
		return memfd_create("map_file", MFD_CLOEXEC);
	}
}

static int reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

static int punch(int fd, off_t start, off_t length)
{
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start,
			 length);
}

static int _test_map_file_fixed(int fd, uint32_t ioas, int file, uint64_t start,
				uint64_t length, uint64_t iova, uint32_t flags)
{
	uint64_t answer = iova;
	int rc = _test_ioas_map_file(fd, ioas, file, start, length, &answer,
				     flags | MAP_FIXED_IOVA);

	return !rc && answer != iova ? EPROTO : rc;
}

#define test_map_file_flags(_file, _start, _length, _iova, _flags)	\
	test_ok(_test_map_file_fixed(self->fd, self->ioas, _file, _start, \
				     _length, _iova, _flags))
#define test_map_file(_file, _start, _length, _iova)			\
	test_map_file_flags(_file, _start, _length, _iova, MAP_RW)
#define test_err_map_file_flags(_errno, _file, _start, _length, _iova, _flags) \
	test_err(_errno, _test_map_file_fixed(self->fd, self->ioas, _file, \
					      _start, _length, _iova, _flags))
#define test_err_map_file(_errno, _file, _start, _length, _iova)	\
	test_err_map_file_flags(_errno, _file, _start, _length, _iova, MAP_RW)

/*
 * Without a domain MAP_FILE does not look at the pages, so it succeeds where it
 * fails with @_errno otherwise.
 */
#define test_err_pin_file(_errno, _file, _start, _length, _iova)	\
	do {								\
		if (variant->domains) {					\
			test_err_map_file(_errno, _file, _start, _length, \
					  _iova);			\
		} else {						\
			test_map_file(_file, _start, _length, _iova);	\
			test_unmap(_iova, _length);			\
		}							\
	} while (0)

FIXTURE(file) {
	struct ioas;
	int file;
	size_t unit, length;
	uint8_t *mem;		/* all of the file */
	long pins;		/* of the whole machine, before */
};

FIXTURE_VARIANT(file) {
	struct ioas_variant;
	enum kind kind;
};

FIXTURE_VARIANT_ADD(file, memfd_no_device) { NO_DEVICE, MEMFD };
FIXTURE_VARIANT_ADD(file, memfd_one_mock) { ONE_MOCK, MEMFD };
FIXTURE_VARIANT_ADD(file, memfd_two_mocks_tiny_batches) {
	TWO_MOCKS_TINY, MEMFD
};
FIXTURE_VARIANT_ADD(file, memfd_two_edus) { TWO_EDUS, MEMFD };
FIXTURE_VARIANT_ADD(file, memfd_hugetlb_no_device) { NO_DEVICE, MEMFD_HUGETLB };
FIXTURE_VARIANT_ADD(file, memfd_hugetlb_one_mock) { ONE_MOCK, MEMFD_HUGETLB };
FIXTURE_VARIANT_ADD(file, memfd_hugetlb_two_mocks_tiny_batches) {
	TWO_MOCKS_TINY, MEMFD_HUGETLB
};
FIXTURE_VARIANT_ADD(file, memfd_hugetlb_two_edus) { TWO_EDUS, MEMFD_HUGETLB };
FIXTURE_VARIANT_ADD(file, tmpfs_no_device) { NO_DEVICE, TMPFS };
FIXTURE_VARIANT_ADD(file, tmpfs_one_mock) { ONE_MOCK, TMPFS };
FIXTURE_VARIANT_ADD(file, tmpfs_two_mocks_tiny_batches) {
	TWO_MOCKS_TINY, TMPFS
};
FIXTURE_VARIANT_ADD(file, tmpfs_two_edus) { TWO_EDUS, TMPFS };
FIXTURE_VARIANT_ADD(file, tmpfs_huge_no_device) { NO_DEVICE, TMPFS_HUGE };
FIXTURE_VARIANT_ADD(file, tmpfs_huge_one_mock) { ONE_MOCK, TMPFS_HUGE };
FIXTURE_VARIANT_ADD(file, tmpfs_huge_two_mocks_tiny_batches) {
	TWO_MOCKS_TINY, TMPFS_HUGE
};
FIXTURE_VARIANT_ADD(file, tmpfs_huge_two_edus) { TWO_EDUS, TMPFS_HUGE };
FIXTURE_VARIANT_ADD(file, hugetlbfs_no_device) { NO_DEVICE, HUGETLBFS };
FIXTURE_VARIANT_ADD(file, hugetlbfs_one_mock) { ONE_MOCK, HUGETLBFS };
FIXTURE_VARIANT_ADD(file, hugetlbfs_two_mocks_tiny_batches) {
	TWO_MOCKS_TINY, HUGETLBFS
};
FIXTURE_VARIANT_ADD(file, hugetlbfs_two_edus) { TWO_EDUS, HUGETLBFS };

FIXTURE_SETUP(file)
{
	if (variant->kind == TMPFS_HUGE)
		test_needs_thp();
	self->pins = proc_pages_pinned();
	ioas_open();
	self->unit = unit_of(variant->kind);
	self->length = UNITS * self->unit;
	if (is_hugetlb(variant->kind))
		ASSERT_TRUE(mem_hugetlb_pool(3 * UNITS));
	self->file = open_file(variant->kind);
	ASSERT_GE(self->file, 0) TH_LOG("file: %s", strerror(errno));
	ASSERT_EQ(0, ftruncate(self->file, self->length));
	self->mem = test_mem(mem_file(self->file, self->length,
				      PROT_READ | PROT_WRITE, MAP_SHARED));
}

FIXTURE_TEARDOWN(file)
{
	ioas_close();
	munmap(self->mem, self->length);
	close(self->file);
	EXPECT_EQ(self->pins, proc_pages_pinned());
}

/* Every device copies COUNT bytes from @_from to @_to, whose memory is @_va. */
#define test_devices_copy(_from, _to, _va, _seed)			\
	do {								\
		for (unsigned int __d = 0;				\
		     variant->edu && __d < variant->domains; __d++) {	\
			memset(_va, 0, COUNT);				\
			ASSERT_TRUE(edu_load(&self->edu[__d], _from, COUNT)); \
			ASSERT_TRUE(edu_store(&self->edu[__d], _to, COUNT)); \
			ASSERT_TRUE(mem_is(_va, COUNT, _seed));		\
		}							\
	} while (0)

TEST_F(file, devices_and_program_see_the_same_pages)
{
	size_t last = self->length - PAGE;

	mem_fill(self->mem, COUNT, 1);
	for (int i = 0; i < 2; i++) {
		test_map_file(self->file, 0, self->length, IOVA);
		test_mapped_pinned(self->length);
		test_mapped_refs(self->mem, self->length, 1);
		test_domains_have(IOVA, self->length, self->mem);
		test_devices_copy(IOVA, IOVA + last, self->mem + last, 1);
		test_unmap(IOVA, self->length);
		test_pinned(0);
		test_refs(self->mem, self->length, 0);
		ASSERT_EQ(self->pins, proc_pages_pinned());
	}
}

TEST_F(file, holes_get_pages)
{
	size_t last = self->length - PAGE;
	struct stat st;

	test_map_file(self->file, 0, self->length, IOVA);
	ASSERT_EQ(0, fstat(self->file, &st));
	/* A kernel may not count the huge pages of a file. */
	if (!variant->domains || self->unit == PAGE)
		ASSERT_EQ(variant->domains ? self->length / 512 : 0, st.st_blocks);
	ASSERT_TRUE(mem_is_zero(self->mem, self->length));
	mem_fill(self->mem + last, COUNT, 2);
	test_domains_have(IOVA, self->length, self->mem);
	test_devices_copy(IOVA + last, IOVA, self->mem, 2);
}

/* Take new pages from a node, in this process. */
static bool prefer_node(int node)
{
	unsigned long mask = 1UL << node;

	return !syscall(SYS_set_mempolicy, MPOL_PREFERRED, &mask,
			8 * sizeof(mask));
}

/* Where pages must be movable, none may stay for a device. */
TEST_F(file, no_page_stays_in_zone_movable)
{
	size_t pages = self->length / PAGE;
	struct frame_zone zone;
	int movable;

	if (!movable_zones(&zone, 1))
		SKIP(return, "the machine has no ZONE_MOVABLE");
	if (is_hugetlb(variant->kind))
		SKIP(return, "gup of Linux 6.1 warns of huge pages in ZONE_MOVABLE");
	ASSERT_TRUE(prefer_node(zone.node));
	mem_fill(self->mem, self->length, 7);
	movable = mem_movable(self->mem, pages);
	/* It is the first zone of its node to give pages to user space. */
	ASSERT_LT(0, movable);
	test_map_file(self->file, 0, self->length, IOVA);
	ASSERT_EQ(variant->domains ? 0 : movable,
		  mem_movable(self->mem, pages));
	ASSERT_TRUE(mem_is(self->mem, self->length, 7));
	test_domains_have(IOVA, self->length, self->mem);
}

TEST_F(file, every_border)
{
	size_t at[] = { 0, PAGE, self->unit - PAGE, self->unit,
			self->length - self->unit, self->length - PAGE };

	for (int i = 0; i < ARRAY_SIZE(at); i++) {
		for (size_t n = 1; n <= 3; n++) {
			size_t length = n * PAGE;

			if (at[i] + length > self->length)
				length = self->length - at[i];
			test_map_file(self->file, at[i], length, IOVA + PAGE);
			test_domains_have(IOVA + PAGE, length,
					  self->mem + at[i]);
			test_mapped_pinned(length);
			test_unmap(IOVA + PAGE, length);
		}
		if (variant->edu || !variant->domains)
			continue;
		/* The second half of a page, and more */
		if (at[i] + 2 * PAGE > self->length)
			continue;
		test_map_file(self->file, at[i] + MOCK_PAGE, PAGE,
			      IOVA + MOCK_PAGE);
		test_maps(IOVA + MOCK_PAGE, PAGE,
			  self->mem + at[i] + MOCK_PAGE);
		test_pinned(2 * PAGE / 1024);
		test_unmap(IOVA + MOCK_PAGE, PAGE);
	}
	test_pinned(0);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

TEST_F(file, behind_the_end_is_einval)
{
	size_t length = self->length;

	test_err_pin_file(EINVAL, self->file, 0, length + PAGE, IOVA);
	test_err_pin_file(EINVAL, self->file, length - PAGE, 2 * PAGE, IOVA);
	test_err_pin_file(EINVAL, self->file, length, PAGE, IOVA);
	test_err_pin_file(EINVAL, self->file, 1UL << 40, PAGE, IOVA);
	test_err_pin_file(EINVAL, self->file, 1UL << 63, PAGE, IOVA);
	test_err_pin_file(EINVAL, self->file, (1UL << 63) - PAGE, 2 * PAGE,
			  IOVA);
	test_err_pin_file(EINVAL, self->file, -2UL * PAGE, PAGE, IOVA);
	test_map_file(self->file, length - PAGE, PAGE, IOVA);
}

TEST_F(file, end_within_a_page)
{
	if (is_hugetlb(variant->kind))
		SKIP(return, "files of hugetlbfs end at a huge page");
	ASSERT_EQ(0, ftruncate(self->file, self->length - 100));
	test_err_pin_file(EINVAL, self->file, 0, self->length, IOVA);
	test_map_file(self->file, 0, self->length - PAGE, IOVA);
	test_unmap(IOVA, self->length - PAGE);
	if (!variant->domains)
		test_map_file(self->file, 0, self->length - 100, IOVA);
}

TEST_F(file, automatic_iova)
{
	uint64_t iova = 0;

	/* The offset takes the place of the user address. */
	test_ok(_test_ioas_map_file(self->fd, self->ioas, self->file, 0,
				    self->length, &iova, MAP_RW));
	ASSERT_NE(0, iova);
	ASSERT_EQ(0, iova % (self->length < HUGE ? self->length : HUGE));
	test_domains_have(iova, self->length, self->mem);
	test_ok(_test_ioas_map_file(self->fd, self->ioas, self->file, PAGE,
				    PAGE, &iova, MAP_RW));
	ASSERT_EQ(0, iova % PAGE);
	test_domains_have(iova, PAGE, self->mem + PAGE);
	if (variant->domains)
		return;
	test_ok(_test_ioas_map_file(self->fd, self->ioas, self->file, 5, 10,
				    &iova, MAP_RW));
	ASSERT_EQ(5, iova % PAGE);
}

TEST_F(file, mapping_holds_the_file)
{
	size_t last = self->length - PAGE;
	int fd = reopen(self->file, O_RDWR);

	ASSERT_GE(fd, 0);
	mem_fill(self->mem, COUNT, 3);
	test_map_file(fd, 0, self->length, IOVA);
	ASSERT_EQ(0, close(fd));
	test_domains_have(IOVA, self->length, self->mem);
	test_devices_copy(IOVA, IOVA + last, self->mem + last, 3);
	/* Only the mapping holds it now. */
	close(self->file);
	munmap(self->mem, self->length);
	test_mapped_pinned(self->length);
	if (variant->edu) {
		ASSERT_TRUE(edu_load(&self->edu[0], IOVA, COUNT));
		ASSERT_TRUE(edu_store(&self->edu[0], IOVA + last, COUNT));
	}
	test_unmap(IOVA, self->length);
	test_pinned(0);
}

/* What is pinned stays; what is pinned later is what the file has then. */
TEST_F(file, truncated_under_the_mapping)
{
	size_t last = self->length - PAGE;

	mem_fill(self->mem, COUNT, 4);
	test_map_file(self->file, 0, self->length, IOVA);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	test_mapped_pinned(self->length);
	test_err_pin_file(EINVAL, self->file, 0, PAGE, OTHER);
	ASSERT_EQ(0, ftruncate(self->file, self->length));
	test_map_file(self->file, 0, self->length, OTHER);
	ASSERT_TRUE(mem_is_zero(self->mem, COUNT));
	test_domains_have(OTHER, self->length, self->mem);
	if (variant->domains)
		test_domains_lack(IOVA, self->mem);
	/* The device has what was there before, and writes it to the new page. */
	test_devices_copy(IOVA, OTHER + last, self->mem + last, 4);
	test_unmap(IOVA, self->length);
	test_domains_have(OTHER, self->length, self->mem);
	test_mapped_pinned(self->length);
	test_unmap(OTHER, self->length);
	test_pinned(0);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

TEST_F(file, punched_under_the_mapping)
{
	size_t unit = self->unit;

	mem_fill(self->mem, COUNT, 5);
	mem_fill(self->mem + unit, COUNT, 6);
	test_map_file(self->file, 0, self->length, IOVA);
	ASSERT_EQ(0, punch(self->file, unit, unit));
	ASSERT_TRUE(mem_is_zero(self->mem + unit, COUNT));
	test_map_file(self->file, 0, self->length, OTHER);
	test_domains_have(OTHER, self->length, self->mem);
	test_domains_have(IOVA, unit, self->mem);
	if (variant->domains)
		test_domains_lack(IOVA + unit, self->mem + unit);
	test_devices_copy(IOVA + unit, OTHER + unit, self->mem + unit, 6);
	test_unmap(IOVA, self->length);
	test_unmap(OTHER, self->length);
	test_pinned(0);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

/* A file that has become too short for a mapping that is not pinned */
TEST_F(file, too_short_when_pinned_later)
{
	struct mock_dev late;
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_ok(_test_map_file_fixed(self->fd, ioas, self->file, 0,
				     self->length, IOVA, MAP_RW));
	ASSERT_EQ(0, ftruncate(self->file, self->length - self->unit));
	test_err_mock_attach(EINVAL, ioas);
	ASSERT_EQ(0, ftruncate(self->file, self->length));
	test_mock_attach(ioas, &late);
	test_ok(_test_check_map(self->fd, late.hwpt, IOVA, self->length,
				self->mem));
	test_destroy(late.stdev);
	test_pinned(0);
}

/* Parts of a folio outlive the mapping that has pinned it. */
TEST_F(file, copies_of_parts)
{
	size_t part = self->unit / 2, length;
	uint64_t copy = OTHER;

	if (part < PAGE)
		part = PAGE;
	length = self->length - 2 * part;
	mem_fill(self->mem + part, COUNT, 7);
	test_map_file(self->file, 0, self->length, IOVA);
	test_copy(self->ioas, &copy, self->ioas, IOVA + part, length,
		  MAP_RW | MAP_FIXED_IOVA);
	test_domains_have(copy, length, self->mem + part);
	test_mapped_pinned(self->length);
	test_unmap(IOVA, self->length);
	test_mapped_pinned(length);
	test_domains_have(copy, length, self->mem + part);
	test_devices_copy(copy, copy + PAGE, self->mem + part + PAGE, 7);
	/* A copy of the copy, to a place where nothing was pinned */
	copy = IOVA;
	test_copy(self->ioas, &copy, self->ioas, OTHER + PAGE, PAGE,
		  MAP_READ | MAP_FIXED_IOVA);
	test_unmap(OTHER, length);
	test_mapped_pinned(PAGE);
	test_domains_have(IOVA, PAGE, self->mem + part + PAGE);
	test_unmap(IOVA, PAGE);
	test_pinned(0);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

TEST_F(file, read_only_memory_is_not_copied_writable)
{
	uint64_t copy = OTHER;

	test_map_file_flags(self->file, 0, self->length, IOVA, MAP_READ);
	test_domains_have(IOVA, self->length, self->mem);
	test_err_copy(EPERM, self->ioas, &copy, self->ioas, IOVA, PAGE,
		      MAP_RW | MAP_FIXED_IOVA);
}

TEST_F(file, other_ioas_with_another_device)
{
	struct mock_dev dev;
	uint64_t copy = OTHER;
	uint32_t ioas;

	test_ioas_alloc(&ioas);
	test_mock_attach(ioas, &dev);
	test_map_file(self->file, 0, self->length, IOVA);
	test_copy(ioas, &copy, self->ioas, IOVA, self->length,
		  MAP_RW | MAP_FIXED_IOVA);
	test_ok(_test_check_map(self->fd, dev.hwpt, OTHER, self->length,
				self->mem));
	test_pinned(self->length / 1024);
	test_unmap(IOVA, self->length);
	test_ok(_test_check_map(self->fd, dev.hwpt, OTHER, self->length,
				self->mem));
	test_destroy(dev.stdev);
	test_pinned(0);
}

TEST_F(file, accesses_pin_and_copy)
{
	size_t middle = self->unit + PAGE;
	uint8_t buffer[3 * PAGE];
	uint32_t pin[2];
	int access;

	if (middle + 2 * PAGE > self->length)
		middle = self->length - 2 * PAGE;
	test_map_file(self->file, 0, self->length, IOVA);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_access_pin(access, IOVA + middle, 2 * PAGE, self->mem + middle,
			MOCK_ACCESS_WRITE, &pin[0]);
	test_access_pin(access, IOVA, PAGE, self->mem, 0, &pin[1]);
	test_pinned((variant->domains ? self->length : 3 * PAGE) / 1024);

	/* Some of these pages are pinned, others not. */
	mem_fill(buffer, sizeof(buffer), 8);
	test_access_rw(access, IOVA + PAGE / 2, sizeof(buffer), buffer,
		       MOCK_ACCESS_WRITE);
	ASSERT_TRUE(mem_is(self->mem + PAGE / 2, sizeof(buffer), 8));
	memset(buffer, 0, sizeof(buffer));
	test_access_rw(access, IOVA + PAGE / 2, sizeof(buffer), buffer, 0);
	ASSERT_TRUE(mem_is(buffer, sizeof(buffer), 8));

	test_access_unpin(access, pin[0]);
	test_access_unpin(access, pin[1]);
	if (!variant->domains) {
		ASSERT_EQ(0, ftruncate(self->file, 0));
		test_err_access_pin(EINVAL, access, IOVA, PAGE, NULL, 0);
		test_err_access_rw(EINVAL, access, IOVA, 1, buffer, 0);
	}
	test_mapped_pinned(self->length);
	close(access);
	test_unmap(IOVA, self->length);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

/* A kernel thread has no address space in which it could map the file. */
TEST_F(file, kernel_thread_copies)
{
	uint8_t buffer[2 * PAGE];
	int access;

	mem_fill(self->mem + PAGE, PAGE, 9);
	test_map_file(self->file, 0, self->length, IOVA);
	test_access_create(0, &access);
	if (is_hugetlb(variant->kind) && !variant->domains) {
		test_err_access_rw(EFAULT, access, IOVA + PAGE, COUNT, buffer,
				   MOCK_ACCESS_SLOW_PATH);
	} else {
		test_access_rw(access, IOVA + PAGE, PAGE, buffer,
			       MOCK_ACCESS_SLOW_PATH);
		ASSERT_TRUE(mem_is(buffer, PAGE, 9));
		/* The second page is a hole if nothing is pinned. */
		mem_fill(buffer, sizeof(buffer), 10);
		test_access_rw(access, IOVA + PAGE + 1, sizeof(buffer), buffer,
			       MOCK_ACCESS_SLOW_PATH | MOCK_ACCESS_WRITE);
		ASSERT_TRUE(mem_is(self->mem + PAGE + 1, sizeof(buffer), 10));
	}
	test_mapped_pinned(self->length);
	if (!variant->domains && !is_hugetlb(variant->kind)) {
		ASSERT_EQ(0, ftruncate(self->file, 0));
		test_err_access_rw(EINVAL, access, IOVA, 1, buffer,
				   MOCK_ACCESS_SLOW_PATH);
	}
	close(access);
	test_unmap(IOVA, self->length);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

/* In a child: another process maps, and exits. */
struct mapper {
	int fd, file;
	uint32_t ioas;
	size_t length;
};

static int map_and_exit(void *arg)
{
	struct mapper *m = arg;

	return _test_map_file_fixed(m->fd, m->ioas, m->file, 0, m->length, IOVA,
				    MAP_RW);
}

TEST_F(file, mapper_exits)
{
	struct mapper m = {
		.fd = self->fd, .file = self->file, .length = self->length,
	};
	struct mock_dev late;

	test_ioas_alloc(&m.ioas);
	ASSERT_EQ(0, child_run(map_and_exit, &m));
	/* Its mm is gone, but no mm is needed. */
	test_mock_attach(m.ioas, &late);
	test_ok(_test_check_map(self->fd, late.hwpt, IOVA, self->length,
				self->mem));
	/* The process that has mapped it is charged, not this one. */
	test_pinned(0);
	test_destroy(late.stdev);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

/* Threads that change the file while it is mapped and unmapped */
struct changer {
	int file;
	size_t unit, length;
	int rest_ms;
	bool stop;
};

static void *change_file(void *arg)
{
	struct changer *c = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&c->stop, __ATOMIC_RELAXED); i++) {
		if (i % 3)
			punch(c->file, i % UNITS * c->unit, c->unit);
		else if (!ftruncate(c->file, i % UNITS * c->unit))
			ftruncate(c->file, c->length);
		/* Let a MAP succeed now and then, that of huge pages too. */
		if (i % 64 == 0)
			sleep_ms(__atomic_load_n(&c->rest_ms, __ATOMIC_RELAXED));
	}
	return NULL;
}

TEST_F(file, changed_while_it_is_pinned)
{
	struct changer c = { self->file, self->unit, self->length, 50 };
	uint64_t end = now_ms() + 2000, last = end + 20000 * slowness();
	unsigned int done = 0, tries;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, change_file, &c));
	for (tries = 0; now_ms() < (done ? end : last); tries++) {
		int rc = _test_map_file_fixed(self->fd, self->ioas, self->file,
					      0, self->length, IOVA, MAP_RW);

		/* A loaded machine is too slow for these rests. */
		if (now_ms() > end)
			__atomic_store_n(&c.rest_ms, 2000, __ATOMIC_RELAXED);
		/* Huge pages may be short while some of them are pinned. */
		ASSERT_TRUE(!rc || rc == EINVAL || rc == ENOMEM)
			TH_LOG("%s", strerror(rc));
		if (rc)
			continue;
		done++;
		test_unmap(IOVA, self->length);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("%u of %u succeeded", done, tries);
	ASSERT_LT(0, done);
	test_pinned(0);
	ASSERT_EQ(self->pins, proc_pages_pinned());
}

TEST_F(ioas, sealed_file)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t *mem;

	ASSERT_EQ(0, ftruncate(fd, 4 * PAGE));
	/* A writable mapping keeps the seal away, even without a domain. */
	test_map_file(fd, 0, 4 * PAGE, IOVA);
	ASSERT_EQ(-1, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	ASSERT_EQ(EBUSY, errno);
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	test_unmap(IOVA, 4 * PAGE);
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE))
		TH_LOG("%s", strerror(errno));
	test_err_map_file(EPERM, fd, 0, 4 * PAGE, IOVA);
	test_err_map_file_flags(EPERM, fd, 0, 4 * PAGE, IOVA, MAP_WRITE);
	test_map_file_flags(fd, 0, 4 * PAGE, IOVA, MAP_READ);
	mem = test_mem(mem_file(reopen(fd, O_RDONLY), 4 * PAGE, PROT_READ,
				MAP_SHARED));
	test_domains_have(IOVA, 4 * PAGE, mem);
	test_mapped_pinned(4 * PAGE);
}

TEST_F(ioas, file_sealed_against_future_writes)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ASSERT_EQ(0, ftruncate(fd, PAGE));
	test_map_file(fd, 0, PAGE, IOVA);
	ASSERT_EQ(0, fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	/* The mapping is there already, as an mmap would be. */
	test_mapped_pinned(PAGE);
	test_err_map_file(EPERM, fd, 0, PAGE, OTHER);
	test_map_file_flags(fd, 0, PAGE, OTHER, MAP_READ);
}

TEST_F(ioas, mode_of_the_descriptor)
{
	int fd = mem_fd("mode", PAGE, 0);
	int ro = reopen(fd, O_RDONLY), wo = reopen(fd, O_WRONLY);

	ASSERT_GE(ro, 0);
	ASSERT_GE(wo, 0);
	test_err_map_file_flags(EPERM, ro, 0, PAGE, IOVA, MAP_RW);
	test_err_map_file_flags(EPERM, ro, 0, PAGE, IOVA, MAP_WRITE);
	test_err_map_file_flags(EPERM, wo, 0, PAGE, IOVA, MAP_RW);
	test_err_map_file_flags(EPERM, wo, 0, PAGE, IOVA, MAP_READ);
	/* A copy of the mapping could be readable. */
	test_err_map_file_flags(EPERM, wo, 0, PAGE, IOVA, MAP_WRITE);
	test_map_file_flags(ro, 0, PAGE, IOVA, MAP_READ);
}

TEST_F(ioas, not_a_file_of_memory)
{
	int pipes[2], sockets[2];
	uint64_t unmapped;
	struct { const char *what; int fd, error; } bad[] = {
		{ "no descriptor", -1, EBADF },
		{ "a closed one", 1000, EBADF },
		{ "O_PATH", open("/proc/self/maps", O_PATH), EBADF },
		{ "/proc/self/maps", open("/proc/self/maps", O_RDONLY), EINVAL },
		{ "/dev/null", open("/dev/null", O_RDWR), EINVAL },
		{ "/dev/zero", open("/dev/zero", O_RDWR), EINVAL },
		{ "/dev/iommu", self->fd, EINVAL },
		{ "eventfd", eventfd(0, EFD_CLOEXEC), EINVAL },
		{ "directory", open("/", O_RDONLY | O_DIRECTORY), EINVAL },
		{ "directory of tmpfs", open_fs("tmpfs", NULL), EINVAL },
		{ "directory of hugetlbfs", open_fs("hugetlbfs", NULL), EINVAL },
		{ "ramfs", open_file_in_fs("ramfs", NULL), EINVAL },
		{ "sysfs", open("/sys/kernel/uevent_seqnum", O_RDONLY), EINVAL },
		{ "pipe", pipe(pipes) ? -1 : pipes[1], EINVAL },
		{ "socket", socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) ?
			    -1 : sockets[0], EINVAL },
	};

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i].error != EBADF)
			ASSERT_GE(bad[i].fd, 0) TH_LOG("%s", bad[i].what);
		for (uint32_t flags = MAP_WRITE; flags <= MAP_RW;
		     flags += MAP_WRITE) {
			int rc = _test_map_file_fixed(self->fd, self->ioas,
						      bad[i].fd, 0, PAGE, IOVA,
						      flags);

			EXPECT_EQ(bad[i].error, rc) TH_LOG("%s", bad[i].what);
		}
	}
	test_unmap_all(&unmapped);
	ASSERT_EQ(0, unmapped);
	test_pinned(0);
}

TEST_F(ioas, secret_memory)
{
	int fd = syscall(SYS_memfd_secret, 0);

	if (fd < 0)
		SKIP(return, "memfd_secret: %s", strerror(errno));
	ASSERT_EQ(0, ftruncate(fd, PAGE));
	test_err_map_file(EINVAL, fd, 0, PAGE, IOVA);
}

/* A dma-buf of a driver that does not hand out the addresses */
TEST_F(ioas, dma_buf)
{
	int memfd = memfd_create("udmabuf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	struct udmabuf_create create = { .memfd = memfd, .size = PAGE };
	int fd;

	if (udmabuf < 0)
		SKIP(return, "/dev/udmabuf: %s", strerror(errno));
	ASSERT_EQ(0, ftruncate(memfd, PAGE));
	ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	fd = ioctl(udmabuf, UDMABUF_CREATE, &create);
	ASSERT_GE(fd, 0) TH_LOG("%s", strerror(errno));
	test_err_map_file(EOPNOTSUPP, fd, 0, PAGE, IOVA);
}

/* The errnos in the order in which they are found */
TEST_F(ioas, order_of_errors)
{
	int fd = mem_fd("order", 4 * PAGE, 0);
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd), .flags = 1 << 3, .ioas_id = 1000000,
		.fd = -1, .iova = UINT64_MAX, .start = -PAGE,
	};

#define test_next_error(_errno)						\
	test_err(_errno, iommufd_ioctl(self->fd, IOMMU_IOAS_MAP_FILE, &cmd))

	test_next_error(EOPNOTSUPP);
	cmd.flags = MAP_FIXED_IOVA;
	test_next_error(EOVERFLOW);
	cmd.iova = -PAGE;
	cmd.length = UINT64_MAX;
	test_next_error(EOVERFLOW);
	cmd.length = 0;
	test_next_error(EINVAL);
	cmd.flags |= MAP_RW;
	test_next_error(ENOENT);
	cmd.ioas_id = self->ioas;
	test_next_error(EINVAL);
	cmd.length = 2 * PAGE;
	test_next_error(EOVERFLOW);
	cmd.start = 0;
	test_next_error(EBADF);
	cmd.fd = fd;
	test_next_error(EOVERFLOW);
	cmd.iova = IOVA;
	test_map_file(fd, 0, 2 * PAGE, IOVA + PAGE);
	test_next_error(EEXIST);
	cmd.iova = IOVA + 3 * PAGE;
	test_ok(iommufd_ioctl(self->fd, IOMMU_IOAS_MAP_FILE, &cmd));
	ASSERT_EQ(IOVA + 3 * PAGE, cmd.iova);
	test_domains_have(IOVA + 3 * PAGE, 2 * PAGE,
			  test_mem(mem_file(fd, 2 * PAGE, PROT_READ, MAP_SHARED)));
}

TEST_F(edu_ioas, unaligned_file_offset)
{
	int fd = mem_fd("unaligned", 4 * PAGE, 0);

	test_err_map_file(EINVAL, fd, 1, PAGE, IOVA);
	test_err_map_file(EINVAL, fd, PAGE / 2, PAGE, IOVA);
	test_err_map_file(EINVAL, fd, 0, PAGE / 2, IOVA);
	test_err_map_file(EINVAL, fd, 0, PAGE, IOVA + 1);
}

TEST_F(ioas, full_file_system)
{
	int fd = open_file_in_fs("tmpfs", "size=16k");
	size_t length = 16 * PAGE;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, ftruncate(fd, length));
	test_err_pin_file(ENOMEM, fd, 0, length, IOVA);
	test_map_file(fd, 0, PAGE, IOVA);
}

TEST_F(ioas, empty_pool_of_huge_pages)
{
	long free;
	int fd;

	ASSERT_TRUE(mem_hugetlb_pool(1));
	free = proc_meminfo_kb("HugePages_Free:");
	fd = mem_fd("empty", (free + 1) * HUGE, MFD_HUGETLB);
	ASSERT_GE(fd, 0);
	test_err_pin_file(ENOMEM, fd, 0, (free + 1) * HUGE, IOVA);
	close(fd);
	/* What is reserved for no file would be lost for all. */
	ASSERT_EQ(free, proc_meminfo_kb("HugePages_Free:"));
	ASSERT_EQ(0, proc_meminfo_kb("HugePages_Rsvd:"));
}

/* Huge pages of a file that no process maps come from the reserve. */
TEST_F(ioas, huge_pages_are_reserved)
{
	long free;
	int fd;

	ASSERT_TRUE(mem_hugetlb_pool(4));
	free = proc_meminfo_kb("HugePages_Free:");
	fd = mem_fd("huge", 4 * HUGE, MFD_HUGETLB);
	ASSERT_GE(fd, 0);
	test_map_file(fd, 0, 4 * HUGE, IOVA);
	ASSERT_EQ(0, proc_meminfo_kb("HugePages_Rsvd:"));
	if (variant->domains)
		ASSERT_EQ(free - 4, proc_meminfo_kb("HugePages_Free:"));
	close(fd);
	test_unmap(IOVA, 4 * HUGE);
	ASSERT_EQ(free, proc_meminfo_kb("HugePages_Free:"));
	ASSERT_EQ(0, proc_meminfo_kb("HugePages_Rsvd:"));
}

FIXTURE(memlock) {
	struct ioas;
	int file;
};

FIXTURE_VARIANT(memlock) {
	struct ioas_variant;
	uint64_t mode;
};

FIXTURE_VARIANT_ADD(memlock, per_user) { ONE_MOCK, 0 };
FIXTURE_VARIANT_ADD(memlock, per_user_tiny_batches) { TWO_MOCKS_TINY, 0 };
FIXTURE_VARIANT_ADD(memlock, per_process) { ONE_MOCK, 1 };
FIXTURE_VARIANT_ADD(memlock, per_process_tiny_batches) { TWO_MOCKS_TINY, 1 };

FIXTURE_SETUP(memlock)
{
	int fd = iommufd_open();
	uint64_t mode = variant->mode;

	ASSERT_GE(fd, 0);
	self->fd = fd;
	test_option(IOMMU_OPTION_RLIMIT_MODE, IOMMU_OPTION_OP_SET, 0, &mode);
	test_ioas_alloc(&self->ioas);
	test_ok(_test_memory_limit(self->fd, variant->limit));
	test_mock_attach(self->ioas, &self->dev[0]);
	self->file = mem_fd("memlock", 4 * LIMIT, 0);
	ASSERT_TRUE(become_user(20000 + getpid() % 20000, LIMIT));
}

FIXTURE_TEARDOWN(memlock)
{
	EXPECT_EQ(0, _test_memory_limit(self->fd, MOCK_MEMORY_DEFAULT));
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
	EXPECT_EQ(0, proc_status_kb("VmLck:"));
}

TEST_F(memlock, up_to_the_limit)
{
	uint64_t copy = OTHER;

	test_err_map_file(ENOMEM, self->file, 0, LIMIT + PAGE, IOVA);
	test_err_map_file(ENOMEM, self->file, 0, 4 * LIMIT, IOVA);
	/* A file that is too short would not fit with a higher limit either. */
	if (variant->limit == MOCK_MEMORY_DEFAULT)
		test_err_map_file(EINVAL, self->file, 4 * LIMIT, PAGE, IOVA);
	test_map_file(self->file, PAGE, LIMIT, IOVA);
	test_pinned(LIMIT / 1024);
	ASSERT_EQ(variant->mode ? LIMIT / 1024 : 0, proc_status_kb("VmLck:"));
	test_err_map_file(ENOMEM, self->file, 0, PAGE, OTHER);
	/* A copy is not charged. */
	test_copy(self->ioas, &copy, self->ioas, IOVA + PAGE, PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_unmap(IOVA, LIMIT);
	test_pinned(PAGE / 1024);
	test_err_map_file(ENOMEM, self->file, 0, LIMIT, IOVA);
	test_map_file(self->file, 0, LIMIT - PAGE, IOVA);
	test_unmap(IOVA, LIMIT - PAGE);
	test_unmap(OTHER, PAGE);
	test_map_file(self->file, 0, LIMIT, IOVA);
}

TEST_HARNESS_MAIN
