// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses: a driver pins, reads and writes mapped memory in place of a device,
 * and unpins when UNMAP asks for it.
 */
#include <pthread.h>

#include "mock_space.h"

#define ULMAX	UINT64_MAX
#define PIN	MOCK_ACCESS_NEEDS_PIN_PAGES
#define MAX_BYTES (16UL << 20)

/* An access and a domain share one pin. */
#define test_pin_refs(_va, _length, _pins)				\
	test_refs(_va, _length, variant->domains || (_pins))

TEST_F(mock, accesses_and_domains_share_pins)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint32_t pin[3];
	int access;

	test_access_create(PIN, &access);
	test_map_fixed(mem, 8 * PAGE, MOCK_IOVA);
	test_mapped_refs(mem, 8 * PAGE, 1);
	/* The whole mapping, a part of it, and the same part again */
	test_access_pin(access, MOCK_IOVA, 8 * PAGE, mem, 0, &pin[0]);
	test_refs(mem, 8 * PAGE, 1);
	test_pinned(8 * PAGE / 1024);
	test_access_pin(access, MOCK_IOVA + 2 * PAGE, 3 * PAGE, mem + 2 * PAGE,
			MOCK_ACCESS_WRITE, &pin[1]);
	test_access_pin(access, MOCK_IOVA + 2 * PAGE, 3 * PAGE, mem + 2 * PAGE,
			0, &pin[2]);
	test_refs(mem, 8 * PAGE, 1);
	test_access_unpin(access, pin[0]);
	test_pin_refs(mem, 2 * PAGE, 0);
	test_refs(mem + 2 * PAGE, 3 * PAGE, 1);
	test_pin_refs(mem + 5 * PAGE, 3 * PAGE, 0);
	test_access_unpin(access, pin[2]);
	test_refs(mem + 2 * PAGE, 3 * PAGE, 1);
	test_access_unpin(access, pin[1]);
	test_mapped_refs(mem, 8 * PAGE, 1);
	test_err_access_unpin(ENOENT, access, pin[1]);
	test_err_access_unpin(ENOENT, access, pin[2] + 1);
	test_maps(MOCK_IOVA, 8 * PAGE, mem);
	close(access);
}

TEST_F(mock, only_the_requested_pages_are_pinned)
{
	uint8_t *mem = test_mem(mem_anon(64 * PAGE));
	uint32_t pin;
	int access;

	test_access_create(PIN, &access);
	test_map_fixed(mem, 64 * PAGE, MOCK_IOVA);
	for (unsigned long i = 0; i < 64; i += 7) {
		test_access_pin(access, MOCK_IOVA + i * PAGE, PAGE,
				mem + i * PAGE, 0, &pin);
		test_refs(mem + i * PAGE, PAGE, 1);
		if (!variant->domains)
			test_pinned((i / 7 + 1) * 4);
	}
	/* The close of an access ends its pins. */
	close(access);
	test_mapped_refs(mem, 64 * PAGE, 1);
	test_mapped_pinned(64 * PAGE);
}

TEST_F(mock, pin_across_mappings)
{
	uint8_t *mem = test_mem(mem_anon(16 * PAGE));
	uint32_t pin, first;
	int access;

	test_access_create(PIN, &access);
	for (int i = 0; i < 4; i++)
		test_map_fixed(mem + i * 4 * PAGE, 4 * PAGE,
			       MOCK_IOVA + i * 4 * PAGE);
	test_access_pin(access, MOCK_IOVA + 2 * PAGE, 12 * PAGE,
			mem + 2 * PAGE, 0, &pin);
	test_access_pin(access, MOCK_IOVA, PAGE, mem, 0, &first);
	test_refs(mem + 2 * PAGE, 12 * PAGE, 1);
	/* UNMAP of one mapping ends a pin that spans several. */
	test_unmap(MOCK_IOVA + 8 * PAGE, 4 * PAGE);
	test_err_access_unpin(ENOENT, access, pin);
	test_mapped_refs(mem + PAGE, 7 * PAGE, 1);
	test_refs(mem + 8 * PAGE, 4 * PAGE, 0);
	test_refs(mem, PAGE, 1);
	test_err_access_pin(ENOENT, access, MOCK_IOVA + 2 * PAGE, 12 * PAGE,
			    NULL, 0);
	test_access_unpin(access, first);
	close(access);
}

