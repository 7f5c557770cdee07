/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The admin queue of an NVMe controller: a device that does scatter-gather DMA.
 * Section numbers are those of the NVMe base specification 1.4.
 */
#ifndef SELFTEST_LIB_NVME_H
#define SELFTEST_LIB_NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci.h"

/* Controller registers, 3.1 */
#define NVME_CAP	0x00
#define NVME_VS		0x08
#define NVME_INTMS	0x0c
#define NVME_CC		0x14
#define NVME_CSTS	0x1c
#define   NVME_CSTS_RDY	0x1
#define NVME_AQA	0x24
#define NVME_ASQ	0x28
#define NVME_ACQ	0x30
#define NVME_SQ0_TAIL	0x1000

#define NVME_QUEUE_ENTRIES 16

struct nvme {
	int cdev;
	uint32_t devid;
	uint32_t pt_id;
	volatile uint8_t *bar;
	size_t bar_size;
	struct pci_device pci;
	uint8_t *queues;	/* two pages: submission, completion */
	unsigned int tail;
	unsigned int head;
	unsigned int phase;
};

/* As edu_open(): 0 or the errno. */
int nvme_open(struct nvme *nvme, int iommufd);
void nvme_close(struct nvme *nvme);

uint32_t nvme_read(const struct nvme *nvme, unsigned int reg);
void nvme_write(const struct nvme *nvme, unsigned int reg, uint32_t value);

/*
 * Enable the controller with admin queues in @queues, two pages that are mapped
 * at @iova.
 */
bool nvme_enable(struct nvme *nvme, uint8_t *queues, uint64_t iova);

/*
 * Identify Controller (5.15): the controller writes 4096 bytes to @prp1 and, if
 * @prp1 is not page aligned, the rest to @prp2. Returns the status field (0 is
 * success), or -1 if no completion came.
 */
int nvme_identify(struct nvme *nvme, uint64_t prp1, uint64_t prp2);

#endif
