/* SPDX-License-Identifier: GPL-2.0 */
/* Pinning a file's pages as drivers/ knows it from <linux/mm.h>, on kernels where it is older */
#ifndef _COMPAT_LINUX_MEMFD_H
#define _COMPAT_LINUX_MEMFD_H

/* Not all kernels' <linux/memfd.h> includes what it uses. */
#include <linux/mm.h>
#include_next <linux/memfd.h>
#include <generated/features.h>

#include <linux/errno.h>
#include <linux/vmstat.h>

#ifndef HAVE_FOLIO_ADD_PINS
/*
 * Until 6.12 there is no way to add pins to a folio that is pinned, as gup does for
 * every page of it. These are the steps of gup, on members that all headers have: the
 * reference count, the count of pins that a large folio has beside it, and the number in
 * /proc/vmstat. The folio is pinned, so it is neither freed, split nor migrated meanwhile.
 */
static inline int compat_folio_add_pins(struct folio *folio, unsigned int pins)
{
	if (folio_ref_count(folio) <= 0)
		return -ENOMEM;
	if (folio_test_large(folio)) {
		folio_ref_add(folio, pins);
		atomic_add(pins, &folio->_pincount);
	} else {
		folio_ref_add(folio, pins * GUP_PIN_COUNTING_BIAS);
	}
	node_stat_mod_folio(folio, NR_FOLL_PIN_ACQUIRED, pins);
	return 0;
}

#define folio_add_pins compat_folio_add_pins
#endif

#ifndef HAVE_MEMFD_PIN_FOLIOS
static inline void compat_unpin_folios(struct folio **folios, unsigned long nfolios)
{
	unsigned long i;

	for (i = 0; i < nfolios; i++)
		unpin_user_page(folio_page(folios[i], 0));
}

/* Until 6.10 there is none. The caller has another way for this answer. */
static inline long compat_memfd_pin_folios(struct file *memfd, loff_t start, loff_t end,
					   struct folio **folios, unsigned int max_folios,
					   pgoff_t *offset)
{
	return -EOPNOTSUPP;
}

#define unpin_folios compat_unpin_folios
#define memfd_pin_folios compat_memfd_pin_folios
#endif

#endif
