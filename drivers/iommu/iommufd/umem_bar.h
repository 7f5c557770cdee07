/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_UMEM_BAR_H
#define _IOMMUFD_UMEM_BAR_H

#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/semaphore.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "bar.h"

struct iommufd_umem;
struct umem_ops;

/**
 * enum umem_bar_state - what is known of a BAR
 * @BAR_NEW: nothing; no page table has had it yet
 * @BAR_HERE: the process has it, and all page tables have it
 * @BAR_GONE: it is out of reach, and no page table has it; a worker looks for it
 * @BAR_DEAD: the process has unmapped it, or is exiting: no page table has it or
 *            will get it
 */
enum umem_bar_state {
	BAR_NEW,
	BAR_HERE,
	BAR_GONE,
	BAR_DEAD,
};

/**
 * struct umem_bar - what the kind of BARs keeps for a umem
 * @range: addresses at which the process has the BAR
 * @notifier: sees the process lose the BAR
 * @sem: guards the members below, and all IO pages of the BAR
 * @state: enum umem_bar_state
 * @phys: bus address less the user address, if the state is BAR_HERE; may wrap
 * @places: struct umem_place: where the BAR is to be mapped
 * @entry: in the list of all BARs of the device, under its lock
 * @work: looks for the BAR in BAR_GONE
 * @delay: jiffies until @work looks again
 * @held: the BAR is a user of @range.mm, see iommufd_bar_hold()
 *
 * @range is constant. The BAR has a reference to the struct of @range.mm, and one
 * to @range.device.
 */
struct umem_bar {
	struct iommufd_bar_range range;
	struct mmu_interval_notifier notifier;
	struct semaphore sem;
	u8 state;
	phys_addr_t phys;
	struct list_head places;
	struct list_head entry;
	struct delayed_work work;
	unsigned long delay;
	bool held;
};

/* BARs: umem_ops of memory that a process has mmapped */
extern const struct umem_ops umem_bar_ops;

int umem_bars_init(void);
void umem_bars_exit(void);
int umem_bar_init(struct iommufd_umem *umem,
		  const struct iommufd_bar_range *range);

#endif
