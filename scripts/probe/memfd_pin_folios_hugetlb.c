// SPDX-License-Identifier: GPL-2.0
/*
 * Does memfd_pin_folios() reserve huge pages before it takes them? Since 6.17, for
 * which hugetlb_reserve_pages() returns a number instead of a bool.
 */
#include <linux/build_bug.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>

/* The parameters differ between kernels and do not matter. */
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
static_assert(__builtin_types_compatible_p(typeof(hugetlb_reserve_pages), long()));

long probe(struct file *memfd, struct folio **folios, pgoff_t *offset)
{
	return memfd_pin_folios(memfd, 0, 0, folios, 1, offset);
}
