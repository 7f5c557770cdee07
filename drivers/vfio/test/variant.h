/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A variant driver for the tests: a PCI driver over vfio-pci-core that has what
 * drivers of real devices add, a feature, an ioctl and a region of its own,
 * migration and the log of DMA. Nothing of it needs the device, so it works
 * with any.
 */
#ifndef VFIO_TEST_VARIANT_H
#define VFIO_TEST_VARIANT_H

#include <linux/mutex.h>
#include <linux/vfio_pci_core.h>
#include <linux/xarray.h>

#include "variant_abi.h"

/**
 * struct variant_device - a device on the driver
 * @core: what vfio-pci-core works with
 * @lock: protects the members below, as far as they say nothing else
 * @value: the state of the device
 * @enables: how often the device was enabled
 * @last_asked: last feature for which vfio called the driver
 * @state: state of the migration
 * @migration: the file of the migration, NULL in states without one. Holds a
 *             reference to the file.
 * @was_reset: the device was reset, and the next holder of @lock has to change
 *             the state; an atomic bit
 * @page_size: page size of the log, 0 while nothing is logged
 * @ranges: what is logged
 * @num_ranges: size of @ranges
 * @dirty: pages of the log, by their number; has its own lock
 * @memory: of the region
 */
struct variant_device {
	struct vfio_pci_core_device core;
	struct mutex lock;
	u64 value;
	u32 enables;
	u32 last_asked;
	enum vfio_device_mig_state state;
	struct file *migration;
	unsigned long was_reset;
	u64 page_size;
	struct variant_range *ranges;
	u32 num_ranges;
	struct xarray dirty;
	u8 memory[VARIANT_REGION_MEMORY];
};

static inline struct variant_device *to_variant(struct vfio_device *vdev)
{
	return container_of(vdev, struct variant_device, core.vdev);
}

int variant_region_add(struct variant_device *dev);

void variant_migration_init(struct variant_device *dev);
void variant_migration_stop(struct variant_device *dev);
void variant_lock(struct variant_device *dev);
void variant_unlock(struct variant_device *dev);
void variant_reset_done(struct variant_device *dev);
unsigned int variant_data_files(void);

void variant_logging_init(struct variant_device *dev);
void variant_logging_stop(struct variant_device *dev);
u64 variant_logging_bytes(struct variant_device *dev);
int variant_logging_dma(struct variant_device *dev,
			const struct variant_dma *dma);

#endif
