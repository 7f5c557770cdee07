// SPDX-License-Identifier: GPL-2.0
/* mmap() of /dev/iommu: which one works, and how long it keeps the vIOMMU. */
#include "viommu.h"

#define WORD	0xc0ffee

FIXTURE(region) {
	struct vmock;
	struct iommu_viommu_selftest data;
};

FIXTURE_SETUP(region)
{
	vmock_open();
	test_destroy(self->viommu);
	self->data.in_data = WORD;
	test_ok(_viommu_alloc(self->fd, self->dev.idev, self->parent,
			      VIOMMU_MOCK, &self->data, sizeof(self->data),
			      &self->viommu));
}

FIXTURE_TEARDOWN(region)
{
	vmock_close();
}

#define do_mmap(_length, _prot, _flags, _offset)			\
	((uint32_t *)mmap(NULL, _length, _prot, _flags, self->fd, _offset))
#define map_region()							\
	do_mmap(self->data.out_mmap_length, PROT_READ | PROT_WRITE,	\
		MAP_SHARED, self->data.out_mmap_offset)
#define err_mmap(_errno, _length, _prot, _flags, _offset)		\
	do {								\
		ASSERT_EQ(MAP_FAILED,					\
			  do_mmap(_length, _prot, _flags, _offset));	\
		ASSERT_EQ(_errno, errno);				\
	} while (0)

TEST_F(region, is_shared_memory_of_the_viommu)
{
	uint32_t *map = map_region(), *again;

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(WORD, map[0]);
	ASSERT_EQ(0, map[1]);
	again = map_region();
	ASSERT_NE(MAP_FAILED, (void *)again);
	map[PAGE / 4 + 1] = 77;
	ASSERT_EQ(77, again[PAGE / 4 + 1]);
}

TEST_F(region, wrong_ranges)
{
	const uint64_t length = self->data.out_mmap_length;
	const uint64_t offset = self->data.out_mmap_offset;

	ASSERT_EQ(8192, length);
	ASSERT_NE(0, offset);
	err_mmap(ENXIO, PAGE, PROT_READ, MAP_SHARED, offset);
	err_mmap(ENXIO, length + PAGE, PROT_READ, MAP_SHARED, offset);
	err_mmap(ENXIO, PAGE, PROT_READ, MAP_SHARED, offset + PAGE);
	err_mmap(ENXIO, length, PROT_READ, MAP_SHARED, offset + PAGE);
	err_mmap(ENXIO, length, PROT_READ, MAP_SHARED, offset - PAGE);
	err_mmap(ENXIO, length, PROT_READ, MAP_SHARED, 2 * offset);
	err_mmap(ENXIO, length, PROT_READ, MAP_SHARED, 1UL << 62);
	err_mmap(ENXIO, length, PROT_READ, MAP_SHARED, 0);
}

/* How is looked at before what. */
TEST_F(region, wrong_ways)
{
	const uint64_t length = self->data.out_mmap_length;
	const uint64_t offset = self->data.out_mmap_offset;

	err_mmap(EINVAL, length, PROT_READ, MAP_PRIVATE, offset);
	err_mmap(EINVAL, PAGE, PROT_EXEC, MAP_PRIVATE, 0);
	err_mmap(EPERM, length, PROT_READ | PROT_EXEC, MAP_SHARED, offset);
	err_mmap(EPERM, PAGE, PROT_EXEC, MAP_SHARED, 0);
}

TEST_F(region, cannot_become_executable)
{
	uint32_t *map = map_region();

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(-1, mprotect(map, self->data.out_mmap_length,
			       PROT_READ | PROT_EXEC));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(0, mprotect(map, self->data.out_mmap_length, PROT_READ));
}

TEST_F(region, keeps_the_viommu)
{
	uint32_t *map[2] = { map_region(), map_region() };

	for (int i = 0; i < 2; i++) {
		ASSERT_NE(MAP_FAILED, (void *)map[i]);
		test_err_destroy(EBUSY, self->viommu);
	}
	for (int i = 0; i < 2; i++) {
		test_err_destroy(EBUSY, self->viommu);
		ASSERT_EQ(0, munmap(map[i], self->data.out_mmap_length));
	}
	test_destroy(self->viommu);
	err_mmap(ENXIO, self->data.out_mmap_length, PROT_READ, MAP_SHARED,
		 self->data.out_mmap_offset);
}

