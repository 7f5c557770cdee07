// SPDX-License-Identifier: GPL-2.0
/*
 * The sweep (sweep.h) with the mock: domains that allocate for every IO page,
 * accesses from the kernel, and the type1 emulation. Whatever allocation fails,
 * nothing is left behind.
 */
#include "sweep.h"
#include "type1.h"

#define MOCK_PLACE	0x20000000UL
#define TOP		(-LENGTH)

static int attach_mock(struct sweep *s)
{
	return _test_mock_attach(s->fd, s->ioas, &s->mock[1]);
}

static int destroy_mock(struct sweep *s)
{
	return _test_destroy(s->fd, s->mock[1].stdev);
}

static const struct scenario attach = {
	.prepare = map_memory,
	.ready = fresh_memory,
	.call = attach_mock,
	.undo = destroy_mock,
};

static int map_both(struct sweep *s)
{
	int rc = map_memory(s);

	return rc ? rc : _test_map_fixed(s->fd, s->other, s->mem, LENGTH,
					 IOVA + LENGTH, MAP_RW);
}

static int replace_with_other(struct sweep *s)
{
	return replace_with(s, s->other);
}

static bool domain_is_full(struct sweep *s)
{
	return !_test_check_map(s->fd, s->mock[0].hwpt, IOVA, LENGTH, s->mem);
}

/* The old HWPT may be gone when the answer cannot be written. */
static const struct scenario replace = {
	.prepare = map_both,
	.call = replace_with_other,
	.undo = replace_back,
	.unchanged = domain_is_full,
	.done_before_answer = true,
};

static int alloc_hwpt(struct sweep *s)
{
	return _test_hwpt_alloc(s->fd, s->mock[0].idev, s->ioas, &s->id);
}

static const struct scenario hwpt_alloc = {
	.prepare = map_memory,
	.call = alloc_hwpt,
	.undo = destroy_id,
};

static int get_hw_info(struct sweep *s)
{
	struct iommu_test_hw_info info;
	uint32_t length = sizeof(info), type;

	return _test_hw_info(s->fd, s->mock[0].idev, &info, &length, &type);
}

static const struct scenario hw_info = { .call = get_hw_info };

static int create_access(struct sweep *s)
{
	return _test_access_create(s->fd, s->ioas, MOCK_ACCESS_NEEDS_PIN_PAGES,
				   &s->access);
}

static int close_access(struct sweep *s)
{
	return close(s->access) ? errno : 0;
}

static const struct scenario access_create = {
	.call = create_access,
	.undo = close_access,
};

static int map_and_create_access(struct sweep *s)
{
	int rc = map_memory(s);

	return rc ? rc : create_access(s);
}

static int rw_memory(struct sweep *s, uint32_t flags)
{
	static uint8_t buffer[LENGTH];

	return _test_access_rw(s->fd, s->access, IOVA, LENGTH, buffer, flags);
}

static int read_memory(struct sweep *s)
{
	return rw_memory(s, 0);
}

static int write_memory(struct sweep *s)
{
	return rw_memory(s, MOCK_ACCESS_WRITE);
}

static const struct scenario access_read = {
	.prepare = map_and_create_access,
	.ready = fresh_memory,
	.call = read_memory,
};

static const struct scenario access_write = {
	.prepare = map_and_create_access,
	.ready = fresh_memory,
	.call = write_memory,
};

static int pin_memory(struct sweep *s)
{
	return _test_access_pin(s->fd, s->access, IOVA, LENGTH, s->mem,
				MOCK_ACCESS_WRITE, &s->id);
}

static int unpin_memory(struct sweep *s)
{
	return _test_access_unpin(s->fd, s->access, s->id);
}

static bool nothing_is_pinned(struct sweep *s)
{
	return !_test_check_refs(s->fd, s->mem, LENGTH, 0);
}

static const struct scenario access_pin = {
	.prepare = map_and_create_access,
	.ready = fresh_memory,
	.call = pin_memory,
	.undo = unpin_memory,
	.unchanged = nothing_is_pinned,
};

