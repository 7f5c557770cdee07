// SPDX-License-Identifier: GPL-2.0
/*
 * Which user addresses are a BAR, of which device, and where on the bus.
 *
 * iommufd knows no BARs. The module that gives devices to user space registers
 * a function that recognises a VMA of a BAR. Everything else is in the page
 * tables of the process: a driver that takes the registers away from user space
 * removes the entries and refuses to make new ones. So an entry that a fault
 * makes is the proof that the process may use the BAR now. As a VMA of a BAR is
 * linear, the entries of the first and the last page stand for all others.
 *
 * No frame of a BAR has a struct page that anything here looks at.
 */
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "bar.h"
#include "bar_device.h"

#define BAR_VMA_FLAGS (VM_IO | VM_PFNMAP | VM_SHARED)

/**
 * enum p2p_policy - BARs that MAP accepts
 * @P2P_NONE: none
 * @P2P_OWN: those of devices that are bound to the same context
 * @P2P_ALL: those of all devices
 */
enum p2p_policy {
	P2P_NONE,
	P2P_OWN,
	P2P_ALL,
};

static const char *const p2p_names[] = {
	[P2P_NONE] = "none",
	[P2P_OWN] = "own",
	[P2P_ALL] = "all",
};

static unsigned int p2p_policy = P2P_OWN;

static int p2p_set(const char *text, const struct kernel_param *param)
{
	int policy = sysfs_match_string(p2p_names, text);

	if (policy < 0)
		return policy;
	WRITE_ONCE(p2p_policy, policy);
	return 0;
}

static int p2p_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%s\n", p2p_names[READ_ONCE(p2p_policy)]);
}

static const struct kernel_param_ops p2p_param_ops = {
	.set = p2p_set,
	.get = p2p_get,
};
module_param_cb(p2p, &p2p_param_ops, NULL, 0644);
MODULE_PARM_DESC(
	p2p,
	"device memory that can be mapped for DMA of other devices: all, own (of devices bound to the same iommufd; default), none");

/* Nests in the mmap lock. */
static DECLARE_RWSEM(bar_provider_lock);
static const struct iommufd_bar_provider *bar_provider;

/**
 * iommufd_bar_provider_register() - let MAP recognise BARs
 * @provider: functions of the module that gives devices to user space; valid
 *            until iommufd_bar_provider_unregister()
 *
 * Return: 0, -EBUSY if there is a provider already.
 */
int iommufd_bar_provider_register(const struct iommufd_bar_provider *provider)
{
	int rc = 0;

	down_write(&bar_provider_lock);
	if (bar_provider)
		rc = -EBUSY;
	else
		bar_provider = provider;
	up_write(&bar_provider_lock);
	return rc;
}
EXPORT_SYMBOL_GPL(iommufd_bar_provider_register);

/**
 * iommufd_bar_provider_unregister() - undo iommufd_bar_provider_register()
 *
 * No function of the provider runs any more when this returns. BARs that are
 * mapped stay until they go, and do not come back.
 */
