// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: BARs as memory
 *
 * The kind of memory that is a BAR of a PCI device, given by the address at
 * which a process has mmapped it. DMA of other devices then goes to the bus
 * address of the BAR. Nothing is pinned or charged: there are no pages.
 *
 * So nothing keeps a BAR where it is, either. The driver of the device takes it
 * away from user space before a reset, before low power, and when memory
 * decoding is switched off; the process may unmap it; the device may go. In all
 * these cases the kernel removes the entries of the process's page tables, and
 * calls the MMU notifiers of the range before that. The notifier of this kind
 * takes the IO pages out of all page tables, and flushes the IOTLBs, before it
 * returns. Only then can the cause go on. DMA that comes later finds nothing, as
 * with any IOVA that is not mapped: the IOMMU reports a fault, the device reads
 * what the IOMMU makes of it, and nothing is written.
 *
 * The mapping stays, without IO pages. UNMAP removes it and counts its length,
 * COPY copies it, a new page table gets it when it comes back. It comes back
 * when the process could use the BAR again. A worker tries that, at once when
 * the module that gives devices to user space says so, and from time to time for
 * the sake of devices that user space has by another way. It first asks that
 * module, because a look during a reset would wait for its end. It stops for good
 * after the process has unmapped or moved any part of the range, or has exited.
 * What is mapped at these addresses later is another memory.
 *
 * The kind keeps a list of places, each a range of IOVA in one page table, and
 * has the whole list mapped or nothing of it. No runs of frames are kept: a BAR
 * may come back elsewhere, and is one run anyway.
 *
 * **Order of locks.** The semaphore of the BAR nests in all locks that the
 * caller of an MMU notifier may hold: the mmap lock, the locks of the reverse
 * mapping, and those that a driver holds meanwhile, such as vfio-pci-core's
 * memory_lock. The groups lock of a page table nests in the semaphore. Nothing
 * that needs one of the first is done under the semaphore: the range is looked
 * at before, and the sequence number of the notifier tells if that is still true.
 *
 * **Reclaim.** Memory is allocated under the semaphore and under the groups
 * lock, and an allocation may call MMU notifiers, so lockdep would see a cycle.
 * There is none. The semaphore is held over an allocation, and over taking the
 * groups lock, only if the range is known to be a BAR: by the sequence number,
 * or by BAR_HERE. Until the notifier has returned nothing else can be there.
 * Reclaim does not look at BARs, so none of its calls is for such a range; in
 * all other states the notifier only looks at the state. For that reason the
 * lock is a semaphore, which lockdep does not follow.
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/iommufd.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "bar_device.h"
#include "umem.h"
#include "umem_bar.h"
#include "umem_place.h"

/* How long the worker waits before it looks again for a BAR */
#define BAR_MIN_DELAY msecs_to_jiffies(20)
#define BAR_MAX_DELAY msecs_to_jiffies(1000)

/* Searches in a row that an invalidation may meet */
#define BAR_MAX_TRIES 20

/*
 * Workers sleep in locks of the drivers. They must not keep other work of the
 * kernel waiting, and are few.
 */
#define BAR_MAX_WORKERS 16

static struct workqueue_struct *bar_queue;

/* Undone by umem_bars_exit(), when no context is left. Return: 0 or -ENOMEM. */
int umem_bars_init(void)
{
	bar_queue =
		alloc_workqueue("iommufd_bars", WQ_UNBOUND, BAR_MAX_WORKERS);
	return bar_queue ? 0 : -ENOMEM;
}

void umem_bars_exit(void)
{
	destroy_workqueue(bar_queue);
}

static struct umem_bar *to_umem_bar(struct iommufd_umem *umem)
{
	return iommufd_umem_private(umem);
}

/* Under the semaphore, or when no other thread has the BAR any more */
static void bar_set_state(struct umem_bar *bar, enum umem_bar_state state)
{
	atomic_add((state == BAR_GONE) - (bar->state == BAR_GONE),
		   &bar->range.device->gone);
	/* Pairs with READ_ONCE() in bar_retry(). */
	WRITE_ONCE(bar->state, state);
}

/* Look after @delay, or earlier if that is planned; the next time later. */
static void bar_look(struct umem_bar *bar, unsigned long delay)
{
	if (delay)
		queue_delayed_work(bar_queue, &bar->work, delay);
	else
		mod_delayed_work(bar_queue, &bar->work, 0);
	bar->delay = clamp(2 * delay, BAR_MIN_DELAY, BAR_MAX_DELAY);
}

