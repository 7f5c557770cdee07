// SPDX-License-Identifier: GPL-2.0
/* Does the DMA of one device follow attach, replace and detach? */
#include "two_spaces.h"

#define COUNT	100

FIXTURE(attach) {
	struct two_spaces;
	struct edu edu;
};

FIXTURE_SETUP(attach)
{
	two_spaces_open();
	test_edu_open(&self->edu, PCI_ON_ROOT_BUS, 0);
}

FIXTURE_TEARDOWN(attach)
{
	edu_close(&self->edu);
	two_spaces_close();
}

/*
 * The device writes its buffer. The bytes must arrive in @_mem and nowhere
 * else.
 */
#define test_writes_to(_mem)						\
	do {								\
		uint8_t *__others[] = { self->mem, self->other_mem };	\
									\
		for (int __i = 0; __i < 2; __i++)			\
			memset(__others[__i], 0, PAGE);			\
		ASSERT_TRUE(edu_store(&self->edu, IOVA, COUNT));	\
		for (int __i = 0; __i < 2; __i++)			\
			ASSERT_TRUE(__others[__i] == (_mem) ?		\
				    mem_is(__others[__i], COUNT, 1) :	\
				    mem_is_zero(__others[__i], PAGE));	\
	} while (0)

/* Give the device something to write. */
#define test_load()							\
	do {								\
		mem_fill(self->mem, COUNT, 1);				\
		mem_fill(self->other_mem, COUNT, 1);			\
		ASSERT_TRUE(edu_load(&self->edu, IOVA, COUNT));		\
	} while (0)

TEST_F(attach, attach_again_changes_nothing)
{
	uint32_t hwpt, next;

	test_attach_to(&self->edu, self->ioas);
	hwpt = self->edu.pt_id;
	next = iommufd_next_id(self->fd);
	for (int i = 0; i < 3; i++) {
		test_attach_to(&self->edu, self->ioas);
		ASSERT_EQ(hwpt, self->edu.pt_id);
		test_attach_to(&self->edu, hwpt);
		ASSERT_EQ(hwpt, self->edu.pt_id);
	}
	ASSERT_EQ(next, iommufd_next_id(self->fd));
	test_pinned(4);
	test_detach(self->edu.cdev);
	test_err_destroy(ENOENT, hwpt);
}

TEST_F(attach, replace_moves_the_dma)
{
	uint32_t first, second;

	test_attach_to(&self->edu, self->ioas);
	first = self->edu.pt_id;
	test_load();
	test_writes_to(self->mem);
	test_attach_to(&self->edu, self->other);
	second = self->edu.pt_id;
	ASSERT_NE(first, second);
	/* The old automatic HWPT is destroyed at once. */
	test_err_destroy(ENOENT, first);
	test_writes_to(self->other_mem);
	test_attach_to(&self->edu, self->ioas);
	test_err_destroy(ENOENT, second);
	test_writes_to(self->mem);
	test_destroy(self->other);
}

TEST_F(attach, replace_between_ioas_and_explicit_hwpt)
{
	uint32_t automatic, hwpt;

	test_attach_to(&self->edu, self->ioas);
	automatic = self->edu.pt_id;
	test_load();
	test_hwpt_alloc(self->edu.devid, self->other, &hwpt);
	test_attach_to(&self->edu, hwpt);
	ASSERT_EQ(hwpt, self->edu.pt_id);
	test_err_destroy(ENOENT, automatic);
	test_err_destroy(EBUSY, hwpt);
	test_writes_to(self->other_mem);
	test_attach_to(&self->edu, self->ioas);
	/* An explicit HWPT stays. */
	test_writes_to(self->mem);
	test_destroy(hwpt);
}

TEST_F(attach, two_hwpts_of_one_ioas)
{
	uint32_t hwpt[2];

	for (int i = 0; i < 2; i++)
		test_hwpt_alloc(self->edu.devid, self->ioas, &hwpt[i]);
	test_attach_to(&self->edu, hwpt[0]);
	test_load();
	test_attach_to(&self->edu, hwpt[1]);
	test_destroy(hwpt[0]);
	test_writes_to(self->mem);
	test_pinned(4);
}

TEST_F(attach, failed_replace_changes_nothing)
{
	uint32_t before, pt;

	test_attach_to(&self->edu, self->ioas);
	before = self->edu.pt_id;
	test_load();
	test_replace_fails(&self->edu);
	/* An id without an object, and an object that is no page table */
	pt = 1000;
	test_err_attach(ENOENT, self->edu.cdev, &pt);
	pt = self->edu.devid;
	test_err_attach(EINVAL, self->edu.cdev, &pt);
	test_err_destroy(EBUSY, before);
	test_writes_to(self->mem);
	test_destroy(self->other);
}

TEST_F(attach, detach_stops_the_dma)
{
	test_attach_to(&self->edu, self->ioas);
	test_load();
	test_writes_to(self->mem);
	test_detach(self->edu.cdev);
	test_pinned(0);
	test_writes_to(NULL);
	test_attach_to(&self->edu, self->other);
	/* While detached the device has read other data into its buffer. */
	test_load();
	test_writes_to(self->other_mem);
}

TEST_F(attach, nothing_is_reachable_before_attach)
{
	mem_fill(self->mem, COUNT, 1);
	ASSERT_TRUE(edu_load(&self->edu, IOVA, COUNT));
	test_attach_to(&self->edu, self->other);
	memset(self->other_mem, 0xff, PAGE);
	ASSERT_TRUE(edu_store(&self->edu, IOVA, COUNT));
	ASSERT_TRUE(mem_is_zero(self->other_mem, COUNT));
}

TEST_F(attach, many_attaches_and_detaches)
{
	uint32_t next = iommufd_next_id(self->fd);

	for (int i = 0; i < 60; i++) {
		test_attach_to(&self->edu, i % 2 ? self->ioas : self->other);
		if (i % 3)
			test_detach(self->edu.cdev);
	}
	test_detach(self->edu.cdev);
	test_pinned(0);
	ASSERT_EQ(next, iommufd_next_id(self->fd));
	test_attach_to(&self->edu, self->ioas);
	test_load();
	test_writes_to(self->mem);
}

TEST_F(attach, reservations_move_with_the_device)
{
	test_attach_to(&self->edu, self->ioas);
	test_attach_to(&self->edu, self->other);
	test_msi_window_is_free(true, self->ioas);
	test_msi_window_is_free(false, self->other);
	/* The old IOAS accepts a mapping in the MSI window now. */
	test_map_fixed(self->mem, PAGE, MSI_WINDOW);
}

/* A device attaches to objects of the context that it is bound to. */
TEST_F(attach, ids_of_another_context_are_enoent)
{
	int fd = iommufd_open();
	uint32_t pt, id = 0;

	ASSERT_GE(fd, 0);
	/* The other context has an id that is not in use in ours. */
	while (id <= self->edu.devid)
		ASSERT_EQ(0, _test_ioas_alloc(fd, &id));
	pt = id;
	test_err_attach(ENOENT, self->edu.cdev, &pt);
	close(fd);
}

TEST_HARNESS_MAIN
