// SPDX-License-Identifier: GPL-2.0
/**
 * DOC: accesses to an IOVA space
 *
 * An access is a kernel driver that reads and writes through an IOVA space in
 * place of a device: it copies, or it pins pages and uses them itself.
 *
 * An area with pins cannot be removed. UNMAP refuses new pins of it, calls the
 * unmap callback of every access, and waits for the pins to end. The number of
 * rounds is bounded, because a driver that never unpins must not hang the
 * user's process. Before that UNMAP waits, without a limit, for pins that are
 * still being made: no driver can end those yet.
 *
 * A hold is a pin of hardware that uses the memory by its physical address. It
 * ends when user space destroys the object that has it, so UNMAP does not wait.
 */
#include <linux/bits.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/pfn.h>
#include <linux/slab.h>

#include "iova_align.h"
#include "iova_area.h"
#include "iova_pin.h"
#include "umem_rw.h"

#define REVOKE_ROUNDS 100
#define REVOKE_ROUND_JIFFIES msecs_to_jiffies(10)

/* A pin is for writing */
#define PIN_WRITE BIT(0)
/* A pin is a hold: see iova_space_hold() */
#define PIN_HOLD BIT(1)

/* The part of a range that lies in one area */
struct iova_part {
	struct iova_area *area;
	struct iommufd_umem *umem;
	unsigned long offset;
	unsigned long length;
};

/* Return: 0, -EADDRINUSE if it pins pages and an area is not page aligned. */
int iova_space_add_access(struct iova_space *space, struct iova_access *access)
{
	int rc = 0;

	mutex_lock(&space->lock);
	if (access->pins)
		rc = __iova_space_raise_alignment(space, PAGE_SIZE);
	if (!rc)
		list_add_tail(&access->entry, &space->accesses);
	mutex_unlock(&space->lock);
	return rc;
}

/* Free an access that has left the space, unless a callback still runs. */
static void access_free(struct iova_access *access)
{
	if (access->running)
		return;
	list_del(&access->entry);
	kfree(access);
}

/**
 * iova_space_remove_access() - remove an access from a space
 * @space: space
 * @access: access without pins; the space frees it
 *
 * No unmap callback starts after this returns, but some may still be running.
 * Waiting for them would be waiting for locks of the driver.
 */
void iova_space_remove_access(struct iova_space *space,
			      struct iova_access *access)
{
	mutex_lock(&space->lock);
	access->pins = false;
	access_free(access);
	space->alignment = __iova_space_calc_alignment(space);
	mutex_unlock(&space->lock);
}

/* Find what is mapped from @start on, at most up to @last. */
static int find_part(struct iova_space *space, unsigned long start,
		     unsigned long last, struct iova_part *part)
{
	struct iova_area *area = __iova_space_first(space, start, start);

	if (!area || area->state == AREA_CREATING ||
	    area->state == AREA_REMOVING)
		return -ENOENT;
	part->area = area;
	part->umem = iova_area_umem(area);
	part->offset = area->offset + (start - area->node.start);
	part->length = min(area->node.last, last) - start + 1;
	return 0;
}

/*
 * An access has the rights that the area gives a device. The memory may allow
 * more, if a COPY shares it with an area that has other rights.
 */
static int find_allowed_part(struct iova_space *space, unsigned long start,
			     unsigned long last, bool write,
			     struct iova_part *part)
{
	int rc = find_part(space, start, last, part);

	if (!rc && !(part->area->prot & (write ? IOMMU_WRITE : IOMMU_READ)))
		rc = -EPERM;
	return rc;
}

/* A pin takes whole pages; only its last page may be a part. */
static bool part_is_aligned(const struct iova_part *part, bool is_last)
{
	return !offset_in_page(part->offset) &&
	       (is_last || !offset_in_page(part->offset + part->length));
}

static unsigned long part_first_page(const struct iova_part *part)
{
	return part->offset >> PAGE_SHIFT;
}

static unsigned long part_last_page(const struct iova_part *part)
{
	return (part->offset + part->length - 1) >> PAGE_SHIFT;
}

