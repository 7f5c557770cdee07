// SPDX-License-Identifier: GPL-2.0
/* Are the flags of an area changed by functions, which know its lock? Since 6.3. */
#include <linux/mm.h>

void probe(struct vm_area_struct *vma)
{
	vm_flags_clear(vma, VM_IO);
}
