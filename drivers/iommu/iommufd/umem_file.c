// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: files as memory
 *
 * The kind of memory that is a range of a file of shmem or hugetlbfs, such as a
 * memfd. No process needs to have it mapped, and the process that mapped it for
 * devices may exit.
 *
 * file_pin_folios() finds the folios in the page cache, fills holes of the
 * file, and migrates folios out of ZONE_MOVABLE and CMA, where nothing may stay
 * for long. It takes one pin of a folio, however many of its pages are in the
 * range. So pins are added until each page has its own, as with gup. Then all
 * pages are given back alike, and in any parts.
 *
 * Pages stay with the devices if the file is truncated or a hole is punched.
 * What is pinned later are the pages that the file has then.
 *
 * The umem of a writable mapping counts as a writable mmap of the file. So a
 * file that is sealed against writing cannot be mapped for writing, and cannot
 * be sealed while it is, even when no page is pinned.
 *
 * Only regular files of these two file systems are held. Any other file could
 * hold the context in turn, and neither would ever be freed.
 */
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/iommu.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/sizes.h>

#include "file_pin.h"
#include "stats.h"
#include "umem.h"
#include "umem_batch.h"
#include "umem_file.h"

/* Folios may have to be zeroed, and no signal ends that meanwhile. */
#define PAGES_AT_ONCE (SZ_32M / PAGE_SIZE)

static struct umem_file *to_umem_file(struct iommufd_umem *umem)
{
	return iommufd_umem_private(umem);
}

/* Seals of a file that has passed file_is_memory() */
static unsigned int file_seals(struct file *file)
{
	struct inode *inode = file->f_mapping->host;

#ifdef CONFIG_HUGETLBFS
	if (is_file_hugepages(file))
		return HUGETLBFS_I(inode)->seals;
#endif
	return SHMEM_I(inode)->seals;
}

static bool file_is_memory(struct file *file)
{
	return S_ISREG(file->f_mapping->host->i_mode) &&
	       (is_file_hugepages(file) || shmem_mapping(file->f_mapping));
}

/* The rights that a shared mmap needs, which is readable in any case */
static bool file_permits(struct file *file, int prot)
{
	if (!(file->f_mode & FMODE_READ))
		return false;
	return !(prot & IOMMU_WRITE) ||
	       ((file->f_mode & FMODE_WRITE) &&
		!IS_APPEND(file->f_mapping->host) &&
		!(file_seals(file) & F_SEAL_FUTURE_WRITE));
}

/**
 * umem_file_init() - take a file as the memory of a umem
 * @umem: umem with room for struct umem_file
 * @file: file; the umem gets a reference of its own
 * @end: offset in the file behind the last byte
 * @prot: IOMMU_READ and IOMMU_WRITE
 *
 * Return: 0; -EINVAL if it is not a regular file of shmem or hugetlbfs; -EPERM
 * if it is not open for reading, or for what @prot says, or is sealed against
 * writing, or can only be appended to.
 */
int umem_file_init(struct iommufd_umem *umem, struct file *file, u64 end,
		   int prot)
{
	struct umem_file *mem = to_umem_file(umem);

	if (!file_is_memory(file))
		return -EINVAL;
	if (!file_permits(file, prot) ||
	    ((prot & IOMMU_WRITE) && mapping_map_writable(file->f_mapping)))
		return -EPERM;
	mem->file = get_file(file);
	mem->end = end;
	umem->flags |= UMEM_RELEASE;
	return 0;
}

static void file_release(struct iommufd_umem *umem)
{
	struct umem_file *mem = to_umem_file(umem);

	if (umem->writable)
		mapping_unmap_writable(mem->file->f_mapping);
	fput(mem->file);
}

/*
 * Pin the folios of pages from @index on, once each. @skip becomes the number
 * of pages of the first folio before @index. The folios may have more pages
 * than @npages, or fewer.
 * Return: number of folios, at least 1, or errno.
 */
static long file_pin_range(struct iommufd_umem *umem, unsigned long index,
			   unsigned long npages, struct folio **folios,
			   unsigned int max_folios, unsigned long *skip)
{
	struct umem_file *mem = to_umem_file(umem);
	u64 start = (u64)index * PAGE_SIZE;
	/* The file need not reach to the end of the last page. */
	u64 end = min(start + npages * PAGE_SIZE, mem->end);
	pgoff_t offset;
	long nr;

	nr = file_pin_folios(mem->file, start, end - 1, folios, max_folios,
			     &offset);
	if (nr > 0) {
		*skip = offset >> PAGE_SHIFT;
		return nr;
	}
	/* A full file system and an empty pool of huge pages are alike. */
	return !nr || nr == -ENOSPC ? -ENOMEM : nr;
}

/* The first page of a folio of the batch that is in the range */
static struct page *file_first_page(const struct umem_batch *batch,
				    unsigned int i)
{
	return folio_page(batch->folios[i], i ? 0 : batch->skip);
}

/* The number of pages of a folio from @index on, as far as they are charged */
static unsigned long file_npages(const struct umem_batch *batch, unsigned int i,
				 unsigned long index)
{
	unsigned long npages = folio_nr_pages(batch->folios[i]);

	if (!i)
		npages -= batch->skip;
	return min(npages, batch->held - index);
}

