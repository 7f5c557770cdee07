// SPDX-License-Identifier: GPL-2.0
/* IOMMU_VDEVICE_ALLOC, and what becomes of a vdevice when its device goes. */
#include <pthread.h>
#include <stdatomic.h>

#include "viommu.h"

FIXTURE(vdevice) {
	struct vmock;
};

FIXTURE_SETUP(vdevice)
{
	vmock_open();
}

FIXTURE_TEARDOWN(vdevice)
{
	vmock_close();
}

#define test_vdevice(_viommu, _dev, _virt_id, _id)			\
	test_ok(_vdevice_alloc(self->fd, _viommu, _dev, _virt_id, _id))
#define err_vdevice(_errno, _viommu, _dev, _virt_id)			\
	do {								\
		uint32_t __id;						\
									\
		test_err(_errno, _vdevice_alloc(self->fd, _viommu, _dev, \
						_virt_id, &__id));	\
	} while (0)

TEST_F(vdevice, sizes)
{
	struct mock_dev dev[3];
	int nr = 0;

	for (int i = 0; i < ARRAY_SIZE(dev); i++)
		test_mock_attach(self->ioas, &dev[i]);
#define fill_vdevice(_cmd)						\
	do {								\
		(_cmd)->viommu_id = self->viommu;			\
		(_cmd)->dev_id = nr < 3 ? dev[nr].idev : self->dev.idev; \
		(_cmd)->virt_id = ++nr;					\
	} while (0)
	test_sizes(IOMMU_VDEVICE_ALLOC, iommu_vdevice_alloc, 24, fill_vdevice);
	test_read_only(IOMMU_VDEVICE_ALLOC, iommu_vdevice_alloc, fill_vdevice);
}

TEST_F(vdevice, order_of_errors)
{
	struct mock_dev dev;
	uint32_t other, id;

	test_mock_attach(self->ioas, &dev);
	test_ok(_viommu_alloc(self->fd, self->dev.idev, self->parent,
			      VIOMMU_MOCK, NULL, 0, &other));
	err_vdevice(ENOENT, UNKNOWN_ID, UNKNOWN_ID, 1);
	err_vdevice(ENOENT, self->parent, self->dev.idev, 1);
	err_vdevice(ENOENT, self->viommu, UNKNOWN_ID, 1);
	err_vdevice(ENOENT, self->viommu, self->dev.stdev, 1);
	err_vdevice(ENOENT, self->viommu, self->viommu, 1);
	test_vdevice(self->viommu, self->dev.idev, 1, &id);
	/* A device has one, over all vIOMMUs. */
	err_vdevice(EEXIST, self->viommu, self->dev.idev, 1);
	err_vdevice(EEXIST, self->viommu, self->dev.idev, 2);
	err_vdevice(EEXIST, other, self->dev.idev, 2);
	/* Ids are those of a vIOMMU. */
	err_vdevice(EEXIST, self->viommu, dev.idev, 1);
	test_vdevice(other, dev.idev, 1, &id);
}

TEST_F(vdevice, ids_of_all_sizes)
{
	const uint64_t ids[] = { 0, 1, UINT32_MAX, 1ULL << 32, UINT64_MAX };
	uint32_t id;

	for (int i = 0; i < ARRAY_SIZE(ids); i++) {
		test_vdevice(self->viommu, self->dev.idev, ids[i], &id);
		test_destroy(id);
	}
}

TEST_F(vdevice, holds_the_viommu)
{
	uint32_t id, again;

	test_vdevice(self->viommu, self->dev.idev, 1, &id);
	test_err_destroy(EBUSY, self->viommu);
	test_err_destroy(EBUSY, self->dev.idev);
	test_destroy(id);
	test_err_destroy(ENOENT, id);
	/* DESTROY frees id and virt_id. */
	test_vdevice(self->viommu, self->dev.idev, 1, &again);
	ASSERT_EQ(id, again);
	test_destroy(again);
	test_destroy(self->viommu);
	err_vdevice(ENOENT, self->viommu, self->dev.idev, 1);
}

