// SPDX-License-Identifier: GPL-2.0
/*
 * Every kind of user memory: DMA reaches the kinds that can be mapped, and a
 * MAP of the others leaves nothing behind.
 */
#include <sys/syscall.h>

#include "harness.h"

#define IOVA	0x10000000UL
#define P2P	"/sys/module/iommufd/parameters/p2p"

FIXTURE(kinds) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;
	size_t length;
};

/* Memory of @length bytes that can be mapped, or NULL. */
struct kind {
	uint8_t *(*make)(size_t length);
	size_t length;
	bool hugetlb, thp;
};

FIXTURE_VARIANT(kinds) {
	struct kind kind;
};

static uint8_t *make_anon(size_t length)
{
	uint8_t *mem = mem_reserve(length);

	if (mem)
		madvise(mem, length, MADV_NOHUGEPAGE);
	return mem;
}

static uint8_t *make_thp(size_t length)
{
	return mem_thp(length);
}

static uint8_t *make_hugetlb(size_t length)
{
	return mem_file(-1, length, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
}

static uint8_t *make_shared_anon(size_t length)
{
	return mem_file(-1, length, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS);
}

static uint8_t *map_memfd(size_t length, unsigned int fd_flags, int map_flags)
{
	int fd = mem_fd("kind", length, fd_flags);

	if (fd < 0)
		return NULL;
	return mem_file(fd, length, PROT_READ | PROT_WRITE, map_flags);
}

static uint8_t *make_memfd(size_t length)
{
	return map_memfd(length, 0, MAP_SHARED);
}

static uint8_t *make_memfd_hugetlb(size_t length)
{
	return map_memfd(length, MFD_HUGETLB, MAP_SHARED);
}

static uint8_t *make_private_file(size_t length)
{
	return map_memfd(length, 0, MAP_PRIVATE);
}

/* Every page is of another file, every third one anonymous: many VMAs. */
static uint8_t *make_patchwork(size_t length)
{
	uint8_t *mem = mem_reserve(length);

	for (size_t at = 0; mem && at < length; at += PAGE) {
		int fd = at / PAGE % 3 ? mem_fd("patch", PAGE, 0) : -1;
		int flags = MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS :
						  MAP_SHARED);

		if (mmap(mem + at, PAGE, PROT_READ | PROT_WRITE, flags, fd,
			 0) != mem + at)
			return NULL;
		if (fd >= 0)
			close(fd);
	}
	return mem;
}

/* Huge pages in the middle, small ones before and after. */
static uint8_t *make_mixed_sizes(size_t length)
{
	uint8_t *mem = mem_reserve_aligned(length, HUGE);

	if (!mem)
		return NULL;
	madvise(mem, length, MADV_NOHUGEPAGE);
	madvise(mem + HUGE, length - 2 * HUGE, MADV_HUGEPAGE);
	return mem;
}

FIXTURE_VARIANT_ADD(kinds, anon) { { make_anon, 64 * PAGE } };
FIXTURE_VARIANT_ADD(kinds, anon_thp) {
	{ make_thp, 2 * HUGE, .thp = true }
};
FIXTURE_VARIANT_ADD(kinds, hugetlb) { { make_hugetlb, 2 * HUGE, true } };
FIXTURE_VARIANT_ADD(kinds, shared_anon) { { make_shared_anon, 64 * PAGE } };
FIXTURE_VARIANT_ADD(kinds, memfd) { { make_memfd, 64 * PAGE } };
FIXTURE_VARIANT_ADD(kinds, memfd_hugetlb) {
	{ make_memfd_hugetlb, 2 * HUGE, true }
};
FIXTURE_VARIANT_ADD(kinds, private_file) { { make_private_file, 64 * PAGE } };
FIXTURE_VARIANT_ADD(kinds, patchwork) { { make_patchwork, 48 * PAGE } };
FIXTURE_VARIANT_ADD(kinds, mixed_sizes) {
	{ make_mixed_sizes, 4 * HUGE, .thp = true }
};

FIXTURE_SETUP(kinds)
{
	const struct kind *kind = &variant->kind;

	if (kind->thp)
		test_needs_thp();
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	if (kind->hugetlb && !mem_hugetlb_pool(4))
		SKIP(return, "four huge pages of 2 MiB are not available");
	self->length = kind->length;
	self->mem = test_mem(kind->make(kind->length));
}

