// SPDX-License-Identifier: GPL-2.0
/*
 * A VFIO type1 container on /dev/iommu: map, unmap, what GET_INFO answers, and
 * how version 1 splits mappings: what the page tables have afterwards, and how
 * often each page is pinned.
 */
#include <sys/mman.h>

#include "type1.h"

#define MSI_WINDOW	0xfee00000UL
#define ECAP_SC		(1UL << 7)	/* VT-d can enforce coherence */

/* The first IOVA that the devices reach */
#define FIRST_IOVA							\
	(variant->mock && variant->domains ? MOCK_APERTURE_START : 0)

FIXTURE_VARIANT_ADD(type1, v1_no_device) {
	.type = VFIO_TYPE1_IOMMU,
};
FIXTURE_VARIANT_ADD(type1, v1_one_mock) {
	.type = VFIO_TYPE1_IOMMU, .domains = 1, .mock = true,
	.limit = MOCK_MEMORY_DEFAULT,
};
FIXTURE_VARIANT_ADD(type1, v1_two_mocks) {
	.type = VFIO_TYPE1_IOMMU, .domains = 2, .mock = true,
	.limit = MOCK_MEMORY_DEFAULT,
};
FIXTURE_VARIANT_ADD(type1, v1_two_mocks_tiny_batches) {
	.type = VFIO_TYPE1_IOMMU, .domains = 2, .mock = true,
	.limit = MOCK_MEMORY_TINY,
};
FIXTURE_VARIANT_ADD(type1, v1_one_edu) {
	.type = VFIO_TYPE1_IOMMU, .domains = 1,
};
FIXTURE_VARIANT_ADD(type1, v1_two_edus) {
	.type = VFIO_TYPE1_IOMMU, .domains = 2,
};

FIXTURE_VARIANT_ADD(type1, v2_no_device) {
	.type = VFIO_TYPE1v2_IOMMU,
};
FIXTURE_VARIANT_ADD(type1, v2_one_mock) {
	.type = VFIO_TYPE1v2_IOMMU, .domains = 1, .mock = true,
	.limit = MOCK_MEMORY_DEFAULT,
};
FIXTURE_VARIANT_ADD(type1, v2_two_mocks) {
	.type = VFIO_TYPE1v2_IOMMU, .domains = 2, .mock = true,
	.limit = MOCK_MEMORY_DEFAULT,
};
FIXTURE_VARIANT_ADD(type1, v2_two_mocks_tiny_batches) {
	.type = VFIO_TYPE1v2_IOMMU, .domains = 2, .mock = true,
	.limit = MOCK_MEMORY_TINY,
};
FIXTURE_VARIANT_ADD(type1, v2_one_edu) {
	.type = VFIO_TYPE1v2_IOMMU, .domains = 1,
};
FIXTURE_VARIANT_ADD(type1, v2_two_edus) {
	.type = VFIO_TYPE1v2_IOMMU, .domains = 2,
};

/* What is in the page tables of the machine's IOMMU shows only in DMA. */
#define test_domains_have(_iova, _length, _va)				\
	do {								\
		if (variant->mock)					\
			test_maps(_iova, _length, _va);			\
	} while (0)
#define test_domains_lack(_iova, _va)					\
	do {								\
		if (variant->mock)					\
			test_maps_not(_iova, _va);			\
	} while (0)

/* Pages [first, end) of the memory are at IOVA, each where it was. */
#define test_have(_first, _end)						\
	do {								\
		size_t __first = (_first) * PAGE;			\
		size_t __bytes = (_end) * PAGE - __first;		\
									\
		test_domains_have(IOVA + __first, __bytes, self->mem + __first); \
		test_mapped_refs(self->mem + __first, __bytes, 1);	\
	} while (0)
/* They are not mapped, and not pinned. */
#define test_have_not(_first, _end)					\
	do {								\
		for (size_t __i = (_first); __i < (_end); __i++)	\
			test_domains_lack(IOVA + __i * PAGE,		\
				      self->mem + __i * PAGE);		\
		test_refs(self->mem + (_first) * PAGE,			\
			  ((_end) - (_first)) * PAGE, 0);		\
	} while (0)

TEST_F(type1, map_and_unmap)
{
	for (size_t n = 1; n <= MORE_PAGES; n += 3) {
		test_map_dma(self->mem, n * PAGE, IOVA);
		test_have(0, n);
		test_mapped_pinned(n * PAGE);
		test_err_map_dma(EEXIST, self->mem, PAGE,
				 IOVA + (n - 1) * PAGE, DMA_RW);
		test_unmap_dma(IOVA, n * PAGE, n * PAGE);
		test_have_not(0, n);
	}
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_pinned_pages(PAGES);
	test_devices_have(IOVA + 3 * PAGE, self->mem + 3 * PAGE);
	test_unmap_dma(IOVA, PAGES * PAGE, PAGES * PAGE);
	test_pinned(0);
	test_devices_miss(IOVA + 3 * PAGE, self->mem + 3 * PAGE);
}

/* Both kinds of ioctl see the same mappings. */
TEST_F(type1, is_the_chosen_ioas)
{
	test_map_dma(self->mem, PAGE, IOVA);
	test_err_map_fixed(EEXIST, self->mem, PAGE, IOVA);
	test_unmap(IOVA, PAGE);
	test_map_fixed(self->mem, PAGE, IOVA);
	test_err_map_dma(EEXIST, self->mem, PAGE, IOVA, DMA_RW);
	test_unmap_dma(IOVA, PAGE, PAGE);
}