void iommufd_bar_provider_unregister(void)
{
	down_write(&bar_provider_lock);
	bar_provider = NULL;
	up_write(&bar_provider_lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_provider_unregister);

/* Ask the provider. Return: the device, counted, or NULL. */
static struct iommufd_bar_device *
bar_vma_device(const struct vm_area_struct *vma, phys_addr_t phys, u64 length,
	       const struct iommufd_ctx **bound)
{
	struct iommufd_bar_device *device = NULL;

	down_read(&bar_provider_lock);
	if (bar_provider)
		device = bar_provider->device(vma, phys, length, bound);
	up_read(&bar_provider_lock);
	return device;
}

/*
 * Is that still the device, and bound to the context? The VMA may be another
 * one than that which iommufd_bar_recognise() has seen.
 */
static bool bar_vma_is_of(const struct vm_area_struct *vma,
			  const struct iommufd_bar_range *range,
			  phys_addr_t phys, u64 length)
{
	const struct iommufd_ctx *bound = NULL;
	struct iommufd_bar_device *device =
		bar_vma_device(vma, phys, length, &bound);

	/* The range has a reference too. */
	iommufd_bar_device_put(device);
	return device == range->device &&
	       (!range->ictx || bound == range->ictx);
}

/**
 * iommufd_bar_is_reachable() - would a search find the BARs of a device?
 * @device: device; user space has it open
 *
 * For a caller that must not wait while the driver resets the device.
 *
 * Context: may sleep, but waits for no other thread.
 * Return: false if user space does not have the BARs, or if that is not known.
 */
bool iommufd_bar_is_reachable(struct iommufd_bar_device *device)
{
	bool is = true;

	if (!down_read_trylock(&bar_provider_lock))
		return false;
	/* Without a provider the search has an answer, too. */
	if (bar_provider)
		is = bar_provider->is_reachable(device->data);
	up_read(&bar_provider_lock);
	return is;
}

static bool bar_vma_allows(const struct vm_area_struct *vma, int prot)
{
	if ((vma->vm_flags & BAR_VMA_FLAGS) != BAR_VMA_FLAGS)
		return false;
	if ((prot & IOMMU_READ) && !(vma->vm_flags & VM_READ))
		return false;
	return !(prot & IOMMU_WRITE) || (vma->vm_flags & VM_WRITE);
}

/*
 * The VMA of the first page, if the range lies in that VMA, or in several that
 * were one before a system call has split it. Under the mmap lock.
 */
static struct vm_area_struct *
bar_first_vma(const struct iommufd_bar_range *range)
{
	unsigned long last = range->start + (range->npages - 1) * PAGE_SIZE;
	struct vm_area_struct *first = vma_lookup(range->mm, range->start);
	struct vm_area_struct *vma = first, *next;

	while (vma && bar_vma_allows(vma, range->prot)) {
		if (last < vma->vm_end)
			return first;
		next = vma_lookup(range->mm, vma->vm_end);
		if (!next || next->vm_file != first->vm_file ||
		    next->vm_private_data != first->vm_private_data ||
		    next->vm_pgoff != vma->vm_pgoff + vma_pages(vma))
			break;
		vma = next;
	}
	return NULL;
}

/**
 * iommufd_bar_recognise() - does a process map a BAR, and may give it to devices?
 * @range: range; its mm is that of the current process. Receives the other
 *         members; the caller puts the device.
 * @ictx: context that maps the range
 *
 * The BAR is not touched, and may be out of reach for the moment.
 *
 * Return: false if the range is anything but a BAR of one device, or the policy
 * excludes that device.
 */
bool iommufd_bar_recognise(struct iommufd_bar_range *range,
			   const struct iommufd_ctx *ictx)
{
	unsigned int policy = READ_ONCE(p2p_policy);
	const struct iommufd_ctx *bound = NULL;
	const struct vm_area_struct *vma;

	range->device = NULL;
	if (policy == P2P_NONE || mmap_read_lock_killable(range->mm))
		return false;
	vma = bar_first_vma(range);
	if (vma)
		range->device = bar_vma_device(vma, 0, 0, &bound);
	mmap_read_unlock(range->mm);
	range->ictx = policy == P2P_OWN ? ictx : NULL;
	if (range->ictx && bound != ictx) {
		iommufd_bar_device_put(range->device);
		range->device = NULL;
	}
	return range->device;
}

/*
 * An entry for reading only is good for DMA that writes, too: bar_vma_allows()
 * has asked the VMA. The kernel makes one to see the first write of the process
 * (soft-dirty).
 * Return: 0, -EFAULT if there is no entry.
 */
static int bar_read_pfn(const struct iommufd_bar_range *range,
			unsigned long address, unsigned long *pfn)
{
	struct follow_pfnmap_args args = {
		.vma = vma_lookup(range->mm, address),
		.address = address,
	};

	if (follow_pfnmap_start(&args))
		return -EFAULT;
	*pfn = args.pfn;
	follow_pfnmap_end(&args);
	return 0;
}

/*
 * Read the frame of a page, and have it faulted in before.
 * Return: 0; -EAGAIN if the mmap lock was dropped meanwhile; -EFAULT if the
 * driver lets nothing through; -ENOMEM; -EINTR.
 */
static int bar_fault_pfn(const struct iommufd_bar_range *range,
			 unsigned long address, unsigned long *pfn)
{
	bool write = range->prot & IOMMU_WRITE, unlocked = false;
	int rc = bar_read_pfn(range, address, pfn);

	if (!rc)
		return 0;
	rc = fixup_user_fault(range->mm, address, write ? FAULT_FLAG_WRITE : 0,
			      &unlocked);
	if (rc == -ENOMEM || rc == -EINTR)
		return rc;
	if (rc || unlocked)
		return rc ? -EFAULT : -EAGAIN;
	return bar_read_pfn(range, address, pfn);
}

/* Under the mmap lock, which may be dropped meanwhile: then -EAGAIN */
static int bar_find_locked(const struct iommufd_bar_range *range,
			   phys_addr_t *phys)
{
	unsigned long last = range->start + (range->npages - 1) * PAGE_SIZE;
	unsigned long pfn, last_pfn;
	struct vm_area_struct *vma;
	int rc;

	vma = bar_first_vma(range);
	if (!vma || !bar_vma_is_of(vma, range, 0, 0))
		return -ENXIO;
	rc = bar_fault_pfn(range, range->start, &pfn);
	if (!rc)
		rc = bar_fault_pfn(range, last, &last_pfn);
	if (rc)
		return rc;
	/* A driver that maps something else there is not the one we know. */
	if (last_pfn - pfn != range->npages - 1 ||
	    !bar_vma_is_of(vma, range, PFN_PHYS(pfn),
			   range->npages * PAGE_SIZE))
		return -ENXIO;
	*phys = PFN_PHYS(pfn);
	return 0;
}

/**
 * iommufd_bar_find() - find the bus address of a BAR
 * @range: range; its mm may be that of another process. The caller is a user of
 *         the mm.
 * @wait: for the mmap lock, for which a process can make others wait for ever
 * @phys: receives the address of the first page
 *
 * The answer is true as long as no invalidation of the range begins.
 *
 * Context: takes the mmap lock; may wait for a reset of the device.
 * Return: 0; -EFAULT if the BAR is out of reach for the moment, or another
 * thread has the lock and @wait is not set; -ENXIO if the process has something
 * else there; -ENOMEM; -EINTR when killed.
 */
int iommufd_bar_find(const struct iommufd_bar_range *range, bool wait,
		     phys_addr_t *phys)
{
	int rc;

	do {
		if (wait)
			rc = mmap_read_lock_killable(range->mm);
		else
			rc = mmap_read_trylock(range->mm) ? 0 : -EFAULT;
		if (rc)
			break;
		rc = bar_find_locked(range, phys);
		mmap_read_unlock(range->mm);
	} while (rc == -EAGAIN);
	return rc;
}
