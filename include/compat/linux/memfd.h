/* SPDX-License-Identifier: GPL-2.0 */
/* Pinning a file's pages as drivers/ knows it from <linux/mm.h>, on kernels where it is older */
#ifndef _COMPAT_LINUX_MEMFD_H
#define _COMPAT_LINUX_MEMFD_H

/* Not all kernels' <linux/memfd.h> includes what it uses. */
#include <linux/mm.h>
#include_next <linux/memfd.h>
#include <generated/features.h>

#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>
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

#define unpin_folios compat_unpin_folios
#endif

#ifndef HAVE_MEMFD_PIN_FOLIOS_HUGETLB
/*
 * Until 6.12 there is no memfd_pin_folios(). That of 6.12 takes huge pages for holes of
 * hugetlbfs files without having reserved them, so it makes the counter of reserved pages
 * wrong for the whole machine. In both cases the calling process maps the file for a
 * moment, and gup pins the pages. FOLL_LONGTERM migrates them out of ZONE_MOVABLE and CMA.
 *
 * The mapping is shared and read-only, of a file of its own that is open for reading
 * only: no thread can make the mapping writable, a sealed memfd can be mapped, and holes
 * of hugetlbfs get pages of the file and no private ones. For a shared mapping gup returns
 * the page of the file, so it may be written to.
 *
 * Another thread can put other memory into the place of the mapping. So each page must be
 * the one that the file has there; only then the rest of its folio is the file's, too.
 */

/* Bytes to map at once, unless a huge page is larger; few, for mlockall() */
#define COMPAT_MEMFD_WINDOW SZ_2M
/* Pages to pin at once */
#define COMPAT_MEMFD_PAGES 64
/* Attempts if pages are not those of the file, which may be just shrinking */
#define COMPAT_MEMFD_TRIES 10

static inline bool compat_memfd_is_page(struct file *memfd, struct page *page, pgoff_t index)
{
	struct folio *folio = page_folio(page);
	pgoff_t first = folio->index;

#ifndef HAVE_MEMFD_PIN_FOLIOS
	/* Until 6.7 hugetlbfs counts huge pages. */
	if (folio_test_hugetlb(folio))
		first *= folio_nr_pages(folio);
#endif
	return READ_ONCE(folio->mapping) == memfd->f_mapping &&
	       first + folio_page_idx(folio, page) == index;
}

/*
 * Keep one pin of each folio among pages that were pinned one by one. *index becomes the
 * index behind the last folio. Return: number of folios, or -EAGAIN without any pin.
 */
static inline long compat_memfd_keep(struct file *memfd, struct page **pages, unsigned int npages,
				     pgoff_t *index, struct folio **folios, unsigned int max_folios)
{
	unsigned int i, n, nr = 0;

	for (i = 0; i < npages && nr < max_folios; i += n) {
		struct folio *folio = page_folio(pages[i]);
		unsigned long rest = folio_nr_pages(folio) - folio_page_idx(folio, pages[i]);

		if (!compat_memfd_is_page(memfd, pages[i], *index)) {
			unpin_folios(folios, nr);
			unpin_user_pages(pages + i, npages - i);
			return -EAGAIN;
		}
		n = min_t(unsigned long, rest, npages - i);
		unpin_user_pages(pages + i + 1, n - 1);
		folios[nr++] = folio;
		*index += rest;
	}
	unpin_user_pages(pages + i, npages - i);
	return nr;
}

/* Pin the folios of the pages [index, last], which are mapped at @addr. */
static inline long compat_memfd_gup(struct file *memfd, unsigned long addr, pgoff_t index,
				    pgoff_t last, struct folio **folios, unsigned int max_folios,
				    pgoff_t *offset)
{
	struct page *pages[COMPAT_MEMFD_PAGES];
	pgoff_t next = index;
	unsigned int nr = 0;

	while (next <= last && nr < max_folios) {
		pgoff_t room = min_t(pgoff_t, last - next + 1, COMPAT_MEMFD_PAGES);
		long rc = pin_user_pages_fast(addr + ((next - index) << PAGE_SHIFT), room,
					      FOLL_LONGTERM, pages);

		if (rc > 0) {
			if (!nr)
				*offset = folio_page_idx(page_folio(pages[0]), pages[0])
					  << PAGE_SHIFT;
			rc = compat_memfd_keep(memfd, pages, rc, &next, folios + nr,
					       max_folios - nr);
		}
		if (rc <= 0) {
			unpin_folios(folios, nr);
			return rc ? rc : -EFAULT;
		}
		nr += rc;
	}
	return nr;
}

/* Map the first part of the range, and pin its folios. */
static inline long compat_memfd_map(struct file *memfd, loff_t start, loff_t end,
				    struct folio **folios, unsigned int max_folios, pgoff_t *offset)
{
	unsigned long granule = PAGE_SIZE, addr, length;
	struct file *file;
	loff_t from;
	long rc;

	if (is_file_hugepages(memfd))
		granule = huge_page_size(hstate_file(memfd));
	from = round_down(start, granule);
	length = max_t(unsigned long, COMPAT_MEMFD_WINDOW, granule);
	if (end - from < length)
		length = round_up(end - from + 1, granule);
	end = min_t(loff_t, end, from + length - 1);

	file = dentry_open(&memfd->f_path, O_RDONLY | O_LARGEFILE, current_cred());
	if (IS_ERR(file))
		return PTR_ERR(file);
	addr = vm_mmap(file, 0, length, PROT_READ, MAP_SHARED, from);
	fput(file);
	if (IS_ERR_VALUE(addr))
		return (long)addr == -EAGAIN ? -ENOMEM : (long)addr;
	rc = compat_memfd_gup(memfd, addr + (start - from), start >> PAGE_SHIFT, end >> PAGE_SHIFT,
			      folios, max_folios, offset);
	vm_munmap(addr, length);
	return rc;
}

/* @start is page aligned. Fewer folios than those of the range may be returned. */
static inline long compat_memfd_pin_folios(struct file *memfd, loff_t start, loff_t end,
					   struct folio **folios, unsigned int max_folios,
					   pgoff_t *offset)
{
	unsigned int tries;
	long rc = -EAGAIN;

#ifdef HAVE_MEMFD_PIN_FOLIOS
	if (!is_file_hugepages(memfd))
		return memfd_pin_folios(memfd, start, end, folios, max_folios, offset);
#endif
	if (start < 0 || start > end || !max_folios)
		return -EINVAL;
	if (!shmem_mapping(memfd->f_mapping) && !is_file_hugepages(memfd))
		return -EINVAL;
	/* A kernel thread has no place to map the file. */
	if (!current->mm)
		return -EFAULT;
	for (tries = 0; rc == -EAGAIN && tries < COMPAT_MEMFD_TRIES; tries++) {
		if (end >= i_size_read(file_inode(memfd)))
			return -EINVAL;
		if (fatal_signal_pending(current))
			return -EINTR;
		rc = compat_memfd_map(memfd, start, end, folios, max_folios, offset);
	}
	if (rc == -EAGAIN)
		return -EINVAL;
	if (rc == -EHWPOISON)
		return -EIO;
	if (rc != -EFAULT)
		return rc;
	/* The page is behind the end by now, or the file system has none left. */
	return end >= i_size_read(file_inode(memfd)) ? -EINVAL : -ENOMEM;
}

#define memfd_pin_folios compat_memfd_pin_folios
#endif

#endif