TEST_F(mock, pin_refuses)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t iova = MOCK_IOVA + 4 * PAGE;
	int access, reader;

	test_access_create(PIN, &access);
	test_access_create(0, &reader);
	test_map_fixed(mem, 2 * PAGE, MOCK_IOVA);
	test_map_to(self->ioas, mem + 2 * PAGE, PAGE, &iova,
		    MAP_READ | MAP_FIXED_IOVA);
	test_err_access_pin(EINVAL, access, MOCK_IOVA, 0, NULL, 0);
	test_err_access_pin(EINVAL, access, MOCK_IOVA + 1, PAGE, NULL, 0);
	test_err_access_pin(EINVAL, access, MOCK_IOVA + MOCK_PAGE, MOCK_PAGE,
			    NULL, 0);
	test_err_access_pin(EOVERFLOW, access, ULMAX, 2, NULL, 0);
	test_err_access_pin(EOVERFLOW, access, -PAGE, 2 * PAGE, NULL, 0);
	test_err_access_pin(ENOENT, access, MOCK_IOVA, 3 * PAGE, NULL, 0);
	test_err_access_pin(ENOENT, access, MOCK_IOVA - PAGE, PAGE, NULL, 0);
	test_err_access_pin(ENOENT, access, MOCK_IOVA - PAGE, 2 * PAGE, NULL,
			    0);
	test_err_access_pin(ENOENT, access, -PAGE, PAGE, NULL, 0);
	test_err_access_pin(EPERM, access, iova, PAGE, NULL,
			    MOCK_ACCESS_WRITE);
	test_err_access_pin(ENOMEM, access, MOCK_IOVA, MAX_BYTES + 1, NULL, 0);
	test_err_access_pin(ENOENT, access, MOCK_IOVA, MAX_BYTES, NULL, 0);
	test_err_access_pin(EOPNOTSUPP, reader, MOCK_IOVA, PAGE, NULL, 0);
	for (int bit = 1; bit < 32; bit++)
		if (bit != 16)
			test_err_access_pin(EOPNOTSUPP, access, MOCK_IOVA, PAGE,
					    NULL, 1U << bit);
	test_mapped_refs(mem, 3 * PAGE, 1);
	/* The mock unpins if the pages are not the expected ones. */
	test_err_access_pin(EBADE, access, MOCK_IOVA, 2 * PAGE, mem + PAGE, 0);
	test_mapped_refs(mem, 3 * PAGE, 1);
	close(access);
	close(reader);
}

/* The permissions of the mapping count, not those of other mappings. */
TEST_F(mock, permissions_are_those_of_the_mapping)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint64_t both = MOCK_IOVA, read = MOCK_IOVA + 2 * PAGE;
	uint64_t write = MOCK_IOVA + 4 * PAGE, again = MOCK_IOVA + 6 * PAGE;
	uint8_t byte = 7;
	uint32_t pin;
	int access;

	test_access_create(PIN, &access);
	test_map_fixed(mem, PAGE, both);
	test_copy(self->ioas, &read, self->ioas, both, PAGE,
		  MAP_READ | MAP_FIXED_IOVA);
	test_copy(self->ioas, &write, self->ioas, both, PAGE,
		  MAP_WRITE | MAP_FIXED_IOVA);
	test_err_access_rw(EPERM, access, read, 1, &byte, MOCK_ACCESS_WRITE);
	test_err_access_pin(EPERM, access, read, PAGE, NULL,
			    MOCK_ACCESS_WRITE);
	test_err_access_rw(EPERM, access, write, 1, &byte, 0);
	test_err_access_pin(EPERM, access, write, PAGE, NULL, 0);
	test_access_rw(access, write, 1, &byte, MOCK_ACCESS_WRITE);
	ASSERT_EQ(7, mem[0]);
	test_access_pin(access, write, PAGE, mem, MOCK_ACCESS_WRITE, &pin);
	test_access_unpin(access, pin);
	test_access_rw(access, read, 1, &byte, 0);
	test_access_pin(access, read, PAGE, mem, 0, &pin);
	test_access_unpin(access, pin);
	/* A copy of the read-only mapping may be writable: the memory is. */
	test_copy(self->ioas, &again, self->ioas, read, PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_access_rw(access, again, 1, &byte, MOCK_ACCESS_WRITE);
	close(access);
}

TEST_F(mock, part_of_the_last_page_can_be_pinned)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint32_t pin;
	int access;

	test_access_create(PIN, &access);
	test_map_fixed(mem, 2 * PAGE, MOCK_IOVA);
	test_access_pin(access, MOCK_IOVA, PAGE + 1, mem, 0, &pin);
	test_refs(mem, 2 * PAGE, 1);
	test_access_unpin(access, pin);
	test_access_pin(access, MOCK_IOVA + PAGE, 1, mem + PAGE, 0, &pin);
	test_pin_refs(mem, PAGE, 0);
	test_refs(mem + PAGE, PAGE, 1);
	test_unmap(MOCK_IOVA, 2 * PAGE);
	test_refs(mem, 2 * PAGE, 0);
	close(access);
}

