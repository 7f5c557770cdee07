// SPDX-License-Identifier: GPL-2.0
/*
 * Which memory a device reaches, wherever it sits, and what DMA to the rest
 * does.
 */
#include "common.h"
#include "mem_frames.h"

struct dma {
	int fd;
	uint32_t ioas;
	struct edu edu;
	uint8_t *mem;
};

#define dma_open(_place)						\
	do {								\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0);					\
		test_ioas_alloc(&self->ioas);				\
		test_edu_attach(&self->edu, _place, 0, self->ioas);	\
		self->mem = test_mem(mem_anon(16 * PAGE));		\
	} while (0)

#define dma_close()							\
	do {								\
		edu_close(&self->edu);					\
		close(self->fd);					\
		EXPECT_EQ(0, proc_status_kb("VmPin:"));			\
	} while (0)

FIXTURE(root_bus) { struct dma; };

FIXTURE_SETUP(root_bus)
{
	dma_open(PCI_ON_ROOT_BUS);
}

FIXTURE_TEARDOWN(root_bus)
{
	dma_close();
}

/*
 * The kernel prints only a few of these lines in five seconds, and other tests
 * cause them too: hence a second attempt after that time.
 */
TEST_F(root_bus, refused_dma_is_reported)
{
	uint64_t iova = IOVA + 3 * PAGE;
	bool seen = false;

	if (!pci_iommu_is_vtd())
		SKIP(return, "not VT-d: its driver logs few faults or none");
	test_map_fixed(self->mem, PAGE, IOVA);
	for (int i = 0; i < 2 && !seen; i++) {
		int kmsg = kmsg_open();

		ASSERT_GE(kmsg, 0);
		sleep_ms(i * 5100);
		ASSERT_TRUE(edu_store(&self->edu, iova, 64));
		seen = kmsg_wait_fault(kmsg, true, iova, 300);
		close(kmsg);
	}
	ASSERT_TRUE(seen);
}

/*
 * @_seed at @_from reaches @_to, both given as offsets of self->mem and IOVAs
 */
#define test_trip(_from_iova, _to_iova, _from, _to, _seed)		\
	do {								\
		mem_fill(self->mem + (_from), 200, _seed);		\
		ASSERT_TRUE(edu_load(&self->edu, _from_iova, 200));	\
		ASSERT_TRUE(edu_store(&self->edu, _to_iova, 200));	\
		ASSERT_TRUE(mem_is(self->mem + (_to), 200, _seed));	\
	} while (0)

/* The kernel's VT-d driver makes every page readable: that is not tested. */
TEST_F(root_bus, permissions)
{
	uint64_t read_only = IOVA, write_only = IOVA + PAGE;

	test_map_to(self->ioas, self->mem, PAGE, &read_only,
		    MAP_READ | MAP_FIXED_IOVA);
	test_map_to(self->ioas, self->mem + PAGE, PAGE, &write_only,
		    MAP_WRITE | MAP_FIXED_IOVA);
	/* Read where reading is allowed, write where writing is. */
	test_trip(read_only, write_only, 0, PAGE, 1);
	/* Write where only reading is allowed. */
	ASSERT_TRUE(edu_store(&self->edu, read_only + 1000, 200));
	ASSERT_TRUE(mem_is_zero(self->mem + 1000, 200));
}

TEST_F(root_bus, last_pages_of_each_range)
{
	struct iommu_iova_range ranges[8];
	uint32_t num = ARRAY_SIZE(ranges);

	test_ok(_test_iova_ranges(self->fd, self->ioas, ranges, &num, NULL));
	ASSERT_LT(1, num);
	ASSERT_LE((1UL << 39) - 1, ranges[num - 1].last);
	for (uint32_t i = 0; i < num; i++) {
		uint64_t last = ranges[i].last - PAGE + 1;

		test_map_fixed(self->mem, PAGE, last);
		test_map_fixed(self->mem + PAGE, PAGE, ranges[i].start);
		test_trip(last + PAGE - 200, ranges[i].start, PAGE - 200, PAGE,
			  i + 1);
	}
}

TEST_F(root_bus, scattered_memory_is_one_range)
{
	uint8_t *scattered = test_mem(mem_reserve(16 * PAGE));

	/* In reverse order pages are neighbours in IOVA space, not in RAM. */
	for (int i = 0; i < 16; i++)
		ASSERT_EQ(scattered + i * PAGE,
			  mremap(self->mem + (15 - i) * PAGE, PAGE, PAGE,
				 MREMAP_MAYMOVE | MREMAP_FIXED,
				 scattered + i * PAGE));
	test_map_fixed(scattered, 16 * PAGE, IOVA);
	self->mem = scattered;
	test_trip(IOVA + PAGE - 100, IOVA + 10 * PAGE - 50, PAGE - 100,
		  10 * PAGE - 50, 5);
}

