/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_ACCOUNT_H
#define _IOMMUFD_ACCOUNT_H

#include <linux/compiler.h>
#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <linux/sched.h>

/*
 * Limit of 32-bit counts that user space drives: references to a payer and to a
 * umem, pins of an area. Threads that check at the same time may overshoot, but
 * there are fewer than 2^30 threads.
 */
#define IOMMUFD_MAX_USERS (1U << 30)
extern unsigned int iommufd_max_users;

static inline bool iommufd_may_count(unsigned int users)
{
	return users < READ_ONCE(iommufd_max_users);
}

void iommufd_set_max_users(unsigned int users);

/**
 * enum iommufd_account_mode - counter to charge for pinned pages
 * @IOMMUFD_ACCOUNT_USER: user_struct.locked_vm, limited by RLIMIT_MEMLOCK
 * @IOMMUFD_ACCOUNT_MM: mm_struct.locked_vm, limited by RLIMIT_MEMLOCK
 * @IOMMUFD_ACCOUNT_NONE: none, because the mapper had CAP_IPC_LOCK
 *
 * mm_struct.pinned_vm counts pinned pages in all modes.
 */
enum iommufd_account_mode {
	IOMMUFD_ACCOUNT_USER,
	IOMMUFD_ACCOUNT_MM,
	IOMMUFD_ACCOUNT_NONE,
};

/**
 * struct iommufd_payer - process that pinned memory belongs to and is charged
 * @refs: one per umem, and one for the file that caches the payer
 * @mm: address space; counted by mmgrab(), so the process may have exited
 * @user: user to charge in IOMMUFD_ACCOUNT_USER
 * @task: thread group leader; its RLIMIT_MEMLOCK is the limit
 *
 * All members but @refs are constant. All mappings that a process makes through
 * one file share a payer, as long as @refs is below IOMMUFD_MAX_USERS.
 */
struct iommufd_payer {
	refcount_t refs;
	struct mm_struct *mm;
	struct user_struct *user;
	struct task_struct *task;
};

struct iommufd_payer *iommufd_payer_create(void);
bool iommufd_payer_is_current(const struct iommufd_payer *payer);
void iommufd_payer_put(struct iommufd_payer *payer);

int iommufd_payer_charge(struct iommufd_payer *payer,
			 enum iommufd_account_mode mode, unsigned long npages);
unsigned long iommufd_payer_room(const struct iommufd_payer *payer,
				 enum iommufd_account_mode mode);
void iommufd_payer_uncharge(struct iommufd_payer *payer,
			    enum iommufd_account_mode mode,
			    unsigned long npages);

#endif
