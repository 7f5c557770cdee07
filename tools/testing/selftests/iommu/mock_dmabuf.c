// SPDX-License-Identifier: GPL-2.0
/* MAP_FILE of the mock IOMMU's dma-bufs, and their revocation */
#include <fcntl.h>

#include "mock_space.h"

#define PAGES	8UL
#define LENGTH	(PAGES * PAGE)

FIXTURE(dmabuf) {
	struct mock;
	int buf;
	uint8_t *mem;	/* the memory of @buf */
};

FIXTURE_VARIANT(dmabuf) {
	unsigned int domains;
};

FIXTURE_VARIANT_ADD(dmabuf, no_domain) { .domains = 0 };
FIXTURE_VARIANT_ADD(dmabuf, one_domain) { .domains = 1 };
FIXTURE_VARIANT_ADD(dmabuf, two_domains) { .domains = 2 };

FIXTURE_SETUP(dmabuf)
{
	int rc;

	mock_open(variant->domains, MOCK_MEMORY_DEFAULT);
	rc = _test_dmabuf_get(self->fd, LENGTH, O_CLOEXEC, &self->buf);
	if (kernel_older_than(6, 19)) {
		ASSERT_EQ(EOPNOTSUPP, rc);
		SKIP(return, "no dma-buf can be imported before Linux 6.19");
	}
	ASSERT_EQ(0, rc);
	self->mem = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->buf, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->mem);
}

FIXTURE_TEARDOWN(dmabuf)
{
	close(self->buf);
	mock_close();
}

#define test_map_buf(_start, _length, _iova)				\
	do {								\
		uint64_t __iova = (_iova);				\
									\
		test_ok(_test_ioas_map_file(self->fd, self->ioas, self->buf, \
					    _start, _length, &__iova,	\
					    MAP_RW | MAP_FIXED_IOVA));	\
	} while (0)
#define test_err_map_buf(_errno, _buf, _start, _length, _flags)		\
	do {								\
		uint64_t __iova = MOCK_IOVA;				\
									\
		test_err(_errno,					\
			 _test_ioas_map_file(self->fd, self->ioas, _buf, \
					     _start, _length, &__iova,	\
					     (_flags) | MAP_FIXED_IOVA)); \
	} while (0)
#define test_revoke(_revoked)						\
	test_ok(_test_dmabuf_revoke(self->fd, self->buf, _revoked))

TEST_F(dmabuf, map_and_unmap)
{
	uint64_t iova = 0;

	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_maps(MOCK_IOVA, LENGTH, self->mem);
	test_pinned(0);
	ASSERT_EQ(0, proc_status_kb("VmLck:"));
	/* A part, at an IOVA that the kernel chooses */
	test_ok(_test_ioas_map_file(self->fd, self->ioas, self->buf, PAGE,
				    2 * PAGE, &iova, MAP_RW));
	test_maps(iova, 2 * PAGE, self->mem + PAGE);
	test_unmap(MOCK_IOVA, LENGTH);
	test_maps_not(MOCK_IOVA, self->mem);
	test_maps(iova, 2 * PAGE, self->mem + PAGE);
	/* The mapping holds the buffer. */
	ASSERT_EQ(0, munmap(self->mem, LENGTH));
	ASSERT_EQ(0, close(self->buf));
	test_unmap(iova, 2 * PAGE);
	self->buf = -1;
}

/* Close with what is mapped */
TEST_F(dmabuf, close)
{
	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_map_buf(0, LENGTH, MOCK_IOVA + LENGTH);
	test_revoke(1);
}

TEST_F(dmabuf, sizes)
{
	const uint32_t bad[] = { 0, 512 * PAGE + 1, UINT32_MAX };
	const uint32_t good[] = { 1, PAGE - 1, PAGE, PAGE + 1, 512 * PAGE };
	int buf;

	for (int i = 0; i < ARRAY_SIZE(bad); i++)
		test_err(EINVAL, _test_dmabuf_get(self->fd, bad[i], 0, &buf));
	for (int i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t length = (good[i] + PAGE - 1) & -PAGE;
		uint64_t iova = MOCK_IOVA;

		test_ok(_test_dmabuf_get(self->fd, good[i], O_CLOEXEC, &buf));
		ASSERT_EQ(FD_CLOEXEC, fcntl(buf, F_GETFD));
		ASSERT_EQ(length, lseek(buf, 0, SEEK_END));
		test_ok(_test_ioas_map_file(self->fd, self->ioas, buf, 0,
					    length, &iova,
					    MAP_RW | MAP_FIXED_IOVA));
		test_unmap(iova, length);
		test_err_map_buf(EINVAL, buf, 0, length + PAGE, MAP_RW);
		close(buf);
	}
}

