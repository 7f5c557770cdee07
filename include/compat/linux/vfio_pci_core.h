/* SPDX-License-Identifier: GPL-2.0 */
/*
 * <linux/vfio_pci_core.h> as drivers/ knows it, and helpers that hide how BARs
 * are mapped into processes, which differs between kernels.
 */
#ifndef _COMPAT_LINUX_VFIO_PCI_CORE_H
#define _COMPAT_LINUX_VFIO_PCI_CORE_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include_next <linux/vfio_pci_core.h>
#include <generated/features.h>

#ifdef HAVE_VFIO_PCI_CORE_DMABUFS

/**
 * vfio_pci_core_has_dma_bufs() - are there dma-bufs of the device's BARs?
 * @core: an open device
 *
 * Context: any. The answer stays true under memory_lock only.
 */
static inline bool vfio_pci_core_has_dma_bufs(struct vfio_pci_core_device *core)
{
	return !list_empty(&core->dmabufs);
}

#else /* until 6.18 */

static inline bool vfio_pci_core_has_dma_bufs(struct vfio_pci_core_device *core)
{
	return false;
}

#endif

#ifdef HAVE_VFIO_DEVICE_INODE

/**
 * vfio_pci_core_zap_trylock() - take a device's memory away from all processes
 * @core: an open device
 *
 * After success no process has a page of a BAR or can get one, and read() and
 * write() do not reach the device, until the caller releases core->memory_lock
 * with up_write().
 *
 * Return: true, or false when a lock is held by another thread.
 */
static inline bool vfio_pci_core_zap_trylock(struct vfio_pci_core_device *core)
{
	loff_t start = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_BAR0_REGION_INDEX);
	loff_t end = VFIO_PCI_INDEX_TO_OFFSET(VFIO_PCI_ROM_REGION_INDEX);

	if (!down_write_trylock(&core->memory_lock))
		return false;
	unmap_mapping_range(core->vdev.inode->i_mapping, start, end - start,
			    true);
	return true;
}

/* vfio-pci-core finds all areas of a device, also copies. */
static inline void vfio_pci_vma_watch(struct vfio_pci_core_device *core,
				      struct vm_area_struct *vma)
{
}

static inline bool vfio_pci_vma_is_watched(struct vfio_pci_core_device *core,
					   const struct vm_area_struct *vma)
{
	return true;
}

static inline bool vfio_pci_core_zap_misses_exiting(void)
{
	return false;
}

#else /* until 6.9: a list of the areas that have pages of a BAR */

/*
 * Does vfio-pci-core leave the areas of a process out that is exiting, when it
 * takes the pages of BARs away? Such a process cannot use them any more. But
 * until its page tables go, which may take long, no MMU notifier tells that the
 * pages have gone.
 */
static inline bool vfio_pci_core_zap_misses_exiting(void)
{
	return true;
}

/* An entry of vfio_pci_core_device.vma_list, private to vfio-pci-core */
struct vfio_pci_mmap_vma {
	struct vm_area_struct *vma;
	struct list_head vma_next;
};

/* A counted mm that maps a BAR, or NULL. The caller holds vma_lock. */
static inline struct mm_struct *
vfio_pci_core_mapping_mm(struct vfio_pci_core_device *core)
{
	struct vfio_pci_mmap_vma *entry, *next;

	list_for_each_entry_safe(entry, next, &core->vma_list, vma_next) {
		if (mmget_not_zero(entry->vma->vm_mm))
			return entry->vma->vm_mm;
		/* The process is exiting: see vfio_pci_core_zap_misses_exiting(). */
		list_del(&entry->vma_next);
		kfree(entry);
	}
	return NULL;
}

/*
 * Zap all areas of the device in @mm; false if there were none. The caller
 * holds mmap_lock and vma_lock.
 */
static inline bool vfio_pci_core_zap_mm(struct vfio_pci_core_device *core,
					struct mm_struct *mm)
{
	struct vfio_pci_mmap_vma *entry, *next;
	bool found = false;

	list_for_each_entry_safe(entry, next, &core->vma_list, vma_next) {
		struct vm_area_struct *vma = entry->vma;

		if (vma->vm_mm != mm)
			continue;
		list_del(&entry->vma_next);
		kfree(entry);
		zap_vma_ptes(vma, vma->vm_start, vma->vm_end - vma->vm_start);
		found = true;
	}
	return found;
}