/* Count a pin in the area, so that the area stays. */
static int hold_part(struct iova_space *space, unsigned long start,
		     unsigned long last, unsigned int flags,
		     struct iova_part *part)
{
	bool write = flags & PIN_WRITE;
	int rc;

	mutex_lock(&space->lock);
	rc = find_allowed_part(space, start, last, write, part);
	if (!rc && part->area->no_pins)
		rc = -EINVAL;
	if (!rc && !(flags & PIN_HOLD) &&
	    !part_is_aligned(part, start + part->length - 1 == last))
		rc = -EINVAL;
	if (!rc && !iommufd_may_count(part->area->nr_pins))
		rc = -EOVERFLOW;
	if (!rc) {
		part->area->nr_pins++;
		part->area->nr_pinning++;
		if (flags & PIN_HOLD)
			part->area->nr_holds++;
	}
	mutex_unlock(&space->lock);
	return rc;
}

/* Return: all up to @last is done. Otherwise *@start is where to go on. */
static bool __end_some_pinning(struct iova_space *space, unsigned long *start,
			       unsigned long last)
{
	struct iova_area *area = __iova_space_first(space, *start, last);

	for (int i = 0; area && area->node.start <= last; i++) {
		if (i == AREAS_AT_ONCE) {
			*start = area->node.start;
			return false;
		}
		area->nr_pinning--;
		area = to_iova_area(iova_node_next(&area->node));
	}
	return true;
}

/*
 * The pins that hold_part() has counted in a range of areas are complete. The
 * areas stay while others get the lock: each has a pin.
 */
static void end_pinning(struct iova_space *space, unsigned long start,
			unsigned long last)
{
	bool done;

	do {
		mutex_lock(&space->lock);
		done = __end_some_pinning(space, &start, last);
		__iova_space_wake(space);
		mutex_unlock(&space->lock);
		if (!done)
			cond_resched();
	} while (!done);
}

static void release_area(struct iova_space *space, struct iova_area *area,
			 unsigned int flags)
{
	mutex_lock(&space->lock);
	WARN_ON_ONCE(!area->nr_pins);
	if (flags & PIN_HOLD)
		area->nr_holds--;
	if (!--area->nr_pins)
		__iova_space_wake(space);
	mutex_unlock(&space->lock);
}

static int pin_part(struct iova_space *space, struct iova_part *part,
		    unsigned int flags, struct page **pages)
{
	unsigned long first = part_first_page(part);
	unsigned long last = part_last_page(part);
	int rc;

	rc = iommufd_umem_pin(part->umem, first, last);
	if (rc) {
		end_pinning(space, part->area->node.start,
			    part->area->node.start);
		release_area(space, part->area, flags);
		return rc;
	}
	if (pages)
		iommufd_umem_pages(part->umem, first, last, pages);
	return 0;
}

/* Pin from *next on. *next becomes the first IOVA that is not pinned. */
static int pin_parts(struct iova_space *space, unsigned long *next,
		     unsigned long last, unsigned int flags,
		     struct page **pages)
{
	struct iova_part part;
	int rc;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		rc = hold_part(space, *next, last, flags, &part);
		if (!rc)
			rc = pin_part(space, &part, flags, pages);
		if (rc)
			return rc;
		if (pages)
			pages += part_last_page(&part) -
				 part_first_page(&part) + 1;
		*next += part.length;
	} while (*next - 1 != last);
	return 0;
}

/* Undo pin_range() of the same range. */
static void unpin_range(struct iova_space *space, unsigned long start,
			unsigned long last, unsigned int flags)
{
	for (;;) {
		struct iova_part part;
		int rc;

		mutex_lock(&space->lock);
		rc = find_part(space, start, last, &part);
		if (!rc && !part.area->nr_pins)
			rc = -ENOENT;
		mutex_unlock(&space->lock);
		/* A bug of the driver: it has not pinned this. */
		if (WARN_ON(rc))
			return;

		iommufd_umem_unpin(part.umem, part_first_page(&part),
				   part_last_page(&part));
		release_area(space, part.area, flags);
		if (start + part.length - 1 == last)
			return;
		start += part.length;
	}
}

