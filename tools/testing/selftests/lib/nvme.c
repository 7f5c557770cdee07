// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem.h"
#include "nvme.h"
#include "proc.h"
#include "vfio.h"

/* 4.2: the fields of a submission entry that are used here. */
struct nvme_command {
	uint8_t opcode;
	uint8_t flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved[2];
	uint64_t prp1;
	uint64_t prp2;
	uint32_t cdw10;
	uint32_t cdw11_15[5];
};

/* 4.6 */
struct nvme_completion {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t id;
	uint16_t status;	/* bit 0 is the phase */
};

_Static_assert(sizeof(struct nvme_command) == 64, "4.2");
_Static_assert(sizeof(struct nvme_completion) == 16, "4.6");

#define NVME_ADMIN_IDENTIFY	0x06
#define NVME_IDENTIFY_CTRL	0x01

int nvme_open(struct nvme *nvme, int iommufd)
{
	int rc;

	nvme->bar = NULL;
	nvme->cdev = vfio_cdev_open(&nvme->pci);
	if (nvme->cdev < 0)
		return errno;
	rc = _test_vfio_bind(nvme->cdev, iommufd, &nvme->devid);
	if (!rc)
		rc = vfio_enable_dma(nvme->cdev);
	if (!rc) {
		nvme->bar = vfio_bar_mmap(nvme->cdev,
					  VFIO_PCI_BAR0_REGION_INDEX,
					  &nvme->bar_size);
		if (!nvme->bar)
			rc = ENXIO;
	}
	if (rc)
		nvme_close(nvme);
	return rc;
}

void nvme_close(struct nvme *nvme)
{
	if (nvme->bar)
		munmap((void *)nvme->bar, nvme->bar_size);
	if (nvme->cdev >= 0)
		close(nvme->cdev);
	nvme->bar = NULL;
	nvme->cdev = -1;
}

uint32_t nvme_read(const struct nvme *nvme, unsigned int reg)
{
	return *(volatile uint32_t *)(nvme->bar + reg);
}

void nvme_write(const struct nvme *nvme, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(nvme->bar + reg) = value;
}

static bool nvme_wait_ready(const struct nvme *nvme, uint32_t ready)
{
	for (int i = 0; i < 2000; i++) {
		if ((nvme_read(nvme, NVME_CSTS) & NVME_CSTS_RDY) == ready)
			return true;
		sleep_ms(1);
	}
	return false;
}

bool nvme_enable(struct nvme *nvme, uint8_t *queues, uint64_t iova)
{
	memset(queues, 0, 2 * PAGE);
	nvme->queues = queues;
	nvme->tail = 0;
	nvme->head = 0;
	nvme->phase = 1;
	nvme_write(nvme, NVME_CC, 0);
	if (!nvme_wait_ready(nvme, 0))
		return false;
	nvme_write(nvme, NVME_AQA, (NVME_QUEUE_ENTRIES - 1) << 16 |
		   (NVME_QUEUE_ENTRIES - 1));
	nvme_write(nvme, NVME_ASQ, iova);
	nvme_write(nvme, NVME_ASQ + 4, iova >> 32);
	nvme_write(nvme, NVME_ACQ, iova + PAGE);
	nvme_write(nvme, NVME_ACQ + 4, (iova + PAGE) >> 32);
	/* 3.1.5: 16-byte completions, 64-byte commands, 4 KiB pages, enable */
	nvme_write(nvme, NVME_CC, 4 << 20 | 6 << 16 | 1);
	return nvme_wait_ready(nvme, NVME_CSTS_RDY);
}

static int nvme_wait_completion(struct nvme *nvme)
{
	volatile struct nvme_completion *cq =
		(void *)(nvme->queues + PAGE);
	uint16_t status;

	for (int i = 0; i < 2000; i++) {
		status = cq[nvme->head].status;
		if ((status & 1) != nvme->phase) {
			sleep_ms(1);
			continue;
		}
		nvme->head = (nvme->head + 1) % NVME_QUEUE_ENTRIES;
		if (!nvme->head)
			nvme->phase ^= 1;
		/* The doorbell of CQ 0 is next to that of SQ 0: CAP.DSTRD 0. */
		nvme_write(nvme, NVME_SQ0_TAIL + 4, nvme->head);
		return status >> 1;
	}
	return -1;
}

int nvme_identify(struct nvme *nvme, uint64_t prp1, uint64_t prp2)
{
	struct nvme_command *sq = (void *)nvme->queues;

	sq[nvme->tail] = (struct nvme_command){
		.opcode = NVME_ADMIN_IDENTIFY,
		.id = nvme->tail,
		.prp1 = prp1,
		.prp2 = prp2,
		.cdw10 = NVME_IDENTIFY_CTRL,
	};
	nvme->tail = (nvme->tail + 1) % NVME_QUEUE_ENTRIES;
	__sync_synchronize();
	nvme_write(nvme, NVME_SQ0_TAIL, nvme->tail);
	return nvme_wait_completion(nvme);
}
