// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of a VFIO type1 container come and go, whole and in parts, while a
 * device is attached to the IOAS and detached from it.
 */
#include <pthread.h>

#include "type1.h"

FIXTURE_VARIANT_ADD(type1, v1) {
	.type = VFIO_TYPE1_IOMMU, .domains = 1,
};
FIXTURE_VARIANT_ADD(type1, v2) {
	.type = VFIO_TYPE1v2_IOMMU, .domains = 1,
};

struct racer {
	int fd;
	uint32_t ioas;
	int cdev;
	uint8_t *mem;
	bool cuts;
	volatile bool *stop;
	unsigned long done;
	int odd;
};

static void racer_note(struct racer *r, int rc, int allowed)
{
	if (!rc)
		r->done++;
	else if (rc != allowed && rc != EBUSY && !r->odd)
		r->odd = rc;
}

static void *map_parts(void *arg)
{
	struct racer *r = arg;
	unsigned int seed = 1;

	while (!*r->stop) {
		unsigned int start = rand_r(&seed) / 7 % PAGES;
		unsigned int npages = 1 + rand_r(&seed) / 7 % (PAGES - start);
		uint64_t size = npages * PAGE;

		racer_note(r, _test_map_dma(r->fd, r->mem + start * PAGE, size,
					    IOVA + start * PAGE, DMA_RW),
			   EEXIST);
		start = rand_r(&seed) / 7 % PAGES;
		size = (1 + rand_r(&seed) / 7 % (PAGES - start)) * PAGE;
		racer_note(r, _test_unmap_dma(r->fd, IOVA + start * PAGE, &size,
					      0), r->cuts ? EBUSY : ENOENT);
	}
	return NULL;
}

static void *attach_and_detach(void *arg)
{
	struct racer *r = arg;

	while (!*r->stop) {
		uint32_t pt = r->ioas;

		racer_note(r, _test_vfio_attach(r->cdev, &pt), 0);
		racer_note(r, _test_vfio_detach(r->cdev), 0);
	}
	return NULL;
}

/* Runs the two for a moment; returns the first wrong answer. */
static int race(struct racer *mapper, struct racer *attacher)
{
	pthread_t threads[2];
	bool stop = false;

	mapper->stop = &stop;
	attacher->stop = &stop;
	if (pthread_create(&threads[0], NULL, map_parts, mapper))
		return EAGAIN;
	if (pthread_create(&threads[1], NULL, attach_and_detach, attacher)) {
		stop = true;
		pthread_join(threads[0], NULL);
		return EAGAIN;
	}
	sleep_ms(200);
	stop = true;
	for (int i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	return mapper->odd ?: attacher->odd;
}

/* All that is mapped is pinned with a device and nothing without one. */
TEST_F(type1, parts_against_attach)
{
	struct edu *edu = &self->edu[0];

	test_detach(edu->cdev);
	for (int round = 0; round < 5; round++) {
		struct racer racer = {
			.fd = self->fd,
			.ioas = self->ioas,
			.cdev = edu->cdev,
			.mem = self->mem,
			.cuts = is_v1(variant),
		};
		struct racer attacher = racer;
		uint64_t size = PAGES * PAGE;
		uint32_t pt = self->ioas;
		long pinned;

		test_ok(race(&racer, &attacher));
		ASSERT_NE(0, racer.done);
		ASSERT_NE(0, attacher.done);
		test_pinned(0);
		test_attach(edu->cdev, &pt);
		pinned = proc_status_kb("VmPin:");
		test_ok(_test_unmap_dma(self->fd, IOVA, &size, 0));
		ASSERT_EQ(size / 1024, pinned);
		test_detach(edu->cdev);
	}
}

TEST_HARNESS_MAIN