/* The process loses the BAR, or what else is in the range by now. */
static bool bar_invalidate(struct mmu_interval_notifier *notifier,
			   const struct mmu_notifier_range *range,
			   unsigned long seq)
{
	struct umem_bar *bar =
		container_of(notifier, struct umem_bar, notifier);
	bool lost;

	/* The only caller that must not wait leaves BARs out. */
	if (mmu_notifier_range_blockable(range))
		down(&bar->sem);
	else if (down_trylock(&bar->sem))
		return false;

	mmu_interval_set_seq(notifier, seq);
	/* Tracking of written pages, for the whole process: no page goes. */
	if (range->event == MMU_NOTIFY_SOFT_DIRTY)
		goto out_up;
	lost = bar->state == BAR_HERE;
	if (lost) {
		umem_places_drain(&bar->places);
		bar_set_state(bar, BAR_GONE);
	}
	if (range->event == MMU_NOTIFY_UNMAP ||
	    range->event == MMU_NOTIFY_RELEASE)
		bar_set_state(bar, BAR_DEAD);
	else if (bar->state == BAR_GONE && range->event != MMU_NOTIFY_CLEAR)
		bar_look(bar, 0);
	else if (lost)
		/* The driver does this, and has more to do first. */
		bar_look(bar, BAR_MIN_DELAY);
out_up:
	up(&bar->sem);
	return true;
}

static const struct mmu_interval_notifier_ops bar_notifier_ops = {
	.invalidate = bar_invalidate,
};

/*
 * Find the BAR. With @wait the search may wait for the process. The caller
 * holds the semaphore when this returns, and bar->phys is true for as long. A
 * search that an invalidation has met proves nothing: the entries may have gone
 * while it looked. It is repeated, but not for ever: a fault that fails may
 * cause an invalidation itself.
 * Return: 0, or an error of iommufd_bar_find(); -EAGAIN if the process may have
 * something else there, and the search must be repeated later.
 */
static int bar_find_and_lock(struct umem_bar *bar, bool wait)
{
	int rc;

	for (int tries = 0;; tries++) {
		/* Waits until no invalidation of the range runs. */
		unsigned long seq = mmu_interval_read_begin(&bar->notifier);
		phys_addr_t phys;

		rc = iommufd_bar_find(&bar->range, wait, &phys);
		down(&bar->sem);
		if (!mmu_interval_read_retry(&bar->notifier, seq)) {
			if (!rc)
				bar->phys = phys - bar->range.start;
			return rc;
		}
		if (tries == BAR_MAX_TRIES || fatal_signal_pending(current))
			return rc && rc != -EFAULT ? -EAGAIN : -EFAULT;
		up(&bar->sem);
	}
}

/* The caller is a user of the mm, which is not exiting for that reason. */
static void bar_set_here(struct umem_bar *bar)
{
	bar_set_state(bar, BAR_HERE);
	/* Pairs with the semaphore in bar_hold(). */
	if (READ_ONCE(bar->range.device->holds) && !bar->held) {
		mmget(bar->range.mm);
		bar->held = true;
	}
}

/*
 * Map the BAR again if the process has it again. What the process does with its
 * mmap lock must not delay the BARs of other ones, nor a hot reset.
 */
static void bar_bring_back(struct umem_bar *bar)
{
	int rc;

	/* The notifier tells of the exit. */
	if (!mmget_not_zero(bar->range.mm))
		return;
	rc = bar_find_and_lock(bar, false);
	if (bar->state == BAR_GONE) {
		if (!rc)
			rc = umem_places_fill(&bar->places, bar->phys);
		if (!rc)
			bar_set_here(bar);
		else if (rc == -ENXIO)
			bar_set_state(bar, BAR_DEAD);
		else
			bar_look(bar, bar->delay);
	}
	up(&bar->sem);
	/* A worker must not tear down the mm. */
	mmput_async(bar->range.mm);
}

/*
 * A fault waits with the mmap lock held while the driver resets the device. The
 * process would wait with it. So the driver is asked before.
 */
