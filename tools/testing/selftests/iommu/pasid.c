// SPDX-License-Identifier: GPL-2.0
/*
 * PASIDs of a device: which HWPT each is attached to, what that keeps from
 * changing, and that a failed call changes nothing.
 */
#include "mock_space.h"
#include "race.h"

#define PASID		100U
#define PASIDS		(1U << MOCK_PASID_WIDTH)
#define ALLOC_PASID	IOMMU_HWPT_ALLOC_PASID
#define HWPTS		3

#define test_pasid_attach(_dev, _pasid, _hwpt)				\
	do {								\
		uint32_t __pt = (_hwpt);				\
									\
		test_ok(_test_pasid_attach(self->fd, (_dev)->stdev, _pasid, \
					   &__pt));			\
		ASSERT_EQ(_hwpt, __pt);					\
	} while (0)
#define test_err_pasid_attach(_errno, _dev, _pasid, _pt)		\
	do {								\
		uint32_t __pt = (_pt);					\
									\
		test_err(_errno, _test_pasid_attach(self->fd, (_dev)->stdev, \
						    _pasid, &__pt));	\
	} while (0)
#define test_pasid_replace(_dev, _pasid, _hwpt)				\
	do {								\
		uint32_t __pt = (_hwpt);				\
									\
		test_ok(_test_pasid_replace(self->fd, (_dev)->stdev, _pasid, \
					    &__pt));			\
		ASSERT_EQ(_hwpt, __pt);					\
	} while (0)
#define test_err_pasid_replace(_errno, _dev, _pasid, _pt)		\
	do {								\
		uint32_t __pt = (_pt);					\
									\
		test_err(_errno, _test_pasid_replace(self->fd, (_dev)->stdev, \
						     _pasid, &__pt));	\
	} while (0)
#define test_pasid_detach(_dev, _pasid)					\
	test_ok(_test_pasid_detach(self->fd, (_dev)->stdev, _pasid))
/* The PASID is attached to this HWPT and to no other; 0 stands for none. */
#define test_pasid_is(_dev, _pasid, _hwpt)				\
	do {								\
		test_ok(_test_pasid_check(self->fd, (_dev)->stdev, _pasid, \
					  _hwpt));			\
		ASSERT_EQ(EINVAL, _test_pasid_check(self->fd, (_dev)->stdev, \
						    _pasid, (_hwpt) + 1)); \
	} while (0)

/* A HWPT with @flags; on a paging HWPT there is a nested one. */
static int alloc_hwpt(int fd, uint32_t idev, uint32_t pt, uint32_t flags,
		      bool nested, uint32_t *hwpt)
{
	struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };

	return _test_hwpt_alloc_data(fd, idev, pt, flags,
				     nested ? IOMMU_HWPT_DATA_SELFTEST :
					      IOMMU_HWPT_DATA_NONE,
				     nested ? &data : NULL,
				     nested ? sizeof(data) : 0, hwpt);
}

FIXTURE(pasid) {
	struct mock;
	/* With PASIDs; attached to @own, which was made for them */
	struct mock_dev pdev;
	uint32_t own;
	uint32_t parent;
	/* Made for PASIDs, and one that was not */
	uint32_t hwpt[HWPTS];
	uint32_t plain;
};

FIXTURE_VARIANT(pasid) { bool nested; };

FIXTURE_VARIANT_ADD(pasid, paging) { .nested = false };
FIXTURE_VARIANT_ADD(pasid, nested) { .nested = true };

/* A HWPT of the kind of the variant */
#define test_alloc(_flags, _hwpt)					\
	test_ok(alloc_hwpt(self->fd, self->pdev.idev,			\
			   variant->nested ? self->parent : self->ioas,	\
			   _flags, variant->nested, _hwpt))

FIXTURE_SETUP(pasid)
{
	uint32_t pt;

	mock_open(0, MOCK_MEMORY_DEFAULT);
	test_ok(_test_mock_attach_flags(self->fd, self->ioas, MOCK_DEVICE_PASID,
					&self->pdev));
	test_ok(alloc_hwpt(self->fd, self->pdev.idev, self->ioas, ALLOC_PASID,
			   false, &self->own));
	test_ok(alloc_hwpt(self->fd, self->pdev.idev, self->ioas,
			   IOMMU_HWPT_ALLOC_NEST_PARENT, false, &self->parent));
	for (int i = 0; i < HWPTS; i++)
		test_alloc(ALLOC_PASID, &self->hwpt[i]);
	test_alloc(0, &self->plain);
	pt = self->own;
	test_mock_replace(self->pdev.stdev, &pt);
}

