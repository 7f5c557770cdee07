// SPDX-License-Identifier: GPL-2.0
/*
 * RLIMIT_MEMLOCK accounting of pinned pages
 *
 * The process that maps memory pays for it, even if another process attaches
 * the device and even after the mapper has exited. The payer keeps the structs
 * of its mm, user and task until all pages are uncharged. Who pays for files
 * can change: the charges then move to the new process.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <linux/slab.h>

#include "account.h"
#include "stats.h"
#include "trace.h"

static_assert(IOMMUFD_ACCOUNT_NONE + 1 == IOMMUFD_ACCOUNT_MODES);

unsigned int iommufd_max_users = IOMMUFD_MAX_USERS;

/**
 * iommufd_set_max_users() - lower the limit for a test
 * @users: limit; 0 restores IOMMUFD_MAX_USERS
 */
void iommufd_set_max_users(unsigned int users)
{
	WRITE_ONCE(iommufd_max_users, users ? users : IOMMUFD_MAX_USERS);
}

/* Make the current process the payer. */
static void payer_set_current(struct iommufd_payer *payer)
{
	mmgrab(current->mm);
	WRITE_ONCE(payer->mm, current->mm);
	WRITE_ONCE(payer->user, get_uid(current_user()));
	WRITE_ONCE(payer->uid, current_user()->uid);
	WRITE_ONCE(payer->task, get_task_struct(current->group_leader));
}

/**
 * iommufd_payer_create() - make a payer for the current process
 * @stats: of the context
 * @can_change: another process may take its charges over
 *
 * Return: the payer with one reference, or ERR_PTR(-ENOMEM).
 */
struct iommufd_payer *iommufd_payer_create(struct iommufd_stats *stats,
					   bool can_change)
{
	struct iommufd_payer *payer;

	payer = kzalloc(sizeof(*payer), GFP_KERNEL_ACCOUNT);
	if (!payer)
		return ERR_PTR(-ENOMEM);

	refcount_set(&payer->refs, 1);
	payer->can_change = can_change;
	payer->stats = stats;
	payer->cred = get_current_cred();
	payer->unlimited = capable(CAP_IPC_LOCK);
	init_rwsem(&payer->lock);
	payer_set_current(payer);
	return payer;
}

/*
 * Would iommufd_payer_create() return an equal payer now? The answer may be old
 * if the payer can change.
 */
bool iommufd_payer_is_current(const struct iommufd_payer *payer)
{
	return READ_ONCE(payer->mm) == current->mm &&
	       READ_ONCE(payer->task) == current->group_leader &&
	       READ_ONCE(payer->user) == current_user();
}

/*
 * May the current thread, whose payer this is, pin without a limit? Credentials
 * do not change, a thread gets other ones. To ask anew for each small mapping
 * would cost much. So a new policy of a security module is seen by those that
 * get new credentials or open the file anew.
 */
bool iommufd_payer_is_unlimited(const struct iommufd_payer *payer)
{
	if (likely(payer->cred == current_cred()))
		return payer->unlimited;
	return capable(CAP_IPC_LOCK);
}

void iommufd_payer_put(struct iommufd_payer *payer)
{
	if (!refcount_dec_and_test(&payer->refs))
		return;
	put_task_struct(payer->task);
	free_uid(payer->user);
	mmdrop(payer->mm);
	put_cred(payer->cred);
	kfree(payer);
}

/*
 * The user who pays, as a user namespace has it. A change of the payer may hold
 * the lock for long, so this takes none.
 */
uid_t iommufd_payer_uid(const struct iommufd_payer *payer,
			struct user_namespace *ns)
{
	return from_kuid_munged(ns, READ_ONCE(payer->uid));
}

static noinline void payer_trace_failure(const struct iommufd_payer *payer,
					 unsigned long npages, int rc)
{
	trace_charge_fail(payer->stats->serial,
			  from_kuid(&init_user_ns, payer->user->uid),
			  (u64)npages << PAGE_SHIFT,
			  task_rlimit(payer->task, RLIMIT_MEMLOCK), rc);
}

static int payer_charge_user(struct iommufd_payer *payer, unsigned long npages)
{
	unsigned long limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >>
			      PAGE_SHIFT;
	long locked = atomic_long_read(&payer->user->locked_vm);

	do {
		if (npages > limit || locked > (long)(limit - npages))
			return -ENOMEM;
	} while (!atomic_long_try_cmpxchg(&payer->user->locked_vm, &locked,
					  locked + npages));
	return 0;
}

static int payer_charge_mm(struct iommufd_payer *payer, unsigned long npages)
{
	int rc;

	if (mmap_write_lock_killable(payer->mm))
		return -EINTR;
	rc = __account_locked_vm(payer->mm, npages, true, payer->task, false);
	mmap_write_unlock(payer->mm);
	return rc;
}

