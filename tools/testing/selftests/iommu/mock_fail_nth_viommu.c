// SPDX-License-Identifier: GPL-2.0
/*
 * The sweep (sweep.h) with vIOMMUs of the mock and what is on them: nested
 * HWPTs, vdevices, event queues, hardware queues, mapped memory. Whatever fails,
 * nothing is left behind, and each event is reported or counted as lost.
 */
#include "sweep.h"
#include "viommu_ioctls.h"

#define VIRT_ID		5
#define DEPTH		4
#define WORDS		MOCK_DEV_CACHE_NUM

static uint64_t region_offset;

static int alloc_viommu(struct sweep *s)
{
	struct iommu_viommu_selftest data = { .in_data = 1 };
	int rc = _viommu_alloc(s->fd, s->mock[0].idev, s->hwpt[0], VIOMMU_MOCK,
			       &data, sizeof(data), &s->viommu);

	if (!rc)
		region_offset = data.out_mmap_offset;
	return rc;
}

static int destroy_viommu(struct sweep *s)
{
	return _test_destroy(s->fd, s->viommu);
}

static int make_parent(struct sweep *s)
{
	return _parent_alloc(s->fd, s->mock[0].idev, s->ioas, &s->hwpt[0]);
}

static const struct scenario viommu_alloc = {
	.prepare = make_parent,
	.call = alloc_viommu,
	.undo = destroy_viommu,
};

static int make_viommu(struct sweep *s)
{
	return make_parent(s) ?: alloc_viommu(s);
}

static const struct scenario viommu_destroy = {
	.prepare = make_viommu,
	.call = destroy_viommu,
	.undo = alloc_viommu,
	.cannot_fail = true,
};

static int map_region(struct sweep *s)
{
	void *map = mmap(NULL, REGION_LENGTH, PROT_READ | PROT_WRITE,
			 MAP_SHARED, s->fd, region_offset);

	if (map == MAP_FAILED)
		return errno;
	s->region = map;
	return *(uint32_t *)map == 1 ? 0 : EPROTO;
}

static int unmap_region(struct sweep *s)
{
	int rc = munmap(s->region, REGION_LENGTH) ? errno : 0;

	s->region = NULL;
	return rc;
}

static const struct scenario region_mmap = {
	.prepare = make_viommu,
	.call = map_region,
	.undo = unmap_region,
};

static uint8_t *places[2];

