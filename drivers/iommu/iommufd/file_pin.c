// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: pinning the folios of a file
 *
 * memfd_pin_folios() does that for files of shmem. There are two cases in which
 * it does not help: Linux 6.1 does not have it, and it cannot be trusted with
 * hugetlbfs. That of 6.12 takes huge pages for the holes of a file without
 * having reserved them, and that of 7.3 does not stand a truncation at the same
 * time: both make the counts of huge pages wrong for the whole machine.
 *
 * There the calling process maps a part of the file for a moment, and gup pins
 * the pages; FOLL_LONGTERM migrates them out of ZONE_MOVABLE and CMA. The
 * mapping is shared, so gup returns the pages of the file, which may be written
 * to. It is read-only, and of a struct file of its own that is open for reading
 * only. So no thread can make it writable, it is allowed for a sealed memfd,
 * and holes get pages that belong to the file.
 *
 * Another thread can put other memory into the place of the mapping. So each
 * page must be one that the file has there: only then the rest of its folio is
 * the file's, too. In hugetlbfs a thread could put another part of the same
 * file there, and gets what it asks for.
 */
#include <linux/cred.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>

#include "file_pin.h"

/*
 * Bytes to map at once, unless a huge page is larger; few, as mlockall() may
 * have limited the process.
 */
#define MAP_AT_ONCE SZ_2M
/* Pages for one call of gup */
#define GUP_AT_ONCE 64
/* Attempts if the pages are not those of the file; it may just be shrinking. */
#define MAX_TRIES 10

static bool is_page_of_file(struct file *file, struct page *page, pgoff_t index)
{
	struct folio *folio = page_folio(page);
	unsigned long in_folio = folio_page_idx(folio, page);

	if (READ_ONCE(folio->mapping) != file->f_mapping)
		return false;
	/* Kernels differ in the unit that hugetlbfs counts in. */
	if (folio_test_hugetlb(folio))
		return in_folio == (index & (folio_nr_pages(folio) - 1));
	return folio->index + in_folio == index;
}

/*
 * Keep one pin of each folio among pages that gup has pinned one by one. *index
 * becomes the index behind the last folio.
 * Return: number of folios, or -EAGAIN without any pin.
 */
static long keep_folios(struct file *file, struct page **pages,
			unsigned int npages, pgoff_t *index,
			struct folio **folios, unsigned int max_folios)
{
	unsigned int i, n, nr = 0;

