// SPDX-License-Identifier: GPL-2.0
/*
 * The sweep (sweep.h) with what HWPTs of the mock can do since Linux 6.6:
 * nesting, dirty tracking, fault queues, PASIDs. Whatever fails, nothing is left
 * behind, and no dirty page, page request or answer is lost.
 */
#include "sweep.h"

#define PASID		7
#define ALLOC_PASID	IOMMU_HWPT_ALLOC_PASID
#define WORDS		MOCK_IOTLB_NUM

static const struct iommu_hwpt_selftest data = {
	.iotlb = IOMMU_TEST_IOTLB_DEFAULT,
};

static int alloc_on_ioas(struct sweep *s, uint32_t flags, uint32_t *hwpt)
{
	return _test_hwpt_alloc_data(s->fd, s->mock[0].idev, s->ioas, flags,
				     IOMMU_HWPT_DATA_NONE, NULL, 0, hwpt);
}

static int alloc_parent(struct sweep *s)
{
	return alloc_on_ioas(s, IOMMU_HWPT_ALLOC_NEST_PARENT, &s->id);
}

static const struct scenario parent_alloc = {
	.prepare = map_memory,
	.call = alloc_parent,
	.undo = destroy_id,
};

static int alloc_with_data(struct sweep *s)
{
	return _test_hwpt_alloc_data(s->fd, s->mock[0].idev, s->ioas, 0,
				     IOMMU_HWPT_DATA_SELFTEST, &data,
				     sizeof(data), &s->id);
}

static const struct scenario data_alloc = {
	.prepare = map_memory,
	.call = alloc_with_data,
	.undo = destroy_id,
};

static int make_parent(struct sweep *s)
{
	return alloc_on_ioas(s, IOMMU_HWPT_ALLOC_NEST_PARENT, &s->hwpt[0]);
}

static int alloc_nested(struct sweep *s)
{
	return _test_hwpt_alloc_data(s->fd, s->mock[0].idev, s->hwpt[0], 0,
				     IOMMU_HWPT_DATA_SELFTEST, &data,
				     sizeof(data), &s->id);
}

static const struct scenario nested_alloc = {
	.prepare = make_parent,
	.call = alloc_nested,
	.undo = destroy_id,
};

static int make_nested(struct sweep *s)
{
	return make_parent(s) ?: alloc_nested(s);
}

static const struct scenario nested_destroy = {
	.prepare = make_nested,
	.call = destroy_id,
	.undo = alloc_nested,
	.cannot_fail = true,
};

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

/* A new HWPT has no word zeroed. */
static int fresh_nested(struct sweep *s)
{
	return _test_destroy(s->fd, s->id) ?: alloc_nested(s);
}

static uint32_t entries_done;

static int invalidate_nested(struct sweep *s)
{
	struct iommu_hwpt_invalidate_selftest entries[WORDS];

	for (uint32_t i = 0; i < WORDS; i++)
		entries[i] = (struct iommu_hwpt_invalidate_selftest){
			.iotlb_id = i,
		};
	entries_done = WORDS;
	return _test_hwpt_invalidate(s->fd, s->id,
				     IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
				     entries, sizeof(entries[0]),
				     &entries_done);
}

static bool words_are_zero(struct sweep *s, uint32_t words)
{
	for (uint32_t i = 0; i < words; i++)
		if (_test_check_iotlb(s->fd, s->id, i, 0))
			return false;
	return true;
}

static int all_words_are_zero(struct sweep *s)
{
	return entries_done == WORDS && words_are_zero(s, WORDS) ? 0 : EPROTO;
}

/* Without an answer the number is that of the call. */
static bool words_told_are_zero(struct sweep *s)
{
	return entries_done == WORDS || words_are_zero(s, entries_done);
}

static const struct scenario nested_invalidate = {
	.prepare = make_nested,
	.ready = fresh_nested,
	.call = invalidate_nested,
	.undo = all_words_are_zero,
	.unchanged = words_told_are_zero,
};