FIXTURE_TEARDOWN(kinds)
{
	close(self->fd);
	edu_close(&self->edu);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

/* @_count bytes at @_at go to the device and come back to @_back. */
#define test_round_trip(_at, _back, _count, _seed)			\
	do {								\
		mem_fill(self->mem + (_at), _count, _seed);		\
		ASSERT_TRUE(edu_load(&self->edu, IOVA + (_at), _count)); \
		ASSERT_TRUE(edu_store(&self->edu, IOVA + (_back), _count)); \
		ASSERT_TRUE(mem_is(self->mem + (_back), _count, _seed)); \
	} while (0)

TEST_F(kinds, dma_across_page_borders)
{
	test_map_fixed(self->mem, self->length, IOVA);
	test_pinned(self->length / 1024);
	test_round_trip(PAGE - 50, self->length - PAGE - 1000, 1500, 1);
	if (self->length >= 2 * HUGE)
		test_round_trip(HUGE - 2000, 3, 4000, 2);
	test_unmap(IOVA, self->length);
	test_pinned(0);
}

TEST_F(kinds, parts_that_begin_and_end_anywhere)
{
	size_t half = self->length / 2;

	test_map_fixed(self->mem + PAGE, self->length - 2 * PAGE, IOVA + PAGE);
	test_pinned((self->length - 2 * PAGE) / 1024);
	test_unmap(IOVA + PAGE, self->length - 2 * PAGE);
	/* Neighbouring mappings that split a huge page between them. */
	test_map_fixed(self->mem, half - PAGE, IOVA);
	test_map_fixed(self->mem + half - PAGE, half + PAGE,
		       IOVA + half - PAGE);
	test_pinned(self->length / 1024);
	test_unmap(IOVA, half - PAGE);
	test_round_trip(half - PAGE, self->length - PAGE, 64, 3);
	test_unmap(IOVA + half - PAGE, half + PAGE);
	test_pinned(0);
}

TEST_F(kinds, munmap_before_unmap)
{
	uint8_t *scratch = test_mem(mem_anon(PAGE));

	test_map_fixed(self->mem, self->length, IOVA);
	test_map_fixed(scratch, PAGE, 0);
	mem_fill(self->mem + self->length - PAGE, 100, 4);
	ASSERT_EQ(0, munmap(self->mem, self->length));
	/* The device still reaches the pages. */
	ASSERT_TRUE(edu_load(&self->edu, IOVA + self->length - PAGE, 100));
	ASSERT_TRUE(edu_store(&self->edu, 0, 100));
	ASSERT_TRUE(mem_is(scratch, 100, 4));
	test_unmap(IOVA, self->length);
	test_pinned(4);
}

/* Memory that is refused, alone and behind memory that can be mapped */
FIXTURE(refused) {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;		/* of normal memory */
};

FIXTURE_SETUP(refused)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
	test_ioas_alloc(&self->ioas);
	test_edu_attach(&self->edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	self->mem = test_mem(mem_anon(4 * PAGE));
}

FIXTURE_TEARDOWN(refused)
{
	edu_close(&self->edu);
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

static int map_readable(int fd, uint32_t ioas, const void *mem, size_t length)
{
	return _test_map_fixed(fd, ioas, mem, length, IOVA, MAP_READ);
}

#define test_refused(_mem, _length)					\
	do {								\
		test_err_map_fixed(EFAULT, _mem, _length, IOVA);	\
		test_err(EFAULT, map_readable(self->fd, self->ioas, _mem, \
					      _length));		\
	} while (0)

/* BARs, if the parameter says that they are not for other devices */
#define test_bar_refused(_bar, _length)					\
	do {								\
		ASSERT_TRUE(file_write(P2P, "none"));			\
		test_refused(_bar, _length);				\
		ASSERT_TRUE(file_write(P2P, "own"));			\
	} while (0)

TEST_F(refused, bar_of_a_device)
{
	test_bar_refused((void *)self->edu.bar, EDU_BAR_SIZE);
	test_bar_refused((void *)(self->edu.bar + PAGE), PAGE);
}

TEST_F(refused, bar_with_ram)
{
	size_t size;
	void *bar;
	int cdev;

	test_ram_bar(&cdev, &bar, &size);
	mem_fill(bar, PAGE, 1);
	ASSERT_TRUE(mem_is(bar, PAGE, 1));
	test_bar_refused(bar, size);
	munmap(bar, size);
	close(cdev);
}

/* The process may write to the BAR, but not read it. */
TEST_F(refused, copy_of_a_bar_with_more_rights)
{
	uint64_t iova = IOVA;
	size_t size;
	void *bar;
	int cdev;

	test_ram_bar(&cdev, &bar, &size);
	ASSERT_EQ(0, mprotect(bar, size, PROT_WRITE));
	test_err_map_fixed(EFAULT, bar, size, IOVA);
	test_ok(_test_map_fixed(self->fd, self->ioas, bar, size, IOVA,
				MAP_WRITE));
	iova += size;
	test_err(EPERM, _test_ioas_copy(self->fd, self->ioas, &iova, self->ioas,
					IOVA, size, MAP_RW | MAP_FIXED_IOVA));
	test_err(EPERM, _test_ioas_copy(self->fd, self->ioas, &iova, self->ioas,
					IOVA, size, MAP_READ | MAP_FIXED_IOVA));
	test_copy(self->ioas, &iova, self->ioas, IOVA, size,
		  MAP_WRITE | MAP_FIXED_IOVA);
	test_unmap(IOVA, 2 * size);
	munmap(bar, size);
	close(cdev);
}

TEST_F(refused, good_memory_and_then_a_bar)
{
	void *bar;

	bar = mmap(self->mem + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, self->edu.cdev, 0);
	ASSERT_EQ(self->mem + 2 * PAGE, bar);
	test_refused(self->mem, 4 * PAGE);
	test_map_fixed(self->mem, 2 * PAGE, IOVA);
	ASSERT_EQ(0, munmap(bar, PAGE));
}

TEST_F(refused, hole_in_memory)
{
	ASSERT_EQ(0, munmap(self->mem + PAGE, PAGE));
	test_refused(self->mem, 4 * PAGE);
	test_refused(self->mem + PAGE, PAGE);
}

TEST_F(refused, memory_without_access)
{
	ASSERT_EQ(0, mprotect(self->mem + PAGE, PAGE, PROT_NONE));
	test_refused(self->mem, 4 * PAGE);
	test_refused(self->mem + PAGE, PAGE);
}

TEST_F(refused, end_of_a_file)
{
	int file = mem_fd("short", PAGE, 0);
	uint8_t *mem;

	ASSERT_GE(file, 0);
	mem = test_mem(mem_file(file, 4 * PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED));
	test_refused(mem, 2 * PAGE);
	test_map_fixed(mem, PAGE, IOVA);
}

/* The start of [vvar], the kernel's clock data, and if it is a VM_PFNMAP */
static void *find_vdso_data(bool *is_pfnmap)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start = 0;
	char line[256];
	bool found = false;

	while (smaps && !(found && !strncmp(line, "VmFlags:", 8)) &&
	       fgets(line, sizeof(line), smaps))
		if (!found && strstr(line, "[vvar]\n"))
			found = sscanf(line, "%lx-", &start) == 1;
	*is_pfnmap = found && strstr(line, " pf ");
	if (smaps)
		fclose(smaps);
	return (void *)start;
}

/* Until Linux 6.12 it is no memory for gup; later it may be read, as by anyone. */
TEST_F(refused, kernels_vdso_data)
{
	bool is_pfnmap;
	void *data = find_vdso_data(&is_pfnmap);

	ASSERT_NE(NULL, data);
	test_err_map_fixed(EFAULT, data, PAGE, IOVA);
	if (is_pfnmap) {
		test_refused(data, PAGE);
		return;
	}
	test_ok(map_readable(self->fd, self->ioas, data, PAGE));
	ASSERT_EQ(PAGE / 1024, proc_status_kb("VmPin:"));
	test_unmap(IOVA, PAGE);
	ASSERT_EQ(0, proc_status_kb("VmPin:"));
}

TEST_F(refused, memory_of_the_kernel)
{
	test_refused((void *)0xffffffff81000000, PAGE);
	test_refused((void *)0xffff888000100000, PAGE);
	test_refused(NULL, PAGE);
}

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

TEST_F(refused, secretmem)
{
	int fd = syscall(SYS_memfd_secret, 0);
	uint8_t *mem;

	if (fd < 0)
		SKIP(return, "memfd_secret(): %s (secretmem.enable=1?)",
		     strerror(errno));
	ASSERT_EQ(0, ftruncate(fd, 2 * PAGE));
	mem = test_mem(mem_file(fd, 2 * PAGE, PROT_READ | PROT_WRITE,
				MAP_SHARED));
	mem_fill(mem, 2 * PAGE, 1);
	test_refused(mem, 2 * PAGE);
	ASSERT_TRUE(mem_is(mem, 2 * PAGE, 1));
}

TEST_HARNESS_MAIN
