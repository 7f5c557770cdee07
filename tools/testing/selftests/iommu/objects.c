// SPDX-License-Identifier: GPL-2.0
/* Which id an object gets, which ids ioctls accept, when DESTROY succeeds. */
#include <pthread.h>

#include "space.h"

FIXTURE(objects) {
	int fd;
	uint32_t ioas;
};

FIXTURE_SETUP(objects)
{
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(objects)
{
	close(self->fd);
	EXPECT_EQ(0, proc_status_kb("VmPin:"));
}

TEST_F(objects, ids_start_at_one)
{
	uint32_t id;

	test_ioas_alloc(&id);
	ASSERT_EQ(1, id);
	test_ioas_alloc(&id);
	ASSERT_EQ(2, id);
}

TEST_F(objects, lowest_free_id_is_used_first)
{
	uint32_t id;

	for (uint32_t i = 1; i <= 5; i++) {
		test_ioas_alloc(&id);
		ASSERT_EQ(i, id);
	}
	test_destroy(4);
	test_destroy(2);
	test_ioas_alloc(&id);
	ASSERT_EQ(2, id);
	test_ioas_alloc(&id);
	ASSERT_EQ(4, id);
	test_ioas_alloc(&id);
	ASSERT_EQ(6, id);
}

TEST_F(objects, many_objects)
{
	uint32_t id;

	for (uint32_t i = 1; i <= 2000; i++) {
		test_ioas_alloc(&id);
		ASSERT_EQ(i, id);
	}
	for (uint32_t i = 1; i <= 2000; i += 2)
		test_destroy(i);
	test_ioas_alloc(&id);
	ASSERT_EQ(1, id);
}

TEST_F(objects, destroyed_id_is_gone)
{
	uint32_t id;

	test_ioas_alloc(&id);
	test_destroy(id);
	test_err_destroy(ENOENT, id);
}

static const uint32_t unknown_ids[] = {
	0, 77, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff,
};

TEST_F(objects, unknown_id_is_enoent_everywhere)
{
	struct iommu_iova_range range = { 0, PAGE - 1 };
	void *mem = test_mem(mem_anon(PAGE));
	uint32_t out, num, type;
	uint64_t iova, val;

	test_ioas_alloc(&self->ioas);
	test_map_fixed(mem, PAGE, 0x1000);
	for (int i = 0; i < ARRAY_SIZE(unknown_ids); i++) {
		uint32_t id = unknown_ids[i];

		iova = 0x1000;
		num = 1;
		val = 1;
		test_err_destroy(ENOENT, id);
		test_err(ENOENT, _test_ioas_map(self->fd, id, mem, PAGE, &iova,
						MAP_RW));
		test_err(ENOENT, _test_ioas_unmap(self->fd, id, 0, UINT64_MAX,
						  NULL));
		test_err_copy(ENOENT, id, &iova, self->ioas, 0x1000, PAGE,
			      MAP_RW);
		test_err_copy(ENOENT, self->ioas, &iova, id, 0x1000, PAGE,
			      MAP_RW);
		test_err(ENOENT, _test_iova_ranges(self->fd, id, &range, &num,
						   NULL));
		test_err(ENOENT, _test_allow_iovas(self->fd, id, &range, 1));
		test_err_option(ENOENT, IOMMU_OPTION_HUGE_PAGES,
				IOMMU_OPTION_OP_GET, id, &val);
		test_err_option(ENOENT, IOMMU_OPTION_HUGE_PAGES,
				IOMMU_OPTION_OP_SET, id, &val);
		test_err_hwpt_alloc(ENOENT, id, self->ioas, &out);
		num = 0;
		test_err(ENOENT, _test_hw_info(self->fd, id, NULL, &num,
					       &type));
	}
}

TEST_F(objects, wrong_type_is_enoent_where_an_ioas_is_meant)
{
	struct iommu_iova_range range = { 0, PAGE - 1 };
	void *mem = test_mem(mem_anon(PAGE));
	uint64_t iova = 0x1000, val = 1;
	struct edu edu;
	uint32_t ids[2];
	uint32_t num;

	test_ioas_alloc(&self->ioas);
	test_edu_attach(&edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	ids[0] = edu.devid;
	ids[1] = edu.pt_id;
	ASSERT_NE(edu.devid, edu.pt_id);
	ASSERT_NE(edu.pt_id, self->ioas);
	test_map_fixed(mem, PAGE, 0x1000);
	for (int i = 0; i < ARRAY_SIZE(ids); i++) {
		num = 1;
		test_err(ENOENT, _test_ioas_map(self->fd, ids[i], mem, PAGE,
						&iova, MAP_RW));
		test_err(ENOENT, _test_ioas_unmap(self->fd, ids[i], 0,
						  UINT64_MAX, NULL));
		test_err_copy(ENOENT, ids[i], &iova, self->ioas, 0x1000, PAGE,
			      MAP_RW);
		test_err_copy(ENOENT, self->ioas, &iova, ids[i], 0x1000, PAGE,
			      MAP_RW);
		test_err(ENOENT, _test_iova_ranges(self->fd, ids[i], &range,
						   &num, NULL));
		test_err(ENOENT, _test_allow_iovas(self->fd, ids[i], &range,
						   1));
		test_err_option(ENOENT, IOMMU_OPTION_HUGE_PAGES,
				IOMMU_OPTION_OP_GET, ids[i], &val);
	}
	edu_close(&edu);
}

TEST_F(objects, wrong_type_is_enoent_where_a_device_is_meant)
{
	struct edu edu;
	uint32_t out, len = 0, type;

	test_ioas_alloc(&self->ioas);
	test_edu_attach(&edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	test_err_hwpt_alloc(ENOENT, self->ioas, self->ioas, &out);
	test_err_hwpt_alloc(ENOENT, edu.pt_id, self->ioas, &out);
	test_err(ENOENT, _test_hw_info(self->fd, self->ioas, NULL, &len,
				       &type));
	test_err(ENOENT, _test_hw_info(self->fd, edu.pt_id, NULL, &len, &type));
	edu_close(&edu);
}

TEST_F(objects, used_objects_are_ebusy)
{
	struct edu edu;

	test_ioas_alloc(&self->ioas);
	test_edu_attach(&edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	test_err_destroy(EBUSY, self->ioas);	/* has a HWPT */
	test_err_destroy(EBUSY, edu.pt_id);	/* is attached */
	test_err_destroy(EBUSY, edu.devid);	/* belongs to its driver */
	test_detach(edu.cdev);
	test_err_destroy(EBUSY, edu.devid);
	test_destroy(self->ioas);
	edu_close(&edu);
	test_err_destroy(ENOENT, edu.devid);
}

TEST_F(objects, explicit_hwpt_keeps_its_ioas)
{
	void *mem = test_mem(mem_anon(4 * PAGE));
	uint32_t hwpt;
	struct edu edu;

	test_ioas_alloc(&self->ioas);
	test_edu_open(&edu, PCI_ON_ROOT_BUS, 0);
	test_map_fixed(mem, 4 * PAGE, TEST_IOVA);
	test_pinned(0);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt);
	test_pinned(16);
	test_err_destroy(EBUSY, self->ioas);
	/* Nothing is attached to it: DESTROY succeeds and unpins. */
	test_destroy(hwpt);
	test_pinned(0);
	test_destroy(self->ioas);
	edu_close(&edu);
}

TEST_F(objects, ioas_goes_with_its_mappings)
{
	void *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova;

	test_ioas_alloc(&self->ioas);
	for (int i = 0; i < 100; i++)
		test_map(mem, 4 * PAGE, &iova);
	test_destroy(self->ioas);
	ASSERT_EQ(1, iommufd_next_id(self->fd));
}

TEST_F(objects, context_outlives_close_while_a_device_is_bound)
{
	void *mem = test_mem(mem_anon(PAGE));
	struct edu edu;

	test_ioas_alloc(&self->ioas);
	test_edu_attach(&edu, PCI_ON_ROOT_BUS, 0, self->ioas);
	test_map_fixed(mem, PAGE, TEST_IOVA);
	close(self->fd);
	test_pinned(4);
	mem_fill(mem, 64, 1);
	ASSERT_TRUE(edu_load(&edu, TEST_IOVA, 64));
	ASSERT_TRUE(edu_store(&edu, TEST_IOVA + 512, 64));
	ASSERT_TRUE(mem_is((uint8_t *)mem + 512, 64, 1));
	edu_close(&edu);
	test_pinned(0);
}

/*
 * Users of an id against DESTROY of it and a new object under the same id:
 * a user sees the old object, the new one or ENOENT.
 */
struct race {
	int fd;
	volatile bool stop;
	unsigned long odd;
};

static void *race_use(void *arg)
{
	struct iommu_iova_range ranges[4];
	struct race *race = arg;

	while (!race->stop) {
		uint32_t num = ARRAY_SIZE(ranges);
		uint64_t iova = 0x1000, val = 0;
		int rc;

		rc = _test_iova_ranges(race->fd, 1, ranges, &num, NULL);
		race->odd += rc && rc != ENOENT;
		rc = _test_option(race->fd, IOMMU_OPTION_HUGE_PAGES,
				  IOMMU_OPTION_OP_GET, 1, &val);
		race->odd += rc && rc != ENOENT;
		rc = _test_ioas_map(race->fd, 1, (void *)0x10000, PAGE, &iova,
				    MAP_RW);
		race->odd += rc && rc != ENOENT;
	}
	return NULL;
}

static void *race_recreate(void *arg)
{
	struct race *race = arg;
	uint32_t id;

	while (!race->stop) {
		int rc = _test_destroy(race->fd, 1);

		/* EBUSY: a user of the id is inside an ioctl just now. */
		race->odd += rc && rc != ENOENT && rc != EBUSY;
		if (!rc)
			race->odd += !!_test_ioas_alloc(race->fd, &id);
	}
	return NULL;
}

TEST_F(objects, destroy_against_use)
{
	struct race race = { .fd = self->fd };
	pthread_t threads[4];
	uint32_t id;

	test_ioas_alloc(&id);
	for (int i = 0; i < ARRAY_SIZE(threads); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i ? race_use : race_recreate,
					    &race));
	sleep_ms(700);
	race.stop = true;
	for (int i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	ASSERT_EQ(0, race.odd);
	test_destroy(1);
	ASSERT_EQ(1, iommufd_next_id(self->fd));
}

static void *race_destroy_device(void *arg)
{
	struct race *race = arg;

	while (!race->stop) {
		/* Ids 1 and 2: the IOAS and the device, or what came after. */
		int rc = _test_destroy(race->fd, 2);

		race->odd += rc != EBUSY && rc != ENOENT;
	}
	return NULL;
}

TEST_F(objects, destroy_of_a_device_id_against_its_close)
{
	struct race race = { .fd = self->fd };
	pthread_t thread;

	test_ioas_alloc(&self->ioas);
	ASSERT_EQ(0, pthread_create(&thread, NULL, race_destroy_device, &race));
	for (int i = 0; i < 30; i++) {
		struct edu edu;

		test_edu_open(&edu, PCI_ON_ROOT_BUS, 0);
		ASSERT_EQ(2, edu.devid);
		edu_close(&edu);
	}
	race.stop = true;
	pthread_join(thread, NULL);
	ASSERT_EQ(0, race.odd);
	ASSERT_EQ(2, iommufd_next_id(self->fd));
}

/* The fixture's teardown closes with everything attached and mapped. */
TEST_F(space, close_releases_everything)
{
	void *mem = test_mem(mem_anon(16 * PAGE));
	uint64_t iova;

	for (int i = 0; i < 16; i++)
		test_map(mem, 16 * PAGE, &iova);
	test_pinned(variant->hwpts ? 16 * 64 : 0);
}

TEST_HARNESS_MAIN