/* The domain has pinned them: nothing can be faulted in any more. */
static const struct scenario access_pin_pinned = {
	.prepare = map_and_create_access,
	.call = pin_memory,
	.undo = unpin_memory,
};

static int replace_access(struct sweep *s)
{
	return _test_access_replace(s->fd, s->access, s->other);
}

static int replace_access_back(struct sweep *s)
{
	return _test_access_replace(s->fd, s->access, s->ioas);
}

static const struct scenario access_replace = {
	.prepare = map_and_create_access,
	.call = replace_access,
	.undo = replace_access_back,
};

/* The container's IOAS is the one with the devices. */
static int choose_ioas(struct sweep *s)
{
	uint32_t id = s->ioas;
	int rc = _test_vfio_ioas(s->fd, IOMMU_VFIO_IOAS_SET, &id);

	return rc ? rc : _test_set_iommu(s->fd, VFIO_TYPE1v2_IOMMU);
}

static int map_dma(struct sweep *s)
{
	return _test_map_dma(s->fd, s->mem, LENGTH, s->place, DMA_RW);
}

static int unmap_dma(struct sweep *s)
{
	uint64_t size = LENGTH;
	int rc = _test_unmap_dma(s->fd, s->place, &size, 0);

	return rc || size == LENGTH ? rc : EPROTO;
}

static const struct scenario type1_map = {
	.prepare = choose_ioas,
	.ready = new_place_and_memory,
	.call = map_dma,
	.undo = unmap_dma,
};

static int choose_ioas_and_map(struct sweep *s)
{
	int rc = choose_ioas(s);

	return rc ? rc : map_dma(s);
}

static int map_dma_back(struct sweep *s)
{
	int rc = map_dma(s);

	return rc == EEXIST ? 0 : rc;
}

static const struct scenario type1_unmap = {
	.prepare = choose_ioas_and_map,
	.call = unmap_dma,
	.undo = map_dma_back,
	.cannot_fail = true,
	.done_before_answer = true,
};

/* The same where 64-bit IOVA end */
static int map_at_the_top(struct sweep *s)
{
	return _test_map_fixed(s->fd, s->ioas, s->mem, LENGTH, TOP, MAP_RW);
}

static int unmap_the_top(struct sweep *s)
{
	return _test_ioas_unmap(s->fd, s->ioas, TOP, LENGTH, NULL);
}

static int map_back_at_the_top(struct sweep *s)
{
	int rc = map_at_the_top(s);

	return rc == EEXIST ? 0 : rc;
}

static const struct scenario top_map = {
	.ready = fresh_memory,
	.call = map_at_the_top,
	.undo = unmap_the_top,
};

static const struct scenario top_unmap = {
	.prepare = map_at_the_top,
	.call = unmap_the_top,
	.undo = map_back_at_the_top,
	.cannot_fail = true,
	.done_before_answer = true,
};

static const struct scenario top_attach = {
	.prepare = map_at_the_top,
	.ready = fresh_memory,
	.call = attach_mock,
	.undo = destroy_mock,
};

static const struct scenario top_hwpt_alloc = {
	.prepare = map_at_the_top,
	.call = alloc_hwpt,
	.undo = destroy_id,
};

FIXTURE(mock_fail_nth) { struct sweep; };

/* @domains mock devices on HWPTs of their own */
FIXTURE_VARIANT(mock_fail_nth) {
	const struct scenario *does;
	unsigned int domains;
	bool tiny_batches;
	bool wide;		/* the aperture has all 64 bits */
};