/* Make the vIOMMU's memory reachable, and find a second place for it. */
static int make_region(struct sweep *s)
{
	int rc = make_viommu(s) ?: map_region(s);

	if (rc)
		return rc;
	places[0] = s->region;
	places[1] = mmap(NULL, REGION_LENGTH, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return places[1] == MAP_FAILED ? errno : 0;
}

static int move_region_to(struct sweep *s, uint8_t *place)
{
	void *map = mremap(s->region, REGION_LENGTH, REGION_LENGTH,
			   MREMAP_MAYMOVE | MREMAP_FIXED, place);

	if (map == MAP_FAILED)
		return errno;
	s->region = map;
	return *(uint32_t *)map == 1 ? 0 : EPROTO;
}

static int move_region(struct sweep *s)
{
	return move_region_to(s, places[1]);
}

static int move_region_back(struct sweep *s)
{
	return move_region_to(s, places[0]);
}

static bool region_holds_the_viommu(struct sweep *s)
{
	return destroy_viommu(s) == EBUSY;
}

static const struct scenario region_move = {
	.prepare = make_region,
	.call = move_region,
	.undo = move_region_back,
	.unchanged = region_holds_the_viommu,
};

static int alloc_vdevice(struct sweep *s)
{
	return _vdevice_alloc(s->fd, s->viommu, s->mock[0].idev, VIRT_ID,
			      &s->vdevice);
}

static int destroy_vdevice(struct sweep *s)
{
	return _test_destroy(s->fd, s->vdevice);
}

static const struct scenario vdevice_alloc = {
	.prepare = make_viommu,
	.call = alloc_vdevice,
	.undo = destroy_vdevice,
};

static int make_vdevice(struct sweep *s)
{
	return make_viommu(s) ?: alloc_vdevice(s);
}

static const struct scenario vdevice_destroy = {
	.prepare = make_vdevice,
	.call = destroy_vdevice,
	.undo = alloc_vdevice,
	.cannot_fail = true,
};

/* In a context of its own, because the vdevice leaves a tombstone there */
static int make_other_context(struct sweep *s)
{
	uint32_t ioas, parent, viommu, vdevice;
	int rc;

	s->file = iommufd_open();
	if (s->file < 0)
		return errno;
	rc = _test_ioas_alloc(s->file, &ioas) ?:
	     _test_mock_attach(s->file, ioas, &s->mock[1]) ?:
	     _parent_alloc(s->file, s->mock[1].idev, ioas, &parent) ?:
	     _viommu_alloc(s->file, s->mock[1].idev, parent, VIOMMU_MOCK, NULL,
			   0, &viommu);
	return rc ?: _vdevice_alloc(s->file, viommu, s->mock[1].idev, VIRT_ID,
				    &vdevice);
}

static int remove_device(struct sweep *s)
{
	return _test_destroy(s->file, s->mock[1].stdev);
}

static int close_other_context(struct sweep *s)
{
	return close(s->file) ? errno : 0;
}

static const struct scenario vdevice_of_a_removed_device = {
	.ready = make_other_context,
	.call = remove_device,
	.undo = close_other_context,
	.cannot_fail = true,
};

static int invalidate_caches(struct sweep *s)
{
	struct iommu_viommu_invalidate_selftest entries[WORDS];
	uint32_t num = WORDS;
	int rc;

	for (uint32_t i = 0; i < WORDS; i++)
		entries[i] = (struct iommu_viommu_invalidate_selftest){
			.vdev_id = VIRT_ID,
			.cache_id = i,
		};
	rc = _test_hwpt_invalidate(s->fd, s->viommu,
				   IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST,
				   entries, sizeof(entries[0]), &num);
	return rc || num == WORDS ? rc : EPROTO;
}

static const struct scenario viommu_invalidate = {
	.prepare = make_vdevice,
	.call = invalidate_caches,
};

static int alloc_nested(struct sweep *s)
{
	return _nested_alloc(s->fd, s->mock[0].idev, s->viommu, &s->id);
}

static const struct scenario nested_alloc = {
	.prepare = make_viommu,
	.call = alloc_nested,
	.undo = destroy_id,
};

static int make_nested(struct sweep *s)
{
	return make_vdevice(s) ?: alloc_nested(s);
}

static int replace_with_id(struct sweep *s)
{
	return replace_with(s, s->id);
}

static const struct scenario nested_attach = {
	.prepare = make_nested,
	.call = replace_with_id,
	.undo = replace_back,
	.done_before_answer = true,
};

static int alloc_event_queue(struct sweep *s)
{
	return _veventq_alloc(s->fd, s->viommu, IOMMU_VEVENTQ_TYPE_SELFTEST,
			      DEPTH, &s->queue_id, &s->queue);
}

static const struct scenario event_queue_alloc = {
	.prepare = make_viommu,
	.ready = note_descriptors,
	.call = alloc_event_queue,
	.undo = destroy_queue,
	.unchanged = no_descriptor_is_left,
};

static int make_event_queue(struct sweep *s)
{
	return make_nested(s) ?: replace_with_id(s) ?: alloc_event_queue(s);
}

static int report_event(struct sweep *s)
{
	return _trigger_vevent(s->fd, s->mock[0].idev);
}

static int read_event(struct sweep *s, bool may_be_lost)
{
	struct {
		struct iommufd_vevent_header header;
		struct iommu_viommu_event_selftest event;
	} event = {};
	ssize_t n = read(s->queue, &event, sizeof(event));

	if (n < 0)
		return errno;
	if (n == sizeof(event.header))
		return may_be_lost && event.header.flags ==
		       IOMMU_VEVENTQ_FLAG_LOST_EVENTS ? 0 : EPROTO;
	return n == sizeof(event) && event.event.virt_id == VIRT_ID ? 0 :
								     EPROTO;
}

/* Without memory for the event the loss is told. */
static int read_event_or_loss(struct sweep *s)
{
	return read_event(s, true) ?: queue_is_empty(s) ? 0 : EPROTO;
}

static const struct scenario event_report = {
	.prepare = make_event_queue,
	.call = report_event,
	.undo = read_event_or_loss,
	.unchanged = queue_is_empty,
};

static int read_one_event(struct sweep *s)
{
	return read_event(s, false);
}

static const struct scenario event_read = {
	.prepare = make_event_queue,
	.ready = report_event,
	.call = read_one_event,
	.unchanged = queue_is_readable,
};

static int alloc_hw_queue(struct sweep *s)
{
	return _hw_queue_alloc(s->fd, s->viommu, IOMMU_HW_QUEUE_TYPE_SELFTEST,
			       0, IOVA, PAGE, &s->id);
}

static bool memory_is_not_held(struct sweep *s)
{
	return !unmap_memory(s) && !map_memory(s);
}

static int map_and_make_viommu(struct sweep *s)
{
	return map_memory(s) ?: make_viommu(s);
}

static const struct scenario hw_queue_alloc = {
	.prepare = map_and_make_viommu,
	.call = alloc_hw_queue,
	.undo = destroy_id,
	.unchanged = memory_is_not_held,
};

static bool memory_is_held(struct sweep *s)
{
	return unmap_memory(s) == EBUSY;
}

static int make_hw_queue(struct sweep *s)
{
	return map_and_make_viommu(s) ?: alloc_hw_queue(s);
}

static const struct scenario hw_queue_destroy = {
	.prepare = make_hw_queue,
	.call = destroy_id,
	.undo = alloc_hw_queue,
	.unchanged = memory_is_held,
	.cannot_fail = true,
};

FIXTURE(viommu_fail_nth) { struct sweep; };

FIXTURE_VARIANT(viommu_fail_nth) { const struct scenario *does; };

FIXTURE_VARIANT_ADD(viommu_fail_nth, viommu_alloc) { &viommu_alloc };
FIXTURE_VARIANT_ADD(viommu_fail_nth, viommu_destroy) { &viommu_destroy };
FIXTURE_VARIANT_ADD(viommu_fail_nth, region_mmap) { &region_mmap };
FIXTURE_VARIANT_ADD(viommu_fail_nth, region_move) { &region_move };
FIXTURE_VARIANT_ADD(viommu_fail_nth, vdevice_alloc) { &vdevice_alloc };
FIXTURE_VARIANT_ADD(viommu_fail_nth, vdevice_destroy) { &vdevice_destroy };
FIXTURE_VARIANT_ADD(viommu_fail_nth, vdevice_of_a_removed_device) {
	&vdevice_of_a_removed_device
};
FIXTURE_VARIANT_ADD(viommu_fail_nth, viommu_invalidate) { &viommu_invalidate };
FIXTURE_VARIANT_ADD(viommu_fail_nth, nested_alloc) { &nested_alloc };
FIXTURE_VARIANT_ADD(viommu_fail_nth, nested_attach) { &nested_attach };
FIXTURE_VARIANT_ADD(viommu_fail_nth, event_queue_alloc) { &event_queue_alloc };
FIXTURE_VARIANT_ADD(viommu_fail_nth, event_report) { &event_report };
FIXTURE_VARIANT_ADD(viommu_fail_nth, event_read) { &event_read };
FIXTURE_VARIANT_ADD(viommu_fail_nth, hw_queue_alloc) { &hw_queue_alloc };
FIXTURE_VARIANT_ADD(viommu_fail_nth, hw_queue_destroy) { &hw_queue_destroy };

FIXTURE_SETUP(viommu_fail_nth)
{
	sweep_open(1, PLENTY);
	test_ok(_test_mock_attach(self->fd, self->ioas, &self->mock[0]));
	if (variant->does->prepare)
		test_ok(variant->does->prepare((struct sweep *)self));
}

FIXTURE_TEARDOWN(viommu_fail_nth)
{
	sweep_close();
}

TEST_F_TIMEOUT(viommu_fail_nth, leaves_nothing_behind,
	       SWEEP_SECONDS * slowness())
{
	const struct scenario *does = variant->does;
	struct sweep *s = (struct sweep *)self;

	test_sweep();
}

int main(int argc, char **argv)
{
	return sweep_main(argc, argv);
}
