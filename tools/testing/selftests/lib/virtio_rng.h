/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's virtio-rng on PCI, which writes random bytes to a buffer. Unlike edu it
 * can have ATS. Section numbers are those of virtio 1.1.
 */
#ifndef SELFTEST_LIB_VIRTIO_RNG_H
#define SELFTEST_LIB_VIRTIO_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_pci.h>

#include "pci.h"

#define VIRTIO_RNG_ENTRIES	8

struct virtio_rng {
	int cdev;
	uint32_t devid;
	uint32_t pt_id;
	volatile uint8_t *bar;
	size_t bar_size;
	volatile struct virtio_pci_common_cfg *common;
	volatile uint16_t *notify;
	uint32_t notify_unit;
	uint8_t *queue;		/* one page: descriptors, available, used */
	uint64_t queue_iova;
	uint16_t next;
	struct pci_device pci;
};

/* As edu_open(): 0 or the errno. */
int virtio_rng_open(struct virtio_rng *rng, int iommufd);
void virtio_rng_close(struct virtio_rng *rng);

/* Reset the device, and give it a queue in the page @queue, mapped at @iova. */
bool virtio_rng_start(struct virtio_rng *rng, uint8_t *queue, uint64_t iova);

/*
 * Let the device write @count bytes at @iova. Returns how many it says it wrote;
 * 0 if it gave up, as it does when it cannot access its queue.
 */
uint32_t virtio_rng_fill(struct virtio_rng *rng, uint64_t iova, uint32_t count);

#endif
