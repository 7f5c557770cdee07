/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of what concerns one IOAS, with everything that can be attached
 * to it: nothing, mock devices, edu devices behind the machine's IOMMU. What
 * differs between them is tested with mock_ioas, edu_ioas and bare_ioas.
 */
#ifndef SELFTEST_IOMMU_IOAS_H
#define SELFTEST_IOMMU_IOAS_H

#include "mock_space.h"
#include "space.h"

#define ULMAX	UINT64_MAX

/* Every device reaches it; aligned for huge IO pages. */
#define IOVA	mock_iova

struct ioas {
	struct space;
	struct mock_dev dev[2];
};

struct ioas_variant {
	unsigned int domains;	/* each with a device */
	unsigned int limit;	/* of the memory of a batch, with mock devices */
	bool edu;
	bool wide;		/* the mock's aperture has all 64 bits */
};

#define NO_DEVICE	{ .limit = MOCK_MEMORY_DEFAULT }
#define ONE_MOCK	{ .domains = 1, .limit = MOCK_MEMORY_DEFAULT }
#define TWO_MOCKS	{ .domains = 2, .limit = MOCK_MEMORY_DEFAULT }
#define TWO_MOCKS_TINY	{ .domains = 2, .limit = MOCK_MEMORY_TINY }
#define TWO_MOCKS_WIDE							\
	{ .domains = 2, .limit = MOCK_MEMORY_DEFAULT, .wide = true }
#define ONE_EDU		{ .domains = 1, .edu = true }
#define TWO_EDUS	{ .domains = 2, .edu = true }

#define ioas_open()							\
	do {								\
		if (variant->wide) {					\
			ASSERT_TRUE(mock_param("wide_aperture", 1));	\
			mock_iova = MOCK_IOVA_TOP;			\
		}							\
		if (variant->edu) {					\
			space_open(variant->domains);			\
		} else {						\
			mock_open(variant->domains, variant->limit);	\
			self->alignment = variant->domains ? MOCK_PAGE : 1; \
		}							\
	} while (0)

#define ioas_close()							\
	do {								\
		if (variant->edu)					\
			space_close();					\
		else							\
			mock_close();					\
	} while (0)

FIXTURE(ioas) { struct ioas; };

FIXTURE_VARIANT(ioas) { struct ioas_variant; };

FIXTURE_SETUP(ioas)
{
	ioas_open();
}

FIXTURE_TEARDOWN(ioas)
{
	ioas_close();
}

FIXTURE_VARIANT_ADD(ioas, no_device) NO_DEVICE;
FIXTURE_VARIANT_ADD(ioas, one_mock) ONE_MOCK;
FIXTURE_VARIANT_ADD(ioas, two_mocks) TWO_MOCKS;
FIXTURE_VARIANT_ADD(ioas, two_mocks_tiny_batches) TWO_MOCKS_TINY;
FIXTURE_VARIANT_ADD(ioas, two_mocks_of_64_bits) TWO_MOCKS_WIDE;
FIXTURE_VARIANT_ADD(ioas, one_edu) ONE_EDU;
FIXTURE_VARIANT_ADD(ioas, two_edus) TWO_EDUS;

/* Half pages, the mock's aperture, calls that the mock lets fail */
FIXTURE(mock_ioas) { struct ioas; };

FIXTURE_VARIANT(mock_ioas) { struct ioas_variant; };

FIXTURE_SETUP(mock_ioas)
{
	ioas_open();
}

FIXTURE_TEARDOWN(mock_ioas)
{
	ioas_close();
}

FIXTURE_VARIANT_ADD(mock_ioas, no_device) NO_DEVICE;
FIXTURE_VARIANT_ADD(mock_ioas, one_mock) ONE_MOCK;
FIXTURE_VARIANT_ADD(mock_ioas, two_mocks) TWO_MOCKS;
FIXTURE_VARIANT_ADD(mock_ioas, two_mocks_tiny_batches) TWO_MOCKS_TINY;
FIXTURE_VARIANT_ADD(mock_ioas, two_mocks_of_64_bits) TWO_MOCKS_WIDE;

/* DMA, the ranges that the machine's IOMMU reserves */
FIXTURE(edu_ioas) { struct ioas; };

FIXTURE_VARIANT(edu_ioas) { struct ioas_variant; };

FIXTURE_SETUP(edu_ioas)
{
	ioas_open();
}

FIXTURE_TEARDOWN(edu_ioas)
{
	ioas_close();
}

FIXTURE_VARIANT_ADD(edu_ioas, one_edu) ONE_EDU;
FIXTURE_VARIANT_ADD(edu_ioas, two_edus) TWO_EDUS;

/* All 64 bits and every byte */
FIXTURE(bare_ioas) { struct ioas; };

FIXTURE_VARIANT(bare_ioas) { struct ioas_variant; };

FIXTURE_SETUP(bare_ioas)
{
	ioas_open();
}

FIXTURE_TEARDOWN(bare_ioas)
{
	ioas_close();
}

FIXTURE_VARIANT_ADD(bare_ioas, no_device) NO_DEVICE;

/* The first IOVA that devices reach, and the lowest that MAP chooses */
#define FIRST_IOVA	(variant->edu ? 0 : MOCK_FIRST(variant))
#define LOWEST_IOVA	(FIRST_IOVA ?: PAGE)

/* The object of an attached device */
#define DEVICE(_nth)							\
	(variant->edu ? self->edu[_nth].devid : self->dev[_nth].idev)

/* The smallest part of a page that can be mapped, or half a page */
#define IO_PAGE		(variant->edu ? PAGE : MOCK_PAGE)

/*
 * Every mock domain has the pages of @_va at @_iova, or none has the first of
 * them. What is in the page tables of the machine's IOMMU shows only in DMA.
 */
#define test_domains_have(_iova, _length, _va)				\
	do {								\
		if (!variant->edu)					\
			test_maps(_iova, _length, _va);			\
	} while (0)
#define test_domains_lack(_iova, _va)					\
	do {								\
		if (!variant->edu)					\
			test_maps_not(_iova, _va);			\
	} while (0)

#endif
