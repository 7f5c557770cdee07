// SPDX-License-Identifier: GPL-2.0
/* IOMMU_HW_QUEUE_ALLOC: which memory a queue can have, and what it keeps. */
#include "viommu.h"

#define QUEUE_MOCK	IOMMU_HW_QUEUE_TYPE_SELFTEST
#define PAGES		4UL

FIXTURE(hw_queue) {
	struct vmock;
	uint8_t *mem;
};

FIXTURE_SETUP(hw_queue)
{
	vmock_open();
	self->mem = test_mem(mem_scattered(PAGES));
}

FIXTURE_TEARDOWN(hw_queue)
{
	vmock_close();
}

#define test_queue(_index, _iova, _length, _id)				\
	test_ok(_hw_queue_alloc(self->fd, self->viommu, QUEUE_MOCK, _index, \
				_iova, _length, _id))
#define err_queue(_errno, _index, _iova, _length)			\
	do {								\
		uint32_t __id;						\
									\
		test_err(_errno, _hw_queue_alloc(self->fd, self->viommu, \
						 QUEUE_MOCK, _index, _iova, \
						 _length, &__id));	\
	} while (0)

TEST_F(hw_queue, sizes)
{
	uint32_t viommu;

	test_map_fixed(self->mem, PAGES * PAGE, MOCK_IOVA);
	/* Each on a vIOMMU of its own */
#define fill_queue(_cmd)						\
	do {								\
		test_ok(_viommu_alloc(self->fd, self->dev.idev,		\
				      self->parent, VIOMMU_MOCK, NULL, 0, \
				      &viommu));			\
		(_cmd)->viommu_id = viommu;				\
		(_cmd)->type = QUEUE_MOCK;				\
		(_cmd)->nesting_parent_iova = MOCK_IOVA;		\
		(_cmd)->length = PAGE;					\
	} while (0)
	test_sizes(IOMMU_HW_QUEUE_ALLOC, iommu_hw_queue_alloc, 40, fill_queue);
	test_read_only(IOMMU_HW_QUEUE_ALLOC, iommu_hw_queue_alloc, fill_queue);
}

TEST_F(hw_queue, order_of_errors)
{
	struct iommu_hw_queue_alloc cmd = { .size = sizeof(cmd) };
	uint32_t id;

	for (int bit = 0; bit < 32; bit++) {
		cmd.flags = 1U << bit;
		cmd.type = QUEUE_MOCK;
		test_err(EOPNOTSUPP,
			 iommufd_ioctl(self->fd, IOMMU_HW_QUEUE_ALLOC, &cmd));
	}
	test_err(EOPNOTSUPP, _hw_queue_alloc(self->fd, UNKNOWN_ID, 0, 9, 0, 0,
					     &id));
	test_err(EINVAL, _hw_queue_alloc(self->fd, UNKNOWN_ID, 1, 9,
					 UINT64_MAX, 0, &id));
	test_err(EOVERFLOW, _hw_queue_alloc(self->fd, UNKNOWN_ID, 1, 9,
					    UINT64_MAX, 2, &id));
	test_err(ENOENT, _hw_queue_alloc(self->fd, UNKNOWN_ID, 1, 9, 0, 1,
					 &id));
	test_err(EOPNOTSUPP, _hw_queue_alloc(self->fd, self->viommu, 1, 9, 0, 1,
					     &id));
	/* The driver is asked last. */
	err_queue(ENOENT, 9, MOCK_IOVA, PAGE);
	test_map_fixed(self->mem, PAGES * PAGE, MOCK_IOVA);
	err_queue(EINVAL, 2, MOCK_IOVA, PAGE);
	err_queue(EINVAL, UINT32_MAX, MOCK_IOVA, PAGE);
	err_queue(EIO, 1, MOCK_IOVA, PAGE);
	test_queue(0, MOCK_IOVA, PAGE, &id);
	err_queue(EEXIST, 0, MOCK_IOVA, PAGE);
}

TEST_F(hw_queue, memory)
{
	uint32_t id;

	err_queue(ENOENT, 0, MOCK_IOVA, PAGE);
	err_queue(ENOENT, 0, 0, UINT64_MAX);
	test_ok(_test_map_fixed(self->fd, self->ioas, self->mem, PAGE,
				MOCK_IOVA, MAP_WRITE));
	err_queue(EPERM, 0, MOCK_IOVA, PAGE);
	test_ok(_test_map_fixed(self->fd, self->ioas, self->mem + PAGE,
				(PAGES - 1) * PAGE, MOCK_IOVA + PAGE,
				MAP_READ));
	err_queue(EPERM, 0, MOCK_IOVA, 2 * PAGE);
	/* Not contiguous; and a part is not mapped */
	err_queue(EFAULT, 0, MOCK_IOVA + PAGE, 2 * PAGE);
	err_queue(EFAULT, 0, MOCK_IOVA + 2 * PAGE - 1, 2);
	err_queue(ENOENT, 0, MOCK_IOVA + (PAGES - 1) * PAGE, PAGE + 1);
	/* Reading is enough, and the length may be anything. */
	test_queue(0, MOCK_IOVA + PAGE + 5, 100, &id);
	test_destroy(id);
	test_queue(0, MOCK_IOVA + PAGE, PAGE, &id);
}