/* Dirty pages in two windows of the kernel */
#define DIRTY_STEP	(8 * PAGE * MOCK_PAGE)
#define DIRTY_UNITS	(LENGTH / MOCK_PAGE)

struct dirty_bits {
	uint8_t first[DIRTY_STEP / MOCK_PAGE / 8];
	uint8_t second[DIRTY_UNITS / 8];
};

static struct dirty_bits reported;

static int alloc_tracking(struct sweep *s)
{
	return alloc_on_ioas(s, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &s->id);
}

static const struct scenario tracking_alloc = {
	.prepare = map_memory,
	.call = alloc_tracking,
	.undo = destroy_id,
};

static int map_two_windows_and_track(struct sweep *s)
{
	return map_memory(s) ?:
	       _test_map_fixed(s->fd, s->ioas, s->mem, LENGTH,
			       IOVA + DIRTY_STEP, MAP_RW) ?:
	       alloc_tracking(s);
}

static int start_tracking(struct sweep *s)
{
	return _test_set_dirty(s->fd, s->id, IOMMU_HWPT_DIRTY_TRACKING_ENABLE);
}

static int stop_tracking(struct sweep *s)
{
	return _test_set_dirty(s->fd, s->id, 0);
}

static const struct scenario tracking_start = {
	.prepare = map_two_windows_and_track,
	.call = start_tracking,
	.undo = stop_tracking,
};

static int track_two_windows(struct sweep *s)
{
	return map_two_windows_and_track(s) ?: start_tracking(s);
}

static int write_everywhere(struct sweep *s, uint64_t *hits)
{
	uint8_t all[DIRTY_UNITS / 8];
	uint64_t more = 0;
	int rc;

	memset(all, 0xff, sizeof(all));
	rc = _test_mock_write(s->fd, s->id, IOVA, LENGTH, MOCK_PAGE, all,
			      hits) ?:
	     _test_mock_write(s->fd, s->id, IOVA + DIRTY_STEP, LENGTH,
			      MOCK_PAGE, all, &more);
	*hits += more;
	return rc;
}

static int fresh_dirt(struct sweep *s)
{
	uint64_t hits = 0;
	int rc = write_everywhere(s, &hits);

	memset(&reported, 0, sizeof(reported));
	return rc || hits == 2 * DIRTY_UNITS ? rc : EPROTO;
}

static int get_dirty(struct sweep *s, uint32_t flags)
{
	return _test_get_dirty(s->fd, s->id, IOVA, DIRTY_STEP + LENGTH,
			       MOCK_PAGE, &reported, flags);
}

static bool all_is_reported(void)
{
	for (unsigned int i = 0; i < DIRTY_UNITS / 8; i++)
		if (reported.first[i] != 0xff || reported.second[i] != 0xff)
			return false;
	return true;
}

static int report_all(struct sweep *s)
{
	int rc = get_dirty(s, 0);

	return rc || all_is_reported() ? rc : EPROTO;
}

/* What is not in the bitmap is still dirty. */
static bool no_dirt_is_lost(struct sweep *s)
{
	return !get_dirty(s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) &&
	       all_is_reported();
}

static const struct scenario dirty_report = {
	.prepare = track_two_windows,
	.ready = fresh_dirt,
	.call = report_all,
	.unchanged = no_dirt_is_lost,
};

static int write_all(struct sweep *s)
{
	uint64_t hits = 0;

	return write_everywhere(s, &hits);
}

static const struct scenario dirty_write = {
	.prepare = track_two_windows,
	.call = write_all,
};

static int alloc_fault_queue(struct sweep *s)
{
	return _test_fault_alloc(s->fd, &s->queue_id, &s->queue);
}

static const struct scenario fault_queue_alloc = {
	.ready = note_descriptors,
	.call = alloc_fault_queue,
	.undo = destroy_queue,
	.unchanged = no_descriptor_is_left,
};

