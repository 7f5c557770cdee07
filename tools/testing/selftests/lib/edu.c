// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/pci_regs.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "proc.h"
#include "vfio.h"

int edu_start(struct edu *edu, int device_fd)
{
	size_t size;
	int rc;

	rc = vfio_enable_dma(device_fd);
	if (rc)
		return rc;
	edu->bar = vfio_bar_mmap(device_fd, VFIO_PCI_BAR0_REGION_INDEX, &size);
	if (!edu->bar || size != EDU_BAR_SIZE)
		return ENXIO;
	return edu_read(edu, EDU_ID) == EDU_ID_VALUE ? 0 : ENODEV;
}

int edu_open(struct edu *edu, int iommufd)
{
	int rc;

	edu->pt_id = 0;
	edu->bar = NULL;
	edu->cdev = vfio_cdev_open(&edu->pci);
	if (edu->cdev < 0)
		return errno;
	rc = _test_vfio_bind(edu->cdev, iommufd, &edu->devid);
	if (!rc)
		rc = edu_start(edu, edu->cdev);
	if (rc)
		edu_close(edu);
	return rc;
}

void edu_close(struct edu *edu)
{
	if (edu->bar)
		munmap((void *)edu->bar, EDU_BAR_SIZE);
	if (edu->cdev >= 0)
		close(edu->cdev);
	edu->bar = NULL;
	edu->cdev = -1;
}

uint32_t edu_read(const struct edu *edu, unsigned int reg)
{
	return *(volatile uint32_t *)(edu->bar + reg);
}

bool edu_asserts_intx(const struct edu *edu)
{
	uint16_t status = 0;

	return !vfio_config_read(edu->cdev, PCI_STATUS, &status, 2) &&
	       status & PCI_STATUS_INTERRUPT;
}

void edu_write(const struct edu *edu, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(edu->bar + reg) = value;
}

static void edu_write64(const struct edu *edu, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(edu->bar + reg) = value;
}

void edu_dma_start(const struct edu *edu, uint64_t iova, unsigned int offset,
		   unsigned int count, unsigned int cmd)
{
	uint64_t inside = EDU_BUFFER + offset;
	bool to_ram = cmd & EDU_DMA_TO_RAM;

	edu_write64(edu, EDU_DMA_SRC, to_ram ? inside : iova);
	edu_write64(edu, EDU_DMA_DST, to_ram ? iova : inside);
	edu_write64(edu, EDU_DMA_COUNT, count);
	edu_write64(edu, EDU_DMA_CMD, cmd | EDU_DMA_RUN);
}

bool edu_dma_wait(const struct edu *edu)
{
	for (int i = 0; i < 5000; i++) {
		if (!(edu_read(edu, EDU_DMA_CMD) & EDU_DMA_RUN))
			return true;
		sleep_ms(1);
	}
	return false;
}

bool edu_dma(const struct edu *edu, uint64_t iova, unsigned int offset,
	     unsigned int count, unsigned int cmd)
{
	if (!count || offset + count > EDU_MAX_DMA)
		return false;
	edu_dma_start(edu, iova, offset, count, cmd);
	return edu_dma_wait(edu);
}

bool edu_load(const struct edu *edu, uint64_t iova, unsigned int count)
{
	return edu_dma(edu, iova, 0, count, 0);
}

bool edu_store(const struct edu *edu, uint64_t iova, unsigned int count)
{
	return edu_dma(edu, iova, 0, count, EDU_DMA_TO_RAM);
}
