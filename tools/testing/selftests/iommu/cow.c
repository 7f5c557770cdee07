// SPDX-License-Identifier: GPL-2.0
/*
 * Through a read-only mapping the device must see what the CPU writes later.
 * If a pin left copy-on-write in place, the write would move the owner to a
 * new page and the device would stay on the old one.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "dma_read.h"

#define PAGES		2

/* The state of the memory when it is mapped */
enum cow_kind {
	ANON_UNTOUCHED,		/* no page at all */
	ANON_ZERO_PAGE,		/* read, so the shared page of zeros */
	ANON_WRITTEN,
	ANON_FORKED,		/* shared with a child that lives */
	ANON_MERELY_READABLE,	/* written, then PROT_READ until later */
	THP_ZERO_PAGE,
	HUGETLB_UNTOUCHED,
	FILE_UNTOUCHED,		/* private mapping of a file */
	FILE_READ,
	FILE_WRITTEN,
	FILE_MERELY_READABLE,
	HUGETLB_FILE_READ,
};

FIXTURE(cow) {
	struct dma_read;
	uint8_t *mem;
	uint8_t *file;		/* a shared mapping of the same file */
	struct child child;
};

FIXTURE_VARIANT(cow) {
	enum cow_kind kind;
};

FIXTURE_VARIANT_ADD(cow, anon_untouched) { ANON_UNTOUCHED };
FIXTURE_VARIANT_ADD(cow, anon_zero_page) { ANON_ZERO_PAGE };
FIXTURE_VARIANT_ADD(cow, anon_written) { ANON_WRITTEN };
FIXTURE_VARIANT_ADD(cow, anon_forked) { ANON_FORKED };
FIXTURE_VARIANT_ADD(cow, anon_merely_readable) { ANON_MERELY_READABLE };
FIXTURE_VARIANT_ADD(cow, thp_zero_page) { THP_ZERO_PAGE };
FIXTURE_VARIANT_ADD(cow, hugetlb_untouched) { HUGETLB_UNTOUCHED };
FIXTURE_VARIANT_ADD(cow, file_untouched) { FILE_UNTOUCHED };
FIXTURE_VARIANT_ADD(cow, file_read) { FILE_READ };
FIXTURE_VARIANT_ADD(cow, file_written) { FILE_WRITTEN };
FIXTURE_VARIANT_ADD(cow, file_merely_readable) { FILE_MERELY_READABLE };
FIXTURE_VARIANT_ADD(cow, hugetlb_file_read) { HUGETLB_FILE_READ };

static int do_nothing(void *arg)
{
	return 0;
}