static int pin_range(struct iova_space *space, unsigned long start,
		     unsigned long last, unsigned int flags,
		     struct page **pages)
{
	unsigned long next = start;
	int rc;

	rc = pin_parts(space, &next, last, flags, pages);
	if (next == start)
		return rc;
	end_pinning(space, start, next - 1);
	if (rc)
		unpin_range(space, start, next - 1, flags);
	return rc;
}

/**
 * iova_space_pin() - pin the pages of a range
 * @space: space
 * @start: first IOVA
 * @last: last IOVA
 * @write: the pages will be written to
 * @pages: receives the pages
 *
 * Return: 0; -ENOENT if a part is not mapped, -EPERM if an area does not allow
 * writing or reading, -EINVAL if the range does not consist of whole pages or
 * is being unmapped, -EOVERFLOW if an area has IOMMUFD_MAX_USERS pins, or the
 * errors of iommufd_umem_pin(). Nothing is pinned on failure.
 */
int iova_space_pin(struct iova_space *space, unsigned long start,
		   unsigned long last, bool write, struct page **pages)
{
	return pin_range(space, start, last, write ? PIN_WRITE : 0, pages);
}

/* Undo iova_space_pin() of the same range. */
void iova_space_unpin(struct iova_space *space, unsigned long start,
		      unsigned long last)
{
	unpin_range(space, start, last, 0);
}

/* Where is the memory of a range that is held? -EFAULT if not in one piece. */
static int find_phys(struct iova_space *space, unsigned long start,
		     unsigned long last, phys_addr_t *phys)
{
	unsigned long next = start;

	for (;;) {
		struct iova_part part;
		phys_addr_t here;
		unsigned long pfn;
		int rc;

		mutex_lock(&space->lock);
		rc = find_part(space, next, last, &part);
		mutex_unlock(&space->lock);
		if (WARN_ON_ONCE(rc))
			return rc;
		if (!iommufd_umem_is_contiguous(part.umem,
						part_first_page(&part),
						part_last_page(&part), &pfn))
			return -EFAULT;
		here = PFN_PHYS(pfn) + offset_in_page(part.offset);
		if (next == start)
			*phys = here;
		else if (here != *phys + (next - start))
			return -EFAULT;
		if (next + part.length - 1 == last)
			return 0;
		next += part.length;
	}
}

/**
 * iova_space_hold() - pin a range for hardware that reads it without an IOMMU
 * @space: space
 * @start: first IOVA
 * @last: last IOVA
 * @phys: set to the physical address of the first byte
 *
 * UNMAP of the areas fails until iova_space_unhold().
 *
 * Return: as iova_space_pin(), but the range need not consist of whole pages;
 * -EFAULT if it is not contiguous in physical memory. Nothing is held on
 * failure.
 */
int iova_space_hold(struct iova_space *space, unsigned long start,
		    unsigned long last, phys_addr_t *phys)
{
	int rc;

	rc = pin_range(space, start, last, PIN_HOLD, NULL);
	if (rc)
		return rc;
	rc = find_phys(space, start, last, phys);
	if (rc)
		iova_space_unhold(space, start, last);
	return rc;
}

/* Undo iova_space_hold() of the same range. */
void iova_space_unhold(struct iova_space *space, unsigned long start,
		       unsigned long last)
{
	unpin_range(space, start, last, PIN_HOLD);
}

/**
 * iova_space_rw() - copy between a kernel buffer and the memory of a range
 * @space: space
 * @start: first IOVA
 * @last: last IOVA
 * @write: copy from @data to the memory
 * @data: kernel buffer
 *
 * Return: 0; -ENOENT if a part is not mapped, -EPERM if an area does not allow
 * writing or reading, or the errors of gup. A part may have been copied on
 * failure.
 */