/* The caller has a reference to @mm. */
static inline bool
vfio_pci_core_zap_mm_trylock(struct vfio_pci_core_device *core,
			     struct mm_struct *mm)
{
	bool done = false;

	if (!mmap_read_trylock(mm))
		return false;
	if (mutex_trylock(&core->vma_lock)) {
		vfio_pci_core_zap_mm(core, mm);
		mutex_unlock(&core->vma_lock);
		done = true;
	}
	mmap_read_unlock(mm);
	return done;
}

/*
 * As above. A page fault takes mmap_lock, vma_lock and memory_lock in this
 * order, so vma_lock must be dropped before an mmap_lock is taken. The list is
 * known to be empty only under vma_lock, so memory_lock is taken inside it. All
 * locks are only tried, because the devices of a hot reset may share one mm.
 */
static inline bool vfio_pci_core_zap_trylock(struct vfio_pci_core_device *core)
{
	struct mm_struct *mm;
	bool locked;

	for (;;) {
		if (!mutex_trylock(&core->vma_lock))
			return false;
		mm = vfio_pci_core_mapping_mm(core);
		if (!mm)
			break;
		mutex_unlock(&core->vma_lock);
		locked = vfio_pci_core_zap_mm_trylock(core, mm);
		mmput(mm);
		if (!locked)
			return false;
	}
	locked = down_write_trylock(&core->memory_lock);
	mutex_unlock(&core->vma_lock);
	return locked;
}

#ifndef VM_PAT /* x86 alone reserves ranges of memory */
#define VM_PAT VM_NONE
#endif

/* The operations of vfio-pci-core, which stays loaded while areas exist */
static const struct vm_operations_struct *vfio_pci_core_mmap_ops;

/*
 * @vma is the copy of an area, made by mremap(), a split or fork(). The copy is
 * not listed, so pages that are copied with it would escape the next zap. It
 * may also have a copy of VM_PAT, the mark that its range of memory is
 * reserved; the range would then be released twice, or without having been
 * reserved. So zap all areas of this process: they are listed again when they
 * fault.
 */
static inline void vfio_pci_vma_open(struct vm_area_struct *vma)
{
	struct vfio_pci_core_device *core = vma->vm_private_data;
	bool zapped;

	/* fork() calls this for the child's area, before it copies pages. */
	mmap_assert_write_locked(current->mm);
	mutex_lock(&core->vma_lock);
	zapped = vfio_pci_core_zap_mm(core, current->mm);
	mutex_unlock(&core->vma_lock);
	if (zapped)
		vm_flags_clear(vma, VM_PAT);
	vfio_pci_core_mmap_ops->open(vma);
}

static inline void vfio_pci_vma_close(struct vm_area_struct *vma)
{
	vfio_pci_core_mmap_ops->close(vma);
}

static inline vm_fault_t vfio_pci_vma_fault(struct vm_fault *vmf)
{
	return vfio_pci_core_mmap_ops->fault(vmf);
}

static const struct vm_operations_struct vfio_pci_vma_ops = {
	.open = vfio_pci_vma_open,
	.close = vfio_pci_vma_close,
	.fault = vfio_pci_vma_fault,
};

/*
 * @vma has just been mapped by the driver of @core. If vfio-pci-core did that,
 * make sure that it can take the pages away again, also from the areas that
 * mremap(), splits and fork() make of this one.
 */
static inline void vfio_pci_vma_watch(struct vfio_pci_core_device *core,
				      struct vm_area_struct *vma)
{
	if (vma->vm_private_data != core || !vma->vm_ops)
		return;
	WRITE_ONCE(vfio_pci_core_mmap_ops, vma->vm_ops);
	vma->vm_ops = &vfio_pci_vma_ops;
}

/*
 * Will vfio-pci-core take the pages of @vma away? It does not if mremap() has
 * moved pages to an area that vfio_pci_vma_watch() has not seen. The caller
 * holds mmap_lock, and @vma has pages.
 */
static inline bool vfio_pci_vma_is_watched(struct vfio_pci_core_device *core,
					   const struct vm_area_struct *vma)
{
	struct vfio_pci_mmap_vma *entry;
	bool found = false;

	mutex_lock(&core->vma_lock);
	list_for_each_entry(entry, &core->vma_list, vma_next) {
		if (entry->vma == vma) {
			found = true;
			break;
		}
	}
	mutex_unlock(&core->vma_lock);
	return found;
}

#endif /* HAVE_VFIO_DEVICE_INODE */
#endif