static void payer_uncharge_mm(struct iommufd_payer *payer, unsigned long npages)
{
	mmap_write_lock(payer->mm);
	__account_locked_vm(payer->mm, npages, false, payer->task, false);
	mmap_write_unlock(payer->mm);
}

static unsigned long payer_room(const struct iommufd_payer *payer,
				enum iommufd_account_mode mode)
{
	unsigned long limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >>
			      PAGE_SHIFT;
	unsigned long locked = mode == IOMMUFD_ACCOUNT_USER ?
			       atomic_long_read(&payer->user->locked_vm) :
			       READ_ONCE(payer->mm->locked_vm);

	return limit > locked ? limit - locked : 0;
}

/**
 * iommufd_payer_room() - number of pages that could be charged
 * @payer: payer
 * @mode: counter, not IOMMUFD_ACCOUNT_NONE
 *
 * Return: number of pages at this moment; a charge may find less or more room.
 */
unsigned long iommufd_payer_room(struct iommufd_payer *payer,
				 enum iommufd_account_mode mode)
{
	unsigned long room;

	if (!payer->can_change)
		return payer_room(payer, mode);
	down_read(&payer->lock);
	room = payer_room(payer, mode);
	up_read(&payer->lock);
	return room;
}

static __always_inline int payer_charge(struct iommufd_payer *payer,
					enum iommufd_account_mode mode,
					unsigned long npages)
{
	int rc = 0;

	if (mode == IOMMUFD_ACCOUNT_USER)
		rc = payer_charge_user(payer, npages);
	else if (mode == IOMMUFD_ACCOUNT_MM)
		rc = payer_charge_mm(payer, npages);
	if (!rc)
		atomic64_add(npages, &payer->mm->pinned_vm);
	else if (trace_charge_fail_enabled())
		payer_trace_failure(payer, npages, rc);
	return rc;
}

/* Count what was charged, or with a negative number uncharged. */
static __always_inline void payer_count(struct iommufd_payer *payer,
					enum iommufd_account_mode mode,
					long npages)
{
	atomic_long_add(npages, &payer->stats->pages[mode]);
	iommufd_count(pinned, npages);
}

/* Charge a payer that can change, and count what it has to take along. */
static noinline int payer_charge_counted(struct iommufd_payer *payer,
					 enum iommufd_account_mode mode,
					 unsigned long npages)
{
	int rc;

	if (down_read_killable(&payer->lock))
		return -EINTR;
	rc = payer_charge(payer, mode, npages);
	if (!rc) {
		atomic_long_add(npages, &payer->pinned);
		if (mode != IOMMUFD_ACCOUNT_NONE)
			atomic_long_add(npages, &payer->limited);
	}
	up_read(&payer->lock);
	return rc;
}

/**
 * iommufd_payer_charge() - charge pages that have just been pinned
 * @payer: payer
 * @mode: counter to charge
 * @npages: number of pages
 *
 * Context: may sleep; takes the payer's mmap_lock in IOMMUFD_ACCOUNT_MM.
 * Return: 0, -ENOMEM over the limit, -EINTR when killed. Nothing is charged on
 * failure.
 */
int iommufd_payer_charge(struct iommufd_payer *payer,
			 enum iommufd_account_mode mode, unsigned long npages)
{
	int rc;

	/*
	 * Charging 0 pages must not fail, even over a limit that was lowered.
	 */
	if (!npages)
		return 0;
	/* Counted first: that keeps the common path free of saved registers. */
	payer_count(payer, mode, npages);
	if (unlikely(payer->can_change))
		rc = payer_charge_counted(payer, mode, npages);
	else
		rc = payer_charge(payer, mode, npages);
	if (unlikely(rc))
		payer_count(payer, mode, -npages);
	return rc;
}

static __always_inline void payer_uncharge(struct iommufd_payer *payer,
					   enum iommufd_account_mode mode,
					   unsigned long npages)
{
	atomic64_sub(npages, &payer->mm->pinned_vm);
	if (mode == IOMMUFD_ACCOUNT_USER)
		WARN_ON_ONCE(atomic_long_sub_return(npages,
					&payer->user->locked_vm) < 0);
	else if (mode == IOMMUFD_ACCOUNT_MM)
		payer_uncharge_mm(payer, npages);
}

static noinline void payer_uncharge_counted(struct iommufd_payer *payer,
					    enum iommufd_account_mode mode,
					    unsigned long npages)
{
	down_read(&payer->lock);
	payer_uncharge(payer, mode, npages);
	atomic_long_sub(npages, &payer->pinned);
	if (mode != IOMMUFD_ACCOUNT_NONE)
		atomic_long_sub(npages, &payer->limited);
	up_read(&payer->lock);
}