FIXTURE_TEARDOWN(pasid)
{
	mock_close();
}

TEST_F(pasid, attach_replace_detach)
{
	struct mock_dev *dev = &self->pdev;

	test_pasid_is(dev, PASID, 0);
	test_pasid_attach(dev, PASID, self->hwpt[0]);
	test_pasid_is(dev, PASID, self->hwpt[0]);
	test_pasid_replace(dev, PASID, self->hwpt[1]);
	test_pasid_is(dev, PASID, self->hwpt[1]);
	test_pasid_detach(dev, PASID);
	test_pasid_is(dev, PASID, 0);
	/* Other PASIDs and the device itself are not concerned. */
	test_pasid_attach(dev, PASID + 1, self->hwpt[2]);
	test_pasid_attach(dev, PASID, self->own);
	test_pasid_detach(dev, PASID);
	test_pasid_is(dev, PASID + 1, self->hwpt[2]);
	test_pasid_is(dev, 0, self->own);
}

TEST_F(pasid, attach_twice_is_ebusy)
{
	struct mock_dev *dev = &self->pdev;

	test_pasid_attach(dev, PASID, self->hwpt[0]);
	test_err_pasid_attach(EBUSY, dev, PASID, self->hwpt[0]);
	test_err_pasid_attach(EBUSY, dev, PASID, self->hwpt[1]);
	test_err_pasid_attach(EBUSY, dev, PASID, self->own);
	test_pasid_is(dev, PASID, self->hwpt[0]);
	test_destroy(self->hwpt[1]);
	test_pasid_detach(dev, PASID);
	test_pasid_attach(dev, PASID, self->hwpt[2]);
}

TEST_F(pasid, replace_of_nothing_is_einval)
{
	struct mock_dev *dev = &self->pdev;

	test_err_pasid_replace(EINVAL, dev, PASID, self->hwpt[0]);
	test_pasid_is(dev, PASID, 0);
	test_pasid_attach(dev, PASID, self->hwpt[0]);
	test_err_pasid_replace(EINVAL, dev, PASID + 1, self->hwpt[0]);
	test_pasid_detach(dev, PASID);
	test_err_pasid_replace(EINVAL, dev, PASID, self->hwpt[0]);
	test_destroy(self->hwpt[0]);
}

TEST_F(pasid, detach_of_nothing_succeeds)
{
	struct mock_dev *dev = &self->pdev;

	test_pasid_detach(dev, PASID);
	test_pasid_attach(dev, PASID, self->hwpt[0]);
	test_pasid_detach(dev, PASID);
	test_pasid_detach(dev, PASID);
	test_pasid_detach(dev, 0);
	test_pasid_detach(dev, UINT32_MAX);
	test_pasid_is(dev, 0, self->own);
}

TEST_F(pasid, replace_with_the_same_does_nothing)
{
	struct mock_dev *dev = &self->pdev;

	/* The IOMMU is not asked: it would fail. */
	test_pasid_attach(dev, MOCK_PASID_FAILS, self->hwpt[0]);
	for (int i = 0; i < 3; i++)
		test_pasid_replace(dev, MOCK_PASID_FAILS, self->hwpt[0]);
	test_err_destroy(EBUSY, self->hwpt[0]);
	test_pasid_detach(dev, MOCK_PASID_FAILS);
	test_destroy(self->hwpt[0]);
}

TEST_F(pasid, hwpt_must_be_made_for_pasids)
{
	struct mock_dev *dev = &self->pdev, other;
	uint32_t unsuitable[3];

	test_mock_attach(self->ioas, &other);
	unsuitable[0] = self->plain;
	unsuitable[1] = self->ioas;
	unsuitable[2] = other.hwpt;	/* an automatic one */
	for (int i = 0; i < ARRAY_SIZE(unsuitable); i++) {
		test_err_pasid_attach(EINVAL, dev, PASID, unsuitable[i]);
		test_pasid_is(dev, PASID, 0);
		test_pasid_attach(dev, PASID, self->hwpt[0]);
		test_err_pasid_replace(EINVAL, dev, PASID, unsuitable[i]);
		test_pasid_is(dev, PASID, self->hwpt[0]);
		test_pasid_detach(dev, PASID);
	}
	test_destroy(other.stdev);
	test_destroy(self->plain);
}

