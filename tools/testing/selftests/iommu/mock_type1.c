// SPDX-License-Identifier: GPL-2.0
/*
 * A VFIO type1 container in front of the mock: every cut that version 1 makes,
 * what the page tables have afterwards, and how often each page is pinned.
 */
#include "mock_space.h"
#include "type1_ioctls.h"

#define PAGES	24UL

FIXTURE(type1) {
	struct mock;
	uint8_t *mem;
};

FIXTURE_VARIANT(type1) {
	unsigned long type;
	unsigned int domains, limit;
};

FIXTURE_VARIANT_ADD(type1, v1_no_domain) {
	VFIO_TYPE1_IOMMU, 0, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(type1, v1_one_domain) {
	VFIO_TYPE1_IOMMU, 1, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(type1, v1_two_domains) {
	VFIO_TYPE1_IOMMU, 2, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(type1, v1_two_domains_tiny_batches) {
	VFIO_TYPE1_IOMMU, 2, MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(type1, v2_no_domain) {
	VFIO_TYPE1v2_IOMMU, 0, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(type1, v2_one_domain) {
	VFIO_TYPE1v2_IOMMU, 1, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(type1, v2_two_domains) {
	VFIO_TYPE1v2_IOMMU, 2, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(type1, v2_two_domains_tiny_batches) {
	VFIO_TYPE1v2_IOMMU, 2, MOCK_MEMORY_TINY
};

FIXTURE_SETUP(type1)
{
	self->mem = test_mem(mem_scattered(PAGES));
	mock_open(variant->domains, variant->limit);
	test_vfio_ioas(IOMMU_VFIO_IOAS_SET, &self->ioas);
	test_ok(_test_set_iommu(self->fd, variant->type));
}

FIXTURE_TEARDOWN(type1)
{
	mock_close();
}

/* Pages [first, end) of the memory are at MOCK_IOVA, each where it was. */
#define test_have(_first, _end)						\
	do {								\
		size_t __first = (_first) * PAGE;			\
		size_t __bytes = (_end) * PAGE - __first;		\
									\
		test_maps(MOCK_IOVA + __first, __bytes, self->mem + __first); \
		test_mapped_refs(self->mem + __first, __bytes, 1);	\
	} while (0)
/* They are not, and nobody has pinned them. */
#define test_have_not(_first, _end)					\
	do {								\
		for (size_t __i = (_first); __i < (_end); __i++)	\
			test_maps_not(MOCK_IOVA + __i * PAGE,		\
				      self->mem + __i * PAGE);		\
		test_refs(self->mem + (_first) * PAGE,			\
			  ((_end) - (_first)) * PAGE, 0);		\
	} while (0)

TEST_F(type1, map_and_unmap)
{
	for (size_t n = 1; n <= PAGES; n += 3) {
		test_map_dma(self->mem, n * PAGE, MOCK_IOVA);
		test_have(0, n);
		test_mapped_pinned(n * PAGE);
		test_err_map_dma(EEXIST, self->mem, PAGE,
				 MOCK_IOVA + (n - 1) * PAGE, DMA_RW);
		test_unmap_dma(MOCK_IOVA, n * PAGE, n * PAGE);
		test_have_not(0, n);
	}
}

/* Version 1 has pages, version 2 the IO pages of what is attached. */
TEST_F(type1, alignment)
{
	int half = is_v1(variant) ? EINVAL : 0;
	int quarter = is_v1(variant) || variant->domains ? EINVAL : 0;

	ASSERT_EQ(half, _test_map_dma(self->fd, self->mem, MOCK_PAGE,
				      MOCK_IOVA + MOCK_PAGE, DMA_RW));
	ASSERT_EQ(quarter, _test_map_dma(self->fd, self->mem, MOCK_PAGE / 2,
					 MOCK_IOVA + PAGE, DMA_RW));
	ASSERT_EQ(quarter, _test_map_dma(self->fd, self->mem + 1, MOCK_PAGE,
					 MOCK_IOVA + 2 * PAGE, DMA_RW));
}

TEST_F(type1, map_obeys_the_aperture)
{
	int rc = variant->domains ? EINVAL : 0;

	ASSERT_EQ(rc, _test_map_dma(self->fd, self->mem, PAGE, 0, DMA_RW));
	ASSERT_EQ(rc, _test_map_dma(self->fd, self->mem, PAGE,
				    MOCK_APERTURE_START - PAGE, DMA_RW));
	test_map_dma(self->mem, PAGE, MOCK_APERTURE_START);
	test_map_dma(self->mem, PAGE, MOCK_APERTURE_LAST + 1 - PAGE);
	ASSERT_EQ(rc, _test_map_dma(self->fd, self->mem, PAGE,
				    MOCK_APERTURE_LAST + 1, DMA_RW));
}

TEST_F(type1, every_part_of_a_mapping)
{
	enum { N = 6 };

	for (int i = 0; i < N * N; i++) {
		size_t first = i / N, end = first + 1 + i % N;
		uint64_t iova = MOCK_IOVA + first * PAGE;
		size_t bytes = (end - first) * PAGE;

		if (end > N)
			continue;
		test_map_dma(self->mem, N * PAGE, MOCK_IOVA);
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

/* IO pages of the mock are smaller, but no page can be pinned by halves. */
TEST_F(type1, no_part_of_a_page)
{
	int rc = is_v1(variant) ? EINVAL : ENOENT;

	test_map_dma(self->mem, 4 * PAGE, MOCK_IOVA);
	test_err_unmap_dma(rc, MOCK_IOVA, PAGE + MOCK_PAGE, 0);
	test_err_unmap_dma(rc, MOCK_IOVA + MOCK_PAGE, PAGE, 0);
	test_err_unmap_dma(rc, MOCK_IOVA + 1, 4 * PAGE, 0);
	test_have(0, 4);
	test_unmap_dma(MOCK_IOVA - 1, 4 * PAGE + 2, 4 * PAGE);
}

/* What is mapped where: of each page the number of its mapping, or 0 */
struct model {
	unsigned int mapping[PAGES];
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
	return page && page < PAGES && model->mapping[page] &&
	       model->mapping[page] == model->mapping[page - 1];
}

/* The mapping of @first has pages up to here. */
static size_t model_end(const struct model *model, size_t first)
{
	size_t end = first;

	while (end < PAGES && model->mapping[end] == model->mapping[first])
		end++;
	return end;
}

/* Version 1: what is cut becomes two mappings. */
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

TEST_F(type1, random_parts)
{
	unsigned int seed = variant->type * 8 + variant->domains;
	struct model model = {};

	TH_LOG("seed %u", seed);
	for (int round = 0; round < 120; round++) {
		size_t first = rand_r(&seed) / 7 % PAGES;
		size_t end = first + 1 + rand_r(&seed) / 7 % (PAGES - first);
		uint64_t iova = MOCK_IOVA + first * PAGE, gone;
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
		for (size_t i = 0; i < PAGES; i++) {
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
		test_map_dma(_mem, (_pages) * PAGE, MOCK_IOVA);		\
		test_mapped_pinned((_pages) * PAGE);			\
		for (size_t __i = 0; __i < (_pages); __i++) {		\
			size_t __at = __i * (_odd) % (_pages) * PAGE;	\
			size_t __next = (__i + 1) * (_odd) % (_pages) * PAGE; \
									\
			test_maps(MOCK_IOVA + __at, PAGE, (_mem) + __at); \
			test_unmap_dma(MOCK_IOVA + __at, PAGE, PAGE);	\
			test_maps_not(MOCK_IOVA + __at, (_mem) + __at);	\
			if (__i + 1 < (_pages))				\
				test_maps(MOCK_IOVA + __next, PAGE,	\
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
			test_map_dma(__mem, 2 * HUGE, MOCK_IOVA);	\
			test_maps(MOCK_IOVA, 2 * HUGE, __mem);		\
			test_err_unmap_dma(ENOENT, MOCK_IOVA, HUGE, 0);	\
			test_err_unmap_dma(ENOENT, MOCK_IOVA + HUGE, HUGE, \
					   0);				\
			test_unmap_dma(MOCK_IOVA, 2 * HUGE, 2 * HUGE);	\
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
	test_kind(mem_thp(2 * HUGE));
}

/* A copy keeps what the original gives up, and cannot be cut by it. */
TEST_F(type1, copies_stay_whole)
{
	struct mock_dev dev;
	uint32_t other;
	uint64_t iova = MOCK_IOVA + 64 * PAGE;

	test_ioas_alloc(&other);
	test_mock_attach(other, &dev);
	test_map_dma(self->mem, PAGES * PAGE, MOCK_IOVA);
	test_copy(other, &iova, self->ioas, MOCK_IOVA + 2 * PAGE, 8 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_refs(self->mem + 2 * PAGE, 8 * PAGE, 1);
	if (is_v1(variant))
		test_unmap_dma(MOCK_IOVA + 4 * PAGE, 12 * PAGE, 12 * PAGE);
	else
		test_unmap_dma(MOCK_IOVA, PAGES * PAGE, PAGES * PAGE);
	test_ok(_test_check_map(self->fd, dev.hwpt, iova, 8 * PAGE,
				self->mem + 2 * PAGE));
	test_refs(self->mem + 2 * PAGE, 8 * PAGE, 1);
	test_refs(self->mem + 10 * PAGE, 6 * PAGE, 0);
	test_unmap_dma_all(is_v1(variant) ? (PAGES - 12) * PAGE : 0);
	test_ok(_test_ioas_unmap(self->fd, other, iova, 8 * PAGE, NULL));
	test_pinned(0);
}

/* Page tables that come when there are halves, and go before they do. */
TEST_F(type1, domains_that_come_after_a_cut)
{
	struct mock_dev dev[2];

	test_map_dma(self->mem, 12 * PAGE, MOCK_IOVA);
	if (is_v1(variant))
		test_unmap_dma(MOCK_IOVA + 5 * PAGE, PAGE, PAGE);
	test_mock_attach(self->ioas, &dev[0]);
	test_mock_attach(self->ioas, &dev[1]);
	test_ok(_test_check_map(self->fd, dev[0].hwpt, MOCK_IOVA, 5 * PAGE,
				self->mem));
	test_ok(_test_check_map(self->fd, dev[0].hwpt, MOCK_IOVA + 6 * PAGE,
				6 * PAGE, self->mem + 6 * PAGE));
	if (is_v1(variant)) {
		test_err(EINVAL, _test_check_map(self->fd, dev[0].hwpt,
						 MOCK_IOVA + 5 * PAGE, PAGE,
						 self->mem + 5 * PAGE));
		test_unmap_dma(MOCK_IOVA, 2 * PAGE, 2 * PAGE);
		test_unmap_dma(MOCK_IOVA + 8 * PAGE, PAGE, PAGE);
	}
	test_refs(self->mem + 9 * PAGE, 3 * PAGE, 1);
	test_destroy(dev[0].stdev);
	test_destroy(dev[1].stdev);
	test_mapped_refs(self->mem + 9 * PAGE, 3 * PAGE, 1);
	test_unmap_dma_all((is_v1(variant) ? 8 : 12) * PAGE);
	test_refs(self->mem, 12 * PAGE, 0);
}

/*
 * The driver of an access is asked for pins of what goes as a whole. He has
 * pinned the mapping as one, so it cannot become two under him.
 */
TEST_F(type1, pins_go_with_the_whole_and_forbid_a_cut)
{
	int rc = is_v1(variant) ? EINVAL : ENOENT, access;
	uint8_t byte = 0;
	uint32_t pin;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_map_dma(self->mem, 8 * PAGE, MOCK_IOVA);
	test_access_pin(access, MOCK_IOVA + 2 * PAGE, 2 * PAGE,
			self->mem + 2 * PAGE, 0, &pin);
	test_err_unmap_dma(rc, MOCK_IOVA, PAGE, 0);
	test_err_unmap_dma(rc, MOCK_IOVA + 2 * PAGE, 2 * PAGE, 0);
	test_err_unmap_dma(rc, MOCK_IOVA + 6 * PAGE, 2 * PAGE, 0);
	test_maps(MOCK_IOVA, 8 * PAGE, self->mem);
	test_refs(self->mem + 2 * PAGE, 2 * PAGE, 1);
	test_access_rw(access, MOCK_IOVA + 3 * PAGE, 1, &byte, 0);
	test_access_unpin(access, pin);

	test_access_pin(access, MOCK_IOVA + 2 * PAGE, 2 * PAGE,
			self->mem + 2 * PAGE, 0, &pin);
	test_unmap_dma(MOCK_IOVA - PAGE, 10 * PAGE, 8 * PAGE);
	test_err_access_unpin(ENOENT, access, pin);
	test_refs(self->mem, 8 * PAGE, 0);
	close(access);
}

/* Pins of one half do not care about the other one. */
TEST_F(type1, pins_beside_a_cut)
{
	uint32_t pin[2];
	int access;

	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_map_dma(self->mem, 8 * PAGE, MOCK_IOVA);
	if (!is_v1(variant)) {
		test_err_unmap_dma(ENOENT, MOCK_IOVA + 3 * PAGE, PAGE, 0);
		close(access);
		return;
	}
	test_unmap_dma(MOCK_IOVA + 3 * PAGE, PAGE, PAGE);
	test_access_pin(access, MOCK_IOVA, 3 * PAGE, self->mem, 0, &pin[0]);
	test_access_pin(access, MOCK_IOVA + 6 * PAGE, PAGE,
			self->mem + 6 * PAGE, 0, &pin[1]);
	test_err_access_pin(ENOENT, access, MOCK_IOVA, 4 * PAGE, NULL, 0);
	test_unmap_dma(MOCK_IOVA + 4 * PAGE, 4 * PAGE, 4 * PAGE);
	test_err_access_unpin(ENOENT, access, pin[1]);
	test_refs(self->mem, 3 * PAGE, 1);
	test_refs(self->mem + 3 * PAGE, 5 * PAGE, 0);
	test_access_unpin(access, pin[0]);
	test_unmap_dma(MOCK_IOVA, PAGE, PAGE);
	test_mapped_refs(self->mem + PAGE, 2 * PAGE, 1);
	close(access);
}

/* The halves would be one user more. */
TEST_F(type1, more_halves_than_can_be_counted)
{
	int rc = is_v1(variant) ? EOVERFLOW : ENOENT;

	test_map_dma(self->mem, 4 * PAGE, MOCK_IOVA);
	test_mock_param("max_users", 1);
	test_err_unmap_dma(rc, MOCK_IOVA, PAGE, 0);
	test_have(0, 4);
	test_mock_param("max_users", 0);
	test_unmap_dma(MOCK_IOVA, 4 * PAGE, 4 * PAGE);
}

TEST_F(type1, both_ends_of_one_unmap_are_cut)
{
	uint64_t unmapped;

	test_map_dma(self->mem, 4 * PAGE, MOCK_IOVA);
	test_map_dma(self->mem + 4 * PAGE, 4 * PAGE, MOCK_IOVA + 4 * PAGE);
	if (is_v1(variant)) {
		test_unmap_dma(MOCK_IOVA + 2 * PAGE, 4 * PAGE, 4 * PAGE);
		test_have(0, 2);
		test_have_not(2, 6);
		test_have(6, 8);
	} else {
		test_err_unmap_dma(ENOENT, MOCK_IOVA + 2 * PAGE, 4 * PAGE, 0);
	}
	test_unmap_all(&unmapped);
	ASSERT_EQ((is_v1(variant) ? 4 : 8) * PAGE, unmapped);
}

TEST_F(type1, coherence_is_not_enforced)
{
	struct mock_dev dev;

	ASSERT_EQ(!variant->domains, type1_ask(self->fd, VFIO_CHECK_EXTENSION,
					       VFIO_DMA_CC_IOMMU));
	test_mock_attach(self->ioas, &dev);
	ASSERT_EQ(0, type1_ask(self->fd, VFIO_CHECK_EXTENSION,
			       VFIO_DMA_CC_IOMMU));
}

TEST_F(type1, version_1_with_a_mapping)
{
	test_map_dma(self->mem, PAGE, MOCK_IOVA);
	test_ok(_test_set_iommu(self->fd, variant->type));
	if (!is_v1(variant) && variant->domains)
		test_err(EINVAL, _test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	else
		test_ok(_test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
	test_unmap_dma_all(PAGE);
	test_ok(_test_set_iommu(self->fd, VFIO_TYPE1_IOMMU));
}

TEST_F(type1, info_of_the_mock)
{
	struct {
		struct vfio_iommu_type1_info info;
		struct vfio_iommu_type1_info_dma_avail avail;
		uint32_t pad;
		struct vfio_iommu_type1_info_cap_iova_range cap;
		struct vfio_iova_range range;
	} buf = { .info.argsz = sizeof(buf) };

	ASSERT_EQ(72, sizeof(buf));
	test_ok(iommufd_ioctl(self->fd, VFIO_IOMMU_GET_INFO, &buf));
	ASSERT_EQ(72, buf.info.argsz);
	ASSERT_EQ(24, buf.info.cap_offset);
	ASSERT_EQ(1, buf.cap.nr_iovas);
	if (variant->domains) {
		/* IO pages smaller than a page count as one. */
		ASSERT_EQ(PAGE, buf.info.iova_pgsizes);
		ASSERT_EQ(MOCK_APERTURE_START, buf.range.start);
		ASSERT_EQ(MOCK_APERTURE_LAST, buf.range.end);
	} else {
		ASSERT_EQ(-PAGE, buf.info.iova_pgsizes);
		ASSERT_EQ(0, buf.range.start);
		ASSERT_EQ(UINT64_MAX, buf.range.end);
	}
}

TEST_HARNESS_MAIN
