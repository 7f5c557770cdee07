// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem.h"
#include "proc.h"

#define HUGETLB_POOL "/proc/sys/vm/nr_hugepages"

void *mem_reserve(size_t length)
{
	return mem_file(-1, length, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
}

void *mem_anon(size_t length)
{
	return mem_file(-1, length, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE);
}

void *mem_reserve_aligned(size_t length, size_t align)
{
	uint8_t *mem = mem_reserve(length + align);
	uint8_t *start;

	if (!mem)
		return NULL;
	start = (uint8_t *)(((uintptr_t)mem + align - 1) & ~(align - 1));
	if (start != mem)
		munmap(mem, start - mem);
	munmap(start + length, mem + align - start);
	return start;
}

bool mem_has_thp(void)
{
	return !access("/sys/kernel/mm/transparent_hugepage", F_OK);
}

int mem_advise(void *mem, size_t length, int advice)
{
	if (advice == MADV_NOHUGEPAGE && !mem_has_thp())
		return 0;
	return madvise(mem, length, advice);
}

void *mem_thp(size_t length)
{
	uint8_t *mem = mem_reserve_aligned(length, HUGE);

	if (!mem || madvise(mem, length, MADV_HUGEPAGE))
		return NULL;
	for (size_t i = 0; i < length; i += HUGE)
		mem[i] = 0;
	return mem;
}

int mem_fd(const char *name, size_t length, unsigned int flags)
{
	int fd = memfd_create(name, MFD_CLOEXEC | flags);

	if (fd >= 0 && ftruncate(fd, length)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void *mem_file(int fd, size_t length, int prot, int flags)
{
	void *mem = mmap(NULL, length, prot, flags, fd, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

bool mem_hugetlb_pool(long pages)
{
	if (file_read_long(HUGETLB_POOL) >= pages)
		return true;
	return file_write_long(HUGETLB_POOL, pages) &&
	       file_read_long(HUGETLB_POOL) >= pages;
}

static uint8_t pattern_byte(size_t i, uint32_t seed)
{
	uint32_t x = (uint32_t)i * 2654435761U + seed * 0x35000000U;

	/* Never 0: a read that is refused returns zeros. */
	return (x >> 24) | 1;
}

void mem_fill(void *mem, size_t length, uint32_t seed)
{
	uint8_t *p = mem;

	for (size_t i = 0; i < length; i++)
		p[i] = pattern_byte(i, seed);
}

bool mem_is(const void *mem, size_t length, uint32_t seed)
{
	const volatile uint8_t *p = mem;

	for (size_t i = 0; i < length; i++)
		if (p[i] != pattern_byte(i, seed))
			return false;
	return true;
}

bool mem_is_zero(const void *mem, size_t length)
{
	const volatile uint8_t *p = mem;

	for (size_t i = 0; i < length; i++)
		if (p[i])
			return false;
	return true;
}