TEST_F(pasid, other_objects_are_refused)
{
	struct mock_dev *dev = &self->pdev, none = { .stdev = 1000 };

	test_err_pasid_attach(ENOENT, dev, PASID, 0);
	test_err_pasid_attach(ENOENT, dev, PASID, 1000);
	test_err_pasid_attach(EINVAL, dev, PASID, dev->idev);
	test_err_pasid_attach(EINVAL, dev, PASID, dev->stdev);
	test_pasid_attach(dev, PASID, self->hwpt[0]);
	test_err_pasid_replace(ENOENT, dev, PASID, 0);
	test_err_pasid_replace(ENOENT, dev, PASID, 1000);
	test_err_pasid_replace(EINVAL, dev, PASID, dev->idev);
	test_pasid_is(dev, PASID, self->hwpt[0]);
	test_err_pasid_attach(ENOENT, &none, PASID, self->hwpt[0]);
	none.stdev = dev->idev;
	test_err_pasid_attach(ENOENT, &none, PASID, self->hwpt[0]);
	test_err(ENOENT, _test_pasid_detach(self->fd, dev->idev, PASID));
}

TEST_F(pasid, device_itself_must_use_a_hwpt_for_pasids)
{
	struct mock_dev *dev = &self->pdev;
	uint32_t pt = self->plain;

	test_mock_replace(dev->stdev, &pt);
	test_err_pasid_attach(EINVAL, dev, PASID, self->hwpt[0]);
	pt = self->ioas;
	test_mock_replace(dev->stdev, &pt);
	test_err_pasid_attach(EINVAL, dev, PASID, self->hwpt[0]);
	test_pasid_is(dev, PASID, 0);
	pt = self->hwpt[1];
	test_mock_replace(dev->stdev, &pt);
	test_pasid_attach(dev, PASID, self->hwpt[0]);
}

TEST_F(pasid, device_keeps_to_hwpts_for_pasids)
{
	struct mock_dev *dev = &self->pdev;
	uint32_t pt;

	test_pasid_attach(dev, PASID, self->hwpt[0]);
	test_pasid_attach(dev, PASID + 1, self->hwpt[0]);
	test_pasid_detach(dev, PASID);
	test_err_mock_replace(EINVAL, dev->stdev, self->plain);
	test_err_mock_replace(EINVAL, dev->stdev, self->ioas);
	test_pasid_is(dev, 0, self->own);
	pt = self->hwpt[1];
	test_mock_replace(dev->stdev, &pt);
	pt = self->hwpt[0];
	test_mock_replace(dev->stdev, &pt);
	test_pasid_is(dev, 0, self->hwpt[0]);
	test_pasid_is(dev, PASID + 1, self->hwpt[0]);
	/* The last PASID goes. */
	test_pasid_detach(dev, PASID + 1);
	pt = self->plain;
	test_mock_replace(dev->stdev, &pt);
	test_destroy(self->hwpt[0]);
}

TEST_F(pasid, number_is_below_the_maximum_of_the_device)
{
	static const uint32_t good[] = { 1, 2, 0xffff, PASIDS - 1 };
	static const uint32_t bad[] = { 0, PASIDS, PASIDS + 1, 1U << 31,
					UINT32_MAX };
	struct mock_dev *dev = &self->pdev;

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		test_err_pasid_attach(EINVAL, dev, bad[i], self->hwpt[0]);
		test_err_pasid_replace(EINVAL, dev, bad[i], self->hwpt[0]);
	}
	for (int i = 0; i < ARRAY_SIZE(good); i++)
		test_pasid_attach(dev, good[i], self->hwpt[i % HWPTS]);
	for (int i = 0; i < ARRAY_SIZE(good); i++)
		test_pasid_is(dev, good[i], self->hwpt[i % HWPTS]);
}

