// SPDX-License-Identifier: GPL-2.0
/*
 * The sweep (sweep.h) with real devices: an ioctl in which any one allocation
 * fails leaves nothing behind.
 */
#include "sweep.h"

#define OTHER_IOVA	0x20000000UL

static int map_anywhere(struct sweep *s)
{
	uint64_t iova = 0;
	int rc;

	rc = _test_ioas_map(s->fd, s->ioas, s->mem, LENGTH, &iova, MAP_RW);
	/* Only the IOVA shows that it is mapped. */
	return rc || iova ? rc : EPROTO;
}

static int unmap_everything(struct sweep *s)
{
	return _test_ioas_unmap(s->fd, s->ioas, 0, UINT64_MAX, NULL);
}

static const struct scenario map_automatic = {
	.ready = fresh_memory,
	.call = map_anywhere,
	.undo = unmap_everything,
};

/* Huge pages with a piece of one at both ends. */
static int huge_memory(struct sweep *s)
{
	s->huge = mem_thp(3 * HUGE);
	return s->huge ? 0 : ENOMEM;
}

static int map_huge_memory(struct sweep *s)
{
	return _test_map_fixed(s->fd, s->ioas, s->huge + PAGE, 2 * HUGE,
			       s->place + PAGE, MAP_RW);
}

static const struct scenario map_huge = {
	.thp = true,
	.prepare = huge_memory,
	.ready = new_place,
	.call = map_huge_memory,
	.undo = unmap_everything,
};

/*
 * One run whose IO pages lie in two page tables: when there is no memory for the
 * second one, VT-d leaves those in the first one to its caller. The next call
 * would find those that stay, and VT-d would report them.
 */
static int map_across_tables(struct sweep *s, size_t length)
{
	return _test_map_fixed(s->fd, s->ioas, s->huge, length,
			       s->place + HUGE - length / 2, MAP_RW);
}

static int map_short_run(struct sweep *s)
{
	return map_across_tables(s, HUGE / 2);
}

static int map_long_run(struct sweep *s)
{
	return map_across_tables(s, HUGE);
}

static const struct scenario map_short_across_tables = {
	.thp = true,
	.prepare = huge_memory,
	.ready = new_place,
	.call = map_short_run,
	.undo = unmap_everything,
};

static const struct scenario map_long_across_tables = {
	.thp = true,
	.prepare = huge_memory,
	.ready = new_place,
	.call = map_long_run,
	.undo = unmap_everything,
};

/* So many runs that they do not fit into what was allocated first. */
static int scattered_memory(struct sweep *s)
{
	s->huge = mem_reserve(2 * HUGE);
	if (!s->huge || mem_advise(s->huge, 2 * HUGE, MADV_NOHUGEPAGE))
		return errno;
	for (size_t at = 2 * HUGE; at; at -= PAGE)
		s->huge[at - 1] = 1;
	return 0;
}

static int map_scattered_memory(struct sweep *s)
{
	return _test_map_fixed(s->fd, s->ioas, s->huge, 2 * HUGE, s->place,
			       MAP_RW);
}

static const struct scenario map_scattered = {
	.prepare = scattered_memory,
	.ready = new_place,
	.call = map_scattered_memory,
	.undo = unmap_everything,
};

static const struct scenario unmap_all = {
	.prepare = map_memory,
	.call = unmap_everything,
	.undo = map_back,
	.cannot_fail = true,
	.done_before_answer = true,
};

static int copy_memory(struct sweep *s)
{
	uint64_t iova = s->place;

	return _test_ioas_copy(s->fd, s->ioas, &iova, s->ioas, IOVA, LENGTH,
			       MAP_RW | MAP_FIXED_IOVA);
}

static const struct scenario copy = {
	.prepare = map_memory,
	.ready = new_place,
	.call = copy_memory,
	.undo = unmap_at_place,
};

static int map_in_other(struct sweep *s)
{
	return _test_map_fixed(s->fd, s->other, s->mem, LENGTH, IOVA, MAP_RW);
}

