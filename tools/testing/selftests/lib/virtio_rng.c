// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "mem.h"
#include "proc.h"
#include "vfio.h"
#include "virtio_rng.h"

/* Where the parts of the queue are in its page; 2.6 wants them aligned. */
#define AVAIL_OFFSET	1024
#define USED_OFFSET	2048

/* Find the structures of the device in its BAR, 4.1.4. */
static int rng_find(struct virtio_rng *rng)
{
	struct virtio_pci_notify_cap notify;
	struct virtio_pci_cap cap;
	uint8_t where;
	int rc;

	rc = vfio_config_read(rng->cdev, PCI_CAPABILITY_LIST, &where, 1);
	for (; !rc && where; where = cap.cap_next) {
		rc = vfio_config_read(rng->cdev, where, &cap, sizeof(cap));
		if (rc || cap.cap_vndr != PCI_CAP_ID_VNDR)
			continue;
		if (cap.cfg_type != VIRTIO_PCI_CAP_COMMON_CFG &&
		    cap.cfg_type != VIRTIO_PCI_CAP_NOTIFY_CFG)
			continue;
		if (!rng->bar)
			rng->bar = vfio_bar_mmap(rng->cdev, cap.bar,
						 &rng->bar_size);
		if (!rng->bar || cap.offset >= rng->bar_size)
			return ENXIO;
		if (cap.cfg_type == VIRTIO_PCI_CAP_COMMON_CFG) {
			rng->common = (void *)(rng->bar + cap.offset);
			continue;
		}
		rc = vfio_config_read(rng->cdev, where, &notify,
				      sizeof(notify));
		rng->notify = (void *)(rng->bar + cap.offset);
		rng->notify_unit = notify.notify_off_multiplier;
	}
	return rc ?: rng->common && rng->notify ? 0 : ENODEV;
}

int virtio_rng_open(struct virtio_rng *rng, int iommufd)
{
	int rc;

	rng->bar = NULL;
	rng->common = NULL;
	rng->notify = NULL;
	rng->cdev = vfio_cdev_open(&rng->pci);
	if (rng->cdev < 0)
		return errno;
	rc = _test_vfio_bind(rng->cdev, iommufd, &rng->devid);
	if (!rc)
		rc = vfio_enable_dma(rng->cdev);
	if (!rc)
		rc = rng_find(rng);
	if (rc)
		virtio_rng_close(rng);
	return rc;
}

void virtio_rng_close(struct virtio_rng *rng)
{
	if (rng->bar)
		munmap((void *)rng->bar, rng->bar_size);
	if (rng->cdev >= 0)
		close(rng->cdev);
	rng->bar = NULL;
	rng->cdev = -1;
}

/* 3.1.1. The device uses the IOMMU only if the driver accepts that it does. */
static bool rng_negotiate(struct virtio_rng *rng)
{
	static const uint32_t high = 1U << (VIRTIO_F_VERSION_1 - 32) |
				     1U << (VIRTIO_F_ACCESS_PLATFORM - 32);

	rng->common->device_status = 0;
	for (int i = 0; i < 2000 && rng->common->device_status; i++)
		sleep_ms(1);
	rng->common->device_status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	rng->common->device_status = VIRTIO_CONFIG_S_ACKNOWLEDGE |
				     VIRTIO_CONFIG_S_DRIVER;
	rng->common->device_feature_select = 1;
	if ((rng->common->device_feature & high) != high)
		return false;
	rng->common->guest_feature_select = 0;
	rng->common->guest_feature = 0;
	rng->common->guest_feature_select = 1;
	rng->common->guest_feature = high;
	rng->common->device_status |= VIRTIO_CONFIG_S_FEATURES_OK;
	return rng->common->device_status & VIRTIO_CONFIG_S_FEATURES_OK;
}

bool virtio_rng_start(struct virtio_rng *rng, uint8_t *queue, uint64_t iova)
{
	const uint64_t parts[] = {
		iova, iova + AVAIL_OFFSET, iova + USED_OFFSET
	};
	volatile uint32_t *address;

	memset(queue, 0, PAGE);
	rng->queue = queue;
	rng->queue_iova = iova;
	rng->next = 0;
	if (!rng_negotiate(rng))
		return false;
	rng->common->queue_select = 0;
	rng->common->queue_size = VIRTIO_RNG_ENTRIES;
	address = &rng->common->queue_desc_lo;
	for (int i = 0; i < 3; i++) {
		address[2 * i] = parts[i];
		address[2 * i + 1] = parts[i] >> 32;
	}
	rng->notify += rng->common->queue_notify_off * rng->notify_unit / 2;
	rng->common->queue_enable = 1;
	rng->common->device_status |= VIRTIO_CONFIG_S_DRIVER_OK;
	return !(rng->common->device_status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* 2.6.13: offer one buffer, and wait until it is used. */
uint32_t virtio_rng_fill(struct virtio_rng *rng, uint64_t iova, uint32_t count)
{
	struct vring_desc *desc = (void *)rng->queue;
	struct vring_avail *avail = (void *)(rng->queue + AVAIL_OFFSET);
	volatile struct vring_used *used = (void *)(rng->queue + USED_OFFSET);
	unsigned int slot = rng->next % VIRTIO_RNG_ENTRIES;

	desc[slot] = (struct vring_desc){
		.addr = iova, .len = count, .flags = VRING_DESC_F_WRITE,
	};
	avail->ring[slot] = slot;
	__sync_synchronize();
	avail->idx = ++rng->next;
	__sync_synchronize();
	*rng->notify = 0;
	for (int i = 0; i < 2000; i++) {
		if (used->idx == rng->next)
			return used->ring[slot].len;
		if (rng->common->device_status & VIRTIO_CONFIG_S_NEEDS_RESET)
			break;
		sleep_ms(1);
	}
	return 0;
}