static void bar_work(struct work_struct *work)
{
	struct umem_bar *bar = container_of(work, struct umem_bar, work.work);
	struct iommufd_bar_device *device = bar->range.device;
	bool may = bar_device_look_begin(device), look;

	down(&bar->sem);
	/* In BAR_GONE the VMA is still there, and keeps the device open. */
	look = may && bar->state == BAR_GONE &&
	       iommufd_bar_is_reachable(device);
	if (!look && bar->state == BAR_GONE)
		bar_look(bar, bar->delay);
	up(&bar->sem);
	if (look)
		bar_bring_back(bar);
	if (may)
		bar_device_look_end(device);
}

/* Look for the BAR if it is out of reach. */
static void bar_retry(struct umem_bar *bar)
{
	if (READ_ONCE(bar->state) != BAR_GONE)
		return;
	down(&bar->sem);
	if (bar->state == BAR_GONE)
		bar_look(bar, 0);
	up(&bar->sem);
}

/* A BAR that is in a page table becomes a user of its mm, or is lost. */
static void bar_hold(struct umem_bar *bar)
{
	down(&bar->sem);
	if (bar->state == BAR_HERE && !bar->held) {
		bar->held = mmget_not_zero(bar->range.mm);
		if (!bar->held) {
			umem_places_drain(&bar->places);
			bar_set_state(bar, BAR_DEAD);
		}
	}
	up(&bar->sem);
}

static void bar_unhold(struct umem_bar *bar)
{
	down(&bar->sem);
	if (bar->held)
		mmput_async(bar->range.mm);
	bar->held = false;
	up(&bar->sem);
}

/* Under the lock. The number of BARs is up to user space. */
static void bar_for_each(struct iommufd_bar_device *device,
			 void (*call)(struct umem_bar *bar))
{
	struct umem_bar *bar;

	lockdep_assert_held(&device->lock);

	list_for_each_entry(bar, &device->bars, entry) {
		call(bar);
		cond_resched();
	}
}

/**
 * iommufd_bar_retry() - look for the BARs of a device that are out of reach
 * @device: device
 *
 * The worker looks for them from time to time. A module that knows that user
 * space may have got them back calls this, so that they are mapped soon.
 *
 * Context: may sleep; does not wait for the worker.
 */