TEST_F(root_bus, one_page_at_many_iovas)
{
	for (int i = 0; i < 64; i++)
		test_map_fixed(self->mem, PAGE, IOVA + i * HUGE);
	test_pinned(64 * 4);
	test_trip(IOVA, IOVA + 63 * HUGE + 1000, 0, 1000, 6);
	for (int i = 0; i < 63; i++)
		test_unmap(IOVA + i * HUGE, PAGE);
	test_trip(IOVA + 63 * HUGE, IOVA + 63 * HUGE + 2000, 0, 2000, 7);
}

/* The IOTLB of an emulated IOMMU keeps what a device has used, too. */
TEST_F(root_bus, mappings_with_gaps_go_at_once)
{
	static const uint64_t steps[] = { 3 * PAGE, HUGE };

	for (int s = 0; s < ARRAY_SIZE(steps); s++) {
		for (int i = 0; i < 16; i++)
			test_map_fixed(self->mem + i * PAGE, PAGE,
				       IOVA + i * steps[s]);
		mem_fill(self->mem, 200, s + 1);
		ASSERT_TRUE(edu_load(&self->edu, IOVA, 200));
		for (int i = 0; i < 16; i++) {
			ASSERT_TRUE(edu_store(&self->edu, IOVA + i * steps[s],
					      200));
			ASSERT_TRUE(mem_is(self->mem + i * PAGE, 200, s + 1));
		}
		test_unmap_all(NULL);
		test_pinned(0);
		memset(self->mem, 0, 16 * PAGE);
		for (int i = 0; i < 16; i++)
			ASSERT_TRUE(edu_store(&self->edu, IOVA + i * steps[s],
					      200));
		ASSERT_TRUE(mem_is_zero(self->mem, 16 * PAGE));
	}
}

/* No page table of the process records what a device writes. */
TEST_F(root_bus, written_pages_are_dirty_after_unmap)
{
	static const size_t numbers[] = { 1, 64 };

	for (int i = 0; i < ARRAY_SIZE(numbers); i++) {
		size_t pages = numbers[i];
		uint8_t *clean = test_mem(mem_scattered_clean(pages));
		uint64_t iova = IOVA;

		test_map_to(self->ioas, clean, pages * PAGE, &iova,
			    MAP_READ | MAP_FIXED_IOVA);
		ASSERT_TRUE(edu_load(&self->edu, IOVA, 200));
		test_unmap(IOVA, pages * PAGE);
		ASSERT_EQ(0, mem_dirty(clean, pages));

		test_map_fixed(clean, pages * PAGE, IOVA);
		ASSERT_TRUE(edu_store(&self->edu, IOVA, 200));
		test_unmap(IOVA, pages * PAGE);
		ASSERT_EQ(pages, mem_dirty(clean, pages));
		munmap(clean, pages * PAGE);
	}
}

/* A huge IO page next to small ones is unmapped as a whole. */
TEST_F(root_bus, huge_page_and_its_neighbours)
{
	uint8_t *huge = test_thp(HUGE);

	self->mem = huge;
	test_map_fixed(huge, HUGE, IOVA);
	test_map_fixed(huge, PAGE, IOVA + HUGE);
	test_map_fixed(huge, PAGE, IOVA - PAGE);
	test_trip(IOVA + HUGE - 1000, IOVA - 3000, HUGE - 1000, PAGE - 3000, 8);
	test_unmap(IOVA, HUGE);
	memset(huge, 0, HUGE);
	ASSERT_TRUE(edu_store(&self->edu, IOVA + HUGE - PAGE, 200));
	ASSERT_TRUE(mem_is_zero(huge, HUGE));
	ASSERT_TRUE(edu_store(&self->edu, IOVA + HUGE, 200));
	ASSERT_TRUE(mem_is(huge, 200, 8));
}

TEST_F(root_bus, two_devices_at_the_same_time)
{
	struct edu other;

	test_map_fixed(self->mem, 16 * PAGE, IOVA);
	test_edu_attach(&other, PCI_ON_ROOT_BUS, 1, self->ioas);
	mem_fill(self->mem, 2000, 1);
	mem_fill(self->mem + PAGE, 2000, 2);
	edu_dma_start(&self->edu, IOVA, 0, 2000, 0);
	edu_dma_start(&other, IOVA + PAGE, 0, 2000, 0);
	ASSERT_TRUE(edu_dma_wait(&self->edu));
	ASSERT_TRUE(edu_dma_wait(&other));
	edu_dma_start(&self->edu, IOVA + 8 * PAGE, 0, 2000, EDU_DMA_TO_RAM);
	edu_dma_start(&other, IOVA + 9 * PAGE, 0, 2000, EDU_DMA_TO_RAM);
	ASSERT_TRUE(edu_dma_wait(&self->edu));
	ASSERT_TRUE(edu_dma_wait(&other));
	ASSERT_TRUE(mem_is(self->mem + 8 * PAGE, 2000, 1));
	ASSERT_TRUE(mem_is(self->mem + 9 * PAGE, 2000, 2));
	edu_close(&other);
}