static int copy_from_other(struct sweep *s)
{
	uint64_t iova = s->place;

	return _test_ioas_copy(s->fd, s->ioas, &iova, s->other, IOVA, LENGTH,
			       MAP_RW | MAP_FIXED_IOVA);
}

/* The source has no device, so it is the COPY that pins. */
static const struct scenario copy_other = {
	.prepare = map_in_other,
	.ready = new_place_and_memory,
	.call = copy_from_other,
	.undo = unmap_at_place,
};

static int alloc_ioas(struct sweep *s)
{
	return _test_ioas_alloc(s->fd, &s->id);
}

static const struct scenario ioas_alloc = {
	.call = alloc_ioas,
	.undo = destroy_id,
};

static const struct scenario ioas_destroy = {
	.prepare = alloc_ioas,
	.call = destroy_id,
	.undo = alloc_ioas,
	.cannot_fail = true,
};

static int open_iommufd(struct sweep *s)
{
	s->file = iommufd_open();
	return s->file < 0 ? errno : 0;
}

static int close_file(struct sweep *s)
{
	return close(s->file) ? errno : 0;
}

static const struct scenario open_close = {
	.call = open_iommufd,
	.undo = close_file,
};

static int get_ranges(struct sweep *s)
{
	struct iommu_iova_range ranges[8];
	uint32_t num = ARRAY_SIZE(ranges);

	return _test_iova_ranges(s->fd, s->ioas, ranges, &num, NULL);
}

static const struct scenario iova_ranges = { .call = get_ranges };

static int allow_high(struct sweep *s)
{
	struct iommu_iova_range ranges[] = {
		{ 0x40000000, 0x4fffffff }, { 0x60000000, 0x6fffffff },
		{ 0x70000000, 0x7fffffff }, { 0x90000000, 0x9fffffff },
	};

	return _test_allow_iovas(s->fd, s->ioas, ranges, ARRAY_SIZE(ranges));
}

static int allow_low(struct sweep *s)
{
	struct iommu_iova_range low = { 0x1000000, 0x1ffffff };

	return _test_allow_iovas(s->fd, s->ioas, &low, 1);
}

/* The old list is in force: an automatic IOVA lies in it. */
static bool low_is_allowed(struct sweep *s)
{
	uint64_t iova = 0;

	return !_test_ioas_map(s->fd, s->ioas, s->mem, LENGTH, &iova, MAP_RW) &&
	       iova >= 0x1000000 && iova <= 0x1ffffff &&
	       !_test_ioas_unmap(s->fd, s->ioas, iova, LENGTH, NULL);
}

static const struct scenario allow_iovas = {
	.prepare = allow_low,
	.call = allow_high,
	.undo = allow_low,
	.unchanged = low_is_allowed,
};

static int open_cdev(struct sweep *s)
{
	s->edu[0].cdev = vfio_cdev_open(&s->edu[0].pci);
	return s->edu[0].cdev < 0 ? errno : 0;
}

static int close_cdev(struct sweep *s)
{
	edu_close(&s->edu[0]);
	return 0;
}

static int bind_cdev(struct sweep *s)
{
	return _test_vfio_bind(s->edu[0].cdev, s->fd, &s->edu[0].devid);
}

static int bind_device(struct sweep *s)
{
	return edu_open(&s->edu[0], s->fd);
}

/*
 * Enabling a device with an interrupt pin runs ACPI's interpreter, and that does
 * not survive every fault: these two take a device without one.
 */
static int find_pinless(struct sweep *s)
{
	return pci_find(&pci_ivshmem, PCI_ON_ROOT_BUS, 0, &s->edu[0].pci) ?
	       0 : ENODEV;
}

static const struct scenario cdev_open = {
	.prepare = find_pinless,
	.call = open_cdev,
	.undo = close_cdev,
};

static const struct scenario bind = {
	.prepare = find_pinless,
	.ready = open_cdev,
	.call = bind_cdev,
	.undo = close_cdev,
};

static int bind_and_map(struct sweep *s)
{
	int rc = bind_device(s);

	return rc ? rc : map_memory(s);
}

static int attach_to(struct sweep *s, int nth, uint32_t pt)
{
	s->edu[nth].pt_id = pt;
	return _test_vfio_attach(s->edu[nth].cdev, &s->edu[nth].pt_id);
}