static int alloc_with_queue(struct sweep *s)
{
	return _test_hwpt_fault(s->fd, s->mock[0].idev, s->ioas, 0, s->queue_id,
				&s->id);
}

static const struct scenario fault_hwpt_alloc = {
	.prepare = alloc_fault_queue,
	.call = alloc_with_queue,
	.undo = destroy_id,
};

static int make_hwpt_with_queue(struct sweep *s)
{
	return alloc_fault_queue(s) ?: alloc_with_queue(s);
}

static const struct scenario fault_hwpt_destroy = {
	.prepare = make_hwpt_with_queue,
	.call = destroy_id,
	.undo = alloc_with_queue,
	.cannot_fail = true,
};

static const struct scenario fault_attach = {
	.prepare = make_hwpt_with_queue,
	.call = replace_with_id,
	.undo = replace_back,
	.done_before_answer = true,
};

static int attach_to_queue(struct sweep *s)
{
	return make_hwpt_with_queue(s) ?: replace_with_id(s);
}

static int request_page(struct sweep *s)
{
	return _test_page_request(s->fd, s->mock[0].idev, 0, 1, IOVA);
}

static uint32_t cookie;

static int read_fault(struct sweep *s)
{
	struct iommu_hwpt_pgfault fault = {};
	ssize_t n = read(s->queue, &fault, sizeof(fault));

	if (n < 0)
		return errno;
	cookie = fault.cookie;
	return n == sizeof(fault) && fault.addr == IOVA ? 0 : EPROTO;
}

static int answer_fault(struct sweep *s)
{
	struct iommu_hwpt_page_response response = {
		.cookie = cookie,
		.code = IOMMUFD_PAGE_RESP_SUCCESS,
	};
	ssize_t n = write(s->queue, &response, sizeof(response));

	return n < 0 ? errno : n == sizeof(response) ? 0 : EPROTO;
}

static int read_and_answer_fault(struct sweep *s)
{
	return read_fault(s) ?: answer_fault(s);
}

static const struct scenario fault_request = {
	.prepare = attach_to_queue,
	.call = request_page,
	.undo = read_and_answer_fault,
	.unchanged = queue_is_empty,
};

static const struct scenario fault_read = {
	.prepare = attach_to_queue,
	.ready = request_page,
	.call = read_fault,
	.undo = answer_fault,
	.unchanged = queue_is_readable,
};

static long answers;

static long count_answers(void)
{
	return mock_param_read("iopf_success") +
	       mock_param_read("iopf_invalid");
}

static int request_and_read(struct sweep *s)
{
	int rc = request_page(s) ?: read_fault(s);

	answers = count_answers();
	return rc;
}

static bool fault_is_unanswered(struct sweep *s)
{
	return count_answers() == answers;
}

static const struct scenario fault_answer = {
	.prepare = attach_to_queue,
	.ready = request_and_read,
	.call = answer_fault,
	.unchanged = fault_is_unanswered,
};

/* The second mock device has PASIDs, and a HWPT that allows to use them. */
static int make_pasid_device(struct sweep *s)
{
	uint32_t pt;
	int rc;

	rc = _test_mock_attach_flags(s->fd, s->ioas, MOCK_DEVICE_PASID,
				     &s->mock[1]);
	for (int i = 0; !rc && i < 2; i++)
		rc = _test_hwpt_alloc_data(s->fd, s->mock[1].idev, s->ioas,
					   ALLOC_PASID, IOMMU_HWPT_DATA_NONE,
					   NULL, 0, &s->hwpt[i]);
	pt = s->hwpt[0];
	return rc ?: _test_mock_replace(s->fd, s->mock[1].stdev, &pt);
}

static int attach_pasid(struct sweep *s)
{
	uint32_t pt = s->hwpt[0];

	return _test_pasid_attach(s->fd, s->mock[1].stdev, PASID, &pt);
}

static int detach_pasid(struct sweep *s)
{
	return _test_pasid_detach(s->fd, s->mock[1].stdev, PASID);
}