TEST_F(pasid, device_without_pasids)
{
	struct mock_dev dev;
	uint32_t hwpt;

	/* It can use a HWPT that was made for PASIDs, and ask for one. */
	test_mock_attach(self->hwpt[0], &dev);
	test_ok(alloc_hwpt(self->fd, dev.idev, self->ioas, ALLOC_PASID, false,
			   &hwpt));
	test_err_pasid_attach(EINVAL, &dev, 1, self->hwpt[0]);
	test_err_pasid_attach(EINVAL, &dev, PASID, hwpt);
	test_pasid_is(&dev, PASID, 0);
	test_pasid_is(&dev, 0, self->hwpt[0]);
	test_pasid_detach(&dev, PASID);
	/* What it has asked for suits a device with PASIDs. */
	test_pasid_attach(&self->pdev, PASID, hwpt);
}

TEST_F(pasid, hw_info_has_the_number_of_pasids)
{
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd), .dev_id = self->pdev.idev,
	};
	struct mock_dev dev;

	test_ok(iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	ASSERT_EQ(MOCK_PASID_WIDTH, cmd.out_max_pasid_log2);
	test_mock_attach(self->ioas, &dev);
	cmd.dev_id = dev.idev;
	cmd.data_len = 0;
	test_ok(iommufd_ioctl(self->fd, IOMMU_GET_HW_INFO, &cmd));
	ASSERT_EQ(0, cmd.out_max_pasid_log2);
}

TEST_F(pasid, failed_replace_changes_nothing)
{
	const uint32_t pasid = MOCK_PASID_FAILS;
	struct mock_dev *dev = &self->pdev;

	test_pasid_attach(dev, pasid, self->hwpt[0]);
	for (int i = 0; i < 4; i++) {
		test_err_pasid_replace(ENOMEM, dev, pasid, self->hwpt[1]);
		test_pasid_is(dev, pasid, self->hwpt[0]);
		test_err_destroy(EBUSY, self->hwpt[0]);
		/* The second time works. */
		test_pasid_replace(dev, pasid, self->hwpt[2]);
		test_pasid_is(dev, pasid, self->hwpt[2]);
		test_err_pasid_replace(ENOMEM, dev, pasid, self->hwpt[1]);
		test_pasid_replace(dev, pasid, self->hwpt[0]);
	}
	/* The failed ones have left no user. */
	test_destroy(self->hwpt[1]);
	test_destroy(self->hwpt[2]);
	for (int i = 0; i < 3; i++) {
		test_pasid_detach(dev, pasid);
		test_pasid_attach(dev, pasid, self->hwpt[0]);
	}
}

TEST_F(pasid, failed_attach_changes_nothing)
{
	struct mock_dev *dev = &self->pdev;
	uint32_t pt = self->plain;

	test_mock_param("fail_attach", 1);
	test_err_pasid_attach(ENOMEM, dev, PASID, self->hwpt[0]);
	test_mock_param("fail_attach", 0);
	test_pasid_is(dev, PASID, 0);
	test_destroy(self->hwpt[0]);
	/* There is no attached PASID that would keep the device. */
	test_mock_replace(dev->stdev, &pt);
}

TEST_F(pasid, failed_answer_undoes_attach)
{
	struct iommu_test_cmd *cmd = test_mem(mem_anon(PAGE));
	struct mock_dev *dev = &self->pdev;

	cmd->size = sizeof(*cmd);
	cmd->op = IOMMU_TEST_OP_PASID_ATTACH;
	cmd->id = dev->stdev;
	cmd->pasid_attach.pasid = PASID;
	cmd->pasid_attach.pt_id = self->hwpt[0];
	ASSERT_EQ(0, mprotect(cmd, PAGE, PROT_READ));
	test_err(EFAULT, iommufd_ioctl(self->fd, IOMMU_TEST_CMD, cmd));
	test_pasid_is(dev, PASID, 0);
	test_destroy(self->hwpt[0]);
}

TEST_F(pasid, hwpt_is_held)
{
	struct mock_dev *dev = &self->pdev;

	test_pasid_attach(dev, PASID, self->hwpt[0]);
	test_pasid_attach(dev, PASID + 1, self->hwpt[0]);
	test_err_destroy(EBUSY, self->hwpt[0]);
	test_pasid_detach(dev, PASID);
	test_err_destroy(EBUSY, self->hwpt[0]);
	test_pasid_replace(dev, PASID + 1, self->hwpt[1]);
	test_destroy(self->hwpt[0]);
	test_err_destroy(EBUSY, self->hwpt[1]);
	test_err_destroy(EBUSY, self->ioas);
	if (variant->nested)
		test_err_destroy(EBUSY, self->parent);
	test_destroy(dev->stdev);
	test_destroy(self->hwpt[1]);
}