static int attach_device(struct sweep *s)
{
	return attach_to(s, 0, s->ioas);
}

static int detach_device(struct sweep *s)
{
	return _test_vfio_detach(s->edu[0].cdev);
}

static const struct scenario attach = {
	.prepare = bind_and_map,
	.ready = fresh_memory,
	.call = attach_device,
	.undo = detach_device,
};

/* The BAR of the first device, for its own DMA and that of the others */
static int map_bar(struct sweep *s, uint64_t iova)
{
	return _test_map_fixed(s->fd, s->ioas, (void *)s->edu[0].bar, LENGTH,
			       iova, MAP_RW);
}

static int map_bar_at_place(struct sweep *s)
{
	return map_bar(s, s->place);
}

static const struct scenario bar_map = {
	.ready = new_place,
	.call = map_bar_at_place,
	.undo = unmap_at_place,
};

static int map_bar_once(struct sweep *s)
{
	return map_bar(s, IOVA);
}

static const struct scenario bar_copy = {
	.prepare = map_bar_once,
	.ready = new_place,
	.call = copy_memory,
	.undo = unmap_at_place,
};

static int map_bar_back(struct sweep *s)
{
	int rc = map_bar_once(s);

	return rc == EEXIST ? 0 : rc;
}

static const struct scenario bar_unmap = {
	.prepare = map_bar_once,
	.call = unmap_memory,
	.undo = map_bar_back,
	.cannot_fail = true,
	.done_before_answer = true,
};

static int bind_and_map_bar(struct sweep *s)
{
	return bind_device(s) ?: map_bar(s, IOVA);
}

static const struct scenario bar_attach = {
	.prepare = bind_and_map_bar,
	.call = attach_device,
	.undo = detach_device,
};

static int alloc_hwpt(struct sweep *s)
{
	return _test_hwpt_alloc(s->fd, s->edu[0].devid, s->ioas, &s->id);
}

static int bind_map_and_alloc_hwpt(struct sweep *s)
{
	int rc = bind_and_map(s);

	return rc ? rc : alloc_hwpt(s);
}

static int attach_to_hwpt(struct sweep *s)
{
	return attach_to(s, 0, s->id);
}

static const struct scenario attach_hwpt = {
	.prepare = bind_map_and_alloc_hwpt,
	.call = attach_to_hwpt,
	.undo = detach_device,
};

static const struct scenario hwpt_alloc = {
	.prepare = bind_and_map,
	.ready = fresh_memory,
	.call = alloc_hwpt,
	.undo = destroy_id,
};

static int map_and_alloc_hwpt(struct sweep *s)
{
	int rc = map_memory(s);

	return rc ? rc : alloc_hwpt(s);
}

/* Everything is pinned already. */
static const struct scenario second_hwpt_alloc = {
	.prepare = map_memory,
	.call = alloc_hwpt,
	.undo = destroy_id,
};

static const struct scenario hwpt_destroy = {
	.prepare = map_and_alloc_hwpt,
	.call = destroy_id,
	.undo = alloc_hwpt,
	.cannot_fail = true,
};

static int find_and_bind_second(struct sweep *s)
{
	if (!pci_find(&pci_edu, PCI_ON_ROOT_BUS, 1, &s->edu[1].pci))
		return ENODEV;
	return edu_open(&s->edu[1], s->fd);
}

static int attach_second(struct sweep *s)
{
	return attach_to(s, 1, s->ioas);
}

static int detach_second(struct sweep *s)
{
	return _test_vfio_detach(s->edu[1].cdev);
}

static const struct scenario attach_second_device = {
	.prepare = find_and_bind_second,
	.call = attach_second,
	.undo = detach_second,
};

static const struct scenario detach = {
	.prepare = map_memory,
	.call = detach_device,
	.undo = attach_device,
	.cannot_fail = true,
};

/*
 * The other IOAS has the same memory at another IOVA, so that the device
 * reaches it where it is attached and only there.
 */
static int map_both(struct sweep *s)
{
	int rc = map_memory(s);

	return rc ? rc : _test_map_fixed(s->fd, s->other, s->mem, LENGTH,
					 OTHER_IOVA, MAP_RW);
}

