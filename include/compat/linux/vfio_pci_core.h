/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a driver over vfio-pci-core must know about the way BARs are mapped into
 * processes, which is not the same in every kernel.
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

#ifdef HAVE_VFIO_DEVICE_INODE

/**
 * vfio_pci_file_share_mapping - make a file's mappings known to vfio-pci-core
 * @filep: a device file that is being opened
 * @core: its device
 *
 * vfio-pci-core takes BARs away from processes by unmapping them from the
 * address space of the device's own inode, so every file must use that one.
 */
static inline void
vfio_pci_file_share_mapping(struct file *filep,
			    struct vfio_pci_core_device *core)
{
	filep->f_mapping = core->vdev.inode->i_mapping;
}

/**
 * vfio_pci_core_zap_trylock - take a device's memory away from all processes
 * @core: an open device
 *
 * After success no process has a page of a BAR and none gets one, nor does
 * read() or write() reach the device, until the caller releases
 * core->memory_lock with up_write().
 *
 * Return: false when somebody is using the locks just now.
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

#else /* until 6.9 a list of the areas that have pages of a BAR */

/* An entry of vfio_pci_core_device.vma_list; declared in vfio-pci-core alone */
struct vfio_pci_mmap_vma {
	struct vm_area_struct *vma;
	struct list_head vma_next;
};

/* The areas are listed as they fault, whichever file they map. */
static inline void
vfio_pci_file_share_mapping(struct file *filep,
			    struct vfio_pci_core_device *core)
{
}

/* An mm that maps a BAR, counted, or NULL. vma_lock is held. */
static inline struct mm_struct *
vfio_pci_core_mapping_mm(struct vfio_pci_core_device *core)
{
	struct vfio_pci_mmap_vma *entry, *next;

	list_for_each_entry_safe(entry, next, &core->vma_list, vma_next) {
		if (mmget_not_zero(entry->vma->vm_mm))
			return entry->vma->vm_mm;
		/* The process is exiting, its page tables go on their own. */
		list_del(&entry->vma_next);
		kfree(entry);
	}
	return NULL;
}

/* False if nothing of the device was in @mm. Its mmap_lock and vma_lock are held. */
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

/* Zap one process, whose mm the caller has counted. */
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
 * As above. A page fault takes mmap_lock, vma_lock, memory_lock in this order,
 * so vma_lock has to be dropped to get at an mmap_lock, and the list is only
 * known to be empty while vma_lock is held: memory_lock is taken inside. All of
 * them are tried and never waited for, because the devices of a hot reset may
 * share one mm.
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

#ifndef HAVE_VM_FLAGS_CLEAR /* until 6.3 */
static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

/* vfio-pci-core's operations on areas, the same for all; it outlives its areas */
static const struct vm_operations_struct *vfio_pci_core_mmap_ops;

/*
 * @vma is the copy of an area, made to move it, to cut it, or for a child. It is not
 * listed, so pages that come to it with the copy would escape the next zap. It may
 * also have the copied mark that its range of memory is reserved (VM_PAT), and that
 * range would be given back twice or without having been reserved. So all areas of
 * this process start anew: without pages, to be listed when they fault.
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
#ifdef VM_PAT
	if (zapped)
		vm_flags_clear(vma, VM_PAT);
#endif
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
 * Map a BAR so that vfio-pci-core can take its pages away again from the area
 * and from all that moving it, cutting it and fork() make of it.
 */
static inline int compat_vfio_pci_core_mmap(struct vfio_device *vdev,
					    struct vm_area_struct *vma)
{
	int rc = vfio_pci_core_mmap(vdev, vma);

	if (rc)
		return rc;
	WRITE_ONCE(vfio_pci_core_mmap_ops, vma->vm_ops);
	vma->vm_ops = &vfio_pci_vma_ops;
	return 0;
}

#define vfio_pci_core_mmap compat_vfio_pci_core_mmap

#endif /* HAVE_VFIO_DEVICE_INODE */
#endif