FIXTURE_VARIANT_ADD(mock_fail_nth, map_no_domain) { &map, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, map_one_domain) { &map, 1 };
FIXTURE_VARIANT_ADD(mock_fail_nth, map_two_domains) { &map, 2 };
FIXTURE_VARIANT_ADD(mock_fail_nth, map_file_one_domain) { &map_file, 1 };
FIXTURE_VARIANT_ADD(mock_fail_nth, map_two_domains_tiny_batches) {
	&map, 2, true
};
FIXTURE_VARIANT_ADD(mock_fail_nth, unmap_two_domains) { &unmap, 2 };
FIXTURE_VARIANT_ADD(mock_fail_nth, attach_first_device) { &attach, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, attach_second_device) { &attach, 1 };
FIXTURE_VARIANT_ADD(mock_fail_nth, replace) { &replace, 1 };
FIXTURE_VARIANT_ADD(mock_fail_nth, hwpt_alloc) { &hwpt_alloc, 1 };
FIXTURE_VARIANT_ADD(mock_fail_nth, hw_info) { &hw_info, 1 };
FIXTURE_VARIANT_ADD(mock_fail_nth, access_create) { &access_create, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, access_read_no_domain) { &access_read, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, access_read_two_domains) { &access_read, 2 };
FIXTURE_VARIANT_ADD(mock_fail_nth, access_write_no_domain) { &access_write, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, access_write_tiny_batches) {
	&access_write, 0, true
};
FIXTURE_VARIANT_ADD(mock_fail_nth, access_pin_no_domain) { &access_pin, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, access_pin_no_domain_tiny_batches) {
	&access_pin, 0, true
};
FIXTURE_VARIANT_ADD(mock_fail_nth, access_pin_one_domain) {
	&access_pin_pinned, 1
};
FIXTURE_VARIANT_ADD(mock_fail_nth, access_replace) { &access_replace, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, type1_map_no_domain) { &type1_map, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, type1_map_one_domain) { &type1_map, 1 };
FIXTURE_VARIANT_ADD(mock_fail_nth, type1_map_two_domains) { &type1_map, 2 };
FIXTURE_VARIANT_ADD(mock_fail_nth, type1_unmap_no_domain) { &type1_unmap, 0 };
FIXTURE_VARIANT_ADD(mock_fail_nth, type1_unmap_two_domains) { &type1_unmap, 2 };

FIXTURE_VARIANT_ADD(mock_fail_nth, map_at_the_top) {
	&top_map, 2, .wide = true
};
FIXTURE_VARIANT_ADD(mock_fail_nth, map_at_the_top_tiny_batches) {
	&top_map, 1, true, true
};
FIXTURE_VARIANT_ADD(mock_fail_nth, unmap_the_top) {
	&top_unmap, 2, .wide = true
};
FIXTURE_VARIANT_ADD(mock_fail_nth, attach_with_the_top_mapped) {
	&top_attach, 0, .wide = true
};
FIXTURE_VARIANT_ADD(mock_fail_nth, hwpt_alloc_with_the_top_mapped) {
	&top_hwpt_alloc, 1, .wide = true
};

static int attach_own_domain(struct sweep *s, int nth)
{
	uint32_t pt = s->ioas;
	int rc = 0;

	if (nth)
		rc = _test_hwpt_alloc(s->fd, s->mock[0].idev, s->ioas, &pt);
	return rc ? rc : _test_mock_attach(s->fd, pt, &s->mock[nth]);
}

FIXTURE_SETUP(mock_fail_nth)
{
	sweep_open(1, PLENTY);
	test_ok(_test_memory_limit(self->fd, variant->tiny_batches ?
				   MOCK_MEMORY_TINY : MOCK_MEMORY_DEFAULT));
	ASSERT_TRUE(mock_param("wide_aperture", variant->wide));
	self->place = MOCK_PLACE;
	self->step = HUGE;
	for (int i = 0; i < variant->domains; i++)
		test_ok(attach_own_domain((struct sweep *)self, i));
	if (variant->does->prepare)
		test_ok(variant->does->prepare((struct sweep *)self));
}

FIXTURE_TEARDOWN(mock_fail_nth)
{
	EXPECT_EQ(0, _test_memory_limit(self->fd, MOCK_MEMORY_DEFAULT));
	EXPECT_TRUE(mock_param("wide_aperture", 0));
	sweep_close();
}

TEST_F_TIMEOUT(mock_fail_nth, leaves_nothing_behind,
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