static bool pasid_is(struct sweep *s, uint32_t hwpt)
{
	return !_test_pasid_check(s->fd, s->mock[1].stdev, PASID, hwpt);
}

static bool pasid_is_detached(struct sweep *s)
{
	return pasid_is(s, 0);
}

static const struct scenario pasid_attach = {
	.prepare = make_pasid_device,
	.call = attach_pasid,
	.undo = detach_pasid,
	.unchanged = pasid_is_detached,
};

/* hwpt[0] has a fault queue in this one. */
static int make_pasid_device_and_queue(struct sweep *s)
{
	return make_pasid_device(s) ?:
	       alloc_fault_queue(s) ?:
	       _test_hwpt_fault(s->fd, s->mock[1].idev, s->ioas, ALLOC_PASID,
				s->queue_id, &s->hwpt[0]);
}

static const struct scenario pasid_fault_attach = {
	.prepare = make_pasid_device_and_queue,
	.call = attach_pasid,
	.undo = detach_pasid,
	.unchanged = pasid_is_detached,
};

static int make_and_attach_pasid(struct sweep *s)
{
	return make_pasid_device(s) ?: attach_pasid(s);
}

static int replace_pasid_with(struct sweep *s, uint32_t pt)
{
	return _test_pasid_replace(s->fd, s->mock[1].stdev, PASID, &pt);
}

static int replace_pasid(struct sweep *s)
{
	return replace_pasid_with(s, s->hwpt[1]);
}

static int replace_pasid_back(struct sweep *s)
{
	return replace_pasid_with(s, s->hwpt[0]);
}

static bool pasid_is_first(struct sweep *s)
{
	return pasid_is(s, s->hwpt[0]);
}

static const struct scenario pasid_replace = {
	.prepare = make_and_attach_pasid,
	.call = replace_pasid,
	.undo = replace_pasid_back,
	.unchanged = pasid_is_first,
	.done_before_answer = true,
};

static const struct scenario pasid_detach = {
	.prepare = make_and_attach_pasid,
	.call = detach_pasid,
	.undo = attach_pasid,
	.unchanged = pasid_is_first,
	.cannot_fail = true,
};

FIXTURE(hwpt_fail_nth) { struct sweep; };

FIXTURE_VARIANT(hwpt_fail_nth) { const struct scenario *does; };

FIXTURE_VARIANT_ADD(hwpt_fail_nth, parent_alloc) { &parent_alloc };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, data_alloc) { &data_alloc };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, nested_alloc) { &nested_alloc };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, nested_destroy) { &nested_destroy };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, nested_attach) { &nested_attach };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, nested_invalidate) { &nested_invalidate };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, tracking_alloc) { &tracking_alloc };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, tracking_start) { &tracking_start };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, dirty_report) { &dirty_report };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, dirty_write) { &dirty_write };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, fault_queue_alloc) { &fault_queue_alloc };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, fault_hwpt_alloc) { &fault_hwpt_alloc };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, fault_hwpt_destroy) { &fault_hwpt_destroy };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, fault_attach) { &fault_attach };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, fault_request) { &fault_request };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, fault_read) { &fault_read };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, fault_answer) { &fault_answer };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, pasid_attach) { &pasid_attach };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, pasid_fault_attach) { &pasid_fault_attach };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, pasid_replace) { &pasid_replace };
FIXTURE_VARIANT_ADD(hwpt_fail_nth, pasid_detach) { &pasid_detach };

FIXTURE_SETUP(hwpt_fail_nth)
{
	sweep_open(1, PLENTY);
	test_ok(_test_mock_attach(self->fd, self->ioas, &self->mock[0]));
	if (variant->does->prepare)
		test_ok(variant->does->prepare((struct sweep *)self));
}

FIXTURE_TEARDOWN(hwpt_fail_nth)
{
	sweep_close();
}

TEST_F_TIMEOUT(hwpt_fail_nth, leaves_nothing_behind,
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
