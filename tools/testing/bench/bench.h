/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define PAGE		4096UL
#define MIB		(1UL << 20)
#define GIB		(1UL << 30)
#define HUGE_PAGE	(2 * MIB)

/* Where mappings begin: past everything reserved, and 1 GiB aligned. */
#define IOVA_BASE	(4 * GIB)

/**
 * struct engine - one way to map memory for a device
 * @name: its name in the results
 * @map: map @length bytes at @va to @iova
 * @unmap: remove a mapping that @map made with the same numbers
 * @unmap_all: remove all mappings; they span @length bytes from IOVA_BASE
 *
 * Each ends the program if the kernel refuses.
 */
struct engine {
	const char *name;
	void (*map)(void *va, uint64_t length, uint64_t iova);
	void (*unmap)(uint64_t iova, uint64_t length);
	void (*unmap_all)(uint64_t length);
};

extern const struct engine type1_engine, iommufd_engine, floor_engine;

/* main.c: those that are measured */
extern const struct engine *engines[3];
extern size_t nr_engines;
bool engine_wanted(const struct engine *engine);

/* machine.c: PCI addresses of devices of the guest, edu in ascending order */
const char *edu_device(unsigned int nr);
const char *bar_device(void);
int edu_group(unsigned int nr);
void device_cdev(const char *device, char *path, size_t size);
void write_file(const char *path, const char *text);
uint64_t read_counter(const char *path, const char *name);

/* clock.c */
extern bool wall_time;
uint64_t now(void);
void check_clock(void);

/* memory.c: kinds of memory */
struct memory_kind {
	const char *name;
	void *(*create)(size_t length);
};

extern const struct memory_kind anon_4k, random_4k, thp, hugetlb, memfd_4k;
extern const struct memory_kind untouched_4k, untouched_thp, untouched_memfd, untouched_hugetlb;
void *memory_create(const struct memory_kind *kind, size_t length);
void *memory_create_memfd(size_t length, int *fd);
void memory_destroy(const struct memory_kind *kind, void *va, size_t length);

/* type1.c */
struct type1 {
	int container;
	int group;
};

void type1_setup(void);
void type1_open(struct type1 *vfio, unsigned int edu);
void type1_close(struct type1 *vfio);
void type1_map(struct type1 *vfio, void *va, uint64_t length, uint64_t iova);
void type1_unmap(struct type1 *vfio, uint64_t iova, uint64_t length);
int type1_open_group(unsigned int edu);
void type1_set_container(int group);

/* iommufd.c */
void iommufd_setup(void);
uint32_t ioas_alloc(void);
void iommufd_destroy(uint32_t id);
void ioas_map(uint32_t ioas, void *va, uint64_t length, uint64_t iova);
void ioas_map_file(uint32_t ioas, int fd, uint64_t length, uint64_t iova);
uint64_t ioas_map_anywhere(uint32_t ioas, void *va, uint64_t length);
void ioas_unmap(uint32_t ioas, uint64_t iova, uint64_t length);
void ioas_copy(uint32_t dst, uint32_t src, uint64_t length, uint64_t iova);
uint32_t hwpt_alloc(uint32_t pt);
int access_open(uint32_t ioas);
uint32_t access_pin(int access, uint64_t iova, uint64_t length);
void access_unpin(int access, uint32_t pin);
uint32_t dirty_open(uint32_t ioas, bool large_pages, uint32_t *device);
void dirty_enable(uint32_t hwpt);
void dirty_write(uint32_t hwpt, uint64_t iova, uint64_t length, uint64_t page_size,
		 const void *bits);
void dirty_get(uint32_t hwpt, uint64_t iova, uint64_t length, void *bits);
int iommufd_bind(const char *device, uint32_t *id);
void second_device_attach(uint32_t pt);
void second_device_detach(void);
extern uint32_t main_ioas;

/* floor_user.c */
struct floor_cost {
	uint64_t pin;
	uint64_t map;
	uint64_t runs;
};

void floor_setup(const char *module);
struct floor_cost floor_map(void *va, uint64_t length, uint64_t iova, uint32_t flags);
struct floor_cost floor_unmap(uint64_t iova, uint64_t length, uint32_t flags);

/*
 * main.c: one value of the row called "@what @of", for one engine. It prints, so
 * take the time before. Repeated calls for a row add up to a list.
 */
void record(const char *what, const char *of, const char *unit, const char *engine,
	    double value);

/* main.c: is @name one of @list's words, which commas separate? All names are in "all". */
bool is_listed(const char *list, const char *name);

/**
 * struct scale - how much is mapped
 * @large: bytes of one large mapping
 * @small: number of small mappings
 */
struct scale {
	size_t large;
	unsigned int small;
};

#define REPEATS		3
#define INSTRUCTIONS	"instructions"

/* rows.c */
void *create_used(const struct memory_kind *kind, size_t length);
void map_each(const struct engine *engine, char *va, unsigned int count, size_t size);
void bench_rows(const char *wanted, const struct scale *scale);
void measure_large(const struct engine *engine, const char *kind, void *va, size_t length);
void measure_many(const struct engine *engine, const char *what, char *va, unsigned int count,
		  size_t size);
void measure_gaps(const struct engine *engine, const char *what, char *va, unsigned int count,
		  size_t size);
void list_groups(void);

/* second_device.c */
void copy_iommufd(const char *kind, void *va, size_t length);
void attach_iommufd(const char *kind, void *va, size_t length);

/* access.c */
void measure_pinned_access(const struct memory_kind *kind, void *va, const char *size_name,
			   size_t size);

/* guard.c */
void bench_guard(void);

/* kernel_memory.c: bytes of slabs and vmalloc, and of all memory; only differences matter */
struct kernel_memory {
	double slab;
	double used;
};

struct kernel_memory kernel_memory(void);

/* locks.c */

/**
 * struct lock_event - a lock function was called
 * @time: TSC
 * @lock: address of the lock
 * @caller: the function that called it
 * @release: the lock is released, not taken
 */
struct lock_event {
	uint64_t time;
	uint64_t lock;
	char caller[48];
	bool release;
};

void locks_setup(void);
void locks_trace(bool on);
struct lock_event *locks_read(size_t *nr);

/* Groups of rows that rows.c calls */
void bench_second_device(const struct memory_kind *kind, const struct scale *scale);
void bench_auto(const struct memory_kind *kind, const struct scale *scale);
void bench_file(const struct memory_kind *kind, const struct scale *scale);
void bench_bar(const struct memory_kind *kind, const struct scale *scale);
void bench_ioas(const struct memory_kind *kind, const struct scale *scale);
void bench_access(const struct memory_kind *kind, const struct scale *scale);
void bench_dirty(const struct memory_kind *kind, const struct scale *scale);
void bench_attach(const struct memory_kind *kind, const struct scale *scale);
void bench_tera(const struct memory_kind *kind, const struct scale *scale);
void bench_together(const struct memory_kind *kind, const struct scale *scale);
void bench_mapping_memory(const struct memory_kind *kind, const struct scale *scale);
void bench_run_memory(const struct memory_kind *kind, const struct scale *scale);

/* wall.c, limits.c, profile.c */
void bench_wall(size_t large);
void bench_untouched_rows(const char *what, size_t large);
void bench_limits(void);
void bench_nodes(size_t large);
void profile_rows(const char *wanted, const struct scale *scale);

#endif