/* The device writes before UNMAP returns or not at all. */
TEST_F(root_bus, unmap_during_a_transfer)
{
	test_map_fixed(self->mem, PAGE, IOVA);
	mem_fill(self->mem, 500, 3);
	ASSERT_TRUE(edu_load(&self->edu, IOVA, 500));
	memset(self->mem, 0, PAGE);
	edu_dma_start(&self->edu, IOVA, 0, 500, EDU_DMA_TO_RAM);
	test_unmap(IOVA, PAGE);
	/* The device writes 100 ms later, when the page is unmapped. */
	ASSERT_TRUE(edu_dma_wait(&self->edu));
	ASSERT_TRUE(mem_is_zero(self->mem, PAGE));
}

/* The same tests for each place of the device */
FIXTURE(any_place) { struct dma; };

FIXTURE_VARIANT(any_place) {
	enum pci_place place;
};

FIXTURE_VARIANT_ADD(any_place, root_bus) { PCI_ON_ROOT_BUS };
FIXTURE_VARIANT_ADD(any_place, behind_port) { PCI_BEHIND_PORT };
FIXTURE_VARIANT_ADD(any_place, shared_group) { PCI_SHARED_GROUP };

FIXTURE_SETUP(any_place)
{
	dma_open(variant->place);
	test_map_fixed(self->mem, 16 * PAGE, IOVA);
}

FIXTURE_TEARDOWN(any_place)
{
	dma_close();
}

static bool is_last_of_page(size_t offset)
{
	return offset % PAGE == PAGE - 1;
}

TEST_F(any_place, lengths_and_offsets)
{
	static const struct { size_t from, to; unsigned int count; } trips[] = {
		{ 1, 2 * PAGE + 3, 1 },
		{ PAGE - 2, 3 * PAGE - 2, 4 },
		{ PAGE - 1, 3 * PAGE - 1, 2 },
		{ 6 * PAGE + 1, 8 * PAGE - 1, 4095 },
	};
	uint8_t *want = test_mem(mem_anon(16 * PAGE));

	for (int i = 0; i < ARRAY_SIZE(trips); i++) {
		/*
		 * If a transfer begins with the last byte of a mapping, QEMU's
		 * virtio-iommu uses the next mapping for it. There is a mapping
		 * for each run of physical pages.
		 */
		if ((is_last_of_page(trips[i].from) ||
		     is_last_of_page(trips[i].to)) &&
		    !pci_iommu_is_vtd() && !pci_iommu_is_amd())
			continue;
		mem_fill(self->mem, 16 * PAGE, i + 1);
		memcpy(want, self->mem, 16 * PAGE);
		memcpy(want + trips[i].to, self->mem + trips[i].from,
		       trips[i].count);
		ASSERT_TRUE(edu_load(&self->edu, IOVA + trips[i].from,
				     trips[i].count));
		ASSERT_TRUE(edu_store(&self->edu, IOVA + trips[i].to,
				      trips[i].count));
		ASSERT_EQ(0, memcmp(want, self->mem, 16 * PAGE));
	}
}

TEST_F(any_place, dma_to_an_unmapped_iova)
{
	mem_fill(self->mem, 100, 1);
	mem_fill(self->mem + 8 * PAGE, 100, 2);
	ASSERT_TRUE(edu_load(&self->edu, IOVA, 100));
	test_unmap(IOVA, 16 * PAGE);
	test_map_fixed(self->mem + 4 * PAGE, PAGE, IOVA + 4 * PAGE);
	/* A write outside of the mapping changes nothing, a read gets zeros. */
	ASSERT_TRUE(edu_store(&self->edu, IOVA + 8 * PAGE, 100));
	ASSERT_TRUE(mem_is(self->mem + 8 * PAGE, 100, 2));
	ASSERT_TRUE(edu_load(&self->edu, IOVA + 8 * PAGE, 100));
	memset(self->mem + 4 * PAGE, 0xff, 100);
	ASSERT_TRUE(edu_store(&self->edu, IOVA + 4 * PAGE, 100));
	ASSERT_TRUE(mem_is_zero(self->mem + 4 * PAGE, 100));
}

TEST_F(any_place, transfer_across_the_end_of_a_mapping)
{
	test_unmap(IOVA, 16 * PAGE);
	test_map_fixed(self->mem, PAGE, IOVA);
	test_map_fixed(self->mem + PAGE, PAGE, IOVA + 8 * PAGE);
	mem_fill(self->mem + PAGE, 2000, 3);
	ASSERT_TRUE(edu_load(&self->edu, IOVA + 8 * PAGE, 2000));
	memset(self->mem, 0, 4 * PAGE);
	/* The first 1000 bytes arrive, the next page is not there. */
	ASSERT_TRUE(edu_store(&self->edu, IOVA + PAGE - 1000, 2000));
	ASSERT_TRUE(mem_is(self->mem + PAGE - 1000, 1000, 3));
	ASSERT_TRUE(mem_is_zero(self->mem + PAGE, 3 * PAGE));
}

TEST_HARNESS_MAIN
