// SPDX-License-Identifier: GPL-2.0
/* Is there memfd_pin_folios()? Since 6.11. */
#include <linux/mm.h>

long probe(struct file *memfd, struct folio **folios, pgoff_t *offset)
{
	long nr = memfd_pin_folios(memfd, 0, 0, folios, 1, offset);

	if (nr > 0)
		unpin_folios(folios, nr);
	return nr;
}