/* Returns the memory, and in @file a shared view of the file behind it. */
static uint8_t *cow_memory(enum cow_kind kind, uint8_t **file)
{
	bool huge = kind == HUGETLB_FILE_READ;
	size_t length = huge ? HUGE : PAGES * PAGE;
	int fd;

	*file = NULL;
	if (kind == HUGETLB_UNTOUCHED)
		return mem_file(-1, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
				MAP_ANONYMOUS | MAP_HUGETLB);
	if (kind == THP_ZERO_PAGE) {
		uint8_t *mem = mem_reserve_aligned(HUGE, HUGE);

		if (mem)
			madvise(mem, HUGE, MADV_HUGEPAGE);
		return mem;
	}
	if (kind < FILE_UNTOUCHED)
		return mem_reserve(length);
	fd = mem_fd("cow", length, huge ? MFD_HUGETLB : 0);
	if (fd < 0)
		return NULL;
	*file = mem_file(fd, length, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (!*file)
		return NULL;
	mem_fill(*file, PAGES * PAGE, 77);
	return mem_file(fd, length, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

FIXTURE_SETUP(cow)
{
	uint8_t *mem;

	self->child.pid = 0;
	if (variant->kind == THP_ZERO_PAGE)
		test_needs_thp();
	dma_read_open();

	if ((variant->kind == HUGETLB_UNTOUCHED ||
	     variant->kind == HUGETLB_FILE_READ) && !mem_hugetlb_pool(4))
		SKIP(return, "four huge pages of 2 MiB are not available");
	mem = test_mem(cow_memory(variant->kind, &self->file));
	self->mem = mem;
	switch (variant->kind) {
	case ANON_UNTOUCHED:
	case FILE_UNTOUCHED:
	case HUGETLB_UNTOUCHED:
		break;
	case ANON_ZERO_PAGE:
	case THP_ZERO_PAGE:
		ASSERT_TRUE(mem_is_zero(mem, PAGES * PAGE));
		break;
	case FILE_READ:
	case HUGETLB_FILE_READ:
		ASSERT_TRUE(mem_is(mem, PAGES * PAGE, 77));
		break;
	case ANON_WRITTEN:
	case FILE_WRITTEN:
		memset(mem, 1, PAGES * PAGE);
		break;
	case ANON_FORKED:
		memset(mem, 1, PAGES * PAGE);
		ASSERT_TRUE(child_start(&self->child, do_nothing, NULL));
		ASSERT_EQ(0, child_result(&self->child));
		break;
	case ANON_MERELY_READABLE:
		memset(mem, 1, PAGES * PAGE);
		ASSERT_EQ(0, mprotect(mem, PAGES * PAGE, PROT_READ));
		break;
	case FILE_MERELY_READABLE:
		ASSERT_EQ(0, mprotect(mem, PAGES * PAGE, PROT_READ));
		break;
	}
}

FIXTURE_TEARDOWN(cow)
{
	/* The child has these files too. */
	close(self->fd);
	edu_close(&self->edu);
	if (self->child.pid)
		child_end(&self->child);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

TEST_F(cow, device_sees_later_writes_and_writes_nothing)
{
	const size_t at = (PAGES - 1) * PAGE;
	uint64_t iova = IOVA;

	test_map_to(self->ioas, self->mem, PAGES * PAGE, &iova,
		    MAP_READ | MAP_FIXED_IOVA);
	test_pinned(PAGES * 4 + 4);
	if (variant->kind == ANON_MERELY_READABLE ||
	    variant->kind == FILE_MERELY_READABLE)
		ASSERT_EQ(0, mprotect(self->mem, PAGES * PAGE,
				      PROT_READ | PROT_WRITE));
	mem_fill(self->mem + at, COUNT, 3);
	test_device_reads(IOVA + at, 3);
	/* The device holds pattern 3, but must not write it here. */
	mem_fill(self->mem + at, COUNT, 4);
	ASSERT_TRUE(edu_store(&self->edu, IOVA + at, COUNT));
	ASSERT_TRUE(mem_is(self->mem + at, COUNT, 4));
	/* The file behind a private mapping is unchanged. */
	if (self->file)
		ASSERT_TRUE(mem_is(self->file, PAGES * PAGE, 77));
	test_unmap(IOVA, PAGES * PAGE);
	test_pinned(4);
}

/* Shared mappings have no copy-on-write to break, and may be read-only. */
FIXTURE(shared) {
	struct dma_read;
	uint8_t *writer;
	int file;
};

FIXTURE_SETUP(shared)
{
	dma_read_open();
	self->file = mem_fd("shared", PAGES * PAGE, 0);
	ASSERT_GE(self->file, 0);
	self->writer = test_mem(mem_file(self->file, PAGES * PAGE,
					 PROT_READ | PROT_WRITE, MAP_SHARED));
}

FIXTURE_TEARDOWN(shared)
{
	dma_read_close();
}

TEST_F(shared, read_only_view)
{
	uint64_t iova = IOVA;
	uint8_t *view;

	view = test_mem(mem_file(self->file, PAGES * PAGE, PROT_READ,
				 MAP_SHARED));
	test_err_map_fixed(EFAULT, view, PAGES * PAGE, IOVA);
	test_map_to(self->ioas, view, PAGES * PAGE, &iova,
		    MAP_READ | MAP_FIXED_IOVA);
	mem_fill(self->writer, COUNT, 4);
	test_device_reads(IOVA, 4);
}

TEST_F(shared, file_opened_for_reading)
{
	uint64_t iova = IOVA;
	char path[64];
	uint8_t *view;
	int reader;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->file);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(reader, 0);
	view = test_mem(mem_file(reader, PAGES * PAGE, PROT_READ, MAP_SHARED));
	test_map_to(self->ioas, view, PAGES * PAGE, &iova,
		    MAP_READ | MAP_FIXED_IOVA);
	mem_fill(self->writer + PAGE, COUNT, 5);
	test_device_reads(IOVA + PAGE, 5);
	close(reader);
}

TEST_F(shared, device_writes_into_the_file)
{
	uint8_t *view;

	view = test_mem(mem_file(self->file, PAGES * PAGE,
				 PROT_READ | PROT_WRITE, MAP_SHARED));
	test_map_fixed(view, PAGES * PAGE, IOVA);
	mem_fill(self->scratch, COUNT, 6);
	ASSERT_TRUE(edu_load(&self->edu, SCRATCH, COUNT));
	ASSERT_TRUE(edu_store(&self->edu, IOVA + 40, COUNT));
	ASSERT_TRUE(mem_is(self->writer + 40, COUNT, 6));
}

TEST_HARNESS_MAIN
