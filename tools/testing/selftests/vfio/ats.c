// SPDX-License-Identifier: GPL-2.0
/*
 * A device that can translate addresses itself (ATS) and keep the answers. The
 * kernel turns that on if the IOMMU can do it, and then tells the device of each
 * UNMAP. Section numbers are those of PCI Express 4.0.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>

#include "two_spaces.h"
#include "virtio_rng.h"

/* Device-TLB support, VT-d specification 11.4.3 */
#define ECAP_DT		(1ULL << 2)

#define QUEUE_IOVA	(IOVA + HUGE)
#define COUNT		256

/* The config space as sysfs has it: ATS is hidden from users of VFIO. */
static bool config_read(const struct pci_device *pci, unsigned int where,
			void *buf, size_t size)
{
	char path[PATH_MAX];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config",
		 pci->bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ok = fd >= 0 && pread(fd, buf, size, where) == (ssize_t)size;
	close(fd);
	return ok;
}

/* The offset of the ATS extended capability, 10.5.1; 0 if there is none */
static unsigned int ats_capability(const struct pci_device *pci)
{
	unsigned int where = PCI_CFG_SPACE_SIZE;
	uint32_t header;

	while (where && config_read(pci, where, &header, 4)) {
		if (PCI_EXT_CAP_ID(header) == PCI_EXT_CAP_ID_ATS)
			return where;
		where = PCI_EXT_CAP_NEXT(header);
	}
	return 0;
}

static bool ats_is_on(const struct pci_device *pci)
{
	uint16_t ctrl = 0;

	return config_read(pci, ats_capability(pci) + PCI_ATS_CTRL, &ctrl, 2) &&
	       ctrl & PCI_ATS_CTRL_ENABLE;
}

FIXTURE(ats) {
	struct two_spaces;
	struct virtio_rng rng;
	uint8_t *queue;
};

FIXTURE_SETUP(ats)
{
	two_spaces_open();
	test_find(&pci_virtio_rng, PCI_ANYWHERE, 0, &self->rng.pci);
	if (!ats_capability(&self->rng.pci))
		SKIP(_exit(KSFT_SKIP), "%s has no ATS", self->rng.pci.bdf);
	self->queue = test_mem(mem_anon(PAGE));
	test_map_fixed(self->queue, PAGE, QUEUE_IOVA);
	test_map_other(self->queue, QUEUE_IOVA);
	test_ok(virtio_rng_open(&self->rng, self->fd));
	self->rng.pt_id = self->ioas;
	test_attach(self->rng.cdev, &self->rng.pt_id);
	ASSERT_TRUE(virtio_rng_start(&self->rng, self->queue, QUEUE_IOVA));
}

FIXTURE_TEARDOWN(ats)
{
	virtio_rng_close(&self->rng);
	two_spaces_close();
}

TEST_F(ats, is_on_if_the_iommu_has_device_tlbs)
{
	bool can = pci_vtd_ecap() & ECAP_DT;

	TH_LOG("the IOMMU %s device TLBs", can ? "has" : "has no");
	ASSERT_EQ(can, ats_is_on(&self->rng.pci));
	/* Also in the domain that blocks DMA, and in the one after it */
	test_detach(self->rng.cdev);
	self->rng.pt_id = self->other;
	test_attach(self->rng.cdev, &self->rng.pt_id);
	ASSERT_EQ(can, ats_is_on(&self->rng.pci));
}

/* 256 random bytes are not all zero. */
TEST_F(ats, unmap_ends_access)
{
	for (int i = 0; i < 3; i++) {
		memset(self->mem, 0, PAGE);
		ASSERT_EQ(COUNT, virtio_rng_fill(&self->rng, IOVA, COUNT));
		ASSERT_FALSE(mem_is_zero(self->mem, COUNT));
		ASSERT_TRUE(mem_is_zero(self->mem + COUNT, PAGE - COUNT));
	}
	test_unmap(IOVA, PAGE);
	memset(self->mem, 0, PAGE);
	/* The device does not find out that nothing arrives. */
	virtio_rng_fill(&self->rng, IOVA, COUNT);
	ASSERT_TRUE(mem_is_zero(self->mem, PAGE));
}

TEST_F(ats, other_memory_at_the_same_iova)
{
	for (int i = 0; i < 10; i++) {
		uint8_t *mem = test_mem(mem_anon(PAGE));

		test_unmap(IOVA, PAGE);
		test_map_fixed(mem, PAGE, IOVA);
		memset(self->mem, 0, PAGE);
		ASSERT_EQ(COUNT, virtio_rng_fill(&self->rng, IOVA, COUNT));
		ASSERT_FALSE(mem_is_zero(mem, COUNT));
		ASSERT_TRUE(mem_is_zero(self->mem, PAGE));
	}
}

TEST_F(ats, replace_moves_the_dma)
{
	ASSERT_EQ(COUNT, virtio_rng_fill(&self->rng, IOVA, COUNT));
	ASSERT_FALSE(mem_is_zero(self->mem, COUNT));
	memset(self->mem, 0, PAGE);
	self->rng.pt_id = self->other;
	test_attach(self->rng.cdev, &self->rng.pt_id);
	ASSERT_EQ(COUNT, virtio_rng_fill(&self->rng, IOVA, COUNT));
	ASSERT_TRUE(mem_is_zero(self->mem, PAGE));
	ASSERT_FALSE(mem_is_zero(self->other_mem, COUNT));
}

TEST_F(ats, detach_ends_access)
{
	ASSERT_EQ(COUNT, virtio_rng_fill(&self->rng, IOVA, COUNT));
	test_detach(self->rng.cdev);
	test_pinned(0);
	memset(self->mem, 0, PAGE);
	ASSERT_EQ(0, virtio_rng_fill(&self->rng, IOVA, COUNT));
	ASSERT_TRUE(mem_is_zero(self->mem, PAGE));
}

TEST_HARNESS_MAIN