static int attach_to_other(struct sweep *s)
{
	return attach_to(s, 0, s->other);
}

static bool dma_goes_to_ioas(struct sweep *s)
{
	for (int i = 0; i < 2; i++) {
		if (s->edu[i].cdev < 0)
			continue;
		mem_fill(s->mem, 64, i + 1);
		if (!edu_load(&s->edu[i], IOVA, 64) ||
		    !edu_store(&s->edu[i], IOVA + PAGE, 64) ||
		    !mem_is(s->mem + PAGE, 64, i + 1))
			return false;
	}
	return true;
}

static const struct scenario replace = {
	.prepare = map_both,
	.call = attach_to_other,
	.undo = attach_device,
	.unchanged = dma_goes_to_ioas,
};

static int get_hw_info(struct sweep *s)
{
	uint32_t length = 64, type;
	uint8_t data[64];

	return _test_hw_info(s->fd, s->edu[0].devid, data, &length, &type);
}

static const struct scenario hw_info = {
	.prepare = bind_device,
	.call = get_hw_info,
};

FIXTURE(fail_nth) { struct sweep; };

/*
 * @hwpts devices at @place are attached, each to a HWPT of its own unless they
 * share a group. Pins are charged to the process, where the charge can be seen,
 * or else to the user, where the limit lets through what one call pins and not
 * a page more.
 */
FIXTURE_VARIANT(fail_nth) {
	const struct scenario *does;
	unsigned int hwpts;
	enum pci_place place;
	bool charge_user;
};

