// SPDX-License-Identifier: GPL-2.0
/*
 * Can the folios of a memfd be pinned without mapping it? Since 6.11.
 * Exported: memfd_pin_folios
 */
#include <linux/memfd.h>
#include <linux/mm.h>

long probe(struct file *memfd, struct folio **folios, pgoff_t *offset)
{
	return memfd_pin_folios(memfd, 0, PAGE_SIZE - 1, folios, 1, offset);
}
