// SPDX-License-Identifier: GPL-2.0
/* Is there follow_pfnmap_start()? Since 6.12. */
#include <linux/mm.h>

int probe(struct vm_area_struct *vma)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = vma->vm_start };
	int rc = follow_pfnmap_start(&args);

	if (!rc)
		follow_pfnmap_end(&args);
	return rc;
}