TEST_F(vdevice, unbind_leaves_a_tombstone)
{
	uint64_t value = 0;
	uint32_t id, free, next;

	test_vdevice(self->viommu, self->dev.idev, 1, &id);
	test_destroy(self->dev.stdev);
	for (int i = 0; i < 3; i++)
		test_err_destroy(ENOENT, id);
	err_vdevice(ENOENT, self->viommu, self->dev.idev, 1);
	/* Nothing gets the id, while those of the device are free again. */
	for (int i = 0; i < 8; i++) {
		test_ioas_alloc(&free);
		ASSERT_NE(id, free);
	}
	/* The virt_id is free. */
	test_mock_attach(self->ioas, &self->dev);
	test_vdevice(self->viommu, self->dev.idev, 1, &next);
	ASSERT_NE(id, next);
	test_destroy(next);
	test_destroy(self->viommu);
	test_err_option(ENOENT, IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET,
			id, &value);
}

TEST_F(vdevice, unbind_after_destroy_leaves_none)
{
	uint32_t id, free;

	test_vdevice(self->viommu, self->dev.idev, 1, &id);
	test_destroy(id);
	test_destroy(self->dev.stdev);
	for (int i = 0; i < 8; i++) {
		test_ioas_alloc(&free);
		if (free == id)
			return;
	}
	ASSERT_TRUE(false) TH_LOG("the id is not used again");
}

TEST_F(vdevice, many_tombstones)
{
	uint32_t id;

	test_destroy(self->dev.stdev);
	for (int i = 0; i < 200; i++) {
		test_mock_attach(self->ioas, &self->dev);
		test_vdevice(self->viommu, self->dev.idev, 1, &id);
		test_destroy(self->dev.stdev);
	}
	test_destroy(self->viommu);
	test_destroy(self->parent);
	test_destroy(self->ioas);
}

/* The vdevice may go while the device is attached by means of it. */
TEST_F(vdevice, destroyed_while_attached)
{
	uint32_t id, nested;

	test_vdevice(self->viommu, self->dev.idev, 1, &id);
	test_ok(_nested_alloc(self->fd, self->dev.idev, self->viommu, &nested));
	test_mock_replace(self->dev.stdev, &nested);
	test_destroy(id);
	test_destroy(self->dev.stdev);
	test_destroy(nested);
	test_destroy(self->viommu);
}

/* Threads against the one that binds and unbinds */
struct race {
	_Atomic uint32_t idev;
	_Atomic uint32_t vdevice;
	atomic_bool stop;
	_Atomic int bad;
	int fd;
	uint32_t viommu;
};

static void *race_alloc(void *arg)
{
	struct race *race = arg;
	uint32_t id;

	while (!race->stop) {
		int rc = _vdevice_alloc(race->fd, race->viommu, race->idev, 5,
					&id);

		if (!rc)
			race->vdevice = id;
		else if (rc != ENOENT && rc != EEXIST)
			race->bad = rc;
	}
	return NULL;
}

static void *race_destroy(void *arg)
{
	struct race *race = arg;

	while (!race->stop) {
		uint32_t id = race->vdevice;
		int rc = id ? _test_destroy(race->fd, id) : 0;

		/* Another object may have an id that DESTROY has freed. */
		if (rc && rc != ENOENT && rc != EBUSY)
			race->bad = rc;
	}
	return NULL;
}

static void *race_invalidate(void *arg)
{
	struct iommu_viommu_invalidate_selftest cmd = {
		.flags = IOMMU_TEST_INVALIDATE_FLAG_ALL, .vdev_id = 5,
	};
	struct race *race = arg;

	while (!race->stop) {
		uint32_t num = 1;
		int rc = _test_hwpt_invalidate(
			race->fd, race->viommu,
			IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST, &cmd,
			sizeof(cmd), &num);

		if (rc && rc != EINVAL)
			race->bad = rc;
	}
	return NULL;
}

TEST_F(vdevice, unbind_races)
{
	void *(*const threads[])(void *arg) = {
		race_alloc, race_alloc, race_destroy, race_invalidate,
	};
	struct race race = { .fd = self->fd, .viommu = self->viommu };
	pthread_t thread[ARRAY_SIZE(threads)];
	struct mock_dev dev;

	race.idev = self->dev.idev;
	for (int i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, threads[i],
					    &race));
	for (int i = 0; i < 300; i++) {
		int rc = _test_mock_attach(self->fd, self->ioas, &dev);

		if (rc)
			break;
		race.idev = dev.idev;
		/* The other thread may take this id for that of a vdevice. */
		rc = _test_destroy(self->fd, dev.stdev);
		if (rc && rc != ENOENT && rc != EBUSY)
			race.bad = rc;
	}
	race.stop = true;
	for (int i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_join(thread[i], NULL));
	ASSERT_EQ(0, race.bad) TH_LOG("%s", strerror(race.bad));
}

TEST_HARNESS_MAIN