TEST_F(type1, map_checks_the_call)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map) - 1,
		.flags = DMA_RW,
		.vaddr = (uintptr_t)self->mem,
		.iova = IOVA,
		.size = PAGE,
	};

	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_MAP_DMA, &map));
	test_err_map_dma(EINVAL, self->mem, PAGE, IOVA, 0);
	for (int bit = 2; bit < 32; bit++)
		ASSERT_EQ(EINVAL, _test_map_dma(self->fd, self->mem, PAGE, IOVA,
						DMA_RW | 1U << bit));
	test_err_map_dma(EINVAL, self->mem, 0, IOVA, DMA_RW);
	test_err_map_dma(EOVERFLOW, self->mem, PAGE, UINT64_MAX, DMA_RW);
	test_err_map_dma(EOVERFLOW, self->mem, UINT64_MAX, 0, DMA_RW);
	test_err_map_dma(EOVERFLOW, self->mem, 2 * PAGE, -PAGE, DMA_RW);
	test_err_map_dma(EOVERFLOW, (void *)-PAGE, 2 * PAGE, IOVA, DMA_RW);
	map.argsz = sizeof(map) + 1;
	test_ok(iommufd_ioctl(self->fd, VFIO_IOMMU_MAP_DMA, &map));
	test_unmap_dma_all(PAGE);
}

TEST_F(type1, map_is_at_the_iova_given)
{
	test_map_dma(self->mem, PAGE, FIRST_IOVA);
	test_err_map_dma(EEXIST, self->mem + PAGE, PAGE, FIRST_IOVA, DMA_RW);
	test_unmap_dma(FIRST_IOVA, PAGE, PAGE);
	if (variant->domains) {
		test_err_map_dma(EINVAL, self->mem, PAGE, MSI_WINDOW, DMA_RW);
		test_err_map_dma(EINVAL, self->mem, 2 * PAGE, MSI_WINDOW - PAGE,
				 DMA_RW);
	} else {
		test_map_dma(self->mem, PAGE, MSI_WINDOW);
	}
}

TEST_F(type1, map_obeys_the_aperture)
{
	int rc = FIRST_IOVA ? EINVAL : 0;

	ASSERT_EQ(rc, _test_map_dma(self->fd, self->mem, PAGE, 0, DMA_RW));
	ASSERT_EQ(rc, _test_map_dma(self->fd, self->mem, PAGE,
				    MOCK_APERTURE_START - PAGE, DMA_RW));
	test_map_dma(self->mem, PAGE, MOCK_APERTURE_START);
	test_map_dma(self->mem, PAGE, MOCK_APERTURE_LAST + 1 - PAGE);
	ASSERT_EQ(rc, _test_map_dma(self->fd, self->mem, PAGE,
				    MOCK_APERTURE_LAST + 1, DMA_RW));
}

/* Version 1 needs page alignment, version 2 that of the devices. */
TEST_F(type1, map_alignment)
{
	bool coarse = variant->domains || is_v1(variant);
	int byte = coarse ? EINVAL : 0;
	int half = is_v1(variant) || (variant->domains && !variant->mock) ?
		   EINVAL : 0;

	ASSERT_EQ(byte, _test_map_dma(self->fd, self->mem, PAGE, IOVA + 1,
				      DMA_RW));
	ASSERT_EQ(byte, _test_map_dma(self->fd, self->mem + 1, PAGE,
				      IOVA + 2 * PAGE, DMA_RW));
	ASSERT_EQ(byte, _test_map_dma(self->fd, self->mem, 5, IOVA + 4 * PAGE,
				      DMA_RW));
	ASSERT_EQ(byte, _test_map_dma(self->fd, self->mem, MOCK_PAGE / 2,
				      IOVA + 5 * PAGE, DMA_RW));
	ASSERT_EQ(byte, _test_map_dma(self->fd, self->mem + 1, MOCK_PAGE,
				      IOVA + 6 * PAGE, DMA_RW));
	ASSERT_EQ(half, _test_map_dma(self->fd, self->mem, MOCK_PAGE,
				      IOVA + 7 * PAGE + MOCK_PAGE, DMA_RW));
	test_unmap_dma_all((byte ? 0 : 2 * PAGE + 5 + MOCK_PAGE / 2 +
				       MOCK_PAGE) + (half ? 0 : MOCK_PAGE));
}

TEST_F(type1, map_obeys_the_flags)
{
	uint8_t *mem = test_mem(mem_reserve(PAGE));

	ASSERT_EQ(0, mprotect(mem, PAGE, PROT_READ));
	if (variant->domains)
		test_err_map_dma(EFAULT, mem, PAGE, IOVA, DMA_RW);
	test_ok(_test_map_dma(self->fd, mem, PAGE, IOVA,
			      VFIO_DMA_MAP_FLAG_READ));
	test_ok(_test_map_dma(self->fd, self->mem, PAGE, IOVA + PAGE,
			      VFIO_DMA_MAP_FLAG_READ));
	test_pinned_pages(2);
	/* No device can write there. */
	if (!variant->mock)
		test_devices_miss(IOVA + PAGE, self->mem);
	test_unmap_dma_all(2 * PAGE);
}

TEST_F(type1, failed_map_leaves_nothing)
{
	ASSERT_EQ(0, munmap(self->mem + 15 * PAGE, PAGE));
	if (variant->domains) {
		test_err_map_dma(EFAULT, self->mem, 16 * PAGE, IOVA, DMA_RW);
		test_unmap_dma_all(0);
	}
	test_map_dma(self->mem, 15 * PAGE, IOVA);
	test_pinned_pages(15);
}

