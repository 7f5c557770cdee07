/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_ACCOUNT_H
#define _IOMMUFD_ACCOUNT_H

#include <linux/compiler.h>
#include <linux/mm_types.h>
#include <linux/refcount.h>
#include <linux/sched.h>

/*
 * Where counts of 32 bits that user space drives stop: references to a
 * payer and to a memory, pins of an area. Threads that look at the same time may
 * overshoot, but there are not 2^30 of them.
 */
#define IOMMUFD_MAX_USERS (1U << 30)
extern unsigned int iommufd_max_users;

static inline bool iommufd_may_count(unsigned int users)
{
	return users < READ_ONCE(iommufd_max_users);
}

void iommufd_set_max_users(unsigned int users);

/**
 * enum iommufd_account_mode - which counter pays for pinned pages
 * @IOMMUFD_ACCOUNT_USER: user_struct.locked_vm, limited
 * @IOMMUFD_ACCOUNT_MM: mm_struct.locked_vm, limited
 * @IOMMUFD_ACCOUNT_NONE: no limit; the mapper had CAP_IPC_LOCK
 *
 * mm_struct.pinned_vm counts every pinned page in all modes.
 */
enum iommufd_account_mode {
	IOMMUFD_ACCOUNT_USER,
	IOMMUFD_ACCOUNT_MM,
	IOMMUFD_ACCOUNT_NONE,
};

/**
 * struct iommufd_payer - whose memory is pinned, and who answers for it
 * @refs: one per pinned memory, one for the file that remembers it
 * @mm: address space of the memory; its pages may be gone, the struct is not
 * @user: whose locked_vm is charged per user
 * @task: thread group leader, whose RLIMIT_MEMLOCK counts
 *
 * All but @refs are constant. One payer serves all mappings that a process
 * makes through one file, as long as @refs is below IOMMUFD_MAX_USERS.
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
