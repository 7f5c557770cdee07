/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture for tests of one IOAS: with no device, with one mock device, with
 * two on different HWPTs, and with scratch buffers so small that a batch has
 * one or two pages.
 */
#ifndef SELFTEST_LIB_MOCK_SPACE_H
#define SELFTEST_LIB_MOCK_SPACE_H

#include "harness.h"
#include "mem_frames.h"
#include "mock.h"

/*
 * An IOVA in the mock's aperture, aligned for huge IO pages. With an aperture
 * of all 64 bits it is near the end of the aperture.
 */
#define MOCK_IOVA	mock_iova
#define MOCK_IOVA_LOW	0x10000000UL
#define MOCK_IOVA_TOP	(-(1UL << 30))

struct mock {
	int fd;
	uint32_t ioas;
	struct mock_dev dev[2];
};

#define test_mock_attach(_pt, _dev)					\
	test_ok(_test_mock_attach(self->fd, _pt, _dev))
#define test_err_mock_attach(_errno, _pt)				\
	do {								\
		struct mock_dev __dev;					\
									\
		test_err(_errno, _test_mock_attach(self->fd, _pt, &__dev)); \
	} while (0)
#define test_mock_replace(_stdev, _pt)					\
	test_ok(_test_mock_replace(self->fd, _stdev, _pt))
#define test_err_mock_replace(_errno, _stdev, _pt)			\
	do {								\
		uint32_t __pt = (_pt);					\
									\
		test_err(_errno, _test_mock_replace(self->fd, _stdev, &__pt)); \
	} while (0)
#define test_reserve(_start, _length)					\
	test_ok(_test_reserve(self->fd, self->ioas, _start, _length))
#define test_err_reserve(_errno, _start, _length)			\
	test_err(_errno, _test_reserve(self->fd, self->ioas, _start, _length))

/* Each page must have exactly @_refs pins. */
#define test_refs(_va, _length, _refs)					\
	test_ok(_test_check_refs(self->fd, _va, _length, _refs))

/* Every attached domain must map @_iova to the pages of @_va. */
#define test_maps(_iova, _length, _va)					\
	do {								\
		for (unsigned int __d = 0; __d < variant->domains; __d++) \
			test_ok(_test_check_map(self->fd,		\
						self->dev[__d].hwpt,	\
						_iova, _length, _va));	\
	} while (0)
/* No attached domain may map the IO page at @_iova to the page of @_va. */
#define test_maps_not(_iova, _va)					\
	do {								\
		for (unsigned int __d = 0; __d < variant->domains; __d++) \
			ASSERT_EQ(EINVAL,				\
				  _test_check_map(self->fd,		\
						  self->dev[__d].hwpt,	\
						  _iova, MOCK_PAGE, _va)); \
	} while (0)
/* Each page must have @_maps pins if there is a domain, else none. */
#define test_mapped_refs(_va, _length, _maps)				\
	test_refs(_va, _length, variant->domains ? (_maps) : 0)
/* VmPin while @_bytes are mapped */
#define test_mapped_pinned(_bytes)					\
	test_pinned(variant->domains ? (_bytes) / 1024 : 0)

#define test_access_create(_flags, _access)				\
	test_ok(_test_access_create(self->fd, self->ioas, _flags, _access))
#define test_err_access_create(_errno, _ioas, _flags)			\
	do {								\
		int __access;						\
									\
		test_err(_errno, _test_access_create(self->fd, _ioas, _flags, \
						     &__access));	\
	} while (0)
#define test_access_pin(_access, _iova, _length, _va, _flags, _pin)	\
	test_ok(_test_access_pin(self->fd, _access, _iova, _length, _va, \
				 _flags, _pin))
#define test_err_access_pin(_errno, _access, _iova, _length, _va, _flags) \
	do {								\
		uint32_t __pin;						\
									\
		test_err(_errno, _test_access_pin(self->fd, _access, _iova, \
						  _length, _va, _flags, &__pin)); \
	} while (0)
#define test_access_unpin(_access, _pin)				\
	test_ok(_test_access_unpin(self->fd, _access, _pin))
#define test_err_access_unpin(_errno, _access, _pin)			\
	test_err(_errno, _test_access_unpin(self->fd, _access, _pin))
