// SPDX-License-Identifier: GPL-2.0
/*
 * A race in a VFIO type1 container: map and unmap of parts of the same range
 * while a device is attached to the IOAS and detached from it. Afterwards all
 * that is mapped is pinned with the device, and nothing without it.
 */
#include "race.h"
#include "type1.h"

#define RUN_MS		200

FIXTURE_VARIANT_ADD(type1, v1) {
	.type = VFIO_TYPE1_IOMMU, .domains = 1,
};
FIXTURE_VARIANT_ADD(type1, v2) {
	.type = VFIO_TYPE1v2_IOMMU, .domains = 1,
};

/* What the threads share */
struct container {
	int fd;
	uint32_t ioas;
	int cdev;
	uint8_t *mem;
};

/* A part of the PAGES at IOVA that a thread works on */
static void pick_part(struct race_thread *t, size_t *offset, uint64_t *size)
{
	unsigned int start = race_pick(t, PAGES);

	*offset = start * PAGE;
	*size = (1 + race_pick(t, PAGES - start)) * PAGE;
}

/*
 * Map one part and unmap another; mappings of earlier steps may be in the way.
 */
static int step_map_and_unmap(struct race_thread *t)
{
	struct container *c = t->shared;
	uint64_t size;
	size_t offset;
	int rc;

	pick_part(t, &offset, &size);
	rc = _test_map_dma(c->fd, c->mem + offset, size, IOVA + offset, DMA_RW);
	if (rc && rc != EEXIST && rc != EBUSY)
		return rc;
	pick_part(t, &offset, &size);
	return _test_unmap_dma(c->fd, IOVA + offset, &size, 0);
}

static int step_attach_and_detach(struct race_thread *t)
{
	struct container *c = t->shared;
	uint32_t pt = c->ioas;

	return _test_vfio_attach(c->cdev, &pt) ?: _test_vfio_detach(c->cdev);
}

/* With a device all that is mapped is pinned, and without one nothing. */
TEST_F(type1, map_and_unmap_of_parts_against_attach)
{
	struct edu *edu = &self->edu[0];
	struct container container = {
		.fd = self->fd,
		.ioas = self->ioas,
		.cdev = edu->cdev,
		.mem = self->mem,
	};
	struct race_thread threads[] = {
		/* ENOENT: version 2 does not split mappings. */
		{ .step = step_map_and_unmap,
		  .allowed = { EBUSY, is_v1(variant) ? 0 : ENOENT } },
		{ .step = step_attach_and_detach, .allowed = { EBUSY } },
	};

	test_detach(edu->cdev);
	for (int round = 0; round < 5; round++) {
		uint64_t size = PAGES * PAGE;
		uint32_t pt = self->ioas;
		long pinned;

		test_race(threads, &container, RUN_MS);
		test_pinned(0);
		test_attach(edu->cdev, &pt);
		pinned = proc_status_kb("VmPin:");
		test_ok(_test_unmap_dma(self->fd, IOVA, &size, 0));
		ASSERT_EQ(size / 1024, pinned);
		test_detach(edu->cdev);
	}
}

TEST_HARNESS_MAIN