TEST_F(type1, unmap_checks_the_call)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap) - 1,
		.iova = IOVA,
		.size = PAGE,
	};
	uint64_t size = PAGE;

	test_map_dma(self->mem, PAGE, IOVA);
	test_err(EINVAL, iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	for (int bit = 0; bit < 32; bit++) {
		uint32_t flag = 1U << bit;

		if (flag == VFIO_DMA_UNMAP_FLAG_ALL)
			continue;
		ASSERT_EQ(EINVAL, _test_unmap_dma(self->fd, IOVA, &size, flag));
		size = 0;
		ASSERT_EQ(EINVAL,
			  _test_unmap_dma(self->fd, 0, &size,
					  flag | VFIO_DMA_UNMAP_FLAG_ALL));
		size = PAGE;
	}
	test_err_unmap_dma(EINVAL, IOVA, 0, 0);
	test_err_unmap_dma(EOVERFLOW, UINT64_MAX, 2, 0);
	test_err_unmap_dma(EOVERFLOW, -PAGE, 2 * PAGE, 0);
	unmap.argsz = sizeof(unmap) + 1;
	test_ok(iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	ASSERT_EQ(PAGE, unmap.size);
}

TEST_F(type1, unmap_all)
{
	test_unmap_dma_all(0);
	test_map_dma(self->mem, 4 * PAGE, IOVA);
	test_map_dma(self->mem, PAGE, IOVA + 8 * PAGE);
	test_map_dma(self->mem, PAGE, FIRST_IOVA);
	test_err_unmap_dma(EINVAL, IOVA, 0, VFIO_DMA_UNMAP_FLAG_ALL);
	test_err_unmap_dma(EINVAL, 0, PAGE, VFIO_DMA_UNMAP_FLAG_ALL);
	test_err_unmap_dma(EINVAL, 0, UINT64_MAX, VFIO_DMA_UNMAP_FLAG_ALL);
	test_pinned_pages(6);
	test_unmap_dma_all(6 * PAGE);
	test_pinned(0);
}

TEST_F(type1, unmap_of_nothing_succeeds)
{
	test_unmap_dma(IOVA, PAGE, 0);
	test_map_dma(self->mem, PAGE, IOVA);
	test_unmap_dma(IOVA - PAGE, PAGE, 0);
	test_unmap_dma(IOVA + PAGE, 1UL << 30, 0);
	test_unmap_dma(-PAGE, PAGE, 0);
	test_unmap_dma(0, UINT64_MAX, PAGE);
	test_unmap_dma(IOVA, PAGE, 0);
}

TEST_F(type1, unmap_does_not_count_holes)
{
	test_map_dma(self->mem, PAGE, IOVA);
	test_map_dma(self->mem + PAGE, 2 * PAGE, IOVA + 2 * PAGE);
	test_map_dma(self->mem + 3 * PAGE, PAGE, IOVA + 9 * PAGE);
	test_unmap_dma(IOVA - PAGE, 8 * PAGE, 3 * PAGE);
	test_pinned_pages(1);
	test_unmap_dma(IOVA, 10 * PAGE, PAGE);
}

TEST_F(type1, unmap_writes_nothing_but_the_size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = IOVA,
		.size = 4 * PAGE,
	};
	struct vfio_iommu_type1_dma_unmap want = unmap;

	test_map_dma(self->mem, PAGE, IOVA + PAGE);
	test_ok(iommufd_ioctl(self->fd, VFIO_IOMMU_UNMAP_DMA, &unmap));
	want.size = PAGE;
	ASSERT_EQ(0, memcmp(&want, &unmap, sizeof(want)));
}

/* Version 1 splits a mapping, version 2 does not. */
TEST_F(type1, unmap_of_a_part)
{
	uint64_t tail = IOVA + 12 * PAGE;

	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	if (!is_v1(variant)) {
		test_err_unmap_dma(ENOENT, IOVA, 4 * PAGE, 0);
		test_err_unmap_dma(ENOENT, tail, 4 * PAGE, 0);
		test_err_unmap_dma(ENOENT, IOVA + PAGE, PAGE, 0);
		test_err_unmap_dma(ENOENT, tail, 40 * PAGE, 0);
		test_pinned_pages(PAGES);
		test_unmap_dma(IOVA, PAGES * PAGE, PAGES * PAGE);
		return;
	}
	test_unmap_dma(IOVA, 4 * PAGE, 4 * PAGE);
	test_pinned_pages(12);
	test_unmap_dma(tail, 40 * PAGE, 4 * PAGE);
	test_pinned_pages(8);
	test_unmap_dma(IOVA + 6 * PAGE, 2 * PAGE, 2 * PAGE);
	test_pinned_pages(6);
	test_unmap_dma(IOVA + 6 * PAGE, 2 * PAGE, 0);
	test_devices_have(IOVA + 5 * PAGE, self->mem + 5 * PAGE);
	test_devices_miss(IOVA + 6 * PAGE, self->mem + 6 * PAGE);
	test_devices_have(IOVA + 8 * PAGE, self->mem + 8 * PAGE);
	test_unmap_dma_all(6 * PAGE);
	test_pinned(0);
}

TEST_F(type1, failed_unmap_writes_no_size)
{
	uint64_t size = 3 * PAGE;

	test_map_dma(self->mem, PAGE, IOVA);
	test_map_dma(self->mem, 4 * PAGE, IOVA + PAGE);
	if (is_v1(variant)) {
		test_unmap_dma(IOVA, size, size);
		test_pinned_pages(2);
		return;
	}
	ASSERT_EQ(ENOENT, _test_unmap_dma(self->fd, IOVA, &size, 0));
	ASSERT_EQ(3 * PAGE, size);
	/* The first mapping stays unmapped. */
	test_pinned_pages(4);
}

