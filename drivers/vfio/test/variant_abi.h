/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What test programs know of the driver vfio-pci-variant-test. It works with
 * every PCI device and binds only through driver_override.
 */
#ifndef VFIO_TEST_VARIANT_ABI_H
#define VFIO_TEST_VARIANT_ABI_H

#include <linux/types.h>
#include <linux/vfio.h>

#define VARIANT_DRIVER	"vfio-pci-variant-test"
#define VARIANT_MODULE	"vfio_pci_variant_test"

/* A number of VFIO_DEVICE_FEATURE that neither vfio nor vfio-pci-core knows */
#define VARIANT_FEATURE	0xfff0

/**
 * struct variant_feature - data of VARIANT_FEATURE, which has GET and SET
 * @value: the state of the device, which a migration carries. Only SET of
 *         @value changes the driver; everything below is for GET.
 * @page_size: page size of the log of DMA, 0 while DMA is not logged
 * @log_bytes: sum of the ranges that are logged
 * @num_ranges: number of these ranges
 * @data_files: number of files of migrations that are not released yet
 * @enables: how often the device was enabled for a first user
 * @last_asked: the feature for which vfio called the driver last, before this
 */
struct variant_feature {
	__aligned_u64 value;
	__aligned_u64 page_size;
	__aligned_u64 log_bytes;
	__u32 num_ranges;
	__u32 data_files;
	__u32 enables;
	__u32 last_asked;
};

/* An ioctl of the driver's own: returns the argument, below 2^31, plus one. */
#define VARIANT_ADD_ONE	_IO(VFIO_TYPE, VFIO_BASE + 90)

/*
 * The driver's own region, the first index after those of vfio-pci. It begins
 * with memory that can be read and written. A write of struct variant_dma to
 * VARIANT_REGION_DMA makes the driver believe that the device has written that
 * memory by DMA.
 */
#define VARIANT_REGION_INDEX	VFIO_PCI_NUM_REGIONS
#define VARIANT_REGION_TYPE	0x4956	/* of the vendor 0x1234 and so on */
#define VARIANT_REGION_SUBTYPE	7
#define VARIANT_REGION_SIZE	4096
#define VARIANT_REGION_MEMORY	64
#define VARIANT_REGION_DMA	1024

/**
 * struct variant_dma - DMA to remember
 * @iova: first byte
 * @length: number of bytes, at most VARIANT_MAX_DMA
 */
struct variant_dma {
	__aligned_u64 iova;
	__aligned_u64 length;
};

#define VARIANT_MAX_DMA		(1UL << 30)

/**
 * struct variant_saved - what the file of a migration carries
 * @magic: VARIANT_MAGIC
 * @value: value of struct variant_feature
 */
struct variant_saved {
	__aligned_u64 magic;
	__aligned_u64 value;
};

#define VARIANT_MAGIC	0x746e616972617621ULL

#endif