/* Unpin folios of the batch, the first of which begins with page @index. */
static void file_unpin_folios(struct umem_batch *batch, unsigned int i,
			      unsigned int end, unsigned long index)
{
	for (; i < end; i++) {
		unsigned long npages = file_npages(batch, i, index);

		unpin_user_page_range_dirty_lock(file_first_page(batch, i),
						 npages, false);
		index += npages;
		cond_resched();
	}
}

/*
 * Add pins to those of new folios, so that each page has its own. On failure no
 * folio is pinned any more.
 */
static int file_pin_each_page(struct umem_batch *batch)
{
	unsigned long index = batch->next;
	unsigned int i;

	for (i = 0; i < batch->nr_pages; i++) {
		struct folio *folio = batch->folios[i];
		unsigned long npages = file_npages(batch, i, index);

		/* User space drives the count; the kernel warns at its end. */
		if (folio_ref_count(folio) > INT_MAX / 2 ||
		    (npages > 1 && folio_add_pins(folio, npages - 1))) {
			file_unpin_folios(batch, 0, i, batch->next);
			unpin_folios(batch->folios + i, batch->nr_pages - i);
			return -ENOMEM;
		}
		index += npages;
	}
	return 0;
}

/*
 * The kernel looks folios up lot by lot. If the file changes between two lots,
 * a folio can begin before the end of the one before it, or behind it. Keep
 * those up to there.
 * Return: their number; *npages becomes that of their pages, of which the first
 * has @index in the file.
 */
static unsigned int file_keep_adjacent(struct folio **folios, unsigned int nr,
				       pgoff_t index, unsigned long *npages)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct folio *folio = folios[i];

		/* The index of huge pages has another unit on some kernels. */
		if (!folio_test_hugetlb(folio) &&
		    folio->index != index + *npages)
			break;
		*npages += folio_nr_pages(folio);
	}
	if (i < nr)
		unpin_folios(folios + i, nr - i);
	return i;
}

/* Pin and charge the next pages; all old ones are in the runs. */
static int file_refill(struct umem_batch *batch, unsigned long last)
{
	struct iommufd_umem *umem = batch->umem;
	unsigned long room = min(last - batch->next + 1, PAGES_AT_ONCE);
	unsigned long npages = 0;
	pgoff_t index;
	long nr;
	int rc;

	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();

	room = umem_batch_room(batch, room);
	nr = file_pin_range(umem, batch->next, room, batch->folios,
			    batch->max_pages, &batch->skip);
	if (nr < 0)
		return nr;
	index = batch->next - batch->skip;
	nr = file_keep_adjacent(batch->folios, nr, index, &npages);
	if (!nr)
		return -EIO;
	npages = min(npages - batch->skip, room);
	rc = iommufd_payer_charge(umem->payer, umem->mode, npages);
	if (rc) {
		unpin_folios(batch->folios, nr);
		return rc;
	}

	batch->held = batch->next + npages;
	batch->nr_pages = nr;
	batch->taken = 0;
	rc = file_pin_each_page(batch);
	if (rc) {
		iommufd_payer_uncharge(umem->payer, umem->mode, npages);
		batch->nr_pages = 0;
		return rc;
	}
	iommufd_advance(umem->payer->stats, IOMMUFD_CALL_MAP,
			npages << PAGE_SHIFT);
	return 0;
}

/* Add folios to the runs. Return: false if there is no room for a new run. */
static bool file_add(struct umem_batch *batch)
{
	for (; batch->taken < batch->nr_pages; batch->taken++) {
		struct page *page = file_first_page(batch, batch->taken);

		if (!pfn_runs_append(batch->runs, &batch->nr_runs,
				     batch->max_runs, batch->next,
				     page_to_pfn(page)))
			return false;
		batch->next += file_npages(batch, batch->taken, batch->next);
	}
	return true;
}

/*
 * umem_ops.pin; an errno may also be -EINVAL if the file ends before the memory
 * does, or -EIO.
 */
static int file_pin(struct umem_batch *batch, unsigned long last)
{
	bool room;

	do {
		if (batch->taken == batch->nr_pages) {
			int rc = file_refill(batch, last);

			if (rc)
				return rc;
		}
		room = file_add(batch);
	} while (room && batch->next - 1 != last);
	return 0;
}

static unsigned long file_drop(struct umem_batch *batch)
{
	if (batch->taken == batch->nr_pages)
		return 0;
	file_unpin_folios(batch, batch->taken, batch->nr_pages, batch->next);
	return batch->held - batch->next;
}

/* A kernel thread cannot map the file. */
static int file_pin_shortly(struct iommufd_umem *umem, unsigned long index,
			    struct page **page)
{
	int rc = file_pin_page_shortly(to_umem_file(umem)->file, index, page);

	return rc == -ENOSPC ? -ENOMEM : rc;
}

static int file_get_page(struct iommufd_umem *umem, unsigned long index,
			 bool write, struct page **page)
{
	struct folio *folio;
	unsigned long skip;
	long nr;

	nr = file_pin_range(umem, index, 1, &folio, 1, &skip);
	if (nr == -EFAULT)
		return file_pin_shortly(umem, index, page);
	if (nr < 0)
		return nr;
	*page = folio_page(folio, skip);
	return 0;
}

const struct umem_ops umem_file_ops = {
	.letter = 'f',
	.pin = file_pin,
	.drop = file_drop,
	.unpin = umem_unpin_pages,
	.get_page = file_get_page,
	.release = file_release,
};
