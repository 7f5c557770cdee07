/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_FILE_PIN_H
#define _IOMMUFD_FILE_PIN_H

#include <linux/types.h>

struct file;
struct folio;
struct page;

long file_pin_folios(struct file *file, loff_t start, loff_t end,
		     struct folio **folios, unsigned int max_folios,
		     pgoff_t *offset);
int file_pin_page_shortly(struct file *file, pgoff_t index, struct page **page);

#endif