TEST_F(mock, missing_memory_cannot_be_pinned)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint8_t buffer[64];
	uint32_t pin;
	int access;

	if (variant->domains) {
		ASSERT_EQ(0, munmap(mem + 3 * PAGE, PAGE));
		test_err_map_fixed(EFAULT, mem, 8 * PAGE, MOCK_IOVA);
		return;
	}
	test_access_create(PIN, &access);
	test_map_fixed(mem, 8 * PAGE, MOCK_IOVA);
	ASSERT_EQ(0, munmap(mem + 3 * PAGE, PAGE));
	test_err_access_pin(EFAULT, access, MOCK_IOVA, 8 * PAGE, NULL, 0);
	test_err_access_pin(EFAULT, access, MOCK_IOVA + 3 * PAGE, PAGE, NULL,
			    0);
	test_refs(mem, 3 * PAGE, 0);
	test_refs(mem + 4 * PAGE, 4 * PAGE, 0);
	test_err_access_rw(EFAULT, access, MOCK_IOVA + 3 * PAGE - 32, 64,
			   buffer, 0);
	test_err_access_rw(EFAULT, access, MOCK_IOVA + 3 * PAGE, 1, buffer,
			   MOCK_ACCESS_WRITE);
	test_access_pin(access, MOCK_IOVA + 4 * PAGE, 4 * PAGE, mem + 4 * PAGE,
			0, &pin);
	test_access_rw(access, MOCK_IOVA + 2 * PAGE, PAGE, mem, 0);
	close(access);
}

TEST_F(mock, unmap_asks_for_the_pins)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint32_t pin[8];
	int access[2];

	test_access_create(PIN, &access[0]);
	test_access_create(PIN, &access[1]);
	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_map_fixed(mem + 4 * PAGE, 4 * PAGE, MOCK_IOVA + 4 * PAGE);
	for (int i = 0; i < 8; i++)
		test_access_pin(access[i % 2], MOCK_IOVA + i * PAGE, PAGE,
				mem + i * PAGE, 0, &pin[i]);
	test_unmap(MOCK_IOVA, 4 * PAGE);
	for (int i = 0; i < 4; i++)
		test_err_access_unpin(ENOENT, access[i % 2], pin[i]);
	test_refs(mem, 4 * PAGE, 0);
	/* The others keep theirs. */
	test_refs(mem + 4 * PAGE, 4 * PAGE, 1);
	for (int i = 4; i < 8; i++)
		test_access_unpin(access[i % 2], pin[i]);
	test_mapped_refs(mem + 4 * PAGE, 4 * PAGE, 1);
	close(access[0]);
	close(access[1]);
}

TEST_F(mock, unmap_of_everything_asks_for_all_pins)
{
	uint8_t *mem = test_mem(mem_anon(8 * PAGE));
	uint64_t unmapped;
	uint32_t pin;
	int access;

	test_access_create(PIN, &access);
	for (int i = 0; i < 200; i++)
		test_map_fixed(mem + i % 8 * PAGE, PAGE, MOCK_IOVA + i * PAGE);
	for (int i = 0; i < 200; i += 3)
		test_access_pin(access, MOCK_IOVA + i * PAGE, PAGE,
				mem + i % 8 * PAGE, 0, &pin);
	test_unmap_all(&unmapped);
	ASSERT_EQ(200 * PAGE, unmapped);
	test_refs(mem, 8 * PAGE, 0);
	test_pinned(0);
	test_err_access_unpin(ENOENT, access, pin);
	close(access);
}

/* An UNMAP of @length bytes from MOCK_IOVA on, in a thread of its own */
struct unmapper {
	pthread_t thread;
	int fd;
	uint32_t ioas;
	uint64_t length;
	int rc;
};

static void *unmap_thread(void *arg)
{
	struct unmapper *u = arg;
	uint64_t unmapped = 0;

	u->rc = _test_ioas_unmap(u->fd, u->ioas, MOCK_IOVA, u->length,
				 &unmapped);
	if (!u->rc && unmapped != u->length)
		u->rc = EPROTO;
	return NULL;
}

#define test_start_unmap(_unmapper, _ioas, _length)			\
	do {								\
		*(_unmapper) = (struct unmapper){			\
			.fd = self->fd, .ioas = _ioas, .length = _length, \
		};							\
		ASSERT_EQ(0, pthread_create(&(_unmapper)->thread, NULL,	\
					    unmap_thread, _unmapper));	\
	} while (0)