TEST_F(type1, unmap_of_every_part_of_a_mapping)
{
	enum { N = 6 };

	for (int i = 0; i < N * N; i++) {
		size_t first = i / N, end = first + 1 + i % N;
		uint64_t iova = IOVA + first * PAGE;
		size_t bytes = (end - first) * PAGE;

		if (end > N)
			continue;
		test_map_dma(self->mem, N * PAGE, IOVA);
		if (is_v1(variant) || bytes == N * PAGE) {
			test_unmap_dma(iova, bytes, bytes);
			test_have(0, first);
			test_have_not(first, end);
			test_have(end, N);
			test_mapped_pinned(N * PAGE - bytes);
			test_unmap_dma_all(N * PAGE - bytes);
		} else {
			test_err_unmap_dma(ENOENT, iova, bytes, 0);
			test_have(0, N);
			test_unmap_dma_all(N * PAGE);
		}
	}
}

/* A mapping is split at pages only, even where IO pages are smaller. */
TEST_F(type1, unmap_of_part_of_a_page_is_refused)
{
	int rc = is_v1(variant) ? EINVAL : ENOENT;

	test_map_dma(self->mem, 4 * PAGE, IOVA);
	test_err_unmap_dma(rc, IOVA, PAGE + 1, 0);
	test_err_unmap_dma(rc, IOVA, PAGE + MOCK_PAGE, 0);
	test_err_unmap_dma(rc, IOVA + MOCK_PAGE, PAGE, 0);
	test_err_unmap_dma(rc, IOVA + 1, PAGE - 1, 0);
	test_err_unmap_dma(rc, IOVA + 1, 4 * PAGE, 0);
	test_have(0, 4);
	/* Between mappings there is nothing to split. */
	test_unmap_dma(IOVA + 4 * PAGE, 5, 0);
	test_unmap_dma(IOVA - 5, 5, 0);
	test_unmap_dma(IOVA - 1, 4 * PAGE + 2, 4 * PAGE);
}

/* A model: the number of the mapping of each page, or 0 */
struct model {
	unsigned int mapping[MORE_PAGES];
	unsigned int last;
};

static int model_map(struct model *model, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (model->mapping[i])
			return EEXIST;
	model->last++;
	for (size_t i = first; i < end; i++)
		model->mapping[i] = model->last;
	return 0;
}

static bool model_cuts(const struct model *model, size_t page)
{
	return page && page < MORE_PAGES && model->mapping[page] &&
	       model->mapping[page] == model->mapping[page - 1];
}

/* The mapping of @first has pages up to here. */
static size_t model_end(const struct model *model, size_t first)
{
	size_t end = first;

	while (end < MORE_PAGES && model->mapping[end] == model->mapping[first])
		end++;
	return end;
}

/* Version 1 makes two mappings of one. */
static void model_split(struct model *model, size_t page)
{
	size_t end;

	if (!model_cuts(model, page))
		return;
	end = model_end(model, page);
	model->last++;
	while (page < end)
		model->mapping[page++] = model->last;
}

/* *size returns the bytes that are gone. */
static int model_unmap(struct model *model, bool v1, size_t first, size_t end,
		       uint64_t *size)
{
	*size = 0;
	if (v1) {
		model_split(model, first);
		model_split(model, end);
	}
	if (model_cuts(model, first))
		return ENOENT;
	while (first < end) {
		size_t next = model_end(model, first);

		if (model->mapping[first]) {
			if (next > end)
				return ENOENT;
			*size += (next - first) * PAGE;
			while (first < next)
				model->mapping[first++] = 0;
		}
		first = next;
	}
	return 0;
}

TEST_F(type1, random_maps_and_unmaps_of_parts)
{
	unsigned int seed = variant->type * 8 + variant->domains;
	struct model model = {};

	TH_LOG("seed %u", seed);
	for (int round = 0; round < 120; round++) {
		size_t first = rand_r(&seed) / 7 % MORE_PAGES;
		size_t end = first + 1 + rand_r(&seed) / 7 % (MORE_PAGES - first);
		uint64_t iova = IOVA + first * PAGE, gone;
		uint64_t bytes = (end - first) * PAGE;

		if (rand_r(&seed) / 7 % 3) {
			ASSERT_EQ(model_map(&model, first, end),
				  _test_map_dma(self->fd,
						self->mem + first * PAGE, bytes,
						iova, DMA_RW));
		} else {
			int rc = model_unmap(&model, is_v1(variant), first,
					     end, &gone);

			ASSERT_EQ(rc, _test_unmap_dma(self->fd, iova, &bytes,
						      0));
			ASSERT_EQ(rc ? (end - first) * PAGE : gone, bytes);
		}
		if (round % 10)
			continue;
		for (size_t i = 0; i < MORE_PAGES; i++) {
			if (model.mapping[i])
				test_have(i, i + 1);
			else
				test_have_not(i, i + 1);
		}
	}
}

/* Page by page, each in the middle of what is left: @odd has no factor 2. */
#define test_unmap_in_pages(_mem, _pages, _odd)				\
	do {								\
		test_map_dma(_mem, (_pages) * PAGE, IOVA);		\
		test_mapped_pinned((_pages) * PAGE);			\
		for (size_t __i = 0; __i < (_pages); __i++) {		\
			size_t __at = __i * (_odd) % (_pages) * PAGE;	\
			size_t __next = (__i + 1) * (_odd) % (_pages) * PAGE; \
									\
			test_domains_have(IOVA + __at, PAGE, (_mem) + __at); \
			test_unmap_dma(IOVA + __at, PAGE, PAGE);	\
			test_domains_lack(IOVA + __at, (_mem) + __at);	\
			if (__i + 1 < (_pages))				\
				test_domains_have(IOVA + __next, PAGE,	\
					  (_mem) + __next);		\
		}							\
		test_pinned(0);						\
	} while (0)