TEST_F(pasid, hwpt_of_another_ioas)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	struct mock_dev *dev = &self->pdev;
	uint32_t ioas, hwpt;

	/* A PASID is in an address space of its own. */
	test_ioas_alloc(&ioas);
	test_ok(alloc_hwpt(self->fd, dev->idev, ioas, ALLOC_PASID, false,
			   &hwpt));
	test_pasid_attach(dev, PASID, hwpt);
	test_pasid_attach(dev, PASID + 1, self->hwpt[0]);
	test_ok(_test_map_fixed(self->fd, ioas, mem, PAGE, MOCK_IOVA, MAP_RW));
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, PAGE, mem));
	ASSERT_EQ(EINVAL, _test_check_map(self->fd, self->own, MOCK_IOVA,
					  MOCK_PAGE, mem));
	test_pasid_replace(dev, PASID + 1, hwpt);
	test_pasid_replace(dev, PASID, self->hwpt[1]);
	test_refs(mem, PAGE, 1);
	test_pasid_detach(dev, PASID + 1);
	test_destroy(hwpt);
	test_refs(mem, PAGE, 0);
	test_destroy(ioas);
}

TEST_F(pasid, same_pasid_of_two_devices)
{
	struct mock_dev dev[2];

	for (int i = 0; i < 2; i++) {
		test_ok(_test_mock_attach_flags(self->fd, self->own,
						MOCK_DEVICE_PASID, &dev[i]));
		test_pasid_attach(&dev[i], PASID, self->hwpt[i]);
	}
	test_pasid_replace(&dev[0], PASID, self->hwpt[1]);
	test_pasid_detach(&dev[1], PASID);
	test_pasid_is(&dev[0], PASID, self->hwpt[1]);
	test_err_destroy(EBUSY, self->hwpt[1]);
	test_pasid_is(&self->pdev, PASID, 0);
	test_destroy(dev[0].stdev);
	test_destroy(self->hwpt[1]);
}

TEST_F(pasid, end_of_the_device_detaches_all)
{
	struct mock_dev *dev = &self->pdev;

	for (uint32_t i = 1; i < 200; i++)
		test_pasid_attach(dev, i * 5000, self->hwpt[i % HWPTS]);
	test_destroy(dev->stdev);
	for (int i = 0; i < HWPTS; i++)
		test_destroy(self->hwpt[i]);
	test_destroy(self->own);
}

/* The teardown of the fixture closes the descriptor; the mock warns. */
TEST_F(pasid, close_detaches_all)
{
	struct mock_dev *dev = &self->pdev;

	for (uint32_t i = 1; i < 200; i++)
		test_pasid_attach(dev, i * 5000, self->hwpt[i % HWPTS]);
	test_pasid_replace(dev, 5000, self->own);
}

TEST_F(pasid, many_pasids)
{
	struct mock_dev *dev = &self->pdev;
	const uint32_t n = 3000;

	for (uint32_t i = 1; i <= n; i++)
		test_pasid_attach(dev, i, self->hwpt[i % HWPTS]);
	/* Skip the PASID that fails. */
	for (uint32_t i = 2; i <= n; i += 7)
		if (i != MOCK_PASID_FAILS)
			test_pasid_replace(dev, i, self->own);
	for (uint32_t i = 1; i <= n; i++)
		test_ok(_test_pasid_check(self->fd, dev->stdev, i,
					  i % 7 == 2 && i != MOCK_PASID_FAILS ?
						  self->own :
						  self->hwpt[i % HWPTS]));
	/* In another order: 1009 is a prime number. */
	for (uint32_t i = 0; i < n; i++)
		test_pasid_detach(dev, 1 + i * 1009 % n);
	for (int i = 0; i < HWPTS; i++)
		test_destroy(self->hwpt[i]);
}

#define RUN_MS 300

/* What the threads share */
struct arena {
	int fd;
	uint32_t ioas;
	uint32_t base;		/* what a HWPT of the variant is made on */
	bool nested;
	struct mock_dev dev;
	uint32_t own[2];
	uint32_t hwpt[HWPTS];
	volatile uint32_t fresh;	/* comes and goes */
	volatile uint32_t visitor;	/* a device that comes and goes */
};

