// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of every kind with one and two page tables: what a device would see,
 * how often pages are pinned, and that all pins end, in any order.
 */
#include "mock_space.h"

enum kind { SMALL, HUGETLB, THP, SCATTERED, SHUFFLED_THP };

FIXTURE(memory) {
	struct mock;
	uint8_t *mem;
	size_t length;
};

FIXTURE_VARIANT(memory) {
	enum kind kind;
	unsigned int domains, limit, flags;
};

FIXTURE_VARIANT_ADD(memory, small_one_domain) {
	SMALL, 1, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, small_two_domains) {
	SMALL, 2, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, small_tiny_batches) {
	SMALL, 2, MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(memory, small_huge_io_pages) {
	SMALL, 2, MOCK_MEMORY_DEFAULT, MOCK_DEVICE_HUGE_IOVA
};

FIXTURE_VARIANT_ADD(memory, hugetlb_one_domain) {
	HUGETLB, 1, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, hugetlb_two_domains) {
	HUGETLB, 2, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, hugetlb_tiny_batches) {
	HUGETLB, 2, MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(memory, hugetlb_huge_io_pages) {
	HUGETLB, 2, MOCK_MEMORY_DEFAULT, MOCK_DEVICE_HUGE_IOVA
};

FIXTURE_VARIANT_ADD(memory, thp_one_domain) {
	THP, 1, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, thp_two_domains) {
	THP, 2, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, thp_tiny_batches) {
	THP, 2, MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(memory, thp_huge_io_pages) {
	THP, 2, MOCK_MEMORY_DEFAULT, MOCK_DEVICE_HUGE_IOVA
};

FIXTURE_VARIANT_ADD(memory, scattered_one_domain) {
	SCATTERED, 1, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, scattered_two_domains) {
	SCATTERED, 2, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, scattered_tiny_batches) {
	SCATTERED, 2, MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(memory, scattered_huge_io_pages) {
	SCATTERED, 2, MOCK_MEMORY_DEFAULT, MOCK_DEVICE_HUGE_IOVA
};

FIXTURE_VARIANT_ADD(memory, shuffled_thp_one_domain) {
	SHUFFLED_THP, 1, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, shuffled_thp_two_domains) {
	SHUFFLED_THP, 2, MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(memory, shuffled_thp_tiny_batches) {
	SHUFFLED_THP, 2, MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(memory, shuffled_thp_huge_io_pages) {
	SHUFFLED_THP, 2, MOCK_MEMORY_DEFAULT, MOCK_DEVICE_HUGE_IOVA
};

/* Two huge pages; SHUFFLED_THP has one, in pieces */
static uint8_t *get_memory(enum kind kind, size_t *length)
{
	int fd;

	switch (kind) {
	case HUGETLB:
		*length = 2 * HUGE;
		fd = mem_hugetlb_pool(2) ? mem_fd("hugetlb", *length,
						  MFD_HUGETLB) : -1;
		return fd < 0 ? NULL : mem_file(fd, *length,
						PROT_READ | PROT_WRITE,
						MAP_SHARED | MAP_POPULATE);
	case THP:
		*length = 2 * HUGE;
		return mem_thp(*length);
	case SHUFFLED_THP:
		*length = HUGE;
		return mem_shuffled_thp(*length);
	case SCATTERED:
		*length = 128 * PAGE;
		return mem_scattered(*length / PAGE);
	default:
		/* Too short for a huge page */
		*length = 128 * PAGE;
		return mem_anon(*length);
	}
}

FIXTURE_SETUP(memory)
{
	if (variant->kind == THP || variant->kind == SHUFFLED_THP)
		test_needs_thp();
	self->mem = test_mem(get_memory(variant->kind, &self->length));
	/* For small IO pages the part around the middle is enough. */
	if (!variant->flags) {
		self->mem += self->length / 2 - 64 * PAGE;
		self->length = 128 * PAGE;
	}
	self->fd = iommufd_open();
	ASSERT_GE(self->fd, 0) TH_LOG("/dev/iommu: %s", strerror(errno));
	test_ioas_alloc(&self->ioas);
	test_ok(_test_memory_limit(self->fd, variant->limit));
	test_ok(_test_mock_attach_flags(self->fd, self->ioas, variant->flags,
					&self->dev[0]));
	if (variant->domains > 1) {
		uint32_t hwpt;

		test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
		test_ok(_test_mock_attach_flags(self->fd, hwpt, variant->flags,
						&self->dev[1]));
	}
}

FIXTURE_TEARDOWN(memory)
{
	mock_close();
}

/* The frames are in the order that the variant needs. */
TEST_F(memory, frames_are_in_the_expected_order)
{
	size_t pages = self->length / PAGE, runs = mem_runs(self->mem, pages);

	switch (variant->kind) {
	case HUGETLB:
	case THP:
		ASSERT_GE(2, runs);
		ASSERT_NE(0, runs);
		break;
	case SHUFFLED_THP:
		ASSERT_GT(pages, runs);
		/* fallthrough */
	case SCATTERED:
		ASSERT_LT(pages / 4, runs);
		break;
	default:
		ASSERT_NE(0, runs);
	}
}

TEST_F(memory, map_all_of_it)
{
	for (int i = 0; i < 2; i++) {
		test_map_fixed(self->mem, self->length, MOCK_IOVA);
		test_maps(MOCK_IOVA, self->length, self->mem);
		test_refs(self->mem, self->length, 1);
		test_pinned(self->length / 1024);
		test_unmap(MOCK_IOVA, self->length);
		test_refs(self->mem, self->length, 0);
		test_pinned(0);
	}
}

TEST_F(memory, parts_at_every_offset)
{
	static const size_t lengths[] = { 1, 2, 3, 5, 127, 128 };

	for (size_t start = 0; start < 6; start++) {
		for (int i = 0; i < ARRAY_SIZE(lengths); i++) {
			size_t bytes = lengths[i] * MOCK_PAGE;
			uint8_t *va = self->mem + start * MOCK_PAGE;
			uint64_t iova = MOCK_IOVA + start % 3 * MOCK_PAGE;

			test_map_fixed(va, bytes, iova);
			test_maps(iova, bytes, va);
			test_unmap(iova, bytes);
		}
	}
	test_refs(self->mem, self->length, 0);
	test_pinned(0);
}

TEST_F(memory, across_huge_io_pages_at_odd_addresses)
{
	size_t cut = self->length / 2 + MOCK_PAGE;

	test_map_fixed(self->mem, cut, MOCK_IOVA + MOCK_PAGE);
	test_map_fixed(self->mem + cut, self->length - cut,
		       MOCK_IOVA + MOCK_PAGE + cut);
	test_maps(MOCK_IOVA + MOCK_PAGE, self->length, self->mem);
	test_unmap(MOCK_IOVA + MOCK_PAGE, self->length);
	test_pinned(0);
	test_refs(self->mem, self->length, 0);
}

TEST_F(memory, many_small_maps_go_in_one_unmap)
{
	size_t step = 7 * MOCK_PAGE, i;

	for (i = 0; i + step <= self->length / 4; i += step)
		test_map_fixed(self->mem + i, step, MOCK_IOVA + i);
	test_maps(MOCK_IOVA, i, self->mem);
	test_unmap(MOCK_IOVA, i);
	test_pinned(0);
	test_refs(self->mem, self->length, 0);
}

/* Accesses pin some parts first, the domain then the rest. */
TEST_F(memory, accesses_pin_parts_before_the_domain)
{
	struct mock_dev late;
	uint32_t ioas, pin[8];
	int access;

	test_ioas_alloc(&ioas);
	test_ok(_test_map_fixed(self->fd, ioas, self->mem, self->length,
				MOCK_IOVA, MAP_RW));
	test_ok(_test_access_create(self->fd, ioas, MOCK_ACCESS_NEEDS_PIN_PAGES,
				    &access));
	for (int i = 0; i < ARRAY_SIZE(pin); i++) {
		size_t at = (i * i + 1) * PAGE;

		test_access_pin(access, MOCK_IOVA + at, (i % 3 + 1) * PAGE,
				self->mem + at, 0, &pin[i]);
	}
	test_ok(_test_mock_attach_flags(self->fd, ioas, variant->flags, &late));
	test_ok(_test_check_map(self->fd, late.hwpt, MOCK_IOVA, self->length,
				self->mem));
	test_pinned(self->length / 1024);
	for (int i = 0; i < ARRAY_SIZE(pin); i += 2)
		test_access_unpin(access, pin[i]);
	test_ok(_test_check_map(self->fd, late.hwpt, MOCK_IOVA, self->length,
				self->mem));
	test_refs(self->mem, self->length, 1);
	test_destroy(late.stdev);
	/* Those of the other half are left: 2 + 1 + 3 + 2 pages. */
	test_pinned(8 * PAGE / 1024);
	for (int i = 1; i < ARRAY_SIZE(pin); i += 2)
		test_access_unpin(access, pin[i]);
	test_pinned(0);
	test_refs(self->mem, self->length, 0);
	close(access);
}

TEST_F(memory, copies_share_the_pin)
{
	uint64_t part = self->length / 4 + MOCK_PAGE;
	uint64_t copy = MOCK_IOVA + (1UL << 28) + MOCK_PAGE;
	uint64_t length = self->length / 2;

	test_map_fixed(self->mem, self->length, MOCK_IOVA);
	test_copy(self->ioas, &copy, self->ioas, MOCK_IOVA + part, length,
		  MAP_RW | MAP_FIXED_IOVA);
	test_maps(copy, length, self->mem + part);
	test_refs(self->mem, self->length, 1);
	test_pinned(self->length / 1024);
	test_unmap(MOCK_IOVA, self->length);
	/* The pages of the copy stay, those at its ends too. */
	test_maps(copy, length, self->mem + part);
	test_pinned((length + PAGE) / 1024);
	test_refs(self->mem + part - MOCK_PAGE, length + PAGE, 1);
	test_refs(self->mem, part - MOCK_PAGE, 0);
	test_unmap(copy, length);
	test_pinned(0);
	test_refs(self->mem, self->length, 0);
}

TEST_F(memory, domain_attached_later_and_detached_first)
{
	uint32_t hwpt;

	test_map_fixed(self->mem, self->length, MOCK_IOVA);
	test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, self->length,
				self->mem));
	test_pinned(self->length / 1024);
	test_destroy(hwpt);
	test_maps(MOCK_IOVA, self->length, self->mem);
	test_refs(self->mem, self->length, 1);
}

TEST_F(memory, domain_attached_first_and_detached_first)
{
	uint32_t hwpt;

	test_map_fixed(self->mem, self->length, MOCK_IOVA);
	test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
	for (unsigned int i = 0; i < variant->domains; i++)
		test_destroy(self->dev[i].stdev);
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, self->length,
				self->mem));
	test_refs(self->mem, self->length, 1);
	if (variant->domains > 1)
		test_destroy(self->dev[1].hwpt);
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, self->length,
				self->mem));
	test_destroy(hwpt);
	test_pinned(0);
	test_refs(self->mem, self->length, 0);
}