#define test_end_unmap(_unmapper, _errno)				\
	do {								\
		ASSERT_EQ(0, pthread_join((_unmapper)->thread, NULL));	\
		ASSERT_EQ(_errno, (_unmapper)->rc);			\
	} while (0)

TEST_F(mock, new_pins_are_refused_while_an_unmap_waits)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct unmapper u;
	uint32_t pin, again;
	uint8_t byte;
	int access, rc = 0;

	test_access_create(PIN, &access);
	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_access_pin(access, MOCK_IOVA, PAGE, mem, 0, &pin);
	test_mock_param("keep_pins", 1);
	test_start_unmap(&u, self->ioas, 4 * PAGE);
	/* UNMAP waits for up to a second once it runs. */
	for (uint64_t end = now_ms() + 5000; !rc && now_ms() < end;) {
		rc = _test_access_pin(self->fd, access, MOCK_IOVA + 2 * PAGE,
				      PAGE, NULL, 0, &again);
		if (!rc)
			test_access_unpin(access, again);
	}
	EXPECT_EQ(EINVAL, rc);
	/* Reads and writes go on. */
	EXPECT_EQ(0, _test_access_rw(self->fd, access, MOCK_IOVA, 1, &byte, 0));
	EXPECT_EQ(0, _test_access_unpin(self->fd, access, pin));
	test_end_unmap(&u, 0);
	test_refs(mem, 4 * PAGE, 0);
	close(access);
}

/*
 * An access with a pin, and an UNMAP that has called the unmap callback, which
 * takes a while.
 */
#define test_unmap_at_the_driver(_unmapper, _mem, _access, _pin)		\
	do {								\
		test_access_create(PIN, &(_access));			\
		test_map_fixed(_mem, 4 * PAGE, MOCK_IOVA);		\
		test_access_pin(_access, MOCK_IOVA, PAGE, _mem, 0, &(_pin)); \
		test_start_unmap(_unmapper, self->ioas, 4 * PAGE);	\
		for (uint64_t __end = now_ms() + 5000;			\
		     !mock_param_read("unmaps") && now_ms() < __end;)	\
			;						\
		ASSERT_EQ(1, mock_param_read("unmaps"));		\
	} while (0)

/* The driver holds a lock around replace that its callback takes as well. */
TEST_F(mock, unmap_callback_may_take_the_lock_held_around_replace)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	long stuck = mock_param_read("stuck");
	struct unmapper u;
	uint32_t ioas, pin;
	int access;

	test_ioas_alloc(&ioas);
	test_mock_param("unmap_locks", 1);
	test_mock_param("unmap_delay", 500);
	test_unmap_at_the_driver(&u, mem, access, pin);
	test_access_replace(access, ioas);
	test_end_unmap(&u, 0);
	ASSERT_EQ(stuck, mock_param_read("stuck"));
	test_err_access_unpin(ENOENT, access, pin);
	test_refs(mem, 4 * PAGE, 0);
	close(access);
	test_destroy(ioas);
}

/* The callback is unpinning; the pin still belongs to the old IOAS. */
TEST_F(mock, replace_waits_for_a_pin_that_is_being_undone)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct unmapper u;
	uint32_t ioas, pin;
	int access;

	test_ioas_alloc(&ioas);
	test_mock_param("unpin_delay", 500);
	test_unmap_at_the_driver(&u, mem, access, pin);
	usleep(100000);
	test_err_access_unpin(ENOENT, access, pin);
	test_access_replace(access, ioas);
	test_end_unmap(&u, 0);
	test_refs(mem, 4 * PAGE, 0);
	close(access);
	test_destroy(ioas);
}

TEST_F(mock, end_of_an_access_waits_for_its_callbacks)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	struct unmapper u;
	uint32_t pin;
	int access;

	test_mock_param("unmap_delay", 500);
	test_unmap_at_the_driver(&u, mem, access, pin);
	close(access);
	ASSERT_EQ(0, mock_param_read("unmaps"));
	test_end_unmap(&u, 0);
	test_refs(mem, 4 * PAGE, 0);
}

