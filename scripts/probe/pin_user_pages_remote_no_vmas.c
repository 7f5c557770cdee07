// SPDX-License-Identifier: GPL-2.0
/* Is pin_user_pages_remote() without the vmas argument? Since 6.5. */
#include <linux/mm.h>

long probe(struct mm_struct *mm, struct page **pages, int *locked)
{
	return pin_user_pages_remote(mm, 0, 1, FOLL_WRITE | FOLL_LONGTERM, pages, locked);
}