	for (i = 0; i < npages && nr < max_folios; i += n) {
		struct folio *folio = page_folio(pages[i]);
		unsigned long rest =
			folio_nr_pages(folio) - folio_page_idx(folio, pages[i]);

		if (!is_page_of_file(file, pages[i], *index)) {
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
static long pin_mapped(struct file *file, unsigned long addr, pgoff_t index,
		       pgoff_t last, struct folio **folios,
		       unsigned int max_folios, pgoff_t *offset)
{
	struct page *pages[GUP_AT_ONCE] __uninitialized;
	pgoff_t next = index;
	unsigned int nr = 0;

	while (next <= last && nr < max_folios) {
		int npages = min_t(pgoff_t, last - next + 1, GUP_AT_ONCE);
		long rc;

		rc = pin_user_pages_fast(addr + (next - index) * PAGE_SIZE,
					 npages, FOLL_LONGTERM, pages);
		if (rc > 0) {
			if (!nr)
				*offset = folio_page_idx(page_folio(pages[0]),
							 pages[0])
					  << PAGE_SHIFT;
			rc = keep_folios(file, pages, rc, &next, folios + nr,
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
static long map_and_pin(struct file *file, loff_t start, loff_t end,
			struct folio **folios, unsigned int max_folios,
			pgoff_t *offset)
{
	unsigned long granule = PAGE_SIZE, addr, length;
	struct file *reader;
	loff_t from;
	long rc;

	if (is_file_hugepages(file))
		granule = huge_page_size(hstate_file(file));
	from = round_down(start, granule);
	length = max_t(unsigned long, MAP_AT_ONCE, granule);
	if (end - from < length)
		length = round_up(end - from + 1, granule);
	end = min_t(loff_t, end, from + length - 1);

	reader = dentry_open(&file->f_path, O_RDONLY | O_LARGEFILE,
			     current_cred());
	if (IS_ERR(reader))
		return PTR_ERR(reader);
	addr = vm_mmap(reader, 0, length, PROT_READ, MAP_SHARED, from);
	fput(reader);
	if (IS_ERR_VALUE(addr))
		return (long)addr == -EAGAIN ? -ENOMEM : (long)addr;
	rc = pin_mapped(file, addr + (start - from), start >> PAGE_SHIFT,
			end >> PAGE_SHIFT, folios, max_folios, offset);
	vm_munmap(addr, length);
	return rc;
}

static long pin_by_mapping(struct file *file, loff_t start, loff_t end,
			   struct folio **folios, unsigned int max_folios,
			   pgoff_t *offset)
{
	unsigned int tries;
	long rc = -EAGAIN;

	if (start < 0 || start > end)
		return -EINVAL;
	/* A kernel thread has no place to map the file. */
	if (!current->mm)
		return -EFAULT;
	for (tries = 0; rc == -EAGAIN && tries < MAX_TRIES; tries++) {
		if (end >= i_size_read(file_inode(file)))
			return -EINVAL;
		if (fatal_signal_pending(current))
			return -EINTR;
		rc = map_and_pin(file, start, end, folios, max_folios, offset);
	}
	if (rc == -EAGAIN)
		return -EINVAL;
	if (rc == -EHWPOISON)
		return -EIO;
	if (rc != -EFAULT)
		return rc;
	/* It is behind the end by now, or the file system has no page left. */
	return end >= i_size_read(file_inode(file)) ? -EINVAL : -ENOMEM;
}

/**
 * file_pin_folios() - pin folios of a file of shmem or hugetlbfs for long
 * @file: file
 * @start: offset of the first byte, page aligned
 * @end: offset of the last byte
 * @folios: receives the folios, each with one pin, for unpin_folios()
 * @max_folios: room in @folios
 * @offset: receives the offset of @start in the first folio, in bytes
 *
 * The folios are in no zone that needs its pages to be movable. Fewer folios
 * than those of the range may be returned.
 *
 * Context: process context; may map the file into the current process.
 * Return: number of folios, at least 1; -EINVAL if the file ends before @end,
 * -ENOMEM, -ENOSPC, -EIO, -EINTR when killed, or -EFAULT in a kernel thread if
 * the file has to be mapped. No folio is pinned on failure.
 */
long file_pin_folios(struct file *file, loff_t start, loff_t end,
		     struct folio **folios, unsigned int max_folios,
		     pgoff_t *offset)
{
	long rc = -EOPNOTSUPP;

	if (!is_file_hugepages(file))
		rc = memfd_pin_folios(file, start, end, folios, max_folios,
				      offset);
	if (rc == -EOPNOTSUPP)
		rc = pin_by_mapping(file, start, end, folios, max_folios,
				    offset);
	return rc;
}

/**
 * file_pin_page_shortly() - pin one page of a file for a copy
 * @file: file of shmem
 * @index: index of the page
 * @page: receives the page, for unpin_user_page()
 *
 * Needs no place to map the file, so a kernel thread can use it where
 * file_pin_folios() does not help. The page may be in a zone that needs its
 * pages to be movable.
 *
 * Context: process context.
 * Return: 0, -EFAULT for another file, -EINVAL behind the end, -ENOMEM,
 * -ENOSPC, or -EIO.
 */
int file_pin_page_shortly(struct file *file, pgoff_t index, struct page **page)
{
	struct folio *folio;
	int rc = 0;

	if (!shmem_mapping(file->f_mapping))
		return -EFAULT;
	*page = shmem_read_mapping_page(file->f_mapping, index);
	if (IS_ERR(*page))
		return PTR_ERR(*page);
	folio = page_folio(*page);
	/* User space drives the count; the kernel warns at its end. */
	if (folio_ref_count(folio) > INT_MAX / 2)
		rc = -ENOMEM;
	if (!rc)
		rc = folio_add_pins(folio, 1);
	folio_put(folio);
	return rc;
}
