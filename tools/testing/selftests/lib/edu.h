/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's edu device: a DMA engine with a buffer of 4 KiB, which only DMA can
 * access. One transfer takes 100 ms of guest time.
 */
#ifndef SELFTEST_LIB_EDU_H
#define SELFTEST_LIB_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pci.h"

#define EDU_ID			0x00
#define   EDU_ID_VALUE		0x010000edU
#define EDU_LIVENESS		0x04	/* reads back the complement */
#define EDU_STATUS		0x20
#define EDU_IRQ_STATUS		0x24
#define EDU_IRQ_RAISE		0x60
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SRC		0x80
#define EDU_DMA_DST		0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_CMD		0x98
#define   EDU_DMA_RUN		0x1
#define   EDU_DMA_TO_RAM	0x2
#define   EDU_DMA_IRQ		0x4

#define EDU_BUFFER		0x40000
#define EDU_BAR_SIZE		0x100000
/* QEMU 7.2 aborts on a transfer that ends at the end of the buffer. */
#define EDU_MAX_DMA		4095U

struct edu {
	int cdev;		/* -1 if closed */
	uint32_t devid;
	uint32_t pt_id;		/* page table it is attached to */
	volatile uint8_t *bar;
	struct pci_device pci;
};

/*
 * Open the device @edu->pci, bind it to @iommufd and make it ready for DMA.
 * Returns 0 or the errno.
 */
int edu_open(struct edu *edu, int iommufd);
/* Map the BAR of a device that is already open, and enable DMA. */
int edu_start(struct edu *edu, int device_fd);
void edu_close(struct edu *edu);

/* Does the device assert INTx? EDU_IRQ_RAISE starts that. */
bool edu_asserts_intx(const struct edu *edu);

uint32_t edu_read(const struct edu *edu, unsigned int reg);
void edu_write(const struct edu *edu, unsigned int reg, uint32_t value);

/*
 * Copy @count bytes between RAM at @iova and the device's buffer at @offset.
 * @cmd is EDU_DMA_TO_RAM or 0. edu_dma() waits until the transfer is done.
 */
bool edu_dma(const struct edu *edu, uint64_t iova, unsigned int offset,
	     unsigned int count, unsigned int cmd);
void edu_dma_start(const struct edu *edu, uint64_t iova, unsigned int offset,
		   unsigned int count, unsigned int cmd);
bool edu_dma_wait(const struct edu *edu);

/* Copy from RAM at @iova to the device's buffer, and back. */
bool edu_load(const struct edu *edu, uint64_t iova, unsigned int count);
bool edu_store(const struct edu *edu, uint64_t iova, unsigned int count);

#endif
