/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IOMMUFD_ACCOUNT_H
#define _IOMMUFD_ACCOUNT_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/sched.h>

struct iommufd_stats;
struct user_namespace;

/*
 * Limit of 32-bit counts that user space drives: references to a payer and to a
 * umem, pins of an area. Threads that check at the same time may overshoot, but
 * there are fewer than 2^30 threads. Users of pages may be twice as many.
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
 * @can_change: another process may become the payer: the memory is not in the
 *              address space of this one
 * @listed: in a list of iommufd_payer_list(), guarded by its caller
 * @mm: address space; counted by mmgrab(), so the process may have exited
 * @user: user to charge in IOMMUFD_ACCOUNT_USER
 * @uid: its id, which may be read without a lock
 * @task: thread group leader; its RLIMIT_MEMLOCK is the limit
 * @lock: guards @mm, @user, @uid and @task if @can_change, and is held while
 *        pages are charged and counted. Otherwise these members are constant.
 * @pinned: pages that are charged in any mode; counted if @can_change
 * @limited: those of them that count against the limit
 * @cred: credentials of the thread that made the payer; constant
 * @unlimited: @cred has CAP_IPC_LOCK; constant
 * @stats: of the context, which exists while pages are charged
 * @next: next one of the list
 *
 * All mappings that a process makes through one file of memory of one kind, its
 * own or files, share a payer, as long as @refs is below IOMMUFD_MAX_USERS.
 */
struct iommufd_payer {
	refcount_t refs;
	bool can_change;
	bool listed;
	struct mm_struct *mm;
	struct user_struct *user;
	kuid_t uid;
	struct task_struct *task;
	struct rw_semaphore lock;
	atomic_long_t pinned;
	atomic_long_t limited;
	const struct cred *cred;
	bool unlimited;
	struct iommufd_stats *stats;
	struct iommufd_payer *next;
};

struct iommufd_payer *iommufd_payer_create(struct iommufd_stats *stats,
					   bool can_change);
uid_t iommufd_payer_uid(const struct iommufd_payer *payer,
			struct user_namespace *ns);
bool iommufd_payer_is_current(const struct iommufd_payer *payer);
bool iommufd_payer_is_unlimited(const struct iommufd_payer *payer);
void iommufd_payer_put(struct iommufd_payer *payer);

int iommufd_payer_charge(struct iommufd_payer *payer,
			 enum iommufd_account_mode mode, unsigned long npages);
unsigned long iommufd_payer_room(struct iommufd_payer *payer,
				 enum iommufd_account_mode mode);
void iommufd_payer_uncharge(struct iommufd_payer *payer,
			    enum iommufd_account_mode mode,
			    unsigned long npages);

int iommufd_payer_list(struct iommufd_payer *payer,
		       struct iommufd_payer **list);
int iommufd_payers_change(struct iommufd_payer *list, const u8 *modep,
			  struct mutex *nest_lock);
void iommufd_payers_put(struct iommufd_payer *list);

#endif
