/* SPDX-License-Identifier: GPL-2.0 */
/* Every kind of memory that can be mapped */
#ifndef SELFTEST_LIB_MEM_H
#define SELFTEST_LIB_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE	4096UL
#define HUGE	(2UL << 20)

/*
 * All return NULL if there is no such memory. mem_anon() allocates all pages;
 * mem_reserve() allocates address space without pages.
 */
void *mem_anon(size_t length);
void *mem_reserve(size_t length);
/* As mem_reserve(), aligned to @align, a power of two */
void *mem_reserve_aligned(size_t length, size_t align);
/* Transparent huge pages. A kernel with CONFIG_PREEMPT_RT has none. */
bool mem_has_thp(void);
void *mem_thp(size_t length);
/*
 * As madvise(). MADV_NOHUGEPAGE succeeds on a kernel without transparent huge
 * pages, too.
 */
int mem_advise(void *mem, size_t length, int advice);

/* A memfd of @length bytes, and mmap() of a file */
int mem_fd(const char *name, size_t length, unsigned int flags);
void *mem_file(int fd, size_t length, int prot, int flags);

/* Grow the pool of huge pages of 2 MiB to @pages; false if it stays smaller. */
bool mem_hugetlb_pool(long pages);

/* A pattern of bytes that differs between pages and between seeds */
void mem_fill(void *mem, size_t length, uint32_t seed);
bool mem_is(const void *mem, size_t length, uint32_t seed);
bool mem_is_zero(const void *mem, size_t length);

#endif