/* A model of what is mapped where */
#define SLOTS 24

struct slot {
	bool used;
	size_t first, npages;
};

TEST_F(memory, random_maps_and_unmaps)
{
	size_t pages = self->length / PAGE, total = 0;
	unsigned int seed = variant->kind * 4 + variant->domains;
	struct slot slots[SLOTS] = {};
	uint64_t unmapped;

	TH_LOG("seed %u", seed);
	for (int round = 0; round < 80; round++) {
		unsigned int n = rand_r(&seed) / 7 % SLOTS;
		uint64_t iova = MOCK_IOVA + n * HUGE * 2;
		struct slot *slot = &slots[n];
		size_t first = rand_r(&seed) / 7 % pages;
		size_t npages = 1 + rand_r(&seed) / 7 % 40;

		if (slot->used) {
			test_unmap(iova, slot->npages * PAGE);
			total -= slot->npages;
			slot->used = false;
			continue;
		}
		if (npages > pages - first)
			npages = pages - first;
		test_map_fixed(self->mem + first * PAGE, npages * PAGE, iova);
		test_maps(iova, npages * PAGE, self->mem + first * PAGE);
		*slot = (struct slot){ true, first, npages };
		total += npages;
		test_pinned(total * PAGE / 1024);
	}
	for (size_t page = 0; page < pages; page++) {
		unsigned int refs = 0;

		for (int i = 0; i < SLOTS; i++)
			refs += slots[i].used && page >= slots[i].first &&
				page - slots[i].first < slots[i].npages;
		test_refs(self->mem + page * PAGE, PAGE, refs);
	}
	test_unmap_all(&unmapped);
	ASSERT_EQ(total * PAGE, unmapped);
	test_refs(self->mem, self->length, 0);
}

TEST_HARNESS_MAIN