/* Two mappings of contiguous memory are one piece. */
TEST_F(hw_queue, across_mappings)
{
	uint32_t id;

	test_map_fixed(self->mem, MOCK_PAGE, MOCK_IOVA);
	test_map_fixed(self->mem + MOCK_PAGE, MOCK_PAGE, MOCK_IOVA + MOCK_PAGE);
	test_queue(0, MOCK_IOVA, PAGE, &id);
	test_err_unmap(EBUSY, MOCK_IOVA, MOCK_PAGE);
	test_err_unmap(EBUSY, MOCK_IOVA + MOCK_PAGE, MOCK_PAGE);
	test_destroy(id);
	test_unmap(MOCK_IOVA, PAGE);
	/* The wrong way round they are not. */
	test_map_fixed(self->mem + MOCK_PAGE, MOCK_PAGE, MOCK_IOVA);
	test_map_fixed(self->mem, MOCK_PAGE, MOCK_IOVA + MOCK_PAGE);
	err_queue(EFAULT, 0, MOCK_IOVA, PAGE);
}

TEST_F(hw_queue, unmap_is_ebusy)
{
	uint64_t unmapped;
	uint32_t id;

	test_map_fixed(self->mem, PAGE, MOCK_IOVA);
	test_map_fixed(self->mem + PAGE, PAGE, MOCK_IOVA + PAGE);
	test_queue(0, MOCK_IOVA + PAGE, PAGE, &id);
	test_refs(self->mem + PAGE, PAGE, 1);
	test_err_unmap(EBUSY, MOCK_IOVA + PAGE, PAGE);
	/* Those before are gone, as always. */
	ASSERT_EQ(EBUSY, _test_ioas_unmap(self->fd, self->ioas, 0, UINT64_MAX,
					  NULL));
	test_err_unmap(ENOENT, MOCK_IOVA, PAGE);
	test_ok(_test_check_map(self->fd, self->parent, MOCK_IOVA + PAGE, PAGE,
				self->mem + PAGE));
	test_destroy(id);
	test_unmap_all(&unmapped);
	ASSERT_EQ(PAGE, unmapped);
	test_refs(self->mem, PAGES * PAGE, 0);
}

TEST_F(hw_queue, holds_the_viommu_and_the_queue_before)
{
	uint32_t id[2];

	test_map_fixed(self->mem, PAGE, MOCK_IOVA);
	test_queue(0, MOCK_IOVA, PAGE, &id[0]);
	test_queue(1, MOCK_IOVA, PAGE, &id[1]);
	test_err_destroy(EBUSY, self->viommu);
	test_err_destroy(EBUSY, id[0]);
	test_destroy(id[1]);
	test_err_unmap(EBUSY, MOCK_IOVA, PAGE);
	err_queue(EEXIST, 0, MOCK_IOVA, PAGE);
	test_queue(1, MOCK_IOVA, PAGE, &id[1]);
	test_err_destroy(EBUSY, id[0]);
	test_destroy(id[1]);
	test_destroy(id[0]);
	test_unmap(MOCK_IOVA, PAGE);
	test_destroy(self->viommu);
}

/* An access that lets go does not help; the queue stays. */
TEST_F(hw_queue, with_an_access)
{
	uint32_t id, pin;
	int access;

	test_map_fixed(self->mem, PAGE, MOCK_IOVA);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_ok(_test_access_pin(self->fd, access, MOCK_IOVA, PAGE, self->mem,
				 0, &pin));
	test_queue(0, MOCK_IOVA, PAGE, &id);
	test_err_unmap(EBUSY, MOCK_IOVA, PAGE);
	test_ok(_test_access_unpin(self->fd, access, pin));
	test_err_unmap(EBUSY, MOCK_IOVA, PAGE);
	test_destroy(id);
	test_unmap(MOCK_IOVA, PAGE);
	close(access);
}

/* Neither charge nor process of the memory matters to the queue. */
TEST_F(hw_queue, change_process)
{
	uint64_t iova = MOCK_IOVA;
	int file = mem_fd("queue", PAGE, 0);
	uint32_t id;

	ASSERT_GE(file, 0);
	test_ok(_test_ioas_map_file(self->fd, self->ioas, file, 0, PAGE, &iova,
				    MAP_RW | MAP_FIXED_IOVA));
	test_queue(0, MOCK_IOVA, PAGE, &id);
	test_ok(_test_change_process(self->fd));
	test_err_unmap(EBUSY, MOCK_IOVA, PAGE);
	test_destroy(id);
	test_unmap(MOCK_IOVA, PAGE);
	close(file);
}

TEST_F(hw_queue, close_with_queues)
{
	uint32_t id;

	test_map_fixed(self->mem, PAGE, MOCK_IOVA);
	test_queue(0, MOCK_IOVA, PAGE, &id);
	test_queue(1, MOCK_IOVA, 1, &id);
	test_destroy(self->dev.stdev);
}

TEST_HARNESS_MAIN