#define test_access_rw(_access, _iova, _length, _buffer, _flags)	\
	test_ok(_test_access_rw(self->fd, _access, _iova, _length, _buffer, \
				_flags))
#define test_err_access_rw(_errno, _access, _iova, _length, _buffer, _flags) \
	test_err(_errno, _test_access_rw(self->fd, _access, _iova, _length, \
					 _buffer, _flags))
#define test_access_replace(_access, _ioas)				\
	test_ok(_test_access_replace(self->fd, _access, _ioas))
#define test_err_access_replace(_errno, _access, _ioas)			\
	test_err(_errno, _test_access_replace(self->fd, _access, _ioas))

/* The teardown of the fixture resets the parameter. */
#define test_mock_param(_name, _value) ASSERT_TRUE(mock_param(_name, _value))

/* The first device gets an automatic HWPT, the second an explicit one. */
#define mock_open(_domains, _limit)					\
	do {								\
		self->fd = iommufd_open();				\
		ASSERT_GE(self->fd, 0)					\
			TH_LOG("/dev/iommu: %s", strerror(errno));	\
		test_ioas_alloc(&self->ioas);				\
		test_ok(_test_memory_limit(self->fd, _limit));		\
		if ((_domains) > 0)					\
			test_mock_attach(self->ioas, &self->dev[0]);	\
		if ((_domains) > 1) {					\
			uint32_t __hwpt;				\
									\
			test_hwpt_alloc(self->dev[0].idev, self->ioas,	\
					&__hwpt);			\
			test_mock_attach(__hwpt, &self->dev[1]);	\
		}							\
	} while (0)

/* close() must undo everything. */
#define mock_close()							\
	do {								\
		EXPECT_EQ(0, _test_memory_limit(self->fd,		\
						MOCK_MEMORY_DEFAULT));	\
		EXPECT_TRUE(mock_param("keep_pins", 0));		\
		EXPECT_TRUE(mock_param("fail_map", 0));			\
		EXPECT_TRUE(mock_param("max_users", 0));		\
		EXPECT_TRUE(mock_param("unmap_locks", 0));		\
		EXPECT_TRUE(mock_param("unmap_delay", 0));		\
		EXPECT_TRUE(mock_param("unpin_delay", 0));		\
		EXPECT_TRUE(mock_param("fail_attach", 0));		\
		EXPECT_TRUE(mock_param("wide_aperture", 0));		\
		EXPECT_TRUE(mock_param("reserve", 0));			\
		EXPECT_TRUE(mock_param("noiommu", 0));			\
		close(self->fd);					\
		EXPECT_EQ(0, proc_status_kb("VmPin:"));			\
		EXPECT_EQ(0, proc_status_kb("VmLck:"));			\
	} while (0)

/* For tests that hold with and without domains */
FIXTURE(mock) { struct mock; };

FIXTURE_VARIANT(mock) {
	unsigned int domains, limit;
	bool wide;		/* the aperture has all 64 bits */
};

FIXTURE_VARIANT_ADD(mock, no_domain) {
	.domains = 0, .limit = MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(mock, one_domain) {
	.domains = 1, .limit = MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(mock, two_domains) {
	.domains = 2, .limit = MOCK_MEMORY_DEFAULT
};

FIXTURE_VARIANT_ADD(mock, two_domains_tiny_batches) {
	.domains = 2, .limit = MOCK_MEMORY_TINY
};

FIXTURE_VARIANT_ADD(mock, two_domains_of_64_bits) {
	.domains = 2, .limit = MOCK_MEMORY_DEFAULT, .wide = true
};

/* The first and last IOVA that the devices of the variant can use */
#define MOCK_FIRST(_variant)						\
	((_variant)->domains && !(_variant)->wide ? MOCK_APERTURE_START : 0)
#define MOCK_LAST(_variant)						\
	((_variant)->domains && !(_variant)->wide ? MOCK_APERTURE_LAST : \
						    UINT64_MAX)

FIXTURE_SETUP(mock)
{
	if (variant->wide) {
		ASSERT_TRUE(mock_param("wide_aperture", 1));
		mock_iova = MOCK_IOVA_TOP;
	}
	mock_open(variant->domains, variant->limit);
}

FIXTURE_TEARDOWN(mock)
{
	mock_close();
}

#endif
