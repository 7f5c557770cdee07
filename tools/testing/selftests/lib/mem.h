/* SPDX-License-Identifier: GPL-2.0 */
/* Memory of every kind that a mapping can be made of. */
#ifndef SELFTEST_LIB_MEM_H
#define SELFTEST_LIB_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE	4096UL
#define HUGE	(2UL << 20)

/*
 * All return NULL when there is no such memory. mem_anon() is present (written
 * to); mem_reserve() is address space with no page behind it yet.
 */
void *mem_anon(size_t length);
void *mem_reserve(size_t length);
/* Address space that starts on a multiple of @align, a power of two. */
void *mem_reserve_aligned(size_t length, size_t align);
void *mem_thp(size_t length);

/* A sealed-off file in memory; mem_file() maps @length bytes of it shared. */
int mem_fd(const char *name, size_t length, unsigned int flags);
void *mem_file(int fd, size_t length, int prot, int flags);

/* Ask for @pages huge pages of 2 MiB in the system's pool. */
bool mem_hugetlb_pool(long pages);

/* A byte pattern that differs from page to page and from @seed to @seed. */
void mem_fill(void *mem, size_t length, uint32_t seed);
bool mem_is(const void *mem, size_t length, uint32_t seed);
bool mem_is_zero(const void *mem, size_t length);

#endif
