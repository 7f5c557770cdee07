/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/mm.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_MM_H
#define _COMPAT_LINUX_MM_H

#include_next <linux/mm.h>
#include <generated/features.h>

#ifndef HAVE_PIN_USER_PAGES_REMOTE_NO_VMAS
/*
 * Until 6.1 a FOLL_LONGTERM pin for reading leaves a private page shared: a
 * later write of the process goes to a copy, and the device keeps the old page.
 * Pinning for writing breaks copy-on-write first. FOLL_FORCE allows that where
 * the process may only read; it never lets the device read what the process
 * cannot read. Neither flag is used where no copy is made: shared memory, which
 * is refused with -EFAULT if it is read-only.
 */
static inline unsigned int compat_gup_flags(struct vm_area_struct *vma, unsigned int gup_flags)
{
	if ((gup_flags & FOLL_WRITE) || !(vma->vm_flags & VM_READ) ||
	    !is_cow_mapping(vma->vm_flags))
		return gup_flags;
	if (vma->vm_flags & VM_WRITE)
		return gup_flags | FOLL_WRITE;
	/* 6.1 cannot force that on huge pages; pin what is there. */
	return (vma->vm_flags & VM_HUGETLB) ? gup_flags : gup_flags | FOLL_WRITE | FOLL_FORCE;
}

/*
 * Without @locked gup cannot wait for a page that another process has to provide,
 * as with userfaultfd, and fails. This faults the page in first. The mmap lock is
 * held again when it returns, on failure too.
 */
static inline int compat_fault_in(struct mm_struct *mm, unsigned long addr, unsigned int gup_flags)
{
	struct vm_area_struct *vma = vma_lookup(mm, addr);
	unsigned int fault_flags = 0;
	bool unlocked = false;

	if (!vma)
		return -EFAULT;
	if ((gup_flags & FOLL_WRITE) && (vma->vm_flags & VM_WRITE))
		fault_flags |= FAULT_FLAG_WRITE;
	return fixup_user_fault(mm, addr, fault_flags, &unlocked);
}

/*
 * Until 6.4 gup has an argument vmas, which is not used here, and FOLL_LONGTERM
 * does not take @locked. The mmap lock may be dropped and taken again; *locked
 * stays 1.
 */
static inline long compat_pin_user_pages_remote(struct mm_struct *mm, unsigned long start,
						unsigned long nr_pages, unsigned int gup_flags,
						struct page **pages, int *locked)
{
	unsigned long pinned = 0;
	bool faulted = false;

	if (!(gup_flags & FOLL_LONGTERM))
		return pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages, NULL, locked);

	while (pinned < nr_pages) {
		unsigned long addr = start + (pinned << PAGE_SHIFT), nr = nr_pages - pinned;
		struct vm_area_struct *vma = vma_lookup(mm, addr);
		unsigned int flags = gup_flags;
		long rc;

		if (vma) {
			nr = min(nr, (vma->vm_end - addr) >> PAGE_SHIFT);
			flags = compat_gup_flags(vma, gup_flags);
		}
		rc = pin_user_pages_remote(mm, addr, nr, flags, pages + pinned, NULL, NULL);
		if (rc == -EFAULT && !pinned && !faulted) {
			faulted = true;
			rc = compat_fault_in(mm, addr, flags);
			if (!rc)
				continue;
		}
		if (rc <= 0)
			return pinned ? pinned : rc;
		pinned += rc;
	}
	return pinned;
}

/* Pinning for reading has to look at the vmas, which gup-fast does not. */
static inline long compat_pin_user_pages_fast(unsigned long start, int nr_pages,
					      unsigned int gup_flags, struct page **pages)
{
	long rc;

	if ((gup_flags & FOLL_WRITE) || !(gup_flags & FOLL_LONGTERM)) {
		rc = pin_user_pages_fast(start, nr_pages, gup_flags, pages);
		if (rc != -EFAULT || !(gup_flags & FOLL_LONGTERM))
			return rc;
	}
	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	rc = compat_pin_user_pages_remote(current->mm, start, nr_pages, gup_flags, pages, NULL);
	mmap_read_unlock(current->mm);
	return rc;
}

#define pin_user_pages_remote compat_pin_user_pages_remote
#define pin_user_pages_fast compat_pin_user_pages_fast
#endif

#ifndef HAVE_FOLLOW_PFNMAP_START
/*
 * Until 6.12 there is follow_pte(), for tables without huge entries: until then
 * nothing makes huge entries for memory without struct pages. The answer is true
 * while the lock is held.
 */
struct follow_pfnmap_args {
	struct vm_area_struct *vma;
	unsigned long address;
	spinlock_t *lock;
	pte_t *ptep;
	unsigned long pfn;
};

static inline int follow_pfnmap_start(struct follow_pfnmap_args *args)
{
	struct vm_area_struct *vma = args->vma;
	int rc;

	rc = follow_pte(vma->vm_mm, args->address, &args->ptep, &args->lock);
	if (rc)
		return rc;
	args->pfn = pte_pfn(*args->ptep);
	return 0;
}

static inline void follow_pfnmap_end(struct follow_pfnmap_args *args)
{
	/* sparse has not seen follow_pte() take it. */
	__acquire(args->lock);
	pte_unmap_unlock(args->ptep, args->lock);
}
#endif

#ifndef HAVE_VM_FLAGS_CLEAR /* until 6.2 */
static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#endif