TEST_F(mock, rw_at_every_offset)
{
	uint8_t *mem = test_mem(mem_anon(5 * PAGE));
	static uint8_t buffer[4 * PAGE];
	static const unsigned long offsets[] = {
		0, 1, 7, MOCK_PAGE - 1, MOCK_PAGE, PAGE - 1, PAGE, PAGE + 1,
	};
	static const unsigned long lengths[] = {
		1, 2, 63, MOCK_PAGE, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE,
	};
	int access, seed = 0;

	test_access_create(0, &access);
	/* Several mappings that meet at half a page */
	test_map_fixed(mem, PAGE + MOCK_PAGE, MOCK_IOVA);
	test_map_fixed(mem + PAGE + MOCK_PAGE, 2 * PAGE,
		       MOCK_IOVA + PAGE + MOCK_PAGE);
	test_map_fixed(mem + 3 * PAGE + MOCK_PAGE, PAGE + MOCK_PAGE,
		       MOCK_IOVA + 3 * PAGE + MOCK_PAGE);
	for (int i = 0; i < ARRAY_SIZE(offsets) * ARRAY_SIZE(lengths); i++) {
		unsigned long offset = offsets[i % ARRAY_SIZE(offsets)];
		unsigned long length = lengths[i / ARRAY_SIZE(offsets)];
		uint32_t slow = i % 3 ? 0 : MOCK_ACCESS_SLOW_PATH;

		memset(mem, 0xee, 5 * PAGE);
		mem_fill(buffer, length, ++seed);
		test_access_rw(access, MOCK_IOVA + offset, length, buffer,
			       MOCK_ACCESS_WRITE | slow);
		ASSERT_TRUE(mem_is(mem + offset, length, seed));
		ASSERT_EQ(0xee, mem[offset + length]);
		if (offset)
			ASSERT_EQ(0xee, mem[offset - 1]);
		memset(buffer, 0, sizeof(buffer));
		test_access_rw(access, MOCK_IOVA + offset, length, buffer,
			       slow);
		ASSERT_TRUE(mem_is(buffer, length, seed));
		ASSERT_EQ(0, buffer[length]);
	}
	test_mapped_refs(mem, PAGE, 1);
	close(access);
}

TEST_F(mock, rw_of_bytes_without_a_domain)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint8_t buffer[64] = {};
	int access;

	if (variant->domains) {
		test_err_map_fixed(EINVAL, mem + 5, 33, 77);
		return;
	}
	test_access_create(0, &access);
	mem_fill(mem, 2 * PAGE, 3);
	test_map_fixed(mem + PAGE - 10, 33, 77);
	test_map_fixed(mem, 7, 77 + 33);
	test_access_rw(access, 77, 40, buffer, 0);
	ASSERT_EQ(0, memcmp(buffer, mem + PAGE - 10, 33));
	ASSERT_EQ(0, memcmp(buffer + 33, mem, 7));
	test_err_access_rw(ENOENT, access, 76, 2, buffer, 0);
	test_err_access_rw(ENOENT, access, 77, 41, buffer, 0);
	close(access);
	/* An access that pins needs page alignment. */
	test_err_access_create(EADDRINUSE, self->ioas, PIN);
}

TEST_F(mock, rw_refuses)
{
	uint8_t *mem = test_mem(mem_anon(2 * PAGE));
	uint8_t *big = test_mem(mem_reserve(MAX_BYTES + PAGE));
	uint64_t iova = MOCK_IOVA + PAGE;
	uint8_t *buffer = test_mem(mem_anon(2 * PAGE));
	int access;

	test_access_create(0, &access);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_map_to(self->ioas, mem + PAGE, PAGE, &iova,
		    MAP_READ | MAP_FIXED_IOVA);
	test_err_access_rw(EINVAL, access, MOCK_IOVA, 0, buffer, 0);
	test_err_access_rw(EINVAL, access, MOCK_IOVA, 0, buffer,
			   MOCK_ACCESS_WRITE);
	test_err_access_rw(EOVERFLOW, access, ULMAX, 2, buffer, 0);
	test_err_access_rw(ENOENT, access, MOCK_IOVA - 1, 2, buffer, 0);
	test_err_access_rw(ENOENT, access, MOCK_IOVA + 2 * PAGE - 1, 2, buffer,
			   0);
	test_err_access_rw(ENOENT, access, ULMAX, 1, buffer, 0);
	test_err_access_rw(EPERM, access, MOCK_IOVA + PAGE, 1, buffer,
			   MOCK_ACCESS_WRITE);
	test_err_access_rw(EPERM, access, MOCK_IOVA + PAGE - 1, 2, buffer,
			   MOCK_ACCESS_WRITE);
	test_access_rw(access, MOCK_IOVA, 2 * PAGE, buffer, 0);
	test_err_access_rw(ENOMEM, access, MOCK_IOVA, MAX_BYTES + 1, big, 0);
	test_err_access_rw(ENOENT, access, MOCK_IOVA, MAX_BYTES, big, 0);
	test_err_access_rw(EFAULT, access, MOCK_IOVA, PAGE, NULL, 0);
	test_err_access_rw(EFAULT, access, MOCK_IOVA, PAGE, NULL,
			   MOCK_ACCESS_WRITE);
	for (int bit = 0; bit < 32; bit++)
		if (bit != 0 && bit != 2 && bit != 16)
			test_err_access_rw(EOPNOTSUPP, access, MOCK_IOVA, 1,
					   buffer, 1U << bit);
	test_mapped_refs(mem, 2 * PAGE, 1);
	close(access);
}

