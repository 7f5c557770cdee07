// SPDX-License-Identifier: GPL-2.0
/* The cost of a second device that uses the same memory. */
#include <unistd.h>

#include "bench.h"
#include "floor/floor.h"

/* Copy a mapping to the IOAS of a second device. */
void copy_iommufd(const char *kind, void *va, size_t length)
{
	uint32_t second = ioas_alloc();
	uint64_t start, copied, unmapped;

	ioas_map(main_ioas, va, length, IOVA_BASE);
	second_device_attach(second);
	start = now();
	ioas_copy(second, main_ioas, length, IOVA_BASE);
	copied = now();
	ioas_unmap(second, IOVA_BASE, length);
	unmapped = now();
	record("copy", kind, INSTRUCTIONS, "iommufd", copied - start);
	record("unmap the copy", kind, INSTRUCTIONS, "iommufd", unmapped - copied);
	second_device_detach();
	iommufd_destroy(second);
	ioas_unmap(main_ioas, IOVA_BASE, length);
}

/* type1 has no COPY: a second container pins the memory again. */
static void copy_type1(const char *kind, void *va, size_t length)
{
	struct type1 second;
	uint64_t start, copied, unmapped;

	type1_engine.map(va, length, IOVA_BASE);
	type1_open(&second, 1);
	start = now();
	type1_map(&second, va, length, IOVA_BASE);
	copied = now();
	type1_unmap(&second, IOVA_BASE, length);
	unmapped = now();
	record("copy", kind, INSTRUCTIONS, "type1", copied - start);
	record("unmap the copy", kind, INSTRUCTIONS, "type1", unmapped - copied);
	type1_close(&second);
	type1_engine.unmap(IOVA_BASE, length);
}

/* Only iommu_map() of the runs and iommu_unmap(), at another IOVA of the domain */
static void copy_floor(const char *kind, void *va, size_t length)
{
	/* At this distance the mapping uses the same slots. */
	uint64_t iova = IOVA_BASE + FLOOR_MAX_PAGES * PAGE;
	uint64_t start, copied, unmapped;

	floor_map(va, length, IOVA_BASE, 0);
	start = now();
	floor_map(va, length, iova, FLOOR_KEEP_PINNED);
	copied = now();
	floor_unmap(iova, length, FLOOR_KEEP_PINNED);
	unmapped = now();
	record("copy", kind, INSTRUCTIONS, "floor", copied - start);
	record("unmap the copy", kind, INSTRUCTIONS, "floor", unmapped - copied);
	floor_unmap(IOVA_BASE, length, 0);
}

/*
 * Attach a second device to an IOAS with a mapping: first to the same page table,
 * then to a separate one.
 */
void attach_iommufd(const char *kind, void *va, size_t length)
{
	uint32_t hwpt;
	uint64_t start, attached, detached;

	ioas_map(main_ioas, va, length, IOVA_BASE);
	start = now();
	second_device_attach(main_ioas);
	attached = now();
	record("attach to the IOAS", kind, INSTRUCTIONS, "iommufd", attached - start);
	second_device_detach();

	start = now();
	hwpt = hwpt_alloc(main_ioas);
	second_device_attach(hwpt);
	attached = now();
	second_device_detach();
	iommufd_destroy(hwpt);
	detached = now();
	record("attach with its own HWPT", kind, INSTRUCTIONS, "iommufd", attached - start);
	record("detach with its own HWPT", kind, INSTRUCTIONS, "iommufd", detached - attached);
	ioas_unmap(main_ioas, IOVA_BASE, length);
}

static void attach_type1(const char *kind, void *va, size_t length)
{
	int group = type1_open_group(1);
	uint64_t start, attached;

	type1_engine.map(va, length, IOVA_BASE);
	start = now();
	type1_set_container(group);
	attached = now();
	record("attach to the IOAS", kind, INSTRUCTIONS, "type1", attached - start);
	close(group);
	type1_engine.unmap(IOVA_BASE, length);
}

/* Rows of a second device, with a separate IO page table and with the same one */
void bench_second_device(const struct memory_kind *kind, const struct scale *scale)
{
	size_t length = scale->large;
	void *va = create_used(kind, length);

	for (int i = 0; i < REPEATS; i++) {
		copy_iommufd(kind->name, va, length);
		attach_iommufd(kind->name, va, length);
		if (engine_wanted(&type1_engine)) {
			copy_type1(kind->name, va, length);
			attach_type1(kind->name, va, length);
		}
		if (engine_wanted(&floor_engine))
			copy_floor(kind->name, va, length);
	}
	memory_destroy(kind, va, length);
}
