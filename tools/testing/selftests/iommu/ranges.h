/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_IOMMU_RANGES_H
#define SELFTEST_IOMMU_RANGES_H

#include "harness.h"

/* IOVA_RANGES answers exactly this alignment and these ranges. */
#define test_iova_ranges(_ioas, _alignment, ...)			\
	do {								\
		struct iommu_iova_range __want[] = { __VA_ARGS__ };	\
		struct iommu_iova_range __got[16];			\
		uint32_t __num = ARRAY_SIZE(__got);			\
		uint64_t __answer;					\
									\
		test_ok(_test_iova_ranges(self->fd, _ioas, __got,	\
					  &__num, &__answer));		\
		ASSERT_EQ(_alignment, __answer);			\
		ASSERT_EQ(ARRAY_SIZE(__want), __num);			\
		for (uint32_t __i = 0; __i < __num; __i++) {		\
			ASSERT_EQ(__want[__i].start, __got[__i].start); \
			ASSERT_EQ(__want[__i].last, __got[__i].last);	\
		}							\
	} while (0)

/* So it is in an IOAS without a device. */
#define test_nothing_reserved(_ioas)					\
	test_iova_ranges(_ioas, 1, { 0, UINT64_MAX })

#endif
