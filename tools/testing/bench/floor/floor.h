/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/iommu-floor: the minimum cost of mapping memory for a device. The ioctls
 * do only what every driver has to do.
 */
#ifndef _BENCH_FLOOR_H
#define _BENCH_FLOOR_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define FLOOR_MAX_PAGES (1 << 20)

/**
 * struct floor_attach - argument of FLOOR_ATTACH
 * @segment: PCI domain of the device to attach
 * @bus: its bus
 * @devfn: its slot and function
 *
 * Creates an IO page table and attaches a device that no driver uses for DMA.
 */
struct floor_attach {
	__u32 segment;
	__u16 bus;
	__u16 devfn;
};

/* MAP: the memory is already pinned. UNMAP: it stays pinned. */
#define FLOOR_KEEP_PINNED	(1 << 0)
/* MAP: call iommu_map_sg() for 512 runs, not iommu_map() for each */
#define FLOOR_MAP_SG		(1 << 1)
/* UNMAP: unpin every run as a range, not single pages as a list */
#define FLOOR_UNPIN_RANGES	(1 << 2)
/* MAP and UNMAP: do not change the IO page table */
#define FLOOR_PIN_ONLY		(1 << 3)
/* MAP and UNMAP: each page is a mapping of its own, with as much IOVA free after it */
#define FLOOR_GAPS		(1 << 4)

/**
 * struct floor_range - argument of FLOOR_MAP and FLOOR_UNMAP
 * @va: page aligned address of the memory; MAP only
 * @iova: page aligned IOVA
 * @length: bytes of memory
 * @first: slot of the first page at @va, less than FLOOR_MAX_PAGES
 * @flags: FLOOR_KEEP_PINNED and others
 * @pin_cycles: out: TSC ticks of pinning or unpinning
 * @map_cycles: out: TSC ticks of mapping or unmapping
 * @nr_runs: out: number of physical runs; MAP only
 */
struct floor_range {
	__u64 va;
	__u64 iova;
	__u64 length;
	__u32 first;
	__u32 flags;
	__u64 pin_cycles;
	__u64 map_cycles;
	__u64 nr_runs;
};

#define FLOOR_ATTACH	_IOW('F', 0, struct floor_attach)
#define FLOOR_MAP	_IOWR('F', 1, struct floor_range)
#define FLOOR_UNMAP	_IOWR('F', 2, struct floor_range)

#endif