#define test_kind(_mem)							\
	do {								\
		uint8_t *__mem = test_mem(_mem);			\
									\
		if (is_v1(variant)) {					\
			test_unmap_in_pages(__mem + HUGE - 64 * PAGE,	\
					    128UL, 37);			\
			test_unmap_in_pages(__mem, 512UL, 211);		\
		} else {						\
			test_map_dma(__mem, 2 * HUGE, IOVA);	\
			test_domains_have(IOVA, 2 * HUGE, __mem);		\
			test_err_unmap_dma(ENOENT, IOVA, HUGE, 0);	\
			test_err_unmap_dma(ENOENT, IOVA + HUGE, HUGE, \
					   0);				\
			test_unmap_dma(IOVA, 2 * HUGE, 2 * HUGE);	\
			test_pinned(0);					\
		}							\
	} while (0)

TEST_F(type1, huge_pages_of_a_file)
{
	int fd;

	ASSERT_TRUE(mem_hugetlb_pool(2));
	fd = mem_fd("hugetlb", 2 * HUGE, MFD_HUGETLB);
	ASSERT_GE(fd, 0);
	test_kind(mem_file(fd, 2 * HUGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE));
}

TEST_F(type1, transparent_huge_pages)
{
	test_kind(test_thp(2 * HUGE));
}