/**
 * iommufd_payer_uncharge() - undo iommufd_payer_charge(), all of it or a part
 * @payer: payer
 * @mode: counter that was charged
 * @npages: number of pages
 *
 * Context: may sleep; takes the payer's mmap_lock in IOMMUFD_ACCOUNT_MM.
 */
void iommufd_payer_uncharge(struct iommufd_payer *payer,
			    enum iommufd_account_mode mode,
			    unsigned long npages)
{
	if (!npages)
		return;
	payer_count(payer, mode, -npages);
	if (unlikely(payer->can_change))
		payer_uncharge_counted(payer, mode, npages);
	else
		payer_uncharge(payer, mode, npages);
}

/**
 * iommufd_payer_list() - add a payer to a list, once
 * @payer: payer; the list gets a reference
 * @list: list for iommufd_payers_change() and iommufd_payers_put()
 *
 * The caller must hold a lock that keeps others from listing payers of the same
 * context, until iommufd_payers_put().
 *
 * Return: 0, -EINVAL if the payer cannot change.
 */
int iommufd_payer_list(struct iommufd_payer *payer, struct iommufd_payer **list)
{
	if (!payer->can_change)
		return -EINVAL;
	if (payer->listed)
		return 0;
	payer->listed = true;
	refcount_inc(&payer->refs);
	payer->next = *list;
	*list = payer;
	return 0;
}

void iommufd_payers_put(struct iommufd_payer *list)
{
	struct iommufd_payer *next;

	for (; list; list = next) {
		next = list->next;
		list->listed = false;
		iommufd_payer_put(list);
	}
}

/* Does the current process have another counter than the payer? */
static bool payer_has_other_counter(const struct iommufd_payer *payer,
				    enum iommufd_account_mode mode)
{
	return mode == IOMMUFD_ACCOUNT_USER ? payer->user != current_user() :
					      payer->mm != current->mm;
}

/* Is the limit lower than what is charged already? */
static bool payer_is_over_limit(const struct iommufd_payer *payer,
				enum iommufd_account_mode mode)
{
	unsigned long limit = task_rlimit(payer->task, RLIMIT_MEMLOCK) >>
			      PAGE_SHIFT;

	return mode == IOMMUFD_ACCOUNT_USER &&
	       atomic_long_read(&payer->user->locked_vm) > limit;
}

/* Move the charges of a payer, which the current process has been charged. */
static void payer_change(struct iommufd_payer *payer,
			 enum iommufd_account_mode mode)
{
	struct iommufd_payer old = {
		.mm = payer->mm,
		.user = payer->user,
		.task = payer->task,
	};
	unsigned long pinned = atomic_long_read(&payer->pinned);
	unsigned long limited = atomic_long_read(&payer->limited);

	if (iommufd_payer_is_current(payer))
		return;
	payer_set_current(payer);
	atomic64_add(pinned, &payer->mm->pinned_vm);
	if (payer_has_other_counter(&old, mode)) {
		payer_uncharge(&old, mode, limited);
		pinned -= limited;
	}
	atomic64_sub(pinned, &old.mm->pinned_vm);
	put_task_struct(old.task);
	free_uid(old.user);
	mmdrop(old.mm);
}

/**
 * iommufd_payers_change() - make the current process pay
 * @list: payers
 * @modep: counter of what counts against the limit; does not change while there
 *         are charges, so it is read when no payer can be charged
 * @nest_lock: lock that the caller holds around iommufd_payer_list() and this
 *
 * Context: may sleep; takes the locks of all payers, and mmap locks.
 * Return: 0; -ENOMEM if it is more than the limit of the current process, also
 * if the same user pays already; -EINTR. Nothing has changed on failure.
 */
int iommufd_payers_change(struct iommufd_payer *list, const u8 *modep,
			  struct mutex *nest_lock)
{
	struct iommufd_payer self = {
		.mm = current->mm,
		.user = current_user(),
		.task = current->group_leader,
		.stats = list ? list->stats : NULL,
	}, *payer;
	unsigned long charge = 0, all = 0;
	enum iommufd_account_mode mode;
	int rc = 0;

	for (payer = list; payer; payer = payer->next)
		down_write_nest_lock(&payer->lock, nest_lock);
	mode = READ_ONCE(*modep);
	for (payer = list; payer; payer = payer->next) {
		all += atomic_long_read(&payer->limited);
		if (payer_has_other_counter(payer, mode))
			charge += atomic_long_read(&payer->limited);
	}
	if (charge)
		rc = payer_charge(&self, mode, charge);
	else if (all && payer_is_over_limit(&self, mode))
		rc = -ENOMEM;
	/* payer_change() counts them there. */
	if (charge && !rc)
		atomic64_sub(charge, &self.mm->pinned_vm);
	for (payer = list; payer; payer = payer->next) {
		if (!rc)
			payer_change(payer, mode);
		up_write(&payer->lock);
	}
	return rc;
}