int iova_space_rw(struct iova_space *space, unsigned long start,
		  unsigned long last, bool write, void *data)
{
	for (;;) {
		struct iova_part part;
		int rc;

		mutex_lock(&space->lock);
		rc = find_allowed_part(space, start, last, write, &part);
		if (!rc && !iommufd_umem_get(part.umem))
			rc = -EOVERFLOW;
		mutex_unlock(&space->lock);
		if (rc)
			return rc;

		rc = iommufd_umem_rw(part.umem, part.offset, part.length, write,
				     data);
		iova_umem_put(part.umem);
		if (rc)
			return rc;
		if (start + part.length - 1 == last)
			return 0;
		start += part.length;
		data += part.length;
	}
}

/* Call one access without the lock. Return: the next one of the list. */
static struct iova_access *access_call_unmap(struct iova_space *space,
					     struct iova_access *access,
					     unsigned long start,
					     unsigned long length)
{
	const struct iova_access_ops *ops = access->ops;
	struct iova_access *next;
	void *owner = access->owner;

	access->running++;
	ops->get(owner);
	mutex_unlock(&space->lock);
	ops->unmap(owner, start, length);
	mutex_lock(&space->lock);
	next = list_next_entry(access, entry);
	access->running--;
	if (!access->pins)
		access_free(access);
	ops->put(owner);
	return next;
}

static void accesses_call_unmap(struct iova_space *space, unsigned long start,
				unsigned long length)
{
	struct iova_access *access;

	mutex_lock(&space->lock);
	access = list_first_entry(&space->accesses, struct iova_access, entry);
	while (!list_entry_is_head(access, &space->accesses, entry)) {
		if (access->pins && READ_ONCE(access->active))
			access =
				access_call_unmap(space, access, start, length);
		else
			access = list_next_entry(access, entry);
	}
	mutex_unlock(&space->lock);
}

/* The area that is being revoked, or NULL if it was removed */
static struct iova_area *revoked_area(struct iova_space *space,
				      const struct iova_revoke *revoke)
{
	struct iova_area *area;

	area = __iova_space_first(space, revoke->start, revoke->start);
	return area && area->no_pins ? area : NULL;
}

/* Making a pin may take as long as user memory takes, so there is no limit. */
static int wait_for_pinning(struct iova_space *space,
			    const struct iova_revoke *revoke)
{
	struct iova_area *area;
	int rc = 0;

	mutex_lock(&space->lock);
	while (!rc && (area = revoked_area(space, revoke)) && area->nr_pinning)
		rc = __iova_space_wait(space, TASK_KILLABLE,
				       MAX_SCHEDULE_TIMEOUT);
	mutex_unlock(&space->lock);
	return rc;
}

/*
 * Ask all accesses to unpin an area whose @no_pins is set.
 * Return: 0 if the caller must look at the area again, -EDEADLOCK after too
 * many rounds, -EINTR.
 */
int iova_space_revoke(struct iova_space *space, struct iova_revoke *revoke)
{
	struct iova_area *area;
	unsigned long end;
	long left;
	int rc;

	if (revoke->rounds++ == REVOKE_ROUNDS)
		return -EDEADLOCK;
	rc = wait_for_pinning(space, revoke);
	if (rc)
		return rc;
	accesses_call_unmap(space, revoke->start,
			    revoke->last - revoke->start + 1);

	/* The wakeup may be for another area. */
	end = jiffies + REVOKE_ROUND_JIFFIES;
	mutex_lock(&space->lock);
	while (!rc && (area = revoked_area(space, revoke)) && area->nr_pins) {
		left = end - jiffies;
		if (left <= 0)
			break;
		rc = __iova_space_wait(space, TASK_KILLABLE, left);
	}
	mutex_unlock(&space->lock);
	return rc;
}

/* Allow new pins again: the area will not be removed. */
void __iova_space_unrevoke(struct iova_space *space,
			   const struct iova_revoke *revoke)
{
	struct iova_area *area = revoked_area(space, revoke);

	if (area)
		area->no_pins = false;
}

void iova_space_unrevoke(struct iova_space *space,
			 const struct iova_revoke *revoke)
{
	mutex_lock(&space->lock);
	__iova_space_unrevoke(space, revoke);
	mutex_unlock(&space->lock);
}
