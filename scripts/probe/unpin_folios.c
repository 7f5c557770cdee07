// SPDX-License-Identifier: GPL-2.0
/*
 * Can a list of folios be unpinned in one call? Since 6.11.
 * Exported: unpin_folios
 */
#include <linux/mm.h>

void probe(struct folio **folios)
{
	unpin_folios(folios, 1);
}
