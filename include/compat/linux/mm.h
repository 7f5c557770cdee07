/* SPDX-License-Identifier: GPL-2.0 */
/* <linux/mm.h> as drivers/ knows it, on kernels where it is older */
#ifndef _COMPAT_LINUX_MM_H
#define _COMPAT_LINUX_MM_H

#include_next <linux/mm.h>
#include <generated/features.h>

#ifndef HAVE_PIN_USER_PAGES_REMOTE_NO_VMAS
/*
 * Until 6.2 a FOLL_LONGTERM pin for reading leaves a private page shared: when
 * its owner writes to it later, he gets a copy and the device keeps the old
 * page. Pinning for writing breaks copy-on-write first, and FOLL_FORCE allows
 * that where the owner himself may only read. Neither is used where no copy is
 * made (shared memory, refused with -EFAULT if it is read-only), nor does
 * FOLL_FORCE let anybody read what the owner cannot.
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
 * Without locked gup cannot wait for a page that somebody else has to bring, as
 * userfaultfd does, and fails. Have it brought first; the mmap lock is held
 * again when this returns, on failure too.
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
 * Until 6.4 there is a vmas argument nobody needs, and FOLL_LONGTERM takes no
 * locked. The mmap lock may be dropped, but *locked keeps saying 1.
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

/* Pinning for reading has to look at the vmas, which the fast way does not. */
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

#endif