/* Of no length is a part mapped or unmapped. */
TEST_F(region, goes_as_a_whole)
{
	const uint64_t length = self->data.out_mmap_length;
	uint8_t *map = (void *)map_region();

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(-1, munmap(map, PAGE));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, munmap(map + PAGE, PAGE));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, mprotect(map, PAGE, PROT_READ));
	ASSERT_EQ(MAP_FAILED, mremap(map, length, PAGE, 0));
	ASSERT_EQ(MAP_FAILED, mremap(map, length, 2 * length, MREMAP_MAYMOVE));
	ASSERT_EQ(MAP_FAILED, mmap(map + PAGE, PAGE, PROT_READ,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
				   0));
	ASSERT_EQ(WORD, *(uint32_t *)map);
	test_err_destroy(EBUSY, self->viommu);
	ASSERT_EQ(0, munmap(map, length));
	test_destroy(self->viommu);
}

TEST_F(region, moved_by_mremap)
{
	const uint64_t length = self->data.out_mmap_length;
	void *place = mmap(NULL, length, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t *map = map_region();

	ASSERT_NE(MAP_FAILED, (void *)map);
	map = mremap(map, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	ASSERT_EQ(place, (void *)map);
	ASSERT_EQ(WORD, map[0]);
	test_err_destroy(EBUSY, self->viommu);
	ASSERT_EQ(0, munmap(map, length));
	test_destroy(self->viommu);
}

/* The child's copy keeps the vIOMMU until the child ends. */
TEST_F(region, fork)
{
	const uint64_t length = self->data.out_mmap_length;
	uint32_t *map = map_region();
	int go[2], status;
	char byte;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(go[1]);
		read(go[0], &byte, 1);
		_exit(map[0] != WORD);
	}
	close(go[0]);
	ASSERT_EQ(0, munmap(map, length));
	test_err_destroy(EBUSY, self->viommu);
	close(go[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	test_destroy(self->viommu);
}

/* The memory keeps the context when the file is closed. */
TEST_F(region, close_of_the_file)
{
	uint32_t *map = map_region();

	ASSERT_NE(MAP_FAILED, (void *)map);
	close(self->fd);
	ASSERT_EQ(WORD, map[0]);
	map[0] = 1;
	ASSERT_EQ(0, munmap(map, self->data.out_mmap_length));
	self->fd = iommufd_open();
}

TEST_F(region, of_another_file)
{
	int other = iommufd_open();

	ASSERT_EQ(MAP_FAILED, mmap(NULL, self->data.out_mmap_length, PROT_READ,
				   MAP_SHARED, other,
				   self->data.out_mmap_offset));
	ASSERT_EQ(ENXIO, errno);
	close(other);
}

/* It is device memory for MAP: there is nothing to pin. */
TEST_F(region, cannot_be_mapped_for_dma)
{
	uint64_t iova = MOCK_IOVA;
	uint32_t *map = map_region();

	ASSERT_NE(MAP_FAILED, (void *)map);
	test_err(EFAULT, _test_ioas_map(self->fd, self->ioas, map, PAGE, &iova,
					MAP_RW | MAP_FIXED_IOVA));
}

TEST_F(region, each_viommu_has_its_own)
{
	struct iommu_viommu_selftest data = { .in_data = 5 };
	uint32_t other, *map, *its;

	test_ok(_viommu_alloc(self->fd, self->dev.idev, self->parent,
			      VIOMMU_MOCK, &data, sizeof(data), &other));
	ASSERT_NE(self->data.out_mmap_offset, data.out_mmap_offset);
	map = map_region();
	its = do_mmap(data.out_mmap_length, PROT_READ, MAP_SHARED,
		      data.out_mmap_offset);
	ASSERT_EQ(WORD, map[0]);
	ASSERT_EQ(5, its[0]);
	munmap(map, self->data.out_mmap_length);
	test_destroy(self->viommu);
	test_err_destroy(EBUSY, other);
}

TEST_HARNESS_MAIN
