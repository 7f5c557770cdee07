// SPDX-License-Identifier: GPL-2.0
/*
 * Can modules use a bitmap of IOVAs? Until 6.6 its functions are in vfio.ko,
 * which does not export them. Later kernels export them, or have inline ones
 * that refuse: the compiler sees that their answer does not vary.
 */
#include <linux/build_bug.h>
#include <linux/iova_bitmap.h>

int probe(void)
{
	int answer = iova_bitmap_for_each(NULL, NULL, NULL);

	BUILD_BUG_ON(!__builtin_constant_p(answer));
	return answer;
}
