// SPDX-License-Identifier: GPL-2.0
/* Can pins be added to a folio that is pinned? Since 6.13. */
#include <linux/mm.h>

int probe(struct folio *folio)
{
	return folio_add_pins(folio, 1);
}