TEST_F(mock, rw_goes_to_what_is_pinned)
{
	uint8_t *mem = test_mem(mem_anon(PAGE)), *other;
	uint8_t buffer[16] = {};
	uint32_t pin;
	int access;

	test_access_create(PIN, &access);
	mem_fill(mem, PAGE, 1);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_access_pin(access, MOCK_IOVA, PAGE, mem, 0, &pin);
	other = mmap(mem, PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE,
		     -1, 0);
	ASSERT_EQ(mem, other);
	mem_fill(mem, PAGE, 2);
	/* Like a device it reaches the pinned page. */
	test_access_rw(access, MOCK_IOVA, 16, buffer, 0);
	ASSERT_TRUE(mem_is(buffer, 16, 1));
	test_access_unpin(access, pin);
	test_access_rw(access, MOCK_IOVA, 16, buffer, 0);
	ASSERT_TRUE(mem_is(buffer, 16, variant->domains ? 1 : 2));
	close(access);
}

/* An access writes without the page tables of the process. */
TEST_F(mock, pages_are_dirty_after_writing)
{
	uint8_t *mem = test_mem(mem_scattered_clean(16));
	uint8_t buffer[16] = {};
	uint32_t pin;
	int access;

	test_access_create(PIN, &access);
	ASSERT_EQ(0, mem_dirty(mem, 16));
	test_map_fixed(mem, 16 * PAGE, MOCK_IOVA);
	test_access_rw(access, MOCK_IOVA, 16, buffer, 0);
	test_access_rw(access, MOCK_IOVA + PAGE, 16, buffer, MOCK_ACCESS_WRITE);
	test_access_pin(access, MOCK_IOVA + 2 * PAGE, PAGE, mem + 2 * PAGE,
			MOCK_ACCESS_WRITE, &pin);
	test_access_unpin(access, pin);
	test_access_pin(access, MOCK_IOVA + 3 * PAGE, 13 * PAGE, mem + 3 * PAGE,
			MOCK_ACCESS_WRITE, &pin);
	test_access_unpin(access, pin);
	test_unmap(MOCK_IOVA, 16 * PAGE);
	ASSERT_EQ(!!variant->domains, mem_dirty(mem, 1));
	ASSERT_EQ(15, mem_dirty(mem + PAGE, 15));
	close(access);
}

TEST_F(mock, access_keeps_its_ioas)
{
	uint32_t ioas;
	int access;

	test_ioas_alloc(&ioas);
	test_ok(_test_access_create(self->fd, ioas, 0, &access));
	test_err_destroy(EBUSY, ioas);
	test_access_replace(access, self->ioas);
	test_destroy(ioas);
	if (!variant->domains) {
		test_err_destroy(EBUSY, self->ioas);
		close(access);
		test_destroy(self->ioas);
		return;
	}
	close(access);
	test_err_destroy(EBUSY, self->ioas);
}

TEST_F(mock, replace_ends_the_pins)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint8_t byte = 0;
	uint32_t ioas, pin;
	int access;

	test_ioas_alloc(&ioas);
	memset(mem, 5, 4 * PAGE);
	test_access_create(PIN, &access);
	test_map_fixed(mem, 2 * PAGE, MOCK_IOVA);
	test_ok(_test_map_fixed(self->fd, ioas, mem + 2 * PAGE, 2 * PAGE,
				MOCK_IOVA + 8 * PAGE, MAP_RW));
	test_access_pin(access, MOCK_IOVA, 2 * PAGE, mem, 0, &pin);
	test_access_replace(access, ioas);
	test_mapped_refs(mem, 2 * PAGE, 1);
	test_err_access_unpin(ENOENT, access, pin);
	test_err_access_pin(ENOENT, access, MOCK_IOVA, PAGE, NULL, 0);
	test_err_access_rw(ENOENT, access, MOCK_IOVA, 1, &byte, 0);
	test_access_pin(access, MOCK_IOVA + 8 * PAGE, 2 * PAGE, mem + 2 * PAGE,
			0, &pin);
	test_access_rw(access, MOCK_IOVA + 8 * PAGE, 1, &byte, 0);
	ASSERT_EQ(5, byte);
	test_refs(mem + 2 * PAGE, 2 * PAGE, 1);
	close(access);
	test_refs(mem + 2 * PAGE, 2 * PAGE, 0);
	test_destroy(ioas);
}