void iommufd_bar_retry(struct iommufd_bar_device *device)
{
	if (!atomic_read(&device->gone))
		return;
	mutex_lock(&device->lock);
	bar_for_each(device, bar_retry);
	mutex_unlock(&device->lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_retry);

/**
 * iommufd_bar_hold() - have no process exit that has a BAR
 * @device: device
 *
 * For a driver that leaves exiting processes out when it takes BARs away. Until
 * iommufd_bar_unhold() each BAR that is in a page table belongs to a process
 * whose address space does not go. The BARs of processes that are exiting have
 * gone when this returns.
 *
 * Context: may sleep; the caller holds no lock that a caller of an MMU notifier
 * may hold.
 */
void iommufd_bar_hold(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	/* Before the walk: what finds a BAR after it holds that BAR itself. */
	WRITE_ONCE(device->holds, device->holds + 1);
	if (device->holds == 1)
		bar_for_each(device, bar_hold);
	mutex_unlock(&device->lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_hold);

/**
 * iommufd_bar_unhold() - undo one iommufd_bar_hold()
 * @device: device
 */
void iommufd_bar_unhold(struct iommufd_bar_device *device)
{
	mutex_lock(&device->lock);
	WRITE_ONCE(device->holds, device->holds - 1);
	if (!device->holds)
		bar_for_each(device, bar_unhold);
	mutex_unlock(&device->lock);
}
EXPORT_SYMBOL_GPL(iommufd_bar_unhold);

/**
 * umem_bar_init() - take a BAR as the memory of a umem
 * @umem: umem with room for struct umem_bar
 * @range: addresses at which the current process has the BAR, filled in by
 *         iommufd_bar_recognise()
 *
 * Return: 0, -ENOMEM, -EINTR.
 */
int umem_bar_init(struct iommufd_umem *umem,
		  const struct iommufd_bar_range *range)
{
	struct umem_bar *bar = to_umem_bar(umem);
	int rc;

	bar->range = *range;
	sema_init(&bar->sem, 1);
	bar->state = BAR_NEW;
	INIT_LIST_HEAD(&bar->places);
	INIT_DELAYED_WORK(&bar->work, bar_work);
	rc = mmu_interval_notifier_insert(&bar->notifier, range->mm,
					  range->start,
					  range->npages * PAGE_SIZE,
					  &bar_notifier_ops);
	if (rc)
		return rc;
	/* The payer may change. */
	mmgrab(range->mm);
	bar_device_add(range->device, &bar->entry);
	umem->flags |= UMEM_RELEASE;
	return 0;
}

/* No place is left. The process may have exited, but its mm is still there. */
static void bar_release(struct iommufd_umem *umem)
{
	struct umem_bar *bar = to_umem_bar(umem);

	WARN_ON_ONCE(!list_empty(&bar->places));
	/* All that queues the work goes before the work. */
	bar_device_remove(bar->range.device, &bar->entry);
	mmu_interval_notifier_remove(&bar->notifier);
	cancel_delayed_work_sync(&bar->work);
	bar_unhold(bar);
	bar_set_state(bar, BAR_DEAD);
	iommufd_bar_device_put(bar->range.device);
	mmdrop(bar->range.mm);
}

/*
 * Find a BAR that was never mapped before. On success the caller holds the
 * semaphore. If the BAR need not be there now, that is a success too.
 */
static int bar_find_new(struct umem_bar *bar, bool new)
{
	bool alive = mmget_not_zero(bar->range.mm);
	int rc = -ENXIO;

	if (alive)
		rc = bar_find_and_lock(bar, true);
	else
		down(&bar->sem);
	if (bar->state != BAR_NEW) {
		/* Another thread was first, or has unmapped it meanwhile. */
		rc = 0;
	} else if (!rc) {
		bar_set_here(bar);
	} else if (!alive && !new) {
		/* The notifier tells the same, but the exit may take long. */
		bar_set_state(bar, BAR_DEAD);
		rc = 0;
	} else if ((rc == -EFAULT || rc == -EAGAIN) && !new) {
		bar_set_state(bar, BAR_GONE);
		bar_look(bar, 0);
		rc = 0;
	}
	if (rc)
		up(&bar->sem);
	/* Not before the state is set: see iommufd_bar_hold(). */
	if (alive)
		mmput_async(bar->range.mm);
	return rc == -ENXIO || rc == -EAGAIN ? -EFAULT : rc;
}

/*
 * umem_ops.map. -EFAULT if nothing is known of the BAR, and the process has
 * something else there, or the BAR is out of reach and @new is set.
 */
static int bar_map(struct iommufd_umem *umem, struct iommufd_pgtable *pgt,
		   const struct pgtable_range *range, bool new)
{
	struct umem_bar *bar = to_umem_bar(umem);
	struct umem_place *place = umem_place_create(pgt, range);
	int rc;

	if (!place)
		return -ENOMEM;
	down(&bar->sem);
	if (bar->state == BAR_NEW) {
		up(&bar->sem);
		rc = bar_find_new(bar, new);
		if (rc)
			goto out_free;
	}
	rc = umem_place_add(&bar->places, place, bar->phys,
			    bar->state == BAR_HERE);
	up(&bar->sem);
	if (!rc)
		return 0;
out_free:
	kfree(place);
	return rc;
}

/* umem_ops.unmap */
static void bar_unmap(struct iommufd_umem *umem, struct iommufd_pgtable *pgt,
		      unsigned long iova)
{
	struct umem_bar *bar = to_umem_bar(umem);

	down(&bar->sem);
	umem_place_remove(&bar->places, pgt, iova, bar->state == BAR_HERE);
	up(&bar->sem);
}

/* umem_ops.phys */
static int bar_phys(struct iommufd_umem *umem, unsigned long offset,
		    phys_addr_t *phys)
{
	struct umem_bar *bar = to_umem_bar(umem);
	int rc = -EINVAL;

	down(&bar->sem);
	if (bar->state == BAR_HERE) {
		*phys = bar->phys + offset;
		rc = 0;
	}
	up(&bar->sem);
	return rc;
}

const struct umem_ops umem_bar_ops = {
	.letter = 'b',
	.pin = umem_no_pin,
	.drop = umem_no_drop,
	.unpin = umem_no_unpin,
	.get_page = umem_no_page,
	.map = bar_map,
	.unmap = bar_unmap,
	.phys = bar_phys,
	.release = bar_release,
};