FIXTURE_VARIANT_ADD(fail_nth, open) { &open_close };
FIXTURE_VARIANT_ADD(fail_nth, ioas_alloc) { &ioas_alloc };
FIXTURE_VARIANT_ADD(fail_nth, ioas_destroy) { &ioas_destroy };
FIXTURE_VARIANT_ADD(fail_nth, map_no_hwpt) { &map };
FIXTURE_VARIANT_ADD(fail_nth, map_one_hwpt) { &map, 1 };
FIXTURE_VARIANT_ADD(fail_nth, map_two_hwpts) { &map, 2 };
FIXTURE_VARIANT_ADD(fail_nth, map_one_hwpt_of_user) {
	&map, 1, .charge_user = true
};
FIXTURE_VARIANT_ADD(fail_nth, map_file_no_hwpt) { &map_file };
FIXTURE_VARIANT_ADD(fail_nth, map_file_two_hwpts) { &map_file, 2 };
FIXTURE_VARIANT_ADD(fail_nth, map_bar_one_hwpt) { &bar_map, 1 };
FIXTURE_VARIANT_ADD(fail_nth, map_bar_two_hwpts) { &bar_map, 2 };
FIXTURE_VARIANT_ADD(fail_nth, copy_bar_two_hwpts) { &bar_copy, 2 };
FIXTURE_VARIANT_ADD(fail_nth, unmap_bar_two_hwpts) { &bar_unmap, 2 };
FIXTURE_VARIANT_ADD(fail_nth, attach_with_bar) { &bar_attach };
FIXTURE_VARIANT_ADD(fail_nth, map_automatic_no_hwpt) { &map_automatic };
FIXTURE_VARIANT_ADD(fail_nth, map_automatic_one_hwpt) { &map_automatic, 1 };
FIXTURE_VARIANT_ADD(fail_nth, map_huge_two_hwpts) { &map_huge, 2 };
FIXTURE_VARIANT_ADD(fail_nth, map_short_run_across_tables) {
	&map_short_across_tables, 1
};
FIXTURE_VARIANT_ADD(fail_nth, map_long_run_across_tables) {
	&map_long_across_tables, 1
};
FIXTURE_VARIANT_ADD(fail_nth, map_scattered_one_hwpt) { &map_scattered, 1 };
FIXTURE_VARIANT_ADD(fail_nth, unmap_two_hwpts) { &unmap, 2 };
FIXTURE_VARIANT_ADD(fail_nth, unmap_all_one_hwpt) { &unmap_all, 1 };
FIXTURE_VARIANT_ADD(fail_nth, copy_no_hwpt) { &copy };
FIXTURE_VARIANT_ADD(fail_nth, copy_one_hwpt) { &copy, 1 };
FIXTURE_VARIANT_ADD(fail_nth, copy_two_hwpts) { &copy, 2 };
FIXTURE_VARIANT_ADD(fail_nth, copy_that_pins_one_hwpt) { &copy_other, 1 };
FIXTURE_VARIANT_ADD(fail_nth, copy_that_pins_two_hwpts) { &copy_other, 2 };
FIXTURE_VARIANT_ADD(fail_nth, copy_that_pins_of_user) {
	&copy_other, 1, .charge_user = true
};
FIXTURE_VARIANT_ADD(fail_nth, iova_ranges) { &iova_ranges, 1 };
FIXTURE_VARIANT_ADD(fail_nth, allow_iovas) { &allow_iovas };
FIXTURE_VARIANT_ADD(fail_nth, allow_iovas_one_hwpt) { &allow_iovas, 1 };
FIXTURE_VARIANT_ADD(fail_nth, cdev_open) { &cdev_open };
FIXTURE_VARIANT_ADD(fail_nth, bind) { &bind };
FIXTURE_VARIANT_ADD(fail_nth, attach) { &attach };
FIXTURE_VARIANT_ADD(fail_nth, attach_of_user) { &attach, .charge_user = true };
FIXTURE_VARIANT_ADD(fail_nth, attach_to_hwpt) { &attach_hwpt };
FIXTURE_VARIANT_ADD(fail_nth, attach_second_device) {
	&attach_second_device, 1
};
FIXTURE_VARIANT_ADD(fail_nth, detach) { &detach, 1 };
FIXTURE_VARIANT_ADD(fail_nth, replace) { &replace, 1 };
FIXTURE_VARIANT_ADD(fail_nth, replace_in_shared_group) {
	&replace, 2, PCI_SHARED_GROUP
};
FIXTURE_VARIANT_ADD(fail_nth, hwpt_alloc) { &hwpt_alloc };
FIXTURE_VARIANT_ADD(fail_nth, hwpt_alloc_of_user) {
	&hwpt_alloc, .charge_user = true
};
FIXTURE_VARIANT_ADD(fail_nth, second_hwpt_alloc) { &second_hwpt_alloc, 1 };
FIXTURE_VARIANT_ADD(fail_nth, hwpt_destroy) { &hwpt_destroy, 1 };
FIXTURE_VARIANT_ADD(fail_nth, hw_info) { &hw_info };

static int attach_own_hwpt(struct sweep *s, int nth, enum pci_place place)
{
	int rc = edu_open(&s->edu[nth], s->fd);
	uint32_t hwpt;

	if (rc)
		return rc;
	if (!nth || place == PCI_SHARED_GROUP)
		return attach_to(s, nth, s->ioas);
	rc = _test_hwpt_alloc(s->fd, s->edu[nth].devid, s->ioas, &hwpt);
	return rc ? rc : attach_to(s, nth, hwpt);
}

FIXTURE_SETUP(fail_nth)
{
	if (variant->does->thp)
		test_needs_thp();
	sweep_open(!variant->charge_user,
		   variant->charge_user ? LENGTH : PLENTY);
	self->step = 1UL << 30;
	test_find(&pci_edu, variant->place, 0, &self->edu[0].pci);
	for (int i = 0; i < variant->hwpts; i++) {
		test_find(&pci_edu, variant->place, i, &self->edu[i].pci);
		test_ok(attach_own_hwpt((struct sweep *)self, i,
					variant->place));
	}
	if (variant->does->prepare)
		test_ok(variant->does->prepare((struct sweep *)self));
}

FIXTURE_TEARDOWN(fail_nth)
{
	sweep_close();
}

TEST_F_TIMEOUT(fail_nth, leaves_nothing_behind, SWEEP_SECONDS * slowness())
{
	const struct scenario *does = variant->does;
	struct sweep *s = (struct sweep *)self;

	test_sweep();
}

int main(int argc, char **argv)
{
	return sweep_main(argc, argv);
}