static int step_attach(struct race_thread *t)
{
	struct arena *a = t->shared;
	uint32_t pt = race_pick(t, 4) ? a->hwpt[race_pick(t, HWPTS)] : a->fresh;

	return _test_pasid_attach(a->fd, a->dev.stdev, 1 + race_pick(t, 3),
				  &pt);
}

static int step_replace(struct race_thread *t)
{
	struct arena *a = t->shared;
	uint32_t pt = race_pick(t, 4) ? a->hwpt[race_pick(t, HWPTS)] : a->fresh;

	return _test_pasid_replace(a->fd, a->dev.stdev, 1 + race_pick(t, 3),
				   &pt);
}

static int step_detach(struct race_thread *t)
{
	struct arena *a = t->shared;

	return _test_pasid_detach(a->fd, a->dev.stdev, 1 + race_pick(t, 3));
}

static int step_move_device(struct race_thread *t)
{
	struct arena *a = t->shared;
	uint32_t pt = race_pick(t, 3) ? a->own[race_pick(t, 2)] : a->ioas;

	return _test_mock_replace(a->fd, a->dev.stdev, &pt);
}

static int step_make_hwpt(struct race_thread *t)
{
	struct arena *a = t->shared;
	uint32_t hwpt;
	int rc;

	rc = alloc_hwpt(a->fd, a->dev.idev, a->base, ALLOC_PASID, a->nested,
			&hwpt);
	if (rc)
		return rc;
	a->fresh = hwpt;
	while ((rc = _test_destroy(a->fd, hwpt)) == EBUSY && !*t->stop)
		;
	return rc;
}

static int step_visit(struct race_thread *t)
{
	struct arena *a = t->shared;
	struct mock_dev dev;
	uint32_t pt = a->hwpt[0];
	int rc;

	rc = _test_mock_attach_flags(a->fd, a->own[0], MOCK_DEVICE_PASID, &dev);
	if (rc)
		return rc;
	a->visitor = dev.stdev;
	rc = _test_pasid_attach(a->fd, dev.stdev, PASID, &pt);
	/* The other thread may be faster. */
	if (rc == EBUSY)
		rc = 0;
	usleep(100);
	return rc ?: _test_destroy(a->fd, dev.stdev);
}

static int step_meet_visitor(struct race_thread *t)
{
	struct arena *a = t->shared;
	uint32_t pt = a->hwpt[1];
	int rc;

	rc = _test_pasid_attach(a->fd, a->visitor, PASID, &pt);
	if (rc == EBUSY)
		rc = _test_pasid_replace(a->fd, a->visitor, PASID, &pt);
	return rc;
}

#define arena_open(_arena)						\
	do {								\
		*(_arena) = (struct arena){				\
			.fd = self->fd,					\
			.ioas = self->ioas,				\
			.base = variant->nested ? self->parent : self->ioas, \
			.nested = variant->nested,			\
			.dev = self->pdev,				\
			.own = { self->own },				\
			.fresh = self->hwpt[0],				\
		};							\
		memcpy((_arena)->hwpt, self->hwpt, sizeof(self->hwpt));	\
		test_alloc(ALLOC_PASID, &(_arena)->own[1]);		\
	} while (0)

TEST_F(pasid, race_of_attachments)
{
	/* ENOENT: the fresh HWPT has been destroyed, or is about to be. */
	struct race_thread threads[] = {
		{ .step = step_attach, .allowed = { EBUSY, EINVAL, ENOENT } },
		{ .step = step_replace, .allowed = { EINVAL, ENOENT } },
		{ .step = step_detach },
		{ .step = step_move_device, .allowed = { EINVAL } },
		{ .step = step_make_hwpt, .allowed = { EBUSY } },
	};
	struct arena arena;

	arena_open(&arena);
	test_race(threads, &arena, RUN_MS);
	for (uint32_t i = 1; i <= 3; i++)
		test_pasid_detach(&self->pdev, i);
	for (int i = 0; i < HWPTS; i++)
		test_destroy(self->hwpt[i]);
}

TEST_F(pasid, race_with_the_end_of_the_device)
{
	struct race_thread threads[] = {
		{ .step = step_visit },
		{ .step = step_meet_visitor, .allowed = { ENOENT, EINVAL } },
	};
	struct arena arena;

	arena_open(&arena);
	test_race(threads, &arena, RUN_MS);
	for (int i = 0; i < HWPTS; i++)
		test_destroy(self->hwpt[i]);
}

TEST_HARNESS_MAIN