TEST_F(mock, failed_replace_changes_nothing)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint32_t ioas, pin;
	int access;

	test_ioas_alloc(&ioas);
	test_access_create(PIN, &access);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_access_pin(access, MOCK_IOVA, PAGE, mem, 0, &pin);
	test_ok(_test_map_fixed(self->fd, ioas, mem, 100, 100, MAP_RW));
	test_err_access_replace(EADDRINUSE, access, ioas);
	test_err_access_replace(ENOENT, access, 0);
	test_err_access_replace(ENOENT, access, 1000);
	if (variant->domains)
		test_err_access_replace(ENOENT, access, self->dev[0].hwpt);
	test_refs(mem, PAGE, 1);
	test_access_unpin(access, pin);
	test_access_pin(access, MOCK_IOVA, PAGE, mem, 0, &pin);
	/* The other IOAS has no user. */
	test_destroy(ioas);
	close(access);
}

TEST_F(mock, replace_with_the_same_keeps_the_ioas)
{
	uint8_t *mem = test_mem(mem_anon(PAGE));
	uint8_t byte;
	int access;

	test_access_create(PIN, &access);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_access_replace(access, self->ioas);
	test_access_rw(access, MOCK_IOVA, 1, &byte, 0);
	close(access);
	test_unmap(MOCK_IOVA, PAGE);
}

TEST_F(mock, pins_end_with_the_descriptor)
{
	uint8_t *mem = test_mem(mem_anon(32 * PAGE));
	uint32_t pin;
	int access, again;

	test_access_create(PIN, &access);
	test_map_fixed(mem, 32 * PAGE, MOCK_IOVA);
	for (int i = 0; i < 32; i++)
		test_access_pin(access, MOCK_IOVA + i / 2 * PAGE,
				(1 + i % 16) * PAGE, mem + i / 2 * PAGE, 0,
				&pin);
	again = dup(access);
	close(access);
	test_access_unpin(again, pin);
	test_refs(mem, 16 * PAGE, 1);
	close(again);
	test_mapped_refs(mem, 32 * PAGE, 1);
	test_mapped_pinned(32 * PAGE);
}

TEST_F(mock, pins_survive_the_domains)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint32_t pin;
	int access;

	test_access_create(PIN, &access);
	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_access_pin(access, MOCK_IOVA + PAGE, PAGE, mem + PAGE, 0, &pin);
	for (unsigned int i = 0; i < variant->domains; i++)
		test_destroy(self->dev[i].stdev);
	if (variant->domains > 1)
		test_destroy(self->dev[1].hwpt);
	test_refs(mem, PAGE, 0);
	test_refs(mem + PAGE, PAGE, 1);
	test_refs(mem + 2 * PAGE, 2 * PAGE, 0);
	test_pinned(4);
	test_mock_attach(self->ioas, &self->dev[0]);
	test_ok(_test_check_map(self->fd, self->dev[0].hwpt, MOCK_IOVA,
				4 * PAGE, mem));
	test_refs(mem, 4 * PAGE, 1);
	test_access_unpin(access, pin);
	test_refs(mem, 4 * PAGE, 1);
	close(access);
}

TEST_F(mock, too_many_pins_are_eoverflow)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint64_t copy = MOCK_IOVA + 4 * PAGE;
	uint32_t pin[4];
	int access;

	test_access_create(PIN, &access);
	test_map_fixed(mem, 4 * PAGE, MOCK_IOVA);
	test_mock_param("max_users", 3);
	for (int i = 0; i < 3; i++)
		test_access_pin(access, MOCK_IOVA + i * PAGE, PAGE,
				mem + i * PAGE, 0, &pin[i]);
	test_err_access_pin(EOVERFLOW, access, MOCK_IOVA + 3 * PAGE, PAGE,
			    NULL, 0);
	test_pin_refs(mem + 3 * PAGE, PAGE, 0);
	/* Each mapping has its own counter. */
	test_copy(self->ioas, &copy, self->ioas, MOCK_IOVA, 4 * PAGE,
		  MAP_RW | MAP_FIXED_IOVA);
	test_access_pin(access, copy, PAGE, mem, 0, &pin[3]);
	test_err_access_pin(EOVERFLOW, access, MOCK_IOVA + 2 * PAGE, 4 * PAGE,
			    NULL, 0);
	test_access_unpin(access, pin[0]);
	test_access_pin(access, MOCK_IOVA + 2 * PAGE, 4 * PAGE, NULL, 0,
			&pin[0]);
	close(access);
	test_mapped_refs(mem, 4 * PAGE, 1);
}