/* A copy stays whole when its source is split and unmapped. */
TEST_F(type1, copies_are_not_split)
{
	struct mock_dev dev;
	uint32_t other;
	uint64_t iova = IOVA + 64 * PAGE;

	test_ioas_alloc(&other);
	test_mock_attach(other, &dev);
	test_map_dma(self->mem, MORE_PAGES * PAGE, IOVA);
	test_copy(other, &iova, self->ioas, IOVA + 2 * PAGE, 8 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_refs(self->mem + 2 * PAGE, 8 * PAGE, 1);
	if (is_v1(variant))
		test_unmap_dma(IOVA + 4 * PAGE, 12 * PAGE, 12 * PAGE);
	else
		test_unmap_dma(IOVA, MORE_PAGES * PAGE, MORE_PAGES * PAGE);
	test_ok(_test_check_map(self->fd, dev.hwpt, iova, 8 * PAGE,
				self->mem + 2 * PAGE));
	test_refs(self->mem + 2 * PAGE, 8 * PAGE, 1);
	test_refs(self->mem + 10 * PAGE, 6 * PAGE, 0);
	test_unmap_dma_all(is_v1(variant) ? (MORE_PAGES - 12) * PAGE : 0);
	test_ok(_test_ioas_unmap(self->fd, other, iova, 8 * PAGE, NULL));
	test_pinned(0);
}

/* Devices are attached after a split and detached before UNMAP. */
TEST_F(type1, domains_attached_after_a_split)
{
	struct mock_dev dev[2];

	test_map_dma(self->mem, 12 * PAGE, IOVA);
	if (is_v1(variant))
		test_unmap_dma(IOVA + 5 * PAGE, PAGE, PAGE);
	test_mock_attach(self->ioas, &dev[0]);
	test_mock_attach(self->ioas, &dev[1]);
	test_ok(_test_check_map(self->fd, dev[0].hwpt, IOVA, 5 * PAGE,
				self->mem));
	test_ok(_test_check_map(self->fd, dev[0].hwpt, IOVA + 6 * PAGE,
				6 * PAGE, self->mem + 6 * PAGE));
	if (is_v1(variant)) {
		test_err(EINVAL, _test_check_map(self->fd, dev[0].hwpt,
						 IOVA + 5 * PAGE, PAGE,
						 self->mem + 5 * PAGE));
		test_unmap_dma(IOVA, 2 * PAGE, 2 * PAGE);
		test_unmap_dma(IOVA + 8 * PAGE, PAGE, PAGE);
	}
	test_refs(self->mem + 9 * PAGE, 3 * PAGE, 1);
	test_destroy(dev[0].stdev);
	test_destroy(dev[1].stdev);
	test_mapped_refs(self->mem + 9 * PAGE, 3 * PAGE, 1);
	test_unmap_dma_all((is_v1(variant) ? 8 : 12) * PAGE);
	test_refs(self->mem, 12 * PAGE, 0);
}

/*
 * A driver has pinned a part of the mapping, so the mapping cannot be split. An
 * UNMAP of the whole mapping asks the driver to unpin.
 */
TEST_F(type1, pinned_mapping_cannot_be_split)
{
	int rc = is_v1(variant) ? EINVAL : ENOENT, access;
	uint8_t byte = 0;
	uint32_t pin;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_map_dma(self->mem, 8 * PAGE, IOVA);
	test_access_pin(access, IOVA + 2 * PAGE, 2 * PAGE,
			self->mem + 2 * PAGE, 0, &pin);
	test_err_unmap_dma(rc, IOVA, PAGE, 0);
	test_err_unmap_dma(rc, IOVA + 2 * PAGE, 2 * PAGE, 0);
	test_err_unmap_dma(rc, IOVA + 6 * PAGE, 2 * PAGE, 0);
	test_domains_have(IOVA, 8 * PAGE, self->mem);
	test_refs(self->mem + 2 * PAGE, 2 * PAGE, 1);
	test_access_rw(access, IOVA + 3 * PAGE, 1, &byte, 0);
	test_access_unpin(access, pin);

	test_access_pin(access, IOVA + 2 * PAGE, 2 * PAGE,
			self->mem + 2 * PAGE, 0, &pin);
	test_unmap_dma(IOVA - PAGE, 10 * PAGE, 8 * PAGE);
	test_err_access_unpin(ENOENT, access, pin);
	test_refs(self->mem, 8 * PAGE, 0);
	close(access);
}

/* A pin of one half does not keep the other half. */
TEST_F(type1, pins_beside_a_split)
{
	uint32_t pin[2];
	int access;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_map_dma(self->mem, 8 * PAGE, IOVA);
	if (!is_v1(variant)) {
		test_err_unmap_dma(ENOENT, IOVA + 3 * PAGE, PAGE, 0);
		close(access);
		return;
	}
	test_unmap_dma(IOVA + 3 * PAGE, PAGE, PAGE);
	test_access_pin(access, IOVA, 3 * PAGE, self->mem, 0, &pin[0]);
	test_access_pin(access, IOVA + 6 * PAGE, PAGE,
			self->mem + 6 * PAGE, 0, &pin[1]);
	test_err_access_pin(ENOENT, access, IOVA, 4 * PAGE, NULL, 0);
	test_unmap_dma(IOVA + 4 * PAGE, 4 * PAGE, 4 * PAGE);
	test_err_access_unpin(ENOENT, access, pin[1]);
	test_refs(self->mem, 3 * PAGE, 1);
	test_refs(self->mem + 3 * PAGE, 5 * PAGE, 0);
	test_access_unpin(access, pin[0]);
	test_unmap_dma(IOVA, PAGE, PAGE);
	test_mapped_refs(self->mem + PAGE, 2 * PAGE, 1);
	close(access);
}

/* A split adds a user of the memory. */
TEST_F(type1, too_many_splits_are_eoverflow)
{
	int rc = is_v1(variant) ? EOVERFLOW : ENOENT;

	test_map_dma(self->mem, 4 * PAGE, IOVA);
	test_mock_param("max_users", 1);
	test_err_unmap_dma(rc, IOVA, PAGE, 0);
	test_have(0, 4);
	test_mock_param("max_users", 0);
	test_unmap_dma(IOVA, 4 * PAGE, 4 * PAGE);
}

TEST_F(type1, unmap_splits_at_both_ends)
{
	uint64_t unmapped;

	test_map_dma(self->mem, 4 * PAGE, IOVA);
	test_map_dma(self->mem + 4 * PAGE, 4 * PAGE, IOVA + 4 * PAGE);
	if (is_v1(variant)) {
		test_unmap_dma(IOVA + 2 * PAGE, 4 * PAGE, 4 * PAGE);
		test_have(0, 2);
		test_have_not(2, 6);
		test_have(6, 8);
	} else {
		test_err_unmap_dma(ENOENT, IOVA + 2 * PAGE, 4 * PAGE, 0);
	}
	test_unmap_all(&unmapped);
	ASSERT_EQ((is_v1(variant) ? 4 : 8) * PAGE, unmapped);
}

TEST_F(type1, set_iommu_of_a_wrong_type)
{
	for (unsigned long type = 0; type < 20; type++) {
		if (type == VFIO_TYPE1_IOMMU || type == VFIO_TYPE1v2_IOMMU)
			continue;
		ASSERT_EQ(EINVAL, _test_set_iommu(self->fd, type));
	}
	test_err(EINVAL, _test_set_iommu(self->fd, -1UL));
	test_ok(_test_set_iommu(self->fd, variant->type));
}

TEST_F(type1, version_1_turns_huge_pages_off)
{
	uint64_t val = 77;

	test_option(IOMMU_OPTION_HUGE_PAGES, IOMMU_OPTION_OP_GET, self->ioas,
		    &val);
	ASSERT_EQ(!is_v1(variant), val);
}

TEST_F(type1, set_iommu_with_a_mapping)
{
	/* Neither call changes the alignment. */
	test_map_dma(self->mem, PAGE, IOVA);
	test_ok(_test_set_iommu(self->fd, variant->type));
	test_ok(_test_set_iommu(self->fd, VFIO_TYPE1v2_IOMMU));
	if (!is_v1(variant) && variant->domains)
		test_err(EINVAL, _test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	else
		test_ok(_test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	test_unmap_dma_all(PAGE);
	test_ok(_test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
}

TEST_F(type1, coherency_as_the_hardware_has_it)
{
	struct iommu_hw_info_vtd vtd = { };
	uint32_t len = sizeof(vtd), type, hwpt;
	int want = !variant->domains;
	struct mock_dev dev;

	if (variant->domains && !variant->mock) {
		test_ok(_test_hw_info(self->fd, self->edu[0].devid, &vtd, &len,
				      &type));
		/* AMD's IOMMU always enforces it, virtio-iommu never. */
		want = type == IOMMU_HW_INFO_TYPE_INTEL_VTD ?
			       !!(vtd.ecap_reg & ECAP_SC) :
			       pci_iommu_is_amd();
	}
	ASSERT_EQ(want, type1_ask(self->fd, VFIO_CHECK_EXTENSION,
				  VFIO_DMA_CC_IOMMU));
	if (variant->domains) {
		/* A second HWPT gives the same answer. */
		test_hwpt_alloc(DEVICE(0), self->ioas, &hwpt);
		ASSERT_EQ(want, type1_ask(self->fd, VFIO_CHECK_EXTENSION,
					  VFIO_DMA_CC_IOMMU));
	}
	/* The mock never enforces it. */
	test_mock_attach(self->ioas, &dev);
	ASSERT_EQ(0, type1_ask(self->fd, VFIO_CHECK_EXTENSION,
			       VFIO_DMA_CC_IOMMU));
}

/* The answer of GET_INFO, and what lies behind it */
struct info_buffer {
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_dma_avail avail;
	uint32_t pad;
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iova_range ranges[16];
};

static int _test_get_info(int fd, struct info_buffer *buf, uint32_t argsz)
{
	memset(buf, 0xa5, sizeof(*buf));
	buf->info.argsz = argsz;
	return iommufd_ioctl(fd, VFIO_IOMMU_GET_INFO, buf);
}

static bool untouched_from(const struct info_buffer *buf, size_t offset)
{
	const uint8_t *p = (const uint8_t *)buf;

	while (offset < sizeof(*buf))
		if (p[offset++] != 0xa5)
			return false;
	return true;
}

TEST_F(type1, get_info_writes_no_more_than_argsz)
{
	struct info_buffer buf;
	size_t need;

	test_err(EINVAL, _test_get_info(self->fd, &buf, 0));
	test_err(EINVAL, _test_get_info(self->fd, &buf, 15));
	ASSERT_TRUE(untouched_from(&buf, 4));
	test_ok(_test_get_info(self->fd, &buf, 16));
	ASSERT_TRUE(untouched_from(&buf, 16));
	need = buf.info.argsz;
	ASSERT_LT(sizeof(buf.info), need);
	ASSERT_GT(sizeof(buf), need);

	for (uint32_t argsz = 16; argsz < need; argsz++) {
		test_ok(_test_get_info(self->fd, &buf, argsz));
		ASSERT_EQ(need, buf.info.argsz);
		ASSERT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
			  buf.info.flags);
		if (argsz >= 20)
			ASSERT_EQ(0, buf.info.cap_offset);
		ASSERT_TRUE(untouched_from(&buf, argsz)) TH_LOG("%u", argsz);
	}
	for (uint32_t more = 0; more < 40; more++) {
		test_ok(_test_get_info(self->fd, &buf, need + more));
		ASSERT_EQ(need, buf.info.argsz);
		ASSERT_EQ(sizeof(buf.info), buf.info.cap_offset);
		ASSERT_TRUE(untouched_from(&buf, need));
	}
}

TEST_F(type1, get_info_capabilities)
{
	struct iommu_iova_range ranges[16];
	uint32_t num = ARRAY_SIZE(ranges);
	struct info_buffer buf;

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	test_ok(_test_get_info(self->fd, &buf, sizeof(buf)));
	ASSERT_EQ(24, buf.info.cap_offset);
	ASSERT_EQ(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, buf.avail.header.id);
	ASSERT_EQ(1, buf.avail.header.version);
	ASSERT_EQ(40, buf.avail.header.next);
	ASSERT_LT(UINT16_MAX, buf.avail.avail);
	ASSERT_EQ(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, buf.cap.header.id);
	ASSERT_EQ(1, buf.cap.header.version);
	ASSERT_EQ(0, buf.cap.header.next);
	ASSERT_EQ(0, buf.cap.reserved);
	ASSERT_EQ(num, buf.cap.nr_iovas);
	ASSERT_EQ(0, memcmp(ranges, buf.ranges, num * sizeof(*ranges)));
	ASSERT_EQ(56 + num * sizeof(*ranges), buf.info.argsz);
	if (variant->domains && !variant->mock)
		return;
	ASSERT_EQ(1, num);
	ASSERT_EQ(FIRST_IOVA, buf.ranges[0].start);
	ASSERT_EQ(variant->domains ? MOCK_APERTURE_LAST : UINT64_MAX,
		  buf.ranges[0].end);
}

TEST_F(type1, get_info_page_sizes)
{
	struct info_buffer buf;

	test_ok(_test_get_info(self->fd, &buf, sizeof(buf.info)));
	/* IO pages smaller than a page count as one. */
	ASSERT_EQ(PAGE, buf.info.iova_pgsizes & -buf.info.iova_pgsizes);
	if (!variant->domains) {
		ASSERT_EQ(-PAGE, buf.info.iova_pgsizes);
	} else if (variant->mock) {
		ASSERT_EQ(PAGE, buf.info.iova_pgsizes);
	} else {
		/* 2 MiB is one of QEMU's VT-d. */
		ASSERT_NE(0, buf.info.iova_pgsizes & HUGE);
	}
}

/* How version 1 splits mappings */
FIXTURE(split) { struct type1; };

FIXTURE_VARIANT(split) { struct type1_variant; };

FIXTURE_SETUP(split)
{
	type1_open();
}

FIXTURE_TEARDOWN(split)
{
	type1_close();
}

FIXTURE_VARIANT_ADD(split, no_device) {
	.type = VFIO_TYPE1_IOMMU,
};
FIXTURE_VARIANT_ADD(split, one_mock) {
	.type = VFIO_TYPE1_IOMMU, .domains = 1, .mock = true,
	.limit = MOCK_MEMORY_DEFAULT,
};
FIXTURE_VARIANT_ADD(split, two_mocks) {
	.type = VFIO_TYPE1_IOMMU, .domains = 2, .mock = true,
	.limit = MOCK_MEMORY_DEFAULT,
};
FIXTURE_VARIANT_ADD(split, two_mocks_tiny_batches) {
	.type = VFIO_TYPE1_IOMMU, .domains = 2, .mock = true,
	.limit = MOCK_MEMORY_TINY,
};
FIXTURE_VARIANT_ADD(split, one_edu) {
	.type = VFIO_TYPE1_IOMMU, .domains = 1,
};
FIXTURE_VARIANT_ADD(split, two_edus) {
	.type = VFIO_TYPE1_IOMMU, .domains = 2,
};

TEST_F(split, split_of_several_mappings)
{
	for (int i = 0; i < 4; i++)
		test_map_dma(self->mem + i * 4 * PAGE, 4 * PAGE,
			     IOVA + i * 4 * PAGE);
	test_unmap_dma(IOVA + 3 * PAGE, 10 * PAGE, 10 * PAGE);
	test_pinned_pages(6);
	test_devices_have(IOVA + 2 * PAGE, self->mem + 2 * PAGE);
	test_devices_have(IOVA + 13 * PAGE, self->mem + 13 * PAGE);
	/* The IOVA can be used again. */
	test_map_dma(self->mem, 10 * PAGE, IOVA + 3 * PAGE);
	test_unmap_dma(IOVA, 16 * PAGE, 16 * PAGE);
}

TEST_F(split, split_page_by_page)
{
	for (int stride = 1; stride < PAGES; stride += 2) {
		test_map_dma(self->mem, PAGES * PAGE, IOVA);
		for (int i = 0; i < PAGES; i++) {
			int page = (i * stride + 5) % PAGES;

			test_unmap_dma(IOVA + page * PAGE, PAGE, PAGE);
			test_pinned_pages(PAGES - 1 - i);
		}
	}
}

/* Pages whose frames are not neighbours: many runs, in several chunks. */
TEST_F(split, split_of_scattered_memory)
{
	int npages = 1024, step = 387, fd;
	uint8_t *mem;

	fd = mem_fd("scattered", npages * PAGE, 0);
	ASSERT_GE(fd, 0);
	mem = test_mem(mem_reserve(npages * PAGE));
	for (int i = 0; i < npages; i++) {
		ASSERT_EQ(mem + i * PAGE,
			  mmap(mem + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, fd,
			       i * step % npages * PAGE));
		mem_fill(mem + i * PAGE, 64, i);
	}
	close(fd);
	test_map_dma(mem, npages * PAGE, IOVA);
	test_pinned_pages(npages);
	test_unmap_dma(IOVA + 100 * PAGE, 600 * PAGE, 600 * PAGE);
	test_pinned_pages(npages - 600);
	test_devices_have(IOVA + 99 * PAGE, mem + 99 * PAGE);
	test_devices_have(IOVA + 700 * PAGE, mem + 700 * PAGE);
	test_unmap_dma(IOVA + 800 * PAGE, PAGE, PAGE);
	test_unmap_dma_all((npages - 601) * PAGE);
	test_pinned(0);
}

/* Version 1 uses small IO pages even for huge pages. */
TEST_F(split, split_of_huge_memory)
{
	uint8_t *mem = test_thp(2 * HUGE);
	uint64_t at = HUGE - 16 * PAGE;
	long pages = 2 * HUGE / PAGE;

	test_map_dma(mem, 2 * HUGE, IOVA);
	test_pinned_pages(pages);
	mem_fill(mem + at - PAGE, 64, 1);
	mem_fill(mem + at, 64, 2);
	mem_fill(mem + HUGE + 16 * PAGE, 64, 3);
	test_unmap_dma(IOVA + at, 32 * PAGE, 32 * PAGE);
	test_pinned_pages(pages - 32);
	test_devices_have(IOVA + at - PAGE, mem + at - PAGE);
	test_devices_miss(IOVA + at, mem + at);
	test_devices_have(IOVA + HUGE + 16 * PAGE, mem + HUGE + 16 * PAGE);
	test_unmap_dma_all(2 * HUGE - 32 * PAGE);
}

/* A copy in another IOAS stays whole. */
TEST_F(split, split_leaves_copies_whole)
{
	uint32_t other, hwpt;
	uint64_t iova = IOVA;

	if (!variant->domains)
		SKIP(return, "no device is attached");
	test_ioas_alloc(&other);
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_copy(other, &iova, self->ioas, IOVA, PAGES * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_hwpt_alloc(DEVICE(0), other, &hwpt);
	test_pinned_pages(PAGES);
	test_unmap_dma(IOVA + 4 * PAGE, 4 * PAGE, 4 * PAGE);
	test_pinned_pages(PAGES);
	test_unmap_dma(IOVA, PAGE, PAGE);
	test_destroy(hwpt);
	test_pinned_pages(PAGES - 5);
	test_unmap_dma_all((PAGES - 5) * PAGE);
	test_pinned(0);
	test_ok(_test_ioas_unmap(self->fd, other, iova, PAGES * PAGE, NULL));
}

/* Split while nothing is pinned; devices are attached afterwards. */
TEST_F(split, split_before_attach)
{
	uint32_t hwpt[3];
	struct edu edu;

	if (pci_iommu_is_amd())
		SKIP(return, "AMD's IOMMU: QEMU's does not translate behind a port");
	test_map_dma(self->mem, PAGES * PAGE, IOVA);
	test_unmap_dma(IOVA + 4 * PAGE, PAGE, PAGE);
	test_edu_open(&edu, PCI_BEHIND_PORT, 0);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt[0]);
	test_pinned((PAGES - 1) * 4);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt[1]);
	test_unmap_dma(IOVA, PAGE, PAGE);
	test_unmap_dma(IOVA + 6 * PAGE, PAGE, PAGE);
	test_pinned((PAGES - 3) * 4);
	test_destroy(hwpt[0]);
	test_unmap_dma(IOVA + 8 * PAGE, 2 * PAGE, 2 * PAGE);
	test_pinned((PAGES - 5) * 4);
	test_hwpt_alloc(edu.devid, self->ioas, &hwpt[2]);
	test_attach(edu.cdev, &hwpt[2]);
	ASSERT_EQ(1, devices_that_have(&edu, 1, IOVA + 5 * PAGE,
				       self->mem + 5 * PAGE));
	ASSERT_EQ(1, devices_that_have(&edu, 1, IOVA + 10 * PAGE,
				       self->mem + 10 * PAGE));
	test_destroy(hwpt[1]);
	test_detach(edu.cdev);
	test_destroy(hwpt[2]);
	test_pinned_pages(PAGES - 5);
	edu_close(&edu);
	test_unmap_dma_all((PAGES - 5) * PAGE);
}

TEST_HARNESS_MAIN