TEST_F(dmabuf, refuses)
{
	int file = mem_fd("file", PAGE, 0), write_only, read_only;

	test_err_map_buf(EINVAL, self->buf, 0, LENGTH + 1, MAP_RW);
	test_err_map_buf(EINVAL, self->buf, LENGTH, PAGE, MAP_RW);
	test_err_map_buf(EINVAL, self->buf, 1UL << 40, PAGE, MAP_RW);
	/* The rights of the descriptor */
	test_ok(_test_dmabuf_get(self->fd, PAGE, O_WRONLY, &write_only));
	test_err_map_buf(EPERM, write_only, 0, PAGE, MAP_RW);
	close(write_only);
	test_ok(_test_dmabuf_get(self->fd, PAGE, O_RDWR, &read_only));
	close(read_only);
	/* What is no buffer of the mock cannot be revoked. */
	test_err(EINVAL, _test_dmabuf_revoke(self->fd, file, 1));
	test_err(EINVAL, _test_dmabuf_revoke(self->fd, self->fd, 1));
	test_err(EBADF, _test_dmabuf_revoke(self->fd, -1, 1));
	close(file);
}

TEST_F(dmabuf, copy)
{
	uint64_t iova = MOCK_IOVA + LENGTH;

	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_copy(self->ioas, &iova, self->ioas, MOCK_IOVA, LENGTH,
		  MAP_READ | MAP_FIXED_IOVA);
	test_maps(iova, LENGTH, self->mem);
	test_unmap(MOCK_IOVA, LENGTH);
	test_maps(iova, LENGTH, self->mem);
	test_revoke(1);
	test_maps_not(iova, self->mem);
	test_unmap(iova, LENGTH);
}

TEST_F(dmabuf, no_access_of_the_kernel)
{
	uint8_t byte = 0;
	int access;

	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_access_create(MOCK_ACCESS_NEEDS_PIN_PAGES, &access);
	test_err_access_pin(EINVAL, access, MOCK_IOVA, PAGE, NULL, 0);
	test_err_access_pin(EINVAL, access, MOCK_IOVA, PAGE, NULL,
			    MOCK_ACCESS_WRITE);
	test_err_access_rw(EINVAL, access, MOCK_IOVA, 1, &byte, 0);
	test_err_access_rw(EINVAL, access, MOCK_IOVA, 1, &byte,
			   MOCK_ACCESS_WRITE);
	test_unmap(MOCK_IOVA, LENGTH);
	close(access);
}

TEST_F(dmabuf, revoke)
{
	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_map_buf(PAGE, PAGE, MOCK_IOVA + LENGTH);
	test_maps(MOCK_IOVA, LENGTH, self->mem);
	/* Nothing changes, so nothing happens. */
	test_revoke(0);
	test_maps(MOCK_IOVA, LENGTH, self->mem);

	for (int i = 0; i < 2; i++) {
		test_revoke(1);
		for (uint64_t at = 0; at < LENGTH; at += PAGE)
			test_maps_not(MOCK_IOVA + at, self->mem + at);
		test_maps_not(MOCK_IOVA + LENGTH, self->mem + PAGE);
		test_err_map_buf(ENODEV, self->buf, 0, PAGE, MAP_RW);
	}
	/* What was mapped does not come back, also not on a new HWPT. */
	test_revoke(0);
	test_maps_not(MOCK_IOVA, self->mem);
	if (variant->domains) {
		uint32_t hwpt;

		test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
		ASSERT_EQ(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA,
						  PAGE, self->mem));
		test_destroy(hwpt);
	}
	/* The husk is in the way, and counts. */
	test_err_map_buf(EEXIST, self->buf, 0, PAGE, MAP_RW);
	test_unmap(MOCK_IOVA, LENGTH);
	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_maps(MOCK_IOVA, LENGTH, self->mem);
	test_maps_not(MOCK_IOVA + LENGTH, self->mem + PAGE);
	test_unmap(MOCK_IOVA + LENGTH, PAGE);
	test_unmap(MOCK_IOVA, LENGTH);
}

TEST_F(dmabuf, attached_later)
{
	uint32_t hwpt;

	if (!variant->domains)
		SKIP(return, "there is no device to make a HWPT for");
	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_hwpt_alloc(self->dev[0].idev, self->ioas, &hwpt);
	test_ok(_test_check_map(self->fd, hwpt, MOCK_IOVA, LENGTH, self->mem));
	test_revoke(1);
	ASSERT_EQ(EINVAL, _test_check_map(self->fd, hwpt, MOCK_IOVA, PAGE,
					  self->mem));
	test_destroy(hwpt);
	test_unmap(MOCK_IOVA, LENGTH);
}

TEST_F(dmabuf, change_process_is_einval)
{
	test_map_buf(0, LENGTH, MOCK_IOVA);
	test_err(EINVAL, _test_change_process(self->fd));
	test_unmap(MOCK_IOVA, LENGTH);
	test_ok(_test_change_process(self->fd));
}

TEST_HARNESS_MAIN