/* An IOVA can be named by the number of its mapping. */
TEST_F(mock, mappings_by_number)
{
	uint8_t *mem = test_mem(mem_anon(4 * PAGE));
	uint32_t pin;
	uint8_t byte = 0;
	int access;

	memset(mem, 9, 4 * PAGE);
	test_access_create(PIN, &access);
	test_err_access_rw(ENOENT, access, 0, 1, &byte, MOCK_ACCESS_SYZ);
	test_map_fixed(mem, PAGE, MOCK_IOVA);
	test_map_fixed(mem + PAGE, 2 * PAGE, MOCK_IOVA + 8 * PAGE);
	test_access_pin(access, 1 | PAGE << 32, PAGE, mem + 2 * PAGE,
			MOCK_ACCESS_SYZ, &pin);
	test_access_rw(access, 1 | 5UL << 32, 1, &byte, MOCK_ACCESS_SYZ);
	ASSERT_EQ(9, byte);
	test_err_access_rw(ENOENT, access, 2, 1, &byte, MOCK_ACCESS_SYZ);
	close(access);
}

/* UNMAP waits its full second, in an IOAS with domains and in one without. */
FIXTURE(stubborn) {
	struct mock;
	uint32_t alone;
};

FIXTURE_VARIANT(stubborn) { unsigned int domains, limit; };

FIXTURE_VARIANT_ADD(stubborn, two_domains_tiny_batches) {
	.domains = 2, .limit = MOCK_MEMORY_TINY
};

FIXTURE_SETUP(stubborn)
{
	mock_open(variant->domains, variant->limit);
	test_ioas_alloc(&self->alone);
}

FIXTURE_TEARDOWN(stubborn)
{
	mock_close();
}

/* Mappings of one, two and one page; the first page of the second is pinned. */
#define test_stubborn_pin(_ioas, _mem, _access, _pin)			\
	do {								\
		test_ok(_test_access_create(self->fd, _ioas, PIN, &(_access))); \
		for (int __i = 0; __i < 4; __i += __i == 1 ? 2 : 1)	\
			test_ok(_test_map_fixed(self->fd, _ioas,	\
						(_mem) + __i * PAGE,	\
						__i == 1 ? 2 * PAGE : PAGE, \
						MOCK_IOVA + __i * PAGE, \
						MAP_RW));		\
		test_access_pin(_access, MOCK_IOVA + PAGE, PAGE,	\
				(_mem) + PAGE, 0, &(_pin));		\
	} while (0)

TEST_F(stubborn, access_that_keeps_its_pins_is_edeadlock)
{
	uint32_t ioas[2] = { self->ioas, self->alone }, pin[2];
	struct unmapper unmapper[2];
	uint8_t *mem[2];
	int access[2];

	for (int i = 0; i < 2; i++) {
		mem[i] = test_mem(mem_anon(4 * PAGE));
		test_stubborn_pin(ioas[i], mem[i], access[i], pin[i]);
	}
	test_mock_param("keep_pins", 1);
	for (int i = 0; i < 2; i++)
		test_start_unmap(&unmapper[i], ioas[i], 4 * PAGE);
	for (int i = 0; i < 2; i++)
		test_end_unmap(&unmapper[i], EDEADLOCK);

	for (int i = 0; i < 2; i++) {
		/* Only the mapping before the pinned one is unmapped. */
		test_refs(mem[i], PAGE, 0);
		test_refs(mem[i] + PAGE, PAGE, 1);
		test_refs(mem[i] + 2 * PAGE, 2 * PAGE, !i);
		/* New pins are possible again. */
		test_access_unpin(access[i], pin[i]);
		test_access_pin(access[i], MOCK_IOVA + PAGE, PAGE,
				mem[i] + PAGE, 0, &pin[i]);
	}
	test_maps(MOCK_IOVA + PAGE, 3 * PAGE, mem[0] + PAGE);
	test_mock_param("keep_pins", 0);
	for (int i = 0; i < 2; i++) {
		test_ok(_test_ioas_unmap(self->fd, ioas[i], MOCK_IOVA + PAGE,
					 3 * PAGE, NULL));
		test_refs(mem[i], 4 * PAGE, 0);
		close(access[i]);
	}
}

TEST_HARNESS_MAIN
